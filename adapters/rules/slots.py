"""Finding slots in a text: durations, shapes, styles, sound and the rest, and what is left without them.

Which step they belong to is `reading`'s decision.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from adapters.rules import vocabulary as vocab
from adapters.rules.search import USUAL_LENGTH_S, Search
from adapters.rules.tokens import without, words_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Slots that were found in a text, and the text without them."""

    changes: Mapping[str, Any] = field(default_factory=dict)
    idea: str = ""
    """The text without what is only about the file."""
    rest: str = ""
    """The text without everything that was understood."""
    hurry: bool = False


_STRAY = re.compile(r" ([,.;:!?])")
_DOUBLE = re.compile(r"([,;:.!])(?:\s?[,;:.])+")


def tidy(text: str) -> str:
    """One line without the commas and little words that are left over when something was cut out."""
    text = _DOUBLE.sub(r"\1", _STRAY.sub(r"\1", " ".join(text.split()))).strip(" ,;:.-–—")
    words = text.split(" ")
    while words and words[-1].casefold().strip(",;:.") in vocab.DANGLING:
        words.pop()
    while words and words[0].casefold().strip(",;:.") in {"and", "but", "please", "of", "also", "about"}:
        words.pop(0)
    return " ".join(words).strip(" ,;:.-–—")


@lru_cache(maxsize=64)
def find(text: str, length_s: int | None = None, *, loose: bool = False) -> Found:
    """The slots that `text` speaks of; `length_s` is the length in seconds that "longer" starts from. `loose` takes
    every word for a remark about the clip, as before the word "video"."""
    search = Search(text, length_s or USUAL_LENGTH_S, loose)
    search.run()
    return Found(
        changes=search.changes,
        idea=tidy(without(text, search.technical)),
        rest=tidy(without(text, [*search.technical, *search.remarks])),
        hurry=search.hurry,
    )


def place_in(text: str) -> tuple[str, str]:
    """Who or what is seen, and where: the text cut before its first words about a place or time."""
    words = words_of(text)
    for index in range(1, len(words)):
        if words.word(index) not in vocab.PLACE_WORDS or index + 1 >= len(words) or words.broken(index + 1):
            continue
        if words.word(index - 1) in vocab.VERBS_WITH_PLACE_WORDS and words.word(index) not in {
            "in",
            "under",
            "inside",
        }:
            continue
        if words.word(index - 1) in {"made", "playing", "based", "dressed", "turned"}:
            continue
        if any(words.word(place) in vocab.NOT_PLACES for place in range(index + 1, index + 4)):
            continue
        end = index + 1
        while end < len(words) and not words.broken(end):
            if words.word(end) in {"with", "while", "as", "who", "that", "and", "then"}:
                break
            end += 1
        start, stop = words.starts[index], words.ends[end - 1]
        return tidy(f"{text[:start].rstrip()}{' ' if words.word(end) else ''}{text[stop:]}"), text[start:stop]
    return text, ""
