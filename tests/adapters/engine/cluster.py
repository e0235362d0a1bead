"""Distributed engines for tests: several over one database, each with connections of its own, and a record of who
produced what, when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import psycopg

from adapters.engine.distributed import DistributedEngine, Pace
from bot.clock import SystemClock
from core.ports import Clock
from storage.cluster import PostgresBell, PostgresClaims

QUICK = Pace(
    fetch_s=0.05, heartbeat_s=0.15, stalled_s=0.6, look_s=0.02, claim_within_s=1.0, hung_s=0.8, answer_within_s=3.0
)
"""Ten times as fast as the program."""


@asynccontextmanager
async def running(
    url: str,
    produce: Callable[[int], Awaitable[None]],
    wake: Callable[[int], None] = lambda generation: None,
    *,
    works: bool = True,
    clock: Clock | None = None,
    lease_s: float = 10.0,
    pace: Pace = QUICK,
) -> AsyncIterator[DistributedEngine]:
    """An engine at work, stopped at the end unless it was before."""
    claims, bell = PostgresClaims(url, lease_s=lease_s), PostgresBell(url)
    await claims.open()
    bell.open()
    await bell.listening()
    engine = DistributedEngine(
        produce,
        wake,
        url=url,
        claims=claims,
        bell=bell,
        clock=clock or SystemClock(),
        works=works,
        concurrency=60,
        pace=pace,
    )
    await engine.open()
    try:
        yield engine
    finally:
        await engine.stop()
        await bell.close()
        await claims.close()


@dataclass
class Studio:
    """Produces by waiting until it is told to end, and notes who was at work on what."""

    at_work: dict[int, int] = field(default_factory=dict)
    """How many are at work on a generation."""
    most: int = 0
    """How many have been at work on one generation at once."""
    begun: list[int] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)
    cut: list[int] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _released: set[int] = field(default_factory=set)

    async def produce(self, generation: int) -> None:
        """Work until released."""
        await self._change(generation, 1, self.begun)
        try:
            await self.until(lambda: generation in self._released)
        except BaseException:
            await self._change(generation, -1, self.cut)
            raise
        await self._change(generation, -1, self.ended)

    async def release(self, *generations: int) -> None:
        """Let them end, whenever they are produced."""
        self._released.update(generations)
        async with self._changed:
            self._changed.notify_all()

    async def until(self, true: Callable[[], bool]) -> None:
        """Return when something noted here makes it true."""
        async with self._changed:
            await self._changed.wait_for(true)

    async def _change(self, generation: int, by: int, noted: list[int]) -> None:
        self.at_work[generation] = self.at_work.get(generation, 0) + by
        self.most = max(self.most, self.at_work[generation])
        noted.append(generation)
        async with self._changed:
            self._changed.notify_all()


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One production, as a process of its own noted it."""

    generation: int
    process: int
    ended: bool


def make_book(url: str) -> None:
    """Tables in which processes note what they do."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "CREATE TABLE runs (id bigserial PRIMARY KEY, generation int, process int, ended boolean DEFAULT false)"
        )
        connection.execute("CREATE TABLE released (generation int)")


def book(url: str) -> list[Run]:
    """What is noted, in the order in which it began."""
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT generation, process, ended FROM runs ORDER BY id").fetchall()
    return [Run(generation=generation, process=process, ended=ended) for generation, process, ended in rows]


def workers(url: str) -> int:
    """How many workers are known."""
    return _count(url, "SELECT count(*) FROM procrastinate_workers")


def last_heartbeat(url: str) -> int:
    """When a worker last said that it lives, in microseconds."""
    return _count(url, "SELECT extract(epoch FROM max(last_heartbeat)) * 1000000 FROM procrastinate_workers")


def jobs(url: str) -> int:
    """How many jobs wait or run."""
    return _count(url, "SELECT count(*) FROM procrastinate_jobs")


def handed_back(url: str) -> int:
    """How many jobs have been given to a second worker and are at work there."""
    return _count(url, "SELECT count(*) FROM procrastinate_jobs WHERE attempts > 0 AND status = 'doing'")


def _count(url: str, statement: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return int(row[0])
