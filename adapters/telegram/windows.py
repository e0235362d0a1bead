"""A limit of so many in so many seconds, counted as it goes along. What is counted is `pacing`'s to say."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta


class Window:
    """At most `limit` in any `seconds`."""

    def __init__(self, limit: int, seconds: float) -> None:
        self._span = timedelta(seconds=seconds)
        self._taken: deque[datetime] = deque(maxlen=limit)
        self._limit = limit

    def free_at(self, now: datetime) -> datetime:
        """When the next one may go: at most a full span from now, also when the clock was set back."""
        if self._taken and self._taken[-1] > now:
            self._taken = deque((min(one, now) for one in self._taken), maxlen=self._limit)
        return now if len(self._taken) < self._limit else self._taken[0] + self._span

    def take(self, now: datetime) -> None:
        """One goes now."""
        self._taken.append(now)

    def idle(self, now: datetime) -> bool:
        """Whether nothing that went still counts."""
        return not self._taken or self._taken[-1] + self._span < now


def left_of(windows: Sequence[Window], now: datetime) -> float:
    """Seconds until all of them have room."""
    return max([timedelta(), *(window.free_at(now) - now for window in windows)]).total_seconds()
