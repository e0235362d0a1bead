"""What a shot is about, as a small looping animation drawn once: animals that walk, sails that rock, wheels that turn.

All figures look to the right in a box 200 units wide and 160 high that stands on its lower edge; `poses` scales,
mirrors and lights them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import cos, pi, sin

from PIL import Image, ImageOps

from adapters.animatic.beasts import BEASTS, GROUND, beast
from adapters.animatic.drawing import CREAM, INK, Colour, Sheet, mix, shade
from adapters.animatic.vocabulary import Figure

WIDTH, HEIGHT = 200.0, 160.0


def poses(figure: Figure, height: float, colour: Colour | None, facing: int, light: Colour) -> tuple[Image.Image, ...]:
    """The pictures of the figure's loop, `height` pixels high, edged with `light` from behind; none for NONE."""
    if figure is Figure.NONE:
        return ()
    count, paint = PAINTERS[figure]
    scale = height / HEIGHT
    pictures = []
    for index in range(count):
        sheet = Sheet(WIDTH * scale, height, colour or DEFAULTS.get(figure, (120, 110, 120)), scale=scale)
        paint(sheet, 2 * pi * index / count, colour)
        picture = _edged(sheet.done(), light, max(1, round(height / 110)))
        pictures.append(picture if facing > 0 else ImageOps.mirror(picture))
    return tuple(pictures)


def _edged(picture: Image.Image, light: Colour, width: int) -> Image.Image:
    """The figure with a thin line of light along its upper edges, so that it stands off from any background."""
    rim = Image.new("RGBA", picture.size, (*light, 0))
    alpha = picture.getchannel("A").point([round(v * 0.75) for v in range(256)])
    rim.paste(Image.new("RGBA", picture.size, (*light, 255)), (-width // 2, -width), alpha)
    rim.alpha_composite(picture)
    return rim


def _person(sheet: Sheet, phase: float, colour: Colour | None, *, metal: bool = False) -> None:
    coat = colour or ((150, 164, 180) if metal else (184, 72, 66))
    trousers, skin = (shade(coat, 0.6), coat) if metal else ((52, 56, 84), (232, 188, 156))
    bob = abs(sin(phase)) * 2.5
    hip = 104 - bob
    for side in (1, -1):
        swing = sin(phase) * side
        shaded = 0.75 if side > 0 else 1.0
        sheet.line(
            [(100, hip), (100 + swing * 10 + 3, hip + 24),
             (100 + swing * 20, GROUND - max(0.0, cos(phase) * side) * 5)],
            shade(trousers, shaded), 11,
        )  # fmt: skip
        sheet.oval(104 + swing * 20, GROUND - 2 - max(0.0, cos(phase) * side) * 5, 17, 8, INK)
    sheet.line([(100, 62 - bob), (100 - sin(phase) * 12, 82 - bob), (104 - sin(phase) * 20, 100 - bob)],
               shade(coat, 0.7), 9)  # fmt: skip
    if metal:
        sheet.box(82, 52 - bob, 118, 108 - bob, coat, radius=7)
        sheet.box(92, 64 - bob, 108, 76 - bob, (120, 230, 220), radius=3)
    else:
        sheet.shape([(86, 56 - bob), (100, 50 - bob), (114, 56 - bob), (119, 112 - bob), (100, 116 - bob),
                     (81, 112 - bob)], coat)  # fmt: skip
    sheet.line([(101, 62 - bob), (101 + sin(phase) * 12, 84 - bob), (106 + sin(phase) * 20, 102 - bob)],
               shade(coat, 0.86), 9)  # fmt: skip
    if metal:
        sheet.line([(100, 20 - bob), (100, 8 - bob)], trousers, 3)
        sheet.oval(100, 8 - bob, 8, 8, (255, 120, 90))
        sheet.box(82, 18 - bob, 120, 48 - bob, coat, radius=8)
        sheet.oval(106, 32 - bob, 9, 9, (120, 230, 220))
    else:
        sheet.oval(101, 36 - bob, 28, 31, skin)
        sheet.oval(110, 36 - bob, 3.4, 4.4, INK)
        sheet.shape([(86, 38 - bob), (87, 24 - bob), (101, 18 - bob), (116, 25 - bob), (104, 28 - bob), (93, 34 - bob)],
                    (74, 50, 42))  # fmt: skip
        sheet.shape([(84, 50 - bob), (100, 56 - bob), (116, 50 - bob), (112, 60 - bob), (88, 60 - bob)],
                    mix(coat, CREAM, 0.7))  # fmt: skip


def _bird(sheet: Sheet, phase: float, colour: Colour | None) -> None:
    coat = colour or (70, 92, 140)
    flap, y = sin(phase), 84 - sin(phase) * 5
    sheet.shape([(112, y), (92, y - 30 * flap - 8), (60, y - 62 * flap - 6), (76, y - 14 * flap), (84, y + 8)],
                shade(coat, 0.7))  # fmt: skip
    sheet.shape([(62, y + 2), (30, y - 6), (20, y + 8), (34, y + 16), (64, y + 12)], shade(coat, 0.8))
    sheet.shape([(56, y + 6), (90, y - 12), (130, y - 14), (150, y - 2), (128, y + 16), (86, y + 20)], coat)
    sheet.shape([(92, y + 16), (130, y + 10), (146, y + 2), (120, y + 20)], mix(coat, CREAM, 0.75))
    sheet.oval(150, y - 6, 30, 26, coat)
    sheet.shape([(162, y - 10), (180, y - 2), (162, y + 2)], (236, 170, 60), round_=False)
    sheet.oval(154, y - 9, 5, 5, INK)
    sheet.shape(
        [(122, y - 4), (108, y - 40 * flap - 8), (82, y - 74 * flap - 4), (92, y - 18 * flap), (94, y + 6)],
        coat,
    )


def _fish(sheet: Sheet, phase: float, colour: Colour | None) -> None:
    coat, wag, y = colour or (240, 140, 60), sin(phase) * 10, 90 + sin(phase) * 2
    sheet.shape([(62, y), (34, y - 28 + wag), (24, y + wag), (34, y + 28 + wag)], shade(coat, 0.8))
    sheet.shape([(92, y - 26), (116, y - 48), (136, y - 24)], shade(coat, 0.85))
    sheet.shape([(58, y), (92, y - 30), (140, y - 28), (172, y), (140, y + 26), (92, y + 28)], coat)
    sheet.shape([(80, y + 14), (120, y + 10), (160, y + 6), (138, y + 24), (96, y + 26)], mix(coat, CREAM, 0.7))
    sheet.shape([(112, y + 4), (96, y + 24 + wag / 2), (122, y + 18)], shade(coat, 0.75))
    sheet.oval(152, y - 7, 13, 13, CREAM)
    sheet.oval(154, y - 7, 7, 7, INK)


def _car(sheet: Sheet, phase: float, colour: Colour | None) -> None:
    coat, bob = colour or (206, 70, 60), sin(phase) * 1.2
    sheet.oval(100, GROUND - 2, 176, 9, (10, 10, 20), 90)
    sheet.shape(
        [
            (52, 106 + bob),
            (66, 80 + bob),
            (84, 74 + bob),
            (126, 74 + bob),
            (150, 104 + bob),
            (100, 112 + bob),
        ],
        coat,
    )
    sheet.shape([(62, 104 + bob), (72, 84 + bob), (98, 80 + bob), (98, 104 + bob)], (170, 206, 226), round_=False)
    sheet.shape([(104, 104 + bob), (104, 80 + bob), (124, 81 + bob), (142, 104 + bob)], (190, 222, 238), round_=False)
    sheet.box(18, 102 + bob, 186, 140 + bob, coat, radius=15)
    sheet.box(20, 122 + bob, 184, 128 + bob, shade(coat, 0.75))
    sheet.box(174, 108 + bob, 188, 118 + bob, (255, 240, 180), radius=4)
    sheet.box(16, 108 + bob, 24, 118 + bob, (255, 96, 80), radius=3)
    for x in (56.0, 148.0):
        sheet.oval(x, 138, 34, 34, INK)
        sheet.oval(x, 138, 19, 19, (178, 182, 194))
        for arm in range(3):
            turn = phase / 3 + arm * pi / 3
            sheet.line([(x - cos(turn) * 8, 138 - sin(turn) * 8), (x + cos(turn) * 8, 138 + sin(turn) * 8)], INK, 2)


def _boat(sheet: Sheet, phase: float, colour: Colour | None) -> None:
    hull, tilt = colour or (150, 70, 56), sin(phase) * 0.045

    def turned(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [
            (
                100 + (x - 100) * cos(tilt) - (y - 140) * sin(tilt),
                140 + (x - 100) * sin(tilt) + (y - 140) * cos(tilt),
            )
            for x, y in points
        ]

    belly = sin(phase) * 2
    sheet.line(turned((98, 124), (98, 6)), (92, 66, 50), 4)
    sheet.shape(turned((102, 10), (120 + belly, 56), (152 + belly, 108), (102, 112)), CREAM, round_=False)
    sheet.shape(turned((102, 62), (124 + belly, 64), (152 + belly, 108), (102, 112)), (238, 206, 170), round_=False)
    sheet.shape(turned((94, 20), (72 + belly, 70), (48 + belly, 110), (94, 112)), (250, 246, 240), round_=False)
    sheet.shape(turned((98, 4), (84, 8), (98, 13)), (214, 72, 60), round_=False)
    sheet.shape(turned((26, 120), (174, 116), (158, 146), (130, 156), (64, 156), (40, 146)), hull, round_=False)
    sheet.shape(turned((26, 120), (174, 116), (172, 123), (29, 127)), mix(hull, CREAM, 0.7), round_=False)


def _rocket(sheet: Sheet, phase: float, colour: Colour | None) -> None:
    body, flame = colour or (232, 234, 240), 10 * sin(phase)
    sheet.shape([(88, 122), (100, 152 + flame * 0.5), (112, 122)], (255, 150, 60))
    sheet.shape([(93, 122), (100, 138 + flame * 0.4), (107, 122)], (255, 236, 150))
    for side in (-1, 1):
        sheet.shape(
            [(100 + side * 18, 88), (100 + side * 40, 126), (100 + side * 16, 118)],
            (206, 70, 66),
            round_=False,
        )
    sheet.shape([(100, 4), (118, 34), (122, 80), (114, 122), (86, 122), (78, 80), (82, 34)], body)
    sheet.shape([(100, 4), (115, 30), (100, 34), (85, 30)], (206, 70, 66))
    sheet.oval(100, 60, 26, 26, (84, 96, 130))
    sheet.oval(100, 60, 18, 18, (150, 214, 236))


def _balloon(sheet: Sheet, phase: float, colour: Colour | None) -> None:
    skin, sway = colour or (218, 84, 70), sin(phase) * 2
    for x in (86.0, 114.0):
        sheet.line([(100 + (x - 100) * 1.3 + sway, 94), (x, 130)], (110, 84, 64), 2)
    sheet.shape([(100 + sway, 6), (140 + sway, 26), (146 + sway, 62), (114 + sway, 104), (86 + sway, 104),
                 (54 + sway, 62),
                 (60 + sway, 26)], skin)  # fmt: skip
    sheet.shape([(100 + sway, 6), (118 + sway, 30), (120 + sway, 66), (106 + sway, 104), (94 + sway, 104),
                 (80 + sway, 66),
                 (82 + sway, 30)], mix(skin, CREAM, 0.75))  # fmt: skip
    sheet.box(84, 128, 116, 152, (150, 104, 64), radius=5)
    sheet.box(82, 126, 118, 133, (120, 80, 52), radius=3)


def _tree(sheet: Sheet, phase: float, colour: Colour | None) -> None:
    leaf, sway = colour or (84, 146, 80), sin(phase) * 2
    sheet.shape([(90, GROUND), (95, 100), (92, 80), (108, 80), (105, 100), (114, GROUND)], (104, 72, 52))
    for x, y, size, tone in ((72, 74, 66, 0.8), (128, 72, 66, 0.85), (100, 48, 84, 1.0), (84, 40, 50, 1.12)):
        sheet.oval(x + sway * (120 - y) / 60, y, size, size * 0.88, shade(leaf, tone))


def _house(sheet: Sheet, phase: float, colour: Colour | None) -> None:
    wall = colour or (222, 200, 170)
    for puff in range(3):
        rise = (phase / (2 * pi) + puff / 3) % 1
        sheet.oval(
            136 + rise * 22,
            34 - rise * 30,
            8 + rise * 14,
            7 + rise * 11,
            (236, 236, 240),
            round(150 * (1 - rise)),
        )
    sheet.box(128, 34, 144, 76, (136, 84, 70))
    sheet.box(44, 84, 156, GROUND, wall)
    sheet.shape([(30, 88), (100, 30), (170, 88)], (150, 70, 62), round_=False)
    sheet.box(88, 112, 112, GROUND, (104, 70, 54), radius=3)
    for x in (58.0, 124.0):
        sheet.box(x, 104, x + 20, 124, (255, 224, 140), radius=2)
        sheet.line([(x + 10, 105), (x + 10, 123)], wall, 2)


def _flower(sheet: Sheet, phase: float, colour: Colour | None) -> None:
    petal, x = colour or (224, 92, 128), 100 + sin(phase) * 5
    sheet.line([(100, GROUND), (99, 110), (x, 62)], (70, 124, 66), 6)
    sheet.shape([(100, 122), (124, 98), (144, 100), (124, 118)], (84, 146, 76))
    sheet.shape([(100, 136), (74, 116), (56, 118), (78, 134)], (76, 134, 70))
    for part in range(8):
        turn = part * pi / 4
        sheet.oval(x + cos(turn) * 25, 52 + sin(turn) * 25, 28, 28, shade(petal, 1.0 if part % 2 else 0.86))
    sheet.oval(x, 52, 32, 32, (246, 200, 80))


def _cup(sheet: Sheet, phase: float, colour: Colour | None) -> None:
    glaze = colour or (240, 234, 226)
    for puff in range(3):
        rise = (phase / (2 * pi) + puff / 3) % 1
        sheet.oval(98 + sin(rise * 6 + puff) * 9, 62 - rise * 50, 10 + rise * 12, 14 + rise * 10, (255, 255, 255),
                   round(105 * (1 - rise)))  # fmt: skip
    sheet.oval(98, GROUND - 5, 124, 15, shade(glaze, 0.75))
    sheet.line([(134, 84), (156, 88), (152, 112), (130, 118)], shade(glaze, 0.88), 9)
    sheet.shape([(58, 72), (138, 72), (132, 126), (116, 148), (80, 148), (64, 126)], glaze, round_=False)
    sheet.oval(98, 72, 80, 17, shade(glaze, 0.9))
    sheet.oval(98, 73, 70, 12, (96, 60, 40))


def _robot(sheet: Sheet, phase: float, colour: Colour | None) -> None:
    _person(sheet, phase, colour, metal=True)


PAINTERS: Mapping[Figure, tuple[int, Callable[[Sheet, float, Colour | None], None]]] = {
    **{figure: (8, beast(figure)) for figure in BEASTS},
    Figure.PERSON: (8, _person), Figure.ROBOT: (8, _robot), Figure.BIRD: (8, _bird), Figure.FISH: (8, _fish),
    Figure.CAR: (6, _car), Figure.BOAT: (16, _boat), Figure.ROCKET: (4, _rocket), Figure.BALLOON: (12, _balloon),
    Figure.TREE: (12, _tree), Figure.HOUSE: (12, _house), Figure.FLOWER: (12, _flower), Figure.CUP: (12, _cup),
}  # fmt: skip
"""How many pictures a loop has, and who paints the one at a phase of 0 to 2 pi."""

HOLDS: Mapping[Figure, int] = {Figure.ROCKET: 2, Figure.CAR: 1, Figure.BIRD: 2}
"""Frames that each picture of a loop stays; three for what is not listed, four for what only sways."""
SWAYING = frozenset(
    {Figure.BOAT, Figure.BALLOON, Figure.TREE, Figure.HOUSE, Figure.FLOWER, Figure.CUP, Figure.FISH}
)  # fmt: skip
WALKING = frozenset({*BEASTS, Figure.PERSON, Figure.ROBOT, Figure.CAR})
"""Those that go along while the ground passes under them."""
FLYING = frozenset({Figure.BIRD, Figure.ROCKET, Figure.BALLOON, Figure.FISH})
DEFAULTS: Mapping[Figure, Colour] = {figure: build.colour for figure, build in BEASTS.items()}


def hold(figure: Figure) -> int:
    """Frames that each picture of the figure's loop stays."""
    return HOLDS.get(figure, 4 if figure in SWAYING else 3)
