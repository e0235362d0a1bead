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
        conversation_id = None if _opens_another(incoming) else await self._conversation_id(incoming)
        scene = await self._inbox.scene(conversation_id) if conversation_id else None
        if scene is not None:
            return scene
        sender, now = incoming.sender, self._clock.now()
        owner = owner_of(incoming.key, sender.id)
        fresh = fresh_conversation(secrets.token_hex(6), incoming.key, owner, sender.language, now)
        return Scene(conversation=fresh, generations=())

    async def belongs(self, incoming: Incoming, scene: Scene) -> bool:
        """Whether what came in belongs to this conversation too."""
        found = await self._conversation_id(incoming)
        return found == scene.conversation.id or (found is None and not scene.conversation.revision)

    async def _conversation_id(self, incoming: Incoming) -> str | None:
        key = incoming.key
        if isinstance(incoming, Press):
            found = await self._pressed(incoming)
        else:
            referred = incoming.id if incoming.edited else incoming.reply_to
            found = await self._inbox.conversation_of(key, referred) if referred else None
        return found or await self._inbox.current(key, owner_of(key, incoming.sender.id))

    async def _pressed(self, press: Press) -> str | None:
        """The conversation of the generation that the button names, if it is of this place."""
        pressed = parse_action(press.action)
        number = pressed.generation_id if pressed else None
        if number is None or number >= LARGEST_ID:
            return None
        generation = await self._generations.generation(number)
        return generation.conversation_id if generation is not None and generation.key == press.key else None


def _opens_another(incoming: Incoming) -> bool:
    return isinstance(incoming, Message) and incoming.command == "new" and not incoming.key.thread
