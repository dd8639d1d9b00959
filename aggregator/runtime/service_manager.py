"""Messages to the service manager (systemd), if a service manager started the program.

Sources: sd_notify(3), sd_watchdog_enabled(3), systemd.exec(5).
"""

import contextlib
import os
import socket
import sys
import time
from collections.abc import Iterator

READY = "READY=1"
STOPPING = "STOPPING=1"
ALIVE = "WATCHDOG=1"

_SEND_WITHIN = 1  # seconds


def notify(*states: str) -> None:
    """Send states to the service manager; errors are ignored."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    name = address.replace("@", "\0", 1) if address.startswith("@") else address  # abstract
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.settimeout(_SEND_WITHIN)
        sender.sendto("\n".join(states).encode(), name)


@contextlib.contextmanager
def reloading() -> Iterator[None]:
    """Tell the service manager of the beginning and the end of a reload."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
    try:
        yield
    finally:
        notify(READY)


def watchdog_seconds() -> float | None:
    """Return the seconds within which the service manager expects `ALIVE`, None for no watchdog."""
    text, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID")
    if not text.isascii() or not text.isdecimal() or pid not in {None, str(os.getpid())}:
        return None
    return int(text) / 1_000_000 or None


def is_journal() -> bool:
    """Whether stderr leads to the journal, which adds times."""
    try:
        status = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
