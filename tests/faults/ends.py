"""Where a process ends, and how it is made to end there. Which places are tried is `points`' business."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.emulators.faults import Fault, Faults
from tests.emulators.slack import Attempt
from tests.faults.forked import Forked
from tests.faults.launcher import listening
from tests.program.running import event_of
from tests.program.services import Outside, World

PART = ".*.mp4.part"
"""What the local renderer calls a clip that it has begun."""
LIMIT_S = 30.0
"""Longest wait for a process to reach its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A call that reaches an emulator.

    `call` is its name ("event" for what Slack tells the program and gets acknowledged); `saying` a part of its
    arguments; `nth` counts the calls that fit both. `lost`: it never takes effect. `arrived`: the process ends when
    the call gets there, and the service goes on with what it has got by then. `confirmed`: only once Telegram has
    forgotten every update that it handed over."""

    service: Literal["google", "telegram", "slack"]
    call: str
    saying: str = ""
    nth: int = 1
    lost: bool = False
    arrived: bool = False
    confirmed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A commit: right before it or right after it. `facts` are names of `launcher.facts`, joined by "+"."""

    side: Literal["before", "after"]
    facts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloading:
    """The service has sent so many bytes of the clip, and more are to come."""

    sent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """The local renderer has written so many bytes of the clip."""

    written: int


Place = Served | Saved | Downloading | Rendering


@asynccontextmanager
async def started(world: Outside, *, later_s: float = 0.0) -> AsyncIterator[Forked]:
    """The program as a process, listening; killed at the end if it still runs. `later_s`: by how much later it takes
    itself to be started than it is, in seconds."""
    async with _started(_later(world, later_s)) as program:
        yield program


@asynccontextmanager
async def ending(
    world: Outside, place: Place, number: signal.Signals = signal.SIGKILL, *, later_s: float = 0.0
) -> AsyncIterator[Forked]:
    """The same, for a process that is sent a signal when it gets to the place for the first time."""
    if isinstance(place, Saved):
        at = f"{place.side} {place.facts}"
        async with _started(_later(world, later_s, FAULT_AT=at, FAULT_SIGNAL=number.name), number) as program:
            yield program
        return
    program = _later(world, later_s)
    end = _once(program, number, int(world.environment["HTTP_PORT"]))
    watch: asyncio.Task[None] | None = None
    if isinstance(place, Served):
        _at_call(world, place, end)
    elif isinstance(place, Downloading):
        _at_bytes(world, place, end)
    else:
        watch = asyncio.create_task(_at_rendering(world, place, end))
    try:
        async with _started(program, number):
            yield program
    finally:
        if watch is not None:
            watch.cancel()


async def status_of(program: Forked) -> int:
    """The exit status, once the process has come to its end."""
    try:
        async with asyncio.timeout(LIMIT_S):
            return await program.ended()
    except TimeoutError as error:
        raise AssertionError("the process did not get to where it should end:\n" + _log(program)) from error


def _later(world: Outside, seconds: float, **changes: str) -> Forked:
    return Forked(world, **changes, **({"CLOCK_AHEAD_S": str(seconds)} if seconds else {}))


@asynccontextmanager
async def _started(program: Forked, number: signal.Signals | None = None) -> AsyncIterator[Forked]:
    await program.start()
    try:
        if "app.started" not in [event_of(line).get("event") for line in program.lines]:
            # It may have got to the place already: what was left undone is taken up before anything is taken in.
            there = number is not None and await status_of(program) == -number
            assert there, "the program did not start:\n" + _log(program)
        yield program
    finally:
        program.kill()
        await program.ended()


def _log(program: Forked) -> str:
    return "\n".join(program.lines[-40:])


def _once(program: Forked, number: signal.Signals, port: int) -> Callable[[], Awaitable[bool]]:
    """Sends the signal the first time it is called, and says whether it did. Returns when the killed are dead; of
    those who are asked to stop, when they have closed their port and had time to begin to end their work."""
    stopping: list[asyncio.Task[int]] = []
    sent = False

    async def end() -> bool:
        nonlocal sent
        if sent:
            return False
        sent = True
        if number is signal.SIGKILL:
            program.kill()
            await program.ended()
        else:
            stopping.append(asyncio.create_task(program.stop()))
            while await listening(port):  # noqa: ASYNC110 - a socket
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
        return True

    return end


def _at_call(world: Outside, place: Served, end: Callable[[], Awaitable[bool]]) -> None:
    faults: Faults = getattr(world, place.service).faults
    seen = 0

    async def reached(call: Any) -> None:
        nonlocal seen
        told = isinstance(call, Attempt)
        if place.saying not in arguments_of(place, call) or (told and not call.acknowledged):
            return
        seen += 1
        if seen != place.nth:
            return
        if place.confirmed:
            assert isinstance(world, World)
            while world.telegram.pending_updates:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)
        if await end() and place.lost:
            faults.add(Fault(match=place.call, drop="before"))

    early = place.lost or place.arrived or place.confirmed
    faults.on(place.call, reached, moment="arrived" if early else "processed")


def arguments_of(place: Served, call: Any) -> str:
    """What `saying` is looked for in."""
    if place.service == "google":
        return str(call.body)
    return str(call.payload if isinstance(call, Attempt) else call.params)


def _at_bytes(world: Outside, place: Downloading, end: Callable[[], Awaitable[bool]]) -> None:
    pace = world.google.pace
    pace.piece = max(1, place.sent // 2)

    async def sent(so_far: int) -> None:
        if so_far >= place.sent:
            await end()

    pace.on_piece = sent


async def _at_rendering(world: Outside, place: Rendering, end: Callable[[], Awaitable[bool]]) -> None:
    folder = Path(world.environment["DATA_DIR"]) / "animatic"
    while not any(path.stat().st_size >= place.written for path in folder.glob(PART)):  # noqa: ASYNC110 - a file
        await asyncio.sleep(0.01)
    await end()
