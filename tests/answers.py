"""Answers of servers as the bytes that they are, for feeds with entries known by name."""

import re
import zlib

from tests.faults import channel, item

HEAD = b"HTTP/1.1 200 OK\r\n"
VALIDATORS = b'ETag: "evil"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n'
BEFORE, AFTER = channel(item("one"), item("two")), channel(item("three"), item("one"), item("two"))
FRESH = channel(item("new"), item("one"), item("two")).encode()  # what a fault must not bring in


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def of_length(body: bytes, headers: bytes = b"", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return HEAD + VALIDATORS + headers + b"Content-Length: %d\r\n\r\n" % size + body


def packed(body: bytes, encoding: str) -> bytes:
    return of_length(body, b"Content-Encoding: %s\r\n" % encoding.encode())


def slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60]
