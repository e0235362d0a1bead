"""The tables of the emulated Web API: each method's arguments, scopes and rate limit.

They follow Slack's method reference. An entry of arguments is `name:type`, with `!` when it is required and `?` when
JSON's null has a meaning of its own (elsewhere null is the same as leaving the argument out). Types: `str`, `bool`,
`int`, `ts` (a message's timestamp), `one|two` (one of these words), `ids` (an array of strings, or a text with commas
between them), `{}` and `[]` (an object, an array), the name of an object below, and `[type]` for an array. Arguments
that the reference has but the emulator does not model (`interactivity_pointer`, `file_comment`, the session channels
for which `agents.sessions.*` leave `thread_ts` out) are not here, and so are refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_TEXT = "text:str blocks:[] attachments:[{}] markdown_text:str parse:full|none link_names:bool"
_AUTHOR = "icon_emoji:str icon_url:str username:str"
_PAGE = "cursor:str limit:int"
_TIMELINE = "oldest:str latest:str inclusive:bool include_all_metadata:bool"
_SESSION = "channel_id:str! thread_ts:ts!"

ARGUMENTS: Mapping[str, str] = MappingProxyType(
    {
        "auth.test": "",
        "apps.connections.open": "",
        "chat.postMessage": f"channel:str! {_TEXT} {_AUTHOR} as_user:bool thread_ts:ts reply_broadcast:bool"
        " metadata:Metadata unfurl_links:bool unfurl_media:bool mrkdwn:bool",
        "chat.update": f"channel:str! ts:ts! {_TEXT} as_user:bool metadata:Metadata file_ids:ids reply_broadcast:bool",
        "chat.delete": "channel:str! ts:ts! as_user:bool",
        "chat.postEphemeral": f"channel:str! user:str! {_TEXT} {_AUTHOR} as_user:bool thread_ts:ts",
        "chat.getPermalink": "channel:str! message_ts:ts!",
        "conversations.info": "channel:str! include_locale:bool include_num_members:bool",
        "conversations.open": "channel:str users:str prevent_creation:bool return_im:bool",
        "conversations.replies": f"channel:str! ts:ts! {_PAGE} {_TIMELINE}",
        "conversations.history": f"channel:str! {_PAGE} {_TIMELINE}",
        "reactions.add": "name:str! channel:str timestamp:ts",
        "reactions.remove": "name:str! channel:str timestamp:ts file:str",
        "users.info": "user:str! include_locale:bool",
        "usergroups.users.list": "usergroup:str! include_disabled:bool",
        # The reference says alt_txt, the newest types say alt_text.
        "files.getUploadURLExternal": "filename:str! length:int! alt_txt:str alt_text:str snippet_type:str",
        "files.completeUploadExternal": f"files:[UploadedFile]! channel_id:str channels:ids thread_ts:ts"
        f" initial_comment:str blocks:[] {_AUTHOR}",
        "files.info": f"file:str! {_PAGE} count:int page:int",
        "files.delete": "file:str!",
        "views.open": "view:{}! trigger_id:str!",
        "views.publish": "view:{}! user_id:str! hash:str",
        "views.update": "view:{}! view_id:str external_id:str hash:str",
        "agents.sessions.setStatus": f"{_SESSION} status:active|processing|suspended|closed! title:str"
        " initiator_user_id:str icon_emoji:str? icon_url:str? username:str?",
        "agents.sessions.rename": f"{_SESSION} title:str!",
        "assistant.threads.setStatus": f"{_SESSION} status:str! loading_messages:[str] {_AUTHOR}",
        "assistant.threads.setSuggestedPrompts": "channel_id:str! thread_ts:ts prompts:[Prompt]! title:str",
        "assistant.threads.setTitle": f"{_SESSION} title:str!",
    }
)

_OBJECTS = {
    "Metadata": "event_type:str! event_payload:{}!",
    "UploadedFile": "id:str! title:str highlight_type:str",
    "Prompt": "title:str! message:str!",
}

_READ = {"channel": "channels:read", "private": "groups:read", "im": "im:read", "mpim": "mpim:read"}
_HISTORY = {"channel": "channels:history", "private": "groups:history", "im": "im:history", "mpim": "mpim:history"}

SCOPES: Mapping[str, str | Mapping[str, str]] = MappingProxyType(
    {
        "auth.test": "",
        "apps.connections.open": "connections:write",
        "chat.postMessage": "chat:write",
        "chat.update": "chat:write",
        "chat.delete": "chat:write",
        "chat.postEphemeral": "chat:write",
        "chat.getPermalink": "",
        "conversations.info": _READ,
        "conversations.open": {"im": "im:write", "mpim": "mpim:write"},
        "conversations.replies": _HISTORY,
        "conversations.history": _HISTORY,
        "reactions.add": "reactions:write",
        "reactions.remove": "reactions:write",
        "users.info": "users:read",
        "usergroups.users.list": "usergroups:read",
        "files.getUploadURLExternal": "files:write",
        "files.completeUploadExternal": "files:write",
        "files.info": "files:read",
        "files.delete": "files:write",
        "views.open": "",
        "views.publish": "",
        "views.update": "",
        "agents.sessions.setStatus": "chat:write",
        "agents.sessions.rename": "chat:write",
        # assistant:write still does for this one, but Slack has announced the end of that.
        "assistant.threads.setStatus": "chat:write",
        "assistant.threads.setSuggestedPrompts": "assistant:write",
        "assistant.threads.setTitle": "assistant:write",
    }
)
"""What a call needs: one scope or "", or one for each kind of conversation."""

TIERS: Mapping[str, int] = MappingProxyType({"1": 1, "2": 20, "3": 50, "4": 100})
"""Calls a minute of a tier; the tier "special" has rules of its own (chat.postMessage: one a second and channel)."""

_TIERS = {
    "1": "apps.connections.open",
    "2": "reactions.remove usergroups.users.list",
    "3": "chat.update chat.delete conversations.info conversations.open conversations.replies conversations.history"
    " reactions.add files.delete agents.sessions.setStatus agents.sessions.rename",
    "4": "chat.postEphemeral users.info files.getUploadURLExternal files.completeUploadExternal files.info views.open"
    " views.publish views.update assistant.threads.setSuggestedPrompts assistant.threads.setTitle",
    "special": "auth.test chat.postMessage chat.getPermalink assistant.threads.setStatus",
}
_FORM_ONLY = (
    "chat.getPermalink conversations.info conversations.replies conversations.history users.info"
    " usergroups.users.list files.getUploadURLExternal files.info"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """An argument of a method, or a field of an object that a method takes."""

    name: str
    """Its name in the request."""
    type: str
    """Its type in the words of the tables."""
    required: bool
    """Whether a call without it is refused."""
    nullable: bool
    """Whether null is a value of its own, handed on as None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A method of the Web API."""

    name: str
    """As in the address, "chat.postMessage"."""
    arguments: Mapping[str, Argument]
    """By name. `token`, which every method takes, is not among them."""
    scopes: frozenset[str]
    """Every scope that its own entry names, for any kind of conversation."""
    tier: str
    """Its rate limit: a key of TIERS, or "special"."""
    json: bool
    """Whether it reads a JSON body; the others read forms and the query only."""
    app_token: bool
    """Whether it wants the app-level token instead of the bot's."""


def _arguments(line: str) -> Mapping[str, Argument]:
    parsed = {}
    for entry in line.split():
        name, kind = entry.split(":")
        parsed[name] = Argument(
            name=name, type=kind.rstrip("!?"), required=kind.endswith("!"), nullable=kind.endswith("?")
        )
    return MappingProxyType(parsed)


def _method(name: str) -> Method:
    scopes = SCOPES[name]
    return Method(
        name=name,
        arguments=_arguments(ARGUMENTS[name]),
        scopes=frozenset(scope for scope in ((scopes,) if isinstance(scopes, str) else scopes.values()) if scope),
        tier=next(tier for tier, names in _TIERS.items() if name in names.split()),
        json=name not in _FORM_ONLY.split(),
        app_token=name == "apps.connections.open",
    )


METHODS: Mapping[str, Method] = MappingProxyType({name: _method(name) for name in ARGUMENTS})
"""Every method that the emulator knows, by name."""

OBJECTS: Mapping[str, Mapping[str, Argument]] = MappingProxyType(
    {name: _arguments(line) for name, line in _OBJECTS.items()}
)
"""The fields of the objects that the tables name."""
