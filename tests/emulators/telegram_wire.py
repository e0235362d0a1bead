"""Calls on the wire: what a request says, the record of it in the journal, and the form of errors."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aiohttp import BodyPartReader, web

from tests.emulators.faults import Fault
from tests.emulators.telegram_errors import ApiError, bad_request
from tests.emulators.telegram_files import FileStore
from tests.emulators.telegram_sending import Upload


@dataclass(slots=True, kw_only=True, eq=False)
class Call:
    """A call the bot made."""

    method: str
    params: dict[str, Any]
    """decoded; as they came when they could not be decoded"""
    files: dict[str, Path] = field(default_factory=dict)
    """uploads by the name of their part"""
    at: float
    """monotonic seconds when it was read"""
    status: int | None = None
    """HTTP status of the answer; None until it is answered, and when the connection is cut, by a fault or by the bot"""
    error: str | None = None
    """the error's description"""
    result: Any = None


@dataclass(slots=True, kw_only=True)
class Incoming:
    """What was read from the wire."""

    values: dict[str, Any] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    too_large: bool = False


async def read_request(request: web.Request, files: FileStore, *, upload_limit: int) -> Incoming:
    """The values and files of a call, however the Bot API lets them be sent: in the address, as a form, as JSON or
    multipart. Files are streamed to the folder; what is over the limit (bytes) is read but not kept. Raises ApiError
    400 for a body that cannot be read.
    """
    read = Incoming(values=dict(request.query))
    if request.content_type == "application/json":
        try:
            body = await request.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise bad_request("can't parse the request as a JSON object")
        read.values |= body
    elif request.content_type == "multipart/form-data":
        try:
            async for part in await request.multipart():
                if not isinstance(part, BodyPartReader):
                    raise bad_request("a part of the request is multipart itself")
                await _read_part(part, read, files, upload_limit)
        except ValueError as error:
            raise bad_request(f"can't parse the request as multipart: {error}") from error
    else:
        read.values |= dict(await request.post())
    return read


async def _read_part(part: BodyPartReader, read: Incoming, files: FileStore, upload_limit: int) -> None:
    name = part.name or ""
    if part.filename is None:
        read.values[name] = await part.text()
        return
    path = files.new_path()
    size = 0
    with path.open("wb") as file:
        while chunk := await part.read_chunk(1 << 18):
            size += len(chunk)
            if size <= upload_limit:
                file.write(chunk)
    read.too_large |= size > upload_limit
    mime_type = part.headers.get("Content-Type", "application/octet-stream")
    read.uploads[name] = Upload(path=path, name=part.filename, mime_type=mime_type)


def error_of(fault: Fault) -> ApiError:
    """A fault as the error the server would answer with."""
    status = fault.status or 500
    if fault.retry_after is None:
        return ApiError(status, HTTPStatus(status).phrase)
    seconds = -int(-fault.retry_after // 1)
    return ApiError(status, f"Too Many Requests: retry after {seconds}", retry_after=seconds)


def error_response(error: ApiError, *, headers: Mapping[str, str] | None = None) -> web.Response:
    """An error in the Bot API's form."""
    body: dict[str, Any] = {"ok": False, "error_code": error.code, "description": error.description}
    if error.retry_after is not None:
        body["parameters"] = {"retry_after": error.retry_after}
    return web.json_response(body, status=error.code, headers=headers)
