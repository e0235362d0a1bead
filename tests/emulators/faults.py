"""Fault injection shared by the emulators: what goes wrong, on which call, how many times.

A test adds `Fault`s to an emulator's `Faults`; the emulator passes every call through `apply`, which decides whether
the call is answered as usual. How an error looks on the wire is left to each emulator (`error_response`), because
every service has its own form for errors.
"""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

from aiohttp import web

Moment = Literal["arrived", "processed"]
Hook = Callable[[Any], Awaitable[None]]
Answer = Callable[[], Awaitable[web.StreamResponse]]

CALLER: ContextVar[int] = ContextVar("CALLER", default=0)
"""The port that the call under way comes from, for callbacks that have to know which process made it."""
BROKEN_JSON = b'{"ok": true, "result": {"unfinished": '


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong.

    A fault with a `status` or a `body` answers instead of the emulator: the call is not processed. A fault with only
    `delay` (seconds), `drop="after"`, `malformed` or `cut` lets the call be processed and spoils the answer, which is
    how a real answer gets lost.

    match: fnmatch pattern on the call's name, case-sensitive
    status: HTTP status to answer with
    retry_after: seconds, as a Retry-After header and in the service's own field
    body: answer instead of the service's usual error; a dict is sent as JSON, text that begins with "<" as HTML
    delay: seconds to wait before anything else happens
    drop: close the connection before the call is processed, or after, without an answer
    malformed: 200 with JSON that breaks off
    cut: the usual answer, whose connection breaks off in the middle
    times: how many calls it hits; None for ever
    probability: of hitting a call that matches, from the emulator's seeded random numbers
    after: how many matching calls pass untouched first
    when: looks at the emulator's record of the call, for faults that depend on its arguments
    """

    match: str
    status: int | None = None
    retry_after: float | None = None
    body: bytes | str | dict[str, Any] | None = None
    delay: float = 0.0
    drop: Literal["before", "after"] | None = None
    malformed: bool = False
    cut: bool = False
    times: int | None = 1
    probability: float = 1.0
    after: int = 0
    when: Callable[[Any], bool] | None = None


@dataclass(slots=True, kw_only=True)
class _Armed:
    fault: Fault
    seen: int = 0
    fired: int = 0


@dataclass(slots=True)
class Faults:
    """The faults an emulator has been told to show, and the callbacks that wait for a call."""

    seed: int = 0
    _armed: list[_Armed] = field(default_factory=list)
    _hooks: list[tuple[str, Moment, Hook]] = field(default_factory=list)
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def add(self, fault: Fault) -> Fault:
        """Arm a fault. When several match a call, the one that was added first is used."""
        self._armed.append(_Armed(fault=fault))
        return fault

    def on(self, match: str, callback: Hook, *, moment: Moment = "arrived") -> None:
        """Await `callback(call)` for each call whose name fits, when it arrives or once it is processed but not yet
        answered. A test kills the caller's process there; callbacks stay until `clear`."""
        self._hooks.append((match, moment, callback))

    def clear(self) -> None:
        """Forget all faults and callbacks."""
        self._armed.clear()
        self._hooks.clear()

    def next_for(self, name: str, call: Any) -> Fault | None:
        """The fault that hits this call, counted as used; None when the call goes well."""
        for armed in self._armed:
            fault = armed.fault
            if not fnmatchcase(name, fault.match) or (fault.when is not None and not fault.when(call)):
                continue
            if fault.times is not None and armed.fired >= fault.times:
                continue
            armed.seen += 1
            if armed.seen <= fault.after:
                continue
            if fault.probability < 1.0 and self._random.random() >= fault.probability:
                continue
            armed.fired += 1
            return fault
        return None

    async def reached(self, moment: Moment, name: str, call: Any) -> None:
        """Run the callbacks registered for this call at this moment, in the order of registration."""
        for match, when, callback in tuple(self._hooks):
            if when == moment and fnmatchcase(name, match):
                await callback(call)


async def apply(
    faults: Faults,
    *,
    name: str,
    call: Any,
    request: web.Request,
    answer: Answer,
    error_response: Callable[[Fault], web.Response],
) -> web.StreamResponse:
    """Answer a call with `answer()`, unless a fault says otherwise.

    name: the call's name, as patterns see it
    call: the emulator's record of the call, handed to `when` and to callbacks
    answer: processes the call and makes the usual response; awaited at most once
    error_response: the service's form of an error with `fault.status` (used when the fault has no `body`)
    """
    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    CALLER.set(peer[1] if peer else 0)
    await faults.reached("arrived", name, call)
    fault = faults.next_for(name, call)
    if fault is None:
        response = await answer()
        await faults.reached("processed", name, call)
        return response
    if fault.delay:
        await asyncio.sleep(fault.delay)
    if fault.drop == "before":
        return _hang_up(request)
    if fault.body is not None:
        return _with_body(fault)
    if fault.status is not None:
        return error_response(fault)
    response = await answer()
    await faults.reached("processed", name, call)
    if fault.drop == "after":
        return _hang_up(request)
    if fault.malformed:
        return web.Response(body=BROKEN_JSON, content_type="application/json")
    return _half(response) if fault.cut else response


class Streamed(web.StreamResponse):
    """An answer that sends its body by itself, and can be told to break off."""

    cut_after: int | None = None
    """After how many bytes of the body; None for the whole."""


class _Half(web.Response):
    """An answer that says how long it is, and ends before."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Send half of the body, and hang up."""
        body = bytes(self.body) if isinstance(self.body, bytes) else b""
        await web.StreamResponse.write(self, body[: len(body) // 2])
        if self._req is not None and self._req.transport is not None:
            # Not abort(): what was sent before shall still arrive.
            self._req.transport.close()


def _half(response: web.StreamResponse) -> web.StreamResponse:
    if isinstance(response, Streamed):
        response.cut_after = (response.content_length or 0) // 2
        return response
    assert isinstance(response, web.Response)
    return _Half(body=response.body, status=response.status, content_type=response.content_type)


def retry_after_header(fault: Fault) -> dict[str, str]:
    """The Retry-After header of a fault, in whole seconds rounded up; empty when it has none."""
    return {} if fault.retry_after is None else {"Retry-After": str(-int(-fault.retry_after // 1))}


def _with_body(fault: Fault) -> web.Response:
    is_json = isinstance(fault.body, dict)
    if isinstance(fault.body, bytes):
        body = fault.body
    else:
        body = (fault.body if isinstance(fault.body, str) else json.dumps(fault.body)).encode()
    return web.Response(
        status=fault.status or 200,
        body=body,
        content_type="application/json" if is_json else "text/html" if body.startswith(b"<") else "text/plain",
        headers=retry_after_header(fault),
    )


def _hang_up(request: web.Request) -> web.Response:
    """Cut the connection; aiohttp drops the response it is given, since nobody is there to read it."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
