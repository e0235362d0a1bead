"""The whole program after an outage: it says so where something is open, once, and reads back what it missed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.emulators.faults import Fault
from tests.emulators.slack_delivery import EVENT
from tests.program.running import ready, running
from tests.program.services import slack_world, world
from tests.program.test_main_job import RICH, card_for, clip_in


class LaterClock:
    """The machine's clock, so much later: as if nothing had run meanwhile."""

    def __init__(self, later: timedelta) -> None:
        self._later = later

    def now(self) -> datetime:
        return datetime.now(UTC) + self._later

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def test_on_telegram_it_is_said_once_and_before_the_clip(tmp_path: Path) -> None:
    async with world(tmp_path, provider="omni") as outside:
        ann, bob = outside.telegram.user("Ann"), outside.telegram.user("Bob")
        chat, other = outside.telegram.private(ann), outside.telegram.private(bob)
        async with running(outside, VIDEO_POLL_MIN_S="60", VIDEO_POLL_MAX_S="60"):
            await other.say(bob, "/help")
            await other.wait_for("Tell me your idea")
            await chat.press(ann, await card_for(chat, ann), "Make it")
            await chat.wait_for("Filming")
        for later in (timedelta(hours=1), timedelta(hours=1, minutes=5)):
            async with running(outside, clock=LaterClock(later)):
                await clip_in(chat)
        said = [message for message in chat.messages if message.from_bot and "I was away" in message.said]
        clips = [message for message in chat.messages if message.video is not None]
        assert len(said) == len(clips) == 1
        assert said[0].id < clips[0].id
        assert not any("I was away" in message.said for message in other.messages)


async def test_a_thread_on_slack_is_read_back(tmp_path: Path) -> None:
    async with slack_world(tmp_path, provider="animatic") as outside:
        slack = outside.slack
        anna = slack.user("Anna")
        channel = slack.channel("film-club", members=[anna])
        async with running(outside):
            await ready(outside)
            said = await channel.say(anna, f"@reelbot {RICH}")
            await channel.wait_for("Make it", after=said)
        slack.faults.add(Fault(match=EVENT, drop="before", times=None))  # Slack has given up handing it over
        await channel.say(anna, "make it 6 seconds long", thread=said)
        async with running(outside, clock=LaterClock(timedelta(minutes=30))):
            await channel.wait_for("I was away", after=said)
            call = await slack.wait_for_call("conversations.replies")
            assert call.params["ts"] == said.ts
            await channel.wait_for(lambda message: "6 s · " in message.said, after=said)
