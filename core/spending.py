"""What somebody has spent, and what one video cost: the answers to "usage" and "receipt"."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from core import texts
from core.generation import Generation
from core.limits import Budget, Cap, Limits, caps_for, day_of, month_of, subject_of
from core.messages import Message
from core.money import LedgerEntry, Micros
from core.repositories import Generations
from core.response import Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What counts for one person in one place now."""

    today: Micros
    """Spent on videos, with what is held for those under way."""
    month: Micros
    channel_month: Micros | None
    """What everybody spent in this chat; None in a private one, where it is the same."""
    talk_month: Micros
    """What reading and writing for them cost; it is not part of the above."""
    left: tuple[tuple[Cap, int], ...]
    """The limits that apply, each with what counts against it."""


class Spending:
    """Looks up what was spent."""

    def __init__(self, *, generations: Generations) -> None:
        self._generations = generations

    async def usage(self, message: Message, limits: Limits, now: datetime) -> Usage:
        """What the writer of this message has spent, and what is left for them here."""
        person, key = message.sender, message.key
        day, _ = day_of(now, limits.zone)
        month, _ = month_of(now, limits.zone)
        mine = Cap(budget=Budget.PERSON, subject=person.id, most=0, since=day)
        here = Cap(budget=Budget.CHANNEL, subject=subject_of(key.platform, key.chat), most=0, since=month)
        caps = tuple(cap for cap in caps_for(person, key, limits, now) if not cap.counts_orders)
        used = await self._generations.standing((mine, replace(mine, since=month), here, *caps))
        return Usage(
            today=used[0],
            month=used[1],
            channel_month=None if message.private else used[2],
            talk_month=await self._generations.talk_cost(person.id, month),
            left=tuple(zip(caps, used[3:], strict=True)),
        )

    async def receipt(self, generation: Generation) -> tuple[LedgerEntry, ...]:
        """Everything that was booked for it, oldest first."""
        return await self._generations.entries(generation.id)


def say_usage(response: Response, usage: Usage) -> None:
    """Tell them, and nobody else where the platform can do that."""
    shown = response.shows_costs(response.person)
    response.say(
        texts.spending.usage(usage, now=response.now) if shown else texts.spending.AMOUNTS_FOR_ADMINS, whisper=True
    )


def say_receipt(response: Response, generation: Generation | None, entries: tuple[LedgerEntry, ...]) -> None:
    """The receipt for one of their videos."""
    if generation is None:
        response.say(texts.spending.NO_RECEIPT, whisper=True)
    elif not response.may_decide(generation):
        text = texts.cards.NOT_YOURS.format(name=generation.requester.name, id=generation.name)
        response.say(text, about=generation.id, whisper=True)
    elif not response.shows_costs(response.person):
        response.say(texts.spending.AMOUNTS_FOR_ADMINS, whisper=True)
    else:
        response.say(texts.spending.receipt(generation, entries), about=generation.id, whisper=True)
