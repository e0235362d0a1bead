"""A stand-in for Cloud Storage's XML interface and for S3, as far as obstore speaks them: whole and multipart uploads,
ranged reads, sizes and deletes. Keeps objects in memory; `broken` makes every call fail with that status."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

SIGNED = ("Bearer emulator", "AWS4-HMAC-SHA256 ")
"""How the header begins that says who asks. What S3 is sent as a signature is not looked at."""
UPLOAD_ID = "upload-1"
MAX_BODY = 64 * 1024 * 1024


@dataclass(slots=True)
class ObjectServer:
    """One server; `url` is what `STORAGE_EMULATOR_HOST` would say."""

    url: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    parts: dict[tuple[str, int], bytes] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    broken: int = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Do what the request says."""
        name = request.path
        self.calls.append(f"{request.method} {request.path_qs}")
        if self.broken:
            return web.Response(status=self.broken)
        if not request.headers.get("Authorization", "").startswith(SIGNED):
            return web.Response(status=401)
        match request.method:
            case "POST" if "uploads" in request.query:
                return _xml(f"<UploadId>{UPLOAD_ID}</UploadId>", "InitiateMultipartUploadResult")
            case "PUT" if "partNumber" in request.query:
                number = int(request.query["partNumber"])
                self.parts[name, number] = await request.read()
                return web.Response(headers={"ETag": f'"part-{number}"'})
            case "POST" if request.query.get("uploadId") == UPLOAD_ID:
                numbers = [int(found) for found in re.findall(r"<PartNumber>(\d+)<", await request.text())]
                self.objects[name] = b"".join(self.parts.pop((name, number)) for number in numbers)
                return _xml('<ETag>"whole"</ETag>', "CompleteMultipartUploadResult")
            case "PUT":
                self.objects[name] = await request.read()
                return web.Response(headers={"ETag": '"whole"'})
            case "GET" | "HEAD":
                return self._object(request)
            case "DELETE":
                return web.Response(status=204 if self.objects.pop(name, None) is not None else 404)
        return web.Response(status=405)

    def _object(self, request: web.Request) -> web.Response:
        data = self.objects.get(request.path)
        if data is None:
            return web.Response(status=404)
        headers = {"ETag": '"whole"', "Last-Modified": "Wed, 01 Jan 2025 00:00:00 GMT"}
        status = 200
        if wanted := re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("Range", "")):
            start, end = int(wanted[1]), min(int(wanted[2]), len(data) - 1)
            headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
            data, status = data[start : end + 1], 206
        return web.Response(body=data, status=status, headers=headers)


def _xml(inside: str, root: str) -> web.Response:
    return web.Response(text=f"<{root}>{inside}</{root}>", content_type="application/xml")


@asynccontextmanager
async def object_server(server: ObjectServer | None = None) -> AsyncIterator[ObjectServer]:
    """Run the stand-in, or a given one, on a free port of 127.0.0.1."""
    server = server or ObjectServer()
    app = web.Application(client_max_size=MAX_BODY)
    app.router.add_route("*", "/{name:.*}", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        server.url = f"http://{host}:{port}"
        yield server
    finally:
        await runner.cleanup()
