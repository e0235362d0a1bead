"""Gemini Omni over the Interactions API of the Gemini API: one interaction is one clip.

Prompts come ready written and limits are checked before an order gets here. A lost answer cannot be found again by
asking, since interactions cannot be listed.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from pathlib import Path
from typing import Any

from adapters.gemini_api import GeminiApi
from adapters.google_errors import Declined, asking, in_short, ordering, speaks_of_safety
from adapters.google_files import Picture, Pictures, whole_file
from core.errors import OrderUnanswered, PermanentError, TemporaryError
from core.ports import Failed, Finished, OperationState, Reconciliation, Running, VideoOrder

SERVICE = "Google's Omni"
INLINE = "inline"
"""The location of a clip that came inside the answer and is asked for again when it is fetched."""

FILE = re.compile(r"^https?://[^?#]*/files/([A-Za-z0-9_-]+)(?=[:/?#]|$)")
"""A file's id in its address. The SDK's own reading of addresses would cut an id at its first capital or dash."""

ENDED = {
    "cancelled": "The order was cancelled.",
    "incomplete": "The service stopped before the clip was finished.",
    "budget_exceeded": "The service's own budget for this clip ran out.",
    "requires_action": "The service asked for something that a clip cannot answer.",
    "requires_continuation": "The service stopped half-way and did not go on by itself.",
}
"""Last states without a clip, in plain words."""


class OmniVideoProvider:
    """Clips by Gemini Omni, with an API key."""

    name = "omni"

    def __init__(
        self, *, api_key: str, base_url: str | None = None, timeout_s: float = 60.0, loopback_only: bool = False
    ) -> None:
        """`timeout_s` is for one request, and for each silence while a file is streamed. Raises PermanentError for an
        address that must not be used."""
        self._api = GeminiApi(api_key=api_key, base_url=base_url, timeout_s=timeout_s, loopback_only=loopback_only)
        self._timeout_s = timeout_s
        # Its first use loads some hundred modules: better at the start than in the middle of the first order.
        self._interactions = self._api.aio.interactions

    async def close(self) -> None:
        """Let go of the connections."""
        await self._api.close()

    async def check(self) -> str:
        """Empty when the service answers and takes the key; otherwise what is wrong."""
        return await self._api.check(SERVICE)

    async def order(self, order: VideoOrder) -> str:
        """Start the interaction; the handle is its id."""
        body = await asyncio.to_thread(_body, order)
        with ordering(SERVICE):
            interaction = await self._interactions.create(**body, timeout=self._timeout_s)
        handle = getattr(interaction, "id", None)
        if not isinstance(handle, str) or not handle:
            raise OrderUnanswered(f"{SERVICE} took the order but did not say under which name.")
        return handle

    async def poll(self, operation: str) -> OperationState:
        """Where the interaction stands; an id the service does not know has failed."""
        try:
            interaction = await self._get(operation)
        except Declined as error:
            if error.status in (400, 404):
                return Failed(reason=f"{SERVICE} does not know this order any more.")
            raise
        return _state(interaction)

    async def fetch(self, operation: str, location: str, destination: Path) -> None:
        """Stream the file from the Files API, or take it out of the interaction."""
        with whole_file(destination) as part:
            if location == INLINE:
                await asyncio.to_thread(_write, part, (await self._get(operation)).output_video)
                return
            file = FILE.search(location)
            if file is None:
                raise PermanentError(f"{SERVICE} named a place that clips cannot be fetched from.")
            with asking(SERVICE):
                await self._api.aio.files.download(file=f"files/{file[1]}", destination=str(part))

    async def cancel(self, operation: str) -> bool:
        """Stop the interaction; False when it has ended already."""
        try:
            with asking(SERVICE):
                interaction = await self._interactions.cancel(operation, timeout=self._timeout_s)
        except Declined:
            return False
        return bool(interaction.status == "cancelled")

    async def reconcile(self, order_key: str, model: str) -> str | Reconciliation:
        """Interactions cannot be listed."""
        return Reconciliation.UNKNOWN

    async def _get(self, operation: str) -> Any:
        with asking(SERVICE):
            interaction = await self._interactions.get(operation, timeout=self._timeout_s)
        if not isinstance(getattr(interaction, "status", None), str):
            raise TemporaryError(f"{SERVICE} gave an answer that cannot be read.")
        return interaction


def _state(interaction: Any) -> OperationState:
    status = interaction.status
    if status == "completed":
        return _result(interaction)
    if status == "failed":
        said = in_short(" ".join(str(fault.message or "") for fault in interaction.errors or ()))
        return Failed(reason=said or "The service could not make the clip.", refused=speaks_of_safety(said))
    if status in ENDED:
        return Failed(reason=ENDED[status])
    return Running()


def _result(interaction: Any) -> OperationState:
    video = interaction.output_video
    if video is not None and video.uri:
        return Finished(location=video.uri)
    if video is not None and video.data:
        return Finished(location=INLINE)
    text = in_short(interaction.output_text or "")
    if text:
        return Failed(reason=text, refused=True)
    return Failed(reason="The service finished without a clip.")


def _write(part: Path, video: Any) -> None:
    if video is None or not video.data:
        raise PermanentError(f"{SERVICE} does not have the clip any more.")
    try:
        part.write_bytes(base64.b64decode(video.data, validate=True))
    except (binascii.Error, TypeError) as error:
        raise TemporaryError(f"{SERVICE} sent a clip that cannot be read.") from error


def _body(order: VideoOrder) -> dict[str, Any]:
    """The interaction to create; raises OrderRefused when a picture cannot be read."""
    pictures = Pictures.of(order)
    frames = [_image(picture) for picture in (pictures.first, pictures.last) if picture is not None]
    references = [_image(picture) for picture in pictures.references]
    text = _tags(order.prompt, pictures.first is not None, pictures.last is not None, len(references))
    task = "reference_to_video" if references else "image_to_video" if frames else "text_to_video"
    return {
        "model": order.model,
        "input": [*frames, *references, {"type": "text", "text": text}],
        "background": True,
        "store": True,
        "response_format": {
            "type": "video",
            "aspect_ratio": order.aspect,
            "duration": f"{order.duration_s}s",
            "resolution": order.resolution,
            "delivery": "uri",
        },
        "generation_config": {"seed": order.seed, "video_config": {"task": task}},
        "webhook_config": {"user_metadata": {"order": order.key}},
    }


def _tags(prompt: str, first: bool, last: bool, references: int) -> str:
    """The prompt with the roles of the pictures declared in front, in the order in which they are sent."""
    roles = [tag for tag, given in (("<FIRST_FRAME>", first), ("<LAST_FRAME>", last)) if given]
    if not references:
        return " ".join([*roles, prompt])
    sources = " ".join(f"{tag}@Image{number}" for number, tag in enumerate(roles, 1))
    named = " ".join(f"<IMAGE_REF_{n}>@Image{len(roles) + n + 1}" for n in range(references))
    return " ".join([*([f"[# Sources {sources}]"] if roles else []), f"[# References {named}]", prompt])


def _image(picture: Picture) -> dict[str, Any]:
    return {"type": "image", "data": base64.b64encode(picture.data).decode(), "mime_type": picture.mime_type}
