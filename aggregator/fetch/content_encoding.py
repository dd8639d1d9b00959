"""A body with a Content-Encoding -> the body, chunk by chunk, up to a limit.  Pure.

Clear first bytes count more than the header: text is text and gzip is gzip, whatever the server
calls them ("UTF-8", "none", gzip twice instead of once).

A kilobyte can decode to a gigabyte, so no decoder ever returns more than the limit allows.  A
stream without an end is an error, never half a feed.

Source: RFC 9110, 8.4; RFC 1950-1952 (zlib, deflate, gzip); RFC 7932 (brotli).
"""

import codecs
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

import brotli  # type: ignore[import-untyped]

from .failure import FetchFailure, too_large

_MAX_ENCODINGS = 2
_MAX_MEMBERS = 1000
_SNIFFED_BYTES = 64
_BROTLI_STEP = 1 << 16
_GZIP_MAGIC = b"\x1f\x8b\x08"  # RFC 1952, 2.3.1; 8 is the only method there is
_TEXT_STARTS = (b"<", b"{", b"[")
_UTF16_STARTS = (b"\xff\xfe<\0", b"\xfe\xff\0<", b"<\0", b"\0<")
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")  # ISO-2022 needs ESC


class BodyDecoder:
    """Collects and decodes a body.

    Args:
        encodings: Value of the Content-Encoding field, empty without the field.
        max_size: Bytes of the body, decoded and after each coding.

    Raises:
        FetchFailure: There are too many codings.
    """

    def __init__(self, encodings: str, *, max_size: int) -> None:
        codings = _codings(encodings)
        if sum(coding in _DECODERS for coding in codings) > _MAX_ENCODINGS:
            raise FetchFailure("the answer is compressed too many times")
        # The last stage has no label: a server may compress a feed.xml.gz.
        self._stages = [_Stage(coding, max_size) for coding in [*reversed(codings), ""]]
        self._parts: list[bytes] = []

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes from the wire.

        Raises:
            FetchFailure: The body is too large, or damaged.
        """
        for stage in self._stages:
            chunk = stage.feed(chunk)
        self._parts.append(chunk)

    @property
    def decoded_start(self) -> bytes:
        """What is decoded so far."""
        return b"".join(self._parts)

    def finish(self) -> bytes:
        """Return the whole body.

        Raises:
            FetchFailure: The end of the body is missing.
        """
        tail = b""
        for stage in self._stages:
            tail = stage.feed(tail) + stage.finish() if tail else stage.finish()
        return b"".join([*self._parts, tail])


class _Decoder(Protocol):
    @property
    def is_finished(self) -> bool:
        """Whether the end of the stream was read."""

    def decode(self, data: bytes, max_size: int) -> bytes:
        """Return the decoded bytes of `data`; stop at the first step beyond `max_size` bytes."""


class _Gzip:
    """One or many members (RFC 1952, 2.2); zlib alone reads only the first."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(31)
        self._members = 1
        self._between = b""

    @property
    def is_finished(self) -> bool:
        return self._member.eof

    def decode(self, data: bytes, max_size: int) -> bytes:
        parts: list[bytes] = []
        while data:
            if self._member.eof and not self._begin(data):
                break
            data, self._between = self._between + data, b""
            part = self._member.decompress(data, max_size + 1)
            parts.append(part)
            max_size -= len(part)
            if max_size < 0:
                break
            data = self._member.unused_data
        return b"".join(parts)

    def _begin(self, data: bytes) -> bool:
        """Begin the next member, if any; zeros and junk behind the last member are ignored."""
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
    """In the zlib format (RFC 1950), or raw (RFC 1951) as from some servers."""

    def __init__(self) -> None:
        self._stream: "zlib._Decompress | None" = None  # noqa: UP037 - exists for types only

    @property
    def is_finished(self) -> bool:
        return self._stream is not None and self._stream.eof

    def decode(self, data: bytes, max_size: int) -> bytes:
        if self._stream is None:
            wrapped = data[0] & 15 == 8 and int.from_bytes(data[:2]) % 31 == 0
            self._stream = zlib.decompressobj(15 if wrapped else -15)
        return b"" if self._stream.eof else self._stream.decompress(data, max_size + 1)


class _Brotli:
    def __init__(self) -> None:
        self._stream = brotli.Decompressor()

    @property
    def is_finished(self) -> bool:
        return bool(self._stream.is_finished())

    def decode(self, data: bytes, max_size: int) -> bytes:
        if self.is_finished:
            return b""
        # A call may exceed the limit by half, so the limit is small.  A decoder that would take
        # more input may still have output: only a call without output shows the end.
        parts = [self._stream.process(data, output_buffer_limit=_BROTLI_STEP)]
        max_size -= len(parts[0])
        while max_size >= 0 and not self.is_finished:
            part = self._stream.process(b"", output_buffer_limit=_BROTLI_STEP)
            if not part:
                break
            parts.append(part)
            max_size -= len(part)
        return b"".join(parts)


class _Identity:
    is_finished = True

    def decode(self, data: bytes, max_size: int) -> bytes:
        return data


# gzip is recognised by the first bytes; a body without them is deflate, whatever the label.
_DECODERS: dict[str, Callable[[], _Decoder]] = {
    "gzip": _Deflate,
    "x-gzip": _Deflate,
    "deflate": _Deflate,
    "br": _Brotli,
}


def _codings(encodings: str) -> list[str]:
    """Return the labels of Content-Encoding, lower case, without parameters and quotation marks.

    Unknown labels in a row count as one label, whose meaning the bytes show.
    """
    names = (name.partition(";")[0].strip(" \t\"'").lower() for name in encodings.split(","))
    codings: list[str] = []
    for name in names:
        is_second = bool(codings) and not {name, codings[-1]} & _DECODERS.keys()
        if name not in {"", "identity"} and not is_second:
            codings.append(name)
    return codings


def _decoders(label: str, head: bytes) -> Iterator[_Decoder]:
    """Yield the possible decoders of a body, the likeliest first.

    Clear first bytes decide, else the label.
    """
    if head.startswith(_GZIP_MAGIC):
        yield _Gzip()
    elif not label or _is_text(head):
        yield _Identity()
    elif label in _DECODERS:
        yield _DECODERS[label]()
    if _may_be_text(head):
        yield _Identity()


def _is_text(head: bytes) -> bool:
    """Whether bytes are text beyond doubt; brotli may begin with a bracket, too."""
    if head.startswith(_UTF16_STARTS):
        return True
    try:
        codecs.utf_8_decode(head, "strict", False)  # the last character may be incomplete
    except UnicodeDecodeError:
        return False
    return _may_be_text(head)


def _may_be_text(head: bytes) -> bool:
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    return not start or (start.startswith(_TEXT_STARTS) and not _CONTROLS.search(head))


class _Stage:
    """Decodes one coding.

    Args:
        label: Name of the coding in lower case, empty without a name.
        max_size: Bytes of the decoded body.
    """

    def __init__(self, label: str, max_size: int) -> None:
        self._label = label
        self._decoder: _Decoder | None = None
        self._head = b""
        self._bytes_left = max_size
        self._max_size = max_size

    def feed(self, data: bytes) -> bytes:
        if self._decoder is not None:
            return self._decoded(self._decoder, data)
        self._head += data
        return self._begin() if len(self._head) >= _SNIFFED_BYTES else b""

    def finish(self) -> bytes:
        tail = self._begin() if self._decoder is None and self._head else b""
        if self._decoder is not None and not self._decoder.is_finished:
            raise FetchFailure("the compressed answer is cut short")
        return tail

    def _begin(self) -> bytes:
        head, self._head = self._head, b""
        failure = FetchFailure("the answer is compressed in a way that is not known")
        for number, decoder in enumerate(_decoders(self._label, head)):
            self._decoder = decoder
            try:
                return self._decoded(decoder, head)
            except FetchFailure as error:
                failure = failure if number else error
        try:
            raise failure
        finally:
            del failure  # refers to this frame: a cycle that would keep the body for long

    def _decoded(self, decoder: _Decoder, data: bytes) -> bytes:
        if not data:
            return b""
        try:
            result = decoder.decode(data, self._bytes_left)
        except (zlib.error, brotli.error) as error:
            raise FetchFailure("the compressed answer is damaged") from error
        self._bytes_left -= len(result)
        if self._bytes_left < 0:
            raise too_large(self._max_size)
        return result
