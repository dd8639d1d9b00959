"""Standard output and error, in any encoding, with one error message for a full disk.

A character that the terminal's encoding lacks is written as a number, as in JSON, quotation marks
and dashes as those of ASCII.  A failure of
standard output is an error of its own type, unlike a failure of any other file.  Output into a
closed pipe (`| head`) ends the program quietly.
"""

import codecs
import io
import os
import select
import sys
from typing import Any, TextIO

from aggregator.errors import OutputError

_ERRORS = "aggregator.numbered"
_SUBSTITUTES = {"…": "...", "“": '"', "”": '"', "‘": "'", "’": "'", "–": "-", "—": "-"}


def prepare() -> None:
    """Replace this process's standard streams by streams that fail with `OutputError` only."""
    codecs.register_error(_ERRORS, _escape)
    _open_closed_descriptors()
    sys.stdout = _stream(1, sys.stdout, is_quiet=False)
    sys.stderr = _stream(2, sys.stderr, is_quiet=True)


def _open_closed_descriptors() -> None:
    """Open closed descriptors (`>&-`), so that no other file becomes standard output."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number: the descriptor


def _stream(descriptor: int, stream: TextIO | None, *, is_quiet: bool) -> TextIO:
    raw = _Output(descriptor, is_quiet=is_quiet)
    encoding = stream.encoding if stream is not None else "utf-8"
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=encoding,
        errors=_ERRORS,
        line_buffering=is_quiet or raw.isatty(),
    )


def as_written(text: str) -> str:
    """Return a text as standard output has it, whose encoding may lack characters."""
    encoding = sys.stdout.encoding or "utf-8"
    errors = sys.stdout.errors if sys.stdout.errors == _ERRORS else "backslashreplace"
    return text.encode(encoding, errors).decode(encoding)


def _escape(error: UnicodeError) -> tuple[str, int]:
    """Return plain characters for a character of typography that can't be encoded.

    Of other characters `\\u65e5`, two such units beyond U+FFFF.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_encodable, error.object[error.start : error.end])), error.end


def _encodable(character: str) -> str:
    if substitute := _SUBSTITUTES.get(character):
        return substitute
    text = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{text[at : at + 2].hex()}" for at in range(0, len(text), 2))


class _Output(io.FileIO):
    """Writes to a descriptor; after a failure nothing more is written.

    Args:
        is_quiet: A failure raises no error, as no stream is left for a message.
    """

    def __init__(self, descriptor: int, *, is_quiet: bool) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._is_quiet = is_quiet
        self._failed = False

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        while not self._failed:
            try:
                written_bytes = super().write(data)
            except OSError as error:
                self._failed = True
                if not self._is_quiet:
                    raise OutputError(error) from error
            else:
                if written_bytes is not None:
                    return written_bytes
                select.select([], [self], [])  # the descriptor is non-blocking: wait for room
        return size
