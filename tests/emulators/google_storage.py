"""Cloud Storage's JSON API, as far as a reader needs it: objects by name, with ranges, and lists by prefix.

Uploads over HTTP are left out: Veo writes here, and tests use `put`.
"""

import base64
import datetime
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.emulators.google_media import FileAnswer, Pace
from tests.emulators.google_wire import Call, Route, WireError, bad_request

MOST_LISTED = 1000
"""Objects on one page of a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """A file in a bucket."""

    bucket: str
    name: str
    source: Path | bytes
    mime: str
    created: datetime.datetime

    @property
    def data(self) -> bytes:
        """The whole content."""
        return self.source if isinstance(self.source, bytes) else self.source.read_bytes()


@dataclass(slots=True)
class Storage:
    """Buckets and what is in them. buckets: the names that exist; None when every name does"""

    pace: Pace
    buckets: set[str] | None = None
    _objects: dict[tuple[str, str], StoredObject] = field(default_factory=dict)

    def routes(self) -> list[Route]:
        """The calls served here."""
        listing = "/storage/v1/b/{bucket}/o"
        return [
            Route(name="storage.list", method="GET", path=listing, handler=self._list, access="storage"),
            Route(
                name="storage.download",
                method="GET",
                path=listing + "/{object:.+}",
                handler=self._download,
                access="storage",
            ),
            Route(
                name="storage.download",
                method="GET",
                path="/download" + listing + "/{object:.+}",
                handler=self._download,
                access="storage",
            ),
        ]

    def exists(self, bucket: str) -> bool:
        """Whether there is a bucket of that name."""
        return self.buckets is None or bucket in self.buckets

    def put(self, bucket: str, name: str, source: Path | bytes, *, mime: str = "video/mp4") -> str:
        """Store an object and return its gs:// address."""
        self._objects[bucket, name] = StoredObject(
            bucket=bucket, name=name, source=source, mime=mime, created=datetime.datetime.now(datetime.UTC)
        )
        return f"gs://{bucket}/{name}"

    def get(self, uri: str) -> StoredObject | None:
        """The object at a gs:// address."""
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        return self._objects.get((bucket, name))

    def remove(self, uri: str) -> None:
        """Forget an object, as a bucket's retention rule would."""
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        self._objects.pop((bucket, name), None)

    def names(self, bucket: str, prefix: str = "") -> list[str]:
        """The objects' names that begin with `prefix`, sorted."""
        return sorted(name for where, name in self._objects if where == bucket and name.startswith(prefix))

    def _known(self, bucket: str) -> None:
        if not self.exists(bucket):
            raise WireError(404, "The specified bucket does not exist.")

    async def _list(self, request: web.Request, call: Call) -> web.StreamResponse:
        bucket = call.params["bucket"]
        self._known(bucket)
        _only(call.query, ("prefix", "maxResults", "pageToken", "fields", "alt", "prettyPrint", "projection"))
        try:
            most = min(int(call.query.get("maxResults", MOST_LISTED)), MOST_LISTED)
        except ValueError:
            bad_request("Invalid value for maxResults", field="maxResults")
        if most < 1:
            bad_request("Invalid unsigned integer value for maxResults", field="maxResults")
        start = base64.urlsafe_b64decode(call.query.get("pageToken", "")).decode()
        names = [name for name in self.names(bucket, call.query.get("prefix", "")) if name > start]
        answer: dict[str, Any] = {"kind": "storage#objects"}
        if names:
            answer["items"] = [self._described(self._objects[bucket, name]) for name in names[:most]]
        if len(names) > most:
            answer["nextPageToken"] = base64.urlsafe_b64encode(names[most - 1].encode()).decode()
        return web.json_response(answer)

    async def _download(self, request: web.Request, call: Call) -> web.StreamResponse:
        bucket, name = call.params["bucket"], call.params["object"]
        self._known(bucket)
        _only(call.query, ("alt", "fields", "generation", "projection", "prettyPrint", "userProject"))
        stored = self._objects.get((bucket, name))
        if stored is None:
            raise WireError(404, f"No such object: {bucket}/{name}")
        if call.query.get("alt", "json") == "json" and not call.path.startswith("/download/"):
            return web.json_response(self._described(stored))
        answer = FileAnswer(stored.source, request, self.pace, mime=stored.mime)
        answer.headers["X-Goog-Hash"] = f"md5={_md5(stored.data)}"
        answer.headers["X-Goog-Stored-Content-Length"] = str(len(stored.data))
        return answer

    def _described(self, stored: StoredObject) -> dict[str, str]:
        data = stored.data
        return {
            "kind": "storage#object",
            "id": f"{stored.bucket}/{stored.name}/1",
            "name": stored.name,
            "bucket": stored.bucket,
            "generation": "1",
            "contentType": stored.mime,
            "size": str(len(data)),
            "md5Hash": _md5(data),
            "timeCreated": stored.created.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }


def _md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def _only(query: Any, allowed: Iterable[str]) -> None:
    for name in query:
        if name not in allowed:
            bad_request(f"Invalid query parameter: {name}", field=name)
