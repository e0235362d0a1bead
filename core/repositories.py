"""The ports of what lasts: messages, conversations, generations, the ledger, what is to be said and told.

Rows are read freely and changed in one way: `Changes`, saved in one transaction or not at all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from core.conversation import Conversation, Turn, Waiting
from core.events import Event
from core.generation import Generation
from core.limits import Cap
from core.messages import ConversationKey, Incoming, Post
from core.money import HouseCost, LedgerEntry
from core.reading import TokenUse


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Everything that one step changes, saved in one transaction or not at all."""

    done: tuple[int, ...] = ()
    """Inbox rows that are dealt with."""
    received: tuple[Incoming, ...] = ()
    """What is to be dealt with in their stead, in another place."""
    conversations: tuple[Conversation, ...] = ()
    generations: tuple[Generation, ...] = ()
    """As they are to be; `revision` is the one that was read, 0 for a new row."""
    turns: tuple[Turn, ...] = ()
    entries: tuple[LedgerEntry, ...] = ()
    house: tuple[HouseCost, ...] = ()
    caps: tuple[Cap, ...] = ()
    """What the holds among the entries must stay within."""
    posts: tuple[OutboxPost, ...] = ()
    uses: tuple[TokenUse, ...] = ()
    unsaid: tuple[str, ...] = ()
    """Anchors of what is out of date: it is not said any more, unless it was."""
    messages: tuple[PostedMessage, ...] = ()
    """Messages of ours that went out by another way than the outbox."""
    conversation_id: str = ""
    """The conversation that `done`, `posts` and `uses` belong to."""
    person_id: str = ""
    """For whom the `uses` were."""
    at: datetime

    @property
    def places(self) -> frozenset[ConversationKey]:
        """Where something is to be said."""
        return frozenset(outgoing.post.key for outgoing in self.posts)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxPost:
    """Something to be said for certain."""

    post: Post
    generation_id: int | None = None
    conversation_id: str = ""
    """The conversation it belongs to, where that is not the one of the other changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedMessage:
    """A message of ours, so that replies to it find their conversation."""

    key: ConversationKey
    message_id: str
    generation_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent:
    """A row of the outbox that still has to go out."""

    row: int
    post: Post
    attempts: int
    message_id: str
    """The message that the anchor stands for already, or empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is known of one conversation when a message is dealt with."""

    conversation: Conversation
    generations: tuple[Generation, ...]
    """Newest first: every open or running one, and the last finished ones."""


class Saver(Protocol):
    """The one way to change a row."""

    async def commit(self, changes: Changes) -> None:
        """Save everything in one transaction; raises StaleRow, and saves nothing, when a row was saved by somebody
        else meanwhile, OverLimit when a hold goes over a cap, and TemporaryError when the database does not take it
        now."""
        ...


class Inbox(Saver, Protocol):
    """Messages from the moment they arrive until they are dealt with, and the conversations they belong to."""

    async def receive(self, incoming: Incoming, now: datetime) -> bool:
        """Keep it; False when this event is known already."""
        ...

    async def waiting(self, key: ConversationKey) -> tuple[Waiting, ...]:
        """What waits in a place, oldest first."""
        ...

    async def waiting_keys(self) -> tuple[ConversationKey, ...]:
        """Every place where something waits."""
        ...

    async def known(self, key: ConversationKey) -> bool:
        """Whether there is a conversation in this place, or something waits that may begin one."""
        ...

    async def conversation_of(self, key: ConversationKey, message_id: str) -> str | None:
        """The conversation that a message of either side belongs to."""
        ...

    async def generation_of(self, key: ConversationKey, message_id: str) -> int | None:
        """The generation that a message of ours is about, or None."""
        ...

    async def scene(self, conversation_id: str) -> Scene | None:
        """The conversation and its generations."""
        ...

    async def current(self, key: ConversationKey, owner_id: str) -> str | None:
        """The conversation that somebody's plain message in this place belongs to."""
        ...

    async def conversations(self, key: ConversationKey, owner_id: str) -> tuple[Conversation, ...]:
        """Somebody's conversations in this place, latest first, at most 20."""
        ...

    async def reserve_generation_ids(self, count: int) -> tuple[int, ...]:
        """Ids that nobody else gets."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """That a generation was let in: from then on it takes one of the places of what is under way."""

    person_id: str
    model: str
    at: datetime


class Generations(Saver, Protocol):
    """The generations as the pipeline sees them."""

    async def generation(self, generation_id: int) -> Generation | None:
        """The row as it is now."""
        ...

    async def with_status(self, *statuses: str) -> tuple[Generation, ...]:
        """Every generation in one of these statuses, oldest first."""
        ...

    async def some(self, ids: Collection[int]) -> tuple[Generation, ...]:
        """These rows as they are now, oldest first, without those that do not exist; a page of them, not thousands."""
        ...

    async def revisions(self, *statuses: str) -> Mapping[int, int]:
        """The revision of every generation in one of these statuses, by its id, oldest first."""
        ...

    async def count(self, *statuses: str) -> int:
        """How many are in one of these statuses."""
        ...

    async def due(self, now: datetime, *statuses: str) -> tuple[Generation, ...]:
        """Those of them whose `due_at` has come, oldest first."""
        ...

    async def admitted(self, since: datetime) -> tuple[Admitted, ...]:
        """Who was let in since then, newest last, whatever became of it; of a generation that was let in again, the
        last time only."""
        ...

    async def of_person(self, person_id: str, limit: int) -> tuple[Generation, ...]:
        """Somebody's generations in every place, newest first: all that are open, running or ambiguous, and the last
        `limit` finished ones."""
        ...

    async def times(self, model: str) -> tuple[float, ...]:
        """Seconds from order to finished of the model's latest 100 clips."""
        ...

    async def message_of(self, anchor: str) -> str:
        """The platform's message that an anchor stands for, or empty."""
        ...

    async def shown_at(self, anchor: str) -> datetime | None:
        """When the newest of what was to be said under an anchor went out; None when nothing did, while any of it
        still has to go out, and when the newest was given up."""
        ...

    async def standing(self, caps: tuple[Cap, ...]) -> tuple[int, ...]:
        """What counts against each cap now: micros, or orders."""
        ...

    async def entries(self, generation_id: int) -> tuple[LedgerEntry, ...]:
        """What was booked for it, oldest first."""
        ...

    async def talk_cost(self, person_id: str, since: datetime) -> int:
        """Micros that dialogue models cost for somebody."""
        ...

    async def balance(self, generation_id: int) -> Mapping[str, int]:
        """Micros by kind of ledger entry."""
        ...


class OutboxRows(Protocol):
    """Sentences from the moment they are decided until they are sent."""

    async def unsent(self, key: ConversationKey, now: datetime) -> tuple[Unsent, ...]:
        """What is to be sent in a place, in order, or the first of it; nothing while its first row has to wait."""
        ...

    async def unsent_keys(self, now: datetime) -> tuple[ConversationKey, ...]:
        """Every place where something can be sent."""
        ...

    async def reserve(self, rows: Collection[int], now: datetime, until: datetime) -> Collection[int]:
        """Keep these rows, and what follows each in its place, from everybody else until `until`, unless they are
        marked before that; returns them without those that somebody else has reserved or sent."""
        ...

    async def sent(
        self, rows: Mapping[int, str], now: datetime, *, moved: Mapping[int, ConversationKey] | None = None
    ) -> None:
        """Mark rows as sent, each with the platform's message id (empty: given up); `moved` says which of them were
        said in another place than their own."""
        ...

    async def postpone(self, row: int, until: datetime, *, counted: bool = True) -> None:
        """Try the row, and what follows it in its place, not before `until`. Not `counted`: it was asked to wait, which
        is no failure."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class UntoldEvent:
    """A row of the events that still has to be told."""

    row: int
    event: Event
    attempts: int
    """Tries that failed."""
    tried_since: datetime | None
    """Its first try; None before that."""


class EventRows(Protocol):
    """Events for programs outside, from the moment they are saved until they are told or given up."""

    async def telling(self, now: datetime, limit: int) -> tuple[int, ...]:
        """Generations whose first untold event is due, the longest waiting first."""
        ...

    async def claim(self, generation_id: int, now: datetime, until: datetime) -> UntoldEvent | None:
        """The generation's first untold event, if it is due; nobody else is given it before `until`."""
        ...

    async def told(self, row: int, now: datetime) -> None:
        """The receiver has it."""
        ...

    async def put_off(self, row: int, until: datetime | None, now: datetime) -> None:
        """A try failed: the next one is not before `until`; None gives it up."""
        ...

    async def prune(self, told_before: datetime, given_up_before: datetime, limit: int) -> int:
        """Forget events that were told, or given up, before these moments, at most `limit`; returns how many."""
        ...
