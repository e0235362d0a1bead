"""Receivers of which only one may run over one database, such as Telegram's polling: the others stand by."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

from core.errors import TemporaryError
from core.ports import Claims, Clock, Receive, Receiver

log = logging.getLogger("reelbot.listening")

LOOK_S = 2.0
"""How often one that stands by looks whether it is needed, in seconds; so long nobody listens at most."""
HELD_S = 0.5
"""How often the one that runs looks whether it still may."""


class Standby:
    """Implements the `Receiver` port over one that must not run twice."""

    def __init__(self, name: str, receiver: Receiver, *, claims: Claims, clock: Clock) -> None:
        self._claim = f"receiver {name}"
        self._receiver = receiver
        self._claims = claims
        self._clock = clock
        self._runs = False

    async def run(self, receive: Receive) -> None:
        """Take in messages whenever no other process does, until cancelled."""
        while True:
            while not await self._taken():
                await self._clock.sleep(LOOK_S)
            task = asyncio.create_task(self._receiver.run(receive))
            self._runs = True
            try:
                while not task.done() and self._claims.holds(self._claim):
                    await asyncio.wait({task}, timeout=HELD_S)
            finally:
                self._runs = False
                ended = task.done()
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                await self._claims.give_back(self._claim)
            if ended:
                task.result()
                return
            log.warning("receiver.stands_by", extra={"claim": self._claim})

    def healthy(self, now: datetime) -> str:
        """Empty when it is receiving, or another process does; otherwise what is wrong."""
        return self._receiver.healthy(now) if self._runs else ""

    async def _taken(self) -> bool:
        try:
            return await self._claims.take(self._claim)
        except TemporaryError:
            return False
