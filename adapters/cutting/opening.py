"""The title before the first clip: large letters over a dark, blurred picture of what comes."""

from __future__ import annotations

from PIL import Image, ImageEnhance, ImageFilter

from adapters.typesetting import drawable, headline

BLUR = 26.0
"""Radius of the blur, in pixels of a picture whose shorter side is 720."""
LIGHT = 0.42
"""How much of the picture's light is left, so that white letters can be read on whatever it shows."""
SMALL = 4
"""The picture is blurred at a fraction of its size; nobody can see the difference, and it takes a sixteenth."""


def opening(picture: Image.Image, title: str) -> Image.Image:
    """The title over the picture (RGB), of the same size. Characters that no font here has are left out."""
    unit = min(picture.size) / 720
    size = (max(1, picture.width // SMALL), max(1, picture.height // SMALL))
    soft = picture.resize(size, Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(BLUR * unit / SMALL))
    ground = ImageEnhance.Brightness(soft.resize(picture.size, Image.Resampling.BICUBIC)).enhance(LIGHT)
    text = drawable(title)
    if text:
        letters = headline(text, picture.width, unit)
        ground.paste(letters, ((picture.width - letters.width) // 2, (picture.height - letters.height) // 2), letters)
    return ground
