"""Processes of ours: signals that they must not die of, and what they leave behind."""

import contextlib
import fcntl
import os
import shutil
import signal
import stat
import tempfile
import threading
from collections.abc import Callable
from functools import cache
from multiprocessing import resource_tracker, util
from multiprocessing.process import BaseProcess
from pathlib import Path

_MARK = "aggregator.lock"
"""Is locked for as long as the program lives whose folder of sockets it is in."""


def ignore_hangups() -> None:
    """Let no SIGHUP end this process, nor any that it starts.

    The signal is blocked, which threads and child processes inherit: it waits until `on_hangup`
    asks for it, so that none is lost while the program starts.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})


def on_hangup(act: Callable[[], None]) -> None:
    """Call `act` in a thread of its own at each SIGHUP from now on."""
    ignore_hangups()

    def listen() -> None:
        while True:
            signal.sigwait({signal.SIGHUP})
            act()

    threading.Thread(target=listen, name="hangups", daemon=True).start()


def start_deaf(process: BaseProcess) -> None:
    """Start a process that hears neither Ctrl-C nor a hangup.

    The child inherits what is blocked, as does a fork server that is started for it, so that
    neither has a moment to die of it with a traceback.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        resource_tracker.ensure_running()  # it unblocks Ctrl-C when it starts
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@cache
def mark_sockets() -> int | None:
    """Mark the folder in which multiprocessing has its sockets, and remove those of the dead.

    It is removed at the end, but not by a program that is killed; then the next one does.

    Returns:
        What holds the mark, None where the system has no such marks.
    """
    with contextlib.suppress(OSError):
        for mark in Path(tempfile.gettempdir()).glob(f"pymp-*/{_MARK}"):
            _remove_if_dead(mark)
        handle = os.open(Path(util.get_temp_dir()) / _MARK, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
        return handle
    return None


def _remove_if_dead(mark: Path) -> None:
    """Remove a folder of sockets of ours whose program has ended; anybody may have made it."""
    folder = mark.parent.lstat()
    if not stat.S_ISDIR(folder.st_mode) or folder.st_uid != os.geteuid():
        return
    with contextlib.suppress(OSError), mark.open("rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(mark.parent, ignore_errors=True)
