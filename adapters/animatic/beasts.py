"""Four-legged animals that walk: one build with measures for each kind. All look to the right; see `figures`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import cos, pi, sin

from adapters.animatic.drawing import CREAM, INK, Colour, Sheet, mix, shade
from adapters.animatic.vocabulary import Figure

GROUND = 154.0
"""Where feet stand, in units from the upper edge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beast:
    """The build of a four-legged animal, in units."""

    colour: Colour
    rear: float = 58
    """Where its hind legs are."""
    length: float = 84
    depth: float = 34
    legs: float = 44
    neck: tuple[float, float] = (22, -16)
    """Where the head sits, seen from the shoulder."""
    head: float = 17
    snout: float = 22
    ears: str = "pointed"
    tail: str = "brush"
    thick: float = 8
    """Width of a leg."""
    socks: bool = False
    belly: bool = False


BEASTS: Mapping[Figure, Beast] = {
    Figure.FOX: Beast(colour=(214, 98, 40), socks=True, belly=True, depth=32, legs=42),
    Figure.CAT: Beast(
        colour=(118, 112, 124), length=66, depth=30, legs=34, snout=5, head=19, tail="curl", neck=(18, -20), thick=8
    ),
    Figure.DOG: Beast(colour=(166, 118, 74), ears="hanging", tail="curl", snout=18, legs=46, thick=9, belly=True),
    Figure.HORSE: Beast(
        colour=(134, 86, 56), rear=40, length=84, depth=36, legs=54, neck=(32, -30), head=15, snout=25, ears="small",
        tail="hair", thick=9,
    ),
    Figure.BEAR: Beast(
        colour=(112, 78, 56), rear=34, length=88, depth=54, legs=34, neck=(26, -8), head=24, snout=18, ears="round",
        tail="stub", thick=17,
    ),
}  # fmt: skip


def beast(figure: Figure) -> Callable[[Sheet, float, Colour | None], None]:
    """The painter of one kind."""

    def paint(sheet: Sheet, phase: float, colour: Colour | None) -> None:
        _walk(sheet, phase, BEASTS[figure], colour or BEASTS[figure].colour)

    return paint


def _walk(sheet: Sheet, phase: float, beast: Beast, coat: Colour) -> None:
    bob = sin(2 * phase) * 1.4
    back = GROUND - beast.legs - beast.depth + bob
    rear, front = beast.rear, beast.rear + beast.length
    hip = back + beast.depth * 0.72
    dark, pale = shade(coat, 0.72), mix(coat, CREAM, 0.8)

    def leg(x: float, turn: float, colour: Colour) -> None:
        swing, lift = sin(turn), max(0.0, cos(turn))
        foot = (x + swing * 16, GROUND - lift * 7)
        knee = (x + swing * 7 + 3, (hip + foot[1]) / 2 - lift * 2)
        sheet.line([(x, hip), knee, foot], colour, beast.thick)
        sheet.oval(foot[0] + 2, foot[1] - 1, beast.thick * 1.5, beast.thick * 0.8, INK if beast.socks else colour)
        if beast.socks:
            sheet.line(
                [((knee[0] + foot[0]) / 2, (knee[1] + foot[1]) / 2), foot],
                mix(coat, INK, 0.85),
                beast.thick * 0.9,
            )

    leg(rear + 12, phase + pi, dark)
    leg(front - 4, phase, dark)
    _tail(sheet, beast, coat, pale, rear, back, sin(phase))
    leg(rear + 2, phase, coat)
    leg(front - 12, phase + pi, coat)
    head_x, head_y = front + beast.neck[0], back + beast.neck[1] + sin(phase) * 1.5
    sheet.shape(
        [
            (rear - 8, back + beast.depth * 0.5), (rear + 4, back + 3), (rear + beast.length * 0.45, back + 4),
            (front - 8, back - 1), (head_x - 8, head_y - 6), (head_x + 4, head_y + beast.head * 0.7),
            (front + 10, back + beast.depth * 0.55), (front - 2, back + beast.depth * 0.95),
            (rear + beast.length * 0.5, back + beast.depth * 0.84), (rear + 6, back + beast.depth),
        ],
        coat,
    )  # fmt: skip
    if beast.belly:
        sheet.shape(
            [(front + 1, back + beast.depth * 0.9), (front + 9, back + beast.depth * 0.5),
             (head_x + 2, head_y + beast.head * 0.8), (front + 2, back + beast.depth * 0.45)], pale,
        )  # fmt: skip
    if beast.tail == "hair":
        sheet.shape(
            [(head_x - 4, head_y - beast.head * 1.1), (head_x - 12, head_y - 8), (front - 6, back - 6),
             (front - 22, back + 4),
             (front - 10, back + 12), (head_x - 2, head_y + 4)], mix(coat, INK, 0.55),
        )  # fmt: skip
    _head(sheet, beast, coat, pale, head_x, head_y)


def _tail(
    sheet: Sheet, beast: Beast, coat: Colour, pale: Colour, rear: float, back: float, sway: float
) -> None:  # fmt: skip
    y = back + 8
    if beast.tail == "brush":
        lift = sway * 6
        sheet.shape(
            [(rear + 2, y), (rear - 18, y + 2 - lift), (rear - 40, y + 10 - lift * 1.6),
             (rear - 55, y + 24 - lift * 2), (rear - 38, y + 30 - lift * 1.6), (rear - 12, y + 16 - lift * 0.5)], coat,
        )  # fmt: skip
        sheet.shape(
            [
                (rear - 40, y + 14 - lift * 1.6),
                (rear - 56, y + 25 - lift * 2),
                (rear - 40, y + 29 - lift * 1.7),
            ],
            pale,
        )
    elif beast.tail == "curl":
        points = [(rear, y + 2), (rear - 18, y - 6), (rear - 26, y - 28), (rear - 20 + sway * 8, y - 46)]
        sheet.line([(x, v) for x, v in points], coat, 7)
    elif beast.tail == "hair":
        sheet.shape(
            [
                (rear + 2, y - 4),
                (rear - 14, y + 2),
                (rear - 24 + sway * 5, y + 48),
                (rear - 10 + sway * 3, y + 40),
            ],
            mix(coat, INK, 0.55),
        )
    else:
        sheet.oval(rear - 8, y + 6, 14, 12, coat)


def _head(sheet: Sheet, beast: Beast, coat: Colour, pale: Colour, x: float, y: float) -> None:
    r, reach = beast.head, beast.snout
    for shift, colour in ((6, shade(coat, 0.75)), (-5, coat)):
        if beast.ears == "pointed":
            sheet.shape([(x + shift - 8, y - r * 0.5), (x + shift - 4, y - r * 1.75), (x + shift + 8, y - r * 0.6)],
                        colour, round_=False)  # fmt: skip
        elif beast.ears == "round":
            sheet.oval(x + shift - 2, y - r * 0.85, r * 0.75, r * 0.75, colour)
        elif beast.ears == "small":
            sheet.shape([(x + shift - 3, y - r * 0.6), (x + shift, y - r * 1.6), (x + shift + 5, y - r * 0.5)],
                        colour, round_=False)  # fmt: skip
    sheet.shape(
        [(x - r, y), (x - r * 0.5, y - r * 0.85), (x + r * 0.4, y - r * 0.8), (x + r * 0.7 + reach * 0.35, y - r * 0.1),
         (x + r * 0.7 + reach, y + r * 0.3), (x + r * 0.6 + reach * 0.8, y + r * 0.62), (x + r * 0.3, y + r * 0.9),
         (x - r * 0.6, y + r * 0.85)], coat,
    )  # fmt: skip
    if beast.belly:
        sheet.shape(
            [(x + r * 0.3, y + r * 0.25), (x + r * 0.7 + reach * 0.9, y + r * 0.36),
             (x + r * 0.5 + reach * 0.7, y + r * 0.62), (x + r * 0.1, y + r * 0.85)], pale,
        )  # fmt: skip
    if beast.ears == "hanging":
        sheet.shape([(x - 8, y - r * 0.7), (x + 2, y - r * 0.5), (x + 1, y + r * 0.7), (x - 9, y + r * 0.5)],
                    shade(coat, 0.6))  # fmt: skip
    sheet.oval(x + r * 0.7 + reach * 0.97, y + r * 0.32, 6, 5, INK)
    sheet.oval(x + r * 0.35, y - r * 0.18, 5, 5.5, (250, 224, 120) if sum(coat) < 150 else INK)
