"""What counts against a limit, summed up by the database: the ledger's holds with what became of them, and the orders
that wait or are under way.

A hold counts as what was captured once it has ended so, as nothing once it was released, and in full until then.
"""

from __future__ import annotations

import functools
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, case, func, select, text

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
    asked = _subject(cap)
    if cap.since is not None:
        asked["since"] = cap.since
    return int(connection.execute(_counting(cap.budget, cap.counts_orders), asked).scalar_one())


@functools.cache
def _counting(budget: Budget, orders: bool) -> Select[int]:
    """The statement for all caps of one kind."""
    whose = _whose(budget)
    if orders:
        return select(func.count()).select_from(generations).where(generations.c.status.in_(_COUNTED), *whose)
    hold, end = ledger.alias("hold"), ledger.alias("ended")
    counts = case(
        (end.c.kind == EntryKind.RELEASE.value, 0), (end.c.kind == EntryKind.CAPTURE.value, end.c.amount),
        else_=hold.c.amount,
    )  # fmt: skip
    return (
        select(func.coalesce(func.sum(counts), 0))
        .select_from(
            hold.join(generations, generations.c.id == hold.c.generation_id).outerjoin(end, end.c.hold_id == hold.c.id)
        )
        .where(hold.c.kind == EntryKind.HOLD.value, hold.c.at >= bindparam("since", type_=hold.c.at.type), *whose)
    )


def _whose(budget: Budget) -> tuple[ColumnElement[bool], ...]:
    if budget is Budget.PERSON:
        return (generations.c.requester_id == bindparam("subject"),)
    if budget is Budget.TEAM:
        return (generations.c.team == bindparam("subject"),)
    if budget is Budget.CHANNEL:
        return (generations.c.platform == bindparam("in_platform"), generations.c.chat == bindparam("in_chat"))
    return ()


def _subject(cap: Cap) -> dict[str, Any]:
    if cap.budget in (Budget.PERSON, Budget.TEAM):
        return {"subject": cap.subject}
    if cap.budget is Budget.CHANNEL:
        platform, _, chat = cap.subject.partition(" ")
        assert cap.subject == subject_of(platform, chat)
        return {"in_platform": platform, "in_chat": chat}
    return {}
