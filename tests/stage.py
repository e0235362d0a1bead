"""The product put together for tests: real core, real SQLite, real clips; a fake platform, provider and clock."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from adapters.engine.embedded import EmbeddedEngine
from adapters.pyav import PyAVMedia
from adapters.rules import RulesDialogueModel
from core.admission import Admission, Capacity
from core.catalogue import Catalogue, load_catalogue
from core.collecting import Collector
from core.conversation import owner_of
from core.delivering import Deliverer
from core.dialogue import Dialogue
from core.generation import ADMITTED, Generation
from core.intake import Intake
from core.messages import Attachment, ConversationKey, Message, Person, Press
from core.offers import Offers
from core.outbox import Outbox
from core.pipeline import Pipeline
from core.planning import Terms
from core.ports import DialogueModel, VideoProvider
from core.progress import Progress
from core.readers import Readers
from core.upkeep import Upkeep
from storage.clips import ObjectClipStore
from storage.migrations import upgrade
from storage.store import SqlStore
from tests.clock import FakeClock
from tests.fakes import FakePlatform, FakeVideoProvider, Shown

ANN = Person(id="fake:ann", name="Ann", language="en")
BOB = Person(id="fake:bob", name="Bob", language="en")
HERE = ConversationKey(platform="fake", chat="1")


class Stage:
    """One installation under test, and the people who talk to it."""

    def __init__(self, folder: Path, store: SqlStore, clock: FakeClock, **options: object) -> None:
        self.folder = folder
        self.store = store
        self.clock = clock
        self.platform = FakePlatform()
        self.provider = FakeVideoProvider()
        self._events = itertools.count(1)
        self.wire()

    def wire(
        self,
        *,
        model: DialogueModel | None = None,
        terms: Terms | None = None,
        capacity: Capacity | None = None,
        catalogue: Catalogue | None = None,
        providers: dict[str, VideoProvider] | None = None,
        link: Callable[[str], str] = lambda name: "",
    ) -> None:
        """Put the parts together; again for a program that was started anew over the same rows."""
        store, clock = self.store, self.clock
        catalogue = catalogue or load_catalogue()
        rules = RulesDialogueModel()
        platforms = {self.platform.name: self.platform}
        offered = providers or {self.provider.name: self.provider}
        self.clips = ObjectClipStore(str(self.folder / "media"))
        self.outbox = Outbox(rows=store, platforms=platforms, clock=clock)
        self.readers = Readers(model or rules, rules, catalogue=catalogue, timeout_s=5.0)
        self.offers = Offers(
            catalogue=catalogue,
            providers=tuple(offered),
            terms=terms or Terms(storyboard_providers=frozenset({"animatic"})),
            generations=store,
            clock=clock,
            link=lambda name, until: link(name),
            link_valid=timedelta(days=7),
        )
        collector = Collector(clips=self.clips, media=PyAVMedia(), folder=self.folder / "work")
        self.pipeline = Pipeline(
            generations=store,
            providers=offered,
            readers=self.readers,
            collector=collector,
            deliverer=Deliverer(platforms=platforms, collector=collector, offers=self.offers, clock=clock),
            outbox=self.outbox,
            freed=lambda: self.admission.admit(),
            clock=clock,
            poll_min_s=2.0,
            poll_max_s=20.0,
        )
        self.engine = EmbeddedEngine(self.pipeline.produce, self.pipeline.wake, clock=clock)
        self.admission = Admission(
            generations=store,
            engine=self.engine,
            catalogue=catalogue,
            capacity=capacity or Capacity(overall=4, per_person=4),
            clock=clock,
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
            platforms=platforms,
            outbox=self.outbox,
            fraction=self.pipeline.fraction,
            every=timedelta(seconds=5),
            clock=clock,
        )
        self.dialogue = Dialogue(
            inbox=store,
            generations=store,
            platforms=platforms,
            clips=self.clips,
            intake=Intake(platforms=platforms, clips=self.clips, folder=self.folder / "intake"),
            readers=self.readers,
            offers=self.offers,
            outbox=self.outbox,
            started=self._started,
            woken=self.engine.wake,
            clock=clock,
        )

    async def _started(self, generation_id: int) -> None:
        await self.admission.admit()
        row = await self.store.generation(generation_id)
        if row is not None and row.status in ADMITTED:
            await self.engine.start(generation_id)

    async def stop(self) -> None:
        """Stop everything, as a program does that ends."""
        await self.dialogue.stop()
        await self.engine.stop()
        await self.outbox.stop()

    async def say(
        self,
        text: str,
        *,
        person: Person = ANN,
        key: ConversationKey = HERE,
        command: str = "",
        reply_to: str = "",
        attachments: tuple[Attachment, ...] = (),
        private: bool = True,
        addressed: bool = True,
        edits: str = "",
        settle: bool = True,
    ) -> str:
        """A person writes; returns the message's id once it is answered."""
        number = next(self._events)
        message = Message(
            event_id=f"event-{number}",
            key=key,
            id=edits or f"m{number}",
            sender=person,
            text=text,
            sent_at=self.clock.now(),
            private=private,
            addressed=addressed,
            command=command,
            reply_to=reply_to,
            attachments=attachments,
            edited=bool(edits),
        )
        await self.dialogue.receive(message)
        if settle:
            await self.dialogue.settled(key)
        return message.id

    async def press(
        self, shown: Shown, label: str, *, person: Person = ANN, key: ConversationKey = HERE, private: bool = True
    ) -> None:
        """A person taps the button whose label begins so."""
        await self.press_raw(shown.id, shown.button(label).action, person=person, key=key, private=private)

    async def press_raw(
        self,
        message_id: str,
        action: str,
        *,
        person: Person = ANN,
        key: ConversationKey = HERE,
        private: bool = True,
        event_id: str = "",
    ) -> None:
        """A press, also one made up by hand."""
        press = Press(
            event_id=event_id or f"event-{next(self._events)}",
            key=key,
            id=message_id,
            sender=person,
            action=action,
            sent_at=self.clock.now(),
            private=private,
        )
        await self.dialogue.receive(press)
        await self.dialogue.settled(key)

    async def generation(self, generation_id: int = 1) -> Generation:
        """The row as it is now."""
        found = await self.store.generation(generation_id)
        assert found is not None
        return found

    async def finished(self, generation_id: int = 1, key: ConversationKey = HERE) -> Generation:
        """The row when nobody works on it any more, and everything is said."""
        await self.engine.settled(generation_id)
        await self.outbox.settled(key)
        return await self.generation(generation_id)

    async def conversation(self, key: ConversationKey = HERE, person: Person = ANN) -> str:
        """The person's current conversation."""
        found = await self.store.current(key, owner_of(key, person.id))
        assert found is not None
        return found


@asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[Stage]:
    """A stage over a fresh database in `folder`."""
    url = f"sqlite:///{folder / 'reelbot.db'}"
    await upgrade(url)
    store = SqlStore(url)
    await store.open()
    async with FakeClock() as clock:
        stage = Stage(folder, store, clock)
        try:
            yield stage
        finally:
            await stage.stop()
            await store.close()
