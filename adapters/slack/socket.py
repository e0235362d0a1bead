"""Socket Mode: the connection over which Slack sends what happens, and over which each thing is acknowledged.

slack_sdk's own client is not used for this. When Slack asks for a new connection it closes the old one first, and what
people tap in between is lost, because Slack sends that only once; it notices a broken connection seconds later, tries
again for ever at one pace without saying what is wrong, and leaves its tasks behind when it is closed. What envelopes
mean is left to whoever takes them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import structlog
from yarl import URL

from adapters.slack import failures
from adapters.slack.connection import SlackConnection
from core.errors import PermanentError, ReelbotError, TemporaryError
from core.ports import Clock

Take = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any] | None]]
"""Takes an envelope; returns what its acknowledgement carries, which may be nothing, or None to leave it without one,
so that Slack sends an event again. Raises nothing."""

PING_S = 10.0
ANSWER_S = 15.0
_GRACE_S = 1.0
"""What is being stored when the end comes gets that long: a tap that is not acknowledged does not come again."""
_LINGER_S = 15.0
"""How long a connection that was replaced is kept for what is still on its way; Slack closes it sooner itself."""
_CLOSE_S = 1.0
_STEADY = timedelta(seconds=60)
"""A connection that lasted so long was a good one."""
_LONGEST_PAUSE_S = 60.0
_REFRESH = frozenset({"warning", "refresh_requested"})
_BROKE = "the connection broke"
_UNSAID = "no reason that can be read"

_log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class _Link:
    """One WebSocket."""

    socket: aiohttp.ClientWebSocketResponse
    greeted: asyncio.Event = field(default_factory=asyncio.Event)
    """Slack has said hello, or it is over before that."""
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Another connection is wanted."""
    reason: str = ""


class SlackSocket:
    """Keeps the app connected.

    take: see `Take`; many envelopes are taken at a time
    ping_s: seconds of silence before a ping; half of that later the connection counts as broken
    answer_s: seconds until a new connection has to be greeted
    """

    def __init__(
        self,
        connection: SlackConnection,
        *,
        clock: Clock,
        take: Take,
        ping_s: float = PING_S,
        answer_s: float = ANSWER_S,
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._take = take
        self._ping_s = ping_s
        self._answer_s = answer_s
        self._serving: set[asyncio.Task[None]] = set()
        self._taking: set[asyncio.Task[None]] = set()
        self._closing = False
        self._failures = 0
        self.problem = "not connected yet"
        """Empty while connected; otherwise what is wrong."""

    async def run(self) -> None:
        """Stay connected until cancelled, whatever the network does."""
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
            try:
                await self._stay_connected(http)
            finally:
                await self._end()

    async def _stay_connected(self, http: aiohttp.ClientSession) -> None:
        before: asyncio.Task[None] | None = None
        while True:
            opened_at = self._clock.now()
            try:
                link, task = await self._open(http)
            except Exception as error:  # whatever it is, it is tried again
                await self._failed(error)
                continue
            if before is not None:
                asyncio.get_running_loop().call_later(_LINGER_S, before.cancel)
            self._well()
            await link.over.wait()
            before = task
            await self._lost(link.reason, opened_at)

    async def _open(self, http: aiohttp.ClientSession) -> tuple[_Link, asyncio.Task[None]]:
        """A connection that Slack has greeted, and the task that listens to it."""
        client = self._connection.client
        address = _address(await self._connection.socket_url(), api=client.base_url)
        with failures.mapped():
            async with asyncio.timeout(self._answer_s):
                socket = await http.ws_connect(
                    address,
                    heartbeat=self._ping_s,
                    timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_S),
                    proxy=client.proxy,
                )
        link = _Link(socket)
        task = _held(self._serve(link), self._serving)
        try:
            async with asyncio.timeout(self._answer_s):
                await link.greeted.wait()
        except TimeoutError:
            task.cancel()
            raise TemporaryError("Slack does not greet the new connection.") from None
        if task.done() or socket.closed:
            raise TemporaryError(f"Slack ended the new connection: {link.reason}.")
        return link, task

    async def _serve(self, link: _Link) -> None:
        """Listen until the connection ends."""
        try:
            async for message in link.socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._hear(link, message.data)
        finally:
            link.reason = link.reason or _BROKE
            link.over.set()
            link.greeted.set()
            await link.socket.close()

    def _hear(self, link: _Link, text: str) -> None:
        try:
            said = json.loads(text)
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):
            _log.warning("slack_socket_no_json", size=len(text))
        elif said.get("type") == "hello":
            link.greeted.set()
        elif said.get("type") == "disconnect":
            reason = said.get("reason")
            link.reason = reason[:100] if isinstance(reason, str) else _UNSAID
            link.over.set()
        elif isinstance(said.get("envelope_id"), str) and not self._closing:
            _held(self._answer(link, said), self._taking)

    async def _answer(self, link: _Link, envelope: Mapping[str, Any]) -> None:
        payload = await self._take(envelope)
        if payload is None:
            return
        answer: dict[str, Any] = {"envelope_id": envelope["envelope_id"]}
        if payload and envelope.get("accepts_response_payload"):
            answer["payload"] = payload
        try:
            await link.socket.send_json(answer)
        except (ConnectionError, aiohttp.ClientError):
            # It is stored. An event comes again and is known then; anything else Slack reports as failed.
            kind = envelope.get("type")
            _log.info("slack_acknowledgement_lost", type=kind[:40] if isinstance(kind, str) else "")

    async def _end(self) -> None:
        self._closing = True
        self.problem = "stopped"
        if self._taking:
            await asyncio.wait(self._taking, timeout=_GRACE_S)
        left = [*self._taking, *self._serving]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    # --- pauses ------------------------------------------------------------------------------------------------------

    def _well(self) -> None:
        _log.info("slack_connected", failures=self._failures)
        self.problem = ""

    async def _lost(self, reason: str, opened_at: datetime) -> None:
        if self._clock.now() - opened_at >= _STEADY:
            self._failures = 0
        if reason not in _REFRESH:
            self.problem = reason
        await self._pause(reason)

    async def _failed(self, error: Exception) -> None:
        self.problem = str(error) if isinstance(error, ReelbotError) else type(error).__name__
        await self._pause(self.problem, asked=error.retry_after if isinstance(error, TemporaryError) else None)

    async def _pause(self, reason: str, *, asked: float | None = None) -> None:
        """Pause as long as Slack asks, else not at all at first, then 1 s, doubling up to a minute: also when it is
        Slack that wants another connection, or a server that wants one every time would be asked without a pause."""
        self._failures += 1
        pause = 0.0 if self._failures == 1 else min(2.0 ** min(self._failures - 2, 10), _LONGEST_PAUSE_S)
        pause = pause if asked is None else asked
        log = _log.info if reason in _REFRESH else _log.warning
        log("slack_connection_over", reason=reason, pause_s=pause, failures=self._failures)
        if pause:
            await self._clock.sleep(pause)


def _held(work: Coroutine[Any, Any, None], among: set[asyncio.Task[None]]) -> asyncio.Task[None]:
    task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
    among.add(task)
    task.add_done_callback(among.discard)
    return task


def _address(url: object, *, api: str) -> URL:
    """Where to connect; a server on this machine may not send us away from it. Raises PermanentError."""
    try:
        address = URL(url) if isinstance(url, str) else URL()
    except ValueError:
        address = URL()
    server = URL(api)
    near = address.host == server.host
    if not address.host or not (address.scheme == "wss" or (address.scheme == "ws" and near)):
        raise PermanentError("Slack's answer has no address for Socket Mode.")
    if server.scheme == "http" and not near:
        raise PermanentError("The server sends us to another machine for Socket Mode.")
    return address
