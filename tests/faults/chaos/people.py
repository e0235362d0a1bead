"""People who ask for clips in bad weather: they tap what there is to tap, and wait for the word that ends it."""

from __future__ import annotations

import asyncio
import math
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from core.actions import Action, parse_action
from tests.faults.chaos.places import Message, Place

LOOKS_EVERY_S = 0.2
PATIENCE_S = 200.0
"""How long a person waits for the end of one clip, in seconds of ours; a new card is a new one."""
TAPS_AGAIN_S = 20.0
"""After how long a person taps again who sees nothing come of it."""
LENGTHS = ("4 seconds", "5 seconds", "3 seconds", "6 seconds", "upright, 4 seconds")
"""Veo films 4, 6 and 8 seconds and comes first; what is left is Omni's."""
CANCELS, CHANGES_MIND, RETRIES, PATIENT, NERVOUS = 0.4, 0.15, 0.3, 0.5, 0.15

CLIP, FAILED, REFUSED, CANCELLED, KEPT = "clip", "failed", "refused", "cancelled", "undeliverable"
FINAL_WORDS = {
    FAILED: re.compile(r"v(\d+) did not work out: "),
    REFUSED: re.compile(r"The video service declined to film v(\d+)\."),
    CANCELLED: re.compile(r"v(\d+) is cancelled\."),
    KEPT: re.compile(r"Your clip v(\d+) is ready, but I could not post it"),
}
_CAPTION = re.compile(r"v(\d+) · ")
_LOOKING = "I keep looking for it"


def end_told(place: Place, message: Message) -> tuple[int, str] | None:
    """The generation whose end the message tells of, and how it ended; None when it is about something else."""
    if message.deleted or not message.from_bot:
        return None
    if place.is_clip(message):
        found = _CAPTION.search(message.said)
        return (int(found[1]), CLIP) if found else None
    for kind, words in FINAL_WORDS.items():
        if found := words.search(message.said):
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
    stopped: set[int] = field(default_factory=set)
    """Generations that "Stop it" was tapped on, after the question that says what that may cost."""
    until: float = math.inf
    """When nobody begins anything new any more, in seconds of the loop's time."""
    retried: int = 0

    @property
    def enough(self) -> bool:
        """Whether it is time to come to an end."""
        return len(self.ordered) >= self.wanted or asyncio.get_running_loop().time() >= self.until


class Someone:
    """One person, in one place with the bot."""

    def __init__(self, place: Place, name: str, number: int, tally: Tally, seed: int) -> None:
        self.name = name
        self.place = place
        self.trouble = ""
        """What the person waited for in vain."""
        self._tally = tally
        self._number = number
        self._random = random.Random(f"{seed} {number}")
        self._tapped: dict[tuple[int, str], float] = {}
        self._decided: set[str] = set()
        self._minds: dict[str, str] = {}
        """What the person answers to a question about stopping, by what its button carries."""

    async def live(self) -> None:
        """Wish for one thing after the other while more is wanted."""
        wishes = 0
        while not self._tally.enough and not self.trouble:
            wishes += 1
            said = await self.place.say(
                f"a red fox{self._number:03}x{wishes} trotting through fresh snow at sunrise, cinematic, "
                f"{self._random.choice(LENGTHS)}",
            )
            await self._see_through(said)

    async def _see_through(self, said: int) -> None:
        """Tap what there is to tap about this wish until its end is told, and once more for another go. `said`: when
        it was said, by the emulator's count of changes."""
        cancels = self._random.random() < CANCELS
        patient = self._random.random() < PATIENT
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE_S
        before: int | None = None
        while True:
            since = [one for one in self.place.messages if one.from_bot and one.created > said]
            current = self._current(since)
            if current != before:
                before, until = current, loop.time() + PATIENCE_S
            told = [one for one in since if (end := end_told(self.place, one)) is not None and end[0] == current]
            if current in self._tally.ordered and told:
                if not await self._tries_again(told[0]):
                    return
                said, until = told[0].created, loop.time() + PATIENCE_S
                continue
            if await self._tap_something(since, current, cancels=cancels, patient=patient, now=loop.time()):
                continue
            if loop.time() > until:
                where = f"the end of v{current}" if current in self._tally.ordered else "a card that takes a tap"
                self.trouble = f"{self.name} waited for {where} in vain"
                return
            await asyncio.sleep(LOOKS_EVERY_S)

    def _current(self, since: list[Message]) -> int | None:
        """The generation that this is about: the youngest whose buttons were seen."""
        seen = [found.generation_id or 0 for message in since for _, found in self.place.actions(message)]
        ended = [end[0] for one in since if (end := end_told(self.place, one)) is not None]
        return max([*seen, *ended], default=None)

    async def _tries_again(self, told: Message) -> bool:
        retry = next((text for text, found in self.place.actions(told) if found.verb == "retry"), "")
        if not retry or self._tally.enough or self._random.random() >= RETRIES:
            return False
        self._tally.retried += 1
        await self.place.press(told, retry)
        return True

    async def _tap_something(
        self, since: list[Message], current: int | None, *, cancels: bool, patient: bool, now: float
    ) -> bool:
        """Tap on whatever is next; False when there is nothing to tap on."""
        for message in reversed(since):
            if message.deleted:
                continue
            found = {action.verb: (text, action) for text, action in self.place.actions(message)}
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
                        await self.place.press(message, found["make"][0])
                    return True
            elif "again" in found:
                if await self._decide(message, found["again"][0], found["drop"][0], patient=patient):
                    return True
            elif "stop" in found:
                if found["stop"][1].generation_id == current and await self._answer_what_it_costs(message, found, now):
                    return True
            elif (
                cancels
                and [*found] == ["cancel"]
                and found["cancel"][1].generation_id == current
                and current not in self._tally.stopped
                and await self._tap(message, found["cancel"][0], now)
            ):
                return True
        return False

    async def _answer_what_it_costs(
        self, message: Message, found: Mapping[str, tuple[str, Action]], now: float
    ) -> bool:
        """Tap below the question that says what stopping may cost: mostly on "Stop it"."""
        question = found["stop"][0]
        if question not in self._minds:
            self._minds[question] = "wait" if "wait" in found and self._random.random() < CHANGES_MIND else "stop"
        verb = self._minds[question]
        if verb == "stop":
            self._tally.stopped.add(found["stop"][1].generation_id or 0)
        return await self._tap(message, found[verb][0], now)

    async def _decide(self, message: Message, again: str, drop: str, *, patient: bool) -> bool:
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
            await self.place.press(message, again if orders else drop)
        return True

    async def _tap(self, message: Message, action: str, now: float) -> bool:
        """Tap, unless that was done a moment ago."""
        tapped = self._tapped.get((message.created, action))
        if tapped is not None and now - tapped < TAPS_AGAIN_S:
            return False
        self._tapped[message.created, action] = now
        await self.place.press(message, action)
        return True
