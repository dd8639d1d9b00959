"""Which config.yaml `make run` uses."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def run_line(folder: Path, *arguments: str, **variables: str) -> str:
    """Return what `make run` would do in a folder after the installation."""
    of_other_runs = {"AGGREGATOR_CONFIG", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    environment = {key: value for key, value in os.environ.items() if key not in of_other_runs}
    done = subprocess.run(
        ["make", "-n", "-f", str(ROOT / "Makefile"), "-o", ".venv/run.stamp", "run", *arguments],
        cwd=folder,
        env=environment | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_make_run_prefers_the_file_that_git_ignores(tmp_path):
    assert run_line(tmp_path) == ".venv/bin/aggregator --config config.yaml run"

    (tmp_path / "config.local.yaml").touch()

    assert run_line(tmp_path) == ".venv/bin/aggregator --config config.local.yaml run"
    assert "/config.local.yaml" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


def test_make_run_takes_the_file_that_a_person_names(tmp_path):
    (tmp_path / "config.local.yaml").touch()

    by_argument = run_line(tmp_path, "CONFIG=team/config.yaml")
    by_variable = run_line(tmp_path, AGGREGATOR_CONFIG="team/config.yaml")

    assert by_argument == by_variable == ".venv/bin/aggregator --config team/config.yaml run"
