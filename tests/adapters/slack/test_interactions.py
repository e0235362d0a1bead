"""What commands, shortcuts, presses and forms of Slack mean."""

from __future__ import annotations

import pytest

from adapters.slack.parsing import parse_command, parse_press, parse_shortcut, parse_submission
from core.messages import ConversationKey, MediaKind, Press
from tests.adapters.slack.payloads import (
    HERE,
    NOW,
    ROOT,
    TS,
    Raw,
    at_home,
    command,
    file,
    interaction,
    pressed,
    shortcut,
    submitted,
)


def press(payload: Raw) -> Press:
    result = parse_press(payload, HERE, now=NOW)
    assert result is not None
    return result


# --- commands and shortcuts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name", "rest"),
    [("a red fox", "video", "a red fox"), ("status", "status", ""), ("cancel v12", "cancel", "v12"), ("", "video", "")],
)
def test_command(text: str, name: str, rest: str) -> None:
    got = parse_command(command(text), HERE, now=NOW)
    assert got is not None
    assert (got.command, got.text, got.summoned, got.addressed, got.id) == (name, rest, True, True, "")
    assert (got.event_id, got.sent_at, got.private) == ("command:1.2.c", NOW, False)
    assert got.key == ConversationKey(platform="slack", chat="T0REEL/C1")
    assert (got.sender.id, got.sender.team) == ("slack:U1", "T0REEL")


def test_command_of_another_name_in_a_direct_channel() -> None:
    got = parse_command(command("<@U0BOT> R&amp;B", command="/reel", channel_id="D1"), HERE, now=NOW)
    assert got is not None
    assert (got.private, got.text) == (True, "R&B")


def test_shortcut_takes_the_message_for_the_person_who_chose_it() -> None:
    got = parse_shortcut(shortcut(), HERE, now=NOW)
    assert got is not None
    assert (got.event_id, got.command, got.text, got.summoned) == ("shortcut:1.2.t", "video", "a fox, & snow", True)
    assert (got.sender.id, got.id, got.key.chat, got.key.thread) == ("slack:U1", TS, "T0REEL/C1", TS)
    assert (got.private, got.addressed, got.sent_at) == (False, True, NOW)


def test_shortcut_on_a_reply_and_on_files() -> None:
    reply = {"type": "message", "user": "U2", "ts": TS, "thread_ts": ROOT, "text": "", "files": [file()]}
    got = parse_shortcut(shortcut(message=reply), HERE, now=NOW)
    assert got is not None
    assert (got.key.thread, got.text, [one.kind for one in got.attachments]) == (ROOT, "", [MediaKind.PHOTO])


def test_shortcut_on_another_apps_message() -> None:
    alert = {"type": "message", "bot_id": "B2", "ts": TS, "text": "", "attachments": [{"fallback": "A fox &lt;3"}]}
    got = parse_shortcut(shortcut(message=alert), HERE, now=NOW)
    assert got is not None
    assert got.text == "A fox <3"


@pytest.mark.parametrize("author", [{"user": "U0BOT"}, {"bot_id": "B0BOT"}])
def test_shortcut_on_what_the_bot_said_itself_asks_for_an_idea(author: Raw) -> None:
    ours = {"type": "message", "ts": TS, "thread_ts": ROOT, "text": "v12 · a fox", "files": [file()], **author}
    ours["attachments"] = [{"text": "a fox", "is_share": True, "fallback": "a fox"}]
    got = parse_shortcut(shortcut(message=ours), HERE, now=NOW)
    assert got is not None
    assert (got.command, got.text, got.attachments, got.key.thread) == ("video", "", (), ROOT)


def test_other_shortcuts_are_ignored() -> None:
    assert parse_shortcut(shortcut(callback_id="other"), HERE, now=NOW) is None
    assert parse_shortcut(interaction("shortcut", callback_id="make_video"), HERE, now=NOW) is None


# --- presses and forms -----------------------------------------------------------------------------------------------


def test_press_in_a_thread() -> None:
    got = press(pressed())
    assert got.event_id == f"press:C1:{TS}:1795000050.000300:U1"
    assert got.key == ConversationKey(platform="slack", chat="T0REEL/C1", thread=ROOT)
    assert (got.id, got.action, got.private, got.sent_at, got.values) == (TS, "make:12", False, NOW, {})
    assert (got.sender.id, got.sender.name, got.ref) == (
        "slack:U1",
        "<@U1>",
        "https://hooks.slack.com/actions/T0REEL/1/x",
    )


def test_press_on_a_root_and_of_a_guest() -> None:
    guest = {"id": "W2", "username": "bob", "team_id": "T2"}
    got = press(pressed(message={"type": "message", "ts": TS}, user=guest))
    assert (got.key.thread, got.sender.id, got.sender.team) == (TS, "slack:W2", "T2")


@pytest.mark.parametrize("thread", ["", ROOT])
def test_press_on_what_only_one_person_sees(thread: str) -> None:
    container = {"type": "message", "message_ts": TS, "channel_id": "C1", "is_ephemeral": True}
    got = press(pressed(container=container | ({"thread_ts": thread} if thread else {}), message=None))
    assert (got.key.thread, got.id, got.whispered) == (thread, TS, True)
    assert not press(pressed()).whispered and not press(at_home()).whispered


def test_press_in_a_direct_channel_is_private() -> None:
    container = {"type": "message", "message_ts": TS, "channel_id": "D1", "is_ephemeral": False}
    assert press(pressed(container=container)).private


def test_press_in_the_home_tab() -> None:
    got = press(at_home())
    assert (got.key.chat, got.key.thread, got.id, got.ref, got.private) == ("T0REEL/U1", "", "", "", True)
    assert got.event_id == "press:U1::1795000050.000300:U1"


@pytest.mark.parametrize(
    ("message", "ours"),
    [
        ({"bot_id": "B0BOT", "app_id": "A2"}, True),
        ({"app_id": "A0REEL"}, True),
        ({}, True),
        ({"bot_id": "B2", "app_id": "A0REEL"}, False),  # the same app in another workspace
        ({"app_id": "A2"}, False),
    ],
)
def test_buttons_of_other_bots_are_ignored(message: Raw, ours: bool) -> None:
    guests = {"team": {"id": "T2", "domain": "elsewhere"}}
    payload = pressed(message={"type": "message", "ts": TS, **message}, **guests)
    assert (parse_press(payload, HERE, now=NOW) is not None) is ours


@pytest.mark.parametrize(
    ("view", "ours"),
    [
        ({"app_installed_team_id": "T0REEL", "bot_id": "B0BOT"}, True),
        ({"app_installed_team_id": "T2"}, False),
        ({"bot_id": "B2"}, False),
    ],
)
def test_pages_and_forms_of_other_workspaces_are_ignored(view: Raw, ours: bool) -> None:
    home = at_home()
    home["view"] |= view
    assert (parse_press(home, HERE, now=NOW) is not None) is ours
    assert (parse_submission(submitted(**view), HERE, now=NOW) is not None) is ours


@pytest.mark.parametrize(
    "action",
    [
        {"type": "feedback_buttons"},
        {"type": "icon_button", "icon": "trash"},
        {"type": "static_select", "value": None, "selected_option": {"text": {}, "value": "make:12"}},
        {"type": "overflow", "value": None, "selected_option": {"text": {}, "value": "make:12"}},
    ],
)
def test_everything_that_can_be_pressed(action: Raw) -> None:
    assert press(pressed(action)).action == "make:12"


@pytest.mark.parametrize(
    "payload",
    [
        pressed({"url": "https://x.example"}),
        pressed({"value": ""}),
        pressed({"value": None}),
        pressed({"type": "plain_text_input"}),
        pressed({"type": "static_select", "selected_option": None}),
        pressed(actions=[]),
        pressed(container={"type": "view", "view_id": "V1"}, view={"id": "V1", "type": "modal"}),
        pressed(container={"type": "message_attachment", "message_ts": TS, "channel_id": "C1"}),
        pressed(user={"id": "U1>"}),
        interaction("view_closed"),
    ],
)
def test_presses_of_nothing_of_ours(payload: Raw) -> None:
    assert parse_press(payload, HERE, now=NOW) is None


def test_submitted_form() -> None:
    got = parse_submission(submitted(), HERE, now=NOW)
    assert got is not None
    assert (got.event_id, got.action, got.id, got.ref) == ("form:V1:1795000000.abc", "change:12", TS, "")
    assert got.key == ConversationKey(platform="slack", chat="T0REEL/C1", thread=ROOT)
    assert got.values == {"idea": "a fox with < @U2>", "style": "", "aspect": "9:16"}
    assert (got.sender.id, got.private) == ("slack:U1", False)


@pytest.mark.parametrize("channel", ["D1", "U1"])
def test_form_from_a_private_place(channel: str) -> None:
    about = {"action": "change:12", "chat": f"T0REEL/{channel}", "thread": "", "id": ""}
    got = parse_submission(submitted(about), HERE, now=NOW)
    assert got is not None
    assert (got.key.chat, got.key.thread, got.id, got.private) == (f"T0REEL/{channel}", "", "", True)


@pytest.mark.parametrize(
    "payload",
    [
        submitted(callback_id="other"),
        submitted(private_metadata=""),
        submitted(private_metadata="[" * 100_000),
        submitted(private_metadata="[]"),
        submitted({"action": "change:12"}),
        submitted({"action": 1, "chat": "T0REEL/C1", "thread": "", "id": ""}),
        submitted(hash=""),
        interaction("view_closed"),
    ],
)
def test_other_forms_are_ignored(payload: Raw) -> None:
    assert parse_submission(payload, HERE, now=NOW) is None
