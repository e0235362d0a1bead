"""People of the campaign: each says one wish, taps once, and answers when told that an order got no answer."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from core.texts import approvals
from tests.faults.campaign.points import Stage
from tests.faults.play import Play, TelegramPlay
from tests.faults.slack_play import SlackPlay, Where
from tests.program.services import Outside, SlackWorld, World

PATIENCE_S = 150.0
"""How long a person waits for anything, in seconds."""
LOOKS_AGAIN_S = 5.0
"""After how many seconds a person taps again who sees nothing come of it."""
APPROVES_EVERY_S = 1.0
TAPS = 20
"""How often a person taps on a button at most while Slack says that the bot does not answer."""
FAILED = "did not work out"
CANCELLED = "is cancelled"
DONE = "Done"
STATUS_ENDS = {FAILED: "Failed · not charged", CANCELLED: "Cancelled · not charged"}
"""What the status message says at last, by the word that the person gets beside it."""
SETTLED = "settled already"
READY = "is ready"
PRICE = "Price: "
"""On every card until it is tapped on."""

_WHERE: tuple[Where, ...] = ("channel", "direct")

Message = Any
"""A message of either platform."""


def state_of(world: Outside) -> Any:
    """What the emulated platform knows, with its count of changes."""
    if isinstance(world, World):
        return world.telegram.state
    assert isinstance(world, SlackWorld)
    return world.slack.state


def play_of(world: Outside, name: str, *, where: Where) -> Play[Any]:
    """A new person; `where` counts on Slack."""
    if isinstance(world, World):
        return TelegramPlay(world, name=name)
    assert isinstance(world, SlackWorld)
    return SlackPlay(world, where=where, name=name)


class Approver:
    """Somebody who approves every order and lets every clip be posted."""

    def __init__(self, world: Outside) -> None:
        self.play = play_of(world, "Approver", where="direct")

    async def live(self) -> None:
        """Tap until the button is gone; a tap on Slack can get lost. Goes on until cancelled."""
        while True:
            for message in self.play.messages:
                labels = dict(self.play.buttons_of(message))
                for label in (approvals.APPROVE, approvals.PASS):
                    if label in labels and not message.deleted:
                        with suppress(TimeoutError):
                            await self.play.press_raw(message, labels[label])
            await asyncio.sleep(APPROVES_EVERY_S)


class Wish:
    """One person's, from the sentence to how it ended, and what the person did meanwhile."""

    def __init__(
        self, world: Outside, number: int, *, stage: Stage, seed: int, shared: bool = False, news: bool = False
    ) -> None:
        """`stage`: the part in which the kill is that comes while this is under way; `shared`: in a channel of Slack,
        never alone with the bot; `news`: the video service tells of orders by itself, so that nobody has to choose
        about one that it has."""
        self.stage = stage
        self.word = f"fox{number:04}"
        self.said = False
        self.tapped = False
        self.chose = False
        """Whether the person had to say what is to become of an order whose answer was lost."""
        self.ordered_again = 0
        self.trouble = ""
        """What the person waited for in vain."""
        self.began = 0
        """The emulator's count of changes."""
        self.news = news
        self._random = random.Random(seed)
        self._answered: set[int] = set()
        self._google = world.google
        self._state = state_of(world)
        where = self._random.choice(_WHERE)
        if shared:
            where = "channel"
        self.play = play_of(world, f"Person {number}", where=where)

    async def live(self) -> None:
        """Do all of it; what does not come in time is kept in `trouble`."""
        try:
            self.began = self._state.count
            await self.play.say(f"a red {self.word} trotting through fresh snow at sunrise, cinematic, 4 seconds")
            self.said = True
            await self._tap(await self._see("a card", lambda: self.play.cards))
            self.tapped = True
            await self._await_end()
        except TimeoutError as error:
            self.trouble = str(error)

    @property
    def cards(self) -> list[Message]:
        """Messages that are a card or were one, also a card that was tapped on."""
        return [one for one in self.play.messages if one.from_bot and not one.deleted and PRICE in _first_said(one)]

    @property
    def told_of_the_end(self) -> bool:
        """Whether there is a clip, or a word on why there is none."""
        return bool(self.play.clips) or bool(self._ended())

    @property
    def was_cancelled(self) -> bool:
        """Whether it ended because the person dropped it."""
        return bool(self._saying(CANCELLED))

    @property
    def status_ended(self) -> bool:
        """Whether the newest status message says how it ended, and offers nothing any more."""
        word = self._status_end()
        if not word:
            return True
        ended = max((one.created for one in self._saying(word)), default=0)
        return ended > max((one.created for one in self.play.left_behind), default=0)

    @property
    def last_word(self) -> str:
        """What the bot said last, if that leaves open how it ended."""
        said = [one for one in self.play.messages if one.from_bot and not one.deleted]
        if not said:
            return "nothing"
        last = max(said, key=lambda one: one.created)
        closing = (DONE, FAILED, CANCELLED, *STATUS_ENDS.values(), SETTLED, READY)
        final = last in self.play.clips or last in self.play.left_behind or any(map(last.said.__contains__, closing))
        return "" if final else str(last.said)

    async def _await_end(self) -> None:
        while True:
            await self._see("an end", self._news)
            questions = self._open_questions()
            if word := self._status_end():
                await self._see(f"“{word}”", partial(self._saying, word))
                return
            if self.news and self._is_ordered():
                await self._see("what the service tells by itself", lambda: self.play.clips or self._ended())
            else:
                await self._choose(questions)

    async def _choose(self, questions: list[Message]) -> None:
        """Tap on one of the two buttons, and again while nothing comes of it: taps on Slack can get lost."""
        self._answered |= {id(message) for message in questions}
        label = self._random.choice(("Order again", "Drop it"))
        actions = [action for name, action in self.play.buttons_of(questions[0]) if name == label]
        if not actions:
            return
        self.chose = True
        self.ordered_again += label == "Order again"
        for _ in range(TAPS):
            await self.play.press_raw(questions[0], actions[0])
            with suppress(TimeoutError):
                await self._see("an end", self._news, within_s=LOOKS_AGAIN_S)
                return

    def _news(self) -> list[Message]:
        return self.play.clips or self._ended() or self._open_questions()

    async def _tap(self, card: Message) -> None:
        for _ in range(TAPS):
            try:
                if await self.play.tapped(card, "Make it"):
                    return
            except AssertionError:
                return  # the button is gone: an earlier tap arrived
            await asyncio.sleep(0.2)
        raise TimeoutError("a tap that is taken")

    def _open_questions(self) -> list[Message]:
        return [message for message in self.play.asked if id(message) not in self._answered]

    def _ended(self) -> list[Message]:
        return [*self._saying(FAILED), *self._saying(CANCELLED)]

    def _is_ordered(self) -> bool:
        """Whether the service has an order for it."""
        return any(self.word in str(order.body) for order in self._google.omni.orders)

    def _status_end(self) -> str:
        """What a status message has to say by now; empty before the end."""
        if self.play.clips:
            return DONE
        return next((word for end, word in STATUS_ENDS.items() if self._saying(end)), "")

    def _saying(self, words: str) -> list[Message]:
        return [one for one in self.play.messages if one.from_bot and not one.deleted and words in one.said]

    async def _see(self, what: str, look: Callable[[], list[Message]], within_s: float = PATIENCE_S) -> Message:
        loop = asyncio.get_running_loop()
        until = loop.time() + within_s
        while not (found := look()):
            left = until - loop.time()
            if left <= 0:
                raise TimeoutError(f"waited for {what} in vain")
            await self._state.changes.wait(left)
        return found[0]


def _first_said(message: Message) -> str:
    """Before the first edit."""
    if not message.edits:
        return str(message.said)
    first = message.edits[0]
    return first if isinstance(first, str) else first.text or first.caption or ""
