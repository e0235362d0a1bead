"""What goes wrong with Slack, in the words of `core.errors`: the adapter's one place where errors are mapped.

Slack answers a refused call with one word, and often with sentences that repeat what was sent: only the word is read
here, and the SDK's own errors, which carry the whole answer, end here so that no log shows them. What is raised may
come to be read by people ("I could not post it where you asked (that channel is archived), so here it is."), so it is
said in words; Slack's own word for it is in the log.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError, SlackClientError

from core.errors import PermanentError, TemporaryError, Undeliverable

PAUSE_S = 10.0
"""Seconds to leave Slack alone after a 429 that does not say how long."""

MESSAGE_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "cant_edit_message"})
"""The message cannot be edited any more, by us."""
THREAD_GONE = frozenset({"thread_not_found", "invalid_thread_ts", "cannot_reply_to_message"})
"""There is no message that a reply could hang on."""
BLOCKS_REFUSED = frozenset({"invalid_blocks", "invalid_blocks_format", "invalid_arguments"})
"""What the blocks say, or where they stand, is not to Slack's liking."""
GROUP_UNKNOWN = frozenset({"no_such_subteam"})
"""There is no user group of that id, or none any more."""
FILE_UNKNOWN = frozenset({"file_not_found", "invalid_files"})
FILE_DELETED = frozenset({"file_deleted"})

_PASSING = frozenset(
    {
        "accesslimited",
        "ekm_access_denied",
        "external_channel_migrating",
        "fatal_error",
        "internal_error",
        "rate_limited",
        "ratelimited",
        "request_timeout",
        "service_unavailable",
        "team_added_to_org",
    }
)
"""Slack's own trouble."""

_NOT_A_MEMBER = "I am not a member of that channel"
_ARCHIVED = "that channel is archived"
_MAY_NOT_POST = "I may not post in that channel"
_NO_APPS = "this person takes no messages from apps"
_NOT_THERE = "Slack does not let me post there"

_NO_PLACE = {
    "bot_not_found": _NOT_THERE,
    "cannot_dm_bot": _NO_APPS,
    "channel_is_limited_access": _MAY_NOT_POST,
    "channel_not_found": _NOT_A_MEMBER,
    "file_uploads_disabled": _NOT_THERE,
    "invalid_channel": _NOT_THERE,
    "is_archived": _ARCHIVED,
    "is_inactive": _NOT_THERE,
    "message_limit_exceeded": _NOT_THERE,
    "messages_tab_disabled": _NO_APPS,
    "method_not_supported_for_channel_type": _NOT_THERE,
    "not_in_channel": _NOT_A_MEMBER,
    "posting_to_general_channel_denied": _MAY_NOT_POST,
    "storage_limit_reached": _NOT_THERE,
    "team_access_not_granted": _NOT_THERE,
    "user_disabled": _NO_APPS,
    "user_not_found": _NO_APPS,
    "user_not_in_channel": _NOT_THERE,
    "user_not_visible": _NO_APPS,
}
"""This place, or this person, takes nothing from us: why, in words. Of a channel that it keeps from us Slack says that
there is none."""

_NO_TOKEN = frozenset({"account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked"})

_log = structlog.get_logger(__name__)


def word(error: SlackApiError) -> str:
    """Slack's word for why it refused; empty when the answer has none."""
    told = getattr(error.response, "data", error.response)
    said = told.get("error") if isinstance(told, Mapping) else None
    return said if isinstance(said, str) else ""


def pause_of(error: SlackApiError) -> float | None:
    """Seconds for which Slack wants no more of these calls; None when it is about something else."""
    if _status(error) != 429 and word(error) not in ("ratelimited", "rate_limited"):
        return None
    headers = getattr(error.response, "headers", None)
    return _seconds(headers.get("Retry-After")) if isinstance(headers, Mapping) else PAUSE_S


def done_for_certain(error: SlackApiError) -> bool:
    """Whether the answer is a plain no, after which nothing of what was asked for has happened or will."""
    return pause_of(error) is not None or (_status(error) == 200 and word(error) not in _PASSING | {""})


@contextmanager
def mapped(*, named: bool = False) -> Iterator[None]:
    """Raise what the SDK and aiohttp raise inside as TemporaryError, Undeliverable or PermanentError.

    named: whether to name Slack's own word as well, for what only the operator reads
    """
    try:
        yield
    except SlackApiError as error:
        _log.info("slack_call_refused", error=word(error)[:100], status=_status(error))
        raise meaning(error, named=named) from None
    except (TimeoutError, aiohttp.ClientError, SlackClientError) as error:
        # Their words may contain an address with a secret in it.
        _log.info("slack_call_unanswered", error=type(error).__name__)
        raise TemporaryError("Slack does not answer.") from None
    except OSError as error:
        raise TemporaryError(f"The file could not be read or written: {error.strerror}.") from error


def of_status(status: int, headers: Mapping[str, str]) -> TemporaryError | PermanentError:
    """What an HTTP status other than success means where files are fetched or sent."""
    _log.info("slack_file_refused", status=status)
    if status == 429:
        return TemporaryError("Slack asks for a pause.", retry_after=_seconds(headers.get("Retry-After")))
    if status >= 500 or status == 408:
        return TemporaryError("Slack has trouble of its own.")
    if status == 413:
        return PermanentError("The file is larger than Slack takes.")
    return PermanentError("Slack does not give or take this file.")


def meaning(error: SlackApiError, *, named: bool = False) -> TemporaryError | PermanentError:
    """What a refused call means; Undeliverable when it is about this place. `named`: see `mapped`."""
    said, status = word(error), _status(error)
    name = f" ({said[:100]})" if named and said else ""
    pause = pause_of(error)
    if pause is not None:
        return TemporaryError("Slack asks for a pause.", retry_after=pause)
    if status >= 500 or said in _PASSING or not said:
        return TemporaryError(f"Slack has trouble of its own{name}.")
    if said in _NO_TOKEN:
        return PermanentError(f"Slack does not take the bot's token{name}.")
    if said.startswith("restricted_action"):
        return Undeliverable(_MAY_NOT_POST + name)
    if said in _NO_PLACE or said.endswith("_blocked"):
        return Undeliverable(_NO_PLACE.get(said, _NOT_THERE) + name)
    return PermanentError(f"Slack does not let me do that{name}.")


def _status(error: SlackApiError) -> int:
    for name in ("status_code", "status"):
        status = getattr(error.response, name, None)
        if isinstance(status, int):
            return status
    return 0


def _seconds(header: str | None) -> float:
    return float(header) if header is not None and header.isascii() and header.isdecimal() else PAUSE_S
