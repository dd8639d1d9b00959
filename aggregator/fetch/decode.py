"""Content-Encoding undone, chunk by chunk, up to a limit.  Pure.

Where the first bytes say what they are they are believed, and not the label: text is text, and
gzip is gzip, whatever a server calls them ("UTF-8", "none", gzip twice for once).

A kilobyte can claim to be a gigabyte, so no decoder is ever asked for more than what the limit
leaves; and a decoder that did not see the end of its stream is an error, never half a feed.

Source: RFC 9110, 8.4; RFC 1950-1952 (zlib, deflate, gzip); RFC 7932 (brotli).
"""

import codecs
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

import brotli  # type: ignore[import-untyped]

from .failure import Failure

_MAX_ENCODINGS = 2
_MAX_MEMBERS = 1000
_ENOUGH_TO_TELL = 64
_BROTLI_STEP = 1 << 16
_GZIP_MAGIC = b"\x1f\x8b\x08"  # RFC 1952, 2.3.1; 8 is the only method there is
_TEXT_STARTS = (b"<", b"{", b"[")
_UTF16_STARTS = (b"\xff\xfe<\0", b"\xfe\xff\0<", b"<\0", b"\0<")
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")  # ISO-2022 needs ESC


class BodyDecoder:
    """Collects a body.

    Args:
        encodings: Value of Content-Encoding, empty if there is none.
        max_size: Bytes that the body may have, decoded and on every step to there.

    Raises:
        Failure: The encodings can't be undone.
    """

    def __init__(self, encodings: str, *, max_size: int) -> None:
        codings = _codings(encodings)
        if sum(coding in _DECODERS for coding in codings) > _MAX_ENCODINGS:
            raise Failure("the answer is compressed too many times")
        # The last stage has no label: what a server compresses may be a feed.xml.gz already.
        self._stages = [_Stage(coding, max_size) for coding in [*reversed(codings), ""]]
        self._parts: list[bytes] = []

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes from the wire.

        Raises:
            Failure: It is too large, or damaged.
        """
        for stage in self._stages:
            chunk = stage.feed(chunk)
        self._parts.append(chunk)

    def finish(self) -> bytes:
        """Return the whole body.

        Raises:
            Failure: Something is missing.
        """
        rest = b""
        for stage in self._stages:
            rest = stage.feed(rest) + stage.finish() if rest else stage.finish()
        return b"".join([*self._parts, rest])


def too_large(max_size: int) -> Failure:
    """Return the failure of a body over the limit."""
    size = f"{max_size / 1e6:g} MB" if max_size >= 1e6 else f"{max_size / 1e3:g} kB"
    return Failure(f"too large (limit {size})")


class _Decoder(Protocol):
    @property
    def done(self) -> bool:
        """Whether the end of the stream was seen."""

    def decode(self, data: bytes, most: int) -> bytes:
        """Return what `data` adds, cut at the first step that goes over `most` bytes."""


class _Gzip:
    """One or many members (RFC 1952, 2.2); zlib itself reads only the first."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(31)
        self._members = 1
        self._between = b""

    @property
    def done(self) -> bool:
        return self._member.eof

    def decode(self, data: bytes, most: int) -> bytes:
        parts: list[bytes] = []
        while data:
            if self._member.eof and not self._begin(data):
                break
            data, self._between = self._between + data, b""
            part = self._member.decompress(data, most + 1)
            parts.append(part)
            most -= len(part)
            if most < 0:
                break
            data = self._member.unused_data
        return b"".join(parts)

    def _begin(self, data: bytes) -> bool:
        """Begin another member, if one follows; zeros and junk behind the last are ignored."""
        head = self._between + data
        if len(head) < len(_GZIP_MAGIC):
            self._between = head if _GZIP_MAGIC.startswith(head) else b""
            return False
        if not head.startswith(_GZIP_MAGIC):
            self._between = b""
            return False
        self._members += 1
        if self._members > _MAX_MEMBERS:
            raise zlib.error
        self._member = zlib.decompressobj(31)
        return True


class _Deflate:
    """Wrapped as the standard says, or raw as some servers send it."""

    def __init__(self) -> None:
        self._stream: "zlib._Decompress | None" = None  # noqa: UP037 - exists for types only

    @property
    def done(self) -> bool:
        return self._stream is not None and self._stream.eof

    def decode(self, data: bytes, most: int) -> bytes:
        if self._stream is None:
            wrapped = data[0] & 15 == 8 and int.from_bytes(data[:2]) % 31 == 0
            self._stream = zlib.decompressobj(15 if wrapped else -15)
        return b"" if self._stream.eof else self._stream.decompress(data, most + 1)


class _Brotli:
    def __init__(self) -> None:
        self._stream = brotli.Decompressor()

    @property
    def done(self) -> bool:
        return bool(self._stream.is_finished())

    def decode(self, data: bytes, most: int) -> bytes:
        if self.done:
            return b""
        # The limit of one call is exceeded by up to 60 %, so it is kept small.  That the decoder
        # would take more input does not mean that it gave all its output: only no output does.
        parts = [self._stream.process(data, output_buffer_limit=_BROTLI_STEP)]
        most -= len(parts[0])
        while most >= 0 and not self.done:
            part = self._stream.process(b"", output_buffer_limit=_BROTLI_STEP)
            if not part:
                break
            parts.append(part)
            most -= len(part)
        return b"".join(parts)


class _Plain:
    done = True

    def decode(self, data: bytes, most: int) -> bytes:
        return data


# gzip proper is known by its first bytes; without them it is what deflate is.
_DECODERS: dict[str, Callable[[], _Decoder]] = {
    "gzip": _Deflate,
    "x-gzip": _Deflate,
    "deflate": _Deflate,
    "br": _Brotli,
}


def _codings(encodings: str) -> list[str]:
    """Return the labels of Content-Encoding, lower case, without parameters and quotation marks.

    However many labels that are no coding stand in a row, they are one: bytes tell what they mean.
    """
    names = (name.partition(";")[0].strip(" \t\"'").lower() for name in encodings.split(","))
    codings: list[str] = []
    for name in names:
        is_second = bool(codings) and not {name, codings[-1]} & _DECODERS.keys()
        if name not in {"", "identity"} and not is_second:
            codings.append(name)
    return codings


def _decoders(label: str, head: bytes) -> Iterator[_Decoder]:
    """Yield what may undo a coding, the likeliest first.

    By its first bytes where they are clear, else by its label.
    """
    if head.startswith(_GZIP_MAGIC):
        yield _Gzip()
    elif not label or _is_text(head):
        yield _Plain()
    elif label in _DECODERS:
        yield _DECODERS[label]()
    if _may_be_text(head):
        yield _Plain()


def _is_text(head: bytes) -> bool:
    """Whether these bytes are text beyond doubt; brotli may begin with a bracket, too."""
    if head.startswith(_UTF16_STARTS):
        return True
    try:
        codecs.utf_8_decode(head, "strict", False)  # the last letter may not be complete
    except UnicodeDecodeError:
        return False
    return _may_be_text(head)


def _may_be_text(head: bytes) -> bool:
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    return not start or (start.startswith(_TEXT_STARTS) and not _CONTROLS.search(head))


class _Stage:
    """One coding, undone.

    Args:
        label: Its name in lower case, empty if there is none.
    """

    def __init__(self, label: str, max_size: int) -> None:
        self._label = label
        self._decoder: _Decoder | None = None
        self._head = b""
        self._left = max_size
        self._max_size = max_size

    def feed(self, data: bytes) -> bytes:
        if self._decoder is not None:
            return self._decoded(self._decoder, data)
        self._head += data
        return self._begin() if len(self._head) >= _ENOUGH_TO_TELL else b""

    def finish(self) -> bytes:
        rest = self._begin() if self._decoder is None and self._head else b""
        if self._decoder is not None and not self._decoder.done:
            raise Failure("the compressed answer is cut short")
        return rest

    def _begin(self) -> bytes:
        head, self._head = self._head, b""
        failure = Failure("the answer is compressed in a way that is not known")
        for number, decoder in enumerate(_decoders(self._label, head)):
            self._decoder = decoder
            try:
                return self._decoded(decoder, head)
            except Failure as error:
                failure = failure if number else error
        raise failure

    def _decoded(self, decoder: _Decoder, data: bytes) -> bytes:
        if not data:
            return b""
        try:
            result = decoder.decode(data, self._left)
        except (zlib.error, brotli.error) as error:
            raise Failure("the compressed answer is damaged") from error
        self._left -= len(result)
        if self._left < 0:
            raise too_large(self._max_size)
        return result
