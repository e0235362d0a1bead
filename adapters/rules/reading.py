"""From a message to a reading: what the person wants, in steps.

Nothing here can do more than propose slots; `core.policy` decides what follows. Sentences for the person are left to
the core, so replies stay empty.
"""

from __future__ import annotations

import re
import unicodedata

from adapters.rules import vocabulary as vocab
from adapters.rules.answers import answer, left_to_us
from adapters.rules.joining import joining
from adapters.rules.refining import asks_to_change, refine, shaping, target_of, without_opening
from adapters.rules.screening import language_of, unsafe
from adapters.rules.slots import find
from adapters.rules.tokens import Words, plain, words_of
from adapters.rules.wishes import opening, wish, wishes
from core.messages import MediaKind
from core.reading import Intent, Reading, ReadingInput, Step
from core.request import MAX_TEXT

Steps = tuple[tuple[Step, ...], bool]
"""The steps, and whether they are in a hurry."""

LONGEST_SUMMARY = 120
_SPACES = re.compile(r"[^\S\n]+")
_YES_SIGNS = frozenset("👍✅👌🆗✔☑")
_NO_SIGNS = frozenset("👎❌🛑⛔✖")


def read(given: ReadingInput) -> Reading:
    """What the message means."""
    text = _SPACES.sub(" ", given.text.replace("\r", "\n")[:MAX_TEXT]).strip()
    words = words_of(text)
    language = language_of(text, words)
    if unsafe(words):
        return Reading(steps=(Step(intent=Intent.UNSAFE),), language=language)
    steps, hurry = _steps(given, text, words)
    ideas = [step.changes.get("idea", "") for step in steps if step.intent is Intent.CREATE]
    summary = ""
    if len(ideas) == 1:
        line = " ".join(str(ideas[0]).split())
        summary = line if len(line) <= LONGEST_SUMMARY else line[:LONGEST_SUMMARY].rsplit(" ", 1)[0] + "…"
    return Reading(steps=steps, language=language, hurry=hurry, summary=summary)


def _steps(given: ReadingInput, text: str, words: Words) -> Steps:
    heard = given.private or given.addressed
    joined = joining(given, text)
    if joined is not None and (heard or joined.clips):
        return (joined,), find(text).hurry
    if given.question is not None:
        changes = answer(given.question, given, text, heard)
        if changes is not None:
            return (Step(intent=Intent.ANSWER, changes=changes),), find(text).hurry
    target, text = target_of(given, text)
    if not words:
        return (_wordless(given, text, heard),), False
    remark = _remark(given, text, target, heard)
    if remark is not None:
        return remark
    if not heard:
        return _overheard(given, text, target)
    begun = opening(text)
    if text.endswith("?") and words.word(0) in vocab.ASKING and not begun.verb and not find(text).changes:
        return (Step(intent=Intent.HELP),), False
    if _says_too_little(text) and not find(text).changes:
        return (Step(intent=Intent.CHAT),), False
    if asks_to_change(given, text, target):
        return refine(given, text, target)
    return _create(text)


def _says_too_little(text: str) -> bool:
    """Whether there is nothing to film in it: digits, one letter, "please"."""
    letters = "".join(character for character in text if character.isalpha())
    only_polite = all(word in vocab.POLITE for word in words_of(text).words)
    return not letters or only_polite or (len(letters) == 1 and letters.isascii())


def _create(text: str) -> Steps:
    told = wishes(text)
    steps: list[Step] = []
    hurry = told.hurry
    for each in told.texts:
        changes, in_hurry = wish(each) if each else ({}, False)
        hurry = hurry or in_hurry
        steps.append(Step(intent=Intent.CREATE, changes={**told.shared, **changes}))
    return tuple(steps), hurry


def _overheard(given: ReadingInput, text: str, target: int | None) -> Steps:
    """People talking near the bot: only what can be meant for nobody else is taken up."""
    live = shaping(given) or bool(given.finished) or bool(given.running)
    begun = opening(text)
    if target is not None or (live and begun.change and not without_opening(find(text).rest)):
        return refine(given, text, target)
    if live and not without_opening(find(text).rest) and find(text).changes:
        return refine(given, text, target)
    if live and begun.verb and begun.clip and not begun.change:
        return _create(text)
    return (Step(intent=Intent.ASIDE),), False


# --- remarks of one phrase -------------------------------------------------------------------------------------------


def _wordless(given: ReadingInput, text: str, heard: bool) -> Step:
    signs = {character for character in text if not character.isspace()}
    live = given.open_card or given.question is not None or bool(given.running)
    if signs & _YES_SIGNS and given.open_card:
        return Step(intent=Intent.CONFIRM)
    if signs & _NO_SIGNS and live:
        return Step(intent=Intent.CANCEL)
    if not heard:
        return Step(intent=Intent.ASIDE)
    pictures = signs - _YES_SIGNS - _NO_SIGNS
    if any(unicodedata.category(sign) == "So" for sign in pictures) and not given.finished and not live:
        return Step(intent=Intent.CREATE, changes={"idea": text, "subject": text})
    if not signs and any(file.kind in (MediaKind.PHOTO, MediaKind.VIDEO) for file in given.attachments):
        return Step(intent=Intent.REFINE if shaping(given) else Intent.CREATE)
    return Step(intent=Intent.HELP if "?" in signs else Intent.CHAT)


def _remark(given: ReadingInput, text: str, target: int | None, heard: bool) -> Steps | None:
    """The steps of a text that is one known phrase and nothing else."""
    phrase = plain(text)
    short = " ".join(word for word in phrase.split() if word not in vocab.POLITE)
    live = shaping(given) or bool(given.running)
    if not phrase:
        return (Step(intent=Intent.STATUS, target=target),), False
    if phrase in vocab.HURRY_ALONE or short in vocab.HURRY_ALONE or (find(text).hurry and not plain(find(text).rest)):
        if not heard and not live:
            return (Step(intent=Intent.ASIDE),), False
        if given.question is not None:
            return (Step(intent=Intent.ANSWER, changes=left_to_us(given.question)),), True
        return (Step(intent=Intent.REFINE if shaping(given) else Intent.CHAT),), True
    if phrase in vocab.GREETINGS or short in vocab.GREETINGS:
        fresh = not live and not given.finished
        return (Step(intent=(Intent.HELP if fresh else Intent.CHAT) if heard else Intent.ASIDE),), False
    if phrase in vocab.NO or short in vocab.NO:
        intent = Intent.CANCEL if given.open_card else Intent.CHAT
        return (Step(intent=intent if heard or given.open_card else Intent.ASIDE),), False
    intent_found = vocab.REMARKS.get(phrase) or vocab.REMARKS.get(short)
    if intent_found is None:
        return None
    if intent_found is Intent.CONFIRM and not shaping(given):
        intent_found = Intent.CHAT
    told_us = heard or (intent_found is Intent.CONFIRM and given.open_card) or target is not None
    told_us = told_us or (live and (intent_found is Intent.STATUS or "cancel" in phrase))
    return (Step(intent=intent_found if told_us else Intent.ASIDE, target=target if told_us else None),), False
