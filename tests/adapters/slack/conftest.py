"""An emulated workspace with the adapter connected to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adapters.slack import SlackConnection, SlackPlatform
from tests.adapters.slack.support import connected
from tests.clock import FakeClock
from tests.emulators.slack import SlackChannel, SlackEmulator, SlackMessage, SlackUser


@pytest.fixture
async def slack() -> AsyncIterator[SlackEmulator]:
    async with SlackEmulator() as emulator:
        yield emulator


@pytest.fixture
async def clock() -> AsyncIterator[FakeClock]:
    async with FakeClock() as running:
        yield running


@pytest.fixture
async def connection(slack: SlackEmulator) -> AsyncIterator[SlackConnection]:
    made = connected(slack)
    await made.identify()
    yield made
    await made.close()


@pytest.fixture
def platform(connection: SlackConnection, clock: FakeClock) -> SlackPlatform:
    return SlackPlatform(connection, clock=clock)


@pytest.fixture
def anna(slack: SlackEmulator) -> SlackUser:
    return slack.user("Anna")


@pytest.fixture
def channel(slack: SlackEmulator, anna: SlackUser) -> SlackChannel:
    return slack.channel("videos", members=[anna])


@pytest.fixture
async def asked(channel: SlackChannel, anna: SlackUser) -> SlackMessage:
    """The message that a thread hangs on."""
    return await channel.say(anna, "@reelbot a red fox")
