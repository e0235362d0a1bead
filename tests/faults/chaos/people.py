"""People who ask for clips in bad weather: they tap what there is to tap, and wait for the word that ends it."""

from __future__ import annotations

import asyncio
import random
import re
from dataclasses import dataclass, field

from core.actions import Action, parse_action
from tests.emulators.telegram import TelegramMessage
from tests.program.services import World

LOOKS_EVERY_S = 0.2
PATIENCE_S = 150.0
"""How long a person waits for the end of one clip, in seconds of ours."""
TAPS_AGAIN_S = 20.0
"""After how long a person taps again who sees nothing come of it."""
LENGTHS = ("4 seconds", "5 seconds", "3 seconds", "6 seconds", "upright, 4 seconds")
"""Veo films 4, 6 and 8 seconds and comes first; what is left is Omni's."""
CANCELS, CHANGES_MIND, RETRIES, PATIENT, NERVOUS = 0.2, 0.15, 0.3, 0.5, 0.15

CLIP, FAILED, REFUSED, CANCELLED, KEPT = "clip", "failed", "refused", "cancelled", "undeliverable"
FINAL_WORDS = {
    FAILED: re.compile(r"v(\d+) did not work out: "),
    REFUSED: re.compile(r"The video service declined to film v(\d+)\."),
    CANCELLED: re.compile(r"v(\d+) is cancelled\."),
    KEPT: re.compile(r"Your clip v(\d+) is ready, but I could not post it"),
}
_CAPTION = re.compile(r"v(\d+) · ")
_LOOKING = "I keep looking for it"


def end_told(message: TelegramMessage) -> tuple[int, str] | None:
    """The generation whose end the message tells of, and how it ended; None when it is about something else."""
    if message.deleted or not message.from_bot:
        return None
    if message.video is not None:
        found = _CAPTION.match(message.said)
        return (int(found[1]), CLIP) if found else None
    for kind, words in FINAL_WORDS.items():
        if found := words.match(message.said):
            return int(found[1]), kind
    return None


@dataclass(slots=True)
class Tally:
    """What the people did, all together."""

    wanted: int
    """Taps that order, after which nobody begins anything new."""
    ordered: set[int] = field(default_factory=set)
    """Generations that were tapped on."""
    again: dict[int, int] = field(default_factory=dict)
    """How often "Order again" was tapped on which."""
    dropped: int = 0
    stopped: int = 0
    retried: int = 0

    @property
    def enough(self) -> bool:
        """Whether it is time to come to an end."""
        return len(self.ordered) >= self.wanted


class Someone:
    """One person, in a private chat with the bot."""

    def __init__(self, world: World, number: int, tally: Tally, seed: int) -> None:
        self.name = f"Person {number}"
        self.user = world.telegram.user(self.name)
        self.chat = world.telegram.private(self.user)
        self.trouble = ""
        """What the person waited for in vain."""
        self._tally = tally
        self._number = number
        self._random = random.Random(f"{seed} {number}")
        self._tapped: dict[tuple[int, str], float] = {}
        self._decided: set[str] = set()
        self._passed_over: set[int] = set()

    async def live(self) -> None:
        """Wish for one thing after the other while more is wanted."""
        wishes = 0
        while not self._tally.enough and not self.trouble:
            wishes += 1
            said = await self.chat.say(
                self.user,
                f"a red fox{self._number:03}x{wishes} trotting through fresh snow at sunrise, cinematic, "
                f"{self._random.choice(LENGTHS)}",
            )
            await self._see_through(said)

    async def _see_through(self, said: TelegramMessage) -> None:
        """Tap what there is to tap about this wish until its end is told, and once more for another go."""
        cancels = self._random.random() < CANCELS
        patient = self._random.random() < PATIENT
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE_S
        while True:
            since = [one for one in self.chat.messages if one.from_bot and one.created > said.created]
            current = self._current(since)
            told = [one for one in since if (end := end_told(one)) is not None and end[0] == current]
            if current in self._tally.ordered and told:
                if not await self._tries_again(told[0]):
                    return
                said, until = told[0], loop.time() + PATIENCE_S
                continue
            if await self._tap_something(since, current, cancels=cancels, patient=patient, now=loop.time()):
                continue
            if loop.time() > until:
                where = f"the end of v{current}" if current in self._tally.ordered else "a card that takes a tap"
                self.trouble = f"{self.name} waited for {where} in vain"
                return
            await asyncio.sleep(LOOKS_EVERY_S)

    def _current(self, since: list[TelegramMessage]) -> int | None:
        """The generation that this is about: the youngest whose buttons were seen."""
        seen = [found.generation_id or 0 for message in since for _, found in _actions(message)]
        return max([*seen, *(end[0] for one in since if (end := end_told(one)) is not None)], default=None)

    async def _tries_again(self, told: TelegramMessage) -> bool:
        retry = next((text for text, found in _actions(told) if found.verb == "retry"), "")
        if not retry or self._tally.enough or self._random.random() >= RETRIES:
            return False
        self._tally.retried += 1
        await self.chat.press_raw(self.user, told, retry)
        return True

    async def _tap_something(
        self, since: list[TelegramMessage], current: int | None, *, cancels: bool, patient: bool, now: float
    ) -> bool:
        """Tap on whatever is next; False when there is nothing to tap on."""
        for message in reversed(since):
            if message.deleted:
                continue
            found = {action.verb: (text, action) for text, action in _actions(message)}
            if "opt" in found:
                if await self._tap(message, found["opt"][0], now):
                    return True
            elif "price" in found and found["price"][1].generation_id == current:
                if await self._tap(message, found["price"][0], now):
                    self._tally.ordered.discard(found["price"][1].generation_id or 0)
                    return True
            elif "make" in found and found["make"][1].generation_id == current:
                if await self._tap(message, found["make"][0], now):
                    assert current is not None
                    self._tally.ordered.add(current)
                    if self._random.random() < NERVOUS:
                        await self.chat.press_raw(self.user, message, found["make"][0])
                    return True
            elif "again" in found:
                if await self._decide(message, found["again"][0], found["drop"][0], patient=patient):
                    return True
            elif "stop" in found:
                changes = self._random.random() < CHANGES_MIND
                self._tally.stopped += (message.id, found["stop"][0]) not in self._tapped and not changes
                verb = "wait" if changes and "wait" in found else "stop"
                if await self._tap(message, found[verb][0], now):
                    return True
            elif (
                cancels
                and [*found] == ["cancel"]
                and found["cancel"][1].generation_id == current
                and await self._tap(message, found["cancel"][0], now)
            ):
                return True
        return False

    async def _decide(self, message: TelegramMessage, again: str, drop: str, *, patient: bool) -> bool:
        """What to do about an order whose answer was lost."""
        if again in self._decided or (patient and _LOOKING in message.said):
            return False
        self._decided.add(again)
        orders = self._random.random() < 0.5
        chosen = parse_action(again)
        assert chosen is not None
        number = chosen.generation_id or 0
        if orders:
            self._tally.again[number] = self._tally.again.get(number, 0) + 1
        else:
            self._tally.dropped += 1
        for _ in range(2):  # as people do
            await self.chat.press_raw(self.user, message, again if orders else drop)
        return True

    async def _tap(self, message: TelegramMessage, action: str, now: float) -> bool:
        """Tap, unless that was done a moment ago."""
        tapped = self._tapped.get((message.id, action))
        if tapped is not None and now - tapped < TAPS_AGAIN_S:
            return False
        self._tapped[message.id, action] = now
        await self.chat.press_raw(self.user, message, action)
        return True


def _actions(message: TelegramMessage) -> list[tuple[str, Action]]:
    """What each button carries, as text and taken apart."""
    texts = [button.callback_data or "" for button in message.buttons]
    return [(text, found) for text in texts if (found := parse_action(text)) is not None]
