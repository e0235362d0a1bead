"""Reading from Cloud Storage, where Veo leaves its clips: find what lies under a prefix, stream an object to a file.

Goes through google-auth, so that the account file's own token address counts. Keeping clips for good is the clip
store's work, not this module's.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import httpx

from adapters.google_client import STORAGE_URL, AccessTokens, check_address
from adapters.google_errors import asking
from core.errors import PermanentError, TemporaryError

SERVICE = "Google's Cloud Storage"
CHUNK = 1024 * 1024
"""Bytes that are in memory at once while an object is streamed."""


class CloudStorage:
    """Objects in buckets, by their gs:// address."""

    def __init__(self, http: httpx.AsyncClient, tokens: AccessTokens, *, host: str | None, loopback_only: bool) -> None:
        """`host`: instead of Google's own, with or without http://. Raises PermanentError for one that must not be
        used."""
        address = STORAGE_URL if not host else host if "://" in host else f"http://{host}"
        self._address = check_address(address, loopback_only=loopback_only).rstrip("/")
        self._http = http
        self._tokens = tokens

    async def find(self, prefix: str, *, suffix: str) -> str | None:
        """The first object whose gs:// address begins with `prefix` and ends with `suffix`."""
        bucket, name = split(prefix)
        query = {"prefix": name, "fields": "items(name),nextPageToken"}
        while True:
            with asking(SERVICE), self._tokens.used():
                response = await self._http.get(
                    f"{self._address}/storage/v1/b/{quote(bucket, safe='')}/o",
                    params=query,
                    headers=await self._headers(),
                )
                response.raise_for_status()
                page = response.json()
                names = [str(item["name"]) for item in page.get("items", ())]
            for found in sorted(names):
                if found.endswith(suffix):
                    return f"gs://{bucket}/{found}"
            if not page.get("nextPageToken"):
                return None
            query["pageToken"] = page["nextPageToken"]

    async def download(self, address: str, part: Path) -> None:
        """Stream the object to the file `part`; raises TemporaryError when less arrived than the object holds."""
        bucket, name = split(address)
        url = f"{self._address}/storage/v1/b/{quote(bucket, safe='')}/o/{quote(name, safe='')}"
        with asking(SERVICE), self._tokens.used():
            headers = await self._headers()
            async with self._http.stream("GET", url, params={"alt": "media"}, headers=headers) as response:
                if response.is_error:
                    await response.aread()
                response.raise_for_status()
                written = 0
                with part.open("wb") as file:
                    async for chunk in response.aiter_raw(CHUNK):
                        written += file.write(chunk)
                stored = response.headers.get("x-goog-stored-content-length", "")
        if stored.isdigit() and int(stored) != written:
            raise TemporaryError(f"{SERVICE} sent {written} of {stored} bytes.")

    async def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {await self._tokens.fresh()}", "accept-encoding": "identity"}


def split(address: str) -> tuple[str, str]:
    """Bucket and object name of a gs:// address; raises PermanentError for anything else."""
    bucket, _, name = address.removeprefix("gs://").partition("/")
    if not address.startswith("gs://") or not bucket:
        raise PermanentError(f"{address!r} is no address in Cloud Storage; it looks like gs://bucket/folder")
    return bucket, name
