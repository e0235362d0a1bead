"""All that the emulated server remembers: people, chats, files, updates, presses, what was set about the bot."""

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.emulators.telegram_errors import ApiError, bad_request
from tests.emulators.telegram_files import FileStore
from tests.emulators.telegram_messages import TelegramPress, TelegramUser
from tests.emulators.telegram_updates import Signal, UpdateQueue

if TYPE_CHECKING:
    from tests.emulators.telegram_chat import TelegramChat


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the server takes. Sizes in bytes, times in seconds."""

    download: int
    upload: int
    query_lifetime: float
    privacy: bool
    """whether the bot, where it is no administrator, sees only what is meant for it in groups"""
    private_topics: bool
    """whether private chats have topics"""


@dataclass(slots=True)
class RateLimiter:
    """Counts what the bot sends and edits in sliding windows; None means no limit.

    The figures that Telegram names: one message a second in a chat, 20 a minute in a group, 30 a second overall.
    """

    per_chat_per_second: float | None = None
    per_group_per_minute: int | None = None
    overall_per_second: float | None = None
    _seen: dict[tuple[str, int], deque[float]] = field(default_factory=dict)

    def check(self, chat: "TelegramChat") -> None:
        """Count a call for this chat, or raise ApiError 429 with the seconds to wait."""
        now = time.monotonic()
        windows = [
            (("chat", chat.id), self.per_chat_per_second, 1.0),
            (("group", chat.id), self.per_group_per_minute if chat.is_group else None, 60.0),
            (("all", 0), self.overall_per_second, 1.0),
        ]
        counted = []
        for key, limit, seconds in windows:
            if limit is None:
                continue
            if limit < 1:
                seconds, limit = seconds / limit, 1
            seen = self._seen.setdefault(key, deque())
            while seen and seen[0] <= now - seconds:
                seen.popleft()
            if len(seen) >= limit:
                wait = max(1, -int(-(seen[0] + seconds - now) // 1))
                raise ApiError(429, f"Too Many Requests: retry after {wait}", retry_after=wait)
            counted.append(seen)
        for seen in counted:
            seen.append(now)


@dataclass(slots=True, kw_only=True)
class ServerState:
    """The memory that chats and methods share."""

    bot: TelegramUser
    limits: Limits
    files: FileStore
    updates: UpdateQueue
    changes: Signal = field(default_factory=Signal)
    rate: RateLimiter = field(default_factory=RateLimiter)
    users: dict[int, TelegramUser] = field(default_factory=dict)
    chats: dict[int, "TelegramChat"] = field(default_factory=dict)
    presses: dict[str, TelegramPress] = field(default_factory=dict)
    commands: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)
    count: int = 0
    """of changes so far, to tell what came after what"""

    def changed(self) -> int:
        """Count a change and wake those who wait for one."""
        self.count += 1
        self.changes.notify()
        return self.count

    def chat(self, chat_id: int | str | None) -> "TelegramChat":
        """The chat a call names by id or @username. Raises ApiError 400."""
        if chat_id in (None, "", 0):
            raise bad_request("chat_id is empty")
        if isinstance(chat_id, int):
            if chat_id in self.chats:
                return self.chats[chat_id]
        else:
            for chat in self.chats.values():
                if chat.username == str(chat_id).removeprefix("@"):
                    return chat
        raise bad_request("chat not found")
