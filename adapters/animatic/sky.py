"""What is behind everything: sky with sun, moon, stars and clouds, still water, or the wall of a room."""

from __future__ import annotations

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from adapters.animatic.drawing import Sheet, glow, gradient, lay, mix, shade
from adapters.animatic.stage import Stage
from adapters.animatic.vocabulary import Hour, Place, Weather


def sky(stage: Stage) -> Image.Image:
    """The backdrop: an RGB picture of the stage's size."""
    width, height, tones, source = stage.width, stage.height, stage.colours.sky, stage.source
    shot, unit = stage.shot, stage.unit
    if shot.place is Place.ROOM:
        return _wall(stage)
    if shot.place is Place.UNDERWATER:
        return _depths(stage)
    base = gradient((width, round(stage.horizon) + 2), tones)
    full = Image.new("RGB", (width, height), tones[2])
    full.paste(base, (0, 0))
    night = shot.hour is Hour.NIGHT or shot.place is Place.SPACE
    if night and shot.weather in (Weather.CLEAR, Weather.SNOW):
        draw = ImageDraw.Draw(full, "RGBA")
        for _ in range(260 if shot.place is Place.SPACE else 120):
            x, y = (
                source.random() * width,
                source.random() ** 1.4 * (height if shot.place is Place.SPACE else stage.horizon),
            )
            size = source.choice((0.8, 1.0, 1.0, 1.7)) * unit * 1.2
            draw.ellipse((x - size, y - size, x + size, y + size), fill=(255, 255, 240, source.randrange(90, 235)))
    spot = width * source.uniform(0.62, 0.8)
    if shot.place is Place.SPACE:
        lay(full, glow(round(620 * unit), (190, 90, 170), 120), width * 0.1, height * 0.2)
        lay(full, glow(round(520 * unit), (80, 120, 220), 110), width * 0.55, -height * 0.05)
        planet = glow(round(250 * unit), (238, 176, 120), 255, core=0.98)
        lay(full, glow(round(430 * unit), (238, 176, 120), 120), spot - 215 * unit, height * 0.24 - 215 * unit)
        lay(full, planet, spot - 125 * unit, height * 0.24 - 125 * unit)
        lay(full, glow(round(210 * unit), (255, 220, 170), 150), spot - 120 * unit, height * 0.24 - 120 * unit)
    elif shot.weather not in (Weather.RAIN, Weather.FOG):
        low = {Hour.SUNSET: 0.56, Hour.DAWN: 0.5, Hour.NIGHT: 0.2, Hour.DAY: 0.2}[shot.hour]
        wide = round({Hour.SUNSET: 900, Hour.DAWN: 800, Hour.NIGHT: 460, Hour.DAY: 620}[shot.hour] * unit)
        y = height * low
        lay(full, glow(wide, stage.colours.light, 150), spot - wide / 2, y - wide / 2)
        disc = round({Hour.SUNSET: 130, Hour.DAWN: 110, Hour.NIGHT: 84, Hour.DAY: 100}[shot.hour] * unit)
        lay(
            full,
            glow(disc, mix(stage.colours.light, (255, 255, 255), 0.4), 255, core=0.98),
            spot - disc / 2,
            y - disc / 2,
        )
    if shot.place is not Place.SPACE:
        _clouds(stage, full)
    if shot.place is Place.SEA:
        _water(stage, full, spot)
    return full


def _water(stage: Stage, full: Image.Image, spot: float) -> None:
    """Still water up to the horizon, with the light's glitter path."""
    width, height, source = stage.width, stage.height, stage.source
    top = round(stage.horizon * 0.94)
    full.paste(gradient((width, height - top), (mix(stage.colours.sky[2], stage.colours.land[0], 0.55),
                                                stage.colours.land[1], stage.colours.land[2])), (0, top))  # fmt: skip
    draw = ImageDraw.Draw(full, "RGBA")
    for _ in range(110):
        depth = source.random()
        y = top + depth**1.5 * (height - top) * 0.5
        long = (14 + 70 * depth) * stage.unit
        x = spot + source.gauss(0, 40 + 130 * depth) * stage.unit
        draw.rounded_rectangle((x - long / 2, y, x + long / 2, y + (1 + 2.5 * depth) * stage.unit), 2,
                               fill=(*stage.colours.light, round(150 - 70 * depth)))  # fmt: skip


def _depths(stage: Stage) -> Image.Image:
    """Water from below the surface, with shafts of light."""
    full = gradient((stage.width, stage.height), stage.colours.sky)
    rays = Image.new("L", full.size, 0)
    draw = ImageDraw.Draw(rays)
    for _ in range(7):
        x, wide = stage.source.random() * stage.width * 1.2, stage.source.uniform(30, 120) * stage.unit
        draw.polygon([(x, 0), (x + wide, 0), (x - stage.height * 0.25 + wide * 2, stage.height),
                      (x - stage.height * 0.35, stage.height)],
                     fill=stage.source.randrange(30, 70))  # fmt: skip
    fade = Image.linear_gradient("L").resize(full.size).point([255 - v for v in range(256)])
    rays = ImageChops.multiply(rays.filter(ImageFilter.GaussianBlur(12 * stage.unit)), fade)
    full.paste(Image.new("RGB", full.size, (230, 255, 250)), (0, 0), rays)
    return full


def _wall(stage: Stage) -> Image.Image:
    width, height, unit = stage.width, stage.height, stage.unit
    far, mid, near, _ = stage.colours.land
    full = gradient((width, height), (mid, far, shade(far, 0.92)))
    window = gradient((round(380 * unit), round(300 * unit)), stage.colours.sky)
    left, top = round(width * 0.5 - 190 * unit), round(height * 0.12)
    draw = ImageDraw.Draw(full)
    pad = round(12 * unit)
    draw.rectangle((left - pad, top - pad, left + window.width + pad, top + window.height + pad), fill=shade(near, 0.9))
    full.paste(window, (left, top))
    lay(full, glow(round(150 * unit), stage.colours.light, 210), left + 210 * unit, top + 20 * unit)
    draw.rectangle((left + window.width // 2 - pad // 3, top, left + window.width // 2 + pad // 3, top + window.height),
                   fill=shade(near, 0.9))  # fmt: skip
    lay(
        full,
        glow(round(1100 * unit), stage.colours.light, 70),
        width * 0.5 - 550 * unit,
        height * 0.4 - 550 * unit,
    )
    return full


def _clouds(stage: Stage, full: Image.Image) -> None:
    source, unit, width = stage.source, stage.unit, stage.width
    tone = mix(stage.colours.sky[1], (255, 190, 170) if stage.shot.hour is Hour.SUNSET else (255, 255, 255), 0.55)
    if stage.shot.hour is Hour.NIGHT:
        tone = mix(stage.colours.sky[1], stage.colours.sky[2], 0.6)
    if stage.shot.weather is Weather.RAIN:
        tone = mix(stage.colours.sky[0], (150, 156, 176), 0.3)
    high = stage.height * 0.36
    sheet = Sheet(width, high, tone)
    for _ in range(max(3, round(width / (260 * unit)))):
        x, y = source.random() * width, source.uniform(0.25, 0.85) * high
        for _ in range(6):
            across = source.uniform(70, 150) * unit
            sheet.oval(x + source.gauss(0, 70) * unit, y + source.gauss(0, 7) * unit, across, across * 0.34, tone)
    soft = (
        sheet.done()
        .getchannel("A")
        .filter(ImageFilter.GaussianBlur(3 * unit))
        .point([round(v * 0.6) for v in range(256)])
    )
    full.paste(Image.new("RGB", soft.size, tone), (0, round(stage.height * 0.04)), soft)
