"""Socket Mode as the emulated Slack serves it: addresses good once, connections, envelopes and their acknowledgements.

What envelopes carry, and how often they are sent again, is left to slack_delivery.
"""

import asyncio
import contextlib
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.emulators.faults import BROKEN_JSON

MOST_CONNECTIONS = 10


_BROKE = object()
"""stands for the acknowledgement that did not come because the connection broke"""


class Unconnected(Exception):
    """There is no connection, or it broke before the acknowledgement came."""


@dataclass(slots=True, eq=False)
class _Connection:
    socket: web.WebSocketResponse
    transport: asyncio.Transport | None
    waiting: dict[str, asyncio.Future[Any]] = field(default_factory=dict)
    leaving: bool = False
    """told to go; gets no more envelopes"""


class Sockets:
    """The app's connections.

    app_id: named in the greeting
    ping_interval: seconds between the server's pings; a client that does not answer is dropped
    changed: called when a connection came or went
    """

    def __init__(self, *, app_id: str, ping_interval: float, changed: Callable[[], object]) -> None:
        self._app_id = app_id
        self._ping_interval = ping_interval
        self._changed = changed
        self._tickets: set[str] = set()
        self._connections: list[_Connection] = []
        self._next = 0
        self._came = asyncio.Event()
        self.acknowledged: list[str] = []
        """The ids that came back, also of envelopes that were sent raw."""

    @property
    def count(self) -> int:
        """Connections now."""
        return len(self._connections)

    @property
    def ready(self) -> bool:
        """Whether an envelope can be sent."""
        return bool(self._usable())

    def ticket(self) -> str:
        """A key for one connection."""
        key = uuid.uuid4().hex
        self._tickets.add(key)
        return key

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """A connection, from its greeting to its end."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=404, text="this address was used before, or never given out")
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse(heartbeat=self._ping_interval, timeout=0.5)
        await socket.prepare(request)
        if self.count >= MOST_CONNECTIONS:
            await socket.send_json({"type": "disconnect", "reason": "too_many_websockets", "debug_info": _debug()})
            await socket.close()
            return socket
        connection = _Connection(socket, request.transport)
        self._connections.append(connection)
        try:
            await socket.send_json(
                {
                    "type": "hello",
                    "num_connections": self.count,
                    "connection_info": {"app_id": self._app_id},
                    "debug_info": _debug() | {"approximate_connection_time": 18060},
                }
            )
            self._came.set()
            self._changed()
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._acknowledge(connection, message.data)
        except ConnectionError:
            pass  # it broke while the greeting was sent
        finally:
            self._gone(connection)
        return socket

    async def connected(self, timeout: float) -> None:
        """Return when there is a connection. Raises Unconnected after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                while not self._usable():
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            raise Unconnected from None

    async def send(self, kind: str, payload: Any, *, timeout: float, broken: bool = False, **fields: Any) -> Any:
        """Send an envelope over one of the connections and return what its acknowledgement carried, None for nothing.

        broken: send JSON that breaks off instead

        Raises Unconnected, and TimeoutError when it is not acknowledged in `timeout` seconds."""
        connection = self._pick()
        envelope_id = str(uuid.uuid4())
        envelope = {"envelope_id": envelope_id, "payload": payload, "type": kind, **fields}
        acknowledged: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        connection.waiting[envelope_id] = acknowledged
        try:
            await connection.socket.send_str(BROKEN_JSON.decode() if broken else json.dumps(envelope))
            async with asyncio.timeout(timeout):
                answer = await acknowledged
        except ConnectionError:
            raise Unconnected from None
        finally:
            connection.waiting.pop(envelope_id, None)
        if answer is _BROKE:
            raise Unconnected
        return answer

    async def send_raw(self, message: Any) -> None:
        """Send a message that is no envelope, as malformed as wanted; bytes go in a binary frame. Raises
        Unconnected."""
        socket = self._pick().socket
        try:
            if isinstance(message, bytes):
                await socket.send_bytes(message)
            else:
                await socket.send_str(message if isinstance(message, str) else json.dumps(message))
        except ConnectionError:
            raise Unconnected from None

    async def drop(self) -> None:
        """Break every connection without a farewell."""
        for connection in tuple(self._connections):
            if connection.transport is not None:
                connection.transport.abort()
            self._gone(connection)
        await asyncio.sleep(0)

    async def retire(self) -> None:
        """Close every connection but the newest, as Slack does some time after it asked for another."""
        for connection in tuple(self._connections)[:-1]:
            await connection.socket.close()

    async def refresh(self, *, reason: str = "refresh_requested", grace: float = 0.2) -> None:
        """Ask every connection to be replaced, as Slack does every few hours, and close the old ones when new ones
        have come, or `grace` seconds later."""
        old = tuple(self._connections)
        for connection in old:
            if reason != "warning":
                connection.leaving = True
            await connection.socket.send_json({"type": "disconnect", "reason": reason, "debug_info": _debug()})
        with contextlib.suppress(Unconnected):  # when nobody comes the old ones are closed all the same
            await self.connected(grace)
        for connection in old:
            await connection.socket.close()

    async def close(self) -> None:
        """Close every connection."""
        for connection in tuple(self._connections):
            await connection.socket.close()

    def _usable(self) -> list[_Connection]:
        return [one for one in self._connections if not one.leaving and not one.socket.closed]

    def _pick(self) -> _Connection:
        usable = self._usable()
        if not usable:
            raise Unconnected
        self._next += 1
        return usable[self._next % len(usable)]

    def _acknowledge(self, connection: _Connection, text: str) -> None:
        try:
            message = json.loads(text)
        except ValueError:
            return  # Slack ignores what it cannot read, and so the envelope stays unacknowledged
        if not isinstance(message, dict):
            return
        envelope_id = str(message.get("envelope_id"))
        self.acknowledged.append(envelope_id)
        acknowledged = connection.waiting.get(envelope_id)
        if acknowledged is not None and not acknowledged.done():
            acknowledged.set_result(message.get("payload"))

    def _gone(self, connection: _Connection) -> None:
        if connection not in self._connections:
            return
        self._connections.remove(connection)
        for acknowledged in connection.waiting.values():
            if not acknowledged.done():
                acknowledged.set_result(_BROKE)
        self._changed()


def _debug() -> dict[str, Any]:
    return {"host": "applink-emulated-1", "build_number": 1}
