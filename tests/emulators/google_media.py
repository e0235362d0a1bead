"""Files as answers, as Google's addresses give them: in pieces, with ranges, breaking off when told to.

Which file belongs to which address is left to the services' modules.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from tests.emulators.faults import Streamed
from tests.emulators.google_wire import WireError

_RANGE = re.compile(r"bytes=(\d*)-(\d*)$")


@dataclass(slots=True)
class Pace:
    """How downloads flow, for tests that kill or cut in the middle of one.

    piece: bytes sent at once
    delay: seconds between pieces
    cut_after: break the connection of the next download after so many bytes, once
    on_piece: awaited with the number of bytes sent so far, after each piece
    """

    piece: int = 64 * 1024
    delay: float = 0.0
    cut_after: int | None = None
    on_piece: Callable[[int], Awaitable[None]] | None = None


class FileAnswer(Streamed):
    """A file as an answer. Nothing leaves before the handler has returned: a fault can still replace it."""

    def __init__(self, source: Path | bytes, request: web.Request, pace: Pace, *, mime: str = "video/mp4") -> None:
        """Raises WireError 416 for a range outside the file. A malformed one is ignored, as HTTP asks."""
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        first, last = 0, size - 1
        asked = _RANGE.match(request.headers.get("Range", ""))
        if asked is not None and (asked[1] or asked[2]):
            if asked[1]:
                first = int(asked[1])
                last = min(int(asked[2]), size - 1) if asked[2] else size - 1
            else:
                first = max(0, size - int(asked[2]))
            if first > last:
                raise WireError(416, "Request range not satisfiable")
        else:
            asked = None
        super().__init__(status=200 if asked is None else 206)
        self.content_type = mime
        self.content_length = last - first + 1
        self.headers["Accept-Ranges"] = "bytes"
        if asked is not None:
            self.headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        self._source = source
        self._first = first
        self._pace = pace

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send the headers, then the file."""
        writer = await super().prepare(request)
        if isinstance(self._source, bytes):
            data = self._source
        else:
            data = await asyncio.to_thread(self._source.read_bytes)
        limit, self._pace.cut_after = self._pace.cut_after, None
        if self.cut_after is not None:
            limit = self.cut_after
        sent, wanted = 0, self.content_length or 0
        while sent < wanted:
            size = min(self._pace.piece, wanted - sent)
            if limit is not None:
                size = min(size, limit - sent)
            if size <= 0:
                if request.transport is not None:
                    # Not abort(): what was sent before shall still arrive.
                    request.transport.close()
                break
            await self.write(data[self._first + sent : self._first + sent + size])
            sent += size
            if self._pace.on_piece is not None:
                await self._pace.on_piece(sent)
            if self._pace.delay:
                await asyncio.sleep(self._pace.delay)
        return writer
