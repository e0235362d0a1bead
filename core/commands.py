"""What the slash commands do. Pure but for the `Response` it fills.

A command is a step said in one word; the ones about whole conversations (`/new`, `/chats`) are `core.dialogue`'s,
because they choose the conversation that everything else happens in.
"""

from __future__ import annotations

import re

from core import texts
from core.messages import Message
from core.reading import Intent, Reading, Step
from core.response import Response
from core.steps import Heard, apply_reading

STEPS = {
    "status": Intent.STATUS,
    "videos": Intent.LIST,
    "list": Intent.LIST,
    "cancel": Intent.CANCEL,
    "stop": Intent.CANCEL,
    "help": Intent.HELP,
    "settings": Intent.SETTINGS,
}
"""Commands that mean a step."""

READ = frozenset({"video", "new"})
"""Commands whose text is a wish for the dialogue model to read."""


SPENDING = frozenset({"usage", "receipt"})
"""Commands about money, which `core.spending` answers."""

LATER = frozenset({"draft", "drafts", "templates", "schedule", "search", "forget", "chats", "rename", "pin"})
"""Words for what cannot be done here yet; by themselves they are no wish."""

ABOUT_EVERYTHING = frozenset({"status", "videos", "list", "cancel", "stop"})
"""Commands about all of a person's work in a place, whichever conversation it belongs to."""


def subcommand(text: str) -> tuple[str, str]:
    """What a platform's one command for everything is followed by: the command that its text begins with and the rest,
    or ("video", the whole text) when that is a wish. "stop motion of a cat" is a wish, "stop v12" is not."""
    first, _, rest = text.strip().partition(" ")
    word = first.lower()
    if word in STEPS.keys() | SPENDING and (not rest.strip() or target_of(rest) is not None):
        return word, rest.strip()
    if word in LATER | {"new", "start"} and not rest.strip():
        return word, ""
    if word == "video" and rest.strip():
        return subcommand(rest)
    return "video", text.strip()


def known(command: str) -> bool:
    """Whether the command is one of ours; in a group others are for other bots."""
    return command in STEPS or command in READ or command in SPENDING or command in ("start", "chats")


def needs_reading(message: Message) -> bool:
    """Whether the dialogue model has to read the text of the message."""
    says_something = bool(message.text.strip() or message.attachments)
    return not message.command or (message.command in READ and says_something)


def apply_command(response: Response, message: Message, heard: Heard) -> None:
    """Do what a command without a wish says."""
    intent = STEPS.get(message.command)
    if intent is not None:
        step = Step(intent=intent, target=target_of(message.text))
        apply_reading(response, Reading(steps=(step,)), heard)
    elif message.command == "video":
        response.begin({}, message_id=message.id)
    elif message.command == "new":
        response.say(texts.talk.NEW_IN_THREAD if message.key.thread else texts.talk.NEW_CONVERSATION)
    elif message.command == "start":
        response.say(texts.talk.HELLO)
    elif message.command in LATER:
        response.say(texts.talk.NOT_YET)
    else:
        response.say(texts.talk.NOT_UNDERSTOOD)


def target_of(text: str) -> int | None:
    """The generation that a command names: "v12" or "12"."""
    match = re.fullmatch(r"\s*v?(\d{1,12})\s*", text, re.ASCII | re.IGNORECASE)
    return int(match[1]) if match else None
