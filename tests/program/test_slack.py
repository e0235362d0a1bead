"""The main job on Slack through the whole program: Bolt and the real SDKs over real sockets, on both transports."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from core import texts
from core.money import dollars
from tests.emulators.brain import WRITTEN
from tests.emulators.google import GoogleEmulator
from tests.emulators.google_orders import Order
from tests.emulators.slack import SlackChannel, SlackMessage, SlackUser
from tests.program.running import ready, running
from tests.program.services import Provider, SlackTransport, SlackWorld, slack_world

RICH = "a red fox trotting through fresh snow at sunrise, cinematic, 4 seconds"
VAGUE = "make me a video of a fox"

Where = Literal["dm", "channel", "command", "shortcut"]

MATRIX: list[tuple[Provider, SlackTransport, Where]] = [
    (provider, transport, where)
    for provider in ("omni", "veo")
    for transport in ("socket", "http")
    for where in ("dm", "channel", "command")
]


def orders(google: GoogleEmulator) -> list[Order]:
    """Every video order that either service accepted."""
    return [*google.omni.orders, *google.veo.orders]


@dataclass
class Thread:
    """Where a wish was put, and who put it."""

    channel: SlackChannel
    root: SlackMessage
    ann: SlackUser
    bob: SlackUser

    @property
    def bots(self) -> list[SlackMessage]:
        """What the bot said in the thread."""
        return [message for message in self.channel.thread(self.root) if message.from_bot]

    @property
    def clips(self) -> list[SlackMessage]:
        """The clips in the thread."""
        return [message for message in self.bots if message.files]

    async def wait(self, wanted: str) -> SlackMessage:
        """The message of the bot in this thread with these words or this button."""
        found = await self.channel.wait_for(
            lambda message: (
                message.from_bot
                and self.root.ts in (message.thread_ts, message.ts)
                and (wanted in message.said or any(button.label.startswith(wanted) for button in message.buttons))
            )
        )
        assert found.thread_ts == self.root.ts or found.ts == self.root.ts
        return found

    async def clip(self) -> SlackMessage:
        """The clip, once it is in the thread."""
        return await self.channel.wait_for(lambda message: message.from_bot and bool(message.files), timeout=20.0)


async def wished(outside: SlackWorld, where: Where, text: str) -> Thread:
    """Ann puts a wish somewhere."""
    slack = outside.slack
    await ready(outside)
    ann, bob = slack.user("Ann"), slack.user("Bob")
    if where == "dm":
        channel = slack.direct(ann)
        return Thread(channel, await channel.say(ann, text), ann, bob)
    channel = slack.channel("film-club", members=[ann, bob])
    if where == "channel":
        return Thread(channel, await channel.say(ann, f"@reelbot {text}"), ann, bob)
    if where == "shortcut":
        said = await channel.say(bob, text)
        await channel.shortcut(ann, said)
        return Thread(channel, said, ann, bob)
    answer = await channel.command(ann, text)
    assert answer.status == 200
    assert texts.places.ON_IT in answer.text
    return Thread(channel, await channel.wait_for("asked for a video"), ann, bob)


async def card_in(thread: Thread) -> SlackMessage:
    """The card, after whatever is asked is left to the bot."""
    while True:
        shown = await thread.channel.wait_for(
            lambda message: any(button.label.startswith(("You decide", "Make it")) for button in message.buttons)
        )
        if any(button.label.startswith("Make it") for button in shown.buttons):
            return shown
        await thread.channel.press(thread.ann, shown, "You decide")
        await thread.channel.wait_for(
            lambda message, asked=shown: message.ts == asked.ts and not message.buttons  # type: ignore[misc]
        )


@pytest.mark.parametrize(("provider", "transport", "where"), MATRIX)
async def test_from_a_sentence_to_the_clip(
    tmp_path: Path, provider: Provider, transport: SlackTransport, where: Where
) -> None:
    async with slack_world(tmp_path, provider=provider, transport=transport) as outside, running(outside):
        slack, google = outside.slack, outside.google
        thread = await wished(outside, where, VAGUE)
        asked = await thread.wait("You decide")
        assert orders(google) == []
        card = await card_in(thread)
        assert asked.ts != card.ts
        make_it = next(button for button in card.buttons if button.label.startswith("Make it"))
        price = make_it.label.split(" · ")[1]
        assert price != dollars(0)
        assert card.thread_ts == thread.root.ts

        if where != "dm":
            await thread.channel.press(thread.bob, card, "Make it")
            await thread.channel.wait_for_whisper(thread.bob, "can decide about")
            assert orders(google) == []

        await thread.channel.press(thread.ann, card, "Make it")
        clip = await thread.clip()
        assert clip.thread_ts == thread.root.ts
        assert len(orders(google)) == 1
        assert slack.file_bytes(clip.files[0].id) == google.clip_bytes(orders(google)[0])
        assert price in clip.said
        assert "v1" in clip.said
        assert f"<@{thread.ann.id}>" in clip.said
        assert ("Omni" if provider == "omni" else "Veo") in clip.said
        assert {"Another take", "Details", "Delete"} <= {button.label for button in clip.buttons}
        assert WRITTEN in str(google.omni.orders[0].body if provider == "omni" else google.veo.orders[0].body)

        await thread.wait("Done")
        await thread.channel.press_raw(thread.ann, card, make_it.value)
        await thread.wait("ordered already")
        assert len(orders(google)) == 1
        assert len(thread.clips) == 1
        elsewhere = [one for one in thread.channel.messages if one.from_bot and one not in thread.bots]
        assert [one for one in elsewhere if one.ts != thread.root.ts] == []


@pytest.mark.parametrize("where", ["dm", "channel", "command", "shortcut"])
async def test_a_detailed_wish_gets_no_question(tmp_path: Path, where: Where) -> None:
    async with slack_world(tmp_path) as outside, running(outside):
        thread = await wished(outside, where, RICH)
        await thread.wait("Make it")
        assert len([message for message in thread.bots if message.ts != thread.root.ts]) == 1


async def test_each_event_delivered_three_times_makes_one_turn(tmp_path: Path) -> None:
    async with slack_world(tmp_path) as outside, running(outside):
        outside.slack.repeat_events = 3
        thread = await wished(outside, "channel", RICH)
        card = await thread.wait("Make it")
        await thread.channel.press(thread.ann, card, "Make it")
        await thread.clip()
        await thread.wait("Done")
        assert len([one for one in thread.bots if one.ts == card.ts or "Make it" in str(one.buttons)]) == 1
        assert len(orders(outside.google)) == 1
        assert len(thread.clips) == 1


async def test_three_people_in_one_thread(tmp_path: Path) -> None:
    async with slack_world(tmp_path) as outside, running(outside):
        slack = outside.slack
        ann, bob, cid = slack.user("Ann"), slack.user("Bob"), slack.user("Cid")
        channel = slack.channel("film-club", members=[ann, bob, cid])
        root = await channel.say(ann, f"@reelbot {RICH}")
        thread = Thread(channel, root, ann, bob)
        card = await thread.wait("Make it")
        said_before = len(thread.bots)

        await channel.say(bob, f"<@{cid.id}> did you have lunch already?", thread=root)
        await channel.say(cid, "yes, soup", thread=root)
        suggested = await channel.say(bob, "make it 6 seconds", thread=root)
        offer = await channel.wait_for("Use it", after=suggested)
        assert f"<@{bob.id}> suggests" in offer.said
        assert len(thread.bots) == said_before + 1, channel.transcript()
        assert "4 s" in card.said

        for other in (bob, cid):
            await channel.press(other, offer, "Use it")
            await channel.wait_for_whisper(other, "can decide about")
        await channel.press(bob, card, "Make it")
        assert orders(outside.google) == []
        await channel.press(ann, offer, "Use it")
        await channel.wait_for(lambda message: message.ts == card.ts and "6 s" in message.said)

        await channel.press(ann, card, "Make it")
        await thread.clip()
        assert len(orders(outside.google)) == 1


async def test_a_thread_without_the_bot_is_left_alone_and_not_kept(tmp_path: Path) -> None:
    async with slack_world(tmp_path) as outside, running(outside):
        slack = outside.slack
        ann, bob = slack.user("Ann"), slack.user("Bob")
        channel = slack.channel("film-club", members=[ann, bob])
        root = await channel.say(bob, "did you see the fox yesterday?")
        await channel.say(ann, "make me a video of it, ha", thread=root)
        mine = await channel.say(ann, f"@reelbot {RICH}")
        await channel.wait_for("Make it", after=mine)
        assert len([message for message in channel.messages if message.from_bot]) == 1


async def test_change_is_a_form_filled_with_the_request(tmp_path: Path) -> None:
    async with slack_world(tmp_path) as outside, running(outside):
        slack = outside.slack
        thread = await wished(outside, "channel", RICH)
        card = await thread.wait("Make it")
        await thread.channel.press(thread.ann, card, "Change…")
        await slack.wait_for_call("views.open")
        assert await slack.submit(thread.ann, {"What is seen": "   "}) == {"What is seen": texts.forms.FORM_EMPTY}
        filled = {"What is seen": RICH, "Length": "8 s", "Words on screen": "Snow day <!channel>"}
        assert await slack.submit(thread.ann, filled) == {}
        changed = await thread.channel.wait_for(lambda message: message.ts == card.ts and "8 s" in message.said)
        assert "Snow day" in changed.said
        assert any(button.label.startswith("Make it") for button in changed.buttons)

        await thread.channel.press(thread.bob, card, "Change…")
        await thread.channel.wait_for_whisper(thread.bob, "can decide about")


async def test_a_picture_becomes_the_first_frame_and_other_files_are_kept(tmp_path: Path) -> None:
    from tests.program.test_main_job import _picture

    async with slack_world(tmp_path) as outside, running(outside):
        slack = outside.slack
        ann = slack.user("Ann")
        channel = slack.direct(ann)
        root = await channel.say(
            ann, "the fox turns its head, cinematic, 4 seconds", files=[("fox.jpg", "image/jpeg", _picture())]
        )
        thread = Thread(channel, root, ann, ann)
        card = await thread.wait("Make it")
        assert "your picture" in card.said
        await channel.press(ann, card, "Make it")
        await thread.clip()
        assert "image" in str(outside.google.omni.orders[0].body)
        voice = await channel.say(ann, "", files=[("clip.mp4", "video/mp4", b"\x00" * 5_000)])
        kept = await channel.wait_for(lambda message: message.from_bot and "I keep it" in message.said, after=voice)
        assert kept.thread_ts == voice.ts


async def test_the_native_stop_cancels(tmp_path: Path) -> None:
    async with slack_world(tmp_path) as outside, running(outside):
        outside.google.omni.hold()
        thread = await wished(outside, "dm", RICH)
        await thread.channel.press(thread.ann, await thread.wait("Make it"), "Make it")
        await thread.wait("Filming")
        session = outside.slack.session(thread.channel, thread.root.ts)
        assert session is not None
        assert session.status == "processing"
        await thread.channel.stop(thread.ann, thread.root)
        question = await thread.wait("Stop it")
        assert "If it cannot, I bring you the clip and it costs $" in question.said
        assert outside.google.calls("interactions.cancel") == []
        await thread.channel.press(thread.ann, question, "Stop it")
        await thread.wait("is cancelled")
        await thread.wait("Cancelled · not charged")
        assert thread.clips == []
        async with asyncio.timeout(5):
            while session.status != "active":  # noqa: ASYNC110 - the emulator tells of messages only
                await asyncio.sleep(0.02)


async def test_feedback_is_stored(tmp_path: Path) -> None:
    async with slack_world(tmp_path) as outside, running(outside) as app:
        thread = await wished(outside, "channel", RICH)
        await thread.channel.press(thread.ann, await thread.wait("Make it"), "Make it")
        clip = await thread.clip()
        await thread.wait("Done")
        await thread.channel.press(thread.bob, clip, "Good")
        await thread.channel.wait_for_whisper(thread.bob, texts.talk.RATED_GOOD)
        row = await app.connections._generations.generation(1)
        assert row is not None
        assert row.ratings == {f"slack:{thread.bob.id}": True}


async def test_the_home_shows_what_is_going_on(tmp_path: Path) -> None:
    from tests.emulators.slack_blocks import buttons, said

    async with slack_world(tmp_path) as outside, running(outside):
        slack = outside.slack
        thread = await wished(outside, "channel", RICH)
        await thread.channel.press(thread.ann, await thread.wait("Make it"), "Make it")
        await thread.clip()
        await thread.wait("Done")
        await slack.open_home(thread.ann)
        await slack.wait_for_call("views.publish")
        home = slack.home_of(thread.ann)
        assert home is not None
        assert texts.home.HOME_VIDEOS in said(home["blocks"])
        assert "v1" in said(home["blocks"])
        link = next(button for button in buttons(home["blocks"]) if button.url)
        assert link.label == texts.home.GO_THERE
        await slack.open_home(thread.bob, tab="messages")
        await slack.wait_for_call("assistant.threads.setSuggestedPrompts")
        assert slack.prompts


# --- where nothing can be posted -------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["command", "shortcut"])
async def test_where_the_bot_is_no_member_it_says_so_and_goes_on_directly(tmp_path: Path, where: Where) -> None:
    async with slack_world(tmp_path) as outside, running(outside):
        slack = outside.slack
        ann, bob = slack.user("Ann"), slack.user("Bob")
        channel = slack.channel("film-club", members=[ann, bob], bot_is_member=False)
        await ready(outside)
        if where == "command":
            await channel.command(ann, RICH)
        else:
            await channel.shortcut(ann, await channel.say(bob, RICH))
        direct = slack.direct(ann)
        root = await direct.wait_for("/invite")
        thread = Thread(direct, root, ann, ann)
        await direct.press(ann, await thread.wait("Make it"), "Make it")
        await thread.clip()
        assert not [message for message in channel.messages if message.from_bot]


async def test_a_bot_that_is_removed_after_the_order_brings_the_clip_directly(tmp_path: Path) -> None:
    async with slack_world(tmp_path) as outside, running(outside) as app:
        slack = outside.slack
        outside.google.omni.hold()
        thread = await wished(outside, "channel", RICH)
        await thread.channel.press(thread.ann, await thread.wait("Make it"), "Make it")
        await thread.wait("Filming")
        thread.channel.remove_bot()
        outside.google.omni.release()
        direct = slack.direct(thread.ann)
        clip = await direct.wait_for(lambda message: bool(message.files), timeout=20.0)
        assert "could not post it where you asked" in clip.said
        assert slack.file_bytes(clip.files[0].id) == outside.google.clip_bytes(orders(outside.google)[0])
        assert thread.clips == []
        assert len(orders(outside.google)) == 1
        row = await app.connections._generations.generation(1)
        assert row is not None
        assert "undeliverable" in row.entered


async def test_nothing_is_ordered_in_a_channel_where_the_bot_may_not_post(tmp_path: Path) -> None:
    async with slack_world(tmp_path) as outside, running(outside):
        slack = outside.slack
        ann = slack.user("Ann")
        channel = slack.channel("announcements", members=[ann], posting_restricted=True)
        await channel.say(ann, f"@reelbot {RICH}")
        told = await slack.direct(ann).wait_for(lambda message: message.from_bot)
        assert "may not write" in told.said
        assert orders(outside.google) == []


# --- hostile and unlucky ---------------------------------------------------------------------------------------------


async def test_forged_and_stale_calls_get_401_and_leave_nothing(tmp_path: Path) -> None:
    import json
    import sqlite3
    import time
    from contextlib import closing

    async with slack_world(tmp_path, transport="http") as outside, running(outside):
        slack = outside.slack
        ann = slack.user("Ann")
        direct = slack.direct(ann)
        await ready(outside)
        body = json.dumps(
            {
                "type": "event_callback", "event_id": "Ev1", "team_id": slack.team.id,
                "event": {
                    "type": "message", "channel": direct.id, "channel_type": "im", "user": ann.id,
                    "text": RICH, "ts": "1700000000.000100", "event_ts": "1700000000.000100",
                },
            }
        ).encode()  # fmt: skip
        assert (await slack.post_raw(body, secret="wrong"))[0] == 401
        assert (await slack.post_raw(body, timestamp=int(time.time()) - 3_600))[0] == 401
        assert (await slack.post_raw(body, signature="v0=00"))[0] == 401
        with closing(sqlite3.connect(Path(outside.environment["DATA_DIR"]) / "reelbot.db")) as database:
            assert database.execute("select count(*) from inbox").fetchone() == (0,)
        assert (await slack.post_raw(body))[0] == 200
        await direct.wait_for("Make it")


async def test_oauth_settings_in_the_environment_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_CLIENT_ID", "1.2")
    monkeypatch.setenv("SLACK_CLIENT_SECRET", "secret")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    async with slack_world(tmp_path) as outside, running(outside):
        thread = await wished(outside, "dm", RICH)
        await thread.wait("Make it")
    assert not (tmp_path / "home").exists()


async def test_a_message_during_a_dropped_connection_is_answered(tmp_path: Path) -> None:
    async with slack_world(tmp_path) as outside, running(outside):
        slack = outside.slack
        ann = slack.user("Ann")
        direct = slack.direct(ann)
        await slack.drop_sockets()
        said = await direct.say(ann, RICH)
        await direct.wait_for("Make it", after=said, timeout=20.0)
        assert len([message for message in direct.messages if message.from_bot]) == 1


async def test_strangers_are_told_politely(tmp_path: Path) -> None:
    async with slack_world(tmp_path) as outside:
        ann, eve = outside.slack.user("Ann"), outside.slack.user("Eve")
        async with running(outside, SLACK_ALLOWED_USERS=ann.id):
            direct = outside.slack.direct(eve)
            said = await direct.say(eve, RICH)
            told = await direct.wait_for("operator", after=said)
            assert eve.id in told.said
            own = outside.slack.direct(ann)
            await own.say(ann, RICH)
            await own.wait_for("Make it")
