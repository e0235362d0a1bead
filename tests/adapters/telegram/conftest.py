"""An emulated server with the adapter connected to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adapters.telegram import TelegramConnection, TelegramPlatform
from tests.adapters.telegram.support import FakeClock
from tests.emulators.telegram import TelegramEmulator


@pytest.fixture
async def tg() -> AsyncIterator[TelegramEmulator]:
    async with TelegramEmulator() as emulator:
        yield emulator


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def connection(tg: TelegramEmulator) -> AsyncIterator[TelegramConnection]:
    connected = TelegramConnection(token=tg.token, api_url=tg.url, timeout_s=5.0, loopback_only=True)
    yield connected
    await connected.close()


@pytest.fixture
def platform(connection: TelegramConnection, clock: FakeClock) -> TelegramPlatform:
    return TelegramPlatform(connection, clock=clock)
