"""Requests that Slack posts to us: who is believed, what is answered when, and how the receiver is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from adapters.slack import SlackConnection, SlackReceiver
from tests.adapters.slack.listening import Taken, listening, made, posted_to, running, until
from tests.adapters.slack.support import connected
from tests.clock import START, FakeClock
from tests.emulators.slack import Fault, SlackChannel, SlackEmulator, SlackUser
from tests.emulators.slack_delivery import signature_of

EVENT = b'{"type": "event_callback", "event": {"type": "message", "text": "a fox"}}'


@pytest.fixture
async def connection(slack: SlackEmulator) -> AsyncIterator[SlackConnection]:
    made = connected(slack)
    yield made
    await made.close()


@pytest.fixture
def held() -> FakeClock:
    """A clock that the test moves."""
    return FakeClock()


@pytest.fixture
def receiver(connection: SlackConnection, held: FakeClock) -> SlackReceiver:
    return made(connection, held)


async def test_forged_and_stale_requests(
    slack: SlackEmulator, receiver: SlackReceiver, anna: SlackUser, held: FakeClock
) -> None:
    taken = Taken()
    now = int(time.time())
    async with listening(slack, receiver, taken, socket=False):
        assert (await slack.post_raw(EVENT))[0] == 200
        assert (await slack.post_raw(EVENT, secret="another"))[0] == 401
        assert (await slack.post_raw(EVENT, timestamp=now - 400))[0] == 401
        assert (await slack.post_raw(EVENT, timestamp=now + 400))[0] == 401
        assert (await slack.post_raw(EVENT, signature=""))[0] == 401
        assert (await slack.post_raw(EVENT, signature="v0=" + "é" * 64))[0] == 401
        assert (await slack.post_raw(EVENT, signature=signature_of(b"{}", now, slack.signing_secret)))[0] == 401
        # What is not from Slack is not even read.
        assert (await slack.post_raw(b"\xff[" + b"[" * 100_000, secret="another"))[0] == 401
        assert (await slack.post_raw(b"ssl_check=1", secret="another"))[0] == 401
        await slack.direct(anna).say(anna, "a fox")
        await taken.message()
    assert len(taken.all) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Slack-Signature": "v0=00"},
        {"X-Slack-Request-Timestamp": "today", "X-Slack-Signature": "v0=00"},
        {"X-Slack-Request-Timestamp": "9" * 5_000, "X-Slack-Signature": "v0=00"},
    ],
)
async def test_requests_without_a_proper_signature(receiver: SlackReceiver, headers: dict[str, str]) -> None:
    assert (await receiver.handle(headers, EVENT, Taken())).status == 401


async def test_without_a_secret_nothing_is_taken(slack: SlackEmulator, connection: SlackConnection) -> None:
    with pytest.raises(ValueError, match="signing secret"):
        made(connection, FakeClock(), signing_secret=" ")
    connection.app_token = slack.app_token
    receiver = made(connection, FakeClock(), signing_secret="")
    now = int(time.time())
    headers = {"x-slack-request-timestamp": str(now), "x-slack-signature": signature_of(EVENT, now, "")}
    assert (await receiver.handle(headers, EVENT, Taken())).status == 401


async def test_bodies_that_cannot_be_read(slack: SlackEmulator, receiver: SlackReceiver) -> None:
    form = "application/x-www-form-urlencoded"
    async with listening(slack, receiver, Taken(), socket=False):
        for body in (b"\xff", b"{", b"[" * 100_000, b'{"a": ' * 100_000):
            assert (await slack.post_raw(body))[0] in (400, 401), body[:10]
        for body in (b"{", b"payload=%7B", b"payload=" + b"[" * 100_000):
            assert (await slack.post_raw(body, content_type=form))[0] == 400, body[:10]
        for body in (b"[]", b"5", b'{"team": 5}', b""):
            assert (await slack.post_raw(body))[0] == 200, body
        for body in (b"", b"payload=5", b"nothing=1", b"ssl_check=1&token=x"):
            assert (await slack.post_raw(body, content_type=form))[0] == 200, body


async def test_before_slack_says_who_the_bot_is(
    slack: SlackEmulator, receiver: SlackReceiver, anna: SlackUser, held: FakeClock
) -> None:
    slack.faults.add(Fault(match="auth.test", status=503, times=2))
    taken = Taken()
    assert receiver.healthy(START) == "Slack: not connected yet"
    async with posted_to(receiver, taken) as url, running(receiver, taken):
        slack.request_url = url
        await slack.wait_for_call("auth.test")
        assert "prove" not in await slack.verify_url()
        assert (await slack.post_raw(EVENT))[0] == 503
        await until(lambda: "auth.test fails" in receiver.healthy(held.now()))
        held.advance(1)
        await slack.wait_for_call("auth.test", count=2)
        await until(lambda: held.now() and receiver.healthy(held.now()))
        await asyncio.sleep(0.02)
        held.advance(2)
        await until(lambda: not receiver.healthy(held.now()))
        assert await slack.verify_url()
        assert (await slack.post_raw(EVENT))[0] == 200
    assert receiver.healthy(held.now()) == "Slack: stopped"


async def test_after_the_end_slack_is_told_to_come_again(
    slack: SlackEmulator, receiver: SlackReceiver, anna: SlackUser
) -> None:
    taken = Taken()
    async with posted_to(receiver, taken) as url:
        slack.request_url = url
        async with running(receiver, taken):
            await until(lambda: not receiver.healthy(START))
        assert (await slack.post_raw(EVENT))[0] == 503
    assert not taken.all


async def test_health_is_looked_at(
    slack: SlackEmulator, receiver: SlackReceiver, dm: SlackChannel, anna: SlackUser, held: FakeClock
) -> None:
    async with listening(slack, receiver, Taken(), socket=False):
        assert receiver.healthy(held.now()) == ""
        assert receiver.healthy(held.now() + timedelta(hours=1)).startswith("Slack: no answer since 2026-11-21")
        slack.faults.add(Fault(match="auth.test", body={"ok": False, "error": "invalid_auth"}))
        await asyncio.sleep(0.01)
        held.advance(300)
        await until(lambda: receiver.healthy(held.now()))
        assert "invalid_auth" in receiver.healthy(held.now())
        await asyncio.sleep(0.01)
        held.advance(1)
        await until(lambda: not receiver.healthy(held.now()))
    assert len(slack.calls("auth.test")) == 3


@pytest.fixture
def dm(slack: SlackEmulator, anna: SlackUser) -> SlackChannel:
    return slack.direct(anna)
