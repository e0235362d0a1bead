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
from core.errors import ReelbotError
from core.messages import ConversationKey, Message, Post
from core.ports import Changes, Clock, Inbox, Obstacle, Platform

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

    async def settle(self, waiting: Waiting, message: Message) -> Message:
        """Put the message into the inbox of its thread, in the place of `waiting`; returns it as it is there.

        A crash before that is saved opens a thread again, and leaves an empty one behind."""
        platform = self._platforms[message.key.platform]
        place, private = await self._place(platform, message)
        moved = replace(
            message,
            event_id=f"{message.event_id}>",
            key=place,
            id=message.id if place == message.key else "",
            private=private,
            summoned=False,
        )
        await self._inbox.commit(Changes(done=(waiting.row,), received=(moved,), at=self._clock.now()))
        return moved

    async def _place(self, platform: Platform, message: Message) -> tuple[ConversationKey, bool]:
        """The thread, and whether nobody else is in it."""
        sender = message.sender
        obstacle = await self._obstacle(platform, message.key)
        direct = await platform.direct(sender) if obstacle in SILENCING else None
        if obstacle is not None and direct is not None:
            text = texts.summoned_elsewhere(obstacle, message.text)
            return await platform.open(Post(key=direct, text=text, person=sender)), True
        if not message.id:
            text = texts.summoned_here(sender.name, message.text)
            return await platform.open(Post(key=message.key, text=text, person=sender)), message.private
        return message.key, message.private

    async def _obstacle(self, platform: Platform, key: ConversationKey) -> Obstacle | None:
        try:
            return await platform.obstacle(key)
        except ReelbotError:
            return None
