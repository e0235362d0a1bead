"""How fast somebody may talk: a stranger in a hurry must not burn tokens. What is too fast waits; nothing is lost."""

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

    def wait(self, person_id: str, now: datetime) -> float:
        """Seconds until the person's next turn may begin; it counts as begun then."""
        if not self._per_minute:
            return 0.0
        turns = self._turns.setdefault(person_id, deque())
        while turns and now - turns[0] >= MINUTE:
            turns.popleft()
        begins = now if len(turns) < self._per_minute else max(now, turns[-self._per_minute] + MINUTE)
        turns.append(begins)
        if len(self._turns) > _MANY:
            self._turns = {person: known for person, known in self._turns.items() if known and now - known[-1] < MINUTE}
        return (begins - now).total_seconds()
