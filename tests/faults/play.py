"""The person in front of the program, and the one who counts afterwards."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.emulators.telegram import TelegramMessage
from tests.program.services import World

RICH = "a red fox trotting through fresh snow at sunrise, cinematic, 4 seconds"
LOST = "never arrived"
WAIT_S = 10.0


class Play:
    """One person in a private chat with the bot."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ann = world.telegram.user("Ann")
        self._chat = world.telegram.private(self._ann)

    # --- what the person does --------------------------------------------------------------------------------------

    async def say(self, text: str = RICH) -> None:
        """A wish, unless said otherwise one that needs no question."""
        await self._chat.say(self._ann, text)

    async def card(self) -> TelegramMessage:
        """The card, once it is there."""
        return await self._chat.wait_for("Make it", timeout=WAIT_S)

    async def two_cards(self) -> list[TelegramMessage]:
        """Both cards, once there are two."""
        await self._chat.wait_for(lambda _: len(self.cards) > 1, timeout=WAIT_S)
        return self.cards

    async def order(self) -> None:
        """Say it, wait for the card and tap on it."""
        await self.say()
        await self._chat.press(self._ann, await self.card(), "Make it")

    async def tap(self, card: TelegramMessage, *, times: int) -> None:
        """Tap on the main button so often, whatever becomes of the card meanwhile."""
        action = next(button.callback_data for button in card.buttons if button.text.startswith("Make it"))
        assert action is not None
        for _ in range(times):
            await self._chat.press_raw(self._ann, card, action)

    async def choose(self, label: str) -> None:
        """What the person does who is told that the answer to the order was lost. Taps twice, as people do."""
        told = await self._chat.wait_for(LOST, timeout=WAIT_S)
        action = next(button.callback_data for button in told.buttons if button.text == label)
        assert action is not None
        for _ in range(2):
            await self._chat.press_raw(self._ann, told, action)
        await self.told("settled already")

    # --- what comes of it ------------------------------------------------------------------------------------------

    async def told(self, words: str) -> TelegramMessage:
        """The message with these words, once it is there."""
        return await self._chat.wait_for(words, timeout=WAIT_S)

    async def done(self) -> None:
        """Return when the clip is there and the status message says so."""
        await self._chat.wait_for(lambda message: message.video is not None, timeout=WAIT_S)
        await self._chat.wait_for("Done", timeout=WAIT_S)
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
    def clips(self) -> list[TelegramMessage]:
        """Messages that are a video."""
        return self._said(lambda message: message.video is not None)

    @property
    def cards(self) -> list[TelegramMessage]:
        """Messages that are a card, or were."""
        return self._said(lambda message: any("Make it" in button.text for button in message.buttons))

    @property
    def asked(self) -> list[TelegramMessage]:
        """Messages that tell of a lost answer."""
        return self._said(lambda message: LOST in message.said)

    @property
    def replies(self) -> list[TelegramMessage]:
        """Everything that the bot said, without what is left behind."""
        left = self.left_behind
        return self._said(lambda message: message not in left)

    @property
    def left_behind(self) -> list[TelegramMessage]:
        """Status messages that still promise something once all is over: Telegram's answer was lost with the process,
        so that another one was sent after the start. Sending goes on beside the work, so any kill may hit it."""
        return self._said(lambda message: [button.text for button in message.buttons] == ["Cancel"])

    @property
    def ledger(self) -> dict[str, int]:
        """How many entries of each kind there are, quotes apart."""
        path = Path(self._world.environment["DATA_DIR"]) / "reelbot.db"
        with closing(sqlite3.connect(path)) as database:
            kinds = [row[0] for row in database.execute("select kind from ledger where kind <> 'quote'")]
        return dict(Counter(kinds))

    @property
    def transcript(self) -> str:
        """The conversation as text."""
        return self._chat.transcript()

    def _said(self, wanted: Callable[[TelegramMessage], bool]) -> list[TelegramMessage]:
        ours = [message for message in self._chat.messages if message.from_bot and not message.deleted]
        return [message for message in ours if wanted(message)]
