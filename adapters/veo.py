"""Veo on Google's Agent Platform: one long-running operation is one clip.

With an output address every order writes below a folder of its own, so that a lost answer can be found again by looking
there; without one the clip comes inside the answer. Limits are checked before an order gets here.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from google import genai
from google.genai import types

from adapters.google_client import AccessTokens, check_address, http_client, sdk_options
from adapters.google_errors import Declined, asking, in_short, ordering, speaks_of_safety
from adapters.google_files import Picture, Pictures, whole_file
from adapters.google_storage import CloudStorage, split
from core.errors import OrderUnanswered, PermanentError, ReelbotError
from core.ports import Failed, Finished, OperationState, Reconciliation, Running, VideoOrder

SERVICE = "Google's Veo"
API = "v1beta1"
INLINE = "inline"
"""The location of a clip that came inside the answer and is asked for again when it is fetched."""
CANCELLED = 1
"""google.rpc.Code of an operation that was stopped."""
MULTI_REGIONS = ("us", "eu")


class VeoVideoProvider:
    """Clips by Veo, with a cloud project."""

    name = "veo"

    def __init__(
        self,
        *,
        project: str,
        location: str,
        credentials_file: Path | None = None,
        base_url: str | None = None,
        output_uri: str | None = None,
        storage_host: str | None = None,
        timeout_s: float = 60.0,
        loopback_only: bool = False,
    ) -> None:
        """`credentials_file`: of a service account; None for the machine's own. `output_uri`: a gs:// prefix that is
        ours alone. `timeout_s` is for one request, and for each silence while a file is streamed. Raises
        PermanentError for addresses or credentials that must not or cannot be used."""
        address = check_address(base_url or agent_platform(location), loopback_only=loopback_only)
        self._output = output_uri.rstrip("/") if output_uri else ""
        if self._output:
            split(self._output)
        self._tokens = AccessTokens(credentials_file, timeout_s=timeout_s, loopback_only=loopback_only)
        self._http = http_client(timeout_s, loopback_only=loopback_only)
        self._storage = CloudStorage(self._http, self._tokens, host=storage_host, loopback_only=loopback_only)
        self._address = address.rstrip("/")
        self._client = genai.Client(
            vertexai=True,
            project=project,
            location=location,
            credentials=self._tokens.credentials,
            http_options=sdk_options(self._http, address, timeout_s),
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aio.aclose()
        self._client.close()
        await self._http.aclose()

    async def check(self) -> str:
        """Empty when the credentials are good and the output address can be read; otherwise what is wrong."""
        try:
            with asking(SERVICE):
                await self._tokens.fresh()
            if self._output:
                await self._storage.find(f"{self._output}/check/", suffix=".mp4")
        except ReelbotError as error:
            return str(error)
        return ""

    async def order(self, order: VideoOrder) -> str:
        """Start the operation; the handle is its name."""
        source, config = await asyncio.to_thread(_body, order, self._folder(order.key))
        with ordering(SERVICE), self._tokens.used():
            await self._tokens.fresh()
            operation = await self._client.aio.models.generate_videos(model=order.model, source=source, config=config)
        if not operation.name:
            raise OrderUnanswered(f"{SERVICE} took the order but did not say under which name.")
        return operation.name

    async def poll(self, operation: str) -> OperationState:
        """Where the operation stands; a name the service does not know has failed. The handle of an order that was
        found again is the address of its clip."""
        if operation.startswith("gs://"):
            return Finished(location=operation)
        try:
            return _state(await self._get(operation))
        except Declined as error:
            if error.status in (400, 404):
                return Failed(reason=f"{SERVICE} does not know this order any more.")
            raise

    async def fetch(self, operation: str, location: str, destination: Path) -> None:
        """Stream the object, or take the clip out of the operation."""
        with whole_file(destination) as part:
            if location != INLINE:
                await self._storage.download(location, part)
                return
            data = _clip(await self._get(operation)).video_bytes
            if data is None:
                raise PermanentError(f"{SERVICE} does not have the clip any more.")
            await asyncio.to_thread(part.write_bytes, data)

    async def cancel(self, operation: str) -> bool:
        """Ask the operation to stop, then look whether it did."""
        if operation.startswith("gs://"):
            return False
        try:
            with asking(SERVICE), self._tokens.used():
                token = await self._tokens.fresh()
                response = await self._http.post(
                    f"{self._address}/{API}/{operation}:cancel", headers={"authorization": f"Bearer {token}"}
                )
                response.raise_for_status()
            found = await self._get(operation)
        except Declined:
            return False
        return bool(found.error and found.error.get("code") == CANCELLED)

    async def reconcile(self, order_key: str, model: str) -> str | Reconciliation:
        """The address of the order's clip when it lies in the order's own folder."""
        folder = self._folder(order_key)
        if folder is None:
            return Reconciliation.UNKNOWN
        return await self._storage.find(folder, suffix=".mp4") or Reconciliation.PENDING

    def _folder(self, order_key: str) -> str | None:
        """Where the order's clips go, with the slash that keeps "v1" apart from "v12"."""
        return f"{self._output}/{order_key}/" if self._output else None

    async def _get(self, operation: str) -> types.GenerateVideosOperation:
        if "/operations/" not in operation:
            raise Declined(f"{operation!r} is no operation of {SERVICE}.", status=404)
        with asking(SERVICE), self._tokens.used():
            await self._tokens.fresh()
            named = types.GenerateVideosOperation.model_validate({"name": operation})
            return await self._client.aio.operations.get(named)


def agent_platform(location: str) -> str:
    """The Agent Platform's address for a region, a multi-region or "global"."""
    if location == "global":
        return "https://aiplatform.googleapis.com/"
    if location in MULTI_REGIONS:
        return f"https://aiplatform.{location}.rep.googleapis.com/"
    return f"https://{location}-aiplatform.googleapis.com/"


def _state(operation: types.GenerateVideosOperation) -> OperationState:
    if not operation.done:
        return Running()
    if operation.error:
        said = in_short(str(operation.error.get("message") or ""))
        if operation.error.get("code") == CANCELLED:
            return Failed(reason="The order was cancelled.")
        return Failed(reason=said or "The service could not make the clip.", refused=speaks_of_safety(said))
    video = _clip(operation)
    if video.uri:
        return Finished(location=video.uri)
    if video.video_bytes:
        return Finished(location=INLINE)
    response = operation.response
    if response is not None and (response.rai_media_filtered_count or response.rai_media_filtered_reasons):
        return Failed(reason=in_short(" ".join(response.rai_media_filtered_reasons or ())), refused=True)
    return Failed(reason="The service finished without a clip.")


def _clip(operation: types.GenerateVideosOperation) -> types.Video:
    """The operation's clip; empty when it has none."""
    videos = (operation.response.generated_videos if operation.response else None) or []
    return (videos[0].video if videos else None) or types.Video()


def _body(order: VideoOrder, folder: str | None) -> tuple[types.GenerateVideosSource, types.GenerateVideosConfig]:
    """What to generate; raises OrderRefused when a picture cannot be read."""
    pictures = Pictures.of(order)
    references = [
        types.VideoGenerationReferenceImage(
            image=_image(picture), reference_type=types.VideoGenerationReferenceType.ASSET
        )
        for picture in pictures.references
    ]
    source = types.GenerateVideosSource(prompt=order.prompt, image=_image(pictures.first) if pictures.first else None)
    config = types.GenerateVideosConfig(
        number_of_videos=1,
        duration_seconds=order.duration_s,
        aspect_ratio=order.aspect,
        resolution=order.resolution,
        seed=order.seed,
        generate_audio=order.sound,
        negative_prompt=order.request.avoid or None,
        last_frame=_image(pictures.last) if pictures.last else None,
        reference_images=references or None,
        output_gcs_uri=folder,
    )
    return source, config


def _image(picture: Picture) -> types.Image:
    return types.Image(image_bytes=picture.data, mime_type=picture.mime_type)
