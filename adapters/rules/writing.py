"""Writing a video prompt from the slots, and softer versions of a refused wish.

What the families of models like best is taken from the guide that comes with the input.
"""

from __future__ import annotations

import re

from adapters.rules.slots import tidy
from adapters.rules.tokens import words_of
from adapters.rules.vocabulary import LANGUAGES, SOFTER
from core.reading import PromptInput
from core.request import VideoRequest

MAX_PROMPT = 2_000
"""Characters; longer prompts are followed badly."""
MAX_PART = 240
MAX_IDEA = 300
_CURLY = str.maketrans("“”„«»", '"' * 5)


def _sentence(text: str) -> str:
    text = text.strip()
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in '.!?…。"' else ".")


def _cut(text: str, limit: int) -> str:
    """At most `limit` characters, cut between words."""
    text = " ".join(text.split())
    if len(text) <= limit:
        return text
    return text[:limit].rsplit(" ", 1)[0][:limit]


def _shown(request: VideoRequest) -> str:
    """Who does what where, in the person's words and without saying anything twice."""
    joined = " ".join(part for part in (request.subject, request.setting) if part)
    if not request.idea:
        return joined
    known = set(words_of(" ".join((joined, request.style, request.camera, request.mood, request.audio))).words)
    new = set(words_of(request.idea).words) - known
    contained = set(words_of(joined).words) <= set(words_of(request.idea).words)
    if not joined or (len(new) > 3 and contained):
        return request.idea
    if any(len(word) > 3 for word in new):
        return f"{joined}. {_sentence(request.idea)}"
    return joined


def prompt(given: PromptInput) -> str:
    """One plain paragraph of at most `MAX_PROMPT` characters."""
    request = given.request
    opening = _sentence(_cut(request.camera, MAX_PART)) if request.camera else "Smooth, steady camera."
    parts = [
        f"{'Style: ' + _cut(request.style, MAX_PART) if request.style else 'Realistic style, natural light'}.",
        f"Mood: {_cut(request.mood, MAX_PART)}." if request.mood else "",
        "Begin with the given first picture and bring it to life." if request.first_frame else "",
        "End on the given last picture." if request.last_frame else "",
        "Keep the look of the given reference pictures." if request.references else "",
        _sound(given),
    ]
    if request.words:
        words = _cut(request.words, MAX_PART).translate(_CURLY).replace('"', "'")
        parts.append(f'The words "{words}" are shown on screen, large and legible.')
    if request.avoid and not given.negative_prompt:
        parts.append(f"Do not show: {_cut(request.avoid, MAX_PART)}.")
    if len(request.shots) < 2 and "single continuous shot" in given.guide:
        parts.append("Single continuous shot, no scene cuts.")
    if not request.words and "(no subtitles)" in given.guide:
        parts.append("(no subtitles)")
    rest = " ".join(part for part in parts if part)
    room = MAX_PROMPT - len(opening) - len(rest) - 4
    shown = _shots(given, room) or _sentence(_cut(_shown(request).translate(_CURLY), room))
    if not shown:
        pictures = request.first_frame or request.references
        shown = "Gentle, natural movement." if pictures else "A small, surprising moment of everyday beauty."
    return f"{opening} {shown} {rest}"


def _shots(given: PromptInput, room: int) -> str:
    """The shots in order, with the time marks that the guide asks for."""
    shots = given.request.shots
    if not shots:
        return ""
    each = max(20, room // len(shots) - 16)
    lines = []
    for number, shot in enumerate(shots):
        start = round(given.duration_s * number / len(shots), 1)
        end = round(given.duration_s * (number + 1) / len(shots), 1)
        mark = f"[{start:g}-{end:g}s]" if "[0-3s]" in given.guide else f"Shot {number + 1}:"
        lines.append(f"{mark} {_sentence(_cut(shot.translate(_CURLY), each))}")
    return " ".join(lines)


def _sound(given: PromptInput) -> str:
    request = given.request
    if not given.sound or request.silent:
        return "No sound."
    if not request.audio:
        heard = "Audio: the natural sounds of the scene."
    else:
        heard = f"Audio: {_cut(request.audio.translate(_CURLY), MAX_IDEA)}".rstrip(". ") + "."
    if request.language:
        code = request.language.partition("-")[0].lower()
        name = next((name for name, known in LANGUAGES.items() if known == code), request.language[:20])
        heard += f" Speech is in {name.capitalize()}."
    return heard


_WORD = re.compile(r"[^\W\d_]+")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]{1,20}(?: [A-Z][a-z]{1,20}){1,2}")


def softened(text: str) -> str:
    """The wish with the words that services refuse most often replaced, and people's names left out."""
    text = _NAME.sub("somebody", text)
    return _WORD.sub(lambda match: SOFTER.get(match.group().casefold(), match.group()), text)


def rewrites(request: VideoRequest) -> tuple[str, str]:
    """Two ideas that keep the wish."""
    wish = request.idea or " ".join(part for part in (request.subject, request.setting) if part)
    wish = tidy(_cut(softened(wish), MAX_IDEA)) or "a quiet scene full of small surprises"
    return (
        f"{wish}, harmless and good-humoured, everybody is safe",
        f"a gentle cartoon for the whole family: {wish}",
    )
