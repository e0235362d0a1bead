"""What the emulated Slack tells the app: events, interactions and commands, over Socket Mode or as signed requests,
and again when an event was not acknowledged.

What events say is left to slack_events and slack_interactions.
"""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

import aiohttp

from tests.emulators.faults import BROKEN_JSON, Faults
from tests.emulators.slack_sockets import Sockets, Unconnected

Kind = Literal["events_api", "interactive", "slash_commands"]
EVENT = "event"
"""name of all that is delivered, for faults"""
FORM = "application/x-www-form-urlencoded"
_LOOK_AGAIN = 0.05
_REASONS = {"timeout": "http_timeout", "error": "http_error", "unconnected": "connection_failed"}


class Absent(Unconnected):
    """Nobody listens at the request address."""


@dataclass(slots=True, kw_only=True, eq=False)
class Attempt:
    """Something that was sent to the app, once."""

    kind: Kind
    payload: dict[str, Any]
    at: float
    """Monotonic seconds."""
    retry: int = 0
    """0 for the first time."""
    status: int | None = None
    """HTTP status of the acknowledgement, 200 on a socket; None when there was none."""
    answer: Any = None
    """What the acknowledgement carried: an object, a text, or None."""
    failure: Literal["", "timeout", "error", "unconnected"] = ""
    final: bool = False
    """The app asked not to be told again."""

    @property
    def acknowledged(self) -> bool:
        """Whether the app took it."""
        return self.status is not None and 200 <= self.status < 300


class Delivery:
    """The way to the app.

    ack_timeout: seconds within which the app has to acknowledge
    retry_after: seconds before each repetition of an event
    patience: seconds that an event waits for an app that is not there before that attempt has failed
    """

    def __init__(
        self,
        *,
        faults: Faults,
        app_id: str,
        signing_secret: str,
        ack_timeout: float,
        retry_after: tuple[float, ...],
        patience: float,
        ping_interval: float,
        changed: Callable[[], object],
    ) -> None:
        self.request_url: str | None = None
        self.repeat = 1
        """how often every event is delivered"""
        self.attempts: list[Attempt] = []
        self.sockets = Sockets(app_id=app_id, ping_interval=ping_interval, changed=changed)
        self._faults = faults
        self._secret = signing_secret
        self._ack_timeout = ack_timeout
        self._retry_after = retry_after
        self._patience = patience
        self._changed = changed
        self._tasks: set[asyncio.Task[None]] = set()
        self._http: aiohttp.ClientSession | None = None

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something in the background; it ends with the server at the latest."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def event(self, payload: dict[str, Any], *, times: int | None = None) -> asyncio.Task[None]:
        """Deliver an event in the background, `times` or else `repeat` times."""
        return self.start(self._event(payload, self.repeat if times is None else times))

    async def _event(self, payload: dict[str, Any], times: int) -> None:
        for number in range(times):
            await self.deliver(payload, first=number)

    async def deliver(self, payload: dict[str, Any], *, first: int = 0) -> Attempt:
        """Deliver an event until it is acknowledged or given up. `first`: how often it was delivered before."""
        attempt = await self.attempt("events_api", payload, retry=first, patience=self._patience)
        for retry, seconds in enumerate(self._retry_after, first + 1):
            if attempt.acknowledged or attempt.final:
                break
            await asyncio.sleep(seconds)
            reason = _REASONS.get(attempt.failure, "unknown_error")
            attempt = await self.attempt("events_api", payload, retry=retry, reason=reason, patience=self._patience)
        return attempt

    async def attempt(
        self, kind: Kind, payload: dict[str, Any], *, retry: int = 0, reason: str = "", patience: float = 0.0
    ) -> Attempt:
        """Send something once and wait for its acknowledgement."""
        if retry and not reason:
            reason = "http_timeout"
        attempt = Attempt(kind=kind, payload=payload, at=time.monotonic(), retry=retry)
        self.attempts.append(attempt)
        await self._faults.reached("arrived", EVENT, attempt)
        fault = self._faults.next_for(EVENT, attempt)
        broken = False
        if fault is not None:
            await asyncio.sleep(fault.delay)
            broken = fault.malformed
            if fault.drop == "before" or fault.status is not None or fault.body is not None:
                attempt.failure = "unconnected"
                self._changed()
                return attempt
        try:
            if self.request_url is None:
                await self.sockets.connected(patience)
                await self._over_socket(attempt, reason, broken)
            else:
                await self._over_http(attempt, reason, broken, patience)
        except Unconnected:
            attempt.failure = "unconnected"
        except TimeoutError:
            attempt.failure = "timeout"
        await self._faults.reached("processed", EVENT, attempt)
        if fault is not None and fault.drop == "after":
            attempt.status, attempt.answer, attempt.failure = None, None, "timeout"
        self._changed()
        return attempt

    async def _over_socket(self, attempt: Attempt, reason: str, broken: bool) -> None:
        fields: dict[str, Any] = {"accepts_response_payload": attempt.kind != "events_api"}
        if attempt.kind == "events_api":
            fields |= {"retry_attempt": attempt.retry, "retry_reason": "timeout" if reason else ""}
        attempt.answer = await self.sockets.send(
            attempt.kind, attempt.payload, timeout=self._ack_timeout, broken=broken, **fields
        )
        attempt.status = 200

    async def _over_http(self, attempt: Attempt, reason: str, broken: bool, patience: float) -> None:
        if attempt.kind == "events_api":
            body, content_type = json.dumps(attempt.payload).encode(), "application/json"
        elif attempt.kind == "interactive":
            body, content_type = urlencode({"payload": json.dumps(attempt.payload)}).encode(), FORM
        else:
            body, content_type = urlencode(attempt.payload).encode(), FORM
        headers = {"X-Slack-Retry-Num": str(attempt.retry), "X-Slack-Retry-Reason": reason} if attempt.retry else {}
        deadline = time.monotonic() + patience
        while True:
            try:
                status, answer, got = await self.post(BROKEN_JSON if broken else body, content_type, headers=headers)
                break
            except Absent:
                if time.monotonic() >= deadline:
                    raise
                await asyncio.sleep(_LOOK_AGAIN)
        attempt.status = status
        attempt.failure = "" if attempt.acknowledged else "error"
        attempt.final = got.get("X-Slack-No-Retry") == "1"
        try:
            attempt.answer = json.loads(answer) if answer else None
        except ValueError:
            attempt.answer = answer

    async def post(
        self,
        body: bytes,
        content_type: str,
        *,
        secret: str | None = None,
        timestamp: int | None = None,
        signature: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, str, dict[str, str]]:
        """Post a body to the request address, signed as Slack does unless told otherwise; status, text and headers of
        the answer. Raises Unconnected, and TimeoutError."""
        url = _checked(self.request_url)
        stamp = int(time.time()) if timestamp is None else timestamp
        signed = {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": str(stamp),
            "X-Slack-Signature": signature_of(body, stamp, self._secret if secret is None else secret)
            if signature is None
            else signature,
        }
        if self._http is None:
            self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))
        timeout = aiohttp.ClientTimeout(total=self._ack_timeout)
        try:
            async with self._http.post(
                url, data=body, headers=signed | (headers or {}), timeout=timeout, allow_redirects=False
            ) as response:
                return response.status, await response.text(), dict(response.headers)
        except aiohttp.ClientConnectorError:
            raise Absent from None
        except aiohttp.ClientError:
            raise Unconnected from None

    async def settled(self, timeout: float) -> None:
        """Return when nothing is on its way any more. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            while self._tasks:
                await asyncio.wait(tuple(self._tasks))

    async def close(self) -> None:
        """Stop delivering."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*tuple(self._tasks), return_exceptions=True)
        await self.sockets.close()
        if self._http is not None:
            await self._http.close()


def signature_of(body: bytes, timestamp: int, secret: str) -> str:
    """Slack's signature of a request, version 0."""
    return "v0=" + hmac.new(secret.encode(), b"v0:%d:%s" % (timestamp, body), hashlib.sha256).hexdigest()


def _checked(url: str | None) -> str:
    """The address, if it is on this machine: the emulator calls no other."""
    if url is None:
        raise ValueError("request_url is not set: the app is reached over Socket Mode")
    host = urlsplit(url).hostname or ""
    if host != "localhost" and not ip_address(host).is_loopback:
        raise ValueError(f"the emulator calls loopback addresses only, not {host}")
    return url
