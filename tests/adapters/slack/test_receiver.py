"""Listening, against the emulated Slack over both of its ways: what is stored, what is acknowledged and when, who is
turned away, and the forms and pages that are shown."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from adapters.slack import SlackConnection, SlackPlatform, SlackReceiver
from core import texts
from core.errors import TemporaryError
from core.generation import Generation, GenerationStatus
from core.messages import Button, Incoming, Post, PostKind
from core.ports import Receive
from tests.adapters.slack.listening import ELSEWHERE, STRANGER, Rows, Taken, listening, made, until
from tests.adapters.slack.support import key, person, written
from tests.clock import FakeClock
from tests.emulators.slack import Fault, SlackChannel, SlackEmulator, SlackMessage, SlackUser
from tests.storage.samples import a_generation


@pytest.fixture
async def slack() -> AsyncIterator[SlackEmulator]:
    async with SlackEmulator(ack_timeout=0.5, retry_after=(0.01, 0.02, 0.03), patience=0) as emulator:
        yield emulator


@pytest.fixture(params=["socket", "http"])
def socket(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "socket")


@pytest.fixture
async def connection(slack: SlackEmulator, socket: bool) -> AsyncIterator[SlackConnection]:
    made = SlackConnection(
        bot_token=slack.token,
        app_token=slack.app_token if socket else "",
        api_url=slack.url,
        timeout_s=2.0,
        loopback_only=True,
    )
    yield made
    await made.close()


@pytest.fixture
async def asked(slack: SlackEmulator, channel: SlackChannel, anna: SlackUser) -> SlackMessage:
    """The message that a thread hangs on; from before anybody listened."""
    message = await channel.say(anna, "@reelbot a red fox")
    await slack.delivered()
    slack.deliveries.clear()
    return message


class Room:
    """A workspace with the receiver listening to it."""

    def __init__(self, slack: SlackEmulator, connection: SlackConnection, clock: FakeClock, *, socket: bool) -> None:
        self.slack = slack
        self.connection = connection
        self.clock = clock
        self.socket = socket
        self.rows = Rows()
        self.taken = Taken()

    def listen(self, receive: Receive | None = None, **options: Any) -> AbstractAsyncContextManager[asyncio.Task[None]]:
        receiver = self.receiver(**options)
        return listening(self.slack, receiver, receive or self.taken, socket=self.socket)

    def receiver(self, **options: Any) -> SlackReceiver:
        return made(self.connection, self.clock, self.rows, **options)

    async def shown(self, channel: SlackChannel, *buttons: str, thread: SlackMessage) -> SlackMessage:
        """A message of the bot's with these actions, each on a button of that name."""
        platform = SlackPlatform(self.connection, clock=self.clock)
        rows = (tuple(Button(label=one, action=one) for one in buttons),)
        post = Post(key=key(self.slack, channel, thread), kind=PostKind.CARD, text="Well?", buttons=rows)
        await platform.post(post, "")
        return await channel.wait_for(buttons[0])

    def open_card(self, channel: SlackChannel, user: SlackUser, thread: SlackMessage) -> Generation:
        """A generation whose request can be changed in a form."""
        row = a_generation(7, requester=person(user), key=key(self.slack, channel, thread))
        self.rows.rows[7] = row
        return row

    @property
    def acknowledged(self) -> list[bool]:
        return [one.acknowledged for one in self.slack.deliveries]


@pytest.fixture
def room(slack: SlackEmulator, connection: SlackConnection, clock: FakeClock, socket: bool) -> Room:
    return Room(slack, connection, clock, socket=socket)


@pytest.fixture
def dm(slack: SlackEmulator, anna: SlackUser) -> SlackChannel:
    return slack.direct(anna)


# --- messages --------------------------------------------------------------------------------------------------------


async def test_messages(room: Room, channel: SlackChannel, dm: SlackChannel, anna: SlackUser) -> None:
    async with room.listen():
        mention = await channel.say(anna, "@reelbot a red fox")
        direct = await dm.say(anna, "a blue fox")
        await channel.say(anna, "just talking")
        await room.slack.delivered()
        await dm.edit(anna, direct, "a green fox")
        edited = await room.taken.message(4)
    first, second = (one for one in room.taken.all if one.key == key(room.slack, channel, mention))
    assert first.event_id == second.event_id
    assert sorted(room.taken.said) == ["a blue fox", "a green fox", "a red fox", "a red fox"]
    assert (edited.text, edited.edited, edited.id) == ("a green fox", True, direct.ts)
    assert all(room.acknowledged)


async def test_three_repeats_are_the_same_event(room: Room, channel: SlackChannel, anna: SlackUser) -> None:
    room.slack.repeat_events = 3
    async with room.listen():
        await channel.say(anna, "@reelbot a red fox")
        await room.slack.delivered()
    assert len(room.taken.all) == 6 and len({one.event_id for one in room.taken.all}) == 1
    assert all(room.acknowledged)


@pytest.mark.parametrize("error", [TemporaryError("The database is locked."), RuntimeError("a secret of Anna's")])
async def test_what_was_not_stored_is_not_acknowledged_and_comes_again(
    room: Room, dm: SlackChannel, anna: SlackUser, error: Exception
) -> None:
    room.taken.errors = [error, error]
    with structlog.testing.capture_logs() as logs:
        async with room.listen():
            await dm.say(anna, "a red fox")
            await room.slack.delivered()
    assert room.taken.said == ["a red fox"]
    assert room.acknowledged == [False, False, True]
    if not room.socket:
        assert [one.status for one in room.slack.deliveries] == [503, 503, 200]
    assert "Anna" not in str(logs) and "fox" not in str(logs)


async def test_the_acknowledgement_waits_for_the_store(room: Room, dm: SlackChannel, anna: SlackUser) -> None:
    room.taken.held = asyncio.Event()
    async with room.listen():
        await dm.say(anna, "a red fox")
        await room.taken.wait(1, begun=True)
        await asyncio.sleep(0.02)
        assert room.acknowledged == [False]
        room.taken.held.set()
        await room.slack.delivered()
    assert room.acknowledged == [True]


async def test_a_slow_one_holds_up_nobody(room: Room, dm: SlackChannel, anna: SlackUser) -> None:
    room.taken.held = held = asyncio.Event()
    async with room.listen():
        await dm.say(anna, "slow")
        await room.taken.wait(1, begun=True)
        room.taken.held = None
        await dm.say(anna, "quick")
        await room.taken.wait(1)
        assert room.taken.said == ["quick"]
        held.set()
        await room.slack.delivered()
    assert room.acknowledged == [True, True]


async def test_the_native_stop(room: Room, dm: SlackChannel, anna: SlackUser) -> None:
    async with room.listen():
        asked = await dm.say(anna, "a red fox")
        await room.taken.wait(1)
        where = key(room.slack, dm, asked)
        await SlackPlatform(room.connection, clock=room.clock).acknowledge(written(where, anna, asked))
        await dm.stop(anna, asked)
        stop = await room.taken.message(2)
    assert (stop.command, stop.key, stop.sender) == ("stop", where, person(anna))


@pytest.mark.parametrize("kind", ["events_api", "interactive", "slash_commands"])
async def test_malformed_requests_block_nobody(room: Room, dm: SlackChannel, anna: SlackUser, kind: str) -> None:
    junk: list[dict[str, Any]] = [
        {},
        {"type": "event_callback"},
        {"type": "event_callback", "event": "message"},
        {"type": "event_callback", "event": {"type": 5}},
        {"type": "event_callback", "event": {"type": "message"}, "authorizations": [5]},
        {"type": "event_callback", "event": {"type": "message", "channel": {"x": 1}, "ts": []}},
        {"type": "event_callback", "event": {"type": "app_home_opened", "user": None}},
        {"type": "event_callback", "event": {"type": "app_uninstalled"}},
        {"type": "block_actions", "actions": []},
        {"type": "block_actions", "actions": [{"action_id": None}], "user": 5, "team": 7},
        {"type": "block_actions", "actions": [{"action_id": "x", "value": "make:1"}], "container": 5},
        {"type": "view_submission", "view": {"callback_id": "form", "private_metadata": "["}},
        {"type": "view_submission", "view": 5},
        {"type": "view_closed", "view": {"callback_id": "form"}},
        {"type": "message_action", "callback_id": "make_video", "message": 7},
        {"type": "shortcut", "callback_id": "another"},
        {"command": "/video", "text": 7},
        {"command": 5},
    ]
    async with room.listen():
        for payload in junk:
            assert await room.slack.push(payload, kind=kind) == 200, payload
        await dm.say(anna, "a fox")
        await room.taken.message()
    assert room.taken.said == ["a fox"]


async def test_a_broken_request_comes_again(room: Room, dm: SlackChannel, anna: SlackUser) -> None:
    room.slack.faults.add(Fault(match="event", malformed=True))
    async with room.listen():
        await dm.say(anna, "a fox")
        await room.taken.message()
        await room.slack.delivered()
    assert room.acknowledged == [False, True]


async def test_a_lost_acknowledgement(room: Room, dm: SlackChannel, anna: SlackUser) -> None:
    room.slack.faults.add(Fault(match="event", drop="after"))
    async with room.listen():
        await dm.say(anna, "a fox")
        first, again = await room.taken.wait(2)
    assert first.event_id == again.event_id


# --- commands, shortcuts and presses ---------------------------------------------------------------------------------


async def test_commands(room: Room, slack: SlackEmulator, anna: SlackUser) -> None:
    elsewhere = slack.channel("elsewhere", members=[anna], bot_is_member=False)
    async with room.listen():
        wish = await elsewhere.command(anna, "a red fox")
        begun = await elsewhere.command(anna, "")
        status = await elsewhere.command(anna, "status", command="/clip")
    assert (wish.text, begun.text, status.text) == (texts.places.ON_IT, texts.places.ON_IT, "")
    assert [one.command for one in room.taken.all if hasattr(one, "command")] == ["video", "video", "status"]
    first = await room.taken.message()
    assert first.summoned and (first.text, first.id, first.key) == ("a red fox", "", key(slack, elsewhere))


async def test_a_command_that_was_not_stored_is_not_acknowledged(
    room: Room, channel: SlackChannel, anna: SlackUser
) -> None:
    room.taken.errors = [TemporaryError("The database is locked.")]
    async with room.listen():
        with pytest.raises(AssertionError, match="not acknowledged"):
            await channel.command(anna, "a red fox")
    assert not room.taken.all


async def test_a_command_that_takes_long_to_store(
    room: Room, dm: SlackChannel, anna: SlackUser, slack: SlackEmulator
) -> None:
    room.taken.held = held = asyncio.Event()
    async with room.listen(storing_s=0.1):
        assert (await dm.command(anna, "a red fox")).text == texts.talk.SLOW_TODAY
        assert room.taken.begun == 1 and not room.taken.all
        held.set()
        await room.taken.wait(1)
        assert (await dm.command(anna, "a blue fox")).text == texts.places.ON_IT
    assert room.taken.said == ["a red fox", "a blue fox"]


async def test_what_is_acknowledged_already_is_stored_although_that_fails_at_first(
    room: Room, dm: SlackChannel, anna: SlackUser
) -> None:
    held = asyncio.Event()

    async def locked(incoming: Incoming) -> None:
        await held.wait()
        await room.taken(incoming)

    room.taken.errors = [TemporaryError("The database is locked."), RuntimeError("a secret of Anna's")]
    with structlog.testing.capture_logs() as logs:
        async with room.listen(locked, storing_s=0.1):
            assert (await dm.command(anna, "a red fox")).text == texts.talk.SLOW_TODAY
            held.set()
            await room.taken.wait(1)
    assert room.taken.said == ["a red fox"] and not room.taken.errors
    assert "Anna" not in str(logs) and "fox" not in str(logs)


async def test_taps_that_take_long_to_store(
    room: Room, channel: SlackChannel, anna: SlackUser, asked: SlackMessage
) -> None:
    idea = await channel.say(anna, "a fox in the snow")
    await room.slack.delivered()
    async with room.listen(storing_s=0.1):
        row = room.open_card(channel, anna, asked)
        card = await room.shown(channel, "make:7", "change:7", thread=asked)
        assert (await channel.press(anna, card, "change:7")).status == 200
        room.rows.rows[7] = replace(row, revision=2)
        room.taken.held = asyncio.Event()
        press = await channel.press(anna, card, "make:7")
        assert await room.slack.submit(anna, {texts.forms.FORM_IDEA: "a blue fox"}) == {}
        shortcut = await channel.shortcut(anna, idea)
        assert (press.status, shortcut.status, room.taken.begun) == (200, 200, 3)
        assert not room.taken.all and not channel.whispers
        room.taken.held.set()
        await room.taken.wait(3)


async def test_the_end_lets_what_is_acknowledged_be_stored(room: Room, dm: SlackChannel, anna: SlackUser) -> None:
    room.taken.held = held = asyncio.Event()
    async with room.listen(storing_s=0.05) as task:
        assert (await dm.command(anna, "a red fox")).text == texts.talk.SLOW_TODAY
        task.cancel()
        await asyncio.sleep(0.02)
        assert not room.taken.all
        held.set()
    assert room.taken.said == ["a red fox"]


async def test_a_shortcut(room: Room, channel: SlackChannel, anna: SlackUser, slack: SlackEmulator) -> None:
    bob = slack.user("Bob")
    channel.members.append(bob)
    idea = await channel.say(bob, "what about a fox in the snow?")
    async with room.listen():
        answer = await channel.shortcut(anna, idea)
        other = await channel.shortcut(anna, idea, "of_another_app")
    message = await room.taken.message()
    assert (answer.status, other.status, len(room.taken.all)) == (200, 200, 1)
    assert (message.text, message.sender, message.command) == (idea.text, person(anna), "video")


async def test_presses(room: Room, channel: SlackChannel, anna: SlackUser, asked: SlackMessage) -> None:
    async with room.listen():
        card = await room.shown(channel, "make:7", "cancel:7", thread=asked)
        press = await channel.press(anna, card, "make:7")
        made_up = await channel.press_raw(anna, card, "confirm:7")
    got = await room.taken.press()
    assert (press.status, got.action, got.id, got.sender) == (200, "make:7", card.ts, person(anna))
    assert got.key == key(room.slack, channel, asked)
    assert (made_up.status, (await room.taken.press(2)).action) == (200, "confirm:7")


# --- forms -----------------------------------------------------------------------------------------------------------


async def test_a_form(room: Room, channel: SlackChannel, anna: SlackUser, asked: SlackMessage) -> None:
    async with room.listen():
        row = room.open_card(channel, anna, asked)
        card = await room.shown(channel, "change:7", thread=asked)
        assert (await channel.press(anna, card, "change:7")).status == 200
        assert room.slack.modal_of(anna) is not None and not room.taken.all
        room.rows.rows[7] = replace(row, revision=2)
        assert await room.slack.submit(anna, {texts.forms.FORM_IDEA: "   "}) == {
            texts.forms.FORM_IDEA: texts.forms.FORM_EMPTY
        }
        assert not room.taken.all and room.slack.modal_of(anna) is not None
        assert (
            await room.slack.submit(anna, {texts.forms.FORM_IDEA: "a blue fox", texts.forms.FORM_LENGTH: "4 s"}) == {}
        )
        assert room.slack.modal_of(anna) is None
    press = await room.taken.press()
    assert (press.action, press.id, press.key) == ("change:7", card.ts, row.key)
    assert (press.values["idea"], press.values["duration_s"]) == ("a blue fox", "4")


async def test_a_form_for_what_has_ended_meanwhile(
    room: Room, channel: SlackChannel, anna: SlackUser, asked: SlackMessage
) -> None:
    async with room.listen():
        row = room.open_card(channel, anna, asked)
        card = await room.shown(channel, "change:7", thread=asked)
        await channel.press(anna, card, "change:7")
        room.rows.rows[7] = replace(row, status=GenerationStatus.QUEUED)
        assert await room.slack.submit(anna, {texts.forms.FORM_IDEA: "a blue fox"}) == {}
    assert (await room.taken.press()).values["idea"] == "a blue fox"


async def test_a_form_that_was_not_stored_stays_open(
    room: Room, channel: SlackChannel, anna: SlackUser, asked: SlackMessage
) -> None:
    async with room.listen():
        room.open_card(channel, anna, asked)
        card = await room.shown(channel, "change:7", thread=asked)
        await channel.press(anna, card, "change:7")
        room.taken.errors = [TemporaryError("The database is locked.")]
        with pytest.raises(AssertionError, match="not acknowledged"):
            await room.slack.submit(anna, {texts.forms.FORM_IDEA: "a blue fox"})
        assert await room.slack.submit(anna, {texts.forms.FORM_IDEA: "a blue fox"}) == {}
    assert len(room.taken.all) == 1


@pytest.mark.parametrize("trouble", ["lapsed", "database", "slow", "slack is slow"])
async def test_a_form_that_cannot_be_opened_is_a_press(
    room: Room, channel: SlackChannel, anna: SlackUser, asked: SlackMessage, trouble: str
) -> None:
    async with room.listen(patience_s=0.1):
        room.open_card(channel, anna, asked)
        card = await room.shown(channel, "change:7", thread=asked)
        if trouble == "lapsed":
            room.slack.faults.add(Fault(match="views.open", body={"ok": False, "error": "expired_trigger_id"}))
        elif trouble == "database":
            room.rows.error = OSError("disk full")
        elif trouble == "slow":
            room.rows.held = asyncio.Event()
        else:
            room.slack.faults.add(Fault(match="views.open", delay=0.2))
        press = await channel.press(anna, card, "change:7")
    assert press.status == 200
    got = await room.taken.press()
    assert (got.action, got.values) == ("change:7", {})


async def test_somebody_elses_form_is_a_press(
    room: Room, channel: SlackChannel, anna: SlackUser, asked: SlackMessage
) -> None:
    bob = room.slack.user("Bob")
    channel.members.append(bob)
    async with room.listen():
        room.open_card(channel, anna, asked)
        card = await room.shown(channel, "change:7", thread=asked)
        await channel.press(bob, card, "change:7")
        assert room.slack.modal_of(bob) is None
    assert (await room.taken.press()).sender == person(bob)


# --- the app's own pages ---------------------------------------------------------------------------------------------


async def test_the_home_page(room: Room, channel: SlackChannel, anna: SlackUser, asked: SlackMessage) -> None:
    async with room.listen():
        row = room.open_card(channel, anna, asked)
        room.rows.rows[7] = replace(row, status=GenerationStatus.QUEUED, summary="a red fox")
        await room.slack.open_home(anna)
        await room.slack.wait_for_call("views.publish")
        home = str(room.slack.home_of(anna))
        assert texts.home.HOME_RUNNING in home and f"/p{asked.ts.replace('.', '')}" in home
        assert (await room.slack.press_home(anna, texts.buttons.CANCEL)).status == 200
        press = await room.taken.press()
        await room.slack.wait_for_call("views.publish", count=2)
        await room.slack.open_home(anna)
        await room.slack.wait_for_call("views.publish", count=3)
    assert (press.action, press.private, press.key.chat) == ("cancel:7", True, f"{room.slack.team.id}/{anna.id}")
    assert len(room.slack.calls("chat.getPermalink")) == 1
    assert all(room.acknowledged)


async def test_a_home_page_that_cannot_be_shown(room: Room, anna: SlackUser, dm: SlackChannel) -> None:
    async with room.listen():
        room.rows.error = OSError("disk full")
        await room.slack.open_home(anna)
        await room.slack.delivered()
        room.rows.error = None
        room.slack.faults.add(Fault(match="views.publish", status=500))
        await room.slack.open_home(anna)
        await room.slack.wait_for_call("views.publish")
        await dm.say(anna, "a fox")
        await room.taken.message()
    assert room.slack.home_of(anna) is None


async def test_suggested_prompts(room: Room, anna: SlackUser, dm: SlackChannel) -> None:
    async with room.listen():
        await room.slack.open_home(anna, tab="messages")
        await room.slack.wait_for_call("assistant.threads.setSuggestedPrompts")
    (shown,) = room.slack.prompts
    assert (shown.channel_id, shown.title) == (dm.id, texts.home.PROMPTS_TITLE)
    assert shown.prompts == texts.home.PROMPTS
    assert room.slack.home_of(anna) is None


# --- strangers -------------------------------------------------------------------------------------------------------


async def test_strangers(room: Room, channel: SlackChannel, anna: SlackUser, asked: SlackMessage) -> None:
    bob = room.slack.user("Bob")
    channel.members.append(bob)
    dm = room.slack.direct(bob)
    refusal = STRANGER.format(id=bob.id)
    async with room.listen(allowed_users=frozenset({anna.id})):
        card = await room.shown(channel, "make:7", thread=asked)
        assert (await channel.press(bob, card, "make:7")).status == 200
        whisper = await channel.wait_for_whisper(bob, refusal)
        await channel.shortcut(bob, asked)
        await channel.wait_for_whisper(bob, refusal, after=whisper)
        assert (await channel.command(bob, "a red fox")).text == refusal
        first = await dm.say(bob, "a red fox")
        await dm.wait_for(refusal, after=first)
        await dm.say(bob, "a red fox?")
        await channel.say(bob, "@reelbot please")
        await room.slack.open_home(bob)
        await room.slack.open_home(bob, tab="messages")
        await room.slack.delivered()
        await channel.say(anna, "@reelbot a fox")
        await room.taken.wait(2)
    assert {one.sender for one in room.taken.all} == {person(anna)}
    assert len([one for one in dm.messages if one.from_bot]) == 1
    assert [one for one in channel.messages if one.from_bot] == [card]
    assert room.slack.home_of(bob) is None and not room.slack.prompts
    assert all(room.acknowledged)


async def test_a_stranger_who_cannot_be_told(
    room: Room, channel: SlackChannel, dm: SlackChannel, anna: SlackUser, asked: SlackMessage
) -> None:
    async with room.listen(allowed_users=frozenset({"U0NOBODY001"})):
        card = await room.shown(channel, "make:7", thread=asked)
        for fault in (Fault(match="response_url", status=500), Fault(match="response_url", drop="before")):
            room.slack.faults.add(fault)
            before = len(room.slack.calls("response_url"))
            assert (await channel.press(anna, card, "make:7")).status == 200
            await room.slack.wait_for_call("response_url", count=before + 1, answered=False)
        foreign = {"response_url": "https://example.com/answer"}
        payload = {**room.slack.deliveries[-1].payload, **foreign}
        assert await room.slack.push(payload, kind="interactive") == 200
        room.slack.faults.add(Fault(match="chat.postMessage", body={"ok": False, "error": "cannot_dm_bot"}))
        await dm.say(anna, "a fox")
        await room.slack.delivered()
    assert not room.taken.all and not channel.whispers


async def test_a_stranger_in_a_channel_is_told_in_private(room: Room, channel: SlackChannel, anna: SlackUser) -> None:
    async with room.listen(allowed_users=frozenset({"U0ANOTHER"}), allowed_channels=frozenset({"C0ANOTHER"})):
        await channel.say(anna, "@reelbot a fox")
        await channel.wait_for_whisper(anna, STRANGER.format(id=anna.id))
        await room.slack.delivered()
    assert not room.taken.all and len(channel.whispers) == 1
    assert not [one for one in channel.messages if one.from_bot]


async def test_a_channel_that_is_not_on_the_list(
    room: Room, channel: SlackChannel, dm: SlackChannel, anna: SlackUser, asked: SlackMessage
) -> None:
    refusal = ELSEWHERE.format(channel=channel.id)
    async with room.listen(allowed_channels=frozenset({"C0ANOTHER"})):
        card = await room.shown(channel, "make:7", thread=asked)
        assert (await channel.press(anna, card, "make:7")).status == 200
        whisper = await channel.wait_for_whisper(anna, refusal)
        await channel.say(anna, "@reelbot a fox")
        await channel.wait_for_whisper(anna, refusal, after=whisper)
        assert (await channel.command(anna, "a fox")).text == refusal
        await room.slack.delivered()
        assert not room.taken.all
        # A list of channels is about channels.
        await dm.say(anna, "a hen")
        assert (await room.taken.message()).text == "a hen"
        own = await room.shown(dm, "make:7", thread=dm.messages[-1])
        assert (await dm.press(anna, own, "make:7")).status == 200
        assert (await dm.command(anna, "a cow")).text == texts.places.ON_IT
        await room.slack.open_home(anna)
        await room.slack.wait_for_call("views.publish")
    assert len(room.taken.all) == 3


async def test_guests_of_another_workspace(room: Room, channel: SlackChannel, anna: SlackUser) -> None:
    guest = room.slack.user("Gus", team="T0OTHER0001")
    channel.members.append(guest)
    async with room.listen(allowed_teams=frozenset({room.slack.team.id}), stranger_text=""):
        await channel.say(guest, "@reelbot a fox")
        await room.slack.delivered()
        await channel.say(anna, "@reelbot a hen")
        await room.taken.wait(1)
        await room.slack.delivered()
    assert set(room.taken.said) == {"a hen"}
    assert not channel.whispers


# --- the program around it -------------------------------------------------------------------------------------------


async def test_oauth_settings_in_the_environment_change_nothing(
    room: Room, dm: SlackChannel, anna: SlackUser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_CLIENT_ID", "111.222")
    monkeypatch.setenv("SLACK_CLIENT_SECRET", "hush")
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-of-another-app")
    monkeypatch.setenv("SLACK_SIGNING_SECRET", "of another app")
    monkeypatch.setenv("HOME", str(tmp_path))
    async with room.listen():
        await dm.say(anna, "a fox")
        await room.taken.message()
        await dm.command(anna, "a hen")
    assert not list(tmp_path.iterdir())
    tokens = {call.headers["Authorization"] for call in room.slack.journal}
    assert tokens <= {f"Bearer {room.slack.token}", f"Bearer {room.slack.app_token}"}
    assert all(room.acknowledged)


async def test_nothing_of_what_people_write_is_logged(
    room: Room, dm: SlackChannel, anna: SlackUser, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    room.taken.errors = [RuntimeError("about zanzibar")]
    async with room.listen():
        await dm.say(anna, "a trip to zanzibar")
        await room.taken.message()
        await room.slack.push({"type": "shortcut", "text": "zanzibar"}, kind="interactive")
        await room.slack.push({"type": "event_callback", "event": {"type": 5, "text": "zanzibar"}})
        await dm.command(anna, "zanzibar")
    output = capsys.readouterr()
    # aiohttp's own lines are those of the emulator's server.
    told = [one.getMessage() for one in caplog.records if not one.name.startswith(("aiohttp", "asyncio"))]
    assert "zanzibar" not in f"{told}{output.out}{output.err}"


async def test_the_end_lets_what_is_being_stored_be_stored(
    room: Room, channel: SlackChannel, anna: SlackUser, asked: SlackMessage
) -> None:
    room.taken.held = asyncio.Event()
    async with room.listen() as task:
        card = await room.shown(channel, "make:7", thread=asked)
        press = asyncio.create_task(channel.press(anna, card, "make:7"))
        await room.taken.wait(1, begun=True)
        task.cancel()
        await asyncio.sleep(0.02)
        room.taken.held.set()
        assert (await press).status == 200
    assert len(room.taken.all) == 1


async def test_the_end_of_a_page_that_is_not_shown_yet(room: Room, anna: SlackUser) -> None:
    async with room.listen():
        room.slack.faults.add(Fault(match="views.publish", delay=0.2))
        await room.slack.open_home(anna)
        await room.slack.delivered()
        await until(lambda: room.slack.calls("views.publish"))
