"""The one pass over a text that collects what it says about a clip, and where it says so.

What is left of the text, and what the slots are good for, is decided by `slots` and `reading`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from adapters.rules import vocabulary as vocab
from adapters.rules.tokens import Phrases, Words, words_of
from core.request import SILENT

USUAL_LENGTH_S = 8
"""What "longer" starts from when no length was said: the longest clip of one shot that all services make."""
MAX_LENGTH_S = 3_600


class Meaning(NamedTuple):
    """What a phrase says about which slot."""

    slot: str
    value: Any
    clear: bool
    """True when it counts wherever it stands."""
    technical: bool
    """True when it is about the file and not about what is seen."""


def _table() -> Phrases[Meaning]:
    entries: dict[str, Meaning] = {}
    for slot, clear, bound, technical in (
        ("aspect", vocab.ASPECT_CLEAR, vocab.ASPECT_BOUND, True),
        ("resolution", vocab.RESOLUTION_CLEAR, {}, True),
        ("tier", vocab.TIER_CLEAR, vocab.TIER_BOUND, True),
        ("length", vocab.LENGTH, {}, True),
        ("hurry", vocab.HURRY_ANYWHERE, {}, True),
        ("audio", vocab.AUDIO_CLEAR, {}, False),
        ("language", vocab.LANGUAGE_CLEAR, {}, False),
        ("style", vocab.STYLE_CLEAR, vocab.STYLE_BOUND, False),
        ("camera", vocab.CAMERA_CLEAR, vocab.CAMERA_BOUND, False),
        ("mood", vocab.MOOD_CLEAR, vocab.MOOD_BOUND, False),
    ):
        tables: tuple[tuple[Mapping[str, Any], bool], ...] = ((bound, False), (clear, True))
        for table, certain in tables:
            for phrase, value in table.items():
                entries[phrase] = Meaning(slot, value, certain, technical or value == SILENT)
    return Phrases(entries)


_PHRASES = _table()
_NUMBERS = Phrases(vocab.NUMBERS)
_UNITS = vocab.SECONDS | vocab.MINUTES
_MUSIC = vocab.word_set("music soundtrack score musik música musique musica")
_STARTS = _PHRASES.firsts | _MUSIC | vocab.word_set("no without avoid show include sound sounds noise")
_RATIO = re.compile(r"(?<![\d:])(?<!\d[.,])(16|9|4|3|1|21)\s?[:x×/]\s?(16|9|4|3|1|5)(?![\d:])")
_RATIOS = {
    "16:9": "16:9",
    "9:16": "9:16",
    "1:1": "1:1",
    "4:3": "16:9",
    "3:4": "9:16",
    "21:9": "16:9",
    "4:5": "9:16",
}
_QUOTED = re.compile(r'"([^"\n]{1,300})"|“([^“”"\n]{1,300})[”"]|«([^«»\n]{1,300})»|„([^„“”\n]{1,300})[“”"]')
_QUOTE_LEAD = vocab.SPEAKING | vocab.SHOWN | vocab.word_set("with the that which who a and it should on screen in big")


class Search:
    """One pass over the words of a text, collecting what it finds."""

    def __init__(self, text: str, length_s: int, loose: bool) -> None:
        self.words: Words = words_of(text)
        self.length_s = length_s
        self.loose = loose
        self.changes: dict[str, Any] = {}
        self.hurry = False
        self.technical: list[tuple[int, int]] = []
        self.remarks: list[tuple[int, int]] = []
        self.used = bytearray(len(self.words) + 1)
        self.skip_until = 0

    def run(self) -> None:
        self._quotes()
        self._ratios()
        timed = not _UNITS.isdisjoint(self.words.words)
        for index, word in enumerate(self.words.words):
            if index < self.skip_until or self.used[index]:
                continue
            if word in _STARTS and (self._phrase(index) or self._avoid(index) or self._sound(index)):
                continue
            if word[0].isdigit() and (self._phrase(index) or (timed and self._duration(index))):
                continue
            if timed and word in vocab.NUMBERS:
                self._duration(index)
        self._hurry_at_the_end()

    # places ---------------------------------------------------------------------------------------------------------

    def _take(self, start: int, end: int, *, technical: bool) -> None:
        """Mark words as understood, with the little words around them."""
        words = self.words
        for index in range(start, end):
            self.used[index] = 1
        self.skip_until = max(self.skip_until, end)
        if start > 0 and words.word(start - 1) == "not":
            return
        for _ in range(3):
            left = start - 1
            if left < 0 or self.used[left] or words.broken(start) or words.word(left) not in vocab.SWALLOW_LEFT:
                break
            start = left
        while end < len(words) and not words.broken(end) and words.word(end) in vocab.SWALLOW_RIGHT:
            self.used[end] = 1
            end += 1
        (self.technical if technical else self.remarks).append((words.starts[start], words.ends[end - 1]))

    def _stands_alone(self, start: int, end: int) -> bool:
        """Whether the words are a remark of their own and not part of what is shown."""
        words = self.words
        after = words.word(end)
        if self.loose:
            return True
        if not words.broken(end) and (after in vocab.FORMAT_NOUNS or after in vocab.SWALLOW_RIGHT):
            return True
        if not words.broken(end) and (after not in vocab.CLAUSE_ENDS or after == "of"):
            return False
        return words.broken(start) or words.word(start - 1) in vocab.LEADS or bool(self.used[start - 1])

    def _put(self, slot: str, value: Any) -> None:
        """Texts are gathered, the last of everything else counts."""
        before = self.changes.get(slot)
        if slot in ("style", "camera", "mood", "avoid", "words") and before and value not in before.split(", "):
            value = f"{before}, {value}"
        elif slot == "audio" and before and before != value and SILENT not in (before, value):
            value = f"{before}; {value}"
        self.changes[slot] = value

    # what is looked for ---------------------------------------------------------------------------------------------

    def _quotes(self) -> None:
        words = self.words
        place = 0
        for match in _QUOTED.finditer(words.text):
            quoted = next(group for group in match.groups() if group).strip()
            while place < len(words) and words.starts[place] < match.start():
                place += 1
            first = place
            while place < len(words) and words.starts[place] < match.end():
                self.used[place] = 1
                place += 1
            lead = first
            while lead > 0 and first - lead < 6 and words.word(lead - 1) in _QUOTE_LEAD and not self.used[lead - 1]:
                lead -= 1
            near = words.words[lead:first]
            spoken = any(word in vocab.SPEAKING for word in near)
            shown = any(word in vocab.SHOWN for word in near)
            on_sign = any(word in vocab.SIGNS for word in words.words[max(0, lead - 2) : first])
            if not quoted or not (spoken or shown):
                continue
            if shown or on_sign:
                self._put("words", quoted)
            else:
                self._put("audio", f'spoken: "{quoted}"')
            for index in range(lead, first):
                self.used[index] = 1
            self.remarks.append((words.starts[lead], match.end()))

    def _ratios(self) -> None:
        words = self.words
        match = _RATIO.search(words.text)
        if match is None or (ratio := _RATIOS.get(f"{match[1]}:{match[2]}")) is None:
            return
        index = next(i for i, start in enumerate(words.starts) if start == match.start())
        self._put("aspect", ratio)
        until = self.skip_until
        self._take(index, index + 2, technical=True)
        self.skip_until = until

    def _number(self, index: int) -> tuple[int, float] | None:
        word = self.words.word(index)
        if word[:1].isdigit():
            try:
                return 1, float(word.replace(",", "."))
            except ValueError:
                return None
        return _NUMBERS.at(self.words, index) if index < len(self.words) else None

    def _duration(self, index: int) -> bool:
        words = self.words
        number = self._number(index)
        if number is None:
            return False
        end, amount = index + number[0], number[1]
        dash = words.gap(end).strip() in {"-", "–", "—"} and end < len(words)
        if words.word(end) in vocab.RANGE or dash:
            upper = self._number(end if dash else end + 1)
            if upper is not None:
                end, amount = (end if dash else end + 1) + upper[0], max(amount, upper[1])
        unit = words.word(end)
        if words.broken(end) or self.used[end]:
            return False
        if words.word(index) in {"a", "an"} and unit in vocab.SECONDS and end == index + 1:
            return False
        if unit in {"s", "min"} and not words.word(index)[:1].isdigit():
            return False
        if unit in vocab.SECONDS:
            seconds = amount
        elif unit in vocab.MINUTES:
            seconds = amount * 60
        else:
            return False
        end += 1
        if words.words[end : end + 3] == ("and", "a", "half"):
            seconds += 30 if unit in vocab.MINUTES else 0.5
            end += 3
        if not 1 <= seconds <= MAX_LENGTH_S:
            return False
        change = {"longer": 1, "more": 1, "shorter": -1, "less": -1}.get(words.word(end), 0)
        if change:
            end += 1
            seconds = max(1, self.length_s + change * seconds)
        self._put("duration_s", max(1, round(seconds)))
        self._take(index, end, technical=True)
        return True

    def _phrase(self, index: int) -> bool:
        match = _PHRASES.at(self.words, index)
        if match is None:
            return False
        length, meaning = match
        end = index + length
        if self.words.word(index - 1) in {"no", "not", "without"} and not self.words.broken(index):
            return False
        alone = self._stands_alone(index, end)
        if not meaning.clear and not alone:
            return False
        if meaning.slot == "hurry":
            self.hurry = True
        elif meaning.slot == "length":
            if "duration_s" not in self.changes:
                wanted = self.length_s * meaning.value
                self._put("duration_s", max(2, -int(-wanted // 1)))
        else:
            self._put(meaning.slot, meaning.value)
        if meaning.slot == "camera" and self.words.word(end) == "of":
            end, alone = end + 1, True
            while index > 0 and self.used[index - 1] and not self.words.broken(index):
                index -= 1
        if meaning.technical or alone or meaning.slot in ("audio", "language"):
            self._take(index, end, technical=meaning.technical)
        else:
            for place in range(index, end):
                self.used[place] = 1
            self.skip_until = end
        return True

    def _avoid(self, index: int) -> bool:
        words = self.words
        word = words.word(index)
        start = index + 1
        if word in {"show", "include"} and words.word(index - 1) in {"don't", "not"}:
            index -= 1
        elif word not in {"no", "without", "avoid"} or words.word(start) in {
            "one",
            "matter",
            "longer",
            "idea",
        }:
            return False
        if words.word(start) == "any":
            start += 1
        end = start
        while end < len(words) and end - start < 3 and words.word(end) not in vocab.CLAUSE_ENDS - {"of"}:
            if end > start and words.broken(end):
                break
            end += 1
        if end == start or words.broken(start):
            return False
        self._put("avoid", words.text[words.starts[start] : words.ends[end - 1]])
        self._take(index, end, technical=False)
        return True

    def _sound(self, index: int) -> bool:
        words = self.words
        word = words.word(index)
        if word in {"sound", "sounds", "noise"} and words.word(index + 1) == "of":
            end = index + 2
            while end < len(words) and end - index < 8 and not words.broken(end) and words.word(end) != "with":
                end += 1
            if end == index + 2:
                return False
            self._put("audio", words.text[words.starts[index] : words.ends[end - 1]])
            self._take(index, end, technical=False)
            return True
        if word not in _MUSIC:
            return False
        start = index
        while start > 0 and index - start < 3 and not words.broken(start) and not self._music_lead(start - 1):
            start -= 1
        if not words.broken(start) and not self._music_lead(start - 1):
            return False
        if any(heard.endswith("ing") for heard in words.words[start:index]):
            return False  # somebody plays it: that is what is seen
        self._put("audio", words.text[words.starts[start] : words.ends[index]])
        self.used[start:index] = bytes(index - start)
        self._take(start, index + 1, technical=False)
        return True

    def _music_lead(self, index: int) -> bool:
        return self.words.word(index) in {
            "with",
            "to",
            "and",
            "some",
            "add",
            "plus",
            "a",
            "use",
            "put",
            "mit",
            "con",
        }

    def _hurry_at_the_end(self) -> None:
        words = self.words
        last = len(words) - 1
        while last > 0 and words.word(last) in vocab.POLITE:
            last -= 1
        if last > 0 and words.word(last) in {
            "now",
            "quickly",
            "jetzt",
            "ahora",
            "сейчас",
            "зараз",
            "maintenant",
        }:
            self.hurry = True
            self._take(last, last + 1, technical=True)
