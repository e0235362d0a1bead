"""Albums: Telegram sends each picture as a message of its own, without saying which is the last.

Nothing is held back for the others to come, so that no part that was acknowledged is ever only in memory: each is
stored as it arrives, and core folds what one person sends in one go into one turn. What a single part lacks is added
here: only the first has the caption with the bot's mention, and the whole album is meant for the bot if that one is.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from core.messages import ConversationKey, Message

_REMEMBERED = 500
"""Albums of which more parts may come."""


class Albums:
    """The albums that came lately."""

    def __init__(self) -> None:
        self._addressed: OrderedDict[tuple[ConversationKey, str], bool] = OrderedDict()

    def joined(self, message: Message) -> Message:
        """The message, addressed to the bot if an earlier part of its album was."""
        if not message.album:
            return message
        place = (message.key, message.album)
        addressed = message.addressed or self._addressed.get(place, False)
        self._addressed[place] = addressed
        self._addressed.move_to_end(place)
        if len(self._addressed) > _REMEMBERED:
            self._addressed.popitem(last=False)
        return replace(message, addressed=addressed)
