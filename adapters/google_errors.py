"""What Google's clients raise, as the errors of `core.errors`.

Three services (Omni, Veo, Gemini), two error families of google-genai, one HTTP client and one authentication library
meet here, in two context managers: `ordering` around the one request that costs money, `asking` around everything that
may be repeated. What a particular service means by an answer is left to its adapter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from google.auth import exceptions as auth_errors

from adapters.google_words import harmless
from core.errors import (
    OrderNotSent,
    OrderRefused,
    OrderUnanswered,
    PermanentError,
    ReelbotError,
    TemporaryError,
)

MAX_REASON = 300
"""Longest message of the service that is passed on, in characters."""

NOTHING_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
"""What httpx raises before a single byte of the request has left."""

PASSING = re.compile(r"multiple authentication credentials|not in an? active state", re.IGNORECASE)
"""Answers of 400 that go away by themselves: one seen on polls of running jobs, one while a file is being finished."""

SAFETY = re.compile(
    r"responsible ai|usage (guideline|polic)|content polic|safety|prohibited|sensitive|violat|harmful|"
    r"inappropriate|real people|likeness|\bminors?\b",
    re.IGNORECASE,
)
"""How the services word a refusal that is about what the prompt shows."""


class Declined(PermanentError):
    """The service answered with an error that will not change."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorAnswer:
    """An error status that came back, whichever client reported it."""

    status: int
    message: str
    """The service's own words, in one line; may be empty."""
    retry_after: float | None
    """Seconds the service asked to wait."""
    key_trouble: bool
    """True when it is about the bot's own credentials."""

    @property
    def refuses_content(self) -> bool:
        """Whether it is about what the prompt shows."""
        return self.status in (400, 422) and not self.key_trouble and speaks_of_safety(self.message)


def speaks_of_safety(message: str) -> bool:
    """Whether the service's words are about what a clip would show."""
    return SAFETY.search(message) is not None


def in_short(message: str) -> str:
    """The service's words in one line of at most `MAX_REASON` characters, naming nobody."""
    line = harmless(" ".join(message.split()))
    return line if len(line) <= MAX_REASON else line[: MAX_REASON - 1].rstrip() + "…"


@contextmanager
def ordering(service: str) -> Iterator[None]:
    """Around the request that places an order. Raises OrderNotSent, OrderRefused or OrderUnanswered.

    Only what certainly left nothing behind counts as not sent; every doubt is an unanswered order, which nobody sends
    a second time.
    """
    try:
        yield
    except ReelbotError:
        raise
    except auth_errors.RefreshError as error:
        raise OrderRefused(_credentials_refused(service), temporary=bool(error.retryable)) from error
    except auth_errors.TransportError as error:
        raise OrderNotSent(f"{service} could not be reached.") from error
    except Exception as error:
        answer = error_answer(error)
        if answer is not None and 400 <= answer.status < 500:
            raise _refused(service, answer) from error
        if answer is None and isinstance(_transport_error(error), NOTHING_SENT):
            raise OrderNotSent(f"{service} could not be reached.") from error
        raise OrderUnanswered(f"{service} was sent the order, but its answer never came.") from error


@contextmanager
def asking(service: str) -> Iterator[None]:
    """Around a request that may be repeated. Raises TemporaryError, or Declined for what will never work."""
    try:
        yield
    except ReelbotError:
        raise
    except auth_errors.RefreshError as error:
        raise TemporaryError(_credentials_refused(service)) from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise TemporaryError(f"A file could not be kept: {error.strerror}.") from error
        answer = error_answer(error)
        if answer is None or not 400 <= answer.status < 500:
            raise TemporaryError(f"{service} does not answer properly right now.") from error
        if answer.key_trouble:
            raise TemporaryError(_credentials_refused(service)) from error
        if answer.status in (408, 429) or PASSING.search(answer.message):
            raise TemporaryError(f"{service} cannot say right now.", retry_after=answer.retry_after) from error
        raise Declined(_plain(service, answer), status=answer.status) from error


def error_answer(error: BaseException) -> ErrorAnswer | None:
    """The error status that came back, or None when no complete answer did."""
    response = getattr(error, "response", None)
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    if status is None and response is not None:
        status = getattr(response, "status_code", None)
    if not isinstance(status, int):
        return None
    body = _document(error, response)
    message = in_short(str(body.get("message") or ""))
    return ErrorAnswer(
        status=status,
        message=message,
        retry_after=_retry_after(getattr(response, "headers", {}), body),
        key_trouble=status == 401 or "API_KEY_INVALID" in json.dumps(body) or "api key" in message.lower(),
    )


def _refused(service: str, answer: ErrorAnswer) -> OrderRefused:
    return OrderRefused(
        _plain(service, answer),
        temporary=answer.status in (408, 429),
        retry_after=answer.retry_after,
        safety=answer.refuses_content,
    )


def _plain(service: str, answer: ErrorAnswer) -> str:
    if answer.key_trouble:
        return _credentials_refused(service)
    if answer.refuses_content and answer.message:
        return answer.message
    match answer.status:
        case 403:
            return f"{service} does not allow this bot's account to do that."
        case 404:
            return f"{service} does not have what was asked for."
        case 429:
            return f"{service} takes no more orders right now."
        case _:
            return f"{service} did not accept this: {answer.message or f'error {answer.status}'}"


def _credentials_refused(service: str) -> str:
    return f"{service} does not accept this bot's credentials."


def _document(error: BaseException, response: Any) -> Mapping[str, Any]:
    """The `error` object of the answer's body, from wherever the client left it; empty when there is none."""
    body = getattr(error, "details", None) or getattr(error, "body", None)
    if body is None and isinstance(response, httpx.Response) and response.is_stream_consumed:
        body = response.text
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:
            return {"message": body}
    if isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, dict):
        return {}
    inner = body.get("error", body)
    return inner if isinstance(inner, dict) else {"message": str(inner)}


def _retry_after(headers: Mapping[str, str], body: Mapping[str, Any]) -> float | None:
    value = headers.get("retry-after", "")
    if re.fullmatch(r"\d+(\.\d+)?", value.strip()):
        return float(value)
    if value:
        try:
            return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
        except (ValueError, TypeError):
            pass
    details = body.get("details")
    for detail in details if isinstance(details, list) else []:
        delay = detail.get("retryDelay") if isinstance(detail, dict) else None
        if isinstance(delay, str) and re.fullmatch(r"\d+(\.\d+)?s", delay):
            return float(delay[:-1])
    return None


def _transport_error(error: BaseException) -> BaseException:
    """The HTTP client's own error, which google-genai may have wrapped."""
    seen: BaseException = error
    while not isinstance(seen, httpx.HTTPError) and seen.__cause__ is not None:
        seen = seen.__cause__
    return seen
