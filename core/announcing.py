"""Tells programs outside what happened to generations: each one's events in order, until they are told.

An event is saved in the same transaction as the change (`core.events`); this part only carries it out, at least once,
after a crash as well as before. The next event of a generation waits for the one before it; different generations do
not wait for each other. What is done with is forgotten after a while, so that the rows do not grow for ever.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta

from core.errors import PermanentError, TemporaryError
from core.events import next_try
from core.finishing import Finishing
from core.ports import Announcer, Clock
from core.repositories import EventRows, UntoldEvent
from core.wakeful import Wakeful

log = logging.getLogger("reelbot.events")

AT_ONCE = 8
"""So many events are on their way at the same time."""
LOOK_AHEAD = 100
"""So many generations are taken up in one sweep; those that follow, in the next."""
KEPT_TOLD = timedelta(days=30)
"""How long an event that was told is kept, to be looked up and told once more."""
KEPT_GIVEN_UP = timedelta(days=90)
"""How long one that nobody took is kept, for somebody to have it told after all."""
FORGOTTEN_EVERY = timedelta(hours=1)
FORGOTTEN_AT_ONCE = 500
"""So many events are forgotten in one sweep; while there are more, the next one goes on."""
MAX_ASKED_S = 3_600.0
"""A receiver may ask to be left alone for so long, in seconds."""


class Announcing:
    """Carries out what is to be told; one task for each generation that has something to tell."""

    def __init__(self, *, events: EventRows, announcer: Announcer, clock: Clock, claim_s: float) -> None:
        """`claim_s`: for so many seconds nobody else tells an event that is being told; longer than that may take."""
        self._events = events
        self._announcer = announcer
        self._clock = clock
        self._claim = timedelta(seconds=claim_s)
        self._room = asyncio.Semaphore(AT_ONCE)
        self._sends = Finishing()
        self._tasks: Wakeful[int] = Wakeful(self.tell, "events")
        self._forgot_at: datetime | None = None
        """When there was last nothing more to forget."""

    def wake(self, generation_id: int) -> None:
        """There is something new to tell about this generation."""
        self._tasks.wake(generation_id)

    async def sweep(self) -> None:
        """Tell everything that is due: at start, and whenever the clock looks. Forget what is old, now and then."""
        now = self._clock.now()
        for generation_id in await self._events.telling(now, LOOK_AHEAD):
            self.wake(generation_id)
        if self._forgot_at is None or abs(now - self._forgot_at) >= FORGOTTEN_EVERY:
            forgotten = await self._events.prune(now - KEPT_TOLD, now - KEPT_GIVEN_UP, FORGOTTEN_AT_ONCE)
            if forgotten < FORGOTTEN_AT_ONCE:
                self._forgot_at = now

    async def settled(self, generation_id: int) -> None:
        """Return when nothing is being told about this generation."""
        await self._tasks.settled(generation_id)

    async def stop(self, seconds: float) -> None:
        """Begin to tell nothing more, and give what is being told so many seconds; the rest follows after the next
        start."""
        await self._sends.drain(seconds)
        await self._tasks.stop()

    async def tell(self, generation_id: int) -> None:
        """Tell what is due about one generation, in order, until nothing is."""
        while True:
            async with self._room:
                if self._sends.closing:
                    return
                now = self._clock.now()
                found = await self._events.claim(generation_id, now, now + self._claim)
                if found is None:
                    return
                await self._sends.run(self._tell(found))

    async def _tell(self, untold: UntoldEvent) -> None:
        """Tell one event and save what came of it."""
        event, began = untold.event, self._clock.now()
        try:
            await self._announcer.announce(event)
        except PermanentError as error:
            log.warning("events.given_up", extra={"event_id": event.id, "error": str(error)})
            until = None
        except Exception as error:
            until = self._next_try(untold, error, began)
        else:
            await self._events.told(untold.row, self._clock.now())
            return
        await self._events.put_off(untold.row, until, began)

    def _next_try(self, untold: UntoldEvent, error: Exception, began: datetime) -> datetime | None:
        tries, asked_s = untold.attempts + 1, 0.0
        if isinstance(error, TemporaryError):
            asked_s = min(error.retry_after or 0.0, MAX_ASKED_S)
        else:
            # Nobody foresaw it: the next try may do better, and the day ends whatever it is.
            log.exception("events.failed", extra={"event_id": untold.event.id})
        until = next_try(untold.tried_since or began, tries, self._clock.now(), asked_s=asked_s)
        level, name = (logging.INFO, "events.put_off") if until else (logging.WARNING, "events.given_up")
        log.log(level, name, extra={"event_id": untold.event.id, "tries": tries, "error": str(error)})
        return until
