"""What is fetched: only from where it belongs, only as much as is taken, and the key goes nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from adapters.gemini import MAX_REPLY_BYTES, GeminiDialogueModel
from adapters.google_client import http_client
from adapters.omni import OmniVideoProvider
from adapters.telegram import TelegramConnection, TelegramPlatform
from adapters.telegram.connection import PUBLIC_SERVER
from core.catalogue import load_catalogue
from core.errors import PermanentError, ReelbotError, TemporaryError
from core.messages import Attachment, MediaKind
from core.reading import ReadingInput
from tests.adapters.telegram.support import FakeClock
from tests.emulators.faults import Fault
from tests.emulators.telegram import TelegramEmulator

KEY = "AIzaTestKeyTestKeyTestKeyTestKeyTestKey"
DOCUMENT = Attachment(kind=MediaKind.DOCUMENT, ref="x")


class Canary:
    """A server that nobody should come to."""

    def __init__(self) -> None:
        self.url = ""
        self.visits: list[str] = []
        self.headers: list[dict[str, str]] = []

    async def visited(self, request: web.Request) -> web.StreamResponse:
        self.visits.append(request.path_qs)
        self.headers.append(dict(request.headers))
        return web.Response(body=b"stolen")


@asynccontextmanager
async def served(handler: Any) -> AsyncIterator[str]:
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def canary() -> AsyncIterator[Canary]:
    bird = Canary()
    async with served(bird.visited) as bird.url:
        yield bird


# --- Telegram ---------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def telegram(download_bytes: int = 20 << 20) -> AsyncIterator[tuple[TelegramEmulator, TelegramPlatform]]:
    async with TelegramEmulator() as emulator:
        connection = TelegramConnection(token=emulator.token, api_url=emulator.url, loopback_only=True)
        try:
            yield emulator, TelegramPlatform(connection, clock=FakeClock(), download_bytes=download_bytes)
        finally:
            await connection.close()


def named(emulator: TelegramEmulator, path: str, *, size: int | None = None) -> None:
    """Have the server answer the next getFile with this path."""
    result = {"file_id": "x", "file_unique_id": "x", "file_path": path} | ({"file_size": size} if size else {})
    emulator.faults.add(Fault(match="getFile", body={"ok": True, "result": result}))


@pytest.mark.parametrize("path", ["../../../secret", "a/../../b", "..%2f..%2fsecret", "%2e%2e/x", "photos/../../x"])
async def test_telegrams_path_cannot_leave_the_bots_files(tmp_path: Path, path: str) -> None:
    async with telegram() as (emulator, platform):
        named(emulator, path)
        with pytest.raises(PermanentError, match="outside"):
            await platform.fetch(DOCUMENT, tmp_path / "got")
    assert not list(tmp_path.iterdir())


async def test_telegram_can_name_no_other_server(canary: Canary, tmp_path: Path) -> None:
    async with telegram() as (emulator, platform):
        for path in (f"{canary.url}/x", f"@{canary.url.removeprefix('http://')}/x", f"/{canary.url}/x"):
            named(emulator, path)
            with pytest.raises(ReelbotError):
                await platform.fetch(DOCUMENT, tmp_path / "got")
    assert canary.visits == []


async def test_the_public_server_names_no_file_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of this machine")
    connection = TelegramConnection(token="123456:TEST", api_url=PUBLIC_SERVER)
    try:
        for location in (str(tmp_path / "secret"), "file:///etc/passwd", "https://elsewhere.example/x", "secret"):
            with pytest.raises(PermanentError, match="not on its server"):
                await connection.download(location, tmp_path / "got", limit=100)
    finally:
        await connection.close()
    assert not (tmp_path / "got").exists()


async def test_a_redirect_of_telegrams_is_not_followed(canary: Canary, tmp_path: Path) -> None:
    async def elsewhere(request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(canary.url + request.path)

    async with served(elsewhere) as url:
        connection = TelegramConnection(token="123456:TEST", api_url=url, loopback_only=True)
        try:
            with pytest.raises(Exception, match="302"):
                await connection.download(f"{url}/file/bot123456:TEST/a.jpg", tmp_path / "got", limit=100)
            with pytest.raises(Exception, match="302"):
                await connection.identify()
        finally:
            await connection.close()
    assert canary.visits == []


@pytest.mark.parametrize("announced", [None, 10], ids=["no size is said", "a size that lies"])
async def test_a_telegram_file_ends_at_the_limit(tmp_path: Path, announced: int | None) -> None:
    async with telegram(download_bytes=1 << 20) as (emulator, platform):
        emulator.faults.add(Fault(match="file", body=bytes(2 << 20)))
        named(emulator, "documents/a.bin", size=announced)
        with pytest.raises(PermanentError, match="larger than 1 MB"):
            await platform.fetch(DOCUMENT, tmp_path / "got")
        big = tmp_path / "big"
        big.write_bytes(bytes(2 << 20))
        named(emulator, str(big), size=announced)
        with pytest.raises(PermanentError, match="larger than 1 MB"):
            await platform.fetch(DOCUMENT, tmp_path / "got")
    assert list(tmp_path.iterdir()) == [big]


async def test_an_answer_of_telegrams_is_read_only_so_far() -> None:
    async with TelegramEmulator() as emulator:
        connection = TelegramConnection(token=emulator.token, api_url=emulator.url, loopback_only=True)
        emulator.faults.add(Fault(match="getMe", body=b'{"ok": true, "result": "' + b"x" * (17 << 20) + b'"}'))
        try:
            with pytest.raises(Exception, match="too large"):
                await connection.identify()
            await connection.identify()
        finally:
            await connection.close()


# --- Google -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [302, 307])
async def test_the_key_follows_no_redirect(canary: Canary, tmp_path: Path, status: int) -> None:
    keys: list[str] = []

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        keys.append(request.headers.get("x-goog-api-key", ""))
        return web.Response(status=status, headers={"Location": f"{canary.url}{request.path}"})

    async with served(elsewhere) as url:
        omni = OmniVideoProvider(api_key=KEY, base_url=url, loopback_only=True)
        try:
            with pytest.raises(ReelbotError):
                await omni.fetch("op", f"{url}/v1beta/files/abc:download?alt=media", tmp_path / "clip.mp4")
            with pytest.raises(ReelbotError):
                await omni.poll("op")
        finally:
            await omni.close()
    assert set(keys) == {KEY}
    assert canary.visits == []
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "place", ["{canary}/v1beta/files/abc:download", "{canary}/x", "file:///etc/passwd", "/etc/hosts"]
)
async def test_a_clip_is_never_fetched_from_where_the_answer_says(canary: Canary, tmp_path: Path, place: str) -> None:
    """Of the address only the file's id is used; the rest is asked of the service itself."""
    asked: list[str] = []

    async def service(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return web.Response(status=404)

    async with served(service) as url:
        omni = OmniVideoProvider(api_key=KEY, base_url=url, loopback_only=True)
        try:
            with pytest.raises(PermanentError):
                await omni.fetch("op", place.format(canary=canary.url), tmp_path / "clip.mp4")
        finally:
            await omni.close()
    assert canary.visits == []
    assert not list(tmp_path.iterdir())


async def test_a_clip_without_end_ends_at_the_limit(tmp_path: Path) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        try:
            while True:
                await answer.write(bytes(1 << 16))
        except ConnectionError:
            return answer

    async with served(endless) as url, http_client(5.0, loopback_only=True, most_bytes=1 << 20) as http:
        got = 0
        with pytest.raises(Exception, match="too large"):
            async with http.stream("GET", f"{url}/clip") as response:
                async for chunk in response.aiter_raw():
                    got += len(chunk)
        assert got <= 1 << 20


async def test_a_model_that_talks_megabytes_is_cut_off() -> None:
    async def talkative(request: web.Request) -> web.StreamResponse:
        return web.json_response({"candidates": [{"content": {"parts": [{"text": "x" * (MAX_REPLY_BYTES + 1)}]}}]})

    async with served(talkative) as url:
        model = GeminiDialogueModel(
            api_key=KEY, catalogue=load_catalogue(), clock=FakeClock(), base_url=url, loopback_only=True
        )
        try:
            with pytest.raises(TemporaryError):
                await model.read(ReadingInput(text="a fox"))
        finally:
            await model.close()
