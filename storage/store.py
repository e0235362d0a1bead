"""The rows of Reelbot: the ports `Inbox`, `Generations` and `OutboxRows` over one database.

The statements are in `storage.saving` and `storage.loading`; connections and errors in `storage.database`; the tables
come from `storage.migrations`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from core.absence import LastAlive
from core.conversation import Conversation, Waiting
from core.events import Announce
from core.generation import Generation
from core.limits import Cap
from core.messages import ConversationKey, Incoming
from core.money import LedgerEntry
from core.repositories import Admitted, Changes, Scene, Unsent
from storage import budgets, loading, outgoing, presence, saving
from storage.backlog import Backlog, backlog
from storage.database import BUSY_TIMEOUT_S, Database, sqlite_path
from storage.events import EventStore
from storage.pace import PostgresPace


class SqlStore:
    """Rows in SQLite (`sqlite:///file`) or PostgreSQL (`postgresql://…`).

    `busy_timeout_s`: how long SQLite waits for another process that is writing. Every method raises TemporaryError when
    the database does not take it now, and PermanentError when it never will. A save that was begun is finished, also
    when its caller is cancelled.

    `announce`: what programs outside are told of a change; None where there is nobody to tell.
    """

    def __init__(self, url: str, *, busy_timeout_s: float = BUSY_TIMEOUT_S, announce: Announce | None = None) -> None:
        self._database = Database(url, busy_timeout_s=busy_timeout_s)
        self._announce = announce
        self.events = EventStore(self._database)
        """What was announced, until it is told."""
        self.pace = PostgresPace(self._database) if sqlite_path(url) is None else None
        """How fast all processes over this database send together; None with SQLite, where there is only one."""
        self.announced: Callable[[int], None] = lambda generation_id: None
        """Called for each generation that there is something new to tell about, once it is saved."""

    async def open(self) -> None:
        """Look whether the database is there, answers and has tables; `storage.migrations` makes one."""
        self._database.check_file()
        await self._database.read(loading.probe)

    async def close(self) -> None:
        """Close the connections; the store can be used no more."""
        await self._database.close()

    async def commit(self, changes: Changes) -> None:
        """Save everything in one transaction; raises StaleRow, and saves nothing, when a row was saved by somebody
        else meanwhile."""
        for generation_id in await self._database.write(saving.commit, changes, self._announce):
            self.announced(generation_id)

    # --- inbox

    async def receive(self, incoming: Incoming, now: datetime) -> bool:
        """Keep it; False when this event is known already."""
        return await self._database.write(saving.receive, incoming, now)

    async def waiting(self, key: ConversationKey) -> tuple[Waiting, ...]:
        """What waits in a place, oldest first."""
        return await self._database.glance(loading.waiting, key)

    async def waiting_keys(self) -> tuple[ConversationKey, ...]:
        """Every place where something waits, the longest waiting first."""
        return await self._database.read(loading.waiting_keys)

    async def known(self, key: ConversationKey) -> bool:
        """Whether there is a conversation in this place, or something waits that may begin one."""
        return await self._database.glance(loading.known, key)

    async def conversation_of(self, key: ConversationKey, message_id: str) -> str | None:
        """The conversation that a message of either side belongs to."""
        return await self._database.glance(loading.conversation_of, key, message_id)

    async def generation_of(self, key: ConversationKey, message_id: str) -> int | None:
        """The generation that a message of ours is about, or None."""
        return await self._database.glance(loading.generation_of, key, message_id)

    async def scene(self, conversation_id: str) -> Scene | None:
        """The conversation with every open, running or ambiguous generation and the last ten others, newest first."""
        return await self._database.glance(loading.scene, conversation_id)

    async def current(self, key: ConversationKey, owner_id: str) -> str | None:
        """The conversation that somebody's plain message in this place belongs to."""
        return await self._database.glance(loading.current, key, owner_id)

    async def conversations(self, key: ConversationKey, owner_id: str) -> tuple[Conversation, ...]:
        """Somebody's conversations in this place, latest first, at most 20."""
        return await self._database.read(loading.owned, key, owner_id)

    async def reserve_generation_ids(self, count: int) -> tuple[int, ...]:
        """Ids that nobody else gets; ids that are not used leave a gap."""
        return tuple(await self._database.write(saving.reserve, "generation", count))

    # --- generations

    async def generation(self, generation_id: int) -> Generation | None:
        """The row as it is now."""
        return await self._database.glance(loading.generation, generation_id)

    async def with_status(self, *statuses: str) -> tuple[Generation, ...]:
        """Every generation in one of these statuses, oldest first."""
        return await self._database.read(loading.with_status, *statuses)

    async def some(self, ids: Collection[int]) -> tuple[Generation, ...]:
        """These rows as they are now, oldest first, without those that do not exist; a page of them, not thousands."""
        return await self._database.read(loading.some, ids)

    async def revisions(self, *statuses: str) -> Mapping[int, int]:
        """The revision of every generation in one of these statuses, by its id, oldest first."""
        return await self._database.read(loading.revisions, *statuses)

    async def count(self, *statuses: str) -> int:
        """How many are in one of these statuses."""
        return await self._database.read(loading.count, *statuses)

    async def due(self, now: datetime, *statuses: str) -> tuple[Generation, ...]:
        """Those of them whose `due_at` has come, oldest first."""
        return await self._database.read(loading.due, now, *statuses)

    async def admitted(self, since: datetime) -> tuple[Admitted, ...]:
        """Who was let in since then, newest last, whatever became of it; of a generation that was let in again, the
        last time only."""
        return await self._database.read(loading.admitted, since)

    async def of_person(self, person_id: str, limit: int) -> tuple[Generation, ...]:
        """Somebody's generations in every place, newest first: all that are open, running or ambiguous, and the last
        `limit` finished ones."""
        return await self._database.read(loading.of_person, person_id, limit)

    async def times(self, model: str) -> tuple[float, ...]:
        """Seconds from order to finished of the model's latest 100 clips, newest first."""
        return await self._database.read(loading.times, model)

    async def message_of(self, anchor: str) -> str:
        """The platform's message that an anchor stands for, or empty."""
        return await self._database.glance(loading.message_of, anchor)

    async def shown_at(self, anchor: str) -> datetime | None:
        """When the newest of what was to be said under an anchor went out; None when nothing did, while any of it
        still has to go out, and when the newest was given up."""
        return await self._database.glance(loading.shown_at, anchor)

    async def standing(self, caps: tuple[Cap, ...]) -> tuple[int, ...]:
        """What counts against each cap now: micros, or orders."""
        return tuple([await self._database.read(budgets.standing, cap) for cap in caps])

    async def entries(self, generation_id: int) -> tuple[LedgerEntry, ...]:
        """What was booked for it, oldest first."""
        return await self._database.read(loading.entries, generation_id)

    async def talk_cost(self, person_id: str, since: datetime) -> int:
        """Micros that dialogue models cost for somebody."""
        return await self._database.read(loading.talk_cost, person_id, since)

    async def balance(self, generation_id: int) -> Mapping[str, int]:
        """Micros by kind of ledger entry."""
        return await self._database.read(loading.balance, generation_id)

    # --- outbox

    async def unsent(self, key: ConversationKey, now: datetime) -> tuple[Unsent, ...]:
        """What is to be sent in a place, in order, up to the first row that has to wait; a page at most."""
        return await self._database.glance(outgoing.unsent, key, now)

    async def unsent_keys(self, now: datetime) -> tuple[ConversationKey, ...]:
        """Every place where something can be sent."""
        return await self._database.read(outgoing.unsent_keys, now)

    async def reserve(self, rows: Collection[int], now: datetime, until: datetime) -> frozenset[int]:
        """Keep these rows, and what follows each in its place, from everybody else until `until`; returns them without
        those that somebody else has reserved or sent."""
        return await self._database.write(outgoing.reserve, rows, now, until)

    async def sent(
        self, rows: Mapping[int, str], now: datetime, *, moved: Mapping[int, ConversationKey] | None = None
    ) -> None:
        """Mark rows as sent, each with the platform's message id (empty: given up); `moved` says which of them were
        said in another place than their own."""
        await self._database.write(outgoing.sent, rows, now, moved or {})

    async def postpone(self, row: int, until: datetime, *, counted: bool = True) -> None:
        """Try the row, and what follows it in its place, not before `until`; an attempt is `counted` or not."""
        await self._database.write(outgoing.postpone, row, until, counted)

    # --- watching

    async def backlog(self, platforms: Collection[str]) -> Backlog:
        """What has been waiting the longest, on these platforms."""
        return await self._database.read(backlog, platforms)

    # --- being there

    async def last_alive(self, now: datetime) -> LastAlive | None:
        """When the program was last alive, `now` being what the asker's clock says; None before the first time."""
        return await self._database.read(presence.last_alive, now)

    async def alive(self, now: datetime, before: LastAlive | None, changes: Changes | None = None) -> bool:
        """Keep this moment and the changes in one transaction, unless another process did so since `before`; returns
        whether they were kept."""
        return await self._database.write(presence.alive, now, before, changes)

    # --- secrets

    async def secret(self, name: str) -> bytes:
        """Our own random 32 bytes of that name, the same ever after; made on first use."""
        return await self._database.write(saving.secret, name)
