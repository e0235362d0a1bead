"""Drawing tools shared by scenery and figures: smooth shapes, colours, and sheets with soft edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]
INK: Colour = (28, 26, 34)
CREAM: Colour = (246, 238, 226)
OVERSAMPLING = 2
"""Shapes are drawn this much larger and averaged down, because Pillow draws hard edges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Pictures laid over the film: shown in turn, each for `hold` frames, and moved by libav expressions of the frame
    number `n` and the layer's own size `w`, `h`."""

    pictures: tuple[Image.Image, ...]
    x: str
    y: str
    hold: int = 1
    zoom: tuple[float, float] = (1.0, 1.0)
    """Magnification of the layer at the shot's first and last frame; its place then depends on `w` and `h`."""
    fixed: tuple[int, int] | None = None
    """Where it is when it does not move at all."""


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """`one` with that share (0 to 1) of `other`."""
    a, b, c = (round(p + (q - p) * share) for p, q in zip(one, other, strict=True))
    return a, b, c


def shade(colour: Colour, factor: float) -> Colour:
    """Darker below 1, lighter above."""
    return mix(colour, (0, 0, 0), 1 - factor) if factor <= 1 else mix(colour, (255, 255, 255), min(1, factor - 1))


def smooth(points: Sequence[Point], *, closed: bool = True, steps: int = 8) -> list[Point]:
    """A curve through all points (Catmull-Rom)."""
    count = len(points)
    curve: list[Point] = []
    for i in range(count if closed else count - 1):
        four = [
            points[(i + k) % count] if closed else points[min(max(i + k, 0), count - 1)] for k in (-1, 0, 1, 2)
        ]  # fmt: skip
        for step in range(steps):
            t = step / steps
            curve.append((_spline([p[0] for p in four], t), _spline([p[1] for p in four], t)))
    return curve if closed else [*curve, points[-1]]


def _spline(v: Sequence[float], t: float) -> float:
    return 0.5 * (
        2 * v[1] + (v[2] - v[0]) * t + (2 * v[0] - 5 * v[1] + 4 * v[2] - v[3]) * t * t
        + (3 * v[1] - v[0] - 3 * v[2] + v[3]) * t * t * t
    )  # fmt: skip


class Sheet:
    """A transparent picture to draw on, in units of which `scale` make a pixel."""

    def __init__(self, width: float, height: float, ground: Colour, *, scale: float = 1.0) -> None:
        """`width` and `height` in pixels. `ground` is the colour that soft edges fade from: the main colour drawn."""
        self.size = max(2, round(width)), max(2, round(height))
        self.factor = OVERSAMPLING * scale
        large = self.size[0] * OVERSAMPLING, self.size[1] * OVERSAMPLING
        self.image = Image.new("RGBA", large, (*ground, 0))
        self.draw = ImageDraw.Draw(self.image)

    def _at(self, points: Sequence[Point]) -> list[Point]:
        return [(x * self.factor, y * self.factor) for x, y in points]

    def shape(self, points: Sequence[Point], colour: Colour, *, round_: bool = True) -> None:
        """A filled shape; smooth unless `round_` is False."""
        self.draw.polygon(self._at(smooth(points) if round_ else points), fill=(*colour, 255))

    def oval(self, x: float, y: float, across: float, down: float, colour: Colour, alpha: int = 255) -> None:
        """A filled ellipse around (x, y)."""
        box = self._at([(x - across / 2, y - down / 2), (x + across / 2, y + down / 2)])
        self.draw.ellipse((*box[0], *box[1]), fill=(*colour, alpha))

    def box(
        self, left: float, top: float, right: float, bottom: float, colour: Colour, *,
        radius: float = 0, alpha: int = 255,
    ) -> None:  # fmt: skip
        """A filled rectangle with round corners."""
        corners = self._at([(left, top), (right, bottom)])
        self.draw.rounded_rectangle((*corners[0], *corners[1]), radius * self.factor, fill=(*colour, alpha))

    def line(self, points: Sequence[Point], colour: Colour, width: float) -> None:
        """A line of that width with round ends and joints."""
        at = self._at(points)
        thick = max(1, round(width * self.factor))
        self.draw.line(at, fill=(*colour, 255), width=thick, joint="curve")
        for x, y in (at[0], at[-1]):
            half = thick / 2
            self.draw.ellipse((x - half, y - half, x + half, y + half), fill=(*colour, 255))

    def done(self) -> Image.Image:
        """The picture in its real size."""
        return self.image.reduce(OVERSAMPLING)


def gradient(size: tuple[int, int], stops: Sequence[Colour]) -> Image.Image:
    """An RGB picture that runs from the first colour at the top to the last at the bottom."""
    ramp = Image.new("RGB", (1, len(stops)))
    for index, colour in enumerate(stops):
        ramp.putpixel((0, index), colour)
    # Only the part between the middles of the first and the last colour: beyond them nothing changes.
    inner = (0, 0.5, 1, len(stops) - 0.5)
    return ramp.resize((1, size[1]), Image.Resampling.BICUBIC, box=inner).resize(size)


def glow(diameter: int, colour: Colour, strength: int, *, core: float = 0.0) -> Image.Image:
    """A round light: `strength` (0 to 255) in its middle, nothing at its edge; `core` is the share of the radius that
    is a solid disc."""
    ramp = ImageChops.invert(Image.radial_gradient("L"))  # 255 in the middle, 0 from the edge of the circle outwards
    edge = 255 - 181  # the gradient's value where its circle touches the picture's side
    table = [0] * 256
    for value in range(256):
        inward = max(0.0, (value - edge) / (255 - edge))
        table[value] = 255 if core and inward >= 1 - core else round(strength * inward**2.2)
    alpha = ramp.point(table).resize((diameter, diameter), Image.Resampling.BICUBIC)
    light = Image.new("RGBA", (diameter, diameter), (*colour, 0))
    light.putalpha(alpha)
    return light


def lay(base: Image.Image, over: Image.Image, x: float, y: float) -> None:
    """Blend `over` onto `base` with its top left corner at (x, y), which may lie outside."""
    if base.mode == "RGBA":
        left, top = max(0, -round(x)), max(0, -round(y))
        if left < over.width and top < over.height:
            base.alpha_composite(over, (max(0, round(x)), max(0, round(y))), (left, top, over.width, over.height))
    else:
        base.paste(over, (round(x), round(y)), over)
