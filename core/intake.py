"""Takes the files that come with a message from the platform into the clip store.

What a file is called, and of what type and size it is said to be, is its sender's word: a picture is looked at before
it is kept. Nothing is ever unpacked, and nothing is named after what people name their files.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core import texts
from core.errors import PermanentError, ReelbotError
from core.messages import Attachment, MediaKind, Message
from core.pictures import HEAD_BYTES, MAX_PIXELS, picture_facts
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


class _Unfit(Exception):
    """The file is not what can be taken; the text is what the person is told."""


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
            try:
                _check_size(attachment.size_bytes, platform)
                kept = await self._fetch(platform, attachment, f"inputs/{conversation_id}/{row}-{place}")
            except _Unfit as reason:
                problem = str(reason)
                continue
            except ReelbotError as error:
                log.warning("intake.failed", extra={"row": row, "error": str(error)})
                problem = texts.talk.FETCH_REFUSED if isinstance(error, PermanentError) else texts.talk.FETCH_FAILED
                continue
            (pictures if _is_picture(attachment) else others).append(kept)
        return Taken(pictures=tuple(pictures), others=tuple(others), problem=problem, unusable=unusable)

    async def _fetch(self, platform: Platform, attachment: Attachment, stem: str) -> MediaRef:
        """Keep the file under `stem` and an ending; raises _Unfit and the platform's and the store's errors."""
        path = self._folder / stem.replace("/", "-")
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            await platform.fetch(attachment, path)
            _check_size(path.stat().st_size, platform)
            mime_type = attachment.mime_type
            if _is_picture(attachment):
                mime_type = _picture_type(await asyncio.to_thread(_head, path))
            name = f"{stem}.{EXTENSIONS.get(mime_type, 'bin')}"
            await self._clips.put(path, name)
        finally:
            path.unlink(missing_ok=True)
        return MediaRef(name=name, mime_type=mime_type)


def _check_size(size: int, platform: Platform) -> None:
    most = platform.limits.download_bytes
    if size > most:
        raise _Unfit(texts.talk.TOO_BIG_TO_FETCH.format(limit=texts.spelling.spell_size(most)))


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def _picture_type(head: bytes) -> str:
    """The type that the picture really is of; raises _Unfit."""
    facts = picture_facts(head)
    if facts is None:
        raise _Unfit(texts.talk.NO_PICTURE)
    if facts.too_large:
        raise _Unfit(texts.talk.TOO_MANY_PIXELS.format(most=MAX_PIXELS // 1_000_000))
    return facts.mime_type


def _is_picture(attachment: Attachment) -> bool:
    return attachment.kind is MediaKind.PHOTO or attachment.mime_type in ("image/jpeg", "image/png", "image/webp")
