"""Events for programs outside: what they are told when a generation moves, and when they are told again. Pure.

An event is derived from a row as it was and as it is saved, so that whoever saves need not think of it. It says where
the generation stands, for whom, and what it costs; never a prompt, a message, a name or a link. How it is kept is the
work of `storage.events`, how it is sent `core.announcing`'s, and what it looks like on the wire the adapter's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from core.generation import FINAL, Generation, GenerationStatus
from core.money import EntryKind, HouseCost, LedgerEntry, Micros

S = GenerationStatus

DAY = timedelta(days=1)
"""How long an event is tried, counted from its first try."""
WAITS_S = (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 21_600)
"""Seconds to wait after each try that failed; the last one goes for all that follow."""


class EventKind(StrEnum):
    """What happened, as the receiver reads it."""

    STARTED = "generation.started"
    """It was ordered: somebody tapped, and the money is held."""
    PROGRESS = "generation.progress"
    """It went on to another status on its way."""
    COMPLETED = "generation.completed"
    """The clip is with its person."""
    FAILED = "generation.failed"
    """It ended without a clip that anybody has. One that was only undeliverable may be posted later, and then goes on
    with progress and completed."""
    REFUSED = "generation.refused"
    """The service will not film it."""
    CANCELLED = "generation.cancelled"
    """It was ordered, and stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a generation, for programs outside."""

    id: str
    """The same at every try, so that a receiver can drop what it has already."""
    generation_id: int
    kind: EventKind
    at: datetime
    """When it happened."""
    data: Mapping[str, str | int | None]
    """What the receiver is told, by name; amounts in micros."""


Announce = Callable[[Generation | None, Generation, Sequence[LedgerEntry], Sequence[HouseCost]], Event | None]
"""What is told of a row as it was (None: it is new) and as it is saved, with what is booked for it in the same go."""

_ENDS: Mapping[GenerationStatus, EventKind] = {
    S.COMPLETED: EventKind.COMPLETED,
    S.FAILED: EventKind.FAILED,
    S.UNDELIVERABLE: EventKind.FAILED,
    S.REFUSED: EventKind.REFUSED,
    S.CANCELLED: EventKind.CANCELLED,
}


def event_of(
    before: Generation | None,
    after: Generation,
    entries: Sequence[LedgerEntry] = (),
    house: Sequence[HouseCost] = (),
) -> Event | None:
    """What is told of a change; None when it stands where it stood, or was never ordered.

    `entries` and `house`: what is booked for it in the same transaction."""
    if not _ordered(after):
        return None
    new = before is None or not _ordered(before)
    status = _status(after)
    if before is not None and not new and status is _status(before):
        return None
    kind = EventKind.STARTED if new else _ENDS.get(status, EventKind.PROGRESS)
    return Event(
        id=_id(after),
        generation_id=after.id,
        kind=kind,
        at=after.updated_at,
        data=_data(after, status, entries, house),
    )


def on_the_way(before: Generation | None, after: Generation) -> tuple[Generation, ...]:
    """What there is to tell of a change, one after the other: a row that was saved only after several moves, as it was
    after each of them; the last is the row itself."""
    if before is None or not _ordered(before):
        return (after,)
    rows: list[Generation] = []
    entered = {**before.entered}
    for name, at in after.entered.items():
        if name not in before.entered and name != after.status.value:
            entered[name] = at
            rows.append(replace(before, status=S(name), entered={**entered}, updated_at=at))
    return (*rows, after)


def next_try(tried_since: datetime, attempts: int, now: datetime, *, asked_s: float = 0.0) -> datetime | None:
    """When an event is tried again; None when its day is over, and the last moment of that day was used as well.

    `tried_since`: its first try; `attempts`: tries that failed, this one included; `asked_s`: for how long the receiver
    wants to be left alone."""
    until = tried_since + DAY
    if now >= until:
        return None
    wait = max(WAITS_S[min(attempts, len(WAITS_S)) - 1], asked_s)
    return min(now + timedelta(seconds=wait), until)


def _ordered(generation: Generation) -> bool:
    return S.QUEUED.value in generation.entered


def _status(generation: Generation) -> GenerationStatus:
    """Where it stands for those outside: a clip that is brought by another way is still being delivered."""
    return S.DELIVERING if generation.on_its_way_elsewhere else generation.status


def _id(generation: Generation) -> str:
    """Unique to this save of this row, and to one of several moves that are saved together: saves are counted, and the
    conversation's id is random."""
    named = f"{generation.conversation_id}/{generation.id}/{generation.revision}/{generation.status.value}"
    return f"evt_{hashlib.sha256(named.encode()).hexdigest()[:24]}"


def _data(
    generation: Generation, status: GenerationStatus, entries: Sequence[LedgerEntry], house: Sequence[HouseCost]
) -> dict[str, str | int | None]:
    plan = generation.plan
    own = [entry for entry in entries if entry.generation_id == generation.id]
    return {
        "generation": generation.name,
        "status": status.value,
        "reason": _reason(generation, status, own, house),
        "platform": generation.key.platform,
        "team": generation.requester.team or None,
        "requester": generation.requester.id,
        "provider": plan.provider if plan else None,
        "model": plan.model if plan else None,
        "duration_s": plan.duration_s if plan else None,
        "resolution": plan.resolution if plan else None,
        "held_micros": _held(generation, status),
        "charged_micros": sum(entry.amount for entry in own if entry.kind is EntryKind.CAPTURE),
    }


def _held(generation: Generation, status: GenerationStatus) -> Micros:
    """What is held for it now: nothing once it has ended, nor for a clip that is posted long after nobody took it."""
    given_back = S.UNDELIVERABLE.value in generation.entered and not generation.on_its_way_elsewhere
    if generation.plan is None or status in FINAL or given_back:
        return 0
    return generation.plan.quote.amount


def _reason(
    generation: Generation, status: GenerationStatus, own: Sequence[LedgerEntry], house: Sequence[HouseCost]
) -> str | None:
    """A fixed word for why it ended without a clip; what people were told stays with them."""
    if status not in _ENDS or status is S.COMPLETED:
        return None
    words = [cost.reason for cost in house if cost.generation_id == generation.id and cost.reason == "flawed"]
    words += [entry.reason for entry in own if entry.kind is EntryKind.RELEASE]
    return words[0] if words else status.value
