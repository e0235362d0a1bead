"""Which conversation a message or press belongs to.

A press belongs to its generation's; an edit, to that of the message it changes; a reply, to that of the message it
replies to, as far as those are of the same place; anything else, to the current one of its writer, or of the thread.
"""

from __future__ import annotations

import secrets

from core.actions import parse_action
from core.conversation import owner_of
from core.generation import Generation
from core.messages import Incoming, Message, Press
from core.ports import Clock
from core.repositories import Generations, Inbox, Scene
from core.switching import fresh_conversation

LARGEST_ID = 2**62
"""Ids beyond this were made up by hand; a database would not take them."""


class Routing:
    """Finds conversations."""

    def __init__(self, *, inbox: Inbox, generations: Generations, clock: Clock) -> None:
        self._inbox = inbox
        self._generations = generations
        self._clock = clock

    async def scene(self, incoming: Incoming) -> Scene:
        """The conversation with its generations; a new one where there is none, or another is asked for.

        It is always one of this place. What is pressed or replied to may be from another one, brought here because its
        own place refused it: then only that generation comes along, and nothing said here ends up there."""
        conversation_id = None if opens_another(incoming) else await self._conversation_id(incoming)
        scene = await self._inbox.scene(conversation_id) if conversation_id else None
        if scene is None:
            sender, now = incoming.sender, self._clock.now()
            owner = owner_of(incoming.key, sender.id)
            fresh = fresh_conversation(secrets.token_hex(6), incoming.key, owner, sender.language, now)
            scene = Scene(conversation=fresh, generations=())
        return await self._with_named(scene, incoming)

    async def _with_named(self, scene: Scene, incoming: Incoming) -> Scene:
        """The scene with the generation that is pressed or replied to, however long ago it was."""
        if isinstance(incoming, Press):
            number = _pressed(incoming)
        else:
            number = await self.generation_meant(incoming)
        if number is None or any(generation.id == number for generation in scene.generations):
            return scene
        generation = await self._generations.generation(number)
        if generation is None:
            return scene
        if generation.conversation_id != scene.conversation.id and not _own_from_elsewhere(incoming, generation):
            return scene
        return Scene(conversation=scene.conversation, generations=(*scene.generations, generation))

    async def generation_meant(self, message: Message) -> int | None:
        """The generation whose message this one replies to, or whose message its thread hangs on."""
        for referred in (message.reply_to, message.key.thread):
            number = await self._inbox.generation_of(message.key, referred) if referred else None
            if number is not None:
                return number
        return None

    async def belongs(self, incoming: Incoming, scene: Scene) -> bool:
        """Whether what came in belongs to this conversation too."""
        found = await self._conversation_id(incoming)
        return found == scene.conversation.id or (found is None and not scene.conversation.revision)

    async def _conversation_id(self, incoming: Incoming) -> str | None:
        """The conversation of this place that it belongs to, or None."""
        key = incoming.key
        if isinstance(incoming, Press):
            found = await self._conversation_pressed(incoming)
        else:
            referred = incoming.id if incoming.edited else incoming.reply_to
            found = await self._inbox.conversation_of(key, referred) if referred else None
        if found is not None:
            scene = await self._inbox.scene(found)
            if scene is not None and scene.conversation.key == key:
                return found
        return await self._inbox.current(key, owner_of(key, incoming.sender.id))

    async def _conversation_pressed(self, press: Press) -> str | None:
        """The conversation of the generation that the button names, if it is of this place."""
        number = _pressed(press)
        generation = await self._generations.generation(number) if number is not None else None
        return generation.conversation_id if generation is not None and generation.key == press.key else None


def _own_from_elsewhere(incoming: Incoming, generation: Generation) -> bool:
    """Whether somebody means their own generation of another place, where nobody else takes part: in private, by what
    only they see, or in the same chat."""
    own = generation.key.platform == incoming.key.platform and generation.requester.id == incoming.sender.id
    if isinstance(incoming, Press) and incoming.private:
        # Who was asked to approve it, or to look at it, decides where they were asked.
        own = own or any(
            asked.person_id == incoming.sender.id
            for request in (generation.approval, generation.review)
            for asked in (request.asked if request is not None else ())
        )
    whispered = isinstance(incoming, Press) and incoming.whispered
    return own and (incoming.private or whispered or generation.key.chat == incoming.key.chat)


def _pressed(press: Press) -> int | None:
    """The generation that the button names, or None."""
    pressed = parse_action(press.action)
    number = pressed.generation_id if pressed else None
    return number if number is not None and number < LARGEST_ID else None


def opens_another(incoming: Incoming) -> bool:
    """Whether a conversation is to be begun beside the current one."""
    return isinstance(incoming, Message) and incoming.command == "new" and not incoming.key.thread
