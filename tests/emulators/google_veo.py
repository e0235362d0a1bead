"""Veo on the Agent Platform: predictLongRunning, fetchPredictOperation and the cancel of an operation.

The cancel is that of long-running operations in general; whether Veo obeys it is not documented.
"""

import base64
import io
import secrets
from pathlib import Path
from typing import Any

import av
from aiohttp import web

from tests.emulators import google_wire as wire
from tests.emulators.google_orders import (
    Failure,
    Order,
    Orders,
    Outcome,
    Refusal,
    Status,
    frame_size,
)
from tests.emulators.google_storage import Storage
from tests.emulators.google_veo_request import DURATIONS_S, EXTENSION_S, check_request
from tests.emulators.google_wire import Call, Route, WireError, bad_request, record

RESOLUTIONS = {
    "veo-3.1-generate-001": ("720p", "1080p", "4k"),
    "veo-3.1-fast-generate-001": ("720p", "1080p"),
    "veo-3.1-lite-generate-001": ("720p", "1080p"),
}
REFERENCE_DURATION_S = 8
LONGEST_EXTENDED_S = 37
RUNNING = ("queued", "in_progress")
CANCELLED = 1
"""google.rpc.Code of an operation that was cancelled."""


class Veo:
    """The video operations of one project and location."""

    def __init__(self, folder: Path, *, project: str, location: str, storage: Storage, mistakes: list[str]) -> None:
        self._orders = Orders(folder, on_end=self._ended, mistakes=mistakes)
        self._project = project
        self._location = location
        self._storage = storage
        self.hold = self._orders.hold
        self.release = self._orders.release
        self.takes = self._orders.takes

    @property
    def orders(self) -> list[Order]:
        """The orders accepted so far, oldest first."""
        return self._orders.all

    def next(self, *outcomes: Outcome) -> None:
        """What the next orders come to, in order of acceptance; further ones succeed as ordered."""
        for outcome in outcomes:
            if isinstance(outcome, Status):
                raise ValueError(f"{outcome}: a Veo operation has no status; use Failure with a code of google.rpc")
        self._orders.next(*outcomes)

    async def close(self) -> None:
        """Stop what runs."""
        await self._orders.close()

    def routes(self) -> list[Route]:
        """The calls served here."""
        model = (
            "/{version:v1|v1beta1}/projects/{project:[^/]+}/locations/{location:[^/]+}/publishers/google/models/"
            "{model:[^/:]+}"
        )
        cancel = model + "/operations/{operation:[^/:]+}:cancel"
        return [
            Route(
                name="veo.predictLongRunning",
                method="POST",
                path=model + ":predictLongRunning",
                handler=self._predict,
                access="token",
            ),
            Route(
                name="veo.fetchPredictOperation",
                method="POST",
                path=model + ":fetchPredictOperation",
                handler=self._fetch,
                access="token",
            ),
            Route(name="veo.cancel", method="POST", path=cancel, handler=self._cancel, access="token"),
        ]

    def _place(self, call: Call) -> str:
        """The model's resource name. Raises WireError for a project, location or model that is not ours."""
        if call.params["project"] != self._project:
            raise WireError(
                403,
                "Permission 'aiplatform.endpoints.predict' denied on resource "
                f"'//aiplatform.googleapis.com/projects/{call.params['project']}' (or it may not exist).",
            )
        if call.params["location"] != self._location:
            bad_request(f"Unsupported location: {call.params['location']}", field="location")
        place = f"projects/{self._project}/locations/{self._location}/publishers/google/models/{call.model}"
        if call.model not in RESOLUTIONS:
            raise WireError(404, f"Publisher Model `{place}` was not found or your project does not have access to it.")
        return place

    async def _predict(self, request: web.Request, call: Call) -> web.StreamResponse:
        place = self._place(call)
        check_request(call.body)
        order = self._orders.accept(
            order_id=f"{place}/operations/{secrets.token_hex(16)}",
            model=call.model,
            body=call.body,
            **self._ordered(call.model, call.body),
        )
        return web.json_response({"name": order.id})

    def _ordered(self, model: str, body: dict[str, Any]) -> dict[str, Any]:
        """What was ordered. Raises WireError where the parts of the order do not go together."""
        instance, wanted = body["instances"][0], body.get("parameters", {})
        seconds = wanted.get("durationSeconds", EXTENSION_S if "video" in instance else 8)
        resolution = wanted.get("resolution", "720p")
        if not {"prompt", "image", "video"} & instance.keys():
            bad_request("An instance needs a prompt, an image or a video.", field="instances[0]")
        if resolution not in RESOLUTIONS[model]:
            bad_request(
                f"Resolution {resolution} is not supported by {model}, which takes {RESOLUTIONS[model]}.",
                field="parameters.resolution",
            )
        if (seconds == EXTENSION_S) != ("video" in instance):
            bad_request(
                f"durationSeconds is {seconds}; an extension takes {EXTENSION_S}, all else {DURATIONS_S}.",
                field="parameters.durationSeconds",
            )
        if "referenceImages" in instance:
            if seconds != REFERENCE_DURATION_S:
                bad_request(
                    f"Reference images need durationSeconds {REFERENCE_DURATION_S}.",
                    field="parameters.durationSeconds",
                )
            if {"image", "lastFrame", "video"} & instance.keys():
                bad_request("Reference images go with neither frames nor a video.", field="instances[0]")
        if "lastFrame" in instance and "image" not in instance:
            bad_request("lastFrame needs image as the first frame.", field="instances[0].lastFrame")
        if "storageUri" in wanted:
            bucket = wanted["storageUri"].removeprefix("gs://").partition("/")[0]
            if not self._storage.exists(bucket):
                bad_request(f"The bucket {bucket} does not exist.", field="parameters.storageUri")
        if "video" in instance:
            seconds += self._length(instance["video"])
            if seconds > LONGEST_EXTENDED_S:
                bad_request(
                    f"The extended video would be longer than {LONGEST_EXTENDED_S} s.",
                    field="instances[0].video",
                )
        return {
            "seconds": seconds,
            "size": frame_size(resolution, wanted.get("aspectRatio", "16:9")),
            "audio": wanted.get("generateAudio", True),
            "samples": wanted.get("sampleCount", 1),
        }

    def _length(self, video: dict[str, Any]) -> float:
        """Seconds of the video to extend."""
        if "gcsUri" in video:
            stored = self._storage.get(video["gcsUri"])
            if stored is None:
                bad_request(f"{video['gcsUri']} does not exist.", field="instances[0].video.gcsUri")
            data = stored.data
        else:
            data = wire.decoded(video["bytesBase64Encoded"])
        try:
            with av.open(io.BytesIO(data), "r") as container:
                return (container.duration or 0) / 1_000_000
        except av.FFmpegError:
            bad_request("The video could not be decoded.", field="instances[0].video")

    async def _fetch(self, request: web.Request, call: Call) -> web.StreamResponse:
        place = self._place(call)
        record({"operationName": wire.filled}, required=("operationName",))(call.body, "")
        name = call.body["operationName"]
        if not name.startswith(f"{place}/operations/"):
            bad_request(f"Operation {name} does not belong to {place}.", field="operationName")
        order = self._known(name)
        if order.spurious and order.state in RUNNING:
            order.spurious -= 1
            bad_request("Multiple authentication credentials received. Please pass only one.")
        return web.json_response(self._shown(order))

    async def _cancel(self, request: web.Request, call: Call) -> web.StreamResponse:
        order = self._known(f"{self._place(call)}/operations/{call.params['operation']}")
        if order.state in RUNNING:
            self._orders.cancel(order)
        return web.json_response({})

    def _known(self, name: str) -> Order:
        order = self._orders.find(name)
        if order is None:
            raise WireError(404, f"Operation {name} was not found.")
        return order

    def _shown(self, order: Order) -> dict[str, Any]:
        """The Operation resource. `done` is left out while it runs, as the JSON form leaves out false."""
        if order.state in RUNNING:
            return {"name": order.id}
        shown: dict[str, Any] = {"name": order.id, "done": True}
        if order.state == "cancelled":
            return shown | {"error": {"code": CANCELLED, "message": "The operation was cancelled."}}
        if isinstance(order.outcome, Failure):
            return shown | {"error": {"code": order.outcome.code, "message": order.outcome.message}}
        response: dict[str, Any] = {
            "@type": "type.googleapis.com/cloud.ai.large_models.vision.GenerateVideoResponse",
            "raiMediaFilteredCount": 0,
        }
        if isinstance(order.outcome, Refusal):
            response["raiMediaFilteredCount"] = order.samples
            response["raiMediaFilteredReasons"] = [order.outcome.text] * order.samples
        elif order.uris:
            response["videos"] = [{"gcsUri": uri, "mimeType": "video/mp4"} for uri in order.uris]
        elif order.clips:
            response["videos"] = [
                {"bytesBase64Encoded": base64.b64encode(clip.read_bytes()).decode(), "mimeType": "video/mp4"}
                for clip in order.clips
            ]
        return shown | {"response": response}

    async def _ended(self, order: Order) -> None:
        target = order.body.get("parameters", {}).get("storageUri")
        if target is None:
            return
        bucket, _, prefix = target.removeprefix("gs://").rstrip("/").partition("/")
        folder = "/".join(part for part in (prefix, order.id.rpartition("/")[2]) if part)
        for number, clip in enumerate(order.clips):
            order.uris.append(self._storage.put(bucket, f"{folder}/sample_{number}.mp4", clip))
