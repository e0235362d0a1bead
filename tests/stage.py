"""The product put together for tests: real core, real SQLite, real clips; a fake platform, provider and clock."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from adapters.engine.embedded import EmbeddedEngine
from adapters.pyav import PyAVMedia
from adapters.rules import RulesDialogueModel
from core.admission import Capacity
from core.catalogue import Catalogue, load_catalogue
from core.claiming import Alone
from core.conversation import owner_of
from core.generation import Generation
from core.messages import Attachment, ConversationKey, Message, Person, Press
from core.offers import Link
from core.planning import Terms
from core.ports import Claims, DialogueModel, Pace, VideoProvider
from core.product import Parts, Product
from storage.clips import ObjectClipStore
from storage.store import SqlStore
from tests.clock import FakeClock
from tests.fakes import FakePlatform, FakeVideoProvider, Shown
from tests.storage.sqlite import fresh_file

ANN = Person(id="fake:ann", name="Ann", language="en")
BOB = Person(id="fake:bob", name="Bob", language="en")
HERE = ConversationKey(platform="fake", chat="1")


class Stage:
    """One installation under test, and the people who talk to it."""

    def __init__(self, folder: Path, store: SqlStore, clock: FakeClock) -> None:
        self.folder = folder
        self.store = store
        self.clock = clock
        self.platform = FakePlatform()
        self.provider = FakeVideoProvider()
        self.turns_per_minute = 0
        self.pace: Pace | None = None
        self.claims: Claims = Alone()
        self._events = itertools.count(1)
        self.wire()

    def wire(
        self,
        *,
        model: DialogueModel | None = None,
        fallback: DialogueModel | None = None,
        terms: Terms | None = None,
        capacity: Capacity | None = None,
        catalogue: Catalogue | None = None,
        providers: dict[str, VideoProvider] | None = None,
        link: Link = lambda name, until: "",
        works: bool = True,
    ) -> None:
        """Put the parts together; again for a program that was started anew over the same rows."""
        rules = fallback or RulesDialogueModel()
        self.clips = ObjectClipStore(str(self.folder / "media"))
        self.product = Product(
            Parts(
                store=self.store,
                clips=self.clips,
                media=PyAVMedia(),
                platforms={self.platform.name: self.platform},
                providers=providers or {self.provider.name: self.provider},
                model=model or rules,
                fallback=rules,
                catalogue=catalogue or load_catalogue(),
                clock=self.clock,
                folder=self.folder,
                terms=terms or Terms(storyboard_providers=frozenset({"animatic"})),
                capacity=capacity or Capacity(overall=4, per_person=4),
                link=link,
                turns_per_minute=self.turns_per_minute,
                pace=self.pace,
                claims=self.claims,
            ),
            lambda produce, wake: EmbeddedEngine(produce, wake, clock=self.clock),
            works=works,
        )
        self.dialogue = self.product.dialogue

    async def stop(self) -> None:
        """Stop everything, as a program does that ends."""
        await self.product.stop(0.1)

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
        summoned: bool = False,
        rootless: bool = False,
        settle: bool = True,
    ) -> str:
        """A person writes; returns the message's id once it is answered. `rootless`: without a message of its own."""
        number = next(self._events)
        self.clock.advance(0.001)
        message = Message(
            event_id=f"event-{number}",
            key=key,
            id="" if rootless else edits or f"m{number}",
            sender=person,
            text=text,
            sent_at=self.clock.now(),
            private=private,
            addressed=addressed,
            summoned=summoned or rootless,
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
        self,
        shown: Shown,
        label: str,
        *,
        person: Person = ANN,
        key: ConversationKey = HERE,
        private: bool = True,
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
        self.clock.advance(0.001)
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
        await self.product.engine.settled(generation_id)
        await self.product.outbox.settled(key)
        return await self.generation(generation_id)

    async def conversation(self, key: ConversationKey = HERE, person: Person = ANN) -> str:
        """The person's current conversation."""
        found = await self.store.current(key, owner_of(key, person.id))
        assert found is not None
        return found


@asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[Stage]:
    """A stage over a fresh database in `folder`."""
    store = SqlStore(fresh_file(folder))
    await store.open()
    async with FakeClock() as clock:
        stage = Stage(folder, store, clock)
        try:
            yield stage
        finally:
            await stage.stop()
            await store.close()
