"""The engine for one machine: an asyncio task for each generation, over rows that say where to go on.

Nothing is kept here. After a crash the clock finds every admitted, unfinished row and starts it again.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from core.polling import backoff
from core.ports import Clock
from core.wakeful import Wakeful

log = logging.getLogger("reelbot.engine")


class EmbeddedEngine:
    """Runs generations as tasks of this process; implements the `Engine` port."""

    def __init__(self, produce: Callable[[int], Awaitable[None]], wake: Callable[[int], None], *, clock: Clock) -> None:
        self._produce = produce
        self._wake = wake
        self._clock = clock
        self._tasks: Wakeful[int] = Wakeful(self._run, "generation")
        self._failures: dict[int, int] = {}

    async def open(self) -> None:
        """Nothing to connect to."""

    async def start(self, generation_id: int) -> None:
        """Run it, unless it runs already."""
        if not self._tasks.busy(generation_id):
            self._tasks.wake(generation_id)

    async def wake(self, generation_id: int) -> None:
        """Let a running one look at its row now."""
        self._wake(generation_id)

    async def settled(self, generation_id: int) -> None:
        """Return when nobody works on it any more."""
        await self._tasks.settled(generation_id)

    async def stop(self) -> None:
        """End all tasks; the rows say where to go on."""
        await self._tasks.stop()

    async def _run(self, generation_id: int) -> None:
        """Produce; after a failure nobody foresaw, wait longer each time before the task ends and may be started
        again, so that one broken generation does not keep a core busy."""
        try:
            await self._produce(generation_id)
            self._failures.pop(generation_id, None)
        except Exception:
            failures = self._failures[generation_id] = self._failures.get(generation_id, 0) + 1
            log.exception("generation.crashed", extra={"generation": generation_id, "failures": failures})
            await self._clock.sleep(backoff(failures, max_s=300.0))
