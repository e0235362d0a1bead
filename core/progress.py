"""Keeps the status messages of running generations up to date, and says so once when one takes too long.

Driven by the clock. Edits may be lost without harm, so they are not in the outbox; what must be said for certain is.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

from core import texts
from core.cards import ended_status, status_anchor, status_post
from core.endings import late
from core.errors import ReelbotError, StaleRow
from core.generation import ADMITTED, AT_SERVICE, RUNNING, Generation, GenerationStatus
from core.messages import Post
from core.outbox import Outbox
from core.ports import Clock, Platform
from core.queueing import ExpectedStart
from core.repositories import Generations

log = logging.getLogger("reelbot.progress")

Starts = Callable[[Sequence[Generation], Sequence[Generation]], Awaitable[Mapping[int, ExpectedStart]]]
"""From what is queued and what is under way to when each queued one will start."""

LATE = 2.0
"""A generation is late after so many times its expected (median) time."""
ALMOST = 0.95
"""An estimate of what is done never says more than this."""


class Progress:
    """Shows how it is going."""

    def __init__(
        self,
        *,
        generations: Generations,
        platforms: Mapping[str, Platform],
        outbox: Outbox,
        starts: Starts,
        fraction: Callable[[int], float | None],
        every: timedelta,
        clock: Clock,
    ) -> None:
        """`starts` tells the places in the queue, `fraction` what share of a generation's work its provider has
        reported as done; `every` is the least time between two edits of one message."""
        self._generations = generations
        self._platforms = platforms
        self._outbox = outbox
        self._starts = starts
        self._fraction = fraction
        self._every = every
        self._clock = clock
        self._shown: dict[int, tuple[datetime, str]] = {}

    async def tick(self) -> None:
        """Edit every status message that is out of date; tell whose clip is late."""
        running = await self._generations.with_status(*RUNNING)
        known = {generation.id for generation in running}
        self._shown = {key: shown for key, shown in self._shown.items() if key in known}
        queued = [generation for generation in running if generation.status is GenerationStatus.QUEUED]
        at_service = [generation for generation in running if generation.status in AT_SERVICE]
        starts = await self._starts(queued, at_service)
        for generation in running:
            if generation.key.platform in self._platforms:
                await self._tell_late(generation)
                await self._show(generation, starts.get(generation.id))

    async def _show(self, generation: Generation, start: ExpectedStart | None) -> None:
        now = self._clock.now()
        waits = generation.due_at if generation.due_at is not None and generation.due_at > now else None
        text = texts.working.status(
            generation,
            now=now,
            position=start.place if start else 0,
            waits_until=waits,
            starts_at=start.at if start else None,
        )
        shown = self._shown.get(generation.id)
        if shown is not None and (shown[1] == text or now - shown[0] < self._every):
            return
        message_id = await self._generations.message_of(status_anchor(generation))
        if not message_id:
            return
        async with self._outbox.aside(generation.key) as free:
            # Looked at once more: what says how it ended comes after this, or has come, and must be what stays there,
            # also when this process dies right after the edit.
            fresh = await self._generations.generation(generation.id) if free else None
            if fresh is None or fresh.status is not generation.status:
                return
            self._shown[generation.id] = (now, text)
            await self._edit(generation, status_post(generation, text, done=self._share(generation, now)), message_id)
        fresh = await self._generations.generation(generation.id)
        if fresh is not None and fresh.status not in RUNNING:
            await self._edit(fresh, ended_status(fresh), message_id)

    async def _edit(self, generation: Generation, post: Post, message_id: str) -> None:
        try:
            await self._platforms[generation.key.platform].post(post, message_id)
        except ReelbotError as error:
            log.info("progress.skipped", extra={"generation": generation.name, "error": type(error).__name__})

    def _share(self, generation: Generation, now: datetime) -> float | None:
        """What is done: as the provider reports it, or guessed from the expected time."""
        if generation.status not in ADMITTED or generation.plan is None:
            return None
        reported = self._fraction(generation.id)
        if reported is not None:
            return reported
        return min(ALMOST, _elapsed(generation, now) / max(1.0, generation.plan.expected_s[1]))

    async def _tell_late(self, generation: Generation) -> None:
        if generation.told_late or generation.plan is None or generation.status not in ADMITTED:
            return
        now = self._clock.now()
        elapsed = _elapsed(generation, now)
        if elapsed <= LATE * generation.plan.expected_s[0]:
            return
        try:
            await self._generations.commit(late(generation, elapsed, now))
        except StaleRow:
            return
        self._outbox.wake(generation.key)


def _elapsed(generation: Generation, now: datetime) -> float:
    started = generation.entered.get(GenerationStatus.SUBMITTING.value, generation.updated_at)
    return (now - started).total_seconds()
