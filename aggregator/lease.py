"""The name under which a process leases feeds, and whether a name's process is gone.

A lease ends by itself; knowing that its holder died, the next process need not wait for that.
"""

import os
import socket
from pathlib import Path


def own_name() -> str:
    """Return the name of this process: host, process id, and when the process started."""
    return _name(os.getpid())


def is_gone(owner: str) -> bool:
    """Whether `owner` names a process of this host that has ended; False if that can't be told."""
    host, _, rest = owner.partition("/")
    pid = rest.partition("/")[0]
    if host != socket.gethostname() or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:  # it lives, and belongs to somebody else
        return False
    return _name(int(pid)) != owner  # another process has the number now


def _name(pid: int) -> str:
    return f"{socket.gethostname()}/{pid}/{_started(pid)}"


def _started(pid: int) -> str:
    """Return the start time in clock ticks since boot, "" where /proc does not tell."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]
