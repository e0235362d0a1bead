"""The proof of the ledger and the reports, over SQLite and PostgreSQL, on rows that the store itself has saved."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, text

from core.booking import booked, house_cost
from core.errors import PermanentError
from core.generation import Generation, GenerationStatus
from core.messages import ConversationKey, Person
from core.money import EntryKind, LedgerEntry, exact_dollars
from core.reading import TokenUse
from core.repositories import Changes
from storage import proof
from storage.database import Database
from storage.proof import STANDS, Proof, Stand
from storage.reports import By, Period, Reports, Spending
from storage.store import SqlStore
from tests.core.test_generation import a_generation, a_plan, an_order
from tests.storage.samples import NOW, a_conversation
from tests.storage.sqlite import fresh_file

S = GenerationStatus
K = EntryKind
DAY = date(2026, 11, 21)
ANN = Person(id="slack:ann", name="Ann", team="T1")
BOB = Person(id="telegram:bob", name="Bob")
THERE = ConversationKey(platform="slack", chat="T1:C1", thread="1.2")

REST = "amount, generation_id, conversation_id, person_id, team, reason, at, hold_id FROM ledger"
"""What is copied of a ledger's row."""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    return fresh_file(tmp_path) if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
async def store(url: str) -> AsyncIterator[SqlStore]:
    """The rows."""
    store = SqlStore(url)
    await store.open()
    await store.commit(Changes(conversations=(a_conversation("c1", current=False),), at=NOW))
    yield store
    await store.close()


@pytest.fixture
async def reports(url: str) -> AsyncIterator[Reports]:
    """What is under test."""
    reports = Reports(url)
    await reports.open()
    yield reports
    await reports.close()


def entries(row: Generation, *kinds: EntryKind, reason: str = "", at: datetime = NOW) -> tuple[LedgerEntry, ...]:
    """The row's entries, with the reasons that the program gives them."""
    given = {K.QUOTE: "shown", K.HOLD: "ordered", K.CAPTURE: "delivered", K.RELEASE: reason or "failed"}
    return tuple(booked(row, kind, given[kind], at) for kind in kinds)


async def keep(store: SqlStore, row: Generation, *kinds: EntryKind, reason: str = "", at: datetime = NOW) -> None:
    """Save a generation with its money."""
    saved = Changes(generations=(replace(row, revision=0),), entries=entries(row, *kinds, reason=reason, at=at), at=NOW)
    await store.commit(saved)


async def all_is_well(store: SqlStore) -> None:
    """One generation of each right kind."""
    quoted, held = (K.QUOTE,), (K.QUOTE, K.HOLD)
    rows: tuple[tuple[GenerationStatus, tuple[EntryKind, ...], str, dict[str, Any]], ...] = (
        (S.PENDING_CLARIFICATION, (), "", {"plan": None}),
        (S.PENDING_CONFIRMATION, (*quoted, *quoted), "", {}),
        (S.EXPIRED, quoted, "", {}),
        (S.CANCELLED, quoted, "", {}),
        (S.QUEUED, held, "", {}),
        (S.SUBMITTING, held, "", {}),
        (S.PROCESSING, held, "", {"requester": ANN}),
        (S.DOWNLOADING, held, "", {}),
        (S.DELIVERING, held, "", {}),
        (S.DELIVERING, (*held, K.RELEASE), "undeliverable", {}),
        (S.AMBIGUOUS, held, "", {}),
        (S.UNDELIVERABLE, held, "", {"due_at": NOW, "elsewhere": THERE}),
        (S.UNDELIVERABLE, (*held, K.RELEASE), "undeliverable", {}),
        (S.COMPLETED, (*held, K.CAPTURE), "", {"requester": ANN}),
        (S.COMPLETED, (*held, K.CAPTURE), "", {"plan": a_plan(amount=0)}),
        (S.COMPLETED, (*held, K.RELEASE), "undeliverable", {}),
        (S.FAILED, (*held, K.RELEASE), "failed", {}),
        (S.REFUSED, (*held, K.RELEASE), "refused", {"requester": ANN}),
        (S.CANCELLED, (*held, K.RELEASE), "settled", {}),
    )
    for number, (status, kinds, reason, fields) in enumerate(rows, 1):
        await keep(store, a_generation(number, status, **fields), *kinds, reason=reason)


async def tamper(url: str, *statements: str) -> None:
    """Change rows by hand, in a ledger without constraints."""

    def change(connection: Connection) -> None:
        connection.execute(text("ALTER TABLE ledger RENAME TO strict_ledger"))
        connection.execute(text("CREATE TABLE ledger AS SELECT * FROM strict_ledger"))
        try:
            for statement in statements:
                connection.execute(text(statement))
        except Exception as error:
            raise AssertionError(statement) from error

    database = Database(url)
    await database.write(change)
    await database.close()


@pytest.fixture
async def mended(url: str) -> AsyncIterator[None]:
    """Puts the ledger's constraints back, for the tests that share the database."""
    yield
    if url.startswith("postgresql"):

        def mend(connection: Connection) -> None:
            connection.execute(text("DROP TABLE ledger"))
            connection.execute(text("ALTER TABLE strict_ledger RENAME TO ledger"))

        database = Database(url)
        await database.write(mend)
        await database.close()


# --- the proof -------------------------------------------------------------------------------------------------------


def test_the_proof_knows_every_status() -> None:
    assert set(STANDS) == set(GenerationStatus)


def test_amounts_are_told_to_the_last_digit() -> None:
    amounts = (0, 560_000, 75, -1_000_000, 12_345_600, 3_000_000_000)
    assert [*map(exact_dollars, amounts)] == ["$0.00", "$0.56", "$0.000075", "-$1.00", "$12.3456", "$3000.00"]


async def test_what_the_program_books_is_right(store: SqlStore, reports: Reports) -> None:
    await all_is_well(store)
    proof = await reports.prove()
    assert proof.findings == ()
    assert (proof.generations, proof.people, proof.teams) == (19, 2, 1)
    assert (proof.sums.held, proof.sums.captured, proof.sums.released) == (14 * 560_000, 560_000, 6 * 560_000)
    assert proof.open == 7 * 560_000
    assert proof.spared == 0


async def test_an_empty_database_is_right(reports: Reports) -> None:
    assert (await reports.prove()).findings == ()


WRONG: tuple[tuple[GenerationStatus, tuple[EntryKind, ...], Stand], ...] = (
    *((status, (K.QUOTE,), Stand.NONE) for status in GenerationStatus),
    *((status, (K.QUOTE, K.HOLD), Stand.OPEN) for status in GenerationStatus),
    *((status, (K.QUOTE, K.HOLD, K.CAPTURE), Stand.CAPTURED) for status in GenerationStatus),
    *((status, (K.QUOTE, K.HOLD, K.RELEASE), Stand.RELEASED) for status in GenerationStatus),
)
RIGHT = {
    Stand.NONE: {S.PENDING_CLARIFICATION, S.PENDING_CONFIRMATION, S.PENDING_APPROVAL, S.EXPIRED, S.CANCELLED},
    Stand.OPEN: {S.QUEUED, S.SUBMITTING, S.PROCESSING, S.DOWNLOADING, S.PENDING_REVIEW, S.DELIVERING, S.AMBIGUOUS},
    Stand.CAPTURED: {S.COMPLETED},
    Stand.RELEASED: {S.FAILED, S.REFUSED, S.CANCELLED},
}


async def test_money_that_is_not_where_the_status_says_is_found(store: SqlStore, reports: Reports) -> None:
    """Every status with every stand of its money, in one database."""
    for number, (status, kinds, _) in enumerate(WRONG, 1):
        await keep(store, a_generation(number, status), *kinds)
    found = {finding.split()[0] for finding in (await reports.prove()).findings if " but " in finding}
    wrong = {f"v{number}" for number, (status, _, stand) in enumerate(WRONG, 1) if status not in RIGHT[stand]}
    assert found - {"$0.56"} >= wrong
    assert {name for name in found if name.startswith("v")} == wrong


@pytest.mark.parametrize(
    ("row", "kinds", "finding"),
    [
        (
            a_generation(12, S.COMPLETED),
            (K.QUOTE, K.HOLD),
            "v12 is completed, but its money is held; right would be: captured or released, its clip kept.",
        ),
        (
            a_generation(12, S.UNDELIVERABLE, due_at=NOW, elsewhere=THERE),
            (K.QUOTE, K.HOLD, K.RELEASE),
            "v12 is undeliverable, but its money is released; right would be: held.",
        ),
        (
            a_generation(12, S.PROCESSING),
            (K.QUOTE,),
            "v12 is processing, but nothing is held; right would be: held.",
        ),
    ],
)
async def test_a_finding_says_what_would_be_right(
    store: SqlStore, reports: Reports, row: Generation, kinds: tuple[EntryKind, ...], finding: str
) -> None:
    await keep(store, row, *kinds)
    assert finding in (await reports.prove()).findings


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (
            "UPDATE ledger SET amount = 600000 WHERE kind = 'capture'",
            "v1: $0.60 is captured, but $0.56 was held.",
        ),
        ("UPDATE ledger SET amount = 500000 WHERE kind = 'release'", "v2: $0.50 is released, but $0.56 was held."),
        ("UPDATE ledger SET amount = -1 WHERE kind = 'quote'", "v1: the quote of -$0.000001 is negative."),
        ("UPDATE ledger SET amount = 570000 WHERE kind = 'hold'", "v1: $0.57 is held, but its card said $0.56."),
        (
            "UPDATE ledger SET amount = 550000 WHERE kind = 'quote'",
            "v1: $0.56 is held, but at most $0.55 was ever shown for it.",
        ),
        ("DELETE FROM ledger WHERE kind = 'quote'", "v1: $0.56 is held, but no price at all was ever shown for it."),
        (
            f"INSERT INTO ledger SELECT id + 9000, kind, {REST} WHERE kind = 'capture'",
            "v1 ended 2 times: capture, capture.",
        ),
        (
            f"INSERT INTO ledger SELECT id + 9000, 'release', {REST} WHERE kind = 'capture'",
            "v1 ended 2 times: capture, release.",
        ),
        (
            f"INSERT INTO ledger SELECT id + 9000, kind, {REST} WHERE kind = 'hold' AND generation_id = 2",
            "v2 is held 2 times.",
        ),
        (
            "UPDATE ledger SET hold_id = (SELECT id FROM ledger WHERE kind = 'hold' AND generation_id = 2)"
            " WHERE kind = 'capture'",
            "v1: its capture of $0.56 ends no hold of its own.",
        ),
        (
            "UPDATE ledger SET person_id = 'slack:eve' WHERE kind = 'capture'",
            "v1 belongs to slack:ann of team T1 in conversation c1, but its capture is booked to slack:eve of team T1 "
            "in conversation c1.",
        ),
        (
            "UPDATE ledger SET person_id = 'slack:eve' WHERE kind = 'capture'",
            "The ledger has $0.00 held, $0.56 captured, $0.00 released for slack:eve, but the videos there come to "
            "$0.00 held, $0.00 captured, $0.00 released.",
        ),
        (
            "UPDATE ledger SET team = 'T2' WHERE kind = 'hold' AND generation_id = 1",
            "The ledger has $0.56 held, $0.00 captured, $0.00 released for team T2, but the videos there come to "
            "$0.00 held, $0.00 captured, $0.00 released.",
        ),
        (
            "UPDATE ledger SET generation_id = 77 WHERE kind = 'capture'",
            "The ledger has a capture of $0.56 for v77, which does not exist.",
        ),
        (
            "UPDATE ledger SET generation_id = 77 WHERE kind = 'capture'",
            "The whole ledger has $1.12 held, $0.56 captured, $0.56 released, but all videos together come to $1.12 "
            "held, $0.00 captured, $0.56 released.",
        ),
        (
            "DELETE FROM ledger WHERE kind = 'release'",
            "$0.56 of all holds has not ended, but $0.00 belongs to videos that are still under way or wait for a "
            "decision.",
        ),
        (
            "UPDATE generations SET status = 'dreaming' WHERE id = 1",
            "v1 has the status dreaming, which this check does not know.",
        ),
        (
            "UPDATE generations SET quote_amount = NULL WHERE id = 1",
            "v1: $0.56 is held, but its card said nothing.",
        ),
        (
            "INSERT INTO model_calls (at, model, purpose, tokens_in, tokens_out, cost)"
            " VALUES ('2026-11-21 12:00:00.000000', 'm', 'read', 1, 1, -5)",
            "A call of a dialogue model at 2026-11-21 12:00 UTC comes to -$0.000005.",
        ),
        (
            "INSERT INTO house_costs (generation_id, amount, reason, at)"
            " VALUES (2, -560000, 'flawed', '2026-11-21 12:00:00.000000')",
            "A cost of the house at 2026-11-21 12:00 UTC comes to -$0.56.",
        ),
    ],
)
@pytest.mark.usefixtures("mended")
async def test_what_no_constraint_keeps_out_any_more_is_found(
    url: str, store: SqlStore, reports: Reports, change: str, finding: str
) -> None:
    await keep(store, a_generation(1, S.COMPLETED, requester=ANN), K.QUOTE, K.HOLD, K.CAPTURE)
    await keep(store, a_generation(2, S.FAILED, requester=BOB), K.QUOTE, K.HOLD, K.RELEASE)
    assert (await reports.prove()).findings == ()
    await tamper(url, change)
    assert finding in (await reports.prove()).findings


@pytest.mark.usefixtures("mended")
async def test_a_capture_below_its_hold_is_right(url: str, store: SqlStore, reports: Reports) -> None:
    await keep(store, a_generation(1, S.COMPLETED), K.QUOTE, K.HOLD, K.CAPTURE)
    await tamper(url, "UPDATE ledger SET amount = 60000 WHERE kind = 'capture'")
    proof = await reports.prove()
    assert (proof.findings, proof.spared) == ((), 500_000)


@pytest.mark.parametrize("page", [1, 2, 18, 19, 20])
async def test_it_goes_through_every_page(url: str, store: SqlStore, reports: Reports, page: int) -> None:
    await all_is_well(store)
    database = Database(url)
    assert await database.read(proof.examine, page=page) == await reports.prove()
    await database.close()


async def test_it_sees_one_moment_while_the_bot_goes_on(url: str, store: SqlStore) -> None:
    """What is delivered between two statements of the check belongs wholly to what comes after it."""
    row = a_generation(1, S.DELIVERING)
    await keep(store, row, K.QUOTE, K.HOLD)
    database = Database(url)
    loop = asyncio.get_running_loop()
    delivered = Changes(
        generations=(row.moved(S.COMPLETED, NOW),), entries=entries(row, K.CAPTURE), conversation_id="c1", at=NOW
    )

    def work(connection: Connection) -> Proof:
        with proof.snapshot(connection):
            connection.execute(text("SELECT count(*) FROM generations"))
            asyncio.run_coroutine_threadsafe(store.commit(delivered), loop).result(timeout=10)
            return proof.examine(connection)

    seen = await database.read(work)
    assert (seen.findings, seen.open, seen.sums.captured) == ((), 560_000, 0)
    now = await database.read(proof.prove)
    assert (now.findings, now.open, now.sums.captured) == ((), 0, 560_000)
    await database.close()


async def test_the_check_waits_for_nobody_who_writes(tmp_path: Path) -> None:
    reports = Reports(fresh_file(tmp_path), busy_timeout_s=0.02)
    with closing(sqlite3.connect(tmp_path / "reelbot.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert (await reports.prove()).findings == ()
        other.execute("ROLLBACK")
    await reports.close()


async def test_a_missing_database_is_said_so(tmp_path: Path) -> None:
    reports = Reports(f"sqlite:///{tmp_path / 'none.db'}")
    with pytest.raises(PermanentError, match="reelbot db upgrade"):
        await reports.open()
    await reports.close()


# --- reports ---------------------------------------------------------------------------------------------------------


def period(first: date = DAY, last: date = DAY, zone: str = "UTC") -> Period:
    """Some days; one unless told."""
    return Period(first=first, last=last, zone=UTC if zone == "UTC" else ZoneInfo(zone))


def told(lines: tuple[Spending, ...]) -> list[tuple[str, int, int, int, int, int, int]]:
    """Subject, held, captured, released, clips, dialogue, house."""
    return [
        (one.subject, one.sums.held, one.sums.captured, one.sums.released, one.clips, one.dialogue, one.house)
        for one in lines
    ]


def a_use(cost: int, model: str = "gemini") -> TokenUse:
    """A paid call."""
    return TokenUse(model=model, purpose="read", tokens_in=1, tokens_out=1, cost=cost)


async def a_busy_day(store: SqlStore) -> None:
    """Ann's thread in Slack with one clip and one failure, Bob's clip in Telegram, and what the dialogue cost."""
    thread = a_conversation("c2", key=THERE, owner_id="")
    own = a_conversation("c3", key=ConversationKey(platform="telegram", chat="7"), owner_id=BOB.id)
    await store.commit(Changes(conversations=(thread, own), at=NOW))
    hers: dict[str, Any] = {"requester": ANN, "conversation_id": "c2", "key": THERE}
    his: dict[str, Any] = {"requester": BOB, "conversation_id": "c3", "key": own.key}
    veo = an_order(provider="veo", model="veo-3.1")
    await keep(store, a_generation(1, S.COMPLETED, order=veo, **hers), K.QUOTE, K.HOLD, K.CAPTURE)
    await keep(store, a_generation(2, S.FAILED, **hers), K.QUOTE, K.HOLD, K.RELEASE)
    await keep(store, a_generation(3, S.COMPLETED, plan=a_plan(amount=70_000), **his), K.QUOTE, K.HOLD, K.CAPTURE)
    eve_reads = NOW + timedelta(seconds=1)
    for conversation, at, cost, person in (
        ("c2", eve_reads, 10, "slack:eve"),
        ("c2", NOW + timedelta(seconds=2), 200, ""),
        ("c3", NOW + timedelta(seconds=3), 3_000, ""),
        ("c3", NOW + timedelta(seconds=4), 40_000, BOB.id),
        ("", NOW + timedelta(seconds=5), 500_000, ""),
    ):
        await store.commit(Changes(uses=(a_use(cost),), conversation_id=conversation, person_id=person, at=at))
    failure = await store.generation(2)
    assert failure is not None
    await store.commit(Changes(house=(house_cost(failure, "flawed", NOW),), at=NOW))


@pytest.mark.parametrize(
    ("by", "lines"),
    [
        (
            "person",
            [
                (ANN.id, 1_120_000, 560_000, 560_000, 1, 200, 560_000),
                (BOB.id, 70_000, 70_000, 0, 1, 43_000, 0),
                ("", 0, 0, 0, 0, 500_000, 0),
                ("slack:eve", 0, 0, 0, 0, 10, 0),
            ],
        ),
        (
            "channel",
            [
                ("slack T1:C1", 1_120_000, 560_000, 560_000, 1, 210, 560_000),
                ("telegram 7", 70_000, 70_000, 0, 1, 43_000, 0),
                ("", 0, 0, 0, 0, 500_000, 0),
            ],
        ),
        ("team", [("T1", 1_120_000, 560_000, 560_000, 1, 210, 560_000), ("", 70_000, 70_000, 0, 1, 543_000, 0)]),
        (
            "model",
            [
                ("veo-3.1", 560_000, 560_000, 0, 1, 0, 0),
                ("animatic-1", 630_000, 70_000, 560_000, 1, 0, 560_000),
                ("gemini", 0, 0, 0, 0, 543_210, 0),
            ],
        ),
        ("day", [("2026-11-21", 1_190_000, 630_000, 560_000, 2, 543_210, 560_000)]),
    ],
)
async def test_a_report_by_whoever_it_is_about(
    store: SqlStore, reports: Reports, by: By, lines: list[tuple[str, int, int, int, int, int, int]]
) -> None:
    await a_busy_day(store)
    assert told(await reports.spending(period(), by)) == lines


async def test_a_clip_over_midnight_is_in_both_days(store: SqlStore, reports: Reports) -> None:
    berlin = "Europe/Berlin"
    before, midnight = datetime(2026, 11, 21, 22, 59, 59, 999_999, tzinfo=UTC), datetime(2026, 11, 21, 23, tzinfo=UTC)
    row = a_generation(1, S.DELIVERING)
    await keep(store, row, K.QUOTE, K.HOLD, at=before)
    done = Changes(
        generations=(row.moved(S.COMPLETED, midnight),), entries=entries(row, K.CAPTURE, at=midnight), at=midnight
    )
    await store.commit(done)
    next_day = DAY + timedelta(days=1)
    both = told(await reports.spending(period(DAY, next_day, berlin), "day"))
    assert both == [("2026-11-21", 560_000, 0, 0, 0, 0, 0), ("2026-11-22", 0, 560_000, 0, 1, 0, 0)]
    assert told(await reports.spending(period(DAY, DAY, berlin), "day")) == both[:1]
    assert told(await reports.spending(period(next_day, next_day, berlin), "person")) == [
        (row.requester.id, 0, 560_000, 0, 1, 0, 0)
    ]
    assert told(await reports.spending(period(), "day")) == [("2026-11-21", 560_000, 560_000, 0, 1, 0, 0)]


def test_a_day_of_25_hours_is_whole() -> None:
    autumn = period(date(2026, 10, 25), date(2026, 10, 25), "Europe/Berlin")
    assert autumn.end.astimezone(UTC) - autumn.begin.astimezone(UTC) == timedelta(hours=25)


async def test_a_period_without_anything_has_no_lines(store: SqlStore, reports: Reports) -> None:
    await a_busy_day(store)
    assert await reports.spending(period(DAY - timedelta(days=2), DAY - timedelta(days=1)), "person") == ()
