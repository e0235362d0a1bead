"""Whatever Slack, or somebody in its name, posts: nothing raises, nothing blocks, and the next good message is
answered."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tests.adapters.slack.payloads import command, envelope, pressed, submitted, written
from tests.adapters.slack.test_malformed import _READERS, _check_fit
from tests.fuzz.damage import any_value, nested
from tests.fuzz.listening import PostedSlack
from tests.fuzz.slack_shapes import Payload, any_payload
from tests.fuzz.volume import BATCH, PATIENT, tries

pytestmark = PATIENT

BODIES = (
    b"", b"\xff\xfe", b"{", b"[]", b"null", b"5", b'"\\ud800"', b"[" * 100_000, b'{"a":' * 100_000, b"payload=",
    b"payload=5",
    b"payload=[]", b"payload=%ff", b"payload=null&payload={}", b"ssl_check=1", b"&&&===", b"command=%00&text=%ed%a0%80",
    b"payload=" + b"[" * 100_000, json.dumps(nested(900, objects=True)).encode(), b'{"type":"url_verification"}',
    b'{"type":"url_verification","challenge":5}', b'{"event":{"type":[]}}', b'{"event":[],"type":"event_callback"}',
)  # fmt: skip
"""Bodies that are no request of Slack's."""


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


def _is_text(body: bytes) -> bool:
    """Whether it can be signed by Slack's own SDK, which takes the body for a text."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


@tries(200)
@example(("event", envelope(written("x", ts="9999999999.999999"))))
@example(("event", envelope({"type": "message"}, authorizations=[nested(90, objects=True)])))
@example(("interactive", pressed({"value": "\ud800"})))
@given(any_payload)
def test_nothing_raises(payload: Payload) -> None:
    for read in _READERS:
        _check_fit(read(payload[1]))


@tries(8, 1 / BATCH)
@example([("event", envelope(written("a fox, 1.16:9")))], [0])
@example([("command", command("x" * 70_000)), ("interactive", submitted(hash="\ud800"))], [1, 0])
@given(
    st.lists(any_payload, min_size=BATCH, max_size=BATCH),
    st.lists(st.integers(0, BATCH - 1), max_size=4),
)
def test_the_next_good_message_is_answered(payloads: list[Payload], again: list[int]) -> None:
    """`again`: which of them come once more, in another order."""
    with PostedSlack() as world:
        for kind, payload in [*payloads, *(payloads[place] for place in again if place < len(payloads))]:
            assert world.post(kind, payload) == 200
        world.proven()


@tries(4, 0.01)
@given(st.lists(st.sampled_from(BODIES) | st.binary(max_size=200) | any_value.map(_dumped), max_size=20), st.booleans())
def test_bodies_that_are_no_request_of_slacks(bodies: list[bytes], form: bool) -> None:
    with PostedSlack() as world:
        for body in [*BODIES, *bodies]:
            status = world.post("form" if form else "raw", body)
            assert status in (200, 400) or (status == 401 and not _is_text(body)), body[:20]
        world.proven()
