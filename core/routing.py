"""Which conversation a message or press belongs to.

A press belongs to its generation's; an edit, to that of the message it changes; a reply, to that of the message it
replies to; anything else, to the current one of its writer, or of the thread.
"""

from __future__ import annotations

import secrets

from core.actions import parse_action
from core.conversation import owner_of
from core.messages import Incoming, Message, Press
from core.ports import Clock, Generations, Inbox, Scene
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
        """The conversation with its generations; a new one where there is none, or another is asked for."""
        conversation_id = None if opens_another(incoming) else await self._conversation_id(incoming)
        scene = await self._inbox.scene(conversation_id) if conversation_id else None
        if scene is not None:
            return await self._with_named(scene, incoming)
        sender, now = incoming.sender, self._clock.now()
        owner = owner_of(incoming.key, sender.id)
        fresh = fresh_conversation(secrets.token_hex(6), incoming.key, owner, sender.language, now)
        return Scene(conversation=fresh, generations=())

    async def _with_named(self, scene: Scene, incoming: Incoming) -> Scene:
        """The scene with the generation that is pressed or replied to, however long ago it was."""
        if isinstance(incoming, Press):
            number = _pressed(incoming)
        else:
            number = await self._inbox.generation_of(incoming.key, incoming.reply_to) if incoming.reply_to else None
        if number is None or any(generation.id == number for generation in scene.generations):
            return scene
        generation = await self._generations.generation(number)
        if generation is None or generation.conversation_id != scene.conversation.id:
            return scene
        return Scene(conversation=scene.conversation, generations=(*scene.generations, generation))

    async def belongs(self, incoming: Incoming, scene: Scene) -> bool:
        """Whether what came in belongs to this conversation too."""
        found = await self._conversation_id(incoming)
        return found == scene.conversation.id or (found is None and not scene.conversation.revision)

    async def _conversation_id(self, incoming: Incoming) -> str | None:
        key = incoming.key
        if isinstance(incoming, Press):
            found = await self._conversation_pressed(incoming)
        else:
            referred = incoming.id if incoming.edited else incoming.reply_to
            found = await self._inbox.conversation_of(key, referred) if referred else None
        return found or await self._inbox.current(key, owner_of(key, incoming.sender.id))

    async def _conversation_pressed(self, press: Press) -> str | None:
        """The conversation of the generation that the button names, if it is of this place or the person's own: what
        is told directly to somebody may be about another place."""
        number = _pressed(press)
        generation = await self._generations.generation(number) if number is not None else None
        if generation is None:
            return None
        near = press.private or press.key.chat == generation.key.chat
        own = near and generation.key.platform == press.key.platform and generation.requester.id == press.sender.id
        return generation.conversation_id if own or generation.key == press.key else None


def _pressed(press: Press) -> int | None:
    """The generation that the button names, or None."""
    pressed = parse_action(press.action)
    number = pressed.generation_id if pressed else None
    return number if number is not None and number < LARGEST_ID else None


def opens_another(incoming: Incoming) -> bool:
    """Whether a conversation is to be begun beside the current one."""
    return isinstance(incoming, Message) and incoming.command == "new" and not incoming.key.thread
