"""What may be spent, and how much may be under way: the limits that an admin sets, as they apply to one order. Pure.

A limit is checked where the hold is saved, in the same transaction (`storage.saving`), so that any number of taps at
once cannot overrun it. What is over a limit is said in `core.texts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum

from core.errors import PermanentError
from core.generation import Generation
from core.messages import ConversationKey, Person
from core.money import Micros


class Budget(StrEnum):
    """Whose limit it is."""

    PERSON = "person"
    CHANNEL = "channel"
    TEAM = "team"
    EVERYONE = "everyone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The admin's limits; None where there is none. Amounts are in millionths of a dollar."""

    person_day: Micros | None = None
    channel_month: Micros | None = None
    team_month: Micros | None = None
    everyone_day: Micros | None = None
    orders_per_person: int | None = None
    """Orders that wait or are under way."""
    orders_per_channel: int | None = None
    orders: int | None = None
    zone: tzinfo = UTC
    """Where days and months begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """One limit as it applies to one order."""

    budget: Budget
    subject: str
    """Whose: the person's id, the place as `subject_of` writes it, the team, or empty for everyone."""
    most: int
    """Micros, or orders where there is no `since`."""
    since: datetime | None = None
    """When what counts begins; None when it is orders waiting or under way that are counted."""
    renews: datetime | None = None

    @property
    def counts_orders(self) -> bool:
        """Whether it is about the number of orders, and not about money."""
        return self.since is None


class OverLimit(PermanentError):
    """An order would go over a limit; nothing was saved."""

    def __init__(self, cap: Cap, used: int) -> None:
        super().__init__(f"over the {cap.budget} limit")
        self.cap = cap
        self.used = used
        """Micros or orders that count against it already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What is left of the limit that leaves the least."""

    cap: Cap
    amount: Micros


@dataclass(frozen=True, slots=True, kw_only=True)
class Standings:
    """What counts against some limits of money now."""

    used: Mapping[Cap, Micros] = field(default_factory=dict)

    def tightest(self, generation: Generation, limits: Limits, now: datetime) -> Left | None:
        """What is left for this generation; None where there is no limit, or it was not looked up."""
        known = [cap for cap in caps_of(generation, limits, now) if cap in self.used]
        left = [Left(cap=cap, amount=max(0, cap.most - self.used[cap])) for cap in known]
        return min(left, key=lambda one: one.amount, default=None)


def subject_of(platform: str, chat: str) -> str:
    """A channel as a limit names it."""
    return f"{platform} {chat}"


def caps_of(generation: Generation, limits: Limits, now: datetime) -> tuple[Cap, ...]:
    """Every limit that an order of this generation is held against."""
    return caps_for(generation.requester, generation.key, limits, now)


def caps_for(person: Person, key: ConversationKey, limits: Limits, now: datetime) -> tuple[Cap, ...]:
    """Every limit that an order of this person in this place is held against."""
    day, tomorrow = day_of(now, limits.zone)
    month, next_month = month_of(now, limits.zone)
    channel = subject_of(key.platform, key.chat)
    money = (
        (Budget.PERSON, person.id, limits.person_day, day, tomorrow),
        (Budget.CHANNEL, channel, limits.channel_month, month, next_month),
        (Budget.TEAM, person.team, limits.team_month if person.team else None, month, next_month),
        (Budget.EVERYONE, "", limits.everyone_day, day, tomorrow),
    )
    orders = (
        (Budget.PERSON, person.id, limits.orders_per_person),
        (Budget.CHANNEL, channel, limits.orders_per_channel),
        (Budget.EVERYONE, "", limits.orders),
    )
    return (
        *(
            Cap(budget=budget, subject=subject, most=most, since=since, renews=renews)
            for budget, subject, most, since, renews in money
            if most is not None
        ),
        *(Cap(budget=budget, subject=subject, most=most) for budget, subject, most in orders if most is not None),
    )


def day_of(now: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """When the day began and when the next one does, in UTC."""
    local = now.astimezone(zone)
    start = local.replace(hour=0, minute=0, second=0, microsecond=0)
    # Through noon, so that a day of 23 or 25 hours ends at midnight all the same.
    after = (start + timedelta(hours=36)).replace(hour=0)
    return start.astimezone(UTC), after.astimezone(UTC)


def month_of(now: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """When the month began and when the next one does, in UTC."""
    start = now.astimezone(zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    after = (start + timedelta(days=32)).replace(day=1)
    return start.astimezone(UTC), after.astimezone(UTC)
