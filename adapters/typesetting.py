"""Text as it is drawn into pictures: the largest letters that fit, lines that break, and writing from right to left.

Which font has the letters is `adapters.fonts`' work; where text stands in a film is left to whoever draws it.
"""

from __future__ import annotations

import bisect
import unicodedata
from math import ceil

from PIL import Image, ImageDraw, ImageFilter, ImageFont, features

from adapters.fonts import face_for, visible

WHITE = (255, 255, 255, 255)
MAX_LINES = 3
MAX_TEXT = 240
"""Characters of a text that are laid out, at most; a person may write thousands."""
READABLE = 0.5
"""Share of a text's letters that must be drawable for the rest to be worth showing."""


def drawable(text: str) -> str:
    """The text as the fonts of this machine can show it; empty when too little of it would be left."""
    wanted = sum(character.isalnum() for character in visible(text))
    _, kept = face_for(text)
    return kept if sum(character.isalnum() for character in kept) >= READABLE * wanted and wanted else ""


def headline(text: str, width: int, unit: float) -> Image.Image:
    """A drawable text in large white letters with a soft shadow, for a picture of that width in pixels; `unit` is how
    many of its pixels make one of 720 along the shorter side."""
    room = round(width * 0.86)
    text, font = fitted(text, room, 84 * unit, shares=(1.0, 0.85, 0.72, 0.6, 0.5, 0.42))
    lines = wrapped(text, font, room)
    line_height = round(font.size * 1.25)
    pad = round(26 * unit)
    size = (room + 2 * pad, line_height * len(lines) + 2 * pad)
    letters = Image.new("L", size, 0)
    draw = ImageDraw.Draw(letters)
    for number, line in enumerate(lines):
        shown, direction = laid_out(line)
        x = (size[0] - draw.textlength(shown, font=font)) / 2
        draw.text((x, pad + number * line_height), shown, font=font, fill=255, direction=direction)
    sheet = Image.new("RGBA", size, (12, 14, 30, 0))
    sheet.putalpha(letters.filter(ImageFilter.GaussianBlur(9 * unit)).point([min(255, v * 2) for v in range(256)]))
    sheet.paste(Image.new("RGBA", size, WHITE), (0, 0), letters)
    return sheet


def fitted(
    text: str, room: int, size: float, *, shares: tuple[float, ...] = (1.0, 0.85, 0.72)
) -> tuple[str, ImageFont.FreeTypeFont]:
    """The largest font, of these shares of `size`, with which the text fits into a few lines; with the smallest, longer
    text is cut."""
    face, text = face_for(text if len(text) <= MAX_TEXT else text[:MAX_TEXT].rstrip() + "…")
    for share in shares:
        font = ImageFont.truetype(str(face.path), max(10, round(size * share)), index=face.index)
        if len(wrapped(text, font, room)) <= (MAX_LINES if share < 1 else 2):
            return text, font
    while len(wrapped(text + "…", font, room)) > MAX_LINES:
        text = text[: -max(1, len(text) // 20)].rstrip()
    return text + "…", font


def wrapped(text: str, font: ImageFont.FreeTypeFont, room: int) -> list[str]:
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


def right_to_left(text: str) -> bool:
    """Whether the first letter with a direction is written from right to left."""
    strong = (unicodedata.bidirectional(character) for character in text)
    return next((kind in ("R", "AL") for kind in strong if kind in ("L", "R", "AL")), False)


def laid_out(line: str) -> tuple[str, str | None]:
    """The line as `ImageDraw.text` wants it: Raqm orders it by itself, the basic layout draws what it is given."""
    if features.check("raqm"):
        return line, "rtl" if right_to_left(line) else None
    return (_reordered(line) if right_to_left(line) else line), None


def _reordered(line: str) -> str:
    """A right-to-left line in the order in which it is drawn: words from the right, numbers and Latin words intact."""
    return " ".join(word[::-1] if right_to_left(word) else word for word in reversed(line.split(" ")))
