"""Slack's limits, kept by ourselves: a budget for progress, and the pauses that Slack asks for.

Slack counts calls by method and workspace, and new messages by channel as well. What has to be said goes out at once;
when Slack then asks for a pause, the same calls are not tried again before it is over. Progress gives way early, since
it draws on the same allowance as final edits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from slack_sdk.errors import SlackApiError

from adapters.slack import failures
from core.errors import TemporaryError
from core.ports import Clock

_MINUTE = timedelta(minutes=1)
_BY_CHANNEL = frozenset({"chat.postMessage"})
"""Methods that Slack counts for each channel apart."""


class Pacing:
    """What may be called now.

    progress_edits_per_min: how many edits a minute may be spent on progress (Slack takes about 50 edits in all)
    """

    def __init__(self, clock: Clock, *, progress_edits_per_min: int = 30) -> None:
        self._clock = clock
        self._budget = progress_edits_per_min
        self._spent: deque[datetime] = deque()
        self._paused: dict[tuple[str, str], datetime] = {}

    def progress(self) -> bool:
        """Whether one more progress edit may be made now; it is counted if so."""
        now = self._clock.now()
        while self._spent and not now - _MINUTE < self._spent[0] <= now:
            self._spent.popleft()
        if len(self._spent) >= self._budget or self._left("chat.update", "") > 0:
            return False
        self._spent.append(now)
        return True

    def check(self, method: str, channel: str = "") -> None:
        """Raises TemporaryError with the seconds left while a pause lasts."""
        left = self._left(method, channel)
        if left > 0:
            raise TemporaryError("Slack asked for a pause.", retry_after=left)

    @contextmanager
    def call(self, method: str, channel: str = "") -> Iterator[None]:
        """Around one call: notes the pause that Slack asks for. Raises TemporaryError with the seconds left while an
        earlier one lasts."""
        self.check(method, channel)
        try:
            yield
        except SlackApiError as error:
            seconds = failures.pause_of(error)
            if seconds is not None:
                self._pause(method, channel, seconds)
            raise

    def _pause(self, method: str, channel: str, seconds: float) -> None:
        now = self._clock.now()
        self._paused = {one: until for one, until in self._paused.items() if until > now}
        self._paused[_counted(method, channel)] = now + timedelta(seconds=seconds)

    def _left(self, method: str, channel: str) -> float:
        until = self._paused.get(_counted(method, channel))
        return (until - self._clock.now()).total_seconds() if until is not None else 0.0


def _counted(method: str, channel: str) -> tuple[str, str]:
    return method, channel if method in _BY_CHANNEL else ""
