"""The way to the server: streaming, time-outs, and no word about the token."""

from __future__ import annotations

import asyncio
import traceback
import tracemalloc
from pathlib import Path

import pytest
from aiohttp import web

from adapters.telegram import TelegramConnection, TelegramPlatform
from core.errors import PermanentError, TemporaryError
from core.messages import ConversationKey, Post
from tests.adapters.telegram.support import FakeClock, delivery
from tests.emulators.telegram import Fault, TelegramEmulator

SECRET = "123456:VERY-SECRET"


@pytest.mark.parametrize("url", ["https://api.telegram.org", "http://10.0.0.1:8081", "http://loopback.example"])
def test_only_this_machine_under_test(url: str) -> None:
    with pytest.raises(ValueError, match="this machine"):
        TelegramConnection(token="1:x", api_url=url, loopback_only=True)


@pytest.mark.parametrize("url", ["http://localhost:1", "http://127.0.0.2:1", "http://[::1]:1"])
def test_this_machine_has_several_names(url: str) -> None:
    TelegramConnection(token="1:x", api_url=url, loopback_only=True)


@pytest.mark.parametrize("token", ["", "abc", "12:", ":x", "x1:y"])
def test_a_token_of_another_form_is_refused_without_repeating_it(token: str) -> None:
    with pytest.raises(ValueError, match="BotFather"):
        TelegramConnection(token=token)


def test_an_address_of_another_form_is_refused() -> None:
    with pytest.raises(ValueError, match="address"):
        TelegramConnection(token="1:x", api_url="api.telegram.org")


async def test_a_large_clip_is_never_in_memory(tg: TelegramEmulator, tmp_path: Path) -> None:
    connection = TelegramConnection(token=tg.token, api_url=tg.url, loopback_only=True)
    platform = TelegramPlatform(connection, clock=FakeClock())
    anna = tg.user("Anna")
    chat = tg.private(anna)
    size = 24 << 20
    clip = delivery(tmp_path, ConversationKey(platform="telegram", chat=str(anna.id)), size=size)
    saved = {"announced": await platform.post(Post(key=clip.key, text="soon"), "")}

    async def save(_: object) -> None:
        raise AssertionError("announced already")

    tracemalloc.start()
    try:
        await platform.deliver(clip, saved, save)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        await connection.close()
    video = chat.messages[0].video
    assert video is not None and video.size == size
    assert peak < 8 << 20, "client and emulator together"


async def _hangs(request: web.Request) -> web.Response:
    await asyncio.sleep(30)
    return web.Response()


async def _redirects(request: web.Request) -> web.Response:
    raise web.HTTPFound("http://127.0.0.1:1/elsewhere")


@pytest.mark.parametrize("answer", ["hangs", "refused", "redirects"])
async def test_errors_do_not_carry_the_token(answer: str) -> None:
    app = web.Application()
    app.router.add_post("/{any:.*}", _hangs if answer == "hangs" else _redirects)
    runner = web.AppRunner(app, shutdown_timeout=0.01)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = 1 if answer == "refused" else runner.addresses[0][1]
    connection = TelegramConnection(token=SECRET, api_url=f"http://127.0.0.1:{port}", timeout_s=0.1, loopback_only=True)
    platform = TelegramPlatform(connection, clock=FakeClock())
    try:
        with pytest.raises((TemporaryError, PermanentError)) as caught:
            await platform.post(Post(key=ConversationKey(platform="telegram", chat="1"), text="x"), "")
    finally:
        await connection.close()
        await runner.cleanup()
    assert "SECRET" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"ok": true}', b"\xff"])
async def test_an_answer_that_is_none_is_temporary(
    tg: TelegramEmulator, platform: TelegramPlatform, body: bytes
) -> None:
    tg.faults.add(Fault(match="sendMessage", body=body))
    with pytest.raises(TemporaryError):
        await platform.post(Post(key=ConversationKey(platform="telegram", chat="1"), text="x"), "")
