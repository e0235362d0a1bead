"""Films that are made in this process: each once, in a thread, some at a time, and kept in a folder.

What stands where is told by files: the finished film, or the reason why there is none. Nothing is lost with the
process, because whoever asks begins again what neither runs nor has ended. What is rendered, and what an order is, is
left to the providers that use this (`adapters.animatic`, `adapters.cutting`).
"""

from __future__ import annotations

import asyncio
import re
import shutil
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import PermanentError, TemporaryError
from core.ports import Failed, Finished, OperationState, Running

KEEP_S = 7 * 24 * 3600
"""Seconds after which what is left of an order is removed, when the next one comes."""
RETRY_S = 30.0
"""Seconds until what the disk stopped is tried again."""


class Cancelled(PermanentError):
    """The rendering was cancelled."""


@dataclass(slots=True)
class Rendering:
    """One film in the making, as whoever renders it sees it."""

    stop: threading.Event = field(default_factory=threading.Event)
    fraction: float = 0.0
    task: asyncio.Task[None] | None = None

    def progressed(self, fraction: float) -> None:
        """So much of it is done, 0 to 1."""
        self.fraction = fraction


async def _nothing(operation: str) -> None:
    """There is nothing to bring before the rendering."""


class Renderings:
    """Renders orders, at most `at_once` of them together, in `folder`."""

    def __init__(
        self,
        folder: Path,
        *,
        name: str,
        render: Callable[[str, Path, Rendering], None],
        bring: Callable[[str], Awaitable[None]] = _nothing,
        at_once: int = 1,
    ) -> None:
        """`name` begins every operation's. `render` makes the operation's film, in a thread: it writes the file, which
        appears whole or not at all, and raises Cancelled, PermanentError for what will never work, or OSError for
        trouble with the disk. `bring` fetches what it needs before, and raises PermanentError or TemporaryError."""
        self._folder = folder
        self._name = name
        self._render = render
        self._bring = bring
        self._slots = asyncio.Semaphore(at_once)
        self._running: dict[str, Rendering] = {}

    def operation(self, order_key: str) -> str:
        """What the order with this key is known by."""
        return f"{self._name}-{order_key}"

    def path(self, operation: str, ending: str) -> Path:
        """A file of the operation's. Raises PermanentError for what is no name of ours."""
        if not re.fullmatch(rf"{self._name}-[\w.-]{{1,120}}", operation, re.ASCII):
            raise PermanentError("This is not the name of an order.")
        return self._folder / f"{operation}.{ending}"

    def tidy(self) -> None:
        """Remove what is left of old orders, and see that there is a folder."""
        self._folder.mkdir(parents=True, exist_ok=True)
        oldest = time.time() - KEEP_S
        for path in self._folder.glob(f"{self._name}-*"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < oldest:
                    path.unlink()

    def ended(self, operation: str) -> Finished | Failed | None:
        """How it ended; None while it has not."""
        reason = self.path(operation, "failed")
        if reason.is_file():  # looked at first: a film that was finished while it was being cancelled stays cancelled
            return Failed(reason=reason.read_text(encoding="utf-8"))
        if self.path(operation, "mp4").is_file():
            return Finished(location=f"{operation}.mp4")
        return None

    def begin(self, operation: str) -> Rendering:
        """See that it is being made."""
        rendering = self._running.get(operation)
        if rendering is None:
            rendering = self._running[operation] = Rendering()
            rendering.task = asyncio.create_task(self._make(operation, rendering), name=operation)
        return rendering

    async def poll(self, operation: str) -> OperationState:
        """Where an order stands that is known to exist; begins again when the process that was rendering is gone.

        Raises TemporaryError when the disk did not take the film, or what it is made of cannot be had now."""
        rendering = self._running.get(operation)
        if rendering is not None and rendering.task is not None and rendering.task.done():
            del self._running[operation]
            error = None if rendering.task.cancelled() else rendering.task.exception()
            if isinstance(error, TemporaryError):
                raise error
            if error is not None:
                raise TemporaryError("The film could not be written to disk.", retry_after=RETRY_S) from error
        return self.ended(operation) or Running(fraction=self.begin(operation).fraction)

    async def fetch(self, operation: str, location: str, destination: Path) -> None:
        """Copy the film; may be repeated. Raises PermanentError when it is not here, TemporaryError when the disk does
        not take the copy."""
        source = self.path(operation, "mp4")
        if location != source.name or not source.is_file():
            raise PermanentError("The film is not there any more.")
        try:
            await asyncio.to_thread(copy, source, destination)
        except OSError as error:
            raise TemporaryError("The film could not be copied.", retry_after=RETRY_S) from error

    async def cancel(self, operation: str) -> bool:
        """Stop making it; False when it is finished."""
        if self.path(operation, "mp4").is_file():
            return False
        write(self.path(operation, "failed"), "cancelled")
        rendering = self._running.pop(operation, None)
        if rendering is not None and rendering.task is not None:
            rendering.stop.set()
            rendering.task.cancel()
            await asyncio.wait([rendering.task])
        return True

    async def _make(self, operation: str, rendering: Rendering) -> None:
        async with self._slots:
            if self.ended(operation) is not None:
                return
            try:
                await self._bring(operation)
            except PermanentError as error:
                write(self.path(operation, "failed"), str(error))
                return
            work = asyncio.ensure_future(asyncio.to_thread(self._rendered, operation, rendering))
            try:
                await asyncio.shield(work)
            except asyncio.CancelledError:
                rendering.stop.set()
                await asyncio.wait([work])
                work.exception()  # taken, or asyncio would complain that nobody looked at it
                raise

    def _rendered(self, operation: str, rendering: Rendering) -> None:
        """Runs in a thread. What will never work is written down for `ended`; trouble with the disk is raised."""
        try:
            self._render(operation, self.path(operation, "mp4"), rendering)
        except Cancelled:
            return
        except OSError:
            raise
        except PermanentError as error:
            write(self.path(operation, "failed"), str(error))
        except (ValueError, RuntimeError, LookupError) as error:
            write(self.path(operation, "failed"), f"It could not be rendered ({type(error).__name__}).")


@contextmanager
def whole(destination: Path) -> Iterator[Path]:
    """A name to write to: what was written there appears at the destination when the block ends well, or nowhere."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    part = destination.with_name(f".{destination.name}.part")
    try:
        yield part
        part.replace(destination)
    finally:
        part.unlink(missing_ok=True)


def write(path: Path, text: str) -> None:
    """Write a small file, which appears whole."""
    with whole(path) as part:
        part.write_text(text, encoding="utf-8")


def copy(source: Path, destination: Path) -> None:
    """Copy without holding the file in memory; the destination appears whole."""
    with whole(destination) as part:
        shutil.copyfile(source, part)
