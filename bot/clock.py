"""The time, and what happens every so often. What is done at each tick is up to the wiring."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler  # type: ignore[import-untyped]
from apscheduler.triggers.interval import IntervalTrigger  # type: ignore[import-untyped]

from core.errors import TemporaryError

_log = structlog.get_logger(__name__)


class SystemClock:
    """The machine's time: the port `core.ports.Clock`."""

    def now(self) -> datetime:
        """The time now, in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        await asyncio.sleep(seconds)


class Ticker:
    """Runs functions every so often, each at most once at a time, while it is open (`async with`).

    A function that raises is logged and runs again at its next tick; ticks that were missed because the machine slept
    or the function took long are made up by a single one. APScheduler with its memory store: the persistent one must
    not be shared and loses jobs that run when the process dies, and what matters is in rows anyway.
    """

    def __init__(self) -> None:
        self._scheduler: Any = AsyncIOScheduler(
            timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        self._running: set[asyncio.Task[Any]] = set()
        self._closing = False

    def add(self, name: str, seconds: float, tick: Callable[[], Awaitable[None]]) -> None:
        """Call `tick` every so many seconds, first after that time."""

        async def run() -> None:
            if self._closing:
                return
            task = asyncio.current_task()
            assert task is not None
            self._running.add(task)
            try:
                await tick()
            except asyncio.CancelledError:
                if not self._closing:
                    raise
            except TemporaryError as error:
                # The database is away, say: that is no news several times a second, and nobody has to look at it.
                _log.warning("tick_put_off", tick=name, reason=str(error).partition("\n")[0])
            except Exception:
                _log.exception("tick_failed", tick=name)
            finally:
                self._running.discard(task)

        self._scheduler.add_job(run, IntervalTrigger(seconds=seconds, timezone=UTC), id=name, name=name)

    async def __aenter__(self) -> Self:
        self._scheduler.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closing = True
        self._scheduler.pause()  # what it began from here on would be cut off before its first step, and logged
        await asyncio.sleep(0)  # what it has begun already takes that step, and sees that there is nothing to do
        running = tuple(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        self._scheduler.shutdown(wait=False)
        await asyncio.sleep(0)  # the scheduler takes its own shutdown as a callback of the loop
