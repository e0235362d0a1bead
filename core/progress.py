"""Keeps the status messages of running generations up to date, and says so once when one takes too long.

Driven by the clock. Edits may be lost without harm, so they are not in the outbox; what must be said for certain is.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

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
from core.under_way import Brief, UnderWay, brief

log = logging.getLogger("reelbot.progress")

Starts = Callable[[Sequence[Brief], Sequence[Brief]], Awaitable[Mapping[int, ExpectedStart]]]
"""From what is queued and what is under way to when each queued one will start."""

LATE = 2.0
"""A generation is late after so many times its expected (median) time."""
ALMOST = 0.95
"""An estimate of what is done never says more than this."""


class _Shown(NamedTuple):
    """What a status message says."""

    edited_at: datetime
    looked_at: datetime
    """When it was last found that it says what it should."""
    revision: int
    """Of the row that it was found for."""
    text: str


class Progress:
    """Shows how it is going."""

    def __init__(
        self,
        *,
        generations: Generations,
        under_way: UnderWay,
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
        self._under_way = under_way
        self._platforms = platforms
        self._outbox = outbox
        self._starts = starts
        self._fraction = fraction
        self._every = every
        self._clock = clock
        self._shown: dict[int, _Shown] = {}

    async def tick(self) -> None:
        """Edit every status message that is out of date; tell whose clip is late. Only the rows are read of which one
        or the other may be true."""
        now = self._clock.now()
        under_way = await self._under_way.look()
        known = {one.id: one for one in under_way if one.key.platform in self._platforms}
        self._shown = {number: shown for number, shown in self._shown.items() if number in known}
        old = {one.id for one in known.values() if self._may_be_old(one, now)}
        late = {one.id for one in known.values() if _is_late(one, now)}
        starts: Mapping[int, ExpectedStart] = {}
        if any(known[number].status is GenerationStatus.QUEUED for number in old):
            queued = [one for one in under_way if one.status is GenerationStatus.QUEUED]
            starts = await self._starts(queued, [one for one in under_way if one.status in AT_SERVICE])
        async for generation in self._under_way.rows(sorted(old | late)):
            if generation.status not in RUNNING:
                continue  # it has ended since it was looked at
            if generation.id in late:
                await self._tell_late(generation)
            if generation.id in old:
                await self._show(generation, starts.get(generation.id))

    def _may_be_old(self, one: Brief, now: datetime) -> bool:
        """Whether its status message may be out of date, and may be edited again."""
        shown = self._shown.get(one.id)
        if shown is None:
            return True
        changed = one.revision != shown.revision or now - shown.looked_at >= self._every
        return changed and now - shown.edited_at >= self._every

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
        if shown is not None and shown.text == text:
            self._shown[generation.id] = shown._replace(looked_at=now, revision=generation.revision)
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
            self._shown[generation.id] = _Shown(edited_at=now, looked_at=now, revision=generation.revision, text=text)
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
        return min(ALMOST, _elapsed_s(generation, now) / max(1.0, generation.plan.expected_s[1]))

    async def _tell_late(self, generation: Generation) -> None:
        now = self._clock.now()
        if not _is_late(brief(generation), now):
            return
        try:
            await self._generations.commit(late(generation, _elapsed_s(generation, now), now))
        except StaleRow:
            return
        self._outbox.wake(generation.key)


def _elapsed_s(generation: Generation, now: datetime) -> float:
    started = generation.entered.get(GenerationStatus.SUBMITTING.value, generation.updated_at)
    return (now - started).total_seconds()


def _is_late(one: Brief, now: datetime) -> bool:
    """Whether it takes too long, and that is not said yet."""
    if one.told_late or one.expected_s is None or one.status not in ADMITTED:
        return False
    return (now - one.begun_at).total_seconds() > LATE * one.expected_s[0]
