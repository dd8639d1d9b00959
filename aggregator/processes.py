"""Processes of ours that never hear Ctrl-C."""

import signal
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess


def start_deaf(process: BaseProcess) -> None:
    """Start a process that never hears Ctrl-C: it reaches the parent, which ends the process.

    The child inherits what is blocked, as does a fork server that is started for it, so that
    neither has a moment to die of it with a traceback.
    """
    resource_tracker.ensure_running()  # it unblocks the signal when it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
