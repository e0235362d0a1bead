"""Socket Mode on bad days: connections that break, hang, are replaced or cannot be had."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import structlog
from aiohttp import web

from adapters.slack import SlackConnection, SlackReceiver
from adapters.slack.socket import SlackSocket
from tests.adapters.slack.listening import Taken, listening, made, running, serving, until
from tests.adapters.slack.support import connected
from tests.clock import START, FakeClock
from tests.emulators.slack import Fault, SlackChannel, SlackEmulator, SlackUser


@pytest.fixture
async def connection(slack: SlackEmulator) -> AsyncIterator[SlackConnection]:
    made = connected(slack)
    made.app_token = slack.app_token
    yield made
    await made.close()


@pytest.fixture
def receiver(connection: SlackConnection, clock: FakeClock) -> SlackReceiver:
    return made(connection, clock)


@pytest.fixture
def dm(slack: SlackEmulator, anna: SlackUser) -> SlackChannel:
    return slack.direct(anna)


async def test_what_came_while_the_connection_was_broken_arrives(
    slack: SlackEmulator, receiver: SlackReceiver, dm: SlackChannel, anna: SlackUser, clock: FakeClock
) -> None:
    taken = Taken()
    async with listening(slack, receiver, taken, socket=True):
        assert receiver.healthy(START) == ""
        for number in range(3):
            await slack.drop_sockets()
            assert slack.sockets == 0
            await dm.say(anna, f"wish {number}")
            await taken.wait(number + 1)
            await slack.delivered()
            await until(lambda: not receiver.healthy(START))
    assert taken.said == ["wish 0", "wish 1", "wish 2"]
    assert receiver.healthy(START) == "Slack: stopped"
    assert slack.sockets == 0


async def test_what_was_being_stored_when_it_broke_comes_again(
    slack: SlackEmulator, receiver: SlackReceiver, dm: SlackChannel, anna: SlackUser
) -> None:
    taken = Taken()
    taken.held = asyncio.Event()
    async with listening(slack, receiver, taken, socket=True):
        await dm.say(anna, "a fox")
        await taken.wait(1, begun=True)
        await slack.drop_sockets()
        taken.held.set()
        first, again = await taken.wait(2)
        await slack.delivered()
    assert first.event_id == again.event_id
    assert [one.acknowledged for one in slack.deliveries] == [False, True]


@pytest.mark.parametrize("reason", ["refresh_requested", "warning"])
async def test_nothing_is_lost_when_slack_wants_another_connection(
    slack: SlackEmulator, receiver: SlackReceiver, dm: SlackChannel, anna: SlackUser, reason: str
) -> None:
    taken = Taken()
    async with listening(slack, receiver, taken, socket=True):
        for number in range(3):
            refreshing = asyncio.create_task(slack.refresh_sockets(reason=reason))
            await slack.wait_for_call("apps.connections.open", count=number + 2)
            await dm.say(anna, f"meanwhile {number}")
            assert receiver.healthy(START) == ""
            await refreshing
            await until(lambda: slack.sockets == 1)
            assert (await dm.command(anna, f"afterwards {number}")).status == 200
        await slack.delivered()
    assert len(set(taken.said)) == 6


async def test_a_server_that_always_wants_another_connection_is_left_alone_between(
    slack: SlackEmulator, receiver: SlackReceiver, clock: FakeClock
) -> None:
    async with listening(slack, receiver, Taken(), socket=True):
        for number in range(6):
            await slack.refresh_sockets(reason="refresh_requested", grace=0)
            await slack.wait_for_call("apps.connections.open", count=number + 2)
            await slack.wait_for_sockets()
    assert (clock.now() - START).total_seconds() >= 1 + 2 + 4 + 8 + 16


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"body": {"ok": False, "error": "invalid_auth"}}, "invalid_auth"),
        ({"body": {"ok": False, "error": "missing_scope"}}, "missing_scope"),
        ({"body": {"ok": True}}, "no address"),
        ({"body": {"ok": True, "url": 7}}, "no address"),
        ({"body": {"ok": True, "url": "http://["}}, "no address"),
        ({"body": {"ok": True, "url": "ws://example.com/link"}}, "no address"),
        ({"body": {"ok": True, "url": "wss://example.com/link"}}, "another machine"),
        ({"status": 503}, "trouble of its own"),
        ({"status": 429, "retry_after": 40}, "a pause"),
        ({"drop": "before"}, "does not answer"),
        ({"malformed": True}, "trouble of its own"),
    ],
)
async def test_no_connection_to_be_had(
    slack: SlackEmulator, connection: SlackConnection, fault: dict[str, Any], said: str
) -> None:
    slack.faults.add(Fault(match="apps.connections.open", times=3, **fault))
    clock = FakeClock()
    receiver = made(connection, clock)
    with structlog.testing.capture_logs() as logs:
        async with running(receiver, Taken()):
            await until(lambda: said in receiver.healthy(START))
            assert receiver.healthy(START).startswith("Slack: Socket Mode: ")
            async with clock:
                await slack.wait_for_sockets()
            await until(lambda: not receiver.healthy(START))
    least = 120 if "retry_after" in fault else 3
    assert least <= (clock.now() - START).total_seconds() <= least + 5
    assert slack.app_token not in str(logs) and "ticket" not in str(logs)


async def test_a_link_that_is_not_good(slack: SlackEmulator, receiver: SlackReceiver, clock: FakeClock) -> None:
    address = slack.url.replace("http", "ws").replace("/api/", "/link/?ticket=used")
    slack.faults.add(Fault(match="apps.connections.open", body={"ok": True, "url": address}))
    with structlog.testing.capture_logs() as logs:
        async with listening(slack, receiver, Taken(), socket=True):
            await until(lambda: not receiver.healthy(START))
    assert "ticket" not in str(logs)


async def test_raw_frames_that_make_no_sense(
    slack: SlackEmulator, receiver: SlackReceiver, dm: SlackChannel, anna: SlackUser
) -> None:
    taken = Taken()
    junk: list[Any] = ["no json", "[" * 50_000, "[]", "7", {}, {"type": "hello"}, {"envelope_id": 7}, {"type": []}]
    junk += [{"envelope_id": "1"}, {"envelope_id": "2", "payload": "x"}, {"envelope_id": "3", "payload": []}]
    async with listening(slack, receiver, taken, socket=True):
        for frame in junk:
            await slack.push(frame, kind="raw")
        await dm.say(anna, "a fox")
        await taken.message()
    assert len(slack.calls("apps.connections.open")) == 1


# --- servers of our own: what the emulated Slack never does ----------------------------------------------------------


class Server:
    """Just enough of Slack for a connection.

    greets, pongs: whether it says hello, and answers pings, on each connection in turn; the last goes for the rest
    """

    def __init__(self, *, greets: tuple[bool, ...] = (True,), pongs: tuple[bool, ...] = (True,)) -> None:
        self.greets = greets
        self.pongs = pongs
        self.opened = 0
        self.sockets: list[web.WebSocketResponse] = []
        self.heard: list[Any] = []
        self.url = ""

    async def until(self, opened: int) -> None:
        """Return when there have been so many connections."""
        await until(lambda: self.opened == opened)

    async def open(self, request: web.Request) -> web.Response:
        return web.json_response({"ok": True, "url": f"{self.url.replace('http', 'ws')}/link"})

    async def link(self, request: web.Request) -> web.WebSocketResponse:
        number, self.opened = self.opened, self.opened + 1
        socket = web.WebSocketResponse(autoping=self.pongs[min(number, len(self.pongs) - 1)])
        await socket.prepare(request)
        self.sockets.append(socket)
        if self.greets[min(number, len(self.greets) - 1)]:
            await socket.send_json({"type": "hello"})
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                self.heard.append(json.loads(message.data))
        return socket


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    async with serving({"/api/apps.connections.open": made.open, "/link": made.link}) as url:
        made.url = url
        yield made


class Listening:
    """A socket at work on a server."""

    def __init__(self, server: Server, clock: FakeClock, **options: Any) -> None:
        self.connection = SlackConnection(
            bot_token="xoxb-TEST", app_token="xapp-TEST", api_url=f"{server.url}/api/", loopback_only=True
        )
        self.errors: list[Exception] = []
        self.socket = SlackSocket(self.connection, clock=clock, take=self.take, **options)
        self._task = asyncio.create_task(self.socket.run())

    async def take(self, envelope: Any) -> dict[str, Any] | None:
        return {"text": "yes"} if envelope["envelope_id"] != "unstored" else None

    async def __aenter__(self) -> SlackSocket:
        return self.socket

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.connection.close()


async def test_a_connection_that_hangs_is_replaced(server: Server, clock: FakeClock) -> None:
    server.pongs = (False, True)
    async with Listening(server, clock, ping_s=0.05) as socket:
        await server.until(2)
        await until(lambda: not socket.problem)
        await asyncio.sleep(0.15)
        assert (server.opened, socket.problem) == (2, "")
    assert socket.problem == "stopped"


async def test_a_connection_that_is_never_greeted_is_replaced(server: Server, clock: FakeClock) -> None:
    server.greets = (False, True)
    async with Listening(server, clock, answer_s=0.05) as socket:
        await server.until(2)
        await until(lambda: not socket.problem)


async def test_acknowledgements(server: Server, clock: FakeClock) -> None:
    async with Listening(server, clock) as socket:
        await until(lambda: not socket.problem)
        (link,) = server.sockets
        await link.send_json({"envelope_id": "unstored", "type": "events_api", "payload": {}})
        await link.send_json({"envelope_id": "event", "type": "events_api", "payload": {}})
        accepts = {"accepts_response_payload": True}
        await link.send_json({"envelope_id": "command", "type": "slash_commands", "payload": {}, **accepts})
        await until(lambda: len(server.heard) == 2)
    assert server.heard == [{"envelope_id": "event"}, {"envelope_id": "command", "payload": {"text": "yes"}}]


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
async def test_a_connection_that_is_replaced_is_listened_to_until_slack_closes_it(
    server: Server, clock: FakeClock, reason: str
) -> None:
    async with Listening(server, clock) as socket:
        await until(lambda: not socket.problem)
        await server.sockets[0].send_json({"type": "disconnect", "reason": reason})
        await server.until(2)
        assert not socket.problem
        await server.sockets[0].send_json({"envelope_id": "press", "type": "interactive", "payload": {}})
        await until(lambda: server.heard)
        await server.sockets[0].close()
        await asyncio.sleep(0.02)
        assert (server.opened, socket.problem) == (2, "")


@pytest.mark.parametrize("reason", ["link_disabled", "too_many_websockets", "something_new"])
async def test_slack_closes_the_connection(server: Server, clock: FakeClock, reason: str) -> None:
    async with Listening(server, clock) as socket:
        for number in range(4):
            await server.until(number + 1)
            await until(lambda: not socket.problem)
            await server.sockets[number].send_json({"type": "disconnect", "reason": reason})
            await server.sockets[number].close()
        await server.until(5)
    assert (clock.now() - START).total_seconds() >= 1 + 2 + 4


async def test_the_end_does_not_wait_for_a_server_that_hangs(server: Server, clock: FakeClock) -> None:
    server.pongs = (False,)
    async with Listening(server, clock) as socket:
        await until(lambda: not socket.problem)
    assert socket.problem == "stopped"
