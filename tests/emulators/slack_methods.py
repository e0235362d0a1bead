"""The methods of the emulated Web API by name: the one list that the server calls from."""

from collections.abc import Awaitable, Callable
from typing import Any

from tests.emulators import slack_agents as agents
from tests.emulators import slack_chatting as chatting
from tests.emulators import slack_reading as reading
from tests.emulators import slack_sharing as sharing
from tests.emulators import slack_views as views
from tests.emulators.slack_state import ServerState

Answer = Callable[[ServerState, dict[str, Any]], Awaitable[dict[str, Any]]]

ANSWERS: dict[str, Answer] = {
    "auth.test": reading.auth_test,
    "apps.connections.open": reading.open_connection,
    "chat.postMessage": chatting.post_message,
    "chat.update": chatting.update,
    "chat.delete": chatting.delete,
    "chat.postEphemeral": chatting.post_ephemeral,
    "chat.getPermalink": chatting.get_permalink,
    "conversations.info": reading.conversation_info,
    "conversations.open": reading.open_conversation,
    "conversations.replies": reading.replies,
    "conversations.history": reading.history,
    "reactions.add": chatting.add_reaction,
    "reactions.remove": chatting.remove_reaction,
    "users.info": reading.user_info,
    "usergroups.users.list": reading.group_members,
    "files.getUploadURLExternal": sharing.get_upload_url,
    "files.completeUploadExternal": sharing.complete_upload,
    "files.info": sharing.file_info,
    "files.delete": sharing.delete_file,
    "views.open": views.open_view,
    "views.publish": views.publish_view,
    "views.update": views.update_view,
    "agents.sessions.setStatus": agents.set_session_status,
    "agents.sessions.rename": agents.rename_session,
    "assistant.threads.setStatus": agents.set_thread_status,
    "assistant.threads.setSuggestedPrompts": agents.set_suggested_prompts,
    "assistant.threads.setTitle": agents.set_thread_title,
}
