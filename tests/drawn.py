"""Small pictures of every format, as a drawing program writes them."""

import struct
import zlib

SVG = b"""<?xml version="1.0"?>
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 24"><path d="M0 0h48v24z"/></svg>
"""
GIF = b"GIF89a\x05\x00\x03\x00\x00\x00\x00,\x00\x00\x00\x00\x05\x00\x03\x00\x00\x02\x01\x00;"
JPEG = (
    b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    b"\xff\xc2\x00\x0b\x08\x00\x07\x00\x09\x01\x01\x11\x00\xff\xda\x00\x02\x00\xff\xd9"
)


def png(width: int = 8, height: int = 6) -> bytes:
    """Return a grey picture."""
    rows = (b"\0" + b"\x88" * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )


def webp(kind: bytes, head: bytes) -> bytes:
    """Return a file with the beginning of one chunk."""
    chunk = kind + struct.pack("<I", len(head)) + head
    return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk
