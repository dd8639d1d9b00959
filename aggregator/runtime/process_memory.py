"""Freed memory back to the system: settings of the C library (glibc; others have no such calls)."""

import contextlib
import ctypes

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD, mallopt(3)
_LARGE_BLOCK = 1 << 20  # bytes


def return_large_blocks() -> None:
    """Let the process give large blocks of memory back to the system when freeing them.

    By default glibc gives back blocks above the size of the largest block freed so far: after one
    document of 10 MB, the process would keep the memory of all later documents.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _LARGE_BLOCK)


def trim_heap() -> None:
    """Give freed memory back to the system."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
