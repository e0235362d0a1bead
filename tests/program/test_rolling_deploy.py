"""A new version is rolled out process by process while work is under way, and taken back: nobody notices.

The new version is a copy of this tree with one migration more, in processes of its own. In front of the gateways there
is what an installation has there: one address, behind which whoever lives takes turns.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from tests.emulators.telegram import TelegramChat, TelegramEmulator
from tests.faults.forked import Forked
from tests.program.running import ROOT, Process, event_of
from tests.program.services import World, free_port, world
from tests.program.test_main_job import RICH, orders
from tests.storage.postgres import fresh_database

PACKAGES = ("bot", "adapters", "core", "storage")
MIGRATION = '''"""When a clip was first looked at has a column of its own."""

import sqlalchemy as sa
from alembic import op

revision = "{new}"
down_revision = "{newest}"


def upgrade() -> None:
    op.add_column("generations", sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_generations_seen", "generations", ["seen_at"])
'''
UNDER_WAY = 6
"""Clips that are being filmed when the first process is replaced."""
PATIENCE_S = 200.0
"""How long anything may take on a busy machine; two seconds is what it takes."""
IMPATIENT = "timeout graceful shutdown exceeded"
"""The web server's word on a kept-alive connection that nobody closed in time, as on a busy machine."""
SETTINGS = {
    "MAX_IN_FLIGHT": "40",
    "TELEGRAM_MESSAGES_PER_S": "1000",
    # Six processes and two cores: what is not looked at now is looked at soon.
    "SWEEP_S": "0.5",
    "PROGRESS_EDIT_S": "1",
    "VIDEO_POLL_MIN_S": "0.2",
    "VIDEO_POLL_MAX_S": "0.5",
}


def next_version(folder: Path) -> str:
    """Put the program with one migration more into `folder`; returns that migration's revision."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package)
    versions = folder / "storage" / "migrations" / "versions"
    newest = max(path.name[1:5] for path in versions.glob("v[0-9]*.py"))
    new = f"{int(newest) + 1:04}"
    (versions / f"v{new}_seen.py").write_text(MIGRATION.format(new=new, newest=newest))
    return new


def revision(url: str) -> str:
    """Which migration the database is at."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert row is not None
    return str(row[0])


class Balancer:
    """One address for several gateways: each connection goes to the next one that takes it."""

    def __init__(self) -> None:
        self.gateways: list[int] = []
        self.served: set[int] = set()
        """Whom connections went to."""
        self._connections: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def at(self, port: int) -> AsyncIterator[Balancer]:
        """Listen on this port."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        try:
            yield self
        finally:
            server.close()
            for connection in self._connections:
                connection.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            for gateway in tuple(self.gateways):
                self.gateways.append(self.gateways.pop(self.gateways.index(gateway)))
                with suppress(OSError):
                    there, back = await asyncio.open_connection("127.0.0.1", gateway)
                    self.served.add(gateway)
                    await asyncio.gather(_pass_on(reader, back), _pass_on(there, writer))
                    return
        finally:
            writer.close()
            self._connections.discard(task)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while some := await reader.read(1 << 16):
            writer.write(some)
            await writer.drain()
    writer.close()


class Fleet:
    """The processes of both versions, whoever lives."""

    def __init__(self, outside: World, balancer: Balancer, url: str, newer: Path) -> None:
        self._outside = outside
        self._balancer = balancer
        # Compiled by the first process for the others.
        self._newer = {"PYTHONPATH": str(newer), "PYTHONDONTWRITEBYTECODE": ""}
        self._settings = {**SETTINGS, "DATABASE_URL": url, "MEDIA_URL": str(outside.folder / "media")}
        self._stack = AsyncExitStack()
        self.all: list[Process | Forked] = []

    async def __aenter__(self) -> Fleet:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def start(self, part: str, *, newer: bool = False) -> Process | Forked:
        """Start one more process; returns it when it listens."""
        port = free_port()
        settings = {
            **self._settings,
            "HTTP_PORT": str(port),
            "DATA_DIR": str(self._outside.folder / f"data-{len(self.all)}"),
        }
        program: Process | Forked
        if newer:
            # -P: not the folder it is started in, but the one named is where its packages are.
            command = ("-P", "-m", "bot", "run", "--only", part)
            program = Process(self._outside, program=command, **settings, **self._newer)
        else:
            program = Forked(self._outside, ("run", "--only", part), **settings)
        self.all.append(program)
        self._stack.push_async_callback(program.ended)
        self._stack.callback(program.kill)
        await program.start()
        async with asyncio.timeout(PATIENCE_S):
            while not any(event_of(line).get("event") == "app.started" for line in program.lines):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        if part == "gateway":
            self._balancer.gateways.append(port)
        return program

    async def money(self) -> str:
        """What `reelbot money check` says."""
        command = Forked(self._outside, ("money", "check"), **self._settings)
        await command.start()
        await command.ended()
        return "\n".join(command.lines)

    def lines(self, *levels: str) -> list[str]:
        """What was logged with such a level."""
        return [line for one in self.all for line in one.lines if event_of(line).get("level") in levels]


class Crowd:
    """People who each want one clip, and come whenever they like."""

    def __init__(self, outside: World) -> None:
        self._outside = outside
        self.chats: list[TelegramChat] = []
        self._lives: list[asyncio.Task[None]] = []

    def comes(self) -> None:
        """One more begins, beside what happens here."""
        person = self._outside.telegram.user(f"Person {len(self.chats) + 1}")
        chat = self._outside.telegram.private(person)
        self.chats.append(chat)

        async def live() -> None:
            said = await chat.say(person, RICH)
            card = await chat.wait_for("Make it", timeout=PATIENCE_S, after=said)
            await chat.press(person, card, "Make it")
            await chat.wait_for(lambda message: message.video is not None, timeout=PATIENCE_S)

        self._lives.append(asyncio.create_task(live()))

    async def under_way(self) -> None:
        """Return when everybody's clip is ordered."""
        async with asyncio.timeout(PATIENCE_S):
            while len(orders(self._outside.google)) < len(self.chats):  # noqa: ASYNC110 - a journal
                await asyncio.sleep(0.02)

    async def served(self) -> None:
        """Return when everybody has a clip."""
        await asyncio.gather(*self._lives)

    async def leave(self) -> None:
        """Stop waiting."""
        for life in self._lives:
            life.cancel()
        await asyncio.gather(*self._lives, return_exceptions=True)


def kinds(chat: TelegramChat) -> Counter[str]:
    """What the bot has said, by its kind, besides that something takes longer on a busy machine."""
    found: Counter[str] = Counter()
    for message in chat.messages:
        text = message.text or message.caption or ""
        if message.video is not None:
            found["clip"] += 1
        elif message.from_bot and "taking longer" not in text:
            found["card" if "$" in text else "status"] += 1
    return found


async def replaced(old: Process | Forked, crowd: Crowd) -> None:
    """Ask a process to stop while people write and tap."""
    crowd.comes()
    stopping = asyncio.create_task(old.stop())
    crowd.comes()
    assert await stopping == 0


@pytest.mark.timeout(300)
async def test_a_version_is_rolled_out_and_taken_back_while_people_write_and_clips_are_made(
    tmp_path: Path, postgres_server: str
) -> None:
    newer = tmp_path / "newer"
    new = next_version(newer)
    async with AsyncExitStack() as stack:
        url = stack.enter_context(fresh_database(postgres_server))
        telegram = TelegramEmulator(webhook_attempts=10_000)
        outside = await stack.enter_async_context(world(tmp_path, transport="webhook", telegram=telegram))
        balancer = await stack.enter_async_context(Balancer().at(int(outside.environment["HTTP_PORT"])))
        fleet = await stack.enter_async_context(Fleet(outside, balancer, url, newer))
        crowd = Crowd(outside)
        stack.push_async_callback(crowd.leave)

        # Rolled out: what is handed over is finished, fetched and posted in this very moment.
        old = [await fleet.start("gateway"), await fleet.start("worker")]
        assert revision(url) < new
        outside.google.omni.hold()
        for _ in range(UNDER_WAY):
            crowd.comes()
        await crowd.under_way()
        worker, gateway = await asyncio.gather(*(fleet.start(part, newer=True) for part in ("worker", "gateway")))
        assert revision(url) == new
        await replaced(old[0], crowd)
        outside.google.omni.release()
        await replaced(old[1], crowd)
        await crowd.served()

        # Taken back: what is handed over is still being filmed.
        outside.google.omni.hold()
        for _ in range(UNDER_WAY):
            crowd.comes()
        await crowd.under_way()
        back = [await fleet.start("worker"), await fleet.start("gateway")]
        assert revision(url) == new
        await replaced(worker, crowd)
        await replaced(gateway, crowd)
        crowd.comes()
        await crowd.under_way()
        outside.google.omni.release()
        await crowd.served()
        await asyncio.sleep(0.2)
        for program in back:
            assert await program.stop() == 0

        assert len(orders(outside.google)) == len(crowd.chats)
        for chat in crowd.chats:
            assert kinds(chat) == {"card": 1, "status": 1, "clip": 1}, chat.transcript()
        ready = [call for call in telegram.calls("sendMessage") if "is ready" in str(call.params["text"])]
        assert len(ready) == len(crowd.chats)  # each became a clip
        assert len(balancer.served) == 3
        assert [line for line in fleet.lines("error", "critical") if IMPATIENT not in line] == []
        assert any("database.newer" in line for line in fleet.lines("warning"))
        money = await fleet.money()
        assert "The ledger is right." in money
        assert re.search(r"Still held\D*0\.00\b", money), money
