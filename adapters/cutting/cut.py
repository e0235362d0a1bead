"""An edit plan in frames and samples: how many of each every part gets, so that the result is as long as the plan says.

Pure. The frames are counted from the beginning of the film, so a part's rounding is never added to the next one's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from core.editing import FADE_S, TITLE_S, frame_size
from core.errors import PermanentError
from core.ports import VideoOrder

RATE = 48_000
"""Samples of sound a second."""
MOST_FPS = 60.0
USUAL_FPS = 24.0
"""For clips that do not say theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One clip in the film."""

    path: Path
    frames: int
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The whole film."""

    width: int
    height: int
    fps: Fraction
    sound: bool
    title: str
    """Empty for none."""
    pieces: tuple[Piece, ...]

    @property
    def title_frames(self) -> int:
        """Frames before the first clip begins."""
        return round(TITLE_S * self.fps) if self.title else 0

    @property
    def fade_frames(self) -> int:
        """Frames of the first clip under the fading title."""
        return max(1, round(FADE_S * self.fps))

    @property
    def frames(self) -> int:
        """Frames of the film."""
        return self.title_frames + sum(piece.frames for piece in self.pieces)

    @property
    def title_samples(self) -> int:
        """Samples of silence before the first clip begins."""
        return _samples(self.title_frames, self.fps)


def saved(order: VideoOrder) -> dict[str, Any]:
    """What the film depends on, as plain values; raises ValueError for an order that joins nothing, or a size that
    cannot be made."""
    edit = order.request.edit
    if edit is None:
        raise ValueError("there are no clips to join")
    frame_size(order.aspect, order.resolution)
    return {
        "parts": [{"clip": part.clip, "duration_s": part.facts.duration_s} for part in edit.parts],
        "title": edit.title,
        "fps": edit.fps,
        "aspect": order.aspect,
        "resolution": order.resolution,
        "sound": order.sound and not order.request.silent,
    }


def cut(values: dict[str, Any], paths: tuple[Path, ...]) -> Cut:
    """The film that was saved, made of the clips in these files. Raises PermanentError for what makes no sense."""
    try:
        width, height = frame_size(values["aspect"], values["resolution"])
        fps = _rate(float(values["fps"]))
        title = str(values["title"])
        first = round(TITLE_S * fps) if title else 0
        lengths = [float(part["duration_s"]) for part in values["parts"]]
        pieces = tuple(
            Piece(path=path, frames=frames, samples=samples)
            for path, (frames, samples) in zip(paths, _lengths(lengths, first, fps), strict=True)
        )
        return Cut(width=width, height=height, fps=fps, sound=bool(values["sound"]), title=title, pieces=pieces)
    except (KeyError, TypeError, ValueError) as error:
        raise PermanentError("The order is damaged.") from error


def _rate(fps: float) -> Fraction:
    """The frame rate as encoders want it: 29.97 is 30000/1001."""
    usable = min(MOST_FPS, fps) if fps >= 1 else USUAL_FPS
    whole = Fraction(round(usable))
    ntsc = whole * 1000 / 1001
    return min((whole, ntsc, Fraction(usable).limit_denominator(100)), key=lambda rate: (abs(rate - usable) > 0.005, 0))


def _lengths(seconds: list[float], first: int, fps: Fraction) -> Iterator[tuple[int, int]]:
    """Frames and samples of each part, the first of which begins at the frame `first`."""
    start, elapsed = first, 0.0
    for length in seconds:
        elapsed += length
        end = max(start + 1, first + round(elapsed * fps))
        yield end - start, _samples(end, fps) - _samples(start, fps)
        start = end


def _samples(frame: int, fps: Fraction) -> int:
    """The sample at which a frame begins."""
    return round(frame * RATE / fps)
