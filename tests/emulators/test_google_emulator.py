"""The emulator of Google's services, proved with Google's own clients over a real socket."""

import asyncio
import base64
import io
import itertools
import json
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import av
import pydantic
import pytest
from aiohttp import web
from google import genai
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google.genai import errors, types
from google.genai._gaos.lib import compat_errors
from google.oauth2 import service_account
from PIL import Image, ImageChops, ImageStat

from tests.emulators.faults import Fault
from tests.emulators.footage import make_footage
from tests.emulators.google import (
    Clip,
    Empty,
    Failure,
    GenerateCall,
    GoogleEmulator,
    Raw,
    Refusal,
    Script,
    Spurious400,
    Status,
)
from tests.emulators.google_webhooks import sign

# google-genai subclasses aiohttp's session, which aiohttp warns of; nothing here can help it.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")

OMNI = "gemini-omni-1.2-flash"
READER = "gemini-3.5-flash-lite"
VEO = "veo-3.1-fast-generate-001"
CLOUD = "https://www.googleapis.com/auth/cloud-platform"
ONCE = types.HttpRetryOptions(attempts=1)
SMALL = {"type": "video", "aspect_ratio": "16:9", "duration": "3s", "resolution": "360p", "delivery": "uri"}

WRONG_OMNI_ORDERS: list[dict[str, Any]] = [
    {"response_format": SMALL | {"duration": 8}},
    {"response_format": SMALL | {"duration": "8"}},
    {"response_format": SMALL | {"duration": "16s"}},
    {"response_format": SMALL | {"duration": "2s"}},
    {"response_format": SMALL | {"resolution": "4K"}},
    {"response_format": SMALL | {"aspect_ratio": "1:1"}},
    {"response_format": SMALL | {"negative_prompt": "people"}},
    {"response_format": SMALL | {"gcs_uri": "gs://bucket/x"}},
    {"generation_config": {"temperature": 1.0}},
    {"generation_config": {"video_config": {"task": "remix"}}},
    {"generation_config": {"video_config": {"task": "image_to_video"}}},
    {"store": False},
    {"input": ""},
    {"input": [{"type": "image", "data": "AAAA", "mime_type": "image/gif"}]},
    {"model": "gemini-omni-9"},
]
WRONG_VEO_ORDERS: list[dict[str, Any]] = [
    {"duration_seconds": 5},
    {"duration_seconds": 7},
    {"resolution": "4k"},
    {"resolution": "360p"},
    {"aspect_ratio": "1:1"},
    {"number_of_videos": 5},
    {"output_gcs_uri": "s3://bucket/x"},
    {"person_generation": "everyone"},
    {"model": "veo-3.1-generate-preview"},
    {
        "reference_images": [
            types.VideoGenerationReferenceImage(
                image=types.Image(image_bytes=b"x", mime_type="image/png"),
                reference_type=types.VideoGenerationReferenceType.ASSET,
            )
        ]
    },
]


class Answer(pydantic.BaseModel):
    intent: str
    seconds: int | None = None


def credentials(info: dict[str, Any], *, scopes: list[str] | None = None) -> service_account.Credentials:
    make: Any = service_account.Credentials.from_service_account_info
    made: service_account.Credentials = make(info, scopes=scopes)
    return made


@pytest.fixture
async def google() -> AsyncIterator[GoogleEmulator]:
    async with GoogleEmulator() as running:
        running.omni.takes(0)
        running.veo.takes(0)
        yield running


@pytest.fixture
async def client(google: GoogleEmulator) -> AsyncIterator[genai.Client]:
    made = genai.Client(api_key=google.api_key, http_options=types.HttpOptions(base_url=google.url, retry_options=ONCE))
    yield made
    await made.aio.aclose()
    made.close()


@pytest.fixture
def account(google: GoogleEmulator, tmp_path: Path) -> service_account.Credentials:
    path = google.service_account_file(tmp_path)
    return credentials(json.loads(path.read_text()), scopes=[CLOUD])


@pytest.fixture
async def cloud(google: GoogleEmulator, account: service_account.Credentials) -> AsyncIterator[genai.Client]:
    made = genai.Client(
        enterprise=True,
        project=google.project,
        location=google.location,
        credentials=account,
        http_options=types.HttpOptions(base_url=google.url, retry_options=ONCE),
    )
    yield made
    await made.aio.aclose()
    made.close()


def picture() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 36), "orange").save(buffer, "PNG")
    return buffer.getvalue()


async def order_omni(client: genai.Client, **changes: Any) -> Any:
    order: dict[str, Any] = {
        "model": OMNI,
        "input": "a red fox in the snow",
        "background": True,
        "store": True,
        "response_format": SMALL,
    }
    return await client.aio.interactions.create(**(order | changes))


async def omni_result(client: genai.Client, interaction_id: str) -> Any:
    for _ in range(400):
        interaction = await client.aio.interactions.get(interaction_id)
        if interaction.status not in ("queued", "in_progress"):
            return interaction
        await asyncio.sleep(0.01)
    raise AssertionError("the interaction never ended")


async def order_veo(client: genai.Client, *, model: str = VEO, **config: Any) -> types.GenerateVideosOperation:
    wanted: dict[str, Any] = {"duration_seconds": 4, "aspect_ratio": "16:9", "resolution": "720p"} | config
    return await client.aio.models.generate_videos(
        model=model,
        source=types.GenerateVideosSource(prompt="a red fox in the snow"),
        config=types.GenerateVideosConfig(**wanted),
    )


def running_as(name: str | None) -> types.GenerateVideosOperation:
    """An operation known by its name alone, as after a restart."""
    return types.GenerateVideosOperation.model_validate({"name": name})


async def veo_result(client: genai.Client, name: str | None) -> types.GenerateVideosOperation:
    for _ in range(400):
        operation = await client.aio.operations.get(running_as(name))
        if operation.done:
            return operation
        await asyncio.sleep(0.01)
    raise AssertionError("the operation never ended")


def probe(data: bytes) -> tuple[float, int, int, bool]:
    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.video[0]
        return (container.duration or 0) / 1e6, stream.width, stream.height, bool(container.streams.audio)


class TestFootage:
    def changes(self, path: Path) -> list[float]:
        """Mean difference of each frame from the one before, of 255."""
        with av.open(str(path)) as container:
            pictures: list[Image.Image] = [
                frame.to_image()  # type: ignore[no-untyped-call]
                for frame in container.decode(video=0)
            ]
        frames = [each.resize((64, 36)).convert("L") for each in pictures]
        return [ImageStat.Stat(ImageChops.difference(one, two)).mean[0] for one, two in itertools.pairwise(frames)]

    def test_moves_and_sounds(self, tmp_path: Path) -> None:
        path = make_footage(tmp_path / "a.mp4", seconds=2, width=320, height=180)
        seconds, width, height, sound = probe(path.read_bytes())
        assert (width, height, sound) == (320, 180, True)
        assert seconds == pytest.approx(2, abs=0.05)
        assert min(self.changes(path)) > 2

    def test_frozen_black_and_silent(self, tmp_path: Path) -> None:
        frozen = make_footage(tmp_path / "f.mp4", seconds=1, width=320, height=180, frozen=True)
        assert max(self.changes(frozen)) < 0.25
        black = make_footage(tmp_path / "b.mp4", seconds=1, width=320, height=180, black=True, silent=True)
        assert max(self.changes(black)) < 0.25
        with av.open(str(black)) as container:
            loudest = max(bytes(frame.planes[0]).strip(b"\0") for frame in container.decode(audio=0))
        assert loudest == b""
        mute = make_footage(tmp_path / "m.mp4", seconds=1, width=320, height=180, audio=False)
        assert probe(mute.read_bytes())[3] is False

    def test_is_encoded_once(self, tmp_path: Path) -> None:
        first = make_footage(tmp_path / "1.mp4", seconds=4, width=1280, height=720, fps=12)
        first_bytes = first.read_bytes()
        first.write_bytes(b"spoilt by a test")
        started = time.monotonic()
        second = make_footage(tmp_path / "2.mp4", seconds=4, width=1280, height=720, fps=12)
        assert time.monotonic() - started < 0.1
        assert second.read_bytes() == first_bytes
        with pytest.raises(ValueError, match="even"):
            make_footage(tmp_path / "3.mp4", seconds=1, width=321, height=180)


class TestGenerateContent:
    async def test_says_what_the_brain_says(self, google: GoogleEmulator, client: genai.Client) -> None:
        asked: list[GenerateCall] = []

        async def brain(call: GenerateCall) -> dict[str, Any]:
            asked.append(call)
            return {"intent": "create", "seconds": 8}

        google.brain = brain
        answer = await client.aio.models.generate_content(
            model=READER,
            contents=types.UserContent(
                parts=[types.Part(text="a fox"), types.Part.from_bytes(data=picture(), mime_type="image/png")]
            ),
            config=types.GenerateContentConfig(
                system_instruction="Read the message.",
                response_mime_type="application/json",
                response_schema=Answer,
                thinking_config=types.ThinkingConfig(thinking_level=types.ThinkingLevel.LOW),
            ),
        )
        assert answer.parsed == Answer(intent="create", seconds=8)
        assert answer.usage_metadata is not None
        assert answer.usage_metadata.total_token_count == (
            (answer.usage_metadata.prompt_token_count or 0) + (answer.usage_metadata.candidates_token_count or 0)
        )
        assert (asked[0].system, asked[0].text, asked[0].model) == ("Read the message.", "a fox", READER)
        assert asked[0].images == (("image/png", picture()),)
        assert google.calls("generateContent")[0].status == 200

    async def test_json_schema_with_references(self, google: GoogleEmulator, client: genai.Client) -> None:
        class Whole(pydantic.BaseModel):
            first: Answer

        google.brain = Script([{"first": {"intent": "chat"}}, "hello"])
        answer = await client.aio.models.generate_content(
            model=READER,
            contents="hi",
            config=types.GenerateContentConfig(
                response_mime_type="application/json", response_json_schema=Whole.model_json_schema()
            ),
        )
        assert json.loads(answer.text or "") == {"first": {"intent": "chat"}}
        assert (await client.aio.models.generate_content(model=READER, contents="hi")).text == "hello"

    @pytest.mark.parametrize("version", ["v1", "v1beta"])
    async def test_both_versions(self, google: GoogleEmulator, version: str) -> None:
        google.brain = Script(["hello"])
        options = types.HttpOptions(base_url=google.url, api_version=version)
        client = genai.Client(api_key=google.api_key, http_options=options)
        await client.aio.models.generate_content(model=READER, contents="hi")
        assert google.journal[0].path.startswith(f"/{version}/models/")
        await client.aio.aclose()

    async def test_garbage_only_when_meant(self, google: GoogleEmulator, client: genai.Client) -> None:
        google.brain = Script([Raw('{"intent": '), {"intent": 5}, "no json"])
        config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=Answer)

        async def ask() -> types.GenerateContentResponse:
            return await client.aio.models.generate_content(model=READER, contents="x", config=config)

        answer = await ask()
        assert (answer.text, answer.parsed) == ('{"intent": ', None)
        for sentence in ("intent is 5", "gave no JSON", "3 replies"):
            with pytest.raises(errors.ServerError, match=sentence):
                await ask()
        assert len(google.mistakes) == 3
        assert google.journal[1].status == 500
        google.mistakes.clear()
        google.brain = None
        with pytest.raises(errors.ServerError, match="no brain"):
            await ask()

    async def test_mistakes_of_the_test_are_raised_at_the_end(self) -> None:
        with pytest.raises(AssertionError, match="cannot be filmed"):
            async with GoogleEmulator() as google:
                google.omni.takes(0)
                google.omni.next(Clip(path=Path("missing.mp4")))
                async with aiohttp.ClientSession(headers={"x-goog-api-key": "test-key"}) as session:
                    order = {"model": OMNI, "input": "a fox", "response_format": SMALL}
                    async with session.post(f"{google.url}/v1/interactions", json=order) as answer:
                        assert (await answer.json())["status"] == "failed"

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            ({"contents": []}, "takes 1 to"),
            ({"contents": [{"parts": [{"text": 5}]}]}, "contents[0].parts[0].text"),
            ({"contents": [{"parts": [{"words": "x"}]}]}, 'Unknown name "words"'),
            ({"generationConfig": {}}, "Missing required field 'contents'"),
            ({"generationConfig": {"temperature": 0.5}}, "deprecated"),
            ({"generationConfig": {"topK": 3}}, "deprecated"),
            ({"generationConfig": {"responseSchema": {"type": "OBJECT"}}}, "application/json"),
            (
                {
                    "generationConfig": {
                        "responseMimeType": "application/json",
                        "responseSchema": {"type": "OBJECT", "additionalProperties": False},
                    }
                },
                "additionalProperties",
            ),
        ],
    )
    async def test_is_strict(self, google: GoogleEmulator, body: dict[str, Any], said: str) -> None:
        hello = {"contents": [{"role": "user", "parts": [{"text": "x"}]}]}
        whole = body if "contents" in body or said.startswith("Missing") else hello | body
        url = f"{google.url}/v1/models/{READER}:generateContent"
        key = {"x-goog-api-key": google.api_key}
        async with aiohttp.ClientSession(headers=key) as session, session.post(url, json=whole) as answer:
            error = (await answer.json())["error"]
        assert (answer.status, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")
        assert said in error["message"]

    async def test_keys_and_models(self, google: GoogleEmulator, client: genai.Client) -> None:
        with pytest.raises(errors.ClientError, match="not found for API version v1") as missing:
            await client.aio.models.generate_content(model="gemini-2.5-flash", contents="x")
        assert missing.value.code == 404
        assert (await client.aio.models.get(model=READER)).name == f"models/{READER}"
        assert len((await client.aio.models.list()).page) == 2
        wrong = genai.Client(api_key="stolen", http_options=types.HttpOptions(base_url=google.url))
        with pytest.raises(errors.ClientError, match="API key not valid") as refused:
            await wrong.aio.models.generate_content(model=READER, contents="x")
        assert refused.value.code == 400
        await wrong.aio.aclose()
        url = f"{google.url}/v1/models/{READER}:generateContent"
        async with aiohttp.ClientSession() as session, session.post(url, json={}) as answer:
            assert answer.status == 403

    async def test_faults(self, google: GoogleEmulator, client: genai.Client) -> None:
        google.brain = Script(["unread", "well"])
        google.faults.add(Fault(match="generateContent", status=429, retry_after=7))
        google.faults.add(Fault(match="generateContent", status=503))
        google.faults.add(Fault(match="generateContent", drop="before"))
        google.faults.add(Fault(match="generateContent", malformed=True))

        async def ask() -> str | None:
            return (await client.aio.models.generate_content(model=READER, contents="x")).text

        with pytest.raises(errors.ClientError) as many:
            await ask()
        assert (many.value.code, many.value.status) == (429, "RESOURCE_EXHAUSTED")
        assert many.value.response.headers["Retry-After"] == "7"
        with pytest.raises(errors.ServerError):
            await ask()
        with pytest.raises(aiohttp.ClientError):
            await ask()
        with pytest.raises(json.JSONDecodeError):
            await ask()
        assert await ask() == "well"
        assert [call.status for call in google.journal] == [429, 503, None, 200, 200]

    async def test_errors_in_an_array(self) -> None:
        async with GoogleEmulator(errors_in_array=True) as google:
            client = genai.Client(api_key="x", http_options=types.HttpOptions(base_url=google.url, retry_options=ONCE))
            with pytest.raises(errors.ClientError) as refused:
                await client.aio.models.generate_content(model=READER, contents="x")
            assert (refused.value.code, refused.value.status) == (400, "INVALID_ARGUMENT")
            with pytest.raises(compat_errors.BadRequestError) as order:
                await client.aio.interactions.create(model=OMNI, input="x")
            assert isinstance(order.value.body, list)
            await client.aio.aclose()


class TestOmni:
    async def test_order_poll_download(self, google: GoogleEmulator, client: genai.Client, tmp_path: Path) -> None:
        google.omni.hold()
        created = await order_omni(
            client,
            input=[
                {"type": "text", "text": "<FIRST_FRAME> the fox runs"},
                {"type": "image", "data": base64.b64encode(picture()).decode(), "mime_type": "image/png"},
            ],
            response_format=SMALL | {"aspect_ratio": "9:16"},
            generation_config={"seed": 7, "video_config": {"task": "image_to_video"}},
        )
        assert created.status in ("queued", "in_progress")
        await asyncio.sleep(0.05)
        assert (await client.aio.interactions.get(created.id)).status == "in_progress"
        google.omni.release()
        done = await omni_result(client, created.id)
        assert (done.status, done.output_video.data) == ("completed", None)
        order = google.omni.orders[0]
        await client.aio.files.download(file=done.output_video.uri, destination=tmp_path / "clip.mp4")
        assert (tmp_path / "clip.mp4").read_bytes() == google.clip_bytes(order)
        seconds, *shape = probe(google.clip_bytes(order))
        assert (round(seconds), *shape) == (3, 360, 640, True)
        sent = google.calls("interactions.create")[0].body
        assert sent["input"][0]["content"][1]["mime_type"] == "image/png"
        assert google.calls("files.download")[0].status == 200

    async def test_inline_and_in_the_foreground(self, google: GoogleEmulator, client: genai.Client) -> None:
        done = await order_omni(client, background=False, store=False, response_format=SMALL | {"delivery": "inline"})
        assert base64.b64decode(done.output_video.data) == google.clip_bytes(google.omni.orders[0])
        with pytest.raises(compat_errors.BadRequestError):
            await client.aio.interactions.get(done.id)

    async def test_every_outcome(self, google: GoogleEmulator, client: genai.Client) -> None:
        google.omni.next(
            Refusal("I can't do that."),
            Failure(8, "no capacity"),
            Empty(),
            Status("budget_exceeded"),
            Clip(seconds=2, width=320, height=320, silent=True),
        )
        ids = [(await order_omni(client)).id for _ in range(5)]
        refused, failed, empty, budget, short = [await omni_result(client, each) for each in ids]
        assert (refused.status, refused.output_text, refused.output_video) == (
            "completed",
            "I can't do that.",
            None,
        )
        assert (failed.status, failed.errors[0].code, failed.errors[0].message) == (
            "failed",
            "8",
            "no capacity",
        )
        assert (empty.status, empty.output_text or "", empty.output_video) == ("completed", "", None)
        assert (budget.status, budget.output_video) == ("budget_exceeded", None)
        assert short.output_video is not None
        seconds, *shape = probe(google.clip_bytes(google.omni.orders[4]))
        assert (round(seconds), *shape) == (2, 320, 320, True)

    async def test_spurious_400_cancel_delete(self, google: GoogleEmulator, client: genai.Client) -> None:
        google.omni.hold()
        google.omni.next(Spurious400())
        created = await order_omni(client)
        with pytest.raises(compat_errors.BadRequestError, match="Multiple authentication credentials"):
            await client.aio.interactions.get(created.id)
        assert (await client.aio.interactions.get(created.id)).status in ("queued", "in_progress")
        assert (await client.aio.interactions.cancel(created.id)).status == "cancelled"
        with pytest.raises(compat_errors.BadRequestError):
            await client.aio.interactions.cancel(created.id)
        await client.aio.interactions.delete(created.id)
        with pytest.raises(compat_errors.BadRequestError) as unknown:
            await client.aio.interactions.get(created.id)
        assert unknown.value.status_code == 400
        assert not isinstance(unknown.value, errors.APIError)

    async def test_edit_needs_what_was_stored(self, google: GoogleEmulator, client: genai.Client) -> None:
        first = await omni_result(client, (await order_omni(client)).id)
        edit = {"generation_config": {"video_config": {"task": "edit"}}}
        second = await order_omni(client, previous_interaction_id=first.id, **edit)
        assert (await omni_result(client, second.id)).previous_interaction_id == first.id
        thrown = await order_omni(client, background=False, store=False)
        for previous in ({"previous_interaction_id": thrown.id}, {}):
            with pytest.raises(compat_errors.BadRequestError):
                await order_omni(client, **edit, **previous)

    async def test_is_strict(self, google: GoogleEmulator, client: genai.Client) -> None:
        for wrong in WRONG_OMNI_ORDERS:
            with pytest.raises(compat_errors.APIStatusError) as refused:
                await order_omni(client, **wrong)
            assert refused.value.status_code == (404 if "model" in wrong else 400), wrong
        assert google.omni.orders == []

    async def test_faults_on_the_order(self, google: GoogleEmulator, client: genai.Client) -> None:
        google.faults.add(Fault(match="interactions.create", status=429, retry_after=3))
        google.faults.add(Fault(match="interactions.create", status=500))
        google.faults.add(Fault(match="interactions.create", drop="after"))
        google.faults.add(Fault(match="interactions.create", delay=0.15))
        with pytest.raises(compat_errors.RateLimitError) as many:
            await order_omni(client)
        assert many.value.response.headers["retry-after"] == "3"
        with pytest.raises(compat_errors.InternalServerError):
            await order_omni(client)
        assert google.omni.orders == []
        with pytest.raises(compat_errors.APIConnectionError):
            await order_omni(client)
        assert len(google.omni.orders) == 1
        with pytest.raises(compat_errors.APITimeoutError):
            await order_omni(client, timeout=0.05)
        assert len(google.calls("interactions.create")) == 4

    async def test_retries_are_the_default(self, google: GoogleEmulator) -> None:
        client = genai.Client(
            api_key=google.api_key,
            http_options=types.HttpOptions(
                base_url=google.url,
                retry_options=types.HttpRetryOptions(initial_delay=0.001, max_delay=0.001),
            ),
        )
        google.faults.add(Fault(match="interactions.create", status=500, times=None))
        with pytest.raises(compat_errors.InternalServerError):
            await order_omni(client)
        assert len(google.calls("interactions.create")) == 5
        await client.aio.aclose()

    async def test_webhook(self, google: GoogleEmulator, client: genai.Client) -> None:
        received: list[tuple[dict[str, str], str]] = []
        arrived = asyncio.Event()

        async def receive(request: web.Request) -> web.Response:
            received.append((dict(request.headers), await request.text()))
            if len(received) == 2:
                arrived.set()
            return web.Response(status=503 if len(received) == 1 else 200)

        app = web.Application()
        app.router.add_post("/hook", receive)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        google.webhook_secret = "whsec_" + base64.b64encode(b"0123456789abcdef").decode()
        google.webhooks.endpoint = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        created = await order_omni(client, webhook_config={"user_metadata": {"generation": "v12"}})
        await asyncio.wait_for(arrived.wait(), 5)
        headers, body = received[1]
        event = json.loads(body)
        assert (event["type"], event["data"]["id"]) == ("interaction.completed", created.id)
        assert event["user_metadata"] == {"generation": "v12"}
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}"
        assert headers["webhook-signature"] == sign(google.webhook_secret, signed)
        assert received[0][0]["webhook-id"] == headers["webhook-id"]
        await runner.cleanup()

    async def test_download_breaks_off(self, google: GoogleEmulator, client: genai.Client, tmp_path: Path) -> None:
        done = await omni_result(client, (await order_omni(client)).id)
        google.pace.cut_after = 10_000
        with pytest.raises(aiohttp.ClientError):
            await client.aio.files.download(file=done.output_video.uri, destination=tmp_path / "part.mp4")
        assert (tmp_path / "part.mp4").stat().st_size <= 10_000
        await client.aio.files.download(file=done.output_video.uri, destination=tmp_path / "whole.mp4")
        assert (tmp_path / "whole.mp4").read_bytes() == google.clip_bytes(google.omni.orders[0])
        google.omni.forget_file(google.omni.orders[0])
        with pytest.raises(errors.ClientError) as gone:
            await client.aio.files.download(file=done.output_video.uri, destination=tmp_path / "gone.mp4")
        assert gone.value.code == 404


async def test_leaving_waits_for_cameras() -> None:
    async with GoogleEmulator() as google:
        google.omni.takes(0)
        google.omni.next(Clip(seconds=4, width=640, height=352, frozen=True, silent=True))
        async with aiohttp.ClientSession(headers={"x-goog-api-key": google.api_key}) as session:
            order = {"model": OMNI, "input": "a fox", "background": True, "response_format": SMALL}
            async with session.post(f"{google.url}/v1/interactions", json=order) as answer:
                assert (await answer.json())["status"] in ("queued", "in_progress")
        await asyncio.sleep(0.01)


class TestVeo:
    async def test_order_poll_and_read_from_storage(
        self, google: GoogleEmulator, cloud: genai.Client, account: service_account.Credentials
    ) -> None:
        google.veo.hold()
        started = await order_veo(cloud, output_gcs_uri="gs://clips/orders/v12", number_of_videos=2)
        assert started.done is None
        assert (await cloud.aio.operations.get(started)).done is None
        google.veo.release()
        done = await veo_result(cloud, started.name)
        assert done.response is not None
        assert done.response.generated_videos is not None
        uris = [each.video.uri for each in done.response.generated_videos if each.video is not None]
        operation = (started.name or "").rpartition("/")[2]
        assert uris == [f"gs://clips/orders/v12/{operation}/sample_{number}.mp4" for number in (0, 1)]
        order = google.veo.orders[0]
        headers = {"Authorization": f"Bearer {account.token}"}
        base = f"{google.url}/storage/v1/b/clips/o"
        async with aiohttp.ClientSession(headers=headers) as session:
            async with session.get(base, params={"prefix": "orders/v12/", "maxResults": "1"}) as answer:
                page = await answer.json()
            assert len(page["items"]) == 1
            query = {"prefix": "orders/v12/", "pageToken": page["nextPageToken"]}
            async with session.get(base, params=query) as answer:
                rest = await answer.json()
            name = rest["items"][0]["name"]
            assert name.endswith("sample_1.mp4")
            media = f"{base}/{name.replace('/', '%2F')}?alt=media"
            async with session.get(media) as answer:
                assert await answer.read() == google.clip_bytes(order, 1)
            async with session.get(media, headers={"Range": "bytes=10-19"}) as answer:
                assert (answer.status, await answer.read()) == (206, google.clip_bytes(order, 1)[10:20])
            async with session.get(media, headers={"Range": "bytes=99999999-"}) as answer:
                assert answer.status == 416
            async with session.get(f"{base}/none?alt=media") as answer:
                assert answer.status == 404
        async with aiohttp.ClientSession() as session, session.get(media) as answer:
            assert answer.status == 401

    async def test_inline_with_frames(self, google: GoogleEmulator, cloud: genai.Client) -> None:
        image = types.Image(image_bytes=picture(), mime_type="image/png")
        started = await cloud.aio.models.generate_videos(
            model=VEO,
            source=types.GenerateVideosSource(prompt="it moves", image=image),
            config=types.GenerateVideosConfig(
                duration_seconds=4,
                aspect_ratio="9:16",
                resolution="720p",
                last_frame=image,
                negative_prompt="people",
                generate_audio=False,
                seed=3,
                person_generation="allow_adult",
            ),
        )
        done = await veo_result(cloud, started.name)
        assert done.response is not None
        assert done.response.generated_videos is not None
        video = done.response.generated_videos[0].video
        assert video is not None
        assert video.video_bytes == google.clip_bytes(google.veo.orders[0])
        seconds, *shape = probe(video.video_bytes or b"")
        assert (round(seconds), *shape) == (4, 720, 1280, False)

    async def test_outcomes(self, google: GoogleEmulator, cloud: genai.Client) -> None:
        google.veo.next(Refusal("Blocked: 58061214"), Failure(8, "no capacity"), Empty())
        refused, failed, empty = [await veo_result(cloud, (await order_veo(cloud)).name) for _ in range(3)]
        assert refused.response is not None
        assert refused.response.generated_videos is None
        assert refused.response.rai_media_filtered_count == 1
        assert refused.response.rai_media_filtered_reasons == ["Blocked: 58061214"]
        assert failed.error == {"code": 8, "message": "no capacity"}
        assert empty.response is not None
        assert empty.response.generated_videos is None
        with pytest.raises(ValueError, match="no status"):
            google.veo.next(Status("incomplete"))

    async def test_extends_a_clip(self, google: GoogleEmulator, cloud: genai.Client, tmp_path: Path) -> None:
        path = make_footage(tmp_path / "first.mp4", seconds=4, width=320, height=180)
        source = google.storage.put("clips", "first.mp4", path)
        google.veo.next(Clip(width=320, height=180))

        async def extend(uri: str) -> types.GenerateVideosOperation:
            return await cloud.aio.models.generate_videos(
                model=VEO,
                source=types.GenerateVideosSource(
                    prompt="on it goes", video=types.Video(uri=uri, mime_type="video/mp4")
                ),
                config=types.GenerateVideosConfig(duration_seconds=7),
            )

        await veo_result(cloud, (await extend(source)).name)
        assert probe(google.clip_bytes(google.veo.orders[0]))[0] == pytest.approx(11, abs=0.2)
        with pytest.raises(errors.ClientError, match="does not exist"):
            await extend("gs://clips/none.mp4")

    async def test_cancel(self, google: GoogleEmulator, cloud: genai.Client) -> None:
        google.veo.hold()
        started = await order_veo(cloud)
        headers = {"Authorization": google.journal[-1].headers["Authorization"]}
        url = f"{google.url}/v1/{started.name}:cancel"
        async with aiohttp.ClientSession(headers=headers) as session, session.post(url) as answer:
            assert answer.status == 200
        stopped = await cloud.aio.operations.get(started)
        assert stopped.done is True
        assert stopped.error is not None
        assert stopped.error["code"] == 1

    async def test_is_strict(self, google: GoogleEmulator, cloud: genai.Client) -> None:
        for wrong in WRONG_VEO_ORDERS:
            with pytest.raises(errors.ClientError) as refused:
                await order_veo(cloud, **wrong)
            assert refused.value.code == (404 if "model" in wrong else 400), wrong
        assert google.veo.orders == []

    async def test_faults_on_the_order(self, google: GoogleEmulator, cloud: genai.Client) -> None:
        google.faults.add(Fault(match="veo.predictLongRunning", status=429, retry_after=2))
        google.faults.add(Fault(match="veo.predictLongRunning", drop="after"))
        with pytest.raises(errors.ClientError) as many:
            await order_veo(cloud)
        assert many.value.response.headers["Retry-After"] == "2"
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await order_veo(cloud)
        assert len(google.calls("veo.predictLongRunning")) == 2
        assert len(google.veo.orders) == 1

    async def test_project_and_unknown_operation(
        self, google: GoogleEmulator, account: service_account.Credentials, cloud: genai.Client
    ) -> None:
        name = f"projects/demo/locations/us-central1/publishers/google/models/{VEO}/operations/none"
        with pytest.raises(errors.ClientError) as unknown:
            await cloud.aio.operations.get(running_as(name))
        assert unknown.value.code == 404
        other = genai.Client(
            enterprise=True,
            project="other",
            location="us-central1",
            credentials=account,
            http_options=types.HttpOptions(base_url=google.url),
        )
        with pytest.raises(errors.ClientError) as denied:
            await order_veo(other)
        assert denied.value.code == 403
        await other.aio.aclose()


class TestTokens:
    async def test_are_demanded_and_expire(self, google: GoogleEmulator, cloud: genai.Client) -> None:
        await order_veo(cloud)
        await order_veo(cloud)
        assert len(google.calls("token")) == 1
        google.tokens.expire()
        with pytest.raises(errors.ClientError) as refused:
            await order_veo(cloud)
        assert refused.value.code == 401

    async def test_the_grant_is_checked(self, google: GoogleEmulator, tmp_path: Path) -> None:
        info = json.loads(google.service_account_file(tmp_path).read_text())
        async with GoogleEmulator(project="other") as elsewhere:
            stranger = json.loads(elsewhere.service_account_file(tmp_path).read_text())
        for changed, said in (
            ({"private_key": stranger["private_key"]}, "Invalid JWT Signature"),
            ({"private_key_id": "other"}, "unknown key"),
            ({"client_email": "thief@demo.iam.gserviceaccount.com"}, "account not found"),
        ):
            wrong = credentials(info | changed, scopes=[CLOUD])
            with pytest.raises(RefreshError, match=said):
                await asyncio.to_thread(wrong.refresh, Request())
        none = credentials(info)
        with pytest.raises(RefreshError, match="invalid_scope"):
            await asyncio.to_thread(none.refresh, Request())
        weak = credentials(info, scopes=["https://www.googleapis.com/auth/devstorage.read_only"])
        await asyncio.to_thread(weak.refresh, Request())
        place = f"{google.url}/v1/projects/demo/locations/us-central1/publishers/google/models/{VEO}"
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {weak.token}"}) as session:
            async with session.post(f"{place}:predictLongRunning", json={}) as answer:
                assert answer.status == 403
            async with session.get(f"{google.url}/storage/v1/b/clips/o") as answer:
                assert answer.status == 200


CHILD = """
import asyncio, sys
from google import genai
async def main():
    client = genai.Client(api_key="test-key")
    await client.aio.interactions.create(model="gemini-omni-1.2-flash", input="a fox", background=True)
asyncio.run(main())
"""


async def test_the_caller_is_killed_in_the_middle(google: GoogleEmulator) -> None:
    killed = asyncio.Event()

    async def kill(call: Any) -> None:
        child.kill()
        await child.wait()
        killed.set()

    google.faults.on("interactions.create", kill, moment="processed")
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, env={**google.environment(), "PATH": "/usr/bin:/bin"}
    )
    await asyncio.wait_for(killed.wait(), 20)
    assert len(google.omni.orders) == 1
    url = f"{google.url}/v1/interactions/{google.omni.orders[0].id}"
    key = {"x-goog-api-key": google.api_key}
    async with aiohttp.ClientSession(headers=key) as session, session.get(url) as answer:
        assert answer.status == 200


async def test_nothing_else_is_served(google: GoogleEmulator) -> None:
    async with aiohttp.ClientSession(headers={"x-goog-api-key": google.api_key}) as session:
        async with session.get(f"{google.url}/v1/cachedContents") as answer:
            assert answer.status == 404
        async with session.post(
            f"{google.url}/v1/interactions", data="{", headers={"Content-Type": "application/json"}
        ) as answer:
            assert answer.status == 400
    assert google.journal[0].name == "unknown"
