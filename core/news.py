"""What a video service tells by itself about an operation: a finished clip is looked for at once, and an order whose
answer was lost is found. Nothing depends on it: polling goes on as ever.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from core.errors import StaleRow
from core.generation import Generation, GenerationStatus, OrderOutcome
from core.ports import Clock
from core.repositories import Changes, Generations
from core.routing import LARGEST_ID

log = logging.getLogger("reelbot.news")

S = GenerationStatus

MAX_TRIES = 5
"""So often a row that others are saving is read again."""
_ORDER_KEY = re.compile(r"v([0-9]{1,18})-[0-9]+-[0-9a-f]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationNews:
    """Something happened to an operation; what, is for its provider to be asked."""

    operation: str
    """The provider's handle."""
    order_key: str = ""
    """The key of the order that began it, where the service repeats it."""


class News:
    """Takes in what services tell."""

    def __init__(
        self,
        *,
        generations: Generations,
        started: Callable[[int], Awaitable[None]],
        woken: Callable[[int], Awaitable[None]],
        clock: Clock,
    ) -> None:
        """`started` is told of a generation that can go on, `woken` of one under way that has to look again."""
        self._generations = generations
        self._started = started
        self._woken = woken
        self._clock = clock

    async def heard(self, news: OperationNews) -> None:
        """Act on it, as often as it is told. Raises TemporaryError when it cannot be kept now."""
        for _ in range(MAX_TRIES):
            generation = await self._meant(news)
            if generation is None:
                log.info("news.unknown")
                return
            try:
                await self._act(generation, news)
                return
            except StaleRow:
                log.info("news.stale", extra={"generation": generation.name})

    async def _act(self, generation: Generation, news: OperationNews) -> None:
        order = generation.order
        assert order is not None
        now = self._clock.now()
        if generation.status is S.PROCESSING and order.operation == news.operation:
            await self._woken(generation.id)
        elif generation.status is S.AMBIGUOUS:
            log.info("order.heard_of", extra={"generation": generation.name})
            found = replace(order, outcome=OrderOutcome.ACCEPTED, operation=news.operation)
            await self._save(generation.moved(S.PROCESSING, now, order=found, due_at=None))
            await self._started(generation.id)
        elif generation.status is S.SUBMITTING and not order.operation:
            # Its answer may be on its way still; whoever waits for that looks here when it does not come.
            await self._save(replace(generation, heard_of=(order.key, news.operation), updated_at=now))

    async def _save(self, generation: Generation) -> None:
        changes = Changes(
            generations=(generation,), conversation_id=generation.conversation_id, at=generation.updated_at
        )
        await self._generations.commit(changes)

    async def _meant(self, news: OperationNews) -> Generation | None:
        """The generation whose present order it is about."""
        named = _ORDER_KEY.fullmatch(news.order_key)
        if named is not None and int(named[1]) < LARGEST_ID:
            generation = await self._generations.generation(int(named[1]))
            if generation is not None and generation.order is not None and generation.order.key == news.order_key:
                return generation
        for generation in await self._generations.with_status(S.PROCESSING):
            if generation.order is not None and generation.order.operation == news.operation:
                return generation
        return None
