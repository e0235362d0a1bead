"""A clip on its way into the clip store: what is done beside what, and what stays of a clip that is not good."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path

import pytest

from core import texts
from core.collecting import Collector
from core.errors import TemporaryError, UnplayableClip
from core.generation import GenerationStatus as S
from core.inspection import ClipFacts
from tests.core.money_ports import Gauge, Shelf
from tests.core.test_generation import a_generation, an_order, keep
from tests.core.test_pipeline import change
from tests.fakes import FakeVideoProvider
from tests.stage import Stage

FACTS = ClipFacts(
    duration_s=8, width=1280, height=720, fps=24, video_codec="h264", dark_fraction=0, frozen_fraction=0, size_bytes=9
)
NO_LIMIT = 1 << 40
NO_VIDEO = b"<html>no</html>"


class Filmed(FakeVideoProvider):
    """Hands out a clip that `Gauge` can measure."""

    async def fetch(self, operation: str, location: str, destination: Path) -> None:
        destination.write_text(json.dumps(asdict(FACTS)))


class Garbled(FakeVideoProvider):
    """Hands out something else."""

    async def fetch(self, operation: str, location: str, destination: Path) -> None:
        destination.write_bytes(NO_VIDEO)


class SlowShelf(Shelf):
    """Takes a file only when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()
        self.let = asyncio.Event()

    async def put(self, path: Path, name: str) -> None:
        self.begun.set()
        await self.let.wait()
        await super().put(path, name)


class AwayShelf(Shelf):
    """Does not answer for some time."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    async def put(self, path: Path, name: str) -> None:
        self.times -= 1
        if self.times >= 0:
            raise TemporaryError("the bucket is away")
        await super().put(path, name)


class WaitingGauge(Gauge):
    """Measures nothing before the store has begun to take the clip, and lets it go on then."""

    def __init__(self, shelf: SlowShelf) -> None:
        self._shelf = shelf

    async def probe(self, path: Path, *, poster: Path | None = None) -> ClipFacts:
        await self._shelf.begun.wait()
        facts = await super().probe(path, poster=poster)
        self._shelf.let.set()
        return facts


async def test_the_store_takes_the_clip_while_it_is_measured(tmp_path: Path) -> None:
    shelf = SlowShelf()
    collector = Collector(clips=shelf, media=WaitingGauge(shelf), folder=tmp_path)
    generation = a_generation(12, S.DOWNLOADING, order=an_order())
    fetched = await asyncio.wait_for(collector.fetch(generation, Filmed()), 2.0)
    assert fetched.kept
    clip = await collector.keep(generation, fetched, NO_LIMIT)
    assert {*shelf.files} == {"v12/clip.mp4", "v12/poster.jpg"} == {clip.name, clip.poster}
    assert shelf.files["v12/poster.jpg"] == b"poster"


async def test_a_store_that_was_away_meanwhile_is_asked_once_more(tmp_path: Path) -> None:
    shelf = AwayShelf(times=1)
    collector = Collector(clips=shelf, media=Gauge(), folder=tmp_path)
    generation = a_generation(12, S.DOWNLOADING, order=an_order())
    fetched = await collector.fetch(generation, Filmed())
    assert not fetched.kept
    await collector.keep(generation, fetched, NO_LIMIT)
    assert "v12/clip.mp4" in shelf.files


async def test_a_store_that_stays_away_is_no_verdict_on_the_clip(tmp_path: Path) -> None:
    collector = Collector(clips=AwayShelf(times=9), media=Gauge(), folder=tmp_path)
    generation = a_generation(12, S.DOWNLOADING, order=an_order())
    fetched = await collector.fetch(generation, Filmed())
    assert fetched.facts == FACTS
    with pytest.raises(TemporaryError, match="away"):
        await collector.keep(generation, fetched, NO_LIMIT)


async def test_what_cannot_be_played_is_said_though_the_store_is_away(tmp_path: Path) -> None:
    collector = Collector(clips=AwayShelf(times=9), media=Gauge(), folder=tmp_path)
    with pytest.raises(UnplayableClip):
        await collector.fetch(a_generation(12, S.DOWNLOADING, order=an_order()), Garbled())


async def test_discarding_forgets_what_is_there_and_minds_nothing_that_is_not(tmp_path: Path) -> None:
    class Lost(Shelf):
        async def delete(self, name: str) -> None:
            raise TemporaryError("the bucket is away")

    for shelf, left in ((Shelf(), set[str]()), (Lost(), {"v12/clip.mp4"})):
        collector = Collector(clips=shelf, media=Gauge(), folder=tmp_path)
        generation = a_generation(12, S.DOWNLOADING, order=an_order())
        await collector.fetch(generation, Filmed())
        await collector.discard(generation)
        assert {*shelf.files} == left
        assert collector.leftovers() == ()
        await collector.discard(generation)


# --- through the pipeline --------------------------------------------------------------------------------------------


async def test_nothing_is_kept_of_a_clip_that_is_not_good(stage: Stage) -> None:
    stage.provider = Garbled()
    stage.wire()
    await stage.say("a red fox trotting through fresh snow at sunrise, cinematic, 4 seconds")
    await stage.press(stage.platform.with_button("Make it"), "Make it")
    row = await stage.finished()
    assert row.reason == texts.endings.UNPLAYABLE
    assert await stage.clips.size("v1/clip.mp4") is None


async def test_a_clip_that_somebody_else_went_on_with_is_theirs(stage: Stage) -> None:
    class Overtaken(Garbled):
        async def fetch(self, operation: str, location: str, destination: Path) -> None:
            await super().fetch(operation, location, destination)
            await change(stage, status=S.COMPLETED)

    stage.provider = Overtaken()
    stage.wire()
    await keep(stage, a_generation(status=S.DOWNLOADING, order=an_order(location="there")))
    await stage.product.pipeline.produce(1)
    assert (await stage.generation(1)).status is S.COMPLETED
    assert await stage.clips.size("v1/clip.mp4") == len(NO_VIDEO)
