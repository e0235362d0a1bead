"""Who may use the bot on a platform: the operator's allow-lists, and how often a stranger is told."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from core.messages import Incoming, Message

_TOLD_EVERY = timedelta(hours=1)
_MANY = 10_000


class Access:
    """The allow-lists, with ids as the platform writes them; an empty one lets everybody in.

    users: people. With a list, nobody else is heard anywhere
    chats: chats or channels. With a list, no other group is heard, and no other private chat either unless the person
        in it is among `users`
    teams: where people come from. With a list, nobody from elsewhere is heard
    """

    def __init__(
        self, *, users: AbstractSet[str], chats: AbstractSet[str], teams: AbstractSet[str] = frozenset()
    ) -> None:
        self._users = users
        self._chats = chats
        self._teams = teams
        self._told: dict[str, datetime] = {}

    def allowed(self, incoming: Incoming, *, chat: str) -> bool:
        """Whether the message or press is to be heard; `chat` is the platform's own id of where it came."""
        listed = incoming.sender.native_id in self._users
        if self._users and not listed:
            return False
        if self._teams and incoming.sender.team not in self._teams:
            return False
        return not self._chats or chat in self._chats or (incoming.private and listed)

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
