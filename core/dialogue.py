"""The path of a message, from the platform to the answer in the outbox.

`receive` keeps it and returns, so that the platform may be told; `turn` takes what waits in one place, reads it, lets
`core.steps`, `core.presses` and `core.commands` decide, and saves everything that follows in one transaction. One turn
at a time in each place. What is said goes out through `core.outbox`, what is ordered through `core.admission`.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

from core import texts
from core.actions import Action, parse_action
from core.commands import apply_command, needs_reading
from core.conversation import Conversation, Turn, Waiting, owner_of, remembered, titled
from core.corrections import apply_correction, corrected
from core.errors import ReelbotError, StaleRow, TemporaryError
from core.generation import Generation, GenerationStatus
from core.intake import Intake, Taken
from core.messages import ConversationKey, Incoming, Message, Press
from core.offers import Offers
from core.outbox import Outbox
from core.policy import is_plain_yes
from core.ports import Changes, ClipStore, Clock, Generations, Inbox, Obstacle, Platform, Scene
from core.presses import apply_press, confirm
from core.readers import Readers, reading_input
from core.reading import Reading
from core.response import Response
from core.steps import Heard, apply_reading
from core.switching import apply_switch, fresh_conversation, list_conversations
from core.wakeful import Wakeful

log = logging.getLogger("reelbot.dialogue")

MAX_TRIES = 5
"""So many times a message is tried before the person is told that it cannot be dealt with."""
MAX_FOLDS = 3
"""So often a turn takes in messages that arrived while it was being read."""
ACKNOWLEDGE_EVERY_S = 4.0
"""Telegram shows "typing" for five seconds."""

Fill = Callable[[Response], None]
Notify = Callable[[int], Awaitable[None]]


class Dialogue:
    """Answers people."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        generations: Generations,
        platforms: Mapping[str, Platform],
        clips: ClipStore,
        intake: Intake,
        readers: Readers,
        offers: Offers,
        outbox: Outbox,
        started: Notify,
        woken: Notify,
        clock: Clock,
    ) -> None:
        """`started` is told of every generation that was ordered or goes on, `woken` of every one under way that has
        to look at its row."""
        self._inbox = inbox
        self._generations = generations
        self._platforms = platforms
        self._clips = clips
        self._intake = intake
        self._readers = readers
        self._offers = offers
        self._outbox = outbox
        self._started = started
        self._woken = woken
        self._clock = clock
        self._turns: Wakeful[ConversationKey] = Wakeful(self.turn, "turn")
        self._acknowledging: set[asyncio.Task[None]] = set()
        self._tries: dict[int, int] = {}
        self._told_simpler: set[ConversationKey] = set()

    # --- in --------------------------------------------------------------------------------------------------------

    async def receive(self, incoming: Incoming) -> None:
        """Keep what came in. When this returns the platform may be told that it arrived."""
        if not await self._inbox.receive(incoming, self._clock.now()):
            log.info("inbox.repeated", extra={"platform": incoming.key.platform, "event": incoming.event_id})
            return
        if isinstance(incoming, Press) or incoming.addressed:
            self._acknowledge(incoming)
        self._turns.wake(incoming.key)

    def _acknowledge(self, incoming: Incoming) -> None:
        task = asyncio.get_running_loop().create_task(self._platforms[incoming.key.platform].acknowledge(incoming))
        self._acknowledging.add(task)
        task.add_done_callback(self._acknowledging.discard)

    async def sweep(self) -> None:
        """Deal with everything that waits anywhere: at start, and whenever the clock looks."""
        for key in await self._inbox.waiting_keys():
            if key.platform in self._platforms:
                self._turns.wake(key)

    async def settled(self, key: ConversationKey) -> None:
        """Return when everything received in this place is dealt with and its answers are sent."""
        await self._turns.settled(key)
        await self._outbox.settled(key)

    async def stop(self) -> None:
        """Stop; what waits is dealt with after the next start."""
        await self._turns.stop()
        for task in list(self._acknowledging):
            task.cancel()
        await asyncio.gather(*self._acknowledging, return_exceptions=True)

    # --- one turn after the other ----------------------------------------------------------------------------------

    async def turn(self, key: ConversationKey) -> None:
        """Deal with everything that waits in one place."""
        while waiting := await self._inbox.waiting(key):
            try:
                await self._answer(waiting)
            except StaleRow:
                log.info("turn.stale", extra={"row": waiting[0].row})
                await self._failed(waiting[0])
            except TemporaryError:
                raise
            except Exception:
                # A message must never block the ones behind it, whatever is wrong with it or with us.
                log.exception("turn.failed", extra={"row": waiting[0].row})
                await self._failed(waiting[0])

    async def _failed(self, waiting: Waiting) -> None:
        tries = self._tries[waiting.row] = self._tries.get(waiting.row, 0) + 1
        if tries < MAX_TRIES:
            await self._clock.sleep(0.05 * 2**tries)
            return
        scene = await self._scene(waiting.incoming)
        response = await self._response(scene, waiting.incoming, lambda response: response.say(texts.GIVEN_UP))
        await self._save(response, scene, (waiting.row,), waiting.incoming, None)

    async def _answer(self, waiting: tuple[Waiting, ...]) -> None:
        """Deal with the first of what waits, and with what belongs to it."""
        first = waiting[0]
        incoming = first.incoming
        scene = await self._scene(incoming)
        if isinstance(incoming, Press):
            await self._answer_press(scene, first.row, incoming)
        elif self._overheard(scene, incoming):
            await self._inbox.commit(Changes(done=(first.row,), at=self._clock.now()))
        elif incoming.edited:
            await self._answer_edit(scene, first.row, incoming)
        elif incoming.command == "chats":
            listed = await self._inbox.conversations(incoming.key, owner_of(incoming.key, incoming.sender.id))
            await self._settle(scene, (first.row,), incoming, lambda r: list_conversations(r, listed))
        elif not needs_reading(incoming):
            heard = await self._heard(scene, incoming, Taken())
            await self._settle(scene, (first.row,), incoming, lambda r: apply_command(r, incoming, heard))
        else:
            await self._answer_wish(scene, waiting, incoming)

    # --- presses ---------------------------------------------------------------------------------------------------

    async def _answer_press(self, scene: Scene, row: int, press: Press) -> None:
        pressed = parse_action(press.action)
        if pressed is not None and pressed.verb == "chat":
            owner = owner_of(press.key, press.sender.id)
            listed = await self._inbox.conversations(press.key, owner)
            chosen = next((c for c in listed if c.id == pressed.subject), None)
            await self._settle(scene, (row,), press, lambda r: apply_switch(r, chosen), switched_to=chosen)
            return
        written: Mapping[int, str] = await self._prompt(scene, pressed)

        def fill(response: Response) -> None:
            for generation_id, prompt in written.items():
                response.save(replace(response[generation_id], prompt=prompt))
            if pressed is None:
                response.say(texts.STALE_BUTTON)
            else:
                apply_press(response, pressed)

        await self._settle(scene, (row,), press, fill)

    async def _prompt(self, scene: Scene, pressed: Action | None) -> Mapping[int, str]:
        """The prompt that is to be shown, if it is not written yet."""
        if pressed is None or pressed.verb != "prompt":
            return {}
        for generation in scene.generations:
            if generation.id == pressed.generation_id and generation.plan is not None and not generation.prompt:
                written = await self._readers.prompt(generation)
                await self._inbox.commit(
                    Changes(uses=written.uses, conversation_id=scene.conversation.id, at=self._clock.now())
                )
                return {generation.id: written.texts[0]}
        return {}

    # --- messages --------------------------------------------------------------------------------------------------

    def _overheard(self, scene: Scene, message: Message) -> bool:
        """Whether people talk among themselves where the bot has nothing to listen to."""
        if message.addressed or message.private:
            return False
        if message.key.thread and scene.conversation.revision:
            return False
        response = self._blank(scene, message)
        asking = response.asking
        return asking is None or asking.requester.id != message.sender.id

    async def _answer_wish(self, scene: Scene, waiting: tuple[Waiting, ...], message: Message) -> None:
        """Read what was said, and what is said while it is being read, and answer all of it at once."""
        run = _run(waiting)
        rows: list[int] = []
        fills: list[Fill] = []
        readings: list[Reading] = []
        working = scene
        while run and len(readings) < MAX_FOLDS:
            rows += [one.row for one in run]
            said = [one.incoming for one in run if isinstance(one.incoming, Message)]
            text = "\n".join(one.text for one in said if one.text)
            taken = await self._take(scene, run, said)
            heard = replace(await self._heard(working, said[0], taken), text=text)
            reading = await self._read(working, said[0], text, heard)
            readings.append(reading)
            fills.append(_fill(reading, heard, taken))
            trial = self._blank(working, said[0])
            fills[-1](trial)
            working = trial.scene
            arrived = tuple(one for one in await self._inbox.waiting(message.key) if one.row not in rows)
            run = _run(arrived, like=message)
            if run and not await self._same_conversation(scene, run[0].incoming):
                break
        merged = _merged(readings)

        def fill(response: Response) -> None:
            for one in fills:
                one(response)
            if merged.simpler and message.key not in self._told_simpler:
                response.say(texts.SIMPLER)

        await self._settle(scene, tuple(rows), message, fill, reading=merged)
        if merged.simpler:
            self._told_simpler.add(message.key)
        else:
            self._told_simpler.discard(message.key)

    async def _answer_edit(self, scene: Scene, row: int, message: Message) -> None:
        generation = corrected(scene, message.id)
        if generation is None:
            await self._inbox.commit(Changes(done=(row,), at=self._clock.now()))
            return
        heard = await self._heard(scene, message, Taken())
        before = Scene(conversation=scene.conversation, generations=())
        reading = await self._read(before, message, message.text, heard)

        def fill(response: Response) -> None:
            apply_correction(response, generation, reading, message_id=message.id, text=message.text)

        await self._settle(scene, (row,), message, fill, reading=reading)

    async def _take(self, scene: Scene, run: tuple[Waiting, ...], said: list[Message]) -> Taken:
        taken = Taken()
        for one, message in zip(run, said, strict=True):
            if message.attachments:
                new = await self._intake.take(message, scene.conversation.id, one.row)
                taken = Taken(
                    pictures=taken.pictures + new.pictures,
                    others=taken.others + new.others,
                    problem=taken.problem or new.problem,
                )
        return taken

    async def _heard(self, scene: Scene, message: Message, taken: Taken) -> Heard:
        about = None
        if message.reply_to:
            about = await self._inbox.generation_of(message.key, message.reply_to)
        return Heard(
            message_id=message.id,
            text=message.text,
            private=message.private,
            pictures=taken.pictures,
            about=about,
        )

    async def _read(self, scene: Scene, message: Message, text: str, heard: Heard) -> Reading:
        """The reading, or what code decides without a model: a plain yes, and a file without words."""
        if not text.strip():
            return Reading(steps=())
        if not heard.pictures and is_plain_yes(text) and self._confirms(scene, message):
            return Reading(steps=(), plain_yes=True)
        now = self._clock.now()
        given = reading_input(scene, message, text, terms=self._offers.terms, about=heard.about, now=now)
        async with self._noticed(message):
            return await self._readers.read(given)

    def _confirms(self, scene: Scene, message: Message) -> bool:
        """Whether a plain yes means the card: the person has one open, and no question of theirs is."""
        response = self._blank(scene, message)
        asking = response.asking
        if asking is not None and asking.status is GenerationStatus.PENDING_CLARIFICATION:
            return False
        return any(generation.requester.id == message.sender.id for generation in response.cards)

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

    # --- conversations ---------------------------------------------------------------------------------------------

    async def _scene(self, incoming: Incoming) -> Scene:
        """The conversation a message or press belongs to, with its generations; a new one where there is none."""
        conversation_id = await self._conversation_id(incoming)
        scene = await self._inbox.scene(conversation_id) if conversation_id else None
        if scene is not None and not _opens_another(incoming):
            return scene
        owner = owner_of(incoming.key, incoming.sender.id)
        return Scene(
            conversation=fresh_conversation(
                secrets.token_hex(6), incoming.key, owner, incoming.sender.language, self._clock.now()
            ),
            generations=(),
        )

    async def _conversation_id(self, incoming: Incoming) -> str | None:
        key = incoming.key
        if isinstance(incoming, Press):
            pressed = parse_action(incoming.action)
            generation = await self._pressed_generation(pressed)
            if generation is not None and generation.key == key:
                return generation.conversation_id
            return await self._inbox.current(key, owner_of(key, incoming.sender.id))
        referred = incoming.id if incoming.edited else incoming.reply_to
        if referred and (found := await self._inbox.conversation_of(key, referred)):
            return found
        return await self._inbox.current(key, owner_of(key, incoming.sender.id))

    async def _pressed_generation(self, pressed: Action | None) -> Generation | None:
        if pressed is None or pressed.generation_id is None or pressed.generation_id >= 2**62:
            return None
        return await self._generations.generation(pressed.generation_id)

    async def _same_conversation(self, scene: Scene, incoming: Incoming) -> bool:
        found = await self._conversation_id(incoming)
        return found == scene.conversation.id or (found is None and not scene.conversation.revision)

    # --- answers ---------------------------------------------------------------------------------------------------

    def _blank(self, scene: Scene, incoming: Incoming) -> Response:
        """A response to look at, or to try something on; it is never saved."""
        return Response(
            scene,
            person=incoming.sender,
            source_id=incoming.id,
            reply_to="",
            offer=self._offers.last,
            ids=itertools.count(2**62),
            now=self._clock.now(),
        )

    async def _response(
        self, scene: Scene, incoming: Incoming, fill: Fill, wordings: Mapping[str, str] | None = None
    ) -> Response:
        """The answer. It is put together twice: first to learn how many new ids it needs and whether it shows a
        card, then for good."""
        offer = await self._offers.current()
        trial = self._blank(scene, incoming)
        trial.offer = offer
        fill(trial)
        trial.shape(wordings or {})
        key = incoming.key
        obstacle = await self._obstacle(key) if trial.shows_card else None
        ids = await self._inbox.reserve_generation_ids(trial.begun) if trial.begun else ()
        response = Response(
            scene,
            person=incoming.sender,
            source_id=incoming.id,
            reply_to="" if incoming.private or isinstance(incoming, Press) else incoming.id,
            offer=offer,
            ids=iter(ids),
            now=self._clock.now(),
            obstacle=obstacle,
        )
        fill(response)
        response.shape(wordings or {})
        return response

    async def _obstacle(self, key: ConversationKey) -> Obstacle | None:
        """What would keep the clip from being delivered here; what cannot be found out now does not stand in the way,
        because a clip that cannot be delivered is kept and not charged."""
        try:
            return await self._platforms[key.platform].obstacle(key)
        except ReelbotError as error:
            log.warning("obstacle.unknown", extra={"platform": key.platform, "error": type(error).__name__})
            return None

    async def _settle(
        self,
        scene: Scene,
        rows: tuple[int, ...],
        incoming: Incoming,
        fill: Fill,
        *,
        reading: Reading | None = None,
        switched_to: Conversation | None = None,
    ) -> None:
        response = await self._response(scene, incoming, fill, reading.questions if reading else None)
        for name in response.erased:
            await self._clips.delete(name)
        await self._save(response, scene, rows, incoming, reading, switched_to=switched_to)

    async def _save(
        self,
        response: Response,
        scene: Scene,
        rows: tuple[int, ...],
        incoming: Incoming,
        reading: Reading | None,
        *,
        switched_to: Conversation | None = None,
    ) -> None:
        """Save everything that follows from the turn in one transaction, then set it going."""
        now = self._clock.now()
        text = incoming.text if isinstance(incoming, Message) else incoming.action
        conversation = remembered(
            scene.conversation,
            text=incoming.text if isinstance(incoming, Message) else "",
            posts=tuple(outgoing.post for outgoing in response.posts),
            now=now,
        )
        wished = titled(text) if response.begun and isinstance(incoming, Message) else ""
        conversation = replace(
            conversation,
            title=conversation.title or wished,
            language=(reading.language if reading else "") or conversation.language,
        )
        conversations = [conversation]
        if switched_to is not None and switched_to.id != conversation.id:
            conversations.append(replace(switched_to, current=True, updated_at=now))
        await self._inbox.commit(
            Changes(
                done=rows,
                conversations=tuple(conversations),
                generations=response.changed,
                turns=(
                    Turn(
                        conversation_id=conversation.id,
                        at=now,
                        person_id=incoming.sender.id,
                        text=text,
                        moves=tuple(response.moves),
                    ),
                ),
                entries=tuple(response.entries),
                posts=tuple(response.posts),
                uses=reading.uses if reading else (),
                conversation_id=conversation.id,
                at=now,
            )
        )
        for row in rows:
            self._tries.pop(row, None)
        for generation_id in response.started:
            await self._started(generation_id)
        for generation_id in response.woken:
            await self._woken(generation_id)
        self._outbox.wake(incoming.key)


def _opens_another(incoming: Incoming) -> bool:
    return isinstance(incoming, Message) and incoming.command == "new" and not incoming.key.thread


def _foldable(incoming: Incoming) -> bool:
    return isinstance(incoming, Message) and not incoming.command and not incoming.edited and incoming.addressed


def _run(waiting: tuple[Waiting, ...], like: Message | None = None) -> tuple[Waiting, ...]:
    """The messages at the head of what waits that one person wrote in one go."""
    if not waiting or (like is not None and not _foldable(waiting[0].incoming)):
        return ()
    head = like or waiting[0].incoming
    assert isinstance(head, Message)
    run = [] if like is not None else [waiting[0]]
    for one in waiting[len(run) :]:
        other = one.incoming
        if not (isinstance(other, Message) and _foldable(other) and _foldable(head)):
            break
        if other.sender.id != head.sender.id or other.reply_to != head.reply_to or is_plain_yes(other.text):
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
            response.say(texts.MEDIA_KEPT)
        elif not heard.text.strip() and not heard.pictures:
            response.say(texts.ONLY_TEXT)

    return fill


def _confirm_one(response: Response) -> None:
    mine = [generation for generation in response.cards if generation.requester.id == response.person.id]
    if len(mine) == 1:
        confirm(response, mine[0])
    else:
        response.say(texts.SEVERAL_CARDS)


def _merged(readings: list[Reading]) -> Reading:
    """Several readings of one turn as one, for what is kept of it."""
    last = readings[-1]
    return replace(
        last,
        steps=tuple(step for reading in readings for step in reading.steps),
        uses=tuple(use for reading in readings for use in reading.uses),
        simpler=any(reading.simpler for reading in readings),
        questions={slot: text for reading in readings for slot, text in reading.questions.items()},
        language=next((reading.language for reading in reversed(readings) if reading.language), ""),
    )
