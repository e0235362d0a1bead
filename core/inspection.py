"""Whether a finished clip is what the card promised. Pure: measuring is the `Media` port's work.

The bounds are the product's: more than 0.5 s too short, aspect off by more than 2 %, no sound above -60 dB when sound
was promised, 90 % of frames darker than 6 %, or 95 % of sampled frames the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

MAX_SHORT_S = 0.5
MAX_ASPECT_ERROR = 0.02
SILENCE_DB = -60.0
MAX_DARK_FRACTION = 0.90
MAX_FROZEN_FRACTION = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipFacts:
    """What a file really is, measured by decoding it."""

    duration_s: float
    width: int
    height: int
    """Display geometry in pixels, after rotation and pixel aspect."""
    fps: float
    video_codec: str
    audio_codec: str = ""
    """Empty without an audio track."""
    peak_db: float | None = None
    """Loudest sample in dB below full scale; None without an audio track."""
    dark_fraction: float
    """Share of sampled frames whose mean brightness is below 6 % of full range."""
    frozen_fraction: float
    """Share of neighbouring sampled frames that look the same."""
    size_bytes: int
    container: str = "mp4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What the card said about the clip."""

    duration_s: float
    aspect: str
    sound: bool
    dark_wanted: bool = False
    still_wanted: bool = False


class Flaw(StrEnum):
    """A way in which a clip is not what was promised."""

    TOO_SHORT = "too_short"
    WRONG_SHAPE = "wrong_shape"
    SILENT = "silent"
    BLACK = "black"
    FROZEN = "frozen"


def ratio(aspect: str) -> float:
    """Width over height of an aspect such as "16:9"; raises ValueError for anything else."""
    width, _, height = aspect.partition(":")
    return int(width) / int(height)


def flaws(facts: ClipFacts, promise: Promise) -> tuple[Flaw, ...]:
    """Everything that is wrong with the clip, worst first; empty when it is what the card said."""
    found: list[Flaw] = []
    if facts.dark_fraction >= MAX_DARK_FRACTION and not promise.dark_wanted:
        found.append(Flaw.BLACK)
    if facts.frozen_fraction >= MAX_FROZEN_FRACTION and not promise.still_wanted:
        found.append(Flaw.FROZEN)
    if promise.sound and (facts.peak_db is None or facts.peak_db <= SILENCE_DB):
        found.append(Flaw.SILENT)
    if facts.duration_s < promise.duration_s - MAX_SHORT_S:
        found.append(Flaw.TOO_SHORT)
    wanted = ratio(promise.aspect)
    if abs(facts.width / facts.height - wanted) / wanted > MAX_ASPECT_ERROR:
        found.append(Flaw.WRONG_SHAPE)
    return tuple(found)
