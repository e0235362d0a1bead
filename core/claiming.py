"""Work on one thing at a time, however many processes share the database.

A claim is taken around the work. On one machine nobody else claims anything, and `Alone` says so.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.messages import ConversationKey
from core.ports import Claims, Clock

LOOK_AGAIN_S = 0.25
"""How long to wait before a claim that somebody else holds is tried again; most are held for less than a second."""


class Alone:
    """The `Claims` of a process that has the database to itself."""

    def __init__(self) -> None:
        self._held: set[str] = set()

    async def take(self, name: str) -> bool:
        """Claim it; False while another task of this process holds it."""
        if name in self._held:
            return False
        self._held.add(name)
        return True

    async def give_back(self, name: str) -> None:
        """Let another task have it."""
        self._held.discard(name)

    def holds(self, name: str) -> bool:
        """Whether some task of this process holds it."""
        return name in self._held


@asynccontextmanager
async def claimed(claims: Claims, clock: Clock, name: str) -> AsyncIterator[None]:
    """Hold the claim while the block runs; waits as long as somebody else does. Raises TemporaryError."""
    while not await claims.take(name):
        await clock.sleep(LOOK_AGAIN_S)
    try:
        yield
    finally:
        await claims.give_back(name)


def in_place(kind: str, key: ConversationKey) -> str:
    """What work of one kind in one place is claimed as."""
    return f"{kind} {key.platform} {key.chat} {key.thread}"
