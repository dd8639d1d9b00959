"""Standard output and error: any encoding, and one line where a disk is full.

A letter that the terminal's encoding lacks is written as its number, as in JSON.  An output that
can't be written any more is an error of its own, unlike those of any other file; one that nobody
reads any more (`| head`) ends the program quietly.
"""

import codecs
import io
import os
import select
import sys
from typing import Any, TextIO

from aggregator.errors import OutputError

_ERRORS = "aggregator.numbered"


def prepare() -> None:
    """Make this process's standard streams ones that fail in no other way than `OutputError`."""
    codecs.register_error(_ERRORS, _numbered)
    _open_closed()
    sys.stdout = _stream(1, sys.stdout, gives_up_quietly=False)
    sys.stderr = _stream(2, sys.stderr, gives_up_quietly=True)


def _open_closed() -> None:
    """Open what is closed (`>&-`), so that no file of ours becomes standard output."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one


def _stream(descriptor: int, stream: TextIO | None, *, gives_up_quietly: bool) -> TextIO:
    raw = _Output(descriptor, gives_up_quietly=gives_up_quietly)
    encoding = stream.encoding if stream is not None else "utf-8"
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=encoding,
        errors=_ERRORS,
        line_buffering=gives_up_quietly or raw.isatty(),
    )


def _numbered(error: UnicodeError) -> tuple[str, int]:
    """Write what can't be encoded as `\\u65e5`, a pair of them for what is beyond U+FFFF."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    units = (text[at : at + 2].hex() for at in range(0, len(text), 2))
    return "".join(f"\\u{unit}" for unit in units), error.end


class _Output(io.FileIO):
    """What is written to a descriptor; nothing more is once that has failed.

    Args:
        gives_up_quietly: A failure is no error: there is nowhere left to tell it.
    """

    def __init__(self, descriptor: int, *, gives_up_quietly: bool) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._quietly = gives_up_quietly
        self._failed = False

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        while not self._failed:
            try:
                written = super().write(data)
            except OSError as error:
                self._failed = True
                if not self._quietly:
                    raise OutputError(error) from error
            else:
                if written is not None:
                    return written
                select.select([], [self], [])  # another program made it one that never waits
        return size
