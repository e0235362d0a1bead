"""Several conversations in one chat: beginning another, listing them, going back to one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from core import texts
from core.actions import action
from core.conversation import Conversation
from core.messages import Button, ConversationKey
from core.response import Response


def fresh_conversation(
    conversation_id: str, key: ConversationKey, owner_id: str, language: str, now: datetime
) -> Conversation:
    """A new conversation, the current one of its owner in this place."""
    return Conversation(
        id=conversation_id, key=key, owner_id=owner_id, language=language, created_at=now, updated_at=now
    )


def list_conversations(response: Response, listed: Sequence[Conversation]) -> None:
    """The person's conversations here, a button each."""
    others = [
        conversation for conversation in listed if conversation.id != response.conversation.id and conversation.title
    ]
    if not others:
        response.say(texts.talk.NO_CHATS)
        return
    buttons = tuple(
        (Button(label=conversation.title, action=action("chat", conversation.id)),) for conversation in others[:8]
    )
    response.say(texts.talk.CHATS_HEADING, buttons)


def apply_switch(response: Response, chosen: Conversation | None) -> None:
    """Make another conversation the current one."""
    if chosen is None:
        response.say(texts.clips.STALE_BUTTON)
        return
    if chosen.id != response.conversation.id:
        response.conversation = replace(response.conversation, current=False)
    response.say(texts.talk.SWITCHED.format(title=chosen.title or texts.talk.UNTITLED))
