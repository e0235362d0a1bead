"""The planes of a scene: hills, trees, mountains, houses, streets, waves and what is close to the lens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import pi, sin

from PIL import Image, ImageDraw, ImageFilter

from adapters.animatic.drawing import Colour, Layer, Sheet, gradient, mix, shade
from adapters.animatic.stage import Stage
from adapters.animatic.vocabulary import Hour, Place, Weather

PINES = (96.0, 190.0, 280.0, 330.0)
"""Height of a pine on each plane, at 720 lines."""


def ridge(stage: Stage, plane: int, colour: Colour, rise: float, *, rough: float = 1.0, decorate: str = "") -> Layer:
    """A rolling line of hills; `rise` is how far above the feet's line it goes, as a share of the height."""
    width, unit, source = stage.span(plane), stage.unit, stage.source
    crest = stage.height * rise
    head = (
        (PINES[plane] * 1.2 if decorate == "pines" else 115) + 55 * rough
    ) * unit  # room for what stands on the hills
    top = stage.feet - crest - head
    sheet = Sheet(width, stage.height - top + 40 * unit, colour)
    waves = [(source.uniform(0.6, 1.0) * a * rough * unit, source.uniform(0.8, 1.2) * b * unit,
              source.random() * 2 * pi) for a, b in ((34, 330), (16, 140), (5, 52))]  # fmt: skip

    def ground(x: float) -> float:
        return head + sum(a * sin(x / b + p) for a, b, p in waves)

    if decorate:
        DECORATIONS[decorate](stage, sheet, ground, width, plane, colour)
    step = max(4, round(10 * unit))
    edge = [(float(x), ground(x)) for x in range(-step, width + 2 * step, step)]
    sheet.shape([*edge, (width + step, 2 * stage.height), (-step, 2 * stage.height)], colour, round_=False)
    pale = mix(colour, stage.colours.light, 0.16)
    sheet.line(edge, pale, 3 * unit)
    return stage.plane(plane, sheet.done(), top)


Ground = Callable[[float], float]


def _pines(stage: Stage, sheet: Sheet, ground: Ground, width: int, plane: int, colour: Colour) -> None:
    source, unit = stage.source, stage.unit
    size = PINES[plane] * unit
    if stage.shot.place is Place.MOUNTAINS:
        size *= 0.5
    snowy = stage.shot.weather is Weather.SNOW
    x = -size * 0.2
    while x < width:
        high = size * source.uniform(0.6, 1.15)
        foot = ground(x) + 8 * unit
        bark = mix(shade(mix(colour, (24, 62, 60), 0.72 if snowy else 0.45), source.uniform(0.85, 1.1)),
                   stage.colours.sky[2], (0.3, 0.12, 0.0, 0.0)[plane])  # fmt: skip
        sheet.box(x - high * 0.03, foot - high * 0.15, x + high * 0.03, foot, shade(bark, 0.7))
        for tier in range(4):
            base, half = foot - high * (0.1 + 0.2 * tier), high * (0.25 - 0.05 * tier)
            sheet.shape([(x - half, base), (x, base - high * 0.34), (x + half, base)],
                        shade(bark, 1 - 0.06 * (3 - tier)), round_=False)  # fmt: skip
            if snowy:
                sheet.shape([(x - half * 0.62, base - high * 0.12), (x, base - high * 0.34),
                             (x + half * 0.62, base - high * 0.12),
                             (x + half * 0.2, base - high * 0.17), (x - half * 0.2, base - high * 0.15)],
                            mix(stage.colours.land[2], (255, 255, 255), 0.25), round_=False)  # fmt: skip
        x += size * source.uniform(0.26, 0.6)


def _trees(stage: Stage, sheet: Sheet, ground: Ground, width: int, plane: int, colour: Colour) -> None:
    source, unit = stage.source, stage.unit
    size = (50.0, 100.0, 150.0, 200.0)[plane] * unit
    x = source.random() * size
    while x < width:
        high, foot = size * source.uniform(0.7, 1.2), ground(x) + 6 * unit
        leaf = shade(mix(colour, (36, 96, 66), 0.4), source.uniform(0.85, 1.1))
        sheet.box(x - high * 0.05, foot - high * 0.5, x + high * 0.05, foot, mix(leaf, (70, 44, 36), 0.6))
        for dx, dy, across in ((-0.2, 0.55, 0.5), (0.2, 0.58, 0.5), (0, 0.78, 0.58)):
            sheet.oval(
                x + dx * high,
                foot - dy * high,
                across * high,
                across * high * 0.9,
                shade(leaf, 0.88 + dy * 0.2),
            )
        x += size * source.uniform(1.2, 3.4)


def _flowers(stage: Stage, sheet: Sheet, ground: Ground, width: int, plane: int, colour: Colour) -> None:
    source, unit = stage.source, stage.unit
    petals = [
        mix(c, stage.colours.land[2], 0.25)
        for c in ((244, 220, 110), (240, 150, 170), (250, 248, 240), (214, 120, 190))
    ]
    for _ in range(int(width / (14 * unit))):
        x = source.random() * width
        foot, high = ground(x) + 6 * unit, source.uniform(10, 26) * unit
        sheet.line([(x, foot), (x + 2 * unit, foot - high)], shade(colour, 0.8), 2 * unit)
        if source.random() < 0.5:
            sheet.oval(x + 2 * unit, foot - high, 9 * unit, 9 * unit, source.choice(petals))


def _cacti(stage: Stage, sheet: Sheet, ground: Ground, width: int, plane: int, colour: Colour) -> None:
    source, unit = stage.source, stage.unit
    x = source.uniform(40, 260) * unit
    while x < width:
        high, foot = source.uniform(70, 150) * unit, ground(x) + 8 * unit
        green = mix((58, 112, 82), colour, 0.3)
        sheet.line([(x, foot), (x, foot - high)], green, high * 0.2)
        sheet.line([(x, foot - high * 0.4), (x - high * 0.28, foot - high * 0.45),
                    (x - high * 0.28, foot - high * 0.72)],
                   shade(green, 0.88), high * 0.13)  # fmt: skip
        sheet.line([(x, foot - high * 0.3), (x + high * 0.26, foot - high * 0.34),
                    (x + high * 0.26, foot - high * 0.6)],
                   shade(green, 0.94), high * 0.13)  # fmt: skip
        x += source.uniform(240, 560) * unit


def _weeds(stage: Stage, sheet: Sheet, ground: Ground, width: int, plane: int, colour: Colour) -> None:
    source, unit = stage.source, stage.unit
    x = source.random() * 60 * unit
    while x < width:
        foot = ground(x) + 8 * unit
        green = mix(mix((58, 150, 110), colour, 0.45), (196, 92, 110), source.choice((0.0, 0.0, 0.45)))
        for _ in range(5):
            high, lean = source.uniform(50, 150) * unit, source.gauss(0, 14) * unit
            sheet.line([(x, foot), (x + lean, foot - high * 0.35), (x - lean * 0.4, foot - high * 0.7),
                        (x + lean, foot - high)],
                       shade(green, source.uniform(0.8, 1.1)), 7 * unit)  # fmt: skip
            x += 9 * unit
        x += source.uniform(40, 240) * unit


DECORATIONS: Mapping[str, Callable[[Stage, Sheet, Ground, int, int, Colour], None]] = {
    "pines": _pines, "trees": _trees, "flowers": _flowers, "cacti": _cacti, "weeds": _weeds,
}  # fmt: skip


def peaks(stage: Stage, plane: int, colour: Colour, high: float) -> Layer:
    """Mountains with snow on their tops."""
    width, unit, source = stage.span(plane), stage.unit, stage.source
    tall = stage.height * high
    top = stage.horizon - tall
    sheet = Sheet(width, tall + 200 * unit, colour)
    x = -200 * unit
    while x < width + 200 * unit:
        half, peak = tall * source.uniform(0.55, 0.95), tall * source.uniform(0.0, 0.35)
        base = tall + 200 * unit
        sheet.shape([(x - half * 1.35, base), (x - half * 0.4, peak + tall * 0.36), (x, peak),
                     (x + half * 0.46, peak + tall * 0.42), (x + half * 1.4, base)], colour, round_=False)  # fmt: skip
        sheet.shape([(x, peak), (x + half * 0.46, peak + tall * 0.42), (x + half * 1.4, base), (x + half * 0.25, base)],
                    shade(colour, 0.88), round_=False)  # fmt: skip
        snow = mix(colour, (255, 255, 255), 0.75)
        sheet.shape([(x, peak), (x + half * 0.24, peak + tall * 0.22), (x + half * 0.1, peak + tall * 0.18),
                     (x, peak + tall * 0.26), (x - half * 0.1, peak + tall * 0.17),
                     (x - half * 0.22, peak + tall * 0.2)],
                    snow, round_=False)  # fmt: skip
        x += half * source.uniform(0.8, 1.3)
    return stage.plane(plane, sheet.done(), top)


def towers(stage: Stage, plane: int, colour: Colour) -> Layer:
    """A row of houses with lit windows and, near by and at night, neon signs."""
    width, unit, source = stage.span(plane), stage.unit, stage.source
    tall = stage.height * (0.5, 0.46, 0.42, 0.0)[plane]
    foot = stage.feet - (70, 45, 15, 0)[plane] * unit
    dark = stage.shot.hour in (Hour.NIGHT, Hour.SUNSET) or stage.shot.weather is Weather.RAIN
    sheet = Sheet(width, tall + 30 * unit, colour)
    neon = ((255, 84, 160), (84, 226, 240), (255, 200, 90), (150, 110, 255), (110, 250, 170))
    x = -20 * unit
    while x < width:
        wide = source.uniform(70, 150) * unit * (0.6, 0.8, 1.0, 1.0)[plane]
        top = tall * source.uniform(0.0, 0.55)
        wall = shade(colour, source.uniform(0.84, 1.12))
        sheet.box(x, top, x + wide, tall + 30 * unit, wall)
        sheet.box(x, top, x + wide * 0.16, tall + 30 * unit, shade(wall, 1.1))
        if source.random() < 0.4:
            sheet.line([(x + wide / 2, top), (x + wide / 2, top - 26 * unit)], wall, 2.5 * unit)
        cell = (9, 12, 17, 0)[plane] * unit
        column = x + cell
        while column < x + wide - cell:
            row = top + cell
            while row < tall - cell:
                lit = source.random() < (0.42 if dark else 0.0)
                pane = (
                    source.choice(((255, 222, 140), (255, 204, 110), (170, 214, 255)))
                    if lit
                    else shade(wall, 0.8 if dark else 1.25)
                )
                if lit or source.random() < 0.6:
                    sheet.box(
                        column,
                        row,
                        column + cell * 0.5,
                        row + cell * 0.62,
                        mix(pane, wall, (0.5, 0.3, 0.1, 0)[plane]),
                    )
                row += cell * 1.35
            column += cell * 1.05
        if dark and plane >= 1 and source.random() < 0.75:
            sign, left = source.choice(neon), x + wide * source.uniform(0.2, 0.6)
            height = source.uniform(50, 120) * unit
            low = tall - source.uniform(40, 110) * unit
            sheet.box(
                left - 5 * unit,
                low - height - 5 * unit,
                left + 27 * unit,
                low + 5 * unit,
                sign,
                radius=8 * unit,
                alpha=70,
            )
            sheet.box(left, low - height, left + 22 * unit, low, mix(sign, (20, 16, 40), 0.65), radius=4 * unit)
            for mark in range(int(height / (20 * unit))):
                y = low - height + (6 + mark * 20) * unit
                sheet.box(
                    left + 6 * unit,
                    y,
                    left + source.uniform(12, 17) * unit,
                    y + 9 * unit,
                    sign,
                    radius=2 * unit,
                )
        x += wide + source.choice((0, 0, 6, 22)) * unit
    return stage.plane(plane, sheet.done(), foot - tall)


def street(stage: Stage, skyline: Layer) -> Layer:
    """The road, with the houses mirrored in it when it is wet or lit."""
    width, unit = stage.span(2), stage.unit
    top = stage.feet - 18 * unit
    height = round(stage.height - top + 50 * unit)
    asphalt = stage.colours.land[3]
    road = gradient((width, height), (mix(asphalt, stage.colours.sky[2], 0.3), asphalt, shade(asphalt, 0.8)))
    houses = skyline.pictures[0].transpose(Image.Transpose.FLIP_TOP_BOTTOM).crop((0, 0, width, height))
    wet = stage.shot.weather is Weather.RAIN
    if wet or stage.shot.hour is Hour.NIGHT:
        small = houses.resize((max(2, width // 10), max(2, height // 26))).resize(
            (width, height), Image.Resampling.BICUBIC
        )
        small.putalpha(small.getchannel("A").point([round(v * (0.62 if wet else 0.38)) for v in range(256)]))
        road.paste(small, (0, 0), small)
    draw = ImageDraw.Draw(road, "RGBA")
    draw.rectangle((0, 0, width, 7 * unit), fill=(*mix(asphalt, stage.colours.sky[2], 0.55), 255))
    dash = round(110 * unit)
    for left in range(0, width, dash * 2):
        draw.rectangle((left, 74 * unit, left + dash, 80 * unit), fill=(255, 236, 190, 110))
    return stage.plane(2, road.convert("RGBA"), top)


def waves(stage: Stage, top: float, colour: Colour, speed: float, size: float) -> Layer:
    """A band of waves that rolls to one side and up and down."""
    unit, source = stage.unit, stage.source
    length = 150 * size * unit
    period = round(length) * 2
    width = stage.width + period
    sheet = Sheet(width, stage.height - top + 60 * unit, colour)
    phase = source.random() * 2 * pi
    step = max(3, round(6 * unit))
    edge = [(float(x), 14 * size * unit + 9 * size * unit * sin(x * 2 * pi / period * 2 + phase)
             + 4 * size * unit * sin(x * 2 * pi / period * 5))
            for x in range(-step, width + 2 * step, step)]  # fmt: skip
    sheet.shape([*edge, (width + step, stage.height + 99), (-step, stage.height + 99)], colour, round_=False)
    sheet.line(edge, mix(colour, stage.colours.light, 0.4), 3 * unit)
    pace = max(2, 2 * round(abs(speed) * unit / 2))
    way = f"mod(n*{pace},{period})"
    x = f"-{way}" if speed > 0 else f"{way}-{period}"
    return Layer(
        pictures=(sheet.done(),),
        x=x,
        y=f"round({top:.1f}+{5 * size * unit:.2f}*sin(n/{13 + 6 * size:.1f}+{phase:.2f}))",
    )


def front(stage: Stage) -> list[Layer]:
    """Grass or snow close to the lens and out of focus, at the lower edge; nothing unless the camera tracks."""
    if not stage.tracking:
        return []
    width, unit, source = stage.span(3), stage.unit, stage.source
    colour = stage.colours.land[3]
    high = 150 * unit
    snow = mix(stage.colours.land[2], stage.colours.sky[1], 0.35)
    sheet = Sheet(width, high, snow if stage.shot.weather is Weather.SNOW else colour)
    if stage.shot.weather is Weather.SNOW:
        for _ in range(int(width / (150 * unit))):
            sheet.oval(source.random() * width, high * 1.05, source.uniform(240, 620) * unit,
                       source.uniform(60, 150) * unit, shade(snow, source.uniform(0.9, 1.0)))  # fmt: skip
    else:
        x = -30 * unit
        while x < width:
            tuft = source.uniform(0.5, 1.0) * high * 0.7
            for _ in range(16):
                lean, tall = source.gauss(0, 26) * unit, tuft * source.uniform(0.5, 1.0)
                sheet.line([(x + lean * 0.5, high + 10), (x + lean, high - tall * 0.55), (x + lean * 2.0, high - tall)],
                           shade(colour, source.uniform(0.8, 1.15)), 5 * unit)  # fmt: skip
            x += source.uniform(50, 330) * unit
    image = sheet.done().convert("RGBa").filter(ImageFilter.GaussianBlur(2.2 * unit)).convert("RGBA")
    return [stage.plane(3, image, stage.height - high * 0.86)]
