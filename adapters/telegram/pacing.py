"""Telegram's limits, kept by ourselves: so many messages a second and a minute, final ones before progress.

Figures from the Bot API FAQ: about 30 messages a second overall, one a second in a chat (short bursts pass), 20 a
minute in a group. Calls that show nothing new (typing, answered presses) are not counted, and edits not in a group's
minute. What a 429 asks for is kept as well: the call that got it is repeated by whoever made it.

Where several processes speak for one bot, each first keeps the limits for itself, in the order of its own messages, and
then takes a place in the pace that it shares with the others. A message never goes without: when the pace cannot be
asked, it waits.
"""

from __future__ import annotations

import asyncio
from bisect import insort
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

import structlog

from adapters.telegram.windows import Window, left_of
from core.errors import TemporaryError
from core.ports import Clock, Pace, Rate
from core.rates import Pause, within

_LOOK_AGAIN_S = 0.05
_MANY_CHATS = 1_000
_SOON_S = 0.25
"""A wait for the other processes that is waited for on the spot, and counted before. What waits longer lets the next
message go first and asks again, so that one full chat does not hold up all of them."""
_PATIENCE_S = 10.0
"""The longest wait for the other processes; beyond it the message comes back another time, as after a 429."""
_ASK_AGAIN_S = 2.0
"""When to try again after the shared pace could not be asked."""
_EVERYBODY = "telegram"

_log = structlog.get_logger(__name__)


class Urgency(IntEnum):
    """Who goes first."""

    FINAL = 0
    """Answers, questions, cards, deliveries."""
    PROGRESS = 1
    """May wait, and is dropped when something newer for the same message waits."""


@dataclass(slots=True, eq=False)
class _Turn:
    urgency: Urgency
    number: int
    chat: str
    message: str
    windows: tuple[Window, ...]
    dropped: bool = False
    called: asyncio.Event = field(default_factory=asyncio.Event)
    """Something has changed for it while it stands in line."""
    away: bool = False
    """Waits for the other processes, so that nobody here need wait for it."""
    rank: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.rank = (self.urgency, self.number)


class Pacing:
    """Lets calls through when Telegram's limits have room for them.

    overall_per_s: messages a second to everybody together
    chat_burst: messages to one chat in as many seconds
    group_per_min: new messages a minute in one group
    shared: the pace of all processes that speak for this bot; None where there is only one
    """

    def __init__(
        self,
        clock: Clock,
        *,
        overall_per_s: int = 30,
        chat_burst: int = 3,
        group_per_min: int = 20,
        shared: Pace | None = None,
    ) -> None:
        self._clock = clock
        self._shared = shared
        self._asking = asyncio.Lock()
        self._overall = Window(overall_per_s, 1.0)
        self._overall_per_s = overall_per_s
        self._chat_burst = chat_burst
        self._group_per_min = group_per_min
        self._chats: dict[str, Window] = {}
        self._groups: dict[str, Window] = {}
        self._paused: dict[str, Pause] = {}
        self._all_paused: Pause | None = None
        self._waiting: list[_Turn] = []
        self._line: list[_Turn] = []
        """Those that only the overall limit, or another of them, keeps: in the order in which they go. The first one
        alone looks at the clock; with a thousand waiting, all of them doing so took half a processor."""
        self._count = 0

    async def turn(self, chat: str, *, urgency: Urgency = Urgency.FINAL, edits: str = "") -> bool:
        """Wait until a message may go to `chat`; False when it is to be dropped instead.

        edits: the id of the message that is edited, or empty for a new one
        Raises TemporaryError with the seconds left when Telegram has asked for a pause, and when the other processes
        have taken what there is or cannot be asked."""
        now = self._clock.now()
        self._check_pause(chat, now)
        turn = self._enter(chat, urgency, edits, now)
        try:
            while not turn.dropped:
                wait = self._kept_by_chat(turn) or await self._in_line(turn)
                if wait is None:
                    return True
                if wait > 0:
                    await self._clock.sleep(wait)
            return False
        finally:
            self._waiting.remove(turn)

    async def hold(self, chat: str, seconds: float) -> None:
        """As `pause`, in the other processes too. Never raises: whom we cannot tell, Telegram tells."""
        self.pause(chat, seconds)
        if self._shared is None:
            return
        try:
            await self._shared.hold(_in_chat(chat), seconds)
            left = self._all_paused.left(self._clock.now()) if self._all_paused is not None else 0.0
            if left > 0:
                await self._shared.hold(_EVERYBODY, left)
        except TemporaryError as error:
            _log.warning("telegram_pause_not_shared", chat=chat, error=str(error))

    def pause(self, chat: str, seconds: float) -> None:
        """Telegram answered 429 for this chat. When that happens in two chats at once, it means all of them."""
        now = self._clock.now()
        self._paused = {one: pause for one, pause in self._paused.items() if pause.left(now) > 0}
        known = self._paused.get(chat)
        longest = max([seconds, *(pause.left(now) for pause in self._paused.values())])
        if any(other != chat for other in self._paused):
            self._all_paused = Pause.of(longest, now)
        if known is None or seconds > known.left(now):
            self._paused[chat] = Pause.of(seconds, now)

    def _check_pause(self, chat: str, now: datetime) -> None:
        left = max(
            (one.left(now) for one in (self._paused.get(chat), self._all_paused) if one is not None), default=0.0
        )
        if left > 0:
            raise TemporaryError("Telegram asked for a pause.", retry_after=left)

    def _kept_by_chat(self, turn: _Turn) -> float:
        """Seconds for which its own chat's limits keep it. Raises TemporaryError during a pause."""
        now = self._clock.now()
        self._check_pause(turn.chat, now)
        return left_of(turn.windows[1:], now)

    async def _in_line(self, turn: _Turn) -> float | None:
        """Stand in line until it may go, which is None; otherwise the seconds after which it may stand there again, or
        has been dropped. Raises TemporaryError."""
        turn.away = False
        insort(self._line, turn, key=_rank)
        try:
            while not turn.dropped:
                if self._line[0] is not turn:
                    turn.called.clear()
                    await turn.called.wait()
                elif self._kept_by_chat(turn) > 0:
                    break
                elif (wait := left_of(turn.windows, self._clock.now())) > 0:
                    await self._clock.sleep(wait)
                elif self._comes_before(turn):
                    return _LOOK_AGAIN_S
                elif self._shared is not None:
                    return await self._agreed(self._shared, turn)
                else:
                    self._take(turn)
                    return None
            return 0.0
        finally:
            self._line.remove(turn)
            if self._line:
                self._line[0].called.set()

    def _comes_before(self, turn: _Turn) -> bool:
        """Whether another of its chat, which has just become free for both, is about to stand in line before it."""
        now = self._clock.now()
        return any(
            other.chat == turn.chat
            and other.rank < turn.rank
            and not (other.dropped or other.away)
            and not left_of(other.windows[1:], now)
            for other in self._waiting
        )

    def _take(self, turn: _Turn) -> None:
        now = self._clock.now()
        for window in turn.windows:
            window.take(now)

    async def _agreed(self, shared: Pace, turn: _Turn) -> float | None:
        """Take a place among all processes' messages. None: it may go now; otherwise the seconds after which it may
        stand in line again, or it is dropped. Raises TemporaryError."""
        async with self._asking:  # one message at a time, so that a place is not taken for a later one
            if turn.dropped or self._line[0] is not turn or self._kept_by_chat(turn) > 0:
                return 0.0
            wait = await self._place(shared, turn)
            if turn.dropped:
                return 0.0
            if wait > _SOON_S:
                await self._clock.sleep(_LOOK_AGAIN_S)  # the next may well hear the same, and need not at once
                turn.away = True
                return wait - _LOOK_AGAIN_S
            if wait > 0:
                await self._clock.sleep(wait)
            self._check_pause(turn.chat, self._clock.now())
            self._take(turn)
            return None

    async def _place(self, shared: Pace, turn: _Turn) -> float:
        """Seconds until its place, which it has only up to `_SOON_S`. Progress is dropped rather than waited for.
        Raises TemporaryError."""
        waits = turn.urgency is not Urgency.PROGRESS
        try:
            wait = await shared.wait_s(self._rates(turn), at_most_s=_SOON_S if waits else 0.0)
        except TemporaryError as error:
            _log.warning("telegram_pace_unknown", chat=turn.chat, error=str(error))
            raise TemporaryError("How fast we may send cannot be told now.", retry_after=_ASK_AGAIN_S) from error
        if not waits:
            turn.dropped = wait > 0
        elif wait > _PATIENCE_S:
            raise TemporaryError("Telegram takes no more messages there now.", retry_after=wait)
        return wait

    def _rates(self, turn: _Turn) -> list[Rate]:
        """Telegram's limits as rates, of which `within` says how they keep them. Overall little goes at once and much
        in the long run: a few hundredths of a second are not noticed. In a chat half of the limit goes at once."""
        per_s, burst, per_min = self._overall_per_s, self._chat_burst, self._group_per_min
        rates = [
            within(_EVERYBODY, limit=per_s, window_s=1.0, burst=per_s // 5),
            within(_in_chat(turn.chat), limit=burst, window_s=float(burst), burst=burst // 2),
        ]
        if _counts_in_group(turn.chat, turn.message):
            rates.append(within(f"telegram group {turn.chat}", limit=per_min, window_s=60.0, burst=per_min // 2))
        return rates

    def _enter(self, chat: str, urgency: Urgency, edits: str, now: datetime) -> _Turn:
        if edits:
            for other in self._waiting:
                if other.urgency is Urgency.PROGRESS and (other.chat, other.message) == (chat, edits):
                    other.dropped = True
                    other.called.set()
        windows = [self._overall, self._window(self._chats, chat, self._chat_burst, float(self._chat_burst), now)]
        if _counts_in_group(chat, edits):
            windows.append(self._window(self._groups, chat, self._group_per_min, 60.0, now))
        self._count += 1
        turn = _Turn(urgency, self._count, chat, edits, tuple(windows))
        self._waiting.append(turn)
        return turn

    def _window(self, windows: dict[str, Window], chat: str, limit: int, seconds: float, now: datetime) -> Window:
        if len(windows) > _MANY_CHATS:
            in_use = {id(window) for turn in self._waiting for window in turn.windows}
            for name in [one for one, kept in windows.items() if kept.idle(now) and id(kept) not in in_use]:
                del windows[name]
        if chat not in windows:
            windows[chat] = Window(limit, seconds)
        return windows[chat]


def _in_chat(chat: str) -> str:
    return f"telegram chat {chat}"


def _counts_in_group(chat: str, edits: str) -> bool:
    return chat.startswith("-") and not edits


def _rank(turn: _Turn) -> tuple[int, int]:
    return turn.rank
