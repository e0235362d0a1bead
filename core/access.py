"""Who may use the bot on a platform: the operator's allow-lists, and how often a stranger is told."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from enum import StrEnum

from core.actions import FOR_APPROVERS, parse_action
from core.messages import Incoming, Message, Press

_TOLD_EVERY = timedelta(hours=1)
_MANY = 10_000


def _decides(incoming: Incoming) -> bool:
    """Whether it is an answer of somebody who was asked alone."""
    pressed = parse_action(incoming.action) if isinstance(incoming, Press) and incoming.private else None
    return pressed is not None and pressed.verb in FOR_APPROVERS


class Refusal(StrEnum):
    """Why somebody is not heard."""

    PERSON = "person"
    """They are not let in."""
    PLACE = "place"
    """They may be, but not here."""


class Access:
    """The allow-lists, with ids as the platform writes them; an empty one lets everybody in.

    users: people. With a list, nobody else is heard anywhere
    chats: chats or channels. With a list, no other group is heard
    teams: where people come from. With a list, nobody from elsewhere is heard
    private_open: whether the list of chats leaves private ones open to everybody; otherwise a private chat has to be
        in it, or the person in it among `users`
    """

    def __init__(
        self,
        *,
        users: AbstractSet[str],
        chats: AbstractSet[str],
        teams: AbstractSet[str] = frozenset(),
        private_open: bool = False,
    ) -> None:
        self._users = users
        self._chats = chats
        self._teams = teams
        self._private_open = private_open
        self._told: dict[str, datetime] = {}

    def refusal(self, incoming: Incoming, *, chat: str) -> Refusal | None:
        """Why the message or press is not to be heard, or None when it is; `chat` is the platform's own id of where it
        came. Who was named to decide about what others order may do so, on whatever list they are: whether they were
        is looked at where the press is handled."""
        if _decides(incoming):
            return None
        listed = incoming.sender.native_id in self._users
        if (self._users and not listed) or (self._teams and incoming.sender.team not in self._teams):
            return Refusal.PERSON
        if not self._chats or chat in self._chats:
            return None
        if incoming.private and (self._private_open or listed):
            return None
        return Refusal.PERSON if incoming.private else Refusal.PLACE

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
