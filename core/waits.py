"""Waiting that can be cut short: a generation pauses until a time, or until somebody wakes it."""

from __future__ import annotations

import asyncio

from core.ports import Clock


class Waits:
    """The generations of this process that wait for something."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sleepers: dict[int, asyncio.Task[None]] = {}
        self._woken: set[int] = set()

    async def pause(self, generation_id: int, seconds: float) -> None:
        """Return after that many seconds, or at once when it is woken (also when it was, since the last pause)."""
        if generation_id not in self._woken:
            # One task a pause and no more: thousands of generations wait at the same time.
            sleeper = asyncio.get_running_loop().create_task(_sleep(self._clock, seconds))
            self._sleepers[generation_id] = sleeper
            try:
                await asyncio.wait((sleeper,))
            finally:
                sleeper.cancel()
                self._sleepers.pop(generation_id, None)
        self._woken.discard(generation_id)

    def wake(self, generation_id: int) -> None:
        """End the generation's pause."""
        self._woken.add(generation_id)
        sleeper = self._sleepers.get(generation_id)
        if sleeper is not None:
            sleeper.cancel()

    def forget(self, generation_id: int) -> None:
        """The generation will not wait any more."""
        self._woken.discard(generation_id)


async def _sleep(clock: Clock, seconds: float) -> None:
    await clock.sleep(seconds)
