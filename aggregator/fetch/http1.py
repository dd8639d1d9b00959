"""Answers as servers write them, rewritten as the HTTP/1.1 that aiohttp's parser accepts.  Pure.

One odd line, such as a PHP warning between the headers, makes that parser refuse the whole answer;
curl and browsers read on.  What they read is read here, and what could be read in two ways is
refused.  A connection serves one request, so no answer can pass for the next one's.

Source: RFC 9112, 2.2 (line ends), 4 (status line), 5 (fields), 6 (length of the body), 7.1
(chunks); RFC 9110, 8.6 (Content-Length), 15.2 (interim answers).
"""

import re
from typing import Protocol

from .decode import too_large
from .failure import Failure

MAX_LINE = 65_536
MAX_LINES = 1000
MAX_HEAD = 262_144
"""Bytes of the head, interim answers included."""

MIN_FRAMING = 65_536
"""Bytes of sizes and extensions between chunks that any answer may have."""

_MAX_CHUNK_LINE = 4096
_START = b"HTTP/"
_STATUS_LINE = re.compile(rb"[ \t]*HTTP/\d+(?:\.\d+)?[ \t]+(\d{3})(?!\d)", re.IGNORECASE)
_FIELD = re.compile(rb"([0-9A-Za-z!#$%&'*+\-.^_`|~]+)[ \t]*:(.*)", re.DOTALL)
_HEAD_END = re.compile(rb"\n\r{0,2}\n")
_LONGEST_END = 3
_LENGTH = re.compile(rb"\d{1,18}")
_CHUNK_LINE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\n]*)?\r?\n")
_LINE_END = re.compile(rb"\r?\n")
# They concern the connection, and are written anew (RFC 9110, 7.6.1).
_OF_CONNECTION = frozenset(
    {b"connection", b"content-length", b"keep-alive", b"proxy-connection", b"te", b"trailer"}
    | {b"transfer-encoding", b"upgrade", b"sec-websocket-key1"}
)

_Fields = list[tuple[bytes, bytes]]


class PlainAnswer:
    """Rewrites one answer while it arrives.

    Args:
        max_size: Bytes of the body; what stands between its chunks may be as much again.

    Attributes:
        done: All of it was seen; what follows is dropped.
    """

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self._head = _Head()
        self._body: _Body | None = None

    @property
    def done(self) -> bool:
        return self._body is not None and self._body.done

    def feed(self, data: bytes) -> bytes:
        """Return what a parser is to read in place of `data`; empty while it has to wait.

        Raises:
            Failure: This is not HTTP, or too much of it.
        """
        plain = b""
        while data and self._body is None:
            behind = self._head.feed(data)
            if behind is None:
                return b""
            data, plain = behind, self._begin(self._head)
        return plain if self._body is None else plain + self._body.feed(data)

    def _begin(self, head: "_Head") -> bytes:
        """Return the rewritten head, empty for that of an interim answer."""
        if 100 <= head.status <= 199 and head.status != 101:
            self._head = _Head(head.size)
            return b""
        fields = _fields(head.lines)
        self._body = _body(head.status, fields, self._max_size)
        shown = [pair for pair in fields if pair[0].lower() not in _OF_CONNECTION]
        lines = [b"HTTP/1.1 %03d " % head.status, *(b"%s: %s" % pair for pair in shown)]
        return b"\r\n".join([*lines, *self._body.fields, b"Connection: close", b"", b""])


class _Head:
    """Collects the lines up to the empty one.

    Args:
        size: Bytes of the interim answers before it, which share its limit.

    Attributes:
        status: 0 until the status line was read.
        lines: Of the header fields, without line ends; empty until all have come.
    """

    def __init__(self, size: int = 0) -> None:
        self.status = 0
        self.lines: list[bytes] = []
        self._seen = bytearray()
        self._skipped = 0
        self.size = size

    def feed(self, data: bytes) -> bytes | None:
        """Return what is behind the head, None while its end has not come.

        Raises:
            Failure: It is not that of an HTTP answer, or too large.
        """
        known = len(self._seen)
        self._seen += data
        if not self.status:
            self._begin()
        end = _HEAD_END.search(self._seen, max(known - _LONGEST_END, 0)) if self.status else None
        if end is None:
            self._check_size(len(self._seen))
            return None
        self._check_size(end.start())
        head = bytes(self._seen[: end.start()])
        if b"\0" in head:  # the only byte that everybody refuses (RFC 9110, 5.5)
            raise _not_http()
        lines = head.split(b"\n")[1:]
        self.lines = [line.rstrip(b"\r") for line in lines]
        if len(lines) > MAX_LINES or any(len(line) > MAX_LINE for line in self.lines):
            raise _too_large()
        self.size += self._skipped + end.end()
        return bytes(self._seen[end.end() :])

    def _begin(self) -> None:
        """Read the status line if it has come, and refuse what can't become one."""
        size = len(self._seen)
        self._seen = self._seen.lstrip(b"\r\n")
        self._skipped += size - len(self._seen)
        end = self._seen.find(b"\n")
        if end > MAX_LINE:
            raise _too_large()
        if end >= 0:
            match = _STATUS_LINE.match(self._seen)
            if match is None:
                raise _not_http()
            self.status = int(match[1])
        elif not _START.startswith(bytes(self._seen[:64]).lstrip(b" \t")[: len(_START)].upper()):
            raise _not_http()

    def _check_size(self, size: int) -> None:
        size += self._skipped
        if self.size + size > MAX_HEAD or (size > MAX_LINE and not self.status):
            raise _too_large()


def _fields(lines: list[bytes]) -> _Fields:
    """Return the fields of a head; lines that are none are passed over, folded ones joined."""
    fields: _Fields = []
    can_go_on = False
    for line in lines:
        match = _FIELD.match(line)
        if match is not None:
            fields.append((match[1], _trimmed(match[2])))
            can_go_on = True
        elif line[:1] not in (b" ", b"\t"):
            can_go_on = False
        elif can_go_on:
            name, value = fields[-1]
            fields[-1] = (name, b"%s %s" % (value, _trimmed(line)))
            if len(value) > MAX_LINE:
                raise _too_large()
    return fields


def _trimmed(value: bytes) -> bytes:
    return value.replace(b"\r", b" ").strip(b" \t")


def _listed(fields: _Fields, wanted: bytes) -> list[bytes]:
    """Return the members of a field that is a list, in lower case; repeated ones are one list."""
    values = [value for name, value in fields if name.lower() == wanted]
    members = [member.strip(b" \t").lower() for value in values for member in value.split(b",")]
    return [member for member in members if member]


class _Body(Protocol):
    """What follows the head; `fields` of the head say how it ends."""

    fields: tuple[bytes, ...]

    @property
    def done(self) -> bool:
        """Whether its end was seen."""

    def feed(self, data: bytes) -> bytes:
        """Return what a parser is to read in place of `data`."""


def _body(status: int, fields: _Fields, max_size: int) -> _Body:
    """Return how the body is read (RFC 9112, 6.3).

    Raises:
        Failure: Its length is not clear.
    """
    if status in {101, 204, 304}:
        return _Sized(None)
    codings = [coding for coding in _listed(fields, b"transfer-encoding") if coding != b"identity"]
    if codings:  # a Content-Length beside them does not count
        return _Chunked(max_size) if codings[-1] == b"chunked" else _UntilClosed()
    lengths = [value for name, value in fields if name.lower() == b"content-length"]
    if not lengths:
        return _UntilClosed()
    members = [member.strip(b" \t") for value in lengths for member in value.split(b",")]
    if not all(_LENGTH.fullmatch(member) for member in members) or len(set(map(int, members))) > 1:
        raise _not_http()
    return _Sized(int(members[0]))


class _Sized:
    """So many bytes; None: no body, and no length in the head."""

    fields: tuple[bytes, ...]

    def __init__(self, length: int | None) -> None:
        self.fields = () if length is None else (b"Content-Length: %d" % length,)
        self._left = length or 0

    @property
    def done(self) -> bool:
        return not self._left

    def feed(self, data: bytes) -> bytes:
        part = data[: self._left]
        self._left -= len(part)
        return part


class _UntilClosed:
    fields: tuple[bytes, ...] = ()
    done = False

    def feed(self, data: bytes) -> bytes:
        return data


class _Chunked:
    """Chunks, passed on as larger ones; trailers and what follows are dropped."""

    fields: tuple[bytes, ...] = (b"Transfer-Encoding: chunked",)

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self.done = False
        self._waiting = b""  # the beginning of a line between two chunks
        self._left = 0
        self._ends = False  # a chunk is complete but for its line end
        self._framing = 0

    def feed(self, data: bytes) -> bytes:
        parts: list[bytes] = []
        data, position = self._waiting + data, 0
        while not self.done:
            part = data[position : position + self._left]
            if part:
                parts.append(part)
                position += len(part)
                self._left -= len(part)
            if self._left or (behind := self._next(data, position)) is None:
                break
            position = behind
        self._waiting = b"" if self.done else data[position:]
        content = b"".join(parts)
        plain = b"%x\r\n%s\r\n" % (len(content), content) if content else b""
        return plain + b"0\r\n\r\n" if self.done else plain

    def _next(self, data: bytes, position: int) -> int | None:
        """Read the lines before the next chunk; None while they are not complete."""
        if self._ends:
            end = _LINE_END.match(data, position)
            if end is None:
                _check_line(data, position, 1)
                return None
            position = end.end()
        line = _CHUNK_LINE.match(data, position)
        if line is None:
            _check_line(data, position, _MAX_CHUNK_LINE)
            return None
        self._left = int(line[1], 16)
        self._framing += line.end() - position
        self.done = self._left == 0
        self._ends = not self.done
        if self._framing > max(self._max_size, MIN_FRAMING):
            raise too_large(self._max_size)
        return line.end()


def _check_line(data: bytes, position: int, most: int) -> None:
    """Refuse the beginning of a line that can't become one between two chunks."""
    if len(data) - position > most or data.find(b"\n", position) >= 0:
        raise _broken()


def _not_http() -> Failure:
    return Failure("not an HTTP answer")


def _too_large() -> Failure:
    return Failure("the answer's headers are too large")


def _broken() -> Failure:
    return Failure("the answer was cut short")
