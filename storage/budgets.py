"""What counts against a limit, summed up by the database: the ledger's holds with what became of them, and the orders
that wait or are under way.

A hold counts as what was captured once it has ended so, as nothing once it was released, and in full until then.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, case, func, select, text

from core.generation import RUNNING, GenerationStatus
from core.limits import Budget, Cap, OverLimit, subject_of
from core.money import EntryKind
from core.repositories import Changes
from storage.tables import generations, ledger

_COUNTED = tuple(
    status.value for status in (RUNNING | {GenerationStatus.AMBIGUOUS}) - {GenerationStatus.PENDING_REVIEW}
)
"""Orders under way. What waits for a reviewer is made already: nobody is kept from ordering by a slow one."""
_LOCK = 0x5265656C62
"""Names our lock among PostgreSQL's advisory ones."""


def check(connection: Connection, changes: Changes) -> None:
    """Raise OverLimit when a hold among the changes goes over one of its caps. What others hold meanwhile waits: on
    SQLite a transaction that writes is alone, on PostgreSQL a lock makes it so for those that are checked."""
    if not changes.caps:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:name)"), {"name": _LOCK})
    held = [entry for entry in changes.entries if entry.kind is EntryKind.HOLD]
    wanted = sum(entry.amount for entry in held)
    for cap in changes.caps:
        used = standing(connection, cap)
        if used + (len(held) if cap.counts_orders else wanted) > cap.most:
            raise OverLimit(cap, used)


def standing(connection: Connection, cap: Cap) -> int:
    """What counts against the cap now: micros, or orders."""
    whose = _whose(cap)
    if cap.since is None:
        counted = select(func.count()).select_from(generations).where(generations.c.status.in_(_COUNTED), *whose)
        return int(connection.execute(counted).scalar_one())
    hold, end = ledger.alias("hold"), ledger.alias("ended")
    counts = case(
        (end.c.kind == EntryKind.RELEASE.value, 0), (end.c.kind == EntryKind.CAPTURE.value, end.c.amount),
        else_=hold.c.amount,
    )  # fmt: skip
    spent = (
        select(func.coalesce(func.sum(counts), 0))
        .select_from(
            hold.join(generations, generations.c.id == hold.c.generation_id).outerjoin(end, end.c.hold_id == hold.c.id)
        )
        .where(hold.c.kind == EntryKind.HOLD.value, hold.c.at >= cap.since, *whose)
    )
    return int(connection.execute(spent).scalar_one())


def _whose(cap: Cap) -> tuple[ColumnElement[bool], ...]:
    if cap.budget is Budget.PERSON:
        return (generations.c.requester_id == cap.subject,)
    if cap.budget is Budget.TEAM:
        return (generations.c.team == cap.subject,)
    if cap.budget is Budget.CHANNEL:
        platform, _, chat = cap.subject.partition(" ")
        assert cap.subject == subject_of(platform, chat)
        return (generations.c.platform == platform, generations.c.chat == chat)
    return ()
