"""People who talk to a bot, and when each of their messages was answered.

A turn is a message that leads to a question or a card; four of them make a conversation. When it was answered is the
moment the platform's stand-in read the call that shows the answer, from its journal, whatever the load generator was
doing then.
"""

from __future__ import annotations

import asyncio
import json
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.emulators.brain import brain
from tests.emulators.google_gemini import Brain, GenerateCall
from tests.emulators.slack import SlackChannel, SlackEmulator, SlackMessage, SlackUser
from tests.emulators.telegram import TelegramChat, TelegramEmulator, TelegramUser

SCRIPT = (
    "make me a video of a fox in the snow",
    "now",
    "make it 6 seconds",
    "make it upright",
)
"""A question; the card; the card as it becomes with each wish."""


def model(seconds: float) -> Brain:
    """The dialogue model: answers after so many seconds, and the same to the same question. What it answers is found
    out only once, so that the stand-in's thinking does not count as the bot's."""
    known: dict[str, dict[str, Any]] = {}

    async def answer(call: GenerateCall) -> dict[str, Any]:
        if seconds:
            await asyncio.sleep(seconds)
        document = json.loads(call.contents[0]["parts"][0]["text"])
        asked = json.dumps([document.get(name) for name in ("text", "question", "request", "open_card")])
        if asked not in known:
            known[asked] = await brain(call)
        return known[asked]

    return answer


@dataclass(slots=True, eq=False, kw_only=True)
class Turn:
    """A message on its way to its answer. Times are monotonic seconds."""

    place: str
    answer: str
    """The method that shows the answer."""
    said_at: float
    answered_at: float | None = None
    given_up_at: float | None = None
    """When it was no longer waited for; an answer after that does not count."""
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def took_s(self) -> float:
        """From the message to its answer, or for as long as that was waited for; raises ValueError before either."""
        ended_at = self.given_up_at if self.answered_at is None else self.answered_at
        if ended_at is None:
            raise ValueError("The answer is still waited for.")
        return ended_at - self.said_at


class _Changes(Protocol):
    async def wait(self, timeout: float | None = None) -> None: ...


class _Call(Protocol):
    @property
    def method(self) -> str: ...
    @property
    def params(self) -> dict[str, Any]: ...
    @property
    def at(self) -> float: ...


class Crowd(ABC):
    """The people of one platform, who talk to one bot.

    answers: the methods that show the answers to `SCRIPT`
    """

    place: str
    """The parameter that names the chat in a call."""

    def __init__(self, journal: Sequence[_Call], changes: _Changes, answers: Sequence[str]) -> None:
        self.answers = tuple(answers)
        self._journal = journal
        self._changes = changes
        self._read = 0
        self._open: dict[str, Turn] = {}
        self._count = 0

    @abstractmethod
    def newcomer(self) -> Person:
        """Somebody who has not talked to the bot yet."""

    def begin(self, place: str, answer: str) -> Turn:
        """Somebody says something now. Nobody says the next thing before the answer came."""
        assert place not in self._open, "one turn after the other in each chat"
        turn = self._open[place] = Turn(place=place, answer=answer, said_at=time.monotonic())
        return turn

    def named(self) -> str:
        """The next newcomer's name."""
        self._count += 1
        return f"Ann{self._count}"

    async def listen(self) -> None:
        """Read along until cancelled."""
        while True:
            await self._changes.wait()
            for call in self._journal[self._read :]:
                turn = self._open.get(str(call.params.get(self.place)))
                if turn is not None and call.method == turn.answer and turn.given_up_at is None:
                    turn.answered_at = call.at
                    turn.over.set()
                    del self._open[turn.place]
            self._read = len(self._journal)


class Person(ABC):
    """Somebody in a chat of their own."""

    def __init__(self, crowd: Crowd, place: str) -> None:
        self._crowd = crowd
        self._place = place
        self.turns = 0

    @property
    def done(self) -> bool:
        """Whether everything of the script is said."""
        return self.turns == len(SCRIPT)

    async def say(self) -> Turn:
        """Say the next sentence of the script."""
        turn = self._crowd.begin(self._place, self._crowd.answers[self.turns])
        await self._send(SCRIPT[self.turns])
        self.turns += 1
        return turn

    @abstractmethod
    async def _send(self, text: str) -> None: ...


class TelegramCrowd(Crowd):
    """Private chats on Telegram."""

    place = "chat_id"

    def __init__(self, telegram: TelegramEmulator, answers: Sequence[str]) -> None:
        super().__init__(telegram.journal, telegram.state.changes, answers)
        self._telegram = telegram

    def newcomer(self) -> Person:
        user = self._telegram.user(self.named())
        return _TelegramPerson(self, self._telegram.private(user), user)


class _TelegramPerson(Person):
    def __init__(self, crowd: Crowd, chat: TelegramChat, user: TelegramUser) -> None:
        super().__init__(crowd, str(chat.id))
        self._chat = chat
        self._user = user

    async def _send(self, text: str) -> None:
        await self._chat.say(self._user, text)


class SlackCrowd(Crowd):
    """Direct messages on Slack: a conversation is a thread."""

    place = "channel"

    def __init__(self, slack: SlackEmulator, answers: Sequence[str]) -> None:
        super().__init__(slack.journal, slack.state.changes, answers)
        self._slack = slack

    def newcomer(self) -> Person:
        user = self._slack.user(self.named())
        return _SlackPerson(self, self._slack.direct(user), user)


class _SlackPerson(Person):
    def __init__(self, crowd: Crowd, channel: SlackChannel, user: SlackUser) -> None:
        super().__init__(crowd, channel.id)
        self._channel = channel
        self._user = user
        self._root: SlackMessage | None = None

    async def _send(self, text: str) -> None:
        said = await self._channel.say(self._user, text, thread=self._root)
        self._root = self._root or said


@asynccontextmanager
async def listening(*crowds: Crowd) -> AsyncIterator[None]:
    """Notice answers for as long as the block runs."""
    tasks = [asyncio.create_task(crowd.listen()) for crowd in crowds]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def answered(turns: Sequence[Turn], within_s: float) -> bool:
    """Wait for the answers; whether all came in time. The others are given up."""
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            for turn in turns:
                await turn.over.wait()
    late = [turn for turn in turns if turn.answered_at is None]
    for turn in late:
        turn.given_up_at = time.monotonic()
    return not late
