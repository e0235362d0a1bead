"""Limits, receipts and what was spent."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from core.generation import Generation
from core.limits import Budget, Cap
from core.money import EntryKind, LedgerEntry, dollars
from core.texts.spelling import heading, spell_seconds

if TYPE_CHECKING:
    from core.spending import Usage

BUDGETS = {
    Budget.PERSON: "your limit for today",
    Budget.CHANNEL: "this channel's limit for the month",
    Budget.TEAM: "your team's limit for the month",
    Budget.EVERYONE: "everybody's limit for today",
}
"""Whose money it is; a person's and everybody's limits are for a day, the others for a month."""

ORDERS = {
    Budget.PERSON: "You have",
    Budget.CHANNEL: "This channel has",
    Budget.TEAM: "Your team has",
    Budget.EVERYONE: "Together you have",
}


def amount(micros: int) -> str:
    """An amount that may be nothing: "$0.00" rather than "free"."""
    return dollars(micros) if micros else "$0.00"


AMOUNTS_HIDDEN = "set by your admin, and not shown here"


def over_limit(cap: Cap, used: int, price: int | None, *, now: datetime) -> str:
    """The tap would go over a limit: which, what is left, and when it renews. Nothing was ordered.

    price: micros; None for somebody who sees no amounts"""
    if cap.renews is None:
        videos = "1 video" if used == 1 else f"{used} videos"
        return (
            f"{ORDERS[cap.budget]} {videos} waiting or under way, which is the most. Tap again once one is done; "
            "nothing was ordered."
        )
    left = max(0, cap.most - used)
    renews = spell_seconds((cap.renews - now).total_seconds())
    if price is None:
        return (
            f"This costs more than what is left of {BUDGETS[cap.budget]}. It renews in {renews}. Nothing was ordered; "
            "a shorter or smaller clip may fit."
        )
    return (
        f"{dollars(price)} is more than what is left of {BUDGETS[cap.budget]}: {amount(left)} of {amount(cap.most)}. "
        f"It renews in {renews}. Nothing was ordered; a shorter or smaller clip may fit."
    )


AMOUNTS_FOR_ADMINS = "What videos cost is not shown to everybody here. Ask me in a private chat, or ask an admin."
NO_RECEIPT = "There is no video of yours to give a receipt for. Say “my videos” to see what there is."
BOOKED = {
    EntryKind.QUOTE: "quoted",
    EntryKind.HOLD: "held",
    EntryKind.CAPTURE: "charged",
    EntryKind.RELEASE: "released, not charged",
    EntryKind.ADJUST: "adjusted",
}


def too_fast(wait_s: float) -> str:
    """Somebody writes faster than is read."""
    return f"You are quick! I go on reading in {spell_seconds(wait_s)}; nothing you wrote is lost."


def usage(spent: Usage, *, now: datetime) -> str:
    """What somebody has spent, and what is left."""
    lines = [f"Your videos: {amount(spent.today)} today, {amount(spent.month)} this month."]
    if spent.channel_month is not None:
        lines.append(f"Everybody's videos in this channel: {amount(spent.channel_month)} this month.")
    for cap, used in spent.left:
        renews = f", renews in {spell_seconds((cap.renews - now).total_seconds())}" if cap.renews else ""
        left = max(0, cap.most - used)
        lines.append(f"Left of {BUDGETS[cap.budget]}: {amount(left)} of {amount(cap.most)}{renews}.")
    lines.append(f"Understanding you cost {amount(spent.talk_month)} this month; that is not part of the above.")
    return "\n".join(lines)


def receipt(generation: Generation, entries: Iterable[LedgerEntry]) -> str:
    """What was booked for one video."""
    plan = generation.plan
    lines = [heading(generation)]
    if plan is not None:
        lines.append(f"{plan.model_name} · {plan.duration_s} s · {plan.resolution}")
    # A card that changed was quoted more than once; only the last quote was ordered.
    booked = list(entries)
    quotes = [entry for entry in booked if entry.kind is EntryKind.QUOTE]
    lines += [
        f"{entry.at:%Y-%m-%d %H:%M} UTC: {amount(entry.amount)} {BOOKED[entry.kind]}"
        for entry in booked
        if entry.kind is not EntryKind.QUOTE or entry is quotes[-1]
    ]
    return "\n".join(lines)
