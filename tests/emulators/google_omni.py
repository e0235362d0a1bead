"""Gemini Omni: video orders over the Interactions API, and the download of what they gave.

Only video interactions are known here; text over the Interactions API and streaming are refused.
"""

import asyncio
import base64
import datetime
import secrets
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.emulators.google_media import FileAnswer, Pace
from tests.emulators.google_omni_request import (
    LONGEST_WITH_FRAMES_S,
    SHORTEST_S,
    check_request,
    content_parts,
)
from tests.emulators.google_orders import Clip, Failure, Order, Orders, Outcome, Refusal, frame_size
from tests.emulators.google_webhooks import Webhooks
from tests.emulators.google_wire import Call, Route, WireError, bad_request

MODELS = frozenset({"gemini-omni-1.2-flash"})
MOST_REFERENCES = 6
DEFAULTS = {"duration": "8s", "aspect_ratio": "16:9", "resolution": "720p", "delivery": "inline"}
PUBLIC_HOST = "https://generativelanguage.googleapis.com"
"""Named in download addresses; SDKs take the file's id out of them and fetch from their base URL."""
RUNNING = ("queued", "in_progress")
NEEDS_SOURCE = ("edit", "extend", "upscale")


class Omni:
    """The video interactions of one API key's project."""

    def __init__(self, folder: Path, *, pace: Pace, webhooks: Webhooks, mistakes: list[str]) -> None:
        self._orders = Orders(folder, on_end=self._ended, mistakes=mistakes)
        self._pace = pace
        self._webhooks = webhooks
        self._files: dict[str, Path] = {}
        self._hooked: set[asyncio.Task[None]] = set()
        self.hold = self._orders.hold
        self.release = self._orders.release
        self.takes = self._orders.takes

    @property
    def orders(self) -> list[Order]:
        """The orders accepted so far, oldest first."""
        return self._orders.all

    def next(self, *outcomes: Outcome) -> None:
        """What the next orders come to, in order of acceptance; further ones succeed as ordered."""
        self._orders.next(*outcomes)

    def forget_file(self, order: Order) -> None:
        """Let the download of an order's clip answer 404, as after the service's retention."""
        for uri in order.uris:
            self._files.pop(_file_id(uri), None)

    async def close(self) -> None:
        """Stop what runs."""
        await self._orders.close()
        for task in tuple(self._hooked):
            task.cancel()
        await asyncio.gather(*self._hooked, return_exceptions=True)

    def routes(self) -> list[Route]:
        """The calls served here."""
        base = "/{version:v1|v1beta}/interactions"
        one = base + "/{id:[^/]+}"
        file = "/{version:v1|v1beta}/files/{file:[^/:]+}:download"
        return [
            Route(name="interactions.create", method="POST", path=base, handler=self._create, access="key"),
            Route(name="interactions.get", method="GET", path=one, handler=self._get, access="key"),
            Route(
                name="interactions.cancel",
                method="POST",
                path=one + "/cancel",
                handler=self._cancel,
                access="key",
            ),
            Route(name="interactions.delete", method="DELETE", path=one, handler=self._delete, access="key"),
            Route(name="files.download", method="GET", path=file, handler=self._download, access="key"),
        ]

    async def _create(self, request: web.Request, call: Call) -> web.StreamResponse:
        body = call.body
        check_request(body)
        if body["model"] not in MODELS:
            raise WireError(404, f"Model {body['model']} is not found or does not make videos.")
        background, stored = body.get("background", False), body.get("store", True)
        if background and not stored:
            bad_request("background=true needs store=true.", field="store")
        order = self._orders.accept(
            order_id=f"v1_{secrets.token_urlsafe(18).replace('-', 'x')}",
            model=body["model"],
            body=body,
            stored=stored,
            **self._ordered(body),
        )
        if not background:
            await order.ended.wait()
        return web.json_response(self._shown(order))

    def _ordered(self, body: dict[str, Any]) -> dict[str, Any]:
        """Length and frame size ordered. Raises WireError where the parts of the order do not go together."""
        wanted = DEFAULTS | body.get("response_format", {})
        task = body.get("generation_config", {}).get("video_config", {}).get("task")
        kinds = [part["type"] for part in content_parts(body["input"])]
        images = kinds.count("image")
        source = None
        if "previous_interaction_id" in body:
            source = self._orders.find(body["previous_interaction_id"])
            if source is None or not source.stored or not source.clips:
                bad_request(
                    "previous_interaction_id names no stored interaction with a video.",
                    field="previous_interaction_id",
                )
        if task in NEEDS_SOURCE and source is None and "video" not in kinds:
            bad_request(f"Task {task} needs a video or previous_interaction_id.", field="input")
        if task == "text_to_video" and images:
            bad_request("Task text_to_video takes no images.", field="input")
        if task == "image_to_video" and not 1 <= images <= 2:
            bad_request("Task image_to_video takes a first frame and at most a last frame.", field="input")
        if images > MOST_REFERENCES or (task == "reference_to_video" and not images):
            bad_request(f"Task reference_to_video takes 1 to {MOST_REFERENCES} images.", field="input")
        if "text" not in kinds and task != "upscale":
            bad_request("The input has no text.", field="input")
        seconds = int(wanted["duration"].partition("s")[0].partition(".")[0])
        if task == "image_to_video" and images == 2 and seconds > LONGEST_WITH_FRAMES_S:
            bad_request(
                f"First and last frame allow {SHORTEST_S} to {LONGEST_WITH_FRAMES_S} s.",
                field="response_format",
            )
        return {"seconds": seconds, "size": frame_size(wanted["resolution"], wanted["aspect_ratio"])}

    async def _get(self, request: web.Request, call: Call) -> web.StreamResponse:
        order = self._known(call)
        if order.spurious and order.state in RUNNING:
            order.spurious -= 1
            bad_request("Multiple authentication credentials received. Please pass only one.")
        return web.json_response(self._shown(order))

    async def _cancel(self, request: web.Request, call: Call) -> web.StreamResponse:
        order = self._known(call)
        if order.state not in RUNNING:
            bad_request(f"Interaction is {order.state} and cannot be cancelled.")
        self._orders.cancel(order)
        return web.json_response(self._shown(order))

    async def _delete(self, request: web.Request, call: Call) -> web.StreamResponse:
        self._known(call).deleted = True
        return web.json_response({})

    async def _download(self, request: web.Request, call: Call) -> web.StreamResponse:
        if call.query.get("alt") != "media":
            bad_request("Downloads need alt=media.", field="alt")
        path = self._files.get(call.params["file"])
        if path is None:
            raise WireError(404, f"File files/{call.params['file']} not found.")
        return FileAnswer(path, request, self._pace)

    def _known(self, call: Call) -> Order:
        order = self._orders.find(call.params["id"])
        if order is None or not order.stored:
            bad_request(f"Interaction {call.params['id']} is unknown.", field="id")
        return order

    def _shown(self, order: Order) -> dict[str, Any]:
        """The Interaction resource."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        shown: dict[str, Any] = {
            "id": order.id,
            "model": order.model,
            "status": order.state,
            "created": now,
            "updated": now,
        }
        if "previous_interaction_id" in order.body:
            shown["previous_interaction_id"] = order.body["previous_interaction_id"]
        content: list[dict[str, Any]] = []
        if order.state == "failed" and isinstance(order.outcome, Failure):
            shown["errors"] = [{"code": str(order.outcome.code), "message": order.outcome.message}]
        elif order.state == "completed" and isinstance(order.outcome, Refusal):
            content = [{"type": "text", "text": order.outcome.text}]
        elif order.state == "completed" and isinstance(order.outcome, Clip):
            content = [_video(order)]
            shown["output_video"] = content[0]
        if order.state == "completed":
            shown["steps"] = [{"type": "model_output", "content": content}]
            shown["usage"] = {"total_input_tokens": 64, "total_output_tokens": 512, "total_tokens": 576}
        return shown

    async def _ended(self, order: Order) -> None:
        if order.clip is not None:
            file = secrets.token_hex(6)
            self._files[file] = order.clip
            order.uris = [f"{PUBLIC_HOST}/v1beta/files/{file}:download?alt=media"]
        if self._webhooks.endpoint:
            task = asyncio.create_task(self._post(order))
            self._hooked.add(task)
            task.add_done_callback(self._hooked.discard)

    async def _post(self, order: Order) -> None:
        await order.ended.wait()
        kind = "interaction.completed" if order.state == "completed" else "interaction.failed"
        metadata = (order.body.get("webhook_config") or {}).get("user_metadata")
        await self._webhooks.post(kind=kind, interaction_id=order.id, user_metadata=metadata)


def _video(order: Order) -> dict[str, Any]:
    video: dict[str, Any] = {"type": "video", "mime_type": "video/mp4"}
    if order.body.get("response_format", {}).get("delivery", DEFAULTS["delivery"]) == "uri":
        return video | {"uri": order.uris[0]}
    assert order.clip is not None
    return video | {"data": base64.b64encode(order.clip.read_bytes()).decode()}


def _file_id(uri: str) -> str:
    return uri.rpartition("/files/")[2].partition(":")[0]
