"""Amounts, quotes and the ledger's entries.

Amounts are integers in millionths of a US dollar, so that sums are exact. The ledger is append-only: what a generation
owes is the sum of its entries, and storage makes sure that a hold ends in exactly one capture or release.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

Micros = int
"""Millionths of a US dollar."""

MICROS_PER_DOLLAR = 1_000_000


def dollars(amount: Micros) -> str:
    """The amount as people read it: "$0.56", "free" for nothing, rounded up to a whole cent so that the card is never
    below the charge."""
    if amount == 0:
        return "free"
    cents = -(-amount // 10_000)
    return f"${cents // 100}.{cents % 100:02d}"


def exact_dollars(amount: Micros) -> str:
    """The amount to its last digit, for reports: "$0.56", "$0.000075", "-$1.00"."""
    whole, rest = divmod(abs(amount), MICROS_PER_DOLLAR)
    digits = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if amount < 0 else ''}${whole}.{digits}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A price that was shown, and what it was for. What is captured never exceeds `amount`."""

    amount: Micros
    model: str
    """The catalogue's model id."""
    duration_s: int
    resolution: str
    valid_until: datetime
    quoted_at: datetime | None = None
    """When it was given; None in rows that are older than this field."""


class EntryKind(StrEnum):
    """What happened to money, in the order in which it can happen."""

    QUOTE = "quote"
    HOLD = "hold"
    CAPTURE = "capture"
    RELEASE = "release"
    ADJUST = "adjust"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One line of the ledger."""

    kind: EntryKind
    amount: Micros
    generation_id: int
    person_id: str
    conversation_id: str
    team: str = ""
    """The Slack team, or empty."""
    reason: str
    """A fixed word such as "ordered", "delivered", "failed"."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseCost:
    """What a provider bills, or may bill, for work that nobody was charged for: the operator's own cost."""

    generation_id: int
    amount: Micros
    """At most; the bill itself is the provider's."""
    reason: str
    """A fixed word: "flawed", "undeliverable", "unanswered", "unstopped"."""
    at: datetime
