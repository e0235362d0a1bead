"""The third stage: fetch a finished clip, hold it against the card, and keep it with its poster.

That it is finished is saved with what comes of it: most clips are here within seconds, and after a crash one more look
at the service finds out again. Where fetching takes longer, or fails at first, it is saved by itself, so that people
see it and the time that is given to it counts on over a restart.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from core import endings, texts
from core.collecting import Collector, Fetched
from core.errors import PermanentError, TemporaryError, UnplayableClip
from core.generation import Clip, Generation, GenerationStatus
from core.inspection import flaws
from core.polling import backoff
from core.ports import Clock, VideoProvider
from core.rows import Rows
from core.waits import Waits

log = logging.getLogger("reelbot.fetch")

S = GenerationStatus

SOON_S = 5.0
"""A clip that is fetched and measured within so many seconds is not saved as being fetched."""
MAX_REFUSED_FETCHES = 10
"""Downloads refused before a clip is given up: with growing waits some six minutes."""
MAX_FETCHING = timedelta(days=1)
"""How long a clip may be out of reach, or there be no room for it, before it is given up."""


class _CancelledMeanwhile(Exception):
    """The person asked to stop it while it was being fetched."""


class Fetcher:
    """Brings finished clips into the house."""

    def __init__(
        self,
        *,
        rows: Rows,
        collector: Collector,
        waits: Waits,
        limit: Callable[[Generation], int],
        clock: Clock,
        soon_s: float = SOON_S,
    ) -> None:
        """`limit`: the largest file in bytes that can be sent to where a generation was asked for; `soon_s`: so many
        seconds may be spent on a clip without saving that."""
        self._rows = rows
        self._collector = collector
        self._waits = waits
        self._limit = limit
        self._clock = clock
        self._soon_s = soon_s

    async def fetch(self, generation: Generation, provider: VideoProvider) -> Generation:
        """Bring the clip in; returns the row as saved: with its clip to be delivered or looked at, or ended."""
        arrival = _Arrival(generation, self._clock.now())
        if generation.cancel_requested:
            generation = await self._cannot_stop(generation, arrival)
        failures = refused = unplayable = 0
        while True:
            try:
                generation, fetched = await self._fetched(generation, arrival, provider)
                found = flaws(fetched.facts, generation.promise())
                if found:
                    log.warning("clip.flawed", extra={"generation": generation.name, "flaws": [*found]})
                    return await self._give_up(generation, arrival, texts.endings.flawed(found), billed="flawed")
                clip = await self._collector.keep(generation, fetched, self._limit(generation))
                return await self._hand_on(generation, arrival, clip)
            except TemporaryError as error:
                log.warning("collect.failed", extra={"generation": generation.name, "error": str(error)})
                failures += 1
                generation = await self._shown(generation, arrival)
                if self._clock.now() - generation.entered[generation.status.value] > MAX_FETCHING:
                    return await self._give_up(generation, arrival, texts.endings.NEVER_FETCHED, billed="unfetched")
                await self._waits.pause(generation.id, error.retry_after or backoff(failures, max_s=300.0))
            except UnplayableClip:
                # The file may have been cut off here, by a power loss for instance: fetched anew once.
                await self._collector.tidy(generation)
                unplayable += 1
                if unplayable > 1:
                    return await self._give_up(generation, arrival, texts.endings.UNPLAYABLE, billed="flawed")
            except PermanentError as error:
                # A refused download says nothing about the clip, which is paid for.
                log.warning("collect.refused", extra={"generation": generation.name, "error": str(error)})
                failures += 1
                refused += 1
                generation = await self._shown(generation, arrival)
                if refused >= MAX_REFUSED_FETCHES:
                    reason = texts.endings.SERVICE_SAID.format(reason=str(error).rstrip("."))
                    return await self._give_up(generation, arrival, reason, billed="unfetched")
                await self._waits.pause(generation.id, backoff(failures))

    async def _fetched(
        self, generation: Generation, arrival: _Arrival, provider: VideoProvider
    ) -> tuple[Generation, Fetched]:
        """The clip, and the row: as it was, or as saved when it took longer."""
        fetching = asyncio.ensure_future(self._collector.fetch(arrival.of(generation), provider))
        try:
            await asyncio.wait({fetching}, timeout=self._soon_s)
            if not fetching.done():
                generation = await self._shown(generation, arrival)
            return generation, await fetching
        finally:
            if not fetching.done():
                fetching.cancel()
                await asyncio.wait({fetching})

    async def _shown(self, generation: Generation, arrival: _Arrival) -> Generation:
        """The row, saved as being fetched unless it is already."""
        if generation.status is not S.DOWNLOADING:
            generation = await self._rows.save(generation, arrival.of)
        if generation.cancel_requested:
            generation = await self._cannot_stop(generation, arrival)
        return generation

    async def _cannot_stop(self, generation: Generation, arrival: _Arrival) -> Generation:
        """Tell the person that it comes all the same."""
        return await self._rows.end(generation, endings.cannot_stop(arrival.of(generation), self._clock.now()))

    async def _hand_on(self, generation: Generation, arrival: _Arrival, clip: Clip) -> Generation:
        """Save the row with its clip, to be looked at beforehand or to be delivered."""
        now = self._clock.now()

        def arrived(row: Generation) -> Generation:
            if row.cancel_requested:
                raise _CancelledMeanwhile
            here = arrival.of(row)
            if row.withheld:
                return here.moved(S.PENDING_REVIEW, now, clip=clip, due_at=now)
            return here.moved(S.DELIVERING, now, clip=clip, due_at=None)

        while True:
            try:
                return await self._rows.save(generation, arrived)
            except _CancelledMeanwhile:
                generation = await self._cannot_stop(await self._rows.load(generation.id), arrival)

    async def _give_up(self, generation: Generation, arrival: _Arrival, reason: str, *, billed: str) -> Generation:
        """End it without a clip. Only then what was kept of it is forgotten: should somebody else have moved the row,
        the clip is theirs."""
        changes = endings.failed(arrival.of(generation), reason, self._clock.now(), billed=billed)
        ended = await self._rows.end(generation, changes)
        await self._collector.discard(generation)
        return ended


class _Arrival:
    """When and where a clip was found to be finished."""

    def __init__(self, generation: Generation, at: datetime) -> None:
        assert generation.order is not None
        self._location = generation.order.location
        self._at = at

    def of(self, row: Generation) -> Generation:
        """The row as it is while its clip is being fetched."""
        if row.status is S.DOWNLOADING:
            return row
        assert row.order is not None
        return row.moved(S.DOWNLOADING, self._at, order=replace(row.order, location=self._location), due_at=None)
