"""The second stage: look at an operation until it is over, most often around the time when it should be."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

from core import endings, texts
from core.errors import PermanentError, ReelbotError, TemporaryError
from core.generation import Generation, GenerationStatus
from core.polling import backoff, next_look
from core.ports import Clock, Failed, Finished, Running, VideoProvider
from core.readers import Readers
from core.rows import Rows
from core.waits import Waits

log = logging.getLogger("reelbot.watch")

S = GenerationStatus

MAX_WATCHING = timedelta(hours=12)
"""How long an operation may run before it is given up: no model takes more than some minutes."""
MAX_REFUSED_LOOKS = 20
"""Looks refused in a row before a clip is given up: with growing waits some five minutes."""


class Watcher:
    """Watches operations."""

    def __init__(
        self, *, rows: Rows, readers: Readers, waits: Waits, clock: Clock, poll_min_s: float, poll_max_s: float
    ) -> None:
        """The bounds of polling are in seconds."""
        self._rows = rows
        self._readers = readers
        self._waits = waits
        self._clock = clock
        self._poll_min_s = poll_min_s
        self._poll_max_s = poll_max_s
        self._fractions: dict[int, float] = {}

    def fraction(self, generation_id: int) -> float | None:
        """The share of the work that the provider has reported as done, 0 to 1, or None."""
        return self._fractions.get(generation_id)

    def forget(self, generation_id: int) -> None:
        """The generation is not watched any more."""
        self._fractions.pop(generation_id, None)

    async def watch(self, generation: Generation, provider: VideoProvider) -> Generation:
        """Look at the operation until it is over, most often around the time when it should be."""
        order = generation.order
        assert order is not None
        failures = refused = 0
        asked = 0.0
        while True:
            if generation.cancel_requested:
                generation = await self._cancel(generation, provider, order.operation)
                if generation.status is not S.PROCESSING:
                    return generation
            await self._waits.pause(generation.id, max(asked, self._until_next_look(generation, failures)))
            generation = await self._rows.load(generation.id)
            if generation.status is not S.PROCESSING:
                return generation
            if generation.cancel_requested:
                continue
            try:
                state = await provider.poll(order.operation)
            except TemporaryError as error:
                log.info("poll.failed", extra={"generation": generation.name, "error": str(error)})
                if self._clock.now() - order.sent_at > MAX_WATCHING:
                    return await self._rows.fail(generation, texts.endings.NEVER_FINISHED, billed="unfinished")
                failures += 1
                asked = error.retry_after or 0.0
                continue
            except PermanentError as error:
                # A refused look says nothing about the clip: it may be paid and well.
                log.warning("poll.refused", extra={"generation": generation.name, "error": str(error)})
                failures += 1
                refused += 1
                asked = 0.0
                if refused >= MAX_REFUSED_LOOKS:
                    return await self._rows.fail(
                        generation,
                        texts.endings.SERVICE_SAID.format(reason=str(error).rstrip(".")),
                        billed="unfinished",
                    )
                continue
            failures = refused = 0
            asked = 0.0
            if isinstance(state, Running) and self._clock.now() - order.sent_at > MAX_WATCHING:
                return await self._rows.fail(generation, texts.endings.NEVER_FINISHED, billed="unfinished")
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
            return await self._rows.end(generation, endings.cannot_stop(generation, self._clock.now(), for_good=False))
        now = self._clock.now()
        if stopped:
            return await self._rows.end(generation, endings.cancelled(generation, now))
        return await self._rows.end(generation, endings.cannot_stop(generation, now))

    async def _finished(self, generation: Generation, location: str) -> Generation:
        now = self._clock.now()

        def finished(row: Generation) -> Generation:
            assert row.order is not None
            return row.moved(S.DOWNLOADING, now, order=replace(row.order, location=location), due_at=None)

        return await self._rows.save(generation, finished)

    async def _not_made(self, generation: Generation, state: Failed) -> Generation:
        if state.refused:
            written = await self._readers.rewrite(generation.request, state.reason)
            now = self._clock.now()
            changes = endings.refused(generation, state.reason, written.texts[:2], written.uses, now)
            return await self._rows.end(generation, changes)
        reason = (
            texts.endings.SERVICE_SAID.format(reason=state.reason.rstrip("."))
            if state.reason
            else texts.endings.NO_VIDEO
        )
        return await self._rows.fail(generation, reason)
