"""Methods that write: messages, what only one person sees, reactions. And the answers to interactions."""

import time
from typing import TYPE_CHECKING, Any

from tests.emulators.slack_blocks import check_blocks
from tests.emulators.slack_messages import SlackMessage
from tests.emulators.slack_schema import SlackError
from tests.emulators.slack_state import RESPONSE_USES

if TYPE_CHECKING:
    from tests.emulators.slack_channel import SlackChannel
    from tests.emulators.slack_state import ServerState

Params = dict[str, Any]

LONGEST_UPDATE = 4000
LONGEST_WITH_BLOCKS = 13_200
"""characters of all blocks' JSON that a message may have; no document names it, developers have measured it"""
_RESPONSE_FIELDS = frozenset((
    "text", "blocks", "attachments", "response_type", "replace_original", "delete_original", "thread_ts",
    "unfurl_links", "unfurl_media", "metadata", "mrkdwn",
))  # fmt: skip


async def post_message(state: "ServerState", params: Params) -> dict[str, Any]:
    """chat.postMessage"""
    channel = state.channel(params["channel"], loosely=True)
    channel.check_writable()
    text, blocks = contents(params)
    message = channel.add(
        state.bot,
        text=text,
        blocks=blocks,
        thread_ts=params.get("thread_ts", ""),
        broadcast=bool(params.get("reply_broadcast") and params.get("thread_ts")),
        metadata=params.get("metadata"),
    )
    return {"channel": channel.id, "ts": message.ts, "message": channel.shown(message)}


async def update(state: "ServerState", params: Params) -> dict[str, Any]:
    """chat.update: blocks that are not given stay, an empty list removes them."""
    channel = state.channel(params["channel"])
    message = _own(state, channel, params["ts"], "cant_update_message")
    if channel.archived:
        raise SlackError("is_archived")
    text, blocks = contents(params)
    if len(text) > LONGEST_UPDATE:
        raise SlackError("msg_too_long")
    if "text" not in params and "markdown_text" not in params:
        text = message.text
    if params.get("metadata") is not None:
        message.metadata = params["metadata"] or None
    channel.change(message, text=text, blocks=blocks if "blocks" in params or "markdown_text" in params else None)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": channel.shown(message)}


async def delete(state: "ServerState", params: Params) -> dict[str, Any]:
    """chat.delete"""
    channel = state.channel(params["channel"])
    message = _own(state, channel, params["ts"], "cant_delete_message")
    channel.remove(message)
    return {"channel": channel.id, "ts": message.ts}


async def post_ephemeral(state: "ServerState", params: Params) -> dict[str, Any]:
    """chat.postEphemeral"""
    channel = state.channel(params["channel"])
    if channel.archived:
        raise SlackError("is_archived")
    channel.check_member()
    user = state.user(params["user"])
    if user not in channel.members:
        raise SlackError("user_not_in_channel")
    text, blocks = contents(params)
    whispered = channel.whisper(user, text=text, blocks=blocks, thread_ts=params.get("thread_ts", ""))
    return {"message_ts": whispered.ts}


async def get_permalink(state: "ServerState", params: Params) -> dict[str, Any]:
    """chat.getPermalink"""
    channel = state.channel(params["channel"])
    message = channel.find(params["message_ts"])
    if message is None:
        raise SlackError("message_not_found")
    link = f"https://{state.team.domain}.slack.invalid/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.thread_ts:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


async def add_reaction(state: "ServerState", params: Params) -> dict[str, Any]:
    """reactions.add"""
    name = params["name"].strip(":")
    if not name.replace("_", "").replace("-", "").replace("+", "").isalnum():
        raise SlackError("invalid_name")
    message = _reacted(state, params)
    if name in message.reactions:
        raise SlackError("already_reacted")
    message.reactions.append(name)
    message.changed = state.changed()
    return {}


async def remove_reaction(state: "ServerState", params: Params) -> dict[str, Any]:
    """reactions.remove"""
    if "channel" not in params or "timestamp" not in params:
        raise SlackError("no_item_specified")
    message = _reacted(state, params)
    if params["name"].strip(":") not in message.reactions:
        raise SlackError("no_reaction")
    message.reactions.remove(params["name"].strip(":"))
    message.changed = state.changed()
    return {}


def contents(params: Params) -> tuple[str, list[dict[str, Any]] | None]:
    """Text and checked blocks of what is to be said. Raises SlackError."""
    blocks = params.get("blocks")
    if params.get("attachments"):
        raise SlackError("invalid_attachments", ("the emulator does not model attachments",))
    if params.get("markdown_text"):
        blocks = [{"type": "markdown", "text": params["markdown_text"]}]
    if blocks is not None:
        check_blocks(blocks, surface="message")
        if sum(map(_size, blocks)) > LONGEST_WITH_BLOCKS:
            raise SlackError("msg_blocks_too_long")
    return params.get("text", ""), blocks


def respond(state: "ServerState", key: str, body: Any) -> tuple[int, str]:
    """Answer an interaction at its response_url: HTTP status, and "ok" or Slack's word for what went wrong."""
    response = state.responses.get(key)
    if response is None or time.monotonic() > response.until:
        return 404, "expired_url"
    if response.uses >= RESPONSE_USES:
        return 404, "used_url"
    if not isinstance(body, dict) or not set(body) <= _RESPONSE_FIELDS:
        return 400, "invalid_payload"
    try:
        if not body.get("delete_original") and not any(body.get(name) for name in ("text", "blocks")):
            raise SlackError("no_text")
        contents(body)
        response.uses += 1
        response.channel.answered(response.user, body, response.message)
    except SlackError as error:
        return 400, error.error
    return 200, "ok"


def _own(state: "ServerState", channel: "SlackChannel", ts: str, error: str) -> SlackMessage:
    """A message that the bot wrote and everybody sees. Raises SlackError."""
    channel.check_member()
    message = channel.find(ts)
    if message is None:
        raise SlackError("message_not_found")
    if message.user != state.bot:
        raise SlackError(error)
    return message


def _reacted(state: "ServerState", params: Params) -> SlackMessage:
    channel = state.channel(params["channel"])
    if channel.archived:
        raise SlackError("is_archived")
    channel.check_member()
    message = channel.find(params["timestamp"])
    if message is None:
        raise SlackError("message_not_found")
    return message


def _size(part: Any) -> int:
    """Characters of all texts in it."""
    if isinstance(part, dict):
        return sum(map(_size, part.values()))
    if isinstance(part, list):
        return sum(map(_size, part))
    return len(part) if isinstance(part, str) else 0
