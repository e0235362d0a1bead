"""The video request: what a person wants, slot by slot, before any model or price is chosen.

An empty slot means "not said"; defaults are filled in when the plan is made, so that the card can tell what was said
from what was assumed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from core.editing import EditPlan, Part

SILENT = "silent"
"""The value of the audio slot when no sound is wanted."""

MAX_TEXT = 4_000
"""Longest text kept in one slot, in characters: a chat message's size on Telegram (4,096) less a little."""


class Tier(StrEnum):
    """How much quality, and so money, a person wants to spend."""

    DRAFT = "draft"
    STANDARD = "standard"
    BEST = "best"


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaRef:
    """A person's own picture or clip, kept in the clip store."""

    name: str
    """Name in the clip store."""
    mime_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRequest:
    """The slots."""

    idea: str = ""
    """The wish in the person's own words."""
    subject: str = ""
    """Who or what is seen, and what it does."""
    setting: str = ""
    """Where and when."""
    style: str = ""
    camera: str = ""
    mood: str = ""
    audio: str = ""
    """What is heard: dialogue, music, effects; `SILENT` for nothing."""
    words: str = ""
    """Text to be shown on screen."""
    duration_s: int | None = None
    """Whole seconds."""
    aspect: str = ""
    """"16:9", "9:16" or "1:1"."""
    resolution: str = ""
    """"360p", "720p", "1080p" or "4k"."""
    tier: Tier | None = None
    first_frame: MediaRef | None = None
    last_frame: MediaRef | None = None
    references: tuple[MediaRef, ...] = ()
    source_clip: MediaRef | None = None
    parts: tuple[Part, ...] = ()
    """Finished clips that are to be joined, in order; `words` is the title before them then."""
    avoid: str = ""
    shots: tuple[str, ...] = ()
    """One line a shot, in order; empty for one shot."""
    language: str = ""
    """BCP 47 code of the language spoken in the clip, or empty for the person's own."""
    seed: int | None = None
    decided: frozenset[str] = frozenset()
    """Slots that the person left to us ("You decide"): never asked again."""

    @property
    def silent(self) -> bool:
        """True when the person asked for no sound."""
        return self.audio.strip().lower() == SILENT

    @property
    def edit(self) -> EditPlan | None:
        """The edit plan, where clips are to be joined rather than filmed."""
        return EditPlan(parts=self.parts, title=self.words.strip()) if self.parts else None


RESOLUTIONS = ("360p", "480p", "720p", "1080p", "4k")
"""From small to large; a resolution is the shorter side in pixels (4k: 2,160)."""

_ASPECT = re.compile(r"[1-9][0-9]?:[1-9][0-9]?", re.ASCII)

TEXT_SLOTS = ("idea", "subject", "setting", "style", "camera", "mood", "audio", "words", "avoid", "language")
"""Slots that hold free text."""

SPOKEN_SLOTS = (*TEXT_SLOTS, "duration_s", "aspect", "resolution", "tier", "shots")
"""Slots that can be filled by what a person says; the others hold files or are ours."""


def changed(request: VideoRequest, changes: dict[str, Any]) -> VideoRequest:
    """The request with `changes` (slot name to value) laid over it. None leaves a slot to us; unknown names and wrong
    types are dropped, text is cut at `MAX_TEXT`. What a model proposes passes through here, so nothing but slots can
    ever be set."""
    clean: dict[str, Any] = {}
    for slot, value in changes.items():
        if slot not in SPOKEN_SLOTS:
            continue
        if value is None:
            clean["decided"] = clean.get("decided", request.decided) | {slot}
            continue
        if slot == "duration_s":
            if isinstance(value, int) and not isinstance(value, bool) and value > 0:
                clean[slot] = value
        elif slot == "tier":
            if isinstance(value, str) and value in set(Tier):
                clean[slot] = Tier(value)
        elif slot == "aspect":
            if isinstance(value, str) and _ASPECT.fullmatch(value.strip()):
                clean[slot] = value.strip()
        elif slot == "resolution":
            if isinstance(value, str) and value.strip().lower() in RESOLUTIONS:
                clean[slot] = value.strip().lower()
        elif slot == "shots":
            if isinstance(value, (list, tuple)):
                clean[slot] = tuple(str(shot).strip()[:MAX_TEXT] for shot in value if str(shot).strip())[:12]
        elif isinstance(value, str):
            clean[slot] = value.strip()[:MAX_TEXT]
    return replace(request, **clean)
