"""Reading an answer to the open question: a label, a value, a number, "you decide", or words of one's own.

A text that is no answer is left to `reading`.
"""

from __future__ import annotations

from typing import Any

from adapters.rules import vocabulary as vocab
from adapters.rules.refining import target_of, without_opening
from adapters.rules.slots import find
from adapters.rules.tokens import plain, words_of
from adapters.rules.wishes import opening, wish
from core.reading import OpenQuestion, ReadingInput
from core.request import SILENT, SPOKEN_SLOTS, TEXT_SLOTS, Tier

LONGEST_ANSWER = 300
"""A longer text, in characters, is not taken for the answer to a question."""
LONGEST_S = 600
"""A bare number above that is not taken for a length in seconds."""
_ABOUT = vocab.word_set("about around roughly maybe like for approximately max maximum say")
_NUMBERING = vocab.word_set("option number no the one choice answer nr")


def left_to_us(question: OpenQuestion) -> dict[str, Any]:
    """What "you decide" answers; a question about no slot in particular is answered by nothing."""
    return {question.slot: None} if question.slot in SPOKEN_SLOTS else {}


def _chosen(slot: str, value: str, label: str) -> dict[str, Any]:
    """What an option changes. Options of a question about no slot in particular are known by their labels."""
    return {slot: _value(slot, value, label)} if slot in SPOKEN_SLOTS else dict(find(label).changes)


def _value(slot: str, value: str, label: str) -> Any:
    """What an option sets the slot to; None leaves it to us."""
    if not value or plain(value) in vocab.DECIDE or value.casefold() in {"none", "null"}:
        return None
    if slot == "duration_s":
        return int(value) if value.isdecimal() else find(label).changes.get("duration_s")
    if slot == "tier":
        return Tier(value) if value in set(Tier) else find(label).changes.get("tier")
    return value


def answer(question: OpenQuestion, given: ReadingInput, text: str, heard: bool) -> dict[str, Any] | None:
    """What the text answers to the open question, or None when it is no answer."""
    slot = question.slot
    phrase = plain(text)
    options = [(label, _chosen(slot, value, label), value) for label, value in question.options]
    for label, chosen, value in options:
        spoken = {plain(label), plain(label.partition("·")[0]), plain(value)} - {""}
        if phrase in spoken or (not phrase and text and text == label.strip()):
            return chosen
    if not phrase:
        return None
    short = " ".join(word for word in phrase.split() if word not in vocab.POLITE) or phrase
    if phrase in vocab.DECIDE or short in vocab.DECIDE:
        return left_to_us(question)
    number = _choice(short)
    if number is not None and (slot != "duration_s" or not short.isdecimal() or number < 3):
        chosen_option = options[number - 1 : number] if number > 0 else options[-1:]
        if chosen_option:
            return chosen_option[0][1]
        if number == len(options) + 1 and left_to_us(question) not in [chosen for _, chosen, _ in options]:
            return left_to_us(question)  # the button "You decide" stands after the options
    if slot == "duration_s" and (amount := _choice(" ".join(w for w in short.split() if w not in _ABOUT))):
        return {slot: amount} if 1 <= amount <= LONGEST_S else None
    return _free_answer(question, given, text, short, heard)


def _choice(phrase: str) -> int | None:
    """The number in "2", "number two", "the second one"; -1 for "the last one"."""
    words = [word for word in phrase.split() if word not in _NUMBERING]
    if not words and phrase == "one":
        return 1
    if len(words) != 1 or len(words[0]) > 12:
        return None
    if words[0] == "last":
        return -1
    if words[0].isdecimal():
        return int(words[0]) or None
    number = vocab.ORDINALS.get(words[0]) or vocab.NUMBERS.get(words[0])
    return int(number) if number and number >= 1 and words[0] not in {"a", "an"} else None


def _free_answer(
    question: OpenQuestion, given: ReadingInput, text: str, short: str, heard: bool
) -> dict[str, Any] | None:
    """An answer in the person's own words, checked by what the slot can hold."""
    slot = question.slot
    if short in vocab.NO:
        if not heard:
            return None
        return {slot: SILENT} if slot == "audio" else left_to_us(question)
    begun = opening(text)
    changing = begun.change or words_of(text).word(0) in vocab.CHANGE
    found = find(text, given.request.duration_s if given.request else None)
    rest = without_opening(found.rest)
    if slot in found.changes and not (begun.verb and begun.clip) and (heard or not rest):
        more = {slot: without_opening(found.idea)} if rest and slot in TEXT_SLOTS else {}
        return {**found.changes, **more}
    if slot not in TEXT_SLOTS or not heard or changing:
        return None
    if begun.verb and (begun.clip or slot not in ("idea", "subject")):
        return None
    known = short in vocab.REMARKS or short in vocab.GREETINGS or short in vocab.HURRY_ALONE
    asking = text.rstrip().endswith("?")
    if known or asking or len(text) > LONGEST_ANSWER or not found.rest or not any(map(str.isalpha, text)):
        return None
    if target_of(given, text)[0] is not None:
        return None
    if slot in ("idea", "subject"):
        return wish(text)[0]
    if slot == "words":
        return {**found.changes, slot: text.strip().strip("\"'“”„«»")}
    return {**found.changes, slot: found.rest}
