"""What the world of the money tests stands on: a loop that tells when it is idle, a clock moved by hand, SQLite without
threads, and fakes at the ports with scripted outcomes.

Everything runs in one thread, so a run is the same each time: a port answers at once, but after a random number of
turns of the loop, which is what interleaves the tasks.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import json
import logging
import selectors
import sqlite3
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, StaticPool, create_engine, event

from core.errors import (
    OrderNotSent,
    OrderRefused,
    OrderUnanswered,
    PermanentError,
    TemporaryError,
    Undeliverable,
    UnplayableClip,
)
from core.inspection import ClipFacts
from core.messages import Button, ConversationKey, Delivery, Post
from core.ports import Failed, Finished, OperationState, Reconciliation, Running, Save, VideoOrder
from storage.database import Database
from storage.errors import database_errors
from storage.events import EventStore
from storage.migrations import upgrade_tables
from storage.store import SqlStore
from tests.clock import START
from tests.fakes import FakePlatform, Shown, size_of

P = ParamSpec("P")
T = TypeVar("T")

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

    async def glance(self, work: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
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
        super().__init__("sqlite:///never-opened.db")
        self._database = rows
        self.events = EventStore(rows)


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

    async def probe(self, path: Path, *, poster: Path | None = None) -> ClipFacts:
        try:
            facts = ClipFacts(**json.loads(path.read_bytes()))
        except ValueError as error:
            raise UnplayableClip from error
        if poster is not None:
            poster.write_bytes(b"poster")
        return facts

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
    cleared: bool = False
    """Whether it was told that nothing came of it."""


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
    hangs: str = ""
    """Whether it never answers an order, "before" or "after" it has arrived."""
    jobs: list[Job] = field(default_factory=list)
    """Every order that arrived."""
    looked: list[str] = field(default_factory=list)
    """The keys of orders that were looked for."""
    told_to_stop: set[int] = field(default_factory=set)
    """Generations whose clips it was asked to stop."""

    async def order(self, order: VideoOrder) -> str:
        await self.pause()
        if self.hangs == "before":
            await asyncio.Event().wait()
        outcome = self.on_order.pop(0) if self.on_order else "taken"
        if outcome == "not sent":
            raise OrderNotSent("no line")
        created = outcome in ("taken", "lost")
        job = Job(order=order, created=created, at=self.now())
        self.jobs.append(job)
        if self.hangs == "after":
            await asyncio.Event().wait()
        await self.pause()
        if outcome in ("lost", "lost before"):
            raise OrderUnanswered("no answer")
        job.cleared = not created
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
                self.told_to_stop.add(number_of(job.order.key))
        return outcome == "stops"

    async def reconcile(self, order_key: str, model: str) -> str | Reconciliation:
        self.looked.append(order_key)
        await self.pause()
        if self.tells == "unknown":
            return Reconciliation.UNKNOWN
        if self.tells == "pending":
            return Reconciliation.PENDING
        jobs = [job for job in self.jobs if job.order.key == order_key]
        if any(job.created for job in jobs):
            return f"operation/{order_key}"
        for job in jobs:
            job.cleared = True
        return Reconciliation.NOTHING

    def created(self) -> Counter[int]:
        """How many clips were ordered and are being made, by generation."""
        return Counter(number_of(job.order.key) for job in self.jobs if job.created)

    def uncleared(self) -> Counter[int]:
        """How many orders may have been taken, as far as it was told, by generation."""
        return Counter(number_of(job.order.key) for job in self.jobs if not job.cleared)


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
        outcome = self.on_post.pop(0) if self.on_post else "good"
        if outcome == "temporary":
            raise TemporaryError("later")
        if outcome == "permanent":
            raise PermanentError("no")
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
        """The clips that stand in a chat: generation to the messages that show it. Not those to be looked at."""
        found: dict[int, set[str]] = defaultdict(set)
        for delivery, message_id in self._clips():
            if not _to_look_at(delivery):
                found[number_of(delivery.generation)].add(message_id)
        return found

    def looked_at(self) -> dict[int, Counter[str]]:
        """The clips that were shown to somebody to decide about: generation to how often each chat has it."""
        found: dict[int, Counter[str]] = defaultdict(Counter)
        for delivery, _ in self._clips():
            if _to_look_at(delivery):
                found[number_of(delivery.generation)][delivery.key.chat] += 1
        return found

    def _clips(self) -> list[tuple[Delivery, str]]:
        return [(shown.delivery, shown.id) for shown in self.shown if shown.delivery is not None]


def _to_look_at(delivery: Delivery) -> bool:
    return any(button.action.startswith("pass:") for row in delivery.buttons for button in row)


class Faults(logging.Handler):
    """Keeps every exception that the core caught and did not expect."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info is not None and record.exc_info[1] is not None:
            self.found.append(f"{record.getMessage()}: {record.exc_info[1]!r}")
