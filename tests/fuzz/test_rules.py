"""The rules over any text: they never raise, say the same each time, and their work grows no faster than the text,
whatever somebody sends."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from types import FrameType, ModuleType
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import adapters.rules.refining
import adapters.rules.search
import adapters.rules.slots
import adapters.rules.tokens
import adapters.rules.wishes
import adapters.rules.writing
import adapters.slack.text
from adapters.rules import vocabulary as vocab
from adapters.rules.reading import read
from adapters.rules.slots import find
from adapters.rules.tokens import words_of
from adapters.rules.wishes import opening
from adapters.rules.writing import MAX_PROMPT, prompt, rewrites
from core.catalogue import load_catalogue
from core.reading import OpenQuestion, PromptInput, ReadingInput
from core.request import SPOKEN_SLOTS, TEXT_SLOTS, VideoRequest, changed
from tests.fuzz.damage import any_text
from tests.fuzz.volume import PATIENT, tries
from tests.fuzz.wording import said

pytestmark = PATIENT

LONG = 12_000
GUIDES = (*load_catalogue().guides.values(), "")
MODULES: tuple[ModuleType, ...] = (
    adapters.rules.refining, adapters.rules.search, adapters.rules.slots, adapters.rules.tokens, adapters.rules.wishes,
    adapters.rules.writing, adapters.slack.text,
)  # fmt: skip
PATTERNS = {
    f"{module.__name__.rpartition('.')[2]}.{name}": value
    for module in MODULES
    for name, value in vars(module).items()
    if isinstance(value, re.Pattern)
}
"""Every regular expression that a person's text is held against."""
AT_THE_BEGINNING = frozenset({"refining._SWAP", "text._LINK", "text._ADDRESS"})
"""Those that are never looked for further on."""

_PHRASES = (*vocab.REMARKS, *vocab.NUMBERS, *vocab.STYLE_CLEAR, *vocab.CAMERA_CLEAR, *vocab.LENGTH, *vocab.ASPECT_CLEAR)
_soup = st.lists(st.sampled_from(_PHRASES) | st.sampled_from([",", ".", "?", '"', ":", "\n", "-", "no", "v1", "1",
"16:9"]),
                 max_size=30).map(" ".join)  # fmt: skip
_texts = said | _soup | st.builds(lambda text, times: (text * times)[:LONG], said, st.integers(1, 400))
_questions = st.none() | st.builds(
    lambda slot, options: OpenQuestion(slot=slot, text="?", options=tuple(options)),
    st.sampled_from([*SPOKEN_SLOTS, "change"]),
    st.lists(st.tuples(any_text, any_text | st.sampled_from(["8", "draft", "", "None"])), max_size=4),
)
_given = st.builds(
    lambda text, question, request, card, finished, private: ReadingInput(
        text=text,
        question=question,
        request=request,
        open_card=card,
        finished=finished,
        private=private,
        addressed=private,
    ),
    _texts,
    _questions,
    st.none() | st.builds(lambda idea: VideoRequest(idea=idea, subject=idea[:80], duration_s=8), said),
    st.booleans(),
    st.sampled_from([(), (1,), (2, 1)]),
    st.booleans(),
)


@tries(150, 0.5)
@example(ReadingInput(text="a fox, 1.16:9"))
@example(ReadingInput(text="1,1:1"))
@example(ReadingInput(text="9" * 4_000 + " seconds"))
@example(ReadingInput(text="make " + "9" * 500 + " clips of a; b"))
@given(_given)
def test_any_text_is_read_and_read_the_same_each_time(given: ReadingInput) -> None:
    found = read(given)
    for cache in (find, words_of, opening):
        cache.cache_clear()
    assert read(given) == found
    assert found.steps
    assert not found.plain_yes
    for step in found.steps:
        assert set(step.changes) <= set(SPOKEN_SLOTS)
        changed(VideoRequest(), dict(step.changes))


@tries(50, 0.2)
@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys(TEXT_SLOTS, said)),
    st.lists(said, max_size=12),
    st.sampled_from(GUIDES),
)
def test_any_request_becomes_a_prompt(slots: dict[str, str], shots: list[str], guide: str) -> None:
    request = changed(VideoRequest(), {**slots, "shots": shots})
    material = PromptInput(request=request, duration_s=8, aspect="16:9", sound=True, guide=guide, negative_prompt=False)
    assert 0 < len(prompt(material)) <= MAX_PROMPT
    assert len(rewrites(request)) == 2


# --- how much work it is ----------------------------------------------------------------------------------------------


def steps_of(work: Callable[[], object]) -> int:
    """How many lines of Python it takes."""
    count = 0

    def counted(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return counted

    before = sys.gettrace()
    sys.settrace(counted)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


PIECES = (
    "a", "a ", "9", "9 ", "1.", "16:9 ", '"', '"a', "“a", "v1 ", "no ", "no, ", "music ", "a, b and ",
    "make me a video of ",
    "another video of ", "and ", "\n- a", "\nshot 1: a", "; ", ". ", "in the ", "with ", "longer ", "two ",
    "seconds ", ",;:.",
    " ,", "🦊", "狐", "\u0301", "to ", "a fox into ", "yes ", "?", "not ", "sound of ", "Aa Bb ", "'a", "<", "&", ":a",
)  # fmt: skip


@pytest.mark.parametrize("piece", PIECES)
def test_twice_the_text_is_little_more_than_twice_the_work(piece: str) -> None:
    """Looking quadratic, at 500 and 1,000 characters, is what nobody may bring about; what is longer is cut."""
    caches = (find, words_of, opening)

    def work(length: int) -> int:
        for cache in caches:
            cache.cache_clear()
        text = (piece * length)[:length]
        request = VideoRequest(idea="a fox", subject="a fox", duration_s=8)
        return steps_of(lambda: (read(ReadingInput(text=text)), read(ReadingInput(text=text, request=request))))

    small, large = work(500), work(1_000)
    assert large < 2.6 * small + 5_000


_ALPHABETS = ("a", " ", "9", "a ", ", ", ",.", '"', "<", "<a", "://", "a://", "&lt", ":a", ":", "and ", "the a ",
"1:", "- ",
              "shot ", "A", "Aa ", "a'", "\n", "of ", "change ", "\t", "<@", "mailto:", "v1", ".")  # fmt: skip


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_no_pattern_is_brought_to_its_knees(name: str) -> None:
    """Long repeats of all that a pattern looks for, each ended by what does not fit: a pattern that tries everything
    again and again does not come to its end within this test's time."""
    pattern = PATTERNS[name]
    own = list(re.findall(r"[A-Za-z]{2,12}|[^\w\s\\]", pattern.pattern))[:12]
    for piece in dict.fromkeys((*_ALPHABETS, *own, *(f"{literal} " for literal in own))):
        text = (piece * LONG)[:LONG] + "\x01!"
        if name in AT_THE_BEGINNING:
            pattern.match(text)
        else:
            pattern.sub("", text)
