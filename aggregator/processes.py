"""Signals that our processes must not die of: Ctrl-C in children, a hangup anywhere."""

import signal
import threading
from collections.abc import Callable
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess


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
