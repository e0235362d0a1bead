"""How the stages of the pipeline save what they did: each on the condition that the row is as it was read.

Only a cancel, or the clock's note that it takes long, may come in between; a stage's change is then saved on top of
that. Whoever finds the row moved by somebody else gets StaleRow and lets go.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from core import endings
from core.errors import StaleRow, TemporaryError
from core.generation import Generation
from core.outbox import Outbox
from core.polling import backoff
from core.ports import Clock
from core.reading import TokenUse
from core.repositories import Changes, Generations

log = logging.getLogger("reelbot.pipeline")

Change = Callable[[Generation], Generation]


class Rows:
    """The generations' rows, as the pipeline works on them."""

    def __init__(self, *, generations: Generations, outbox: Outbox, clock: Clock) -> None:
        self._generations = generations
        self._outbox = outbox
        self._clock = clock

    async def load(self, generation_id: int) -> Generation:
        """The row as it is now; raises StaleRow when there is none."""
        generation = await self._generations.generation(generation_id)
        if generation is None:
            raise StaleRow(f"there is no generation {generation_id}")
        return generation

    async def save(self, generation: Generation, change: Change, *, uses: tuple[TokenUse, ...] = ()) -> Generation:
        """Save a change of the row; returns the row as saved."""
        row = generation
        while True:
            changed = change(row)
            changes = Changes(
                generations=(changed,),
                uses=uses,
                conversation_id=row.conversation_id,
                person_id=row.requester.id,
                at=self._clock.now(),
            )
            try:
                await self._commit(changes)
                return replace(changed, revision=row.revision + 1)
            except StaleRow:
                row = await self._merged(row)

    async def end(self, generation: Generation, changes: Changes) -> Generation:
        """Save an ending with its words and its money, and let the words go out; returns the row as saved."""
        while True:
            try:
                await self._commit(changes)
                break
            except StaleRow:
                fresh = await self._merged(generation)
                ended = changes.generations[0]
                decided = ended.cancel_requested is not generation.cancel_requested
                ended = replace(
                    ended,
                    revision=fresh.revision,
                    told_late=fresh.told_late or ended.told_late,
                    heard_of=fresh.heard_of,
                    ratings=fresh.ratings,
                    suggestions=fresh.suggestions,
                    cancel_requested=ended.cancel_requested if decided else fresh.cancel_requested,
                )
                changes = replace(changes, generations=(ended,))
        for place in changes.places:
            self._outbox.wake(place)
        ended = changes.generations[0]
        log.info("generation.moved", extra={"generation": ended.name, "status": ended.status.value})
        return replace(ended, revision=ended.revision + 1)

    async def fail(self, generation: Generation, reason: str, *, billed: str = "") -> Generation:
        """End it without a charge; `billed`: a word for why its provider may bill it all the same, or empty."""
        return await self.end(generation, endings.failed(generation, reason, self._clock.now(), billed=billed))

    async def _commit(self, changes: Changes) -> None:
        """Save, however long the database is away: what is to be saved may be the only trace of a paid order."""
        failures = 0
        while True:
            try:
                await self._generations.commit(changes)
                return
            except TemporaryError as error:
                log.warning("row.not_saved", extra={"generation": changes.generations[0].name, "error": str(error)})
                failures += 1
                await self._clock.sleep(backoff(failures, min_s=0.1, max_s=30.0))

    async def _merged(self, generation: Generation) -> Generation:
        """Our row with what came in between; raises StaleRow when somebody moved it."""
        fresh = await self.load(generation.id)
        if fresh.status is not generation.status or fresh.retries != generation.retries:
            raise StaleRow(f"somebody else moved {generation.name}")
        return replace(
            generation,
            revision=fresh.revision,
            cancel_requested=fresh.cancel_requested,
            told_late=fresh.told_late,
            heard_of=fresh.heard_of,
            ratings=fresh.ratings,
            suggestions=fresh.suggestions,
        )
