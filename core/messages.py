"""What comes in from a platform and what goes out to it, in words that every platform shares.

Adapters turn their own updates into `Message` and `Press`, and a `Post` into whatever their platform shows. The ids in
here are opaque strings: only the adapter that made them knows what is inside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationKey:
    """A place where people talk to the bot: a private chat, a group, a topic in it, a thread."""

    platform: str
    """The adapter's name: "telegram", "slack", "terminal"."""
    chat: str
    """The chat or channel, as the adapter writes it."""
    thread: str = ""
    """The topic or thread inside the chat; empty for the chat itself. A thread is one conversation by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who writes or presses."""

    id: str
    """Unique over all platforms: "telegram:4711"."""
    name: str
    """How people call them; shown, never trusted."""
    language: str = ""
    """BCP 47 code that the platform reports, or empty."""
    team: str = ""
    """The Slack team they belong to; empty elsewhere."""
    guest: bool = False
    """True for somebody of another organisation, in a place that both share."""

    @property
    def native_id(self) -> str:
        """The id as the platform has it: "4711"."""
        return self.id.partition(":")[2]


class MediaKind(StrEnum):
    """What an attachment is, as the platform sent it."""

    PHOTO = "photo"
    VIDEO = "video"
    VOICE = "voice"
    AUDIO = "audio"
    DOCUMENT = "document"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that came with a message; its bytes are still with the platform."""

    kind: MediaKind
    ref: str
    """The adapter's handle to fetch it by."""
    mime_type: str = ""
    size_bytes: int = 0
    """0 when the platform does not say."""
    width: int = 0
    height: int = 0
    duration_s: float = 0.0
    file_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Something a person wrote or sent."""

    event_id: str
    """Unique within the platform; a repeated event has the same one."""
    key: ConversationKey
    id: str
    """The platform's id of the message, to reply to."""
    sender: Person
    text: str = ""
    """Without the bot's mention and without the command."""
    sent_at: datetime
    private: bool = True
    """True when nobody but the sender and the bot is in the chat."""
    summoned: bool = False
    """True when it came by a way that works also where the bot is no member, such as a command of the platform's own.
    With an empty `id` it has no message that a thread could hang on."""
    addressed: bool = True
    """True when it is meant for the bot beyond doubt: private, a mention, a reply to the bot, a command."""
    command: str = ""
    """The command's name without the slash ("status"), or empty. `text` is what follows it."""
    reply_to: str = ""
    """The id of the message it replies to, or empty."""
    attachments: tuple[Attachment, ...] = ()
    album: str = ""
    """The same for all messages that were sent as one album; empty for a message by itself."""
    edited: bool = False
    """True when it replaces what the message `id` said before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """A tap on a button."""

    event_id: str
    key: ConversationKey
    id: str
    """The id of the message that carries the button."""
    sender: Person
    action: str
    """What the button carries; may be made up by hand, so it is checked against the rows before it counts."""
    sent_at: datetime
    private: bool = True
    whispered: bool = False
    """True when the message with the button is for the presser's eyes only; so is the answer then."""
    ref: str = ""
    """The adapter's handle to answer this press by (Telegram's callback query id)."""
    values: Mapping[str, str] = field(default_factory=dict)
    """What was filled into the form that the button opened, by slot; empty for a plain tap."""


Incoming = Message | Press


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """Something to tap under a post: either an action of ours or a link."""

    label: str
    action: str = ""
    """At most 64 bytes (Telegram's callback data)."""
    url: str = ""


Rows = tuple[tuple[Button, ...], ...]
"""Buttons as they are laid out: rows of buttons."""


class PostKind(StrEnum):
    """What a post is for; a platform may show kinds differently (the terminal numbers buttons of some only)."""

    NOTICE = "notice"
    QUESTION = "question"
    CARD = "card"
    STATUS = "status"


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Something the bot says. Plain text: adapters escape it for their markup."""

    key: ConversationKey
    kind: PostKind = PostKind.NOTICE
    text: str
    heading: str = ""
    """A short first line that platforms may show in bold."""
    buttons: Rows = ()
    anchor: str = ""
    """Posts with the same anchor are one message: the later one edits the earlier one in place."""
    reply_to: str = ""
    """The id of the person's message that this answers, or empty."""
    progress: float | None = None
    """For a status: the share of the work that is done, 0 to 1, when it is known."""
    quiet: bool = False
    """True: show it without a notification."""
    person: Person | None = None
    """Whom it is for. Where the place takes nothing from us, they are told directly instead."""
    whisper: bool = False
    """True: only `person` is to see it, where the platform can do that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A finished clip on its way to the person; everything a platform needs to post it."""

    key: ConversationKey
    generation: str
    """The short id, such as "v12"."""
    announcement: str
    """The line that notifies the person before the video appears."""
    caption: str
    """At most 1,024 characters."""
    buttons: Rows
    feedback: tuple[Button, ...] = ()
    """A button for "good" and one for "bad", for platforms that have a place for such; may be empty."""
    reply_to: str
    clip: str
    """Path of the local file to send; the provider's bytes unless it had to be made smaller or silent."""
    poster: str
    """Path of a JPEG of at most 320 pixels and 200 kB."""
    file_name: str
    width: int
    height: int
    duration_s: float
    size_bytes: int
    requester: Person


def short_id(generation_id: int) -> str:
    """The id that people see: 12 is "v12"."""
    return f"v{generation_id}"
