"""How long joining clips takes, against how long the result runs: four clips of eight seconds at 720p with sound, and a
title, by the product's own editor.

The clips are storyboards, which are encoded as finely as a video service's. Everything is decoded and encoded anew; the
ratio is of wall time, with the encoder's threads as they are in the product.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from adapters.animatic.render import render as draw
from adapters.animatic.storyboard import storyboard
from adapters.cutting.cut import Cut, cut
from adapters.cutting.render import render
from core.request import VideoRequest
from tests.benchmarks.figures import Figure, median

WISHES = (
    "a red fox in the snow",
    "a ship on the sea at night in a storm",
    "a city street at sunrise, people walking",
    "a hot air balloon over mountains",
)
LENGTH_S = 8.0
RUNS = 3
SEED = 5


async def measure(folder: Path) -> list[Figure]:
    """One figure."""
    clips = tuple(
        [await asyncio.to_thread(_drawn, wish, folder / f"{number}.mp4") for number, wish in enumerate(WISHES)]
    )
    plan = cut(
        {
            "parts": [{"clip": clip.name, "duration_s": LENGTH_S} for clip in clips],
            "title": "Winter in Tyrol",
            "fps": 24.0,
            "aspect": "16:9",
            "resolution": "720p",
            "sound": True,
        },
        clips,
    )
    took = await asyncio.to_thread(_joined, plan, folder / "film.mp4")
    length_s = float(plan.frames / plan.fps)
    each = ", ".join(f"{seconds:.2f} s" for seconds in took)
    ratio = median(took) / length_s
    return [
        Figure(
            name="joining four clips at 720p, with a title",
            value=ratio,
            unit="×",
            target=0.5,
            seen=f"{each} for {length_s:g} s",
        )
    ]


def _drawn(wish: str, path: Path) -> Path:
    board = storyboard(
        VideoRequest(idea=wish), duration_s=LENGTH_S, aspect="16:9", resolution="720p", sound=True, seed=SEED
    )
    draw(board, path, on_progress=_nothing, cancelled=_never)
    return path


def _joined(plan: Cut, path: Path) -> list[float]:
    """Seconds that each of a few runs took, after one that is not counted."""
    took: list[float] = []
    for _ in range(RUNS + 1):
        began = time.perf_counter()
        render(plan, path, on_progress=_nothing, cancelled=_never)
        took.append(time.perf_counter() - began)
    return took[1:]


def _nothing(fraction: float) -> None:
    pass


def _never() -> bool:
    return False
