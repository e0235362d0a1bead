"""What is written over a shot: the caption, the words asked for, and the mark that says this is a storyboard.

Everything is drawn once, as a layer that does not move.
"""

from __future__ import annotations

from PIL import Image, ImageDraw, ImageFont

from adapters.animatic.drawing import Layer
from adapters.animatic.storyboard import Shot
from adapters.fonts import face_for
from adapters.typesetting import WHITE, drawable, fitted, headline, laid_out, right_to_left, wrapped

MARK = "STORYBOARD"


def lettering(shot: Shot, number: int, count: int, width: int, height: int) -> tuple[Layer, ...]:
    """The caption on a soft shadow along the lower edge, and the mark in the upper corner."""
    unit = min(width, height) / 720
    margin = round(44 * unit)
    text, font = fitted(drawable(shot.text) or shot.plain, width - 2 * margin, 34 * unit)
    lines = wrapped(text, font, width - 2 * margin)
    line_height = round(font.size * 1.32)
    sheet = _shadow(width, line_height * len(lines) + margin * 3)
    draw = ImageDraw.Draw(sheet)
    top = sheet.height - margin - line_height * len(lines) + round(6 * unit)
    for line in lines:
        shown, direction = laid_out(line)
        x = width - margin - draw.textlength(shown, font=font) if right_to_left(line) else margin
        draw.text((x, top), shown, font=font, fill=WHITE, direction=direction)
        top += line_height
    mark = Layer(pictures=(_mark(f"{MARK}  {number}/{count}", unit),), x=f"{margin}", y=f"{margin * 3 // 4}")
    return Layer(pictures=(sheet,), x="0", y=f"{(height - sheet.height) // 2 * 2}"), mark


def title(shot: Shot, width: int, height: int) -> Layer | None:
    """The words asked for, large and centred, or None."""
    text = drawable(shot.title)
    if not text:
        return None
    unit = min(width, height) / 720
    sheet = headline(text, width, unit)
    size = sheet.size
    return Layer(pictures=(sheet,), x=f"{(width - size[0]) // 2}", y=f"{round(height * 0.3) - size[1] // 2}")


def _shadow(width: int, height: int) -> Image.Image:
    """Darker towards the lower edge, so that white letters can always be read."""
    ramp = Image.new("L", (1, 64))
    for y in range(64):
        ramp.putpixel((0, y), round(175 * (y / 63) ** 1.1))
    sheet = Image.new("RGBA", (width, height), (12, 16, 40, 0))
    sheet.putalpha(ramp.resize((width, height), Image.Resampling.BICUBIC))
    return sheet


def _mark(text: str, unit: float) -> Image.Image:
    face, _ = face_for(text)
    font = ImageFont.truetype(str(face.path), max(9, round(17 * unit)), index=face.index)
    pad = 12 * unit
    tag = Image.new("RGBA", (round(font.getlength(text) + 2 * pad), round(font.size * 1.3 + pad)), (0, 0, 0, 0))
    draw = ImageDraw.Draw(tag)
    draw.rounded_rectangle((0, 0, tag.width - 1, tag.height - 1), 8 * unit, fill=(10, 12, 28, 130))
    draw.text((pad, pad * 0.45), text, font=font, fill=(255, 255, 255, 225))
    return tag
