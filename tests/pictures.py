"""Pictures for tests: as small as what is looked at, or with any size declared."""

from __future__ import annotations

import struct
import zlib


def jpeg(note: bytes = b"", *, width: int = 64, height: int = 36) -> bytes:
    """The beginning of a JPEG, which is all that is looked at before it is kept; `note` tells one from another."""
    frame = struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00"
    return b"\xff\xd8" + _segment(0xFE, note) + _segment(0xC0, frame) + _segment(0xDA, b"\x01\x01\x00\x00\x3f\x00")


def png(*, width: int = 64, height: int = 36) -> bytes:
    """A whole black PNG of one bit a pixel: a few kilobytes, however many pixels it unpacks to."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    packer = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _segment(marker: int, data: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
