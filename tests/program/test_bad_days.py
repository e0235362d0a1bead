"""Bad days through the whole program: what the person sees, what is ordered, and what is charged."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from tests.clock import SwiftClock
from tests.emulators.brain import brain
from tests.emulators.faults import Fault
from tests.emulators.google import Clip, Empty, Failure, Raw, Refusal
from tests.emulators.google_gemini import GenerateCall
from tests.program.running import running
from tests.program.services import Provider, World, world
from tests.program.test_main_job import RICH, card_for, clip_in, orders, sent_bytes

BOTH = ["omni", "veo"]


def services(outside: World, provider: Provider) -> Any:
    """The emulated service behind a provider."""
    return outside.google.omni if provider == "omni" else outside.google.veo


ORDER_CALL = {"omni": "interactions.create", "veo": "veo.predictLongRunning", "veo-inline": "veo.predictLongRunning"}


async def test_a_message_is_acknowledged_at_once_while_the_model_thinks(tmp_path: Path) -> None:
    async with world(tmp_path) as outside, running(outside, DIALOGUE_TIMEOUT_S="30"):
        thinking, go_on = asyncio.Event(), asyncio.Event()

        async def think(call: GenerateCall) -> dict[str, Any]:
            thinking.set()
            await go_on.wait()
            return await brain(call)

        outside.google.brain = think
        await outside.telegram.wait_for_call("getUpdates", answered=False)
        ann = outside.telegram.user("Ann")
        chat = outside.telegram.private(ann)
        for text in (RICH, "make it 6 seconds"):
            began = time.monotonic()
            seen = len(outside.telegram.calls("sendChatAction"))
            await chat.say(ann, text)
            await outside.telegram.wait_for_call("sendChatAction", count=seen + 1)
            assert outside.telegram.calls("sendChatAction")[seen].at - began < 1.0
            await thinking.wait()
            assert not [message for message in chat.messages if message.from_bot]
        go_on.set()
        card = await chat.wait_for("Make it")
        assert "6 s" in (card.text or ""), "what came while it was thinking is folded into the turn"


@pytest.mark.parametrize("trouble", ["down", "slow", "garbage"])
async def test_without_gemini_the_person_still_gets_a_video(tmp_path: Path, trouble: str) -> None:
    async with world(tmp_path) as outside, running(outside, DIALOGUE_TIMEOUT_S="0.2"):
        google = outside.google
        if trouble == "down":
            google.faults.add(Fault(match="generateContent", status=503, times=None))
        elif trouble == "slow":
            google.faults.add(Fault(match="generateContent", delay=30.0, times=None))
        else:
            google.brain = lambda call: Raw("I would rather talk about the weather {")
        ann = outside.telegram.user("Ann")
        chat = outside.telegram.private(ann)
        card = await card_for(chat, ann)
        await chat.wait_for("word by word")
        await chat.press(ann, card, "Make it")
        if trouble == "slow":
            google.faults.clear()
        clip = await clip_in(chat)
        assert clip.video is not None
        assert len(orders(google)) == 1


@pytest.mark.parametrize("provider", BOTH)
async def test_429_is_waited_out_as_told(tmp_path: Path, provider: Provider) -> None:
    clock = SwiftClock()
    async with world(tmp_path, provider=provider) as outside, running(outside, clock=clock):
        call = ORDER_CALL[provider]
        outside.google.faults.add(Fault(match=call, status=429, retry_after=4, times=1))
        ann = outside.telegram.user("Ann")
        chat = outside.telegram.private(ann)
        await chat.press(ann, await card_for(chat, ann), "Make it")
        await clip_in(chat)
        first, second = outside.google.calls(call)
        assert (second.at - first.at) * clock.factor >= 4.0
        assert len(orders(outside.google)) == 1


@pytest.mark.parametrize("provider", BOTH)
@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Failure(code=13, message="The renderer broke down"), "did not work out"),
        (Refusal("This shows something we do not make"), "declined to film"),
        (Empty(), "did not work out"),
        (Clip(black=True), "it is black"),
    ],
)
async def test_no_good_clip_ends_in_plain_words_and_no_charge(
    tmp_path: Path, provider: Provider, outcome: Any, words: str
) -> None:
    async with world(tmp_path, provider=provider) as outside, running(outside):
        services(outside, provider).next(outcome)
        ann = outside.telegram.user("Ann")
        chat = outside.telegram.private(ann)
        await chat.press(ann, await card_for(chat, ann), "Make it")
        told = await chat.wait_for(words)
        assert "You were not charged" in (told.text or "")
        labels = [button.text for button in told.buttons]
        assert "Take idea 2" in labels if words == "declined to film" else "Retry" in labels
        assert len(orders(outside.google)) == 1
        assert not [message for message in chat.messages if message.video is not None]


@pytest.mark.parametrize(
    ("provider", "fault"),
    [
        ("omni", Fault(match="interactions.create", drop="after", times=1)),
        ("omni", Fault(match="interactions.create", malformed=True, times=1)),
        ("veo-inline", Fault(match="veo.predictLongRunning", drop="after", times=1)),
    ],
)
async def test_a_lost_answer_is_told_and_never_ordered_again(tmp_path: Path, provider: Provider, fault: Fault) -> None:
    async with world(tmp_path, provider=provider) as outside, running(outside):
        outside.google.faults.add(fault)
        ann = outside.telegram.user("Ann")
        chat = outside.telegram.private(ann)
        await chat.press(ann, await card_for(chat, ann), "Make it")
        told = await chat.wait_for("never arrived")
        assert len(orders(outside.google)) == 1
        await chat.press(ann, told, "Order again")
        await clip_in(chat)
        assert len(orders(outside.google)) == 2


async def test_a_lost_answer_is_found_again_below_the_output_address(tmp_path: Path) -> None:
    async with world(tmp_path, provider="veo") as outside, running(outside):
        outside.google.faults.add(Fault(match="veo.predictLongRunning", drop="after", times=1))
        ann = outside.telegram.user("Ann")
        chat = outside.telegram.private(ann)
        await chat.press(ann, await card_for(chat, ann), "Make it")
        clip = await clip_in(chat)
        assert clip.video is not None
        assert len(orders(outside.google)) == 1


@pytest.mark.parametrize("provider", BOTH)
async def test_polls_and_downloads_that_fail_are_repeated(tmp_path: Path, provider: Provider) -> None:
    async with world(tmp_path, provider=provider) as outside, running(outside):
        google = outside.google
        for match in ("interactions.get", "veo.fetchPredictOperation", "files.download", "storage.download"):
            google.faults.add(Fault(match=match, status=503, times=1))
        ann = outside.telegram.user("Ann")
        chat = outside.telegram.private(ann)
        await chat.press(ann, await card_for(chat, ann), "Make it")
        clip = await clip_in(chat)
        assert sent_bytes(outside, clip) == google.clip_bytes(orders(google)[0])
        assert len(orders(google)) == 1


async def test_cancel_reaches_the_service(tmp_path: Path) -> None:
    async with world(tmp_path) as outside, running(outside):
        google = outside.google
        google.omni.hold()
        ann = outside.telegram.user("Ann")
        chat = outside.telegram.private(ann)
        await chat.press(ann, await card_for(chat, ann), "Make it")
        status = await chat.wait_for("Filming")
        await chat.press(ann, status, "Cancel")
        question = await chat.wait_for("you pay nothing")
        assert google.calls("interactions.cancel") == []
        await chat.press(ann, question, "Stop it")
        await chat.wait_for("You were not charged")
        assert len(google.calls("interactions.cancel")) == 1
        assert len(orders(google)) == 1


async def test_telegrams_rate_limit_is_obeyed_and_the_clip_arrives(tmp_path: Path) -> None:
    async with world(tmp_path) as outside, running(outside, clock=SwiftClock()):
        telegram = outside.telegram
        ann = telegram.user("Ann")
        chat = telegram.private(ann)
        card = await card_for(chat, ann)
        for method in ("sendMessage", "editMessageMedia", "editMessageText"):
            telegram.faults.add(Fault(match=method, status=429, retry_after=1, times=1))
        await chat.press(ann, card, "Make it")
        clip = await clip_in(chat)
        assert clip.video is not None
        assert len([message for message in chat.messages if message.video is not None]) == 1


async def test_a_kicked_bot_keeps_the_clip_and_charges_nothing(tmp_path: Path) -> None:
    async with world(tmp_path) as outside, running(outside):
        telegram, google = outside.telegram, outside.google
        ann = telegram.user("Ann")
        group = telegram.group("Film club", members=[ann])
        said = await group.say(ann, f"@reelbot {RICH}")
        card = await group.wait_for("Make it", after=said)
        google.omni.hold()
        await group.press(ann, card, "Make it")
        await telegram.wait_for_call("sendMessage", count=2)
        group.set_bot(member=False)
        google.omni.release()
        await asyncio.wait_for(_undeliverable(tmp_path), 20)
        assert len(orders(google)) == 1


async def test_a_kicked_bot_brings_the_clip_to_a_private_chat_that_was_started(tmp_path: Path) -> None:
    async with world(tmp_path) as outside, running(outside):
        telegram, google = outside.telegram, outside.google
        ann = telegram.user("Ann")
        group, private = telegram.group("Film club", members=[ann]), telegram.private(ann)
        said = await group.say(ann, f"@reelbot {RICH}")
        card = await group.wait_for("Make it", after=said)
        google.omni.hold()
        await group.press(ann, card, "Make it")
        await telegram.wait_for_call("sendMessage", count=2)
        group.set_bot(member=False)
        google.omni.release()
        clip = await clip_in(private)
        assert "could not post it where you asked" in (clip.caption or "")
        assert len(orders(google)) == 1


async def _undeliverable(folder: Path) -> None:
    import sqlite3

    while True:
        with sqlite3.connect(folder / "data" / "reelbot.db") as database:
            statuses = [row[0] for row in database.execute("select status from generations")]
            kinds = {row[0] for row in database.execute("select kind from ledger")}
        if statuses == ["undeliverable"] and "release" in kinds:
            assert "capture" not in kinds
            return
        await asyncio.sleep(0.05)
