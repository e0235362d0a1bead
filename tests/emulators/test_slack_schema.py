"""The pure part of the Slack emulator that reads calls: arguments from forms and JSON, errors, scopes."""

import json
from typing import Any

import pytest

from tests.emulators.slack_schema import METHODS, TIERS, Kind, SlackError, decode, scopes_of

Json = dict[str, Any]
TS = "1700000000.000100"


def test_a_form_and_json_say_the_same() -> None:
    blocks = [{"type": "divider"}]
    metadata = {"event_type": "e", "event_payload": {"n": 1}}
    typed = {"channel": "C1", "blocks": blocks, "unfurl_links": False, "mrkdwn": True, "metadata": metadata}
    form = {
        "token": "xoxb-1",
        "channel": "C1",
        "blocks": json.dumps(blocks),
        "unfurl_links": "0",
        "mrkdwn": "true",
        "metadata": json.dumps(metadata),
    }
    assert decode("chat.postMessage", form) == typed
    assert decode("chat.postMessage", {**typed, "thread_ts": None}) == typed


def test_numbers_lists_and_nulls() -> None:
    assert decode("files.getUploadURLExternal", {"filename": "a.mp4", "length": "12"})["length"] == 12
    assert decode("conversations.replies", {"channel": "C1", "ts": TS, "limit": "5"})["limit"] == 5
    update = {"channel": "C1", "ts": TS, "text": "x"}
    for ids in ("F1,F2", '["F1", "F2"]', ["F1", "F2"]):
        assert decode("chat.update", {**update, "file_ids": ids})["file_ids"] == ["F1", "F2"]
    status = {"channel_id": "C1", "thread_ts": TS, "status": "processing"}
    assert decode("agents.sessions.setStatus", {**status, "icon_url": None})["icon_url"] is None
    files = {"files": '[{"id": "F1", "title": null}]', "channel_id": "C1", "initial_comment": "x", "blocks": "[]"}
    assert decode("files.completeUploadExternal", files) == {
        "files": [{"id": "F1"}],
        "channel_id": "C1",
        "initial_comment": "x",
    }
    cleared = {"channel_id": "C1", "thread_ts": TS, "status": ""}
    assert decode("assistant.threads.setStatus", cleared) == cleared


POST = {"channel": "C1", "text": "x"}
THREAD = {"channel_id": "C1", "thread_ts": TS}
CALLS_REFUSED: list[tuple[str, Json, str, str]] = [
    ("chat.shout", {}, "unknown_method", ""),
    ("chat.postMessage", {**POST, "colour": "red"}, "invalid_arguments", "unknown argument: colour"),
    ("chat.postMessage", {"text": "x"}, "invalid_arguments", "missing required field: channel"),
    ("chat.postMessage", {**POST, "channel": ""}, "invalid_arguments", "missing required field: channel"),
    ("chat.postMessage", {**POST, "channel": None}, "invalid_arguments", "missing required field: channel"),
    ("chat.postMessage", {**POST, "channel": 1}, "invalid_arguments", "must be a string [json-pointer:/channel]"),
    ("chat.postMessage", {**POST, "mrkdwn": "yes"}, "invalid_arguments", "must be a boolean"),
    ("chat.postMessage", {**POST, "parse": "some"}, "invalid_arguments", "must be one of full, none"),
    ("chat.postMessage", {**POST, "attachments": "[{}]"}, "invalid_arguments", "not modelled"),
    ("chat.postMessage", {**POST, "blocks[0]": "x"}, "invalid_array_arg", ""),
    ("chat.postMessage", {**POST, "a b": "x"}, "invalid_arg_name", ""),
    ("chat.postMessage", {"channel": "C1"}, "no_text", ""),
    ("chat.postMessage", {"channel": "C1", "text": "", "blocks": []}, "no_text", ""),
    ("chat.postMessage", {**POST, "text": "x" * 40_001}, "msg_too_long", ""),
    ("chat.postMessage", {**POST, "markdown_text": "x"}, "markdown_text_conflict", ""),
    ("chat.postMessage", {"channel": "C1", "markdown_text": "x" * 12_001}, "msg_too_long", ""),
    ("chat.postMessage", {**POST, "blocks": "[{"}, "invalid_blocks_format", ""),
    ("chat.postMessage", {**POST, "blocks": '{"type": "divider"}'}, "invalid_blocks_format", ""),
    ("chat.postMessage", {**POST, "metadata": {"event_type": "e"}}, "invalid_metadata_format", "event_payload"),
    (
        "chat.postMessage",
        {**POST, "metadata": {"event_type": "e", "event_payload": {"x": "x" * 16_000}}},
        "metadata_too_large",
        "",
    ),
    ("chat.postMessage", {**POST, "metadata": []}, "invalid_metadata_format", "must be an object"),
    ("chat.postMessage", {**POST, "as_user": True}, "as_user_not_supported", ""),
    ("chat.postMessage", {**POST, "thread_ts": "yesterday"}, "invalid_thread_ts", "yesterday is not a valid thread_ts"),
    ("chat.postMessage", {**POST, "thread_ts": ""}, "invalid_thread_ts", ""),
    ("chat.postMessage", {**POST, "thread_ts": 1700000000.0001}, "invalid_arguments", "must be a string"),
    ("chat.update", {**POST, "ts": "1700000000"}, "message_not_found", ""),
    ("chat.postEphemeral", POST, "invalid_arguments", "missing required field: user"),
    ("conversations.open", {}, "users_list_not_supplied", ""),
    ("conversations.open", {"users": "U1,,U2"}, "users_list_not_supplied", ""),
    ("conversations.open", {"users": ",".join("ABCDEFGHI")}, "too_many_users", ""),
    ("conversations.open", {"users": "U1", "channel": "D1"}, "invalid_arguments", "not both"),
    ("conversations.replies", {"channel": "C1", "ts": "now"}, "thread_not_found", ""),
    ("conversations.history", {"channel": "C1", "limit": "1000"}, "invalid_arguments", "between 1 and 999"),
    ("conversations.history", {"channel": "C1", "limit": "few"}, "invalid_arguments", "must be an integer"),
    ("conversations.history", {"channel": "C1", "oldest": "x"}, "invalid_ts_oldest", ""),
    ("conversations.history", {"channel": "C1", "latest": "x"}, "invalid_ts_latest", ""),
    ("usergroups.users.list", {}, "invalid_arguments", "missing required field: usergroup"),
    ("usergroups.users.list", {"usergroup": "S1", "include_users": "1"}, "invalid_arguments", "unknown argument"),
    ("usergroups.users.list", {"usergroup": "S1", "include_disabled": "yes"}, "invalid_arguments", "must be a boolean"),
    ("reactions.add", {"name": "eyes"}, "no_item_specified", ""),
    ("reactions.add", {"name": "eyes", "channel": "C1", "timestamp": "x"}, "bad_timestamp", ""),
    ("reactions.add", {"name": ":eyes:", "channel": "C1", "timestamp": TS}, "invalid_name", ""),
    ("files.getUploadURLExternal", {"filename": "a", "length": 0}, "invalid_arguments", "must be more than 0"),
    ("files.getUploadURLExternal", {"filename": "a", "length": True}, "invalid_arguments", "must be an integer"),
    ("files.getUploadURLExternal", {"length": 3}, "invalid_arguments", "missing required field: filename"),
    ("files.completeUploadExternal", {"files": "F1"}, "invalid_arguments", "must be an array"),
    ("files.completeUploadExternal", {"files": []}, "invalid_arguments", "at least one file"),
    ("files.completeUploadExternal", {"files": [{"id": "F1"}] * 2}, "invalid_arguments", "each once"),
    ("files.completeUploadExternal", {"files": [{"title": "x"}]}, "invalid_arguments", "required field: id"),
    ("files.completeUploadExternal", {"files": [{"id": "F1", "x": 1}]}, "invalid_arguments", "property: x"),
    ("files.completeUploadExternal", {"files": [{"id": "F"}], "thread_ts": TS}, "invalid_arguments", "channel_id"),
    (
        "files.completeUploadExternal",
        {"files": [{"id": "F"}], "thread_ts": TS, "channels": "C1,C2"},
        "invalid_arguments",
        "one channel only",
    ),
    (
        "files.completeUploadExternal",
        {"files": [{"id": "F"}], "channel_id": "C1", "channels": "C1"},
        "invalid_arguments",
        "not both",
    ),
    ("views.open", {"view": "{}"}, "invalid_arguments", "missing required field: trigger_id"),
    ("views.open", {"view": "home", "trigger_id": "1"}, "invalid_arguments", "must be an object [json-pointer:/view]"),
    ("views.update", {"view": {}}, "invalid_arguments", "view_id or external_id"),
    ("agents.sessions.setStatus", {**THREAD, "status": "busy"}, "invalid_arguments", "must be one of active"),
    ("agents.sessions.rename", {**THREAD, "title": "x" * 201}, "invalid_arguments", "less than 201 characters"),
    ("agents.sessions.rename", {"channel_id": "C1", "title": "x"}, "invalid_arguments", "thread_ts"),
    (
        "assistant.threads.setStatus",
        {**THREAD, "status": "is thinking", "loading_messages": ["x"] * 11},
        "invalid_arguments",
        "no more than 10",
    ),
    (
        "assistant.threads.setSuggestedPrompts",
        {"channel_id": "C1", "prompts": [{"title": "x", "message": "y"}] * 5},
        "invalid_arguments",
        "between 1 and 4 items",
    ),
    (
        "assistant.threads.setSuggestedPrompts",
        {"channel_id": "C1", "prompts": '[{"title": "x"}]'},
        "invalid_arguments",
        "missing required field: message",
    ),
]


@pytest.mark.parametrize(
    ("method", "given", "error", "message"),
    CALLS_REFUSED,
    ids=[f"{i}-{c[0]}-{c[2]}" for i, c in enumerate(CALLS_REFUSED)],
)
def test_what_is_wrong_with_a_call_is_said(method: str, given: Json, error: str, message: str) -> None:
    with pytest.raises(SlackError) as caught:
        decode(method, given)
    assert caught.value.error == error
    assert message in "\n".join(caught.value.messages)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(SlackError) as caught:
        decode("chat.postEphemeral", {"colour": "red", "text": 3})
    assert len(caught.value.messages) == 4


def test_every_method_has_its_tier_and_scopes() -> None:
    assert len(METHODS) == 27
    assert all(method.tier == "special" or method.tier in TIERS for method in METHODS.values())
    assert METHODS["apps.connections.open"].app_token and METHODS["apps.connections.open"].scopes == {
        "connections:write"
    }
    assert not METHODS["files.getUploadURLExternal"].json and METHODS["chat.postMessage"].json


@pytest.mark.parametrize(
    ("method", "arguments", "kind", "scopes"),
    [
        ("auth.test", {}, "channel", set()),
        ("views.open", {}, "im", set()),
        ("chat.postMessage", POST, "im", {"chat:write"}),
        ("chat.postMessage", {**POST, "username": "R"}, "im", {"chat:write", "chat:write.customize"}),
        ("conversations.info", {}, "channel", {"channels:read"}),
        ("conversations.info", {}, "private", {"groups:read"}),
        ("conversations.info", {}, "im", {"im:read"}),
        ("conversations.info", {}, "mpim", {"mpim:read"}),
        ("conversations.replies", {}, "private", {"groups:history"}),
        ("conversations.open", {"users": "U1"}, "channel", {"im:write"}),
        ("conversations.open", {"users": "U1,U2"}, "channel", {"mpim:write"}),
        ("files.info", {}, "channel", {"files:read"}),
        ("usergroups.users.list", {"usergroup": "S1"}, "channel", {"usergroups:read"}),
        ("assistant.threads.setTitle", {}, "im", {"assistant:write"}),
    ],
)
def test_scopes(method: str, arguments: Json, kind: Kind, scopes: set[str]) -> None:
    assert scopes_of(method, arguments, kind) == scopes


def test_scopes_of_an_unknown_method() -> None:
    with pytest.raises(SlackError, match="unknown_method"):
        scopes_of("chat.shout", {})
