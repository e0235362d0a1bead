"""A program outside that is told about generations, and what it must have been told once all is over."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise

from core.events import EventKind
from core.generation import FOLLOWS, GenerationStatus
from tests.emulators.webhook_receiver import SECRET, Got, WebhookReceiver
from tests.faults.campaign.people import Wish

TIMEOUT_S = 2.0
"""How long the program waits for the receiver's answer, in seconds; nobody else tells the event for twice as long."""
TOLD_WITHIN_S = 90.0
"""How long everything may take to be told once everybody is served: an event that was put off twice waits half a
minute."""
ENDS = frozenset({EventKind.COMPLETED, EventKind.FAILED, EventKind.REFUSED, EventKind.CANCELLED})


def events_to(receiver: WebhookReceiver) -> dict[str, str]:
    """Settings that lead a program to the receiver."""
    return {
        "WEBHOOK_URL": receiver.url,
        "WEBHOOK_SECRET": SECRET,
        "WEBHOOK_ALLOW_PRIVATE": "true",
        "WEBHOOK_TIMEOUT_S": str(TIMEOUT_S),
    }


async def all_told(receiver: WebhookReceiver, wishes: Sequence[Wish]) -> None:
    """Return when the end of every order was told and taken, or it has taken too long."""
    loop = asyncio.get_running_loop()
    until = loop.time() + TOLD_WITHIN_S
    ordered = {wish.play.person for wish in wishes if wish.tapped}
    while loop.time() < until and ordered - {_requester(one) for one in receiver.taken if _ends(one)}:  # noqa: ASYNC110
        await asyncio.sleep(0.1)


def told_of(receiver: WebhookReceiver, wish: Wish) -> list[Got]:
    """Every event about this person's order as it came, however it was answered."""
    return [one for one in receiver.got if _requester(one) == wish.play.person]


def distinct(came: Sequence[Got]) -> list[Got]:
    """Each event when it came for the first time."""
    first: dict[str, Got] = {}
    for one in came:
        first.setdefault(one.id, one)
    return list(first.values())


def wrongly_told(receiver: WebhookReceiver, wish: Wish) -> list[str]:
    """What is wrong with what was told about this person's order."""
    came = told_of(receiver, wish)
    if not wish.tapped:
        return ["events of an order that nobody tapped for"] if came else []
    events = distinct(came)
    if not events:
        return ["no event at all"]
    wrong = []
    if len({one.payload["data"]["generation"] for one in events}) > 1:
        wrong.append("events of two generations")
    places = [[one.id for one in events].index(one.id) for one in came]
    if places != sorted(places):
        wrong.append("an event was told again after the next one")
    if any(one.payload != events[place].payload for one, place in zip(came, places, strict=True)):
        wrong.append("an event said something else when it was told again")
    taken = {one.id for one in receiver.taken}
    wrong += [f"nobody took {one.status_told}" for one in events if one.id not in taken]
    ways = [GenerationStatus(one.status_told) for one in events]
    wrong += [f"nothing between {a} and {b}" for a, b in pairwise(ways) if b not in FOLLOWS[a]]
    if events[0].payload["type"] != EventKind.STARTED:
        wrong.append("it never began")
    ends = [one.payload["type"] for one in events if _ends(one)]
    if ends != [_end_of(wish).value] or not _ends(events[-1]):
        wrong.append(f"its ends were {ends}")
    if bool(events[-1].payload["data"]["charged_micros"]) != bool(wish.play.clips):
        wrong.append("the last event says wrongly whether it was charged")
    return [f"events: {one}: {[got.status_told for got in came]}" for one in wrong]


def _end_of(wish: Wish) -> EventKind:
    if wish.play.clips:
        return EventKind.COMPLETED
    return EventKind.CANCELLED if wish.was_cancelled else EventKind.FAILED


def _ends(one: Got) -> bool:
    return one.payload["type"] in ENDS


def _requester(one: Got) -> str:
    return str(one.payload["data"]["requester"])
