"""Files on their way to and from Google's video services: pictures that an order brings, clips that are whole or not
there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path
from typing import Self

from core.errors import OrderRefused, TemporaryError
from core.ports import VideoOrder
from core.request import MediaRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture as it is sent."""

    data: bytes
    mime_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """The pictures of one order, in the part each plays."""

    first: Picture | None
    last: Picture | None
    references: tuple[Picture, ...]

    @classmethod
    def of(cls, order: VideoOrder) -> Self:
        """Read from disk; raises OrderRefused when one cannot be read."""
        request = order.request
        known = chain(request.references, repeat(None))
        return cls(
            first=_read(order.first_frame, request.first_frame) if order.first_frame else None,
            last=_read(order.last_frame, request.last_frame) if order.last_frame else None,
            references=tuple(_read(path, ref) for path, ref in zip(order.references, known, strict=False)),
        )


@contextmanager
def whole_file(destination: Path) -> Iterator[Path]:
    """A path beside `destination` to write to; renamed to it at the end, removed on any error or when it is empty.

    Raises TemporaryError when nothing was written, or nothing can be."""
    part = destination.with_name(destination.name + ".part")
    try:
        yield part
        if not part.exists() or part.stat().st_size == 0:
            raise TemporaryError("The service sent an empty file.")
        part.replace(destination)
    except OSError as error:
        raise TemporaryError(f"A file could not be kept: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)


def _read(path: Path, ref: MediaRef | None) -> Picture:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise OrderRefused("A picture that belongs to this order could not be read.") from error
    return Picture(data=data, mime_type=_mime_type(data, ref))


def _mime_type(data: bytes, ref: MediaRef | None) -> str:
    """By the first bytes, since platforms rename and recode; else as the platform said."""
    if data.startswith(b"\x89PNG"):
        return "image/png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data.startswith(b"\xff\xd8") or ref is None:
        return "image/jpeg"
    return ref.mime_type
