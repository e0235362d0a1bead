"""What is under way, in short: read once for each change, a page at a time, and never out of date."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, timedelta

import pytest

from core.generation import LONGEST_PUT_OFF, RUNNING, Generation
from core.generation import GenerationStatus as S
from core.under_way import PAGE, UnderWay, brief
from tests.core.test_generation import NOW, a_generation, a_plan, keep
from tests.core.test_pipeline import change
from tests.stage import Stage


class Read:
    """The store, with a note of which rows were read."""

    def __init__(self, stage: Stage) -> None:
        self._store = stage.store
        self.pages: list[list[int]] = []

    @property
    def rows(self) -> list[int]:
        """All since it was asked last."""
        found = [row for page in self.pages for row in page]
        self.pages = []
        return found

    async def some(self, ids: Collection[int]) -> tuple[Generation, ...]:
        self.pages.append([*ids])
        return await self._store.some(ids)

    async def revisions(self, *statuses: str) -> Mapping[int, int]:
        return await self._store.revisions(*statuses)


async def test_only_what_has_changed_is_read_again(stage: Stage) -> None:
    read = Read(stage)
    under_way = UnderWay(read)
    await keep(stage, *(a_generation(number, S.PROCESSING) for number in (3, 1, 2)), a_generation(4, S.COMPLETED))
    assert [one.id for one in await under_way.look()] == [1, 2, 3]
    assert read.rows == [1, 2, 3]
    await change(stage, 2, cancel_requested=True)
    await keep(stage, a_generation(5, S.QUEUED))
    assert [(one.id, one.cancel_requested) for one in await under_way.look()] == [
        (1, False),
        (2, True),
        (3, False),
        (5, False),
    ]
    assert read.rows == [2, 5]
    await change(stage, 1, status=S.FAILED)
    assert [one.id for one in await under_way.look()] == [2, 3, 5]
    assert read.rows == []
    assert [*under_way._known] == [2, 3, 5], "what has ended is not remembered"


async def test_what_comes_back_is_read_again(stage: Stage) -> None:
    read = Read(stage)
    under_way = UnderWay(read)
    await keep(stage, a_generation(1, S.DELIVERING))
    await under_way.look()
    await change(stage, status=S.UNDELIVERABLE)
    assert await under_way.look() == []
    await change(stage, status=S.DELIVERING)
    assert [one.status for one in await under_way.look()] == [S.DELIVERING]
    assert read.rows == [1, 1]


async def test_a_page_is_read_at_a_time(stage: Stage) -> None:
    read = Read(stage)
    count = 2 * PAGE + 1
    await keep(stage, *(a_generation(number, S.QUEUED) for number in range(1, count + 1)))
    assert len(await UnderWay(read).look()) == count
    assert [len(page) for page in read.pages] == [PAGE, PAGE, 1]


async def test_who_looks_at_the_same_time_reads_nothing_twice(stage: Stage) -> None:
    read = Read(stage)
    under_way = UnderWay(read)
    await keep(stage, *(a_generation(number, S.QUEUED) for number in (1, 2)))
    found = await asyncio.gather(*(under_way.look() for _ in range(5)))
    assert all([one.id for one in looked] == [1, 2] for looked in found)
    assert read.rows == [1, 2]


async def test_what_ends_while_it_is_read_is_not_under_way(stage: Stage) -> None:
    class Ending(Read):
        async def some(self, ids: Collection[int]) -> tuple[Generation, ...]:
            await change(stage, status=S.FAILED)
            return await super().some(ids)

    await keep(stage, *(a_generation(number, S.PROCESSING) for number in (1, 2)))
    assert [one.id for one in await UnderWay(Ending(stage)).look()] == [2]


def test_a_brief_says_what_the_row_says() -> None:
    entered = {"queued": NOW, "submitting": NOW + timedelta(seconds=1), "processing": NOW + timedelta(seconds=2)}
    row = a_generation(7, S.PROCESSING, plan=a_plan(model="m", expected_s=(3.0, 4.0)), entered=entered, revision=5)
    told = brief(row)
    assert (told.id, told.revision, told.status, told.person_id, told.key) == (
        7,
        5,
        S.PROCESSING,
        row.requester.id,
        row.key,
    )
    assert (told.queued_at, told.begun_at, told.since) == tuple(entered.values())
    assert told.queued_at.tzinfo is UTC
    assert (told.model, told.expected_s, told.due_at) == ("m", (3.0, 4.0), None)
    assert (told.cancel_requested, told.told_late) == (False, False)
    assert brief(replace(row, cancel_requested=True)).cancel_requested
    assert brief(replace(row, told_late=True)).told_late
    bare = brief(replace(row, plan=None, entered={}, created_at=NOW - timedelta(1), updated_at=NOW, due_at=NOW))
    assert (bare.model, bare.expected_s, bare.due_at) == ("", None, NOW)
    assert (bare.queued_at, bare.begun_at, bare.since) == (NOW - timedelta(1), NOW, NOW)


@pytest.mark.parametrize("status", sorted(RUNNING))
@pytest.mark.parametrize(
    ("due", "waits"),
    [
        (None, False),
        (timedelta(0), False),
        (timedelta(seconds=1), True),
        (LONGEST_PUT_OFF, True),
        (LONGEST_PUT_OFF + timedelta(seconds=1), False),
    ],
)
def test_only_a_clip_that_is_to_be_brought_is_put_off(status: S, due: timedelta | None, waits: bool) -> None:
    row = a_generation(1, status, due_at=None if due is None else NOW + due)
    assert brief(row).put_off(NOW) == (waits and status is S.DELIVERING)
