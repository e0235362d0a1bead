"""After an outage: who is told, once, and before what; and what is read back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from core import texts
from core.absence import Absence
from core.errors import PermanentError, TemporaryError
from core.generation import RUNNING
from core.messages import ConversationKey
from core.ports import Receive, Running
from core.repositories import Changes
from tests.clock import START
from tests.stage import BOB, HERE, Stage

RICH = "a red fox trotting through fresh snow at sunrise, cinematic, 4 seconds"
THERE = replace(HERE, chat="2")
DONE = replace(HERE, chat="3")


class Reads:
    """Remembers what it was asked to read, and fails as a test says."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.asked: list[tuple[str, datetime]] = []

    async def __call__(self, key: ConversationKey, since: datetime, receive: Receive) -> None:
        self.asked.append((key.chat, since))
        if self.errors:
            raise self.errors.pop(0)


def absence(stage: Stage, reads: Reads | None = None, *, platforms: tuple[str, ...] = ("fake",)) -> Absence:
    """As a program makes it that starts."""
    return Absence(
        presence=stage.store,
        generations=stage.store,
        outbox=stage.product.outbox,
        platforms=platforms,
        read_back={"fake": reads} if reads else {},
        receive=stage.dialogue.receive,
        clock=stage.clock,
    )


def told(stage: Stage) -> list[str]:
    """The chats in which it was said, in order."""
    return [one.post.key.chat for one in stage.platform.shown if one.post and "I was away" in one.text]


async def opened(stage: Stage) -> None:
    """A card here, a question there, and something finished elsewhere."""
    await absence(stage).look()
    await stage.say(RICH)
    await stage.say("make me a video of a fox", person=BOB, key=THERE)
    await stage.say(RICH, key=DONE)
    await stage.press(stage.platform.last, "Cancel", key=DONE)


async def test_those_with_something_open_are_told_once(stage: Stage) -> None:
    await opened(stage)
    since = stage.clock.now()
    stage.clock.advance(3600)
    for _ in range(3):
        await absence(stage).look()
    assert sorted(told(stage)) == ["1", "2"]
    said = next(one.text for one in stage.platform.shown if "I was away" in one.text)
    assert said == texts.talk.away(START, stage.clock.now())
    assert f"from {since:%H:%M} to {stage.clock.now():%H:%M} UTC" in said
    stage.clock.advance(3600)
    await absence(stage).look()
    assert sorted(told(stage)) == ["1", "1", "2", "2"]


async def test_a_short_break_and_a_first_start_are_not_worth_a_word(stage: Stage) -> None:
    await opened(stage)
    running = absence(stage)
    await running.look()
    for seconds in (590, 590, 40, 590):
        stage.clock.advance(seconds)
        await running.look()
    stage.clock.advance(590)
    await absence(stage).look()
    assert told(stage) == []


async def test_several_videos_in_one_place_are_one_sentence(stage: Stage) -> None:
    await opened(stage)
    await stage.say("new", command="new")
    await stage.say(RICH)
    stage.clock.advance(3600)
    await absence(stage).look()
    assert sorted(told(stage)) == ["1", "2"]


async def test_a_place_that_is_not_connected_is_left_alone(stage: Stage) -> None:
    await opened(stage)
    stage.clock.advance(3600)
    await absence(stage, platforms=("telegram",)).look()
    assert told(stage) == []
    assert await stage.store.unsent_keys(stage.clock.now()) == ()


async def test_of_two_that_start_together_one_says_it(stage: Stage) -> None:
    await opened(stage)
    stage.clock.advance(3600)
    before = await stage.store.last_alive(stage.clock.now())
    await asyncio.gather(absence(stage).look(), absence(stage).look())
    assert sorted(told(stage)) == ["1", "2"]
    assert not await stage.store.alive(stage.clock.now(), before, Changes(at=stage.clock.now()))


async def test_it_is_said_before_what_finished_meanwhile_is_delivered(stage: Stage) -> None:
    await absence(stage).look()
    await stage.say(RICH)
    stage.provider.on_poll = [Running()] * 10_000
    await stage.press(stage.platform.last, "Make it")
    await stage.stop()
    assert (await stage.generation()).status in RUNNING
    stage.clock.advance(3600)
    stage.provider.on_poll.clear()
    stage.wire()
    await absence(stage).look()
    assert told(stage) == ["1"]  # before anything else is begun
    await stage.product.listen()
    await stage.product.recover()
    await stage.finished()
    kinds = ["clip" if one.delivery else "away" for one in stage.platform.shown if one.delivery or "I was" in one.text]
    assert kinds == ["away", "clip"]


async def test_what_was_missed_is_read_back_where_something_is_open(stage: Stage) -> None:
    await opened(stage)
    kept = await stage.store.last_alive(stage.clock.now())
    assert kept is not None
    stage.clock.advance(3600)
    reads = Reads(TemporaryError(retry_after=3), PermanentError("not_in_channel"))
    looking = absence(stage, reads)
    await looking.look()
    async with asyncio.timeout(5):
        while len(reads.asked) < 3:  # noqa: ASYNC110 - what is looked at has no event
            await asyncio.sleep(0.005)
    await looking.stop()
    assert sorted(chat for chat, _ in reads.asked) in (["1", "1", "2"], ["1", "2", "2"])
    assert {since for _, since in reads.asked} == {kept.at - timedelta(seconds=30)}


@pytest.mark.parametrize(
    ("hours", "words"), [(1, "from 12:00 to 13:00 UTC"), (30, "from 21 Nov 12:00 to 22 Nov 18:00 UTC")]
)
def test_the_times_are_said_with_the_days_where_they_differ(hours: int, words: str) -> None:
    assert words in texts.talk.away(START, START + timedelta(hours=hours))
