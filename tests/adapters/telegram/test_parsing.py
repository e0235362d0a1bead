"""What updates mean, and that none of them can raise."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.telegram.albums import Albums
from adapters.telegram.parsing import clean, parse_update
from core.messages import ConversationKey, Incoming, MediaKind, Message, Press
from tests.adapters.telegram.support import BOT_USER, GROUP, START, update


def parsed(raw: object) -> Incoming | None:
    return parse_update(raw, bot_id=123456, bot_username="reelbot", now=START)


def message(raw: object) -> Message:
    result = parsed(raw)
    assert isinstance(result, Message)
    return result


def test_private_text() -> None:
    got = message(update())
    assert got.event_id == "update:700"
    assert got.key == ConversationKey(platform="telegram", chat="5000001")
    assert (got.id, got.text, got.private, got.addressed, got.command) == ("7", "a red fox", True, True, "")
    assert (got.sender.id, got.sender.name, got.sender.language) == ("telegram:5000001", "Anna", "en")
    assert got.sent_at == datetime.fromtimestamp(1_795_000_000, UTC)


@pytest.mark.parametrize(
    ("said", "command", "text"),
    [
        ("/video@reelbot make  a fox", "video", "make  a fox"),
        ("/video@ReelBot\na fox", "video", "a fox"),
        ("/STATUS", "status", ""),
        ("/home/user is a path", "", "/home/user is a path"),
        ("say /video", "", "say /video"),
        ("/ hm", "", "/ hm"),
    ],
)
def test_commands(said: str, command: str, text: str) -> None:
    got = message(update(text=said))
    assert (got.command, got.text) == (command, text)


def test_command_in_a_group_is_addressed_and_another_bots_is_ignored() -> None:
    assert message(update(chat=GROUP, text="/video a fox")).addressed
    assert parsed(update(chat=GROUP, text="/video@otherbot a fox")) is None


@pytest.mark.parametrize(
    ("said", "text", "addressed"),
    [
        ("@reelbot a fox", "a fox", True),
        ("@ReelBot, a fox", "a fox", True),
        ("a fox please @reelbot", "a fox please", True),
        ("hey @reelbot make it", "hey make it", True),
        ("@reelbot", "", True),
        ("@reelbots a fox", "@reelbots a fox", False),
        ("mail me@reelbot.example", "mail me@reelbot.example", False),
        ("lunch?", "lunch?", False),
    ],
)
def test_mentions_in_a_group(said: str, text: str, addressed: bool) -> None:
    got = message(update(chat=GROUP, text=said))
    assert (got.text, got.addressed, got.private) == (text, addressed, False)


def test_mention_by_id_is_addressed() -> None:
    entity = {"type": "text_mention", "offset": 0, "length": 3, "user": dict(BOT_USER)}
    assert message(update(chat=GROUP, text="you there", entities=[entity])).addressed


def test_replies() -> None:
    to_bot = {"message_id": 3, "from": dict(BOT_USER), "chat": GROUP, "date": 1}
    to_anna = {"message_id": 4, "from": {"id": 1, "is_bot": False, "first_name": "A"}, "chat": GROUP, "date": 1}
    got = message(update(chat=GROUP, reply_to_message=to_bot))
    assert (got.reply_to, got.addressed) == ("3", True)
    got = message(update(chat=GROUP, reply_to_message=to_anna, message_thread_id=4))
    assert (got.reply_to, got.addressed, got.key.thread) == ("4", False, "")


def test_topic_is_a_thread_and_its_opening_message_no_reply() -> None:
    opened = {"message_id": 30, "from": dict(BOT_USER), "chat": GROUP, "date": 1, "forum_topic_created": {"name": "x"}}
    got = message(update(chat=GROUP, message_thread_id=30, is_topic_message=True, reply_to_message=opened))
    assert (got.key.thread, got.reply_to, got.addressed) == ("30", "", False)


def test_edits_have_events_of_their_own() -> None:
    raw = update(text="a blue fox", edit_date=1_795_000_009)
    got = message({"update_id": 701, "edited_message": raw["message"]})
    assert (got.event_id, got.edited, got.id, got.text) == ("update:701", True, "7", "a blue fox")
    assert got.sent_at.timestamp() == 1_795_000_009


def _size(file_id: str, width: int, size: int) -> dict[str, Any]:
    return {"file_id": file_id, "file_unique_id": "u", "width": width, "height": width, "file_size": size}


def test_photo_takes_the_largest_that_can_be_fetched() -> None:
    sizes = [_size("s", 90, 1_000), _size("huge", 9_000, 30 << 20), _size("m", 1280, 90_000)]
    got = message(update(text=None, photo=sizes, caption="make it move"))
    assert got.text == "make it move"
    (photo,) = got.attachments
    assert (photo.kind, photo.ref, photo.mime_type, photo.width) == (MediaKind.PHOTO, "m", "image/jpeg", 1280)


@pytest.mark.parametrize(
    ("field", "kind", "mime_type"),
    [
        ("video", MediaKind.VIDEO, "video/mp4"),
        ("voice", MediaKind.VOICE, "audio/ogg"),
        ("audio", MediaKind.AUDIO, "audio/mpeg"),
        ("document", MediaKind.DOCUMENT, ""),
        ("animation", MediaKind.VIDEO, "video/mp4"),
        ("video_note", MediaKind.VIDEO, "video/mp4"),
        ("sticker", MediaKind.OTHER, ""),
    ],
)
def test_files(field: str, kind: MediaKind, mime_type: str) -> None:
    file = {"file_id": "f", "file_unique_id": "u", "duration": 3, "file_size": 9}
    got = message(update(text=None, **{field: file}))
    (one,) = got.attachments
    assert (one.kind, one.ref, one.mime_type) == (kind, "f", mime_type)


def test_animation_is_not_counted_twice() -> None:
    file = {"file_id": "f", "file_unique_id": "u"}
    assert [one.kind for one in message(update(text=None, animation=file, document=file)).attachments] == ["video"]


def test_what_cannot_be_used_is_still_a_message() -> None:
    got = message(update(text=None, location={"latitude": 1.0, "longitude": 2.0}))
    assert [(one.kind, one.ref) for one in got.attachments] == [(MediaKind.OTHER, "")]


def test_forwarded_text_is_a_message() -> None:
    origin = {"type": "hidden_user", "date": 1, "sender_user_name": "Bob"}
    assert message(update(forward_origin=origin)).text == "a red fox"


@pytest.mark.parametrize(
    "raw",
    [
        update(text=None, new_chat_members=[dict(BOT_USER)]),
        update(text=None, pinned_message={"message_id": 1}),
        update(**{"from": {"id": 99, "is_bot": True, "first_name": "Other"}}),
        update(chat=GROUP, is_automatic_forward=True),
        update(chat={"id": -5, "type": "channel", "title": "News"}),
        {"update_id": 5, "channel_post": update()["message"]},
        {"update_id": 5, "my_chat_member": {}},
        {"update_id": 5},
    ],
)
def test_ignored(raw: dict[str, Any]) -> None:
    assert parsed(raw) is None


def test_anonymous_admin_writes_in_the_name_of_the_group() -> None:
    got = message(update(chat=GROUP, sender_chat=dict(GROUP), **{"from": {"id": 1087968824, "is_bot": True}}))
    assert (got.sender.id, got.sender.name) == ("telegram:-1001000", "Team")


def _press(**fields: Any) -> dict[str, Any]:
    shown = {"message_id": 9, "chat": dict(GROUP), "date": 0, "message_thread_id": 30, "is_topic_message": True}
    user = {"id": 5_000_001, "is_bot": False, "first_name": "Anna", "last_name": "Berg"}
    raw = {"id": "4711", "from": user, "message": shown, "chat_instance": "1", "data": "make:12", **fields}
    return {"update_id": 800, "callback_query": {name: value for name, value in raw.items() if value is not None}}


def test_press() -> None:
    got = parsed(_press())
    assert isinstance(got, Press)
    assert (got.event_id, got.id, got.action, got.ref, got.private) == ("update:800", "9", "make:12", "4711", False)
    assert (got.key.chat, got.key.thread, got.sender.name, got.sent_at) == ("-1001000", "30", "Anna Berg", START)


def test_press_without_our_button_is_ignored() -> None:
    assert parsed(_press(data=None)) is None
    assert parsed(_press(message=None, inline_message_id="x")) is None


def test_text_is_fit_for_a_database() -> None:
    lone = json.loads('"fox \\ud800 \\u0000 \\ud83e\\udd8a"')
    got = message(update(text=lone))
    assert got.text == "fox \ufffd  🦊"
    got.text.encode()
    assert clean("a\x00b") == "ab"


# --- malformed -------------------------------------------------------------------------------------------------------

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_VALID = (
    update(),
    update(chat=GROUP, text="@reelbot x", reply_to_message={"message_id": 1, "from": dict(BOT_USER)}),
    update(text=None, photo=[_size("a", 1, 1)], caption="x", media_group_id="1"),
    update(text=None, document={"file_id": "f", "mime_type": "a", "file_size": 1, "file_name": "n"}),
    update(chat=GROUP, sender_chat=dict(GROUP), message_thread_id=1, is_topic_message=True),
    update(entities=[{"type": "text_mention", "user": dict(BOT_USER)}]),
    _press(),
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


@settings(max_examples=150, deadline=None)
@given(raw=_json)
def test_nothing_raises(raw: object) -> None:
    assert parsed(raw) is None
    parsed({"message": raw, "update_id": 1})


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_no_damage_to_a_valid_update_raises(data: st.DataObject) -> None:
    valid = data.draw(st.sampled_from(_VALID))
    damaged = _replaced(valid, data.draw(st.sampled_from(_paths(valid))), data.draw(_json))
    result = parsed(damaged)
    if isinstance(result, Message):
        result.text.encode()


# --- albums ----------------------------------------------------------------------------------------------------------


def _part(number: int, caption: str | None = None, *, album: str = "1") -> Message:
    photo = [_size(f"p{number}", 100, 10)]
    return message(update(chat=GROUP, message_id=number, text=None, photo=photo, caption=caption, media_group_id=album))


def test_an_album_is_addressed_if_its_caption_is() -> None:
    albums = Albums()
    first = albums.joined(_part(7, "@reelbot both"))
    second = albums.joined(_part(8))
    assert (first.text, first.addressed, second.text, second.addressed) == ("both", True, "", True)
    assert not albums.joined(_part(9, album="another")).addressed
    assert not albums.joined(_part(9, album="")).addressed


def test_old_albums_are_forgotten() -> None:
    albums = Albums()
    albums.joined(_part(7, "@reelbot both"))
    for other in range(600):
        albums.joined(_part(1_000 + other, album=f"other {other}"))
    assert not albums.joined(_part(8)).addressed
