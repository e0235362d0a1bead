"""Small words that other sentences are made of: times, sizes, shapes, qualities, what a video is called."""

from __future__ import annotations

from collections.abc import Sequence

from core.generation import Generation
from core.request import Tier


def spell_seconds(seconds: float) -> str:
    """A length of time for people: "8 s", "40 s", "2 min", "1 h 5 min"."""
    whole = max(0, round(seconds))
    if whole < 100:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"


def spell_expected(expected_s: tuple[float, float]) -> str:
    """ "about 40 s, at most 2 min as a rule"."""
    median, high = expected_s
    if spell_seconds(median) == spell_seconds(high):
        return f"about {spell_seconds(median)}"
    return f"about {spell_seconds(median)}, sometimes {spell_seconds(high)}"


def spell_size(size: int) -> str:
    """Bytes for people: "820 kB", "12.4 MB"."""
    if size < 1_000_000:
        return f"{max(1, round(size / 1000))} kB"
    return f"{size / 1_000_000:.1f} MB"


def shortened(text: str, most: int = 160) -> str:
    """The text on one line of at most so many characters, so that a card never loses its price to a long wish."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


SHAPES = {"16:9": "wide", "9:16": "upright", "1:1": "square"}
TIERS = {Tier.DRAFT: "draft", Tier.STANDARD: "standard", Tier.BEST: "best"}
SLOT_NAMES = {
    "duration_s": "length",
    "aspect": "shape",
    "resolution": "size",
    "tier": "quality",
    "audio": "sound",
    "style": "style",
    "subject": "what is seen",
    "setting": "place",
    "camera": "camera",
    "mood": "mood",
    "words": "words on screen",
}


def shape(aspect: str) -> str:
    """An aspect as people see it: "wide 16:9"."""
    return f"{SHAPES.get(aspect, '')} {aspect}".strip()


def called(generation: Generation) -> str:
    """What people call a video: "A red fox in the snow"; empty when nobody said."""
    request = generation.request
    return generation.summary or (request.words if request.parts else "") or request.idea


def heading(generation: Generation) -> str:
    """ "v12 · A red fox in the snow"."""
    return f"{generation.name} · {shortened(called(generation)) or 'your video'}"


def listed(words: Sequence[str]) -> str:
    """ "v1, v2 and v3"."""
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)
