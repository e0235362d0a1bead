"""Methods about the bot itself: who it is, its updates, commands and descriptions, and what it may look up."""

import json
import re
from typing import Any

from tests.emulators.telegram_errors import bad_request
from tests.emulators.telegram_room import TOPIC_COLOR
from tests.emulators.telegram_sending import Params, Uploads
from tests.emulators.telegram_state import ServerState

TOPIC_COLORS = (7322096, 16766590, 13338331, 9367192, 16749490, 16478047)


async def get_me(state: ServerState, params: Params, uploads: Uploads) -> dict[str, Any]:
    """getMe"""
    return state.bot.to_api() | {
        "can_join_groups": True,
        "can_read_all_group_messages": not state.limits.privacy,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
        "has_topics_enabled": state.limits.private_topics,
    }


async def get_updates(state: ServerState, params: Params, uploads: Uploads) -> list[dict[str, Any]]:
    """getUpdates"""
    return await state.updates.poll(
        offset=params.get("offset", 0),
        limit=params.get("limit", 100),
        timeout=params.get("timeout", 0),
        allowed=params.get("allowed_updates"),
    )


async def set_webhook(state: ServerState, params: Params, uploads: Uploads) -> bool:
    """setWebhook"""
    await state.updates.set_webhook(
        params["url"],
        secret=params.get("secret_token"),
        allowed=params.get("allowed_updates"),
        max_connections=params.get("max_connections", 40),
        drop=params.get("drop_pending_updates", False),
    )
    return True


async def delete_webhook(state: ServerState, params: Params, uploads: Uploads) -> bool:
    """deleteWebhook"""
    drop = params.get("drop_pending_updates", False)
    await state.updates.set_webhook("", secret=None, allowed=None, max_connections=40, drop=drop)
    return True


async def get_webhook_info(state: ServerState, params: Params, uploads: Uploads) -> dict[str, Any]:
    """getWebhookInfo"""
    return state.updates.info()


async def get_file(state: ServerState, params: Params, uploads: Uploads) -> dict[str, Any]:
    """getFile"""
    stored = state.files.get(params["file_id"])
    if stored is None:
        raise bad_request("wrong file_id or the file is temporarily unavailable")
    if stored.size > state.limits.download:
        raise bad_request("file is too big")
    return stored.to_api() | {"file_path": stored.download_path}


async def get_chat(state: ServerState, params: Params, uploads: Uploads) -> dict[str, Any]:
    """getChat"""
    chat = state.chat(params["chat_id"])
    if chat.is_group:
        chat.check_bot_is_here()
    return chat.to_full_api()


async def get_chat_member(state: ServerState, params: Params, uploads: Uploads) -> dict[str, Any]:
    """getChatMember"""
    chat = state.chat(params["chat_id"])
    if chat.is_group:
        chat.check_bot_is_here()
    return chat.member_to_api(params["user_id"])


async def create_forum_topic(state: ServerState, params: Params, uploads: Uploads) -> dict[str, Any]:
    """createForumTopic"""
    chat = state.chat(params["chat_id"])
    chat.check_bot_is_here()
    if not chat.has_topics:
        raise bad_request("the chat is not a forum")
    if not chat.bot_may("can_manage_topics"):
        raise bad_request("not enough rights to create a topic")
    if not 1 <= len(params["name"]) <= 128:
        raise bad_request("TOPIC_TITLE_EMPTY" if not params["name"] else "TOPIC_TITLE_TOO_LONG")
    color = params.get("icon_color", TOPIC_COLOR)
    if color not in TOPIC_COLORS:
        raise bad_request("TOPIC_ICON_COLOR_INVALID")
    topic = chat.add_topic(state.bot, params["name"], icon_color=color)
    return {"message_thread_id": topic.message_thread_id, "name": topic.name, "icon_color": color}


async def set_my_commands(state: ServerState, params: Params, uploads: Uploads) -> bool:
    """setMyCommands"""
    commands = params["commands"]
    if len(commands) > 100:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    for one in commands:
        if not re.fullmatch(r"[a-z0-9_]{1,32}", one["command"]):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(one["description"]) <= 256:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    state.commands[_scope(state, params)] = commands
    return True


async def get_my_commands(state: ServerState, params: Params, uploads: Uploads) -> list[dict[str, Any]]:
    """getMyCommands"""
    return state.commands.get(_scope(state, params), [])


async def delete_my_commands(state: ServerState, params: Params, uploads: Uploads) -> bool:
    """deleteMyCommands"""
    state.commands.pop(_scope(state, params), None)
    return True


async def set_my_description(state: ServerState, params: Params, uploads: Uploads) -> bool:
    """setMyDescription"""
    return _describe(state, params, "description", 512)


async def get_my_description(state: ServerState, params: Params, uploads: Uploads) -> dict[str, str]:
    """getMyDescription"""
    return _description(state, params, "description")


async def set_my_short_description(state: ServerState, params: Params, uploads: Uploads) -> bool:
    """setMyShortDescription"""
    return _describe(state, params, "short_description", 120)


async def get_my_short_description(state: ServerState, params: Params, uploads: Uploads) -> dict[str, str]:
    """getMyShortDescription"""
    return _description(state, params, "short_description")


def _scope(state: ServerState, params: Params) -> str:
    scope = params.get("scope") or {"type": "default"}
    if "chat_id" in scope:
        scope = scope | {"chat_id": state.chat(scope["chat_id"]).id}
    return json.dumps([scope, _language(params)], sort_keys=True)


def _language(params: Params) -> str:
    language: str = params.get("language_code", "")
    if language and not re.fullmatch(r"[a-z]{2}", language):
        raise bad_request("LANG_CODE_INVALID")
    return language


def _describe(state: ServerState, params: Params, name: str, limit: int) -> bool:
    text = params.get(name, "")
    if len(text) > limit:
        raise bad_request(f"{name} is too long: at most {limit} characters")
    state.descriptions[f"{name} {_language(params)}"] = text
    return True


def _description(state: ServerState, params: Params, name: str) -> dict[str, str]:
    language = _language(params)
    text = state.descriptions.get(f"{name} {language}") or state.descriptions.get(f"{name} ", "")
    return {name: text}
