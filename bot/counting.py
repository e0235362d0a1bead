"""The store, with everything that passes through it counted: what is saved is what happened."""

from __future__ import annotations

from datetime import datetime

from bot.metrics import Metrics
from core.events import Announce
from core.generation import ADMITTED, Generation, GenerationStatus
from core.messages import Incoming
from core.repositories import Changes
from storage.store import SqlStore


class CountingStore(SqlStore):
    """`SqlStore` that tells `Metrics` about every message, generation, order and paid call it has saved."""

    def __init__(self, url: str, metrics: Metrics, *, announce: Announce | None = None) -> None:
        super().__init__(url, announce=announce)
        self._metrics = metrics

    async def receive(self, incoming: Incoming, now: datetime) -> bool:
        """As the store's own."""
        new = await super().receive(incoming, now)
        if new:
            self._metrics.message(incoming.key.platform)
        return new

    async def commit(self, changes: Changes) -> None:
        """As the store's own; counts only what was saved."""
        await super().commit(changes)
        for generation in changes.generations:
            self._count(generation, changes.at)
        for turn in changes.turns:
            self._metrics.turn(max(0.0, (turn.at - turn.received_at).total_seconds()))
        for use in changes.uses:
            self._metrics.dialogue(use.model, use.purpose, use.tokens_in, use.tokens_out, use.cost)

    async def count_waiting(self, now: datetime) -> None:
        """Tell how much waits and runs now."""
        self._metrics.waiting(
            outbox=len(await self.unsent_keys(now)),
            running=await self.count(*ADMITTED),
            queued=await self.count(GenerationStatus.QUEUED),
        )

    def _count(self, generation: Generation, at: datetime) -> None:
        order = generation.order
        if order is not None and order.outcome is not None and generation.updated_at == at:
            self._metrics.order(order.model, order.outcome.value)
        if generation.entered.get(generation.status.value) != at:
            return
        self._metrics.generation(generation.status.value)
        before = [(when, status) for status, when in generation.entered.items() if when < at]
        if before:
            entered, status = max(before)
            if status != GenerationStatus.PENDING_CONFIRMATION.value:
                self._metrics.phase(status, (at - entered).total_seconds())
