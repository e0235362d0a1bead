"""Omni through the real SDK, over a socket, against the emulator."""

import os
import socket
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from adapters.omni import OmniVideoProvider
from core.errors import OrderNotSent, OrderRefused, OrderUnanswered, PermanentError, TemporaryError
from core.ports import Failed, Finished, OperationState, Reconciliation, Running, VideoOrder
from core.request import MediaRef, VideoRequest
from tests.emulators.faults import Fault
from tests.emulators.google import Clip, Empty, Failure, GoogleEmulator, Outcome, Refusal, Spurious400, Status

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 64
VIDEO = {"type": "video", "mime_type": "video/mp4", "data": "AAECAwQ="}
INLINE_CLIP = {"id": "v1_x", "status": "completed", "steps": [{"type": "model_output", "content": [VIDEO]}]}
ORDER = VideoOrder(
    key="v12-1",
    model="gemini-omni-1.2-flash",
    prompt="A red fox runs through snow.",
    request=VideoRequest(idea="a red fox"),
    duration_s=8,
    aspect="16:9",
    resolution="360p",
    sound=True,
    seed=7,
)


def provider(url: str, **options: Any) -> OmniVideoProvider:
    return OmniVideoProvider(
        api_key=options.pop("api_key", "test-key"), base_url=url, loopback_only=True, **{"timeout_s": 5.0} | options
    )


@pytest.fixture
async def google() -> AsyncIterator[GoogleEmulator]:
    async with GoogleEmulator() as emulator:
        emulator.omni.takes(0.02)
        yield emulator


@pytest.fixture
async def omni(google: GoogleEmulator) -> AsyncIterator[OmniVideoProvider]:
    adapter = provider(google.url)
    yield adapter
    await adapter.close()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "made.mp4"
    path.write_bytes(os.urandom(300_000))
    return path


async def ended(google: GoogleEmulator, adapter: OmniVideoProvider, outcome: Outcome) -> tuple[str, OperationState]:
    """Order with this outcome, wait for its end, poll."""
    google.omni.next(outcome)
    handle = await adapter.order(ORDER)
    await google.omni.orders[-1].ended.wait()
    return handle, await adapter.poll(handle)


@asynccontextmanager
async def served(path: str, handler: Handler, method: str) -> AsyncIterator[str]:
    """A server that answers one path in a way the emulator does not; its address."""
    app = web.Application()
    app.router.add_route(method, path, handler)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def with_order(**changes: Any) -> VideoOrder:
    return VideoOrder(**{name: getattr(ORDER, name) for name in ORDER.__slots__} | changes)


async def test_an_order_becomes_the_very_bytes(
    google: GoogleEmulator, omni: OmniVideoProvider, clip: Path, tmp_path: Path
) -> None:
    google.omni.hold()
    google.omni.next(Clip(path=clip))
    handle = await omni.order(ORDER)
    assert await omni.poll(handle) == Running()
    google.omni.release()
    await google.omni.orders[0].ended.wait()
    state = await omni.poll(handle)
    assert isinstance(state, Finished)
    assert len(state.location) < 200
    await omni.fetch(handle, state.location, tmp_path / "fetched.mp4")
    assert (tmp_path / "fetched.mp4").read_bytes() == clip.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fetched.mp4", "made.mp4"]


async def test_what_is_ordered(google: GoogleEmulator, omni: OmniVideoProvider, clip: Path) -> None:
    google.omni.next(Clip(path=clip))
    await omni.order(ORDER)
    (call,) = google.calls("interactions.create")
    assert call.body["response_format"] == {
        "type": "video",
        "aspect_ratio": "16:9",
        "duration": "8s",
        "resolution": "360p",
        "delivery": "uri",
    }
    assert call.body["generation_config"] == {"seed": 7, "video_config": {"task": "text_to_video"}}
    assert (call.body["background"], call.body["store"]) == (True, True)
    assert call.body["webhook_config"] == {"user_metadata": {"order": "v12-1"}}
    assert call.body["input"][0]["content"] == [{"type": "text", "text": ORDER.prompt}]


@pytest.mark.parametrize(
    ("frames", "references", "task", "text"),
    [
        (("first",), 0, "image_to_video", "<FIRST_FRAME> P"),
        (("first", "last"), 0, "image_to_video", "<FIRST_FRAME> <LAST_FRAME> P"),
        ((), 2, "reference_to_video", "[# References <IMAGE_REF_0>@Image1 <IMAGE_REF_1>@Image2] P"),
        (
            ("first",),
            1,
            "reference_to_video",
            "[# Sources <FIRST_FRAME>@Image1] [# References <IMAGE_REF_0>@Image2] P",
        ),
    ],
)
async def test_pictures_take_their_parts(
    google: GoogleEmulator,
    omni: OmniVideoProvider,
    clip: Path,
    tmp_path: Path,
    frames: tuple[str, ...],
    references: int,
    task: str,
    text: str,
) -> None:
    picture = tmp_path / "picture"
    picture.write_bytes(PNG)
    google.omni.next(Clip(path=clip))
    await omni.order(
        with_order(
            prompt="P",
            first_frame=picture if "first" in frames else None,
            last_frame=picture if "last" in frames else None,
            references=(picture,) * references,
            request=VideoRequest(references=(MediaRef(name="r", mime_type="image/png"),) * references),
        )
    )
    body = google.calls("interactions.create")[0].body
    assert body["generation_config"]["video_config"]["task"] == task
    (turn,) = body["input"]
    assert turn["content"][-1]["text"] == text
    assert [part.get("mime_type") for part in turn["content"][:-1]] == ["image/png"] * (len(frames) + references)


async def test_a_lost_picture_orders_nothing(google: GoogleEmulator, omni: OmniVideoProvider, tmp_path: Path) -> None:
    with pytest.raises(OrderRefused, match="could not be read"):
        await omni.order(with_order(first_frame=tmp_path / "gone.png"))
    assert not google.journal


@pytest.mark.parametrize(
    ("outcome", "refused", "words"),
    [
        (Refusal("I can't make that."), True, "I can't make that."),
        (Empty(), False, "without a clip"),
        (Failure(13, "Internal trouble."), False, "Internal trouble."),
        (Failure(3, "This violates our usage guidelines."), True, "usage guidelines"),
        (Status("incomplete"), False, "stopped before"),
        (Status("budget_exceeded"), False, "budget"),
        (Status("requires_action"), False, "asked for something"),
        (Status("requires_continuation"), False, "half-way"),
        (Status("cancelled"), False, "cancelled"),
    ],
)
async def test_ends_without_a_clip(
    google: GoogleEmulator, omni: OmniVideoProvider, outcome: Outcome, refused: bool, words: str
) -> None:
    _, state = await ended(google, omni, outcome)
    assert isinstance(state, Failed)
    assert (state.refused, words in state.reason) == (refused, True)


async def test_a_passing_400_is_asked_again(google: GoogleEmulator, omni: OmniVideoProvider, clip: Path) -> None:
    google.omni.hold()
    google.omni.next(Spurious400(then=Clip(path=clip)))
    handle = await omni.order(ORDER)
    with pytest.raises(TemporaryError):
        await omni.poll(handle)
    assert await omni.poll(handle) == Running()


async def test_an_unknown_id_has_failed(omni: OmniVideoProvider) -> None:
    state = await omni.poll("v1_nothing")
    assert isinstance(state, Failed)
    assert not state.refused


async def test_a_refused_key_does_not_end_a_paid_order(google: GoogleEmulator) -> None:
    stranger = provider(google.url, api_key="other")
    with pytest.raises(TemporaryError, match="credentials"):
        await stranger.poll("v1_paid")
    with pytest.raises(OrderRefused, match="credentials") as refused:
        await stranger.order(ORDER)
    assert not (refused.value.temporary or refused.value.safety)
    assert "credentials" in await stranger.check()
    await stranger.close()


@pytest.mark.parametrize("in_array", [False, True])
async def test_429_is_refused_with_the_wait(in_array: bool) -> None:
    async with GoogleEmulator(errors_in_array=in_array) as google:
        adapter = provider(google.url)
        google.faults.add(Fault(match="interactions.create", status=429, retry_after=34))
        with pytest.raises(OrderRefused) as refused:
            await adapter.order(ORDER)
        assert (refused.value.temporary, refused.value.retry_after, refused.value.safety) == (True, 34, False)
        assert len(google.calls("interactions.create")) == 1
        await adapter.close()


async def test_the_wait_is_also_read_from_the_body(google: GoogleEmulator, omni: OmniVideoProvider) -> None:
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2.5s"}
    body = {"error": {"code": 429, "message": "Slow down.", "details": [info]}}
    google.faults.add(Fault(match="interactions.create", status=429, body=body))
    with pytest.raises(OrderRefused) as refused:
        await omni.order(ORDER)
    assert refused.value.retry_after == 2.5


async def test_the_wait_may_be_a_date(google: GoogleEmulator, omni: OmniVideoProvider) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": date})

    async with served("/v1/interactions", answer, "POST") as url:
        adapter = provider(url)
        with pytest.raises(OrderRefused) as refused:
            await adapter.order(ORDER)
        assert refused.value.retry_after == pytest.approx(60, abs=5)
        await adapter.close()


async def test_a_400_about_the_prompt_is_a_safety_refusal(google: GoogleEmulator, omni: OmniVideoProvider) -> None:
    body = {"error": {"code": 400, "message": "The prompt violates the Responsible AI practices."}}
    google.faults.add(Fault(match="interactions.create", status=400, body=body))
    with pytest.raises(OrderRefused, match="Responsible AI") as refused:
        await omni.order(ORDER)
    assert (refused.value.safety, refused.value.temporary) == (True, False)


async def test_a_400_about_the_order_is_none(google: GoogleEmulator, omni: OmniVideoProvider) -> None:
    with pytest.raises(OrderRefused, match="resolution") as refused:
        await omni.order(with_order(resolution="480p"))
    assert not refused.value.safety
    assert not google.omni.orders


@pytest.mark.parametrize(
    ("fault", "accepted"),
    [
        (Fault(match="interactions.create", status=500, times=None), 0),
        (Fault(match="interactions.create", status=503, retry_after=1, times=None), 0),
        (Fault(match="interactions.create", status=502, body="<html>bad gateway</html>", times=None), 0),
        (Fault(match="interactions.create", drop="before", times=None), 0),
        (Fault(match="interactions.create", drop="after", times=None), 1),
        (Fault(match="interactions.create", malformed=True, times=None), 1),
        (Fault(match="interactions.create", body={"status": "in_progress"}, times=None), 0),
    ],
    ids=["500", "503", "502-html", "drop-before", "drop-after", "malformed", "no-id"],
)
async def test_a_lost_answer_is_one_unanswered_order(
    google: GoogleEmulator, omni: OmniVideoProvider, clip: Path, fault: Fault, accepted: int
) -> None:
    google.omni.next(Clip(path=clip))
    google.faults.add(fault)
    with pytest.raises(OrderUnanswered):
        await omni.order(ORDER)
    assert len(google.calls("interactions.create")) == 1
    assert len(google.omni.orders) == accepted


async def test_a_late_answer_is_an_unanswered_order(google: GoogleEmulator, clip: Path) -> None:
    hasty = provider(google.url, timeout_s=0.05)
    google.omni.next(Clip(path=clip))
    google.faults.add(Fault(match="interactions.create", delay=0.15))
    with pytest.raises(OrderUnanswered):
        await hasty.order(ORDER)
    assert len(google.calls("interactions.create")) == 1
    await hasty.close()


async def test_nobody_listening_means_not_sent(google: GoogleEmulator) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        adapter = provider(url)
        with pytest.raises(OrderNotSent):
            await adapter.order(ORDER)
        with pytest.raises(TemporaryError):
            await adapter.poll("v1_x")
        assert await adapter.check()
        await adapter.close()


async def test_no_encryption_means_not_sent(google: GoogleEmulator) -> None:
    adapter = provider(google.url.replace("http://", "https://"))
    with pytest.raises(OrderNotSent):
        await adapter.order(ORDER)
    assert not google.calls("interactions.create")
    await adapter.close()


@pytest.mark.parametrize(
    "fault",
    [
        Fault(match="*", status=500),
        Fault(match="*", status=429, retry_after=9),
        Fault(match="*", drop="after"),
        Fault(match="*", malformed=True),
    ],
)
async def test_what_may_be_repeated_says_so(google: GoogleEmulator, omni: OmniVideoProvider, fault: Fault) -> None:
    google.faults.add(fault)
    with pytest.raises(TemporaryError) as temporary:
        await omni.poll("v1_x")
    assert temporary.value.retry_after == fault.retry_after


async def test_a_cut_download_leaves_nothing(
    google: GoogleEmulator, omni: OmniVideoProvider, clip: Path, tmp_path: Path
) -> None:
    handle, state = await ended(google, omni, Clip(path=clip))
    assert isinstance(state, Finished)
    google.pace.cut_after = 100_000
    with pytest.raises(TemporaryError):
        await omni.fetch(handle, state.location, tmp_path / "cut.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["made.mp4"]
    await omni.fetch(handle, state.location, tmp_path / "cut.mp4")
    assert (tmp_path / "cut.mp4").read_bytes() == clip.read_bytes()


@pytest.mark.parametrize("inline", [True, False])
async def test_a_place_that_cannot_be_written_is_temporary(
    google: GoogleEmulator, omni: OmniVideoProvider, clip: Path, tmp_path: Path, inline: bool
) -> None:
    handle, state = await ended(google, omni, Clip(path=clip))
    assert isinstance(state, Finished)
    if inline:
        google.faults.add(Fault(match="interactions.get", body=INLINE_CLIP))
    with pytest.raises(TemporaryError, match="could not be kept"):
        await omni.fetch(handle, "inline" if inline else state.location, tmp_path / "no-folder" / "clip.mp4")


async def test_an_empty_file_is_no_clip(
    google: GoogleEmulator, omni: OmniVideoProvider, clip: Path, tmp_path: Path
) -> None:
    handle, state = await ended(google, omni, Clip(path=clip))
    assert isinstance(state, Finished)
    google.faults.add(Fault(match="files.download", body=b""))
    with pytest.raises(TemporaryError, match="empty"):
        await omni.fetch(handle, state.location, tmp_path / "empty.mp4")
    assert not list(tmp_path.glob("empty*"))


async def test_a_file_the_service_forgot_is_gone_for_good(
    google: GoogleEmulator, omni: OmniVideoProvider, clip: Path, tmp_path: Path
) -> None:
    handle, state = await ended(google, omni, Clip(path=clip))
    assert isinstance(state, Finished)
    google.omni.forget_file(google.omni.orders[0])
    with pytest.raises(PermanentError):
        await omni.fetch(handle, state.location, tmp_path / "gone.mp4")
    with pytest.raises(PermanentError):
        await omni.fetch(handle, "ftp://elsewhere/x", tmp_path / "gone.mp4")
    assert not list(tmp_path.glob("gone*"))


async def test_a_clip_inside_the_answer_is_fetched_too(
    google: GoogleEmulator, omni: OmniVideoProvider, tmp_path: Path
) -> None:
    google.faults.add(Fault(match="interactions.get", body=INLINE_CLIP, times=2))
    state = await omni.poll("v1_x")
    assert isinstance(state, Finished)
    await omni.fetch("v1_x", state.location, tmp_path / "inline.mp4")
    assert (tmp_path / "inline.mp4").read_bytes() == b"\x00\x01\x02\x03\x04"


async def test_cancel_says_whether_it_did(google: GoogleEmulator, omni: OmniVideoProvider, clip: Path) -> None:
    google.omni.hold()
    google.omni.next(Clip(path=clip))
    handle = await omni.order(ORDER)
    assert await omni.cancel(handle) is True
    assert await omni.cancel(handle) is False
    assert await omni.cancel("v1_unknown") is False
    assert isinstance(await omni.poll(handle), Failed)


async def test_a_lost_order_cannot_be_found(omni: OmniVideoProvider) -> None:
    assert await omni.reconcile("v12-1", ORDER.model) is Reconciliation.UNKNOWN


async def test_check_asks_without_ordering(google: GoogleEmulator, omni: OmniVideoProvider) -> None:
    assert await omni.check() == ""
    assert [call.name for call in google.journal] == ["models.list"]


@pytest.mark.parametrize("address", ["https://generativelanguage.googleapis.com", "http://10.0.0.1:80", "nonsense"])
def test_tests_cannot_leave_this_machine(address: str) -> None:
    with pytest.raises(PermanentError):
        provider(address)


async def test_a_redirect_elsewhere_is_not_followed(google: GoogleEmulator, omni: OmniVideoProvider) -> None:
    google.faults.add(Fault(match="interactions.create", status=307, body="elsewhere"))
    with pytest.raises(OrderUnanswered):
        await omni.order(ORDER)
    assert len(google.journal) == 1


async def test_a_large_clip_does_not_fill_the_memory(tmp_path: Path) -> None:
    size, piece = 48 * 1024 * 1024, bytes(64 * 1024)

    async def serve(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(size)})
        await response.prepare(request)
        for _ in range(size // len(piece)):
            await response.write(piece)
        return response

    async with served("/v1/files/aB-c_1:download", serve, "GET") as url:
        adapter = provider(url)
        tracemalloc.start()
        try:
            await adapter.fetch("v1_x", "https://host/v1beta/files/aB-c_1:download?alt=media", tmp_path / "large.mp4")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        await adapter.close()
    assert (tmp_path / "large.mp4").stat().st_size == size
    assert peak < 8 * 1024 * 1024
