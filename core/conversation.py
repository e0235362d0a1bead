"""A conversation: what one wish and its clips belong to, and how an incoming message finds its own.

A thread or topic is one conversation for everybody in it. In a plain chat every person has conversations of their own,
of which one is current; a reply belongs to the conversation of the message it replies to.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from core.messages import ConversationKey, Incoming, Post, PostKind
from core.reading import Utterance

MAX_HISTORY = 20
"""Lines of the conversation that are kept for the dialogue model to read."""
MAX_LINE = 400
"""Characters kept of each of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One conversation."""

    id: str
    key: ConversationKey
    owner_id: str
    """The person it belongs to; empty for a thread that everybody shares."""
    title: str = ""
    current: bool = True
    history: tuple[Utterance, ...] = ()
    language: str = ""
    created_at: datetime
    updated_at: datetime
    revision: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What was said and what came of it, kept for good."""

    conversation_id: str
    received_at: datetime
    """When the first message of it arrived."""
    at: datetime
    """When it was answered."""
    person_id: str
    text: str
    moves: tuple[str, ...]
    """Names of the moves that followed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An incoming message or press that is in the inbox and not dealt with yet."""

    row: int
    """Id of the inbox row."""
    incoming: Incoming
    received_at: datetime


def owner_of(key: ConversationKey, person_id: str) -> str:
    """Whose conversation a message starts in this place: the person's, or everybody's in a thread."""
    return "" if key.thread else person_id


def remembered(
    conversation: Conversation, *, speaker: str, text: str, posts: tuple[Post, ...], now: datetime
) -> Conversation:
    """The conversation with a turn added to what is remembered of it; the first `MAX_LINE` characters of each line.
    `speaker` is "person" for whom the wish is, "other" for somebody else in the thread."""
    lines = [Utterance(speaker=speaker, text=text[:MAX_LINE])] if text else []
    for post in posts:
        if post.kind is not PostKind.STATUS and not post.quiet:
            spoken = f"{post.heading}\n{post.text}" if post.heading else post.text
            lines.append(Utterance(speaker="bot", text=spoken[:MAX_LINE]))
    history = (*conversation.history, *lines)[-MAX_HISTORY:]
    return replace(conversation, history=history, updated_at=now)


def titled(text: str) -> str:
    """A conversation's title from its first wish: at most 40 characters, cut between words."""
    line = " ".join(text.split())
    if len(line) <= 40:
        return line
    return line[:39].rsplit(" ", 1)[0].rstrip(",;:.") + "…"
