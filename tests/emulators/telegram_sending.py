"""Methods by which the bot sends: messages, photos, videos, documents, chat actions. Editing is elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.emulators.telegram_chat import TelegramChat
from tests.emulators.telegram_errors import bad_request
from tests.emulators.telegram_files import Media, MediaKind, Picture
from tests.emulators.telegram_messages import TelegramMessage, keyboard
from tests.emulators.telegram_state import ServerState
from tests.emulators.telegram_text import CAPTION_LIMIT, MESSAGE_LIMIT, Entity, formatted

UNKNOWN_SIDE = 320
"""pixels of a video whose size the sender did not say: apps show it as a square"""

_ACTIONS = {
    "typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document",
    "choose_sticker", "find_location", "record_video_note", "upload_video_note",
}  # fmt: skip
_RIGHTS = {
    "text": ("can_send_messages", "text messages"),
    "photo": ("can_send_photos", "photos"),
    "video": ("can_send_videos", "videos"),
    "document": ("can_send_documents", "documents"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that came with a request, already in the server's folder."""

    path: Path
    name: str | None
    mime_type: str


Uploads = Mapping[str, Upload]
Params = dict[str, Any]


async def send_message(state: ServerState, params: Params, uploads: Uploads) -> dict[str, Any]:
    """sendMessage"""
    chat = state.chat(params["chat_id"])
    text, entities = message_text(params)
    return _sent(chat, params, "text", text=text, entities=entities)


async def send_photo(state: ServerState, params: Params, uploads: Uploads) -> dict[str, Any]:
    """sendPhoto"""
    return _send_media(state, params, uploads, "photo")


async def send_video(state: ServerState, params: Params, uploads: Uploads) -> dict[str, Any]:
    """sendVideo"""
    return _send_media(state, params, uploads, "video")


async def send_document(state: ServerState, params: Params, uploads: Uploads) -> dict[str, Any]:
    """sendDocument"""
    return _send_media(state, params, uploads, "document")


async def send_chat_action(state: ServerState, params: Params, uploads: Uploads) -> bool:
    """sendChatAction"""
    chat = state.chat(params["chat_id"])
    if params["action"] not in _ACTIONS:
        raise bad_request("wrong parameter action in request")
    chat.check_bot_is_here()
    thread_of(chat, params)
    return True


def message_text(params: Params) -> tuple[str, list[Entity]]:
    """The checked text and entities of a call that sends or sets a text."""
    return formatted(
        params.get("text"), params.get("parse_mode"), params.get("entities"), limit=MESSAGE_LIMIT, caption=False
    )


def message_caption(params: Params) -> tuple[str | None, list[Entity]]:
    """The checked caption and entities of a call, or of an InputMedia."""
    caption, entities = formatted(
        params.get("caption"),
        params.get("parse_mode"),
        params.get("caption_entities"),
        limit=CAPTION_LIMIT,
        caption=True,
    )
    return caption or None, entities


def check_right(chat: TelegramChat, kind: str) -> None:
    """Raise ApiError 400 when the bot may not send this kind here."""
    right, what = _RIGHTS[kind]
    if not chat.bot_may(right):
        raise bad_request(f"not enough rights to send {what} to the chat")


def thread_of(chat: TelegramChat, params: Params) -> int | None:
    """The topic a call names. Raises ApiError 400 for one that is not there; General has no id one could use."""
    thread: int | None = params.get("message_thread_id")
    if thread is not None and (not chat.has_topics or thread not in chat.topics):
        raise bad_request("message thread not found")
    return thread


def media_of(state: ServerState, kind: MediaKind, file: str, about: Params, uploads: Uploads) -> Media:
    """The media a call sends: an upload, or a file the server has. Raises ApiError 400.

    about: the call's parameters or the InputMedia, for size, length, thumbnail and cover
    """
    thumbnail = _thumbnail(state, about.get("thumbnail"), uploads)
    upload = _upload(file, uploads)
    if upload is None:
        stored = state.files.get(file)
        if stored is None or stored.kind not in (kind, "document"):
            raise bad_request(
                "failed to get HTTP URL content"
                if file.startswith(("http://", "https://"))
                else "wrong file identifier/HTTP URL specified"
            )
        if kind == "photo":
            return state.files.photo(stored.path, name=stored.name)
    else:
        if upload.path.stat().st_size == 0:
            raise bad_request("file must be non-empty")
        if kind == "photo":
            return state.files.photo(upload.path, name=upload.name)
        stored = state.files.keep(upload.path, kind=kind, name=upload.name, mime_type=upload.mime_type)
    if kind == "document":
        return Media(kind=kind, file=stored, thumbnail=thumbnail)
    return Media(
        kind=kind,
        file=stored,
        width=about.get("width") or UNKNOWN_SIDE,
        height=about.get("height") or UNKNOWN_SIDE,
        duration=about.get("duration") or 0,
        thumbnail=thumbnail,
        cover=_cover(state, about.get("cover"), uploads),
        supports_streaming=about.get("supports_streaming", False),
    )


def _send_media(state: ServerState, params: Params, uploads: Uploads, kind: MediaKind) -> dict[str, Any]:
    chat = state.chat(params["chat_id"])
    chat.check_bot_is_here()
    check_right(chat, kind)
    caption, entities = message_caption(params)
    media = media_of(state, kind, params[kind], params, uploads)
    return _sent(chat, params, kind, media=media, caption=caption, entities=entities)


def _sent(chat: TelegramChat, params: Params, kind: str, **content: Any) -> dict[str, Any]:
    chat.check_bot_is_here()
    check_right(chat, kind)
    thread = thread_of(chat, params)
    reply_to = _reply_to(chat, params.get("reply_parameters"))
    if thread is None and reply_to is not None:
        thread = reply_to.thread
    message = chat.add(
        chat.state.bot,
        thread=thread,
        reply_to=reply_to,
        keyboard=keyboard(params.get("reply_markup")),
        silent=params.get("disable_notification", False),
        other={"has_protected_content": True} if params.get("protect_content") else {},
        **content,
    )
    return message.to_api()


def _reply_to(chat: TelegramChat, reply: Params | None) -> TelegramMessage | None:
    if reply is None:
        return None
    message = chat.message(reply["message_id"])
    if message is None:
        if reply.get("allow_sending_without_reply"):
            return None
        raise bad_request("message to be replied not found")
    if reply.get("quote") and reply["quote"] not in message.said:
        raise bad_request("QUOTE_TEXT_INVALID")
    return message


def _upload(file: str, uploads: Uploads) -> Upload | None:
    return uploads[file.removeprefix("attach://")] if file.startswith("attach://") else None


def _thumbnail(state: ServerState, file: str | None, uploads: Uploads) -> Picture | None:
    if file is None:
        return None
    upload = _upload(file, uploads)
    if upload is None:
        raise bad_request("a thumbnail can only be uploaded as a new file")
    return state.files.thumbnail(upload.path, name=upload.name)


def _cover(state: ServerState, file: str | None, uploads: Uploads) -> Picture | None:
    if file is None:
        return None
    media = media_of(state, "photo", file, {}, uploads)
    return Picture(file=media.file, width=media.width, height=media.height)
