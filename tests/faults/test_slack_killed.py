"""kill -9 while a clip is brought into its thread on Slack: one clip, one order, one charge."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from tests.emulators.google import Clip
from tests.faults.ends import ending, started, status_of
from tests.faults.padding import padded
from tests.faults.slack_play import SlackPlay
from tests.faults.slack_points import COMPLETE, KILLED, REDIRECTED, STREAMING, UPLOAD, Bringing
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


async def settled(outside: SlackWorld, point: Bringing) -> None:
    """Return when Slack is through with the completions that it worked on, and all that they share can be seen."""
    async with asyncio.timeout(10.0):
        while point.trouble and outside.slack.calls(COMPLETE)[0].result is None:  # noqa: ASYNC110 - a journal
            await asyncio.sleep(0.05)
    await outside.slack.delivered()


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
        for starts, place in enumerate(point.at):
            async with ending(outside, place, later_s=starts * point.later_s) as program:
                if not starts:
                    await play.order()
                assert await status_of(program) == -signal.SIGKILL
        async with started(outside, later_s=len(point.at) * point.later_s) as last:
            await play.done()
            await settled(outside, point)
            await brought(play, replies=point.replies)
            assert len(play.left_behind) <= len(point.at), play.transcript
            broken = [call for call in outside.slack.calls(UPLOAD) if call.error == "the request broke off"]
            assert len(broken) == point.at.count(STREAMING)
            assert await last.stop() == 0


async def test_killed_on_the_way_to_the_person_alone(tmp_path: Path) -> None:
    async with slack_world(tmp_path) as outside:
        outside.google.omni.hold()
        play = SlackPlay(outside)
        for starts, place in enumerate(REDIRECTED):
            async with ending(outside, place, later_s=starts * 9.5) as program:
                if not starts:
                    await play.order()
                    await play.told("Filming")
                    play.remove_bot()
                    outside.google.omni.release()
                assert await status_of(program) == -signal.SIGKILL
        async with started(outside, later_s=len(REDIRECTED) * 9.5) as last:
            clip = await play.brought_directly()
            assert play.clips == [clip], play.transcript
            assert play.clip_is_whole
            assert play.orders == 1
            assert play.ledger == {"hold": 1, "capture": 1}
            assert await last.stop() == 0
