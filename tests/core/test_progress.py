"""Status messages kept up to date: what shows how it is going never comes after what says how it ended."""

from __future__ import annotations

from core.generation import Generation
from core.generation import GenerationStatus as S
from tests.core.test_pipeline import Hanging, change, running, statuses
from tests.stage import HERE, Stage


async def shown_by_a_late_tick(stage: Stage, read: tuple[Generation, ...] = ()) -> bool:
    """Whether the status message was edited by a clock whose list was read some seconds ago."""
    rows = read or await stage.store.with_status(S.PROCESSING)

    class Behind:
        def __getattr__(self, name: str) -> object:
            return getattr(stage.store, name)

        async def with_status(self, *statuses: str) -> tuple[Generation, ...]:
            return rows

    (before,) = statuses(stage)
    stage.clock.advance(10)
    stage.product.progress._generations = Behind()  # type: ignore[assignment]
    await stage.product.progress.tick()
    (after,) = statuses(stage)
    return after.text != before.text


async def waiting(stage: Stage) -> None:
    """One generation that is being filmed, and everything said."""
    stage.provider = Hanging()
    stage.wire()
    await running(stage)
    await stage.product.outbox.settled(HERE)


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
