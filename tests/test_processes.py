"""Tests that run in several processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
OUTCOMES = ("ERROR test_", "FAILED test_", "PASSED test_", "SKIPPED [")
FAULTY = """
import os
import warnings

import pytest

@pytest.fixture
def broken():
    yield
    raise ValueError("a fixture's end")

@pytest.mark.parametrize("number", range(4))
def test_numbers(number):
    if number == 1:
        os.kill(os.getpid(), 9)
    assert number != 2

def test_fixture(broken):
    pass

def test_warned():
    warnings.warn("beware")

def test_skipped():
    pytest.skip("not here")
"""
LASTING = """
import os
from pathlib import Path

import pytest
from tests.conftest import *

@pytest.fixture(scope="session")
def lasting():
    yield
    Path(f"{os.getpid()}.end").touch()
"""
USES = """
import os
from pathlib import Path

def test_while_it_lasts(lasting):
    assert not Path(f"{os.getpid()}.end").exists()

def test_left_out():
    pass
"""


def run(
    folder: Path, *arguments: str, common: str = "from tests.conftest import *\n", **modules: str
) -> subprocess.CompletedProcess[str]:
    """Run modules of tests in two processes."""
    (folder / "pytest.ini").touch()
    (folder / "conftest.py").write_text(common)
    for name, text in modules.items():
        (folder / f"test_{name}.py").write_text(text)
    options = ["--processes", "2", "-q", "-rA", "-p", "no:cacheprovider"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_each_test_is_told_of_once_also_after_one_that_ends_its_process(tmp_path):
    done = run(tmp_path, faulty=FAULTY, unreadable="import nothing_such")

    # Where the variable CI is set, pytest prints whole messages, whose lines are left out here.
    summary = done.stdout.partition("short test summary")[2].splitlines()
    told = [line.partition(" - ")[0] for line in summary if line.startswith(OUTCOMES)]
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert sorted(told) == [
        "ERROR test_faulty.py::test_fixture",
        "ERROR test_unreadable.py",
        "FAILED test_faulty.py::test_numbers[1]",
        "FAILED test_faulty.py::test_numbers[2]",
        "PASSED test_faulty.py::test_fixture",
        "PASSED test_faulty.py::test_numbers[0]",
        "PASSED test_faulty.py::test_numbers[3]",
        "PASSED test_faulty.py::test_warned",
        "SKIPPED [1] test_faulty.py:25: not here",
    ]
    assert "ended with -9" in done.stdout
    assert "beware" in done.stdout
    assert "a fixture's end" in done.stdout


def test_a_test_that_ends_its_process_without_an_error_fails_and_those_behind_it_run(tmp_path):
    ending = "import os\ndef test_end():\n    os._exit(0)\ndef test_behind():\n    pass\n"

    done = run(tmp_path, ending=ending)

    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "FAILED test_ending.py::test_end" in done.stdout
    assert "PASSED test_ending.py::test_behind" in done.stdout


def test_what_a_session_has_lasts_until_the_last_module(tmp_path):
    modules = {f"m{number}": USES for number in range(6)}

    done = run(tmp_path, "--deselect", "test_m1.py::test_left_out", common=LASTING, **modules)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "11 passed, 1 deselected" in done.stdout
    assert 1 <= len([*tmp_path.glob("*.end")]) <= 2


def test_with_x_nothing_begins_after_the_first_failure(tmp_path):
    slow = "import time\n" + "".join(
        f"def test_{number}():\n    time.sleep(0.2)\n" for number in range(100)
    )

    done = run(tmp_path, "-x", fails="def test_it():\n    assert False\n", slow=slow)

    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "test_99" not in done.stdout
    assert "FAILED test_fails.py::test_it" in done.stdout
