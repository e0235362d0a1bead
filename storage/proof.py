"""The proof that money is safe: holds every generation's entries in the ledger against where the generation stands.

It only reads, all of it from one snapshot, so that it is right also while the bot is at work. What it finds is said as
sentences for an admin; how they are shown is the caller's work.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, func, select

from core.generation import RUNNING, GenerationStatus
from core.messages import short_id
from core.money import EntryKind, Micros, exact_dollars
from storage.tables import generations, house_costs, ledger, model_calls

PAGE = 500
"""Generations looked at in one go."""

S = GenerationStatus


class Stand(StrEnum):
    """What became of the money that a generation was to cost."""

    NONE = "nothing held"
    OPEN = "held"
    CAPTURED = "captured"
    RELEASED = "released"
    KEPT = "released, its clip kept"
    """Released because the clip could be delivered nowhere; it may still be posted later, which is free then."""


STANDS: Mapping[GenerationStatus, frozenset[Stand]] = {
    **{status: frozenset({Stand.OPEN}) for status in RUNNING | {S.AMBIGUOUS}},
    **{
        status: frozenset({Stand.NONE})
        for status in (S.PENDING_CLARIFICATION, S.PENDING_CONFIRMATION, S.PENDING_APPROVAL, S.EXPIRED)
    },
    **{status: frozenset({Stand.RELEASED}) for status in (S.FAILED, S.REFUSED)},
    S.CANCELLED: frozenset({Stand.NONE, Stand.RELEASED}),
    S.PENDING_REVIEW: frozenset({Stand.OPEN, Stand.KEPT}),
    S.DELIVERING: frozenset({Stand.OPEN, Stand.KEPT}),
    S.COMPLETED: frozenset({Stand.CAPTURED, Stand.KEPT}),
    S.UNDELIVERABLE: frozenset({Stand.KEPT}),
}
"""What may have become of the money in each status; `_expected` knows the one exception."""


@dataclass(slots=True, kw_only=True)
class Sums:
    """What was held and what became of it, in micros."""

    held: Micros = 0
    captured: Micros = 0
    released: Micros = 0

    def add(self, kind: str, amount: Micros) -> None:
        """Count an entry; a quote moves no money."""
        if kind == EntryKind.HOLD:
            self.held += amount
        elif kind == EntryKind.CAPTURE:
            self.captured += amount
        elif kind == EntryKind.RELEASE:
            self.released += amount

    def __str__(self) -> str:
        held, captured, released = map(exact_dollars, (self.held, self.captured, self.released))
        return f"{held} held, {captured} captured, {released} released"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What the check looked at, and what it found."""

    generations: int
    people: int
    """Those who ever had something held."""
    teams: int
    sums: Sums
    open: Micros
    """Held for what is still under way or waits for a decision."""
    spared: Micros
    """What captures stayed below their holds."""
    findings: tuple[str, ...]
    """A sentence for each thing that is wrong; empty when all is well."""


def prove(connection: Connection) -> Proof:
    """Check the whole ledger. The connection must not be in a transaction; it is left in none."""
    with snapshot(connection):
        return examine(connection)


def examine(connection: Connection, *, page: int = PAGE) -> Proof:
    """Check the whole ledger as the connection's transaction sees it, so many generations at a time."""
    return _Examination().run(connection, page)


@contextmanager
def snapshot(connection: Connection) -> Iterator[None]:
    """Every statement inside sees the same rows; others may write meanwhile."""
    postgres = connection.dialect.name == "postgresql"
    connection.exec_driver_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if postgres else "BEGIN")
    try:
        yield
    finally:
        connection.exec_driver_sql("ROLLBACK")


class _Examination:
    """One run of the check."""

    def __init__(self) -> None:
        self.findings: list[str] = []
        self.sums = Sums()
        self.by_person: dict[str, tuple[Sums, Sums]] = defaultdict(lambda: (Sums(), Sums()))
        self.by_team: dict[str, tuple[Sums, Sums]] = defaultdict(lambda: (Sums(), Sums()))
        """As the ledger has it, and as the generations have it."""
        self.generations = 0
        self.open = 0
        self.spared = 0

    def run(self, connection: Connection, size: int) -> Proof:
        for row, entries in _pages(connection, size):
            self.generations += 1
            self.findings += faults(row, entries)
            self._count(row, entries)
        self.findings += _strays(connection)
        self._compare(connection)
        return Proof(
            generations=self.generations,
            people=len(self.by_person),
            teams=len(self.by_team.keys() - {""}),
            sums=self.sums,
            open=self.open,
            spared=self.spared,
            findings=tuple(self.findings),
        )

    def _count(self, row: Any, entries: Sequence[Any]) -> None:
        for entry in entries:
            if entry.kind != EntryKind.QUOTE:
                self.sums.add(entry.kind, entry.amount)
                self.by_person[entry.person_id][0].add(entry.kind, entry.amount)
                self.by_person[row.requester_id][1].add(entry.kind, entry.amount)
                self.by_team[entry.team][0].add(entry.kind, entry.amount)
                self.by_team[row.team][1].add(entry.kind, entry.amount)
        held = sum(entry.amount for entry in entries if entry.kind == EntryKind.HOLD)
        ends = [entry for entry in entries if entry.kind in (EntryKind.CAPTURE, EntryKind.RELEASE)]
        if not ends and Stand.OPEN in _expected(row):
            self.open += held
        if ends and ends[0].kind == EntryKind.CAPTURE:
            self.spared += held - ends[0].amount

    def _compare(self, connection: Connection) -> None:
        """The totals agree: by person, by team, as the database sums them up, and with what is still open."""
        for whose, sides in (("", self.by_person), ("team ", self.by_team)):
            for subject, (booked, owed) in sorted(sides.items()):
                if booked != owed:
                    name = f"{whose}{subject}".strip() or "nobody"
                    self.findings.append(f"The ledger has {booked} for {name}, but the videos there come to {owed}.")
        overall = Sums()
        for kind, amount in connection.execute(
            select(ledger.c.kind, func.sum(ledger.c.amount)).group_by(ledger.c.kind)
        ):
            overall.add(kind, int(amount))
        if overall != self.sums:
            self.findings.append(f"The whole ledger has {overall}, but all videos together come to {self.sums}.")
        left = overall.held - overall.captured - overall.released - self.spared
        if left != self.open:
            self.findings.append(
                f"{exact_dollars(left)} of all holds has not ended, but {exact_dollars(self.open)} belongs to videos "
                "that are still under way or wait for a decision."
            )


def _pages(connection: Connection, size: int) -> Iterator[tuple[Any, list[Any]]]:
    """Every generation with its entries in order, without having all of them in memory."""
    columns, lines = generations.c, ledger.c
    wanted = select(
        columns.id, columns.status, columns.due_at.is_not(None).label("is_due"), columns.quote_amount,
        columns.requester_id, columns.team, columns.conversation_id,
    )  # fmt: skip
    booked = select(
        lines.id, lines.kind, lines.amount, lines.generation_id, lines.conversation_id, lines.person_id, lines.team,
        lines.reason, lines.hold_id,
    )  # fmt: skip
    last = None
    while True:
        page = wanted if last is None else wanted.where(columns.id > last)
        rows = connection.execute(page.order_by(columns.id).limit(size)).all()
        if not rows:
            return
        first, last = rows[0].id, rows[-1].id
        entries: dict[int, list[Any]] = defaultdict(list)
        for entry in connection.execute(booked.where(lines.generation_id.between(first, last)).order_by(lines.id)):
            entries[entry.generation_id].append(entry)
        for row in rows:
            yield row, entries[row.id]


def _strays(connection: Connection) -> Iterator[str]:
    """Entries of no generation, and costs below nothing."""
    known = select(generations.c.id).where(generations.c.id == ledger.c.generation_id).exists()
    for entry in connection.execute(select(ledger).where(~known).order_by(ledger.c.id)):
        yield (
            f"The ledger has a {entry.kind} of {exact_dollars(entry.amount)} for {short_id(entry.generation_id)}, "
            + ("which does not exist.")
        )
    for what, table, amount in (
        ("A call of a dialogue model", model_calls, model_calls.c.cost),
        ("A cost of the house", house_costs, house_costs.c.amount),
    ):
        negative = select(table.c.at, amount.label("amount")).where(amount < 0).order_by(table.c.id)
        for row in connection.execute(negative):
            yield f"{what} at {row.at:%Y-%m-%d %H:%M} UTC comes to {exact_dollars(row.amount)}."


def faults(row: Any, entries: Sequence[Any]) -> Iterator[str]:
    """What is wrong with the money of one generation, given its row and its ledger entries in order."""
    name = short_id(row.id)
    quotes = [entry.amount for entry in entries if entry.kind == EntryKind.QUOTE]
    holds = [entry for entry in entries if entry.kind == EntryKind.HOLD]
    ends = [entry for entry in entries if entry.kind in (EntryKind.CAPTURE, EntryKind.RELEASE)]
    for entry in entries:
        if entry.amount < 0:
            yield f"{name}: the {entry.kind} of {exact_dollars(entry.amount)} is negative."
        if (entry.person_id, entry.team, entry.conversation_id) != (row.requester_id, row.team, row.conversation_id):
            yield (
                f"{name} belongs to {_owner(row.requester_id, row)}, but its {entry.kind} is booked to "
                f"{_owner(entry.person_id, entry)}."
            )
    if len(holds) > 1:
        yield f"{name} is held {len(holds)} times."
    if len(ends) > 1:
        yield f"{name} ended {len(ends)} times: {', '.join(end.kind for end in ends)}."
    for hold in holds:
        if hold.amount != row.quote_amount:
            quoted = "nothing" if row.quote_amount is None else exact_dollars(row.quote_amount)
            yield f"{name}: {exact_dollars(hold.amount)} is held, but its card said {quoted}."
        if hold.amount > max(quotes, default=-1):
            shown = f"at most {exact_dollars(max(quotes))}" if quotes else "no price at all"
            yield f"{name}: {exact_dollars(hold.amount)} is held, but {shown} was ever shown for it."
    for end in ends:
        hold = next((hold for hold in holds if hold.id == end.hold_id), None)
        if hold is None:
            yield f"{name}: its {end.kind} of {exact_dollars(end.amount)} ends no hold of its own."
        elif end.amount > hold.amount or (end.kind == EntryKind.RELEASE and end.amount != hold.amount):
            yield f"{name}: {exact_dollars(end.amount)} is {end.kind}d, but {exact_dollars(hold.amount)} was held."
    yield from _misplaced(name, row, holds, ends)


def _misplaced(name: str, row: Any, holds: Sequence[Any], ends: Sequence[Any]) -> Iterator[str]:
    """Where the money is somewhere else than the generation's status says."""
    stand = _stand(holds, ends)
    expected = _expected(row)
    if stand in expected or (stand is Stand.KEPT and Stand.RELEASED in expected):
        return
    if not expected:
        yield f"{name} has the status {row.status}, which this check does not know."
        return
    found = "nothing is held" if stand is Stand.NONE else f"its money is {stand}"
    yield f"{name} is {row.status}, but {found}; right would be: {' or '.join(sorted(expected))}."


def _stand(holds: Sequence[Any], ends: Sequence[Any]) -> Stand:
    if not ends:
        return Stand.OPEN if holds else Stand.NONE
    if ends[-1].kind == EntryKind.CAPTURE:
        return Stand.CAPTURED
    return Stand.KEPT if ends[-1].reason == S.UNDELIVERABLE else Stand.RELEASED


def _expected(row: Any) -> frozenset[Stand]:
    """What the status allows; empty for one that nobody here knows."""
    if row.status == S.UNDELIVERABLE and row.is_due:
        return frozenset({Stand.OPEN})  # on its way to the person elsewhere
    return STANDS.get(row.status, frozenset())


def _owner(person: str, row: Any) -> str:
    team = f" of team {row.team}" if row.team else ""
    return f"{person}{team} in conversation {row.conversation_id}"
