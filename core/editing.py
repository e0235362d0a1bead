"""The edit plan: what is made of clips that are there already. Pure, and the same for the card as for the renderer.

For now an edit joins clips, one after the other, with a title before them. Which clips somebody may use is decided in
`core.joining`, what it costs in `core.planning`, and how it is done in `adapters.cutting`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import floor
from typing import TypeVar

from core.inspection import MAX_SHORT_S, SILENCE_DB, ClipFacts, ratio

T = TypeVar("T")

MIN_PARTS = 2
TITLE_S = 2.0
"""What a title adds to the length, in seconds."""
FADE_S = 0.5
"""How long the title takes to give way to the first clip, which runs already."""
MAX_TITLE = 80
"""Characters: three large lines of a wide picture."""
MARGIN_S = 0.1
"""Kept of what a clip may be shorter than its card says, for what frames do to a length."""

SHORT_SIDES = {"360p": 360, "480p": 480, "720p": 720, "1080p": 1080, "4k": 2160}
"""The shorter side of each resolution, in pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One clip of several."""

    generation: int
    """Whose clip it is."""
    name: str
    """What people call it."""
    clip: str
    """Name in the clip store."""
    facts: ClipFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class EditPlan:
    """Clips in their order, and the title before them."""

    parts: tuple[Part, ...]
    title: str = ""
    """Empty for none."""

    @property
    def exact_s(self) -> float:
        """How long the result is, in seconds."""
        return sum(part.facts.duration_s for part in self.parts) + (TITLE_S if self.title else 0.0)

    @property
    def seconds(self) -> int:
        """The length that a card can promise: the nearest whole second that the result does not miss by too much."""
        return max(1, floor(self.exact_s + MAX_SHORT_S - MARGIN_S))

    @property
    def sound(self) -> bool:
        """Whether anything can be heard in any of the clips."""
        return any(part.facts.peak_db is not None and part.facts.peak_db > SILENCE_DB for part in self.parts)

    @property
    def fps(self) -> float:
        """The frame rate of most of them, in frames a second."""
        return _commonest([part.facts.fps for part in self.parts])

    def aspect(self, offered: Sequence[str]) -> str:
        """The shape that most of the clips have, or the nearest one on offer."""
        shapes = [part.facts.width / part.facts.height for part in self.parts]
        return _commonest([min(offered, key=lambda aspect: abs(ratio(aspect) - shape)) for shape in shapes])

    def resolution(self, offered: Sequence[str]) -> str:
        """The size that most of the clips have, or the nearest one on offer."""
        sides = [min(part.facts.width, part.facts.height) for part in self.parts]
        return _commonest([min(offered, key=lambda size: abs(SHORT_SIDES[size] - side)) for side in sides])


def _commonest(values: Sequence[T]) -> T:
    """The one that is there most often; of several, the first."""
    return Counter(values).most_common(1)[0][0]


def frame_size(aspect: str, resolution: str) -> tuple[int, int]:
    """Width and height in pixels, both even; the resolution names the shorter side.

    Raises ValueError for what is no shape or no size."""
    if resolution not in SHORT_SIDES:
        raise ValueError(f"there is no size “{resolution}”")
    short, shape = SHORT_SIDES[resolution], ratio(aspect)
    long = round(short * max(shape, 1 / shape) / 2) * 2
    return (long, short) if shape >= 1 else (short, long)
