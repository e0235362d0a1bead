"""The app's manifest asks for what the adapter uses, and for nothing else.

What is used is read from the adapter itself: the client's methods from its source, events and other payloads by showing
it one of each.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

import adapters
from adapters.slack import scopes
from adapters.slack.modal import CALLBACK
from adapters.slack.parsing import Installation, opened_home, parse_command, parse_event, parse_shortcut
from core import texts
from core.commands import subcommand
from tests.clock import START
from tests.emulators.slack_room import EVENT_SCOPES
from tests.emulators.slack_schema import METHODS, Kind, scopes_of
from tests.emulators.slack_state import COMMAND_SCOPE, MENTION_SCOPE

ROOT = Path(adapters.__file__).parents[1]
SOURCES = sorted((ROOT / "adapters" / "slack").glob("*.py"))
MANIFEST: dict[str, Any] = json.loads((ROOT / "manifest.json").read_text(encoding="utf-8"))
FEATURES = MANIFEST["features"]
INSTALLATION = Installation(team="T0REEL", bot_user="U0BOT", bot="B0BOT", app="A0REEL")

_EVENTS = """
    agent_session_stopped agent_session_title_changed app_context_changed app_home_opened app_mention app_requested
    app_uninstalled assistant_thread_context_changed assistant_thread_started call_rejected channel_archive
    channel_created channel_deleted channel_history_changed channel_id_changed channel_left channel_rename
    channel_shared channel_unarchive channel_unshared dnd_updated dnd_updated_user email_domain_changed emoji_changed
    entity_details_requested file_change file_created file_deleted file_public file_shared file_unshared
    group_archive group_close group_deleted group_history_changed group_left group_open group_rename group_unarchive
    im_close im_created im_history_changed im_open invite_requested link_shared member_joined_channel
    member_left_channel message_metadata_deleted message_metadata_posted message_metadata_updated pin_added
    pin_removed reaction_added reaction_removed shared_channel_invite_accepted shared_channel_invite_approved
    shared_channel_invite_declined shared_channel_invite_received star_added star_removed subteam_created
    subteam_members_changed subteam_updated team_access_granted team_access_revoked team_domain_change team_join
    team_rename tokens_revoked user_change user_huddle_changed user_profile_changed user_status_changed
    message.channels message.groups message.im message.mpim
"""
EVENTS = _EVENTS.split()
"""What an app can ask Slack to be told of."""
CHANNELS = {"channels": ("channel", "C1"), "groups": ("group", "C2"), "im": ("im", "D1"), "mpim": ("mpim", "C3")}
"""By the ending of the event's name: what the event says its channel is, and a channel."""
SCOPES = {
    "app_mention": MENTION_SCOPE,
    "message.channels": EVENT_SCOPES["channel"],
    "message.groups": EVENT_SCOPES["private"],
    "message.im": EVENT_SCOPES["im"],
    "message.mpim": EVENT_SCOPES["mpim"],
}
"""The scope of each event that has one."""
KINDS: tuple[Kind, ...] = ("channel", "private", "im", "mpim")
LISTENERS = {
    "event",
    "message",
    "command",
    "shortcut",
    "global_shortcut",
    "message_shortcut",
    "action",
    "view",
    "options",
}
"""Bolt's registrations for what Slack sends unasked for."""


def event_of(name: str) -> dict[str, Any]:
    """An event with every field that ours have, so that its name alone decides what becomes of it."""
    kind, _, place = name.partition(".")
    channel_type, channel = CHANNELS.get(place, ("channel", "C1"))
    at = "1700000000.000100"
    event = {
        "type": kind,
        "user": "U1",
        "text": "<@U0BOT> a fox",
        "channel": channel,
        "channel_type": channel_type,
        "ts": at,
        "thread_ts": at,
        "event_ts": at,
        "tab": "home",
        "team": "T0REEL",
    }
    return {"type": "event_callback", "team_id": "T0REEL", "event_id": "Ev1", "event": event}


def is_handled(name: str) -> bool:
    envelope = event_of(name)
    return parse_event(envelope, INSTALLATION, now=START) is not None or opened_home(envelope, INSTALLATION) is not None


def nodes() -> Iterator[ast.AST]:
    for path in SOURCES:
        yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def called() -> set[str]:
    """The methods of the Web API that the adapter's source names."""
    client = {
        name: name.replace("_", ".")
        for name, method in inspect.getmembers(AsyncWebClient, inspect.iscoroutinefunction)
        if "_" in name and not name.startswith("_") and name != "api_call"
    }
    found = {client[node.attr] for node in nodes() if isinstance(node, ast.Attribute) and node.attr in client}
    for node in nodes():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "api_call":
            (name,) = (given.value for given in node.args[:1] if isinstance(given, ast.Constant))
            found.add(str(name))
    return found


def registered() -> Mapping[str, set[str]]:
    """What Bolt is told to listen to: by the registration's name, the names given as text; "*" for anything else."""
    found: dict[str, set[str]] = {}
    for node in nodes():
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr in LISTENERS and isinstance(node.func.value, ast.Name) and node.func.value.id == "app":
            (given,) = node.args
            name = str(given.value) if isinstance(given, ast.Constant) else "*"
            found.setdefault(node.func.attr, set()).add(name)
    return found


def used_scopes() -> set[str]:
    methods = {name for name in called() if not METHODS[name].app_token}
    scopes: set[str] = set()
    for name in methods:
        # A channel of any kind may be asked about; a conversation is opened with one person only.
        for kind in KINDS if name == "conversations.info" else KINDS[:1]:
            scopes |= scopes_of(name, {}, kind)
    scopes |= {SCOPES[name] for name in SCOPES if is_handled(name)}
    if FEATURES["slash_commands"] or FEATURES["shortcuts"]:
        scopes.add(COMMAND_SCOPE)
    return scopes


def test_the_source_is_read() -> None:
    assert {"rendering.py", "parsing.py", "platform.py", "receiver.py"} <= {path.name for path in SOURCES}
    assert {"auth.test", "chat.postMessage", "files.completeUploadExternal", "views.open"} <= called()


def test_the_emulator_knows_every_method() -> None:
    assert called() <= set(METHODS)


def test_the_scopes_are_those_of_what_is_used() -> None:
    asked = MANIFEST["oauth_config"]["scopes"]["bot"]
    assert asked == sorted(used_scopes()) == sorted(scopes.SCOPES)
    assert "user" not in MANIFEST["oauth_config"]["scopes"]
    assert "redirect_urls" not in MANIFEST["oauth_config"]


def test_the_events_are_those_that_are_dealt_with() -> None:
    asked = MANIFEST["settings"]["event_subscriptions"]["bot_events"]
    assert asked == sorted(name for name in EVENTS if is_handled(name))


def test_the_command_is_understood() -> None:
    (command,) = FEATURES["slash_commands"]
    payload = {"command": command["command"], "channel_id": "C1", "user_id": "U1", "trigger_id": "1.2", "text": "fox"}
    message = parse_command(payload, INSTALLATION, now=START)
    assert message is not None and (message.command, message.text) == ("video", "fox")
    assert command["should_escape"] is False
    for word in re.findall(r"\w+", command["usage_hint"].partition(" or ")[2]):
        assert subcommand(word) == (word, "")


@pytest.mark.parametrize("known", [True, False])
def test_the_shortcut_is_understood(known: bool) -> None:
    (shortcut,) = FEATURES["shortcuts"]
    assert shortcut["type"] == "message"
    payload = {
        "type": "message_action",
        "callback_id": shortcut["callback_id"] if known else "another",
        "trigger_id": "1.2",
        "channel": {"id": "C1"},
        "user": {"id": "U1"},
        "message": {"type": "message", "ts": "1700000000.000100", "text": "a fox", "user": "U2"},
    }
    assert (parse_shortcut(payload, INSTALLATION, now=START) is not None) is known


def test_bolt_listens_to_the_same() -> None:
    asked = {name.partition(".")[0] for name in MANIFEST["settings"]["event_subscriptions"]["bot_events"]}
    assert registered() == {
        "event": asked,
        "message_shortcut": {shortcut["callback_id"] for shortcut in FEATURES["shortcuts"]},
        "view": {CALLBACK},
        # Whatever an operator calls the command, and whatever id a button has.
        "command": {"*"},
        "action": {"*"},
    }


def test_the_prompts_are_the_ones_we_set() -> None:
    prompts = FEATURES["agent_view"]["suggested_prompts"]
    assert [(prompt["title"], prompt["message"]) for prompt in prompts] == list(texts.home.PROMPTS)


def test_the_home_and_the_messages_are_open() -> None:
    assert FEATURES["app_home"] == {
        "home_tab_enabled": True,
        "messages_tab_enabled": True,
        "messages_tab_read_only_enabled": False,
    }
    assert FEATURES["bot_user"]["always_online"] is True


def test_the_settings() -> None:
    expected = {
        "interactivity": {"is_enabled": True},
        "org_deploy_enabled": False,
        "socket_mode_enabled": True,
        "token_rotation_enabled": False,
    }
    assert {
        name: MANIFEST["settings"][name] for name in MANIFEST["settings"] if name != "event_subscriptions"
    } == expected
    assert set(MANIFEST["settings"]["event_subscriptions"]) == {"bot_events"}


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        (MANIFEST["display_information"]["name"], 1, 35),
        (MANIFEST["display_information"]["description"], 1, 140),
        (MANIFEST["display_information"]["long_description"], 174, 4_000),
        (FEATURES["agent_view"]["agent_description"], 1, 300),
        (FEATURES["shortcuts"][0]["name"], 1, 24),
        (FEATURES["shortcuts"][0]["description"], 1, 150),
        (FEATURES["slash_commands"][0]["command"], 2, 32),
        (FEATURES["slash_commands"][0]["description"], 1, 2_000),
        (FEATURES["slash_commands"][0]["usage_hint"], 1, 1_000),
    ],
)
def test_lengths(text: str, least: int, most: int) -> None:
    assert least <= len(text) <= most


def test_the_bots_name_is_one_that_slack_takes() -> None:
    assert re.fullmatch(r"[a-z0-9._-]{1,80}", FEATURES["bot_user"]["display_name"])
    assert re.fullmatch(r"#[0-9a-f]{6}", MANIFEST["display_information"]["background_color"])
    assert len(FEATURES["agent_view"]["suggested_prompts"]) <= 4
