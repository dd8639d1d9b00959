"""What systemd is told of the program, and how the program logs to the journal."""

import os
import signal
import socket
import subprocess
import uuid
from contextlib import closing

import pytest

from aggregator.runtime import service_manager
from tests.preloaded import Program
from tests.running import (
    HANGS_AFTER,
    eventually,
    limited,
    running,
    web_process,
    write_config,
)
from tests.selection import slow_after

INTERVAL = 0.4  # seconds of the watchdog


class Manager:
    """The socket of a service manager."""

    def __init__(self, address: str) -> None:
        self.receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.receiver.bind(address)

    def message(self, within: float = HANGS_AFTER) -> str:
        """Return the next message, "" for none in time."""
        self.receiver.settimeout(within)
        try:
            return self.receiver.recv(4096).decode()
        except TimeoutError:
            return ""

    def next_state(self) -> str:
        """Return the next message that is not a sign of life."""
        while (message := self.message()) == "WATCHDOG=1":
            pass
        return message


@pytest.fixture
def manager(monkeypatch):
    name = f"aggregator-test-{uuid.uuid4()}"
    monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
    manager = Manager(f"\0{name}")
    with closing(manager.receiver):
        yield manager


def test_states_go_to_a_socket_with_a_path_as_well_as_to_an_abstract_one(
    manager, tmp_path, monkeypatch
):
    service_manager.notify("READY=1", "STATUS=a")
    assert manager.message() == "READY=1\nSTATUS=a"

    path = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", path)
    at_path = Manager(path)
    with closing(at_path.receiver):
        service_manager.notify("READY=1")
        assert at_path.message() == "READY=1"


@pytest.mark.parametrize(
    "address", [None, "", "relative", "vsock:2:1", "/nowhere/notify", "@" * 300]
)
def test_a_manager_that_cannot_be_told_is_no_error(monkeypatch, address):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    if address is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", address)

    service_manager.notify("READY=1")


@pytest.mark.parametrize(
    ("usec", "pid", "seconds"),
    [
        (None, None, None),
        ("30000000", None, 30),
        pytest.param("30000000", str(os.getpid()), 30, id="own"),  # the same in each process
        ("30000000", "1", None),  # another process is watched
        ("0", None, None),
        ("soon", None, None),
    ],
)
def test_the_watchdog_is_that_of_the_environment(monkeypatch, usec, pid, seconds):
    for name, value in (("WATCHDOG_USEC", usec), ("WATCHDOG_PID", pid)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)

    assert service_manager.watchdog_seconds() == seconds


@pytest.mark.slow
def test_run_tells_the_manager_of_start_reload_and_stop_and_that_it_lives(
    manager, tmp_path, monkeypatch
):
    monkeypatch.setenv("WATCHDOG_USEC", str(int(INTERVAL * 1_000_000)))
    write_config(tmp_path, [])
    with running(tmp_path) as (process, _):
        assert manager.message() == "READY=1"
        assert manager.message() == "WATCHDOG=1"

        process.send_signal(signal.SIGHUP)
        reloading, clock = manager.next_state().split("\n")
        assert reloading == "RELOADING=1"
        assert clock.removeprefix("MONOTONIC_USEC=").isdecimal()
        assert manager.next_state() == "READY=1"

        process.send_signal(signal.SIGTERM)
        assert manager.next_state() == "STOPPING=1"
        assert process.wait(HANGS_AFTER) == 0


@pytest.mark.slow
def test_a_web_process_that_hangs_is_not_reported_as_alive(manager, tmp_path, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", str(int(INTERVAL * 1_000_000)))
    write_config(tmp_path, [])
    with running(tmp_path) as (process, _):
        eventually(lambda: manager.message() == "WATCHDOG=1")
        web = web_process(process.pid)
        os.kill(web, signal.SIGSTOP)
        try:  # what was asked before may still be answered
            eventually(lambda: manager.message(within=5 * INTERVAL) == "")
        finally:
            os.kill(web, signal.SIGCONT)

        assert eventually(lambda: manager.message() == "WATCHDOG=1")


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("serve", "--port", "0"), ("schedule",)])
def test_the_halves_of_run_tell_the_manager_as_well(manager, tmp_path, monkeypatch, arguments):
    monkeypatch.setenv("WATCHDOG_USEC", str(int(INTERVAL * 1_000_000)))
    write_config(tmp_path, [])
    process = Program(*arguments, cwd=tmp_path, stderr=subprocess.DEVNULL)
    with limited(process):
        assert manager.message() == "READY=1"
        assert manager.message() == "WATCHDOG=1"
        process.send_signal(signal.SIGHUP)
        assert manager.next_state().startswith("RELOADING=1\n")
        assert manager.next_state() == "READY=1"
        process.send_signal(signal.SIGTERM)
        assert manager.next_state() == "STOPPING=1"
        assert process.wait(HANGS_AFTER) == 0


@pytest.mark.slow
@pytest.mark.parametrize("is_journal", slow_after(1, [True, False]))
def test_lines_of_the_journal_have_a_priority_in_place_of_the_time(
    manager, tmp_path, monkeypatch, is_journal
):
    path = write_config(tmp_path, [])
    with (tmp_path / "log").open("w") as log:
        status = os.fstat(log.fileno())
        inode = status.st_ino if is_journal else status.st_ino + 1
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{inode}")
        process = Program("schedule", cwd=tmp_path, stderr=log)

    def logged(text: str) -> str | None:
        lines = (tmp_path / "log").read_text().splitlines()
        return next((line for line in lines if text in line), None)

    with limited(process):
        assert manager.message() == "READY=1"
        path.write_text(f"{path.read_text()}\n# saved\n")
        reloaded = eventually(lambda: logged("reloaded"))
        path.write_text("feeds: 3\n")
        refused = eventually(lambda: logged("not loaded"))
        process.terminate()
        assert process.wait(HANGS_AFTER) == 0

    assert reloaded.startswith("<6>config.yaml: reloaded") == is_journal
    assert refused.startswith("<3>config.yaml: not loaded") == is_journal
    assert reloaded.startswith("20") != is_journal
