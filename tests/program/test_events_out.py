"""Events out through the whole program: in order, once each, whatever the receiver and the machine do."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path

from bot.clock import SystemClock
from core.events import WAITS_S
from storage.store import SqlStore
from tests.emulators.google import Failure
from tests.emulators.webhook_receiver import SECRET, Answer, Got, WebhookReceiver
from tests.faults.forked import command
from tests.program.running import ROOT, process, running
from tests.program.services import World, world
from tests.program.test_main_job import RICH, card_for, clip_in

WAY = ["queued", "submitting", "processing", "downloading", "delivering", "completed"]
TIMEOUT_S = 0.5


def events_to(receiver: WebhookReceiver) -> dict[str, str]:
    """Settings that lead a program to the receiver."""
    return {
        "WEBHOOK_URL": receiver.url,
        "WEBHOOK_SECRET": SECRET,
        "WEBHOOK_ALLOW_PRIVATE": "true",
        "WEBHOOK_TIMEOUT_S": str(TIMEOUT_S),
    }


def statuses(got: list[Got]) -> list[str]:
    """What was told, one after the other."""
    return [one.status_told for one in got]


def reelbot(outside: World, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command beside the program."""
    environment = {**os.environ, **outside.environment, **variables}
    return command(*arguments, folder=ROOT, environment=environment)


async def test_an_order_is_told_from_its_tap_to_its_clip(tmp_path: Path) -> None:
    async with world(tmp_path) as outside, WebhookReceiver() as receiver:
        async with running(outside, clock=None, **events_to(receiver)):
            ann = outside.telegram.user("Ann")
            chat = outside.telegram.private(ann)
            card = await card_for(chat, ann)
            assert receiver.got == []
            await chat.press(ann, card, "Make it")
            await clip_in(chat)
            got = await receiver.until_told("completed")
        assert statuses(got) == WAY
        assert len({one.id for one in got}) == len(WAY)
        assert [one.payload["type"].partition(".")[2] for one in got] == ["started", *["progress"] * 4, "completed"]
        times = [one.payload["timestamp"] for one in got]
        assert times == sorted(times)
        held = got[0].payload["data"]["held_micros"]
        assert held > 0
        assert [one.payload["data"]["held_micros"] for one in got] == [held] * 5 + [0]
        assert [one.payload["data"]["charged_micros"] for one in got] == [0] * 5 + [held]
        assert {one.payload["data"]["requester"] for one in got} == {f"telegram:{ann.id}"}
        told = json.dumps([one.payload for one in got])
        assert not any(word in told for word in ("fox", "snow", "Ann", RICH))
        assert not receiver.forged


class Movable(SystemClock):
    """The machine's time, put forward by so many seconds."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.ahead_s)


async def test_a_receiver_that_fails_twice_gets_the_same_event_a_third_time(tmp_path: Path) -> None:
    clock = Movable()
    async with world(tmp_path) as outside, WebhookReceiver() as receiver:
        receiver.answers = [Answer(), Answer(status=500), Answer(status=500)]
        async with running(outside, clock=clock, **events_to(receiver)):
            outside.google.omni.next(Failure(code=13, message="The renderer broke down"))
            ann = outside.telegram.user("Ann")
            chat = outside.telegram.private(ann)
            await chat.press(ann, await card_for(chat, ann), "Make it")
            await chat.wait_for("did not work out")
            for tries, wait_s in enumerate(WAITS_S[:2], 1):
                await failed(outside, tries)
                assert len(receiver.got) == 1 + tries, "nothing overtakes what was not taken"
                clock.ahead_s += wait_s
            got = await receiver.until_told("failed")
        assert statuses(got) == ["queued", "submitting", "processing", "failed"]
        assert len({one.id for one in receiver.got[1:4]}) == 1
        assert got[-1].payload["data"]["reason"] == "failed"


async def failed(outside: World, tries: int) -> None:
    """Return when the program has saved that many failed tries of an event."""
    store = SqlStore(f"sqlite:///{Path(outside.environment['DATA_DIR']) / 'reelbot.db'}")
    async with asyncio.timeout(20):
        while all(kept.attempts < tries for kept in await store.events.listed(given_up=False, limit=10)):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await store.close()


async def test_kill_9_while_an_event_is_on_its_way_loses_none(tmp_path: Path) -> None:
    async with world(tmp_path) as outside, WebhookReceiver() as receiver:
        receiver.answers = [Answer(never=True), *[Answer()] * 5, Answer(never=True)]
        async with process(outside, **events_to(receiver)) as program:
            await program.start()
            ann = outside.telegram.user("Ann")
            chat = outside.telegram.private(ann)
            await chat.press(ann, await card_for(chat, ann), "Make it")
            for requests in (1, 7):
                await receiver.until(requests)
                program.kill()
                await program.ended()
                await program.start()
            got = await receiver.until_told("completed")
            await clip_in(chat)
        assert statuses(got) == WAY
        repeated = [[one.status_told for one in group] for _, group in groupby(receiver.got, key=lambda one: one.id)]
        assert repeated == [["queued"] * 2, *[[status] for status in WAY[1:-1]], ["completed"] * 2]
        assert not receiver.forged


async def test_a_dead_letter_is_listed_and_told_again_under_its_id(tmp_path: Path) -> None:
    async with world(tmp_path) as outside, WebhookReceiver() as receiver:
        receiver.answers = [Answer(status=410)]
        async with running(outside, clock=None, **events_to(receiver)):
            ann = outside.telegram.user("Ann")
            chat = outside.telegram.private(ann)
            await chat.press(ann, await card_for(chat, ann), "Make it")
            got = await receiver.until_told("completed")
            assert statuses(got) == WAY[1:], "the others do not wait for what nobody wants"
            dead = receiver.got[0]
            listed = await asyncio.to_thread(reelbot, outside, "events", "list", "--dead")
            assert [line.split()[:3] for line in listed.stdout.splitlines()[1:2]] == [
                [dead.id, "v1", "generation.started"]
            ]
            replayed = await asyncio.to_thread(reelbot, outside, "events", "replay", "--all-dead")
            assert replayed.stdout.startswith("1 event is told again")
            got = await receiver.until_told("queued")
        assert (got[-1].id, got[-1].payload) == (dead.id, dead.payload)
        none = await asyncio.to_thread(reelbot, outside, "events", "list", "--dead")
        assert none.stdout == "Nothing was given up.\n"


async def test_without_leave_nothing_goes_inside_and_the_bot_works_on(tmp_path: Path) -> None:
    async with world(tmp_path) as outside, WebhookReceiver() as receiver:
        inside = f"https://localhost:{receiver.port}/hooks"
        settings = {**events_to(receiver), "WEBHOOK_URL": inside, "WEBHOOK_ALLOW_PRIVATE": "false"}
        async with running(outside, clock=None, **settings):
            ann = outside.telegram.user("Ann")
            chat = outside.telegram.private(ann)
            await chat.press(ann, await card_for(chat, ann), "Make it")
            await clip_in(chat)
            await failed(outside, 1)
        assert receiver.connections == []
