"""From a video request to a storyboard: which shots, how long, what each shows and says. Pure.

Leaves drawing to `scenery`, `figures` and `lettering`, sound to `sound`, and making the film to `render`.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from pathlib import Path

from adapters.animatic.vocabulary import (
    CAMERAS,
    FIGURES,
    GOING_ALONG,
    HOURS,
    MOODS,
    PLACES,
    WEATHERS,
    Camera,
    Figure,
    Hour,
    Mood,
    Place,
    Weather,
    colour_before,
    found,
)
from core.request import VideoRequest

FPS = 24
CROSSFADE = 12
"""Frames that two neighbouring shots share: half a second."""
SHORT_SIDES = {"360p": 360, "480p": 480, "720p": 720, "1080p": 1080}
MAX_SHOTS = 4
SHOT_S = 3.0
"""About how long a shot lasts, in seconds."""
NAMES = ("Wide shot", "Closer", "Close-up", "Wide shot")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One drawn shot."""

    frames: int
    """Length, with what it shares with its neighbours."""
    text: str
    """The caption, in the person's words."""
    plain: str
    """What it shows in plain English, for a caption whose script no font here can write."""
    title: str
    """Words to be shown large, or empty."""
    place: Place
    hour: Hour
    weather: Weather
    figure: Figure
    colour: tuple[int, int, int] | None
    """The figure's colour, when one was named."""
    camera: Camera
    closeness: float
    """Size of the figure: 1 in a wide shot, about 2 in a close-up."""
    facing: int
    """1 when the figure looks to the right, -1 to the left."""
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Storyboard:
    """The whole film."""

    width: int
    height: int
    frames: int
    shots: tuple[Shot, ...]
    mood: Mood
    sound: bool
    picture: Path | None
    """The person's own first frame; the camera then moves over it instead of a drawn scene."""
    seed: int

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / FPS


def storyboard(
    request: VideoRequest, *, duration_s: float, aspect: str, resolution: str, sound: bool, seed: int,
    picture: Path | None = None,
) -> Storyboard:  # fmt: skip
    """The storyboard for a request; the same arguments always give the same one.

    Raises ValueError for an aspect or resolution that cannot be drawn, or a length below half a second."""
    if duration_s < 0.5:
        raise ValueError("an animatic lasts at least half a second")
    width, height = frame_size(aspect, resolution)
    frames = round(duration_s * FPS)
    texts = _captions(request, duration_s)
    lengths = _lengths(frames, len(texts))
    source = random.Random(seed)
    whole = " ".join((request.subject, request.idea, request.setting, request.style, *request.shots))
    facing = {Camera.TRACK_LEFT: -1, Camera.TRACK_RIGHT: 1}.get(_camera(request) or Camera.STILL) or source.choice(
        (1, -1)
    )
    shots = tuple(
        _shot(request, whole, text, index, len(texts), length, facing, source.getrandbits(32))
        for index, (text, length) in enumerate(zip(texts, lengths, strict=True))
    )
    mood = found(f"{request.mood} {request.audio}", MOODS) or found(whole, MOODS)
    if mood is None:
        quiet = shots[0].hour is Hour.NIGHT or shots[0].weather is not Weather.CLEAR
        mood = Mood.CALM if quiet or shots[0].place in (Place.SEA, Place.SPACE) else Mood.BRIGHT
    return Storyboard(
        width=width,
        height=height,
        frames=frames,
        shots=shots,
        mood=mood,
        sound=sound,
        picture=picture,
        seed=seed,
    )


def frame_size(aspect: str, resolution: str) -> tuple[int, int]:
    """Width and height in pixels, both even; the resolution names the shorter side."""
    short = SHORT_SIDES.get(resolution)
    match = re.fullmatch(r"(\d{1,2}):(\d{1,2})", aspect)
    if short is None or match is None or "0" in match.groups():
        raise ValueError(f"cannot draw {aspect} at {resolution}")
    across, down = int(match[1]), int(match[2])
    long = round(short * max(across, down) / min(across, down) / 2) * 2
    return (long, short) if across >= down else (short, long)


def _captions(request: VideoRequest, duration_s: float) -> tuple[str, ...]:
    """One caption a shot: the shots asked for, else the wish, told again for each shot that fits into the length."""
    most = max(1, min(MAX_SHOTS, round(duration_s / SHOT_S)))
    if request.shots:
        # A shot needs a second; those that do not fit are joined to the last one that does.
        fitting = max(1, min(MAX_SHOTS, int(duration_s)))
        if len(request.shots) <= fitting:
            return request.shots
        return (*request.shots[: fitting - 1], " · ".join(request.shots[fitting - 1 :]))
    wish = request.subject or request.idea
    more = [part for part in (request.setting, request.mood) if part and part.lower() not in wish.lower()]
    told = (wish, ", ".join((wish, *more)) if more else wish)
    return tuple(told[min(index, 1)] for index in range(most))


def _lengths(frames: int, count: int) -> tuple[int, ...]:
    """Frames of each shot, so that with the crossfades they add up to `frames`."""
    total = frames + CROSSFADE * (count - 1)
    return tuple(total // count + (index < total % count) for index in range(count))


def _shot(
    request: VideoRequest, whole: str, text: str, index: int, count: int, frames: int, facing: int, seed: int
) -> Shot:
    own = text if request.shots else whole
    figure = found(own, FIGURES) or found(whole, FIGURES) or Figure.NONE
    place = found(request.setting, PLACES) or found(own, PLACES) or found(whole, PLACES) or _home(figure)
    weather = found(request.setting, WEATHERS) or found(own, WEATHERS) or found(whole, WEATHERS) or Weather.CLEAR
    light = f"{request.setting} {own} {whole} {request.mood}"
    hour = found(light, HOURS) or (Hour.NIGHT if place is Place.SPACE else Hour.DAY)
    place = _fitting(place, figure)
    track = Camera.TRACK_RIGHT if facing > 0 else Camera.TRACK_LEFT
    camera = _camera(request)
    if camera is None:
        along = found(request.camera, GOING_ALONG)
        camera = track if along else (track, Camera.PUSH_IN, track, Camera.RISE)[index % 4]
    shown = ", ".join(str(part) for part in (figure, place, weather, hour) if part not in ("none", "clear"))
    return Shot(
        frames=frames, text=text, plain=f"{NAMES[index % 4]}: {shown}",
        title=request.words if index == count - 1 else "",
        place=place, hour=hour, weather=weather, figure=figure, colour=colour_before(whole, figure),
        camera=camera, closeness=(1.0, 1.5, 2.1, 0.8)[index % 4], facing=facing, seed=seed,
    )  # fmt: skip


def _camera(request: VideoRequest) -> Camera | None:
    return found(request.camera.lower().replace("zoom out", "zoom-out"), CAMERAS)


def _home(figure: Figure) -> Place:
    """Where a figure is at home when the wish does not say."""
    homes = {
        Figure.FOX: Place.FOREST, Figure.BEAR: Place.FOREST, Figure.CAT: Place.CITY, Figure.FISH: Place.UNDERWATER,
        Figure.BOAT: Place.SEA, Figure.ROCKET: Place.SPACE, Figure.CAR: Place.CITY, Figure.CUP: Place.ROOM,
        Figure.ROBOT: Place.CITY, Figure.BIRD: Place.MOUNTAINS, Figure.BALLOON: Place.MOUNTAINS,
    }  # fmt: skip
    return homes.get(figure, Place.MEADOW)


def _fitting(place: Place, figure: Figure) -> Place:
    """A boat floats and a fish swims, whatever else was said."""
    if figure is Figure.BOAT and place is not Place.SPACE:
        return Place.SEA
    return Place.UNDERWATER if figure is Figure.FISH and place is not Place.SPACE else place
