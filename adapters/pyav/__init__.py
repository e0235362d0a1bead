"""What a clip really is, and smaller, silent or still renditions of it, by decoding it with PyAV.

Leaves to others: whether a clip is good enough (`core.inspection`), where files are kept, and when a rendition is
wanted.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from adapters.pyav.probing import measure
from adapters.pyav.renditions import save_poster, shrink_to, without_sound
from core.inspection import ClipFacts

T = TypeVar("T")


class PyAVMedia:
    """The `Media` port. Every method works in a thread and stops between two frames when its task is cancelled.

    A destination appears whole or not at all. All methods raise `UnplayableClip` when the source is no video or is
    cut off.
    """

    async def probe(self, path: Path) -> ClipFacts:
        """Measure the clip."""
        return await _in_thread(lambda stopped: measure(path, stopped))

    async def poster(self, path: Path, destination: Path) -> None:
        """Write a JPEG of a telling frame: at most 320 pixels on its longer side and 200 kB (Bot API, `thumbnail`)."""
        await _in_thread(lambda stopped: save_poster(path, destination, stopped))

    async def shrink(self, path: Path, destination: Path, max_bytes: int) -> None:
        """Write an H.264/AAC mp4 of at most `max_bytes` bytes with the same length and shape.

        Raises `PermanentError` when the clip is too long for that size."""
        await _in_thread(lambda stopped: shrink_to(path, destination, max_bytes, stopped))

    async def mute(self, path: Path, destination: Path) -> None:
        """Write the clip without its sound; the pictures are copied untouched."""
        await _in_thread(lambda stopped: without_sound(path, destination, stopped))


async def _in_thread(work: Callable[[Callable[[], bool]], T]) -> T:
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
