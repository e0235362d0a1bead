"""Who may decide about other people's orders and clips: the admin's list, as the platforms know its people right now.

The list may name groups, whose members come and go. What a platform said last counts while it does not answer, so that
nobody's order waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from core.errors import ReelbotError
from core.generation import Generation
from core.messages import ConversationKey, Person
from core.ports import Clock, Platform

log = logging.getLogger("reelbot.approvers")

FRESH_FOR = timedelta(seconds=60)
"""How long an answer is taken as it was given."""
AGAIN_AFTER = timedelta(seconds=10)
"""How long a platform that did not answer is left alone."""
WAIT_S = 5.0
"""How long an answer is waited for."""


class Approvers:
    """Resolves the list of those who approve and review."""

    def __init__(self, *, listed: Sequence[str], platforms: Mapping[str, Platform], clock: Clock) -> None:
        """`listed`: ids of people or groups such as "slack:S1", whose platform is what stands before the colon."""
        self._listed = tuple(dict.fromkeys(listed))
        self._platforms = platforms
        self._clock = clock
        self._known: dict[str, tuple[str, ...]] = {}
        """Whom each name on the list stood for when it was last answered."""
        self._look_again: dict[str, datetime] = {}

    async def current(self) -> tuple[str, ...]:
        """Ids of the people on the list, each once; who cannot be found out and never was is left out. Never raises."""
        found = await asyncio.gather(*(self._people(name) for name in self._listed))
        return tuple(dict.fromkeys(person for people in found for person in people))

    async def _people(self, name: str) -> tuple[str, ...]:
        now = self._clock.now()
        platform = self._platforms.get(name.partition(":")[0])
        if platform is None:
            return ()
        if name not in self._look_again or not now < self._look_again[name] <= now + FRESH_FOR:
            self._look_again[name] = now + AGAIN_AFTER
            try:
                async with asyncio.timeout(WAIT_S):
                    people = await platform.people(name.partition(":")[2])
                self._known[name] = tuple(person.id for person in people)
                self._look_again[name] = now + FRESH_FOR
            except (ReelbotError, TimeoutError) as error:
                log.warning("approvers.unknown", extra={"listed": name, "error": type(error).__name__})
        return self._known.get(name, ())

    async def places(self, generation: Generation) -> dict[str, ConversationKey]:
        """Where each of those who may decide about it can be asked, by person: everybody but its requester who can be
        reached and whose place would take what is sent. Never raises."""
        people = [person for person in await self.current() if person != generation.requester.id]
        found = await asyncio.gather(*(self._place(person) for person in people))
        return {person: place for person, place in zip(people, found, strict=True) if place is not None}

    async def _place(self, person_id: str) -> ConversationKey | None:
        platform = self._platforms.get(person_id.partition(":")[0])
        if platform is None:
            return None
        try:
            async with asyncio.timeout(WAIT_S):
                place = await platform.direct(Person(id=person_id, name=person_id))
        except (ReelbotError, TimeoutError) as error:
            # The others are asked; nobody's order waits for one that cannot be reached.
            log.warning("approver.unreachable", extra={"person": person_id, "error": type(error).__name__})
            return None
        if place is None:
            return None
        try:
            async with asyncio.timeout(WAIT_S):
                obstacle = await platform.obstacle(place)
        except (ReelbotError, TimeoutError):
            return place
        if obstacle is not None:
            log.warning("approver.unreachable", extra={"person": person_id, "error": obstacle.value})
        return place if obstacle is None else None
