"""Limits of CPU time that hold on any machine: measured against a control in the same moment."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

_CONTROL_TEXT = " ".join(f"word{number} <b>&amp; {number * number}</b>" for number in range(400))
_CONTROL_SECONDS = 0.0007  # of `_control` on the machine whose seconds the tests name


def cpu_seconds(work: Callable[[], object], *, runs: int = 3) -> float:
    """Return the least CPU time of this thread that `work` takes in some runs."""
    return min(_seconds(work) for _ in range(runs))


@contextmanager
def cpu_limit(seconds: float) -> Iterator[None]:
    """Fail if what this thread does meanwhile takes more CPU time than that.

    Args:
        seconds: For an idle machine with a core of about 3 GHz; several times what is needed.
            A control tells how much more is allowed on a slower machine, or on a machine whose
            caches and cores others use.
    """
    started = time.thread_time()
    yield
    spent = time.thread_time() - started
    if spent >= seconds:
        limit = allowed(seconds)
        assert spent < limit, f"{spent:.3f} s of CPU time instead of {limit:.3f}"


def allowed(seconds: float) -> float:
    """Return the limit that is `seconds` on an idle machine, as the control has it just now."""
    pace = median(_seconds(_control) for _ in range(5)) / _CONTROL_SECONDS
    return seconds * max(pace, 1)


def _control() -> None:
    pieces = re.findall(r"<b>(?:[^<&]|&\w+;)*</b>|\w+", _CONTROL_TEXT)
    counts = {piece: len(piece) * number % 7 for number, piece in enumerate(pieces)}
    "".join(sorted(counts)).upper().encode()


def _seconds(work: Callable[[], object]) -> float:
    started = time.thread_time()
    work()
    return time.thread_time() - started
