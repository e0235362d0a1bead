"""After the program was away for long: says so once, to those with something open, and has what was missed read back.

When it was last alive is kept in the rows. What it says is saved together with the next such moment, so that nobody
hears it twice, however often it is started; nobody with nothing open hears it at all.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from core import texts
from core.errors import ReelbotError, TemporaryError
from core.generation import OPEN, RUNNING, Generation, GenerationStatus
from core.messages import ConversationKey, Post
from core.outbox import Outbox
from core.polling import backoff
from core.ports import Clock, Receive
from core.repositories import Changes, Generations, OutboxPost

log = logging.getLogger("reelbot.absence")

AWAY = timedelta(minutes=10)
"""What is shorter is not worth a word."""
NOTED_EVERY = timedelta(seconds=30)
"""How often the moment is kept; away times are said to be that much longer at most."""
SAID_WITHIN_S = 5.0
"""How long the start waits for the words to go out, so that they come before what finished meanwhile."""
READ_TRIES = 5

HAS_SOMETHING_OPEN = OPEN | RUNNING | {GenerationStatus.PENDING_APPROVAL, GenerationStatus.AMBIGUOUS}


@dataclass(frozen=True, slots=True, kw_only=True)
class LastAlive:
    """The moment that was kept last."""

    mark: int
    """What stands for it in the rows: whoever keeps the next one names it."""
    at: datetime
    """When it was on the asker's own clock, whoever kept it."""


class Presence(Protocol):
    """When the program was last alive. Where several machines share it one clock counts for all, which is not theirs:
    else two that disagree would take each other's difference for an absence."""

    async def last_alive(self, now: datetime) -> LastAlive | None:
        """The moment that was kept last, `now` being what the asker's clock says; None before the first one."""
        ...

    async def alive(self, now: datetime, before: LastAlive | None, changes: Changes | None = None) -> bool:
        """Keep this moment and the changes in one transaction, unless another process did so since `before`; returns
        whether they were kept."""
        ...


class ReadBack(Protocol):
    """Hands on what was written in a thread since a moment; what is known already does no harm.

    Raises TemporaryError, PermanentError."""

    async def __call__(self, key: ConversationKey, since: datetime, receive: Receive) -> None:
        """Read it."""
        ...


class Absence:
    """Notices that the program was away."""

    def __init__(
        self,
        *,
        presence: Presence,
        generations: Generations,
        outbox: Outbox,
        platforms: Collection[str],
        read_back: Mapping[str, ReadBack],
        receive: Receive,
        clock: Clock,
    ) -> None:
        """`platforms`: the names of those that are connected; `read_back`: for those of them that can be read."""
        self._presence = presence
        self._generations = generations
        self._outbox = outbox
        self._platforms = frozenset(platforms)
        self._read_back = read_back
        self._receive = receive
        self._clock = clock
        self._noted: datetime | None = None
        self._reading: set[asyncio.Task[None]] = set()

    async def look(self) -> None:
        """Keep the moment, and say so when the one before is long ago: at start, before anything else is said, and
        whenever the clock looks."""
        now = self._clock.now()
        if self._noted is not None and timedelta() <= now - self._noted < NOTED_EVERY:
            return
        before = await self._presence.last_alive(now)
        if before is None or now - before.at <= AWAY:
            await self._presence.alive(now, before)
        else:
            await self._back(before, now)
        self._noted = now

    async def stop(self) -> None:
        """Read back no more."""
        for task in list(self._reading):
            task.cancel()
        await asyncio.gather(*self._reading, return_exceptions=True)

    async def _back(self, before: LastAlive, now: datetime) -> None:
        """Say so, in the times of this machine's clock, as everything that people are told."""
        since = before.at
        places = await self._open_places()
        said = texts.talk.away(since, now)
        posts = tuple(
            OutboxPost(
                post=Post(key=key, text=said, quiet=True, person=generation.requester),
                conversation_id=generation.conversation_id,
            )
            for key, generation in places.items()
        )
        if not await self._presence.alive(now, before, Changes(posts=posts, at=now)):
            return
        log.warning("app.was_away", extra={"since": since.isoformat(), "places": len(places)})
        for key in places:
            self._outbox.wake(key)
            if key.platform in self._read_back:
                self._begin(key, since)
        try:
            async with asyncio.timeout(SAID_WITHIN_S):
                for key in places:
                    await self._outbox.settled(key)
        except TimeoutError:
            log.info("away.said_later")

    async def _open_places(self) -> dict[ConversationKey, Generation]:
        """Where something is open, each place with its newest generation."""
        rows = await self._generations.with_status(*sorted(HAS_SOMETHING_OPEN))
        return {row.key: row for row in rows if row.key.platform in self._platforms}

    def _begin(self, key: ConversationKey, since: datetime) -> None:
        task = asyncio.create_task(self._read(key, since))
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    async def _read(self, key: ConversationKey, since: datetime) -> None:
        for tries in range(READ_TRIES):
            try:
                # What was written just before the moment that was kept last may have been missed, too.
                await self._read_back[key.platform](key, since - NOTED_EVERY, self._receive)
                return
            except TemporaryError as error:
                await self._clock.sleep(backoff(tries) if error.retry_after is None else error.retry_after)
            except ReelbotError as error:
                log.warning("away.not_read_back", extra={"platform": key.platform, "reason": str(error)})
                return
            except Exception:
                log.exception("away.not_read_back", extra={"platform": key.platform})
                return
        log.warning("away.not_read_back", extra={"platform": key.platform, "reason": "it does not answer"})
