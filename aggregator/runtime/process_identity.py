"""The name under which a process leases feeds, and whether the process of a name has ended.

A lease expires by itself.  A process that knows of the holder's end need not wait for that.
"""

import os
import secrets
import socket
from functools import cache
from pathlib import Path


def own_name() -> str:
    """Return the name of this process: host, process id, start, and the realm of such ids."""
    return _name(os.getpid())


def process_of(owner: str) -> str:
    """Return the name of the process that has a lease, also for a batch of feeds."""
    return owner.rpartition("@")[2]


def has_ended(name: str) -> bool:
    """Whether the process of `name`, or of a batch `...@name`, has ended; False if unknown here.

    Process ids have a meaning only within one boot of one machine, and within one container: two
    containers may share a host name and the process id 1.
    """
    name = process_of(name)
    host, _, remainder = name.partition("/")
    pid, _, remainder = remainder.partition("/")
    realm = remainder.rpartition("/")[2]
    if host != socket.gethostname() or realm != _realm() or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:  # a process of another user
        return False
    return _name(int(pid)) != name  # another process has the id now


def _name(pid: int) -> str:
    return f"{socket.gethostname()}/{pid}/{_start_time(pid)}/{_realm()}"


@cache
def _realm() -> str:
    """Return an id of this boot and this container; a random id without /proc."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
        container = Path("/proc/self/ns/pid").readlink().name.strip("pid:[]")
    except OSError:
        return secrets.token_hex(8)
    return f"{boot}-{container}"


def _start_time(pid: int) -> str:
    """Return the start of a process in clock ticks since boot, "" if unknown."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]
