"""Wishes that come without a message in the conversation, or to a place where the bot is no member: a command of the
platform's own, a shortcut. They are given a thread of their own, here or with the person alone, and go on in it like
any other message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from core import texts
from core.commands import needs_reading
from core.conversation import Waiting
from core.errors import ReelbotError, Undeliverable
from core.finishing import Finishing
from core.messages import ConversationKey, Message, Post
from core.ports import Clock, Obstacle, Platform
from core.repositories import Changes, Inbox

SILENCING = frozenset({Obstacle.NOT_MEMBER, Obstacle.NO_RIGHT_TO_POST})
"""Obstacles to saying anything at all in a place."""


def wants_thread(message: Message) -> bool:
    """Whether the message begins, or goes on with, a wish; anything else is answered to its writer alone."""
    return message.summoned and (needs_reading(message) or message.command == "video")


class Summons:
    """Gives such wishes their thread."""

    def __init__(self, *, inbox: Inbox, platforms: Mapping[str, Platform], clock: Clock) -> None:
        self._inbox = inbox
        self._platforms = platforms
        self._clock = clock
        self._settling = Finishing()
        self._opened: dict[int, tuple[ConversationKey, bool]] = {}
        """Threads that were opened and could not be saved yet, by inbox row: they are not opened again."""

    async def settle(self, waiting: Waiting, message: Message) -> Message | None:
        """Put the message into the inbox of its thread, in the place of `waiting`; returns it as it is there, or None
        when a stop has begun. A clean stop lets it finish; after a kill in the middle a thread may be opened again,
        and an empty one is left behind.

        Raises TemporaryError, and PermanentError when neither the place nor the person takes anything."""
        if self._settling.closing:
            return None
        return await self._settling.run(self._settled(waiting, message))

    async def drain(self, seconds: float) -> None:
        """Begin nothing new, and give what is being settled so many seconds."""
        await self._settling.drain(seconds)

    async def _settled(self, waiting: Waiting, message: Message) -> Message:
        if waiting.row not in self._opened:
            self._opened[waiting.row] = await self._place(self._platforms[message.key.platform], message)
        place, private = self._opened[waiting.row]
        moved = replace(
            message,
            event_id=f"{message.event_id}>",
            key=place,
            id=message.id if place == message.key else "",
            private=private,
            summoned=False,
        )
        await self._inbox.commit(Changes(done=(waiting.row,), received=(moved,), at=self._clock.now()))
        del self._opened[waiting.row]
        return moved

    async def _place(self, platform: Platform, message: Message) -> tuple[ConversationKey, bool]:
        """The thread, and whether nobody else is in it."""
        sender = message.sender
        obstacle = await self._obstacle(platform, message.key)
        if obstacle not in SILENCING:
            if message.id:
                return message.key, message.private
            text = texts.places.summoned_here(sender.name, message.text)
            try:
                return await platform.open(Post(key=message.key, text=text, person=sender)), message.private
            except Undeliverable:
                # It could not be found out beforehand, or has changed since.
                obstacle = Obstacle.NOT_MEMBER
        direct = await platform.direct(sender)
        if direct is None or obstacle is None:
            raise Undeliverable("neither this place nor the person takes anything")
        text = texts.places.summoned_elsewhere(obstacle, message.text)
        return await platform.open(Post(key=direct, text=text, person=sender)), True

    async def _obstacle(self, platform: Platform, key: ConversationKey) -> Obstacle | None:
        try:
            return await platform.obstacle(key)
        except ReelbotError:
            return None
