"""Reading that finished clips are to be joined: which ones, in which order, and the title.

Only what can be meant for nothing else is taken up: clips by their ids, "my last two", "this", beside a word for
joining. Whether there are such clips, and whether they may be used, is the core's to say.
"""

from __future__ import annotations

import re
from typing import Any

from adapters.rules import vocabulary as vocab
from adapters.rules.slots import find, tidy
from adapters.rules.tokens import Words, plain, words_of
from core.reading import Intent, ReadingInput, Step
from core.request import SILENT

Clips = tuple[int | None, ...]

MOST_OF_A_RANGE = 20
"""Clips that "v1 to v9" can stand for; more cannot be joined anyway."""

_CLIP = re.compile(r"\bv(\d{1,9})\b(?!['\u2019])", re.IGNORECASE)
_RANGE = re.compile(r"\bv(\d{1,9})\s?(?:-|–|to|through|bis|until|à|a|до)\s?v(\d{1,9})\b", re.IGNORECASE)
_TITLE = re.compile(
    r"\b(?:(?:with|under|and|give it|using|mit|con|avec|com|col|с|під|з)\s)?"
    r"(?:(?:the|a|as|dem|den|der|einem|el|un|le|o|um|il|it)\s){0,2}"
    r"(?:title card|title|titled|entitled|titel|título|titre|titolo|intitulé|intitulée|intitulato|called|named|"
    r"названием|заголовком|назвою|титулом)\b\s?(?:reading|saying|of|is|to)?\s?[:=]?\s?(?=\S)",
    re.IGNORECASE,
)
_CALL_IT = re.compile(r"^(?:and |please ){0,2}(?:call|name|title) (?:it|this|them|that) (?=\S)", re.IGNORECASE)
_QUOTES = {'"': '"', "“": "”", "„": "“", "«": "»", "'": "'", "‘": "’"}
_CLOSING = {"„": "“”"}
_LATEST = re.compile(
    r"\b(?:the |my |our |die |meine |los |mis |les |mes |gli |i miei |os |meus ){0,2}"
    r"(?:last|latest|newest|letzten|últimos|dernières|derniers|ultimi|последние|останні)"
    r"(?: (\w+))?(?: (?:clips?|videos?|films?|ones|of them|vídeos|vidéos|video|видео|ролика|відео))?\b",
    re.IGNORECASE,
)
_ALL = re.compile(
    r"\b(?:all|both|every|alle|beide|todos|tous|tutti|все|всі)(?: of)?"
    r"(?: (?:my|the|these|those|our|meine|die|los|les|mes))?"
    r"(?: (?:clips|videos|films|of them|ones|vídeos|vidéos|video|видео|відео))\b|\bboth(?: of them)?\b",
    re.IGNORECASE,
)
_AT_HAND = vocab.word_set("this it that dies dieses das esto este ceci ça questo isto это цьому")
_LITTLE = vocab.word_set(
    "and then with to the a an of in into one single together clip clips video videos film films my please now just "
    "in order these those this it that them und dann mit zu den die das ein einem zusammen y luego con el la los et "
    "puis avec le les e poi i gli и потом затем с в один і потім з plus up end after before at"
)
_START = vocab.word_set("beginning start front before first begin anfang vor principio début inizio начало початок")
_BESIDE = re.compile(
    r"\b(?:to|onto|after|behind|before|in front of|following|an|nach|vor|a|al|à|après|avant|dopo|prima di|"
    r"к|после|перед|до|після)\b",
    re.IGNORECASE,
)
_SLOTS = frozenset({"aspect", "resolution"})
_NO_TITLE = frozenset(
    {"no title", "without title", "without a title", "without the title", "remove the title", "ohne titel"}
)


def joining(given: ReadingInput, text: str) -> Step | None:
    """The step for a text that wants clips joined, or what joins them already changed; else None."""
    title, rest = _title(text)
    words = words_of(rest)
    parts = tuple(part.generation for part in given.request.parts) if given.request else ()
    clips = _clips(given, rest, words, parts if given.open_card else ())
    if clips is None:
        return _retitled(title, rest) if parts else None
    changes = _changes(rest)
    if title:
        changes["words"] = title
    return Step(intent=Intent.JOIN, clips=clips, changes=changes)


def _retitled(title: str, rest: str) -> Step | None:
    """Another title, or none, for clips that are joined already, or are on the card that is open."""
    phrase = plain(rest)
    if title and all(word in vocab.POLITE | vocab.CHANGE | vocab.MAKE | _LITTLE for word in phrase.split()):
        return Step(intent=Intent.REFINE, changes={"words": title})
    if phrase in _NO_TITLE:
        return Step(intent=Intent.REFINE, changes={"words": ""})
    return None


def _changes(rest: str) -> dict[str, Any]:
    found = find(_CLIP.sub(" ", rest)).changes
    changes = {slot: value for slot, value in found.items() if slot in _SLOTS}
    if found.get("audio") == SILENT:
        changes["audio"] = SILENT
    return changes


# --- which clips -----------------------------------------------------------------------------------------------------


def _clips(given: ReadingInput, rest: str, words: Words, open_parts: tuple[int, ...]) -> Clips | None:
    """The clips in order, empty when joining is meant and nobody can tell of what, None when it is not meant."""
    named = _named(rest)
    first = next((word for word in words.words if word not in vocab.OPENING | vocab.POLITE), "")
    verb = first in vocab.JOIN or (first in vocab.JOIN_APART and bool(set(words.words) & vocab.TOGETHER))
    if open_parts and named and not verb:
        return _amended(open_parts, named, words)
    if not named:
        some = _some(given, rest)
        if verb and some is not None:
            return some
        spoken_of = bool(set(words.words) & (vocab.CLIP | {"them", "these", "those"}))
        return () if verb and spoken_of and _says_no_more(rest) else None
    together = len(named) > 1 and bool(set(words.words) & vocab.TOGETHER)
    if first in vocab.ADD and not together:
        return _beside(rest, words)
    if not verb and not together:
        return None
    known = {*given.finished, *given.running, *open_parts}
    if not known.intersection(named) and not _says_no_more(rest):
        return None  # "combine a V6 engine and a V8"
    if len(named) == 1 and set(words.words) & _AT_HAND and not together:
        return _in_order(rest, named[0], words)
    return tuple(named)


def _named(text: str) -> list[int]:
    """The clips that a text names, in order; a range stands for all between its ends."""
    found: list[int] = []
    place = 0
    while (match := _CLIP.search(text, place)) is not None:
        span = _RANGE.match(text, match.start())
        if span is None or not int(span[1]) < int(span[2]) < int(span[1]) + MOST_OF_A_RANGE:
            found.append(int(match[1]))
            place = match.end()
        else:
            found += range(int(span[1]), int(span[2]) + 1)
            place = span.end()
    return found


def _some(given: ReadingInput, text: str) -> Clips | None:
    """ "My last three", "both", "all my clips": of what is finished, in the order in which it was made."""
    if (match := _LATEST.search(text)) is not None:
        word = (match[1] or "").casefold()
        count = int(word) if word.isdecimal() and len(word) < 3 else int(vocab.NUMBERS.get(word, 2))
        return tuple(reversed(given.finished[: max(1, count)]))
    if (match := _ALL.search(text)) is not None:
        two = match.group().casefold().startswith(("both", "beide"))
        return tuple(reversed(given.finished[:2] if two else given.finished))
    return None


def _beside(rest: str, words: Words) -> Clips | None:
    """ "Add v2 to the end of this", "put v3 before v2": what is added, and what it is added to."""
    beside = _BESIDE.search(rest, _first_clip(rest))
    if beside is None and not _says_no_more(rest):
        return None
    cut, on = (beside.start(), beside.end()) if beside is not None else (len(rest), len(rest))
    added, target = _named(rest[:cut]), _named(rest[on:])
    if not added:
        return None
    to: Clips = tuple(target) or (None,)
    return (*added, *to) if set(words.words) & _START else (*to, *added)


def _in_order(rest: str, clip: int, words: Words) -> Clips:
    """One clip by name, and the one at hand: in the order in which they are spoken of."""
    at_hand = next(start for start, word in zip(words.starts, words.words, strict=True) if word in _AT_HAND)
    return (None, clip) if at_hand < _first_clip(rest) else (clip, None)


def _first_clip(text: str) -> int:
    match = _CLIP.search(text)
    return match.end() if match is not None else 0


def _amended(parts: tuple[int, ...], named: list[int], words: Words) -> Clips | None:
    """The clips of the open card with some added, left out, or all in another order."""
    said = set(words.words)
    if said & {"without", "remove", "drop", "delete", "leave", "omit", "skip", "ohne", "sin", "sans", "senza", "без"}:
        return tuple(part for part in parts if part not in named)
    if said & (vocab.ADD | {"also", "too", "plus", "auch", "también", "aussi", "anche", "тоже", "також"}):
        return (*named, *parts) if said & _START else (*parts, *named)
    if len(named) == 1 and said & (_START | {"last", "end"}):
        others = tuple(part for part in parts if part != named[0])
        return (*named, *others) if said & _START else (*others, *named)
    return tuple(named) if len(named) > 1 else None


def _says_no_more(text: str) -> bool:
    """Whether there is nothing in it but clips, joining and little words."""
    known = _LITTLE | vocab.JOIN | vocab.JOIN_APART | vocab.TOGETHER | vocab.POLITE | vocab.OPENING | vocab.ADD
    left = find(_CLIP.sub(" ", text)).rest
    return all(word in known for word in words_of(left).words)


# --- the title -------------------------------------------------------------------------------------------------------


def _title(text: str) -> tuple[str, str]:
    """The title that a text asks for, or empty, and the text without it."""
    found = _CALL_IT.search(text) or _TITLE.search(text)
    if found is None:
        return "", text
    before, after = text[: found.start()], text[found.end() :]
    closing = _CLOSING.get(after[0]) or _QUOTES.get(after[0])
    if closing is not None:
        end = next((place for place, sign in enumerate(after[1:], 1) if sign in closing), -1)
        if end > 0:
            return after[1:end].strip(), f"{before} {after[end + 1 :]}"
    # Without quotes it goes to the end of the line, less what is said about the clip after it.
    line, _, more = after.partition("\n")
    pieces = line.split(",")
    told: list[str] = []
    while len(pieces) > 1 and (_is_remark(pieces[-1]) or _joins(pieces[-1])):
        told.insert(0, pieces.pop())
    title = tidy(",".join(pieces)).rstrip(".!") if pieces else ""
    return title, " , ".join((before, *told, more))


def _is_remark(piece: str) -> bool:
    found = find(piece)
    return not plain(piece) or plain(piece) in vocab.POLITE or bool(found.changes and not found.rest)


def _joins(piece: str) -> bool:
    return bool(_CLIP.search(piece)) and bool(set(words_of(piece).words) & (vocab.JOIN | vocab.TOGETHER))
