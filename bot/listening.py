"""Keeps the receivers of the platforms going: one that ended, or that has been deaf for too long, is started anew.

A receiver deals with a bad network by itself. This is for what it cannot see itself: that it fell over, or hangs. It
never takes the program down, and restarts come at growing intervals, so that a long outage is no storm.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta

from bot.metrics import Metrics
from core.polling import backoff
from core.ports import Clock, Receive, Receiver

log = logging.getLogger("reelbot.listening")

DEAF_S = 180.0
"""So long a receiver may be unwell, in seconds, before it is started anew: more than its own longest pause with the
answer that follows. Each restart that did not help doubles the next one's patience."""
LONGEST_DEAF_S = 1800.0
LONGEST_PAUSE_S = 60.0
TOLD_AFTER = timedelta(seconds=20)
"""What is over sooner is not worth a line in the log."""
LOOK_S = 1.0
STOP_S = 5.0
"""How long a receiver may take to stop; one that does not is left behind, and what comes twice counts once."""


class Listening:
    """One platform's receiver, kept going."""

    def __init__(
        self,
        platform: str,
        receiver: Receiver,
        *,
        clock: Clock,
        metrics: Metrics,
        look_s: float = LOOK_S,
        stop_s: float = STOP_S,
    ) -> None:
        """`look_s`: seconds between two looks at it; `stop_s`: see `STOP_S`."""
        self._platform = platform
        self._receiver = receiver
        self._clock = clock
        self._metrics = metrics
        self._look_s = look_s
        self._stop_s = stop_s
        self._well_at = clock.now()
        """The last time that it was found receiving, or made."""
        self._restarts = 0
        """In a row, without a good moment between them."""
        self._problem = "not started yet"
        self._told = False

    def problem(self, now: datetime) -> str:
        """Empty while it receives; otherwise what is wrong."""
        return self._problem or self._asked(now)

    async def run(self, receive: Receive) -> None:
        """Receive until cancelled."""
        while True:
            task = asyncio.create_task(self._receiver.run(receive), name=f"receiver {self._platform}")
            self._problem = ""
            try:
                why = await self._over(task)
            finally:
                await self._stopped(task)
            self._restarts += 1
            pause = backoff(self._restarts, min_s=1.0, max_s=LONGEST_PAUSE_S)
            self._problem = f"started anew in {pause:.0f} s: {why}"
            self._metrics.restarted(self._platform)
            log.error("receiver.restarted", extra={"platform": self._platform, "reason": why, "pause_s": pause})
            await self._clock.sleep(pause)

    async def _over(self, task: asyncio.Task[None]) -> str:
        """Return, with the reason, when the receiver has to be started anew."""
        unwell_since: datetime | None = None
        while True:
            look = asyncio.ensure_future(self._clock.sleep(self._look_s))
            try:
                await asyncio.wait({task, look}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                look.cancel()
            if task.done():
                return _end(task)
            now = self._clock.now()
            wrong = self._asked(now)
            # Counted from the first look that found it so: after the machine has slept it gets its time, too.
            unwell_since = (unwell_since or now) if wrong else None
            unwell = now - (unwell_since or now)
            self._tell(wrong, now, unwell)
            if unwell.total_seconds() > min(DEAF_S * 2.0 ** min(self._restarts, 10), LONGEST_DEAF_S):
                return f"nothing for {unwell.total_seconds():.0f} s ({wrong})"

    def _asked(self, now: datetime) -> str:
        try:
            return self._receiver.healthy(now)
        except Exception as error:
            log.exception("receiver.unclear", extra={"platform": self._platform})
            return f"cannot say how it is: {type(error).__name__}"

    def _tell(self, wrong: str, now: datetime, unwell: timedelta) -> None:
        """Count it, and log each change that lasts once."""
        if not wrong:
            self._well_at = now
            self._restarts = 0
        self._metrics.receiving(self._platform, (now - self._well_at).total_seconds(), well=not wrong)
        if wrong and not self._told and unwell > TOLD_AFTER:
            self._told = True
            log.warning("receiver.unwell", extra={"platform": self._platform, "reason": wrong})
        elif self._told and not wrong:
            self._told = False
            log.info("receiver.well", extra={"platform": self._platform})

    async def _stopped(self, task: asyncio.Task[None]) -> None:
        """Cancel it, and wait for its end, but not for ever."""
        task.cancel()
        _, left = await asyncio.wait({task}, timeout=self._stop_s)
        if left:
            log.error("receiver.left_behind", extra={"platform": self._platform})
            task.add_done_callback(_end)


def _end(task: asyncio.Task[None]) -> str:
    """How it ended, in a word for the log; nothing of what it was doing is in there."""
    if task.cancelled():
        return "it was cancelled"
    error = task.exception()
    return "it ended" if error is None else f"it failed with {type(error).__name__}"
