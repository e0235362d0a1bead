"""Methods for agents: sessions with their status and title, loading sentences, suggested prompts."""

from typing import TYPE_CHECKING, Any

from tests.emulators.slack_schema import SlackError
from tests.emulators.slack_state import SuggestedPrompts

if TYPE_CHECKING:
    from tests.emulators.slack_channel import SlackChannel
    from tests.emulators.slack_state import ServerState

Params = dict[str, Any]

LONGEST_TITLE = 200
MOST_PROMPTS = 4


async def set_session_status(state: "ServerState", params: Params) -> dict[str, Any]:
    """agents.sessions.setStatus"""
    channel, root = _session_thread(state, params)
    if len(params.get("title", "")) > LONGEST_TITLE:
        raise SlackError("invalid_title")
    begun = (channel.id, root) not in state.sessions
    if begun and "initiator_user_id" in params and state.user(params["initiator_user_id"]) not in channel.members:
        raise SlackError("user_not_in_channel")
    session = state.session(channel.id, root)
    if not session.history:
        session.title = session.title or params.get("title", "")
    session.status = params["status"]
    session.history.append(params["status"])
    state.changed()
    return {"status": session.status, "title": session.title}


async def rename_session(state: "ServerState", params: Params) -> dict[str, Any]:
    """agents.sessions.rename"""
    channel, root = _session_thread(state, params)
    if not 1 <= len(params["title"]) <= LONGEST_TITLE:
        raise SlackError("invalid_title")
    session = state.sessions.get((channel.id, root))
    if session is None or not session.history:
        raise SlackError("session_not_found")
    session.title = params["title"]
    state.changed()
    return {"title": session.title}


async def set_thread_status(state: "ServerState", params: Params) -> dict[str, Any]:
    """assistant.threads.setStatus: a loading sentence, until it is cleared or the bot writes in the thread."""
    channel, root = _thread(state, params)
    state.session(channel.id, root).loading = params["status"]
    state.changed()
    return {}


async def set_suggested_prompts(state: "ServerState", params: Params) -> dict[str, Any]:
    """assistant.threads.setSuggestedPrompts"""
    channel, root = _thread(state, params) if params.get("thread_ts") else (state.channel(params["channel_id"]), "")
    if channel.kind != "im":
        raise SlackError("channel_not_found")
    if not 1 <= len(params["prompts"]) <= MOST_PROMPTS:
        raise SlackError("invalid_arguments", (f"[ERROR] 1 to {MOST_PROMPTS} items allowed [json-pointer:/prompts]",))
    state.prompts.append(
        SuggestedPrompts(
            channel_id=channel.id,
            thread_ts=root,
            title=params.get("title", ""),
            prompts=tuple((one["title"], one["message"]) for one in params["prompts"]),
        )
    )
    state.changed()
    return {}


async def set_thread_title(state: "ServerState", params: Params) -> dict[str, Any]:
    """assistant.threads.setTitle"""
    channel, root = _thread(state, params)
    state.session(channel.id, root).title = params["title"]
    state.changed()
    return {}


def _session_thread(state: "ServerState", params: Params) -> tuple["SlackChannel", str]:
    if not state.limits.agent:
        raise SlackError("not_allowed", ("the app is not declared as an agent",))
    if not params.get("thread_ts"):
        raise SlackError("invalid_arguments", ("[ERROR] missing required field: thread_ts",))
    return _thread(state, params)


def _thread(state: "ServerState", params: Params) -> tuple["SlackChannel", str]:
    """The conversation and the root of the thread. Raises SlackError."""
    channel = state.channel(params["channel_id"])
    channel.check_member()
    root = channel.root_of(params["thread_ts"])
    if root.ts != params["thread_ts"]:
        raise SlackError("thread_not_found")
    return channel, root.ts
