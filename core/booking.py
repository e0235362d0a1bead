"""A generation's entries in the ledger."""

from __future__ import annotations

from datetime import datetime

from core.generation import Generation
from core.money import EntryKind, HouseCost, LedgerEntry


def booked(generation: Generation, kind: EntryKind, reason: str, now: datetime) -> LedgerEntry:
    """An entry over the amount that the generation's card quotes; raises ValueError when it has no card.

    `reason` is a fixed word such as "ordered" or "delivered"."""
    if generation.plan is None:
        raise ValueError(f"{generation.name} has no price")
    return LedgerEntry(
        kind=kind,
        amount=generation.plan.quote.amount,
        generation_id=generation.id,
        person_id=generation.requester.id,
        conversation_id=generation.conversation_id,
        team=generation.requester.team,
        reason=reason,
        at=now,
    )


def house_cost(generation: Generation, reason: str, now: datetime) -> HouseCost:
    """What its provider may bill though nobody is charged: the price on its card. Raises ValueError without a card."""
    if generation.plan is None:
        raise ValueError(f"{generation.name} has no price")
    return HouseCost(generation_id=generation.id, amount=generation.plan.quote.amount, reason=reason, at=now)
