"""docs/deploy.md: every command is run in clean folders, or left out for a reason given here.

The folders of the machine (/opt/aggregator, /etc, /var/lib) are folders of the test, and services
are started and stopped as their units say, but by the test.
"""

import os
import re
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path

import click
import pytest
import yaml
from sqlalchemy import make_url

from aggregator.cli import main
from tests import postgresql
from tests.document_blocks import ROOT, blocks
from tests.running import HANGS_AFTER, command, eventually, free_port, get, write_config
from tests.test_deploy_units import settings, with_state_in
from tests.test_documents import CODE, without_blocks
from tests.test_package import PARTS

DOCUMENT = "docs/deploy.md"
LINES = [line for block in blocks(DOCUMENT, "sh") for line in block.splitlines()]
NOT_RUN = {
    "docker ": "no container runtime can be had here; tests/test_deploy_container.py runs what the "
    "image and the compose files run",
    "mkdir deploy/config": "as above",
    "cp -r config.yaml samples deploy/config": "as above",
    "git pull": "the checkout of the test is a copy without a repository",
    "aggregator init": "tests/test_readme.py runs it in an empty folder",
    "aggregator run": "tests/test_readme.py runs it in an empty folder",
}
"""Beginnings of lines, and why these lines are not run."""
POSTGRESQL = ("pg_dump ", "pg_restore ")
STATE, MACHINE = "/var/lib", ("/opt/", "/etc/", "/var/lib/")

needs_tools = pytest.mark.skipif(
    shutil.which("sqlite3") is None,
    reason="NOT TESTED: the command sqlite3 is not installed",
)


def of_services() -> list[str]:
    """Return the lines about a server with systemd, in the order of the document."""
    return [line for line in LINES if not line.startswith((*NOT_RUN, *POSTGRESQL))]


def test_every_line_is_run_or_left_out_for_a_reason():
    for beginning in NOT_RUN:
        assert any(line.startswith(beginning) for line in LINES), beginning
    for line in of_services():
        words = [word for word in shlex.split(line) if "=" not in word]
        program = words[1] if words[0] == "sudo" else words[0]
        assert program in {
            "python3", "mkdir", "cp", "mv", "rm", "systemctl",
            "/opt/aggregator/bin/pip", "/opt/aggregator/bin/aggregator",
        }, line  # fmt: skip
    assert sum(line.startswith(POSTGRESQL) for line in LINES) == 2


def test_the_commands_within_the_text_are_commands_of_the_program():
    text = without_blocks((ROOT / DOCUMENT).read_text("utf-8"))
    spans = {" ".join(span.split()) for span in CODE.findall(text)}
    commands = {span for span in spans if span.startswith("aggregator ")}

    assert commands == {
        "aggregator health", "aggregator feeds --failing", "aggregator schedule", "aggregator work",
    }  # fmt: skip
    for span in commands:
        name, *options = span.split()[1:]
        parameters = main.get_command(click.Context(main), name).params
        assert set(options) <= {text for parameter in parameters for text in parameter.opts}


class Server:
    """A machine with a checkout, on which the lines of the document are run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checkout = folder / "checkout"
        self.port = free_port()
        self.service: subprocess.Popen[bytes] | None = None
        programs = folder / "programs"
        for path in (programs, folder / "etc/systemd/system", folder / "var/lib/aggregator/backup"):
            path.mkdir(parents=True)
        (programs / "sudo").write_text('#!/bin/sh\nexec env "$@"\n')
        (programs / "sudo").chmod(0o755)
        self.environment = {
            key: value for key, value in os.environ.items()
            if not key.startswith(("PYTHON", "AGGREGATOR_", "PIP_"))
        } | {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PIP_NO_INDEX": "1",
            "PIP_NO_DEPS": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # pip takes this for --no-build-isolation
        }  # fmt: skip

    def put_checkout(self) -> None:
        self.checkout.mkdir()
        for name in (*PARTS, "deploy"):
            if (ROOT / name).is_dir():
                # git ignores both
                ignored = shutil.ignore_patterns("config" if name == "deploy" else "__pycache__")
                shutil.copytree(ROOT / name, self.checkout / name, ignore=ignored)
            else:
                shutil.copy(ROOT / name, self.checkout / name)

    def here(self, text: str) -> str:
        """Return a text with the paths of the machine below the folder of the test."""
        for path in MACHINE:
            text = re.sub(rf"(?<![\w/]){path}", f"{self.folder}{path}", text)
        return text

    def run(self, line: str) -> None:
        """Run a line of the document in the checkout; it must succeed."""
        words = shlex.split(line)
        if words[:2] == ["sudo", "systemctl"]:
            self.systemctl(*words[2:])
            return
        if "aggregator-1.db" in line:  # of Monday
            (copy,) = (self.folder / "var/lib/aggregator/backup").iterdir()
            copy.rename(copy.with_name("aggregator-1.db"))
            (self.folder / "var/lib/aggregator/aggregator.db").write_bytes(b"broken")
        subprocess.run(
            ["sh", "-ec", self.here(line)], cwd=self.checkout, env=self.environment, check=True
        )
        if " venv " in line:
            self.put_packages()
        if line.endswith(" samples /etc/aggregator"):
            self.write_sample()

    def put_packages(self) -> None:
        """Let the program find the packages of the tests, as no network is asked."""
        (library,) = (self.folder / "opt/aggregator").glob("lib/python*/site-packages")
        for path in [*library.glob("setuptools*"), *library.glob("*distutils*")]:
            shutil.rmtree(path) if path.is_dir() else path.unlink()  # too old on some machines
        (library / "packages.pth").write_text(f"{sysconfig.get_path('purelib')}\n")

    def write_sample(self) -> None:
        """Configure the feed of the sample that is a file, and a port that is free."""
        path = self.folder / "etc/aggregator/config.yaml"
        sample = yaml.safe_load(path.read_text("utf-8"))
        feeds = [feed for feed in sample["feeds"] if "samples/" in str(feed)]
        path.write_text(yaml.safe_dump({"feeds": feeds, "web": {"port": self.port}}), "utf-8")

    def systemctl(self, action: str, *names: str) -> None:
        """Start or stop services as their units say."""
        units = self.folder / "etc/systemd/system"
        if action == "daemon-reload":
            assert len(list(units.iterdir())) == 3
            return
        for name in names:
            if name == "--now":
                continue
            assert (units / (name if "." in name else f"{name}.service")).exists()
            if name.startswith("aggregator-backup"):  # of the timer, a night has passed
                self.back_up()
            elif action in {"start", "enable"}:
                self.start()
            else:
                self.stop()

    def back_up(self) -> None:
        values = settings("aggregator-backup.service")
        for value in [*values["ExecStartPre"], *values["ExecStart"]]:
            words = with_state_in(value, self.folder / STATE.lstrip("/"))
            subprocess.run(words, check=True)

    def start(self) -> None:
        assert self.service is None
        values = settings("aggregator.service")
        variables = dict(value.split("=", 1) for value in values["Environment"])
        places = {name: self.here(text.replace("%S", STATE)) for name, text in variables.items()}
        (start,) = values["ExecStart"]
        self.service = subprocess.Popen(
            shlex.split(self.here(start)), env=self.environment | places, cwd="/"
        )
        eventually(lambda: self.posts() >= 5)

    def stop(self) -> None:
        if self.service is not None:
            self.service.terminate()
            assert self.service.wait(HANGS_AFTER) == 0
            self.service = None

    def posts(self) -> int:
        assert self.service is not None and self.service.poll() is None
        return get(f"http://127.0.0.1:{self.port}/")[2].count(b"h-entry")


@pytest.fixture
def machine(tmp_path):
    machine = Server(tmp_path)
    machine.put_checkout()
    yield machine
    if machine.service is not None:
        machine.service.kill()
        machine.service.wait()


@pytest.mark.slow
@needs_tools
def test_a_server_is_installed_restored_upgraded_and_monitored_as_the_document_says(machine):
    for line in of_services():
        machine.run(line)

    version = subprocess.run(
        [machine.folder / "opt/aggregator/bin/aggregator", "--version"],
        env=machine.environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert version.stdout.startswith("aggregator ")
    assert machine.posts() >= 5


@pytest.mark.slow
def test_a_database_of_postgresql_is_copied_and_restored_as_the_document_says(
    tmp_path, monkeypatch
):
    feed = "<rss version='2.0'><channel><title>a</title><item><guid>1</guid></item></channel></rss>"
    (tmp_path / "posts.xml").write_text(feed)
    copy, restore = (line for line in LINES if line.startswith(POSTGRESQL))
    with postgresql.server() as server:
        place = make_url(server)
        for name, value in [("HOST", place.query.get("host") or place.host), ("PORT", place.port),
                            ("USER", place.username)]:  # fmt: skip
            if value is not None:
                monkeypatch.setenv(f"PG{name}", str(value))
        subprocess.run(["createdb", "aggregator"], check=True)
        own = place.set(database="aggregator").render_as_string(hide_password=False)
        write_config(tmp_path, ["posts.xml"], database=f"'{own}'")
        assert command(tmp_path, "poll").returncode == 0

        subprocess.run(["sh", "-ec", copy], cwd=tmp_path, check=True)
        subprocess.run(["psql", "-qc", "TRUNCATE entries CASCADE", "aggregator"], check=True)
        subprocess.run(["sh", "-ec", restore], cwd=tmp_path, check=True)

        rows = subprocess.run(
            ["psql", "-Atc", "SELECT count(*) FROM entries", "aggregator"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    assert rows.stdout == "1\n"
