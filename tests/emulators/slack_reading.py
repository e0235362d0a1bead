"""Methods that read: who the bot is, conversations and their messages, people."""

from typing import TYPE_CHECKING, Any

from tests.emulators.slack_messages import SlackMessage
from tests.emulators.slack_schema import SlackError

if TYPE_CHECKING:
    from tests.emulators.slack_channel import SlackChannel
    from tests.emulators.slack_state import ServerState

Params = dict[str, Any]

MOST_MESSAGES = 999


async def auth_test(state: "ServerState", params: Params) -> dict[str, Any]:
    """auth.test"""
    return {
        "url": f"https://{state.team.domain}.slack.invalid/",
        "team": state.team.domain,
        "user": state.bot.name,
        "team_id": state.team.id,
        "user_id": state.bot.id,
        "bot_id": state.bot.bot_id,
        "is_enterprise_install": False,
    }


async def open_connection(state: "ServerState", params: Params) -> dict[str, Any]:
    """apps.connections.open"""
    address = state.url.replace("http://", "ws://", 1)
    return {"url": f"{address}/link/?ticket={state.delivery.sockets.ticket()}&app_id={state.app_id}"}


async def conversation_info(state: "ServerState", params: Params) -> dict[str, Any]:
    """conversations.info"""
    channel = state.channel(params["channel"])
    shown = channel.to_api()
    if params.get("include_num_members"):
        shown["num_members"] = len(channel.members) + channel.bot_is_member
    if params.get("include_locale"):
        shown["locale"] = "en-US"
    return {"channel": shown}


async def open_conversation(state: "ServerState", params: Params) -> dict[str, Any]:
    """conversations.open"""
    if "channel" in params:
        channel = state.channel(params["channel"])
    elif params.get("users"):
        people = [state.user(one.strip()) for one in params["users"].split(",")]
        if any(one.is_bot for one in people):
            raise SlackError("cannot_dm_bot" if len(people) == 1 else "invalid_user_combination")
        if len(people) > 8:
            raise SlackError("too_many_users")
        channel = state.direct(*people)
    else:
        raise SlackError("users_list_not_supplied")
    if not params.get("return_im"):
        return {"channel": {"id": channel.id}}
    return {"no_op": True, "already_open": True, "channel": channel.to_api()}


async def replies(state: "ServerState", params: Params) -> dict[str, Any]:
    """conversations.replies: the root first, then the replies, oldest first."""
    channel = state.channel(params["channel"])
    channel.check_member()
    asked = next((one for one in channel.messages if one.ts == params["ts"]), None)
    if asked is None:
        raise SlackError("thread_not_found")
    if asked.thread_ts:
        return _page(channel, [asked], params)
    root = channel.root_of(asked.ts)
    return _page(channel, [root, *_within(channel.replies(root), params)], params)


async def history(state: "ServerState", params: Params) -> dict[str, Any]:
    """conversations.history: newest first, without replies that are in their thread only."""
    channel = state.channel(params["channel"])
    channel.check_member()
    shown = [
        one
        for one in channel.messages
        if (not one.thread_ts or one.broadcast) and (not one.deleted or channel.replies(one))
    ]
    return _page(channel, _within(shown, params)[::-1], params) | {"pin_count": 0}


async def user_info(state: "ServerState", params: Params) -> dict[str, Any]:
    """users.info"""
    user = state.user(params["user"])
    shown = user.to_api()
    if user.team_id != state.team.id:
        shown["is_stranger"] = not any(user in one.members for one in state.channels.values())
    elif params.get("include_locale"):
        shown["locale"] = user.locale
    return {"user": shown}


async def group_members(state: "ServerState", params: Params) -> dict[str, Any]:
    """usergroups.users.list"""
    group = state.groups.get(params["usergroup"])
    if group is None or (group.disabled and not params.get("include_disabled")):
        raise SlackError("no_such_subteam")
    return {"users": [one.id for one in group.members]}


def _within(messages: list[SlackMessage], params: Params) -> list[SlackMessage]:
    oldest, latest = float(params.get("oldest") or 0), float(params.get("latest") or "inf")
    if params.get("inclusive"):
        return [one for one in messages if oldest <= float(one.ts) <= latest]
    return [one for one in messages if oldest < float(one.ts) < latest]


def _page(channel: "SlackChannel", messages: list[SlackMessage], params: Params) -> dict[str, Any]:
    limit = params.get("limit", 100)
    if not 1 <= limit <= MOST_MESSAGES:
        raise SlackError("invalid_limit")
    start = 0
    if params.get("cursor"):
        number = params["cursor"].removeprefix("next-")
        if not number.isdigit():
            raise SlackError("invalid_cursor")
        start = int(number)
    shown = []
    for message in messages[start : start + limit]:
        shown.append(channel.shown(message))
        if params.get("include_all_metadata") and message.metadata:
            shown[-1]["metadata"] = message.metadata
    page: dict[str, Any] = {"messages": shown, "has_more": start + limit < len(messages)}
    if page["has_more"]:
        page["response_metadata"] = {"next_cursor": f"next-{start + limit}"}
    return page
