"""Every error Reelbot raises on purpose, with what the caller should do about it.

    ReelbotError
    ├── TemporaryError        wait `retry_after` seconds, then do the same again
    ├── PermanentError        doing the same again will fail again
    │   ├── Undeliverable     this place will not take the clip; keep it and offer it another way
    │   ├── UnplayableClip    the file is no video, or is cut off
    │   └── UnusableReply     a dialogue model answered something that is not a reading
    ├── OrderError            what came of an order that was not accepted
    │   ├── OrderNotSent      nothing left this machine: may be sent again under the same tap
    │   ├── OrderRefused      the service said no and created nothing
    │   └── OrderUnanswered   sent, and no answer came: never send it again by itself
    └── StaleRow              somebody else saved this row first: load it again

Adapters map their SDK's errors onto these in one place each, with `raise ... from error`. A docstring's first line
is the default message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.reading import TokenUse


LONGEST_WAIT_S = 86_400.0
"""A day: whatever a service asks for, it is asked again then."""


def _within_reason(asked: float | None) -> float | None:
    """How long to wait when a service asked for so many seconds. What is no span of time (nothing, less, or no number)
    counts as not said: obeyed, it would have us ask again without a pause, and one of years never again."""
    if asked is None or not asked > 0:
        return None
    return float(min(asked, LONGEST_WAIT_S))


class ReelbotError(Exception):
    """Something went wrong in Reelbot."""

    uses: tuple[TokenUse, ...] = ()
    """What a dialogue model was paid before it failed."""

    def __init__(self, message: str = "") -> None:
        doc = type(self).__doc__ or ""
        super().__init__(message or doc.partition("\n")[0])


class TemporaryError(ReelbotError):
    """The service cannot do this right now.

    `retry_after` is the number of seconds the service asked us to wait, within reason (at most `LONGEST_WAIT_S`), or
    None when it did not say.
    """

    def __init__(self, message: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = _within_reason(retry_after)


class PermanentError(ReelbotError):
    """The service will not do this, however often it is asked."""


class Undeliverable(PermanentError):
    """The clip cannot be posted in this conversation."""


class UnplayableClip(PermanentError):
    """The file is not a playable video."""


class UnusableReply(PermanentError):
    """The dialogue model's reply could not be understood."""


class OrderError(ReelbotError):
    """The order was not accepted."""


class OrderNotSent(OrderError):
    """The order never left this machine.

    `retry_after`: seconds to wait before it is sent again under the same tap, None for our own choice.
    """

    def __init__(self, message: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = _within_reason(retry_after)


class OrderRefused(OrderError):
    """The service refused the order and created nothing (an answer of 4xx).

    `temporary` is True when the same order may succeed later (429); `retry_after` is then the wait in seconds the
    service asked for. `safety` is True when the refusal is about what the prompt shows.
    """

    def __init__(
        self,
        message: str = "",
        *,
        temporary: bool = False,
        retry_after: float | None = None,
        safety: bool = False,
    ) -> None:
        super().__init__(message)
        self.temporary = temporary
        self.retry_after = _within_reason(retry_after)
        self.safety = safety


class OrderUnanswered(OrderError):
    """The order was sent and its answer never came."""


class StaleRow(ReelbotError):
    """The row changed since it was read; nothing was saved."""
