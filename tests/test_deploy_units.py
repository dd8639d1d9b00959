"""The units of systemd in deploy/: what would break them, and the backup that they make."""

import re
import shlex
import shutil
import sqlite3
import subprocess
import tomllib
from pathlib import Path

import pytest

from aggregator.cli import main
from aggregator.config.options import DATA_VARIABLE
from tests.running import command, write_config
from web.server import CONFIG_VARIABLE

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
PROGRAM = "/opt/aggregator/bin/aggregator"
UNITS = sorted([*DEPLOY.glob("*.service"), *DEPLOY.glob("*.timer")])
SERVICES = ("aggregator.service", "aggregator-backup.service")
EXPOSURE = 20  # tenths; systemd calls 10 to 20 "OK", and an unprotected service 96 "UNSAFE"

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)
needs_sqlite = pytest.mark.skipif(
    shutil.which("sqlite3") is None, reason="the command sqlite3 is not installed"
)


def settings(unit: str) -> dict[str, list[str]]:
    """Return the values of each key of a unit, in their order."""
    values: dict[str, list[str]] = {}
    for line in (DEPLOY / unit).read_text("utf-8").splitlines():
        if line and line[0] not in "#[":
            key, _, value = line.partition("=")
            values.setdefault(key, []).append(value)
    return values


def with_state_in(value: str, folder: Path) -> list[str]:
    """Return a command of a unit as arguments, its state below a folder; see systemd.unit(5)."""
    return shlex.split(value.replace("%%", "\0").replace("%S", str(folder)).replace("\0", "%"))


def test_the_unit_runs_a_command_that_the_package_installs():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    program, command_name, *options = settings("aggregator.service")["ExecStart"][0].split()

    assert program == PROGRAM
    assert Path(program).name in project["scripts"]
    assert command_name in main.list_commands(None)
    assert options == []


def test_the_environment_of_the_unit_is_what_the_program_reads():
    pairs = [value.split("=", 1) for value in settings("aggregator.service")["Environment"]]

    assert dict(pairs) == {
        CONFIG_VARIABLE: "/etc/aggregator/config.yaml",
        DATA_VARIABLE: "%S/aggregator",
    }
    assert settings("aggregator.service")["StateDirectory"] == ["aggregator"]


def test_the_unit_waits_for_what_the_program_tells():
    values = settings("aggregator.service")

    assert values["Type"] == ["notify"]
    assert values["WatchdogSec"] == ["2min"]
    assert values["RestartPreventExitStatus"] == ["2"]  # a faulty config.yaml
    assert "HUP" in values["ExecReload"][0]


def test_the_backup_may_read_the_files_of_the_program():
    program, backup = map(settings, SERVICES)

    assert program["User"] == backup["User"] == ["aggregator"]
    assert program["DynamicUser"] == backup["DynamicUser"] == ["yes"]
    assert backup["StateDirectory"] == ["aggregator aggregator/backup"]


def test_the_timer_starts_a_unit_that_exists():
    assert [path.stem for path in UNITS if path.suffix == ".timer"] == ["aggregator-backup"]
    assert "aggregator-backup.service" in SERVICES


@needs_systemd
def test_systemd_knows_every_option_of_the_units(tmp_path):
    for unit in UNITS:  # the program is not in /opt here
        text = unit.read_text("utf-8").replace(PROGRAM, "/bin/true")
        (tmp_path / unit.name).write_text(text, "utf-8")

    done = subprocess.run(
        ["systemd-analyze", "verify", *(str(tmp_path / unit.name) for unit in UNITS)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    complaints = [
        line for line in done.stderr.splitlines() if str(tmp_path) in line or "aggregator" in line
    ]

    assert complaints == []


@needs_systemd
@pytest.mark.parametrize("unit", SERVICES)
def test_the_units_may_do_little_of_what_systemd_can_forbid(unit):
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager",
         str(DEPLOY / unit)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "Unknown" in done.stderr or "unrecognized option" in done.stderr:
        pytest.skip("this systemd judges no files")

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@needs_sqlite
def test_the_backup_is_a_whole_database_of_its_day_while_others_write(tmp_path):
    state = tmp_path / "aggregator"
    (state / "backup").mkdir(parents=True)
    write_config(state, ["posts.xml"])
    (state / "posts.xml").write_text(
        "<rss version='2.0'><channel><title>a</title><item><guid>1</guid><title>Tide</title>"
        "</item></channel></rss>"
    )
    assert command(state, "poll").returncode == 0
    writer = sqlite3.connect(state / "aggregator.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("UPDATE state SET version = version + 1")
    values = settings("aggregator-backup.service")

    for _ in range(2):  # a copy of the same day a week ago is replaced
        for value in [*values["ExecStartPre"], *values["ExecStart"]]:
            subprocess.run(with_state_in(value, tmp_path), check=True)

    writer.close()
    (copy,) = (state / "backup").iterdir()
    assert re.fullmatch("aggregator-[1-7].db", copy.name)
    with sqlite3.connect(copy) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT title FROM entries").fetchall() == [("Tide",)]
    connection.close()

    copy.replace(state / "aggregator.db")  # as docs/deploy.md restores it
    for suffix in ("-wal", "-shm"):
        (state / f"aggregator.db{suffix}").unlink(missing_ok=True)
    assert "1" in command(state, "feeds").stdout


@pytest.mark.slow
def test_the_variable_of_the_data_folder_moves_database_and_pictures(tmp_path, monkeypatch):
    etc, data = tmp_path / "etc", tmp_path / "data"
    etc.mkdir()
    data.mkdir()
    write_config(etc, [], page="{pictures: lead}")
    monkeypatch.setenv(DATA_VARIABLE, str(data))

    assert command(etc, "poll").returncode == 0

    assert (data / "aggregator.db").exists()
    assert [path.name for path in etc.iterdir()] == ["config.yaml"]
