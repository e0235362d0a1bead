"""What a dialogue model is given to read, and what it made of it.

A reading only proposes: `core.policy` decides what follows, and nothing in a reading can order, spend or set anything
but the slots of a request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from core.messages import Attachment
from core.money import Micros
from core.request import VideoRequest


class Intent(StrEnum):
    """What a person wants with (a part of) a message."""

    CREATE = "create"
    ANSWER = "answer"
    REFINE = "refine"
    JOIN = "join"
    CONFIRM = "confirm"
    CANCEL = "cancel"
    STATUS = "status"
    LIST = "list"
    SETTINGS = "settings"
    HELP = "help"
    CHAT = "chat"
    UNSAFE = "unsafe"
    ASIDE = "aside"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing a person wants."""

    intent: Intent
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Slot name to value, for create, answer, refine and join; checked by `core.request.changed`."""
    clips: tuple[int | None, ...] = ()
    """For join: the generations whose clips are meant, in order; None is the one at hand."""
    target: int | None = None
    """The generation it is about ("v12" is 12), or None for the one at hand."""
    reply: str = ""
    """For chat, help and unsafe: a short answer in the person's language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenUse:
    """One paid call of a dialogue model."""

    model: str
    purpose: str
    """"read", "repair", "prompt" or "rewrite"."""
    tokens_in: int
    tokens_out: int
    cost: Micros


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a message means."""

    steps: tuple[Step, ...]
    language: str = ""
    """BCP 47 code of the language the person writes, or empty when unsure."""
    hurry: bool = False
    """True when they want it now, without questions."""
    summary: str = ""
    """One line about the wish in the person's language, or empty."""
    questions: Mapping[str, str] = field(default_factory=dict)
    """Slot name to how to ask for it in the person's language."""
    uses: tuple[TokenUse, ...] = ()
    plain_yes: bool = False
    """Set by code alone, never by a model: the message is nothing but a yes to an open card."""
    simpler: bool = False
    """True when the fallback read it because the first model could not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenQuestion:
    """The question that waits for an answer, as the reader sees it."""

    slot: str
    text: str
    options: tuple[tuple[str, str], ...]
    """Label and value of each button."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """One line of the conversation so far."""

    speaker: str
    """"person", "other" (somebody else in the thread) or "bot"."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingInput:
    """Everything a dialogue model may know when it reads a message."""

    text: str
    attachments: tuple[Attachment, ...] = ()
    language: str = ""
    """What the platform says the person speaks."""
    history: tuple[Utterance, ...] = ()
    """Oldest first."""
    request: VideoRequest | None = None
    """The request being shaped, if there is one."""
    open_card: bool = False
    """True when that request is on a card that waits for the tap."""
    question: OpenQuestion | None = None
    finished: tuple[int, ...] = ()
    """Ids of finished clips in this conversation, newest first."""
    running: tuple[int, ...] = ()
    """Ids of generations under way."""
    private: bool = True
    addressed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptInput:
    """What is needed to write the prompt of one clip."""

    request: VideoRequest
    duration_s: int
    aspect: str
    sound: bool
    guide: str
    """How this family of models wants it (`Catalogue.guides`)."""
    negative_prompt: bool
    """True when the provider has a field of its own for things to avoid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Text a dialogue model wrote, with what it cost."""

    texts: tuple[str, ...]
    uses: tuple[TokenUse, ...] = ()
