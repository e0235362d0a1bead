"""What one turn and one generation cost: processor time, commits, requests, bytes, and what stays on the disk.

`.venv/bin/python -m tests.benchmarks.costs` measures, writes `costs.json`, renews the section of README that is made
from it, and prints that; three and a half minutes. There is no target: `capacity` calculates with them.

The real program runs as a process of its own, over SQLite and Telegram's webhook, with every setting at its default but
for how many videos may be in flight and how often one person may write. The stand-ins of Telegram and Google, and the
people, are this process. Turns come one at a time, so that none shares a commit with another: what many at once cost is
less. Generations run side by side, each with a service that takes about a minute, so that there are as many looks and
status messages as always; from the tap to the delivered clip. Processor time is the process's own, from /proc, less
what it takes when nothing happens. Bytes are counted by relays that every connection of the program goes through: HTTP
with its headers, without encryption. Linux only.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import platform
import random
import sqlite3
import tempfile
import time
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import NormalDist
from typing import Any

from tests.benchmarks.capacity import Habits
from tests.benchmarks.capacity_page import hours, section, write
from tests.benchmarks.counting import QUIET_S, Running, running_program
from tests.benchmarks.measured import MEASURED, Costs, Work
from tests.benchmarks.talking import SCRIPT, TelegramCrowd, answered, listening
from tests.benchmarks.turns import TELEGRAM_ANSWERS
from tests.benchmarks.usage import cpu_s
from tests.emulators.footage import make_footage
from tests.emulators.google import Clip
from tests.emulators.telegram import TelegramChat, TelegramMessage, TelegramPress, TelegramUser
from tests.program.services import World

WARM_UP = 3
"""Conversations, and generations, before it counts."""
CONVERSATIONS = 50
"""Of four turns."""
READ_S = 0.03
GENERATIONS = 30
SPREAD = 0.35
"""Of the service's times around its usual one, as a lognormal distribution has it."""
CLIP_BYTES = 4_000_000
CLIP_S = 8.0
WISH = "a red fox trotting through fresh snow at sunrise, cinematic, 8 seconds"
IDLE_S = 6.0
LONGEST_S = 300.0
"""How long one generation may take."""
COMMITTING_S = 2.0
ROW = "x" * 1_000


def main() -> None:
    """Measure, write both files, and print the section."""
    with tempfile.TemporaryDirectory(prefix="reelbot-costs-", ignore_cleanup_errors=True) as folder:
        costs = asyncio.run(measure(Path(folder)))
    MEASURED.write_text(json.dumps(_as_json(costs), indent=1) + "\n")
    costs = Costs.read()  # as exact as others will find it
    write(text := section(costs, hours(costs)))
    print(text)


async def measure(folder: Path) -> Costs:
    """All of it; `folder` takes the program's data. Raises AssertionError when somebody is not answered."""
    habits = Habits()
    clip = await asyncio.to_thread(_clip, folder / "clip.mp4")
    async with running_program(folder / "program") as measured:
        idle = await _idle(measured)
        turn = await _turns(measured, idle)
        generation, held_s = await _generations(measured, idle, clip, habits)
    return Costs(
        measured=datetime.now(UTC).strftime("%Y-%m-%d"),
        machine=f"{os.cpu_count()} processors, {platform.machine()}, Python {platform.python_version()}",
        turn=turn,
        generation=generation,
        idle=idle,
        beyond_s=held_s - habits.video_s,
        commits_per_s=await asyncio.to_thread(_commits_per_s, folder / "rows.db"),
    )


def _as_json(costs: Costs) -> dict[str, Any]:
    """For a file: as exact as it was measured."""

    def rounded(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: rounded(one) for name, one in value.items()}
        return float(f"{value:.4g}") if isinstance(value, float) else value

    found: dict[str, Any] = rounded(asdict(costs))
    return found


# --- what is measured ------------------------------------------------------------------------------------------------


async def _idle(measured: Running) -> float:
    """Share of a processor that it takes when nothing happens."""
    await asyncio.sleep(QUIET_S)
    before, began = cpu_s(measured.program.pid), time.monotonic()
    await asyncio.sleep(IDLE_S)
    return (cpu_s(measured.program.pid) - before) / (time.monotonic() - began)


async def _turns(measured: Running, idle: float) -> Work:
    """Of a conversation of four: a question, the card, and the card as it becomes with two more wishes."""
    crowd = TelegramCrowd(measured.outside.telegram, TELEGRAM_ANSWERS)

    async def conversations(count: int) -> None:
        for _ in range(count):
            person = crowd.newcomer()
            while not person.done:
                turn = await person.say()
                assert await answered([turn], LONGEST_S), f"no answer to {SCRIPT[person.turns - 1]!r}"
                await asyncio.sleep(READ_S)

    async with listening(crowd):
        await conversations(WARM_UP)
        return await measured.spent(lambda: conversations(CONVERSATIONS), idle, CONVERSATIONS * len(SCRIPT))


async def _generations(measured: Running, idle: float, clip: Path, habits: Habits) -> tuple[Work, float]:
    """What each takes, and how many seconds it was in flight on average, from the order to its clip in the chat."""
    outside = measured.outside
    cards = [await _card(outside, number) for number in range(WARM_UP + GENERATIONS)]
    outside.google.omni.next(*[Clip(path=clip)] * len(cards))
    outside.google.omni.takes(1.0)
    await asyncio.gather(*[_made(*await _ordered(outside, card)) for card in cards[:WARM_UP]])

    async def generations() -> None:
        under_way = []
        for seconds, card in zip(_times(habits.video_s), cards[WARM_UP:], strict=True):
            outside.google.omni.takes(seconds)
            under_way.append(asyncio.create_task(_made(*await _ordered(outside, card))))
        await asyncio.gather(*under_way)

    work = await measured.spent(generations, idle, GENERATIONS)
    ordered = sum(order.at for order in outside.google.omni.orders[WARM_UP:])
    posted = sum(call.at for call in outside.telegram.calls("editMessageMedia")[-GENERATIONS:])
    return work, (posted - ordered) / GENERATIONS


def _times(mean_s: float) -> list[float]:
    """Of the service, evenly over a lognormal distribution, in an order that is always the same; their mean is
    `mean_s`."""
    usual = NormalDist(0.0, SPREAD)
    times = [math.exp(usual.inv_cdf((number + 0.5) / GENERATIONS)) for number in range(GENERATIONS)]
    scale = mean_s * len(times) / sum(times)
    random.Random(1).shuffle(times)
    return [scale * one for one in times]


Card = tuple[TelegramChat, TelegramUser, TelegramMessage]


async def _card(outside: World, number: int) -> Card:
    person = outside.telegram.user(f"Bea{number}")
    chat = outside.telegram.private(person)
    said = await chat.say(person, WISH)
    return chat, person, await chat.wait_for("Make it", after=said)


async def _ordered(outside: World, card: Card) -> tuple[TelegramChat, TelegramPress]:
    """The tap, as far as the order at the service."""
    chat, person, message = card
    known = len(outside.google.omni.orders)
    pressed = await chat.press(person, message, "Make it")
    async with asyncio.timeout(LONGEST_S):
        while True:
            if len(outside.google.omni.orders) > known:
                return chat, pressed
            await asyncio.sleep(0.02)


async def _made(chat: TelegramChat, pressed: TelegramPress) -> None:
    await chat.wait_for(lambda message: message.video is not None, after=pressed, timeout=LONGEST_S)


def _clip(path: Path) -> Path:
    """An mp4 of 8 s at 720p and `CLIP_BYTES`: what it lacks is a box at the end that players skip."""
    make_footage(path, seconds=CLIP_S, width=1280, height=720)
    left = CLIP_BYTES - path.stat().st_size
    assert left >= 8, f"the clip by itself has {path.stat().st_size} bytes"
    with path.open("ab") as file:
        file.write(left.to_bytes(4, "big") + b"free")
        file.truncate(CLIP_BYTES)
    return path


# --- what the disk takes -----------------------------------------------------------------------------------------


def _commits_per_s(path: Path) -> float:
    """One after the other, each on the disk before the next: as the program has it set."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE rows (text TEXT)")
        began, count = time.monotonic(), 0
        while time.monotonic() - began < COMMITTING_S:
            connection.execute("INSERT INTO rows VALUES (?)", (ROW,))
            count += 1
        return count / (time.monotonic() - began)


if __name__ == "__main__":
    main()
