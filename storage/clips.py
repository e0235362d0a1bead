"""Files in a folder or a bucket: the port `ClipStore` over obstore, one interface for disks, S3, GCS and Azure.

Nothing is ever held whole in memory. Credentials come from where each cloud's own tools take them.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import (
    BaseError,
    InvalidPathError,
    NotSupportedError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import GCSStore, LocalStore, from_url

from core.errors import PermanentError, TemporaryError

if TYPE_CHECKING:  # these exist in obstore's type stubs only
    from obstore.store import ClientConfig, GCSCredential, ObjectStore, RetryConfig

CHUNK_BYTES = 1024 * 1024
"""How much is read at a time."""
PART_BYTES = 5 * 1024 * 1024
"""One part of an upload in parts: the least that S3 and GCS take."""
PIECE_BYTES = 512 * 1024
"""The same into a folder, which takes any size: what is under way is in memory several times over."""
PARTS_AT_ONCE = 2

CLIENT: ClientConfig = {
    "connect_timeout": timedelta(seconds=10),
    "read_timeout": timedelta(seconds=60),
    "timeout": timedelta(hours=1),  # of a whole request: a large clip over a slow line; obstore's own is 30 s
}
RETRY_FOR = timedelta(seconds=60)

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*", re.ASCII)


class ObjectClipStore:
    """Files under `url`: a folder's path, `file://`, `s3://bucket/prefix`, `gs://…` or `az://…`.

    `storage_emulator` is the address of a stand-in for Cloud Storage (`STORAGE_EMULATOR_HOST`), which obstore does not
    look for by itself; empty for the real one. `retries`: how often a bucket's failed request is sent again before
    TemporaryError. Raises PermanentError for an address that cannot be used.
    """

    def __init__(self, url: str, *, storage_emulator: str = "", retries: int = 3) -> None:
        try:
            self._store = _open(url, storage_emulator, {"max_retries": retries, "retry_timeout": RETRY_FOR})
        except (BaseError, OSError, ValueError) as error:
            raise PermanentError(f"MEDIA_URL {url} cannot be used: {_first_line(error)}") from error

    async def put(self, path: Path, name: str) -> None:
        """Keep the file under `name`, in parts when it is large; nobody ever sees half of it."""
        piece = PIECE_BYTES if isinstance(self._store, LocalStore) else PART_BYTES
        with _store_errors(name):
            await obstore.put_async(self._store, _checked(name), path, chunk_size=piece, max_concurrency=PARTS_AT_ONCE)
            if isinstance(self._store, LocalStore) and self._store.prefix is not None:
                await asyncio.to_thread(_flush, self._store.prefix / name)

    async def get(self, name: str, destination: Path) -> None:
        """Stream the kept file to `destination`, which appears when it is complete."""
        partial = destination.with_name(destination.name + ".part")
        with _store_errors(name):
            found = await obstore.get_async(self._store, _checked(name))
            try:
                with partial.open("wb") as file:
                    async for chunk in found.stream(min_chunk_size=CHUNK_BYTES):
                        await asyncio.to_thread(file.write, chunk)
                partial.replace(destination)
            finally:
                partial.unlink(missing_ok=True)

    async def size(self, name: str) -> int | None:
        """Bytes, or None when there is no such file."""
        with _store_errors(name):
            try:
                return (await obstore.head_async(self._store, _checked(name)))["size"]
            except FileNotFoundError:
                return None

    async def read(self, name: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to, but without, `end`, in chunks; fewer when the file ends before."""
        with _store_errors(name):
            checked = _checked(name)
            if start >= end:
                return
            found = await obstore.get_async(self._store, checked, options={"range": (start, end)})
            chunks = aiter(found.stream(min_chunk_size=CHUNK_BYTES))
        while True:
            with _store_errors(name):
                chunk = await anext(chunks, None)
            if chunk is None:
                return
            yield bytes(chunk)

    async def delete(self, name: str) -> None:
        """Forget it; no error when it is not there."""
        with _store_errors(name):
            try:
                await obstore.delete_async(self._store, _checked(name))
            except FileNotFoundError:
                return


def _open(url: str, storage_emulator: str, retry: RetryConfig) -> ObjectStore:
    parts = urlsplit(url)
    if "://" not in url or parts.scheme == "file":
        return LocalStore(unquote(parts.path) if parts.scheme == "file" else url, mkdir=True)
    if parts.scheme == "gs" and storage_emulator:
        base = storage_emulator if "://" in storage_emulator else f"http://{storage_emulator}"
        # A token of our own: without one, obstore asks the cloud's metadata server even for a stand-in.
        return GCSStore.from_url(
            url,
            config={"base_url": base.rstrip("/")},
            client_options={**CLIENT, "allow_http": True},
            retry_config=retry,
            credential_provider=_emulator_token,
        )
    if parts.scheme not in ("s3", "gs", "az"):
        raise ValueError("it must be a folder's path or begin with file://, s3://, gs:// or az://")
    # Options given here are instead of those that obstore would take from the environment, so this one is taken over.
    plain = os.environ.get("AWS_ALLOW_HTTP", "").lower() in ("1", "true", "yes", "on")
    options: ClientConfig = {**CLIENT, "allow_http": True} if plain and parts.scheme == "s3" else CLIENT
    return from_url(url, client_options=options, retry_config=retry)


def _emulator_token() -> GCSCredential:
    return {"token": "emulator", "expires_at": None}


def _checked(name: str) -> str:
    """The name, when it stays inside the store; raises PermanentError for any other."""
    if not _NAME.fullmatch(name):
        raise PermanentError(f"{name!r} is not a name for a kept file; write it like v12/clip.mp4")
    return name


def _flush(path: Path) -> None:
    """Have the disk hold the file and its place in the folder, so that a power cut loses no paid clip."""
    for place in (path, path.parent):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def _store_errors(what: str) -> Iterator[None]:
    """The one place where obstore's and the disk's errors become ours; `what` is named in the message."""
    try:
        yield
    except FileNotFoundError as error:
        raise PermanentError(f"{what}: there is no such file.") from error
    except (PermissionDeniedError, UnauthenticatedError, PermissionError) as error:
        raise PermanentError(f"{what}: access was refused; check the credentials and rights.") from error
    except (InvalidPathError, NotSupportedError, ValueError) as error:
        raise PermanentError(f"{what} cannot be used: {_first_line(error)}") from error
    except (BaseError, OSError) as error:
        raise TemporaryError(f"{what}: the store does not answer as it should: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
