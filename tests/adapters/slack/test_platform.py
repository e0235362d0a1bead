"""Speaking, against the emulated Slack through the real SDK. How clips come is test_uploads'."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from adapters.slack import SlackConnection, SlackPlatform
from adapters.slack.platform import FREE_FOR_S
from core.errors import PermanentError, TemporaryError, Undeliverable
from core.messages import Attachment, Button, ConversationKey, MediaKind, Person, Post, PostKind, Press
from core.ports import Obstacle
from tests.adapters.slack.support import Saved, connected, delivery, key, person, written
from tests.clock import START, FakeClock
from tests.emulators.slack import Fault, SlackChannel, SlackEmulator, SlackMessage, SlackUser

CANCEL = ((Button(label="Cancel", action="cancel:12"),),)


@pytest.fixture
def thread(slack: SlackEmulator, channel: SlackChannel, asked: SlackMessage) -> ConversationKey:
    return key(slack, channel, asked)


def bots(channel: SlackChannel) -> list[SlackMessage]:
    return [one for one in channel.messages if one.from_bot and not one.deleted]


def refused(word: str) -> dict[str, Any]:
    return {"ok": False, "error": word}


# --- posts -----------------------------------------------------------------------------------------------------------


async def test_a_post_in_its_thread_with_buttons(
    slack: SlackEmulator, platform: SlackPlatform, channel: SlackChannel, asked: SlackMessage, thread: ConversationKey
) -> None:
    buttons = ((Button(label="4 s", action="a:4"), Button(label="8 s", action="a:8")),)
    question = Post(
        key=thread, kind=PostKind.QUESTION, heading="How <long>?", text="See https://example.org & choose",
        buttons=buttons,
    )  # fmt: skip
    sent = await platform.post(question, "")
    (shown,) = bots(channel)
    assert (shown.ts, shown.thread_ts) == (sent, asked.ts)
    assert shown.said == "How <long>?\nSee https://example.org & choose"
    assert [one.value for one in shown.buttons] == ["a:4", "a:8"]
    (call,) = slack.calls("chat.postMessage")
    assert (call.params["unfurl_links"], call.params["unfurl_media"]) == (False, False)


async def test_an_edit_in_place(platform: SlackPlatform, channel: SlackChannel, thread: ConversationKey) -> None:
    post = Post(key=thread, kind=PostKind.STATUS, text="Filming", buttons=CANCEL)
    sent = await platform.post(post, "")
    assert await platform.post(post, sent) == sent
    assert await platform.post(replace(post, text="Done", buttons=()), sent) == sent
    assert [(one.said, one.buttons) for one in bots(channel)] == [("Done", ())]


@pytest.mark.parametrize("word", ["", "cant_update_message", "edit_window_closed"])
async def test_a_message_that_cannot_be_edited_is_posted_anew(
    slack: SlackEmulator,
    platform: SlackPlatform,
    connection: SlackConnection,
    channel: SlackChannel,
    thread: ConversationKey,
    word: str,
) -> None:
    post = Post(key=thread, text="Filming")
    sent = await platform.post(post, "")
    if word:
        slack.faults.add(Fault(match="chat.update", body=refused(word)))
    else:
        await connection.client.chat_delete(channel=channel.id, ts=sent)
    anew = await platform.post(replace(post, text="Done"), sent)
    assert anew != sent
    assert bots(channel)[-1].said == "Done"


async def test_what_is_no_message_is_not_edited(
    slack: SlackEmulator, platform: SlackPlatform, channel: SlackChannel, thread: ConversationKey
) -> None:
    await platform.post(Post(key=thread, text="Done"), "F0FILE")
    assert [one.said for one in bots(channel)] == ["Done"]
    assert not slack.calls("chat.update")


async def test_a_post_about_a_clip_edits_its_words(
    platform: SlackPlatform, channel: SlackChannel, anna: SlackUser, thread: ConversationKey, tmp_path: Path
) -> None:
    sent = await platform.deliver(delivery(tmp_path, thread, anna), {}, Saved())
    assert await platform.post(Post(key=thread, heading="v12", text="Deleted soon"), sent) == sent
    (shown,) = bots(channel)
    assert shown.said == "v12\nDeleted soon"
    assert shown.files


async def test_a_long_text_comes_in_parts(
    platform: SlackPlatform, channel: SlackChannel, thread: ConversationKey
) -> None:
    text = "\n\n".join(f"Paragraph {number}. " + "word " * 150 for number in range(30))
    sent = await platform.post(Post(key=thread, text=text, heading="Prompt", buttons=CANCEL), "")
    parts = bots(channel)
    assert len(parts) == 3
    assert sent == parts[-1].ts
    assert [bool(one.buttons) for one in parts] == [False, False, True]
    assert all(one.thread_ts == thread.thread for one in parts)


async def test_a_thread_that_is_gone_leaves_the_channel(
    platform: SlackPlatform, channel: SlackChannel, anna: SlackUser, asked: SlackMessage, thread: ConversationKey
) -> None:
    await channel.delete(anna, asked)
    await platform.post(Post(key=thread, text="Done"), "")
    assert [(one.said, one.thread_ts) for one in bots(channel)] == [("Done", "")]


async def test_a_post_by_somebodys_home_comes_into_their_direct_messages(
    slack: SlackEmulator, platform: SlackPlatform, anna: SlackUser
) -> None:
    home = ConversationKey(platform="slack", chat=f"{slack.team.id}/{anna.id}")
    for _ in range(2):
        await platform.post(Post(key=home, text="Here"), "")
    assert [one.said for one in slack.direct(anna).messages] == ["Here"] * 2
    assert len(slack.calls("conversations.open")) == 1
    assert await platform.obstacle(home) is None


# --- whispers, threads and direct messages ---------------------------------------------------------------------------


async def test_a_whisper_is_for_one(
    platform: SlackPlatform, channel: SlackChannel, anna: SlackUser, asked: SlackMessage, thread: ConversationKey
) -> None:
    whisper = Post(key=thread, text="Only you", person=person(anna), whisper=True, buttons=CANCEL)
    assert await platform.post(whisper, "") == ""
    ((heard, shown),) = channel.whispers
    assert (heard, shown.said, shown.thread_ts) == (anna, "Only you", asked.ts)
    assert shown.buttons[0].label == "Cancel"
    assert not bots(channel)


async def test_a_whisper_in_a_direct_message_is_said_aloud(
    slack: SlackEmulator, platform: SlackPlatform, anna: SlackUser
) -> None:
    direct = slack.direct(anna)
    assert await platform.post(Post(key=key(slack, direct), text="You", person=person(anna), whisper=True), "")
    assert [one.said for one in direct.messages] == ["You"]


async def test_a_whisper_to_somebody_who_is_no_member(
    slack: SlackEmulator, platform: SlackPlatform, thread: ConversationKey
) -> None:
    ben = slack.user("Ben")
    with pytest.raises(Undeliverable):
        await platform.post(Post(key=thread, text="Only you", person=person(ben), whisper=True), "")


async def test_a_whisper_where_the_bot_is_not(slack: SlackEmulator, platform: SlackPlatform, anna: SlackUser) -> None:
    channel = slack.channel("other", members=[anna], bot_is_member=False)
    with pytest.raises(Undeliverable):
        await platform.post(Post(key=key(slack, channel), text="x", person=person(anna), whisper=True), "")


async def test_opening_a_thread(
    slack: SlackEmulator, platform: SlackPlatform, channel: SlackChannel, thread: ConversationKey, anna: SlackUser
) -> None:
    opened = await platform.open(Post(key=key(slack, channel), text="A fox for Anna"))
    root = bots(channel)[0]
    assert opened == key(slack, channel, root)
    assert await platform.open(Post(key=thread, text="x")) == thread
    assert bots(channel)[1].thread_ts == thread.thread
    home = ConversationKey(platform="slack", chat=f"{slack.team.id}/{anna.id}")
    direct = slack.direct(anna)
    assert await platform.open(Post(key=home, text="x")) == key(slack, direct, direct.messages[0])


async def test_a_thread_hangs_on_the_first_part_of_a_long_text(
    slack: SlackEmulator, platform: SlackPlatform, channel: SlackChannel
) -> None:
    opened = await platform.open(Post(key=key(slack, channel), text="word " * 3_000))
    assert opened.thread == bots(channel)[0].ts
    assert len(bots(channel)) == 2


async def test_direct_messages(slack: SlackEmulator, platform: SlackPlatform, anna: SlackUser) -> None:
    direct = await platform.direct(person(anna))
    assert direct == key(slack, slack.direct(anna))
    assert await platform.direct(person(anna)) == direct
    assert len(slack.calls("conversations.open")) == 1
    for nobody in (slack.bot.id, "U0NOBODY"):
        assert await platform.direct(Person(id=f"slack:{nobody}", name="x")) is None
    slack.faults.add(Fault(match="conversations.open", body={"ok": True, "channel": {}}))
    with pytest.raises(TemporaryError):
        await platform.direct(person(slack.user("Ben")))


async def test_direct_messages_before_we_know_who_we_are(slack: SlackEmulator, anna: SlackUser) -> None:
    connection = connected(slack)
    direct = await SlackPlatform(connection, clock=FakeClock()).direct(person(anna))
    await connection.close()
    assert direct == key(slack, slack.direct(anna))


# --- whom an id stands for -------------------------------------------------------------------------------------------


async def test_a_persons_id_stands_for_the_person(
    slack: SlackEmulator, platform: SlackPlatform, anna: SlackUser
) -> None:
    assert await platform.people(anna.id) == (Person(id=f"slack:{anna.id}", name=f"<@{anna.id}>"),)
    assert not slack.calls("usergroups.*")


async def test_a_user_group_stands_for_its_members_of_now(
    slack: SlackEmulator, platform: SlackPlatform, anna: SlackUser
) -> None:
    ben, cleo = slack.user("Ben"), slack.user("Cleo")
    slackbot = replace(ben, id="USLACKBOT", name="Slackbot")
    group = slack.user_group("producers", members=[anna, slackbot, slack.bot, ben, anna])
    assert [one.id for one in await platform.people(group.id)] == [f"slack:{anna.id}", f"slack:{ben.id}"]
    group.members[:] = [cleo]
    (now,) = await platform.people(group.id)
    assert await platform.direct(now) == key(slack, slack.direct(cleo))
    assert not slack.calls("users.*")
    group.members.clear()
    assert await platform.people(group.id) == ()


@pytest.mark.parametrize("known", [True, False])
async def test_a_user_group_that_is_no_more_is_nobody(
    slack: SlackEmulator, platform: SlackPlatform, anna: SlackUser, known: bool
) -> None:
    group = slack.user_group("producers", members=[anna])
    group.disabled = True
    asked = group.id if known else "S0NOBODY"
    with structlog.testing.capture_logs() as logs:
        assert await platform.people(asked) == ()
    assert [(one["event"], one["group"], one["log_level"]) for one in logs] == [
        ("slack_group_unknown", asked, "warning")
    ]


async def test_a_member_who_has_left_cannot_be_asked(
    slack: SlackEmulator, platform: SlackPlatform, anna: SlackUser
) -> None:
    group = slack.user_group("producers", members=[anna])
    slack.faults.add(Fault(match="conversations.open", body=refused("user_disabled")))
    assert [await platform.direct(one) for one in await platform.people(group.id)] == [None]


async def test_a_token_that_may_not_read_user_groups(
    slack: SlackEmulator, platform: SlackPlatform, anna: SlackUser
) -> None:
    group = slack.user_group("producers", members=[anna])
    slack.state.limits = replace(slack.state.limits, scopes=slack.state.limits.scopes - {"usergroups:read"})
    with structlog.testing.capture_logs() as logs, pytest.raises(PermanentError) as caught:
        await platform.people(group.id)
    assert type(caught.value) is PermanentError
    (told,) = [one for one in logs if one["log_level"] == "error"]
    assert (told["group"], told["missing"], told["see"]) == (group.id, "usergroups:read", "manifest.json")
    assert await platform.people(anna.id)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 500}, TemporaryError),
        # The HTTP client itself repeats a question once when the connection breaks.
        ({"drop": "before", "times": 2}, TemporaryError),
        ({"body": {"ok": True}}, TemporaryError),
        ({"body": {"ok": True, "users": "U1"}}, TemporaryError),
        ({"body": refused("fatal_error")}, TemporaryError),
        ({"body": refused("plan_upgrade_required")}, PermanentError),
        ({"body": refused("token_revoked")}, PermanentError),
    ],
)
async def test_a_user_group_that_cannot_be_read(
    slack: SlackEmulator, platform: SlackPlatform, fault: dict[str, Any], error: type[Exception]
) -> None:
    slack.faults.add(Fault(match="usergroups.users.list", **fault))
    with pytest.raises(error) as caught:
        await platform.people("S0GROUP")
    assert type(caught.value) is error


async def test_after_a_429_user_groups_are_left_alone(
    slack: SlackEmulator, platform: SlackPlatform, clock: FakeClock, anna: SlackUser
) -> None:
    group = slack.user_group("producers", members=[anna])
    slack.faults.add(Fault(match="usergroups.users.list", status=429, retry_after=7))
    for _ in range(3):
        with pytest.raises(TemporaryError) as caught:
            await platform.people(group.id)
        assert caught.value.retry_after is not None and 0 < caught.value.retry_after <= 7
    assert len(slack.calls("usergroups.users.list")) == 1
    clock.advance(7)
    assert len(await platform.people(group.id)) == 1


# --- progress and pauses ---------------------------------------------------------------------------------------------


async def test_progress_stays_in_its_budget_and_final_words_do_not(
    slack: SlackEmulator, connection: SlackConnection, clock: FakeClock, thread: ConversationKey, channel: SlackChannel
) -> None:
    platform = SlackPlatform(connection, clock=clock, progress_edits_per_min=3)
    status = Post(key=thread, kind=PostKind.STATUS, text="Filming", buttons=CANCEL, progress=0.0, quiet=True)
    sent = await platform.post(status, "")
    for step in range(6):
        assert await platform.post(replace(status, progress=step / 10), sent) == sent
    assert len(slack.calls("chat.update")) == 3
    waiting = replace(status, progress=None, text="2 are before you")
    assert await platform.post(waiting, sent) == sent
    assert len(slack.calls("chat.update")) == 3
    await platform.post(Post(key=thread, kind=PostKind.STATUS, text="Done", quiet=True), sent)
    assert len(slack.calls("chat.update")) == 4
    assert bots(channel)[0].said == "Done"
    clock.advance(61)
    await platform.post(status, sent)
    assert len(slack.calls("chat.update")) == 5


async def test_after_a_429_progress_is_left_out_and_final_words_wait(
    slack: SlackEmulator, platform: SlackPlatform, clock: FakeClock, thread: ConversationKey
) -> None:
    status = Post(key=thread, kind=PostKind.STATUS, text="Filming", buttons=CANCEL, progress=0.1, quiet=True)
    sent = await platform.post(status, "")
    slack.faults.add(Fault(match="chat.update", status=429, retry_after=7))
    for _ in range(3):
        assert await platform.post(status, sent) == sent
    done = Post(key=thread, kind=PostKind.STATUS, text="Done", quiet=True)
    with pytest.raises(TemporaryError) as caught:
        await platform.post(done, sent)
    assert caught.value.retry_after is not None and 0 < caught.value.retry_after <= 7
    assert len(slack.calls("chat.update")) == 1
    clock.advance(7)
    await platform.post(done, sent)
    assert len(slack.calls("chat.update")) == 2


async def test_after_a_429_only_that_channel_is_left_alone(
    slack: SlackEmulator, platform: SlackPlatform, thread: ConversationKey, anna: SlackUser
) -> None:
    slack.faults.add(Fault(match="chat.postMessage", status=429, retry_after=7))
    for _ in range(3):
        with pytest.raises(TemporaryError):
            await platform.post(Post(key=thread, text="x"), "")
    assert len(slack.calls("chat.postMessage")) == 1
    await platform.post(Post(key=key(slack, slack.direct(anna)), text="x"), "")
    assert len(slack.calls("chat.postMessage")) == 2


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error", "retry_after"),
    [
        ({"status": 429, "retry_after": 7}, TemporaryError, 7.0),
        ({"status": 429, "body": refused("ratelimited")}, TemporaryError, 10.0),
        ({"body": refused("ratelimited")}, TemporaryError, 10.0),
        ({"status": 500}, TemporaryError, None),
        ({"status": 502, "body": "<html>bad gateway</html>"}, TemporaryError, None),
        ({"body": "all is well"}, TemporaryError, None),
        ({"body": b"[]"}, TemporaryError, None),
        ({"body": {"ok": True}}, TemporaryError, None),
        ({"drop": "before"}, TemporaryError, None),
        ({"malformed": True}, TemporaryError, None),
        ({"body": refused("internal_error")}, TemporaryError, None),
        ({"body": refused("restricted_action_read_only_channel")}, Undeliverable, None),
        ({"body": refused("slack_connect_file_upload_sharing_blocked")}, Undeliverable, None),
        ({"body": refused("is_archived")}, Undeliverable, None),
        ({"body": refused("token_revoked")}, PermanentError, None),
        ({"body": refused("msg_too_long")}, PermanentError, None),
        ({"status": 404, "body": refused("unknown_method")}, PermanentError, None),
    ],
)
async def test_errors_say_what_to_do(
    slack: SlackEmulator,
    platform: SlackPlatform,
    thread: ConversationKey,
    fault: dict[str, Any],
    error: type[PermanentError] | type[TemporaryError],
    retry_after: float | None,
) -> None:
    slack.faults.add(Fault(match="chat.postMessage", **fault))
    with pytest.raises(error) as caught:
        await platform.post(Post(key=thread, text="x"), "")
    assert type(caught.value) is error
    assert getattr(caught.value, "retry_after", None) == retry_after


async def test_errors_do_not_repeat_what_was_said(
    slack: SlackEmulator, platform: SlackPlatform, thread: ConversationKey
) -> None:
    body = {**refused("invalid_blocks"), "response_metadata": {"messages": ["[ERROR] bad text: a secret wish"]}}
    slack.faults.add(Fault(match="chat.postMessage", body=body))
    with pytest.raises(PermanentError) as caught:
        await platform.post(Post(key=thread, text="a secret wish"), "")
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


@pytest.mark.parametrize("why", ["removed", "removed privately", "archived", "restricted"])
async def test_places_that_take_nothing(
    slack: SlackEmulator, platform: SlackPlatform, anna: SlackUser, why: str
) -> None:
    channel = slack.channel("here", members=[anna], private=why == "removed privately")
    if why.startswith("removed"):
        channel.remove_bot()
    elif why == "archived":
        channel.archive()
    else:
        channel.restrict_posting()
    with pytest.raises(Undeliverable):
        await platform.post(Post(key=key(slack, channel), text="x"), "")


# --- rights ----------------------------------------------------------------------------------------------------------


async def test_obstacles(slack: SlackEmulator, platform: SlackPlatform, anna: SlackUser, clock: FakeClock) -> None:
    assert await platform.obstacle(key(slack, slack.direct(anna))) is None
    assert await platform.obstacle(key(slack, slack.direct(anna, slack.user("Ben")))) is None
    for private in (False, True):
        channel = slack.channel("team", members=[anna], private=private)
        where = key(slack, channel)
        assert await platform.obstacle(where) is None
        looks = len(slack.calls("conversations.info"))
        assert await platform.obstacle(where) is None
        assert len(slack.calls("conversations.info")) == looks, "it was looked at a moment ago"
        channel.restrict_posting()
        clock.advance(FREE_FOR_S)
        assert await platform.obstacle(where) is Obstacle.NO_RIGHT_TO_POST
        channel.remove_bot()
        assert await platform.obstacle(where) is Obstacle.NOT_MEMBER
    old = slack.channel("old", members=[anna])
    old.archive()
    assert await platform.obstacle(key(slack, old)) is Obstacle.NO_RIGHT_TO_POST
    nowhere = ConversationKey(platform="slack", chat=f"{slack.team.id}/C0NOWHERE")
    assert await platform.obstacle(nowhere) is Obstacle.NOT_MEMBER
    slack.faults.add(Fault(match="conversations.info", status=500))
    with pytest.raises(TemporaryError):
        await platform.obstacle(key(slack, old))


async def test_a_token_that_may_not_send_files(anna: SlackUser) -> None:
    async with SlackEmulator(scopes=frozenset({"chat:write", "channels:read"})) as slack:
        connection = connected(slack)
        await connection.identify()
        direct = slack.direct(slack.user("Ben"))
        platform = SlackPlatform(connection, clock=FakeClock())
        assert await platform.obstacle(key(slack, direct)) is Obstacle.NO_RIGHT_TO_SEND_VIDEO
        await connection.close()


# --- files -----------------------------------------------------------------------------------------------------------


async def _sent(channel: SlackChannel, user: SlackUser, content: bytes, *, kind: str = "image/png") -> Attachment:
    message = await channel.say(user, "here", files=[("fox.png", kind, content)])
    return Attachment(kind=MediaKind.PHOTO, ref=message.files[0].id, mime_type=kind, size_bytes=len(content))


async def test_fetching(platform: SlackPlatform, channel: SlackChannel, anna: SlackUser, tmp_path: Path) -> None:
    await platform.fetch(await _sent(channel, anna, b"picture"), tmp_path / "fox.png")
    assert (tmp_path / "fox.png").read_bytes() == b"picture"
    page = await _sent(channel, anna, b"<html></html>", kind="text/html")
    await platform.fetch(page, tmp_path / "page.html")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["fox.png", "page.html"]


@pytest.mark.parametrize("told", [True, False])
async def test_too_large_to_fetch(
    connection: SlackConnection, clock: FakeClock, channel: SlackChannel, anna: SlackUser, tmp_path: Path, told: bool
) -> None:
    platform = SlackPlatform(connection, clock=clock, download_bytes=1 << 20)
    sent = await _sent(channel, anna, b"x" * (2 << 20))
    with pytest.raises(PermanentError, match="1 MB"):
        await platform.fetch(sent if told else replace(sent, size_bytes=0), tmp_path / "x")
    assert not list(tmp_path.iterdir())


async def test_a_page_instead_of_the_file(
    slack: SlackEmulator, platform: SlackPlatform, channel: SlackChannel, anna: SlackUser, tmp_path: Path
) -> None:
    sent = await _sent(channel, anna, b"picture")

    async def reading_is_forbidden(_: object) -> None:
        slack.state.limits = replace(slack.state.limits, scopes=slack.state.limits.scopes - {"files:read"})

    slack.faults.on("download", reading_is_forbidden)
    with pytest.raises(PermanentError, match="page instead"):
        await platform.fetch(sent, tmp_path / "x")
    with pytest.raises(PermanentError, match="does not let me"):
        await platform.fetch(sent, tmp_path / "x")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "file",
    [
        {},
        {"mode": "tombstone"},
        {"url_private_download": "https://drive.example/x", "is_external": True},
        {"url_private_download": "https://evil.example/x"},
    ],
)
async def test_what_slack_does_not_give_out(
    slack: SlackEmulator, platform: SlackPlatform, tmp_path: Path, file: dict[str, Any]
) -> None:
    slack.faults.add(Fault(match="files.info", body={"ok": True, "file": file}))
    with pytest.raises(PermanentError):
        await platform.fetch(Attachment(kind=MediaKind.OTHER, ref="F0FILE"), tmp_path / "x")
    for ref in ("", "F0UNKNOWN"):
        with pytest.raises(PermanentError):
            await platform.fetch(Attachment(kind=MediaKind.OTHER, ref=ref), tmp_path / "x")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("fault", [{"drop": "before"}, {"status": 502}, {"status": 200, "body": b"short"}])
async def test_an_incomplete_download_leaves_nothing(
    slack: SlackEmulator,
    platform: SlackPlatform,
    channel: SlackChannel,
    anna: SlackUser,
    tmp_path: Path,
    fault: dict[str, Any],
) -> None:
    sent = await _sent(channel, anna, b"a longer picture")
    slack.faults.add(Fault(match="download", times=None, **fault))
    with pytest.raises(TemporaryError):
        await platform.fetch(sent, tmp_path / "x")
    assert not list(tmp_path.iterdir())


# --- the agent's session ---------------------------------------------------------------------------------------------


async def _states(slack: SlackEmulator, channel: SlackChannel, root: SlackMessage, *wanted: str) -> None:
    """Wait until the session has been in these states, and no other."""
    await slack.wait_for_call("agents.sessions.setStatus", count=len(wanted))
    await asyncio.sleep(0.02)
    session = slack.session(channel, root.ts)
    assert session is not None and session.history == list(wanted)


async def test_a_session_is_active_once_it_is_answered(
    slack: SlackEmulator,
    platform: SlackPlatform,
    channel: SlackChannel,
    asked: SlackMessage,
    anna: SlackUser,
    thread: ConversationKey,
) -> None:
    message = replace(written(thread, anna, asked), text="a red\nfox " * 40)
    await platform.acknowledge(message)
    await platform.acknowledge(message)
    await _states(slack, channel, asked, "processing")
    session = slack.session(channel, asked.ts)
    assert session is not None and session.title.startswith("a red fox a red") and len(session.title) == 200
    await platform.post(Post(key=thread, kind=PostKind.QUESTION, text="How long?"), "")
    await platform.post(Post(key=thread, text="Also this"), "")
    await _states(slack, channel, asked, "processing", "active")


async def test_a_session_is_processing_while_a_status_runs(
    slack: SlackEmulator,
    platform: SlackPlatform,
    channel: SlackChannel,
    asked: SlackMessage,
    anna: SlackUser,
    thread: ConversationKey,
    tmp_path: Path,
) -> None:
    status = Post(key=thread, kind=PostKind.STATUS, text="Filming", buttons=CANCEL, progress=0.1, quiet=True)
    sent = await platform.post(status, "")
    await platform.post(replace(status, progress=0.5), sent)
    await platform.acknowledge(written(thread, anna, asked))
    await platform.post(Post(key=thread, text="Still at it"), "")
    await _states(slack, channel, asked, "processing")
    await platform.deliver(delivery(tmp_path, thread, anna), {}, Saved())
    await _states(slack, channel, asked, "processing", "active")
    await platform.post(Post(key=thread, kind=PostKind.STATUS, text="Done", quiet=True), sent)
    await _states(slack, channel, asked, "processing", "active")


async def test_a_session_runs_until_the_last_of_two_is_done(
    slack: SlackEmulator,
    platform: SlackPlatform,
    channel: SlackChannel,
    asked: SlackMessage,
    anna: SlackUser,
    thread: ConversationKey,
    tmp_path: Path,
) -> None:
    status = Post(key=thread, kind=PostKind.STATUS, text="Filming", buttons=CANCEL, progress=0.1, quiet=True)
    one, two = await platform.post(status, ""), await platform.post(status, "")
    done = Post(key=thread, kind=PostKind.STATUS, text="Done", quiet=True)
    await platform.deliver(delivery(tmp_path, thread, anna), {}, Saved())
    await platform.post(done, one)
    await _states(slack, channel, asked, "processing")
    await platform.post(done, two)
    await _states(slack, channel, asked, "processing", "active")


async def test_slacks_own_stop_is_answered_with_a_status(
    slack: SlackEmulator,
    platform: SlackPlatform,
    channel: SlackChannel,
    asked: SlackMessage,
    anna: SlackUser,
    thread: ConversationKey,
) -> None:
    await platform.post(Post(key=thread, text="Hello"), "")
    await _states(slack, channel, asked, "active")
    await platform.acknowledge(written(thread, anna, asked, command="stop"))
    await platform.post(Post(key=thread, text="There is nothing to stop"), "")
    await _states(slack, channel, asked, "active", "active")


async def test_where_the_app_is_no_agent_a_reaction_says_that_it_was_noticed(clock: FakeClock) -> None:
    async with SlackEmulator(agent=False) as slack:
        anna = slack.user("Anna")
        channel = slack.channel("videos", members=[anna])
        connection = connected(slack)
        platform = SlackPlatform(connection, clock=clock)
        for _ in range(2):
            asked = await channel.say(anna, "@reelbot a fox")
            where = key(slack, channel, asked)
            for _ in range(2):
                await platform.acknowledge(written(where, anna, asked))
            assert asked.reactions == ["eyes"]
            await platform.post(Post(key=where, text="Hello"), "")
        await connection.close()
        assert len(slack.calls("agents.sessions.setStatus")) == 1
        assert len(slack.calls("reactions.add")) == 2


async def test_acknowledging_never_raises(
    slack: SlackEmulator, platform: SlackPlatform, channel: SlackChannel, asked: SlackMessage, anna: SlackUser,
    thread: ConversationKey,
) -> None:  # fmt: skip
    message = written(thread, anna, asked)
    for fault in ({"status": 500}, {"drop": "before"}, {"malformed": True}, {"status": 429, "retry_after": 5}):
        slack.faults.add(Fault(match="agents.sessions.setStatus", times=3, **fault))
        await platform.acknowledge(message)
        slack.faults.clear()
    await platform.acknowledge(replace(message, key=replace(thread, thread="1000000000.000001")))
    assert asked.reactions == ["eyes"]
    await platform.acknowledge(replace(message, key=replace(thread, thread=""), id="", command="video"))
    await platform.acknowledge(Press(event_id="p", key=thread, id="1", sender=person(anna), action="x", sent_at=START))
    slack.faults.add(Fault(match="agents.*", body=refused("not_allowed")))
    slack.faults.add(Fault(match="reactions.add", body=refused("missing_scope")))
    other = await channel.say(anna, "@reelbot a hen")
    await platform.acknowledge(written(key(slack, channel, other), anna, other))
    another = await channel.say(anna, "@reelbot a cow")
    await platform.acknowledge(written(key(slack, channel, another), anna, another))
    assert len(slack.calls("reactions.add")) == 2


async def test_a_status_that_was_refused_for_a_while_still_comes(
    slack: SlackEmulator, platform: SlackPlatform, channel: SlackChannel, asked: SlackMessage, thread: ConversationKey
) -> None:
    slack.faults.add(Fault(match="agents.sessions.setStatus", status=429, retry_after=5))
    await platform.post(Post(key=thread, text="Hello"), "")
    await slack.wait_for_call("agents.sessions.setStatus", count=2)
    session = slack.session(channel, asked.ts)
    assert session is not None and session.status == "active"
