"""Workers over one PostgreSQL: how many clips a second one makes and four make, when each may have so many at a time.

The real program, a gateway and workers as processes of their own, over a private server of PostgreSQL; the stand-ins
of Telegram and of Google are this process. Everything is ordered while no worker runs; then the workers start, and the
rate counts from the first order at the service to the last clip in a chat. `WORKER_CONCURRENCY` is the cap per worker,
and what all workers may have together is far beyond it; the service takes its time over each clip, so that the cap, and
not this machine, is the limit.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

from tests.benchmarks.figures import Figure
from tests.emulators.footage import make_footage
from tests.emulators.google_orders import Clip
from tests.emulators.telegram import TelegramChat
from tests.program.running import PROGRAM, Process, ready
from tests.program.services import World, free_port, world
from tests.program.test_main_job import card_for
from tests.storage.postgres import fresh_database, private_postgres

NAME = "PostgreSQL, 1 to 4 workers: generations per second"
CAP = 2
"""Videos that one worker has at a time."""
WAVES = 3
"""Of so many for each worker."""
FILMING_S = 6.0
"""So long that four workers keep one processor busy, not two: probing and the poster take 0.4 s of one a clip."""
WITHIN_S = 120.0


async def measure(folder: Path) -> list[Figure]:
    """Some 60 s."""
    with private_postgres() as server:
        rates = {}
        for count in (1, 4):
            with fresh_database(server) as url:
                rates[count] = await _rate(folder / f"workers-{count}", url, count)
    return [
        Figure(
            name=NAME,
            value=rates[4] / rates[1],
            unit="×",
            bound="at least",
            target=3.0,
            seen=f"one {rates[1]:.2f}, four {rates[4]:.2f} a second; each has {CAP} at a time, of {FILMING_S:.0f} s",
        )
    ]


async def _rate(folder: Path, url: str, workers: int) -> float:
    """Clips a second of so many workers."""
    folder.mkdir()
    clip = make_footage(folder / "clip.mp4", seconds=4, width=1280, height=720)
    count = CAP * WAVES * workers
    async with world(folder, transport="webhook") as outside, AsyncExitStack() as stack:
        outside.google.omni.takes(FILMING_S)
        outside.google.omni.next(*[Clip(path=clip)] * count)
        outside.environment |= {
            "DATABASE_URL": url,
            "MEDIA_URL": str(folder / "media"),
            "MAX_IN_FLIGHT": "1000",
            "TELEGRAM_MESSAGES_PER_S": "1000",
            "VIDEO_POLL_MIN_S": "0.25",
            "VIDEO_POLL_MAX_S": "0.25",
            "SWEEP_S": "5",
            "PROGRESS_EDIT_S": "5",
            "WORKER_CONCURRENCY": str(CAP),
        }
        await _started(stack, outside, "gateway", 0)
        await ready(outside)
        chats = [await _ordered(outside, number) for number in range(count)]
        await asyncio.gather(*(_started(stack, outside, "worker", number) for number in range(1, workers + 1)))
        async with asyncio.timeout(WITHIN_S):
            await asyncio.gather(
                *(chat.wait_for(lambda message: message.video is not None, timeout=WITHIN_S) for chat in chats)
            )
        return count / (time.monotonic() - outside.google.omni.orders[0].at)


async def _ordered(outside: World, number: int) -> TelegramChat:
    """Somebody's wish, as far as the tap."""
    person = outside.telegram.user(f"Person {number}")
    chat = outside.telegram.private(person)
    await chat.press(person, await card_for(chat, person), "Make it")
    return chat


async def _started(stack: AsyncExitStack, outside: World, part: str, number: int) -> None:
    """Start one of the processes; the first has the port that Telegram posts to."""
    port = {"HTTP_PORT": str(free_port())} if number else {}
    data = str(outside.folder / f"data-{number}")
    program = Process(outside, program=(*PROGRAM, "--only", part), DATA_DIR=data, **port)
    stack.push_async_callback(program.stop)
    await program.start()
