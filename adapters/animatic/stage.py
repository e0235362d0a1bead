"""The stage of one shot: what its painters share, and how its camera moves.

A tracking camera moves the planes of the scene past each other, each by whole even pixels a frame: libav lays pictures
over one another on even pixels, so that is what stays smooth. Any other camera moves over one still of all planes.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from PIL import Image

from adapters.animatic.drawing import Layer
from adapters.animatic.palette import Palette
from adapters.animatic.storyboard import Shot
from adapters.animatic.vocabulary import Camera

PLANES = (0.0, 2.0, 4.0, 8.0)
"""Speed of the far, middle, near and front plane under a tracking camera, in pixels a frame at 720 lines."""
REFERENCE = 720
ZOOMS = {
    Camera.PUSH_IN: (1.0, 1.18),
    Camera.PULL_BACK: (1.18, 1.0),
    Camera.STILL: (1.0, 1.05),
    Camera.RISE: (1.16, 1.16),
}
"""Magnification at the first and the last frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A camera that moves over a still: magnification from first to last frame around a point that stays where it is,
    given as shares of width and height; the height's share may change, which raises or lowers the camera."""

    zoom: tuple[float, float]
    across: float = 0.5
    down: tuple[float, float] = (0.5, 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What the painters of one shot share."""

    shot: Shot
    width: int
    height: int
    colours: Palette
    source: random.Random = field(repr=False)

    @property
    def unit(self) -> float:
        """A pixel of a picture whose shorter side has 720."""
        return min(self.width, self.height) / REFERENCE

    @property
    def horizon(self) -> float:
        """Where the sky ends, in pixels from the top."""
        return self.height * 0.66

    @property
    def feet(self) -> float:
        """Where the figure stands, in pixels from the top."""
        return self.height * (0.81 if self.height < self.width else 0.74)

    @property
    def middle(self) -> int:
        """Where the figure is, in pixels from the left: a little behind the middle, with room to look into."""
        return round(self.width * (0.5 - 0.05 * self.shot.facing) / 2) * 2

    @property
    def tracking(self) -> bool:
        """Whether the camera goes along with the figure."""
        return self.shot.camera in (Camera.TRACK_LEFT, Camera.TRACK_RIGHT)

    @property
    def move(self) -> Move | None:
        """The camera's way over the still; None when it tracks."""
        if self.tracking:
            return None
        rise = (1.0, 0.0) if self.shot.camera is Camera.RISE else (self.feet / self.height,) * 2
        return Move(zoom=ZOOMS[self.shot.camera], across=self.middle / self.width, down=rise)

    def speed(self, plane: int) -> float:
        """Pixels a frame, to the left, of a plane under this shot's camera."""
        if not self.tracking:
            return 0.0
        speed = PLANES[plane] * self.unit
        speed = round(speed / 2) * 2.0 if speed >= 2 else speed
        return speed if self.shot.camera is Camera.TRACK_RIGHT else -speed

    def span(self, plane: int) -> int:
        """Width of a layer that still covers the picture at the end of the shot."""
        return self.width + int(abs(self.speed(plane)) * self.shot.frames) + 4

    def plane(self, plane: int, image: Image.Image, top: float) -> Layer:
        """A layer that moves at its plane's speed; `top` is where its upper edge is."""
        speed, y = self.speed(plane), round(top / 2) * 2
        if not speed:
            return Layer(pictures=(image,), x="0", y=str(y), fixed=(0, y))
        start = 0 if speed > 0 else -(round(-speed * self.shot.frames / 2) * 2 + 2)
        return Layer(pictures=(image,), x=f"{start}-n*{speed:.4f}", y=str(y))
