"""kill -9 between the tap and the end: one order and one clip, or one order and a question."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.faults.ends import ending, started, status_of
from tests.faults.play import Play, TelegramPlay
from tests.faults.points import KILLED, OMNI, Point
from tests.program.running import process
from tests.program.services import World, world


def prepare(outside: World, point: Point) -> None:
    """What the service is like while the first process runs."""
    for fault in point.trouble:
        outside.google.faults.add(fault)
    if point.held:
        outside.google.omni.hold()
        outside.google.veo.hold()


def release(outside: World) -> None:
    """What the service is like for the second one."""
    outside.google.omni.release()
    outside.google.veo.release()


async def delivered(play: Play[Any], *, orders: int, replies: int) -> None:
    """One clip and one charge, whatever else there was."""
    await play.done()
    assert play.orders == orders, play.transcript
    assert len(play.clips) == 1, play.transcript
    assert len(play.replies) == replies, play.transcript
    assert play.ledger == {"hold": 1, "capture": 1}


async def dropped(play: Play[Any], *, orders: int, replies: int) -> None:
    """No clip and no charge."""
    await play.told("is cancelled")
    await play.pause()
    assert play.orders == orders, play.transcript
    assert not play.clips, play.transcript
    assert len(play.replies) == replies, play.transcript
    assert play.ledger == {"hold": 1, "release": 1}


@pytest.mark.parametrize("point", KILLED, ids=lambda point: point.name)
async def test_killed_and_started_again(tmp_path: Path, point: Point) -> None:
    async with world(tmp_path, provider=point.provider) as outside:
        prepare(outside, point)
        play = TelegramPlay(outside)
        async with ending(outside, point.at) as first:
            await play.order()
            assert await status_of(first) == -signal.SIGKILL
        release(outside)
        async with started(outside) as second:
            if point.asked:
                await play.told("never arrived")
                await play.pause()
                assert play.orders == point.orders, "an order was repeated without a tap"
                assert not play.clips
                assert play.ledger == {"hold": 1}
                await play.choose(point.asked)
            if point.asked == "Drop it":
                await dropped(play, orders=point.orders, replies=5)
            else:
                again = point.orders + 1 if point.asked else point.orders
                await delivered(play, orders=again, replies=5 if point.asked else 3 + point.repeated)
            assert len(play.asked) == (1 if point.asked else 0), play.transcript
            assert len(play.left_behind) <= 1, play.transcript
            assert await second.stop() == 0


async def test_an_order_whose_answer_was_lost_is_delivered_when_its_clip_turns_up(tmp_path: Path) -> None:
    point = next(point for point in KILLED if point.name == "veo-the-answer-is-lost")
    async with world(tmp_path, provider=point.provider) as outside:
        play = TelegramPlay(outside)
        outside.google.veo.hold()
        async with ending(outside, point.at) as first:
            await play.order()
            await status_of(first)
        async with started(outside) as second:
            await play.told("never arrived")
            release(outside)
            await delivered(play, orders=1, replies=4)
            await play.choose("Order again")
            await delivered(play, orders=1, replies=6)
            assert len(play.asked) == 1, play.transcript
            assert await second.stop() == 0


async def test_the_wait_after_a_429_counts_across_the_start(tmp_path: Path) -> None:
    point = next(point for point in KILLED if point.name == "waiting-out-a-429")
    async with world(tmp_path) as outside:
        prepare(outside, point)
        play = TelegramPlay(outside)
        async with ending(outside, point.at) as first:
            await play.order()
            await status_of(first)
        async with started(outside):
            await play.done()
        refused, accepted = outside.google.calls(OMNI)
        assert accepted.at - refused.at >= 1.0


async def test_the_delivered_bytes_are_the_services(tmp_path: Path) -> None:
    point = next(point for point in KILLED if point.name == "downloading")
    async with world(tmp_path) as outside:
        play = TelegramPlay(outside)
        async with ending(outside, point.at) as first:
            await play.order()
            await status_of(first)
        async with started(outside):
            await play.done()
        video = play.clips[0].video
        assert video is not None
        assert outside.telegram.file_bytes(video.file_id) == outside.google.clip_bytes(outside.google.omni.orders[0])


async def test_a_new_interpreter_goes_on_as_well(tmp_path: Path) -> None:
    async with world(tmp_path) as outside:
        play = TelegramPlay(outside)
        outside.google.omni.hold()
        async with process(outside) as first:
            await first.start()
            await play.order()
            await play.told("Filming")
            first.kill()
            assert await first.ended() == -signal.SIGKILL
        release(outside)
        async with process(outside) as second:
            await second.start()
            await delivered(play, orders=1, replies=3)
            assert await second.stop() == 0
