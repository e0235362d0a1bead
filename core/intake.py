"""Takes the files that come with a message from the platform into the clip store."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core import texts
from core.errors import PermanentError, ReelbotError
from core.messages import Attachment, MediaKind, Message
from core.ports import ClipStore, Platform
from core.request import MediaRef

log = logging.getLogger("reelbot.intake")

EXTENSIONS: Mapping[str, str] = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "audio/ogg": "ogg",
    "audio/mpeg": "mp3",
    "audio/mp4": "m4a",
    "audio/webm": "weba",
}
"""Endings for what may be kept, by media type; everything else gets "bin"."""

MAX_FILES = 10
"""An album holds ten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What came of a message's files."""

    pictures: tuple[MediaRef, ...] = ()
    """Pictures, in the order they were sent."""
    others: tuple[MediaRef, ...] = ()
    """Kept for later work."""
    problem: str = ""
    """A sentence for the person about what could not be taken, or empty."""
    unusable: bool = False
    """Whether there was something that is no file, such as a sticker."""


class Intake:
    """Fetches a person's files and keeps them."""

    def __init__(self, *, platforms: Mapping[str, Platform], clips: ClipStore, folder: Path) -> None:
        """`folder`: where files are while they are fetched."""
        self._platforms = platforms
        self._clips = clips
        self._folder = folder

    async def take(self, message: Message, conversation_id: str, row: int) -> Taken:
        """Fetch and keep the message's files; the names follow from the row, so a repeat keeps nothing twice."""
        pictures: list[MediaRef] = []
        others: list[MediaRef] = []
        problem = ""
        unusable = False
        platform = self._platforms[message.key.platform]
        for place, attachment in enumerate(message.attachments[:MAX_FILES]):
            if attachment.kind is MediaKind.OTHER:
                unusable = True
                continue
            if attachment.size_bytes > platform.limits.download_bytes:
                problem = texts.talk.TOO_BIG_TO_FETCH.format(
                    limit=texts.spelling.spell_size(platform.limits.download_bytes)
                )
                continue
            ending = EXTENSIONS.get(attachment.mime_type, "bin")
            name = f"inputs/{conversation_id}/{row}-{place}.{ending}"
            try:
                await self._fetch(platform, attachment, name)
            except ReelbotError as error:
                log.warning("intake.failed", extra={"row": row, "error": str(error)})
                problem = texts.talk.FETCH_REFUSED if isinstance(error, PermanentError) else texts.talk.FETCH_FAILED
                continue
            kept = MediaRef(name=name, mime_type=attachment.mime_type)
            (pictures if _is_picture(attachment) else others).append(kept)
        return Taken(pictures=tuple(pictures), others=tuple(others), problem=problem, unusable=unusable)

    async def _fetch(self, platform: Platform, attachment: Attachment, name: str) -> None:
        path = self._folder / name.replace("/", "-")
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            await platform.fetch(attachment, path)
            await self._clips.put(path, name)
        finally:
            path.unlink(missing_ok=True)


def _is_picture(attachment: Attachment) -> bool:
    return attachment.kind is MediaKind.PHOTO or attachment.mime_type in ("image/jpeg", "image/png", "image/webp")
