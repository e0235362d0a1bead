"""Whatever Telegram, or somebody in its name, posts: nothing raises, nothing blocks, and the next good message is
answered."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from adapters.telegram.parsing import parse_update, update_id_of
from core.messages import Incoming, MediaKind, Message, Press
from tests.adapters.telegram.support import update
from tests.fuzz.damage import nested
from tests.fuzz.listening import PostedTelegram
from tests.fuzz.telegram_shapes import BOT_ID, BOT_NAME, any_update
from tests.fuzz.volume import BATCH, PATIENT, tries

pytestmark = PATIENT

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
BODIES = (
    b"", b"\xff\xfe", b"{", b"[]", b"null", b"5", b'"\\ud800"', b"[" * 100_000, b'{"a":' * 100_000, b"\xef\xbb\xbf{}",
    b"NaN",
    b"9" * 5_000, b'{"update_id": 1, "update_id": 2}', json.dumps(nested(900, objects=True)).encode(),
    b'{"update_id": 1e999}', b'{"update_id": ' + b"9" * 5_000 + b"}", "{}".encode("utf-16"),
)  # fmt: skip
"""Bodies that are no update."""


def parsed(raw: object) -> Incoming | None:
    return parse_update(raw, bot_id=BOT_ID, bot_username=BOT_NAME, now=NOW)


def check_fit(incoming: Incoming | None) -> None:
    """What was understood is of the right types, can be stored and shown, and is in a place of Telegram's."""
    if incoming is None:
        return
    texts = [incoming.event_id, incoming.id, incoming.key.chat, incoming.key.thread, incoming.sender.id]
    texts += [incoming.sender.name, incoming.sender.language]
    if isinstance(incoming, Message):
        texts += [incoming.text, incoming.command, incoming.reply_to, incoming.album]
        for one in incoming.attachments:
            texts += [one.ref, one.mime_type, one.file_name]
            assert isinstance(one.kind, MediaKind)
            assert min(one.size_bytes, one.width, one.height, one.duration_s) >= 0
        assert incoming.sent_at.tzinfo is UTC
        assert incoming.addressed or not incoming.private
    else:
        assert isinstance(incoming, Press)
        texts += [incoming.action, incoming.ref]
    for text in texts:
        assert isinstance(text, str)
        text.encode()
        assert "\x00" not in text
        assert "\u202e" not in text
    assert incoming.key.platform == "telegram"
    assert int(incoming.key.chat) == int(incoming.key.chat)


@tries(200)
@example({"update_id": 1, "message": nested(90, objects=True)})
@example(update(date=-62_135_596_800))
@example(update(date=253_402_300_799, message_id=2**63 - 1))
@example(update(text="\ud800 /video\x00"))
@example(update(media_group_id="\ud800"))
@given(any_update)
def test_nothing_raises(raw: object) -> None:
    check_fit(parsed(raw))
    number = update_id_of(raw)
    assert number is None or 0 <= number < 2**53


@tries(8, 1 / BATCH)
@example([update(date=-62_135_596_800), update(date=253_402_300_799) | {"update_id": 2}], [0, 1, 0])
@example([update(text="a fox, 1.16:9")], [])
@example([update(media_group_id="\ud800", text=None, photo=[{"file_id": "x"}])], [])
@given(
    st.lists(any_update, min_size=BATCH, max_size=BATCH),
    st.lists(st.integers(0, BATCH - 1), max_size=4),
)
def test_the_next_good_message_is_answered(updates: list[Any], again: list[int]) -> None:
    """`again`: which of them come once more, in another order."""
    with PostedTelegram() as world:
        for raw in [*updates, *(updates[place] for place in again if place < len(updates))]:
            assert world.post(json.dumps(raw).encode()) == 200
        world.proven()


def test_bodies_that_are_no_update() -> None:
    with PostedTelegram() as world:
        for body in BODIES:
            assert world.post(body) in (200, 400), body[:20]
        world.proven()


def test_requests_of_somebody_else() -> None:
    with PostedTelegram() as world:
        body = json.dumps(update()).encode()
        for headers in ({}, {"X-Telegram-Bot-Api-Secret-Token": ""}, {"x-telegram-bot-api-secret-token": "é\udcff"}):
            assert world.request(headers, body) == 403
        assert world.chat.shown == []
        world.proven()
