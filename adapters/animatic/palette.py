"""The colours of a scene by place, hour and weather."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.animatic.drawing import Colour, mix
from adapters.animatic.vocabulary import Hour, Place, Weather


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """Sky from top to horizon, land from far to front, and the colour of the main light."""

    sky: tuple[Colour, Colour, Colour]
    land: tuple[Colour, Colour, Colour, Colour]
    light: Colour


SKIES: Mapping[Hour, tuple[Colour, Colour, Colour]] = {
    Hour.DAY: ((74, 142, 214), (138, 192, 234), (224, 238, 244)),
    Hour.DAWN: ((110, 128, 190), (232, 172, 178), (255, 224, 188)),
    Hour.SUNSET: ((62, 46, 108), (212, 92, 90), (255, 190, 108)),
    Hour.NIGHT: ((18, 26, 70), (40, 56, 112), (92, 108, 162)),
}
LANDS: Mapping[Place, tuple[Colour, Colour, Colour, Colour]] = {
    Place.MEADOW: ((150, 192, 164), (118, 176, 106), (92, 154, 80), (42, 92, 52)),
    Place.FOREST: ((128, 164, 156), (74, 126, 102), (54, 102, 72), (22, 52, 42)),
    Place.MOUNTAINS: ((142, 160, 194), (100, 120, 156), (82, 116, 94), (36, 60, 54)),
    Place.DESERT: ((228, 182, 134), (222, 158, 100), (206, 132, 78), (118, 70, 46)),
    Place.SEA: ((84, 158, 188), (56, 130, 170), (38, 104, 150), (20, 66, 106)),
    Place.UNDERWATER: ((52, 138, 160), (40, 116, 146), (104, 132, 128), (16, 60, 92)),
    Place.CITY: ((140, 154, 184), (102, 116, 150), (70, 80, 110), (36, 40, 62)),
    Place.ROOM: ((226, 206, 182), (206, 178, 148), (158, 112, 80), (74, 108, 82)),
    Place.SPACE: ((126, 98, 160), (98, 76, 138), (76, 60, 112), (36, 28, 66)),
}
SNOWY = ((196, 212, 232), (216, 228, 242), (240, 246, 252), (76, 98, 130))
TINTS: Mapping[Hour, tuple[Colour, float]] = {
    Hour.DAY: ((255, 255, 255), 0.0), Hour.DAWN: ((240, 176, 160), 0.28),
    Hour.SUNSET: ((128, 52, 84), 0.5), Hour.NIGHT: ((32, 44, 104), 0.58),
}  # fmt: skip
LIGHTS: Mapping[Hour, Colour] = {
    Hour.DAY: (255, 250, 226), Hour.DAWN: (255, 230, 196), Hour.SUNSET: (255, 206, 128), Hour.NIGHT: (226, 234, 255),
}  # fmt: skip
NEON_SKY = ((30, 18, 68), (86, 38, 116), (214, 84, 140))
WATER = ((96, 206, 214), (38, 142, 182), (22, 92, 146))
SPACE_SKY = ((16, 14, 48), (46, 28, 90), (104, 58, 128))


def palette(place: Place, hour: Hour, weather: Weather) -> Palette:
    """The colours that belong together; even the darkest stay well above what counts as a black picture."""
    sky = SKIES[hour]
    if place is Place.SPACE:
        sky = SPACE_SKY
    elif place is Place.UNDERWATER:
        sky = WATER
    elif place is Place.CITY and hour is Hour.NIGHT:
        sky = NEON_SKY
    veil, share = {
        Weather.CLEAR: ((0, 0, 0), 0.0), Weather.SNOW: ((196, 210, 228), 0.42), Weather.RAIN: ((104, 112, 132), 0.45),
        Weather.FOG: ((206, 208, 212), 0.55),
    }[weather]  # fmt: skip
    if hour is not Hour.DAY:
        share *= 0.4
    top, middle, bottom = (mix(colour, veil, share) for colour in sky)
    snowy = weather is Weather.SNOW and place not in (
        Place.SEA,
        Place.UNDERWATER,
        Place.CITY,
        Place.ROOM,
        Place.SPACE,
    )
    tint, strength = TINTS[hour] if place is not Place.SPACE else TINTS[Hour.DAY]
    if snowy and hour is Hour.NIGHT:
        tint, strength = (70, 92, 158), 0.5
    haze = (0.34, 0.14, 0.0, 0.0) if weather is not Weather.FOG else (0.72, 0.5, 0.25, 0.1)
    far, mid, near, front = (
        mix(mix(colour, tint, strength), bottom, thin)
        for colour, thin in zip(SNOWY if snowy else LANDS[place], haze, strict=True)
    )
    return Palette(sky=(top, middle, bottom), land=(far, mid, near, front), light=LIGHTS[hour])
