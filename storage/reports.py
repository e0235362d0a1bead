"""What was spent, summed up for an admin: holds, captures and releases by whoever or whatever they belong to, with the
cost of the dialogue apart; and the proof that the ledger is right (`storage.proof`).

Everything in here only reads. Each amount counts at the time it was booked, so that a clip that was held before
midnight and delivered after it is in both days: held in one, captured in the other.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, ScalarSelect, Select, case, func, literal, select

from core.limits import subject_of
from core.money import EntryKind, Micros
from storage import proof
from storage.database import BUSY_TIMEOUT_S, Database
from storage.loading import probe
from storage.proof import Proof, Sums
from storage.tables import conversations, generations, house_costs, ledger, model_calls

By = Literal["person", "channel", "team", "model", "day"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From the start of one day to the end of another."""

    first: date
    last: date
    """Still within."""
    zone: tzinfo
    """Where days begin."""

    @property
    def begin(self) -> datetime:
        """The first moment of it."""
        return datetime.combine(self.first, time(), self.zone)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return datetime.combine(self.last + timedelta(days=1), time(), self.zone)


@dataclass(slots=True, kw_only=True)
class Spending:
    """One line of a report."""

    subject: str
    """A person's id, a place as `core.limits.subject_of` writes it, a team, a model or a day; empty where nobody knows,
    or for people without a team."""
    sums: Sums
    clips: int = 0
    """Clips that were charged, at whatever price."""
    dialogue: Micros = 0
    """What the dialogue models cost; nobody is charged for it."""
    house: Micros = 0
    """What providers bill, or may bill, for work that nobody was charged for."""


class Reports:
    """Reads a database for an admin, also while the bot is at work on it.

    Its methods raise TemporaryError when the database does not answer, and PermanentError when it is not there.
    """

    def __init__(self, url: str, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        self._database = Database(url, busy_timeout_s=busy_timeout_s)

    async def open(self) -> None:
        """Look whether the database is there, answers and has tables."""
        self._database.check_file()
        await self._database.read(probe)

    async def close(self) -> None:
        """Close the connections."""
        await self._database.close()

    async def prove(self) -> Proof:
        """Hold the whole ledger against the generations."""
        return await self._database.read(proof.prove)

    async def spending(self, period: Period, by: By) -> tuple[Spending, ...]:
        """What was booked within the period: the dearest first, days in order."""
        return await self._database.read(spending, period, by)


def spending(connection: Connection, period: Period, by: By) -> tuple[Spending, ...]:
    """What was booked within the period: the dearest first, days in order."""
    lines: dict[str, Spending] = defaultdict(lambda: Spending(subject="", sums=Sums()))
    for row in connection.execute(_booked(period, by)):
        line = lines[_subject(row.subject, period)]
        line.sums.add(row.kind, int(row.amount))
        if row.kind == EntryKind.CAPTURE:
            line.clips += row.entries
    for row in connection.execute(_spoken(period, by)):
        lines[_subject(row.subject, period)].dialogue += int(row.cost)
    for row in connection.execute(_borne(period, by)):
        lines[_subject(row.subject, period)].house += int(row.amount)
    for subject, line in lines.items():
        line.subject = subject
    if by == "day":
        return tuple(lines[day] for day in sorted(lines))
    dearest = sorted(lines.values(), key=lambda line: line.subject)
    return tuple(sorted(dearest, key=lambda line: (line.sums.captured, line.sums.held, line.dialogue), reverse=True))


def _subject(subject: Any, period: Period) -> str:
    return subject.astimezone(period.zone).date().isoformat() if isinstance(subject, datetime) else subject or ""


def _booked(period: Period, by: By) -> Select[Any]:
    """The ledger's sums. By day the database tells moments apart and Python the days: SQLite knows no time zones."""
    moves = (EntryKind.HOLD.value, EntryKind.CAPTURE.value, EntryKind.RELEASE.value)
    return (
        select(
            _of_generation(by, ledger.c.at).label("subject"),
            ledger.c.kind,
            func.sum(ledger.c.amount).label("amount"),
            func.count().label("entries"),
        )
        .select_from(ledger.join(generations, generations.c.id == ledger.c.generation_id))
        .where(ledger.c.kind.in_(moves), ledger.c.at >= period.begin, ledger.c.at < period.end)
        .group_by("subject", ledger.c.kind)
    )


def _borne(period: Period, by: By) -> Select[Any]:
    """The costs of the house."""
    return (
        select(_of_generation(by, house_costs.c.at).label("subject"), func.sum(house_costs.c.amount).label("amount"))
        .select_from(house_costs.join(generations, generations.c.id == house_costs.c.generation_id))
        .where(house_costs.c.at >= period.begin, house_costs.c.at < period.end)
        .group_by("subject")
    )


def _of_generation(by: By, at: ColumnElement[Any]) -> ColumnElement[Any]:
    """What a line is about, for what belongs to a generation."""
    subjects: dict[By, ColumnElement[Any]] = {
        "person": generations.c.requester_id,
        "channel": _channel(generations.c.platform, generations.c.chat),
        "team": generations.c.team,
        "model": generations.c.model,
        "day": at,
    }
    return subjects[by]


def _spoken(period: Period, by: By) -> Select[Any]:
    """What the dialogue models cost."""
    subjects: dict[By, ColumnElement[Any]] = {
        "person": func.coalesce(
            func.nullif(model_calls.c.person_id, ""),
            # In rows of before the person was saved:
            func.nullif(conversations.c.owner_id, ""),
            _latest("requester_id"),
        ),
        "channel": case(
            (conversations.c.id.is_(None), ""), else_=_channel(conversations.c.platform, conversations.c.chat)
        ),
        "team": _latest("team"),
        "model": model_calls.c.model,
        "day": model_calls.c.at,
    }
    calls = (
        select(subjects[by].label("subject"), model_calls.c.cost)
        .select_from(model_calls.outerjoin(conversations, conversations.c.id == model_calls.c.conversation_id))
        .where(model_calls.c.at >= period.begin, model_calls.c.at < period.end)
        .subquery()
    )
    return select(calls.c.subject, func.sum(calls.c.cost).label("cost")).group_by(calls.c.subject)


def _channel(platform: ColumnElement[str], chat: ColumnElement[str]) -> ColumnElement[str]:
    between = subject_of("", "")
    return platform.concat(literal(between)).concat(chat)


def _latest(column: Literal["requester_id", "team"]) -> ScalarSelect[str]:
    """Of the conversation's newest generation when the call was made: prompts are written for a generation."""
    return (
        select(generations.c[column])
        .where(
            generations.c.conversation_id == model_calls.c.conversation_id,
            generations.c.created_at <= model_calls.c.at,
        )
        .order_by(generations.c.id.desc())
        .limit(1)
        .correlate(model_calls)
        .scalar_subquery()
    )
