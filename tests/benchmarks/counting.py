"""The real program behind relays, and everything that it has taken so far. Linux only."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.commits import transactions
from tests.benchmarks.measured import Work, work_names
from tests.benchmarks.relays import Relay
from tests.benchmarks.talking import model
from tests.benchmarks.usage import cpu_s
from tests.emulators.telegram import Call
from tests.program.running import Process, process, ready
from tests.program.services import SECRET, World, free_port, world

QUIET_S = 0.7
"""Nothing was written for so long: all is done."""
UNLIMITED = {"LIMIT_TURNS_PER_MIN": "0", "TELEGRAM_CHAT_BURST": "1000", "MAX_IN_FLIGHT": "1000"}
QUICK = ("VIDEO_POLL_MIN_S", "VIDEO_POLL_MAX_S", "SWEEP_S", "PROGRESS_EDIT_S", "DIALOGUE_TIMEOUT_S", "ALBUM_WAIT_S")
"""Settings of the tests' world that go back to their defaults."""


@dataclass(frozen=True, slots=True)
class Running:
    """The program, and all that is counted of it."""

    outside: World
    program: Process
    telegram: Relay
    google: Relay
    webhook: Relay

    @property
    def data(self) -> Path:
        return Path(self.outside.environment["DATA_DIR"])

    def counted(self, calls: int, asked: int) -> Work:
        """Everything since the start, but calls only from those on. Processor time in milliseconds, with idling."""
        methods = [_kind(call) for call in self.outside.telegram.journal[calls:]]
        names = Counter(_service(call) for call in self.outside.google.journal[asked:])
        kinds = Counter(methods)
        return Work(
            cpu_ms=cpu_s(self.program.pid) * 1_000,
            commits=transactions(self.data / "reelbot.db-shm"),
            messages=kinds["message"],
            progress=kinds["progress"],
            signs=kinds["sign"],
            reads=names["read"],
            writes=names["write"],
            video_calls=names["video"],
            requests_in=self.webhook.requests,
            bytes_in=self.telegram.answered + self.google.answered + self.webhook.sent,
            bytes_out=self.telegram.sent + self.google.sent + self.webhook.answered,
            database_bytes=_database_bytes(self.data / "reelbot.db"),
            media_bytes=sum(
                path.stat().st_size
                for path in self.data.rglob("*")
                if path.is_file() and not path.name.startswith("reelbot.db")
            ),
        )

    async def spent(self, work: Callable[[], Any], idle: float, count: int) -> Work:
        """What each of `count` pieces of work took, all of which `work` does; until nothing more is written."""
        await self._quiet()
        calls, asked = len(self.outside.telegram.journal), len(self.outside.google.journal)
        before, began = self.counted(calls, asked), time.monotonic()
        await work()
        await self._quiet()
        after, idled_ms = self.counted(calls, asked), (time.monotonic() - began) * idle * 1_000
        taken = {name: getattr(after, name) - getattr(before, name) for name in work_names()}
        taken["cpu_ms"] -= idled_ms
        return Work(**{name: value / count for name, value in taken.items()})

    async def _quiet(self) -> None:
        index = self.data / "reelbot.db-shm"
        known, since = transactions(index), time.monotonic()
        while time.monotonic() - since < QUIET_S:
            await asyncio.sleep(0.05)
            if (now := transactions(index)) != known:
                known, since = now, time.monotonic()


@asynccontextmanager
async def running_program(folder: Path) -> AsyncIterator[Running]:
    folder.mkdir()
    async with AsyncExitStack() as stack:
        outside = await stack.enter_async_context(world(folder))
        outside.google.brain = model(0.0)
        bot_port = free_port()
        telegram, google, webhook = [
            await stack.enter_async_context(Relay(port))
            for port in (_port(outside.telegram.url), _port(outside.google.url), bot_port)
        ]
        outside.environment = {name: value for name, value in outside.environment.items() if name not in QUICK}
        outside.environment |= UNLIMITED | {
            "HTTP_PORT": str(bot_port),
            "PUBLIC_URL": f"http://127.0.0.1:{bot_port}",
            "TELEGRAM_API_URL": telegram.url,
            "TELEGRAM_WEBHOOK_URL": f"{webhook.url}/telegram/webhook",
            "TELEGRAM_WEBHOOK_SECRET": SECRET,
            "GOOGLE_GEMINI_BASE_URL": google.url,
        }
        program = await stack.enter_async_context(process(outside))
        await program.start()
        await ready(outside)
        yield Running(outside, program, telegram, google, webhook)
        await program.stop()


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


def _kind(call: Call) -> str:
    """Whether it counts for Telegram's limits, and whether it may give way."""
    buttons = str(call.params.get("reply_markup"))
    if call.method == "editMessageText" and "Cancel" in buttons and "Make it" not in buttons:
        return "progress"
    counts = call.method.startswith(("send", "edit", "copy")) and call.method != "sendChatAction"
    return "message" if counts else "sign"


def _service(call: Any) -> str:
    if call.name != "generateContent":
        return "video"
    return "read" if "lite" in call.model else "write"


def _database_bytes(path: Path) -> int:
    """Pages in use, those still in the write-ahead log with them."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        size, pages, free = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_size", "page_count", "freelist_count")
        )
    return int(size * (pages - free))
