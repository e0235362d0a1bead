"""The sound bed: soft chords, a few bells, and the air of the place, made by libav's own sources.

Nothing is played back from files; the same storyboard gives the same samples.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from math import ceil

from av.audio.frame import AudioFrame
from av.filter import Graph
from av.filter.context import FilterContext

from adapters.animatic.storyboard import FPS, Storyboard
from adapters.animatic.vocabulary import Mood, Place, Weather

RATE = 48_000
FADE_S = 0.9
"""How long a chord takes to come and go; neighbours overlap by this much."""
CHORD_S = 2.6

CHORDS: Mapping[Mood, tuple[tuple[int, ...], ...]] = {
    Mood.CALM: ((57, 64, 67, 72), (53, 60, 67, 69), (48, 60, 64, 67), (55, 62, 65, 71)),
    Mood.BRIGHT: ((48, 60, 64, 67), (55, 62, 67, 71), (57, 64, 67, 72), (53, 60, 65, 69)),
    Mood.SAD: ((57, 60, 64, 69), (50, 60, 65, 69), (52, 59, 64, 67), (53, 60, 64, 69)),
    Mood.TENSE: ((45, 52, 57, 58), (45, 51, 57, 60), (44, 51, 56, 59), (45, 52, 57, 58)),
    Mood.EPIC: ((50, 57, 62, 65), (46, 58, 62, 65), (48, 55, 60, 67), (45, 57, 60, 64)),
}
"""Chords as MIDI notes, the lowest first."""


def sound_bed(board: Storyboard) -> Iterator[AudioFrame]:
    """The whole bed as planar float stereo at 48 kHz, exactly as long as the film."""
    length = board.frames / FPS
    graph = Graph()
    source = random.Random(board.seed)
    voices = [
        *_pad(graph, board.mood, length),
        *_bells(graph, board.mood, length, source),
        *_air(graph, board, length),
    ]
    _chain(
        graph, _mixed(graph, voices), ("aecho", "0.9:0.5:60|130:0.22|0.14"), ("extrastereo", "m=1.3"),
        ("volume", "2.6"), ("alimiter", "limit=0.7:level=0"), ("afade", "t=in:d=0.35"),
        ("afade", f"t=out:st={max(0.0, length - 0.7):.4f}:d=0.7"), ("apad", f"whole_len={round(length * RATE)}"),
        ("atrim", f"end_sample={round(length * RATE)}"),
        ("aformat", f"sample_fmts=fltp:sample_rates={RATE}:channel_layouts=stereo"), ("asetnsamples", "n=1024:p=0"),
        ("abuffersink", ""),
    )  # fmt: skip
    graph.configure()
    while True:
        try:
            frame = graph.pull()
        except (BlockingIOError, EOFError):
            return
        if isinstance(frame, AudioFrame):
            yield frame


def _mixed(graph: Graph, voices: Sequence[FilterContext]) -> FilterContext:
    """All of them at once, each as loud as it is."""
    mixed = graph.add("amix", f"inputs={len(voices)}:normalize=0:duration=longest")
    for index, voice in enumerate(voices):
        voice.link_to(mixed, 0, index)
    return mixed


def _chain(graph: Graph, first: FilterContext, *filters: tuple[str, str]) -> FilterContext:
    for name, options in filters:
        node = graph.add(name, options or None)
        first.link_to(node)
        first = node
    return first


def _placed(graph: Graph, first: FilterContext, pan: float, start_s: float) -> FilterContext:
    """A mono voice put between left (-1) and right (1), beginning at that time."""
    left, right = (1 - pan) / 2 + 0.2, (1 + pan) / 2 + 0.2
    return _chain(
        graph, first, ("pan", f"stereo|c0={left:.3f}*c0|c1={right:.3f}*c0"),
        ("adelay", f"{round(start_s * 1000)}:all=1"),
    )  # fmt: skip


def _note(number: int) -> float:
    return 440 * 2 ** ((number - 69) / 12)


def _pad(graph: Graph, mood: Mood, length: float) -> Iterator[FilterContext]:
    """Chords that follow each other and melt together."""
    count = max(1, ceil(length / CHORD_S))
    each = length / count
    span = each + FADE_S
    for place in range(count):
        lowest, *others = CHORDS[mood][place % 4]
        # The lowest note carries; the others come in pairs that beat slowly against each other, one on either side.
        sides = [(0.0, 0.0, [(lowest, 0.62)])]
        pairs = [(note, 0.3 - 0.04 * voice) for voice, note in enumerate(others, 1)]
        sides += [(-0.6, -0.35, pairs), (0.6, 0.4, pairs)]
        for pan, detune, notes in sides:
            tones = []
            for note, level in notes:
                tone = graph.add("sine", f"frequency={_note(note) + detune:.4f}:sample_rate={RATE}:duration={span:.4f}")
                tones.append(_chain(graph, tone, ("volume", f"{level:.3f}")))
            # What comes and goes together does so as one.
            shaped = _chain(
                graph, _mixed(graph, tones), ("afade", f"t=in:d={FADE_S}:curve=hsin"),
                ("afade", f"t=out:st={max(0.0, span - FADE_S):.4f}:d={FADE_S}:curve=hsin"),
            )  # fmt: skip
            yield _placed(graph, shaped, pan, place * each)


def _bells(graph: Graph, mood: Mood, length: float, source: random.Random) -> Iterator[FilterContext]:
    """A few high notes out of the chords."""
    time = 0.6
    while time < length - 1.0:
        notes = CHORDS[mood][min(int(time / CHORD_S), 99) % 4]
        note = source.choice(notes[1:]) + (0 if mood is Mood.TENSE else 12)
        for overtone, level in ((1.0, 0.30), (2.0, 0.08), (3.01, 0.03)):
            tone = graph.add("sine", f"frequency={_note(note) * overtone:.4f}:sample_rate={RATE}:duration=1.5")
            shaped = _chain(
                graph, tone, ("volume", f"{level}"), ("afade", "t=in:d=0.012"), ("afade", "t=out:d=1.45:curve=exp")
            )  # fmt: skip
            yield _placed(graph, shaped, source.uniform(-0.7, 0.7), time)
        time += source.choice((0.65, 1.3, 1.3, 1.95)) * (1.5 if mood in (Mood.SAD, Mood.TENSE) else 1.0)


def _air(graph: Graph, board: Storyboard, length: float) -> Iterator[FilterContext]:
    """What the place sounds like: wind, surf, rain, or the hum of a city."""
    shot = board.shots[0]
    kind = shot.place.value if shot.weather is not Weather.RAIN else "rain"
    colour, level, low, high, beat, depth = {
        "rain": ("white", 0.05, 900, 7000, 0.4, 0.15), Place.SEA.value: ("pink", 0.22, 120, 1500, 0.16, 0.8),
        Place.CITY.value: ("brown", 0.20, 60, 420, 0.12, 0.3), Place.ROOM.value: ("brown", 0.05, 80, 500, 0.1, 0.2),
        Place.SPACE.value: ("brown", 0.30, 40, 160, 0.1, 0.5),
    }.get(kind, ("pink", 0.12, 180, 900, 0.14, 0.6))  # fmt: skip
    noise = graph.add(
        "anoisesrc",
        f"color={colour}:amplitude={level}:seed={board.seed % 2**31}:sample_rate={RATE}:duration={length:.4f}",
    )  # fmt: skip
    shaped = _chain(
        graph, noise, ("highpass", f"f={low}"), ("lowpass", f"f={high}"), ("tremolo", f"f={beat}:d={depth}")
    )
    yield _placed(graph, shaped, 0.0, 0.0)
