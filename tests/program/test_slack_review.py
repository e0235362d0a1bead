"""A clip that is looked at before it is posted, through the whole program: Bolt and the real SDKs over real sockets."""

from __future__ import annotations

from pathlib import Path

from core import texts
from tests.emulators.slack import SlackChannel, SlackMessage
from tests.program.running import ready, running
from tests.program.services import slack_world
from tests.program.test_slack import RICH, Thread, orders


async def clip_to_look_at(direct: SlackChannel) -> SlackMessage:
    """The clip as a reviewer is shown it."""
    return await direct.wait_for(
        lambda message: bool(message.files) and any(one.label == texts.approvals.PASS for one in message.buttons)
    )


async def test_the_channel_sees_a_clip_once_a_member_of_the_group_lets_it_pass(tmp_path: Path) -> None:
    async with slack_world(tmp_path) as outside:
        slack, google = outside.slack, outside.google
        ann, bob, cid, dan = (slack.user(name) for name in ("Ann", "Bob", "Cid", "Dan"))
        group = slack.user_group("producers", members=[cid, dan, ann])
        channel = slack.channel("film-club", members=[ann, bob])
        # The reviewers are on no list; that they were named is enough to decide.
        async with running(
            outside,
            REVIEW_BEFORE_POST="true",
            APPROVERS=f"slack:{group.id}",
            SLACK_ALLOWED_USERS=f"{ann.id},{bob.id}",
        ):
            await ready(outside)
            thread = Thread(channel, await channel.say(ann, f"@reelbot {RICH}"), ann, bob)
            card = await thread.wait("Make it")
            assert "Somebody looks at the clip before it is posted here." in card.said
            await channel.press(ann, card, "Make it")
            shown = [await clip_to_look_at(slack.direct(one)) for one in (cid, dan)]
            assert f"<@{ann.id}> asked for it on Slack" in shown[0].said
            assert thread.clips == []
            assert not any(message.files for message in slack.direct(ann).messages)

            await slack.direct(cid).press(cid, shown[0], texts.approvals.PASS)
            clip = await thread.clip()
            (order,) = orders(google)
            assert slack.file_bytes(clip.files[0].id) == google.clip_bytes(order)
            await thread.wait("Done")
            await slack.direct(dan).wait_for(f"<@{cid.id}> let v1 be posted")

            late = await slack.direct(dan).press(dan, shown[1], "Not this")
            await slack.direct(dan).wait_for("let v1 be posted", after=late)
            assert len(thread.clips) == 1
