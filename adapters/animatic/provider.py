"""The `VideoProvider` port over the local renderer.

An order is a file, so nothing is lost with the process: whoever polls starts the rendering again when it neither runs
nor has finished. Leaves what is drawn to `storyboard` and how to `render`.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.animatic.render import Cancelled, render
from adapters.animatic.storyboard import Storyboard, storyboard
from core.errors import OrderNotSent, OrderRefused, PermanentError, TemporaryError
from core.ports import Failed, Finished, OperationState, Reconciliation, Running, VideoOrder
from core.request import TEXT_SLOTS, VideoRequest

KEEP_S = 7 * 24 * 3600
"""Seconds after which what is left of an order is removed, when the next one comes."""
RETRY_S = 30.0
"""Seconds until a rendering that the disk stopped is tried again."""


@dataclass(slots=True)
class _Rendering:
    """One film in the making."""

    stop: threading.Event = field(default_factory=threading.Event)
    fraction: float = 0.0
    task: asyncio.Task[None] | None = None

    def progressed(self, fraction: float) -> None:
        self.fraction = fraction


class AnimaticVideoProvider:
    """Renders storyboards in this process, at most `at_once` of them together, and keeps them in `folder`."""

    name = "animatic"

    def __init__(self, folder: Path, *, at_once: int = 1) -> None:
        self._folder = folder
        self._slots = asyncio.Semaphore(at_once)
        self._running: dict[str, _Rendering] = {}

    async def order(self, order: VideoOrder) -> str:
        """Save the order and begin. The same key gives the same operation, however often it is ordered.

        Raises OrderRefused for a shape, size or length that cannot be drawn, OrderNotSent when it cannot be saved."""
        operation = f"animatic-{order.key}"
        try:
            self._path(operation, "json")
            _board(_saved(order), None)
        except (PermanentError, ValueError) as error:
            raise OrderRefused(str(error)) from error
        try:
            await asyncio.to_thread(self._save, operation, order)
        except OSError as error:
            raise OrderNotSent("The order could not be written to disk.", retry_after=RETRY_S) from error
        self._begin(operation)
        return operation

    async def poll(self, operation: str) -> OperationState:
        """Where it stands; begins again when the process that was rendering is gone.

        Raises PermanentError for an unknown operation, TemporaryError when the disk did not take the film."""
        reason = self._path(operation, "failed")
        if reason.is_file():  # looked at first: a film that was finished while it was being cancelled stays cancelled
            return Failed(reason=reason.read_text(encoding="utf-8"))
        if self._path(operation, "mp4").is_file():
            return Finished(location=f"{operation}.mp4")
        if not self._path(operation, "json").is_file():
            raise PermanentError("This storyboard was never ordered here, or was removed.")
        rendering = self._running.get(operation)
        if rendering is not None and rendering.task is not None and rendering.task.done():
            del self._running[operation]
            error = None if rendering.task.cancelled() else rendering.task.exception()
            if error is not None:
                raise TemporaryError("The storyboard could not be written to disk.", retry_after=RETRY_S) from error
            return await self.poll(operation)
        return Running(fraction=self._begin(operation).fraction)

    async def fetch(self, operation: str, location: str, destination: Path) -> None:
        """Copy the film; may be repeated."""
        source = self._path(operation, "mp4")
        if location != source.name or not source.is_file():
            raise PermanentError("The storyboard is not there any more.")
        try:
            await asyncio.to_thread(_copy, source, destination)
        except OSError as error:
            raise TemporaryError("The storyboard could not be copied.", retry_after=RETRY_S) from error

    async def cancel(self, operation: str) -> bool:
        """Stop rendering; False when the film is finished or was never ordered."""
        if self._path(operation, "mp4").is_file() or not self._path(operation, "json").is_file():
            return False
        _write(self._path(operation, "failed"), "cancelled")
        rendering = self._running.pop(operation, None)
        if rendering is not None and rendering.task is not None:
            rendering.stop.set()
            rendering.task.cancel()
            await asyncio.wait([rendering.task])
        return True

    async def reconcile(self, order_key: str, model: str) -> str | Reconciliation:
        """The operation when the order was saved; otherwise it never arrived."""
        operation = f"animatic-{order_key}"
        return operation if self._path(operation, "json").is_file() else Reconciliation.NOTHING

    def _path(self, operation: str, ending: str) -> Path:
        if not re.fullmatch(r"animatic-[\w.-]{1,120}", operation, re.ASCII):
            raise PermanentError("This is not the name of a storyboard.")
        return self._folder / f"{operation}.{ending}"

    def _save(self, operation: str, order: VideoOrder) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        oldest = time.time() - KEEP_S
        for path in self._folder.glob("animatic-*"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < oldest:
                    path.unlink()
        if self._path(operation, "json").exists():
            return
        if order.first_frame is not None:  # a copy, because the original need not live as long as the order
            _copy(order.first_frame, self._path(operation, "picture"))
        _write(self._path(operation, "json"), json.dumps(_saved(order)))

    def _begin(self, operation: str) -> _Rendering:
        rendering = self._running.get(operation)
        if rendering is None:
            rendering = self._running[operation] = _Rendering()
            rendering.task = asyncio.create_task(self._make(operation, rendering), name=operation)
        return rendering

    async def _make(self, operation: str, rendering: _Rendering) -> None:
        async with self._slots:
            if self._path(operation, "mp4").is_file() or self._path(operation, "failed").is_file():
                return
            work = asyncio.ensure_future(asyncio.to_thread(self._render, operation, rendering))
            try:
                await asyncio.shield(work)
            except asyncio.CancelledError:
                rendering.stop.set()
                await asyncio.wait([work])
                work.exception()  # taken, or asyncio would complain that nobody looked at it
                raise

    def _render(self, operation: str, rendering: _Rendering) -> None:
        """Runs in a thread. What will never work is written down for `poll`; trouble with the disk is raised."""
        try:
            saved = json.loads(self._path(operation, "json").read_text(encoding="utf-8"))
            picture = self._path(operation, "picture")
            board = _board(saved, picture if picture.is_file() else None)
            render(
                board,
                self._path(operation, "mp4"),
                on_progress=rendering.progressed,
                cancelled=rendering.stop.is_set,
            )
        except Cancelled:
            return
        except OSError:
            raise
        except PermanentError as error:
            _write(self._path(operation, "failed"), str(error))
        except (ValueError, RuntimeError, LookupError) as error:
            _write(
                self._path(operation, "failed"),
                f"The storyboard could not be drawn ({type(error).__name__}).",
            )


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


def _write(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _copy(source: Path, destination: Path) -> None:
    """Copy without holding the file in memory; the destination appears whole."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    part = destination.with_name(f".{destination.name}.part")
    try:
        shutil.copyfile(source, part)
        part.replace(destination)
    finally:
        part.unlink(missing_ok=True)
