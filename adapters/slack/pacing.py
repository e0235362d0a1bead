"""Slack's limits, kept by ourselves: a budget for progress, and the pauses that Slack asks for.

Slack counts calls by method and workspace, and new messages by channel as well. What has to be said goes out at once;
when Slack then asks for a pause, the same calls are not tried again before it is over. Progress gives way early, since
it draws on the same allowance as final edits.

Where several processes speak for one app, they share both: the budget, and the pauses that any of them was asked for.
When what is shared cannot be asked, what has to be said waits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import structlog
from slack_sdk.errors import SlackApiError

from adapters.slack import failures
from core.errors import TemporaryError
from core.ports import Clock, Pace, Rate
from core.rates import Pause, within

_MINUTE = timedelta(minutes=1)
_BY_CHANNEL = frozenset({"chat.postMessage"})
"""Methods that Slack counts for each channel apart."""
_ASK_AGAIN_S = 2.0
"""When to try again after the shared pace could not be asked."""

_log = structlog.get_logger(__name__)


class Pacing:
    """What may be called now.

    progress_edits_per_min: how many edits a minute may be spent on progress (Slack takes about 50 edits in all)
    shared: the pace of all processes that speak for this app; None where there is only one
    """

    def __init__(self, clock: Clock, *, progress_edits_per_min: int = 30, shared: Pace | None = None) -> None:
        self._clock = clock
        self._shared = shared
        self._budget = progress_edits_per_min
        self._spent: deque[datetime] = deque()
        self._paused: dict[tuple[str, str], Pause] = {}

    async def progress(self) -> bool:
        """Whether one more progress edit may be made now; it is counted if so. Where the shared pace cannot be asked,
        it may not."""
        now = self._clock.now()
        while self._spent and not now - _MINUTE < self._spent[0] <= now:
            self._spent.popleft()
        if len(self._spent) >= self._budget or self._left("chat.update", "") > 0:
            return False
        budget = within("slack progress", limit=self._budget, window_s=60.0, burst=self._budget // 2)
        try:
            if await self._left_for_all(budget, _pauses("chat.update", "")) > 0:
                return False
        except TemporaryError:
            return False
        self._spent.append(now)
        return True

    async def check(self, method: str, channel: str = "") -> None:
        """Raises TemporaryError with the seconds left while a pause lasts, and when that cannot be told."""
        left = self._left(method, channel) or await self._left_for_all(_pauses(method, channel))
        if left > 0:
            raise TemporaryError("Slack asked for a pause.", retry_after=left)

    @asynccontextmanager
    async def call(self, method: str, channel: str = "") -> AsyncIterator[None]:
        """Around one call: notes the pause that Slack asks for. Raises what `check` raises."""
        await self.check(method, channel)
        try:
            yield
        except SlackApiError as error:
            seconds = failures.pause_of(error)
            if seconds is not None:
                await self._hold(method, channel, seconds)
            raise

    async def _left_for_all(self, *rates: Rate) -> float:
        """Seconds to wait for the other processes; with 0 it is counted. Raises TemporaryError."""
        if self._shared is None:
            return 0.0
        try:
            return await self._shared.wait_s(rates, at_most_s=0.0)
        except TemporaryError as error:
            _log.warning("slack_pace_unknown", rate=rates[0].name, error=str(error))
            raise TemporaryError("Whether Slack wants a pause cannot be told now.", retry_after=_ASK_AGAIN_S) from error

    async def _hold(self, method: str, channel: str, seconds: float) -> None:
        """A pause, in the other processes too; whom we cannot tell, Slack tells."""
        self._pause(method, channel, seconds)
        if self._shared is None:
            return
        try:
            await self._shared.hold(_pauses(method, channel).name, seconds)
        except TemporaryError as error:
            _log.warning("slack_pause_not_shared", method=method, error=str(error))

    def _pause(self, method: str, channel: str, seconds: float) -> None:
        now = self._clock.now()
        self._paused = {one: pause for one, pause in self._paused.items() if pause.left(now) > 0}
        self._paused[_counted(method, channel)] = Pause.of(seconds, now)

    def _left(self, method: str, channel: str) -> float:
        pause = self._paused.get(_counted(method, channel))
        return pause.left(self._clock.now()) if pause is not None else 0.0


def _counted(method: str, channel: str) -> tuple[str, str]:
    return method, channel if method in _BY_CHANNEL else ""


def _pauses(method: str, channel: str) -> Rate:
    """What holds these calls; without a pause they are not counted."""
    return Rate(name=" ".join(("slack", *filter(None, _counted(method, channel)))), every_s=0.0)
