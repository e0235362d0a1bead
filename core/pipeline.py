"""The path of a generation, from admitted to delivered.

`produce` is read from top to bottom: submit, watch, collect, deliver. Each stage looks at the row, does the next
thing, and saves on the condition that the row is as it was read; run again from the start, after whatever crash, it
does no harm and goes on where the row says. An order is recorded before it is sent, sent once, and its outcome
recorded at once; one whose answer was lost is never sent again by itself.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from core import endings, texts
from core.collecting import Collector
from core.delivering import Deliverer
from core.errors import (
    OrderNotSent,
    OrderRefused,
    OrderUnanswered,
    PermanentError,
    ReelbotError,
    StaleRow,
    TemporaryError,
    Undeliverable,
    UnplayableClip,
)
from core.generation import Generation, GenerationStatus, Order, OrderOutcome
from core.inspection import flaws
from core.outbox import Outbox
from core.polling import backoff, next_look
from core.ports import (
    Changes,
    Clock,
    Failed,
    Finished,
    Generations,
    Reconciliation,
    Running,
    VideoProvider,
)
from core.readers import Readers
from core.reading import TokenUse
from core.waits import Waits

log = logging.getLogger("reelbot.pipeline")

S = GenerationStatus

MAX_ORDER_TRIES = 40
"""Refused for now (429) or not sent so often, and the order is given up: at the longest wait some 40 minutes."""
MAX_REFUSED_LOOKS = 20
"""Looks refused in a row before a clip is given up: with growing waits some five minutes."""
RECONCILE_FOR = timedelta(minutes=15)
"""How long an order whose answer was lost is looked for at the provider."""
MAX_SEED = 2**31 - 1
"""Largest seed that all providers take."""


class Pipeline:
    """Makes clips."""

    def __init__(
        self,
        *,
        generations: Generations,
        providers: Mapping[str, VideoProvider],
        readers: Readers,
        collector: Collector,
        deliverer: Deliverer,
        outbox: Outbox,
        freed: Callable[[], Awaitable[None]],
        clock: Clock,
        poll_min_s: float,
        poll_max_s: float,
    ) -> None:
        """`freed` is called when a generation has ended and another may start; the polling bounds are in seconds."""
        self._generations = generations
        self._providers = providers
        self._readers = readers
        self._collector = collector
        self._deliverer = deliverer
        self._outbox = outbox
        self._freed = freed
        self._clock = clock
        self._poll_min_s = poll_min_s
        self._poll_max_s = poll_max_s
        self._waits = Waits(clock)
        self._orders: set[asyncio.Task[Generation]] = set()
        self._fractions: dict[int, float] = {}

    async def produce(self, generation_id: int) -> None:
        """Bring a generation from wherever its row stands to its end."""
        generation = await self._load(generation_id)
        try:
            if generation.status is S.SUBMITTING:
                generation = await self._submit(generation)
            if generation.status is S.PROCESSING:
                generation = await self._watch(generation)
            if generation.status is S.DOWNLOADING:
                generation = await self._collect(generation)
            if generation.status is S.DELIVERING:
                generation = await self._deliver(generation)
        except StaleRow:
            log.info("pipeline.superseded", extra={"generation": generation.name})
        finally:
            self._fractions.pop(generation_id, None)
            self._waits.forget(generation_id)
        await self._freed()

    def wake(self, generation_id: int) -> None:
        """Let a generation that waits look at its row now."""
        self._waits.wake(generation_id)

    def fraction(self, generation_id: int) -> float | None:
        """The share of the work that the provider has reported as done, 0 to 1, or None."""
        return self._fractions.get(generation_id)

    async def drain(self, seconds: float) -> None:
        """Give orders that are on their way that long to be answered, so that a stop loses no answer."""
        if self._orders:
            await asyncio.wait(set(self._orders), timeout=seconds)

    # --- submit ----------------------------------------------------------------------------------------------------

    async def _submit(self, generation: Generation) -> Generation:
        """Order the clip once; waits and tries again only where nothing was created."""
        while generation.status is S.SUBMITTING:
            if generation.order is not None and generation.order.outcome is None:
                return await self.reconcile(generation)
            if generation.cancel_requested:
                return await self._end(generation, endings.cancelled(generation, self._clock.now()))
            if await self._waited(generation):
                generation = await self._load(generation.id)
                continue
            provider = self._provider(generation)
            if provider is None:
                return await self._fail(generation, texts.MODEL_GONE)
            try:
                generation = await self._prepared(generation)
            except PermanentError:
                return await self._fail(generation, texts.SOURCE_GONE)
            # Shielded: when the program stops, the answer to an order under way is still taken down.
            task = asyncio.get_running_loop().create_task(self._order(generation, provider))
            self._orders.add(task)
            task.add_done_callback(self._orders.discard)
            generation = await asyncio.shield(task)
        return generation

    async def _waited(self, generation: Generation) -> bool:
        """Whether there was something to wait for (a service that said "later")."""
        if generation.due_at is None:
            return False
        seconds = (generation.due_at - self._clock.now()).total_seconds()
        if seconds <= 0:
            return False
        await self._waits.pause(generation.id, seconds)
        return True

    async def _prepared(self, generation: Generation) -> Generation:
        """The intent, saved: from here on the order counts as sent until its outcome is saved."""
        plan = generation.plan
        assert plan is not None
        prompt = generation.prompt
        uses: tuple[TokenUse, ...] = ()
        if not prompt:
            written = await self._readers.prompt(generation)
            prompt, uses = written.texts[0], written.uses
        now = self._clock.now()
        attempt = generation.retries + 1
        order = Order(
            key=f"{generation.name}-{attempt}-{secrets.token_hex(4)}",
            attempt=attempt,
            provider=plan.provider,
            model=plan.model,
            sent_at=now,
        )
        seed = generation.seed or generation.request.seed or random.randint(1, MAX_SEED)
        await self._collector.fetch_inputs(generation)
        return await self._save(
            generation, lambda row: replace(row, prompt=prompt, seed=seed, order=order, updated_at=now), uses=uses
        )

    async def _order(self, generation: Generation, provider: VideoProvider) -> Generation:
        """Send the order, and save what came of it."""
        order = generation.order
        assert order is not None
        try:
            operation = await provider.order(self._collector.video_order(generation))
        except OrderNotSent as error:
            log.warning("order.not_sent", extra={"generation": generation.name, "error": str(error)})
            return await self._later(generation, OrderOutcome.NOT_SENT, error.retry_after, texts.NO_SERVICE_ANSWER)
        except OrderRefused as error:
            log.warning("order.refused", extra={"generation": generation.name, "temporary": error.temporary})
            if error.temporary:
                return await self._later(generation, OrderOutcome.REFUSED, error.retry_after, texts.NO_SERVICE_ANSWER)
            refused = replace(generation, order=replace(order, outcome=OrderOutcome.REFUSED))
            if error.safety:
                return await self._refuse(refused, str(error))
            return await self._fail(refused, texts.SERVICE_SAID.format(reason=str(error).rstrip(".")))
        except OrderUnanswered as error:
            log.warning("order.unanswered", extra={"generation": generation.name, "error": str(error)})
            return await self.reconcile(replace(generation, order=replace(order, outcome=OrderOutcome.UNANSWERED)))
        log.info("order.accepted", extra={"generation": generation.name, "operation": operation})
        return await self._accepted(generation, operation)

    async def _accepted(self, generation: Generation, operation: str) -> Generation:
        now = self._clock.now()

        def accepted(row: Generation) -> Generation:
            assert row.order is not None
            order = replace(row.order, outcome=OrderOutcome.ACCEPTED, operation=operation)
            return row.moved(S.PROCESSING, now, order=order, due_at=None)

        return await self._save(generation, accepted)

    async def _later(
        self, generation: Generation, outcome: OrderOutcome, retry_after: float | None, reason: str
    ) -> Generation:
        """Nothing was created: the same order may be sent again under the same tap, after a while."""
        retries = generation.retries + 1
        if retries >= MAX_ORDER_TRIES:
            return await self._fail(generation, reason)
        wait = retry_after if retry_after is not None else backoff(retries)
        due = self._clock.now() + timedelta(seconds=wait)

        def postponed(row: Generation) -> Generation:
            assert row.order is not None
            return replace(row, order=replace(row.order, outcome=outcome), retries=retries, due_at=due)

        return await self._save(generation, postponed)

    async def reconcile(self, generation: Generation) -> Generation:
        """Find out what became of an order whose answer was lost, or tell the person and let them choose."""
        order = generation.order
        provider = self._provider(generation)
        assert order is not None
        found: str | Reconciliation = Reconciliation.UNKNOWN
        if provider is not None:
            try:
                found = await provider.reconcile(order.key, order.model)
            except ReelbotError as error:
                log.warning("order.reconcile_failed", extra={"generation": generation.name, "error": str(error)})
                found = Reconciliation.PENDING
        if not isinstance(found, Reconciliation):
            log.info("order.reconciled", extra={"generation": generation.name, "operation": found})
            return await self._accepted(generation, found)
        now = self._clock.now()
        again = now + timedelta(seconds=self._poll_max_s) if found is Reconciliation.PENDING else None
        if again is not None and now - order.sent_at > RECONCILE_FOR:
            again = None
        if generation.status is S.AMBIGUOUS:
            return await self._save(generation, lambda row: replace(row, due_at=again))
        lost = replace(generation, order=replace(order, outcome=OrderOutcome.UNANSWERED))
        return await self._end(lost, endings.ambiguous(lost, now, look_again_at=again))

    # --- watch -----------------------------------------------------------------------------------------------------

    async def _watch(self, generation: Generation) -> Generation:
        """Look at the operation until it is over, most often around the time when it should be."""
        provider = self._provider(generation)
        order = generation.order
        if provider is None or order is None:
            return await self._fail(generation, texts.MODEL_GONE)
        failures = 0
        while True:
            if generation.cancel_requested:
                generation = await self._cancel(generation, provider, order.operation)
                if generation.status is not S.PROCESSING:
                    return generation
            await self._waits.pause(generation.id, self._until_next_look(generation, failures))
            generation = await self._load(generation.id)
            if generation.status is not S.PROCESSING:
                return generation
            if generation.cancel_requested:
                continue
            try:
                state = await provider.poll(order.operation)
            except TemporaryError as error:
                log.info("poll.failed", extra={"generation": generation.name, "error": str(error)})
                failures += 1
                continue
            except PermanentError as error:
                # A refused look says nothing about the clip: it may be paid and well.
                log.warning("poll.refused", extra={"generation": generation.name, "error": str(error)})
                failures += 1
                if failures >= MAX_REFUSED_LOOKS:
                    return await self._fail(generation, texts.SERVICE_SAID.format(reason=str(error).rstrip(".")))
                continue
            failures = 0
            if isinstance(state, Running):
                if state.fraction is not None:
                    self._fractions[generation.id] = state.fraction
            elif isinstance(state, Finished):
                return await self._finished(generation, state.location)
            else:
                return await self._not_made(generation, state)

    def _until_next_look(self, generation: Generation, failures: int) -> float:
        """Seconds to wait before the operation is looked at."""
        assert generation.plan is not None
        assert generation.order is not None
        if failures:
            return min(self._poll_max_s, backoff(failures, min_s=self._poll_min_s))
        elapsed = (self._clock.now() - generation.order.sent_at).total_seconds()
        return next_look(elapsed, generation.plan.expected_s[0], min_s=self._poll_min_s, max_s=self._poll_max_s)

    async def _cancel(self, generation: Generation, provider: VideoProvider, operation: str) -> Generation:
        """Ask the provider to stop. Where it cannot, the clip is finished and delivered as agreed."""
        try:
            stopped = await provider.cancel(operation)
        except ReelbotError as error:
            log.warning("cancel.failed", extra={"generation": generation.name, "error": str(error)})
            stopped = False
        now = self._clock.now()
        if stopped:
            return await self._end(generation, endings.cancelled(generation, now))
        return await self._end(generation, endings.cannot_stop(generation, now))

    async def _finished(self, generation: Generation, location: str) -> Generation:
        now = self._clock.now()

        def finished(row: Generation) -> Generation:
            assert row.order is not None
            return row.moved(S.DOWNLOADING, now, order=replace(row.order, location=location), due_at=None)

        return await self._save(generation, finished)

    async def _not_made(self, generation: Generation, state: Failed) -> Generation:
        if state.refused:
            return await self._refuse(generation, state.reason)
        reason = texts.SERVICE_SAID.format(reason=state.reason.rstrip(".")) if state.reason else texts.NO_VIDEO
        return await self._fail(generation, reason)

    # --- collect ---------------------------------------------------------------------------------------------------

    async def _collect(self, generation: Generation) -> Generation:
        """Fetch the clip, check it against the card, and keep it with its poster."""
        provider = self._provider(generation)
        if provider is None:
            return await self._fail(generation, texts.MODEL_GONE)
        if generation.cancel_requested:
            generation = await self._end(generation, endings.cannot_stop(generation, self._clock.now()))
        failures = 0
        while True:
            try:
                facts = await self._collector.fetch(generation, provider)
                found = flaws(facts, generation.promise())
                if found:
                    log.warning("clip.flawed", extra={"generation": generation.name, "flaws": [*found]})
                    await self._collector.discard(generation)
                    return await self._fail(generation, texts.flawed(found))
                clip = await self._collector.keep(generation, facts, self._deliverer.limit(generation))
                break
            except TemporaryError as error:
                log.warning("collect.failed", extra={"generation": generation.name, "error": str(error)})
                failures += 1
                await self._waits.pause(generation.id, error.retry_after or backoff(failures))
            except UnplayableClip:
                await self._collector.discard(generation)
                return await self._fail(generation, texts.UNPLAYABLE)
            except PermanentError as error:
                return await self._fail(generation, texts.SERVICE_SAID.format(reason=str(error).rstrip(".")))
        now = self._clock.now()
        return await self._save(generation, lambda row: row.moved(S.DELIVERING, now, clip=clip, due_at=None))

    # --- deliver ---------------------------------------------------------------------------------------------------

    async def _deliver(self, generation: Generation) -> Generation:
        """Post the clip where it was asked for, once; charge it when it is there."""
        failures = 0

        async def save(saved: Mapping[str, str]) -> None:
            nonlocal generation
            generation = await self._save(generation, lambda row: replace(row, delivery=dict(saved)))

        while True:
            try:
                message_id = await self._deliverer.deliver(generation, save)
                break
            except TemporaryError as error:
                log.warning("deliver.failed", extra={"generation": generation.name, "error": str(error)})
                failures += 1
                await self._waits.pause(generation.id, error.retry_after or backoff(failures, max_s=300.0))
                generation = await self._load(generation.id)
                if generation.status is not S.DELIVERING:
                    return generation
            except (Undeliverable, PermanentError) as error:
                log.warning("deliver.refused", extra={"generation": generation.name, "error": str(error)})
                reason = str(error).rstrip(".")
                return await self._end(generation, endings.undeliverable(generation, reason, self._clock.now()))
        ended = await self._end(generation, endings.completed(generation, message_id, self._clock.now()))
        await self._collector.tidy(ended)
        return ended

    # --- rows ------------------------------------------------------------------------------------------------------

    def _provider(self, generation: Generation) -> VideoProvider | None:
        return self._providers.get(generation.plan.provider) if generation.plan else None

    async def _load(self, generation_id: int) -> Generation:
        generation = await self._generations.generation(generation_id)
        if generation is None:
            raise StaleRow(f"there is no generation {generation_id}")
        return generation

    async def _save(
        self, generation: Generation, change: Callable[[Generation], Generation], *, uses: tuple[TokenUse, ...] = ()
    ) -> Generation:
        """Save a change; when only somebody's cancel or the clock's note came in between, on top of that."""
        row = generation
        while True:
            changed = change(row)
            try:
                await self._generations.commit(
                    Changes(
                        generations=(changed,),
                        uses=uses,
                        conversation_id=row.conversation_id,
                        at=self._clock.now(),
                    )
                )
                return replace(changed, revision=row.revision + 1)
            except StaleRow:
                row = await self._merged(row)

    async def _merged(self, generation: Generation) -> Generation:
        """The row as it is now, if it still stands where we are; raises StaleRow when somebody moved it."""
        fresh = await self._load(generation.id)
        if fresh.status is not generation.status or fresh.retries != generation.retries:
            raise StaleRow
        return replace(
            generation,
            revision=fresh.revision,
            cancel_requested=fresh.cancel_requested,
            told_late=fresh.told_late,
        )

    async def _end(self, generation: Generation, changes: Changes) -> Generation:
        """Save an ending with its words and its money, and let the words go out."""
        while True:
            try:
                await self._generations.commit(changes)
                break
            except StaleRow:
                fresh = await self._merged(generation)
                ended = replace(changes.generations[0], revision=fresh.revision, told_late=fresh.told_late)
                changes = replace(changes, generations=(ended,))
        self._outbox.wake(generation.key)
        ended = changes.generations[0]
        log.info("generation.moved", extra={"generation": ended.name, "status": ended.status.value})
        return replace(ended, revision=ended.revision + 1)

    async def _fail(self, generation: Generation, reason: str) -> Generation:
        return await self._end(generation, endings.failed(generation, reason, self._clock.now()))

    async def _refuse(self, generation: Generation, reason: str) -> Generation:
        written = await self._readers.rewrite(generation.request, reason)
        changes = endings.refused(generation, reason, written.texts[:2], written.uses, self._clock.now())
        return await self._end(generation, changes)
