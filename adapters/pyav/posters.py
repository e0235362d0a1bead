"""The poster: one frame of a clip as a small JPEG."""

from __future__ import annotations

import io
from pathlib import Path

from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from adapters.pyav.files import display_size, picture, written_whole

SIDE = 320
"""Pixels, at most, of its longer side."""
MAX_BYTES = 200_000
QUALITIES = (88, 75, 60, 40)
"""Of JPEG, tried in turn until it is small enough."""


def poster_of(frame: VideoFrame, stream: VideoStream) -> Image.Image:
    """The frame upright, in its display shape, scaled down to a poster's size."""
    width, height = display_size(frame, stream)
    scale = min(1.0, SIDE / max(width, height))
    width, height = max(1, round(width * scale)), max(1, round(height * scale))
    lying = (height, width) if frame.rotation % 180 else (width, height)
    # Scaled before it is turned into colours and turned upright: a large frame is not converted for a small picture.
    small = frame.reformat(width=lying[0], height=lying[1], interpolation="AREA")
    return picture(small).rotate(frame.rotation, expand=True)


def save_poster(image: Image.Image, destination: Path) -> None:
    """Write it; raises TemporaryError when the disk does not take it."""
    with written_whole(destination) as part:
        part.write_bytes(_jpeg(image))


def _jpeg(image: Image.Image) -> bytes:
    for quality in QUALITIES:
        data = io.BytesIO()
        image.save(data, "JPEG", quality=quality, optimize=True)
        if data.tell() <= MAX_BYTES:
            break
    return data.getvalue()
