"""The `VideoProvider` port over the local renderer.

An order is a file in the same folder as what is made of it, so nothing is lost with the process. Leaves what is drawn
to `storyboard`, how to `render`, and running it to `adapters.rendering`.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from adapters.animatic.storyboard import Storyboard, storyboard
from adapters.rendering import RETRY_S, Rendering, Renderings, copy, write
from core.errors import OrderNotSent, OrderRefused, PermanentError
from core.ports import OperationState, Reconciliation, VideoOrder
from core.request import TEXT_SLOTS, VideoRequest


class AnimaticVideoProvider:
    """Renders storyboards in this process, at most `at_once` of them together, and keeps them in `folder`."""

    name = "animatic"

    def __init__(self, folder: Path, *, at_once: int = 1) -> None:
        self._films = Renderings(folder, name=self.name, render=self._render, at_once=at_once)

    async def order(self, order: VideoOrder) -> str:
        """Save the order and begin. The same key gives the same operation, however often it is ordered.

        Raises OrderRefused for a shape, size or length that cannot be drawn, OrderNotSent when it cannot be saved."""
        operation = self._films.operation(order.key)
        try:
            self._films.path(operation, "json")
            _board(_saved(order), None)
        except (PermanentError, ValueError) as error:
            raise OrderRefused(str(error)) from error
        try:
            await asyncio.to_thread(self._save, operation, order)
        except OSError as error:
            raise OrderNotSent("The order could not be written to disk.", retry_after=RETRY_S) from error
        self._films.begin(operation)
        return operation

    async def poll(self, operation: str) -> OperationState:
        """Where it stands; begins again when the process that was rendering is gone.

        Raises PermanentError for an unknown operation, TemporaryError when the disk did not take the film."""
        if (ended := self._films.ended(operation)) is not None:
            return ended
        if not self._films.path(operation, "json").is_file():
            raise PermanentError("This storyboard was never ordered here, or was removed.")
        return await self._films.poll(operation)

    async def fetch(self, operation: str, location: str, destination: Path) -> None:
        """Copy the film; may be repeated."""
        await self._films.fetch(operation, location, destination)

    async def cancel(self, operation: str) -> bool:
        """Stop rendering; False when the film is finished or was never ordered."""
        if not self._films.path(operation, "json").is_file():
            return False
        return await self._films.cancel(operation)

    async def reconcile(self, order_key: str, model: str) -> str | Reconciliation:
        """The operation when the order was saved; otherwise it never arrived."""
        operation = self._films.operation(order_key)
        return operation if self._films.path(operation, "json").is_file() else Reconciliation.NOTHING

    def _save(self, operation: str, order: VideoOrder) -> None:
        self._films.tidy()
        if self._films.path(operation, "json").exists():
            return
        if order.first_frame is not None:  # a copy, because the original need not live as long as the order
            copy(order.first_frame, self._films.path(operation, "picture"))
        write(self._films.path(operation, "json"), json.dumps(_saved(order)))

    def _render(self, operation: str, film: Path, rendering: Rendering) -> None:
        from adapters.animatic.render import render  # slow to load: not before there is something to draw

        saved = json.loads(self._films.path(operation, "json").read_text(encoding="utf-8"))
        picture = self._films.path(operation, "picture")
        board = _board(saved, picture if picture.is_file() else None)
        render(board, film, on_progress=rendering.progressed, cancelled=rendering.stop.is_set)


def _saved(order: VideoOrder) -> dict[str, Any]:
    """What a storyboard depends on, as plain values."""
    return {
        "slots": {slot: getattr(order.request, slot) for slot in TEXT_SLOTS},
        "shots": list(order.request.shots), "duration_s": order.duration_s, "aspect": order.aspect,
        "resolution": order.resolution, "sound": order.sound, "seed": order.seed,
    }  # fmt: skip


def _board(saved: dict[str, Any], picture: Path | None) -> Storyboard:
    request = VideoRequest(**saved["slots"], shots=tuple(saved["shots"]))
    return storyboard(
        request, duration_s=saved["duration_s"], aspect=saved["aspect"], resolution=saved["resolution"],
        sound=saved["sound"] and not request.silent, seed=saved["seed"], picture=picture,
    )  # fmt: skip
