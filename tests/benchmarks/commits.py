"""How often the program commits to SQLite for one generation, from the tap on its card until it is delivered.

A commit is on the disk before it counts (`synchronous=FULL`), so they are what a disk has to keep up with. They are
counted by SQLite itself, over all connections: the header of its write-ahead index counts transactions that have
written. What each is for is told by a second run inside this process, from the statements. The clock's sweeps, and with
them the sign of life, are too rare here to fall into it: they come by time, however much is under way.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
import struct
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from tests.benchmarks.figures import Figure, median
from tests.emulators.telegram import TelegramChat, TelegramUser
from tests.program.running import process, ready, running
from tests.program.services import World, world

GENERATIONS = 3
RENDERING_S = 5.0
"""How long the service takes: some polls and some progress, as always."""
QUIET_S = 0.7
"""Nothing was written for so long: all is saved."""
WISH = "a red fox trotting through fresh snow at sunrise, cinematic, 4 seconds"
BY_DEFAULT = {
    "VIDEO_POLL_MIN_S": "2",
    "VIDEO_POLL_MAX_S": "20",
    "PROGRESS_EDIT_S": "1",
    "SWEEP_S": "300",
}
"""As the program comes, but for rare sweeps and a progress as lively as that of a longer clip."""

_HEADER = 48
"""Bytes of the write-ahead index's header, which is there twice."""
_COUNT = struct.Struct("=8xI")
_WRITES = re.compile(r"\s*(INSERT INTO|UPDATE|DELETE FROM)\s+(\w+)", re.IGNORECASE)


async def measure(folder: Path) -> list[Figure]:
    """The figure; `folder` takes both runs' data."""
    counts = await _counted(folder / "process")
    kinds = await _told(folder / "inside")
    return [
        Figure(
            name="commits per generation, SQLite",
            value=median(counts),
            unit="commits",
            target=10.0,
            seen=f"{'; '.join(f'{count} × {what}' for what, count in kinds.items())}",
        )
    ]


async def _counted(folder: Path) -> list[int]:
    """Commits of the real program for each generation, one after the other."""
    folder.mkdir()
    counts: list[int] = []
    async with _world(folder) as outside, process(outside) as program:
        await program.start()
        await ready(outside)
        index = Path(outside.environment["DATA_DIR"]) / "reelbot.db-shm"
        chat, ann = _chat(outside)
        for _ in range(GENERATIONS):
            card = await _card(chat, ann)
            before = await _settled(index)
            await _made(chat, ann, card)
            counts.append(await _settled(index) - before)
        await program.stop()
    return counts


async def _told(folder: Path) -> dict[str, int]:
    """What the commits of one generation write, in the order in which the kinds first come."""
    folder.mkdir()
    with _watched() as commits:
        async with _world(folder) as outside, running(outside):
            await ready(outside)
            index = Path(outside.environment["DATA_DIR"]) / "reelbot.db-shm"
            chat, ann = _chat(outside)
            card = await _card(chat, ann)
            await _settled(index)
            commits.clear()
            await _made(chat, ann, card)
            await _settled(index)
            return dict(Counter(commits))


@asynccontextmanager
async def _world(folder: Path) -> AsyncIterator[World]:
    async with world(folder) as outside:
        outside.google.omni.takes(RENDERING_S)
        outside.environment |= BY_DEFAULT
        yield outside


def _chat(outside: World) -> tuple[TelegramChat, TelegramUser]:
    ann = outside.telegram.user("Ann")
    return outside.telegram.private(ann), ann


async def _card(chat: TelegramChat, person: TelegramUser) -> Any:
    said = await chat.say(person, WISH)
    return await chat.wait_for("Make it", after=said)


async def _made(chat: TelegramChat, person: TelegramUser, card: Any) -> None:
    pressed = await chat.press(person, card, "Make it")
    await chat.wait_for(lambda message: message.video is not None, after=pressed, timeout=60.0)


# --- counting --------------------------------------------------------------------------------------------------------


async def _settled(index: Path) -> int:
    """How many transactions have written, once no more do."""
    known, since = transactions(index), time.monotonic()
    while time.monotonic() - since < QUIET_S:
        await asyncio.sleep(0.05)
        if (now := transactions(index)) != known:
            known, since = now, time.monotonic()
    return known


def transactions(index: Path) -> int:
    """What the write-ahead index's header counts: transactions of all connections that have written since the first of
    them opened the file. Raises OSError when nobody has it open."""
    while True:
        with index.open("rb") as file:
            one, other = file.read(_HEADER), file.read(_HEADER)
        if one == other:  # else it is being written just now
            return int(_COUNT.unpack_from(one)[0])


@contextmanager
def _watched() -> Iterator[list[str]]:
    """What each transaction writes into that is committed on a connection made meanwhile: as SQLite itself runs it,
    whoever asks it to."""
    commits: list[str] = []

    def connected(driver: sqlite3.Connection, _record: object) -> None:
        tables: list[str] = []

        def traced(statement: str) -> None:
            if found := _WRITES.match(statement):
                tables.append(found[2])
            elif statement in ("COMMIT", "ROLLBACK"):
                if statement == "COMMIT" and tables:
                    commits.append(" + ".join(dict.fromkeys(tables)))
                tables.clear()

        driver.set_trace_callback(traced)

    event.listen(Engine, "connect", connected)
    try:
        yield commits
    finally:
        event.remove(Engine, "connect", connected)
