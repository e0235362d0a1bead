"""What a clip really is, and smaller, silent or still renditions of it, by decoding it with PyAV.

Leaves to others: whether a clip is good enough (`core.inspection`), where files are kept, and when a rendition is
wanted. PyAV and Pillow are loaded in the thread that needs them first: a chat is there before there is a clip.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from core.inspection import ClipFacts

T = TypeVar("T")
Stopped = Callable[[], bool]
"""Whether the work is to be stopped."""


class PyAVMedia:
    """The `Media` port. Every method works in a thread and stops between two frames when its task is cancelled.

    A destination appears whole or not at all. All methods raise `UnplayableClip` when the source is no video or is
    cut off.
    """

    async def probe(self, path: Path, *, poster: Path | None = None) -> ClipFacts:
        """Measure the clip. To `poster`, when given, goes a JPEG of a telling frame: at most 320 pixels on its longer
        side and 200 kB (Bot API, `thumbnail`)."""

        def work(stopped: Stopped) -> ClipFacts:
            from adapters.pyav.probing import measure

            return measure(path, poster, stopped)

        return await _in_thread(work)

    async def shrink(self, path: Path, destination: Path, max_bytes: int) -> None:
        """Write an H.264/AAC mp4 of at most `max_bytes` bytes with the same length and shape.

        Raises `PermanentError` when the clip is too long for that size."""

        def work(stopped: Stopped) -> None:
            from adapters.pyav.renditions import shrink_to

            shrink_to(path, destination, max_bytes, stopped)

        await _in_thread(work)

    async def mute(self, path: Path, destination: Path) -> None:
        """Write the clip without its sound; the pictures are copied untouched."""

        def work(stopped: Stopped) -> None:
            from adapters.pyav.renditions import without_sound

            without_sound(path, destination, stopped)

        await _in_thread(work)


async def _in_thread(work: Callable[[Stopped], T]) -> T:
    """Run `work` in a thread; when cancelled, tell it to stop and wait until it has cleaned up."""
    stop = threading.Event()
    running = asyncio.ensure_future(asyncio.to_thread(work, stop.is_set))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([running])
        if not running.cancelled():
            running.exception()  # taken, or asyncio would complain that nobody looked at it
        raise
