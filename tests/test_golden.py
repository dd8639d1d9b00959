"""Outputs are what they were, byte for byte; `python -m tests.golden` writes their files anew."""

import pytest

from tests import golden
from tests.worlds import only_sqlite

pytestmark = [only_sqlite, pytest.mark.every_case]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    return golden.outputs(tmp_path_factory.mktemp("golden"))


@pytest.mark.parametrize("name", golden.NAMES)
def test_an_output_has_not_changed(outputs, name):
    assert outputs[name].decode().splitlines() == golden.stored(name).decode().splitlines()
    assert outputs[name] == golden.stored(name)


def test_every_file_is_of_an_output(outputs):
    assert {path.name for path in golden.FOLDER.iterdir()} == set(golden.NAMES) == outputs.keys()
