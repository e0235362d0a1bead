"""Messages a second to 32 chats at once: stock python-telegram-bot, our transport alone, and our whole outbox.

All send to the same emulated server in this process, each from a process of its own, and the server's journal tells
how fast they came, without the first tenth. The outbox's rows come into the program's SQLite all at once: it reads
them, paces, renders and sends them, and saves of each that it was sent before the next one of its chat goes. The limits
that Telegram sets (30 messages a second) are raised so far that they are never reached: it is not them that are
measured.

A bare aiohttp client says what the server itself takes at most; where the server's processor is near 100 %, it is the
server that a figure is about.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.messages import ConversationKey, Post
from core.repositories import Changes, OutboxPost
from storage.store import SqlStore
from tests.benchmarks.figures import Figure, median
from tests.benchmarks.usage import cpu_s
from tests.emulators.google import GoogleEmulator
from tests.emulators.telegram import TelegramEmulator
from tests.program.running import ROOT, process
from tests.program.services import World, settings_for

CHATS = 32
MESSAGES = 40
"""To each chat."""
ROUNDS = 3
TEXT = "The clip is on its way; it takes about a minute."
"""After a number that tells that all come, in order; the other senders say the same."""
LONGEST_S = 120.0
"""How long one run may take, in seconds."""
LOOK_S = 0.02

FREE = {
    "TELEGRAM_MESSAGES_PER_S": "10000",
    "TELEGRAM_CHAT_BURST": "1000",
    "TELEGRAM_GROUP_PER_MIN": "10000",
    "SWEEP_S": "5",
    "PROGRESS_EDIT_S": "5",
}
"""Limits that are never reached, and the clock as it is by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One run."""

    per_s: float
    cpu_ms: float
    """Processor time of the sender for each message, in milliseconds."""
    server: float
    """Share of one processor that the emulated server took."""


Sender = Callable[[TelegramEmulator, Path], AbstractAsyncContextManager[int]]
"""A process that sends everything; gives its id."""


async def measure(folder: Path) -> list[Figure]:
    """Both figures; `folder` takes the program's data."""
    senders: dict[str, Sender] = {
        "stock": _script("baselines.telegram_sender"),
        "transport": _script("transport_sender"),
        "outbox": _outbox,
        "server": _script("baselines.aiohttp_sender"),
    }
    runs: dict[str, list[Sent]] = {name: [] for name in senders}
    for number in range(ROUNDS):
        for name, sender in senders.items():
            place = folder / f"{name}{number}"
            place.mkdir()
            runs[name].append(await _run(sender, place))
    stock, transport, outbox, server = (_middle(runs[name]) for name in senders)
    beside = f"stock {_told(stock)}; the server alone takes {server.per_s:.0f}/s"
    return [
        Figure(
            name="outbound messages per second, through the outbox",
            value=outbox.per_s / stock.per_s,
            unit="×",
            bound="at least",
            target=3.0,
            seen=f"ours {_told(outbox)}, {beside}",
        ),
        Figure(
            name="outbound messages per second, bare transport",
            value=transport.per_s / stock.per_s,
            unit="×",
            bound="at least",
            target=3.0,
            seen=f"ours {_told(transport)}, {beside}",
        ),
    ]


def _middle(runs: list[Sent]) -> Sent:
    return Sent(
        per_s=median([run.per_s for run in runs]),
        cpu_ms=median([run.cpu_ms for run in runs]),
        server=median([run.server for run in runs]),
    )


def _told(sent: Sent) -> str:
    return f"{sent.per_s:.0f}/s ({sent.cpu_ms:.2f} ms of CPU each, server {sent.server:.0%} busy)"


async def _run(sender: Sender, folder: Path) -> Sent:
    """Everything sent once, to a server of its own. Raises TimeoutError and RuntimeError when it does not all come."""
    async with TelegramEmulator() as telegram:
        for number in range(CHATS):
            telegram.private(telegram.user(f"Person {number}"))
        async with sender(telegram, folder) as pid, asyncio.timeout(LONGEST_S):
            total = CHATS * MESSAGES
            begun = await _until(telegram, total // 10, pid)
            ended = await _until(telegram, total, pid, before=begun)
        _check(telegram)
        came = sorted(call.at for call in telegram.calls("sendMessage"))[total // 10 :]
    messages = ended.messages - begun.messages
    return Sent(
        per_s=(len(came) - 1) / (came[-1] - came[0]),
        cpu_ms=(ended.sender_s - begun.sender_s) / messages * 1000,
        server=(ended.server_s - begun.server_s) / (ended.at - begun.at),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What was used at one moment."""

    at: float
    messages: int
    sender_s: float
    server_s: float


async def _until(telegram: TelegramEmulator, messages: int, pid: int, *, before: _Look | None = None) -> _Look:
    """The first look at which so many messages have come. A sender that ends when it is done is looked at the last
    time before that."""
    looked, seen, counted = before, 0, 0
    while True:
        journal = telegram.journal
        counted += sum(call.method == "sendMessage" for call in journal[seen:])
        seen = len(journal)
        with contextlib.suppress(OSError):
            if (used := cpu_s(pid)) > 0:  # one that has ended and was not asked for its status has used nothing
                looked = _Look(at=time.monotonic(), messages=counted, sender_s=used, server_s=time.process_time())
        if counted >= messages and looked is not None:
            return looked
        await asyncio.sleep(LOOK_S)


def _check(telegram: TelegramEmulator) -> None:
    """Raise RuntimeError unless each chat has all its messages, once and in order."""
    for chat in telegram.state.chats.values():
        numbers = [int((message.text or "").partition(":")[0]) for message in chat.messages]
        if numbers != list(range(MESSAGES)):
            raise RuntimeError(f"{chat.title} got {len(numbers)} messages, or not in order")


# --- who sends -------------------------------------------------------------------------------------------------------


def _script(module: str) -> Sender:
    @asynccontextmanager
    async def sending(telegram: TelegramEmulator, folder: Path) -> AsyncIterator[int]:
        first = next(iter(telegram.state.chats))
        program = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", f"tests.benchmarks.{module}"),
            *(telegram.url, telegram.token, str(first), str(CHATS), str(MESSAGES)),
            cwd=ROOT,
        )
        try:
            yield program.pid
        finally:
            if program.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    program.kill()
            await program.wait()

    return sending


@asynccontextmanager
async def _outbox(telegram: TelegramEmulator, folder: Path) -> AsyncIterator[int]:
    """The program, which finds at its next sweep that all of it waits to be said."""
    async with GoogleEmulator() as google:
        environment = settings_for(google, folder, provider="animatic") | FREE
        environment |= {"TELEGRAM_BOT_TOKEN": telegram.token, "TELEGRAM_API_URL": telegram.url}
        async with process(World(telegram=telegram, google=google, folder=folder, environment=environment)) as program:
            await program.start()
            await _fill(Path(environment["DATA_DIR"]) / "reelbot.db", [str(chat) for chat in telegram.state.chats])
            yield program.pid
            await program.stop()


async def _fill(database: Path, chats: Sequence[str]) -> None:
    """Rows of the outbox as the program itself writes them, there all at once."""
    store = SqlStore(f"sqlite:///{database}")
    posts = [
        OutboxPost(post=Post(key=ConversationKey(platform="telegram", chat=chat), text=f"{number}: {TEXT}"))
        for number in range(MESSAGES)
        for chat in chats
    ]
    try:
        await store.commit(Changes(posts=tuple(posts), at=datetime.now(UTC)))
    finally:
        await store.close()
