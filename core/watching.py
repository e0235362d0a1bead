"""The second stage: look at an operation until it is over, most often when it is likely to be. When that is, is learned
from each clip that is finished; a webhook wakes it at once."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

from core import endings, texts
from core.errors import PermanentError, ReelbotError, TemporaryError
from core.generation import Generation, GenerationStatus, Order
from core.polling import Outlook, backoff
from core.ports import Clock, Failed, Finished, Running, VideoProvider
from core.readers import Readers
from core.rows import Rows
from core.waits import Waits

log = logging.getLogger("reelbot.watch")

S = GenerationStatus

MAX_WATCHING = timedelta(hours=12)
"""How long an operation may run before it is given up: no model takes more than some minutes."""
EARLY_S = 0.1
"""A look that comes so much before it is due was woken."""
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
        self._outlooks: dict[str, Outlook] = {}

    def fraction(self, generation_id: int) -> float | None:
        """The share of the work that the provider has reported as done, 0 to 1, or None."""
        return self._fractions.get(generation_id)

    def forget(self, generation_id: int) -> None:
        """The generation is not watched any more."""
        self._fractions.pop(generation_id, None)

    async def watch(self, generation: Generation, provider: VideoProvider) -> Generation:
        """Look at the operation until it is over, most often when it is likely to be. Where the clip is, is not saved
        yet: `Generation.finished` tells that it is known."""
        generation_id = generation.id
        failures = refused = looks = 0
        asked = 0.0
        seen_s = 0.0
        whole = self._elapsed(generation) < self._outlook(generation).first_s
        while True:
            if generation.cancel_requested:
                generation = await self._cancel(generation, provider)
                if generation.status is not S.PROCESSING:
                    return generation
            wait_s = max(asked, self._until_next_look(generation, failures))
            due_s = self._elapsed(generation) + wait_s
            del generation  # it is read anew, and thousands wait at the same time
            await self._waits.pause(generation_id, wait_s)
            generation = await self._rows.load(generation_id)
            if generation.status is not S.PROCESSING:
                return generation
            if generation.cancel_requested:
                continue
            looked_s = self._elapsed(generation)
            looks += 1
            try:
                state = await provider.poll(_order(generation).operation)
            except TemporaryError as error:
                log.info("poll.failed", extra={"generation": generation.name, "error": str(error)})
                if self._clock.now() - _order(generation).sent_at > MAX_WATCHING:
                    return await self._rows.fail(generation, texts.endings.NEVER_FINISHED, billed="unfinished")
                failures += 1
                whole = False
                asked = error.retry_after or 0.0
                continue
            except PermanentError as error:
                # A refused look says nothing about the clip: it may be paid and well.
                log.warning("poll.refused", extra={"generation": generation.name, "error": str(error)})
                failures += 1
                refused += 1
                whole = False
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
            if isinstance(state, Running) and self._clock.now() - _order(generation).sent_at > MAX_WATCHING:
                return await self._rows.fail(generation, texts.endings.NEVER_FINISHED, billed="unfinished")
            if isinstance(state, Running):
                if state.fraction is not None:
                    self._fractions[generation.id] = state.fraction
                seen_s = looked_s
            elif isinstance(state, Finished):
                if whole:
                    # Who was woken before the look was due has heard that it is finished now.
                    woken = looked_s < due_s - EARLY_S
                    self._learn(generation, looked_s if woken else seen_s, looked_s, looks)
                return replace(generation, order=replace(_order(generation), location=state.location))
            else:
                return await self._not_made(generation, state)

    def _until_next_look(self, generation: Generation, failures: int) -> float:
        """Seconds to wait before the operation is looked at."""
        if failures:
            return min(self._poll_max_s, backoff(failures, min_s=self._poll_min_s))
        return self._outlook(generation).next_look(
            self._elapsed(generation), min_s=self._poll_min_s, max_s=self._poll_max_s
        )

    def _elapsed(self, generation: Generation) -> float:
        """Seconds since the order."""
        return (self._clock.now() - _order(generation).sent_at).total_seconds()

    def _outlook(self, generation: Generation) -> Outlook:
        """What is known of the model's times: what this process has learned, before that what the card says."""
        assert generation.plan is not None
        known = self._outlooks.get(generation.plan.model)
        return known or Outlook.of(generation.plan.expected_s)

    def _learn(self, generation: Generation, after_s: float, until_s: float, looks: int) -> None:
        """A clip was finished between these seconds after its order, and so many looks were made at it."""
        assert generation.plan is not None
        outlook = self._outlook(generation).learned(after_s, until_s, looks=looks)
        self._outlooks[generation.plan.model] = outlook

    async def _cancel(self, generation: Generation, provider: VideoProvider) -> Generation:
        """Ask the provider to stop. Where it cannot, the clip is finished and delivered as agreed."""
        try:
            stopped = await provider.cancel(_order(generation).operation)
        except ReelbotError as error:
            log.warning("cancel.failed", extra={"generation": generation.name, "error": str(error)})
            return await self._rows.end(generation, endings.cannot_stop(generation, self._clock.now(), for_good=False))
        now = self._clock.now()
        if stopped:
            return await self._rows.end(generation, endings.cancelled(generation, now))
        return await self._rows.end(generation, endings.cannot_stop(generation, now))

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


def _order(generation: Generation) -> Order:
    """What is watched."""
    assert generation.order is not None
    return generation.order
