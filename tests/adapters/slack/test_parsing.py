"""What Slack's events mean."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from adapters.slack.parsing import HomeOpened, channel_of, chat_of, opened_home
from adapters.slack.text import said
from core.messages import ConversationKey, MediaKind
from tests.adapters.slack.payloads import (
    EDITED,
    HERE,
    NOW,
    ROOT,
    TS,
    Raw,
    edit,
    envelope,
    file,
    heard,
    message,
    stopped,
    written,
)

# --- messages --------------------------------------------------------------------------------------------------------


def test_direct_message() -> None:
    got = message(written())
    assert got.event_id == f"D1:{TS}"
    assert got.key == ConversationKey(platform="slack", chat="T0REEL/D1", thread=TS)
    assert (got.id, got.text, got.private, got.addressed, got.command) == (TS, "a red fox", True, True, "")
    assert (got.sender.id, got.sender.name, got.sender.team) == ("slack:U1", "<@U1>", "T0REEL")
    assert (got.sent_at, got.summoned, got.edited) == (
        datetime.fromtimestamp(1_795_000_000, UTC) + timedelta(microseconds=100),
        False,
        False,
    )


def test_reply_hangs_on_its_thread() -> None:
    assert message(written(thread_ts=ROOT)).key.thread == ROOT


def test_no_message_is_newer_than_now() -> None:
    assert message(written(ts="1999999999.000000")).sent_at == NOW


def test_keys_are_taken_apart() -> None:
    key = ConversationKey(platform="slack", chat=chat_of("T0REEL", "C1"))
    assert (key.chat, channel_of(key)) == ("T0REEL/C1", "C1")


def test_mention_in_a_channel_and_its_twin_are_one_event() -> None:
    said_there = written("<@U0BOT> a fox", channel="C1")
    twin = {name: value for name, value in said_there.items() if name != "channel_type"} | {"type": "app_mention"}
    got = message(said_there)
    assert (got.text, got.addressed, got.private, got.key.thread) == ("a fox", True, False, TS)
    assert message(twin) == got


def test_channel_without_a_mention_is_never_kept() -> None:
    assert heard(written(channel="C1")) is None
    assert heard(written(channel="G1")) is None
    assert heard(written(channel="C1", thread_ts=TS)) is None


def test_reply_without_a_mention_may_be_for_us() -> None:
    got = message(written("longer", channel="C1", thread_ts=ROOT))
    assert (got.addressed, got.key.thread) == (False, ROOT)
    assert message(written("<@U0BOT> longer", channel="C1", thread_ts=ROOT)).addressed


def test_mention_alone_is_a_message() -> None:
    got = message(written("<@U0BOT>", channel="C1"))
    assert (got.text, got.addressed) == ("", True)


@pytest.mark.parametrize("subtype", ["file_share", "thread_broadcast", "me_message"])
def test_people_write_these_too(subtype: str) -> None:
    assert message(written(subtype=subtype)).text == "a red fox"


@pytest.mark.parametrize(
    "event",
    [
        written(bot_id="B2"),
        written(subtype="bot_message", bot_id="B2"),
        written(user="U0BOT"),
        written("You have been removed from #general by <@U2>", user="USLACKBOT"),
        written(hidden=True),
        written(subtype="channel_join"),
        written(subtype="message_deleted", hidden=True, deleted_ts=TS),
        written(subtype="message_replied", hidden=True),
        written(subtype="ekm_access_denied", user="UREVOKEDU"),
        written(subtype="assistant_app_thread"),
        written(""),
        {"type": "reaction_added", "user": "U1"},
        {"type": "app_home_opened", "user": "U1", "channel": "D1", "tab": "home"},
    ],
)
def test_ignored(event: Raw) -> None:
    assert heard(event) is None


def test_guests_come_with_their_own_team() -> None:
    assert message(written(team="T0REEL", user_team="T2")).sender.team == "T2"
    assert message(written(team="T2")).sender.team == "T2"
    assert message(written(team=None)).sender.team == "T0REEL"


def test_who_comes_without_a_team_to_a_shared_channel_is_not_taken_for_one_of_ours() -> None:
    assert message(written(team=None, thread_ts=ROOT, channel="C1"), is_ext_shared_channel=True).sender.team == ""
    assert message(stopped(), is_ext_shared_channel=True).sender.team == ""


def test_forwarded_message_is_part_of_the_text_and_a_preview_is_not() -> None:
    shared = {"is_msg_unfurl": True, "is_share": True, "text": "snow &amp; <@U0BOT>", "fallback": "[…] lev: snow"}
    preview = {"from_url": "https://x.example", "text": "Buy foxes", "is_msg_unfurl": True}
    got = message(written("like this", attachments=[shared | {"files": [file()]}, preview, None]))
    assert (got.text, [one.kind for one in got.attachments]) == ("like this\nsnow &", [MediaKind.PHOTO])
    assert message(written("", attachments=[shared])).text == "snow &"
    assert heard(written("", channel="C1", attachments=[shared])) is None


# --- edits -----------------------------------------------------------------------------------------------------------


def test_edits_have_events_of_their_own() -> None:
    got = message(edit("a blue fox", "a red fox"))
    assert (got.event_id, got.edited, got.id, got.text) == (f"D1:{TS}:{EDITED}", True, TS, "a blue fox")
    assert (got.key.thread, got.sent_at.timestamp(), got.addressed) == (TS, float(EDITED), True)


def test_edit_with_a_mention_and_its_twin_are_one_event() -> None:
    changed = edit("<@U0BOT> a fox", "a fox", channel="C1")
    twin = written("<@U0BOT> a fox", channel="C1", channel_type=None, edited={"user": "U1", "ts": EDITED})
    assert message(twin | {"type": "app_mention"}) == message(changed)


def test_mention_that_is_edited_away_leaves_the_message_ours() -> None:
    got = message(edit("a fox", "<@U0BOT> a fox", channel="C1"))
    assert (got.text, got.addressed) == ("a fox", True)


def test_edits_of_others_messages_in_a_channel_are_ignored() -> None:
    assert heard(edit("lunch!", "lunch?", channel="C1")) is None
    assert not message(edit("longer!", "longer", channel="C1", thread_ts=ROOT)).addressed


@pytest.mark.parametrize(
    "fields",
    [
        {"text": "a red fox"},
        {"edited": None},
        {"edited": {"user": "U0BOT", "ts": EDITED}},
        {"bot_id": "B0BOT"},
        {"subtype": "tombstone", "user": "USLACKBOT", "hidden": True},
    ],
)
def test_changes_that_nobody_typed_are_no_edits(fields: Raw) -> None:
    assert heard(edit(**{"text": "a blue fox", "before": "a red fox"} | fields)) is None


def test_an_edit_without_what_it_said_before_counts() -> None:
    changed = edit("a blue fox", "a red fox")
    del changed["previous_message"]
    assert message(changed).text == "a blue fox"


# --- text ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("&lt;b&gt; &amp;amp; salt", "<b> &amp; salt"),
        ("<https://x.example/a?b=1&amp;c=2>", "https://x.example/a?b=1&c=2"),
        ("<https://x.example|here>", "here (https://x.example)"),
        ("<http://x.example|x.example>", "http://x.example"),
        ("<http://x.example/|http://x.example>", "http://x.example/"),
        ("<mailto:a@x.example|a@x.example> <tel:+49123>", "a@x.example +49123"),
        ("<#C1|general> <#C2> <#C3|>", "#general #C2 #C3"),
        ("<!here> <!channel|channel> <!subteam^S1|@crew> <!subteam^S1>", "@here @channel @crew @S1"),
        ("<!date^1795000000^{date}^https://x.example|in spring>", "in spring"),
        ("<@U2|bob> and <@U3>", "@bob and @U3"),
        ("&lt;@U2&gt; <<@U2|bob>", "< @U2> < @bob"),
        ("<https://x.example|&lt;@U2&gt;>", "< @U2> (https://x.example)"),
        ("I <3 you, 1 < 2 > 0, <b>, <>", "I <3 you, 1 < 2 > 0, <b>, <>"),
        ("a <|> <@> <#> <!>", "a <|> < @> <#> <!>"),
    ],
)
def test_slacks_writing_becomes_plain_text(text: str, plain: str) -> None:
    assert said(text, "U0BOT") == (plain, False)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (":+1:", "👍"),
        (":thumbsup::skin-tone-3:", "👍"),
        ("<@U0BOT> :+1::skin-tone-6: go", "👍 go"),
        (":white_check_mark: :heavy_check_mark:", "✅ ✔"),
        (":ok_hand::ok_hand::skin-tone-2:", "👌👌"),
        (":+1::skin-tone-9: :-1: :fox_face: 3:+1", "👍:skin-tone-9: :-1: :fox_face: 3:+1"),
    ],
)
def test_signs_that_mean_yes(text: str, plain: str) -> None:
    assert said(text, "U0BOT")[0] == plain


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("<@U0BOT> a fox", "a fox"),
        ("<@U0BOT|reelbot>, a fox", "a fox"),
        ("<@U0BOT>: a fox", "a fox"),
        ("<@U0BOT>, :fox_face: a :b", ":fox_face: a :b"),
        ("a fox please <@U0BOT>", "a fox please"),
        ("hey <@U0BOT> make it", "hey make it"),
        ("<@U0BOT> <@U0BOT>", ""),
    ],
)
def test_mention_is_taken_out(text: str, plain: str) -> None:
    assert said(text, "U0BOT") == (plain, True)


@pytest.mark.parametrize("text", ["&lt;@U0BOT&gt; a fox", "<@U0BOTS> a fox", "@reelbot a fox"])
def test_what_looks_like_a_mention_is_none(text: str) -> None:
    assert not said(text, "U0BOT")[1]


def test_text_is_fit_for_a_database() -> None:
    got = message(written(json.loads('"fox \\ud800 \\u0000<\\u0000@U2> \\ud83e\\udd8a"')))
    assert got.text == "fox \ufffd @U2 🦊"


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "kind", "mime_type"),
    [
        ({}, MediaKind.PHOTO, "image/png"),
        ({"mimetype": "image/gif"}, MediaKind.DOCUMENT, "image/gif"),
        ({"mimetype": "video/mp4", "subtype": "slack_video"}, MediaKind.VIDEO, "video/mp4"),
        ({"mimetype": "audio/mpeg"}, MediaKind.AUDIO, "audio/mpeg"),
        ({"mimetype": "audio/webm", "subtype": "slack_audio"}, MediaKind.VOICE, "audio/webm"),
        ({"mimetype": "video/mp4", "subtype": "slack_audio"}, MediaKind.VOICE, "audio/mp4"),
        ({"mimetype": "text/plain", "mode": "snippet"}, MediaKind.DOCUMENT, "text/plain"),
        ({"mimetype": None}, MediaKind.DOCUMENT, ""),
    ],
)
def test_files(fields: Raw, kind: MediaKind, mime_type: str) -> None:
    (got,) = message(written("", subtype="file_share", files=[file(**fields)])).attachments
    assert (got.kind, got.ref, got.mime_type) == (kind, "F04EEHX1EES", mime_type)
    assert (got.size_bytes, got.width, got.height, got.file_name) == (90_000, 1280, 720, "fox.png")


def test_numbers_of_files() -> None:
    (got,) = message(written(files=[file(size=-1, original_w="640", original_h=None, duration_ms=2_500)])).attachments
    assert (got.size_bytes, got.width, got.height, got.duration_s) == (0, 640, 0, 2.5)


def test_a_files_name_mentions_nobody() -> None:
    (got,) = message(written(files=[file(name="<@U2>.png")])).attachments
    assert got.file_name == "< @U2>.png"


def test_file_that_has_to_be_looked_up_first() -> None:
    stub = {"id": "F12345678", "mode": "file_access", "file_access": "check_file_info", "created": 0, "user": ""}
    (got,) = message(written("", files=[stub])).attachments
    assert (got.kind, got.ref) == (MediaKind.DOCUMENT, "F12345678")


@pytest.mark.parametrize(
    "raw",
    [
        {"id": "F1", "mode": "tombstone"},
        {"id": "F1", "mode": "hidden_by_limit"},
        file(mode="external", is_external=True),
        file(file_access="access_denied"),
        file(id=None),
        None,
    ],
)
def test_files_nobody_can_fetch_are_still_said_to_be_there(raw: object) -> None:
    got = message(written("", files=[raw]))
    assert [(one.kind, one.ref) for one in got.attachments] == [(MediaKind.OTHER, "")]


# --- Stop and the app's own pages ------------------------------------------------------------------------------------


def test_stop() -> None:
    got = message(stopped())
    assert got.event_id == f"stop:C1:{ROOT}:1795000050.783769"
    assert (got.command, got.text, got.key.thread, got.id) == ("stop", "", ROOT, "1795000050.783769")
    assert (got.sender.id, got.addressed, got.private, got.summoned) == ("slack:U1", True, False, False)
    assert message(stopped(channel="D1")).private


def test_opened_home() -> None:
    event = {"type": "app_home_opened", "user": "U1", "channel": "D1", "tab": "messages", "event_ts": TS}
    assert opened_home(envelope(event), HERE) == HomeOpened(user="U1", channel="D1", tab="messages")
    assert opened_home(envelope({"type": "app_home_opened", "user": "U1", "channel": "D1"}), HERE) == HomeOpened(
        user="U1", channel="D1", tab="home"
    )
    assert opened_home(envelope(written()), HERE) is None
    assert opened_home(envelope(event, team_id="T2", authorizations=[{"team_id": "T2"}]), HERE) is None


# --- other workspaces with the same app ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "ours"),
    [
        ({"team_id": "T2"}, True),  # a channel shared with us: its event was sent for our installation
        ({"team_id": "T2", "authorizations": [{"team_id": "T2"}]}, False),
        ({"authorizations": [{"team_id": "T2"}]}, False),
        ({"authorizations": [{"team_id": "T2"}, {"team_id": "T0REEL"}]}, True),
        ({"authorizations": None}, True),
        ({"authorizations": []}, True),
        ({"authorizations": None, "team_id": "T2"}, False),
        ({"authorizations": None, "team_id": None}, False),
    ],
)
def test_events_of_other_workspaces_are_ignored(fields: Raw, ours: bool) -> None:
    assert (heard(written(), **fields) is not None) is ours
    assert (heard(stopped(), **fields) is not None) is ours
