"""kill -9 on Slack around what comes in: a message, a command, a press, a form. It is answered once and orders once."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.emulators.brain import slow_brain
from tests.emulators.slack import SlackEmulator
from tests.faults.ends import ending, started, status_of
from tests.faults.slack_play import SlackPlay
from tests.faults.slack_points import COMMANDED, FILLED_IN, PRESSED, UNANSWERED, Asking, Commanding, Interacting
from tests.faults.test_slack_killed import brought
from tests.program.services import slack_world

AGAIN_S = (0.1, 0.5, 1.0)
"""When Slack tells of an event again that was not acknowledged, in seconds."""
THINKS_S = 0.2
"""How long the model takes, so that a process that ends when it has acknowledged something has not answered yet."""


@pytest.mark.parametrize("asking", UNANSWERED, ids=lambda asking: asking.name)
async def test_a_message_is_answered_after_the_start(tmp_path: Path, asking: Asking) -> None:
    slack = SlackEmulator(retry_after=AGAIN_S)
    async with slack_world(tmp_path, transport=asking.transport, slack=slack) as outside:
        outside.google.brain = slow_brain(THINKS_S)
        play = SlackPlay(outside)
        for starts, place in enumerate(asking.at):
            async with ending(outside, place) as program:
                if not starts:
                    await play.say()
                assert await status_of(program) == -signal.SIGKILL
        async with started(outside) as last:
            if asking.cards > 1:
                await play.two_cards()
            await play.card()
            await slack.delivered()
            await play.pause()
            assert len(play.cards) == len(play.replies) == asking.cards, play.transcript
            assert play.orders == 0
            assert await last.stop() == 0


async def test_a_card_that_came_twice_orders_once(tmp_path: Path) -> None:
    asking = next(asking for asking in UNANSWERED if asking.cards > 1)
    async with slack_world(tmp_path) as outside:
        play = SlackPlay(outside)
        async with ending(outside, asking.at[0]) as first:
            await play.say()
            await status_of(first)
        async with started(outside) as second:
            for card in await play.two_cards():
                await play.tap(card, times=1)
            await play.told("ordered already")
            # Two cards, the status, the clip and a word about the second tap.
            await brought(play, replies=5)
            assert await second.stop() == 0


@pytest.mark.parametrize("commanding", COMMANDED, ids=lambda commanding: commanding.name)
async def test_a_command_gets_one_thread_with_one_card(tmp_path: Path, commanding: Commanding) -> None:
    async with slack_world(tmp_path, transport=commanding.transport) as outside:
        play = SlackPlay(outside)
        for starts, place in enumerate(commanding.at):
            async with ending(outside, place) as program:
                if not starts:
                    assert await play.command() == commanding.acknowledged
                assert await status_of(program) == -signal.SIGKILL
        async with started(outside) as last:
            if not commanding.stored:
                assert await play.command()
            card = await play.card()
            await play.pause()
            empty = len(play.empty_threads)
            assert empty <= commanding.empty, play.transcript
            assert len(play.cards) == 1, play.transcript
            assert len(play.replies) == 2 + empty, play.transcript
            await play.tap(card, times=2)
            await play.told("ordered already")
            await play.done()
            assert play.clips[0].thread_ts == card.thread_ts
            assert play.orders == len(play.clips) == 1
            assert play.ledger == {"hold": 1, "capture": 1}
            assert await last.stop() == 0


@pytest.mark.parametrize("pressing", PRESSED, ids=lambda pressing: pressing.name)
async def test_a_press_that_is_repeated_orders_once(tmp_path: Path, pressing: Interacting) -> None:
    async with slack_world(tmp_path) as outside:
        outside.google.brain = slow_brain(THINKS_S)
        play = SlackPlay(outside)
        for starts, place in enumerate(pressing.at):
            async with ending(outside, place) as program:
                if not starts:
                    await play.say()
                card = await play.card()
                action = play.main_action(card)
                assert await play.pressed(card, "Make it") == pressing.acknowledged
                assert await status_of(program) == -signal.SIGKILL
        async with started(outside) as last:
            # Slack shows a warning sign, and never tells of the press again; people press again.
            await play.tap(card, times=2, action=action)
            await play.told("ordered already")
            await play.done()
            assert play.orders == len(play.clips) == 1, play.transcript
            assert play.clip_is_whole
            assert play.ledger == {"hold": 1, "capture": 1}
            assert await last.stop() == 0


@pytest.mark.parametrize("filling", FILLED_IN, ids=lambda filling: filling.name)
async def test_a_form_changes_the_card_once(tmp_path: Path, filling: Interacting) -> None:
    async with slack_world(tmp_path) as outside:
        play = SlackPlay(outside)
        for starts, place in enumerate(filling.at):
            async with ending(outside, place) as program:
                if not starts:
                    await play.say()
                    await play.open_form(await play.card())
                if not starts or not filling.acknowledged:
                    # A form that was not taken is still open, and says so.
                    assert await play.fill_in() == filling.acknowledged
                assert await status_of(program) == -signal.SIGKILL
        async with started(outside) as last:
            if not filling.acknowledged:
                assert await play.fill_in()
            card = await play.told("8 s")
            await play.pause()
            assert len(play.cards) == len(play.replies) == 1, play.transcript
            await play.press(card, "Make it")
            await brought(play, replies=3)
            assert "8s" in str(outside.google.omni.orders[0].body)
            assert await last.stop() == 0
