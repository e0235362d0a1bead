"""Calls on the wire: what a request says, the record of it in the journal, and the form of answers and errors."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, web

from tests.emulators.faults import Fault, retry_after_header
from tests.emulators.slack_schema import SlackError


@dataclass(slots=True, kw_only=True, eq=False)
class Call:
    """A call the app made."""

    method: str
    """The Web API's method, or "upload", "download", "response_url"."""
    params: dict[str, Any]
    """Decoded; as they came when they could not be decoded."""
    headers: Mapping[str, str] = field(default_factory=dict)
    at: float = 0.0
    """Monotonic seconds when it was read."""
    status: int | None = None
    """HTTP status of the answer; None until it is answered, and when the connection is cut, by a fault or the app."""
    result: Any = None
    """The answer without `ok`."""
    error: str | None = None
    """Slack's word for what went wrong."""


@dataclass(slots=True, kw_only=True)
class Incoming:
    """What was read from the wire."""

    values: dict[str, Any]
    token: str
    """Empty when there is none."""
    is_json: bool
    """Whether the values came as a JSON body."""


async def read_request(request: web.Request) -> Incoming:
    """The values of a Web API call, however Slack lets them be sent: in the address, as a form, as multipart or as
    JSON. Raises SlackError for a body that cannot be read."""
    values: dict[str, Any] = dict(request.query)
    is_json = request.content_type == "application/json"
    if is_json:
        if await request.read():
            try:
                body = await request.json()
            except ValueError:
                raise SlackError("invalid_json") from None
            if not isinstance(body, dict):
                raise SlackError("json_not_object")
            body.pop("token", None)  # Slack reads a JSON body's token from the header only
            values |= body
    elif request.content_type == "multipart/form-data":
        async for part in await request.multipart():
            if isinstance(part, BodyPartReader) and part.name:
                values[part.name] = await part.text()
    elif request.content_type == "application/x-www-form-urlencoded":
        values |= dict(await request.post())
    elif await request.read():
        raise SlackError("invalid_post_type")
    kind, _, bearer = request.headers.get("Authorization", "").partition(" ")
    token = bearer.strip() if kind.lower() == "bearer" else str(values.get("token", ""))
    values.pop("token", None)
    return Incoming(values=values, token=token, is_json=is_json)


def error_body(error: SlackError) -> dict[str, Any]:
    """An error in the Web API's form."""
    body: dict[str, Any] = {"ok": False, "error": error.error}
    if error.messages:
        body["response_metadata"] = {"messages": list(error.messages)}
    return body


def fault_response(fault: Fault) -> web.Response:
    """An injected HTTP error in Slack's form."""
    error = "ratelimited" if fault.status == 429 else "internal_error"
    headers = retry_after_header(fault)
    if fault.status == 429 and not headers:
        headers = {"Retry-After": "1"}
    return web.json_response({"ok": False, "error": error}, status=fault.status or 500, headers=headers)
