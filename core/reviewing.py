"""Shows a finished clip to those who look at it before it is posted: to each of them alone, and once, whatever crashes.

Whoever presses first decides, also while others are still waiting for theirs; what the press does is in `core.review`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from core import endings, texts
from core.approvers import Approvers
from core.collecting import Collector
from core.errors import PermanentError, StaleRow, TemporaryError
from core.finishing import Finishing
from core.generation import Asked, Generation, GenerationStatus, Review
from core.messages import Delivery, Person, Post
from core.offers import Offers
from core.outbox import Outbox
from core.polling import backoff
from core.ports import Clock, Platform
from core.repositories import Changes, Generations, OutboxPost
from core.review import review_buttons
from core.rows import Rows

log = logging.getLogger("reelbot.reviewing")

WAIT_FOR_OTHERS = timedelta(minutes=10)
"""How long it is tried to reach somebody when others have the clip already, or when there is nobody at all."""
WAIT_FOR_ANYBODY = timedelta(days=1)
"""How long it is tried when nobody has it yet, because the platform does not answer."""


class Reviewing:
    """Brings clips to reviewers."""

    def __init__(
        self,
        *,
        generations: Generations,
        platforms: Mapping[str, Platform],
        collector: Collector,
        approvers: Approvers,
        offers: Offers,
        outbox: Outbox,
        clock: Clock,
    ) -> None:
        self._platforms = platforms
        self._collector = collector
        self._approvers = approvers
        self._terms = offers.terms
        self._generations = generations
        self._outbox = outbox
        self._clock = clock
        self._rows = Rows(generations=generations, outbox=outbox, clock=clock)
        self._showing = Finishing()

    async def drain(self, seconds: float) -> None:
        """Begin to show nothing more, and give what is under way so many seconds."""
        await self._showing.drain(seconds)

    async def show(self, generation: Generation) -> Generation:
        """Bring the clip to everybody who is to look at it. Returns the row as it is then: with the reviewers, decided
        by one of them already, ended because nobody could be reached, or unchanged when a stop has begun."""
        try:
            return await self._shown(generation)
        except StaleRow:
            # Somebody decided while it was still being shown to others.
            return await self._rows.load(generation.id)

    async def _shown(self, generation: Generation) -> Generation:
        shown: set[str] = set()
        failures = 0
        while not self._showing.closing:
            generation = await self._rows.load(generation.id)
            review = generation.review
            if (
                review is None
                or generation.status is not GenerationStatus.PENDING_REVIEW
                or review.asked_at is not None
            ):
                return generation
            if not review.asked:
                places = await self._approvers.places(generation)
                asked = tuple(Asked(person_id=person, key=key) for person, key in places.items())
                review = replace(review, asked=asked)
                generation = await self._saved(generation, review, generation.due_at)
            put_off = await self._round(generation, shown)
            if self._showing.closing:
                break
            since = generation.due_at or generation.updated_at
            patience = WAIT_FOR_ANYBODY if review.asked and not shown else WAIT_FOR_OTHERS
            if (put_off or not review.asked) and self._clock.now() - since <= patience:
                failures += 1
                await self._clock.sleep(backoff(failures, max_s=300.0))
                continue
            now = self._clock.now()
            if not shown:
                return await self._rows.end(generation, endings.unreviewed(generation, "unreached", now))
            reached = tuple(asked for asked in review.asked if asked.person_id in shown)
            fresh = (await self._rows.load(generation.id)).review or review
            ends = now + timedelta(seconds=self._terms.approval.expires_s)
            return await self._saved(generation, replace(fresh, asked=reached, asked_at=now), ends)
        return generation

    async def _round(self, generation: Generation, shown: set[str]) -> bool:
        """Bring it to each who has not had it, and remember in `shown` who has; True when one is to be tried again.
        Whoever's place refuses it is left out. Raises StaleRow when somebody has decided."""
        put_off = False
        review = generation.review
        for asked in review.asked if review is not None else ():
            if asked.person_id in shown or self._showing.closing:
                continue
            try:
                await self._showing.run(self._bring(generation, asked))
                shown.add(asked.person_id)
            except TemporaryError as error:
                log.warning("review.failed", extra={"generation": generation.name, "error": str(error)})
                put_off = True
            except PermanentError as error:
                log.warning("review.refused", extra={"generation": generation.name, "error": str(error)})
        return put_off

    async def _saved(self, generation: Generation, review: Review, due_at: datetime | None) -> Generation:
        return await self._rows.save(generation, lambda row: replace(row, review=review, due_at=due_at))

    async def _bring(self, generation: Generation, asked: Asked) -> None:
        """Post the clip where this reviewer is alone with the bot, or go on with posting it. Whoever gets it although
        somebody has decided meanwhile is told how. Raises StaleRow when somebody has decided before it is posted."""
        platform = self._platforms.get(asked.key.platform)
        if platform is None:
            raise PermanentError("this platform is not connected any more")
        path, poster = await self._collector.sent_files(generation)
        facts = await self._collector.sent_facts(generation, path)

        async def save(saved: Mapping[str, str]) -> None:
            await self._keep(generation, asked.person_id, saved)

        delivery = Delivery(
            key=asked.key,
            generation=generation.name,
            announcement=texts.approvals.review_announcement(generation),
            caption=texts.approvals.review_caption(generation, budget=self._terms.budget),
            buttons=review_buttons(generation),
            reply_to="",
            clip=str(path),
            poster=str(poster),
            file_name=f"{generation.name}.mp4",
            width=facts.width,
            height=facts.height,
            duration_s=facts.duration_s,
            size_bytes=facts.size_bytes,
            requester=Person(id=asked.person_id, name=asked.person_id),
        )
        row = await self._rows.load(generation.id)
        if row.review is None or row.status is not GenerationStatus.PENDING_REVIEW:
            raise StaleRow(f"somebody has decided about {generation.name}")
        await platform.deliver(delivery, row.review.saved.get(asked.person_id, {}), save)
        await self._tell_if_ended(generation, asked)

    async def _tell_if_ended(self, generation: Generation, asked: Asked) -> None:
        """Tell a reviewer who was still being shown the clip while somebody decided, so that nobody told them."""
        row = await self._rows.load(generation.id)
        if row.status is GenerationStatus.PENDING_REVIEW or row.review is None or asked.person_id in row.review.saved:
            return
        person = Person(id=asked.person_id, name=asked.person_id)
        post = Post(key=asked.key, text=texts.approvals.review_ended(row), person=person)
        await self._generations.commit(
            Changes(
                posts=(OutboxPost(post=post, generation_id=row.id),),
                conversation_id=row.conversation_id,
                at=self._clock.now(),
            )
        )
        self._outbox.wake(asked.key)

    async def _keep(self, generation: Generation, person_id: str, saved: Mapping[str, str]) -> None:
        """Keep what a delivery under way must know. Once somebody has decided, nobody goes on with it, and who is
        missing here was not told."""
        while True:
            row = await self._rows.load(generation.id)
            if row.review is None:
                raise StaleRow(f"nobody is to look at {generation.name} any more")
            if row.status is not GenerationStatus.PENDING_REVIEW:
                return
            review = replace(row.review, saved={**row.review.saved, person_id: dict(saved)})
            try:
                await self._saved(row, review, row.due_at)
                return
            except StaleRow:
                continue
