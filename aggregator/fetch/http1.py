"""Answers as servers write them, rewritten as the HTTP/1.1 that aiohttp's parser accepts.  Pure.

One odd line, such as a PHP warning between the headers, makes that parser refuse the whole answer;
curl and browsers read on.  What they read is read here, and what could be read in two ways is
refused.  A connection serves one request, so no answer can pass for the next one's.

Source: RFC 9112, 2.2 (line ends), 4 (status line), 5 (fields), 6 (length of the body), 7.1
(chunks); RFC 9110, 8.6 (Content-Length), 15.2 (interim answers).
"""

import re
from typing import Protocol

from .failure import Failure

MAX_LINE = 32_768
MAX_LINES = 100
MAX_HEAD = 262_144
MAX_INTERIM = 32
"""Interim answers before the final one; whoever sends more is not listened to any longer."""

_MAX_CHUNKS = 1_000_000
_MAX_CHUNK_LINE = 4096
_START = b"HTTP/"
_STATUS_LINE = re.compile(rb"HTTP/\d+(?:\.\d+)?[ \t]+(\d{3})(?!\d)", re.IGNORECASE)
_TOKEN = re.compile(rb"[0-9A-Za-z!#$%&'*+\-.^_`|~]+")
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

    Attributes:
        done: All of it was seen; what follows is dropped.
    """

    def __init__(self) -> None:
        self._head = _Head()
        self._body: _Body | None = None
        self._interim = 0

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
            self._head = _Head()
            self._interim += 1
            if self._interim > MAX_INTERIM:
                self._body = _Ignored()
            return b""
        fields = _fields(head.lines)
        self._body = _body(head.status, fields)
        shown = [pair for pair in fields if pair[0].lower() not in _OF_CONNECTION]
        lines = [b"HTTP/1.1 %03d " % head.status, *(b"%s: %s" % pair for pair in shown)]
        return b"\r\n".join([*lines, *self._body.fields, b"Connection: close", b"", b""])


class _Head:
    """Collects the lines up to the empty one.

    Attributes:
        status: 0 until the status line was read.
        lines: Of the header fields, without line ends.
    """

    def __init__(self) -> None:
        self.status = 0
        self.lines: list[bytes] = []
        self._line = bytearray()
        self._size = 0
        self._started = False

    def feed(self, data: bytes) -> bytes | None:
        """Return what is behind the head, None while its end has not come.

        Raises:
            Failure: It is not that of an HTTP answer, or too large.
        """
        position = 0
        while (end := data.find(b"\n", position)) >= 0:
            self._line += data[position:end]
            position = end + 1
            line, self._line = bytes(self._line).rstrip(b"\r"), bytearray()
            self._count(line)
            if line or self._started:
                if not line:
                    return data[position:]
                self._take(line)
        self._line += data[position:]
        self._check_start(self._line)
        if len(self._line) > MAX_LINE:
            raise _too_large()
        return None

    def _count(self, line: bytes) -> None:
        self._size += len(line) + 1
        if len(line) > MAX_LINE or self._size > MAX_HEAD:
            raise _too_large()

    def _take(self, line: bytes) -> None:
        if b"\0" in line:  # the only byte that everybody refuses (RFC 9110, 5.5)
            raise _not_http()
        if self._started:
            self.lines.append(line)
            if len(self.lines) > MAX_LINES:
                raise _too_large()
            return
        match = _STATUS_LINE.match(line.lstrip(b" \t"))
        if match is None:
            raise _not_http()
        self._started, self.status = True, int(match[1])

    def _check_start(self, line: bytearray) -> None:
        """Refuse what can't become a status line, without waiting for the end of the line."""
        if not self._started:
            start = bytes(line[: len(_START) + 64]).lstrip(b" \t\r")[: len(_START)]
            if not _START.startswith(start.upper()):
                raise _not_http()


def _fields(lines: list[bytes]) -> _Fields:
    """Return the fields of a head; lines that are none are passed over, folded ones joined."""
    fields: _Fields = []
    can_go_on = False
    for line in lines:
        if line[0] in b" \t":
            if can_go_on:
                name, value = fields[-1]
                fields[-1] = (name, b"%s %s" % (value, _trimmed(line)))
            continue
        name, colon, value = line.partition(b":")
        name = name.rstrip(b" \t")
        can_go_on = bool(colon) and _TOKEN.fullmatch(name) is not None
        if can_go_on:
            fields.append((name, _trimmed(value)))
    if any(len(value) > MAX_LINE for _, value in fields):
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


def _body(status: int, fields: _Fields) -> _Body:
    """Return how the body is read (RFC 9112, 6.3).

    Raises:
        Failure: Its length is not clear.
    """
    if status in {101, 204, 304}:
        return _Sized(None)
    codings = [coding for coding in _listed(fields, b"transfer-encoding") if coding != b"identity"]
    if codings:  # a Content-Length beside them does not count
        return _Chunked() if codings[-1] == b"chunked" else _UntilClosed()
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


class _Ignored(_UntilClosed):
    def feed(self, data: bytes) -> bytes:
        return b""


class _Chunked:
    """Chunks, passed on as larger ones; trailers and what follows are dropped."""

    fields: tuple[bytes, ...] = (b"Transfer-Encoding: chunked",)

    def __init__(self) -> None:
        self.done = False
        self._waiting = b""  # the beginning of a line between two chunks
        self._left = 0
        self._ends = False  # a chunk is complete but for its line end
        self._chunks = 0

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
        self._chunks += 1
        self.done = self._left == 0
        self._ends = not self.done
        if self._chunks > _MAX_CHUNKS:
            raise _broken()
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
