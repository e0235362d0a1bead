"""Money is safe: random interleavings of what people do, what services answer, crashes and time, with the core as it is
over real SQLite rows, and what must hold after each step and at the end.

Everything runs in one thread on a loop that tells when it has nothing left to do, so a run is the same each time: the
database answers at once, but after a random number of turns of the loop, which is what interleaves the tasks.

    REELBOT_MONEY_EXAMPLES=2000 python -m pytest tests/core/test_money_machine.py

tries so many runs, other ones each time, and longer ones (REELBOT_MONEY_STEPS; 60 unless it says otherwise).
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import json
import logging
import os
import random
import selectors
import shutil
import sqlite3
import tempfile
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import Connection, StaticPool, create_engine, event, select

from adapters.engine.embedded import EmbeddedEngine
from adapters.rules import RulesDialogueModel
from core import texts
from core.actions import parse_action
from core.admission import Capacity
from core.catalogue import load_catalogue
from core.errors import (
    OrderNotSent,
    OrderRefused,
    OrderUnanswered,
    PermanentError,
    TemporaryError,
    Undeliverable,
    UnplayableClip,
)
from core.generation import ADMITTED, FINAL, RUNNING, Generation
from core.generation import GenerationStatus as S
from core.inspection import ClipFacts
from core.limits import Limits
from core.messages import Button, ConversationKey, Delivery, Message, Person, Post, Press
from core.money import Micros, dollars
from core.planning import Terms
from core.ports import Failed, Finished, OperationState, Reconciliation, Running, Save, VideoOrder
from core.product import Parts, Product
from storage.database import Database, database_errors
from storage.migrations import upgrade_tables
from storage.proof import examine
from storage.store import SqlStore
from storage.tables import generations, inbox, ledger, outbox
from tests.clock import START
from tests.fakes import FakePlatform, Shown, size_of

P = ParamSpec("P")
T = TypeVar("T")

ANN = Person(id="fake:ann", name="Ann", language="en")
BOB = Person(id="fake:bob", name="Bob", language="en")
EVE = Person(id="fake:eve", name="Eve", language="en")
PEOPLE = (ANN, BOB, EVE)
ROOM = ConversationKey(platform="fake", chat="room", thread="t1")
CATALOGUE = load_catalogue()


def alone(person: Person) -> ConversationKey:
    """Where the person talks with the bot and nobody else."""
    return ConversationKey(platform="fake", chat=person.id)


# --- a loop that knows when it is idle -------------------------------------------------------------------------------


class Watched(selectors.DefaultSelector):
    """A selector that says when the loop has nothing to do but wait."""

    def __init__(self) -> None:
        super().__init__()
        self.idle: list[asyncio.Future[None]] = []

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self.idle and (timeout is None or timeout > 0):
            waiting, self.idle = self.idle, []
            for one in waiting:
                one.set_result(None)
            return super().select(0)
        return super().select(timeout)


class AtOnce(ThreadPoolExecutor):
    """Runs what is given to a thread right here."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class HandClock:
    """The `Clock` port; time passes only where the world lets it."""

    def __init__(self) -> None:
        self._now = START
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._count = itertools.count()

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + timedelta(seconds=seconds), next(self._count), future))
        await future

    def advance(self, seconds: float) -> None:
        """Let time pass without waking anybody before `wake` is called."""
        self._now += timedelta(seconds=seconds)

    def wake(self, until: datetime) -> bool:
        """Wake the next sleeper that is due by then; False when there is none."""
        while self._sleepers and self._sleepers[0][0] <= until:
            due, _, future = heapq.heappop(self._sleepers)
            if not future.done():
                self._now = max(self._now, due)
                future.set_result(None)
                return True
        self._now = max(self._now, until)
        return False


# --- fakes at the ports ----------------------------------------------------------------------------------------------


@cache
def _tables() -> sqlite3.Connection:
    """A database with tables and nothing in them."""
    connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    with engine.begin() as opened:
        upgrade_tables(opened)
    return connection


class Rows(Database):
    """SQLite without threads: work is done at once, between two pauses in which others go on."""

    def __init__(self, pause: Callable[[], Coroutine[Any, Any, None]]) -> None:
        raw = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        _tables().backup(raw)
        raw.execute("PRAGMA foreign_keys=ON")
        self.engine = create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool)
        event.listen(self.engine, "begin", lambda opened: opened.exec_driver_sql("BEGIN IMMEDIATE"))
        self._pause = pause
        self._raw = raw

    async def write(self, work: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        await self._pause()
        with database_errors(), self.engine.begin() as connection:
            result = work(connection, *args, **kwargs)
        await self._pause()
        return result

    async def read(self, work: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.write(work, *args, **kwargs)

    def changes(self) -> int:
        """Goes up whenever a row is changed."""
        return self._raw.total_changes

    async def close(self) -> None:
        self.engine.dispose()
        self._raw.close()


class Store(SqlStore):
    """The rows of one run."""

    def __init__(self, rows: Rows) -> None:
        self._database = rows


class Shelf:
    """The `ClipStore` port as a dictionary."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    async def put(self, path: Path, name: str) -> None:
        self.files[name] = path.read_bytes()

    async def get(self, name: str, destination: Path) -> None:
        if name not in self.files:
            raise PermanentError("there is no such file")
        destination.write_bytes(self.files[name])

    async def size(self, name: str) -> int | None:
        return len(self.files[name]) if name in self.files else None

    async def read(self, name: str, start: int, end: int) -> AsyncIterator[bytes]:
        yield self.files[name][start:end]

    async def delete(self, name: str) -> None:
        self.files.pop(name, None)


class Gauge:
    """The `Media` port: a clip is a file that says what was measured on it."""

    async def probe(self, path: Path) -> ClipFacts:
        try:
            return ClipFacts(**json.loads(path.read_bytes()))
        except ValueError as error:
            raise UnplayableClip from error

    async def poster(self, path: Path, destination: Path) -> None:
        destination.write_bytes(b"poster")

    async def shrink(self, path: Path, destination: Path, max_bytes: int) -> None:
        destination.write_bytes(path.read_bytes())

    async def mute(self, path: Path, destination: Path) -> None:
        destination.write_bytes(path.read_bytes())


@dataclass
class Job:
    """One order as the provider has it."""

    order: VideoOrder
    created: bool
    at: datetime
    stopped: bool = False


@dataclass
class Studio:
    """The `VideoProvider` port with scripted outcomes: what is at the front of a script comes next, and without a
    script everything goes well."""

    pause: Callable[[], Coroutine[Any, Any, None]]
    now: Callable[[], datetime]
    name: str = "omni"
    on_order: list[str] = field(default_factory=list)
    on_poll: list[str] = field(default_factory=list)
    on_fetch: list[str] = field(default_factory=list)
    on_cancel: list[str] = field(default_factory=list)
    tells: str = "unknown"
    """What it says of orders whose answers were lost: "unknown", "truth", or "pending" until told otherwise."""
    jobs: list[Job] = field(default_factory=list)
    """Every order that arrived."""

    async def order(self, order: VideoOrder) -> str:
        await self.pause()
        outcome = self.on_order.pop(0) if self.on_order else "taken"
        if outcome == "not sent":
            raise OrderNotSent("no line")
        created = outcome in ("taken", "lost")
        self.jobs.append(Job(order=order, created=created, at=self.now()))
        await self.pause()
        if outcome in ("lost", "lost before"):
            raise OrderUnanswered("no answer")
        if outcome == "later":
            raise OrderRefused("too many", temporary=True, retry_after=30)
        if outcome == "unsafe":
            raise OrderRefused("not that", safety=True)
        if outcome == "refused":
            raise OrderRefused("no")
        return f"operation/{order.key}"

    async def poll(self, operation: str) -> OperationState:
        await self.pause()
        step = self.on_poll.pop(0) if self.on_poll else "finished"
        if step == "temporary":
            raise TemporaryError("later")
        if step == "permanent":
            raise PermanentError("no")
        if step in ("failed", "unsafe"):
            return Failed(reason="out of film", refused=step == "unsafe")
        return Running() if step == "running" else Finished(location="there")

    async def fetch(self, operation: str, location: str, destination: Path) -> None:
        await self.pause()
        outcome = self.on_fetch.pop(0) if self.on_fetch else "good"
        if outcome == "temporary":
            raise TemporaryError("later")
        if outcome == "permanent":
            raise PermanentError("no")
        order = next(job.order for job in self.jobs if operation == f"operation/{job.order.key}")
        width, height = size_of(order)
        facts = ClipFacts(
            duration_s=order.duration_s - (2.0 if outcome == "short" else 0.0),
            width=width,
            height=height,
            fps=24.0,
            video_codec="h264",
            audio_codec="aac",
            peak_db=-90.0 if outcome == "silent" else -10.0,
            dark_fraction=1.0 if outcome == "black" else 0.0,
            frozen_fraction=0.0,
            size_bytes=1000,
        )
        destination.write_text("cut off" if outcome == "cut off" else json.dumps(asdict(facts)))

    async def cancel(self, operation: str) -> bool:
        await self.pause()
        outcome = self.on_cancel.pop(0) if self.on_cancel else "stops"
        if outcome == "temporary":
            raise TemporaryError("later")
        for job in self.jobs:
            if operation == f"operation/{job.order.key}":
                job.stopped = outcome == "stops"
        return outcome == "stops"

    async def reconcile(self, order_key: str, model: str) -> str | Reconciliation:
        await self.pause()
        if self.tells == "unknown":
            return Reconciliation.UNKNOWN
        if self.tells == "pending":
            return Reconciliation.PENDING
        created = any(job.created for job in self.jobs if job.order.key == order_key)
        return f"operation/{order_key}" if created else Reconciliation.NOTHING

    def created(self) -> Counter[int]:
        """How many clips were ordered and are being made, by generation."""
        return Counter(number_of(job.order.key) for job in self.jobs if job.created)


def number_of(name: str) -> int:
    """The generation that an order's key or a short id names."""
    return int(name.removeprefix("v").partition("-")[0])


@dataclass(frozen=True)
class Offered:
    """A button that was shown at some time."""

    place: ConversationKey
    message_id: str
    button: Button
    live: Callable[[], bool]
    """Whether it can still be seen."""


class Chat(FakePlatform):
    """The `Platform` port with a memory of every button, and scripted outcomes of posts and deliveries."""

    def __init__(self, pause: Callable[[], Coroutine[Any, Any, None]]) -> None:
        super().__init__()
        self.pause = pause
        self.on_post: list[str] = []
        self.on_deliver: list[str] = []
        self.has_direct = True
        self.offered: list[Offered] = []
        self.said: list[str] = []
        """Everything anybody could ever read, edits as well."""

    async def post(self, post: Post, message_id: str) -> str:
        await self.pause()
        if self.on_post and self.on_post.pop(0) == "temporary":
            raise TemporaryError("later")
        sent = await super().post(post, message_id)
        shown = self.message(sent)
        self.said.append(shown.text)
        self._remember(shown, post.key)
        await self.pause()
        return sent

    async def deliver(self, delivery: Delivery, saved: Mapping[str, str], save: Save) -> str:
        await self.pause()
        outcome = self.on_deliver.pop(0) if self.on_deliver else "good"
        known = bool(saved)
        if outcome == "temporary":
            raise TemporaryError("later")
        if outcome == "refused" and not known:
            raise Undeliverable("I am no member there")
        sent = await super().deliver(delivery, saved, save)
        shown = self.message(sent)
        self.said.append(shown.text)
        self._remember(shown, delivery.key)
        await self.pause()
        if outcome == "unanswered":
            raise TemporaryError("no answer")
        return sent

    def _remember(self, shown: Shown, place: ConversationKey) -> None:
        buttons = [*shown.buttons, *(shown.delivery.feedback if shown.delivery is not None else ())]
        for button in buttons:
            if button.action:
                self.offered.append(
                    Offered(place, shown.id, button, lambda shown=shown, button=button: button in shown.buttons)  # type: ignore[misc]
                )

    def delivered(self) -> dict[int, set[str]]:
        """The clips that stand in a chat: generation to the messages that show it."""
        found: dict[int, set[str]] = defaultdict(set)
        for shown in self.shown:
            if shown.delivery is not None:
                found[number_of(shown.delivery.generation)].add(shown.id)
        return found


class Faults(logging.Handler):
    """Keeps every exception that the core caught and did not expect."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info is not None and record.exc_info[1] is not None:
            self.found.append(f"{record.getMessage()}: {record.exc_info[1]!r}")


# --- the world -------------------------------------------------------------------------------------------------------


class World:
    """One installation, its people and its services, on a loop of its own. Used from outside the loop."""

    def __init__(self, *, seed: int = 0, slack: int = 2) -> None:
        """`slack`: up to so many turns of the loop pass before and after each answer of a port."""
        self._selector = Watched()
        self._runner = asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(self._selector))
        self._runner.get_loop().set_default_executor(AtOnce())
        self._random = random.Random(seed)
        self._slack = slack
        self._events = itertools.count(1)
        self.folder = Path(tempfile.mkdtemp(prefix="reelbot-money-"))
        self.rows = Rows(self.pause)
        self.store = Store(self.rows)
        self.clock = HandClock()
        self.chat = Chat(self.pause)
        self.studio = Studio(self.pause, self.clock.now)
        self.shelf = Shelf()
        self.terms = Terms()
        self.capacity = Capacity(overall=3, per_person=2)
        self.faults = Faults()
        self._checked = -1
        logging.getLogger("reelbot").addHandler(self.faults)
        self.product = self.wired()

    def close(self) -> None:
        """Let go of everything."""
        self.crash()
        self.run(self.rows.close())
        self._runner.close()
        shutil.rmtree(self.folder)
        logging.getLogger("reelbot").removeHandler(self.faults)

    def wired(self) -> Product:
        """A program over the rows."""
        rules = RulesDialogueModel()
        return Product(
            Parts(
                store=self.store,
                clips=self.shelf,
                media=Gauge(),
                platforms={self.chat.name: self.chat},
                providers={self.studio.name: self.studio},
                model=rules,
                fallback=rules,
                catalogue=CATALOGUE,
                clock=self.clock,
                folder=self.folder,
                terms=self.terms,
                capacity=self.capacity,
            ),
            lambda produce, wake: EmbeddedEngine(produce, wake, clock=self.clock),
        )

    async def pause(self) -> None:
        for _ in range(self._random.randint(0, self._slack)):
            await asyncio.sleep(0)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`; what else is under way goes on meanwhile."""
        return self._runner.run(work)

    def go(self, turns: int | None = None) -> None:
        """Let everything go on: for so many turns of the loop, or until all wait for time to pass."""
        self.run(self._go(turns))

    async def _go(self, turns: int | None) -> None:
        if turns is None:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._selector.idle.append(future)
            await future
            return
        for _ in range(turns):
            await asyncio.sleep(0)

    def passes(self, seconds: float) -> None:
        """Let so much time pass, everybody waking in time."""
        until = self.clock.now() + timedelta(seconds=seconds)
        self.go()
        while self.clock.wake(until):
            self.go()

    def sweep(self) -> None:
        """What the program does every few seconds."""

        async def ticks() -> None:
            await self.product.listen()
            await self.product.work()
            await self.product.progress.tick()

        self.run(ticks())

    def crash(self) -> None:
        """End the program in the middle of whatever it does."""

        async def kill() -> None:
            me = asyncio.current_task()
            while tasks := asyncio.all_tasks() - {me}:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

        self.run(kill())

    def start(self) -> None:
        """A program that begins anew."""
        self.product = self.wired()
        self.run(self.product.recover())
        self.run(self.product.listen())

    def wire(self, *, terms: Terms | None = None, capacity: Capacity | None = None) -> None:
        """Begin anew with other settings."""
        self.crash()
        self.terms = terms or self.terms
        self.capacity = capacity or self.capacity
        self.start()

    # --- what people do

    def say(self, person: Person, text: str, *, key: ConversationKey | None = None, command: str = "") -> None:
        """Somebody writes."""
        number = next(self._events)
        key = key or alone(person)
        self.clock.advance(0.001)
        message = Message(
            event_id=f"event-{number}",
            key=key,
            id=f"m{number}",
            sender=person,
            text=text,
            sent_at=self.clock.now(),
            private=not key.thread,
            command=command,
        )
        self.run(self.product.dialogue.receive(message))

    def tap(self, person: Person, offered: Offered, values: Mapping[str, str] | None = None, times: int = 1) -> None:
        """Somebody taps a button, maybe several times in a row."""
        self.clock.advance(0.001)
        for _ in range(times):
            press = Press(
                event_id=f"event-{next(self._events)}",
                key=offered.place,
                id=offered.message_id,
                sender=person,
                action=offered.button.action,
                sent_at=self.clock.now(),
                private=not offered.place.thread,
                values=values or {},
            )
            self.run(self.product.dialogue.receive(press))

    def buttons(self, *verbs: str) -> list[Offered]:
        """Every button of these kinds that was ever shown, the newest last."""
        return [one for one in self.chat.offered if one.button.action.partition(":")[0] in verbs]

    # --- what there is

    def generations(self) -> dict[int, Generation]:
        """All rows."""
        with self.rows.engine.connect() as connection:
            return {row.id: row.body for row in connection.execute(select(generations.c.id, generations.c.body))}

    def entries(self, *kinds: str) -> list[Any]:
        """The ledger's lines of these kinds, in order."""
        with self.rows.engine.connect() as connection:
            wanted = select(ledger).where(ledger.c.kind.in_(kinds)).order_by(ledger.c.id)
            return list(connection.execute(wanted))

    def unsaid(self) -> int:
        """How much waits to be answered or said."""
        with self.rows.engine.connect() as connection:
            heard = connection.execute(select(inbox.c.id).where(inbox.c.done_at.is_(None))).all()
            return len(heard) + len(connection.execute(select(outbox.c.id).where(outbox.c.sent_at.is_(None))).all())

    def unsent_cards(self) -> int:
        """How many cards, or edits of cards, wait to be sent."""
        with self.rows.engine.connect() as connection:
            wanted = select(outbox.c.id).where(outbox.c.sent_at.is_(None), outbox.c.anchor.like("card:%"))
            return len(connection.execute(wanted).all())

    # --- what must hold at any time

    def check(self) -> None:
        """What no moment may break, whatever is under way."""
        assert self.faults.found == []
        if self.rows.changes() == self._checked:
            return
        self._checked = self.rows.changes()
        with self.rows.engine.connect() as connection:
            assert examine(connection).findings == ()
        holds, ends = self.entries("hold"), self.entries("capture", "release")
        assert all(entry.amount >= 0 for entry in (*holds, *ends))
        assert max(Counter(hold.generation_id for hold in holds).values(), default=0) <= 1
        assert max(Counter(end.generation_id for end in ends).values(), default=0) <= 1
        held = {hold.generation_id: hold.amount for hold in holds}
        for end in ends:
            assert end.amount <= held[end.generation_id]
        self._check_limits(holds, {end.generation_id: end for end in ends})
        for job in self.studio.jobs:
            order = job.order
            price = CATALOGUE.model(order.model).price(order.duration_s, order.resolution)
            assert price == held.get(number_of(order.key)), f"{order.key} was ordered for another price"

    def _check_limits(self, holds: list[Any], ends: dict[int, Any]) -> None:
        limits, now, rows = self.terms.limits, self.clock.now(), self.generations()

        def counts(hold: Any) -> Micros:
            end = ends.get(hold.generation_id)
            return int(hold.amount if end is None else end.amount if end.kind == "capture" else 0)

        spent: Counter[str] = Counter()
        for hold in holds:
            if hold.at.date() == now.date():
                spent[f"person {hold.person_id}"] += counts(hold)
                spent["everyone"] += counts(hold)
            if (hold.at.year, hold.at.month) == (now.year, now.month):
                spent[f"channel {rows[hold.generation_id].key.chat}"] += counts(hold)
        for subject, amount in spent.items():
            whose = subject.partition(" ")[0]
            most = {"person": limits.person_day, "everyone": limits.everyone_day, "channel": limits.channel_month}
            cap = most[whose]
            assert cap is None or amount <= cap, f"{subject} has {amount} of {cap}"
        # What is posted once more was released before: it is under way, but no order.
        busy = [row for row in rows.values() if row.status in RUNNING | {S.AMBIGUOUS} and row.id not in ends]
        per_person = Counter(row.requester.id for row in busy)
        assert limits.orders_per_person is None or max(per_person.values(), default=0) <= limits.orders_per_person
        assert limits.orders is None or len(busy) <= limits.orders
        admitted = [row for row in rows.values() if row.status in ADMITTED and row.id not in ends]
        assert len(admitted) <= self.capacity.overall


# --- the machine -----------------------------------------------------------------------------------------------------

EXAMPLES = int(os.environ.get("REELBOT_MONEY_EXAMPLES", "0"))
STEPS = int(os.environ.get("REELBOT_MONEY_STEPS", "60" if EXAMPLES else "20"))

WISHES = (
    "a red fox trotting through fresh snow at sunrise, cinematic, 4 seconds",
    "a blue hen on a farm at night, cinematic, 8 seconds",
    "a paper boat in the rain, watercolour, golden evening light, 5 seconds, draft quality",
    "make me a video of a fox",
)
WORDS = ("8 seconds", "4 seconds", "upright", "best quality", "draft quality", "at night", "no sound", "cancel", "yes",
         "yes", "status", "longer, and at night")  # fmt: skip
FORMS: tuple[Mapping[str, str], ...] = (
    {"duration_s": "4"}, {"duration_s": "12"}, {"tier": "best"}, {"resolution": "360p"}, {"idea": "a green frog"},
)  # fmt: skip
DECISIONS = ("again", "drop", "cancel", "post", "retry", "take", "erase")


@dataclass(frozen=True)
class Fate:
    """What the services answer next; what is empty goes well."""

    orders: tuple[str, ...] = ()
    polls: tuple[str, ...] = ()
    fetches: tuple[str, ...] = ()
    cancels: tuple[str, ...] = ()
    delivers: tuple[str, ...] = ()
    posts: tuple[str, ...] = ()
    direct: bool = True
    """Whether people can be reached alone."""


FATES = (
    *(Fate(orders=orders) for orders in itertools.permutations(("lost", "lost before", "taken"))),
    *(Fate(orders=(first, *rest)) for first in ("not sent", "later") for rest in ((), ("lost",), ("refused",))),
    *(Fate(orders=(first,), posts=("temporary",)) for first in ("unsafe", "refused")),
    *(Fate(polls=("running", "temporary", last), cancels=("goes on",)) for last in ("failed", "unsafe", "permanent")),
    *(Fate(fetches=(flaw,), cancels=("temporary",)) for flaw in ("short", "silent", "black", "cut off", "permanent")),
    *(Fate(delivers=("refused",) * times, direct=direct) for times in (1, 2, 3) for direct in (True, False)),
    *(Fate(delivers=outcomes) for outcomes in itertools.permutations(("refused", "temporary", "unanswered"))),
)
fates = st.just(Fate()) | st.sampled_from(FATES)
LIMITS = (
    Limits(),
    Limits(person_day=700_000),
    Limits(everyone_day=1_000_000, orders_per_person=2),
    Limits(channel_month=900_000, orders=3),
)
AFTER = (0.0, 1.0, 30.0, 100.0, 700.0, 3700.0, 90_000.0)
turns = st.none() | st.integers(0, 50)
"""How far things go on before the next step: to their end, or so many turns of the loop."""
picks = st.integers(0, 200)
people = st.sampled_from(PEOPLE)
forms = st.sampled_from(FORMS)


class Money(RuleBasedStateMachine):
    """People, services and accidents."""

    world: World

    @initialize(limits=st.sampled_from(LIMITS), seed=st.integers(0, 1000), tells=st.sampled_from(["unknown", "truth"]))
    def begins(self, limits: Limits, seed: int, tells: str) -> None:
        self.world = World(seed=seed)
        self.world.studio.tells = tells
        self.world.wire(terms=Terms(limits=limits))
        self.tapped: dict[int, set[str]] = defaultdict(set)
        """The prices on the buttons that the right person tapped to order, by generation."""
        self.agains: dict[int, set[str]] = defaultdict(set)
        """The "order again" buttons that the right person tapped."""
        self.posted: set[int] = set()
        """Generations whose "try again here" was tapped."""

    # --- steps

    @rule(person=people, room=st.booleans(), text=st.sampled_from(WISHES), turns=turns, command=st.booleans())
    def wishes(self, person: Person, room: bool, text: str, turns: int | None, command: bool) -> None:
        key = ROOM if room else alone(person)
        self.world.say(person, text, key=key, command="video" if command else "")
        self.world.go(turns)

    @rule(person=people, room=st.booleans(), text=st.sampled_from(WORDS), turns=turns)
    def says(self, person: Person, room: bool, text: str, turns: int | None) -> None:
        if text == "yes":
            if self.world.unsent_cards():
                return  # test_a_yes_is_no_answer_to_a_card_that_was_not_shown
            for one in self.world.buttons("make"):
                if one.live():
                    self._tapped(person, one)
        self.world.say(person, text, key=ROOM if room else alone(person))
        self.world.go(turns)

    @rule(people=st.lists(people, min_size=1, max_size=3), text=st.sampled_from(WISHES[:3]), fate=fates,
          form=st.none() | forms, pick=st.integers(0, 3), turns=turns, dies=st.none() | st.integers(0, 60))  # fmt: skip
    def orders(
        self,
        people: list[Person],
        text: str,
        fate: Fate,
        form: Mapping[str, str] | None,
        pick: int,
        turns: int | None,
        dies: int | None,
    ) -> None:
        """Wishes, maybe changed, and the taps on their cards, newer ones or older ones; then what becomes of them."""
        self._fated(fate)
        for person in people:
            self.world.say(person, text, command="video")
            self.world.go()
            if form is not None:
                self._taps(None, ("change",), 0, 1, form)
                self.world.go(turns)
            self._taps(None, ("make", "draft"), pick, 1)
            self.world.go(turns)
        if dies is not None:
            self.world.go(dies)
            self.world.crash()
            self.world.start()

    @precondition(lambda self: self.world.buttons(*DECISIONS))
    @rule(seconds=st.sampled_from(AFTER[1:5]), pick=st.integers(0, 3), times=st.integers(1, 2), turns=turns)
    def decides(self, seconds: float, pick: int, times: int, turns: int | None) -> None:
        """What can be chosen now is, mostly."""
        self.world.passes(seconds)
        self.world.sweep()
        offered = [one for one in self.world.buttons(*DECISIONS) if one.live()]
        self._taps_one(None, offered[-1 - pick % len(offered)] if offered else None, times)
        self.world.go(turns)

    @precondition(lambda self: self.world.buttons("make"))
    @rule(pick=picks, other=st.none() | people, times=st.integers(1, 3), turns=turns)
    def taps_a_card(self, pick: int, other: Person | None, times: int, turns: int | None) -> None:
        self._taps(other, ("make", "draft"), pick, times)
        self.world.go(turns)

    @precondition(lambda self: self.world.chat.offered)
    @rule(pick=picks, other=st.none() | people, turns=turns)
    def taps_anything(self, pick: int, other: Person | None, turns: int | None) -> None:
        verbs = sorted({one.button.action.partition(":")[0] for one in self.world.chat.offered})
        self._taps(other, (verbs[pick % len(verbs)],), pick // len(verbs), 1)
        self.world.go(turns)

    @precondition(lambda self: self.world.buttons("change", "alter"))
    @rule(pick=picks, values=forms, turns=turns)
    def fills_in_a_form(self, pick: int, values: Mapping[str, str], turns: int | None) -> None:
        self._taps(None, ("change", "alter"), pick, 1, values)
        self.world.go(turns)

    @rule(seconds=st.sampled_from(AFTER), sweeps=st.booleans())
    def time_passes(self, seconds: float, sweeps: bool) -> None:
        self.world.passes(seconds)
        if sweeps:
            self.world.sweep()

    @rule(fate=fates, tells=st.sampled_from(["unknown", "truth", "pending"]))
    def it_will_go(self, fate: Fate, tells: str) -> None:
        self._fated(fate)
        self.world.studio.tells = tells

    def _fated(self, fate: Fate) -> None:
        studio, chat = self.world.studio, self.world.chat
        studio.on_order, studio.on_poll = [*fate.orders], [*fate.polls]
        studio.on_fetch, studio.on_cancel = [*fate.fetches], [*fate.cancels]
        chat.on_deliver, chat.on_post, chat.has_direct = [*fate.delivers], [*fate.posts], fate.direct

    @rule(clean=st.booleans(), down=st.sampled_from(AFTER))
    def stops_and_starts(self, clean: bool, down: float) -> None:
        if clean:
            self.world.run(self.world.product.stop(5.0))
        self.world.crash()
        self.world.clock.advance(down)
        self.world.start()

    @rule(turns=st.integers(0, 50))
    def goes_on(self, turns: int) -> None:
        self.world.go(turns)

    # --- what is tapped

    def _taps(
        self,
        other: Person | None,
        verbs: tuple[str, ...],
        pick: int,
        times: int,
        values: Mapping[str, str] | None = None,
    ) -> None:
        offered = self.world.buttons(*verbs)
        # Small picks are the newest, so that failing runs shrink to the plain case.
        self._taps_one(other, offered[-1 - pick % len(offered)] if offered else None, times, values)

    def _taps_one(
        self, other: Person | None, chosen: Offered | None, times: int, values: Mapping[str, str] | None = None
    ) -> None:
        if chosen is None:
            return
        person = other or self._owner(chosen)
        self._tapped(person, chosen)
        self.world.tap(person, chosen, values, times)

    def _owner(self, offered: Offered) -> Person:
        rows = self.world.generations()
        row = rows.get(_subject(offered))
        return row.requester if row is not None else ANN

    def _tapped(self, person: Person, offered: Offered) -> None:
        number, verb = _subject(offered), offered.button.action.partition(":")[0]
        if person != self._owner(offered):
            return
        if verb in ("make", "draft"):
            self.tapped[number].add(offered.button.label.rpartition(" · ")[2])
        elif verb == "again":
            self.agains[number].add(offered.button.action)
        elif verb == "post":
            self.posted.add(number)

    # --- what holds

    @invariant()
    def money_is_safe(self) -> None:
        if not hasattr(self, "world"):
            return
        self.world.check()
        holds = self.world.entries("hold")
        for hold in holds:
            assert dollars(hold.amount) in self.tapped[hold.generation_id], "held without a tap on that price"
        held = {hold.generation_id for hold in holds}
        for number, orders in self.world.studio.created().items():
            assert number in held
            assert orders <= 1 + len(self.agains[number]), f"v{number} was ordered {orders} times"

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self._settle()
            self.money_is_safe()
            self._all_is_well()
        finally:
            self.world.close()

    def _settle(self) -> None:
        """Everything goes well from now on, until nothing is left to do."""
        world = self.world
        studio, chat = world.studio, world.chat
        studio.on_order, studio.on_poll, studio.on_fetch, studio.on_cancel = [], [], [], []
        chat.on_post, chat.on_deliver = [], []
        world.go()
        self._until(lambda: not any(_works(row) for row in world.generations().values()))
        for row in world.generations().values():
            if row.status is S.AMBIGUOUS:
                drops = [one for one in world.buttons("drop") if _subject(one) == row.id and one.live()]
                assert drops, f"{row.name} waits for a choice that nobody was given"
                self.world.tap(row.requester, drops[-1])
                world.go()
        self._until(lambda: not world.unsaid())
        world.passes(7300)
        world.sweep()
        self._until(lambda: not world.unsaid())

    def _until(self, done: Callable[[], bool]) -> None:
        for _ in range(80):
            if done():
                return
            self.world.passes(30)
            self.world.sweep()
            self.world.go()
        rows = [f"{row.name} {row.status}" for row in self.world.generations().values()]
        raise AssertionError(f"it never settles: {rows}, {self.world.unsaid()} unsaid")

    def _all_is_well(self) -> None:
        world = self.world
        rows = world.generations()
        assert {row.status for row in rows.values()} <= FINAL
        ended = {entry.generation_id: entry for entry in world.entries("capture", "release")}
        assert set(ended) == {hold.generation_id for hold in world.entries("hold")}, "every hold has ended"
        delivered = world.chat.delivered()
        captured = {number for number, entry in ended.items() if entry.kind == "capture"}
        free = {number for number in delivered if ended[number].reason == "undeliverable"}
        assert captured == set(delivered) - free
        assert free <= self.posted, "what was released came without a tap"
        assert max((len(messages) for messages in delivered.values()), default=0) <= 1, "a clip stands there twice"
        said = "\n".join(world.chat.said)
        for row in rows.values():
            if S.QUEUED.value in row.entered:
                assert _told(row) in said, f"nobody was told that {row.name} is {row.status}"


def _works(row: Generation) -> bool:
    return row.status in RUNNING or row.on_its_way_elsewhere or (row.status is S.AMBIGUOUS and row.due_at is not None)


def _subject(offered: Offered) -> int:
    action = parse_action(offered.button.action)
    assert action is not None
    return action.generation_id or 0


def _told(row: Generation) -> str:
    """What its person must have read."""
    if row.status is S.COMPLETED:
        return f"{row.name} ·"
    if row.status is S.UNDELIVERABLE:
        return f"Your clip {row.name} is ready, but I could not post it"
    return {S.FAILED: texts.endings.failed, S.REFUSED: texts.endings.refused, S.CANCELLED: texts.endings.cancelled}[
        row.status
    ](row)


TestMoney = pytest.mark.timeout(0 if EXAMPLES else 240)(Money.TestCase)  # 20 s where nothing else runs
TestMoney.settings = settings(
    max_examples=EXAMPLES or 25,
    stateful_step_count=STEPS,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


# --- what it found ---------------------------------------------------------------------------------------------------

UNSEEN = "a plain yes looks at when the card was written, not at whether it was sent: it orders what nobody has seen"


@pytest.fixture
def world() -> Iterator[World]:
    """An installation of its own."""
    made = World()
    yield made
    made.close()


@pytest.mark.xfail(strict=True, reason=UNSEEN)
def test_a_yes_is_no_answer_to_a_card_that_was_not_shown(world: World) -> None:
    world.chat.on_post = ["temporary"]
    world.say(ANN, WISHES[0])
    world.go()
    assert world.chat.shown == [], "the chat takes nothing for the moment"
    world.say(ANN, "yes")
    world.go()
    assert world.entries("hold") == []


@pytest.mark.xfail(strict=True, reason=UNSEEN)
def test_a_yes_orders_at_the_price_that_was_shown_or_not_at_all(world: World) -> None:
    world.say(ANN, WISHES[0])
    world.go()
    assert world.chat.with_button("Make it").button("Make it").label == "Make it · $0.28"
    world.chat.on_post = ["temporary"]
    world.say(ANN, "8 seconds")
    world.go()
    assert world.chat.with_button("Make it").button("Make it").label == "Make it · $0.28"
    world.say(ANN, "yes")
    world.go()
    assert {hold.amount for hold in world.entries("hold")} <= {280_000}
