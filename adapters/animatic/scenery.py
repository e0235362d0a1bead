"""The world of a shot: one still and the layers that move before it, each drawn once."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from PIL import Image, ImageDraw

from adapters.animatic.drawing import Layer, Sheet, glow, gradient, lay, mix, shade
from adapters.animatic.figures import FLYING, WALKING, hold, poses
from adapters.animatic.palette import palette
from adapters.animatic.planes import front, peaks, ridge, street, towers, waves
from adapters.animatic.sky import sky
from adapters.animatic.stage import Move, Stage
from adapters.animatic.storyboard import Shot
from adapters.animatic.vocabulary import Figure, Place, Weather


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the film of one shot is made of."""

    still: Image.Image
    """RGB, the picture's size."""
    move: Move | None
    """How the camera moves over the still; None leaves it as it is."""
    layers: tuple[Layer, ...]
    """What moves before the still, from back to front."""


def scene(shot: Shot, width: int, height: int) -> Scene:
    """Draw the shot."""
    stage = Stage(
        shot=shot, width=width, height=height, colours=palette(shot.place, shot.hour, shot.weather),
        source=random.Random(shot.seed),
    )  # fmt: skip
    still = sky(stage)
    layers = [*PAINTERS[shot.place](stage), *_falling(stage)]
    while layers and layers[0].fixed is not None:  # what neither moves nor has anything moving behind it
        lay(still, layers[0].pictures[0], *layers[0].fixed)
        del layers[0]
    return Scene(still=still, move=stage.move, layers=tuple(layers))


def _figure(stage: Stage) -> list[Layer]:
    shot, unit = stage.shot, stage.unit
    size = min(215 * unit * shot.closeness, stage.width / 200 * 160 * 0.86)
    if shot.figure in (Figure.TREE, Figure.HOUSE, Figure.ROCKET, Figure.BALLOON, Figure.BOAT):
        size = min(size * 1.45, stage.height * 0.58, stage.width)
    pictures = poses(shot.figure, size, shot.colour, shot.facing, stage.colours.light)
    if not pictures:
        return []
    middle, half, pace = stage.middle, shot.frames // 2, max(2, 2 * round(unit)) * shot.facing
    bottom = stage.feet + size * 0.04 * shot.closeness
    x, y = f"{middle}-w/2", f"{bottom:.1f}-h"
    if shot.figure in FLYING:
        x = f"{middle}-w/2+{pace}*(n-{half})"
        y = f"{stage.height * 0.42:.1f}-h/2+{14 * unit:.1f}*sin(n/15)"
        if shot.figure in (Figure.ROCKET, Figure.BALLOON):
            x, y = f"{middle}-w/2", f"{stage.height * 0.45:.1f}-h/2+{abs(pace)}*({half}-n)"
    elif shot.figure is Figure.BOAT:
        x, y = f"{middle}-w/2", f"{stage.feet + 18 * unit:.1f}-h+{5 * unit:.1f}*sin(n/17)"
    elif shot.figure in WALKING and not stage.tracking:
        x = f"{middle}-w/2+{pace}*(n-{half})"  # the camera stands, so the figure crosses the picture
    elif shot.figure not in WALKING:
        x = f"{middle}-w/2-(n-{half})*{stage.speed(2):.3f}"
    zoom = stage.move.zoom if stage.move is not None else (1.0, 1.0)
    return [Layer(pictures=pictures, hold=hold(shot.figure), x=x, y=y, zoom=zoom)]


def _falling(stage: Stage) -> list[Layer]:
    """Snow or rain on two planes, as sheets that repeat downwards; a few rising motes of light otherwise."""
    weather, unit = stage.shot.weather, stage.unit
    if stage.shot.place is Place.UNDERWATER:
        bubble = Sheet(26 * unit, 26 * unit, (220, 248, 255))
        bubble.oval(13 * unit, 13 * unit, 24 * unit, 24 * unit, (220, 248, 255), 90)
        bubble.oval(9 * unit, 9 * unit, 7 * unit, 7 * unit, (255, 255, 255), 200)
        large = bubble.done()
        small = large.resize((max(2, large.width // 2),) * 2)
        return [_specks(stage, 40, -2, [small], 12), _specks(stage, 16, -4, [large, small], 20)]
    if weather is Weather.FOG:
        return []
    if weather is Weather.CLEAR or stage.shot.place is Place.ROOM:
        return [
            _specks(
                stage,
                22,
                -2,
                [glow(round(size * unit), stage.colours.light, 150) for size in (9, 14, 20)],
                18,
            )
        ]
    if weather is Weather.SNOW:
        far, close = (
            [glow(round(size * unit), (255, 255, 255), 235) for size in sizes] for sizes in ((7, 9, 11), (15, 19, 24))
        )
        return [_specks(stage, 150, 2, far, 16), _specks(stage, 46, 4, close, 24)]
    streaks = []
    for long, alpha in ((60, 70), (90, 95)):
        streak = Image.new("RGBA", (round(long * 0.26 * unit) + 4, round(long * unit)), (214, 226, 255, 0))
        ImageDraw.Draw(streak).line((streak.width - 2, 0, 2, streak.height), fill=(214, 226, 255, alpha),
                                    width=max(1, round(2.4 * unit)))  # fmt: skip
        streaks.append(streak)
    return [_specks(stage, 110, 24, streaks[:1], 0), _specks(stage, 50, 36, streaks[1:], 0)]


def _specks(stage: Stage, count: int, pace: int, sprites: list[Image.Image], sway: int) -> Layer:
    """A sheet strewn with sprites that moves down by `pace` pixels a frame (up when negative) without an end."""
    unit, source = stage.unit, stage.source
    period = round(stage.height * 0.35) * 2
    margin = round(sway * unit)
    sheet = Image.new("RGBA", (stage.width + 2 * margin, stage.height + period), (*stage.colours.light, 0))
    for _ in range(count):
        x, y, sprite = source.random() * sheet.width, source.random() * period, source.choice(sprites)
        for again in range(-1, sheet.height // period + 1):
            lay(sheet, sprite, x, y + again * period)
    speed = max(2, 2 * round(abs(pace) * unit / 2))
    run = f"mod(n*{speed},{period})"
    x_at = f"{-margin}+{margin}*sin(n/{stage.source.randrange(24, 34)})" if margin else "0"
    return Layer(pictures=(sheet,), x=x_at, y=f"{run}-{period}" if pace > 0 else f"-{run}")


def _meadow(stage: Stage) -> list[Layer]:
    far, mid, near, _ = stage.colours.land
    return [ridge(stage, 0, far, 0.26, rough=1.6), ridge(stage, 1, mid, 0.15, decorate="trees"),
            ridge(stage, 2, near, 0.03, rough=0.4, decorate="flowers"), *_figure(stage), *front(stage)]  # fmt: skip


def _forest(stage: Stage) -> list[Layer]:
    far, mid, near, _ = stage.colours.land
    return [ridge(stage, 0, far, 0.24, rough=1.3, decorate="pines"),
            ridge(stage, 1, mid, 0.13, decorate="pines"), ridge(stage, 2, near, 0.03, rough=0.4),
            *_figure(stage), *front(stage)]  # fmt: skip


def _mountains(stage: Stage) -> list[Layer]:
    far, mid, near, _ = stage.colours.land
    return [peaks(stage, 0, far, 0.46), peaks(stage, 1, mid, 0.28),
            ridge(stage, 2, near, 0.06, rough=0.6, decorate="pines"), *_figure(stage), *front(stage)]  # fmt: skip


def _desert(stage: Stage) -> list[Layer]:
    far, mid, near, _ = stage.colours.land
    return [ridge(stage, 0, far, 0.24, rough=1.9), ridge(stage, 1, mid, 0.12, rough=1.3, decorate="cacti"),
            ridge(stage, 2, near, 0.03, rough=0.6), *_figure(stage)]  # fmt: skip


def _sea(stage: Stage) -> list[Layer]:
    far, mid, near, front = stage.colours.land
    feet, unit, way = stage.feet, stage.unit, stage.shot.facing
    return [waves(stage, feet - 62 * unit, mix(far, mid, 0.6), 1 * way, 0.6),
            *_figure(stage), waves(stage, feet - 14 * unit, mix(mid, near, 0.5), 2 * way, 0.9),
            waves(stage, feet + 46 * unit, mix(near, front, 0.5), 3 * way, 1.3)]  # fmt: skip


def _city(stage: Stage) -> list[Layer]:
    far, mid, near, _ = stage.colours.land
    skyline = towers(stage, 2, near)
    return [towers(stage, 0, far), towers(stage, 1, mid), skyline, street(stage, skyline),
            *_figure(stage)]  # fmt: skip


def _room(stage: Stage) -> list[Layer]:
    width, unit = stage.span(2), stage.unit
    wood = stage.colours.land[2]
    top = stage.feet - 16 * unit
    table = gradient((width, round(stage.height - top + 60 * unit)), (shade(wood, 1.12), wood, shade(wood, 0.72)))
    ImageDraw.Draw(table).rectangle((0, 0, width, 5 * unit), fill=shade(wood, 1.3))
    return [stage.plane(2, table.convert("RGBA"), top), *_figure(stage)]


def _underwater(stage: Stage) -> list[Layer]:
    far, mid, near, _ = stage.colours.land
    return [ridge(stage, 0, far, 0.2, rough=1.6), ridge(stage, 1, mid, 0.1, decorate="weeds"),
            ridge(stage, 2, near, 0.0, rough=0.5, decorate="weeds"), *_figure(stage), *front(stage)]  # fmt: skip


def _space(stage: Stage) -> list[Layer]:
    far, mid, near, _ = stage.colours.land
    return [ridge(stage, 0, mix(far, stage.colours.sky[1], 0.3), 0.2, rough=1.8), ridge(stage, 1, mid, 0.1, rough=1.4),
            ridge(stage, 2, near, 0.02, rough=0.7), *_figure(stage)]  # fmt: skip


PAINTERS: Mapping[Place, Callable[[Stage], list[Layer]]] = {
    Place.MEADOW: _meadow, Place.FOREST: _forest, Place.MOUNTAINS: _mountains, Place.DESERT: _desert, Place.SEA: _sea,
    Place.UNDERWATER: _underwater, Place.CITY: _city, Place.ROOM: _room, Place.SPACE: _space,
}  # fmt: skip
