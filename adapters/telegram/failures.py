"""What goes wrong with Telegram, in the words of `core.errors`: the adapter's one place where errors are mapped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from telegram.error import TelegramError

from adapters.telegram.transport import BotApiError
from core.errors import PermanentError, TemporaryError, Undeliverable

_NO_PLACE = (
    "chat not found",
    "not enough rights",
    "have no rights",
    "need administrator rights",
    "not a member",
    "chat_write_forbidden",
    "chat_send_",
    "chat_restricted",
    "topic_closed",
    "topic_deleted",
    "message thread not found",
    "group chat was deactivated",
    "user is deactivated",
    "peer_id_invalid",
    "can't initiate conversation",
    "was blocked by",
    "was kicked",
    "user_is_blocked",
)
"""Parts of a description that say that this place takes nothing from us."""

_GONE = ("message to edit not found", "message_id_invalid", "message can't be edited")


def not_modified(error: BotApiError) -> bool:
    """The message says that already: what was wanted is so."""
    return error.status == 400 and "message is not modified" in error.description.lower()


def message_gone(error: BotApiError) -> bool:
    """The message cannot be edited any more, by anybody."""
    return error.status == 400 and any(words in error.description.lower() for words in _GONE)


def no_text(error: BotApiError) -> bool:
    """The message carries a file: it has a caption, not a text."""
    return error.status == 400 and "no text in the message" in error.description.lower()


def conflict(error: Exception) -> bool:
    """Somebody else takes the bot's updates: another poll, or a webhook."""
    return isinstance(error.__cause__, BotApiError) and error.__cause__.status == 409


@contextmanager
def mapped() -> Iterator[None]:
    """Raise what the SDK raises inside as TemporaryError, Undeliverable or PermanentError."""
    try:
        yield
    except BotApiError as error:
        raise _meaning(error) from error
    except TelegramError as error:
        raise TemporaryError("Telegram did not answer.") from error
    except OSError as error:
        raise TemporaryError(f"The file could not be read or written: {error.strerror}.") from error
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        # The SDK takes apart whatever says "ok"; what a proxy made up, for instance, has not the fields it expects.
        raise TemporaryError("Telegram's answer cannot be read.") from error


def _meaning(error: BotApiError) -> TemporaryError | PermanentError:
    description = error.description.lower()
    if error.status == 429 or error.retry_after is not None:
        return TemporaryError("Telegram asks for a pause.", retry_after=error.retry_after)
    if error.status >= 500:
        return TemporaryError(f"Telegram has trouble of its own ({error.status}).")
    if error.status == 409:
        return TemporaryError("Another program reads this bot's updates, or a webhook is set.")
    if error.status in (401, 404):
        return PermanentError("Telegram does not know the bot's token.")
    if error.status == 413:
        return PermanentError("The file is larger than Telegram takes.")
    if error.migrate_to is not None:
        return PermanentError(f"The group has become the supergroup {error.migrate_to}.")
    if error.status == 403 or any(words in description for words in _NO_PLACE):
        return Undeliverable(f"Telegram takes nothing for this chat: {_brief(error)}.")
    if "file is too big" in description:
        return PermanentError("The file is larger than Telegram gives to bots.")
    return PermanentError(f"Telegram refused the call: {_brief(error)}.")


def _brief(error: BotApiError) -> str:
    """The server's reason up to the first colon after its kind: what follows may repeat what was sent."""
    kind, _, reason = error.description.partition(": ")
    return (reason or kind).partition(":")[0][:100]
