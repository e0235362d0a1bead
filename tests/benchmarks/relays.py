"""Something in between that counts what a program says to a service, and what comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Self

PIECE = 1 << 16


class Relay:
    """Passes connections on to a port of this machine, and counts."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self.sent = 0
        """Bytes from whoever connects."""
        self.answered = 0
        """Bytes back."""
        self.requests = 0
        """HTTP's, by their first lines."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._server is not None:
            self._server.close()
        for task in tuple(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    @property
    def url(self) -> str:
        """Where to connect to."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._port)
            await asyncio.gather(self._pass(reader, back, self._asked), self._pass(there, writer, self._answered))
        except (ConnectionError, asyncio.CancelledError):
            pass  # one side has gone, or everything ends: nothing is left to pass on
        finally:
            self._open.discard(task)
            writer.close()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: Callable[[bytes], None]
    ) -> None:
        try:
            while piece := await reader.read(PIECE):
                count(piece)
                writer.write(piece)
                await writer.drain()
        finally:
            writer.close()

    def _asked(self, piece: bytes) -> None:
        self.sent += len(piece)
        self.requests += piece.count(b" HTTP/1.1\r\n")

    def _answered(self, piece: bytes) -> None:
        self.answered += len(piece)
