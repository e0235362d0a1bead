"""Who may use the bot: the operator's allow-lists, and how often a stranger is told."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from core.messages import Incoming, Message

_TOLD_EVERY = timedelta(hours=1)
_MANY = 10_000


class Access:
    """The allow-lists; an empty one lets everybody in.

    users: ids of people. With a list, nobody else is heard anywhere
    chats: ids of chats. With a list, no other group is heard, and no other private chat either unless the person in it
        is among `users`
    """

    def __init__(self, *, users: AbstractSet[str], chats: AbstractSet[str]) -> None:
        self._users = users
        self._chats = chats
        self._told: dict[str, datetime] = {}

    def allowed(self, incoming: Incoming) -> bool:
        """Whether the message or press is to be heard."""
        listed = user_number(incoming) in self._users
        if self._users and not listed:
            return False
        return not self._chats or incoming.key.chat in self._chats or (incoming.private and listed)

    def tell(self, message: Message, now: datetime) -> bool:
        """Whether a stranger who spoke to the bot is to be told so now: at most once an hour, and counted at once."""
        if not message.addressed:
            return False
        who = message.sender.id
        if who in self._told and now - self._told[who] < _TOLD_EVERY:
            return False
        if len(self._told) > _MANY:
            self._told = {one: at for one, at in self._told.items() if now - at < _TOLD_EVERY}
        self._told[who] = now
        return True


def user_number(incoming: Incoming) -> str:
    """The sender's id as Telegram has it, without the platform's name."""
    return incoming.sender.id.partition(":")[2]
