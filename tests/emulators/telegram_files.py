"""Files on the emulated server: stored in a folder, named by file_id, and the media objects that refer to them."""

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from PIL import Image, UnidentifiedImageError

from tests.emulators.telegram_errors import bad_request

PHOTO_LIMIT = 10 << 20
THUMBNAIL_LIMIT = 200 * 1000
THUMBNAIL_SIDE = 320

MediaKind = Literal["photo", "video", "document", "voice", "audio", "animation", "video_note"]

_FOLDERS = {
    "photo": "photos",
    "video": "videos",
    "voice": "voice",
    "audio": "music",
    "animation": "animations",
    "video_note": "video_notes",
    "thumbnail": "thumbnails",
}
_SUFFIXES = {"image/jpeg": ".jpg", "video/mp4": ".mp4", "audio/ogg": ".oga"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file the server keeps."""

    file_id: str
    unique_id: str
    kind: str
    path: Path
    size: int
    """bytes"""
    name: str | None
    mime_type: str
    download_path: str
    """what getFile gives as file_path"""

    def to_api(self) -> dict[str, Any]:
        """The fields that every file object of the Bot API has."""
        return {"file_id": self.file_id, "file_unique_id": self.unique_id, "file_size": self.size}


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An image with its size in pixels: one PhotoSize."""

    file: StoredFile
    width: int
    height: int

    def to_api(self) -> dict[str, Any]:
        """A PhotoSize."""
        return {**self.file.to_api(), "width": self.width, "height": self.height}


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """The file in a message, with what is said about it. Sizes in pixels, duration in seconds."""

    kind: MediaKind
    file: StoredFile
    width: int = 0
    height: int = 0
    duration: int = 0
    thumbnail: Picture | None = None
    cover: Picture | None = None
    supports_streaming: bool = False

    @property
    def file_id(self) -> str:
        """The id by which a bot asks for the file."""
        return self.file.file_id

    @property
    def size(self) -> int:
        """Bytes."""
        return self.file.size

    def to_api(self) -> Any:
        """The value of the message's field that is named like the kind."""
        if self.kind == "photo":
            sizes = [self.thumbnail] if self.thumbnail else []
            return [one.to_api() for one in (*sizes, Picture(file=self.file, width=self.width, height=self.height))]
        value = self.file.to_api() | {"mime_type": self.file.mime_type}
        if self.kind in ("video", "animation"):
            value |= {"width": self.width, "height": self.height}
        if self.kind == "video_note":
            value |= {"length": self.width}
        if self.kind != "document":
            value["duration"] = self.duration
        if self.file.name is not None and self.kind not in ("voice", "video_note"):
            value["file_name"] = self.file.name
        if self.thumbnail is not None:
            value["thumbnail"] = self.thumbnail.to_api()
        if self.cover is not None:
            value["cover"] = [self.cover.to_api()]
        return value


class FileStore:
    """All files of one emulator, in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, StoredFile] = {}
        self._paths = self._numbered()

    def new_path(self) -> Path:
        """Where the next file may be written."""
        return next(self._paths)

    def keep(self, path: Path, *, kind: str, name: str | None, mime_type: str) -> StoredFile:
        """Register a file that was written to `new_path()`."""
        number = len(self._files)
        token = base64.urlsafe_b64encode(f"{kind}-{number:06d}-of-the-emulated-server".encode()).decode().rstrip("=")
        suffix = Path(name or "").suffix or _SUFFIXES.get(mime_type, "")
        stored = StoredFile(
            file_id=f"AgAC{token}",
            unique_id=f"AQAD{number:08d}",
            kind=kind,
            path=path,
            size=path.stat().st_size,
            name=name,
            mime_type=mime_type,
            download_path=f"{_FOLDERS.get(kind, 'documents')}/file_{number}{suffix}",
        )
        self._files[stored.file_id] = stored
        return stored

    def keep_bytes(self, content: bytes, *, kind: str, name: str | None, mime_type: str) -> StoredFile:
        """Store bytes as a file."""
        path = self.new_path()
        path.write_bytes(content)
        return self.keep(path, kind=kind, name=name, mime_type=mime_type)

    def get(self, file_id: str) -> StoredFile | None:
        """The file with this id."""
        return self._files.get(file_id)

    def at(self, download_path: str) -> StoredFile | None:
        """The file that getFile gave this path for."""
        return next((one for one in self._files.values() if one.download_path == download_path), None)

    def photo(self, path: Path, *, name: str | None) -> Media:
        """A photo as the server makes one: measured, with a small size beside the full one. Raises ApiError 400."""
        size = path.stat().st_size
        if size > PHOTO_LIMIT:
            raise bad_request(
                f"file of size {size} bytes is too big for a photo; the maximum size is {PHOTO_LIMIT} bytes"
            )
        try:
            with Image.open(path) as image:
                width, height = image.size
                small = image.convert("RGB")
        except (UnidentifiedImageError, OSError) as error:
            raise bad_request("IMAGE_PROCESS_FAILED") from error
        if width + height > 10_000 or max(width, height) > 20 * min(width, height):
            raise bad_request("PHOTO_INVALID_DIMENSIONS")
        small.thumbnail((90, 90))
        buffer = io.BytesIO()
        small.save(buffer, "JPEG")
        least = self.keep_bytes(buffer.getvalue(), kind="photo", name=None, mime_type="image/jpeg")
        return Media(
            kind="photo",
            file=self.keep(path, kind="photo", name=name, mime_type="image/jpeg"),
            width=width,
            height=height,
            thumbnail=Picture(file=least, width=small.width, height=small.height),
        )

    def thumbnail(self, path: Path, *, name: str | None) -> Picture:
        """A thumbnail within the document's limits: JPEG, 200 kB, 320 px a side. Raises ApiError 400 for any other,
        where the real server silently goes without a thumbnail."""
        try:
            with Image.open(path) as image:
                form, (width, height) = image.format, image.size
        except (UnidentifiedImageError, OSError) as error:
            raise bad_request("thumbnail must be a JPEG image") from error
        if form != "JPEG":
            raise bad_request(f"thumbnail must be a JPEG image, not {form}")
        if path.stat().st_size >= THUMBNAIL_LIMIT or max(width, height) > THUMBNAIL_SIDE:
            raise bad_request(
                f"thumbnail of {path.stat().st_size} bytes and {width}x{height} is over {THUMBNAIL_LIMIT} bytes"
                f" or {THUMBNAIL_SIDE} pixels"
            )
        stored = self.keep(path, kind="thumbnail", name=name, mime_type="image/jpeg")
        return Picture(file=stored, width=width, height=height)

    def _numbered(self) -> Iterator[Path]:
        number = 0
        while True:
            yield self._folder / f"{number:06d}"
            number += 1
