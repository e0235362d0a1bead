"""What a file that is said to be a picture really is, by its first bytes: kind and size in pixels, nothing decoded.

A platform's word for a file's type is its sender's word. And a picture of a few kilobytes may unpack to gigabytes in
whoever decodes it, here or at a video service, so its size is read where it is declared and held against a bound.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

HEAD_BYTES = 1 << 20
"""So much of a file is looked at: what a camera puts before a JPEG's size (previews, colour profiles) fits in."""
MAX_PIXELS = 64_000_000
"""Largest picture that is taken: a little more than a phone's 50 megapixels, some 190 MB when decoded."""
MAX_SIDE = 20_000
"""Longest side that is taken, in pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureFacts:
    """What the first bytes say."""

    mime_type: str
    width: int
    height: int
    """Pixels."""

    @property
    def too_large(self) -> bool:
        """Whether decoding it would take more memory than a picture is given."""
        return self.width * self.height > MAX_PIXELS or max(self.width, self.height) > MAX_SIDE


def picture_facts(head: bytes) -> PictureFacts | None:
    """What the picture is that begins with these bytes (`HEAD_BYTES` of it are enough); None when it is no JPEG, PNG
    or WebP, or does not say how large it is."""
    try:
        if head.startswith(b"\x89PNG\r\n\x1a\n"):
            mime_type, size = "image/png", _png(head)
        elif head.startswith(b"\xff\xd8\xff"):
            mime_type, size = "image/jpeg", _jpeg(head)
        elif head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            mime_type, size = "image/webp", _webp(head)
        else:
            return None
    except (struct.error, IndexError):
        return None
    if size is None or not all(size):
        return None
    return PictureFacts(mime_type=mime_type, width=size[0], height=size[1])


def _png(head: bytes) -> tuple[int, int] | None:
    if head[12:16] != b"IHDR":
        return None
    width, height = struct.unpack_from(">II", head, 16)
    return width, height


_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of frame headers, which hold the size."""
_SCAN = 0xDA
"""The marker after which the picture itself comes."""


def _jpeg(head: bytes) -> tuple[int, int] | None:
    """The largest of its frame headers: a second one would be obeyed by some decoders, and the first by others."""
    found: tuple[int, int] | None = None
    place = 2
    while head[place] == 0xFF and head[place + 1] != _SCAN:
        marker = head[place + 1]
        if marker == 0xFF:
            place += 1
        elif marker in _WITHOUT_LENGTH:
            place += 2
        else:
            (length,) = struct.unpack_from(">H", head, place + 2)
            if length < 2:
                return None
            if marker in _FRAMES:
                height, width = struct.unpack_from(">HH", head, place + 5)
                found = max(found or (0, 0), (width, height), key=lambda size: size[0] * size[1])
            place += 2 + length
    return found


def _webp(head: bytes) -> tuple[int, int] | None:
    form = head[12:16]
    if form == b"VP8X":
        return 1 + int.from_bytes(_exactly(head[24:27])), 1 + int.from_bytes(_exactly(head[27:30]))
    if form == b"VP8L" and head[20] == 0x2F:
        (bits,) = struct.unpack_from("<I", head, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if form == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _exactly(three: bytes) -> bytes:
    """Three bytes, the highest first. Raises IndexError for fewer."""
    return bytes((three[2], three[1], three[0]))
