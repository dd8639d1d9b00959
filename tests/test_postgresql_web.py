"""The web on PostgreSQL: several processes on one database, and one that reads from a replica."""

import os
import subprocess
import sys

import pytest

from tests import postgresql
from tests.selection import OTHER_DATABASE

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server():
    with postgresql.server() as url:
        yield url


def test_on_postgresql_our_own_hub_does_the_same(server):
    names = "failed_delivery or unsubscribes or survives or of_two_processes or pile_up or lease"
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests/test_websub_hub.py", "-k", names],
        env={**os.environ, OTHER_DATABASE: server},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout[-4000:] + run.stderr
    assert " passed" in run.stdout
