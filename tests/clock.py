"""Clocks for tests: one on which time passes only when somebody sleeps, and one that runs fast."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from datetime import UTC, datetime, timedelta
from types import TracebackType

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class FakeClock:
    """Implements the `Clock` port. Used as a context manager it jumps to the next sleeper every few milliseconds;
    otherwise time moves only by `advance`."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._count = itertools.count()
        self._runner: asyncio.Task[None] | None = None

    def now(self) -> datetime:
        """The time now, in UTC."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Return when the clock has been moved that far."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + timedelta(seconds=seconds), next(self._count), future))
        await future

    def advance(self, seconds: float) -> None:
        """Move the time, waking whoever sleeps until then."""
        until = self._now + timedelta(seconds=seconds)
        while self._sleepers and self._sleepers[0][0] <= until:
            self._wake_next()
        self._now = until

    def _wake_next(self) -> None:
        due, _, future = heapq.heappop(self._sleepers)
        self._now = max(self._now, due)
        if not future.done():
            future.set_result(None)

    async def __aenter__(self) -> FakeClock:
        self._runner = asyncio.get_running_loop().create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner is not None
        self._runner.cancel()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(0.004)
            while self._sleepers and self._sleepers[0][2].done():
                heapq.heappop(self._sleepers)
            if self._sleepers:
                self._wake_next()


class SwiftClock:
    """Implements the `Clock` port: so many seconds of its time pass in one of ours."""

    def __init__(self, factor: float = 20.0) -> None:
        self.factor = factor
        self._began = time.monotonic()

    def now(self) -> datetime:
        """The time on this clock, in UTC."""
        return START + timedelta(seconds=(time.monotonic() - self._began) * self.factor)

    async def sleep(self, seconds: float) -> None:
        """Return when that many of its seconds have passed."""
        await asyncio.sleep(seconds / self.factor)
