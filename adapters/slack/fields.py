"""What all of Slack's payloads have in common: ids, times, people and places. Pure.

What a payload means is left to `parsing` and `interactions`. The readers here raise TypeError or ValueError for what
Slack would not send; `understood` turns that into None.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import structlog

from adapters.slack.rendering import clean
from core.messages import ConversationKey, Person

PLATFORM = "slack"

_ID = re.compile(r"[A-Z][A-Z0-9]{1,31}", re.ASCII)
_USER = re.compile(r"[UW][A-Z0-9]{1,20}", re.ASCII)
_TS = re.compile(r"(\d{1,10})\.(\d{1,9})", re.ASCII)

_log = structlog.get_logger(__name__)

Raw = dict[str, Any]
_Meaning = TypeVar("_Meaning")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Who the bot is, and where it is installed; what auth.test says."""

    team: str
    """The workspace's id."""
    bot_user: str
    """The user that the bot is: what people mention."""
    bot: str
    """The bot's other id, which its own messages carry."""
    app: str
    """The app's id, or empty."""

    def is_bot(self, message: Raw) -> bool:
        """Whether the bot wrote that message."""
        return message.get("user") == self.bot_user or _same(message, "bot_id", self.bot) is True

    def check_event(self, envelope: Raw) -> None:
        """Raises Ignored for an event of another workspace: all that have installed the app post to one address. In a
        channel shared between workspaces the event's own team may be the other one, so what counts is for whose
        installation it was sent."""
        sent_for = [one.get("team_id") for one in maybe_list(envelope, "authorizations") if isinstance(one, dict)]
        if self.team not in (sent_for or [envelope.get("team_id")]):
            raise Ignored("another workspace")

    def check_message(self, message: Raw) -> None:
        """Raises Ignored for a button below a message of another bot, or of the app's bot in another workspace. A
        message that only one person sees does not say whose it is."""
        ours = _same(message, "bot_id", self.bot)
        if (_same(message, "app_id", self.app) if ours is None else ours) is False:
            raise Ignored("another bot's message")

    def check_view(self, view: Raw) -> None:
        """Raises Ignored for a page or a form that another workspace's installation shows. The team of whoever
        pressed says nothing: guests have their own."""
        if _same(view, "app_installed_team_id", self.team) is False or _same(view, "bot_id", self.bot) is False:
            raise Ignored("another workspace's view")


def _same(raw: Raw, name: str, ours: str) -> bool | None:
    """Whether the field is that id; None when it is not there, or ours is not known."""
    value = raw.get(name)
    return value == ours if value and ours else None


class Ignored(Exception):
    """Nothing for us; the text is the reason for the log."""


def understood(kind: str, read: Callable[[], _Meaning]) -> _Meaning | None:
    """What `read` makes of a payload; None, with a log line, for what is not for us and for what cannot be understood.

    kind: what the payload was taken for
    """
    try:
        return read()
    except Ignored as reason:
        _log.debug("slack_payload_ignored", kind=kind, reason=str(reason))
    except (AttributeError, LookupError, TypeError, ValueError, OverflowError, OSError, RecursionError) as error:
        _log.warning("slack_payload_malformed", kind=kind, error=type(error).__name__)
    return None


def chat_of(team: str, channel: str) -> str:
    """The `chat` of a key: channels of several workspaces may have the same id."""
    return f"{team}/{channel}"


def channel_of(key: ConversationKey) -> str:
    """The channel that a key is about, or the person whose home tab it is."""
    return key.chat.rpartition("/")[2]


def is_direct(channel: str) -> bool:
    """Whether the channel is between two: a person and us, or, where a command is used, another person."""
    return channel.startswith("D")


def person_of(user: str, team: str, home: str) -> Person:
    """Somebody of that workspace, a guest unless it is `home`, where the app is installed. Their name is a mention,
    which Slack shows as the name they have today."""
    return Person(id=f"{PLATFORM}:{user}", name=f"<@{user}>", team=team, guest=team != home)


def as_dict(value: object) -> Raw:
    """The object that `value` has to be."""
    if not isinstance(value, dict):
        raise TypeError("object expected")
    return value


def as_text(value: object) -> str:
    """The text that `value` has to be, fit for a database."""
    if not isinstance(value, str):
        raise TypeError("string expected")
    return clean(value)


def maybe_dict(raw: Raw, name: str) -> Raw:
    """The field if it is an object, else an empty one."""
    value = raw.get(name)
    return value if isinstance(value, dict) else {}


def maybe_list(raw: Raw, name: str) -> list[Any]:
    """The field if it is a list, else an empty one."""
    value = raw.get(name)
    return value if isinstance(value, list) else []


def maybe_text(raw: Raw, name: str) -> str:
    """The field if it is a text, else an empty one."""
    value = raw.get(name)
    return clean(value) if isinstance(value, str) else ""


def an_id(value: object) -> str:
    """The id of a channel, a team or a file."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise ValueError("id expected")
    return value


def a_user(value: object) -> str:
    """The id of a person: nothing else may stand in a mention."""
    if not isinstance(value, str) or not _USER.fullmatch(value):
        raise ValueError("user expected")
    return value


def a_ts(value: object) -> str:
    """The time that names a message."""
    if not isinstance(value, str) or not _TS.fullmatch(value):
        raise ValueError("ts expected")
    return value


def moment(ts: str) -> datetime:
    """When that was. Raises ValueError for what is no ts."""
    match = _TS.fullmatch(ts)
    if match is None:
        raise ValueError("ts expected")
    microseconds = int(match[2].ljust(6, "0")[:6])
    return datetime.fromtimestamp(int(match[1]), UTC) + timedelta(microseconds=microseconds)
