"""One task for each key, woken when there is something to do and gone when there is not.

What turns, sending and generations have in common: for one conversation (place, generation) at a time one task runs;
a wake during its work makes it look once more, so no wake is ever lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

log = logging.getLogger("reelbot.tasks")

K = TypeVar("K", bound=Hashable)


class Wakeful(Generic[K]):
    """Runs `work(key)` in a task of its own, never twice at once for one key.

    An exception of `work` is logged and ends that run; the next wake, or the clock's sweep, starts another."""

    def __init__(self, work: Callable[[K], Awaitable[None]], name: str) -> None:
        self._work = work
        self._name = name
        self._tasks: dict[K, asyncio.Task[None]] = {}
        self._again: set[K] = set()
        self._stopped = False

    def wake(self, key: K) -> None:
        """See to it that `work(key)` runs from its beginning after this moment."""
        if self._stopped:
            return
        self._again.add(key)
        if key not in self._tasks:
            self._tasks[key] = asyncio.get_running_loop().create_task(self._run(key), name=f"{self._name} {key}")

    def busy(self, key: K) -> bool:
        """Whether a task for this key is at work."""
        return key in self._tasks

    async def settled(self, key: K) -> None:
        """Return when no task for this key is at work."""
        while (task := self._tasks.get(key)) is not None:
            await asyncio.wait({task})

    async def stop(self) -> None:
        """End all tasks; rows say where to go on."""
        self._stopped = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, key: K) -> None:
        try:
            while key in self._again:
                self._again.discard(key)
                try:
                    await self._work(key)
                except Exception:
                    # Whatever it was, the row still says what is to be done, and the clock will look at it again.
                    log.exception("task.failed", extra={"task": self._name})
        finally:
            self._again.discard(key)
            del self._tasks[key]
