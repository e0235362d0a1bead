"""Listening to a wish: messages that one person writes in one go are read together, files and all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from core import texts
from core.answering import Answering, Fill
from core.cards import card_anchor
from core.conversation import Waiting
from core.intake import Intake, Taken
from core.messages import Message
from core.offers import Offers
from core.policy import is_plain_yes
from core.ports import Clock
from core.presses import confirm
from core.readers import MAX_READ, Readers, reading_input
from core.reading import Reading
from core.repositories import Generations, Inbox, Scene
from core.response import Response
from core.routing import Routing
from core.steps import Heard, apply_reading

MAX_FOLDS = 3
"""So often a turn takes in messages that arrived while it was being read."""
MAX_RUN = 20
"""So many messages in a row are read in one go; the rest is read after them."""
TIMES_ARE_CUT = timedelta(seconds=1)
"""Telegram tells in whole seconds when something was written."""
ACKNOWLEDGE_EVERY_S = 4.0
"""Telegram shows "typing" for five seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was heard in one go."""

    waiting: tuple[Waiting, ...]
    """The inbox rows it was heard from."""
    fill: Fill
    reading: Reading


class Hearing:
    """Hears what people want."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        generations: Generations,
        intake: Intake,
        readers: Readers,
        offers: Offers,
        routing: Routing,
        answering: Answering,
        acknowledge: Callable[[Message], None],
        album_wait_s: float,
        clock: Clock,
    ) -> None:
        """`acknowledge` shows the person that their message was noticed; `album_wait_s` is how long the other parts
        of an album are waited for, because an album has no end mark."""
        self._inbox = inbox
        self._generations = generations
        self._intake = intake
        self._readers = readers
        self._offers = offers
        self._routing = routing
        self._answering = answering
        self._acknowledge = acknowledge
        self._album_wait_s = album_wait_s
        self._clock = clock

    async def wish(self, scene: Scene, waiting: tuple[Waiting, ...], *, alone: bool) -> Wish:
        """Read the messages at the head of what waits, and those that come while they are read; or the first one
        `alone`, when reading them together went wrong."""
        head = waiting[0].incoming
        assert isinstance(head, Message)
        if head.album:
            await self._clock.sleep(self._album_wait_s)
            waiting = await self._inbox.waiting(head.key)
        run = waiting[:1] if alone else _run(waiting)
        heard: list[Waiting] = []
        fills: list[Fill] = []
        readings: list[Reading] = []
        working = scene
        while run and len(readings) < MAX_FOLDS:
            heard += run
            said = [one.incoming for one in run if isinstance(one.incoming, Message)]
            text = "\n".join(message.text for message in said if message.text)[:MAX_READ]
            taken = await self._take(scene, run)
            parts = tuple((message.id, message.text[:MAX_READ]) for message in said) if len(said) > 1 else ()
            understood = replace(await self.heard(said[0], text, taken), parts=parts)
            reading = await self.read(working, said[0], understood, run[0].received_at)
            readings.append(reading)
            fills.append(_fill(reading, understood, taken))
            trial = self._answering.trial(working, said[0])
            fills[-1](trial)
            working = trial.scene
            if alone:
                break
            known = {one.row for one in heard}
            arrived = tuple(one for one in await self._inbox.waiting(head.key) if one.row not in known)
            run = _run(arrived, like=head)
            if run and not await self._routing.belongs(run[0].incoming, scene):
                break

        def fill(response: Response) -> None:
            for one in fills:
                one(response)

        return Wish(waiting=tuple(heard), fill=fill, reading=_merged(readings))

    async def heard(self, message: Message, text: str, taken: Taken) -> Heard:
        """The message as the steps need it."""
        about = await self._routing.generation_meant(message)
        return Heard(
            message_id=message.id,
            text=text,
            private=message.private,
            addressed=message.addressed,
            pictures=taken.pictures,
            about=about,
        )

    async def read(self, scene: Scene, message: Message, heard: Heard, received_at: datetime) -> Reading:
        """The reading, or what code decides without a model: a plain yes, and a file without words."""
        text = heard.text
        if not text.strip():
            return Reading(steps=())
        if not heard.pictures and is_plain_yes(text) and await self._confirms(scene, message, heard, received_at):
            return Reading(steps=(), plain_yes=True)
        now = self._clock.now()
        given = reading_input(scene, message, text, terms=self._offers.terms, about=heard.about, now=now)
        async with self._noticed(message):
            return await self._readers.read(given)

    async def _take(self, scene: Scene, run: tuple[Waiting, ...]) -> Taken:
        taken = Taken()
        for one in run:
            if isinstance(one.incoming, Message) and one.incoming.attachments:
                new = await self._intake.take(one.incoming, scene.conversation.id, one.row)
                taken = Taken(
                    pictures=taken.pictures + new.pictures,
                    others=taken.others + new.others,
                    problem=taken.problem or new.problem,
                    unusable=taken.unusable or new.unusable,
                )
        return taken

    async def _confirms(self, scene: Scene, message: Message, heard: Heard, received_at: datetime) -> bool:
        """Whether a plain yes means the card: the person has one open, as it is it stood in the chat before the yes
        came, the yes is no reply to something else, and nothing else has been asked since."""
        if not (message.private or message.addressed or message.key.thread):
            return False
        response = self._answering.trial(scene, message)
        mine = [generation for generation in response.cards if generation.requester.id == message.sender.id]
        if not mine or response.asking_me is not None:
            return False
        if message.reply_to and heard.about not in {generation.id for generation in mine}:
            return False
        spoken = [line.text for line in scene.conversation.history if line.speaker == "bot"]
        if spoken and texts.clips.asks_something_else(spoken[-1]):
            return False
        # Nobody agrees to a card, or to a price, that was written down but had not reached them when they wrote.
        wrote = min(received_at, message.sent_at + TIMES_ARE_CUT)
        shown = [await self._generations.shown_at(card_anchor(generation)) for generation in mine]
        return all(at is not None and at < wrote for at in shown)

    @asynccontextmanager
    async def _noticed(self, message: Message) -> AsyncIterator[None]:
        """Keep showing that the message was noticed while it is read."""

        async def repeat() -> None:
            while True:
                await self._clock.sleep(ACKNOWLEDGE_EVERY_S)
                self._acknowledge(message)

        task = asyncio.get_running_loop().create_task(repeat()) if message.addressed else None
        try:
            yield
        finally:
            if task is not None:
                task.cancel()


def _foldable(message: Message) -> bool:
    return not message.command and not message.edited and message.addressed


def _run(waiting: tuple[Waiting, ...], like: Message | None = None) -> tuple[Waiting, ...]:
    """The messages at the head of what waits that one person wrote in one go; with `like`, those that go on from it.

    A plain yes stands for itself: it may be an order."""
    head = like or (waiting[0].incoming if waiting else None)
    if not isinstance(head, Message):
        return ()
    run = [] if like is not None else [waiting[0]]
    for one in waiting[len(run) :]:
        if len(run) >= MAX_RUN:
            break
        other = one.incoming
        if isinstance(other, Message) and head.album and other.album == head.album:
            run.append(one)
            continue
        if not (isinstance(other, Message) and _foldable(other) and _foldable(head)):
            break
        if other.sender.id != head.sender.id or other.reply_to != head.reply_to:
            break
        if is_plain_yes(other.text) or is_plain_yes(head.text):
            break
        run.append(one)
    return tuple(run)


def _fill(reading: Reading, heard: Heard, taken: Taken) -> Fill:
    def fill(response: Response) -> None:
        if reading.plain_yes:
            _confirm_one(response)
        else:
            apply_reading(response, reading, heard)
        if taken.problem:
            response.say(taken.problem)
        elif taken.others:
            response.say(texts.talk.MEDIA_KEPT)
        elif not heard.text.strip() and not heard.pictures:
            # Nothing but a mention is a greeting.
            response.say(texts.talk.ONLY_TEXT if taken.unusable else texts.talk.HELLO)

    return fill


def _confirm_one(response: Response) -> None:
    mine = [generation for generation in response.cards if generation.requester.id == response.person.id]
    if len(mine) == 1:
        confirm(response, mine[0])
    else:
        response.say(texts.cards.SEVERAL_CARDS)


def _merged(readings: list[Reading]) -> Reading:
    """Several readings of one turn as one, for what is kept of it."""
    return replace(
        readings[-1],
        steps=tuple(step for reading in readings for step in reading.steps),
        uses=tuple(use for reading in readings for use in reading.uses),
        simpler=any(reading.simpler for reading in readings),
        questions={slot: text for reading in readings for slot, text in reading.questions.items()},
        language=next((reading.language for reading in reversed(readings) if reading.language), ""),
    )
