"""Nothing that comes from Slack can raise, or bring in what cannot be stored or shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.slack.parsing import (
    HomeOpened,
    opened_home,
    parse_command,
    parse_event,
    parse_press,
    parse_shortcut,
    parse_submission,
)
from adapters.slack.text import said
from core.messages import Incoming, Message
from tests.adapters.slack.payloads import (
    HERE,
    NOW,
    ROOT,
    TS,
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

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_marked = st.text(st.sampled_from("<>@#!|^&;:/,. ltgampU0BOTC12\n\x00é"), max_size=60)
_READERS: tuple[Callable[[object], Incoming | HomeOpened | None], ...] = (
    lambda raw: parse_event(raw, HERE, now=NOW),
    lambda raw: parse_command(raw, HERE, now=NOW),
    lambda raw: parse_shortcut(raw, HERE, now=NOW),
    lambda raw: parse_press(raw, HERE, now=NOW),
    lambda raw: parse_submission(raw, HERE, now=NOW),
    lambda raw: opened_home(raw, HERE),
)
_VALID = (
    envelope(written("<@U0BOT> <https://x|y>", channel="C1", thread_ts=ROOT, files=[file(duration_ms=1)])),
    envelope(written(attachments=[{"is_share": True, "text": "x", "files": [file()]}])),
    envelope(edit("<@U0BOT> b", "a", channel="C1")),
    envelope(stopped()),
    envelope({"type": "app_home_opened", "user": "U1", "channel": "D1", "tab": "messages"}),
    command(),
    shortcut(),
    pressed(),
    pressed({"type": "overflow", "selected_option": {"value": "x"}}),
    at_home(),
    submitted(),
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in pairs:
        found += _paths(inner, (*path, name))
    return found


def _replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _replaced(value[path[0]], path[1:], new)
    return copy


def _check_fit(result: Incoming | HomeOpened | None) -> None:
    """What was understood can be stored and shown: it is valid text, and names nobody who was not there."""
    if isinstance(result, HomeOpened) or result is None:
        return
    texts = [result.event_id, result.id, result.key.chat, result.key.thread, result.sender.team]
    if isinstance(result, Message):
        shown = [result.text, *(one.file_name for one in result.attachments)]
    else:
        shown = list(result.values.values())
        texts += [result.action, result.ref]
    for text in texts + shown:
        text.encode()
        assert "\x00" not in text
    assert not any("<@" in text for text in shown)


@settings(max_examples=100, deadline=None)
@given(raw=_json)
def test_nothing_raises(raw: object) -> None:
    for read in _READERS:
        assert read(raw) is None
        read({"event": raw})


@settings(max_examples=600, deadline=None)
@given(data=st.data())
def test_no_damage_to_a_valid_payload_raises(data: st.DataObject) -> None:
    valid = data.draw(st.sampled_from(_VALID))
    damaged = _replaced(valid, data.draw(st.sampled_from(_paths(valid))), data.draw(_json | _marked))
    for read in _READERS:
        _check_fit(read(damaged))


@settings(max_examples=300, deadline=None)
@given(text=_marked)
def test_no_text_mentions_anybody(text: str) -> None:
    assert "<@" not in said(text, "U0BOT")[0]
    for payload in (envelope(written(text)), command(text), shortcut(message={"ts": TS, "text": text})):
        for read in _READERS:
            _check_fit(read(payload))
