"""Work that a clean stop lets finish: an order on its way, a clip being posted, a sentence being sent.

What is cut off in the middle of such a call may or may not have happened; the rows then cost the person a question or
a repeated sentence. So a stop begins nothing new of the kind and gives what runs some time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Finishing:
    """The calls of one kind that are under way."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self.closing = False
        """True once a stop has begun: start nothing new."""

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, which goes on when whoever waits for it here is cancelled."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def drain(self, seconds: float) -> None:
        """Begin nothing new, give what runs so many seconds, and end what is left then."""
        self.closing = True
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=seconds)
        left = list(self._tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
