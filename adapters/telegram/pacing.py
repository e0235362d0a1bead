"""Telegram's limits, kept by ourselves: so many messages a second and a minute, final ones before progress.

Figures from the Bot API FAQ: about 30 messages a second overall, one a second in a chat (short bursts pass), 20 a
minute in a group. Calls that show nothing new (typing, answered presses) are not counted, and edits not in a group's
minute. What a 429 asks for is kept as well: the call that got it is repeated by whoever made it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum

from core.errors import TemporaryError
from core.ports import Clock

_LOOK_AGAIN_S = 0.05
_MANY_CHATS = 1_000


class Urgency(IntEnum):
    """Who goes first."""

    FINAL = 0
    """Answers, questions, cards, deliveries."""
    PROGRESS = 1
    """May wait, and is dropped when something newer for the same message waits."""


class _Window:
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
        self._taken.append(now)

    def idle(self, now: datetime) -> bool:
        return not self._taken or self._taken[-1] + self._span < now


@dataclass(slots=True, eq=False)
class _Turn:
    urgency: Urgency
    number: int
    chat: str
    message: str
    windows: tuple[_Window, ...]
    dropped: bool = False
    rank: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.rank = (self.urgency, self.number)


class Pacing:
    """Lets calls through when Telegram's limits have room for them.

    overall_per_s: messages a second to everybody together
    chat_burst: messages to one chat in as many seconds
    group_per_min: new messages a minute in one group
    """

    def __init__(self, clock: Clock, *, overall_per_s: int = 30, chat_burst: int = 3, group_per_min: int = 20) -> None:
        self._clock = clock
        self._overall = _Window(overall_per_s, 1.0)
        self._chat_burst = chat_burst
        self._group_per_min = group_per_min
        self._chats: dict[str, _Window] = {}
        self._groups: dict[str, _Window] = {}
        self._paused: dict[str, datetime] = {}
        self._all_paused: datetime | None = None
        self._waiting: list[_Turn] = []
        self._count = 0

    async def turn(self, chat: str, *, urgency: Urgency = Urgency.FINAL, edits: str = "") -> bool:
        """Wait until a message may go to `chat`; False when it is to be dropped instead.

        edits: the id of the message that is edited, or empty for a new one
        Raises TemporaryError with the seconds left when Telegram has asked for a pause."""
        now = self._clock.now()
        self._check_pause(chat, now)
        turn = self._enter(chat, urgency, edits, now)
        try:
            while not turn.dropped:
                now = self._clock.now()
                self._check_pause(chat, now)
                free = _free_at(turn, now)
                if free > now:
                    await self._clock.sleep((free - now).total_seconds())
                elif any(_goes_before(other, turn, now) for other in self._waiting):
                    await self._clock.sleep(_LOOK_AGAIN_S)
                else:
                    for window in turn.windows:
                        window.take(now)
                    return True
            return False
        finally:
            self._waiting.remove(turn)

    def pause(self, chat: str, seconds: float) -> None:
        """Telegram answered 429 for this chat. When that happens in two chats at once, it means all of them."""
        now = self._clock.now()
        self._paused = {one: until for one, until in self._paused.items() if until > now}
        until = now + timedelta(seconds=seconds)
        if any(other != chat for other in self._paused):
            self._all_paused = max(until, *self._paused.values())
        self._paused[chat] = max(until, self._paused.get(chat, until))

    def _check_pause(self, chat: str, now: datetime) -> None:
        ends = [until for until in (self._paused.get(chat), self._all_paused) if until is not None and until > now]
        if ends:
            raise TemporaryError("Telegram asked for a pause.", retry_after=(max(ends) - now).total_seconds())

    def _enter(self, chat: str, urgency: Urgency, edits: str, now: datetime) -> _Turn:
        if edits:
            for other in self._waiting:
                if other.urgency is Urgency.PROGRESS and (other.chat, other.message) == (chat, edits):
                    other.dropped = True
        windows = [self._overall, self._window(self._chats, chat, self._chat_burst, float(self._chat_burst), now)]
        if chat.startswith("-") and not edits:
            windows.append(self._window(self._groups, chat, self._group_per_min, 60.0, now))
        self._count += 1
        turn = _Turn(urgency, self._count, chat, edits, tuple(windows))
        self._waiting.append(turn)
        return turn

    def _window(self, windows: dict[str, _Window], chat: str, limit: int, seconds: float, now: datetime) -> _Window:
        if len(windows) > _MANY_CHATS:
            in_use = {id(window) for turn in self._waiting for window in turn.windows}
            for name in [one for one, kept in windows.items() if kept.idle(now) and id(kept) not in in_use]:
                del windows[name]
        if chat not in windows:
            windows[chat] = _Window(limit, seconds)
        return windows[chat]


def _goes_before(other: _Turn, turn: _Turn, now: datetime) -> bool:
    return not other.dropped and other.rank < turn.rank and _free_at(other, now) <= now


def _free_at(turn: _Turn, now: datetime) -> datetime:
    return max(window.free_at(now) for window in turn.windows)
