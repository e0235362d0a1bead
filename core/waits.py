"""Waiting that can be cut short: a generation pauses until a time, or until somebody wakes it."""

from __future__ import annotations

import asyncio

from core.ports import Clock


class Waits:
    """The generations of this process that wait for something."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._events: dict[int, asyncio.Event] = {}

    async def pause(self, generation_id: int, seconds: float) -> None:
        """Return after that many seconds, or at once when it is woken (also when it was, since the last pause)."""
        event = self._events.setdefault(generation_id, asyncio.Event())
        if not event.is_set():
            loop = asyncio.get_running_loop()
            tasks = {loop.create_task(self._clock.sleep(seconds)), loop.create_task(_wait(event))}
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
        event.clear()

    def wake(self, generation_id: int) -> None:
        """End the generation's pause."""
        self._events.setdefault(generation_id, asyncio.Event()).set()

    def forget(self, generation_id: int) -> None:
        """The generation will not wait any more."""
        self._events.pop(generation_id, None)


async def _wait(event: asyncio.Event) -> None:
    await event.wait()
