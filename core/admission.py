"""Who is next: picks queued generations, fairly among people, within the limits, and starts them.

Called when a request comes, when one ends, and by the clock. One row is claimed at a time, right before it starts, so
that a crash leaves at most one claimed row behind, which the engine starts again. Whose turn it is follows from the
rows alone, so that it outlasts the program.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush

from core.catalogue import Catalogue
from core.claiming import claimed
from core.errors import StaleRow
from core.generation import AT_SERVICE, GenerationStatus
from core.ports import Claims, Clock, Engine
from core.repositories import Admitted, Changes, Generations
from core.under_way import Brief, Channel, UnderWay

log = logging.getLogger("reelbot.admission")

LOOK_BACK = timedelta(hours=1)
"""For so long it counts that somebody was let in: many times what a clip takes, so that everybody who waits has had a
turn meanwhile, and few enough rows to be read each time."""
MINUTE = timedelta(minutes=1)
ADMITTING = "admission"
"""What is claimed while somebody is let in: two processes at once would overrun what may be under way."""

_NEVER = datetime.min.replace(tzinfo=UTC)

Kind = tuple[str, str, Channel]
"""Person, model and channel: what is the same in these starts in the order in which it was queued."""
Turn = tuple[int, datetime, datetime, int, Kind]
"""What decides who is next, the least first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """How many generations may be under way at once."""

    overall: int
    per_person: int
    per_channel: int | None = None
    """In one chat or channel with all its threads; None for any number."""


class Line:
    """What waits and what is under way, and who is next as one after the other begins and ends.

    Next is whoever has the fewest under way, then whoever was let in longest ago, then whoever waits longest. Time must
    not go back from one call to the next. Each change costs about the logarithm of what waits."""

    def __init__(
        self,
        queued: Sequence[Brief],
        running: Sequence[Brief],
        capacity: Capacity,
        *,
        admitted: Sequence[Admitted],
        orders_per_minute: Mapping[str, int],
    ) -> None:
        """`admitted`: who was let in during `LOOK_BACK`, newest last; `orders_per_minute`: how many a model's service
        takes, by model."""
        self._capacity = capacity
        self._orders_per_minute = orders_per_minute
        self._under_way = len(running)
        self._busy = Counter(generation.person_id for generation in running)
        self._channels = Counter(generation.channel for generation in running)
        self._served: dict[str, datetime] = {}
        self._lapsing: deque[tuple[datetime, str]] = deque()
        self._orders: dict[str, deque[datetime]] = defaultdict(deque)
        for one in admitted:
            self._note(one.person_id, one.model, one.at)
        self._waiting: dict[Kind, deque[Brief]] = defaultdict(deque)
        self._kinds: dict[str, set[Kind]] = defaultdict(set)
        self._turns: list[Turn] = []
        self._latest: dict[Kind, Turn] = {}
        """The turns that count; older ones of the same kind stay behind in `_turns` and are passed over."""
        self._kept_back: dict[Channel | str, list[Turn]] = defaultdict(list)
        """Turns that came too early, by the channel that was full or the model that took no more orders."""
        for generation in sorted(queued, key=lambda one: one.queued_at):
            kind = (generation.person_id, generation.model, generation.channel)
            self._waiting[kind].append(generation)
            self._kinds[kind[0]].add(kind)
        for kind in self._waiting:
            self._offer(kind)

    def next(self, now: datetime) -> Brief | None:
        """The one to start now, or None."""
        self._forget(now)
        if self._under_way >= self._capacity.overall:
            return None
        while self._turns:
            turn = self._turns[0]
            busy, *_, kind = turn
            _, model, channel = kind
            if self._latest.get(kind) is turn and busy < self._capacity.per_person:
                obstacle = next((one for one in (channel, model) if self._blocks(one)), None)
                if obstacle is None:
                    return self._waiting[kind][0]
                heappush(self._kept_back[obstacle], turn)
            heappop(self._turns)  # who has all they may is offered again when one of theirs ends
            self._release(channel)
            self._release(model)
        return None

    def begin(self, generation: Brief, now: datetime) -> None:
        """The one that was `next` is let in."""
        person, model, channel = kind = (generation.person_id, generation.model, generation.channel)
        self._waiting[kind].popleft()
        self._under_way += 1
        self._busy[person] += 1
        self._channels[channel] += 1
        self._note(person, model, now)
        self._offer_all_of(person)

    def end(self, generation: Brief) -> None:
        """One that was under way is so no more."""
        person, channel = generation.person_id, generation.channel
        self._under_way -= 1
        self._busy[person] -= 1
        self._channels[channel] -= 1
        self._offer_all_of(person)
        self._release(channel)

    def reopens_at(self) -> datetime | None:
        """When a service takes orders again for which something waits; None when none keeps anything waiting."""
        moments = [self._free_at(model) for model in self._kept_back if isinstance(model, str)]
        return min((moment for moment in moments if moment is not None), default=None)

    def _note(self, person: str, model: str, at: datetime) -> None:
        self._served[person] = at
        self._lapsing.append((at, person))
        self._orders[model].append(at)

    def _forget(self, now: datetime) -> None:
        """Let go of what is so long ago that it does not count any more."""
        while self._lapsing and now - self._lapsing[0][0] > LOOK_BACK:
            at, person = self._lapsing.popleft()
            if self._served.get(person) == at:
                del self._served[person]
                self._offer_all_of(person)
        for model, orders in self._orders.items():
            if orders and now - orders[0] >= MINUTE:
                while orders and now - orders[0] >= MINUTE:
                    orders.popleft()
                self._release(model)

    def _blocks(self, obstacle: Channel | str) -> bool:
        """Whether the channel is full, or the model takes no more orders."""
        if isinstance(obstacle, str):
            return self._free_at(obstacle) is not None
        most = self._capacity.per_channel
        return most is not None and self._channels[obstacle] >= most

    def _release(self, obstacle: Channel | str) -> None:
        """Bring back the first that was kept back by it, unless it still is. The others follow when that one has had
        its turn, so that a long line in one channel is not gone through each time."""
        kept = self._kept_back.get(obstacle)
        if kept is None or self._blocks(obstacle):
            return
        while kept:
            turn = heappop(kept)
            if self._latest.get(turn[-1]) is turn:
                heappush(self._turns, turn)
                return
        del self._kept_back[obstacle]

    def _free_at(self, model: str) -> datetime | None:
        """When the model's service takes another order; None for now."""
        most, orders = self._orders_per_minute.get(model), self._orders[model]
        return None if most is None or len(orders) < most else orders[len(orders) - most] + MINUTE

    def _offer_all_of(self, person: str) -> None:
        for kind in self._kinds.get(person, ()):
            self._offer(kind)

    def _offer(self, kind: Kind) -> None:
        """Give the first of a kind its turn anew."""
        waiting = self._waiting[kind]
        if not waiting:
            self._latest.pop(kind, None)
            return
        person, first = kind[0], waiting[0]
        turn = (self._busy[person], self._served.get(person, _NEVER), first.queued_at, first.id, kind)
        self._latest[kind] = turn
        heappush(self._turns, turn)


class Admission:
    """Lets queued generations in."""

    def __init__(
        self,
        *,
        generations: Generations,
        under_way: UnderWay,
        engine: Engine,
        catalogue: Catalogue,
        capacity: Capacity,
        claims: Claims,
        clock: Clock,
    ) -> None:
        self._generations = generations
        self._under_way = under_way
        self._claims = claims
        self._engine = engine
        self._capacity = capacity
        self._clock = clock
        self._catalogue = catalogue
        self._lock = asyncio.Lock()
        self._asked = 0
        """Calls so far."""
        self._answered = 0
        """So many of them are dealt with."""

    async def admit(self) -> None:
        """Start as many as may be started now. Calls that wait for the same turn are dealt with together."""
        self._asked += 1
        mine = self._asked
        async with self._lock:
            if self._answered >= mine:
                return
            async with claimed(self._claims, self._clock, ADMITTING):
                seen = self._asked  # whoever asked before anything was read has his answer in what is read
                while not await self._admitted_all():
                    pass
            self._answered = seen

    async def _admitted_all(self) -> bool:
        """Start what may be started; False when a row is not as it was read, so that all must be read again."""
        if not await self._generations.count(GenerationStatus.QUEUED):
            return True
        if await self._generations.count(*AT_SERVICE) >= self._capacity.overall:
            return True
        all_of_them = await self._under_way.look()
        now = self._clock.now()
        line = Line(
            [one for one in all_of_them if one.status is GenerationStatus.QUEUED],
            [one for one in all_of_them if one.status in AT_SERVICE],
            self._capacity,
            # What lies ahead was before the clock was set back, and counts no more; a minute may be another machine's.
            admitted=[one for one in await self._generations.admitted(now - LOOK_BACK) if one.at < now + MINUTE],
            orders_per_minute=self._catalogue.orders_per_minute(now),
        )
        while (chosen := line.next(now)) is not None:
            if not self._claims.holds(ADMITTING):
                return True
            row = await self._generations.generation(chosen.id)
            if row is None or row.revision != chosen.revision:
                return False
            admitted = row.moved(GenerationStatus.SUBMITTING, now)
            try:
                await self._generations.commit(
                    Changes(generations=(admitted,), conversation_id=admitted.conversation_id, at=now)
                )
            except StaleRow:
                log.info("admission.stale", extra={"generation": row.name})
                return False
            line.begin(chosen, now)
            await self._engine.start(chosen.id)
            now = self._clock.now()
        return True
