"""The path of a generation, from admitted to delivered.

`produce` is read from top to bottom: submit, watch, fetch, review, deliver. Each stage looks at the row, does the
next thing, and saves on the condition that the row is as it was read; run again from the start, after whatever crash,
it does no harm and goes on where the row says. An order is recorded before it is sent, sent once, and its outcome
recorded at once; one whose answer was lost is never sent again by itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from core import endings, texts
from core.collecting import Collector
from core.delivering import Deliverer
from core.errors import PermanentError, StaleRow, TemporaryError
from core.fetching import Fetcher
from core.finishing import Finishing
from core.generation import FINAL, LONGEST_PUT_OFF, Generation, GenerationStatus
from core.messages import ConversationKey, short_id
from core.outbox import Outbox
from core.polling import backoff
from core.ports import Clock, VideoProvider
from core.readers import Readers
from core.repositories import Generations
from core.reviewing import Reviewing
from core.rows import Rows
from core.submitting import Submitter
from core.waits import Waits
from core.watching import Watcher

log = logging.getLogger("reelbot.pipeline")

S = GenerationStatus

MAX_DELIVERING = timedelta(days=1)
"""How long a platform may be away before the clip is kept for a later try."""
HOLDS_ON_S = 20.0
"""How long a delivery waits on its worker for the next try. What has to wait for longer makes room for others."""
LONGEST_WAIT_S = 300.0
"""Between two tries to deliver, unless the platform asks for more."""
BEFORE_DELIVERY = frozenset({S.SUBMITTING, S.PROCESSING, S.DOWNLOADING})
"""What needs its provider."""


class Pipeline:
    """Makes clips."""

    def __init__(
        self,
        *,
        generations: Generations,
        providers: Mapping[str, VideoProvider],
        readers: Readers,
        collector: Collector,
        reviewing: Reviewing,
        deliverer: Deliverer,
        outbox: Outbox,
        freed: Callable[[], Awaitable[None]],
        clock: Clock,
        poll_min_s: float,
        poll_max_s: float,
    ) -> None:
        """`freed` is called when a generation has ended, or has only to be brought, and another may start; the polling
        bounds are in seconds."""
        self._generations = generations
        self._providers = providers
        self._collector = collector
        self._reviewing = reviewing
        self._deliverer = deliverer
        self._freed = freed
        self._clock = clock
        self._rows = Rows(generations=generations, outbox=outbox, clock=clock)
        self._waits = Waits(clock)
        self._deliveries = Finishing()
        self._submitter = Submitter(
            rows=self._rows,
            providers=providers,
            readers=readers,
            collector=collector,
            waits=self._waits,
            clock=clock,
            look_every_s=poll_max_s,
        )
        self._fetcher = Fetcher(
            rows=self._rows, collector=collector, waits=self._waits, limit=deliverer.limit, clock=clock
        )
        self._watcher = Watcher(
            rows=self._rows,
            readers=readers,
            waits=self._waits,
            clock=clock,
            poll_min_s=poll_min_s,
            poll_max_s=poll_max_s,
        )
        self.fraction = self._watcher.fraction
        self.reconcile = self._submitter.reconcile

    async def produce(self, generation_id: int) -> None:
        """Bring a generation from wherever its row stands to its end."""
        generation = await self._rows.load(generation_id)
        provider = self._providers.get(generation.plan.provider) if generation.plan else None
        try:
            if provider is None and generation.status in BEFORE_DELIVERY:
                generation = await self._without_provider(generation)
            if provider is not None and generation.status is S.SUBMITTING:
                generation = await self._submitter.submit(generation, provider)
            if provider is not None and generation.status is S.PROCESSING:
                watched = self._watcher.watch(generation, provider)
                del generation  # most of its life is this wait, in which nobody needs the row
                generation = await watched
            if provider is not None and generation.finished:
                generation = await self._fetcher.fetch(generation, provider)
                await self._freed()
            if generation.status is S.PENDING_REVIEW:
                generation = await self._reviewing.show(generation)
            if self._left_to_another_process(generation):
                log.info("pipeline.not_connected", extra={"generation": generation.name})
                return
            if generation.status is S.DELIVERING:
                generation = await self._deliver(generation)
            if generation.on_its_way_elsewhere:
                generation = await self._deliver(generation)
            if generation.status in FINAL or generation.with_reviewers:
                await self._collector.tidy(generation)
        except StaleRow:
            log.info("pipeline.superseded", extra={"generation": short_id(generation_id)})
        finally:
            self._watcher.forget(generation_id)
            self._waits.forget(generation_id)
        await self._freed()

    def _left_to_another_process(self, generation: Generation) -> bool:
        """Whether its platform is not set up in this process, so that another one may bring the clip."""
        if generation.status is not S.DELIVERING or self._deliverer.connected(generation):
            return False
        return self._clock.now() - generation.entered[generation.status.value] <= MAX_DELIVERING

    async def _without_provider(self, generation: Generation) -> Generation:
        """The provider is not set up any more. What is paid for waits until it is again; the rest ends."""
        if generation.status is S.SUBMITTING and (generation.order is None or generation.order.outcome is not None):
            return await self._rows.fail(generation, texts.endings.MODEL_GONE)
        if generation.status is S.SUBMITTING:
            return await self._submitter.reconcile(generation)
        if generation.status is S.PROCESSING and generation.cancel_requested:
            changes = endings.cancelled(generation, self._clock.now(), unstopped=True)
            return await self._rows.end(generation, changes)
        log.warning("pipeline.no_provider", extra={"generation": generation.name, "status": generation.status.value})
        return generation

    async def tidy(self) -> None:
        """Remove the work files that ended generations left behind when the program was killed."""
        for name in self._collector.leftovers():
            number = name.removeprefix("v")
            generation = await self._generations.generation(int(number)) if number.isdecimal() else None
            if generation is not None and generation.status in FINAL:
                await self._collector.tidy(generation)

    async def drain(self, seconds: float) -> None:
        """Begin no order and no delivery, and give those under way so many seconds: a stop loses no answer."""
        await asyncio.gather(
            self._submitter.drain(seconds), self._reviewing.drain(seconds), self._deliveries.drain(seconds)
        )

    def wake(self, generation_id: int) -> None:
        """Let a generation that waits look at its row now."""
        self._waits.wake(generation_id)

    # --- deliver ---------------------------------------------------------------------------------------------------

    async def _deliver(self, generation: Generation) -> Generation:
        """Post the clip where it was asked for, once; charge it when it is there."""
        failures = 0

        async def save(saved: Mapping[str, str]) -> None:
            nonlocal generation
            generation = await self._rows.save(generation, lambda row: replace(row, delivery=dict(saved)))

        while not self._deliveries.closing:
            try:
                message_id = await self._deliveries.run(self._deliverer.deliver(generation, save))
                return await self._rows.end(generation, endings.completed(generation, message_id, self._clock.now()))
            except TemporaryError as error:
                log.warning("deliver.failed", extra={"generation": generation.name, "error": str(error)})
                failures += 1
                if self._clock.now() - generation.entered[generation.status.value] > MAX_DELIVERING:
                    changes = endings.undeliverable(generation, str(error).rstrip("."), self._clock.now())
                    return await self._rows.end(generation, changes)
                put_off = await self._wait_or_put_off(generation, failures, error)
                if put_off is not None:
                    return put_off
                status = generation.status
                generation = await self._rows.load(generation.id)
                if generation.status is not status:
                    return generation
            except PermanentError as error:
                log.warning("deliver.refused", extra={"generation": generation.name, "error": str(error)})
                return await self._refused(generation, str(error).rstrip("."))
        return generation

    async def _wait_or_put_off(self, generation: Generation, failures: int, error: TemporaryError) -> Generation | None:
        """Wait for the next try, a short time. For a long one the row says when it is, and is returned as saved: the
        clock's sweep starts it again then. Whoever goes on with it knows of no failures, but how long it is tried."""
        now = self._clock.now()
        tried_s = (now - generation.entered[generation.status.value]).total_seconds()
        wait_s = error.retry_after or min(LONGEST_WAIT_S, max(backoff(failures), tried_s / 2))
        if wait_s <= HOLDS_ON_S:
            await self._waits.pause(generation.id, wait_s)
            return None
        due_at = min(now + timedelta(seconds=wait_s), now + LONGEST_PUT_OFF)
        log.info("deliver.put_off", extra={"generation": generation.name, "wait_s": round(wait_s)})
        return await self._rows.save(generation, lambda row: replace(row, due_at=due_at))

    async def _refused(self, generation: Generation, reason: str) -> Generation:
        """The place does not take the clip: it goes another way, or is kept without a charge when there is none."""
        place: ConversationKey | None = None
        failures = 0
        while self._clock.now() - generation.entered[generation.status.value] <= MAX_DELIVERING:
            if self._deliveries.closing:
                return generation
            try:
                place = await self._deliverer.another_way(generation)
                break
            except TemporaryError as error:
                failures += 1
                put_off = await self._wait_or_put_off(generation, failures, error)
                if put_off is not None:
                    return put_off
        now = self._clock.now()
        if place is not None:
            return await self._rows.end(generation, endings.elsewhere(generation, place, reason, now))
        return await self._rows.end(generation, endings.undeliverable(generation, reason, now))
