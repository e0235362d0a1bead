"""What all emulated Google services share: the journal's calls, errors in Google's form, checked bodies.

Checks are functions of a value and its path in the body, so that each service writes its format as data.
Which calls exist and what they answer is left to the services' own modules.
"""

import base64
import binascii
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from aiohttp import web

STATUS_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    416: "OUT_OF_RANGE",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""google.rpc.Code by HTTP status."""


@dataclass(slots=True, kw_only=True)
class Call:
    """One request as it arrived. `status` is None until an answer leaves, and stays None when none did.

    at: monotonic seconds on arrival
    body: the JSON body, {} when there was none or it was no JSON object
    """

    name: str
    model: str
    body: dict[str, Any]
    headers: Mapping[str, str]
    at: float
    path: str
    query: Mapping[str, str]
    params: Mapping[str, str]
    raw: bytes
    status: int | None = None
    error: str = ""


Handler = Callable[[web.Request, Call], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A call the emulator knows: its name in the journal and for faults, and where it is found.

    access: "key" demands the API key, "token" an access token, "none" nothing
    """

    name: str
    method: str
    path: str
    handler: Handler
    access: str


class WireError(Exception):
    """An answer with an error status."""

    def __init__(self, code: int, message: str, *, details: list[dict[str, Any]] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details or []

    def body(self) -> dict[str, Any]:
        """The JSON document Google's REST services send with an error."""
        error: dict[str, Any] = {
            "code": self.code,
            "message": self.message,
            "status": STATUS_NAMES.get(self.code, "UNKNOWN"),
        }
        if self.details:
            error["details"] = self.details
        return {"error": error}


def bad_request(message: str, *, field: str = "") -> NoReturn:
    """Raise the 400 for a request that does not fit, naming the field as google.rpc.BadRequest does."""
    violation = {"description": message} | ({"field": field} if field else {})
    detail = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}
    raise WireError(400, message, details=[detail])


Check = Callable[[Any, str], None]


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _wrong(kind: str, value: Any, path: str) -> NoReturn:
    bad_request(f"Invalid value at '{path}' ({kind}), {value!r:.80}", field=path)


def record(fields: Mapping[str, Check], *, required: tuple[str, ...] = (), proto: bool = False) -> Check:
    """An object with these fields only.

    proto: names may also come in snake_case, as the JSON form of protocol buffers allows
    """

    def check(value: Any, path: str) -> None:
        if not isinstance(value, dict):
            _wrong("TYPE_MESSAGE", value, path)
        seen = set()
        for name, item in value.items():
            known = camel(name) if proto and name not in fields else name
            if known not in fields:
                where = f" at '{path}'" if path else ""
                bad_request(
                    f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.',
                    field=path,
                )
            seen.add(known)
            fields[known](item, _join(path, name))
        for name in required:
            if name not in seen:
                bad_request(f"Missing required field '{_join(path, name)}'.", field=_join(path, name))

    return check


def camel(name: str) -> str:
    """`inline_data` as `inlineData`."""
    return re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), name)


def text(value: Any, path: str) -> None:
    """A string."""
    if not isinstance(value, str):
        _wrong("TYPE_STRING", value, path)


def filled(value: Any, path: str) -> None:
    """A string that is not blank."""
    text(value, path)
    if not value.strip():
        bad_request(f"'{path}' must not be empty.", field=path)


def boolean(value: Any, path: str) -> None:
    """true or false."""
    if not isinstance(value, bool):
        _wrong("TYPE_BOOL", value, path)


def integer(low: int | None = None, high: int | None = None) -> Check:
    """A whole number from `low` to `high`, both included."""

    def check(value: Any, path: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            _wrong("TYPE_INT32", value, path)
        if (low is not None and value < low) or (high is not None and value > high):
            bad_request(f"'{path}' is {value}; it must be from {low} to {high}.", field=path)

    return check


def one_of(*allowed: str | int) -> Check:
    """One of a fixed set of values of the same type."""

    def check(value: Any, path: str) -> None:
        if isinstance(value, bool) or not isinstance(value, type(allowed[0])):
            _wrong("TYPE_ENUM", value, path)
        if value not in allowed:
            bad_request(f"'{path}' is {value!r}; supported values are {list(allowed)}.", field=path)

    return check


def array(item: Check, low: int = 0, high: int | None = None) -> Check:
    """A list of `low` to `high` items."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, list):
            _wrong("TYPE_LIST", value, path)
        if len(value) < low or (high is not None and len(value) > high):
            bad_request(f"'{path}' has {len(value)} items; it takes {low} to {high}.", field=path)
        for index, entry in enumerate(value):
            item(entry, f"{path}[{index}]")

    return check


def mapping(item: Check) -> Check:
    """An object with names of the caller's choosing."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, dict):
            _wrong("TYPE_MESSAGE", value, path)
        for name, entry in value.items():
            item(entry, _join(path, name))

    return check


def anything(value: Any, path: str) -> None:
    """Any JSON."""


def encoded(value: Any, path: str) -> None:
    """Bytes in base64, standard or URL-safe, not empty."""
    text(value, path)
    if not decoded(value, path):
        bad_request(f"'{path}' is empty.", field=path)


def decoded(value: str, path: str = "") -> bytes:
    """The bytes of a base64 field."""
    try:
        return base64.b64decode(value.replace("-", "+").replace("_", "/") + "=" * (-len(value) % 4), validate=True)
    except binascii.Error:
        _wrong("TYPE_BYTES", value, path)


def gone(what: str) -> Check:
    """A field that was taken out of use: any value is refused with the reason."""

    def check(value: Any, path: str) -> None:
        bad_request(f"'{path}' is no longer supported: {what}", field=path)

    return check
