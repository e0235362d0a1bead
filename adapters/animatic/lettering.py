"""What is written over a shot: the caption, the words asked for, and the mark that says this is a storyboard.

Everything is drawn once, as a layer that does not move.
"""

from __future__ import annotations

import bisect
import unicodedata
from math import ceil

from PIL import Image, ImageDraw, ImageFilter, ImageFont, features

from adapters.animatic.drawing import Layer
from adapters.animatic.fonts import face_for, visible
from adapters.animatic.storyboard import Shot

MARK = "STORYBOARD"
WHITE = (255, 255, 255, 255)
MAX_LINES = 3
MAX_TEXT = 240
"""Characters of a text that are laid out, at most; a person may write thousands."""
READABLE = 0.5
"""Share of a caption's letters that must be drawable for the rest to be worth showing."""


def lettering(shot: Shot, number: int, count: int, width: int, height: int) -> tuple[Layer, ...]:
    """The caption on a soft shadow along the lower edge, and the mark in the upper corner."""
    unit = min(width, height) / 720
    margin = round(44 * unit)
    text, font = _fitted(drawable(shot.text) or shot.plain, width - 2 * margin, 34 * unit)
    lines = _wrapped(text, font, width - 2 * margin)
    line_height = round(font.size * 1.32)
    sheet = _shadow(width, line_height * len(lines) + margin * 3)
    draw = ImageDraw.Draw(sheet)
    top = sheet.height - margin - line_height * len(lines) + round(6 * unit)
    for line in lines:
        shown, direction = _laid_out(line)
        x = width - margin - draw.textlength(shown, font=font) if _right_to_left(line) else margin
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
    room = round(width * 0.86)
    text, font = _fitted(text, room, 84 * unit)
    lines = _wrapped(text, font, room)
    line_height = round(font.size * 1.25)
    pad = round(26 * unit)
    size = (room + 2 * pad, line_height * len(lines) + 2 * pad)
    letters = Image.new("L", size, 0)
    draw = ImageDraw.Draw(letters)
    for number, line in enumerate(lines):
        shown, direction = _laid_out(line)
        x = (size[0] - draw.textlength(shown, font=font)) / 2
        draw.text((x, pad + number * line_height), shown, font=font, fill=255, direction=direction)
    sheet = Image.new("RGBA", size, (12, 14, 30, 0))
    sheet.putalpha(letters.filter(ImageFilter.GaussianBlur(9 * unit)).point([min(255, v * 2) for v in range(256)]))
    sheet.paste(Image.new("RGBA", size, WHITE), (0, 0), letters)
    return Layer(pictures=(sheet,), x=f"{(width - size[0]) // 2}", y=f"{round(height * 0.3) - size[1] // 2}")


def drawable(text: str) -> str:
    """The text as the fonts of this machine can show it; empty when too little of it would be left."""
    wanted = sum(character.isalnum() for character in visible(text))
    _, kept = face_for(text)
    return kept if sum(character.isalnum() for character in kept) >= READABLE * wanted and wanted else ""


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


def _fitted(text: str, room: int, size: float) -> tuple[str, ImageFont.FreeTypeFont]:
    """The largest font, down from `size`, with which the text fits into a few lines; longer text is cut."""
    face, text = face_for(text if len(text) <= MAX_TEXT else text[:MAX_TEXT].rstrip() + "…")
    for share in (1.0, 0.85, 0.72):
        font = ImageFont.truetype(str(face.path), max(10, round(size * share)), index=face.index)
        if len(_wrapped(text, font, room)) <= (MAX_LINES if share < 1 else 2):
            return text, font
    while len(_wrapped(text + "…", font, room)) > MAX_LINES:
        text = text[: -max(1, len(text) // 20)].rstrip()
    return text + "…", font


def _wrapped(text: str, font: ImageFont.FreeTypeFont, room: int) -> list[str]:
    """The text in lines no wider than `room`; a word that is too wide itself is broken."""
    lines, line = [], ""
    for word in text.split(" "):
        longer = f"{line} {word}".strip()
        if font.getlength(longer) <= room:
            line = longer
            continue
        if line:
            lines.append(line)
        while font.getlength(word) > room and len(word) > 1:
            fits = _fitting(word, font, room)
            lines.append(word[:fits])
            word = word[fits:]
        line = word
    return [*lines, line] if line else lines


def _fitting(word: str, font: ImageFont.FreeTypeFont, room: int) -> int:
    """How many letters of the word, at least one, go into the room."""
    return bisect.bisect_right(range(1, len(word)), room, key=lambda count: ceil(font.getlength(word[:count]))) or 1


def _right_to_left(text: str) -> bool:
    """Whether the first letter with a direction is written from right to left."""
    strong = (unicodedata.bidirectional(character) for character in text)
    return next((kind in ("R", "AL") for kind in strong if kind in ("L", "R", "AL")), False)


def _laid_out(line: str) -> tuple[str, str | None]:
    """The line as `ImageDraw.text` wants it: Raqm orders it by itself, the basic layout draws what it is given."""
    if features.check("raqm"):
        return line, "rtl" if _right_to_left(line) else None
    return (_reordered(line) if _right_to_left(line) else line), None


def _reordered(line: str) -> str:
    """A right-to-left line in the order in which it is drawn: words from the right, numbers and Latin words intact."""
    return " ".join(word[::-1] if _right_to_left(word) else word for word in reversed(line.split(" ")))
