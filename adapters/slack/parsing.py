"""Slack's events in our words. Pure: a payload goes in, a `Message`, a `Press` or None comes out.

Nothing that Slack or a stranger puts into a payload raises: what is not understood is None, with a log line. Which
messages are worth an answer is core's decision; who may write at all, the receiver's. Commands, shortcuts, presses and
forms are in `interactions`, and come from here too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from adapters.slack.content import content_of
from adapters.slack.fields import (
    PLATFORM,
    Ignored,
    Installation,
    Raw,
    a_ts,
    a_user,
    an_id,
    as_dict,
    channel_of,
    chat_of,
    is_direct,
    maybe_dict,
    maybe_text,
    moment,
    person_of,
    understood,
)
from adapters.slack.interactions import parse_command, parse_press, parse_shortcut, parse_submission
from core.messages import ConversationKey, Message

__all__ = [
    "PLATFORM",
    "HomeOpened",
    "Installation",
    "channel_of",
    "chat_of",
    "opened_home",
    "parse_command",
    "parse_event",
    "parse_press",
    "parse_shortcut",
    "parse_submission",
    "person_of",
]

_WRITTEN = frozenset({"", "file_share", "thread_broadcast", "me_message"})
"""Subtypes of messages that people write; all others are service messages, or apps'."""
_SLACKBOT = "USLACKBOT"
"""Slack itself, which has no bot id: it tells the bot that it was removed from a channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeOpened:
    """Somebody looks at the app's own pages."""

    user: str
    """Their id, without the platform."""
    channel: str
    """Their direct channel with the bot."""
    tab: str
    """"home" or "messages"."""


def parse_event(envelope: object, installation: Installation, *, now: datetime) -> Message | None:
    """What an event means for us; None for what is not for this bot, and for what cannot be understood.

    envelope: the whole event_callback
    now: no message is taken to be newer, in case the clocks differ
    """
    return understood("event", lambda: _event(as_dict(envelope), installation, now))


def opened_home(envelope: object, installation: Installation) -> HomeOpened | None:
    """Who opened which of the app's pages; None for other events."""
    return understood("home", lambda: _home(as_dict(envelope), installation))


def _home(envelope: Raw, installation: Installation) -> HomeOpened:
    event = as_dict(envelope["event"])
    if event.get("type") != "app_home_opened":
        raise Ignored("type")
    installation.check_event(envelope)
    tab = maybe_text(event, "tab") or "home"
    return HomeOpened(user=a_user(event["user"]), channel=an_id(event["channel"]), tab=tab)


def _event(envelope: Raw, installation: Installation, now: datetime) -> Message:
    event = as_dict(envelope["event"])
    # A channel shared with another workspace: who comes without a team may be from there.
    home = "" if envelope.get("is_ext_shared_channel") is True else installation.team
    kind = event.get("type")
    installation.check_event(envelope)
    if kind == "agent_session_stopped":
        return _stop(event, installation, now, home)
    if kind not in ("message", "app_mention"):
        raise Ignored("type")
    before: Raw | None = None
    body = event
    if event.get("subtype") == "message_changed":
        body, before = as_dict(event["message"]), maybe_dict(event, "previous_message")
    _check_written(body, installation)
    if before is not None:
        _check_edited(body, before, installation)
    return _message(event, body, before, installation, now, home)


def _check_written(body: Raw, installation: Installation) -> None:
    if maybe_text(body, "subtype") not in _WRITTEN:
        raise Ignored("subtype")
    if body.get("hidden") is True:
        raise Ignored("hidden")
    if body.get("bot_id") or body.get("user") in (installation.bot_user, _SLACKBOT):
        raise Ignored("a bot")


def _check_edited(body: Raw, before: Raw, installation: Installation) -> None:
    """A message also changes when Slack adds previews, or finds out its language; that has no editor, or the text of
    before. An edit that comes without the text of before counts, and is told apart from its repeats by its time."""
    editor = maybe_dict(body, "edited").get("user")
    if editor is None or editor == installation.bot_user:
        raise Ignored("not edited by a person")
    if maybe_text(before, "ts") and maybe_text(before, "text") == maybe_text(body, "text"):
        raise Ignored("text unchanged")


def _message(
    event: Raw, body: Raw, before: Raw | None, installation: Installation, now: datetime, home: str
) -> Message:
    """A message, or what one says now. Its twins, `message` and `app_mention`, come out the same, whichever is first;
    an edit with a mention has such twins as well."""
    channel, ts = an_id(event["channel"]), a_ts(body["ts"])
    root = a_ts(body.get("thread_ts") or ts)
    content = content_of(body, installation.bot_user)
    private = is_direct(channel) or event.get("channel_type") in ("im", "app_home")
    mentioned = content.mentioned or event["type"] == "app_mention" or _had_mention(before, installation)
    if not (private or mentioned) and root == ts:
        raise Ignored("not for us")
    if not (content.text or content.attachments or mentioned):
        raise Ignored("nothing in it")
    edited_ts = a_ts(edited["ts"]) if (edited := maybe_dict(body, "edited")) else ""
    return Message(
        event_id=f"{channel}:{ts}:{edited_ts}" if edited_ts else f"{channel}:{ts}",
        key=ConversationKey(platform=PLATFORM, chat=chat_of(installation.team, channel), thread=root),
        id=ts,
        sender=person_of(
            a_user(body["user"]), maybe_text(body, "user_team") or maybe_text(body, "team") or home, installation.team
        ),
        text=content.text,
        sent_at=min(moment(edited_ts or ts), now),
        private=private,
        addressed=private or mentioned,
        attachments=content.attachments,
        edited=bool(edited_ts),
    )


def _had_mention(before: Raw | None, installation: Installation) -> bool:
    """Whether the mention was edited away: the message is ours all the same."""
    return before is not None and content_of(before, installation.bot_user).mentioned


def _stop(event: Raw, installation: Installation, now: datetime, home: str) -> Message:
    """Slack's own Stop, which is shown while the bot is at work in a thread."""
    channel, thread, at = an_id(event["channel"]), a_ts(event["thread_ts"]), a_ts(event["event_ts"])
    return Message(
        event_id=f"stop:{channel}:{thread}:{at}",
        key=ConversationKey(platform=PLATFORM, chat=chat_of(installation.team, channel), thread=thread),
        id=at,
        sender=person_of(a_user(event["user"]), home, installation.team),
        sent_at=min(moment(at), now),
        private=is_direct(channel),
        command="stop",
    )
