"""Looks over the rows now and then for what does not get on: it says so, and changes nothing.

What each finding leads to is others' work: the engine and the sweeps go on trying, an admin reads the log, the metrics
and `/readyz`. Whether receivers receive is `bot.listening`'s.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from bot.metrics import Metrics
from core.generation import ADMITTED, GenerationStatus
from core.messages import short_id
from core.ports import Clock
from core.texts.spelling import spell_seconds
from core.under_way import Brief, Briefed, UnderWay
from storage.backlog import Backlog

log = logging.getLogger("reelbot.watching")

TIMES_EXPECTED = 5
"""So many times its expected time a video may be filmed before it counts as stuck."""
STUCK_S = 600.0
"""Least time in one phase, in seconds, before a video counts as stuck there."""
WAITS_S = {"inbox": 300.0, "outbox": 600.0, "events": 600.0}
"""How long the oldest of each may wait, in seconds."""
QUEUE_OVER = timedelta(minutes=10)
"""The queue grows when it is so much longer than it was that long ago."""
QUEUE_LEAST = 10
QUEUE_GROWTH = 1.5
PULSE_S = 60.0
"""Without a tick for so long, in seconds, the clock has stopped."""
WORDS = {
    "inbox": "a message has not been answered for {age}",
    "outbox": "something has not been sent for {age}",
    "events": "WEBHOOK_URL has not taken an event for {age}",
}


class Rows(Briefed, Protocol):
    """What is looked at."""

    async def backlog(self, platforms: Collection[str]) -> Backlog:
        """What has been waiting the longest."""
        ...


class Watching:
    """The watchdogs over the rows."""

    def __init__(self, *, rows: Rows, platforms: Collection[str], events: bool, metrics: Metrics, clock: Clock) -> None:
        """`platforms`: those that are connected; `events`: whether anybody is told outside."""
        self._rows = rows
        self._under_way = UnderWay(rows)
        self._platforms = tuple(platforms)
        self._events = events
        self._metrics = metrics
        self._clock = clock
        self._queued: deque[tuple[datetime, int]] = deque()
        self.troubles: Mapping[str, str] = {}
        """What is wrong, by what it is about; empty texts for what is well."""

    async def look(self) -> None:
        """Look at everything, and tell what has changed."""
        now = self._clock.now()
        backlog = await self._rows.backlog(self._platforms)
        under_way = await self._under_way.look()
        queued = sum(1 for one in under_way if one.status is GenerationStatus.QUEUED)
        found = {
            "generations": stuck([one for one in under_way if one.status in ADMITTED], now),
            "queue": self._grown(queued, now),
            "inbox": self._waits("inbox", backlog.inbox, now),
            "outbox": self._waits("outbox", backlog.outbox, now),
        }
        if self._events:
            found["events"] = self._waits("events", backlog.events, now)
            self._metrics.events(waiting=backlog.events_waiting, given_up=backlog.events_given_up)
        for what, trouble in found.items():
            self._tell(what, trouble)
        self.troubles = found

    def checks(self) -> dict[str, Callable[[], str]]:
        """Each finding by its name, as it was at the last look."""
        names = ("generations", "queue", "inbox", "outbox", *(("events",) if self._events else ()))
        return {name: lambda name=name: self.troubles.get(name, "") for name in names}  # type: ignore[misc]

    def _waits(self, what: str, since: datetime | None, now: datetime) -> str:
        age = 0.0 if since is None else max(0.0, (now - since).total_seconds())
        self._metrics.oldest(what, age)
        return WORDS[what].format(age=spell_seconds(age)) if age > WAITS_S[what] else ""

    def _grown(self, count: int, now: datetime) -> str:
        """Whether the queue has become much longer."""
        self._queued.append((now, count))
        while len(self._queued) > 1 and self._queued[1][0] <= now - QUEUE_OVER:
            self._queued.popleft()
        before = self._queued[0][1]
        if count < QUEUE_LEAST or count <= QUEUE_GROWTH * before:
            return ""
        return f"{count} videos wait for their turn, {before} did {spell_seconds(QUEUE_OVER.total_seconds())} ago"

    def _tell(self, what: str, trouble: str) -> None:
        self._metrics.trouble(what, bool(trouble))
        before = self.troubles.get(what, "")
        if trouble and not before:
            log.warning("watch.trouble", extra={"what": what, "reason": trouble})
        elif before and not trouble:
            log.info("watch.well", extra={"what": what})


def stuck(under_way: Sequence[Brief], now: datetime) -> str:
    """Which videos have been in their phase for much longer than expected, in words; empty when none has."""
    late = [short_id(one.id) for one in under_way if _is_stuck(one, now)]
    if not late:
        return ""
    more = f" and {len(late) - 3} more" if len(late) > 3 else ""
    return f"{', '.join(late[:3])}{more} {'does' if len(late) == 1 else 'do'} not get on"


def _is_stuck(one: Brief, now: datetime) -> bool:
    patience = STUCK_S
    if one.status is GenerationStatus.PROCESSING and one.expected_s is not None:
        patience = max(patience, TIMES_EXPECTED * one.expected_s[1])
    return (now - one.since).total_seconds() > patience


class Pulse:
    """That the clock ticks: what `/healthz` goes by."""

    def __init__(self, every_s: float) -> None:
        self._limit_s = max(PULSE_S, 10 * every_s)
        self._last = time.monotonic()

    async def beat(self) -> None:
        """A tick came."""
        self._last = time.monotonic()

    def problem(self) -> str:
        """Empty while ticks come."""
        still = time.monotonic() - self._last
        return f"no tick for {still:.0f} s" if still > self._limit_s else ""
