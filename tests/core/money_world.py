"""The world of the money tests: one installation over real SQLite rows, the people who use it, and what must hold at
any moment, whatever is under way."""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import select

from adapters.engine.embedded import EmbeddedEngine
from adapters.rules import RulesDialogueModel
from bot.money import released
from core.admission import Capacity
from core.catalogue import Catalogue, VideoModel, load_catalogue
from core.errors import PermanentError
from core.generation import ADMITTED, RUNNING, Generation
from core.generation import GenerationStatus as S
from core.limits import Budget
from core.messages import ConversationKey, Message, Person, Press
from core.money import Micros
from core.planning import Terms
from core.ports import DialogueModel
from core.product import Parts, Product
from storage.proof import examine
from storage.tables import generations, inbox, ledger, outbox
from tests.clock import START
from tests.core.money_ports import (
    AtOnce,
    Chat,
    Faults,
    Gauge,
    HandClock,
    Offered,
    Rows,
    Shelf,
    Store,
    Studio,
    Watched,
    number_of,
)

T = TypeVar("T")

ANN = Person(id="fake:ann", name="Ann", language="en", team="film")
BOB = Person(id="fake:bob", name="Bob", language="en", team="film")
EVE = Person(id="fake:eve", name="Eve", language="en")
PEOPLE = (ANN, BOB, EVE)
ROOM = ConversationKey(platform="fake", chat="room", thread="t1")


def alone(person: Person) -> ConversationKey:
    """Where the person talks with the bot and nobody else."""
    return ConversationKey(platform="fake", chat=person.id)


CATALOGUE = load_catalogue()
_FILM = CATALOGUE.model("gemini-omni-1.2-flash")


def _priced(hundredths: int, begins: date, ends: date | None, **fields: Any) -> VideoModel:
    """The model at so many hundredths of its price, for some days."""
    prices = {size: price * hundredths // 100 for size, price in _FILM.price_per_second.items()}
    return replace(_FILM, price_per_second=prices, valid_from=begins, valid_to=ends, **fields)


_DAYS = [START.date() + timedelta(days=days) for days in range(5)]
CHANGING = replace(
    CATALOGUE,
    video=(
        _priced(100, _FILM.valid_from, _DAYS[1]),
        _priced(200, _DAYS[1], _DAYS[2]),
        _priced(50, _DAYS[2], _DAYS[3]),
        _priced(150, _DAYS[3], None, id="the-next-film", name="The Next Film"),
    ),
)
"""Dearer on the second day, cheaper on the third, and retired on the fourth, when another model takes its place."""


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
        self.catalogue = CATALOGUE
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
                model=self.reader(rules),
                fallback=rules,
                catalogue=self.catalogue,
                clock=self.clock,
                folder=self.folder,
                terms=self.terms,
                capacity=self.capacity,
            ),
            lambda produce, wake: EmbeddedEngine(produce, wake, clock=self.clock),
        )

    def reader(self, rules: DialogueModel) -> DialogueModel:
        """The dialogue model: the rules, unless a subclass has another."""
        return rules

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

    def wait_for_midnight(self, before: float) -> None:
        """Let time pass until so many seconds before the next day begins."""
        tomorrow = datetime.combine(self.clock.now().date() + timedelta(days=1), time(), UTC)
        self.passes(max(0.0, (tomorrow - self.clock.now()).total_seconds() - before))

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

    def wire(
        self, *, terms: Terms | None = None, capacity: Capacity | None = None, catalogue: Catalogue | None = None
    ) -> None:
        """Begin anew with other settings."""
        self.crash()
        self.catalogue = catalogue or self.catalogue
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

    def settle(self, number: int) -> bool:
        """An admin drops an order that was never answered, at another console; False when it is none any more."""
        try:
            self.run(released(self.store, number, "lost on the way", self.clock.now()))
        except PermanentError:
            return False
        return True

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
        rows = self.generations()
        self._check_accounts(holds, ends)
        self._check_prices(holds, rows)
        self._check_limits(holds, {end.generation_id: end for end in ends}, rows)

    def _check_accounts(self, holds: list[Any], ends: list[Any]) -> None:
        """Nobody has less than nothing held for them, and nothing is captured that was not delivered."""
        for whose in ("person_id", "team", "conversation_id"):
            held: Counter[str] = Counter()
            for entry in (*holds, *ends):
                sign = 1 if entry.kind == "hold" else -1
                held[getattr(entry, whose)] += sign * entry.amount
            assert min(held.values(), default=0) >= 0, f"an account is below zero: {held}"
        captured = {end.generation_id for end in ends if end.kind == "capture"}
        assert captured <= set(self.chat.delivered()), "captured before it was delivered"

    def _check_prices(self, holds: list[Any], rows: Mapping[int, Generation]) -> None:
        """What is held is the price of the day of the tap, or of the day on which it was frozen to be approved."""
        for hold in holds:
            row = rows[hold.generation_id]
            plan = row.plan
            assert plan is not None
            model = self.catalogue.model(plan.model, row.approval.asked_at if row.approval is not None else hold.at)
            assert hold.amount == model.price(plan.duration_s, plan.resolution), f"{row.name} costs something else"
            offered = {one.id for one in self.catalogue.offered((plan.provider,), hold.at)}
            assert plan.model in offered, f"{row.name} was ordered of a model that has gone"
        held = {hold.generation_id for hold in holds}
        for job in self.studio.jobs:
            order, plan = job.order, rows[number_of(job.order.key)].plan
            assert number_of(order.key) in held, f"{order.key} was ordered for nothing"
            assert plan is not None
            ordered = (order.model, order.duration_s, order.resolution)
            assert ordered == (plan.model, plan.duration_s, plan.resolution), f"{order.key} is not what was paid for"

    def _check_limits(self, holds: list[Any], ends: dict[int, Any], rows: Mapping[int, Generation]) -> None:
        limits, now = self.terms.limits, self.clock.now()

        def counts(hold: Any) -> Micros:
            end = ends.get(hold.generation_id)
            return int(hold.amount if end is None else end.amount if end.kind == "capture" else 0)

        spent: Counter[tuple[Budget, str]] = Counter()
        for hold in holds:
            row = rows[hold.generation_id]
            subjects: list[tuple[Budget, str]] = []
            if hold.at.date() == now.date():
                subjects += [(Budget.PERSON, hold.person_id), (Budget.EVERYONE, "")]
            if (hold.at.year, hold.at.month) == (now.year, now.month):
                subjects += [(Budget.CHANNEL, row.key.chat), *([(Budget.TEAM, hold.team)] if hold.team else [])]
            through = row.approval.budgets if row.approval is not None and row.approval.approved else ()
            for budget, subject in subjects:
                spent[budget, subject] += 0 if budget.value in through else counts(hold)
        most = {
            Budget.PERSON: limits.person_day,
            Budget.CHANNEL: limits.channel_month,
            Budget.TEAM: limits.team_month,
            Budget.EVERYONE: limits.everyone_day,
        }
        for (budget, subject), amount in spent.items():
            cap = most[budget]
            assert cap is None or amount <= cap, f"{budget} {subject} has {amount} of {cap}"
        # What is posted once more was released before: it is under way, but no order.
        # What is looked at before it is posted is made already, and what was let pass goes on however many there are.
        counted_as = (RUNNING | {S.AMBIGUOUS}) - {S.PENDING_REVIEW}
        made = {row.id for row in rows.values() if row.review is not None and row.review.passed}
        busy = [row for row in rows.values() if row.status in counted_as and row.id not in made | set(ends)]
        for limit, counted in (
            (limits.orders_per_person, Counter(row.requester.id for row in busy)),
            (limits.orders_per_channel, Counter(row.key.chat for row in busy)),
            (limits.orders, Counter("everyone" for _ in busy)),
        ):
            assert limit is None or max(counted.values(), default=0) <= limit, f"more than {limit} orders: {counted}"
        admitted = [row for row in rows.values() if row.status in ADMITTED and row.id not in made | set(ends)]
        assert len(admitted) <= self.capacity.overall
