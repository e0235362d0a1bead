"""SIGTERM between the tap and the end: a clean stop in time, after which nothing is missing and nobody is asked."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.faults.ends import Served, ending, started, status_of
from tests.faults.play import TelegramPlay
from tests.faults.points import ANSWERING, STOPPED, THINKING, Point
from tests.faults.test_killed import delivered, prepare, release
from tests.program.services import world

WITHIN_S = 10.0


@pytest.mark.parametrize("point", STOPPED, ids=lambda point: point.name)
async def test_stopped_and_started_again(tmp_path: Path, point: Point) -> None:
    async with world(tmp_path, provider=point.provider) as outside:
        prepare(outside, point)
        play = TelegramPlay(outside)
        async with ending(outside, point.at, signal.SIGTERM) as first:
            await play.order()
            began = time.monotonic()
            assert await status_of(first) == 0
            assert time.monotonic() - began < WITHIN_S
        release(outside)
        async with started(outside) as second:
            await delivered(play, orders=point.orders, replies=3 + point.repeated)
            assert not play.asked, play.transcript
            assert not play.left_behind, play.transcript
            assert await second.stop() == 0


@pytest.mark.parametrize("place", [THINKING, ANSWERING], ids=["gemini-thinks", "answering"])
async def test_stopped_before_the_answer(tmp_path: Path, place: Served) -> None:
    async with world(tmp_path) as outside:
        play = TelegramPlay(outside)
        async with ending(outside, place, signal.SIGTERM) as first:
            await play.say()
            assert await status_of(first) == 0
        async with started(outside) as second:
            await play.card()
            await play.pause()
            assert len(play.replies) == 1, play.transcript
            assert await second.stop() == 0
