"""The person in front of the program, and the one who counts afterwards, on whichever platform."""

from __future__ import annotations

import asyncio
import sqlite3
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Generic, TypeVar

from tests.emulators.slack import SlackMessage
from tests.emulators.telegram import TelegramMessage
from tests.program.services import Outside, World

RICH = "a red fox trotting through fresh snow at sunrise, cinematic, 4 seconds"
LOST = "never arrived"
WAIT_S = 10.0
SEEING_S = 0.15
"""What people take to see a card, at the very least, in seconds."""

M = TypeVar("M", bound=TelegramMessage | SlackMessage)


class Play(ABC, Generic[M]):
    """One person in one place with the bot."""

    def __init__(self, world: Outside) -> None:
        self._world = world

    # --- what a platform is to say -----------------------------------------------------------------------------------

    @abstractmethod
    async def say(self, text: str = RICH) -> None:
        """A wish, unless said otherwise one that needs no question."""

    @abstractmethod
    async def press(self, message: M, label: str) -> None:
        """A tap on a button that is there."""

    @property
    @abstractmethod
    def messages(self) -> list[M]:
        """What there is in every place that this person sees, deleted messages too."""

    @property
    @abstractmethod
    def transcript(self) -> str:
        """The conversation as text."""

    @abstractmethod
    async def _wait(self, wanted: str | Callable[[M], bool]) -> M:
        """The message of the bot with these words, or as wanted, once it is there."""

    @abstractmethod
    async def _press_raw(self, message: M, action: str) -> None:
        """A tap on a button that may not be there any more."""

    @abstractmethod
    def _buttons(self, message: M) -> Sequence[tuple[str, str]]:
        """Label and action of each."""

    @abstractmethod
    def _is_clip(self, message: M) -> bool:
        """Whether it is a video."""

    # --- what the person does --------------------------------------------------------------------------------------

    async def card(self) -> M:
        """The card, once it is there and they have seen it. Nobody taps before that: the bot would just be saving that
        it was sent, and a kill in that moment may repeat it."""
        card = await self._wait("Make it")
        await asyncio.sleep(SEEING_S)
        return card

    async def two_cards(self) -> list[M]:
        """Both cards, once there are two."""
        await self._wait(lambda _: len(self.cards) > 1)
        return self.cards

    async def order(self) -> None:
        """Say it, wait for the card and tap on it."""
        await self.say()
        await self.press(await self.card(), "Make it")

    def main_action(self, card: M) -> str:
        """What the main button carries."""
        return next(action for label, action in self._buttons(card) if label.startswith("Make it"))

    async def tap(self, card: M, *, times: int, action: str = "") -> None:
        """Tap on the main button so often, whatever becomes of the card meanwhile. `action`: what the button carried,
        where it may be gone."""
        action = action or self.main_action(card)
        for _ in range(times):
            await self._press_raw(card, action)

    async def choose(self, label: str) -> None:
        """What the person does who is told that the answer to the order was lost. Taps twice, as people do."""
        told = await self._wait(LOST)
        action = dict(self._buttons(told))[label]
        for _ in range(2):
            await self._press_raw(told, action)
        await self.told("settled already")

    async def tapped(self, message: M, label: str) -> bool:
        """A tap on a button that is there; whether the platform says that it was taken, or keeps it until it is."""
        await self.press(message, label)
        return True

    async def press_raw(self, message: M, action: str) -> None:
        """A tap on a button that may not be there any more."""
        await self._press_raw(message, action)

    @property
    @abstractmethod
    def person(self) -> str:
        """The person's id, as settings name people."""

    def buttons_of(self, message: M) -> Sequence[tuple[str, str]]:
        """Label and action of each button."""
        return self._buttons(message)

    # --- what comes of it ------------------------------------------------------------------------------------------

    async def told(self, words: str) -> M:
        """The message with these words, once it is there."""
        return await self._wait(words)

    async def done(self) -> None:
        """Return when the clip is there and the status message says so."""
        await self._wait(self._is_clip)
        await self._wait("Done")
        await self.pause()

    async def pause(self) -> None:
        """Time for two sweeps, in which a program that does something twice would do it."""
        await asyncio.sleep(0.2)

    # --- what is counted -------------------------------------------------------------------------------------------

    @property
    def orders(self) -> int:
        """Orders that were accepted, by whichever service."""
        google = self._world.google
        local = Path(self._world.environment["DATA_DIR"]) / "animatic"
        return len(google.omni.orders) + len(google.veo.orders) + len(list(local.glob("animatic-*.json")))

    @property
    def clips(self) -> list[M]:
        """Messages that are a video."""
        return self._said(self._is_clip)

    @property
    def cards(self) -> list[M]:
        """Messages that are a card, or were."""
        return self._said(lambda message: any("Make it" in label for label, _ in self._buttons(message)))

    @property
    def asked(self) -> list[M]:
        """Messages that tell of a lost answer."""
        return self._said(lambda message: LOST in message.said)

    @property
    def replies(self) -> list[M]:
        """Everything that the bot said, without what is left behind."""
        left = self.left_behind
        return self._said(lambda message: message not in left)

    @property
    def left_behind(self) -> list[M]:
        """Status messages that still promise something once all is over: the platform's answer was lost with the
        process, so that another one was sent after the start. Sending goes on beside the work, so any kill may hit
        it."""
        return self._said(lambda message: [label for label, _ in self._buttons(message)] == ["Cancel"])

    @property
    def ledger(self) -> dict[str, int]:
        """How many entries of each kind there are, quotes apart."""
        path = Path(self._world.environment["DATA_DIR"]) / "reelbot.db"
        with closing(sqlite3.connect(path)) as database:
            kinds = [row[0] for row in database.execute("select kind from ledger where kind <> 'quote'")]
        return dict(Counter(kinds))

    def _said(self, wanted: Callable[[M], bool]) -> list[M]:
        ours = [message for message in self.messages if message.from_bot and not message.deleted]
        return [message for message in ours if wanted(message)]


class TelegramPlay(Play[TelegramMessage]):
    """In a private chat on Telegram."""

    def __init__(self, world: World, *, name: str = "Ann") -> None:
        super().__init__(world)
        self._telegram = world.telegram
        self._ann = world.telegram.user(name)
        self._chat = world.telegram.private(self._ann)

    async def say(self, text: str = RICH) -> None:
        """In the chat."""
        await self._chat.say(self._ann, text)

    async def press(self, message: TelegramMessage, label: str) -> None:
        """As the app does it."""
        await self._chat.press(self._ann, message, label)

    @property
    def person(self) -> str:
        """Ours, with the platform's name before it."""
        return f"telegram:{self._ann.id}"

    @property
    def messages(self) -> list[TelegramMessage]:
        """Of the chat."""
        return self._chat.messages

    @property
    def transcript(self) -> str:
        """Of the chat."""
        return self._chat.transcript()

    async def _wait(self, wanted: str | Callable[[TelegramMessage], bool]) -> TelegramMessage:
        return await self._chat.wait_for(wanted, timeout=WAIT_S)

    async def _press_raw(self, message: TelegramMessage, action: str) -> None:
        await self._chat.press_raw(self._ann, message, action)

    def _buttons(self, message: TelegramMessage) -> Sequence[tuple[str, str]]:
        return [(button.text, button.callback_data or "") for button in message.buttons]

    def _is_clip(self, message: TelegramMessage) -> bool:
        return message.video is not None
