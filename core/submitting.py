"""The first stage: order a clip once, and find out what became of an order whose answer was lost.

The intent is saved before the order is sent, and the outcome right after. The order is sent again under the same tap
only where nothing was created (not sent, or refused for now); one that was never answered is looked for at the
provider, and otherwise the person decides.
"""

from __future__ import annotations

import logging
import random
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from core import endings, texts
from core.collecting import Collector
from core.errors import (
    OrderNotSent,
    OrderRefused,
    OrderUnanswered,
    PermanentError,
    ReelbotError,
    StaleRow,
    TemporaryError,
)
from core.finishing import Finishing
from core.generation import Generation, GenerationStatus, Order, OrderOutcome
from core.polling import backoff
from core.ports import Clock, Reconciliation, VideoProvider
from core.readers import Readers
from core.reading import TokenUse
from core.rows import Rows
from core.waits import Waits

log = logging.getLogger("reelbot.submit")

S = GenerationStatus

MAX_ORDER_TRIES = 40
"""Refused for now (429) or not sent so often, and the order is given up: at the longest wait some 40 minutes."""
RECONCILE_FOR = timedelta(minutes=15)
"""How long an order whose answer was lost is looked for at the provider."""
MAX_SEED = 2**31 - 1
"""Largest seed that all providers take."""


class _CancelledMeanwhile(Exception):
    """The person cancelled before the order was sent."""


class Submitter:
    """Orders clips."""

    def __init__(
        self,
        *,
        rows: Rows,
        providers: Mapping[str, VideoProvider],
        readers: Readers,
        collector: Collector,
        waits: Waits,
        clock: Clock,
        look_every_s: float,
    ) -> None:
        """`look_every_s`: seconds between two looks for an order whose answer was lost."""
        self._rows = rows
        self._providers = providers
        self._readers = readers
        self._collector = collector
        self._waits = waits
        self._clock = clock
        self._look_every_s = look_every_s
        self._orders = Finishing()
        self.drain = self._orders.drain

    async def submit(self, generation: Generation, provider: VideoProvider) -> Generation:
        """Order the clip once; waits and tries again only where nothing was created."""
        failures = 0
        while generation.status is S.SUBMITTING and not self._orders.closing:
            if generation.order is not None and generation.order.outcome is None:
                generation = await self.reconcile(generation)
                continue
            if generation.cancel_requested:
                return await self._rows.end(generation, endings.cancelled(generation, self._clock.now()))
            if await self._waited(generation):
                generation = await self._rows.load(generation.id)
                continue
            try:
                prepared, uses = await self._prepared(generation)
            except TemporaryError as error:
                log.warning("order.not_prepared", extra={"generation": generation.name, "error": str(error)})
                failures += 1
                await self._waits.pause(generation.id, backoff(failures))
                generation = await self._rows.load(generation.id)
                continue
            except PermanentError:
                gone = texts.joining.PART_GONE if generation.request.parts else texts.endings.SOURCE_GONE
                return await self._rows.fail(generation, gone)
            except KeyError:
                log.warning("order.unknown_model", extra={"generation": generation.name})
                return await self._rows.fail(generation, texts.endings.MODEL_GONE)
            if not self._orders.closing:
                generation = await self._orders.run(self._order(prepared, uses, provider))
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

    async def _prepared(self, generation: Generation) -> tuple[Generation, tuple[TokenUse, ...]]:
        """The generation with its prompt, its seed and the order that is to be sent, not saved yet; and what the
        prompt cost. Raises PermanentError when a picture is gone, TemporaryError when it cannot be had now, and
        KeyError when the model is gone."""
        plan = generation.plan
        assert plan is not None
        await self._collector.fetch_inputs(generation)
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
        return replace(generation, prompt=prompt, seed=seed, order=order, updated_at=now), uses

    async def _order(self, prepared: Generation, uses: tuple[TokenUse, ...], provider: VideoProvider) -> Generation:
        """Save the intent, send the order, and save what came of it. From the first to the last of these the order
        counts as sent, so a stop lets all of it finish."""
        order = prepared.order
        assert order is not None

        def intended(row: Generation) -> Generation:
            if row.cancel_requested:
                raise _CancelledMeanwhile
            return replace(row, prompt=prepared.prompt, seed=prepared.seed, order=order, updated_at=order.sent_at)

        try:
            generation = await self._rows.save(prepared, intended, uses=uses)
        except _CancelledMeanwhile:
            row = await self._rows.load(prepared.id)
            return await self._rows.end(row, replace(endings.cancelled(row, self._clock.now()), uses=uses))
        try:
            operation = await provider.order(self._collector.video_order(generation))
        except OrderNotSent as error:
            log.warning("order.not_sent", extra={"generation": generation.name, "error": str(error)})
            return await self._later(
                generation, OrderOutcome.NOT_SENT, error.retry_after, texts.endings.NO_SERVICE_ANSWER
            )
        except OrderRefused as error:
            log.warning("order.refused", extra={"generation": generation.name, "temporary": error.temporary})
            if error.temporary:
                return await self._later(
                    generation, OrderOutcome.REFUSED, error.retry_after, texts.endings.NO_SERVICE_ANSWER
                )
            refused = replace(generation, order=replace(order, outcome=OrderOutcome.REFUSED))
            if error.safety:
                return await self._refuse(refused, str(error))
            return await self._rows.fail(refused, texts.endings.SERVICE_SAID.format(reason=str(error).rstrip(".")))
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

        try:
            return await self._rows.save(generation, accepted)
        except StaleRow:
            row = await self._rows.load(generation.id)
            assert generation.order is not None
            if row.status is not S.AMBIGUOUS or row.order is None or row.order.key != generation.order.key:
                raise
            # Another process has given the order up for lost, and here is its answer.
            log.info("order.answered_late", extra={"generation": row.name})
            return await self._rows.save(row, accepted)

    async def _later(
        self, generation: Generation, outcome: OrderOutcome, retry_after: float | None, reason: str
    ) -> Generation:
        """Nothing was created: the same order may be sent again under the same tap, after a while."""
        retries = generation.retries + 1
        if retries >= MAX_ORDER_TRIES:
            return await self._rows.fail(generation, reason)
        wait = retry_after if retry_after is not None else backoff(retries)
        due = self._clock.now() + timedelta(seconds=wait)

        def postponed(row: Generation) -> Generation:
            assert row.order is not None
            return replace(row, order=replace(row.order, outcome=outcome), retries=retries, due_at=due)

        return await self._rows.save(generation, postponed)

    async def reconcile(self, generation: Generation) -> Generation:
        """Find out what became of an order whose answer was lost, or tell the person and let them choose."""
        order = generation.order
        provider = self._providers.get(generation.plan.provider) if generation.plan else None
        assert order is not None
        heard = (await self._rows.load(generation.id)).heard_of
        if heard is not None and heard[0] == order.key:
            log.info("order.heard_of", extra={"generation": generation.name})
            return await self._accepted(generation, heard[1])
        found: str | Reconciliation = Reconciliation.UNKNOWN
        if provider is not None:
            try:
                found = await provider.reconcile(order.key, order.model)
            except ReelbotError as error:
                log.warning("order.reconcile_failed", extra={"generation": generation.name, "error": str(error)})
                found = Reconciliation.PENDING
        if found is Reconciliation.NOTHING and generation.status is S.SUBMITTING:
            return await self._later(generation, OrderOutcome.NOT_SENT, 0.0, texts.endings.NO_SERVICE_ANSWER)
        if not isinstance(found, Reconciliation):
            log.info("order.reconciled", extra={"generation": generation.name, "operation": found})
            return await self._accepted(generation, found)
        now = self._clock.now()
        again = now + timedelta(seconds=self._look_every_s) if found is Reconciliation.PENDING else None
        if again is not None and now - order.sent_at > RECONCILE_FOR:
            again = None
        if generation.status is S.AMBIGUOUS:
            if again is None:
                return await self._rows.end(generation, endings.not_found(generation, now))
            return await self._rows.save(generation, lambda row: replace(row, due_at=again))
        lost = replace(generation, order=replace(order, outcome=OrderOutcome.UNANSWERED))
        ended = await self._rows.end(lost, endings.ambiguous(lost, now, look_again_at=again))
        if ended.heard_of is not None and ended.heard_of[0] == order.key:
            return await self._accepted(ended, ended.heard_of[1])
        return ended

    async def _refuse(self, generation: Generation, reason: str) -> Generation:
        written = await self._readers.rewrite(generation.request, reason)
        changes = endings.refused(generation, reason, written.texts[:2], written.uses, self._clock.now())
        return await self._rows.end(generation, changes)
