"""Where PostgreSQL is missing its tests are skipped, with one reason; on CI they fail."""

from pathlib import Path

import pytest

from tests import postgresql, postgresql_server
from tests.postgresql_server import postgres_server, skip_without_packages


def missing_server(monkeypatch):
    monkeypatch.setattr(postgresql_server, "_commands_found", list)
    return postgresql.server, postgres_server


def missing_package(monkeypatch):
    monkeypatch.setattr(postgresql_server, "find_spec", lambda name: None)
    return postgresql.server, postgres_server, lambda: skip_without_packages("psycopg")


@pytest.mark.parametrize("missing", [missing_server, missing_package])
@pytest.mark.parametrize("on_ci", ["", "true"])
def test_without_postgresql_tests_are_skipped_and_fail_on_ci(monkeypatch, missing, on_ci):
    monkeypatch.setenv("CI", on_ci)
    outcome = pytest.fail.Exception if on_ci else pytest.skip.Exception

    for start in missing(monkeypatch):
        with pytest.raises(outcome, match=r"^NO [A-Z]+ .*NOT TESTED$"):
            start().__enter__()


def test_no_test_decides_by_itself_what_to_do_without_postgresql():
    texts = {path: path.read_text("utf-8") for path in Path(__file__).parent.glob("*.py")}
    own_ways = ('importorskip("psycopg', 'importorskip("procrastinate', "\nimport psycopg")
    deciding = {path.name for path, text in texts.items() for way in own_ways if way in text}

    assert deciding <= {Path(__file__).name}
