"""Who is let in next, within the limits and from the rows alone; and what the queue says about places and waits."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import texts
from core.admission import LOOK_BACK, Admission, Capacity, Line
from core.catalogue import load_catalogue
from core.claiming import Alone
from core.errors import StaleRow
from core.generation import Generation
from core.generation import GenerationStatus as S
from core.messages import ConversationKey, Person
from core.queueing import expected_starts
from core.repositories import Admitted, Changes
from core.under_way import Brief, UnderWay, brief
from tests.clock import FakeClock
from tests.core.test_generation import NOW, a_generation, a_plan, keep
from tests.stage import ANN, BOB, HERE, Stage

EVE = Person(id="fake:eve", name="Eve")
ROOM = ConversationKey(platform="fake", chat="room", thread="t1")
WIDE = Capacity(overall=9, per_person=9)
TAKES = 8
"""Seconds that each clip of these tests is expected to take."""


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def queued(
    number: int, person: Person = ANN, *, after: float = 0, model: str = "animatic-1", key: ConversationKey = HERE
) -> Generation:
    entered = {S.QUEUED.value: at(after)}
    return a_generation(number, S.QUEUED, requester=person, key=key, entered=entered, plan=a_plan(model=model))


def running(number: int, person: Person = ANN, *, since: float = 0, key: ConversationKey = HERE) -> Generation:
    entered = {S.SUBMITTING.value: at(since)}
    return a_generation(number, S.PROCESSING, requester=person, key=key, entered=entered)


def let_in(person: Person = ANN, *, since: float = 0, model: str = "animatic-1") -> Admitted:
    return Admitted(person_id=person.id, model=model, at=at(since))


def briefs(generations: Sequence[Generation]) -> list[Brief]:
    """As admission sees them."""
    return [brief(generation) for generation in generations]


def expected(
    waiting: Sequence[Generation],
    under_way: Sequence[Generation],
    capacity: Capacity,
    admitted: Sequence[Admitted] = (),
    orders_per_minute: Mapping[str, int] | None = None,
    now: float = 0,
) -> list[tuple[int, float | None]]:
    """Who starts, in order, and after how many seconds from NOW."""
    starts = expected_starts(
        briefs(waiting),
        briefs(under_way),
        capacity,
        admitted=admitted,
        orders_per_minute=orders_per_minute or {},
        now=at(now),
    )
    assert sorted(start.place for start in starts.values()) == list(range(1, len(waiting) + 1))
    ordered = sorted(starts.items(), key=lambda item: item[1].place)
    return [(number, None if start.at is None else (start.at - NOW).total_seconds()) for number, start in ordered]


# --- who is next -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("waiting", "under_way", "admitted", "order"),
    [
        ([], [], [], []),
        ([queued(2), queued(1, after=1)], [], [], [2, 1]),
        # somebody new comes before a second one of somebody else
        ([queued(1), queued(2, after=1), queued(3, BOB, after=2)], [], [], [1, 3, 2]),
        # and before somebody who has one under way
        ([queued(1), queued(2, BOB, after=5)], [running(9)], [], [2, 1]),
        # with as many under way, whoever was let in longest ago
        ([queued(1), queued(2, BOB, after=5)], [], [let_in(BOB, since=-1800), let_in()], [2, 1]),
        ([queued(1), queued(2, BOB, after=5), queued(3, EVE, after=9)], [], [let_in(), let_in(BOB)], [3, 1, 2]),
        # the last time counts
        ([queued(1), queued(2, BOB, after=5)], [], [let_in(since=-9), let_in(BOB, since=-5), let_in()], [2, 1]),
        # what is kept back keeps back nothing else: the second of the two is of a model that takes orders
        ([queued(1, model="slow"), queued(2), queued(3, BOB, after=1)], [], [let_in(EVE, model="slow")], [2, 3]),
    ],
)
def test_the_queue_is_fair(
    waiting: list[Generation], under_way: list[Generation], admitted: list[Admitted], order: list[int]
) -> None:
    line = Line(briefs(waiting), briefs(under_way), WIDE, admitted=admitted, orders_per_minute={"slow": 1})
    found = []
    while (chosen := line.next(NOW)) is not None:
        line.begin(chosen, NOW)
        found.append(chosen.id)
    assert found == order


@pytest.mark.parametrize(
    ("waiting", "under_way", "admitted", "started"),
    [
        ([], [], [], None),
        ([queued(1)], [], [], 1),
        ([queued(1)], [running(7), running(8), running(9, BOB)], [], None),
        ([queued(1), queued(2, BOB)], [running(7), running(8)], [], 2),
        ([queued(1)], [running(7), running(8)], [], None),
        ([queued(1), queued(2, BOB, model="other")], [], [let_in(EVE, since=-59), let_in(EVE)], 2),
        ([queued(1)], [], [let_in(EVE, since=-60), let_in(EVE)], 1),
        ([queued(1)], [], [let_in(EVE)], 1),
        ([replace(queued(1), plan=None)], [], [], 1),
        # a channel counts with all its threads, and for nobody else
        ([queued(1, key=ROOM)], [running(8, BOB, key=replace(ROOM, thread="t2"))], [], None),
        ([queued(1, key=ROOM), queued(2)], [running(8, BOB, key=ROOM)], [], 2),
        ([queued(1, key=ROOM)], [running(8, BOB, key=replace(ROOM, platform="slack"))], [], 1),
    ],
)
def test_only_what_the_limits_allow_starts(
    waiting: list[Generation], under_way: list[Generation], admitted: list[Admitted], started: int | None
) -> None:
    capacity = Capacity(overall=3, per_person=2, per_channel=1 if any(one.key == ROOM for one in waiting) else None)
    line = Line(briefs(waiting), briefs(under_way), capacity, admitted=admitted, orders_per_minute={"animatic-1": 2})
    chosen = line.next(NOW)
    assert (chosen.id if chosen else None) == started


def test_a_turn_of_long_ago_counts_no_more() -> None:
    waiting, long_ago = [queued(1), queued(2, BOB, after=5)], (let_in(since=-LOOK_BACK.total_seconds()),)
    line = Line(briefs(waiting), [], WIDE, admitted=long_ago, orders_per_minute={})
    chosen = line.next(NOW)
    assert chosen is not None and chosen.id == 2
    chosen = line.next(at(0.001))
    assert chosen is not None and chosen.id == 1


# --- places and waits ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("waiting", "under_way", "capacity", "starts"),
    [
        # one after the other, as the one before ends
        ([queued(1), queued(2, after=1)], [running(9, since=-3)], Capacity(overall=1, per_person=1), [(1, 5), (2, 13)]),
        # whose turn it is changes with each start
        (
            [queued(1), queued(2), queued(3, BOB, after=1), queued(4, BOB, after=1)],
            [running(9, EVE, since=-3)],
            Capacity(overall=1, per_person=1),
            [(1, 5), (3, 13), (2, 21), (4, 29)],
        ),
        # somebody who has all they may waits for one of their own, and lets others pass
        (
            [queued(1), queued(2, BOB, after=1)],
            [running(8, since=-1), running(9, EVE, since=-6)],
            Capacity(overall=2, per_person=1),
            [(2, 2), (1, 7)],
        ),
        # so does a channel
        (
            [queued(1, key=ROOM), queued(2, after=1)],
            [running(8, BOB, since=-1, key=ROOM), running(9, EVE, since=-6)],
            Capacity(overall=2, per_person=2, per_channel=1),
            [(2, 2), (1, 7)],
        ),
        # what takes longer than it should may end any moment, first what was begun first
        (
            [queued(1), queued(2, BOB, after=1)],
            [running(8, since=-500), running(9, BOB, since=-600)],
            Capacity(overall=2, per_person=1),
            [(2, 0), (1, 0)],
        ),
        # a busy service keeps its slot until the order can be tried again, and then for the clip
        (
            [queued(1)],
            [replace(running(9, since=-60), status=S.SUBMITTING, due_at=at(100))],
            Capacity(overall=1, per_person=1),
            [(1, 108)],
        ),
        # nobody knows when what may not start at all will start
        ([queued(2), queued(1, after=1)], [], Capacity(overall=0, per_person=1), [(2, None), (1, None)]),
    ],
)
def test_places_and_starts_are_as_they_will_be(
    waiting: list[Generation], under_way: list[Generation], capacity: Capacity, starts: list[tuple[int, float | None]]
) -> None:
    assert expected(waiting, under_way, capacity) == starts


def test_a_start_waits_until_the_service_takes_another_order() -> None:
    waiting = [queued(number, after=number) for number in range(1, 5)] + [queued(5, after=6, model="other")]
    admitted = (let_in(EVE, since=-70), let_in(EVE, since=-20))
    found = expected(waiting, [], WIDE, admitted, {"animatic-1": 2})
    assert found == [(1, 0), (5, 0), (2, 40), (3, 60), (4, 100)]


def test_what_keeps_back_is_over_before_what_is_full_opens() -> None:
    waiting = [queued(1), queued(2, after=1)]
    found = expected(
        waiting, [running(9, since=0)], Capacity(overall=1, per_person=1), (let_in(since=-55),), {"animatic-1": 1}
    )
    assert found == [(1, 8), (2, 68)]


people = st.sampled_from([ANN, BOB, EVE])
rooms = st.sampled_from([HERE, ROOM])
models = st.sampled_from(["animatic-1", "other"])


@given(
    wishes=st.lists(st.tuples(people, rooms, models), max_size=12),
    begun=st.lists(st.tuples(people, rooms, st.integers(-20, 0)), max_size=3),
    capacity=st.builds(
        Capacity, overall=st.integers(1, 4), per_person=st.integers(1, 3), per_channel=st.integers(1, 3) | st.none()
    ),
    per_minute=st.integers(1, 3),
)
@settings(max_examples=150, deadline=None)
def test_the_forecast_is_what_admission_does(
    wishes: list[tuple[Person, ConversationKey, str]],
    begun: list[tuple[Person, ConversationKey, int]],
    capacity: Capacity,
    per_minute: int,
) -> None:
    """Read anew at each moment, as the rows would be then, the same one is let in, and no limit is ever passed."""
    waiting = briefs(
        [queued(n, who, after=n - 100, key=key, model=model) for n, (who, key, model) in enumerate(wishes, 1)]
    )
    under_way = briefs([running(100 + n, who, since=since, key=key) for n, (who, key, since) in enumerate(begun)])
    admitted = sorted((let_in(who, since=since) for who, _, since in begun), key=lambda one: one.at)
    limits = {"animatic-1": per_minute}
    starts = expected_starts(waiting, under_way, capacity, admitted=admitted, orders_per_minute=limits, now=NOW)
    by_place = sorted(waiting, key=lambda one: starts[one.id].place)
    ends = [(max(NOW, at(since + TAKES)), one) for one, (_, _, since) in zip(under_way, begun, strict=True)]
    for number, one in enumerate(by_place):
        moment = starts[one.id].at
        assert moment is not None
        assert number == 0 or moment >= (starts[by_place[number - 1].id].at or NOW)
        busy = [other for end, other in ends if end > moment]
        # Of those that end in this very moment some may still be under way: then fewer may start, but nobody else.
        line = Line(by_place[number:], busy, capacity, admitted=admitted, orders_per_minute=limits)
        assert line.next(moment) is not None
        assert len(busy) < capacity.overall
        assert Counter(other.person_id for other in busy)[one.person_id] < capacity.per_person
        in_channel = Counter(other.channel for other in busy)[one.channel]
        assert capacity.per_channel is None or in_channel < capacity.per_channel
        if moment not in {end for end, _ in ends}:
            assert line.next(moment) is one
        ends.append((moment + timedelta(seconds=TAKES), one))
        admitted = [*admitted, Admitted(person_id=one.person_id, model=one.model, at=moment)]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, ""),
        (14.9, ""),
        (15, " · about a minute"),
        (60, " · about a minute"),
        (61, " · about 2 min"),
        (231, " · about 4 min"),
        (599, " · about 10 min"),
        (601, " · about 15 min"),
        (3540, " · about 1 h"),
        (3700, " · about 1 h 15 min"),
        (7200, " · about 2 h"),
    ],
)
def test_a_wait_is_told_in_round_words(seconds: float, words: str) -> None:
    line = texts.working.status(queued(12), now=NOW, position=3, waits_until=None, starts_at=at(seconds))
    assert line == f"v12 · In the queue, number 3{words}"


def test_no_wait_is_told_that_nobody_knows() -> None:
    unknown = texts.working.status(queued(12), now=NOW, position=3, waits_until=None)
    assert unknown == "v12 · In the queue, number 3"
    nowhere = texts.working.status(queued(12), now=NOW, position=0, waits_until=None, starts_at=at(500))
    assert nowhere == "v12 · Getting ready"


# --- letting in ------------------------------------------------------------------------------------------------------


class StartedNothing:
    """The `Engine` port that only notes what it was told."""

    def __init__(self) -> None:
        self.started: list[int] = []

    async def start(self, generation_id: int) -> None:
        self.started.append(generation_id)

    async def wake(self, generation_id: int) -> None:
        raise AssertionError("admission wakes nobody")


def admission_of(stage: Stage, engine: StartedNothing, capacity: Capacity, clock: FakeClock, most: int) -> Admission:
    """Admission of a program that begins now, where the service takes so many orders a minute."""
    known = load_catalogue()
    model = replace(known.model("animatic-1"), orders_per_minute=most)
    return Admission(
        generations=stage.store,
        under_way=UnderWay(stage.store),
        engine=engine,
        catalogue=replace(known, video=(model,)),
        capacity=capacity,
        claims=Alone(),
        clock=clock,
    )


@pytest.mark.parametrize("restarts", [False, True])
async def test_a_services_orders_per_minute_are_kept(stage: Stage, restarts: bool) -> None:
    engine, clock = StartedNothing(), FakeClock()
    await keep(stage, *(queued(number, after=number) for number in range(1, 5)))
    admission = admission_of(stage, engine, WIDE, clock, most=2)
    for seconds, started in ((0, [1, 2]), (59, [1, 2]), (1, [1, 2, 3, 4])):
        clock.advance(seconds)
        await admission.admit()
        assert engine.started == started
        if restarts:
            admission = admission_of(stage, engine, WIDE, clock, most=2)


async def test_orders_from_before_the_clock_was_set_back_keep_nobody_waiting(stage: Stage) -> None:
    engine, clock = StartedNothing(), FakeClock()
    await keep(stage, *(queued(number, after=number) for number in range(1, 5)))
    admission = admission_of(stage, engine, WIDE, clock, most=2)
    await admission.admit()
    assert engine.started == [1, 2]
    clock.advance(-3600)
    await admission.admit()
    assert engine.started == [1, 2, 3, 4]


async def test_whose_turn_it_is_outlasts_the_program(stage: Stage) -> None:
    engine, clock, one = StartedNothing(), FakeClock(), Capacity(overall=1, per_person=1)
    await keep(stage, queued(1), queued(2, after=1), queued(3, BOB, after=2))
    for started in ([1], [1, 3], [1, 3, 2]):
        clock.advance(1)
        await admission_of(stage, engine, one, clock, most=50).admit()
        assert engine.started == started
        row = await stage.generation(started[-1])
        ended = replace(row, status=S.FAILED)
        await stage.store.commit(Changes(generations=(ended,), conversation_id="c1", at=clock.now()))


class Counting:
    """A store that counts how often what waits is read, and where somebody else saves first, so many times; for the
    rest it is the store it was given."""

    def __init__(self, stage: Stage, *, losses: int = 0) -> None:
        self._store = stage.store
        self.losses = losses
        self.reads: Counter[str] = Counter()

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def revisions(self, *statuses: str) -> Mapping[int, int]:
        self.reads.update(statuses)
        return await self._store.revisions(*statuses)

    async def commit(self, changes: Changes) -> None:
        if self.losses:
            self.losses -= 1
            raise StaleRow
        await self._store.commit(changes)


@pytest.mark.parametrize(("losses", "reads"), [(0, 1), (1, 2), (3, 4)])
async def test_a_row_that_somebody_else_changed_is_looked_at_again(stage: Stage, losses: int, reads: int) -> None:
    """Otherwise what waits is read once, however many of it start, and not at all when nothing may start."""
    engine, store = StartedNothing(), Counting(stage, losses=losses)
    await keep(stage, *(queued(number, after=number) for number in range(1, 7)))
    admission = Admission(
        generations=store,  # type: ignore[arg-type]
        under_way=UnderWay(store),  # type: ignore[arg-type]
        engine=engine,
        catalogue=load_catalogue(),
        capacity=Capacity(overall=4, per_person=9),
        claims=Alone(),
        clock=FakeClock(),
    )
    await admission.admit()
    assert engine.started == [1, 2, 3, 4]
    assert [(await stage.generation(number)).status for number in (1, 4, 5)] == [S.SUBMITTING, S.SUBMITTING, S.QUEUED]
    assert store.reads[S.QUEUED] == reads
    await admission.admit()
    assert store.reads[S.QUEUED] == reads


class Held(Alone):
    """Claims that somebody else holds until they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.free = False

    async def take(self, name: str) -> bool:
        return self.free and await super().take(name)


async def test_calls_that_wait_for_a_turn_are_dealt_with_together(stage: Stage) -> None:
    """Each of them sees what was there when it came."""
    engine, store, claims, clock = StartedNothing(), Counting(stage), Held(), FakeClock()
    admission = Admission(
        generations=store,  # type: ignore[arg-type]
        under_way=UnderWay(store),  # type: ignore[arg-type]
        engine=engine,
        catalogue=load_catalogue(),
        capacity=WIDE,
        claims=claims,
        clock=clock,
    )
    await keep(stage, queued(1))
    calls = [asyncio.create_task(admission.admit()) for _ in range(20)]
    await asyncio.sleep(0.01)
    await keep(stage, queued(2, BOB, after=1))
    calls.append(asyncio.create_task(admission.admit()))
    claims.free = True
    async with clock:
        await asyncio.gather(*calls)
    assert engine.started == [1, 2]
    assert store.reads[S.QUEUED] == 1
    await keep(stage, queued(3, EVE, after=2))
    await admission.admit()
    assert engine.started == [1, 2, 3]
    assert store.reads[S.QUEUED] == 2
