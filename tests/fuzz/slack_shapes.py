"""Slack's events, presses, forms and commands, as the emulator sends them, and strategies that make them.

They are made for the workspace of `tests.adapters.slack.payloads`.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.adapters.slack.payloads import (
    at_home,
    command,
    edit,
    envelope,
    file,
    pressed,
    shortcut,
    stopped,
    submitted,
    written,
)
from tests.fuzz.damage import NASTY_NUMBERS, any_text, any_value, damaged
from tests.fuzz.wording import actions, said

Payload = tuple[str, Any]
"""How it comes ("event", "interactive", "command"), and what."""

_CHANNELS = ("D1", "D2", "C1", "C2", "G1")
_STAMPS = (*(f"17950000{number:02}.000100" for number in range(8)), "0000000001.000000", "9999999999.999999")
_SUBTYPES = (
    *(None,) * 12, "file_share", "thread_broadcast", "me_message", "bot_message", "message_deleted",
    "channel_join", "message_replied", "assistant_app_thread", "huddle_thread", "tombstone",
)  # fmt: skip
_KINDS = ("app_mention", "message", "reaction_added", "team_join", "file_shared", "tokens_revoked", "function_executed")
_BLOCKS: tuple[list[dict[str, Any]], ...] = (
    [],
    [{"type": "rich_text", "block_id": "b", "elements": [{"type": "rich_text_section", "elements": []}]}],
    [{"type": "section", "text": {"type": "mrkdwn", "text": "<@U0BOT>"}}],
)

_files = st.builds(
    lambda name, size, kind, mode: file(name=name, size=size, mimetype=kind, mode=mode),
    any_text,
    st.sampled_from(NASTY_NUMBERS),
    st.sampled_from(["image/png", "image/heic", "video/mp4", "audio/mp4", "application/pdf", "", "x" * 300]),
    st.sampled_from(["hosted", "external", "tombstone", "snippet", "hidden_by_limit"]),
)
_stamps = st.sampled_from(_STAMPS)
_people = st.sampled_from(["U1", "U2", "W3", "U0BOT", "USLACKBOT"])


@st.composite
def _written(draw: st.DrawFn) -> dict[str, Any]:
    ts, root = draw(_stamps), draw(st.none() | _stamps)
    return written(
        draw(st.sampled_from(["", "", "<@U0BOT> ", "<@U0BOT|bot>: "])) + draw(said),
        channel=draw(st.sampled_from(_CHANNELS)),
        user=draw(_people),
        ts=ts,
        event_ts=ts,
        thread_ts=root,
        subtype=draw(st.sampled_from(_SUBTYPES)),
        files=draw(st.none() | st.lists(_files, max_size=2)),
        attachments=draw(st.none() | st.just([{"is_share": True, "text": "<@U2> says", "files": []}])),
        blocks=draw(st.sampled_from(_BLOCKS)),
        user_team=draw(st.sampled_from([None, "T0REEL", "T9OTHER"])),
        type=draw(st.sampled_from([*["message"] * 12, *_KINDS])),
    )


def _edited(text: str, before: str, channel: str, fields: dict[str, Any]) -> dict[str, Any]:
    return edit(text, before, channel=channel, **fields)


_events = (
    _written()
    | _written()
    | _written()
    | st.builds(
        _edited, said, said, st.sampled_from(_CHANNELS), st.fixed_dictionaries({}, optional={"thread_ts": _stamps})
    )
    | st.builds(lambda ts, channel: stopped(thread_ts=ts, channel=channel), _stamps, st.sampled_from(_CHANNELS))
    | st.builds(
        lambda tab, user: {"type": "app_home_opened", "user": user, "channel": "D1", "tab": tab},
        st.sampled_from(["home", "messages", "about"]),
        _people,
    )
)
_enveloped = st.builds(
    lambda event, shared, team: envelope(event, is_ext_shared_channel=shared, team_id=team),
    _events,
    st.booleans(),
    st.sampled_from(["T0REEL"] * 7 + ["T9OTHER"]),
)
_pressed = st.builds(
    lambda value, at, kind: pressed(
        {"value": value, "action_ts": at, "type": kind, "selected_option": {"value": value}}
    ),
    actions,
    _stamps,
    st.sampled_from(["button"] * 3 + ["static_select", "overflow", "feedback_buttons", "users_select"]),
)
_submitted = st.builds(
    lambda action, values, number: submitted(
        {"action": action, "chat": "T0REEL/C1", "thread": "1794999000.000200", "id": "1795000000.000100"},
        state={"values": values},
        hash=f"1795.{number}",
    ),
    actions,
    st.dictionaries(
        st.sampled_from(["idea", "style", "duration_s", "aspect", "tier", "resolution", "audio", "", "x"]),
        st.dictionaries(
            st.just("a"),
            st.builds(lambda value: {"type": "plain_text_input", "value": value}, said)
            | st.builds(lambda value: {"type": "static_select", "selected_option": {"value": value}}, any_text),
            max_size=1,
        ),
        max_size=3,
    ),
    st.integers(0, 99),
)
_commands = st.builds(
    lambda text, channel, trigger, user: command(text, channel_id=channel, trigger_id=f"1.{trigger}.c", user_id=user),
    said,
    st.sampled_from(_CHANNELS),
    st.integers(0, 30),
    _people,
)
_shortcuts = st.builds(
    lambda text, number: shortcut(
        message={"type": "message", "user": "U2", "text": text, "ts": "1795000000.000100", "team": "T0REEL"},
        trigger_id=f"2.{number}.s",
    ),
    said,
    st.integers(0, 30),
)


def _with_triggers(payload: dict[str, Any], number: int) -> dict[str, Any]:
    return payload if payload.get("trigger_id") else payload | {"trigger_id": f"3.{number}.x"}


_interactive = st.builds(_with_triggers, _pressed | _submitted | _shortcuts | st.builds(at_home), st.integers(0, 30))

_worded: st.SearchStrategy[Payload] = st.sampled_from(
    [("event", _enveloped), ("event", _enveloped), ("interactive", _interactive), ("command", _commands)]
).flatmap(lambda kind: st.tuples(st.just(kind[0]), damaged(kind[1])))
any_payload: st.SearchStrategy[Payload] = st.integers(0, 9).flatmap(
    lambda kind: _worded if kind else st.tuples(st.sampled_from(["event", "interactive", "command"]), any_value)
)
"""What Slack could post, half of it with something wrong with it, and what is none of Slack's."""
