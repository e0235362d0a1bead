"""What came of it: what people were told and got, held against the services' journals, the rows and the ledger."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.generation import FINAL, Generation, GenerationStatus
from core.money import EntryKind, LedgerEntry, Micros, dollars
from tests.emulators.google_orders import Order
from tests.faults.chaos.people import CANCELLED, CLIP, FAILED, KEPT, REFUSED, Someone, Tally, end_told
from tests.faults.chaos.places import Message, Place
from tests.faults.chaos.weather import Weather
from tests.program.services import Outside

S = GenerationStatus

WORDS = {
    S.COMPLETED: CLIP,
    S.FAILED: FAILED,
    S.REFUSED: REFUSED,
    S.CANCELLED: CANCELLED,
    S.UNDELIVERABLE: KEPT,
}
"""What a person is told at each end."""
_KEY = re.compile(r"\bv(\d+)-(\d+)-[0-9a-f]{8}\b")
READY = "is ready, uploading it now"
_PRICE = r"\$(\d+\.\d+)"
_STATED = re.compile(
    rf"v(\d+) is (?:being filmed|with the video service already)\. If the service.*?it costs {_PRICE}", re.DOTALL
)
"""The question that a person gets who wants to stop what only the video service can stop."""
_CANNOT = re.compile(r"The video service cannot stop v(\d+) any more")
_SILENT = re.compile(r"The video service did not answer when I asked it to stop v(\d+)")
_CHARGED = re.compile(rf"^{_PRICE} · made in", re.MULTILINE)
"""In the caption of a clip."""


@dataclass(slots=True, kw_only=True)
class Result:
    """What the table is about."""

    ends: Counter[str] = field(default_factory=Counter)
    orders: int = 0
    """Accepted by the video services."""
    clips: int = 0
    lost_answers: int = 0
    """Generations whose person was asked whether to order again."""
    repeated: int = 0
    """Final words that came once more, since Telegram's answer to the first was lost."""
    announced: int = 0
    """Announcements left behind for the same reason."""
    stated: int = 0
    """Generations whose person was told what stopping may cost."""
    stopped: int = 0
    """Of those that were to be stopped, the ones that were, and cost nothing."""
    unstoppable: int = 0
    """... that the service could not stop, as it said."""
    unanswered_stops: int = 0
    """... about which the service did not answer at least once."""
    charged: int = 0
    """... whose clip came and was charged, for the price that had been stated."""
    delivered: Micros = 0
    """What the clips that people have cost by their cards."""
    violations: list[str] = field(default_factory=list)


def count(
    world: Outside,
    people: Sequence[Someone],
    tally: Tally,
    rows: Iterable[Generation],
    ledger: Mapping[int, Sequence[LedgerEntry]],
    unheard: set[tuple[object, object]],
) -> Result:
    """Look at everything. `unheard`: messages, as their places know them, of which the program did not get to know that
    they are there."""
    result = Result()
    orders = _orders(world)
    for someone in people:
        if someone.trouble:
            result.violations.append(someone.trouble + "\n" + someone.place.transcript())
    places = {someone.place.person: someone.place for someone in people}
    for row in rows:
        if S.QUEUED.value not in row.entered:
            continue
        place = places[row.requester.id]
        wrong = _one(world, row, place, orders[row.id], tally, unheard, result)
        wrong += _money(row, place, ledger[row.id], tally, result)
        if wrong:
            result.violations.append(f"{row.name} ({row.status.value}): {'; '.join(wrong)}\n{place.transcript()}")
    result.orders = sum(map(len, orders.values()))
    if None in orders:
        result.violations.append(f"{len(orders[None])} orders of no generation")
    return result


def _one(
    world: Outside,
    row: Generation,
    place: Place,
    orders: Sequence[Order],
    tally: Tally,
    unheard: set[tuple[object, object]],
    result: Result,
) -> list[str]:
    """What is wrong with one generation; counts it on the way."""
    wrong: list[str] = []
    result.ends[row.status.value] += 1
    if row.id not in tally.ordered:
        wrong.append("ordered without a tap")
    if row.status not in FINAL:
        wrong.append("not at its end")
    told: defaultdict[str, list[Message]] = defaultdict(list)
    for message in place.messages:
        end = end_told(place, message)
        if end is not None and end[0] == row.id:
            told[end[1]].append(message)
    if [*told] != [WORDS.get(row.status, "?")]:
        wrong.append(f"the person was told {[*told] or 'nothing'}")
    clips = told.pop(CLIP, [])
    result.clips += len(clips)
    if len(clips) > 1:
        wrong.append(f"{len(clips)} clips")
    for kind, said in told.items():
        heard = [message for message in said if place.key(message) not in unheard]
        result.repeated += len(said) - 1
        if len(heard) > 1:
            wrong.append(f"{kind} was said {len(said)} times, {len(heard)} of them with an answer")
    announced = [one for one in place.messages if READY in one.said and f" {row.name} " in one.said and not one.deleted]
    result.announced += len(announced)
    result.lost_answers += S.AMBIGUOUS.value in row.entered
    if len(orders) > 1 + tally.again.get(row.id, 0):
        wrong.append(f"{len(orders)} orders, and {tally.again.get(row.id, 0)} taps on “Order again”")
    for clip in clips:
        assert row.plan is not None
        price = row.plan.quote.amount
        result.delivered += price
        if dollars(price) not in clip.said:
            wrong.append(f"the clip says another price than {dollars(price)}")
        if place.clip(clip) not in [world.google.clip_bytes(order) for order in orders if order.clips]:
            wrong.append("the clip is none that was made for it")
    return wrong


def _money(row: Generation, place: Place, entries: Sequence[LedgerEntry], tally: Tally, result: Result) -> list[str]:
    """Hold what the chat says of the price against what was booked; counts what came of a wish to stop."""
    wrong = []
    captured = sum(entry.amount for entry in entries if entry.kind is EntryKind.CAPTURE)
    messages = [one for one in place.messages if one.from_bot and not one.deleted]
    clips = [one for one in messages if end_told(place, one) == (row.id, CLIP)]
    due = [_micros(found[1]) for one in clips[:1] if (found := _CHARGED.search(one.said))]
    if len(due) != len(clips[:1]):
        wrong.append("the clip does not say what it cost")
    if captured != sum(due):
        wrong.append(f"{dollars(captured)} captured, {dollars(sum(due))} by the chat")
    stated = {_micros(found[2]) for found in _found(_STATED, messages, row)}
    result.stated += bool(stated)
    if row.id in tally.stopped:
        if not stated:
            wrong.append("“Stop it” without a word on what it costs")
        result.stopped += row.status is S.CANCELLED
        result.unstoppable += bool(_found(_CANNOT, messages, row))
        result.unanswered_stops += bool(_found(_SILENT, messages, row))
        result.charged += bool(captured)
    if captured and stated - {captured}:
        wrong.append(f"it was to cost {', '.join(map(dollars, stated))} if it could not be stopped")
    return wrong


def _found(words: re.Pattern[str], messages: Sequence[Message], row: Generation) -> list[re.Match[str]]:
    """Where this is said about a generation."""
    return [found for one in messages if (found := words.search(one.said)) and int(found[1]) == row.id]


def _micros(text: str) -> Micros:
    return round(float(text) * 1_000_000)


def _orders(world: Outside) -> defaultdict[int | None, list[Order]]:
    """What the services accepted, by the generation that each was for."""
    found: defaultdict[int | None, list[Order]] = defaultdict(list)
    for order in (*world.google.omni.orders, *world.google.veo.orders):
        key = _KEY.search(str(order.body))
        found[int(key[1]) if key else None].append(order)
    return found


def unheard(calls: Iterable[Any], weather: Weather) -> set[tuple[object, object]]:
    """Messages that a platform has and whose sender got no answer, as their places know them."""
    found: set[tuple[object, object]] = set()
    for call in calls:
        if id(call) not in weather.way_of or not isinstance(call.result, dict):
            continue
        chat = call.result.get("chat")
        if chat is not None:
            found.add((chat["id"], call.result["message_id"]))
        elif "ts" in call.result:
            found.add((call.result["channel"], call.result["ts"]))
    return found
