"""How the emulated Web API reads a call: its arguments typed and checked, the scopes it needs, its errors.

Where the real service ignores an unknown argument, this one refuses it. Blocks and views are only decoded here: what
Block Kit allows in them is slack_blocks'. Whether a channel, a message or a file exists is the server's. The tables are
slack_schema_tables'.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from tests.emulators.slack_schema_tables import METHODS, OBJECTS, SCOPES, TIERS, Argument, Method

__all__ = ["METHODS", "TIERS", "Argument", "Kind", "Method", "SlackError", "decode", "scopes_of"]

Kind = Literal["channel", "private", "im", "mpim"]
"""The kinds of conversation: public channel, private channel, direct message, group message."""


class SlackError(Exception):
    """A call that is answered with `{"ok": false, "error": error}`; messages go into `response_metadata.messages`."""

    def __init__(self, error: str, messages: tuple[str, ...] = ()) -> None:
        super().__init__(f"{error}: {'; '.join(messages)}" if messages else error)
        self.error = error
        self.messages = messages


def scopes_of(method: str, arguments: Mapping[str, Any], kind: Kind = "channel") -> frozenset[str]:
    """The scopes that this call needs, all of them.

    arguments: as decode returned them
    kind: of the conversation that the call is about; matters where the scope depends on it

    Raises SlackError unknown_method.
    """
    if method not in METHODS:
        raise SlackError("unknown_method")
    own = SCOPES[method]
    if method == "conversations.open":
        kind = "mpim" if kind == "mpim" or "," in arguments.get("users", "") else "im"
    needed = {own if isinstance(own, str) else own[kind]}
    if any(name in arguments for name in ("username", "icon_emoji", "icon_url")):
        needed.add("chat:write.customize")
    return frozenset(needed - {""})


def decode(method: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The typed arguments of a call; `token` is left out, and so is what a null or nobody set.

    given: values as they came, strings from a form or a query, or typed values from a JSON body

    Raises SlackError: unknown_method; invalid_arguments with a message for all that is unknown, missing or ill-typed;
    or the error that Slack has for the case, such as no_text, invalid_blocks_format or invalid_thread_ts.
    """
    if method not in METHODS:
        raise SlackError("unknown_method")
    decoded: dict[str, Any] = {}
    faults: list[str] = []
    known = METHODS[method].arguments
    for name, value in given.items():
        if re.search(r"\[.*\]$", name):
            raise SlackError("invalid_array_arg")
        if not re.fullmatch(r"\w{1,64}", name, re.ASCII):
            raise SlackError("invalid_arg_name")
        argument = known.get(name)
        if name == "token":
            continue
        if argument is None:
            faults.append(f"[ERROR] unknown argument: {name}")
        elif value is not None:
            decoded[name] = _argument(method, argument, value, faults)
        elif argument.nullable:
            decoded[name] = None
    faults += [
        f"[ERROR] missing required field: {name}"
        for name, argument in known.items()
        if argument.required and (name not in decoded or (decoded[name] == "" and (method, name) not in _MAY_BE_EMPTY))
    ]
    _refuse(faults)
    for names, check in _CHECKS:
        if method in names.split():
            check(decoded, faults)
    _refuse(faults)
    return decoded


def _refuse(faults: list[str]) -> None:
    if faults:
        raise SlackError("invalid_arguments", tuple(faults))


_MAY_BE_EMPTY = frozenset((("assistant.threads.setStatus", "status"),))  # an empty status clears it

_BAD_TIMESTAMP = {
    "thread_ts": "invalid_thread_ts",
    "timestamp": "bad_timestamp",
    "ts": "message_not_found",
    "message_ts": "message_not_found",
}
_UNDECODABLE = {"blocks": "invalid_blocks_format", "metadata": "invalid_metadata_format"}


def _argument(method: str, argument: Argument, value: Any, faults: list[str]) -> Any:
    """An argument's value. In a form every one is text: numbers and words for booleans, and JSON for the rest."""
    kind = argument.type
    before = len(faults)
    if isinstance(value, str):
        if kind == "bool" and value.lower() in _BOOLEANS:
            return _BOOLEANS[value.lower()]
        if kind == "int" and re.fullmatch(r"-?[0-9]{1,15}", value):
            return int(value)
        if kind == "ids" and not value.startswith("["):
            value = [item.strip() for item in value.split(",")]
        elif kind in OBJECTS or kind == "ids" or kind[0] in "[{":
            try:
                value = json.loads(value)
            except ValueError:
                value = None
    value = _value("[str]" if kind == "ids" else kind, value, f"/{argument.name}", faults)
    if len(faults) > before:
        if kind == "ts" and isinstance(value, str):
            replies = method == "conversations.replies"
            error = "thread_not_found" if replies else _BAD_TIMESTAMP[argument.name]
            raise SlackError(error, (f"[ERROR] {value} is not a valid {argument.name}",))
        if argument.name in _UNDECODABLE:
            raise SlackError(_UNDECODABLE[argument.name], tuple(faults[before:]))
    return value


_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def _value(kind: str, value: Any, pointer: str, faults: list[str]) -> Any:
    """One typed value; what is wrong with it is added to the faults."""
    wanted = ""
    if kind in OBJECTS:
        if isinstance(value, dict):
            return _object(kind, value, pointer, faults)
        wanted = "an object"
    elif kind == "{}":
        wanted = "" if isinstance(value, dict) else "an object"
    elif kind[0] == "[":
        if isinstance(value, list):
            inner = kind[1:-1]
            # Blocks, whose items slack_blocks knows, have no inner type.
            return [_value(inner, item, f"{pointer}/{i}", faults) if inner else item for i, item in enumerate(value)]
        wanted = "an array"
    elif kind == "bool":
        wanted = "" if isinstance(value, bool) else "a boolean"
    elif kind == "int":
        wanted = "" if isinstance(value, int) and not isinstance(value, bool) else "an integer"
    elif not isinstance(value, str):
        wanted = "a string"
    elif kind == "ts":
        wanted = "" if re.fullmatch(r"[0-9]{10}\.[0-9]{6}", value) else "a message's timestamp"
    elif kind != "str":
        wanted = "" if value in kind.split("|") else f"one of {kind.replace('|', ', ')}"
    if wanted:
        faults.append(f"[ERROR] must be {wanted} [json-pointer:{pointer}]")
    return value


def _object(kind: str, value: dict[str, Any], pointer: str, faults: list[str]) -> dict[str, Any]:
    fields = OBJECTS[kind]
    faults += [
        f"[ERROR] invalid additional property: {name} [json-pointer:{pointer}]" for name in value.keys() - fields
    ]
    faults += [
        f"[ERROR] missing required field: {name} [json-pointer:{pointer}]"
        for name, field in fields.items()
        if field.required and value.get(name) in (None, "")
    ]
    return {
        name: _value(fields[name].type, item, f"{pointer}/{name}", faults)
        for name, item in value.items()
        if name in fields and item is not None
    }


Arguments = dict[str, Any]


def _too_long(arguments: Arguments, limits: Mapping[str, int], faults: list[str]) -> None:
    faults += [
        f"[ERROR] must be less than {most + 1} characters [json-pointer:/{name}]"
        for name, most in limits.items()
        if len(arguments.get(name) or "") > most
    ]


def _contents(arguments: Arguments, faults: list[str]) -> None:
    """What a message says: something, not too long, and one way of saying it."""
    if arguments.get("attachments"):
        faults.append("[ERROR] attachments are not modelled by the emulator [json-pointer:/attachments]")
    if arguments.get("markdown_text") and (arguments.get("text") or arguments.get("blocks")):
        raise SlackError("markdown_text_conflict")
    if not any(arguments.get(name) for name in ("text", "blocks", "attachments", "markdown_text")):
        raise SlackError("no_text")
    # The real service cuts a posted text off at 40,000; to lose words silently is no better than to be told.
    if len(arguments.get("text", "")) > 40_000 or len(arguments.get("markdown_text", "")) > 12_000:
        raise SlackError("msg_too_long")


def _as_user(arguments: Arguments, _: list[str]) -> None:
    if arguments.get("as_user"):
        raise SlackError("as_user_not_supported")


def _metadata(arguments: Arguments, _: list[str]) -> None:
    if len(json.dumps(arguments.get("metadata", {}))) > 16_000:
        raise SlackError("metadata_too_large")


def _page(arguments: Arguments, faults: list[str]) -> None:
    if not 1 <= arguments.get("limit", 100) <= 999:
        faults.append("[ERROR] must be between 1 and 999 [json-pointer:/limit]")
    for name in ("oldest", "latest"):
        if not re.fullmatch(r"[0-9]{1,10}(\.[0-9]{1,6})?", arguments.get(name, "0")):
            raise SlackError(f"invalid_ts_{name}")


def _people(arguments: Arguments, faults: list[str]) -> None:
    if "users" not in arguments and "channel" not in arguments:
        raise SlackError("users_list_not_supplied")
    if "users" in arguments and "channel" in arguments:
        faults.append("[ERROR] give channel or users, not both")
    users = arguments.get("users", "U").split(",")
    if not all(users):
        raise SlackError("users_list_not_supplied")
    if len(users) > 8:
        raise SlackError("too_many_users")


def _reaction(arguments: Arguments, _: list[str]) -> None:
    if "file" not in arguments and ("channel" not in arguments or "timestamp" not in arguments):
        raise SlackError("no_item_specified")
    if not re.fullmatch(r"[a-z0-9_+'-]{1,100}(::skin-tone-[2-6])?", arguments["name"]):
        raise SlackError("invalid_name")


def _announced(arguments: Arguments, faults: list[str]) -> None:
    if arguments["length"] < 1:
        faults.append("[ERROR] must be more than 0 [json-pointer:/length]")
    _too_long(arguments, {"alt_txt": 1000, "alt_text": 1000, "filename": 255}, faults)


def _completed(arguments: Arguments, faults: list[str]) -> None:
    ids = [file["id"] for file in arguments["files"]]
    if not ids or len(set(ids)) < len(ids):
        faults.append("[ERROR] must name at least one file, and each once [json-pointer:/files]")
    places = [name for name in ("channel_id", "channels") if name in arguments]
    if len(places) > 1:
        faults.append("[ERROR] give channel_id or channels, not both")
    if "thread_ts" in arguments and not places:
        faults.append("[ERROR] missing required field: channel_id")
    if "thread_ts" in arguments and len(arguments.get("channels", ("the one",))) > 1:
        faults.append("[ERROR] must be one channel only, with thread_ts [json-pointer:/channels]")
    if "initial_comment" in arguments:
        arguments.pop("blocks", None)  # documented: the comment wins and the blocks are ignored


def _one_view(arguments: Arguments, faults: list[str]) -> None:
    if ("view_id" in arguments) == ("external_id" in arguments):
        faults.append("[ERROR] give view_id or external_id")


def _session(arguments: Arguments, faults: list[str]) -> None:
    _too_long(arguments, {"title": 200, "username": 200}, faults)


def _loading(arguments: Arguments, faults: list[str]) -> None:
    if len(arguments.get("loading_messages", ())) > 10:
        faults.append("[ERROR] no more than 10 items allowed [json-pointer:/loading_messages]")


def _prompts(arguments: Arguments, faults: list[str]) -> None:
    if not 1 <= len(arguments["prompts"]) <= 4:
        faults.append("[ERROR] between 1 and 4 items allowed [json-pointer:/prompts]")


_CHECKS: tuple[tuple[str, Callable[[Arguments, list[str]], None]], ...] = (
    ("chat.postMessage chat.update chat.postEphemeral", _contents),
    ("chat.postMessage chat.postEphemeral", _as_user),
    ("chat.postMessage chat.update", _metadata),
    ("conversations.replies conversations.history", _page),
    ("conversations.open", _people),
    ("reactions.add reactions.remove", _reaction),
    ("files.getUploadURLExternal", _announced),
    ("files.completeUploadExternal", _completed),
    ("views.update", _one_view),
    ("agents.sessions.setStatus agents.sessions.rename", _session),
    ("assistant.threads.setStatus", _loading),
    ("assistant.threads.setSuggestedPrompts", _prompts),
)
