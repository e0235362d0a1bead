"""What is asked before the card."""

from __future__ import annotations

from collections.abc import Sequence

from core.texts.spelling import shape

QUESTIONS = {
    "idea": "What should the video show? One sentence is enough.",
    "setting": "Where does it take place?",
    "style": "Which look do you have in mind?",
    "change": "What should be different? Tell me in your own words.",
}
"""How to ask for a slot when the dialogue model has no wording in the person's language."""

SETTINGS_OFFERED = (
    ("In nature", "in nature, daylight"),
    ("In a city", "in a busy city street"),
    ("At home", "at home"),
)
STYLES_OFFERED = (
    ("Like a film", "cinematic, photorealistic"),
    ("Animated", "3D animation"),
    ("Drawn", "hand-drawn"),
)
"""Label and slot value of the buttons under a question."""


def too_long(seconds: int, longest: int, name: str) -> str:
    """The length cannot be had."""
    return f"{name} makes clips of up to {longest} s, so {seconds} s will not do. Which length instead?"


def odd_length(seconds: int, name: str, lengths: Sequence[int]) -> str:
    """The length lies between two that can be had, or is too short."""
    if len(lengths) == 1:
        return f"{name} makes this in {lengths[0]} s only; {seconds} s is not among them. Shall it be {lengths[0]} s?"
    known = ", ".join(str(length) for length in lengths[:-1])
    return f"{name} makes clips of {known} or {lengths[-1]} s; {seconds} s is not among them. Which one?"


def no_such_shape(aspect: str, name: str) -> str:
    """The aspect cannot be had."""
    return f"{name} cannot make {shape(aspect)} clips. Which shape instead?"


def no_such_resolution(resolution: str, name: str) -> str:
    """The resolution cannot be had."""
    return f"{name} cannot make {resolution} clips. Which size instead?"


def took_instead(asked: str, got: str, name: str) -> str:
    """The nearest was taken without asking."""
    return f"{name} cannot do {asked}, so I took {got}."


def answered(question: str, answer: str) -> str:
    """The question with its answer, once the buttons are gone."""
    return f"{question}\n→ {answer}"


def lapsed(question: str) -> str:
    """A question that nobody answered in time."""
    return f"{question}\n(No longer open. Tell me any time what you would like.)"


def not_an_option(asked: str) -> str:
    """An answer that is none; `asked` is the question again."""
    return f"I did not get that. {asked}"
