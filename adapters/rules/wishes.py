"""Telling a wish for a video from other talk, and one wish from several.

What a wish says slot by slot is found by `slots`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from adapters.rules import vocabulary as vocab
from adapters.rules.slots import find, place_in, tidy
from adapters.rules.tokens import Phrases, Words, words_of

_HURRY = Phrases(vocab.HURRY_ANYWHERE)
MAX_WISHES = 10
"""More wishes than that in one message are not told apart: the rest stays with the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """How a wish begins: "make me a short funny video of"."""

    verb: bool
    """True after "make", "create", "I want" and the like."""
    clip: bool
    """True when a video, clip or film is spoken of."""
    change: bool
    """True when it is about something that is there already: "make it", "make the sky"."""
    before: str
    """What is said before the word "video"."""
    body: str
    """What is wished for."""


@lru_cache(maxsize=64)
def opening(text: str) -> Opening:
    """How the text begins as a wish."""
    words = words_of(text)
    index, verb = 0, False
    while index < min(len(words), 14) and words.word(index) in vocab.OPENING | vocab.MAKE:
        word = words.word(index)
        if word in {"another", "one", "more"} and words.word(index + 1) not in vocab.CLIP | vocab.ABOUT | {"one"}:
            break
        if word in vocab.MAKE and (index > 0 or word not in {"like", "need", "want"}):
            verb = True
        index += 1
    first = words.word(index)
    clip = _clip(words, index, verb)
    body_at = clip + 1 if clip is not None else index
    after = words.word(body_at)
    told = clip is not None and (after in vocab.ABOUT or ":" in words.gap(body_at))
    change = verb and (first in vocab.PRONOUNS or (first in {"the", "my", "his", "its", "their"} and not told))
    if clip is None:
        body = text[words.starts[index] :] if index < len(words) else ""
        return Opening(verb=verb, clip=False, change=change, before="", body=body)
    before = text[words.starts[index] : words.starts[clip]] if index < clip else ""
    while body_at < len(words) and words.word(body_at) in vocab.ABOUT and body_at - clip < 3:
        body_at += 1
    body = text[words.starts[body_at] :] if body_at < len(words) else ""
    quote_at = words.ends[clip] + len(text[words.ends[clip] :]) - len(text[words.ends[clip] :].lstrip(" :,–—-"))
    if quote_at < len(text) and body and text[quote_at] in '"“«„':
        body = text[quote_at:]
    elif not body:
        body = text[words.ends[clip] :].strip(" .!?:,")
    return Opening(verb=verb, clip=True, change=change, before=before, body=body)


def _clip(words: Words, index: int, verb: bool) -> int | None:
    """Where the word "video" is, if what is before it belongs to it."""
    for place in range(index, min(index + 11, len(words))):
        word = words.word(place)
        if place > index and any(mark in words.gap(place) for mark in ".;:!?\n"):
            return None
        if word in vocab.CLIP:
            after = words.word(place + 1)
            if verb or place == index or words.broken(place + 1) or after in vocab.ABOUT:
                return place
            return None
        if word in vocab.ABOUT and place > index:
            return None
    return None


def wish(text: str, length_s: int | None = None) -> tuple[dict[str, Any], bool]:
    """What a wish for a new video says, slot by slot, and whether it is in a hurry."""
    words = words_of(text)
    at_once = _HURRY.at(words, 0) if words else None
    if at_once is not None:
        text = text[words.ends[at_once[0] - 1] :].lstrip(" :,;.!-")
    start = opening(text)
    before = find(start.before, length_s, loose=True)
    told = find(start.body, length_s)
    changes: dict[str, Any] = {**before.changes, **told.changes}
    said_before = " ".join(word for word in before.rest.split() if not _says_nothing(word))
    idea, rest = told.idea, told.rest
    if not rest and said_before:
        articles = {"a", "an", "my", "our"}
        kept = [word for word in before.idea.split() if word.casefold() in articles or not _says_nothing(word)]
        idea = rest = tidy(" ".join(kept))
    elif said_before:
        idea, rest = f"{idea}, {said_before}", f"{rest}, {said_before}"
    if not rest and not idea and not changes and not start.clip and not start.verb:
        idea = rest = text.strip()
    if idea:
        changes["idea"] = idea
    if rest:
        subject, setting = place_in(rest)
        changes["subject"] = subject
        if setting:
            changes["setting"] = setting
    return changes, before.hurry or told.hurry or at_once is not None


def _says_nothing(word: str) -> bool:
    word = word.casefold().strip(",")
    return word in vocab.PLAIN_ADJECTIVES or word.isdecimal()


_ITEM = re.compile(r"^\s{0,8}(?:[-*•–]|\d{1,2}[.)])\s{0,4}(\S.*)$")
_SHOT = re.compile(r"^\s{0,8}(?:[-*•–]\s?)?(?:shot|scene)\s?\d{0,2}\s?[.):–-]\s?(\S.*)$", re.IGNORECASE)
_ANOTHER = re.compile(
    r"\b(?:(?:and|also|then|plus) ){0,2}(?:(?:make|create|generate|do) (?:me )?)?"
    r"(?:another|one more|a second|a third|a fourth) (?:one|video|clip|film) (?:of|about|with|showing|where) ",
    re.IGNORECASE,
)
_ONE_OF = re.compile(r"\b(?:and )?(?:the other |the second |one )(?:one )?(?:of|about|with|showing) ", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!?;\n])\s")
_LISTED = re.compile(r",? and |, ", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """The wishes of one message."""

    texts: tuple[str, ...]
    shared: Mapping[str, Any]
    """What was said for all of them."""
    hurry: bool = False


def wishes(text: str) -> Wishes:
    """The wishes in a message that asks for something new; one if there is nothing to tell apart."""
    return _lines(text) or _counted(text) or _another(text) or _sentences(text) or Wishes(texts=(text,), shared={})


def _lines(text: str) -> Wishes | None:
    lines = [line for line in text.splitlines() if line.strip()]
    shots = [match[1] for line in lines if (match := _SHOT.match(line))]
    items = [match[1] for line in lines if (match := _ITEM.match(line))]
    if len(shots) < 2 and len(items) < 2:
        return None
    around = " ".join(line for line in lines if not _ITEM.match(line) and not _SHOT.match(line))
    about_shots = set(words_of(around).words) & {"shots", "scenes", "shot", "scene"}
    if len(shots) >= 2 or about_shots:
        changes, hurry = wish(around) if around.strip() else ({}, False)
        lines_of_shots = tuple(tidy(shot) for shot in (shots if len(shots) >= 2 else items))
        changes.setdefault("idea", ". ".join(lines_of_shots))
        return Wishes(texts=("",), shared={**changes, "shots": lines_of_shots}, hurry=hurry)
    start = opening(around)
    before, told = find(start.before, loose=True), find(start.body)
    return Wishes(
        texts=tuple(items[:MAX_WISHES]),
        shared={**before.changes, **told.changes},
        hurry=before.hurry or told.hurry,
    )


def _counted(text: str) -> Wishes | None:
    start = opening(text)
    counts = [vocab.NUMBERS.get(word, 0) for word in words_of(start.before).words]
    counts += [int(word) for word in words_of(start.before).words[:1] if word.isdecimal()]
    count = next((int(number) for number in counts if 2 <= number <= MAX_WISHES), 0)
    if not start.clip or not count:
        return None
    pieces = [piece for piece in re.split(r"[;\n]", start.body) if tidy(piece)]
    if len(pieces) < 2:
        pieces = [piece for piece in _ONE_OF.split(start.body) if tidy(piece)]
    if len(pieces) < 2:
        pieces = [piece for piece in _LISTED.split(start.body) if tidy(piece)]
        if len(pieces) != count or ":" not in text:
            return None
    before = find(start.before, loose=True)
    return Wishes(texts=tuple(pieces[:MAX_WISHES]), shared=before.changes, hurry=before.hurry)


def _another(text: str) -> Wishes | None:
    pieces = [tidy(piece) for piece in _ANOTHER.split(text, maxsplit=MAX_WISHES - 1)]
    if len(pieces) < 2 or not all(pieces):
        return None
    return Wishes(texts=tuple(pieces), shared={})


def _sentences(text: str) -> Wishes | None:
    groups: list[str] = []
    for sentence in _SENTENCE.split(text):
        start = opening(sentence)
        if not groups or (start.verb and start.clip and not start.change and len(groups) < MAX_WISHES):
            groups.append(sentence)
        else:
            groups[-1] = f"{groups[-1]} {sentence}"
    if len(groups) < 2:
        return None
    first = opening(groups[0])
    return Wishes(texts=tuple(groups), shared={}) if first.verb and first.clip else None
