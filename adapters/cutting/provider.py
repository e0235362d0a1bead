"""The `VideoProvider` port over the local editor.

An order is a small file in the clip store, so that whichever worker asks about it can go on: clips that it does not
have in its own folder it fetches from there. It is removed once the film is fetched, and joining the same clips again
gives the same bytes, so nothing is lost with a worker but the time. Leaves what is done to `cut` and `render`, and
running it to `adapters.rendering`.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from adapters.cutting.cut import Cut, cut, saved
from adapters.rendering import RETRY_S, Rendering, Renderings, copy, write
from core.errors import OrderNotSent, OrderRefused, PermanentError, TemporaryError
from core.ports import ClipStore, Failed, OperationState, Reconciliation, VideoOrder


class CuttingVideoProvider:
    """Joins clips of the store `clips` in this process, `at_once` films at most, and keeps them in `folder`."""

    name = "cutter"

    def __init__(self, folder: Path, clips: ClipStore, *, at_once: int = 1) -> None:
        self._clips = clips
        self._films = Renderings(folder, name=self.name, render=self._render, bring=self._bring, at_once=at_once)

    async def order(self, order: VideoOrder) -> str:
        """Save the order and begin. The same key gives the same operation, however often it is ordered.

        Raises OrderRefused for what cannot be joined, OrderNotSent when it cannot be saved."""
        operation = self._films.operation(order.key)
        try:
            self._films.path(operation, "json")
            values = saved(order)
        except (PermanentError, ValueError) as error:
            raise OrderRefused(str(error)) from error
        try:
            await asyncio.to_thread(self._save, operation, values, order.parts)
            await self._clips.put(self._films.path(operation, "json"), _kept(operation))
        except (OSError, TemporaryError) as error:
            raise OrderNotSent("The order could not be saved.", retry_after=RETRY_S) from error
        self._films.begin(operation)
        return operation

    async def poll(self, operation: str) -> OperationState:
        """Where it stands; begins again when the worker that was joining is gone.

        Raises PermanentError for an unknown operation, TemporaryError when the disk or the store has trouble."""
        if self._films.ended(operation) is None and not await self._known(operation):
            raise PermanentError("These clips were never to be joined, or were fetched already.")
        state = await self._films.poll(operation)
        if isinstance(state, Failed):
            await self._forget(operation)
        return state

    async def fetch(self, operation: str, location: str, destination: Path) -> None:
        """Copy the film; may be repeated. A worker that does not have it makes it anew, which raises TemporaryError as
        long as it takes."""
        if not self._films.path(operation, "mp4").is_file() and await self._known(operation):
            state = await self._films.poll(operation)
            if isinstance(state, Failed):
                raise PermanentError(state.reason)
            raise TemporaryError("The clips are being joined again.", retry_after=1.0)
        await self._films.fetch(operation, location, destination)
        await self._forget(operation)

    async def cancel(self, operation: str) -> bool:
        """Stop joining; False when the film is finished or was never ordered."""
        if not await self._known(operation) or not await self._films.cancel(operation):
            return False
        await self._forget(operation)
        return True

    async def reconcile(self, order_key: str, model: str) -> str | Reconciliation:
        """The operation when the order was saved; otherwise it never arrived."""
        operation = self._films.operation(order_key)
        return operation if await self._known(operation) else Reconciliation.NOTHING

    async def _known(self, operation: str) -> bool:
        """Whether it was ordered, here or on another worker, and nobody has its film yet."""
        here = self._films.path(operation, "json").is_file()
        return here or await self._clips.size(_kept(operation)) is not None

    # --- what is made of it ----------------------------------------------------------------------------------------

    def _save(self, operation: str, values: dict[str, Any], parts: tuple[Path, ...]) -> None:
        self._films.tidy()
        for number, part in enumerate(parts):
            own = self._part(operation, number)
            if not own.exists():  # of its own, because the original need not live as long as the order
                _linked(part, own)
        write(self._films.path(operation, "json"), json.dumps(values))

    async def _bring(self, operation: str) -> None:
        """See that the order and its clips are in the folder."""
        order = self._films.path(operation, "json")
        order.parent.mkdir(parents=True, exist_ok=True)
        if not order.is_file():
            await self._clips.get(_kept(operation), order)
        for number, part in enumerate(json.loads(order.read_text(encoding="utf-8"))["parts"]):
            own = self._part(operation, number)
            if not own.is_file():
                try:
                    await self._clips.get(part["clip"], own)
                except PermanentError as error:
                    raise PermanentError("One of the clips is not kept any more.") from error

    def _cut(self, operation: str) -> Cut:
        values = json.loads(self._films.path(operation, "json").read_text(encoding="utf-8"))
        return cut(values, tuple(self._part(operation, number) for number in range(len(values["parts"]))))

    def _render(self, operation: str, film: Path, rendering: Rendering) -> None:
        from adapters.cutting.render import render  # slow to load: not before there is something to join

        plan = self._cut(operation)
        render(plan, film, on_progress=rendering.progressed, cancelled=rendering.stop.is_set)
        for piece in plan.pieces:
            piece.path.unlink(missing_ok=True)

    def _part(self, operation: str, number: int) -> Path:
        return self._films.path(operation, f"part{number}")

    async def _forget(self, operation: str) -> None:
        """The order has served its purpose."""
        await self._clips.delete(_kept(operation))
        self._films.path(operation, "json").unlink(missing_ok=True)


def _kept(operation: str) -> str:
    """What the order is called in the clip store: it stands beside the clip that it is for."""
    key = operation.partition("-")[2]
    return f"{key.partition('-')[0] or 'none'}/{operation}.json"


def _linked(source: Path, destination: Path) -> None:
    """The same file under another name; a copy where the disk cannot do that."""
    try:
        os.link(source, destination)
    except OSError:
        copy(source, destination)
