"""Words with their places in a text, and phrases looked up among them.

Phrases are found by dictionary, word by word, so that reading stays linear in the text whatever
somebody sends. What the phrases mean is `vocabulary`'s and `slots`' business.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar

T = TypeVar("T")

_WORD = re.compile(r"\d+(?:[.,]\d+)?|[^\W\d_]+(?:['\u2019][^\W\d_]+)*")
_BREAK = re.compile(r"[^\s\-\u2011&]")
"""Anything but spaces, hyphens and "&" between two words ends a clause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The words of a text, lower case, each with where it starts and ends."""

    text: str
    words: tuple[str, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.words)

    def word(self, index: int) -> str:
        """The word there, or "" outside the text."""
        return self.words[index] if 0 <= index < len(self.words) else ""

    def gap(self, index: int) -> str:
        """What stands between the word and the one before it."""
        start = self.ends[index - 1] if index > 0 else 0
        end = self.starts[index] if index < len(self.starts) else len(self.text)
        return self.text[start:end]

    def broken(self, index: int) -> bool:
        """Whether a clause ends between the word and the one before it (also at both ends of the text)."""
        return index <= 0 or index >= len(self.words) or _BREAK.search(self.gap(index)) is not None


@lru_cache(maxsize=64)
def words_of(text: str) -> Words:
    """The words of `text`; letters and digits are apart, so "8s" is two words."""
    found = list(_WORD.finditer(text))
    return Words(
        text=text,
        words=tuple(match.group().casefold().replace("\u2019", "'") for match in found),
        starts=tuple(match.start() for match in found),
        ends=tuple(match.end() for match in found),
    )


def plain(text: str) -> str:
    """The text's words with single spaces, lower case: how phrases are compared."""
    return " ".join(words_of(text).words)


class Phrases(Generic[T]):
    """Phrases of one or more words, each with what it stands for."""

    def __init__(self, entries: Mapping[str, T]) -> None:
        table: dict[str, list[tuple[tuple[str, ...], T]]] = {}
        for phrase, meaning in entries.items():
            words = words_of(phrase).words
            table.setdefault(words[0], []).append((words, meaning))
        for same_start in table.values():
            same_start.sort(key=lambda entry: -len(entry[0]))
        self._by_first = table

    @property
    def firsts(self) -> frozenset[str]:
        """The words that a phrase can begin with."""
        return frozenset(self._by_first)

    def at(self, words: Words, index: int) -> tuple[int, T] | None:
        """The longest phrase that begins at this word and has no punctuation inside: its length in words, and its
        meaning."""
        for phrase, meaning in self._by_first.get(words.words[index], ()):
            length = len(phrase)
            if length == 1:
                return 1, meaning
            if words.words[index : index + length] == phrase and not any(
                words.broken(place) for place in range(index + 1, index + length)
            ):
                return length, meaning
        return None


def without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text with the spans (start, end) cut out."""
    kept: list[str] = []
    place = 0
    for start, end in sorted(spans):
        if start > place:
            kept.append(text[place:start])
        place = max(place, end)
    kept.append(text[place:])
    return " ".join(kept)
