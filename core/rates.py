"""From a service's limit to a rate that keeps it, and the pause that a service asks for. Who counts is whoever
implements the `Pace` port."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from core.ports import Rate


@dataclass(slots=True)
class Pause:
    """A pause that a service asked for."""

    until: datetime
    seconds: float
    """What was asked for."""

    @classmethod
    def of(cls, seconds: float, now: datetime) -> Self:
        """One that begins now."""
        return cls(now + timedelta(seconds=seconds), seconds)

    def left(self, now: datetime) -> float:
        """Seconds that are left, 0 once it is over: at most what was asked for, also when the clock was set back."""
        left = (self.until - now).total_seconds()
        if left > self.seconds:
            self.until, left = now + timedelta(seconds=self.seconds), self.seconds
        return max(0.0, left)


def within(name: str, *, limit: int, window_s: float, burst: int) -> Rate:
    """At most `limit` in any `window_s` seconds, `burst` of them at once at the most.

    A rate lets through its burst and then one every `every_s`, so in a window never more than burst + window / every_s.
    That sum is the limit when the rest of it, limit - burst, is spread over the window. A limit of one has no rest: one
    for each window, counted from the one before."""
    at_once = max(1, min(burst, limit - 1))
    return Rate(name=name, every_s=window_s / max(1, limit - at_once), burst=at_once)
