"""The product with a platform's other door open: Telegram's updates are polled, Slack's envelopes come over Socket
Mode. Both really go over the wire, from an emulator that sends whatever it is given."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from tests.emulators.faults import Fault
from tests.emulators.slack_sockets import Sockets, Unconnected
from tests.fuzz.listening import LONGEST_S, PostedSlack, PostedTelegram

LOOK_AGAIN_S = 0.002
QUICKLY = 5
"""Looks in which what is on its way arrives; then time passes, in case that the receiver waits for it."""
PAUSE_S = 10.0
LONGEST_PAUSE_S = 3_600.0
"""Asked for by a server that asks for more."""
MOST_POLLS = 3
"""Polls after which a batch has to be off the server: what is fetched for ever keeps out all that follow."""
NUDGE = 600_000
"""The number of an update that is about nothing, and ends the poll that is open."""
MOST_SOCKETS = 5
"""Connections asked for before the old ones are closed; Slack has no more than ten."""
ENVELOPES = {"event": "events_api", "interactive": "interactive", "command": "slash_commands"}


class PolledTelegram(PostedTelegram):
    """On Telegram, by getUpdates."""

    webhook_url = ""

    async def open(self) -> None:
        await super().open()
        self._listening = asyncio.create_task(self._receiver.run(self.product.dialogue.receive))

    async def close_all(self) -> None:
        self._listening.cancel()
        await asyncio.wait({self._listening})
        await super().close_all()

    def post(self, body: bytes) -> int:
        self.give([json.loads(body)])
        return 200

    def give(self, updates: Sequence[Any]) -> None:
        """The server has these, all at once; returns when it has been told that none of them is wanted again."""
        queue = self._emulator.state.updates

        async def pushed() -> None:
            for update in updates:
                await self._emulator.push_update(update)

        self._idle()
        before = self._polls
        self.run(pushed())
        waited(self, lambda: not queue.pending and queue.listening, f"{queue.pending} are still on the server")
        assert self._polls - before <= MOST_POLLS, f"fetched {self._polls - before} times"

    def answer(self, answers: Sequence[tuple[int, bytes]]) -> None:
        """The next polls are answered so, each with an HTTP status and a body; returns when polls work again."""
        self._idle()
        wanted = self._polls + len(answers) + 1
        for status, body in answers:
            self._emulator.faults.add(Fault(match="getUpdates", status=status, body=body))
        self.run(self._emulator.push_update({"update_id": NUDGE, "poll": {}}))
        queue = self._emulator.state.updates
        waited(
            self,
            lambda: self._polls >= wanted and not queue.pending and queue.listening,
            "it polls no more",
            LONGEST_PAUSE_S,
        )

    def proven(self) -> None:
        super().proven()
        assert not self._listening.done()
        gc.collect()  # a task whose error nobody saw says so when it goes
        assert self._unhandled == []

    def _idle(self) -> None:
        waited(self, lambda: self._emulator.state.updates.listening, "it does not poll")

    @property
    def _polls(self) -> int:
        return len(self._emulator.calls("getUpdates"))


class SocketSlack(PostedSlack):
    """On Slack, by Socket Mode."""

    async def open(self) -> None:
        await super().open()
        self._connection.app_token = self._emulator.app_token
        self._expected: Counter[str] = Counter()
        self._asked = 0
        self._listening = asyncio.create_task(self._receiver.run(self.product.dialogue.receive))
        await self._emulator.wait_for_sockets()

    async def close_all(self) -> None:
        self._listening.cancel()
        await asyncio.wait({self._listening})
        await super().close_all()

    def post(self, kind: str, payload: Any) -> int:
        """An envelope as Slack sends it; 200 when it was acknowledged."""

        async def acknowledged() -> None:
            await self._sockets.send(ENVELOPES[kind], json.loads(self.ours(payload)), timeout=LONGEST_S)

        self._connected(acknowledged)
        self.go()
        return 200

    def frame(self, message: Any) -> None:
        """Anything that comes over the socket: bytes as a binary frame, a text as it is, else as JSON. Whatever has an
        envelope id is to be acknowledged."""
        asks = isinstance(message, dict) and message.get("type") == "disconnect"
        if isinstance(message, dict) and isinstance(message.get("envelope_id"), str) and not asks:
            self._expected[message["envelope_id"]] += message.get("type") != "hello"
        sent = message if isinstance(message, bytes | str) else self.ours(message).decode()

        async def send() -> None:
            await self._sockets.send_raw(sent)

        self._connected(send)
        self._asked += asks
        if self._asked == MOST_SOCKETS:
            self.settled()

    def breaks(self, message: bytes | str) -> None:
        """A frame that ends the connection; before it, all is acknowledged."""
        self.settled()
        before = len(self._emulator.calls("apps.connections.open"))

        async def send() -> None:
            with contextlib.suppress(Unconnected):  # it ends before all of it is sent
                await self._sockets.send_raw(message)

        self._connected(send)
        waited(self, lambda: len(self._emulator.calls("apps.connections.open")) > before, "it comes for no other")
        waited(self, lambda: self._sockets.count == 1, "it does not come back")

    def settled(self) -> None:
        """All is acknowledged that has to be, and there is one connection."""
        waited(self, lambda: self._sockets.count > min(self._asked, 1), "it does not come back")
        assert self.post("event", {"type": "event_callback", "event": {"type": "unknown"}}) == 200
        waited(self, lambda: self._expected <= Counter(self._sockets.acknowledged), "not all is acknowledged")
        self.run(self._sockets.retire())
        waited(self, lambda: self._sockets.count == 1, "it does not let go")
        self._asked = 0

    def proven(self) -> None:
        self.settled()
        super().proven()
        assert not self._listening.done()
        gc.collect()  # a task whose error nobody saw says so when it goes
        assert self._unhandled == []

    def _connected(self, act: Callable[[], Any]) -> None:
        """Do it over a connection, as soon as there is one."""
        for _ in range(3):
            waited(self, lambda: self._sockets.ready, "it does not come back")
            try:
                self.run(act())
                return
            except Unconnected:
                continue
        raise AssertionError("no connection lasts")

    @property
    def _sockets(self) -> Sockets:
        return self._emulator.delivery.sockets


def waited(
    world: PostedTelegram | PostedSlack, true: Callable[[], object], what: str, pause_s: float = PAUSE_S
) -> None:
    """Return when it is so; `pause_s` seconds pass whenever nothing else happens. Raises AssertionError."""
    deadline = time.monotonic() + LONGEST_S
    for look in itertools.count(1):
        if true():
            break
        assert time.monotonic() < deadline, what
        world.run(asyncio.sleep(LOOK_AGAIN_S))
        if look % QUICKLY == 0:
            # Not `passes`, which waits until nobody has anything to do: what polls without a pause always has.
            until = world.clock.now() + timedelta(seconds=pause_s)
            while world.clock.wake(until):
                world.run(asyncio.sleep(0))
    world.go()
