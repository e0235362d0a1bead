"""The web server over real sockets: health, metrics, links to clips, webhooks, and how it starts and stops."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from starlette.types import ASGIApp

from bot.clip_page import byte_range, file_name
from bot.links import sign
from bot.metrics import Metrics
from bot.server import MAX_BODY, HealthCheck, Webhook, serve, web_app
from core.errors import PermanentError, TemporaryError
from core.ports import WebhookAnswer
from storage.clips import ObjectClipStore

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECRET = "a secret of the tests"
CLIP = bytes(range(256)) * 12_000
"""3 MB: more than one chunk of the store."""


class FixedClock:
    """Always the same time."""

    def now(self) -> datetime:
        return NOW

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing waits here")


class AwayStore(ObjectClipStore):
    """A store whose bucket does not answer."""

    async def size(self, name: str) -> int | None:
        raise TemporaryError("the bucket at 10.0.0.7 does not answer")


def app_with(
    clips: ObjectClipStore, *, health: Mapping[str, HealthCheck], webhooks: Mapping[str, Webhook], metrics: Metrics
) -> ASGIApp:
    return web_app(
        health=health,
        ready={"database": lambda: ""},
        metrics=metrics,
        clips=clips,
        link_secret=SECRET,
        clock=FixedClock(),
        webhooks=webhooks,
    )


def bare_app(folder: Path) -> ASGIApp:
    return app_with(ObjectClipStore(str(folder / "media")), health={}, webhooks={}, metrics=Metrics())


@asynccontextmanager
async def running(
    clips: ObjectClipStore,
    *,
    health: Mapping[str, HealthCheck] | None = None,
    webhooks: Mapping[str, Webhook] | None = None,
    metrics: Metrics | None = None,
) -> AsyncIterator[httpx.AsyncClient]:
    app = app_with(clips, health=health or {}, webhooks=webhooks or {}, metrics=metrics or Metrics())
    async with (
        serve(app, "127.0.0.1", 0, stop_within_s=1) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        yield client


@pytest.fixture
async def clips(tmp_path: Path) -> ObjectClipStore:
    source = tmp_path / "source.mp4"
    source.write_bytes(CLIP)
    store = ObjectClipStore(str(tmp_path / "media"))
    await store.put(source, "v12/clip.mp4")
    return store


def link(name: str = "v12/clip.mp4", expires_at: datetime = NOW + timedelta(days=1)) -> str:
    return f"/v/{sign(name, expires_at, SECRET)}"


# --- health and metrics ----------------------------------------------------------------------------------------------


async def test_health(clips: ObjectClipStore) -> None:
    async def waits() -> str:
        return ""

    async with running(clips, health={"telegram": lambda: "", "database": waits}) as client:
        answer = await client.get("/healthz")
        assert answer.status_code == 200
        assert answer.json() == {"status": "ok", "checks": {"telegram": "ok", "database": "ok"}}
        assert (await client.get("/readyz")).json()["checks"] == {"database": "ok"}


async def test_failing_health(clips: ObjectClipStore) -> None:
    def broken() -> str:
        raise RuntimeError("postgresql://u:password@h")

    checks: dict[str, HealthCheck] = {"telegram": lambda: "no updates for 3 minutes", "database": broken}
    async with running(clips, health=checks) as client:
        answer = await client.get("/healthz")
        assert answer.status_code == 503
        assert answer.json()["status"] == "failing"
        assert answer.json()["checks"] == {"telegram": "no updates for 3 minutes", "database": "cannot be checked"}


async def test_metrics(clips: ObjectClipStore) -> None:
    metrics = Metrics()
    metrics.message("telegram")
    metrics.turn(1.5)
    metrics.generation("completed")
    metrics.order("veo-3.1-generate-001", "accepted")
    metrics.phase("processing", 61)
    metrics.dialogue("gemini-3.8-flash", "prompt", 1_000, 200, 1_500)
    metrics.waiting(outbox=3, running=2, queued=1)
    async with running(clips, metrics=metrics) as client:
        answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = set(answer.text.splitlines())
    assert {
        'reelbot_messages_total{platform="telegram"} 1.0',
        "reelbot_turn_seconds_count 1.0",
        'reelbot_generations_total{status="completed"} 1.0',
        'reelbot_orders_total{model="veo-3.1-generate-001",outcome="accepted"} 1.0',
        'reelbot_phase_seconds_bucket{le="60.0",phase="processing"} 0.0',
        'reelbot_phase_seconds_bucket{le="90.0",phase="processing"} 1.0',
        'reelbot_dialogue_tokens_total{direction="in",model="gemini-3.8-flash",purpose="prompt"} 1000.0',
        'reelbot_dialogue_dollars_total{model="gemini-3.8-flash",purpose="prompt"} 0.0015',
        "reelbot_outbox_waiting 3.0",
        "reelbot_running 2.0",
        "reelbot_queued 1.0",
    } <= lines


# --- clips -----------------------------------------------------------------------------------------------------------


async def test_a_whole_clip(clips: ObjectClipStore) -> None:
    async with running(clips) as client:
        answer = await client.get(link())
    assert answer.status_code == 200
    assert answer.content == CLIP
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["content-length"] == str(len(CLIP))
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-disposition"] == 'inline; filename="v12-clip.mp4"'
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-0", 0, 1), ("bytes=100-", 100, len(CLIP)), ("bytes=-10", len(CLIP) - 10, len(CLIP))],
)
async def test_a_part_of_a_clip(clips: ObjectClipStore, asked: str, start: int, end: int) -> None:
    async with running(clips) as client:
        answer = await client.get(link(), headers={"Range": asked})
        head = await client.head(link(), headers={"Range": asked})
    assert answer.status_code == head.status_code == 206
    assert answer.content == CLIP[start:end]
    assert head.content == b""
    for headers in (answer.headers, head.headers):
        assert headers["content-range"] == f"bytes {start}-{end - 1}/{len(CLIP)}"
        assert headers["content-length"] == str(end - start)


async def test_a_part_outside_the_clip(clips: ObjectClipStore) -> None:
    async with running(clips) as client:
        answer = await client.get(link(), headers={"Range": f"bytes={len(CLIP)}-"})
        condition = await client.get(link(), headers={"Range": "bytes=0-0", "If-Range": '"other"'})
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{len(CLIP)}")
    assert (condition.status_code, len(condition.content)) == (200, len(CLIP))


async def test_head(clips: ObjectClipStore) -> None:
    async with running(clips) as client:
        answer = await client.head(link())
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, str(len(CLIP)), b"")


async def test_a_player_that_goes_away_does_not_hurt(clips: ObjectClipStore) -> None:
    async with running(clips) as client:
        async with client.stream("GET", link()) as answer:
            assert len(await anext(answer.aiter_raw())) > 0
        assert (await client.get(link())).content == CLIP


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/v/forged", 403, "This link is not valid."),
        (link(expires_at=NOW), 410, "This link has expired."),
        (link("v13/clip.mp4"), 404, "This video is no longer kept."),
    ],
)
async def test_links_that_do_not_work(clips: ObjectClipStore, path: str, status: int, words: str) -> None:
    async with running(clips) as client:
        answer = await client.get(path)
    assert answer.status_code == status
    assert words in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


async def test_a_store_that_is_away(tmp_path: Path) -> None:
    async with running(AwayStore(str(tmp_path / "media"))) as client:
        answer = await client.get(link())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert "10.0.0.7" not in answer.text


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("bytes=0-4", (0, 5)),
        ("Bytes= 0-4 ", (0, 5)),
        ("bytes=5-", (5, 10)),
        ("bytes=5-900", (5, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-30", (0, 10)),
        ("bytes=-", None),
        ("bytes=4-2", None),
        ("bytes=0-1,3-4", None),
        ("seconds=0-4", None),
        ("bytes=a-b", None),
        ("bytes=٣-٤", None),
    ],
)
def test_ranges(header: str | None, expected: tuple[int, int] | None) -> None:
    assert byte_range(header, 10) == expected


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-12", "bytes=-0", f"bytes={10**17}-"])
def test_ranges_outside(header: str) -> None:
    with pytest.raises(ValueError, match="bytes"):
        byte_range(header, 10)


def test_file_names_are_safe_in_a_header() -> None:
    assert file_name('v1/a "b"\r\nX: ü.mp4') == "v1-a-b-X-.mp4"


# --- webhooks --------------------------------------------------------------------------------------------------------


async def test_a_webhook_gets_headers_and_bytes(clips: ObjectClipStore) -> None:
    calls: list[tuple[str, bytes]] = []

    async def handler(headers: Mapping[str, str], body: bytes) -> WebhookAnswer:
        calls.append((headers["x-telegram-bot-api-secret-token"], body))
        return WebhookAnswer(status=403 if body == b"no" else 200, body="said", content_type="text/plain")

    async with running(clips, webhooks={"/telegram/webhook": handler}) as client:
        secret = {"X-Telegram-Bot-Api-Secret-Token": "s"}
        good = await client.post("/telegram/webhook", content=b'{"update_id": 1}', headers=secret)
        bad = await client.post("/telegram/webhook", content=b"no", headers=secret)
        read = await client.get("/telegram/webhook")
    assert [good.status_code, bad.status_code, read.status_code] == [200, 403, 405]
    assert good.text == "said"
    assert calls == [("s", b'{"update_id": 1}'), ("s", b"no")]


async def test_a_webhook_that_is_too_large(clips: ObjectClipStore) -> None:
    async def handler(headers: Mapping[str, str], body: bytes) -> WebhookAnswer:
        return WebhookAnswer(status=200 if len(body) == MAX_BODY else 500)

    async def in_pieces() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b"x" * 100_000

    async with running(clips, webhooks={"/hook": handler}) as client:
        assert (await client.post("/hook", content=b"x" * MAX_BODY)).status_code == 200
        assert (await client.post("/hook", content=b"x" * (MAX_BODY + 1))).status_code == 413
        assert (await client.post("/hook", content=in_pieces())).status_code == 413


async def test_a_webhook_that_fails_is_sent_again(clips: ObjectClipStore) -> None:
    async def handler(headers: Mapping[str, str], body: bytes) -> WebhookAnswer:
        raise TemporaryError("the database is locked")

    async with running(clips, webhooks={"/hook": handler}) as client:
        answer = await client.post("/hook", content=b"{}")
    assert (answer.status_code, answer.content) == (500, b"")


# --- the server ------------------------------------------------------------------------------------------------------


async def test_nothing_is_given_away(clips: ObjectClipStore) -> None:
    async with running(clips) as client:
        for path in ("/", "/v/", "/v", "/healthz/", "/telegram/webhook", "/docs", "/v/../healthz/.env"):
            answer = await client.get(path)
            assert answer.status_code in (403, 404), path
            assert "server" not in answer.headers
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert not any(word in answer.text.lower() for word in ("starlette", "uvicorn", "python"))


async def test_our_signal_handlers_stay(clips: ObjectClipStore) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    async with running(clips):
        assert {number: signal.getsignal(number) for number in before} == before


async def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PermanentError, match=f"HTTP_PORT {port} cannot be listened on .*choose another"):
            async with serve(bare_app(tmp_path), "127.0.0.1", port):
                raise AssertionError("it listens")


async def test_a_host_that_is_not_ours(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"HTTP_HOST 192\.0\.2\.1 with"):
        async with serve(bare_app(tmp_path), "192.0.2.1", 0):
            raise AssertionError("it listens")


async def test_it_stops_with_an_idle_connection(tmp_path: Path) -> None:
    async with serve(bare_app(tmp_path), "127.0.0.1", 0, stop_within_s=1) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    async with asyncio.timeout(1):
        answer = await reader.read()
    assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {"status": "ok", "checks": {}}
    writer.close()
