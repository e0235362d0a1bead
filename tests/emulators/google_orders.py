"""Video orders as both video services keep them: what shall come out, how long it takes, the clip itself.

How orders are sent, asked for and delivered is left to the services' own modules.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.emulators.footage import make_footage

FPS = 12
"""Of the emulated clips. Half of what the services give, for half the encoding."""

HEIGHTS = {"360p": 360, "720p": 720, "1080p": 1080, "4k": 2160}
"""Short side in pixels by the name of the resolution."""


def frame_size(resolution: str, aspect: str) -> tuple[int, int]:
    """Width and height of a clip; `aspect` is "16:9" or "9:16"."""
    short = HEIGHTS[resolution]
    long = short * 16 // 9
    return (long, short) if aspect == "16:9" else (short, long)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """The order succeeds. What is None is as ordered; `path` sends that file and nothing else counts."""

    seconds: float | None = None
    width: int | None = None
    height: int | None = None
    audio: bool | None = None
    silent: bool = False
    black: bool = False
    frozen: bool = False
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """The service's filter refuses: a text and no video."""

    text: str = "I can't generate that video. It may violate the usage guidelines."


@dataclass(frozen=True, slots=True)
class Failure:
    """The operation fails. code: of google.rpc.Code"""

    code: int = 13
    message: str = "Video generation failed due to an internal issue. Please try again in a few minutes."


@dataclass(frozen=True, slots=True)
class Empty:
    """The operation completes with neither video nor text."""


@dataclass(frozen=True, slots=True)
class Status:
    """The interaction ends in this status, without a video (Omni only)."""

    status: str


@dataclass(frozen=True, slots=True)
class Spurious400:
    """The first `times` polls answer 400 though the order runs on, which then ends as `then` says."""

    times: int = 1
    then: "Outcome" = field(default_factory=Clip)


Outcome = Clip | Refusal | Failure | Empty | Status | Spurious400


@dataclass(slots=True, kw_only=True)
class Order:
    """An accepted order.

    state: "queued", "in_progress", then "completed", "failed", "cancelled" or what `Status` said
    clips: the files the service serves, once completed
    seconds, width, height, audio: as ordered
    """

    id: str
    model: str
    body: dict[str, Any]
    at: float
    seconds: float
    width: int
    height: int
    audio: bool
    outcome: Outcome
    samples: int = 1
    stored: bool = True
    deleted: bool = False
    spurious: int = 0
    state: str = "queued"
    clips: list[Path] = field(default_factory=list)
    uris: list[str] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def clip(self) -> Path | None:
        """The first file, None while there is none."""
        return self.clips[0] if self.clips else None


class Orders:
    """The orders of one service, worked off in the background by wall time and by the test's word."""

    def __init__(self, folder: Path, *, on_end: Callable[[Order], Awaitable[None]], mistakes: list[str]) -> None:
        """on_end: awaited when an order's clips are there, before its last state can be seen

        mistakes: takes what the test scripted so that it cannot be done
        """
        self._mistakes = mistakes
        self.all: list[Order] = []
        self._folder = folder
        self._on_end = on_end
        self._upcoming: list[Outcome] = []
        self._seconds = 0.05
        self._open = asyncio.Event()
        self._open.set()
        self._at_work: set[asyncio.Task[None]] = set()

    def next(self, *outcomes: Outcome) -> None:
        """What the next orders come to, in order of acceptance; further ones succeed as ordered."""
        self._upcoming.extend(outcomes)

    def takes(self, seconds: float) -> None:
        """How long orders accepted from now on take, in seconds of wall time (0.05 unless said)."""
        self._seconds = seconds

    def hold(self) -> None:
        """Let no order end until `release`."""
        self._open.clear()

    def release(self) -> None:
        """Let orders end again."""
        self._open.set()

    def find(self, order_id: str) -> Order | None:
        """The order of that id that was not deleted."""
        return next((order for order in self.all if order.id == order_id and not order.deleted), None)

    def accept(
        self,
        *,
        order_id: str,
        model: str,
        body: dict[str, Any],
        seconds: float,
        size: tuple[int, int],
        audio: bool = True,
        samples: int = 1,
        stored: bool = True,
    ) -> Order:
        """Take an order on and start to work on it."""
        outcome: Outcome = self._upcoming.pop(0) if self._upcoming else Clip()
        spurious = 0
        while isinstance(outcome, Spurious400):
            spurious += outcome.times
            outcome = outcome.then
        order = Order(
            id=order_id,
            model=model,
            body=body,
            at=time.monotonic(),
            seconds=seconds,
            width=size[0],
            height=size[1],
            audio=audio,
            samples=samples,
            stored=stored,
            outcome=outcome,
            spurious=spurious,
        )
        self.all.append(order)
        task = asyncio.create_task(self._work(order, self._seconds, len(self.all) - 1))
        self._at_work.add(task)
        task.add_done_callback(self._at_work.discard)
        return order

    def cancel(self, order: Order) -> None:
        """Stop work on an order that has not ended."""
        order.state = "cancelled"
        order.ended.set()

    async def close(self) -> None:
        """Drop what is at work."""
        for task in tuple(self._at_work):
            task.cancel()
        await asyncio.gather(*self._at_work, return_exceptions=True)

    async def _work(self, order: Order, seconds: float, index: int) -> None:
        filming = asyncio.create_task(asyncio.to_thread(self._film, order, index))
        try:
            await asyncio.sleep(seconds / 4)
            if order.state == "queued":
                order.state = "in_progress"
            await asyncio.sleep(seconds * 3 / 4)
            try:
                # Shielded, so that a cancel still finds the thread in `filming` and waits for it below.
                clips = await asyncio.shield(filming)
            except Exception as error:
                self._mistakes.append(f"{order.outcome} cannot be filmed: {error}")
                order.outcome, clips = Failure(), []
            await self._open.wait()
        finally:
            await asyncio.wait([filming])
        if order.ended.is_set():
            return
        order.clips = clips
        await self._on_end(order)
        match order.outcome:
            case Failure():
                order.state = "failed"
            case Status(status=status):
                order.state = status
            case _:
                order.state = "completed"
        order.ended.set()

    def _film(self, order: Order, index: int) -> list[Path]:
        wanted = order.outcome
        if not isinstance(wanted, Clip):
            return []
        if wanted.path is not None:
            if not wanted.path.is_file():
                raise FileNotFoundError(wanted.path)
            return [wanted.path] * order.samples
        clips = []
        for sample in range(order.samples):
            name = f"{order.id.rpartition('/')[2]}-{sample}.mp4"
            clips.append(
                make_footage(
                    self._folder / name,
                    seconds=order.seconds if wanted.seconds is None else wanted.seconds,
                    width=wanted.width or order.width,
                    height=wanted.height or order.height,
                    fps=FPS,
                    audio=order.audio if wanted.audio is None else wanted.audio,
                    silent=wanted.silent,
                    black=wanted.black,
                    frozen=wanted.frozen,
                    seed=index % 8 + 8 * sample,  # neighbouring orders differ, and encodings are still reused
                )
            )
        return clips
