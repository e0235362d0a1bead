"""Telegram as a place where people talk to the bot: python-telegram-bot's `Bot` over a transport of our own.

`connection` holds the bot's sessions, `platform` speaks and `receiver` listens. `parsing` and `rendering` are pure;
`pacing` keeps Telegram's limits, `failures` maps what goes wrong onto `core.errors`.
"""

from adapters.telegram.connection import TelegramConnection
from adapters.telegram.platform import TelegramPlatform
from adapters.telegram.receiver import TelegramReceiver

__all__ = ["TelegramConnection", "TelegramPlatform", "TelegramReceiver"]
