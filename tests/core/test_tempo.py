"""How fast somebody may talk, in one process and over several: what is too fast waits, and is told once a minute."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from core.tempo import Tempo
from tests.clock import START, FakeClock
from tests.core.test_conversation_to_clip import RICH
from tests.pace import VirtualPace
from tests.stage import BOB, Stage

QUICK = "You are quick!"


def told(stage: Stage) -> int:
    """How often somebody was told that they are too fast."""
    return sum(QUICK in shown.text for shown in stage.platform.shown)


# --- one process -----------------------------------------------------------------------------------------------------


async def test_so_many_turns_a_minute() -> None:
    tempo = Tempo(3)
    assert [await tempo.wait("ann", START) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert await tempo.wait("ann", START) == pytest.approx(60.0)
    assert await tempo.wait("ann", START + timedelta(seconds=20)) == pytest.approx(40.0), "who waits reserves nothing"
    assert await tempo.wait("ann", START + timedelta(seconds=60)) == 0.0
    assert [await tempo.tell(who, START) for who in ("ann", "ann", "bob")] == [True, False, True]
    assert await tempo.wait("bob", START) == 0.0
    assert await Tempo(0).wait("ann", START) == 0.0


async def test_one_process_that_shares_with_nobody_counts_as_it_did_alone() -> None:
    clock = FakeClock()
    tempo = Tempo(3, VirtualPace(clock))
    turns = 0
    for _ in range(60):
        turns += await tempo.wait("ann", clock.now()) == 0.0
        clock.advance(1.0)
    assert turns == 3, "the shared pace alone would give two more within the minute"


# --- several processes -----------------------------------------------------------------------------------------------


async def test_several_processes_give_one_person_no_more_than_one_would() -> None:
    clock = FakeClock()
    pace = VirtualPace(clock)
    tempos = [Tempo(6, pace) for _ in range(3)]
    assert [await tempos[number % 3].wait("ann", clock.now()) for number in range(6)] == [0.0] * 6
    assert [await tempo.wait("ann", clock.now()) for tempo in tempos] == [pytest.approx(10.0)] * 3
    assert await tempos[0].wait("bob", clock.now()) == 0.0
    clock.advance(10.0)
    waits = [await tempo.wait("ann", clock.now()) for tempo in tempos]
    assert waits == [0.0, pytest.approx(10.0), pytest.approx(10.0)], "whom the others keep waiting reserves nothing"
    turns = 0
    for _ in range(300):
        clock.advance(1.0)
        turns += sum([await tempo.wait("ann", clock.now()) == 0.0 for tempo in tempos])
    assert turns == 30


async def test_a_turn_that_the_others_refuse_is_not_counted_here_either() -> None:
    clock = FakeClock()
    pace = VirtualPace(clock)
    here, there = Tempo(2, pace), Tempo(2, pace)
    assert [await there.wait("ann", clock.now()) for _ in range(2)] == [0.0, 0.0]
    assert [await here.wait("ann", clock.now()) for _ in range(5)] == [pytest.approx(30.0)] * 5


async def test_of_several_processes_one_says_so_once_a_minute() -> None:
    clock = FakeClock()
    pace = VirtualPace(clock)
    tempos = [Tempo(6, pace) for _ in range(3)]
    assert [await tempo.tell("ann", clock.now()) for tempo in tempos] == [True, False, False]
    assert await tempos[1].tell("bob", clock.now())
    clock.advance(60.0)
    assert [await tempo.tell("ann", clock.now()) for tempo in tempos] == [True, False, False]


async def test_when_nobody_can_be_asked_each_process_goes_on_by_its_own_count() -> None:
    clock = FakeClock()
    pace = VirtualPace(clock)
    pace.away = True
    tempo = Tempo(2, pace)
    assert [await tempo.wait("ann", clock.now()) for _ in range(2)] == [0.0, 0.0]
    assert await tempo.wait("ann", clock.now()) == pytest.approx(60.0)
    assert await tempo.tell("ann", clock.now())


# --- in the product --------------------------------------------------------------------------------------------------


async def test_what_another_gateway_heard_counts_and_nothing_is_lost(stage: Stage) -> None:
    stage.turns_per_minute, stage.pace = 2, VirtualPace(stage.clock)
    stage.wire()
    for text in (RICH, "make it 6 seconds"):
        await stage.say(text)
    assert not told(stage)
    await stage.stop()
    stage.wire()  # another gateway, which has heard nothing of them
    await stage.say("no sound please")
    assert told(stage) == 1
    async with asyncio.timeout(10):
        # It is read once its time has come.
        while "no sound" not in (card := stage.platform.with_button("Make it")).text:  # noqa: ASYNC110 - a journal
            await asyncio.sleep(0.005)
    assert "6 s" in card.text
    await stage.say(RICH, person=BOB)
    assert told(stage) == 1


async def test_a_message_is_counted_once_and_taps_are_not(stage: Stage) -> None:
    pace = VirtualPace(stage.clock)
    stage.turns_per_minute, stage.pace = 20, pace
    stage.wire()
    await stage.say(RICH)
    assert len(pace.asked) == 1
    await stage.press(stage.platform.with_button("Make it"), "Make it")
    await stage.finished()
    assert len(pace.asked) == 1


async def test_a_pace_that_is_away_silences_nobody(stage: Stage) -> None:
    pace = VirtualPace(stage.clock)
    pace.away = True
    stage.turns_per_minute, stage.pace = 20, pace
    stage.wire()
    await stage.say(RICH)
    assert stage.platform.with_button("Make it")
