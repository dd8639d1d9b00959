"""The program as on another machine: with another name, another clock, and shorter leases."""

import ctypes
import itertools
import os
import socket
import sys
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from aggregator.database.feeds import write_leases
from aggregator.runtime import system_clock
from tests.preloaded import Program

_SPANS = ("LEASE", "CONFIRMED_FOR")  # which are shortened by the same factor
_TO_METHOD = {"of a type": 40, "of a module": 16}  # bytes in PyMethodDescrObject, PyCFunctionObject


@dataclass(frozen=True)
class Machine:
    """A machine.

    Attributes:
        name: Of the host.
        ahead: Seconds by which its clock is ahead of this machine's.
        lease: Seconds of a lease, which take two minutes otherwise.
        heartbeat: Seconds between two signs of life of a worker; None for those of the program.
    """

    name: str
    ahead: float = 0.0
    lease: float = 5.0
    heartbeat: float | None = None

    def start(self, *arguments: str, **options: Any) -> Program:
        """Run `aggregator ARGUMENTS` there; `options` are those of `Popen`."""
        return Program(*arguments, prepare=("tests.machines", "become", asdict(self)), **options)


def become(name: str, ahead: float, lease: float, heartbeat: float | None) -> None:
    """Make this process one of another machine."""
    socket.gethostname = lambda: name
    boot_id = os.memfd_create(name)
    os.write(boot_id, name.encode())
    system_clock._BOOT_ID = Path(f"/proc/self/fd/{boot_id}")
    _shorten_leases(lease)
    if heartbeat:
        _shorten_heartbeats(timedelta(seconds=heartbeat))
    if ahead:
        _set_clock(ahead)


def _shorten_leases(seconds: float) -> None:
    factor = seconds / write_leases.LEASE.total_seconds()
    modules = [module for name, module in sys.modules.items() if name.startswith("aggregator.")]
    for module, name in itertools.product(modules, _SPANS):
        if hasattr(module, name):
            setattr(module, name, getattr(module, name) * factor)


def _shorten_heartbeats(heartbeat: timedelta) -> None:
    from aggregator.scheduler import batch_queue

    factor = heartbeat / batch_queue.HEARTBEAT
    for name in ("HEARTBEAT", "ALIVE_WITHIN", "_CONFIRMED_AFTER"):
        setattr(batch_queue, name, getattr(batch_queue, name) * factor)


class _MethodDef(ctypes.Structure):
    """`PyMethodDef` of CPython."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


_FASTCALL_KEYWORDS = 0x82
_NO_ARGUMENTS = 0x04
_CLASS = 0x10
_NOW = ctypes.PYFUNCTYPE(
    ctypes.py_object, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_void_p
)
_TIME = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_void_p)
_functions: list[Any] = []  # which nobody else refers to


def _set_clock(ahead: float) -> None:
    """Set the clock of this process, also for modules that have `datetime` or `time` already."""

    def shifted() -> float:
        return time.clock_gettime(time.CLOCK_REALTIME) + ahead

    def now(_type: int, arguments: int, count: int, names: int | None) -> datetime:
        has_zone = count or names
        zone = ctypes.cast(arguments, ctypes.POINTER(ctypes.py_object))[0] if has_zone else None
        return datetime.fromtimestamp(shifted(), zone)

    _replace(vars(datetime)["now"], "of a type", _FASTCALL_KEYWORDS | _CLASS, _NOW(now))
    _replace(time.time, "of a module", _NO_ARGUMENTS, _TIME(lambda *_: shifted()))


def _replace(method: object, kind: str, flags: int, function: Any) -> None:
    place = ctypes.c_void_p.from_address(id(method) + _TO_METHOD[kind])
    definition = _MethodDef.from_address(place.value or 0)
    assert definition.flags == flags, (definition.name, definition.flags)
    definition.function = ctypes.cast(function, ctypes.c_void_p).value
    _functions.append(function)
