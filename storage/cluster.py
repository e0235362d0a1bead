"""What several processes over one PostgreSQL need of each other: claims, so that one of them works on a thing, and a
bell, so that the one that does looks at its row now.

Both keep one connection of their own. What they leave to others: which names there are, and what is done under a claim.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import struct
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, LiteralString

from core.errors import TemporaryError
from core.polling import backoff
from storage.line import Line, plain_address

if TYPE_CHECKING:
    import psycopg

log = logging.getLogger("reelbot.cluster")

LEASE_S = 10.0
"""How long after the database's last answer a process still counts on what it holds."""
CHANNEL = "reelbot_bell"
MOST_RINGS = 10_000
"""Names kept for the bell while the database is away; more are dropped, the clock's sweep finds what they meant."""

Key = tuple[int, int]


def advisory_key(name: str) -> Key:
    """The advisory lock that stands for a name: 64 bits of its hash.

    Given as two numbers, which PostgreSQL keeps apart from locks with one number: those of `storage.lease` and of
    upgrades cannot be hit. Two names with the same key, expected once in some billions of names, exclude each other:
    the second waits until the first is given back."""
    high, low = struct.unpack(">ii", hashlib.blake2b(name.encode(), digest_size=8, person=b"reelbot").digest())
    return high, low


class PostgresClaims:
    """Implements the `Claims` port with advisory locks of one connection: a claim ends with the connection, and that
    with its process, however it dies.

    A process that hangs, or is cut off, for longer than `lease_s` (seconds) holds nothing any more: it knows that by
    its own clock before the server lets anybody else have it."""

    def __init__(self, url: str, *, lease_s: float = LEASE_S) -> None:
        self._address = plain_address(url)
        self._lease_s = lease_s
        self._line: Line | None = None
        self._cut = asyncio.Event()
        self._cut.set()
        self._held: dict[Key, Line] = {}
        """What tasks of this process have taken and not given back, with the connection that it was taken on."""
        self._turn = asyncio.Lock()
        self._watcher: asyncio.Task[None] | None = None
        self._under_way: set[asyncio.Task[Any]] = set()

    async def open(self) -> None:
        """Connect, and keep an eye on the connection. Raises TemporaryError."""
        async with self._turn:
            await self._connected()
        self._watcher = asyncio.create_task(self._watch(), name="claims")

    async def close(self) -> None:
        """Let others have everything."""
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
        await asyncio.gather(*self._under_way, return_exceptions=True)
        async with self._turn:
            await self._lose()

    async def take(self, name: str) -> bool:
        """Claim `name`; False while somebody holds it, here or elsewhere. Raises TemporaryError.

        What was held on a connection that is cut is refused here until its holder has given it back."""
        task = self._begin(self._take(advisory_key(name)))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(lambda done: self._unwanted(done, advisory_key(name)))
            raise

    async def give_back(self, name: str) -> None:
        """Let somebody else have it, also when the caller is cancelled meanwhile; harmless when it is not held."""
        await asyncio.shield(self._begin(self._give_back(advisory_key(name))))

    def holds(self, name: str) -> bool:
        """Whether it is still ours: who was cut off from the database holds nothing any more."""
        line = self._held.get(advisory_key(name))
        return line is not None and line is self._line and time.monotonic() - line.answered < self._lease_s

    async def lost(self) -> None:
        """Return when the connection is cut, and with it everything that was held; at once when there is none."""
        await self._cut.wait()

    async def _take(self, key: Key) -> bool:
        async with self._turn:
            if key in self._held:
                return False
            line = await self._connected()
            if not await self._ask(line, "SELECT pg_try_advisory_lock(%s::int, %s::int)", key):
                return False
            self._held[key] = line
            return True

    async def _give_back(self, key: Key) -> None:
        async with self._turn:
            line = self._held.pop(key, None)
            if line is not None and line is self._line:
                with suppress(TemporaryError):
                    await self._ask(line, "SELECT pg_advisory_unlock(%s::int, %s::int)", key)

    def _unwanted(self, taking: asyncio.Task[bool], key: Key) -> None:
        """Whoever asked has gone: what was taken for them goes back."""
        if not taking.cancelled() and taking.exception() is None and taking.result():
            self._begin(self._give_back(key))

    async def _watch(self) -> None:
        """Ask now and then whether the connection is still there, and at once when something came in on it."""
        while True:
            line = self._line
            if line is None:
                await asyncio.sleep(self._lease_s / 10)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(self._lease_s / 10):
                    await line.stirred.wait()
            async with self._turn:
                if line is self._line:
                    with suppress(TemporaryError):
                        await self._ask(line, "SELECT true")

    async def _ask(self, line: Line, statement: LiteralString, values: tuple[object, ...] = ()) -> object:
        try:
            return await line.ask(statement, values)
        except TemporaryError:
            await self._lose()
            raise

    async def _connected(self) -> Line:
        if self._line is None:
            self._line = await Line.open(self._address, self._lease_s)
            self._cut.clear()
        return self._line

    async def _lose(self) -> None:
        line, self._line = self._line, None
        self._cut.set()
        if line is not None:
            if self._held:
                log.warning("claims.lost", extra={"held": len(self._held)})
            await line.close()

    def _begin(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """In a task of its own: a caller that is cancelled must not leave a lock behind that nobody knows of."""
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task


class PostgresBell:
    """Tells the other processes a name. Best effort: what is rung while one of them is cut off it never hears."""

    def __init__(self, url: str, *, lease_s: float = LEASE_S) -> None:
        self._address = plain_address(url)
        self._lease_s = lease_s
        self._listeners: list[Callable[[str], None]] = []
        self._rings: dict[str, None] = {}
        self._rung = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._listening = asyncio.Event()

    def open(self) -> None:
        """Connect, now and whenever the connection is cut, until closed."""
        self._task = asyncio.create_task(self._run(), name="bell")

    async def close(self) -> None:
        """Say what is still to be said, if the database takes it, and disconnect."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def listening(self) -> None:
        """Return when the bell can be heard here."""
        await self._listening.wait()

    def ring(self, name: str) -> None:
        """Let the other processes know; never fails, and waits for nothing."""
        if len(self._rings) < MOST_RINGS:
            self._rings[name] = None
            self._rung.set()

    def listen(self, heard: Callable[[str], None]) -> None:
        """Call `heard` with each name that another process rings."""
        self._listeners.append(heard)

    async def _run(self) -> None:
        failures = 0
        while True:
            line: Line | None = None
            try:
                line = await Line.open(self._address, self._lease_s)
                line.connection.add_notify_handler(partial(self._hear, line.connection.info.backend_pid))
                await line.ask(f"LISTEN {CHANNEL}")
                failures = 0
                self._listening.set()
                await self._exchange(line)
            except TemporaryError as error:
                log.info("bell.cut", extra={"reason": str(error.__cause__ or error).partition("\n")[0]})
            finally:
                self._listening.clear()
                if line is not None:
                    await line.close()
            failures += 1
            await asyncio.sleep(backoff(failures, min_s=0.1, max_s=self._lease_s))

    async def _exchange(self, line: Line) -> None:
        """Say what is to be said and hear what there is to hear; notifications are handed over during a statement."""
        try:
            while True:
                await _either(line.stirred, self._rung, self._lease_s / 2)
                await self._say(line)
        except asyncio.CancelledError:
            if self._rings:
                with suppress(TemporaryError):
                    await self._say(line)
            raise

    async def _say(self, line: Line) -> None:
        self._rung.clear()
        names = list(self._rings)
        await line.ask(f"SELECT count(pg_notify('{CHANNEL}', name)) FROM unnest(%s::text[]) AS name", (names,))
        for name in names:
            self._rings.pop(name, None)

    def _hear(self, own: int, notification: psycopg.Notify) -> None:
        if notification.pid == own:
            return
        for heard in self._listeners:
            try:
                heard(notification.payload)
            except Exception:
                log.exception("bell.failed")


async def _either(one: asyncio.Event, other: asyncio.Event, within_s: float) -> None:
    """Return when one of them is set, at the latest after that time."""
    waits = [asyncio.create_task(one.wait()), asyncio.create_task(other.wait())]
    try:
        await asyncio.wait(waits, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
