"""How long drawing a storyboard takes, against how long it runs: eight seconds at 720p, by the product's own renderer.

Several wishes, because what is drawn decides what it costs; each is drawn once to warm up and then measured. The ratio
is of wall time, with the encoder's threads as they are in the product.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from adapters.animatic.render import render
from adapters.animatic.storyboard import storyboard
from core.request import VideoRequest
from tests.benchmarks.figures import Figure, median

WISHES = ("a red fox in the snow", "a ship on the sea at night in a storm", "a city street at sunrise, people walking")
LENGTH_S = 8.0
RUNS = 2
SEED = 5


async def measure(folder: Path) -> list[Figure]:
    """One figure, over all wishes."""
    took = [await asyncio.to_thread(_drawn, wish, folder / f"{number}.mp4") for number, wish in enumerate(WISHES)]
    each = ", ".join(f"{seconds:.2f} s" for seconds in took)
    ratio = median(took) / LENGTH_S
    return [
        Figure(name="storyboard, 8 s at 720p", value=ratio, unit="×", target=0.25, seen=f"{each} for {LENGTH_S:g} s")
    ]


def _drawn(wish: str, path: Path) -> float:
    """Seconds to draw it, the median of a few runs after one that is not counted."""
    board = storyboard(
        VideoRequest(idea=wish), duration_s=LENGTH_S, aspect="16:9", resolution="720p", sound=True, seed=SEED
    )
    took: list[float] = []
    for _ in range(RUNS + 1):
        began = time.perf_counter()
        render(board, path, on_progress=_nothing, cancelled=_never)
        took.append(time.perf_counter() - began)
    return median(took[1:])


def _nothing(fraction: float) -> None:
    pass


def _never() -> bool:
    return False
