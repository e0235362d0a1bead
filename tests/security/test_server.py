"""Connections that ask for nothing do not stay, and those that ask for something are served whole."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.server import serve
from tests.bot.test_server import bare_app


@pytest.mark.parametrize(
    "sent",
    [b"", b"POST /telegram/webhook HTTP/1.1\r\nHost: x\r\nX-A: ", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /he"],
    ids=["nothing", "half a head", "half a second head"],
)
async def test_a_connection_that_asks_for_nothing_ends(tmp_path: Path, sent: bytes) -> None:
    async with serve(bare_app(tmp_path), "127.0.0.1", 0, stop_within_s=1, headers_within_s=0.1) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        answer = await asyncio.wait_for(reader.read(), 4.5)  # to the end; uvicorn's own patience is five seconds
        assert answer == b"" or answer.startswith(b"HTTP/1.1 200")
        writer.close()


async def test_a_connection_that_goes_on_asking_stays(tmp_path: Path) -> None:
    async with serve(bare_app(tmp_path), "127.0.0.1", 0, stop_within_s=1, headers_within_s=0.15) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(8):
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            assert head.startswith(b"HTTP/1.1 200")
            await reader.readexactly(length)
            await asyncio.sleep(0.05)
        writer.close()
