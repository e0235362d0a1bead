"""Whatever getUpdates gives: nothing ends the polling, nothing is fetched for ever, and the next good message is
answered."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tests.adapters.telegram.support import update
from tests.fuzz.connected import PolledTelegram
from tests.fuzz.damage import any_value, nested
from tests.fuzz.telegram_shapes import any_update
from tests.fuzz.test_telegram_updates import BODIES
from tests.fuzz.volume import BATCH, PATIENT, tries

pytestmark = PATIENT


def _answer(result: Any) -> tuple[int, bytes]:
    return 200, json.dumps({"ok": True, "result": result}).encode()


def _refusal(status: int, **parameters: Any) -> tuple[int, bytes]:
    told = {"ok": False, "error_code": status, "description": "No", "parameters": parameters}
    return status, json.dumps(told).encode()


WAITS: tuple[Any, ...] = (
    0, -1, 1, 1e308, float("inf"), float("-inf"), float("nan"), 10**400, -(10**400), True, None, "5", [], {},
)  # fmt: skip
"""Seconds that a server may ask for, and what is no span of time."""
NO_BATCH = (
    *((200, body) for body in (*BODIES, b'{"ok": false}', b"<html>")),
    (200, b'{"ok": true, "result": [NaN, {"update_id": 1e999}]}'),
    *map(_answer, (None, {}, "updates", True, [None], [[]], [None] * 20_000, ["x" * 100_000] * 40, "x" * (17 << 20))),
    _answer(nested(900, objects=False)),
    _answer([update() | {"update_id": value} for value in (0, -1, None, "7", 7.0, True, 2**53, 10**30)]),
    _answer([update() | {"update_id": 2**53 - 1}, update() | {"update_id": 1}]),
    *map(_refusal, (302, 400, 401, 404, 409, 413, 429, 500, 502)), (500, b""), (429, b"[" * 50_000),
    *(_refusal(429, retry_after=asked) for asked in WAITS),
)  # fmt: skip
"""Answers to a poll that are no batch of updates."""


@tries(8, 1 / BATCH)
@example([update(date=-62_135_596_800), update(date=253_402_300_799) | {"update_id": 2}], [1], [0, 1, 0])
@example([None, 5, "x", [], {}, {"update_id": None}, {"update_id": 2**53}], [3], [])
@example([update() | {"update_id": number} for number in (9, 9, 3, 400, 2**53 - 1, 5)], [1, 2, 4, 5], [0, 3])
@given(
    st.lists(any_update, min_size=BATCH, max_size=BATCH),
    st.lists(st.integers(1, BATCH - 1), max_size=4),
    st.lists(st.integers(0, BATCH - 1), max_size=4),
)
def test_the_next_good_message_is_answered(updates: list[Any], cuts: list[int], again: list[int]) -> None:
    """`cuts`: where one batch ends and the next begins. `again`: which updates come once more, in another order."""
    with PolledTelegram() as world:
        ends = [0, *sorted({cut for cut in cuts if cut < len(updates)}), len(updates)]
        for start, end in pairwise(ends):
            world.give(updates[start:end])
        world.give([updates[place] for place in again if place < len(updates)])
        world.proven()


def test_polls_that_are_answered_with_no_batch() -> None:
    with PolledTelegram() as world:
        for answer in NO_BATCH:
            world.answer([answer])
        world.answer(NO_BATCH)
        world.proven()


@tries(2, 0.01)
@given(
    st.lists(
        any_value.map(_answer)
        | st.lists(any_update, max_size=5).map(_answer)
        | st.builds(
            _refusal, st.sampled_from([400, 409, 429, 500]), retry_after=any_value, migrate_to_chat_id=any_value
        )
        | st.tuples(st.sampled_from([200, 404, 429]), any_value.map(json.dumps).map(str.encode)),
        max_size=10,
    )
)
def test_polls_that_are_answered_with_anything(answers: list[tuple[int, bytes]]) -> None:
    with PolledTelegram() as world:
        world.answer(answers)
        world.proven()
