"""How it is noticed that somebody was answered."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from tests.benchmarks.talking import SCRIPT, Crowd, Person, answered, listening
from tests.emulators.telegram_updates import Signal


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    params: dict[str, Any]
    at: float


class _Somebody(Person):
    async def _send(self, text: str) -> None:
        pass


class _Crowd(Crowd):
    place = "chat"

    def newcomer(self) -> Person:
        return _Somebody(self, self.named())


class _Platform:
    def __init__(self) -> None:
        self.journal: list[_Call] = []
        self.changes = Signal()
        self.crowd = _Crowd(self.journal, self.changes, ["send"] * len(SCRIPT))

    def called(self, method: str, chat: str, at: float) -> None:
        self.journal.append(_Call(method, {"chat": chat}, at))
        self.changes.notify()


async def test_the_answer_is_the_first_call_of_its_kind_in_the_same_chat() -> None:
    platform = _Platform()
    async with listening(platform.crowd):
        await asyncio.sleep(0)
        turn = await platform.crowd.newcomer().say()
        platform.called("type", "Ann1", turn.said_at + 1)
        platform.called("send", "Ann2", turn.said_at + 2)
        platform.called("send", "Ann1", turn.said_at + 3)
        platform.called("send", "Ann1", turn.said_at + 4)
        assert await answered([turn], 1.0)
    assert turn.took_s == pytest.approx(3.0)


async def test_a_turn_that_is_given_up_took_as_long_as_it_was_waited_for() -> None:
    platform = _Platform()
    async with listening(platform.crowd):
        await asyncio.sleep(0)
        turn = await platform.crowd.newcomer().say()
        with pytest.raises(ValueError, match="waited for"):
            _ = turn.took_s
        assert not await answered([turn], 0.01)
        took_s = turn.took_s
        platform.called("send", "Ann1", turn.said_at + 5)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert took_s == turn.took_s >= 0.01
    assert turn.answered_at is None
