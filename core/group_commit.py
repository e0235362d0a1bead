"""One transaction for what many have to save: a commit costs the same for one row as for fifty.

While one group is being saved, what others have to save gathers for the next; nobody waits for company.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

log = logging.getLogger("reelbot.outbox")

T = TypeVar("T")
R = TypeVar("R")


class GroupCommit(Generic[T, R]):
    """Saves through `save_all`, which takes what has gathered, saves all of it or nothing, and says in the same order
    what came of each."""

    def __init__(self, save_all: Callable[[Sequence[T]], Awaitable[Sequence[R]]]) -> None:
        self._save_all = save_all
        self._gathered: list[tuple[T, asyncio.Future[R]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def save(self, one: T) -> R:
        """Return what came of it once it is saved; that goes on when the caller is cancelled meanwhile. Raises what
        `save_all` does for this one alone: where a group cannot be saved, each is saved by itself."""
        came: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._gathered.append((one, came))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write(), name="group commit")
        return await came

    async def settled(self) -> None:
        """Return when nothing is being saved."""
        while self._writer is not None:
            await asyncio.wait({self._writer})

    async def _write(self) -> None:
        group: list[tuple[T, asyncio.Future[R]]] = []
        try:
            while self._gathered:
                group, self._gathered = self._gathered, []
                if len(group) == 1 or not await self._together(group):
                    await self._one_by_one(group)
        finally:
            self._writer = None
            for _, came in (*group, *self._gathered):
                came.cancel()  # only where the program ends in the middle: nobody is to wait for what does not come

    async def _together(self, group: Sequence[tuple[T, asyncio.Future[R]]]) -> bool:
        try:
            results = await self._save_all([one for one, _ in group])
        except Exception as error:
            log.info("group.not_saved", extra={"count": len(group), "error": str(error)})
            return False
        for (_, came), result in zip(group, results, strict=True):
            if not came.done():  # whoever waited for it may be gone
                came.set_result(result)
        return True

    async def _one_by_one(self, group: Sequence[tuple[T, asyncio.Future[R]]]) -> None:
        for one, came in group:
            try:
                (result,) = await self._save_all([one])
            except Exception as error:
                if not came.done():
                    came.set_exception(error)
            else:
                if not came.done():
                    came.set_result(result)
