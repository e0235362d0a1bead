"""The engine for many machines: one Procrastinate job for each generation, over rows that say where to go on.

A job is a list entry, no more: it says that some worker should look at the row. That nobody else does is the work of a
claim, which ends with whoever holds it, while a job of a dead worker only looks as if it were at work until its
heartbeat is missed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AppNotOpen, ConnectorException

from adapters.engine.jobs import HandBack, Jobs
from adapters.engine.schema import conninfo, prepare
from core.errors import TemporaryError
from core.polling import backoff
from core.ports import Claims, Clock

log = logging.getLogger("reelbot.engine")

QUEUE = "generations"
CONNECTIONS = 4
"""To the database, for jobs; one more hears of new ones."""
KEPT_ALIVE = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""So that a database host that is gone without a word is noticed within 15 seconds, not hours."""
NEVER_S = 86_400.0
"""For what Procrastinate would poll and we do not use: aborting a job from outside; a cancel is in the row."""


class Bell(Protocol):
    """Tells other processes a name; best effort."""

    def ring(self, name: str) -> None:
        """Let them know."""
        ...

    def listen(self, heard: Callable[[str], None]) -> None:
        """Call `heard` with each name that another process rings."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often things are looked at, in seconds."""

    fetch_s: float = 0.5
    """New jobs, when nobody told of them."""
    heartbeat_s: float = 2.0
    stalled_s: float = 6.0
    """Without a heartbeat for so long a worker counts as dead: its jobs wait for another."""
    look_s: float = 0.25
    """Whether a claim can be had, whether it is still held, whether a job has ended."""
    claim_within_s: float = 20.0
    """How long a job waits for a claim that somebody else holds; longer than a claim outlives a host that died."""
    hung_s: float = 3.0
    """A process that did not get to look for so long has to take it that others have gone on with its work."""
    answer_within_s: float = 5.0
    """How long one statement waits for a connection, and stopping for the database."""


class DistributedEngine:
    """Runs generations on whichever worker is free; implements the `Engine` port."""

    def __init__(
        self,
        produce: Callable[[int], Awaitable[None]],
        wake: Callable[[int], None],
        *,
        url: str,
        claims: Claims,
        bell: Bell,
        clock: Clock,
        works: bool = True,
        concurrency: int = 32,
        pace: Pace | None = None,
    ) -> None:
        """`works`: whether generations run in this process, or are only started and woken from here; `concurrency`: how
        many at once, at least as many as admission lets in, because most of them only wait."""
        self._produce = produce
        self._wake = wake
        self._claims = claims
        self._bell = bell
        self._clock = clock
        self._works = works
        self._concurrency = concurrency
        self._pace = pace or Pace()
        self._address = conninfo(url)
        self._app = App(
            connector=PsycopgConnector(
                conninfo=self._address,
                min_size=1,
                max_size=CONNECTIONS,
                timeout=self._pace.answer_within_s,
                # The pool's own waits double each time: after an hour's outage it would be away for another.
                reconnect_timeout=self._pace.answer_within_s / 2,
                kwargs=KEPT_ALIVE,
            )
        )
        self._jobs = Jobs(self._app.connector, again_after_s=self._pace.fetch_s)
        self._app.job_manager = self._jobs
        self._task = self._app.task(name="produce", queue=QUEUE, retry=HandBack())(self._run)
        self._worker: asyncio.Task[None] | None = None
        self._stopping = False
        self._failures: dict[int, int] = {}

    async def open(self) -> None:
        """Connect, make the tables if they are missing, and begin to work. Raises TemporaryError."""
        await prepare(self._address)
        with _database_errors():
            try:
                await self._app.open_async()
            except BaseException:
                await self._disconnect()  # or what tries to connect would go on trying
                raise
        if self._works:
            self._bell.listen(self._heard)
            self._worker = asyncio.create_task(self._supervise(), name="worker")

    async def start(self, generation_id: int) -> None:
        """Have it run by some worker, unless it waits for one or runs already. Raises TemporaryError."""
        lock = _lock(generation_id)
        with _database_errors():
            if not await self._jobs.busy(lock):
                await self._task.configure(lock=lock).defer_async(generation=generation_id)

    async def wake(self, generation_id: int) -> None:
        """Let a running one look at its row now, wherever it runs."""
        self._wake(generation_id)
        self._bell.ring(_name(generation_id))

    async def settled(self, generation_id: int) -> None:
        """Return when nobody works on it any more, here or elsewhere. Raises TemporaryError."""
        with _database_errors():
            while await self._jobs.busy(_lock(generation_id)):
                await self._clock.sleep(self._pace.look_s)

    async def rescue(self) -> None:
        """Let others do what a dead worker left. Call it every few seconds, in as many processes as one likes. Raises
        TemporaryError."""
        with _database_errors():
            rescued = await self._jobs.hand_back_stalled(QUEUE, self._pace.stalled_s)
        if rescued:
            log.warning("engine.rescued", extra={"generations": [row.get("generation") for row in rescued]})

    async def stop(self) -> None:
        """End all work here, hand it back for others to take up now, and disconnect; the rows say where to go on."""
        self._stopping = True
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.cancel()
            await asyncio.wait({worker}, timeout=self._pace.answer_within_s)
            self._jobs.give_up()
            if not worker.done():
                await self._disconnect()  # what waits for the database waits no longer
                await asyncio.wait({worker})
        await self._disconnect()

    async def _disconnect(self) -> None:
        with suppress(ConnectorException):
            await self._app.close_async()

    async def _supervise(self) -> None:
        """Keep a worker running: it ends when the database is away for long."""
        failures = 0
        while not self._stopping:
            began = self._clock.now()
            try:
                await self._app.run_worker_async(
                    name="reelbot",
                    queues=[QUEUE],
                    concurrency=self._concurrency,
                    fetch_job_polling_interval=self._pace.fetch_s,
                    abort_job_polling_interval=NEVER_S,
                    shutdown_graceful_timeout=0,
                    delete_jobs="always",
                    install_signal_handlers=False,
                    update_heartbeat_interval=self._pace.heartbeat_s,
                    stalled_worker_timeout=self._pace.stalled_s,
                )
            except Exception:
                log.warning("engine.worker_ended", exc_info=True)
            failures = 1 if self._clock.now() - began > timedelta(minutes=1) else failures + 1
            await self._clock.sleep(backoff(failures, min_s=self._pace.fetch_s, max_s=30.0))

    async def _run(self, generation: int) -> None:
        """What a job does."""
        try:
            while await self._claimed(generation):
                if await self._produce_while_held(generation):
                    self._failures.pop(generation, None)
                    return
        except Exception:
            failures = self._failures[generation] = self._failures.get(generation, 0) + 1
            log.exception("generation.crashed", extra={"generation": generation, "failures": failures})
            # The job is kept meanwhile, so that one broken generation does not keep a core busy.
            await self._clock.sleep(backoff(failures, max_s=300.0))

    async def _claimed(self, generation: int) -> bool:
        """Claim it; False when somebody else holds on to it. The clock's sweep starts it again if they leave it.

        While the database is away nobody can have it, so that the wait begins again."""
        patience = timedelta(seconds=self._pace.claim_within_s)
        until = self._clock.now() + patience
        while self._clock.now() < until:
            try:
                if await self._claims.take(_name(generation)):
                    return True
            except TemporaryError:
                until = self._clock.now() + patience
            await self._clock.sleep(self._pace.look_s)
        return False

    async def _produce_while_held(self, generation: int) -> bool:
        """Produce, and give the claim back. False when it was lost to somebody else, who is at work by now."""
        name = _name(generation)
        task = asyncio.ensure_future(self._produce(generation))
        try:
            looked = time.monotonic()
            while not task.done():
                hung = time.monotonic() - looked > self._pace.hung_s
                if not self._claims.holds(name) and (hung or not await self._held_again(name, task)):
                    break
                looked = time.monotonic()
                await asyncio.wait({task}, timeout=self._pace.look_s)
            if task.done():
                await task
                return True
            log.warning("engine.claim_lost", extra={"generation": generation})
            return False
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self._claims.give_back(name)

    async def _held_again(self, name: str, task: asyncio.Future[None]) -> bool:
        """Claim anew what was held on a connection that is cut; False when somebody else was quicker. The work goes on
        meanwhile: an order or an upload that is under way cannot be called back, and would be begun once more."""
        await self._claims.give_back(name)
        while not task.done():
            try:
                return await self._claims.take(name)
            except TemporaryError:
                await asyncio.wait({task}, timeout=self._pace.look_s)
        return True

    def _heard(self, name: str) -> None:
        kind, _, number = name.partition(":")
        if kind == "generation" and number.isdecimal():
            self._wake(int(number))


def _lock(generation_id: int) -> str:
    return f"v{generation_id}"


def _name(generation_id: int) -> str:
    return f"generation:{generation_id}"


@contextmanager
def _database_errors() -> Iterator[None]:
    """The one place where the queue's errors become ours."""
    try:
        yield
    except (ConnectorException, psycopg.Error) as error:
        raise TemporaryError("The database does not take it now.") from error
    except AppNotOpen as error:
        raise TemporaryError("The engine is not open, or has stopped.") from error
