"""When it is saved that a clip is being fetched, and what a cancel that comes meanwhile does."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.pyav import PyAVMedia
from core.collecting import Collector
from core.errors import PermanentError, TemporaryError
from core.fetching import Fetcher
from core.generation import Generation
from core.generation import GenerationStatus as S
from core.rows import Rows
from core.waits import Waits
from tests.core.test_generation import a_generation, a_plan, an_order, keep
from tests.core.test_pipeline import an_order_like, change, reached
from tests.fakes import FakeVideoProvider
from tests.stage import Stage


class SlowFetch(FakeVideoProvider):
    """Hands out a clip only when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()
        self.let = asyncio.Event()

    async def fetch(self, operation: str, location: str, destination: Path) -> None:
        self.begun.set()
        await self.let.wait()
        await super().fetch(operation, location, destination)


async def filming(stage: Stage, provider: FakeVideoProvider | None = None) -> Generation:
    """A clip of four seconds is being made, and finished at the first look."""
    stage.provider = provider or FakeVideoProvider()
    stage.wire()
    stage.provider.orders.append(an_order_like())
    await keep(stage, a_generation(status=S.PROCESSING, order=an_order(), plan=a_plan(duration_s=4)))
    return await stage.generation(1)


def seen_as_finished(row: Generation) -> Generation:
    """The row as the watcher leaves it."""
    assert row.order is not None
    return replace(row, order=replace(row.order, location="there"))


def fetcher(stage: Stage, *, soon_s: float) -> Fetcher:
    """One over the stage's rows and clips."""
    return Fetcher(
        rows=Rows(generations=stage.store, outbox=stage.product.outbox, clock=stage.clock),
        collector=Collector(clips=stage.clips, media=PyAVMedia(), folder=stage.folder / "work"),
        waits=Waits(stage.clock),
        limit=lambda generation: 1 << 40,
        clock=stage.clock,
        soon_s=soon_s,
    )


async def test_what_is_fetched_at_once_is_saved_with_both_moves(stage: Stage) -> None:
    before = await filming(stage)
    await stage.product.work()
    row = await stage.finished()
    assert row.status is S.COMPLETED
    assert [*row.entered][-3:] == [S.DOWNLOADING, S.DELIVERING, S.COMPLETED]
    assert row.revision - before.revision == 3, "with its clip, announced, delivered"


async def test_what_takes_longer_is_saved_as_being_fetched(stage: Stage) -> None:
    provider = SlowFetch()
    row = await filming(stage, provider)
    seen = seen_as_finished(row)
    task = asyncio.create_task(fetcher(stage, soon_s=0.0).fetch(seen, provider))
    shown = await reached(stage, S.DOWNLOADING)
    assert shown.order is not None
    assert shown.order.location == "there"
    provider.let.set()
    assert (await task).status is S.DELIVERING


@pytest.mark.parametrize("error", [TemporaryError(retry_after=1.0), PermanentError("no")])
async def test_what_cannot_be_had_at_first_is_saved_as_being_fetched(stage: Stage, error: Exception) -> None:
    provider = FakeVideoProvider(on_fetch=[error])
    row = await filming(stage, provider)
    saved = await fetcher(stage, soon_s=60.0).fetch(seen_as_finished(row), provider)
    assert saved.status is S.DELIVERING
    assert saved.revision - row.revision == 2, "as being fetched, and with its clip"


async def test_after_a_crash_while_it_was_fetched_the_service_is_looked_at_once_more(stage: Stage) -> None:
    provider = SlowFetch()
    await filming(stage, provider)
    await stage.product.work()
    await asyncio.wait_for(provider.begun.wait(), 2.0)
    assert (await stage.generation(1)).status is S.PROCESSING
    await stage.stop()
    provider.let.set()
    looks = provider.polls
    stage.wire()
    await stage.product.work()
    assert (await stage.finished()).status is S.COMPLETED
    assert provider.polls == looks + 1
    assert stage.platform.deliveries == 1


async def test_a_cancel_that_comes_while_it_is_fetched_is_answered_and_the_clip_delivered(stage: Stage) -> None:
    provider = SlowFetch()
    await filming(stage, provider)
    await stage.product.work()
    await asyncio.wait_for(provider.begun.wait(), 2.0)
    await change(stage, cancel_requested=True)
    provider.let.set()
    row = await stage.finished()
    assert (row.status, row.cancel_requested, row.unstoppable) == (S.COMPLETED, False, True)
    assert stage.platform.transcript().count("cannot stop v1 any more") == 1
    assert provider.cancelled == []
    assert row.order is not None
    assert row.order.location == "there"
