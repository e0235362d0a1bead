"""Methods by which the bot changes what is there: edits, deletions, reactions, answers to presses."""

import time
from typing import Any

from tests.emulators.telegram_errors import bad_request
from tests.emulators.telegram_files import Media
from tests.emulators.telegram_messages import TelegramMessage, keyboard
from tests.emulators.telegram_sending import Params, Uploads, check_right, media_of, message_caption, message_text
from tests.emulators.telegram_state import ServerState
from tests.emulators.telegram_text import Entity, units

DELETABLE_FOR = 48 * 3600
"""seconds after sending in which a message can be deleted"""
CALLBACK_ANSWER_LIMIT = 200

REACTIONS = frozenset({
    "❤", "👍", "👎", "🔥", "🥰", "👏", "😁", "🤔", "🤯", "😱", "🤬", "😢", "🎉", "🤩", "🤮", "💩",
    "🙏", "👌", "🕊", "🤡", "🥱", "🥴", "😍", "🐳", "❤‍🔥", "🌚", "🌭", "💯", "🤣", "⚡", "🍌",
    "🏆", "💔", "🤨", "😐", "🍓", "🍾", "💋", "🖕", "😈", "😴", "😭", "🤓", "👻", "👨‍💻", "👀",
    "🎃", "🙈", "😇", "😨", "🤝", "✍", "🤗", "🫡", "🎅", "🎄", "☃", "💅", "🤪", "🗿", "🆒", "💘",
    "🙉", "🦄", "😘", "💊", "🙊", "😎", "👾", "🤷‍♂", "🤷", "🤷‍♀", "😡",
})  # fmt: skip

_NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current"
    " content and reply markup of the message"
)
_QUERY_GONE = "query is too old and response timeout expired or query ID is invalid"


async def edit_message_text(state: ServerState, params: Params, uploads: Uploads) -> dict[str, Any]:
    """editMessageText"""
    message = _own_message(state, params)
    text, entities = message_text(params)
    if message.text is None:
        raise bad_request("there is no text in the message to edit")
    return _edited(message, params, text=text, entities=entities)


async def edit_message_caption(state: ServerState, params: Params, uploads: Uploads) -> dict[str, Any]:
    """editMessageCaption"""
    message = _own_message(state, params)
    if message.media is None:
        raise bad_request("there is no caption in the message to edit")
    caption, entities = message_caption(params)
    return _edited(message, params, caption=caption, entities=entities, media=message.media)


async def edit_message_media(state: ServerState, params: Params, uploads: Uploads) -> dict[str, Any]:
    """editMessageMedia, which also turns a text into media (Bot API 7.11)"""
    message = _own_message(state, params)
    given = params["media"]
    check_right(message.chat, given["type"])
    caption, entities = message_caption(given)
    media = media_of(state, given["type"], given["media"], given, uploads)
    return _edited(message, params, media=media, caption=caption, entities=entities)


async def edit_message_reply_markup(state: ServerState, params: Params, uploads: Uploads) -> dict[str, Any]:
    """editMessageReplyMarkup"""
    message = _own_message(state, params)
    return _edited(
        message,
        params,
        text=message.text,
        caption=message.caption,
        entities=message.entities,
        media=message.media,
    )


async def delete_message(state: ServerState, params: Params, uploads: Uploads) -> bool:
    """deleteMessage"""
    _delete(_deletable(state, params["chat_id"], params["message_id"]))
    return True


async def delete_messages(state: ServerState, params: Params, uploads: Uploads) -> bool:
    """deleteMessages, which passes over messages that are not there"""
    if not 1 <= len(params["message_ids"]) <= 100:
        raise bad_request("from 1 to 100 message identifiers must be specified")
    chat = state.chat(params["chat_id"])
    present = [one for one in params["message_ids"] if chat.message(one) is not None]
    for message in [_deletable(state, chat.id, one) for one in present]:
        _delete(message)
    return True


async def set_message_reaction(state: ServerState, params: Params, uploads: Uploads) -> bool:
    """setMessageReaction"""
    chat = state.chat(params["chat_id"])
    chat.check_bot_is_here()
    message = chat.message(params["message_id"])
    if message is None:
        raise bad_request("message to react not found")
    emoji = [one["emoji"] for one in params.get("reaction", [])]
    if len(emoji) > 1:
        raise bad_request("REACTIONS_TOO_MANY")
    if not REACTIONS.issuperset(emoji):
        raise bad_request("REACTION_INVALID")
    message.reactions = emoji
    message.changed = state.changed()
    return True


async def answer_callback_query(state: ServerState, params: Params, uploads: Uploads) -> bool:
    """answerCallbackQuery"""
    press = state.presses.get(params["callback_query_id"])
    if press is None or press.answered or time.monotonic() - press.at > state.limits.query_lifetime:
        raise bad_request(_QUERY_GONE)
    text = params.get("text")
    if units(text or "") > CALLBACK_ANSWER_LIMIT:
        raise bad_request("MESSAGE_TOO_LONG")
    press.answered, press.answer, press.alert = True, text, params.get("show_alert", False)
    state.changed()
    return True


def _own_message(state: ServerState, params: Params) -> TelegramMessage:
    chat = state.chat(params.get("chat_id"))
    if not params.get("message_id"):
        raise bad_request("message identifier is not specified")
    chat.check_bot_is_here()
    message = chat.message(params["message_id"])
    if message is None:
        raise bad_request("message to edit not found")
    if not message.from_bot or "forum_topic_created" in message.other:
        raise bad_request("message can't be edited")
    return message


def _edited(
    message: TelegramMessage,
    params: Params,
    *,
    text: str | None = None,
    caption: str | None = None,
    entities: list[Entity],
    media: Media | None = None,
) -> dict[str, Any]:
    """Change the message; an edit that does not name buttons takes them away, as on the real server."""
    buttons = keyboard(params.get("reply_markup"))
    before = (message.text, message.caption, message.entities, message.media, message.keyboard)
    if before == (text, caption, entities, media, buttons):
        raise bad_request(_NOT_MODIFIED)
    message.edits.append(message.snapshot())
    message.text, message.caption, message.entities, message.media, message.keyboard = (
        text, caption, entities, media, buttons
    )  # fmt: skip
    message.edit_date = int(time.time())
    message.changed = message.chat.state.changed()
    return message.to_api()


def _deletable(state: ServerState, chat_id: int | str, message_id: int) -> TelegramMessage:
    chat = state.chat(chat_id)
    chat.check_bot_is_here()
    message = chat.message(message_id)
    if message is None:
        raise bad_request("message to delete not found")
    others = chat.is_group and not message.from_bot and not chat.bot_may("can_delete_messages")
    if others or time.time() - message.date > DELETABLE_FOR:
        raise bad_request("message can't be deleted for everyone")
    return message


def _delete(message: TelegramMessage) -> None:
    message.deleted = True
    message.changed = message.chat.state.changed()
