"""The path of a message, from the platform to the answer in the outbox.

`receive` keeps it and returns, so that the platform may be told. `turn` takes what waits in one place, one turn at a
time: `core.routing` finds its conversation, `core.hearing` reads it, `core.steps`, `core.presses` and `core.commands`
decide, and `core.answering` saves everything that follows in one transaction. What is said goes out through
`core.outbox`, what is ordered through `core.admission`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from core import texts
from core.actions import Action, parse_action
from core.answering import Answering, Fill, Notify
from core.approvers import Approvers
from core.bounds import bounded
from core.claiming import claimed, in_place
from core.commands import ABOUT_EVERYTHING, apply_command, known, needs_reading, target_of
from core.conversation import Waiting, owner_of
from core.corrections import apply_correction, correction_of
from core.errors import PermanentError, StaleRow, TemporaryError
from core.generation import OPEN, Generation, GenerationStatus
from core.hearing import Hearing
from core.intake import Intake, Taken
from core.joining import clips_named, may_be_used
from core.messages import ConversationKey, Incoming, Message, Post, Press
from core.offers import Offers
from core.outbox import Outbox
from core.ports import Claims, ClipStore, Clock, Pace, Platform
from core.presses import apply_press
from core.readers import Readers
from core.reading import Intent, Reading
from core.repositories import Changes, Generations, Inbox, OutboxPost, Scene
from core.response import Response
from core.routing import LARGEST_ID, Routing
from core.spending import Spending, say_receipt, say_usage
from core.summons import Summons, wants_thread
from core.switching import apply_switch, list_conversations
from core.tempo import Tempo
from core.wakeful import Wakeful

log = logging.getLogger("reelbot.dialogue")

MAX_LISTED = 20
"""How many finished clips of a person are looked at for a list of all their work."""
MAX_SETTLES = 60
"""So many times a thread for a wish is tried to be opened, some five hours, before the person is told."""
MAX_TRIES = 5
"""So many times a message is tried before the person is told that it cannot be dealt with."""


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
        approvers: Approvers,
        outbox: Outbox,
        started: Notify,
        woken: Notify,
        album_wait_s: float,
        turns_per_minute: int,
        pace: Pace | None,
        claims: Claims,
        clock: Clock,
    ) -> None:
        """`started` and `woken`: see `Answering`; `album_wait_s`: see `Hearing`; `turns_per_minute` and `pace`: see
        `Tempo`."""
        self._inbox = inbox
        self._generations = generations
        self._platforms = platforms
        self._summons = Summons(inbox=inbox, platforms=platforms, clock=clock)
        self._readers = readers
        self._terms = offers.terms
        self._tempo = Tempo(turns_per_minute, pace)
        self._spending = Spending(generations=generations)
        self._outbox = outbox
        self._claims = claims
        self._clock = clock
        self._routing = Routing(inbox=inbox, generations=generations, clock=clock)
        self._answering = Answering(
            inbox=inbox,
            generations=generations,
            platforms=platforms,
            clips=clips,
            offers=offers,
            approvers=approvers,
            outbox=outbox,
            started=started,
            woken=woken,
            clock=clock,
        )
        self._hearing = Hearing(
            inbox=inbox,
            generations=generations,
            intake=intake,
            readers=readers,
            offers=offers,
            routing=self._routing,
            answering=self._answering,
            acknowledge=self._acknowledge,
            album_wait_s=album_wait_s,
            clock=clock,
        )
        self._turns: Wakeful[ConversationKey] = Wakeful(self.turn, "turn")
        self._aside: set[asyncio.Task[None]] = set()
        """What goes on beside the turns: acknowledgements, and wake-ups for what was put off."""
        self._tries: dict[int, int] = {}
        self._not_before: dict[int, datetime] = {}
        """Until when inbox rows are put off; whatever came after them goes on."""
        self._paced: set[int] = set()
        """Inbox rows that are counted as a turn of their person."""
        self._told_simpler: set[ConversationKey] = set()

    # --- in --------------------------------------------------------------------------------------------------------

    async def receive(self, incoming: Incoming) -> None:
        """Keep what came in. When this returns the platform may be told that it arrived."""
        incoming = bounded(incoming)
        if await self._strange(incoming):
            return
        if not await self._inbox.receive(incoming, self._clock.now()):
            log.info("inbox.repeated", extra={"platform": incoming.key.platform, "event": incoming.event_id})
            return
        # The turn first: what it asks the model is then on its way when the acknowledgement is made.
        self._turns.wake(incoming.key)
        if isinstance(incoming, Press) or (incoming.addressed and not incoming.edited):
            # Most edits need no answer, which would leave the acknowledgement standing.
            self._acknowledge(incoming)

    async def _strange(self, incoming: Incoming) -> bool:
        """Whether it is people's own talk in a thread where the bot has no part: that is not even kept."""
        if not isinstance(incoming, Message) or incoming.addressed or incoming.private or not incoming.key.thread:
            return False
        return not await self._inbox.known(incoming.key)

    def _acknowledge(self, incoming: Incoming) -> None:
        task = asyncio.get_running_loop().create_task(self._platforms[incoming.key.platform].acknowledge(incoming))
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)

    async def sweep(self) -> None:
        """Deal with everything that waits anywhere: at start, and whenever the clock looks."""
        for key in await self._inbox.waiting_keys():
            if key.platform in self._platforms:
                self._turns.wake(key)

    async def settled(self, key: ConversationKey) -> None:
        """Return when everything received in this place is dealt with and its answers are sent."""
        await self._turns.settled(key)
        await self._outbox.settled(key)

    async def drain(self, seconds: float) -> None:
        """Open no more threads for wishes that need one, and give those under way so many seconds."""
        await self._summons.drain(seconds)

    async def stop(self) -> None:
        """Stop; what waits is dealt with after the next start."""
        await self._turns.stop()
        for task in list(self._aside):
            task.cancel()
        await asyncio.gather(*self._aside, return_exceptions=True)

    # --- one turn after the other ----------------------------------------------------------------------------------

    async def turn(self, key: ConversationKey) -> None:
        """Deal with everything that waits in one place."""
        async with claimed(self._claims, self._clock, in_place("turn", key)):
            await self._turns_of(key)

    async def _turns_of(self, key: ConversationKey) -> None:
        while waiting := tuple(one for one in await self._inbox.waiting(key) if not self._put_off(one)):
            try:
                await self._answer(waiting)
                if not self._put_off(waiting[0]):
                    self._tries.pop(waiting[0].row, None)
                    self._not_before.pop(waiting[0].row, None)
                    self._paced.discard(waiting[0].row)
                    if len(waiting) == 1:
                        return  # whatever has come since has woken us again
            except StaleRow:
                log.info("turn.stale", extra={"row": waiting[0].row})
                await self._failed(waiting[0])
            except TemporaryError:
                raise
            except Exception:
                # A message must never block the ones behind it, whatever is wrong with it or with us.
                log.exception("turn.failed", extra={"row": waiting[0].row})
                await self._failed(waiting[0])

    def _put_off(self, waiting: Waiting) -> bool:
        """Whether it has to wait, for its thread or for its fast writer, while what came after it goes on."""
        until = self._not_before.get(waiting.row)
        return until is not None and self._clock.now() < until

    async def _settle(self, waiting: Waiting, message: Message) -> None:
        """Have a wish go on in a thread of its own. What keeps it from that now is tried again later, and nobody else's
        wish waits for it."""
        try:
            moved = await self._summons.settle(waiting, message)
        except TemporaryError as error:
            tries = self._tries[waiting.row] = self._tries.get(waiting.row, 0) + 1
            if tries >= MAX_SETTLES:
                raise PermanentError("A thread for a wish could not be opened.") from error
            wait = error.retry_after if error.retry_after is not None else min(300.0, 2.0 ** min(tries, 9))
            self._not_before[waiting.row] = self._clock.now() + timedelta(seconds=wait)
            log.warning("turn.put_off", extra={"row": waiting.row, "seconds": wait})
            return
        if moved is None:
            raise TemporaryError("The program is stopping.")
        self._not_before.pop(waiting.row, None)
        self._tries.pop(waiting.row, None)
        self._acknowledge(moved)
        self._turns.wake(moved.key)

    async def _failed(self, waiting: Waiting) -> None:
        tries = self._tries[waiting.row] = self._tries.get(waiting.row, 0) + 1
        if tries < MAX_TRIES:
            await self._clock.sleep(0.05 * 2**tries)
            return
        scene = await self._routing.scene(waiting.incoming)
        await self._answering.answer(scene, (waiting,), lambda response: response.say(texts.talk.GIVEN_UP))
        self._tries.pop(waiting.row, None)
        self._not_before.pop(waiting.row, None)

    async def _answer(self, waiting: tuple[Waiting, ...]) -> None:
        """Deal with the first of what waits, and with what belongs to it."""
        first, incoming = waiting[0], waiting[0].incoming
        if isinstance(incoming, Message) and wants_thread(incoming):
            await self._settle(first, incoming)
            return
        scene = await self._routing.scene(incoming)
        if isinstance(incoming, Press):
            await self._answer_press(scene, first, incoming)
        elif self._overheard(scene, incoming):
            await self._answering.done(first)
        elif incoming.edited:
            if not await self._too_fast(first, incoming):
                await self._answer_edit(scene, first, incoming)
        elif incoming.command == "chats":
            listed = await self._inbox.conversations(incoming.key, owner_of(incoming.key, incoming.sender.id))
            await self._answering.answer(scene, (first,), lambda response: list_conversations(response, listed))
        elif incoming.command in ("usage", "receipt"):
            await self._answer_spending(scene, first, incoming)
        elif needs_reading(incoming):
            if not await self._too_fast(first, incoming):
                await self._answer_wish(scene, waiting)
        else:
            heard = await self._hearing.heard(incoming, incoming.text, Taken())
            scene = await self._everywhere(scene, incoming)
            await self._answering.answer(scene, (first,), lambda response: apply_command(response, incoming, heard))

    async def _answer_spending(self, scene: Scene, waiting: Waiting, message: Message) -> None:
        now = self._clock.now()
        if message.command == "usage":
            usage = await self._spending.usage(message, self._terms.limits, now)
            await self._answering.answer(scene, (waiting,), lambda response: say_usage(response, usage))
            return
        wanted = target_of(message.text)
        found = await self._generations.generation(wanted) if wanted is not None and wanted < LARGEST_ID else None
        if found is not None and message.sender.id != found.requester.id:
            in_here = any(row.id == found.id for row in scene.generations)
            found = found if in_here or message.sender.id in self._terms.admins else None
        if wanted is None:
            mine = await self._generations.of_person(message.sender.id, MAX_LISTED)
            found = next((row for row in mine if GenerationStatus.QUEUED.value in row.entered), None)
        entries = await self._spending.receipt(found) if found is not None else ()
        await self._answering.answer(scene, (waiting,), lambda response: say_receipt(response, found, entries))

    async def _too_fast(self, waiting: Waiting, message: Message) -> bool:
        """Whether somebody writes faster than is read. Then the message waits, which they are told, and nobody else's
        message or tap waits with it; what they write meanwhile is read together with it."""
        now = self._clock.now()
        if waiting.row in self._paced:
            return False
        wait = await self._tempo.wait(message.sender.id, now)
        if not wait:
            self._paced.add(waiting.row)
            return False
        self._not_before[waiting.row] = now + timedelta(seconds=wait)
        self._wake_later(message.key, wait)
        log.info("turn.too_fast", extra={"person": message.sender.id, "seconds": round(wait)})
        if message.addressed and await self._tempo.tell(message.sender.id, now):
            text = texts.spending.too_fast(wait)
            post = Post(key=message.key, text=text, person=message.sender, whisper=not message.private, quiet=True)
            await self._inbox.commit(Changes(posts=(OutboxPost(post=post),), at=now))
            self._outbox.wake(message.key)
        return True

    def _wake_later(self, key: ConversationKey, seconds: float) -> None:
        async def later() -> None:
            await self._clock.sleep(seconds)
            self._turns.wake(key)

        task = asyncio.get_running_loop().create_task(later())
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)

    async def _everywhere(self, scene: Scene, message: Message) -> Scene:
        """For commands that ask about all of a person's work: the generations of their other conversations here too."""
        if message.command not in ABOUT_EVERYTHING or (message.command == "stop" and message.key.thread):
            return scene
        rows = {generation.id: generation for generation in scene.generations}
        listing = message.private and message.key.thread and message.command not in ("stop", "cancel")
        if message.summoned or listing:
            # Nobody else reads the answer, and what they mean may be in any thread. A stop in a thread means that one.
            rows |= {row.id: row for row in await self._generations.of_person(message.sender.id, MAX_LISTED)}
        for other in await self._inbox.conversations(message.key, owner_of(message.key, message.sender.id)):
            found = await self._inbox.scene(other.id) if other.id != scene.conversation.id else None
            rows |= {generation.id: generation for generation in found.generations} if found else {}
        newest_first = sorted(rows.values(), key=lambda generation: -generation.id)
        return Scene(conversation=scene.conversation, generations=tuple(newest_first))

    def _overheard(self, scene: Scene, message: Message) -> bool:
        """Whether people talk among themselves where the bot has nothing to listen to."""
        if message.command and not known(message.command) and not (message.private or message.summoned):
            return True
        if message.addressed or message.private:
            return False
        if message.attachments:
            return True
        if message.key.thread and scene.conversation.revision:
            return False
        asking = self._answering.trial(scene, message).asking
        return asking is None or asking.requester.id != message.sender.id

    async def _with_other_threads(self, scene: Scene, message: Message) -> Scene:
        """For a new thread in a private chat: what the person has going on in the chat's other threads, which people
        go on with at the top as well."""
        if scene.conversation.revision or not (message.private and message.key.thread):
            return scene
        known = {generation.id for generation in scene.generations}
        others = [
            row
            for row in await self._generations.of_person(message.sender.id, MAX_LISTED)
            if row.key.chat == message.key.chat and row.key.platform == message.key.platform and row.id not in known
        ]
        newest_first = sorted((*scene.generations, *others), key=lambda generation: -generation.id)
        return Scene(conversation=scene.conversation, generations=tuple(newest_first))

    async def _answer_wish(self, scene: Scene, waiting: tuple[Waiting, ...]) -> None:
        first = waiting[0].incoming
        assert isinstance(first, Message)
        wide = await self._with_other_threads(scene, first)
        wish = await self._hearing.wish(wide, waiting, alone=waiting[0].row in self._tries)
        key = first.key
        simpler = wish.reading.simpler
        if any(step.intent is Intent.CREATE for step in wish.reading.steps):
            wide = scene
        wide = await self._with_clips(wide, first, wish.reading)

        def fill(response: Response) -> None:
            wish.fill(response)
            response.point_elsewhere()
            if simpler and key not in self._told_simpler:
                response.say(texts.talk.SIMPLER)

        await self._answering.answer(wide, wish.waiting, fill, reading=wish.reading)
        if simpler:
            self._told_simpler.add(key)
        else:
            self._told_simpler.discard(key)

    async def _with_clips(self, scene: Scene, message: Message, reading: Reading) -> Scene:
        """The scene with the clips that are to be joined, however old, as far as this person may use them."""
        known = {generation.id for generation in scene.generations}
        found: list[Generation] = []
        for number in clips_named(reading):
            generation = await self._generations.generation(number) if number not in known else None
            if generation is not None and may_be_used(generation, message, scene.conversation.id):
                found.append(generation)
        return Scene(conversation=scene.conversation, generations=(*scene.generations, *found))

    async def _answer_edit(self, scene: Scene, waiting: Waiting, message: Message) -> None:
        correction = correction_of(scene, message.id, message.text)
        if correction is None:
            await self._answer_late_wish(scene, waiting)
            return
        heard = await self._hearing.heard(message, correction.text, Taken())
        reading = await self._hearing.read(correction.before(scene), message, heard, waiting.received_at)
        scene = await self._with_clips(scene, message, reading)
        await self._answering.answer(
            scene, (waiting,), lambda response: apply_correction(response, correction, reading), reading=reading
        )

    async def _answer_late_wish(self, scene: Scene, waiting: Waiting) -> None:
        """An edit of a message that was about nothing: it may have become a wish; other edits need no answer."""
        wish = await self._hearing.wish(scene, (waiting,), alone=True)
        if any(step.intent is Intent.CREATE for step in wish.reading.steps):
            await self._answering.answer(scene, wish.waiting, wish.fill, reading=wish.reading)
        else:
            await self._answering.done(waiting)

    async def _answer_press(self, scene: Scene, waiting: Waiting, press: Press) -> None:
        pressed = parse_action(press.action)
        if pressed is not None and pressed.verb == "chat":
            listed = await self._inbox.conversations(press.key, owner_of(press.key, press.sender.id))
            chosen = next((conversation for conversation in listed if conversation.id == pressed.subject), None)
            await self._answering.answer(
                scene, (waiting,), lambda response: apply_switch(response, chosen), switched_to=chosen
            )
            return
        if pressed is not None:
            pressed = replace(pressed, values=press.values)
        await self._answering.answer(scene, (waiting,), await self._pressed(scene, pressed))

    async def _pressed(self, scene: Scene, pressed: Action | None) -> Fill:
        """What the button does; the prompt that is to be shown is written first, if it is not yet."""
        written: dict[int, str] = {}
        for generation in scene.generations:
            wanted = pressed is not None and pressed.verb == "prompt" and pressed.generation_id == generation.id
            if wanted and generation.status in OPEN and generation.plan is not None and not generation.prompt:
                prompt = await self._readers.prompt(generation)
                written[generation.id] = prompt.texts[0]
                changes = Changes(
                    uses=prompt.uses,
                    conversation_id=scene.conversation.id,
                    person_id=generation.requester.id,
                    at=self._clock.now(),
                )
                await self._inbox.commit(changes)

        def fill(response: Response) -> None:
            for generation_id, text in written.items():
                response.save(replace(response[generation_id], prompt=text))
            if pressed is None:
                response.say(texts.clips.STALE_BUTTON)
            else:
                apply_press(response, pressed)

        return fill
