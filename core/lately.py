"""What was seen to be so a short while ago, and so need not be looked up again yet."""

from __future__ import annotations

from datetime import datetime, timedelta

MOST = 10_000
"""So many names are remembered; the ones seen the longest ago are forgotten first."""


class Lately:
    """Names, each with when it was last seen."""

    def __init__(self, seconds: float) -> None:
        """`seconds`: for how long what was seen counts."""
        self._holds = timedelta(seconds=seconds)
        self._seen: dict[str, datetime] = {}

    def see(self, name: str, now: datetime) -> None:
        """It is so now."""
        self._seen.pop(name, None)
        self._seen[name] = now
        if len(self._seen) > MOST:
            del self._seen[next(iter(self._seen))]

    def forget(self, name: str) -> None:
        """It may not be so any more; harmless when it was not seen."""
        self._seen.pop(name, None)

    def seen(self, name: str, now: datetime) -> bool:
        """Whether it was so lately."""
        at = self._seen.get(name)
        return at is not None and abs(now - at) < self._holds
