"""Runs the real program with a store that sends a signal to its own process at one commit, or by another clock.

FAULT_AT says which commit: "before" or "after", a space, and the names of facts (see `facts`) joined by "+", all of
which it must save; for putting an event into the inbox, those of `received`; "event.claimed", "event.told" and
"event.put_off" are what is saved about an event that goes out. It happens once. FAULT_FILE names a file
that says the same as FAULT_AT once it is there: of all processes that look at it, the one that gets to the commit first
takes it away and ends. FAULT_SIGNAL is SIGKILL, or SIGTERM for a disk that is slow as well: a commit that is asked to
stop right before it is done when the program has begun to stop its work. CLOCK_AHEAD_S is by how many seconds the
program's clock is ahead, as if it had been started so much later. Everything else is as in `reelbot run`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from bot.build import App, Role
from bot.clock import SystemClock
from bot.connections import Connections
from bot.counting import CountingStore
from bot.logs import configure_logging
from bot.metrics import Metrics
from bot.settings import Settings
from bot.settings_loading import load_settings
from bot.stopping import run_until_stopped
from bot.terms import announce_of
from core.messages import ConversationKey, Incoming, Press
from core.ports import Clock
from core.repositories import Changes, UntoldEvent
from storage.database import Database
from storage.events import EventStore

CLAIMED, TOLD, PUT_OFF = (frozenset({f"event.{what}"}) for what in ("claimed", "told", "put_off"))


def received(incoming: Incoming) -> frozenset[str]:
    """What comes into the inbox: "receive", and "message", "summons" (a command or a shortcut), "press" or "form"."""
    if isinstance(incoming, Press):
        return frozenset({"receive", "form" if incoming.values else "press"})
    return frozenset({"receive", "summons" if incoming.summoned else "message"})


def facts(changes: Changes) -> frozenset[str]:
    """What a commit saves: statuses of generations, "order.none", "order.intent" or "order." and the outcome,
    "announced" once a delivery has something to go on from and "saved." with the name of each such thing, "ledger."
    and the kind, "turn", "moved" when a message goes into the inbox of another place. Marking words as sent is a commit
    as well: "sent"."""
    names = {f"ledger.{entry.kind.value}" for entry in changes.entries}
    if changes.turns:
        names.add("turn")
    if changes.received:
        names.add("moved")
    for generation in changes.generations:
        names.add(generation.status.value)
        order = generation.order
        names.add("order.none" if order is None else f"order.{order.outcome.value if order.outcome else 'intent'}")
        if generation.delivery:
            names.add("announced")
        names |= {f"saved.{name}" for name in generation.delivery}
    return frozenset(names)


async def listening(port: int) -> bool:
    """Whether somebody takes connections at this port. A program that stops closes it first, then ends its work."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:
        return False
    writer.close()
    return True


class Mark:
    """The commit at which a process ends. It is taken once, by one process."""

    def __init__(self, at: str, file: str) -> None:
        """Named at once, or by a file that comes later; each empty for none."""
        self._at = at
        self._file = Path(file) if file else None

    def taken(self, side: str, found: frozenset[str]) -> bool:
        """Whether it is here and nobody else was there before."""
        named = self._at or self._read()
        wanted_side, _, wanted = named.partition(" ")
        if not named or side != wanted_side or not frozenset(wanted.split("+")) <= found:
            return False
        if self._at:
            self._at = ""
            return True
        return self._take()

    def _read(self) -> str:
        if self._file is None:
            return ""
        try:
            return self._file.read_text()
        except FileNotFoundError:
            return ""

    def _take(self) -> bool:
        assert self._file is not None
        try:
            self._file.unlink()
        except FileNotFoundError:
            return False
        return True


class SignallingEvents(EventStore):
    """The rows of what goes out, which tell of each commit."""

    def __init__(self, database: Database, reached: Callable[[str, frozenset[str]], bool]) -> None:
        super().__init__(database)
        self._reached = reached

    async def claim(self, generation_id: int, now: datetime, until: datetime) -> UntoldEvent | None:
        """As the store's own."""
        self._reached("before", CLAIMED)
        found = await super().claim(generation_id, now, until)
        if found is not None:
            self._reached("after", CLAIMED)
        return found

    async def told(self, row: int, now: datetime) -> None:
        """As the store's own."""
        self._reached("before", TOLD)
        await super().told(row, now)
        self._reached("after", TOLD)

    async def put_off(self, row: int, until: datetime | None, now: datetime) -> None:
        """As the store's own."""
        self._reached("before", PUT_OFF)
        await super().put_off(row, until, now)
        self._reached("after", PUT_OFF)


class SignallingStore(CountingStore):
    """The program's store, which sends a signal to its process at one commit."""

    def __init__(self, settings: Settings, metrics: Metrics, *, mark: Mark, number: signal.Signals) -> None:
        super().__init__(settings.database, metrics, announce=announce_of(settings))
        self._port = settings.http_port
        self._mark = mark
        self._number = number
        self.events = SignallingEvents(self._database, self._reached)

    async def receive(self, incoming: Incoming, now: datetime) -> bool:
        """As the store's own."""
        self._reached("before", received(incoming))
        new = await super().receive(incoming, now)
        self._reached("after", received(incoming))
        return new

    async def commit(self, changes: Changes) -> None:
        """As the store's own: a save that was begun is finished, also when its caller is cancelled."""
        if self._reached("before", facts(changes)):
            saving = asyncio.create_task(self._save_late(changes))
            try:
                await asyncio.shield(saving)
            except asyncio.CancelledError:
                await asyncio.wait({saving})
                raise
        else:
            await super().commit(changes)
        self._reached("after", facts(changes))

    async def sent(
        self, rows: Mapping[int, str], now: datetime, *, moved: Mapping[int, ConversationKey] | None = None
    ) -> None:
        """As the store's own."""
        self._reached("before", frozenset({"sent"}))
        await super().sent(rows, now, moved=moved)
        self._reached("after", frozenset({"sent"}))

    def _reached(self, side: str, found: frozenset[str]) -> bool:
        if not self._mark.taken(side, found):
            return False
        os.kill(os.getpid(), self._number)
        return True

    async def _save_late(self, changes: Changes) -> None:
        """When the program has begun to end its work, the disk has had its time."""
        while await listening(self._port):  # noqa: ASYNC110 - a socket
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        await super().commit(changes)


class ClockAhead(SystemClock):
    """The machine's time, and so many seconds more."""

    def __init__(self, seconds: float) -> None:
        self._ahead = timedelta(seconds=seconds)

    def now(self) -> datetime:
        """The time then, in UTC."""
        return super().now() + self._ahead


class SignallingApp(App):
    """The program with that store."""

    def __init__(self, settings: Settings, clock: Clock, *, mark: Mark, number: signal.Signals) -> None:
        super().__init__(settings, clock)
        self._store = SignallingStore(settings, self._metrics, mark=mark, number=number)
        # What looks rows up for a platform looks into the same store.
        self.connections = Connections(settings, self._catalogue, clock, self._store, pace=self._store.pace)


def main() -> None:
    """As `reelbot run`, or `reelbot run --only gateway` and `--only worker`."""
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_format, settings.secrets)
    number = signal.Signals[os.environ.get("FAULT_SIGNAL", "SIGKILL")]
    clock = ClockAhead(float(os.environ.get("CLOCK_AHEAD_S", "0")))
    at, file = os.environ.get("FAULT_AT", ""), os.environ.get("FAULT_FILE", "")
    parts: dict[str, Role] = {"gateway": "gateway", "worker": "worker"}
    only = parts.get(sys.argv[-1])

    def program() -> App:
        if not at and not file:
            return App(settings, clock)
        return SignallingApp(settings, clock, mark=Mark(at, file), number=number)

    async def work() -> None:
        async with program() as running:
            await running.run(only=only)

    run_until_stopped(work, within_s=settings.stop_within_s)


if __name__ == "__main__":
    main()
