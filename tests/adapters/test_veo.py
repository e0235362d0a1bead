"""Veo through the real SDK, over a socket, against the emulator: the Agent Platform, tokens and Cloud Storage."""

import os
import socket
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from adapters.veo import VeoVideoProvider, agent_platform
from core.errors import OrderNotSent, OrderRefused, OrderUnanswered, PermanentError, TemporaryError
from core.ports import Failed, Finished, OperationState, Reconciliation, Running, VideoOrder
from core.request import MediaRef, VideoRequest
from tests.emulators.faults import Fault
from tests.emulators.google import Clip, Empty, Failure, GoogleEmulator, Outcome, Refusal, Spurious400

JPEG = b"\xff\xd8\xff\xe0" + b"0" * 64
OUTPUT = "gs://reelbot-out/clips"
ORDER = VideoOrder(
    key="v12-1",
    model="veo-3.1-fast-generate-001",
    prompt="A red fox runs through snow.",
    request=VideoRequest(idea="a red fox", avoid="people"),
    duration_s=4,
    aspect="9:16",
    resolution="720p",
    sound=False,
    seed=7,
)
Build = Callable[..., VeoVideoProvider]


@pytest.fixture
async def google() -> AsyncIterator[GoogleEmulator]:
    async with GoogleEmulator() as emulator:
        emulator.veo.takes(0.02)
        yield emulator


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
async def build(google: GoogleEmulator, home: Path) -> AsyncIterator[Build]:
    """Makes adapters that are closed at the end."""
    account = google.service_account_file(home)
    async with AsyncExitStack() as opened:

        def make(**options: Any) -> VeoVideoProvider:
            given: dict[str, Any] = {
                "project": "demo",
                "location": "us-central1",
                "credentials_file": account,
                "base_url": google.url,
                "storage_host": google.url,
                "timeout_s": 5.0,
            }
            adapter = VeoVideoProvider(**given | options, loopback_only=True)
            opened.push_async_callback(adapter.close)
            return adapter

        yield make


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "made.mp4"
    path.write_bytes(os.urandom(300_000))
    return path


async def ended(google: GoogleEmulator, adapter: VeoVideoProvider, outcome: Outcome) -> tuple[str, OperationState]:
    """Order with this outcome, wait for its end, poll."""
    google.veo.next(outcome)
    handle = await adapter.order(ORDER)
    await google.veo.orders[-1].ended.wait()
    return handle, await adapter.poll(handle)


def with_order(**changes: Any) -> VideoOrder:
    return VideoOrder(**{name: getattr(ORDER, name) for name in ORDER.__slots__} | changes)


@pytest.mark.parametrize("output", [OUTPUT, OUTPUT + "/", None])
async def test_an_order_becomes_the_very_bytes(
    google: GoogleEmulator, build: Build, clip: Path, tmp_path: Path, output: str | None
) -> None:
    veo = build(output_uri=output)
    google.veo.hold()
    google.veo.next(Clip(path=clip))
    handle = await veo.order(ORDER)
    assert await veo.poll(handle) == Running()
    google.veo.release()
    await google.veo.orders[0].ended.wait()
    state = await veo.poll(handle)
    assert isinstance(state, Finished)
    assert len(state.location) < 300
    await veo.fetch(handle, state.location, tmp_path / "fetched.mp4")
    assert (tmp_path / "fetched.mp4").read_bytes() == clip.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fetched.mp4", "made.mp4"]
    assert len(google.calls("token")) == 1


async def test_what_is_ordered(google: GoogleEmulator, build: Build, clip: Path) -> None:
    google.veo.next(Clip(path=clip))
    await build(output_uri=OUTPUT).order(ORDER)
    (call,) = google.calls("veo.predictLongRunning")
    assert call.body["instances"] == [{"prompt": ORDER.prompt}]
    assert call.body["parameters"] == {
        "sampleCount": 1,
        "durationSeconds": 4,
        "aspectRatio": "9:16",
        "resolution": "720p",
        "negativePrompt": "people",
        "generateAudio": False,
        "seed": 7,
        "storageUri": f"{OUTPUT}/v12-1/",
    }


async def test_pictures_take_their_parts(google: GoogleEmulator, build: Build, clip: Path, tmp_path: Path) -> None:
    veo = build()
    picture = tmp_path / "picture"
    picture.write_bytes(JPEG)
    google.veo.next(Clip(path=clip), Clip(path=clip))
    await veo.order(with_order(first_frame=picture, last_frame=picture))
    refs = (MediaRef(name="r", mime_type="image/jpeg"),) * 2
    await veo.order(
        with_order(duration_s=8, references=(picture, picture), request=VideoRequest(idea="x", references=refs))
    )
    frames, references = (call.body["instances"][0] for call in google.calls("veo.predictLongRunning"))
    assert frames["image"]["mimeType"] == frames["lastFrame"]["mimeType"] == "image/jpeg"
    assert [reference["referenceType"].lower() for reference in references["referenceImages"]] == ["asset", "asset"]


async def test_a_lost_picture_orders_nothing(google: GoogleEmulator, build: Build, tmp_path: Path) -> None:
    with pytest.raises(OrderRefused, match="could not be read"):
        await build().order(with_order(first_frame=tmp_path / "gone.png"))
    assert not google.journal


@pytest.mark.parametrize(
    ("outcome", "refused", "words"),
    [
        (Refusal("Filtered: it shows a celebrity."), True, "celebrity"),
        (Empty(), False, "without a clip"),
        (Failure(13, "Internal trouble."), False, "Internal trouble."),
        (Failure(3, "The prompt violates the usage guidelines."), True, "usage guidelines"),
    ],
)
async def test_ends_without_a_clip(
    google: GoogleEmulator, build: Build, outcome: Outcome, refused: bool, words: str
) -> None:
    _, state = await ended(google, build(), outcome)
    assert isinstance(state, Failed)
    assert (state.refused, words in state.reason) == (refused, True)


async def test_a_passing_400_is_asked_again(google: GoogleEmulator, build: Build, clip: Path) -> None:
    veo = build()
    google.veo.hold()
    google.veo.next(Spurious400(then=Clip(path=clip)))
    handle = await veo.order(ORDER)
    with pytest.raises(TemporaryError):
        await veo.poll(handle)
    assert await veo.poll(handle) == Running()


@pytest.mark.parametrize("name", ["projects/demo/locations/us-central1/publishers/google/models/{}/operations/0", "x"])
async def test_an_unknown_name_has_failed(build: Build, name: str) -> None:
    state = await build().poll(name.format(ORDER.model))
    assert isinstance(state, Failed)
    assert not state.refused


async def test_a_token_that_lapsed_does_not_end_a_paid_order(google: GoogleEmulator, build: Build, clip: Path) -> None:
    veo = build()
    handle, _ = await ended(google, veo, Clip(path=clip))
    google.tokens.expire()
    with pytest.raises(TemporaryError, match="credentials"):
        await veo.poll(handle)
    assert isinstance(await veo.poll(handle), Finished)


@pytest.mark.parametrize("header", [True, False])
async def test_429_is_refused_with_the_wait(google: GoogleEmulator, build: Build, header: bool) -> None:
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"}
    body = {"error": {"code": 429, "message": "Quota exceeded.", "status": "RESOURCE_EXHAUSTED", "details": [info]}}
    plain = Fault(match="veo.predictLongRunning", status=429, retry_after=34)
    google.faults.add(plain if header else Fault(match="veo.predictLongRunning", status=429, body=body))
    with pytest.raises(OrderRefused) as refused:
        await build().order(ORDER)
    assert (refused.value.temporary, refused.value.retry_after, refused.value.safety) == (True, 34, False)
    assert len(google.calls("veo.predictLongRunning")) == 1


async def test_a_400_about_the_prompt_is_a_safety_refusal(google: GoogleEmulator, build: Build) -> None:
    message = "The prompt could not be submitted. It contains words that violate the Responsible AI practices."
    google.faults.add(
        Fault(match="veo.predictLongRunning", status=400, body={"error": {"code": 400, "message": message}})
    )
    with pytest.raises(OrderRefused, match="Responsible AI") as refused:
        await build().order(ORDER)
    assert (refused.value.safety, refused.value.temporary) == (True, False)


@pytest.mark.parametrize(
    ("options", "changes", "words"),
    [
        ({}, {"resolution": "4k"}, "esolution"),
        ({}, {"model": "veo-2"}, "does not have"),
        ({"project": "other"}, {}, "does not allow"),
    ],
)
async def test_other_refusals_are_plain(
    google: GoogleEmulator, build: Build, options: dict[str, Any], changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(OrderRefused, match=words) as refused:
        await build(**options).order(with_order(**changes))
    assert not (refused.value.safety or refused.value.temporary)
    assert not google.veo.orders


@pytest.mark.parametrize(
    ("fault", "accepted"),
    [
        (Fault(match="veo.predictLongRunning", status=500, times=None), 0),
        (Fault(match="veo.predictLongRunning", status=503, retry_after=1, times=None), 0),
        (Fault(match="veo.predictLongRunning", status=502, body="<html>bad gateway</html>", times=None), 0),
        (Fault(match="veo.predictLongRunning", drop="before", times=None), 0),
        (Fault(match="veo.predictLongRunning", drop="after", times=None), 1),
        (Fault(match="veo.predictLongRunning", malformed=True, times=None), 1),
        (Fault(match="veo.predictLongRunning", body={}, times=None), 0),
    ],
    ids=["500", "503", "502-html", "drop-before", "drop-after", "malformed", "no-name"],
)
async def test_a_lost_answer_is_one_unanswered_order(
    google: GoogleEmulator, build: Build, clip: Path, fault: Fault, accepted: int
) -> None:
    google.veo.next(Clip(path=clip))
    google.faults.add(fault)
    with pytest.raises(OrderUnanswered):
        await build().order(ORDER)
    assert len(google.calls("veo.predictLongRunning")) == 1
    assert len(google.veo.orders) == accepted


async def test_a_late_answer_is_an_unanswered_order(google: GoogleEmulator, build: Build, clip: Path) -> None:
    hasty = build(timeout_s=0.1)
    google.veo.next(Clip(path=clip))
    google.faults.add(Fault(match="veo.predictLongRunning", delay=0.19))
    with pytest.raises(OrderUnanswered):
        await hasty.order(ORDER)
    assert len(google.calls("veo.predictLongRunning")) == 1


async def test_nobody_listening_means_not_sent(build: Build) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        veo = build(base_url=f"http://127.0.0.1:{free.getsockname()[1]}")
        with pytest.raises(OrderNotSent):
            await veo.order(ORDER)


async def test_no_token_endpoint_means_not_sent(google: GoogleEmulator, build: Build, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{free.getsockname()[1]}"
        text = google.service_account_file(tmp_path).read_text().replace(google.url, nowhere)
        (tmp_path / "account.json").write_text(text)
        veo = build(credentials_file=tmp_path / "account.json")
        with pytest.raises(OrderNotSent):
            await veo.order(ORDER)
        with pytest.raises(TemporaryError):
            await veo.poll("projects/p/locations/l/publishers/google/models/m/operations/1")
    assert not google.journal


async def test_no_token_means_nothing_was_ordered(google: GoogleEmulator, build: Build) -> None:
    veo = build()
    google.faults.add(Fault(match="token", body={"error": "invalid_grant"}, status=400))
    with pytest.raises(OrderRefused, match="credentials"):
        await veo.order(ORDER)
    google.faults.add(Fault(match="token", body={"error": "invalid_grant"}, status=400))
    assert "credentials" in await veo.check()
    assert not google.calls("veo.predictLongRunning")


@pytest.mark.parametrize("answer", ["drop-after", "unanswered"])
async def test_a_lost_order_is_found_in_its_own_folder(
    google: GoogleEmulator, build: Build, clip: Path, tmp_path: Path, answer: str
) -> None:
    veo = build(output_uri=OUTPUT)
    google.storage.put("reelbot-out", "clips/v12-10/other/sample_0.mp4", b"somebody else's")
    google.veo.hold()
    google.veo.next(Clip(path=clip))
    google.faults.add(
        Fault(match="veo.predictLongRunning", drop="after")
        if answer == "drop-after"
        else Fault(match="veo.predictLongRunning", malformed=True)
    )
    with pytest.raises(OrderUnanswered):
        await veo.order(ORDER)
    assert await veo.reconcile("v12-1", ORDER.model) is Reconciliation.PENDING
    google.veo.release()
    await google.veo.orders[0].ended.wait()
    handle = await veo.reconcile("v12-1", ORDER.model)
    assert not isinstance(handle, Reconciliation)
    state = await veo.poll(handle)
    assert isinstance(state, Finished)
    await veo.fetch(handle, state.location, tmp_path / "found.mp4")
    assert (tmp_path / "found.mp4").read_bytes() == clip.read_bytes()
    assert await veo.cancel(handle) is False
    assert len(google.calls("veo.predictLongRunning")) == 1


async def test_without_an_output_address_a_lost_order_stays_lost(build: Build) -> None:
    assert await build().reconcile("v12-1", ORDER.model) is Reconciliation.UNKNOWN


async def test_a_long_list_is_read_to_its_end(google: GoogleEmulator, build: Build) -> None:
    for number in range(1001):
        google.storage.put("reelbot-out", f"clips/v12-1/{number:04}.txt", b"x")
    wanted = google.storage.put("reelbot-out", "clips/v12-1/z/sample_0.mp4", b"x")
    assert await build(output_uri=OUTPUT).reconcile("v12-1", ORDER.model) == wanted
    assert len(google.calls("storage.list")) == 2


@pytest.mark.parametrize("match", ["veo.fetchPredictOperation", "storage.*"])
@pytest.mark.parametrize("kind", ["500", "429", "drop", "malformed"])
async def test_what_may_be_repeated_says_so(google: GoogleEmulator, build: Build, match: str, kind: str) -> None:
    veo = build(output_uri=OUTPUT)
    google.faults.add(
        {
            "500": Fault(match=match, status=500),
            "429": Fault(match=match, status=429, retry_after=9),
            "drop": Fault(match=match, drop="after"),
            "malformed": Fault(match=match, malformed=True),
        }[kind]
    )
    handle = f"projects/demo/locations/us-central1/publishers/google/models/{ORDER.model}/operations/1"
    with pytest.raises(TemporaryError) as temporary:
        if match == "storage.*":
            await veo.reconcile("v12-1", ORDER.model)
        else:
            await veo.poll(handle)
    assert temporary.value.retry_after == (9 if kind == "429" else None)


async def test_a_cut_download_leaves_nothing(google: GoogleEmulator, build: Build, clip: Path, tmp_path: Path) -> None:
    veo = build(output_uri=OUTPUT)
    handle, state = await ended(google, veo, Clip(path=clip))
    assert isinstance(state, Finished)
    google.pace.cut_after = 100_000
    with pytest.raises(TemporaryError):
        await veo.fetch(handle, state.location, tmp_path / "cut.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["made.mp4"]
    await veo.fetch(handle, state.location, tmp_path / "cut.mp4")
    assert (tmp_path / "cut.mp4").read_bytes() == clip.read_bytes()


async def test_a_removed_object_is_gone_for_good(
    google: GoogleEmulator, build: Build, clip: Path, tmp_path: Path
) -> None:
    veo = build(output_uri=OUTPUT)
    handle, state = await ended(google, veo, Clip(path=clip))
    assert isinstance(state, Finished)
    google.storage.remove(state.location)
    with pytest.raises(PermanentError):
        await veo.fetch(handle, state.location, tmp_path / "gone.mp4")
    with pytest.raises(PermanentError):
        await veo.fetch(handle, "https://elsewhere/x", tmp_path / "gone.mp4")
    assert not list(tmp_path.glob("gone*"))


async def test_cancel_says_whether_it_did(google: GoogleEmulator, build: Build, clip: Path) -> None:
    veo = build()
    google.veo.hold()
    google.veo.next(Clip(path=clip))
    handle = await veo.order(ORDER)
    assert await veo.cancel(handle) is True
    assert await veo.poll(handle) == Failed(reason="The order was cancelled.")
    google.veo.release()
    done, _ = await ended(google, veo, Clip(path=clip))
    assert await veo.cancel(done) is False
    assert await veo.cancel(handle + "0") is False


async def test_check_asks_without_ordering(google: GoogleEmulator, build: Build) -> None:
    assert await build(output_uri=OUTPUT).check() == ""
    assert [call.name for call in google.journal] == ["token", "storage.list"]


async def test_check_sees_a_bucket_that_is_not_there(home: Path) -> None:
    async with GoogleEmulator(buckets={"other"}) as google:
        veo = VeoVideoProvider(
            project="demo",
            location="us-central1",
            credentials_file=google.service_account_file(home),
            base_url=google.url,
            storage_host=google.url.removeprefix("http://"),
            output_uri=OUTPUT,
            loopback_only=True,
        )
        assert "does not have" in await veo.check()
        await veo.close()


@pytest.mark.parametrize(
    "options",
    [
        {"base_url": None},
        {"storage_host": "storage.googleapis.com"},
        {"storage_host": None},
        {"credentials_file": None},
        {"credentials_file": Path("no-such-file.json")},
        {"output_uri": "s3://elsewhere"},
    ],
)
async def test_unusable_settings_are_refused(build: Build, options: dict[str, Any]) -> None:
    with pytest.raises(PermanentError):
        build(**options)


async def test_a_token_address_elsewhere_is_refused(google: GoogleEmulator, build: Build, tmp_path: Path) -> None:
    text = google.service_account_file(tmp_path).read_text().replace(google.url, "https://oauth2.googleapis.com")
    (tmp_path / "public.json").write_text(text)
    with pytest.raises(PermanentError, match="loopback"):
        build(credentials_file=tmp_path / "public.json")


def test_where_the_agent_platform_is() -> None:
    assert agent_platform("us-central1") == "https://us-central1-aiplatform.googleapis.com/"
    assert agent_platform("global") == "https://aiplatform.googleapis.com/"
    assert agent_platform("eu") == "https://aiplatform.eu.rep.googleapis.com/"


async def test_a_large_clip_does_not_fill_the_memory(build: Build, tmp_path: Path) -> None:
    size, piece = 48 * 1024 * 1024, bytes(64 * 1024)

    async def serve(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(size)})
        await response.prepare(request)
        for _ in range(size // len(piece)):
            await response.write(piece)
        return response

    app = web.Application()
    app.router.add_get("/{path:.*}", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    veo = build(storage_host=f"127.0.0.1:{runner.addresses[0][1]}")
    tracemalloc.start()
    try:
        await veo.fetch("gs://b/o.mp4", "gs://b/o.mp4", tmp_path / "large.mp4")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (tmp_path / "large.mp4").stat().st_size == size
    assert peak < 8 * 1024 * 1024
    await runner.cleanup()
