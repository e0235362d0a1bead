"""What the clock does: finds rows that are due, or that nobody works on, and sets them going.

Every part can be called at any time and as often as one likes. It is also how the program starts: whatever a crash
left behind is found here.
"""

from __future__ import annotations

import logging
from datetime import datetime

from core.admission import Admission
from core.approval import ended_posts
from core.cards import expired_card, lapsed_question
from core.endings import unreviewed
from core.errors import StaleRow
from core.generation import ADMITTED, OPEN, Generation, GenerationStatus
from core.outbox import Outbox
from core.pipeline import Pipeline
from core.ports import Clock, Engine
from core.repositories import Changes, Generations, OutboxPost
from core.under_way import UnderWay

log = logging.getLogger("reelbot.upkeep")


class Upkeep:
    """Sweeps the generations."""

    def __init__(
        self,
        *,
        generations: Generations,
        under_way: UnderWay,
        pipeline: Pipeline,
        engine: Engine,
        admission: Admission,
        outbox: Outbox,
        clock: Clock,
        budget: str = "",
    ) -> None:
        """`budget`: who pays, as cards say it."""
        self._generations = generations
        self._under_way = under_way
        self._pipeline = pipeline
        self._engine = engine
        self._admission = admission
        self._outbox = outbox
        self._clock = clock
        self._budget = budget

    async def work(self) -> None:
        """A worker's sweep: go on with what is admitted, let in what waits, look for lost orders."""
        now = self._clock.now()
        for one in await self._under_way.look():
            if one.status not in ADMITTED or one.put_off(now):
                continue
            await self._engine.start(one.id)
            if one.cancel_requested:
                await self._engine.wake(one.id)
        for generation in await self._generations.due(now, GenerationStatus.UNDELIVERABLE):
            if generation.on_its_way_elsewhere:
                await self._engine.start(generation.id)
        for generation in await self._generations.due(now, GenerationStatus.PENDING_REVIEW):
            if not generation.with_reviewers:
                await self._engine.start(generation.id)
        await self._admission.admit()
        for generation in await self._generations.due(now, GenerationStatus.AMBIGUOUS):
            await self._reconcile(generation)

    async def expire(self) -> None:
        """End the cards whose price is no longer held, and the questions that nobody answered."""
        now = self._clock.now()
        await self._expire_approvals(now)
        await self._expire_reviews(now)
        for generation in await self._generations.due(now, *OPEN):
            ended = generation.moved(GenerationStatus.EXPIRED, now, question=None, due_at=None)
            asked = generation.question is not None and generation.status is GenerationStatus.PENDING_CLARIFICATION
            post = lapsed_question(generation) if asked else expired_card(ended)
            changes = Changes(
                generations=(ended,),
                posts=(OutboxPost(post=post, generation_id=ended.id),),
                conversation_id=ended.conversation_id,
                at=now,
            )
            await self._end(changes)

    async def _expire_reviews(self, now: datetime) -> None:
        """Keep the clips that nobody has let be posted in time."""
        for generation in await self._generations.due(now, GenerationStatus.PENDING_REVIEW):
            if generation.with_reviewers:
                await self._end(unreviewed(generation, "late", now))

    async def _end(self, changes: Changes) -> None:
        """Save an ending, unless somebody was faster, and let its words go out."""
        try:
            await self._generations.commit(changes)
        except StaleRow:
            return
        for place in changes.places:
            self._outbox.wake(place)

    async def _expire_approvals(self, now: datetime) -> None:
        """End the requests that nobody has answered."""
        for generation in await self._generations.due(now, GenerationStatus.PENDING_APPROVAL):
            ended = generation.moved(GenerationStatus.EXPIRED, now, due_at=None)
            posts = (*ended_posts(ended, self._budget), expired_card(ended))
            changes = Changes(
                generations=(ended,),
                posts=tuple(OutboxPost(post=post, generation_id=ended.id) for post in posts),
                conversation_id=ended.conversation_id,
                at=now,
            )
            await self._end(changes)

    async def _reconcile(self, generation: Generation) -> None:
        try:
            found = await self._pipeline.reconcile(generation)
        except StaleRow:
            log.info("upkeep.stale", extra={"generation": generation.name})
            return
        except Exception:
            # One row that nobody can make sense of must not keep the others from being looked at.
            log.exception("upkeep.failed", extra={"generation": generation.name})
            return
        if found.status is GenerationStatus.PROCESSING:
            await self._engine.start(found.id)
