"""kill -9 while a clip is brought into its thread on Slack: one clip, one order, one charge."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.emulators.google import Clip
from tests.faults.ends import ending, started, status_of
from tests.faults.padding import padded
from tests.faults.slack_play import SlackPlay
from tests.faults.slack_points import COMPLETE, KILLED, REDIRECTED, WORKED_ON_S, Bringing, Redirected
from tests.faults.test_killed import delivered
from tests.program.services import SlackWorld, slack_world

LARGE = 24 << 20
"""Bytes; more than the machine keeps of a connection that nobody reads."""


def prepare(outside: SlackWorld, point: Bringing, folder: Path) -> None:
    """What Slack and the clip are like while the first process runs."""
    for fault in point.trouble:
        outside.slack.faults.add(fault)
    if point.large:
        outside.google.omni.next(Clip(path=padded(folder / "large.mp4", LARGE)))


async def brought(play: SlackPlay, *, replies: int) -> None:
    """One clip in the thread that it was asked for in, whole, and one charge."""
    await delivered(play, orders=1, replies=replies)
    assert play.clip_is_whole
    assert all(message.thread_ts for message in play.replies), play.transcript
    assert not play.asked, play.transcript


@pytest.mark.parametrize("point", KILLED, ids=lambda point: point.name)
async def test_killed_and_started_again(tmp_path: Path, point: Bringing) -> None:
    async with slack_world(tmp_path, slack=point.slack()) as outside:
        prepare(outside, point, tmp_path)
        play = SlackPlay(outside)
        async with ending(outside, point.at) as first:
            await play.order()
            assert await status_of(first) == -signal.SIGKILL
        async with started(outside, later_s=point.later_s) as second:
            await brought(play, replies=point.replies)
            assert len(play.left_behind) <= 1, play.transcript
            assert await second.stop() == 0


@pytest.mark.parametrize("point", REDIRECTED, ids=lambda point: point.name)
async def test_killed_on_the_way_to_the_person_alone(tmp_path: Path, point: Redirected) -> None:
    async with slack_world(tmp_path) as outside:
        outside.google.omni.hold()
        play = SlackPlay(outside)
        async with ending(outside, point.at) as first:
            await play.order()
            await play.told("Filming")
            play.remove_bot()
            outside.google.omni.release()
            assert await status_of(first) == -signal.SIGKILL
        async with started(outside, later_s=9.0) as second:
            clip = await play.brought_directly()
            assert play.clips == [clip], play.transcript
            assert play.clip_is_whole
            assert play.orders == 1
            assert play.ledger == {"hold": 1, "capture": 1}
            assert await second.stop() == 0
