"""Child processes: signals they ignore, and files they leave behind."""

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

_LOCK_NAME = "aggregator.lock"
"""A file in a program's folder of sockets, locked while the program lives."""


def ignore_hangups() -> None:
    """Let no SIGHUP end this process or a child process.

    Blocks the signal, which threads and child processes inherit.  A blocked signal waits for
    `on_hangup`, so a SIGHUP during the start of the program is not lost.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})


def on_hangup(act: Callable[[], None]) -> None:
    """Call `act` at each SIGHUP from now on, in a thread for that purpose."""
    ignore_hangups()

    def listen() -> None:
        while True:
            signal.sigwait({signal.SIGHUP})
            act()

    threading.Thread(target=listen, name="hangups", daemon=True).start()


def start_ignoring_sigint(process: BaseProcess) -> None:
    """Start a process that ignores SIGINT (Ctrl-C) and SIGHUP from the first moment on.

    The child inherits blocked signals, as does a fork server started for the child: neither ends
    with a traceback before installing handlers.
    """
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        resource_tracker.ensure_running()  # unblocks SIGINT at its start
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@cache
def lock_socket_folder() -> int | None:
    """Lock multiprocessing's folder of sockets, and remove the folders of dead programs.

    A program removes the folder when ending, unless killed; the next program does so then.

    Returns:
        Descriptor of the lock, None where the system has no such locks.
    """
    with contextlib.suppress(OSError):
        for lock in Path(tempfile.gettempdir()).glob(f"pymp-*/{_LOCK_NAME}"):
            _remove_if_unlocked(lock)
        descriptor = os.open(Path(util.get_temp_dir()) / _LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return descriptor
    return None


def _remove_if_unlocked(lock: Path) -> None:
    """Remove the folder of `lock` if the program has ended; the folder may be another user's."""
    folder = lock.parent.lstat()
    if not stat.S_ISDIR(folder.st_mode) or folder.st_uid != os.geteuid():
        return
    with contextlib.suppress(OSError), lock.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(lock.parent, ignore_errors=True)
