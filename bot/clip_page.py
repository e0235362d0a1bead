"""What a signed link shows: the clip itself, as a whole or in part so that players can seek, or why it is not there."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse

from bot.links import LinkExpired, LinkForged, verify
from core.errors import PermanentError, TemporaryError
from core.ports import ClipStore, Clock

PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
"""For our own few words only: a browser would hold it against the video it shows as well."""


_log = structlog.get_logger(__name__)


async def clip_page(request: Request, clips: ClipStore, secret: str, clock: Clock) -> Response:
    """Answer a request for `/v/{token}`: the clip or the asked part of it, or in a few words why not."""
    try:
        name = verify(request.path_params["token"], clock.now(), secret)
        size = await clips.size(name)
    except LinkForged:
        return _words(403, "This link is not valid.", "Check that it was copied as a whole.")
    except LinkExpired:
        return _words(410, "This link has expired.", "Ask the bot for the video again to get a new one.")
    except (TemporaryError, PermanentError) as error:
        _log.warning("clip_not_read", error=type(error).__name__, reason=str(error))
        return _words(503, "The video cannot be read right now.", "Try again in a minute.", {"Retry-After": "60"})
    if size is None:
        return _words(404, "This video is no longer kept.", "It was deleted, or its time was up.")
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Type": "video/mp4" if name.endswith(".mp4") else "application/octet-stream",
        "Content-Disposition": f'inline; filename="{file_name(name)}"',
        "Cache-Control": "private, max-age=3600",
    }
    # There is no validator that If-Range could match, so that its answer is the whole file.
    wanted = None if "if-range" in request.headers else request.headers.get("range")
    try:
        part = byte_range(wanted, size)
    except ValueError:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"})
    start, end = part or (0, size)
    headers["Content-Length"] = str(end - start)
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    status = 206 if part is not None else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    return StreamingResponse(clips.read(name, start, end), status_code=status, headers=headers)


def file_name(name: str) -> str:
    """What a clip is called when it is saved: "v12/clip.mp4" becomes "v12-clip.mp4"."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name)


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """The first byte, and the one after the last, that a Range header asks for of a file of `size` bytes.

    None is the whole file: without the header, for several ranges and for what is no range of bytes (RFC 9110, 14.2).
    Raises ValueError when the range lies outside the file.
    """
    match = re.fullmatch(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", header or "", re.ASCII | re.IGNORECASE)
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1 if last else size)
        if last and int(last) < int(first):
            return None
    if start >= end:
        raise ValueError(header)
    return start, end


def _words(status: int, what: str, then: str, headers: Mapping[str, str] | None = None) -> Response:
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(what)}</title>"
        '<body style="font:1.1rem/1.5 system-ui,sans-serif;max-width:30rem;margin:20vh auto;padding:0 1rem">'
        f"<h1 style='font-size:1.4rem'>{html.escape(what)}</h1><p>{html.escape(then)}</p></body></html>"
    )
    return HTMLResponse(page, status, {"Content-Security-Policy": PAGE_POLICY, **(headers or {})})
