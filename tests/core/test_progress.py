"""Status messages kept up to date: what shows how it is going never comes after what says how it ended."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Collection, Mapping
from dataclasses import replace

from core.admission import Capacity
from core.generation import Generation
from core.generation import GenerationStatus as S
from core.ports import Running
from tests.clock import FakeClock
from tests.core.test_generation import a_generation, a_plan, an_order, keep
from tests.core.test_pipeline import FOR_EVER, Hanging, change, ordered, running, statuses
from tests.stage import HERE, Stage


class Behind:
    """What is under way as it was when it was read."""

    def __init__(self, rows: tuple[Generation, ...]) -> None:
        self._rows = rows

    async def some(self, ids: Collection[int]) -> tuple[Generation, ...]:
        return tuple(row for row in self._rows if row.id in ids)

    async def revisions(self, *statuses: str) -> Mapping[int, int]:
        return {row.id: row.revision for row in self._rows}


async def shown_by_a_late_tick(stage: Stage, read: tuple[Generation, ...] = ()) -> bool:
    """Whether the status message was edited by a clock whose list was read some seconds ago."""
    (before,) = statuses(stage)
    stage.clock.advance(10)
    stage.product.under_way._generations = Behind(read or await stage.store.with_status(S.PROCESSING))
    await stage.product.progress.tick()
    (after,) = statuses(stage)
    return after.text != before.text


async def waiting(stage: Stage) -> None:
    """One generation that is being filmed, and everything said; nobody sleeps, so the clock stands still."""
    stage.provider = hanging = Hanging()
    stage.wire()
    await running(stage)
    await stage.product.outbox.settled(HERE)
    await hanging.asked.wait()


async def test_what_still_runs_is_shown(stage: Stage) -> None:
    await waiting(stage)
    assert await shown_by_a_late_tick(stage)


async def test_nothing_is_shown_while_something_is_being_sent_in_the_place(stage: Stage) -> None:
    await waiting(stage)
    async with stage.product.outbox.aside(HERE) as free:
        assert free
        assert not await shown_by_a_late_tick(stage)
    async with stage.product.outbox.aside(HERE) as free:
        assert free


async def test_nothing_is_shown_once_it_has_moved_on(stage: Stage) -> None:
    await waiting(stage)
    rows = await stage.store.with_status(S.PROCESSING)
    await change(stage, status=S.COMPLETED)
    assert not await shown_by_a_late_tick(stage, rows)


class EndsMeanwhile(Behind):
    """It is still at work when it is looked at, and done when its row is read for the message."""

    async def some(self, ids: Collection[int]) -> tuple[Generation, ...]:
        rows = await super().some(ids)
        self._rows = tuple(replace(row, status=S.COMPLETED) for row in self._rows)
        return rows


async def test_what_ends_between_two_reads_is_left_alone(stage: Stage) -> None:
    await waiting(stage)
    (before,) = statuses(stage)
    stage.clock.advance(10)
    stage.product.under_way._generations = EndsMeanwhile(await stage.store.with_status(S.PROCESSING))
    stage.product.under_way._known.clear()
    await stage.product.progress.tick()
    (after,) = statuses(stage)
    assert after.text == before.text


class Read:
    """The store, with a note of which rows were read."""

    def __init__(self, stage: Stage) -> None:
        self._store = stage.store
        self.rows: list[int] = []

    async def some(self, ids: Collection[int]) -> tuple[Generation, ...]:
        self.rows += ids
        return await self._store.some(ids)

    async def revisions(self, *statuses: str) -> Mapping[int, int]:
        return await self._store.revisions(*statuses)


async def test_only_the_row_of_a_message_that_may_be_edited_is_read(stage: Stage) -> None:
    await waiting(stage)
    stage.clock.advance(5)
    await stage.product.progress.tick()
    stage.product.under_way._generations = read = Read(stage)
    await stage.product.progress.tick()
    stage.clock.advance(4.9)
    await stage.product.progress.tick()
    assert read.rows == []
    before = statuses(stage)[0].text
    stage.clock.advance(0.1)
    await stage.product.progress.tick()
    assert read.rows == [1]
    assert statuses(stage)[0].text != before


async def test_what_says_the_same_is_looked_at_now_and_then_and_at_once_when_its_row_changes(stage: Stage) -> None:
    stage.wire(capacity=Capacity(overall=0, per_person=1))
    await ordered(stage)
    await stage.product.outbox.settled(HERE)
    stage.product.under_way._generations = read = Read(stage)

    async def read_after(seconds: float) -> int:
        """How often the row was read for the message alone; for the brief it is read once for each change."""
        read.rows = []
        stage.clock.advance(seconds)
        await stage.product.under_way.look()
        read.rows = []
        await stage.product.progress.tick()
        return len(read.rows)

    assert await read_after(0) == 1
    for _ in range(2):
        assert await read_after(5) == 1
        assert [await read_after(1) for _ in range(4)] == [0] * 4
    await change(stage, cancel_requested=True)
    assert await read_after(0) == 1
    assert statuses(stage)[0].text == "v1 · Cancelling…"


async def test_nobody_keeps_the_row_of_what_is_waited_for(stage: Stage) -> None:
    """Thousands are waited for at the same time."""
    still = Stage(stage.folder, stage.store, FakeClock())
    still.provider.on_poll = [Running()] * FOR_EVER
    await keep(still, a_generation(4711, S.PROCESSING, plan=a_plan(), order=an_order()))

    async def settled() -> None:
        for _ in range(10):
            await asyncio.sleep(0.005)

    def kept() -> list[Generation]:
        gc.collect()
        return [one for one in gc.get_objects() if isinstance(one, Generation) and one.id == 4711]

    await still.product.work()
    await settled()
    assert (still.provider.polls, kept()) == (0, [])
    still.clock.advance(30)
    await settled()
    await still.product.progress.tick()
    assert (still.provider.polls, kept()) == (1, [])
    await still.stop()
