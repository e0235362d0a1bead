"""SIGTERM on Slack: a clean stop in time, after which nothing is missing or there twice, and nobody is asked."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.faults.ends import Served, ending, started, status_of
from tests.faults.slack_play import SlackPlay
from tests.faults.slack_points import OPENING, POST, STOPPED, Bringing
from tests.faults.test_slack_killed import brought, prepare
from tests.faults.test_stopped import WITHIN_S
from tests.program.services import slack_world


@pytest.mark.parametrize("point", STOPPED, ids=lambda point: point.name)
async def test_stopped_and_started_again(tmp_path: Path, point: Bringing) -> None:
    async with slack_world(tmp_path, slack=point.slack()) as outside:
        prepare(outside, point, tmp_path)
        play = SlackPlay(outside)
        for place in point.at:
            async with ending(outside, place, signal.SIGTERM) as first:
                await play.order()
                began = time.monotonic()
                assert await status_of(first) == 0
                assert time.monotonic() - began < WITHIN_S
        async with started(outside) as second:
            await brought(play, replies=point.replies)
            assert not play.left_behind, play.transcript
            assert await second.stop() == 0


async def test_stopped_before_the_answer(tmp_path: Path) -> None:
    async with slack_world(tmp_path) as outside:
        play = SlackPlay(outside)
        async with ending(outside, Served(service="slack", call=POST), signal.SIGTERM) as first:
            await play.say()
            assert await status_of(first) == 0
        async with started(outside) as second:
            await play.card()
            await play.pause()
            assert len(play.cards) == len(play.replies) == 1, play.transcript
            assert await second.stop() == 0


async def test_stopped_while_a_command_gets_its_thread(tmp_path: Path) -> None:
    async with slack_world(tmp_path) as outside:
        play = SlackPlay(outside)
        async with ending(outside, OPENING, signal.SIGTERM) as first:
            assert await play.command()
            assert await status_of(first) == 0
        async with started(outside) as second:
            await play.card()
            await play.pause()
            assert len(play.cards) == len(play.roots) == 1, play.transcript
            assert not play.empty_threads, play.transcript
            assert await second.stop() == 0
