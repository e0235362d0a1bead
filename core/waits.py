"""Waiting that can be cut short: a generation pauses until a time, or until somebody wakes it."""

from __future__ import annotations

import asyncio
from typing import Any

from core.ports import Clock


class Waits:
    """The generations of this process that wait for something."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sleepers: dict[int, asyncio.Task[Any]] = {}
        self._roused: set[asyncio.Task[Any]] = set()
        """Tasks whose sleep was cancelled because they were woken, and that have not seen it yet."""
        self._woken: set[int] = set()

    async def pause(self, generation_id: int, seconds: float) -> None:
        """Return after that many seconds, or at once when it is woken (also when it was, since the last pause)."""
        if generation_id not in self._woken:
            await self._sleep(generation_id, seconds)
        self._woken.discard(generation_id)

    def wake(self, generation_id: int) -> None:
        """End the generation's pause."""
        self._woken.add(generation_id)
        sleeper = self._sleepers.pop(generation_id, None)
        if sleeper is not None:
            self._roused.add(sleeper)
            sleeper.cancel()

    def forget(self, generation_id: int) -> None:
        """The generation will not wait any more."""
        self._woken.discard(generation_id)

    async def _sleep(self, generation_id: int, seconds: float) -> None:
        """Sleep in the generation's own task: thousands sleep at the same time, and another task for each, and what
        waits for that, would be most of what they take. Whoever wakes it cancels the sleep, and that is taken back
        here; a cancellation by anybody else goes on."""
        sleeper = asyncio.current_task()
        assert sleeper is not None
        cancelled_before = sleeper.cancelling()
        self._sleepers[generation_id] = sleeper
        try:
            await self._clock.sleep(seconds)
        except asyncio.CancelledError:
            if sleeper not in self._roused or sleeper.uncancel() > cancelled_before:
                raise
        finally:
            self._roused.discard(sleeper)
            if self._sleepers.get(generation_id) is sleeper:
                del self._sleepers[generation_id]
