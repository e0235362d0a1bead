"""How a process shares its database with others: not at all on SQLite, where one works and one listens, and with any
number of them on PostgreSQL.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from adapters.engine.embedded import EmbeddedEngine
from bot.clock import Ticker
from bot.settings import Settings
from core.claiming import Alone
from core.ports import Claims, Clock
from core.product import MakeEngine
from storage.database import sqlite_path
from storage.lease import WorkerLease

if TYPE_CHECKING:
    from adapters.engine.distributed import DistributedEngine

MOST_AT_ONCE = 200
"""Videos that one worker looks after besides those under way, unless a setting says less: being posted, or shown to
reviewers. One that has to wait for long gives its place up, so that a platform that is away keeps none of another's
waiting (`core.pipeline`)."""
RESCUE_EVERY_S = 2.0
"""How often a worker looks for the jobs of dead ones."""


class Sharing(ABC):
    """What a process needs to be one of several, or the only one."""

    claims: Claims
    make_engine: MakeEngine
    shared: bool
    """Whether there may be any number of processes."""

    @abstractmethod
    async def open(self) -> None:
        """Take one's place; raises PermanentError where it is taken, TemporaryError when the database is away."""

    @abstractmethod
    async def close(self) -> None:
        """Leave it."""

    @abstractmethod
    def tick(self, ticker: Ticker) -> None:
        """What is to be done every so often."""


def sharing_of(settings: Settings, clock: Clock, *, works: bool) -> Sharing:
    """What fits the database of these settings; `works`: whether clips are made in this process."""
    if sqlite_path(settings.database) is not None:
        return OneMachine(settings, clock, works=works)
    return ManyMachines(settings, clock, works=works)


class OneMachine(Sharing):
    """SQLite: one worker, which a lock beside the file makes sure of."""

    shared = False

    def __init__(self, settings: Settings, clock: Clock, *, works: bool) -> None:
        path = sqlite_path(settings.database)
        self._lease = WorkerLease(path) if works and path is not None else None
        self.claims = Alone()
        self.make_engine = lambda produce, wake: EmbeddedEngine(produce, wake, clock=clock)

    async def open(self) -> None:
        """Become the worker; raises PermanentError while another process is."""
        if self._lease is not None:
            self._lease.take()

    async def close(self) -> None:
        """Let another be it."""
        if self._lease is not None:
            self._lease.give_back()

    def tick(self, ticker: Ticker) -> None:
        """Nothing: the clock's sweep finds what a crash left behind."""


class ManyMachines(Sharing):
    """PostgreSQL: claims and a bell of its own connections, and an engine that shares the work."""

    shared = True

    def __init__(self, settings: Settings, clock: Clock, *, works: bool) -> None:
        # Only here: these take a while to load.
        from adapters.engine.distributed import DistributedEngine
        from storage.cluster import PostgresBell, PostgresClaims

        self._works = works
        self.claims = self._claims = PostgresClaims(settings.database)
        self._bell = PostgresBell(settings.database)
        self._closing = AsyncExitStack()

        def make_engine(produce: Callable[[int], Awaitable[None]], wake: Callable[[int], None]) -> DistributedEngine:
            self._engine = DistributedEngine(
                produce,
                wake,
                url=settings.database,
                claims=self._claims,
                bell=self._bell,
                clock=clock,
                works=works,
                concurrency=settings.worker_concurrency or MOST_AT_ONCE + settings.max_in_flight,
            )
            return self._engine

        self.make_engine = make_engine

    async def open(self) -> None:
        """Connect; raises TemporaryError when the database is away."""
        await self._claims.open()
        self._closing.push_async_callback(self._claims.close)
        self._bell.open()
        self._closing.push_async_callback(self._bell.close)

    async def close(self) -> None:
        """Let others have everything."""
        await self._closing.aclose()

    def tick(self, ticker: Ticker) -> None:
        """A worker sees to it that the work of the dead goes on."""
        if self._works:
            ticker.add("rescue", RESCUE_EVERY_S, self._engine.rescue)
