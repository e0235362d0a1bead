"""The connection: who we are, files there and back, and where the token goes."""

from __future__ import annotations

import asyncio
import logging
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from adapters.slack import SlackConnection
from adapters.slack.scopes import SCOPES
from core.errors import PermanentError, TemporaryError
from tests.adapters.slack.support import connected
from tests.emulators.slack import Fault, SlackEmulator

TOKEN = "xoxb-secret"


class Elsewhere:
    """A server that is not Slack: it answers with what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.location = ""
        """where it sends whoever asks for /moved, or for the API as well"""
        self.everywhere = False
        self.body = b"bytes"
        self.kind = "video/mp4"
        self.url = ""
        self._runner: web.AppRunner | None = None

    @property
    def named(self) -> str:
        return self.url.replace("127.0.0.1", "localhost")

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(dict(request.headers))
        if self.location and (request.path == "/moved" or (self.everywhere and request.path.startswith("/api/"))):
            return web.Response(status=302, headers={"Location": self.location})
        return web.Response(body=self.body, headers={"Content-Type": self.kind})

    async def __aenter__(self) -> Elsewhere:
        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()


@pytest.fixture
async def elsewhere() -> AsyncIterator[Elsewhere]:
    async with Elsewhere() as server:
        yield server


@pytest.fixture
async def there(elsewhere: Elsewhere) -> AsyncIterator[SlackConnection]:
    """A connection for which that server is Slack, under another of its names."""
    connection = SlackConnection(bot_token=TOKEN, api_url=f"{elsewhere.named}/api/")
    yield connection
    await connection.close()


@pytest.mark.parametrize(
    "given",
    [
        {"bot_token": ""},
        {"bot_token": "xoxp-1"},
        {"bot_token": "xoxb-"},
        {"bot_token": "xoxb-1\n"},
        {"bot_token": "xoxb-1 2"},
        {"bot_token": "xoxb-1", "app_token": "xoxb-1"},
        {"bot_token": "xoxb-1", "api_url": "slack.com/api"},
        {"bot_token": "xoxb-1", "api_url": "ftp://slack.com/api/"},
        {"bot_token": "xoxb-1", "api_url": "http://[/"},
        {"bot_token": "xoxb-1", "loopback_only": True},
        {"bot_token": "xoxb-1", "api_url": "http://10.0.0.1/api/", "loopback_only": True},
    ],
)
def test_settings_that_cannot_be(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as caught:
        SlackConnection(**given)
    assert "xoxb-1" not in str(caught.value)


async def test_who_we_are(slack: SlackEmulator, connection: SlackConnection) -> None:
    installation = connection.installation
    assert installation is not None
    assert (installation.team, installation.bot_user) == (slack.team.id, slack.bot.id)
    assert installation.bot == slack.bot.bot_id
    assert {"chat:write", "files:write"} <= connection.scopes


async def test_an_identity_that_cannot_be_read(slack: SlackEmulator) -> None:
    connection = connected(slack)
    for fault, error in (
        ({"body": {"ok": True}}, TemporaryError),
        ({"body": [1]}, TemporaryError),
        ({"body": "<html>"}, TemporaryError),
        ({"malformed": True}, TemporaryError),
        ({"status": 503}, TemporaryError),
        ({"drop": "before"}, TemporaryError),
        ({"body": {"ok": False, "error": "invalid_auth"}}, PermanentError),
        ({"body": {"ok": False, "error": "account_inactive"}}, PermanentError),
    ):
        slack.faults.add(Fault(match="auth.test", **fault))
        with pytest.raises(error):
            await connection.identify()
    assert connection.installation is None
    await connection.identify()
    await connection.close()


async def test_both_tokens_are_checked(slack: SlackEmulator) -> None:
    made = SlackConnection(bot_token=slack.token, app_token=slack.app_token, api_url=slack.url, loopback_only=True)
    assert await made.check() == ()
    assert made.installation is not None and len(slack.calls("apps.connections.open")) == 1
    await made.close()
    other = SlackConnection(bot_token=slack.token, app_token="xapp-other", api_url=slack.url, loopback_only=True)
    with pytest.raises(PermanentError, match=r"app-level token \(invalid_auth\).*connections:write"):
        await other.check()
    slack.faults.add(Fault(match="apps.connections.open", status=503))
    with pytest.raises(TemporaryError):
        await other.check()
    await other.close()


async def test_scopes_that_the_token_lacks_are_named() -> None:
    async with SlackEmulator(scopes=SCOPES - {"files:write", "chat:write"} | {"users:read"}) as slack:
        connection = connected(slack)
        assert await connection.check() == ("chat:write", "files:write")
        assert not slack.calls("apps.connections.open")
        await connection.close()


async def test_a_dropped_call_is_not_made_again(slack: SlackEmulator, connection: SlackConnection) -> None:
    before = len(slack.calls("auth.test"))
    slack.faults.add(Fault(match="auth.test", drop="after"))
    with pytest.raises(TemporaryError):
        await connection.identify()
    assert len(slack.calls("auth.test")) == before + 1


async def test_silence_ends(slack: SlackEmulator) -> None:
    slack.faults.add(Fault(match="auth.test", delay=1.0))
    connection = connected(slack, timeout_s=0.05)
    with pytest.raises(TemporaryError):
        await connection.identify()
    await connection.close()


async def test_nothing_of_what_is_said_is_logged(
    slack: SlackEmulator, connection: SlackConnection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(Exception, match="channel_not_found"):
        await connection.client.chat_postMessage(channel="C0NOWHERE", text="a secret wish")
    assert "secret wish" not in caplog.text
    assert slack.token not in caplog.text


async def test_work_aside_ends_with_the_connection(slack: SlackEmulator) -> None:
    connection = connected(slack)
    ended: list[str] = []

    async def forever() -> None:
        try:
            await connection.identify()
            ended.append("called")
            await asyncio.Event().wait()
        finally:
            ended.append("ended")

    connection.aside(forever())
    await slack.wait_for_call("auth.test")
    await connection.close()
    assert ended[-1] == "ended"
    await connection.close()


# --- where the token goes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/files-pri/T1-F1/x",
        "https://slack.com.evil.example/x",
        "https://evilslack.com/x",
        "https://files.slack.com@evil.example/x",
        "https://user:pass@files.slack.com/x",
        "http://files.slack.com/x",
        "https://127.0.0.1/x",
        "file:///etc/passwd",
        "//files.slack.com/x",
        "not an address",
        "",
        "http://[/",
    ],
)
async def test_the_token_goes_to_no_foreign_host(tmp_path: Path, address: str) -> None:
    connection = SlackConnection(bot_token=TOKEN)
    with pytest.raises(PermanentError, match="not one of Slack's"):
        await connection.download(address, tmp_path / "x", limit=100)
    with pytest.raises(PermanentError, match="not one of Slack's"):
        await connection.upload(address, tmp_path / "x")
    await connection.close()
    assert not list(tmp_path.iterdir())


async def test_under_test_not_even_slack_itself_is_asked(connection: SlackConnection, tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="not one of Slack's"):
        await connection.download("https://files.slack.com/files-pri/T1-F1/x", tmp_path / "x", limit=100)


async def test_a_redirect_to_another_host_gets_no_token(
    elsewhere: Elsewhere, there: SlackConnection, tmp_path: Path
) -> None:
    elsewhere.location = f"{elsewhere.url}/stolen"
    with pytest.raises(PermanentError, match="not one of Slack's"):
        await there.download(f"{elsewhere.named}/moved", tmp_path / "x", limit=100)
    assert len(elsewhere.asked) == 1


async def test_a_call_that_is_sent_to_another_host_loses_its_token(
    elsewhere: Elsewhere, there: SlackConnection
) -> None:
    elsewhere.everywhere = True
    elsewhere.location = f"{elsewhere.url}/stolen"
    with pytest.raises(TemporaryError):
        await there.identify()
    assert [TOKEN in str(one) for one in elsewhere.asked] == [True, False]


async def test_a_redirect_within_slack_is_followed(
    elsewhere: Elsewhere, there: SlackConnection, tmp_path: Path
) -> None:
    elsewhere.location = "/there"
    got = await there.download(f"{elsewhere.named}/moved", tmp_path / "x", limit=100)
    assert got == (5, "video/mp4")
    assert [one["Authorization"] for one in elsewhere.asked] == [f"Bearer {TOKEN}"] * 2
    elsewhere.location = "/moved"
    with pytest.raises(PermanentError, match="one address to the next"):
        await there.download(f"{elsewhere.named}/moved", tmp_path / "x", limit=100)


async def test_an_upload_carries_no_token(elsewhere: Elsewhere, there: SlackConnection, tmp_path: Path) -> None:
    (tmp_path / "clip").write_bytes(b"12345")
    await there.upload(f"{elsewhere.named}/upload", tmp_path / "clip")
    (asked,) = elsewhere.asked
    assert "Authorization" not in asked
    assert asked["Content-Length"] == "5"


# --- files -----------------------------------------------------------------------------------------------------------


async def test_a_download_is_never_in_memory_and_ends_at_the_limit(
    slack: SlackEmulator, connection: SlackConnection, tmp_path: Path
) -> None:
    ben = slack.user("Ben")
    sent = await slack.channel("videos", members=[ben]).say(
        ben, "here", files=[("x.mp4", "video/mp4", bytes(64 << 20))]
    )
    tracemalloc.start()
    try:
        size, kind = await connection.download(sent.files[0].url, tmp_path / "x", limit=64 << 20)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (size, kind) == (64 << 20, "video/mp4")
    assert peak < 8 << 20
    with pytest.raises(PermanentError, match="larger than 1 MB"):
        await connection.download(sent.files[0].url, tmp_path / "y", limit=1 << 20)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 429, "retry_after": 9}, TemporaryError),
        ({"status": 500}, TemporaryError),
        ({"drop": "before"}, TemporaryError),
        ({"status": 404}, TemporaryError),
        ({"status": 413}, PermanentError),
        ({"status": 451}, PermanentError),
    ],
)
async def test_uploads_that_fail(
    slack: SlackEmulator,
    connection: SlackConnection,
    tmp_path: Path,
    fault: dict[str, Any],
    error: type[PermanentError] | type[TemporaryError],
) -> None:
    (tmp_path / "clip").write_bytes(b"12345")
    slack.faults.add(Fault(match="upload", **fault))
    with pytest.raises(error) as caught:
        await connection.upload(slack.url.replace("/api/", "/upload/v1/abc"), tmp_path / "clip")
    assert getattr(caught.value, "retry_after", None) == fault.get("retry_after")
    assert "abc" not in str(caught.value)
