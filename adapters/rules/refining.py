"""Changing what is there: which clip is meant, and what a remark does to its request."""

from __future__ import annotations

import re
from typing import Any

from adapters.rules import vocabulary as vocab
from adapters.rules.slots import find, place_in, tidy
from adapters.rules.tokens import plain, words_of
from adapters.rules.wishes import opening, wishes
from core.reading import Intent, ReadingInput, Step
from core.request import VideoRequest

_TARGET = re.compile(r"\bv(\d{1,9})\b(?!['\u2019])\s?[:,]?", re.IGNORECASE)
_AFTER_TARGET = vocab.word_set("but in at with again as same longer shorter make please now without and on")
_CLAUSE = re.compile(r"[;\n]|,\s|\.\s")
_SWAP = re.compile(
    r"(?:(?:change|replace|swap|turn) )?(?:the |a |an )?(.{1,80}?) (?:to|into|with|for|by) (.{1,200})$",
    re.I | re.S,
)


def shaping(given: ReadingInput) -> bool:
    """Whether a request is still open; the request at hand may also be that of the latest finished clip."""
    return given.question is not None or given.open_card or (given.request is not None and not given.finished)


def target_of(given: ReadingInput, text: str) -> tuple[int | None, str]:
    """The generation the text names, and the text without its name. "A V8 engine" names none."""
    match = _TARGET.search(text)
    if match is None:
        return None, text
    number = int(match[1])
    rest = f"{text[: match.start()]} {text[match.end() :]}".strip()
    phrase = plain(rest)
    first = phrase.partition(" ")[0]
    known = number in given.finished or number in given.running
    named = match.start() == 0 and (match.group()[-1] in ":," or first in _AFTER_TARGET)
    if known or named or not phrase or phrase in vocab.REMARKS:
        return number, rest
    return None, text


def asks_to_change(given: ReadingInput, text: str, target: int | None) -> bool:
    if target is not None:
        return True
    if given.request is None and not given.finished and not given.running:
        return False
    if given.attachments and not shaping(given):
        return False
    begun = opening(text)
    words = words_of(text)
    first = words.word(1) if words.word(0) in {"now", "and", "but", "please"} else words.word(0)
    if first in {"another", "also"} or words.words[:2] == ("one", "more"):
        return False
    if begun.change or first in vocab.CHANGE or words.words[:2] in (("the", "same"), ("a", "bit")):
        return True
    if begun.verb and (begun.clip or words_of(begun.body).word(0) in {"a", "an", "another", "some", "two", "one"}):
        return False
    if begun.clip and begun.body and find(text).rest:
        return False
    if len(wishes(text).texts) > 1:
        return False
    return shaping(given) or not without_opening(find(text).rest) or _is_place(text)


def _is_place(text: str) -> bool:
    return words_of(text).word(0) in vocab.PLACE_WORDS


_REFINING = (vocab.OPENING - {"more"}) | vocab.word_set(
    "make it same but this that try change turn put be again instead one video clip version ones is them cut to"
)


def without_opening(text: str) -> str:
    """The text without "make it", "the same but" and the like."""
    words = words_of(text)
    index = 0
    while index < len(words) and (
        words.word(index) in _REFINING
        or (words.word(index) == "the" and words.word(index + 1) in {"same", "video", "clip", "whole"})
    ):
        index += 1
    return tidy(text[words.starts[index] :]) if index < len(words) else ""


def refine(given: ReadingInput, text: str, target: int | None) -> tuple[tuple[Step, ...], bool]:
    at_hand = given.request if target is None or target in given.finished[:1] else None
    length_s = at_hand.duration_s if at_hand else None
    whole = find(text, length_s)
    pieces = [piece for piece in _CLAUSE.split(text) if plain(piece)]
    if len(pieces) > 1:
        parts = [find(piece, length_s) for piece in pieces]
        if all(part.changes and not without_opening(part.rest) for part in parts):
            return (
                tuple(Step(intent=Intent.REFINE, changes=part.changes, target=target) for part in parts),
                whole.hurry,
            )
    changes = dict(whole.changes)
    rest = without_opening(whole.rest)
    if rest:
        changes.update(_described(rest, at_hand, opening(text).change))
    return (Step(intent=Intent.REFINE, changes=changes, target=target),), whole.hurry


def _described(rest: str, request: VideoRequest | None, about_it: bool) -> dict[str, Any]:
    """What a change in free words does to who is seen, where, or the idea."""
    words = words_of(rest)
    first = words.word(0)
    swapped = _SWAP.match(rest)
    if request is not None and swapped and swapped[1].casefold() in request.subject.casefold():
        changes = {"subject": _swapped(request.subject, swapped[1], swapped[2])}
        if request.idea:
            changes["idea"] = _swapped(request.idea, swapped[1], swapped[2])
        return changes
    if first in vocab.PLACE_WORDS and place_in(f"x {rest}") == ("x", rest):
        return {"setting": rest}
    if first in {"a", "an", "two", "three"} and (about_it or (request is not None and len(words) > 3)):
        subject, setting = place_in(rest)
        setting = setting or (request.setting if request else "")
        changes = {"subject": subject, "idea": f"{subject} {setting}".strip()}
        return {**changes, "setting": setting} if setting else changes
    if request is not None and request.idea:
        return {"idea": f"{request.idea}; {rest}"}
    return {"idea": rest}


def _swapped(text: str, old: str, new: str) -> str:
    """The text with `new` for `old`; the article stays with an adjective before it ("a red fox" to "a red wolf")."""
    found = re.search(r"(\b(?:a|an|the)\s)?" + re.escape(old), text, re.IGNORECASE)
    if found is None:
        return text
    bare = re.sub(r"^(?:a|an|the)\s", "", new, flags=re.IGNORECASE)
    return text[: found.start()] + (new if found[1] else bare) + text[found.end() :]
