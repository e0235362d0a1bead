"""Which methods the emulated Bot API has, which parameters each takes, and how a request's values are decoded.

The tables follow the Bot API document (10.1). An entry is `name:type`, with `!` when it is required and `~` when
the document has it but the emulator does not model it: such a parameter, like an unknown one, is refused with 400,
where the real server would take or ignore it. Types: `int`, `str`, `bool`, `chat` (id or @username), `file` (upload,
file_id or URL), the name of an object below, and `[type]` for an array. What values mean is left to the methods.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.emulators.telegram_errors import ApiError, bad_request

_CHAT = "business_connection_id:str~ chat_id:chat! message_thread_id:int"
_SENT = (
    "direct_messages_topic_id:int~ disable_notification:bool protect_content:bool allow_paid_broadcast:bool~"
    " message_effect_id:str~ suggested_post_parameters:SuggestedPostParameters~"
    " reply_parameters:ReplyParameters reply_markup:InlineKeyboardMarkup"
)
_CAPTION = "caption:str parse_mode:str caption_entities:[MessageEntity]"
_SHOWN = "show_caption_above_media:bool has_spoiler:bool"
_EDITED = (
    "business_connection_id:str~ chat_id:chat message_id:int inline_message_id:str~ reply_markup:InlineKeyboardMarkup"
)
_COMMANDS_FOR = "scope:BotCommandScope language_code:str"

METHODS = {
    "getMe": "",
    "getUpdates": "offset:int limit:int timeout:int allowed_updates:[str]",
    "setWebhook": "url:str! certificate:file~ ip_address:str~ max_connections:int allowed_updates:[str]"
    " drop_pending_updates:bool secret_token:str",
    "deleteWebhook": "drop_pending_updates:bool",
    "getWebhookInfo": "",
    "sendMessage": f"{_CHAT} text:str! parse_mode:str entities:[MessageEntity]"
    f" link_preview_options:LinkPreviewOptions {_SENT}",
    "sendPhoto": f"{_CHAT} photo:file! {_CAPTION} {_SHOWN} {_SENT}",
    "sendVideo": f"{_CHAT} video:file! duration:int width:int height:int thumbnail:file cover:file"
    f" start_timestamp:int {_CAPTION} {_SHOWN} supports_streaming:bool {_SENT}",
    "sendDocument": f"{_CHAT} document:file! thumbnail:file {_CAPTION} disable_content_type_detection:bool {_SENT}",
    "sendChatAction": f"{_CHAT} action:str!",
    "setMessageReaction": "chat_id:chat! message_id:int! reaction:[ReactionType] is_big:bool",
    "editMessageText": f"{_EDITED} text:str parse_mode:str entities:[MessageEntity]"
    " link_preview_options:LinkPreviewOptions rich_message:InputRichMessage~",
    "editMessageCaption": f"{_EDITED} {_CAPTION} show_caption_above_media:bool",
    "editMessageMedia": f"{_EDITED} media:InputMedia!",
    "editMessageReplyMarkup": _EDITED,
    "deleteMessage": "chat_id:chat! message_id:int!",
    "deleteMessages": "chat_id:chat! message_ids:[int]!",
    "answerCallbackQuery": "callback_query_id:str! text:str show_alert:bool url:str~ cache_time:int",
    "getFile": "file_id:str!",
    "getChat": "chat_id:chat!",
    "getChatMember": "chat_id:chat! user_id:int!",
    "createForumTopic": "chat_id:chat! name:str! icon_color:int icon_custom_emoji_id:str~",
    "setMyCommands": f"commands:[BotCommand]! {_COMMANDS_FOR}",
    "getMyCommands": _COMMANDS_FOR,
    "deleteMyCommands": _COMMANDS_FOR,
    "setMyDescription": "description:str language_code:str",
    "getMyDescription": "language_code:str",
    "setMyShortDescription": "short_description:str language_code:str",
    "getMyShortDescription": "language_code:str",
}

_MEDIA = "type:str! media:file!"
OBJECTS = {
    "ReplyParameters": "message_id:int! chat_id:chat~ allow_sending_without_reply:bool quote:str"
    " quote_parse_mode:str~ quote_entities:[MessageEntity]~ quote_position:int checklist_task_id:int~"
    " poll_option_id:str~",
    "LinkPreviewOptions": "is_disabled:bool url:str prefer_small_media:bool prefer_large_media:bool"
    " show_above_text:bool",
    "MessageEntity": "type:str! offset:int! length:int! url:str user:User~ language:str custom_emoji_id:str"
    " unix_time:int~ date_time_format:str~",
    "InlineKeyboardMarkup": "inline_keyboard:[[InlineKeyboardButton]]!",
    "InlineKeyboardButton": "text:str! icon_custom_emoji_id:str~ style:str url:str callback_data:str"
    " web_app:WebAppInfo~ login_url:LoginUrl~ switch_inline_query:str~ switch_inline_query_current_chat:str~"
    " switch_inline_query_chosen_chat:SwitchInlineQueryChosenChat~ copy_text:CopyTextButton"
    " callback_game:CallbackGame~ pay:bool~",
    "CopyTextButton": "text:str!",
    "InputMediaPhoto": f"{_MEDIA} {_CAPTION} {_SHOWN}",
    "InputMediaVideo": f"{_MEDIA} thumbnail:file cover:file start_timestamp:int {_CAPTION} {_SHOWN} width:int"
    " height:int duration:int supports_streaming:bool",
    "InputMediaDocument": f"{_MEDIA} thumbnail:file {_CAPTION} disable_content_type_detection:bool",
    "BotCommand": "command:str! description:str!",
    "ReactionTypeEmoji": "type:str! emoji:str!",
    "BotCommandScopeDefault": "type:str!",
    "BotCommandScopeAllPrivateChats": "type:str!",
    "BotCommandScopeAllGroupChats": "type:str!",
    "BotCommandScopeAllChatAdministrators": "type:str!",
    "BotCommandScopeChat": "type:str! chat_id:chat!",
    "BotCommandScopeChatAdministrators": "type:str! chat_id:chat!",
    "BotCommandScopeChatMember": "type:str! chat_id:chat! user_id:int!",
}

UNIONS = {
    "InputMedia": {"photo": "InputMediaPhoto", "video": "InputMediaVideo", "document": "InputMediaDocument"},
    "ReactionType": {"emoji": "ReactionTypeEmoji"},
    "BotCommandScope": {
        "default": "BotCommandScopeDefault",
        "all_private_chats": "BotCommandScopeAllPrivateChats",
        "all_group_chats": "BotCommandScopeAllGroupChats",
        "all_chat_administrators": "BotCommandScopeAllChatAdministrators",
        "chat": "BotCommandScopeChat",
        "chat_administrators": "BotCommandScopeChatAdministrators",
        "chat_member": "BotCommandScopeChatMember",
    },
}

_MISSING = {
    "chat_id": "chat_id is empty",
    "text": "message text is empty",
    "message_id": "message identifier is not specified",
    "message_ids": "message identifiers are not specified",
    "file_id": "file_id not specified",
    "user_id": "invalid user_id specified",
    "photo": "there is no photo in the request",
    "video": "there is no video in the request",
    "document": "there is no document in the request",
    "action": "wrong parameter action in request",
    "callback_query_id": "query is too old and response timeout expired or query ID is invalid",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of a method, or a field of an object that a method takes."""

    name: str
    type: str
    required: bool
    modelled: bool


def parameters(table_line: str) -> dict[str, Parameter]:
    """A line of the tables above, parsed."""
    parsed = {}
    for entry in table_line.split():
        name, kind = entry.split(":")
        parsed[name] = Parameter(
            name=name, type=kind.rstrip("!~"), required="!" in kind, modelled=not kind.endswith("~")
        )
    return parsed


_METHOD_PARAMETERS = {name: parameters(line) for name, line in METHODS.items()}
_OBJECT_FIELDS = {name: parameters(line) for name, line in OBJECTS.items()}


def decode(method: str, raw: dict[str, Any], uploads: Iterable[str]) -> dict[str, Any]:
    """The typed parameters of a call.

    raw: values as they came, strings from a form or typed values from a JSON body
    uploads: names of the files that came with the request

    Raises ApiError 400 for what is unknown, missing, ill-typed or not modelled, and for a file nothing refers to.
    """
    known = _METHOD_PARAMETERS[method]
    values = dict(raw)
    names = set(uploads)
    for name in names & known.keys():
        values[name] = f"attach://{name}"
    decoded = _fields(method, values, known, top=True)
    unused = names - set(_attached(decoded))
    if unused:
        raise bad_request(f'file "{sorted(unused)[0]}" was uploaded but nothing in {method} refers to it')
    for name in _attached(decoded):
        if name not in names:
            raise bad_request(f'file "{name}" is not in the request')
    return decoded


def _fields(owner: str, values: dict[str, Any], known: dict[str, Parameter], *, top: bool) -> dict[str, Any]:
    decoded = {}
    for name, value in values.items():
        parameter = known.get(name)
        if parameter is None:
            raise bad_request(f'{owner} has no parameter "{name}"')
        if not parameter.modelled:
            raise bad_request(f'"{name}" of {owner} is not modelled by the emulator')
        decoded[name] = _value(name, parameter.type, value, top=top)
    for name, parameter in known.items():
        if parameter.required and name not in decoded:
            raise bad_request(
                _MISSING.get(name, f'parameter "{name}" of {owner} is required')
                if top
                else f"can't parse {owner}: can't find field \"{name}\""
            )
    return decoded


def _value(name: str, kind: str, value: Any, *, top: bool) -> Any:
    """One value. In a form every top-level value is text and objects are JSON; below that JSON's types count."""
    if kind.startswith("["):
        value = _from_json(name, value) if top else value
        if not isinstance(value, list):
            raise _ill_typed(name, "an Array")
        return [_value(name, kind[1:-1], item, top=False) for item in value]
    if kind in UNIONS or kind in _OBJECT_FIELDS:
        value = _from_json(name, value) if top else value
        if not isinstance(value, dict):
            raise _ill_typed(name, "an Object")
        return _object(name, kind, value)
    return _scalar(name, kind, value, top=top)


def _object(name: str, kind: str, value: dict[str, Any]) -> dict[str, Any]:
    if kind in UNIONS:
        chosen = UNIONS[kind].get(str(value.get("type")))
        if chosen is None:
            raise bad_request(f"type {value.get('type')!r} of {name} is unknown or not modelled by the emulator")
        kind = chosen
    return _fields(kind, value, _OBJECT_FIELDS[kind], top=False)


def _scalar(name: str, kind: str, value: Any, *, top: bool) -> Any:
    if kind == "bool":
        if top and isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if not isinstance(value, bool):
            raise _ill_typed(name, "a Boolean")
        return value
    if kind in ("int", "chat"):
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and (top or kind == "chat") and re.fullmatch(r"-?\d{1,18}", value):
            return int(value)
        if kind == "chat" and isinstance(value, str) and re.fullmatch(r"@\w{4,32}", value):
            return value
        raise bad_request("chat not found") if kind == "chat" and value else _ill_typed(name, "an Integer")
    if not isinstance(value, str):
        raise _ill_typed(name, "a String")
    return value


def _from_json(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise bad_request(f"can't parse {name} JSON object: {error}") from error


def _ill_typed(name: str, wanted: str) -> ApiError:
    return bad_request(f'parameter "{name}" must be {wanted}')


def _attached(value: Any) -> list[str]:
    """The names in every `attach://name` anywhere in the decoded parameters that may be a file."""
    if isinstance(value, dict):
        files = [value[key] for key in ("photo", "video", "document", "media", "thumbnail", "cover") if key in value]
        return [name for file in files for name in _attached(file)]
    if isinstance(value, str) and value.startswith("attach://"):
        return [value.removeprefix("attach://")]
    return []
