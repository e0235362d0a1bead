"""Payloads as Slack sends them, for tests to change."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from adapters.slack.parsing import Installation, parse_event
from core.messages import Message

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HERE = Installation(team="T0REEL", bot_user="U0BOT", bot="B0BOT", app="A0REEL")
TS, ROOT, EDITED = "1795000000.000100", "1794999000.000200", "1795000060.000000"
Raw = dict[str, Any]


def envelope(event: Raw, **fields: Any) -> Raw:
    """As the Events API wraps an event."""
    return {
        "token": "t",
        "team_id": "T0REEL",
        "api_app_id": "A0REEL",
        "event": event,
        "type": "event_callback",
        "event_id": "Ev0000001",
        "event_time": 1_795_000_000,
        "authorizations": [{"team_id": "T0REEL", "user_id": "U0BOT", "is_bot": True, "is_enterprise_install": False}],
        "is_ext_shared_channel": False,
        **fields,
    }


def written(text: str = "a red fox", *, channel: str = "D1", **fields: Any) -> Raw:
    """A `message` event; fields that are None are left out."""
    kinds = {"D": "im", "G": "mpim"}
    raw: Raw = {
        "client_msg_id": "0837851c-2d34-4d4d-804c-7aed753c3421",
        "type": "message",
        "text": text,
        "user": "U1",
        "ts": TS,
        "team": "T0REEL",
        "blocks": [{"type": "rich_text", "block_id": "6r5Zo", "elements": []}],
        "channel": channel,
        "event_ts": TS,
        "channel_type": kinds.get(channel[0], "channel"),
        **fields,
    }
    return {name: value for name, value in raw.items() if value is not None}


def edit(text: str, before: str, *, channel: str = "D1", **fields: Any) -> Raw:
    """A `message_changed` event."""
    message = written(before, channel=channel)
    message = {name: value for name, value in message.items() if name not in ("channel", "event_ts", "channel_type")}
    return {
        "type": "message",
        "subtype": "message_changed",
        "hidden": True,
        "channel": channel,
        "ts": EDITED,
        "event_ts": EDITED,
        "channel_type": "im" if channel.startswith("D") else "channel",
        "message": message | {"text": text, "edited": {"user": "U1", "ts": EDITED}} | fields,
        "previous_message": message | {name: fields[name] for name in fields if name == "thread_ts"},
    }


def file(**fields: Any) -> Raw:
    """A file as events show it."""
    return {
        "id": "F04EEHX1EES",
        "created": 1_670_631_527,
        "name": "fox.png",
        "mimetype": "image/png",
        "filetype": "png",
        "user": "U1",
        "size": 90_000,
        "mode": "hosted",
        "is_external": False,
        "original_w": 1280,
        "original_h": 720,
        "url_private_download": "https://files.slack.com/files-pri/T0REEL-F04EEHX1EES/download/fox.png",
        "file_access": "visible",
        **fields,
    }


def command(text: str = "a red fox", **fields: Any) -> Raw:
    """The form of a slash command."""
    return {
        "token": "t",
        "team_id": "T0REEL",
        "team_domain": "film-club",
        "channel_id": "C1",
        "channel_name": "general",
        "user_id": "U1",
        "user_name": "anna",
        "command": "/video",
        "text": text,
        "api_app_id": "A0REEL",
        "is_enterprise_install": "false",
        "response_url": "https://hooks.slack.com/commands/T0REEL/1/x",
        "trigger_id": "1.2.c",
        **fields,
    }


def interaction(kind: str, **fields: Any) -> Raw:
    """What all interactions say; fields that are None are left out."""
    raw: Raw = {
        "type": kind,
        "user": {"id": "U1", "username": "anna", "name": "anna", "team_id": "T0REEL"},
        "api_app_id": "A0REEL",
        "token": "t",
        "team": {"id": "T0REEL", "domain": "film-club"},
        "enterprise": None,
        "trigger_id": "1.2.t",
        **fields,
    }
    return {name: value for name, value in raw.items() if value is not None}


def shortcut(**fields: Any) -> Raw:
    """The message shortcut."""
    return interaction(
        "message_action",
        **{
            "callback_id": "make_video",
            "message_ts": TS,
            "response_url": "https://hooks.slack.com/app/T0REEL/1/x",
            "channel": {"id": "C1", "name": "general"},
            "message": {"type": "message", "user": "U2", "text": "a fox, &amp; snow", "ts": TS, "team": "T0REEL"},
            "action_ts": "1795000050.000300",
            **fields,
        },
    )


def pressed(action: Raw | None = None, **fields: Any) -> Raw:
    """A button of a message in a thread."""
    button = {
        "type": "button",
        "action_id": "a0",
        "block_id": "b",
        "value": "make:12",
        "action_ts": "1795000050.000300",
    }
    return interaction(
        "block_actions",
        **{
            "container": {"type": "message", "message_ts": TS, "channel_id": "C1", "is_ephemeral": False},
            "channel": {"id": "C1", "name": "general"},
            "message": {"type": "message", "bot_id": "B0BOT", "ts": TS, "thread_ts": ROOT, "text": "Make it?"},
            "state": {"values": {}},
            "response_url": "https://hooks.slack.com/actions/T0REEL/1/x",
            "actions": [button | (action or {})],
            **fields,
        },
    )


def at_home() -> Raw:
    """A button of the home tab."""
    return pressed(
        container={"type": "view", "view_id": "V1"},
        view={"id": "V1", "type": "home"},
        channel=None,
        message=None,
        response_url=None,
    )


def submitted(about: object = None, **fields: Any) -> Raw:
    """A form that was filled in."""
    about = about or {"action": "change:12", "chat": "T0REEL/C1", "thread": ROOT, "id": TS}
    values = {
        "idea": {"idea": {"type": "plain_text_input", "value": "a fox with <@U2>"}},
        "style": {"style": {"type": "plain_text_input", "value": None}},
        "aspect": {"aspect": {"type": "static_select", "selected_option": {"value": "9:16"}}},
    }
    view = {
        "id": "V1",
        "type": "modal",
        "callback_id": "form",
        "private_metadata": json.dumps(about),
        "state": {"values": values},
        "hash": "1795000000.abc",
        **fields,
    }
    return interaction("view_submission", view=view, response_urls=[])


def stopped(**fields: Any) -> Raw:
    """Slack's own Stop."""
    return {
        "channel": "C1",
        "event_ts": "1795000050.783769",
        "streaming_message_ts": [],
        "thread_ts": ROOT,
        "type": "agent_session_stopped",
        "user": "U1",
        **fields,
    }


def heard(event: Raw, **fields: Any) -> Message | None:
    """What an event means; `fields` are the envelope's."""
    return parse_event(envelope(event, **fields), HERE, now=NOW)


def message(event: Raw, **fields: Any) -> Message:
    """The same, for one that means a message."""
    result = heard(event, **fields)
    assert result is not None
    return result
