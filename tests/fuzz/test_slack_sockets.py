"""Whatever comes over Socket Mode: nothing ends the listening, all that asks for it is acknowledged, and the next good
message is answered."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tests.adapters.slack.payloads import envelope, pressed, written
from tests.fuzz.connected import ENVELOPES, SocketSlack
from tests.fuzz.damage import any_text, any_value, damaged
from tests.fuzz.slack_shapes import Payload, any_payload
from tests.fuzz.test_slack_events import BODIES
from tests.fuzz.volume import BATCH, PATIENT, tries

pytestmark = PATIENT

HUGE = "x" * (5 << 20)
"""More than a client takes in one message."""
BREAKING: dict[str, str | bytes] = {"text": HUGE, "bytes": HUGE.encode(), "JSON": json.dumps(HUGE)}


def _enveloped(payload: Payload, number: int, **fields: Any) -> dict[str, Any]:
    kind, content = payload
    return {
        "envelope_id": f"e{number}",
        "type": ENVELOPES[kind],
        "payload": content,
        "accepts_response_payload": kind != "event",
        **fields,
    }


def _deep(**places: Any) -> list[str]:
    """Frames with something in these places that goes as deep as JSON's reader goes down, or a little less."""
    return [
        json.dumps({**_enveloped(("event", {}), 1), **places}).replace('"DEEP"', "[" * depth + "]" * depth)
        for depth in (100, 500, *range(840, 1_000, 4))
    ]


DEEP = (
    *_deep(payload={"type": "DEEP"}), *_deep(payload={"event": {"type": "DEEP"}}),
    *_deep(payload={"type": "event_callback", "event": {"type": "message", "text": "DEEP", "channel": "DEEP"}}),
    *_deep(payload={"type": "block_actions", "actions": [{"action_id": "DEEP", "value": "DEEP"}]}),
    *_deep(payload={"command": "DEEP", "text": "DEEP"}), *_deep(type="DEEP"), *_deep(accepts_response_payload="DEEP"),
)  # fmt: skip
"""Frames that can be read, and of which a part cannot be shown."""

_outside = st.fixed_dictionaries(
    {},
    optional={
        "envelope_id": any_value,
        "type": st.sampled_from(["", "hello", "unknown", "events_api", 5, None, [], {}]) | any_text,
        "payload": any_value,
        "accepts_response_payload": any_value,
        "retry_attempt": any_value,
        "retry_reason": any_value,
    },
)
_envelopes = st.builds(_enveloped, any_payload, st.integers(0, 9))
_misnamed = st.builds(lambda fields, whole: {**whole, **fields}, _outside, _envelopes)
_disconnects = st.fixed_dictionaries(
    {"type": st.just("disconnect")},
    optional={
        "reason": st.sampled_from(["warning", "refresh_requested", "link_disabled", "too_many_websockets"]) | any_value,
        "debug_info": any_value,
        "envelope_id": any_value,
    },
)
_frames: st.SearchStrategy[Any] = st.sampled_from(
    [
        *[_envelopes] * 6,
        *[_misnamed] * 3,
        damaged(_envelopes),
        _outside,
        any_value,
        st.binary(max_size=99) | st.sampled_from([body for body in BODIES if body]),
        any_text.map(lambda text: text.encode(errors="replace").decode()),
        _disconnects,
    ]
).flatmap(lambda kind: kind)
"""What comes, one after the other; envelopes with the same id come several times."""


@tries(8, 1 / BATCH)
@example([_enveloped(("event", envelope(written("a fox, 1.16:9"))), 1)] * 3, [1], "text")
@example([_enveloped(("interactive", pressed({"value": "\ud800"})), 1, envelope_id="\ud800" * 9)] * 2, [0, 1], None)
@given(
    st.lists(_frames, min_size=BATCH, max_size=BATCH),
    st.lists(st.integers(0, BATCH - 1), max_size=4),
    st.none() | st.sampled_from(sorted(BREAKING)),
)
def test_the_next_good_message_is_answered(frames: list[Any], again: list[int], breaks: str | None) -> None:
    """`again`: which of them come once more, in another order. `breaks`: what ends the connection in the middle."""
    with SocketSlack() as world:
        sent = [*frames, *(frames[place] for place in again if place < len(frames))]
        for place, frame in enumerate(sent):
            if breaks is not None and place == len(sent) // 2:
                world.breaks(BREAKING[breaks])
            world.frame(frame)
        world.proven()


def test_what_is_too_deep_to_be_shown() -> None:
    with SocketSlack() as world:
        for frame in DEEP:
            world.frame(frame)
        world.proven()
