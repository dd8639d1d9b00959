"""The workflow in deploy/ that publishes a static site: its files fit, and its commands work."""

import shlex
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from aggregator.config.options import DATA_VARIABLE
from tests.feedserver import FeedServer
from tests.running import command, rss, write_config

ROOT = Path(__file__).parents[1]
# YAML 1.1 reads the key `on` as true.
WORKFLOW = yaml.safe_load((ROOT / "deploy" / "pages.yml").read_text("utf-8"))
JOB = WORKFLOW["jobs"]["pages"]
STEPS = JOB["steps"]


def used(action: str) -> dict[str, str]:
    """Return the settings of the step with an action."""
    (step,) = [step for step in STEPS if step.get("uses", "").partition("@")[0] == action]
    return step["with"]


def test_the_database_is_kept_from_run_to_run():
    restored, saved = used("actions/cache/restore"), used("actions/cache/save")

    assert restored["path"] == saved["path"] == JOB["env"][DATA_VARIABLE]
    assert restored["key"] == saved["key"]  # another one in each run, as a cache never changes
    assert saved["key"].startswith(restored["restore-keys"])
    assert "${{ github.run_id }}" in saved["key"]
    names = [step.get("uses", step.get("run", "")) for step in STEPS]
    assert names.index("aggregator poll") < names.index("actions/cache/save@v4")


def test_the_workflow_has_the_python_and_the_rights_that_it_needs():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    version = used("actions/setup-python")["python-version"]
    assert SpecifierSet(project["requires-python"]).contains(version)
    assert WORKFLOW["permissions"] == {"contents": "read", "pages": "write", "id-token": "write"}
    assert all("@v" in step["uses"] for step in STEPS if "uses" in step)


@pytest.mark.slow
def test_the_commands_of_the_workflow_publish_what_was_polled_and_poll_nothing_twice(
    tmp_path, monkeypatch
):
    lines = [shlex.split(step["run"]) for step in STEPS if "run" in step]
    commands = [words[1:] for words in lines if words[0] == "aggregator"]
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / JOB["env"][DATA_VARIABLE]))
    assert ["mkdir", "-p", JOB["env"][DATA_VARIABLE]] in lines
    (tmp_path / "data").mkdir()
    with FeedServer() as server:
        server.put("/a", rss([("1", "Tide", None)]))
        write_config(tmp_path, [server.url("/a")])

        for _ in range(2):
            for arguments in commands:
                assert command(tmp_path, *arguments).returncode == 0

        assert len(server.requests) == 1
    site = tmp_path / used("actions/upload-pages-artifact")["path"]
    assert "Tide" in (site / "index.html").read_text("utf-8")
    assert "Tide" in (site / "feed.atom").read_text("utf-8")
