"""A `Pace` in virtual time, for several adapters as if they were in several processes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from core.errors import TemporaryError
from core.ports import Clock, Rate


class VirtualPace:
    """Implements the `Pace` port on a test's clock.

    away: nobody can ask it
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._full: dict[str, datetime] = {}
        self._held: dict[str, datetime] = {}
        self.away = False
        self.asked: list[tuple[str, ...]] = []

    async def wait_s(self, rates: Sequence[Rate], *, at_most_s: float) -> float:
        """As the port says."""
        self._check()
        self.asked.append(tuple(rate.name for rate in rates))
        now = self._clock.now()
        at = max([now, *(self._held.get(rate.name, now) for rate in rates), *(self._free(rate, now) for rate in rates)])
        if (at - now).total_seconds() <= at_most_s:
            for rate in rates:
                self._full[rate.name] = max(self._full.get(rate.name, now), at) + timedelta(seconds=rate.every_s)
        return (at - now).total_seconds()

    async def hold(self, name: str, seconds: float) -> None:
        """As the port says."""
        self._check()
        until = self._clock.now() + timedelta(seconds=seconds)
        self._held[name] = max(until, self._held.get(name, until))

    def _free(self, rate: Rate, now: datetime) -> datetime:
        return self._full.get(rate.name, now) - timedelta(seconds=(rate.burst - 1) * rate.every_s)

    def _check(self) -> None:
        if self.away:
            raise TemporaryError("The database does not answer.")
