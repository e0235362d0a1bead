"""Approval by a Slack user group through the whole program: Bolt and the real SDKs over real sockets."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from bot.clock import SystemClock
from core import texts
from core.approvers import FRESH_FOR
from tests.emulators.slack import SlackChannel, SlackMessage
from tests.program.running import ready, running
from tests.program.services import slack_world
from tests.program.test_slack import RICH, Thread, orders


class SetForward(SystemClock):
    """The machine's time, which can be set forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        """The time by this clock, in UTC."""
        return super().now() + self.ahead


def has(message: SlackMessage, label: str) -> bool:
    """Whether the message has this button."""
    return any(button.label == label for button in message.buttons)


async def asked_in(direct: SlackChannel) -> SlackMessage:
    """The card that an approver is asked with."""
    return await direct.wait_for(lambda message: has(message, texts.approvals.APPROVE))


async def test_a_member_of_the_user_group_approves(tmp_path: Path) -> None:
    async with slack_world(tmp_path) as outside:
        slack, google = outside.slack, outside.google
        ann, bob, cid, dan = (slack.user(name) for name in ("Ann", "Bob", "Cid", "Dan"))
        group = slack.user_group("producers", members=[cid, dan, ann])
        channel = slack.channel("film-club", members=[ann, bob, cid])
        async with running(outside, APPROVAL_ABOVE_USD="0.01", APPROVERS=f"slack:{group.id}"):
            await ready(outside)
            thread = Thread(channel, await channel.say(ann, f"@reelbot {RICH}"), ann, bob)
            await channel.press(ann, await thread.wait("Make it"), "Make it")
            waiting = await thread.wait(texts.approvals.WITHDRAW)
            assert "asked 2 people" in waiting.said
            cards = [await asked_in(slack.direct(one)) for one in (cid, dan)]
            assert f"<@{ann.id}> asks for a video" in cards[0].said
            assert orders(google) == []

            approve = next(button for button in cards[0].buttons if button.label == texts.approvals.APPROVE)
            # Somebody who is no member cannot, wherever they got the button from; nor can who asked for the video,
            # though a member.
            for other in (bob, ann):
                await channel.press_raw(other, waiting, approve.value)
                await channel.wait_for_whisper(other, "Only those who were asked")
            assert orders(google) == []
            assert all(not message.from_bot for message in slack.direct(bob).messages)

            await slack.direct(cid).press(cid, cards[0], texts.approvals.APPROVE)
            clip = await thread.clip()
            assert clip.thread_ts == thread.root.ts
            assert slack.file_bytes(clip.files[0].id) == google.clip_bytes(orders(google)[0])
            await thread.wait(f"<@{cid.id}> approved v1")
            await thread.wait("Done")

            late = await slack.direct(dan).wait_for(lambda message: "approved v1" in message.said)
            assert (late.ts, late.buttons) == (cards[1].ts, ())
            again = await slack.direct(dan).press_raw(dan, late, approve.value)
            await slack.direct(dan).wait_for("approved v1", after=again)
            assert len(orders(google)) == 1
            assert len(thread.clips) == 1


async def test_who_has_left_the_user_group_cannot_approve(tmp_path: Path) -> None:
    async with slack_world(tmp_path) as outside:
        slack, google = outside.slack, outside.google
        ann, cid, dan = (slack.user(name) for name in ("Ann", "Cid", "Dan"))
        group = slack.user_group("producers", members=[cid, dan])
        direct = slack.direct(ann)
        clock = SetForward()
        async with running(outside, clock=clock, APPROVAL_ABOVE_USD="0.01", APPROVERS=f"slack:{group.id}"):
            await ready(outside)
            thread = Thread(direct, await direct.say(ann, RICH), ann, ann)
            await direct.press(ann, await thread.wait("Make it"), "Make it")
            cards = {one.id: await asked_in(slack.direct(one)) for one in (cid, dan)}
            group.members.remove(cid)
            clock.ahead += FRESH_FOR
            left = slack.direct(cid)
            pressed = await left.press(cid, cards[cid.id], texts.approvals.APPROVE)
            await left.wait_for("Only those who were asked", after=pressed)
            assert orders(google) == []
            await slack.direct(dan).press(dan, cards[dan.id], texts.approvals.APPROVE)
            await thread.clip()
            assert len(orders(google)) == 1
