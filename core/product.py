"""The product, put together from its ports: the one place where the parts of core meet.

The program and the tests both build it here; what stands behind the ports is theirs to choose.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from core.admission import Admission, Capacity
from core.approvers import Approvers
from core.catalogue import Catalogue
from core.claiming import Alone
from core.collecting import Collector
from core.delivering import Deliverer
from core.dialogue import Dialogue
from core.generation import ADMITTED, RUNNING, GenerationStatus
from core.intake import Intake
from core.messages import ConversationKey
from core.news import News
from core.offers import Link, Offers
from core.outbox import Outbox
from core.pipeline import Pipeline
from core.planning import Terms
from core.ports import Claims, ClipStore, Clock, DialogueModel, Engine, Media, Pace, Platform, VideoProvider
from core.progress import Progress
from core.queueing import Forecast
from core.readers import Readers
from core.repositories import Generations, Inbox, OutboxRows
from core.reviewing import Reviewing
from core.under_way import UnderWay
from core.upkeep import Upkeep

log = logging.getLogger("reelbot.product")

SWEEP_WITHIN_S = 60.0
"""How long one sweep may take before another process may lead."""
ADMIT_WITHIN_S = 5.0
"""How long somebody who has tapped waits for other processes that let people in."""


class Store(Inbox, Generations, OutboxRows, Protocol):
    """Everything that lasts, in one database."""


class RunningEngine(Engine, Protocol):
    """An engine that runs in this process."""

    async def open(self) -> None:
        """Begin to take up what is started. Raises TemporaryError when what it needs is away."""
        ...

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
    pace: Pace | None = None
    """How fast all processes go together; None where only one listens."""
    link: Link = lambda name, until: ""
    link_valid: timedelta = timedelta(days=7)
    claims: Claims = field(default_factory=Alone)
    """Who works on what, where several processes share the rows."""
    shared: bool = False
    """Whether there may be any number of such processes, all of which claim what they work on; otherwise one listens
    and one works."""


class Product:
    """The dialogue, the pipeline and everything between."""

    def __init__(self, parts: Parts, make_engine: MakeEngine, *, works: bool = True, listens: bool = True) -> None:
        """`works`: whether generations run in this process, or only in others over the same rows; `listens`: whether
        people are heard, and answered, here."""
        store, clock = parts.store, parts.clock
        self._store = store
        self._clock = clock
        self._claims = parts.claims
        self._platforms = tuple(parts.platforms)
        self._leading = asyncio.Lock()
        self._stopping = False
        self._works = works
        self._admits = works or parts.shared
        self.outbox = Outbox(
            rows=store,
            platforms=parts.platforms,
            claims=parts.claims,
            clock=clock,
            sends=listens or parts.shared,
            shared=parts.shared,
        )
        readers = Readers(parts.model, parts.fallback, catalogue=parts.catalogue, timeout_s=parts.dialogue_timeout_s)
        approvers = Approvers(listed=parts.terms.approval.approvers, platforms=parts.platforms, clock=clock)
        self.offers = Offers(
            catalogue=parts.catalogue,
            providers=tuple(parts.providers),
            terms=parts.terms,
            generations=store,
            clock=clock,
            approvers=approvers,
            link=parts.link,
            link_valid=parts.link_valid,
        )
        collector = Collector(clips=parts.clips, media=parts.media, folder=parts.folder / "work")
        self.pipeline = Pipeline(
            generations=store,
            providers=parts.providers,
            readers=readers,
            collector=collector,
            reviewing=Reviewing(
                generations=store,
                platforms=parts.platforms,
                collector=collector,
                approvers=approvers,
                offers=self.offers,
                outbox=self.outbox,
                clock=clock,
            ),
            deliverer=Deliverer(platforms=parts.platforms, collector=collector, offers=self.offers, clock=clock),
            outbox=self.outbox,
            freed=self._admit,
            clock=clock,
            poll_min_s=parts.poll_min_s,
            poll_max_s=parts.poll_max_s,
        )
        self.engine = make_engine(self._produce, self.pipeline.wake)
        self.under_way = UnderWay(store)
        self.admission = Admission(
            generations=store,
            under_way=self.under_way,
            engine=self.engine,
            catalogue=parts.catalogue,
            capacity=parts.capacity,
            claims=parts.claims,
            clock=clock,
        )
        self.upkeep = Upkeep(
            generations=store,
            under_way=self.under_way,
            pipeline=self.pipeline,
            engine=self.engine,
            admission=self.admission,
            outbox=self.outbox,
            clock=clock,
            budget=parts.terms.budget,
        )
        forecast = Forecast(generations=store, catalogue=parts.catalogue, capacity=parts.capacity, clock=clock)
        self.progress = Progress(
            generations=store,
            under_way=self.under_way,
            platforms=parts.platforms,
            outbox=self.outbox,
            starts=forecast.starts,
            fraction=self.pipeline.fraction,
            every=parts.progress_every,
            clock=clock,
        )
        self.news = News(generations=store, started=self._started, woken=self.engine.wake, clock=clock)
        self.dialogue = Dialogue(
            inbox=store,
            generations=store,
            platforms=parts.platforms,
            clips=parts.clips,
            intake=Intake(platforms=parts.platforms, clips=parts.clips, folder=parts.folder / "intake"),
            readers=readers,
            offers=self.offers,
            approvers=approvers,
            outbox=self.outbox,
            started=self._started,
            woken=self.engine.wake,
            album_wait_s=parts.album_wait_s,
            turns_per_minute=parts.turns_per_minute,
            pace=parts.pace,
            claims=parts.claims,
            clock=clock,
        )

    async def recover(self) -> None:
        """At start: take up whatever an earlier run left behind."""
        if self._works:
            await self.pipeline.tidy()
            await self.work()

    async def listen(self) -> None:
        """A gateway's sweep: answer what waits, say what is to be said, end what has lapsed. Of several gateways one
        does it."""
        async with self._sweeping("gateways") as leads:
            if leads:
                await self._listen()

    async def _listen(self) -> None:
        await self.dialogue.sweep()
        await self.outbox.sweep()
        await self.upkeep.expire()

    async def work(self) -> None:
        """A worker's sweep: go on with what is under way, start what waits, say what is to be said. Of several workers
        one does it."""
        async with self._sweeping("workers") as leads:
            if leads:
                await self._work()

    async def _work(self) -> None:
        await self.upkeep.work()
        await self.outbox.sweep()

    async def idle(self, key: ConversationKey) -> None:
        """Return when nothing is queued or running for this place any more, and everything is said."""
        while True:
            await self.dialogue.settled(key)
            rows = await self._store.with_status(*RUNNING)
            running = [row for row in rows if row.key == key and not row.with_reviewers]
            if not running:
                await self.outbox.settled(key)
                return
            await self.engine.settled(running[0].id)
            await self._clock.sleep(0.05)

    async def stop(self, within_s: float) -> None:
        """Stop everything; answers to orders under way are waited for so long, in seconds."""
        self._works = self._admits = False
        self._stopping = True
        async with self._leading:
            for what in ("gateways", "workers"):
                await self._claims.give_back(self._lead(what))
        await self.dialogue.drain(within_s)
        await self.dialogue.stop()
        await asyncio.gather(self.pipeline.drain(within_s), self.outbox.drain(within_s))
        await self.engine.stop()
        await self.outbox.stop()

    async def show_progress(self) -> None:
        """Bring status messages up to date; one worker does it for all."""
        async with self._sweeping("workers") as leads:
            if leads:
                await self.progress.tick()

    @asynccontextmanager
    async def _sweeping(self, what: str) -> AsyncIterator[bool]:
        """Around a sweep: whether this process is the one that does it. Another with the same platforms takes over when
        it is gone, or when a sweep of its own hangs."""
        name = self._lead(what)
        try:
            async with asyncio.timeout(SWEEP_WITHIN_S):
                yield await self._leads(name)
        except TimeoutError:
            log.warning("sweep.hangs", extra={"sweep": name})
            await self._claims.give_back(name)

    async def _leads(self, name: str) -> bool:
        async with self._leading:
            if self._stopping:
                return False
            if self._claims.holds(name):
                return True
            await self._claims.give_back(name)  # it may have been held on a connection that was cut
            return await self._claims.take(name)

    def _lead(self, what: str) -> str:
        return f"sweep {what} of {'+'.join(sorted(self._platforms))}"

    async def _produce(self, generation_id: int) -> None:
        """What the engine runs. What is left undone because a stop has begun does not count as done: the engine hands
        it on when it is stopped itself."""
        if not self._stopping:
            await self.pipeline.produce(generation_id)
        if self._stopping:
            await asyncio.Event().wait()

    async def _admit(self) -> None:
        """Let in who is next, unless another process takes long over that: the clock's sweep does it as well."""
        if not self._admits:
            return
        try:
            async with asyncio.timeout(ADMIT_WITHIN_S):
                await self.admission.admit()
        except TimeoutError:
            log.warning("admission.waits")

    async def _started(self, generation_id: int) -> None:
        if not self._admits:
            return
        await self._admit()
        row = await self._store.generation(generation_id)
        if row is not None and (row.status in ADMITTED or row.status is GenerationStatus.PENDING_REVIEW):
            await self.engine.start(generation_id)
