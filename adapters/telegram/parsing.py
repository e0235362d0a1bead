"""Telegram's updates in our words. Pure: an update goes in, a `Message`, a `Press` or None comes out.

Nothing that a server or a stranger puts into an update raises: what is not understood is None, with a log line. Which
messages are worth an answer is core's decision; who may write at all, the receiver's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import structlog

from core.messages import Attachment, ConversationKey, Incoming, MediaKind, Message, Person, Press

PLATFORM = "telegram"
DOWNLOAD_BYTES = 20 << 20
"""What the public Bot API server gives to bots."""

_COMMAND = re.compile(r"/([A-Za-z0-9_]{1,32})(?:@([A-Za-z0-9_]+))?(?=\s|$)")
_OTHER_CONTENT = (
    "sticker", "contact", "location", "venue", "poll", "dice", "game", "story", "paid_media", "checklist", "invoice",
)  # fmt: skip
"""Fields of what people send and we cannot use. A message without these, text and file is a service message."""
_FILES = {
    "animation": (MediaKind.VIDEO, "video/mp4"),
    "video": (MediaKind.VIDEO, "video/mp4"),
    "video_note": (MediaKind.VIDEO, "video/mp4"),
    "voice": (MediaKind.VOICE, "audio/ogg"),
    "audio": (MediaKind.AUDIO, "audio/mpeg"),
    "document": (MediaKind.DOCUMENT, ""),
}
"""Field of the message, what it is for us, and its type when Telegram does not say. An animation comes with a document
that is the same file, so it is looked for first."""

_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

_log = structlog.get_logger(__name__)

Raw = dict[str, Any]


class _Ignored(Exception):
    """Nothing for us; the text is the reason for the log."""


def parse_update(raw: object, *, bot_id: int, bot_username: str, now: datetime) -> Message | Press | None:
    """What an update means for us; None for what is not for this bot, and for what cannot be understood.

    bot_username: without the @
    now: when a press happened, which Telegram does not say
    """
    try:
        return _parsed(_dict(raw), bot_id, bot_username.lower(), now)
    except _Ignored as reason:
        _log.debug("telegram_update_ignored", update_id=update_id_of(raw), reason=str(reason))
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, OSError) as error:
        _log.warning("telegram_update_malformed", update_id=update_id_of(raw), error=type(error).__name__)
    return None


def update_id_of(raw: object) -> int | None:
    """The update's number; None for what no server would give, lest it become an offset that no server takes."""
    update_id = raw.get("update_id") if isinstance(raw, dict) else None
    return update_id if type(update_id) is int and 0 <= update_id < 1 << 53 else None


def clean(text: str) -> str:
    """Text without what UTF-8, a database or a reader does not take: lone surrogates, control characters, and signs
    that turn the direction of what stands after them, such as the price."""
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _FORBIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def _parsed(raw: Raw, bot_id: int, username: str, now: datetime) -> Incoming:
    event_id = f"update:{_int(raw['update_id'])}"
    if "callback_query" in raw:
        return _press(_dict(raw["callback_query"]), event_id, now)
    for field, edited in (("message", False), ("edited_message", True)):
        if field in raw:
            return _message(_dict(raw[field]), event_id, bot_id, username, edited=edited)
    raise _Ignored("kind")


def _press(raw: Raw, event_id: str, now: datetime) -> Press:
    if "message" not in raw or "data" not in raw:
        raise _Ignored("no button of ours")
    message = _dict(raw["message"])
    chat = _dict(message["chat"])
    return Press(
        event_id=event_id,
        key=_key(message, chat),
        id=str(_int(message["message_id"])),
        sender=_user(_dict(raw["from"])),
        action=_str(raw["data"]),
        sent_at=now,
        private=chat.get("type") == "private",
        ref=_str(raw["id"]),
    )


def _message(raw: Raw, event_id: str, bot_id: int, username: str, *, edited: bool) -> Message:
    chat = _dict(raw["chat"])
    if chat.get("type") not in ("private", "group", "supergroup"):
        raise _Ignored("chat type")
    sender = _sender(raw)
    attachments = tuple(_attachments(raw))
    said = raw.get("text", raw.get("caption"))
    if said is None and not attachments:
        raise _Ignored("service message")
    text = _str(said).strip() if said is not None else ""
    command, text = _command(text, username)
    text, mentioned = _without_mention(text, username)
    private = chat["type"] == "private"
    reply_to, replies_to_bot = _reply(raw, bot_id)
    return Message(
        event_id=event_id,
        key=_key(raw, chat),
        id=str(_int(raw["message_id"])),
        sender=sender,
        text=text,
        sent_at=datetime.fromtimestamp(_int(raw.get("edit_date", raw["date"])), UTC),
        private=private,
        addressed=private or bool(command) or mentioned or replies_to_bot or _named(raw, bot_id),
        command=command,
        reply_to=reply_to,
        attachments=attachments,
        album=clean(album) if isinstance(album := raw.get("media_group_id"), str) else "",
        edited=edited,
    )


def _key(message: Raw, chat: Raw) -> ConversationKey:
    """A topic is a thread of ours; replies in a group without topics carry a thread id as well, which is not."""
    in_topic = message.get("is_topic_message") is True and "message_thread_id" in message
    thread = str(_int(message["message_thread_id"])) if in_topic else ""
    return ConversationKey(platform=PLATFORM, chat=str(_int(chat["id"])), thread=thread)


def _sender(raw: Raw) -> Person:
    """Who wrote: a person, or a chat in whose name an anonymous admin or a channel's owner writes."""
    if raw.get("is_automatic_forward"):
        raise _Ignored("forwarded by the linked channel")
    if "sender_chat" in raw:
        chat = _dict(raw["sender_chat"])
        name = raw.get("author_signature") or chat.get("title") or ""
        return Person(id=f"{PLATFORM}:{_int(chat['id'])}", name=_str(name))
    if "from" not in raw:
        raise _Ignored("no sender")
    user = _dict(raw["from"])
    if user.get("is_bot"):
        raise _Ignored("a bot")
    return _user(user)


def _user(raw: Raw) -> Person:
    names = (raw.get("first_name", ""), raw.get("last_name", ""))
    return Person(
        id=f"{PLATFORM}:{_int(raw['id'])}",
        name=" ".join(_str(name) for name in names if name),
        language=_str(raw.get("language_code", "")),
    )


def _command(text: str, username: str) -> tuple[str, str]:
    """The command's name in small letters, and what follows it; an empty name when it is none."""
    match = _COMMAND.match(text)
    if match is None:
        return "", text
    if match[2] is not None and match[2].lower() != username:
        raise _Ignored("another bot's command")
    return match[1].lower(), text[match.end() :].strip()


def _without_mention(text: str, username: str) -> tuple[str, bool]:
    """The text without the bot's @name, and whether it was there."""
    if not username:
        return text, False
    mention = re.compile(rf"(?<![\w@/.])@{re.escape(username)}(?!\w)", re.IGNORECASE)
    parts = [part.strip(" \t") for part in mention.split(text)]
    if len(parts) == 1:
        return text, False
    if not parts[0]:
        parts[1] = parts[1].lstrip(" ,:;")
    return " ".join(part for part in parts if part).strip(), True


def _reply(raw: Raw, bot_id: int) -> tuple[str, bool]:
    """The message that is replied to, and whether the bot wrote it. In a topic, every message that replies to nothing
    comes as a reply to the message that opened the topic."""
    if "reply_to_message" not in raw:
        return "", False
    target = _dict(raw["reply_to_message"])
    target_id = _int(target["message_id"])
    if raw.get("is_topic_message") is True and target_id == raw.get("message_thread_id"):
        return "", False
    author = target.get("from")
    return str(target_id), isinstance(author, dict) and author.get("id") == bot_id


def _named(raw: Raw, bot_id: int) -> bool:
    """Whether the bot is mentioned by its id instead of its @name."""
    entities = raw.get("entities", raw.get("caption_entities", ()))
    return isinstance(entities, list) and any(
        isinstance(entity, dict)
        and entity.get("type") == "text_mention"
        and isinstance(entity.get("user"), dict)
        and entity["user"].get("id") == bot_id
        for entity in entities
    )


def _attachments(raw: Raw) -> Iterator[Attachment]:
    if "photo" in raw:
        yield _photo(raw["photo"])
        return
    for field, (kind, mime_type) in _FILES.items():
        if field in raw:
            yield _file(_dict(raw[field]), kind, mime_type)
            return
    for field in _OTHER_CONTENT:
        if field in raw:
            content = raw[field]
            ref = content.get("file_id", "") if isinstance(content, dict) else ""
            yield Attachment(kind=MediaKind.OTHER, ref=_str(ref))
            return


def _photo(raw: object) -> Attachment:
    """The largest of a photo's sizes that bots may fetch."""
    if not isinstance(raw, list) or not raw:
        raise ValueError("photo")
    sizes = [_file(_dict(size), MediaKind.PHOTO, "image/jpeg") for size in raw]
    fetchable = [size for size in sizes if size.size_bytes <= DOWNLOAD_BYTES]
    return max(fetchable or sizes, key=lambda size: size.width * size.height)


def _file(raw: Raw, kind: MediaKind, mime_type: str) -> Attachment:
    side = _int(raw.get("length", 0))
    return Attachment(
        kind=kind,
        ref=_str(raw["file_id"]),
        mime_type=_str(raw.get("mime_type", mime_type)),
        size_bytes=max(0, _int(raw.get("file_size", 0))),
        width=max(0, _int(raw.get("width", side))),
        height=max(0, _int(raw.get("height", side))),
        duration_s=float(max(0, _int(raw.get("duration", 0)))),
        file_name=_str(raw.get("file_name", "")),
    )


def _dict(value: object) -> Raw:
    if not isinstance(value, dict):
        raise TypeError("object expected")
    return value


def _int(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("integer expected")
    if abs(value) >= 1 << 63:
        raise ValueError("integer out of range")
    return value


def _str(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("string expected")
    return clean(value)
