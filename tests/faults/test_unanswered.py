"""kill -9 between a message and its answer: it is answered after the next start, once; taps around it order once."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.faults.ends import Saved, Served, ending, started, status_of
from tests.faults.play import TelegramPlay
from tests.faults.points import UNANSWERED, Asking
from tests.faults.test_killed import delivered
from tests.program.services import world

TWO_WISHES = (
    "1. a red fox trotting through fresh snow at sunrise, cinematic, 4 seconds\n"
    "2. a grey owl gliding over a misty lake at night, cinematic, 4 seconds"
)


@pytest.mark.parametrize("asking", UNANSWERED, ids=lambda asking: asking.name)
async def test_a_message_is_answered_after_the_start(tmp_path: Path, asking: Asking) -> None:
    async with world(tmp_path, transport=asking.transport) as outside:
        play = TelegramPlay(outside)
        async with ending(outside, asking.at) as first:
            await play.say()
            assert await status_of(first) == -signal.SIGKILL
        async with started(outside) as second:
            if asking.cards > 1:
                await play.two_cards()
            await play.card()
            await play.pause()
            assert len(play.cards) == len(play.replies) == asking.cards, play.transcript
            assert play.orders == 0
            assert await second.stop() == 0


@pytest.mark.parametrize("side", ["before", "after"])
async def test_two_taps_around_a_kill_order_once(tmp_path: Path, side: str) -> None:
    async with world(tmp_path) as outside:
        play = TelegramPlay(outside)
        async with ending(outside, Saved(side="before" if side == "before" else "after", facts="queued+turn")) as first:
            await play.say()
            card = await play.card()
            await play.tap(card, times=2)
            assert await status_of(first) == -signal.SIGKILL
        await play.tap(card, times=1)
        async with started(outside) as second:
            await play.told("ordered already")
            # The card, the status, the clip, and a word about each of the two taps that ordered nothing.
            await delivered(play, orders=1, replies=5)
            assert await second.stop() == 0


async def test_a_card_that_came_twice_orders_once(tmp_path: Path) -> None:
    asking = next(asking for asking in UNANSWERED if asking.cards > 1)
    async with world(tmp_path) as outside:
        play = TelegramPlay(outside)
        async with ending(outside, asking.at) as first:
            await play.say()
            await status_of(first)
        async with started(outside) as second:
            for card in await play.two_cards():
                await play.tap(card, times=1)
            await play.told("ordered already")
            await play.done()
            assert play.orders == 1
            assert len(play.clips) == 1
            assert await second.stop() == 0


async def test_of_two_answers_only_the_lost_one_is_sent_again(tmp_path: Path) -> None:
    second_card = Served(service="telegram", call="sendMessage", saying="v2", lost=True)
    async with world(tmp_path) as outside:
        play = TelegramPlay(outside)
        async with ending(outside, second_card) as first:
            await play.say(TWO_WISHES)
            assert await status_of(first) == -signal.SIGKILL
        assert len(play.cards) == 1
        async with started(outside) as second:
            await play.two_cards()
            await play.pause()
            assert len(play.cards) == len(play.replies) == 2, play.transcript
            assert await second.stop() == 0
