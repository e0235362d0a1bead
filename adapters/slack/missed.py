"""Reads back what was written in a thread while nobody was listening: Slack repeats what it could not hand over only
for a while.

It goes the way of everything that comes in; the id of its event is that of the message, so what is known is not dealt
with twice. What was tapped cannot be read back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from adapters.slack import failures
from adapters.slack.connection import SlackConnection
from adapters.slack.fields import a_ts, channel_of, maybe_text, moment
from adapters.slack.intake import SlackIntake
from core.messages import ConversationKey
from core.ports import Receive

PAGE = 100
MOST_PAGES = 10


async def read_missed(
    connection: SlackConnection, intake: SlackIntake, key: ConversationKey, since: datetime, receive: Receive
) -> None:
    """Hand on every message of a thread since then. Raises TemporaryError and PermanentError."""
    installation = connection.installation or await connection.identify()
    channel, cursor = channel_of(key), ""
    for _ in range(MOST_PAGES):
        with failures.mapped():
            answer = await connection.client.conversations_replies(
                channel=channel, ts=key.thread, oldest=f"{since.timestamp():.6f}", limit=PAGE, cursor=cursor or None
            )
        for message in answer.get("messages") or ():
            if isinstance(message, Mapping) and _is_since(message, since):
                await intake.event(_as_event(message, channel, installation.team), receive)
        cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
        if not cursor:
            return


def _is_since(message: Mapping[str, Any], since: datetime) -> bool:
    """The thread's first message comes along whenever it was written."""
    try:
        return moment(a_ts(message.get("ts"))) > since
    except ValueError:
        return False


def _as_event(message: Mapping[str, Any], channel: str, team: str) -> dict[str, Any]:
    """The event by which Slack would have told us of the message, as it stands now."""
    said = {name: value for name, value in message.items() if name != "edited"}
    return {
        "type": "event_callback",
        "team_id": team,
        "event": {**said, "type": maybe_text(said, "type") or "message", "channel": channel},
    }
