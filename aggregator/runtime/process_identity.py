"""The name under which a process leases feeds, and whether a name's process is gone.

A lease ends by itself; knowing that its holder died, the next process need not wait for that.
"""

import os
import secrets
import socket
from functools import cache
from pathlib import Path


def own_name() -> str:
    """Return the name of this process: host, process id, start, and where such ids are valid."""
    return _name(os.getpid())


def is_gone(owner: str) -> bool:
    """Whether `owner` names a process that has ended; False if that can't be told from here.

    Process ids mean something in one boot of one machine, and in one container only: two of them
    may have one host name, and the same process id 1.
    """
    host, _, rest = owner.partition("/")
    pid, _, rest = rest.partition("/")
    if host != socket.gethostname() or rest.rpartition("/")[2] != _realm() or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:  # it lives, and belongs to somebody else
        return False
    return _name(int(pid)) != owner  # another process has the number now


def _name(pid: int) -> str:
    return f"{socket.gethostname()}/{pid}/{_started(pid)}/{_realm()}"


@cache
def _realm() -> str:
    """Return what tells this boot and this container from others; by chance where /proc doesn't."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
        container = Path("/proc/self/ns/pid").readlink().name.strip("pid:[]")
    except OSError:
        return secrets.token_hex(8)
    return f"{boot}-{container}"


def _started(pid: int) -> str:
    """Return the start time in clock ticks since boot, "" where /proc does not tell."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]
