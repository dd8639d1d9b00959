"""Responses as servers write them -> HTTP/1.1 that aiohttp's parser accepts.  Pure.

A single malformed line, such as a PHP warning between the headers, makes aiohttp's parser refuse
the response, while curl and browsers read on.  This module accepts the same responses as curl and
browsers, and refuses ambiguous ones.  A connection serves one request, so no response can be
mistaken for the response to another request.

Source: RFC 9112, 2.2 (line ends), 4 (status line), 5 (fields), 6 (length of the body), 7.1
(chunks); RFC 9110, 8.6 (Content-Length), 15.2 (interim answers).
"""

import re
from typing import Protocol

from .failure import CUT_SHORT, HEAD_TOO_LARGE, NOT_HTTP, FetchFailure, too_large

MAX_LINE = 65_536
MAX_LINES = 1000
MAX_HEAD = 262_144
"""Bytes of the head, interim responses included."""

MIN_FRAMING = 65_536
"""Bytes of sizes and extensions between chunks that are allowed for a body of any size."""

_MAX_CHUNK_LINE = 4096
_START = b"HTTP/"
_STATUS_LINE = re.compile(rb"[ \t]*HTTP/\d+(?:\.\d+)?[ \t]+(\d{3})(?!\d)", re.IGNORECASE)
_FIELD = re.compile(rb"([0-9A-Za-z!#$%&'*+\-.^_`|~]+)[ \t]*:(.*)", re.DOTALL)
_HEAD_END = re.compile(rb"\n\r{0,2}\n")
_HEAD_END_OVERLAP = 3
_LENGTH = re.compile(rb"\d{1,18}")
_CHUNK_LINE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\n]*)?\r?\n")
_LINE_END = re.compile(rb"\r?\n")
# Fields of the connection (RFC 9110, 7.6.1), which the rewriter replaces.
_CONNECTION_FIELDS = frozenset(
    {b"connection", b"content-length", b"keep-alive", b"proxy-connection", b"te", b"trailer"}
    | {b"transfer-encoding", b"upgrade", b"sec-websocket-key1"}
)

_Fields = list[tuple[bytes, bytes]]


class ResponseRewriter:
    """Rewrites one response during arrival.

    Args:
        max_size: Bytes of the body; sizes and extensions between chunks may have as many again.
    """

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self._head = _Head()
        self._body: _BodyFraming | None = None

    @property
    def is_finished(self) -> bool:
        """Whether the response is complete; bytes after the end are dropped."""
        return self._body is not None and self._body.is_finished

    def feed(self, data: bytes) -> bytes:
        """Return the bytes for the parser in place of `data`; empty while the head is incomplete.

        Raises:
            FetchFailure: The response is not HTTP, or too large.
        """
        rewritten = b""
        while data and self._body is None:
            remainder = self._head.feed(data)
            if remainder is None:
                return b""
            data, rewritten = remainder, self._begin(self._head)
        return rewritten if self._body is None else rewritten + self._body.feed(data)

    def _begin(self, head: "_Head") -> bytes:
        """Return the rewritten head, empty for the head of an interim response."""
        if 100 <= head.status <= 199 and head.status != 101:
            self._head = _Head(head.size)
            return b""
        fields = _fields(head.lines)
        self._body = _body_framing(head.status, fields, self._max_size)
        end_to_end = [pair for pair in fields if pair[0].lower() not in _CONNECTION_FIELDS]
        lines = [b"HTTP/1.1 %03d " % head.status, *(b"%s: %s" % pair for pair in end_to_end)]
        return b"\r\n".join([*lines, *self._body.fields, b"Connection: close", b"", b""])


class _Head:
    """Collects the lines up to the empty line.

    Args:
        size: Bytes of interim responses before this head, under the same limit.

    Attributes:
        status: 0 before the status line.
        lines: Of the header fields, without line ends; empty before the end of the head.
        size: Bytes of the head and of interim responses, after the end of the head.
    """

    def __init__(self, size: int = 0) -> None:
        self.status = 0
        self.lines: list[bytes] = []
        self._received = bytearray()
        self._skipped = 0
        self.size = size

    def feed(self, data: bytes) -> bytes | None:
        """Return the bytes behind the head, None before the end of the head.

        Raises:
            FetchFailure: The head is not HTTP, or too large.
        """
        old_size = len(self._received)
        self._received += data
        if not self.status:
            self._begin()
        start = max(old_size - _HEAD_END_OVERLAP, 0)
        end = _HEAD_END.search(self._received, start) if self.status else None
        if end is None:
            self._check_size(len(self._received))
            return None
        self._check_size(end.start())
        head = bytes(self._received[: end.start()])
        if b"\0" in head:  # the only byte that all clients refuse (RFC 9110, 5.5)
            raise FetchFailure(NOT_HTTP)
        lines = head.split(b"\n")[1:]
        self.lines = [line.rstrip(b"\r") for line in lines]
        if len(lines) > MAX_LINES or any(len(line) > MAX_LINE for line in self.lines):
            raise FetchFailure(HEAD_TOO_LARGE)
        self.size += self._skipped + end.end()
        return bytes(self._received[end.end() :])

    def _begin(self) -> None:
        """Read the status line once complete; refuse bytes that can't become a status line."""
        size = len(self._received)
        self._received = self._received.lstrip(b"\r\n")
        self._skipped += size - len(self._received)
        end = self._received.find(b"\n")
        if end > MAX_LINE:
            raise FetchFailure(HEAD_TOO_LARGE)
        if end >= 0:
            match = _STATUS_LINE.match(self._received)
            if match is None:
                raise FetchFailure(NOT_HTTP)
            self.status = int(match[1])
        elif not _START.startswith(
            bytes(self._received[:64]).lstrip(b" \t")[: len(_START)].upper()
        ):
            raise FetchFailure(NOT_HTTP)

    def _check_size(self, size: int) -> None:
        size += self._skipped
        if self.size + size > MAX_HEAD or (size > MAX_LINE and not self.status):
            raise FetchFailure(HEAD_TOO_LARGE)


def _fields(lines: list[bytes]) -> _Fields:
    """Return the fields of a head; folded lines are joined, malformed lines skipped."""
    fields: _Fields = []
    can_continue = False
    for line in lines:
        match = _FIELD.match(line)
        if match is not None:
            fields.append((match[1], _trimmed(match[2])))
            can_continue = True
        elif line[:1] not in (b" ", b"\t"):
            can_continue = False
        elif can_continue:
            name, value = fields[-1]
            fields[-1] = (name, b"%s %s" % (value, _trimmed(line)))
            if len(value) > MAX_LINE:
                raise FetchFailure(HEAD_TOO_LARGE)
    return fields


def _trimmed(value: bytes) -> bytes:
    return value.replace(b"\r", b" ").strip(b" \t")


def _list_members(fields: _Fields, field_name: bytes) -> list[bytes]:
    """Return the members of a list field in lower case; repeated fields are one list."""
    values = [value for name, value in fields if name.lower() == field_name]
    members = [member.strip(b" \t").lower() for value in values for member in value.split(b",")]
    return [member for member in members if member]


class _BodyFraming(Protocol):
    """Where a body ends.

    Attributes:
        fields: Lines of the rewritten head that announce the framing.
    """

    fields: tuple[bytes, ...]

    @property
    def is_finished(self) -> bool:
        """Whether the body is complete."""

    def feed(self, data: bytes) -> bytes:
        """Return the bytes for the parser in place of `data`."""


def _body_framing(status: int, fields: _Fields, max_size: int) -> _BodyFraming:
    """Return the framing of a response's body (RFC 9112, 6.3).

    Raises:
        FetchFailure: The length of the body is ambiguous.
    """
    if status in {101, 204, 304}:
        return _Sized(None)
    codings = [
        coding for coding in _list_members(fields, b"transfer-encoding") if coding != b"identity"
    ]
    if codings:  # a Content-Length does not count then
        return _Chunked(max_size) if codings[-1] == b"chunked" else _UntilClosed()
    lengths = [value for name, value in fields if name.lower() == b"content-length"]
    if not lengths:
        return _UntilClosed()
    members = [member.strip(b" \t") for value in lengths for member in value.split(b",")]
    if not all(_LENGTH.fullmatch(member) for member in members) or len(set(map(int, members))) > 1:
        raise FetchFailure(NOT_HTTP)
    return _Sized(int(members[0]))


class _Sized:
    """A body of `length` bytes; None: no body, and no length in the head."""

    fields: tuple[bytes, ...]

    def __init__(self, length: int | None) -> None:
        self.fields = () if length is None else (b"Content-Length: %d" % length,)
        self._bytes_left = length or 0

    @property
    def is_finished(self) -> bool:
        return not self._bytes_left

    def feed(self, data: bytes) -> bytes:
        part = data[: self._bytes_left]
        self._bytes_left -= len(part)
        return part


class _UntilClosed:
    fields: tuple[bytes, ...] = ()
    is_finished = False

    def feed(self, data: bytes) -> bytes:
        return data


class _Chunked:
    """Chunks, merged into larger chunks; trailers and all bytes after the end are dropped."""

    fields: tuple[bytes, ...] = (b"Transfer-Encoding: chunked",)

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self.is_finished = False
        self._incomplete_line = b""  # between two chunks
        self._bytes_left = 0
        self._expects_line_end = False  # after a chunk
        self._framing_size = 0

    def feed(self, data: bytes) -> bytes:
        parts: list[bytes] = []
        data, position = self._incomplete_line + data, 0
        while not self.is_finished:
            part = data[position : position + self._bytes_left]
            if part:
                parts.append(part)
                position += len(part)
                self._bytes_left -= len(part)
            if self._bytes_left or (next_position := self._next(data, position)) is None:
                break
            position = next_position
        self._incomplete_line = b"" if self.is_finished else data[position:]
        content = b"".join(parts)
        chunk = b"%x\r\n%s\r\n" % (len(content), content) if content else b""
        return chunk + b"0\r\n\r\n" if self.is_finished else chunk

    def _next(self, data: bytes, position: int) -> int | None:
        """Return the position of the next chunk, None while the lines before are incomplete."""
        if self._expects_line_end:
            end = _LINE_END.match(data, position)
            if end is None:
                _check_line(data, position, 1)
                return None
            position = end.end()
        line = _CHUNK_LINE.match(data, position)
        if line is None:
            _check_line(data, position, _MAX_CHUNK_LINE)
            return None
        self._bytes_left = int(line[1], 16)
        self._framing_size += line.end() - position
        self.is_finished = self._bytes_left == 0
        self._expects_line_end = not self.is_finished
        if self._framing_size > max(self._max_size, MIN_FRAMING):
            raise too_large(self._max_size)
        return line.end()


def _check_line(data: bytes, position: int, max_size: int) -> None:
    """Refuse bytes that can't become a line between two chunks."""
    if len(data) - position > max_size or data.find(b"\n", position) >= 0:
        raise FetchFailure(CUT_SHORT)
