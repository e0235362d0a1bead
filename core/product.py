"""The product, put together from its ports: the one place where the parts of core meet.

The program and the tests both build it here; what stands behind the ports is theirs to choose.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from core.admission import Admission, Capacity
from core.catalogue import Catalogue
from core.collecting import Collector
from core.delivering import Deliverer
from core.dialogue import Dialogue
from core.generation import ADMITTED, RUNNING
from core.intake import Intake
from core.messages import ConversationKey
from core.offers import Link, Offers
from core.outbox import Outbox
from core.pipeline import Pipeline
from core.planning import Terms
from core.ports import (
    ClipStore,
    Clock,
    DialogueModel,
    Engine,
    Generations,
    Inbox,
    Media,
    OutboxRows,
    Platform,
    VideoProvider,
)
from core.progress import Progress
from core.readers import Readers
from core.upkeep import Upkeep


class Store(Inbox, Generations, OutboxRows, Protocol):
    """Everything that lasts, in one database."""


class RunningEngine(Engine, Protocol):
    """An engine that runs in this process."""

    async def settled(self, generation_id: int) -> None:
        """Return when nobody in this process works on it any more."""
        ...

    async def stop(self) -> None:
        """End all work; the rows say where to go on."""
        ...


MakeEngine = Callable[[Callable[[int], Awaitable[None]], Callable[[int], None]], RunningEngine]
"""Makes an engine from what produces a generation and what wakes one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What stands behind the ports, and the settings that core needs."""

    store: Store
    clips: ClipStore
    media: Media
    platforms: Mapping[str, Platform]
    providers: Mapping[str, VideoProvider]
    """The providers set up, the preferred one first."""
    model: DialogueModel
    fallback: DialogueModel
    catalogue: Catalogue
    clock: Clock
    folder: Path
    """For files under way."""
    terms: Terms = field(default_factory=Terms)
    capacity: Capacity = field(default_factory=lambda: Capacity(overall=4, per_person=2))
    dialogue_timeout_s: float = 16.0
    """What the first dialogue model may take in all, its repair included."""
    poll_min_s: float = 2.0
    poll_max_s: float = 20.0
    progress_every: timedelta = timedelta(seconds=5)
    album_wait_s: float = 2.5
    """How long to wait for the other pictures of an album."""
    turns_per_minute: int = 0
    """How many turns of one person are read in a minute; 0 for any number."""
    link: Link = lambda name, until: ""
    link_valid: timedelta = timedelta(days=7)


class Product:
    """The dialogue, the pipeline and everything between."""

    def __init__(self, parts: Parts, make_engine: MakeEngine, *, works: bool = True, listens: bool = True) -> None:
        """`works`: whether generations run in this process, or only in others over the same rows; `listens`: whether
        people are heard, and answered, here."""
        store, clock = parts.store, parts.clock
        self._store = store
        self._clock = clock
        self._works = works
        self.outbox = Outbox(rows=store, platforms=parts.platforms, clock=clock, sends=listens)
        readers = Readers(parts.model, parts.fallback, catalogue=parts.catalogue, timeout_s=parts.dialogue_timeout_s)
        self.offers = Offers(
            catalogue=parts.catalogue,
            providers=tuple(parts.providers),
            terms=parts.terms,
            generations=store,
            clock=clock,
            link=parts.link,
            link_valid=parts.link_valid,
        )
        collector = Collector(clips=parts.clips, media=parts.media, folder=parts.folder / "work")
        self.pipeline = Pipeline(
            generations=store,
            providers=parts.providers,
            readers=readers,
            collector=collector,
            deliverer=Deliverer(platforms=parts.platforms, collector=collector, offers=self.offers, clock=clock),
            outbox=self.outbox,
            freed=self._admit,
            clock=clock,
            poll_min_s=parts.poll_min_s,
            poll_max_s=parts.poll_max_s,
        )
        self.engine = make_engine(self.pipeline.produce, self.pipeline.wake)
        self.admission = Admission(
            generations=store, engine=self.engine, catalogue=parts.catalogue, capacity=parts.capacity, clock=clock
        )
        self.upkeep = Upkeep(
            generations=store,
            pipeline=self.pipeline,
            engine=self.engine,
            admission=self.admission,
            outbox=self.outbox,
            clock=clock,
        )
        self.progress = Progress(
            generations=store,
            platforms=parts.platforms,
            outbox=self.outbox,
            positions=self.admission.positions,
            fraction=self.pipeline.fraction,
            every=parts.progress_every,
            clock=clock,
        )
        self.dialogue = Dialogue(
            inbox=store,
            generations=store,
            platforms=parts.platforms,
            clips=parts.clips,
            intake=Intake(platforms=parts.platforms, clips=parts.clips, folder=parts.folder / "intake"),
            readers=readers,
            offers=self.offers,
            outbox=self.outbox,
            started=self._started,
            woken=self.engine.wake,
            album_wait_s=parts.album_wait_s,
            turns_per_minute=parts.turns_per_minute,
            clock=clock,
        )

    async def recover(self) -> None:
        """At start: take up whatever an earlier run left behind."""
        if self._works:
            await self.pipeline.tidy()
            await self.work()

    async def listen(self) -> None:
        """A gateway's sweep: answer what waits, say what is to be said, end what has lapsed."""
        await self.dialogue.sweep()
        await self.outbox.sweep()
        await self.upkeep.expire()

    async def work(self) -> None:
        """A worker's sweep: go on with what is under way, start what waits, say what is to be said."""
        await self.upkeep.work()
        await self.outbox.sweep()

    async def idle(self, key: ConversationKey) -> None:
        """Return when nothing is queued or running for this place any more, and everything is said."""
        while True:
            await self.dialogue.settled(key)
            running = [row for row in await self._store.with_status(*RUNNING) if row.key == key]
            if not running:
                await self.outbox.settled(key)
                return
            await self.engine.settled(running[0].id)
            await self._clock.sleep(0.05)

    async def stop(self, within_s: float) -> None:
        """Stop everything; answers to orders under way are waited for so long, in seconds."""
        self._works = False
        await self.dialogue.drain(within_s)
        await self.dialogue.stop()
        await asyncio.gather(self.pipeline.drain(within_s), self.outbox.drain(within_s))
        await self.engine.stop()
        await self.outbox.stop()

    async def _admit(self) -> None:
        if self._works:
            await self.admission.admit()

    async def _started(self, generation_id: int) -> None:
        if not self._works:
            return
        await self.admission.admit()
        row = await self._store.generation(generation_id)
        if row is not None and row.status in ADMITTED:
            await self.engine.start(generation_id)
