"""How fast somebody may talk: a stranger in a hurry must not burn tokens. What is too fast waits; nothing is lost.

One process counts by itself: at most so many turns in any minute. Several share a `Pace` beside that, which gives a
person so many turns at once and then that many a minute evenly, whichever process hears them; so the first minute after
a rest may see up to twice as many, no longer time does. While nobody can be asked for it each process goes on by its
own count: a person is rather heard too often than not at all.

What waits, and what goes on meanwhile, is `core.dialogue`'s.
"""

from __future__ import annotations

import logging
from collections import deque
from datetime import datetime, timedelta

from core.errors import TemporaryError
from core.ports import Pace, Rate

log = logging.getLogger("reelbot.tempo")

MINUTE = timedelta(minutes=1)
_MANY = 10_000


class Tempo:
    """Counts the turns of each person in the last minute."""

    def __init__(self, per_minute: int, pace: Pace | None = None) -> None:
        """`per_minute`: turns of one person; 0 for no limit. `pace`: who counts for several processes together; None
        where there is only one."""
        self._per_minute = per_minute
        self._pace = pace
        self._turns: dict[str, deque[datetime]] = {}
        self._told: dict[str, datetime] = {}

    async def wait(self, person_id: str, now: datetime) -> float:
        """Seconds until the person may have a turn, at most 60; with 0 it counts as begun. Ask again after the wait."""
        if not self._per_minute:
            return 0.0
        turns = self._turns.setdefault(person_id, deque())
        while turns and now - turns[0] >= MINUTE:
            turns.popleft()
        if len(turns) >= self._per_minute:
            return (turns[0] + MINUTE - now).total_seconds()
        turns.append(now)  # before anybody is asked: the same person may write in another place meanwhile
        wait = await self._asked(f"turns {person_id}", MINUTE / self._per_minute, burst=self._per_minute)
        if wait and now in turns:
            turns.remove(now)
        if len(self._turns) > _MANY:
            self._turns = {person: known for person, known in self._turns.items() if known and now - known[-1] < MINUTE}
        return wait

    async def tell(self, person_id: str, now: datetime) -> bool:
        """Whether to say that they are too fast: once a minute, and counted at once."""
        if person_id in self._told and now - self._told[person_id] < MINUTE:
            return False
        if len(self._told) > _MANY:
            self._told = {person: at for person, at in self._told.items() if now - at < MINUTE}
        self._told[person_id] = now
        return not await self._asked(f"too fast {person_id}", MINUTE, burst=1)

    async def _asked(self, name: str, every: timedelta, *, burst: int) -> float:
        """Seconds that the other processes' turns leave to wait, at most 60; with 0 it is counted."""
        if self._pace is None:
            return 0.0
        rate = Rate(name=name, every_s=every.total_seconds(), burst=burst)
        try:
            wait = await self._pace.wait_s((rate,), at_most_s=0.0)
        except TemporaryError as error:
            log.warning("tempo.unreachable", extra={"error": str(error)})
            return 0.0
        return min(wait, MINUTE.total_seconds())
