"""What came of it: what people were told and got, held against the services' journals, the rows and the ledger."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from core.generation import FINAL, Generation, GenerationStatus
from core.money import Micros, dollars
from tests.emulators.google_orders import Order
from tests.emulators.telegram import TelegramMessage
from tests.faults.chaos.people import CANCELLED, CLIP, FAILED, KEPT, REFUSED, Someone, Tally, end_told
from tests.faults.chaos.weather import Weather
from tests.program.services import World

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
    delivered: Micros = 0
    """What the clips that people have cost by their cards."""
    violations: list[str] = field(default_factory=list)


def count(
    world: World, people: Sequence[Someone], tally: Tally, rows: Iterable[Generation], weather: Weather
) -> Result:
    """Look at everything."""
    result = Result()
    orders = _orders(world)
    unheard = _unheard(world, weather)
    for someone in people:
        if someone.trouble:
            result.violations.append(someone.trouble + "\n" + someone.chat.transcript())
    chats = {f"telegram:{someone.user.id}": someone for someone in people}
    for row in rows:
        if S.QUEUED.value not in row.entered:
            continue
        someone = chats[row.requester.id]
        wrong = _one(world, row, someone.chat.messages, orders[row.id], tally, unheard, result)
        if wrong:
            result.violations.append(
                f"{row.name} ({row.status.value}): {'; '.join(wrong)}\n{someone.chat.transcript()}"
            )
    result.orders = sum(map(len, orders.values()))
    if None in orders:
        result.violations.append(f"{len(orders[None])} orders of no generation")
    return result


def _one(
    world: World,
    row: Generation,
    messages: Sequence[TelegramMessage],
    orders: Sequence[Order],
    tally: Tally,
    unheard: set[tuple[int, int]],
    result: Result,
) -> list[str]:
    """What is wrong with one generation; counts it on the way."""
    wrong: list[str] = []
    result.ends[row.status.value] += 1
    if row.id not in tally.ordered:
        wrong.append("ordered without a tap")
    if row.status not in FINAL:
        wrong.append("not at its end")
    told: defaultdict[str, list[TelegramMessage]] = defaultdict(list)
    for message in messages:
        end = end_told(message)
        if end is not None and end[0] == row.id:
            told[end[1]].append(message)
    if [*told] != [WORDS.get(row.status, "?")]:
        wrong.append(f"the person was told {[*told] or 'nothing'}")
    clips = told.pop(CLIP, [])
    result.clips += len(clips)
    if len(clips) > 1:
        wrong.append(f"{len(clips)} clips")
    for kind, said in told.items():
        heard = [message for message in said if (message.chat.id, message.id) not in unheard]
        result.repeated += len(said) - 1
        if len(heard) > 1:
            wrong.append(f"{kind} was said {len(said)} times, {len(heard)} of them with an answer")
    result.announced += sum(READY in one.said and f" {row.name} " in one.said and not one.deleted for one in messages)
    result.lost_answers += S.AMBIGUOUS.value in row.entered
    if len(orders) > 1 + tally.again.get(row.id, 0):
        wrong.append(f"{len(orders)} orders, and {tally.again.get(row.id, 0)} taps on “Order again”")
    for clip in clips:
        assert row.plan is not None
        assert clip.video is not None
        price = row.plan.quote.amount
        result.delivered += price
        if dollars(price) not in clip.said:
            wrong.append(f"the clip says another price than {dollars(price)}")
        got = world.telegram.file_bytes(clip.video.file_id)
        if got not in [world.google.clip_bytes(order) for order in orders if order.clips]:
            wrong.append("the clip is none that was made for it")
    return wrong


def _orders(world: World) -> defaultdict[int | None, list[Order]]:
    """What the services accepted, by the generation that each was for."""
    found: defaultdict[int | None, list[Order]] = defaultdict(list)
    for order in (*world.google.omni.orders, *world.google.veo.orders):
        key = _KEY.search(str(order.body))
        found[int(key[1]) if key else None].append(order)
    return found


def _unheard(world: World, weather: Weather) -> set[tuple[int, int]]:
    """Messages, by chat and id, of which the program did not get to know that they are there."""
    spoiled = [call for call in world.telegram.calls("sendMessage") if id(call) in weather.way_of and call.result]
    return {(call.result["chat"]["id"], call.result["message_id"]) for call in spoiled}
