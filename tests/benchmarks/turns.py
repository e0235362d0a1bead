"""One turn: what the bot adds to it and what it costs, against an echo bot; and many turns at once.

Both bots are processes of their own, over the same transport: Telegram's webhook, Slack's Socket Mode. The stand-ins of
the platforms and of the model, and the people who write, are this process. Ours keeps its rows in SQLite, in a folder.

One conversation at a time: ours and the stock bot by turns, some conversations each, so that whatever else the machine
does hits both. The model answers at once. Settings are the defaults but for how fast a person may write and be
written to, which is not what is measured here.

Many at once, on Telegram: the model takes 0.9 s, and everything beyond it is the bot's. Settings are the defaults but
for messages a second to all chats together: Telegram takes 30, and 50 turns a second say more than that.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.bots import cpu_s, reelbot, slack_settings, stock, telegram_settings
from tests.benchmarks.figures import Figure, median, percentile
from tests.benchmarks.talking import (
    SCRIPT,
    Crowd,
    Person,
    SlackCrowd,
    TelegramCrowd,
    Turn,
    answered,
    listening,
    model,
)
from tests.emulators.google import GoogleEmulator
from tests.emulators.slack import SlackEmulator
from tests.emulators.telegram import TelegramEmulator

TELEGRAM_ANSWERS = ("sendMessage", "sendMessage", "editMessageText", "editMessageText")
SLACK_ANSWERS = ("chat.postMessage", "chat.postMessage", "chat.update", "chat.update")

WARM_UP = 3
"""Conversations before it counts."""
BLOCKS = 5
BLOCK = 4
"""Conversations with one bot before it is the other's turn."""
READ_S = 0.03
"""What a person takes to read the answer, at the very least; without it the end of one turn would count as the next."""
AT_ONCE_SETTINGS = {"LIMIT_TURNS_PER_MIN": "0", "TELEGRAM_MESSAGES_PER_S": "1000", "TELEGRAM_CHAT_BURST": "1000"}

MODEL_S = 0.9
CHATS = 50
GROUPS = 2
"""Of so many chats each, by turns: nobody is written to more often than Telegram lets bots write to a chat."""
TURNS_PER_S = 50
EVENLY_S = 60.0
REST_S = 4.0
"""Between an answer and the same person's next message, for the same reason."""
PATIENCE_S = 20.0
"""For answers that are late; those that have not come then count as if they came at its end."""
MANY_SETTINGS = {"TELEGRAM_MESSAGES_PER_S": "1000"}


@dataclass(slots=True)
class _Seen:
    """What was seen of one bot."""

    pid: int
    crowd: Crowd
    took_s: list[float] = field(default_factory=list)
    cpu_s: float = 0.0

    @property
    def cpu_per_turn_s(self) -> float:
        return self.cpu_s / len(self.took_s)


async def measure(folder: Path) -> list[Figure]:
    """All of it: some 100 s, of which 60 are the minute of turns that arrive evenly."""
    telegram = await _telegram_one_by_one(folder / "telegram")
    slack = await _slack_one_by_one(folder / "slack")
    return [
        _added("Telegram", *telegram),
        _added("Slack", *slack),
        *await _many(folder / "many"),
        _cpu("Telegram", *telegram),
        _cpu("Slack", *slack),
    ]


def _added(platform: str, ours: _Seen, theirs: _Seen) -> Figure:
    mine, stocks = median(ours.took_s), median(theirs.took_s)
    return Figure(
        name=f"time the bot adds to one turn, {platform}",
        value=mine / stocks,
        unit="×",
        target=2.5,
        seen=f"ours {mine * 1000:.1f} ms, stock echo bot {stocks * 1000:.1f} ms",
    )


def _cpu(platform: str, ours: _Seen, theirs: _Seen) -> Figure:
    mine, stocks = ours.cpu_per_turn_s, theirs.cpu_per_turn_s
    return Figure(
        name=f"CPU per turn, {platform}",
        value=mine / stocks,
        unit="×",
        target=4.0,
        seen=f"ours {mine * 1000:.1f} ms, stock echo bot {stocks * 1000:.1f} ms",
    )


# --- one conversation at a time --------------------------------------------------------------------------------------


async def _telegram_one_by_one(folder: Path) -> tuple[_Seen, _Seen]:
    async with AsyncExitStack() as stack:
        google = await stack.enter_async_context(GoogleEmulator())
        google.brain = model(0.0)
        telegram, other = [await stack.enter_async_context(TelegramEmulator()) for _ in range(2)]
        pid = await stack.enter_async_context(reelbot(google, folder, telegram_settings(telegram) | AT_ONCE_SETTINGS))
        stock_pid = await stack.enter_async_context(stock("telegram_echo", telegram_settings(other)))
        ours = _Seen(pid, TelegramCrowd(telegram, TELEGRAM_ANSWERS))
        theirs = _Seen(stock_pid, TelegramCrowd(other, ["sendMessage"] * len(SCRIPT)))
        await other.wait_for_call("setWebhook", timeout=30.0)
        await _by_turns(ours, theirs)
    return ours, theirs


async def _slack_one_by_one(folder: Path) -> tuple[_Seen, _Seen]:
    async with AsyncExitStack() as stack:
        google = await stack.enter_async_context(GoogleEmulator())
        google.brain = model(0.0)
        slack, other = [await stack.enter_async_context(SlackEmulator()) for _ in range(2)]
        pid = await stack.enter_async_context(reelbot(google, folder, slack_settings(slack) | AT_ONCE_SETTINGS))
        stock_pid = await stack.enter_async_context(stock("slack_echo", slack_settings(other)))
        ours = _Seen(pid, SlackCrowd(slack, SLACK_ANSWERS))
        theirs = _Seen(stock_pid, SlackCrowd(other, ["chat.postMessage"] * len(SCRIPT)))
        await other.wait_for_sockets(timeout=30.0)
        await _by_turns(ours, theirs)
    return ours, theirs


async def _by_turns(ours: _Seen, theirs: _Seen) -> None:
    async with listening(ours.crowd, theirs.crowd):
        for bot in (ours, theirs):
            for _ in range(WARM_UP):
                await _conversation(bot.crowd)
        for _ in range(BLOCKS):
            for bot in (ours, theirs):
                before = cpu_s(bot.pid)
                for _ in range(BLOCK):
                    bot.took_s += await _conversation(bot.crowd)
                bot.cpu_s += cpu_s(bot.pid) - before


async def _conversation(crowd: Crowd) -> list[float]:
    """Seconds that each turn took. Raises AssertionError when one is not answered."""
    person = crowd.newcomer()
    took = []
    while not person.done:
        turn = await person.say()
        assert await answered([turn], PATIENCE_S), f"no answer to {SCRIPT[person.turns - 1]!r}"
        took.append(turn.took_s)
        await asyncio.sleep(READ_S)
    return took


# --- many at once ----------------------------------------------------------------------------------------------------


async def _many(folder: Path) -> list[Figure]:
    async with AsyncExitStack() as stack:
        google = await stack.enter_async_context(GoogleEmulator())
        google.brain = model(MODEL_S)
        telegram = await stack.enter_async_context(TelegramEmulator())
        pid = await stack.enter_async_context(reelbot(google, folder, telegram_settings(telegram) | MANY_SETTINGS))
        crowd = TelegramCrowd(telegram, TELEGRAM_ANSWERS)
        await stack.enter_async_context(listening(crowd))
        await asyncio.gather(*(_conversation(crowd) for _ in range(WARM_UP)))
        together = await _all_at_once(crowd)
        before, began = cpu_s(pid), time.monotonic()
        evenly, late_s = await _evenly(crowd)
        busy, stretch = cpu_s(pid) - before, time.monotonic() - began
    heard = sum(turn.answered_at is not None for turn in evenly)
    spent = f"CPU {busy / max(1, heard) * 1000:.1f} ms an answer, one processor {busy / stretch:.0%} busy"
    return [
        _beyond_the_model(f"{CHATS} chats at once, model takes {MODEL_S} s", together),
        _beyond_the_model(
            f"{TURNS_PER_S} turns a second arriving evenly, model takes {MODEL_S} s",
            evenly,
            f"; {spent}; people wrote {percentile(late_s, 0.95) * 1000:.0f} ms late (95th percentile)",
        ),
    ]


def _beyond_the_model(name: str, turns: Sequence[Turn], more: str = "") -> Figure:
    took = [turn.took_s for turn in turns]
    missing = sum(turn.answered_at is None for turn in turns)
    return Figure(
        name=name,
        value=percentile(took, 0.95) / MODEL_S,
        unit="×",
        target=1.3,
        seen=f"{len(took)} turns, median {median(took):.2f} s, 95th percentile {percentile(took, 0.95):.2f} s, "
        f"longest {max(took):.2f} s, without an answer {missing}{more}",
    )


async def _all_at_once(crowd: Crowd) -> list[Turn]:
    """Everybody of a group says the next thing in the same moment, when the group before has its answers. It ends early
    when somebody gets none."""
    groups = [[crowd.newcomer() for _ in range(CHATS)] for _ in range(GROUPS)]
    turns: list[Turn] = []
    for _ in SCRIPT:
        for group in groups:
            said = [await person.say() for person in group]
            turns += said
            if not await answered(said, PATIENCE_S):
                return turns
    return turns


async def _evenly(crowd: Crowd) -> tuple[list[Turn], list[float]]:
    """Somebody writes every 1/50 s, however it goes with the answers: whoever has had theirs for a while, or a
    newcomer. Returns the turns, and how many seconds too late each was begun by this process."""
    turns: list[Turn] = []
    late: list[float] = []
    talking: deque[tuple[Person, Turn]] = deque()
    began = time.monotonic()
    for number in range(round(TURNS_PER_S * EVENLY_S)):
        due = began + number / TURNS_PER_S
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        late.append(time.monotonic() - due)
        person = _rested(talking) or crowd.newcomer()
        turns.append(await person.say())
        if not person.done:
            talking.append((person, turns[-1]))
    await answered(turns, PATIENCE_S)
    return turns, late


def _rested(talking: deque[tuple[Person, Turn]]) -> Person | None:
    """Who has waited the longest since their last message, if that was answered and they have had time to read."""
    if talking:
        person, turn = talking[0]
        if turn.answered_at is not None and time.monotonic() - turn.answered_at >= REST_S:
            talking.popleft()
            return person
    return None
