"""How fast somebody may talk: a stranger in a hurry must not burn tokens. What is too fast waits; nothing is lost.

What waits, and what goes on meanwhile, is `core.dialogue`'s.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

MINUTE = timedelta(minutes=1)
_MANY = 10_000


class Tempo:
    """Counts the turns of each person in the last minute."""

    def __init__(self, per_minute: int) -> None:
        """`per_minute`: turns of one person; 0 for no limit."""
        self._per_minute = per_minute
        self._turns: dict[str, deque[datetime]] = {}
        self._told: dict[str, datetime] = {}

    def wait(self, person_id: str, now: datetime) -> float:
        """Seconds until the person may have a turn, at most 60; with 0 it counts as begun. Ask again after the wait."""
        if not self._per_minute:
            return 0.0
        turns = self._turns.setdefault(person_id, deque())
        while turns and now - turns[0] >= MINUTE:
            turns.popleft()
        if len(turns) >= self._per_minute:
            return (turns[0] + MINUTE - now).total_seconds()
        turns.append(now)
        if len(self._turns) > _MANY:
            self._turns = {person: known for person, known in self._turns.items() if known and now - known[-1] < MINUTE}
        return 0.0

    def tell(self, person_id: str, now: datetime) -> bool:
        """Whether to say that they are too fast: once a minute, and counted at once."""
        if person_id in self._told and now - self._told[person_id] < MINUTE:
            return False
        if len(self._told) > _MANY:
            self._told = {person: at for person, at in self._told.items() if now - at < MINUTE}
        self._told[person_id] = now
        return True
