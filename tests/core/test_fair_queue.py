"""The queue is fair among people, also over a restart, and the place that a status message names is the true one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from core.admission import Capacity
from core.generation import ADMITTED
from core.generation import GenerationStatus as S
from core.messages import ConversationKey, Person
from core.under_way import brief
from tests.core.money_ports import number_of
from tests.core.money_world import ANN, BOB, EVE, ROOM, World

WISH = "a red fox trotting through fresh snow at sunrise, cinematic, 4 seconds"


@contextmanager
def world(overall: int, per_person: int, per_channel: int | None = None) -> Iterator[World]:
    """An installation with these capacities."""
    made = World()
    try:
        made.wire(capacity=Capacity(overall=overall, per_person=per_person, per_channel=per_channel))
        yield made
    finally:
        made.close()


def order(world: World, person: Person, key: ConversationKey | None = None) -> int:
    """Somebody asks for a clip, alone with the bot unless a place is given, and taps the card; returns the
    generation."""
    world.say(person, WISH, key=key, command="video")
    world.go()
    world.tap(person, world.buttons("make")[-1])
    world.go()
    return max(world.generations())


def started(world: World) -> list[int]:
    """What was ordered from the provider, in order."""
    return [number_of(job.order.key) for job in world.studio.jobs]


def to_the_end(world: World, capacity: Capacity) -> None:
    """Everything that waits is made; nobody ever has more under way than may be."""
    for _ in range(400):
        rows = world.generations().values()
        admitted = [row for row in rows if row.status in ADMITTED]
        assert len(admitted) <= capacity.overall
        assert max(Counter(row.requester.id for row in admitted).values(), default=0) <= capacity.per_person
        per_channel = max(Counter(brief(row).channel for row in admitted).values(), default=0)
        assert capacity.per_channel is None or per_channel <= capacity.per_channel
        if not admitted:
            break
        world.passes(10)
        world.sweep()
        world.go()
    assert {row.status for row in world.generations().values()} == {S.COMPLETED}


@pytest.mark.parametrize(
    ("overall", "per_person", "restarts"), [(1, 1, False), (1, 1, True), (2, 2, True), (3, 2, False), (4, 4, False)]
)
def test_one_beside_fifty_starts_within_two_slots(overall: int, per_person: int, restarts: bool) -> None:
    with world(overall, per_person) as here:
        for _ in range(50):
            order(here, ANN)
        before = len(started(here))
        assert before == min(overall, per_person)
        late = order(here, BOB)
        if restarts:
            here.crash()
            here.start()
        for _ in range(60):
            if late in started(here):
                break
            here.passes(5)
        assert started(here).index(late) < before + 2


def test_what_waits_is_all_made_within_the_capacities() -> None:
    capacity = Capacity(overall=3, per_person=2)
    with world(3, 2) as here:
        made = [order(here, person) for person in (ANN, ANN, ANN, ANN, BOB, EVE, BOB, ANN, EVE, EVE, ANN, BOB)]
        to_the_end(here, capacity)
        assert sorted(started(here)) == made


def test_newcomers_beside_a_long_queue_go_in_turn() -> None:
    with world(1, 1) as here:
        mine = [order(here, ANN) for _ in range(6)]
        bobs = [order(here, BOB) for _ in range(2)]
        eves = [order(here, EVE) for _ in range(2)]
        to_the_end(here, Capacity(overall=1, per_person=1))
        first = started(here)
        assert first[0] == mine[0]
        assert {*first[1:3]} == {bobs[0], eves[0]}, "each has one before anybody has a second"
        assert {*first[3:6]} == {mine[1], bobs[1], eves[1]}
        assert first[6:] == mine[2:]


def test_a_restart_gives_nobody_a_second_turn() -> None:
    with world(1, 1) as here:
        _, second, bobs = order(here, ANN), order(here, ANN), order(here, BOB)
        here.crash()
        here.start()
        to_the_end(here, Capacity(overall=1, per_person=1))
        assert started(here)[1:] == [bobs, second]


def test_one_beside_many_starts_within_two_slots_whatever_restarts() -> None:
    with world(1, 1) as here:
        for _ in range(5):
            order(here, ANN)
        late = order(here, BOB)
        for begun in (2, 3):
            here.crash()
            here.start()
            while len(started(here)) < begun:
                here.passes(1)
        assert late in started(here)


def test_a_channel_has_so_many_under_way_and_holds_back_nobody_elsewhere() -> None:
    capacity = Capacity(overall=3, per_person=2, per_channel=1)
    with world(3, 2, 1) as here:
        room = [order(here, person, ROOM) for person in (ANN, BOB, EVE)]
        anns = order(here, ANN)
        assert started(here) == [room[0], anns]
        to_the_end(here, capacity)
        assert started(here) == [room[0], anns, *room[1:]]


def test_the_wait_is_told_and_shrinks() -> None:
    with world(1, 1) as here:
        order(here, ANN)
        waiting = [order(here, BOB), order(here, EVE)]

        def told() -> list[str]:
            here.passes(6)
            here.sweep()
            texts = [shown.text for shown in here.chat.shown]
            return [next(t for t in reversed(texts) if t.startswith(f"v{number} · In the queue")) for number in waiting]

        first, second = told()
        assert first == f"v{waiting[0]} · In the queue, number 1 · about a minute"
        assert second == f"v{waiting[1]} · In the queue, number 2 · about 2 min"


def places(world: World) -> list[int]:
    """Who waits, in the order that the status messages tell."""
    world.passes(6)
    world.sweep()
    waiting = [row for row in world.generations().values() if row.status is S.QUEUED]
    told: dict[int, int] = {}
    for row in waiting:
        shown = next(one for one in reversed(world.chat.shown) if one.text.startswith(f"{row.name} · In the queue"))
        found = re.search(r"number (\d+)", shown.text)
        assert found is not None
        told[int(found[1])] = row.id
    assert sorted(told) == list(range(1, len(waiting) + 1)), "each place is named once"
    return [told[place] for place in sorted(told)]


def under_way(world: World) -> list[float]:
    """How many seconds each clip has been under way."""
    admitted = [row for row in world.generations().values() if row.status in ADMITTED]
    return [(world.clock.now() - row.entered[S.SUBMITTING.value]).total_seconds() for row in admitted]


def holds_true(
    capacity: Capacity, wishes: list[Person], *, together: int = 0, ended: int = 0, restarts: bool = False
) -> None:
    """The places that are told are the order of the starts, where clips end in the order in which they were begun.

    together: so many of the wishes, the first ones, are said in one room; ended: so many have ended when the places
    are told"""
    with world(capacity.overall, capacity.per_person, capacity.per_channel) as here:
        for number, person in enumerate(wishes):
            order(here, person, ROOM if number < together else None)
        for _ in range(200):
            if sum(row.status is S.COMPLETED for row in here.generations().values()) >= ended:
                break
            here.passes(1)
        if restarts:
            while not all(5 <= seconds <= 12 for seconds in under_way(here)):
                here.passes(1)  # then a program that begins looks at each clip in a moment of its own, in order
            here.crash()
            here.start()
            here.go()
        before = started(here)
        told = places(here)
        assert [*started(here)] == before, "nothing began meanwhile"
        to_the_end(here, capacity)
        assert started(here)[len(before) :] == told


def test_places_of_one_person_are_true() -> None:
    holds_true(Capacity(overall=1, per_person=1), [ANN] * 4)


def test_places_with_somebody_who_has_all_they_may_are_true() -> None:
    holds_true(Capacity(overall=3, per_person=1), [ANN, ANN, ANN, BOB, EVE, EVE])


def test_places_are_true_after_a_restart() -> None:
    holds_true(Capacity(overall=1, per_person=1), [ANN, ANN, BOB, BOB, ANN], ended=2, restarts=True)


def test_places_of_two_people_are_true() -> None:
    holds_true(Capacity(overall=1, per_person=1), [ANN, ANN, BOB, BOB])


@given(
    capacity=st.builds(
        Capacity, overall=st.integers(1, 3), per_person=st.integers(1, 3), per_channel=st.none() | st.integers(1, 2)
    ),
    wishes=st.lists(st.sampled_from([ANN, BOB, EVE]), min_size=4, max_size=9),
    together=st.integers(0, 6),
    ended=st.integers(0, 2),
    restarts=st.booleans(),
)
@settings(
    max_examples=12, phases=[Phase.generate], derandomize=True, database=None, deadline=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
def test_places_are_true(capacity: Capacity, wishes: list[Person], together: int, ended: int, restarts: bool) -> None:
    holds_true(capacity, wishes, together=together, ended=ended, restarts=restarts)
