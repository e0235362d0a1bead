"""How much of what comes in is taken, whatever a platform lets through. Pure.

Every platform has limits of its own; here is the one place that does not depend on theirs. It cuts and never refuses,
so that a person always gets an answer.
"""

from __future__ import annotations

import re
from dataclasses import replace

from core.messages import Attachment, Incoming, Message, Person

MAX_TEXT = 16_000
"""Characters of a message: twice what is read of it (`core.readers.MAX_READ`), and four of Telegram's. Slack's own
limit of 40,000 would let a few messages fill a row that is saved at every step."""
MAX_NAME = 128
"""Characters of a person's name: Telegram's first and last name."""
MAX_ATTACHMENTS = 50
"""Of one message. Fewer of them are fetched (`core.intake.MAX_FILES`)."""
MAX_FILE_NAME = 255
MAX_VALUES = 50
"""Fields of a form."""
MAX_ACTION = 256
"""Characters of a button's text; ours have at most 64 bytes."""

_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What nobody types: control characters, and signs that turn the direction of what stands after them, such as the
price on a card. The signs that right-to-left writing and joined emoji need are no part of it."""


def plain(text: str) -> str:
    """The text without what a screen would obey instead of showing it."""
    return _OBEYED.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def bounded(incoming: Incoming) -> Incoming:
    """The message or press, no larger than is taken."""
    sender = _person(incoming.sender)
    if isinstance(incoming, Message):
        return replace(
            incoming,
            sender=sender,
            text=plain(incoming.text[:MAX_TEXT]),
            attachments=tuple(map(_attachment, incoming.attachments[:MAX_ATTACHMENTS])),
        )
    values = {slot[:MAX_NAME]: plain(value[:MAX_TEXT]) for slot, value in [*incoming.values.items()][:MAX_VALUES]}
    return replace(incoming, sender=sender, action=incoming.action[:MAX_ACTION], values=values)


def _person(person: Person) -> Person:
    """A name is one line: in a sentence of ours it must not look like another sentence of ours."""
    return replace(person, name=" ".join(plain(person.name).split())[:MAX_NAME])


def _attachment(one: Attachment) -> Attachment:
    return replace(one, file_name=plain(one.file_name)[:MAX_FILE_NAME], mime_type=one.mime_type[:MAX_FILE_NAME])
