"""Slack's commands, shortcuts, presses and forms in our words. Pure, and nothing raises, as in `parsing`."""

from __future__ import annotations

import json
from datetime import datetime

from adapters.slack.content import content_of, fallback_of
from adapters.slack.fields import (
    PLATFORM,
    Ignored,
    Installation,
    Raw,
    a_ts,
    a_user,
    an_id,
    as_dict,
    as_text,
    channel_of,
    chat_of,
    is_direct,
    maybe_dict,
    maybe_text,
    person_of,
    understood,
)
from adapters.slack.modal import CALLBACK, filled_in
from adapters.slack.rendering import clean
from adapters.slack.text import harmless, said
from core.commands import subcommand
from core.messages import ConversationKey, Message, Person, Press

SHORTCUT = "make_video"
"""What the message shortcut is known by."""

_BUTTONS = frozenset({"button", "feedback_buttons", "icon_button"})
_MENUS = frozenset({"static_select", "overflow"})


def parse_command(payload: object, installation: Installation, *, now: datetime) -> Message | None:
    """What a slash command asks for, whatever its name is; None when it cannot be understood.

    payload: the fields of the form
    now: when it was given, which Slack does not say
    """
    return understood("command", lambda: _command(as_dict(payload), installation, now))


def parse_shortcut(payload: object, installation: Installation, *, now: datetime) -> Message | None:
    """The wish for a video from a message, said by the person who chose the shortcut; None for other shortcuts.

    now: when it was chosen
    """
    return understood("shortcut", lambda: _shortcut(as_dict(payload), installation, now))


def parse_press(payload: object, installation: Installation, *, now: datetime) -> Press | None:
    """A tap on a button, or the choice of an option, of a message or the home tab; None for links and for what is
    chosen in a form that is still open.

    now: when that was
    """
    return understood("press", lambda: _press(as_dict(payload), installation, now))


def parse_submission(payload: object, installation: Installation, *, now: datetime) -> Press | None:
    """The press that opened a form, with what was filled in; None for other forms.

    now: when it was submitted
    """
    return understood("submission", lambda: _submission(as_dict(payload), installation, now))


def _command(raw: Raw, installation: Installation, now: datetime) -> Message:
    channel = an_id(raw["channel_id"])
    command, text = subcommand(said(maybe_text(raw, "text"), installation.bot_user)[0])
    return Message(
        event_id=f"command:{_some_text(raw, 'trigger_id')}",
        key=_key(installation, channel),
        id="",
        sender=person_of(a_user(raw["user_id"]), maybe_text(raw, "team_id") or installation.team, installation.team),
        text=text,
        sent_at=now,
        private=is_direct(channel),
        summoned=True,
        command=command,
    )


def _shortcut(raw: Raw, installation: Installation, now: datetime) -> Message:
    if raw.get("type") != "message_action" or raw.get("callback_id") != SHORTCUT:
        raise Ignored("shortcut")
    channel, message = an_id(as_dict(raw["channel"])["id"]), as_dict(raw["message"])
    ts = a_ts(message.get("ts") or raw["message_ts"])
    # What the bot itself said is no idea for a video: then it asks for one.
    words: Raw = {} if installation.is_bot(message) else message
    content = content_of(words, installation.bot_user)
    return Message(
        event_id=f"shortcut:{_some_text(raw, 'trigger_id')}",
        key=_key(installation, channel, a_ts(message.get("thread_ts") or ts)),
        id=ts,
        sender=_user(raw, installation),
        text=content.text or fallback_of(words, installation.bot_user),
        sent_at=now,
        private=is_direct(channel),
        summoned=True,
        command="video",
        attachments=content.attachments,
    )


def _press(raw: Raw, installation: Installation, now: datetime) -> Press:
    if raw.get("type") != "block_actions":
        raise Ignored("type")
    pressed = as_dict(raw["actions"][0])
    action, at = _action(pressed), a_ts(pressed["action_ts"])
    container = as_dict(raw["container"])
    sender = _user(raw, installation)
    channel, ts, thread = _place(raw, container, sender, installation)
    return Press(
        event_id=f"press:{channel}:{ts}:{at}:{sender.native_id}",
        key=_key(installation, channel, thread),
        id=ts,
        sender=sender,
        action=action,
        sent_at=now,
        private=_is_private(channel),
        whispered=container.get("is_ephemeral") is True,
        ref=maybe_text(raw, "response_url"),
    )


def _action(pressed: Raw) -> str:
    """What the pressed button, or the chosen option, carries."""
    kind = maybe_text(pressed, "type")
    if kind not in _BUTTONS | _MENUS or "url" in pressed:
        raise Ignored("no button of ours")
    value = maybe_text(maybe_dict(pressed, "selected_option") if kind in _MENUS else pressed, "value")
    if not value:
        raise Ignored("no value")
    return value


def _place(raw: Raw, container: Raw, sender: Person, installation: Installation) -> tuple[str, str, str]:
    """Where the button is: channel, message and thread. The home tab is its person's own, and no message."""
    if container.get("type") == "view":
        view = maybe_dict(raw, "view")
        if view.get("type") != "home":
            raise Ignored("in a form")
        installation.check_view(view)
        return sender.native_id, "", ""
    if container.get("type") != "message":
        raise Ignored("container")
    message = maybe_dict(raw, "message")
    installation.check_message(message)
    channel = an_id(container.get("channel_id") or as_dict(raw["channel"])["id"])
    ts = a_ts(container.get("message_ts") or message.get("ts"))
    thread = message.get("thread_ts") or container.get("thread_ts")
    if not thread:
        # What only one person sees starts no thread.
        thread = "" if container.get("is_ephemeral") is True else ts
    return channel, ts, a_ts(thread) if thread else ""


def _submission(raw: Raw, installation: Installation, now: datetime) -> Press:
    view = as_dict(raw["view"])
    if raw.get("type") != "view_submission" or view.get("callback_id") != CALLBACK:
        raise Ignored("form")
    installation.check_view(view)
    opened = as_dict(json.loads(as_text(view["private_metadata"])))
    key = ConversationKey(platform=PLATFORM, chat=as_text(opened["chat"]), thread=as_text(opened["thread"]))
    return Press(
        event_id=f"form:{an_id(view['id'])}:{_some_text(view, 'hash')}",
        key=_key(installation, an_id(channel_of(key)), a_ts(key.thread) if key.thread else ""),
        id=as_text(opened["id"]),
        sender=_user(raw, installation),
        action=as_text(opened["action"]),
        sent_at=now,
        private=_is_private(channel_of(key)),
        values={clean(slot): harmless(clean(value)) for slot, value in filled_in(view).items()},
    )


def _key(installation: Installation, channel: str, thread: str = "") -> ConversationKey:
    return ConversationKey(platform=PLATFORM, chat=chat_of(installation.team, channel), thread=thread)


def _user(raw: Raw, installation: Installation) -> Person:
    user = as_dict(raw["user"])
    return person_of(a_user(user["id"]), maybe_text(user, "team_id") or installation.team, installation.team)


def _is_private(channel: str) -> bool:
    """Whether nobody else sees it: a direct channel, or somebody's home tab."""
    return is_direct(channel) or channel.startswith(("U", "W"))


def _some_text(raw: Raw, name: str) -> str:
    """A text that must be there: events that lack it would all count as one."""
    value = as_text(raw[name])
    if not value:
        raise ValueError(name)
    return value
