"""A person's own picture, made to fill a frame. It comes from a stranger, so it is bounded before it is decoded."""

from __future__ import annotations

import struct
from pathlib import Path

from PIL import Image, ImageOps

from core.errors import PermanentError
from core.pictures import MAX_PIXELS

FORMATS = ("JPEG", "PNG", "WEBP")
"""Pillow goes by a file's content and knows forty others; one of them is run as a program (PostScript)."""


def photograph(picture: Path, size: tuple[int, int]) -> Image.Image:
    """The picture upright, cut and scaled to `size`. Raises PermanentError when it cannot be read, or is so large that
    decoding it would fill the memory."""
    try:
        with Image.open(picture, formats=FORMATS) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise ValueError("too many pixels")
            return ImageOps.fit(ImageOps.exif_transpose(opened).convert("RGB"), size)
    except (OSError, ValueError, SyntaxError, struct.error, Image.DecompressionBombError) as error:
        raise PermanentError("The first frame is not a picture that can be read.") from error
