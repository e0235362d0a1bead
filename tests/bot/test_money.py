"""`reelbot money` as an admin uses it, and a decision that is taken beside a running bot."""

from __future__ import annotations

import asyncio
import csv
import io
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.money import csv_of, harmless, released
from core import texts
from core.booking import booked
from core.errors import OrderUnanswered, PermanentError, StaleRow
from core.generation import Generation, GenerationStatus
from core.messages import Person
from core.money import EntryKind
from core.ports import Reconciliation
from core.reading import TokenUse
from core.repositories import Changes
from storage.migrations import upgrade
from storage.proof import Sums
from storage.reports import Reports, Spending
from storage.store import SqlStore
from tests.bot.test_cli import reelbot
from tests.core.test_generation import a_generation, a_plan, an_order
from tests.fakes import FakeVideoProvider
from tests.stage import Stage
from tests.storage.postgres import fresh_database
from tests.storage.samples import NOW, a_conversation

S = GenerationStatus
K = EntryKind
ANN = Person(id="slack:ann", name="Ann", team="=T1")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with a clip that is done, one that is being made, one whose answer was lost, and one that failed."""
    if request.param == "sqlite":
        address = f"sqlite:///{tmp_path / 'reelbot.db'}"
        asyncio.run(filled(address))
        yield address
        return
    with fresh_database(request.getfixturevalue("postgres_server")) as address:
        asyncio.run(filled(address))
        yield address


async def filled(url: str) -> None:
    """Make the database."""
    await upgrade(url)
    store = SqlStore(url)
    rows: tuple[tuple[Generation, tuple[EntryKind, ...]], ...] = (
        (a_generation(11, S.COMPLETED, requester=ANN), (K.QUOTE, K.HOLD, K.CAPTURE)),
        (a_generation(12, S.PROCESSING, requester=ANN, order=an_order()), (K.QUOTE, K.HOLD)),
        (
            a_generation(13, S.AMBIGUOUS, plan=a_plan(amount=123_456), order=an_order(), due_at=NOW),
            (K.QUOTE, K.HOLD),
        ),
        (a_generation(14, S.FAILED), (K.QUOTE, K.HOLD, K.RELEASE)),
        (a_generation(15, S.AMBIGUOUS, order=an_order()), (K.QUOTE, K.HOLD)),
        (a_generation(16, S.UNDELIVERABLE), (K.QUOTE, K.HOLD, K.RELEASE)),
    )
    reasons = {K.QUOTE: "shown", K.HOLD: "ordered", K.CAPTURE: "delivered", K.RELEASE: "undeliverable"}
    await store.commit(Changes(conversations=(a_conversation(owner_id="fake:ann"),), at=NOW))
    for row, kinds in rows:
        await store.commit(
            Changes(
                generations=(replace(row, revision=0),),
                entries=tuple(booked(row, kind, reasons[kind], NOW) for kind in kinds),
                uses=(TokenUse(model="gemini", purpose="read", tokens_in=1, tokens_out=1, cost=250),),
                conversation_id="c1",
                at=NOW,
            )
        )
    await store.close()


def money(url: str, *commands: tuple[str, ...], **variables: str) -> list[tuple[int, str, str]]:
    """Exit code, stdout and stderr of each command, run one after the other."""
    ended = [reelbot("money", *arguments, DATABASE_URL=url, **variables) for arguments in commands]
    return [(done.returncode, done.stdout, done.stderr) for done in ended]


def firsts(table: str) -> list[str]:
    """The first word of each line."""
    return [line.split()[0] for line in table.splitlines()]


# --- on the command line ---------------------------------------------------------------------------------------------


def test_from_the_check_to_the_decision(url: str) -> None:
    checked, waiting, held, settled, again, left, at_last = money(
        url,
        ("check",),
        ("list", "--ambiguous"),
        ("list",),
        ("settle", "v13", "--release", "--reason", "No such\norder at the service"),
        ("settle", "V13", "--release"),
        ("list", "--ambiguous"),
        ("check",),
    )
    assert [code for code, _, _ in (checked, waiting, held, settled, again, left, at_last)] == [0, 0, 0, 0, 1, 0, 0]
    assert ["Still", "held", "$1.243456"] in [line.split() for line in checked[1].splitlines()]
    assert checked[1].endswith("The ledger is right.\n")

    lines = waiting[1].splitlines()
    assert firsts(waiting[1]) == ["Video", "v13", "v15", "End"]
    assert "still looked for" in lines[1]
    assert "$0.123456" in lines[1]
    assert "still looked for" not in lines[2]
    assert f"{NOW:%Y-%m-%d %H:%M} UTC" in lines[2]
    assert firsts(held[1]) == ["Video", "v12", "v13", "v15"]

    assert settled[1] == "v13 is dropped and $0.123456 given back. fake:ann is told as soon as the bot runs.\n"
    assert again[2].startswith("v13 is cancelled: only an ambiguous one")
    assert firsts(left[1]) == ["Video", "v15", "End"]
    assert ["Still", "held", "$1.12"] in [line.split() for line in at_last[1].splitlines()]


def test_a_report_as_a_table_and_for_spreadsheets(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'reelbot.db'}"
    asyncio.run(filled(url))
    day = ("report", "--since", "2026-11-21", "--until", "2026-11-21")
    next_day = ("report", "--since", "2026-11-22", "--until", "2026-11-22", "--by", "day", "--csv")
    table, sheet, empty, backwards = money(
        url,
        day,
        (*day, "--by", "team", "--csv"),
        next_day,
        ("report", "--since", "2026-11-22", "--until", "2026-11-21"),
    )
    assert [line.split() for line in table[1].splitlines()[:4]] == [
        ["Person", "Held", "Captured", "Released", "Clips", "Dialogue", "House"],
        ["slack:ann", "$1.12", "$0.56", "$0.00", "1", "$0.00", "$0.00"],
        ["fake:ann", "$1.803456", "$0.00", "$1.12", "0", "$0.0015", "$0.00"],
        ["Total", "$2.923456", "$0.56", "$1.12", "1", "$0.0015", "$0.00"],
    ]
    assert table[1].endswith("From 2026-11-21 to 2026-11-21, both included; days begin at midnight in UTC.\n")
    assert list(csv.reader(io.StringIO(sheet[1]))) == [
        ["team", "held_usd", "captured_usd", "released_usd", "clips", "dialogue_usd", "house_usd"],
        ["'=T1", "1.12", "0.56", "0.00", "1", "0.00", "0.00"],
        ["", "1.803456", "0.00", "1.12", "0", "0.0015", "0.00"],
    ]
    assert empty[1].splitlines() == ["day,held_usd,captured_usd,released_usd,clips,dialogue_usd,house_usd"]
    assert backwards[0] == 2
    assert "before --since" in backwards[2]
    # Noon in London is the next day in Kiritimati already.
    shifted = money(url, next_day, BUDGET_ZONE="Pacific/Kiritimati")
    assert firsts(shifted[0][1])[1] == "2026-11-22,2.923456,0.56,1.12,1,0.0015,0.00"


def test_what_is_wrong_is_said_and_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "reelbot.db"
    asyncio.run(filled(f"sqlite:///{path}"))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE ledger SET amount = 990000 WHERE kind = 'capture'")
    ((code, said, errors),) = money(f"sqlite:///{path}", ("check",))
    assert (code, errors) == (1, "")
    assert "v11: $0.99 is captured, but $0.56 was held.\n" in said
    assert said.endswith("1 thing is wrong.\n")


def test_what_cannot_be_settled_is_said_and_nothing_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "reelbot.db"
    asyncio.run(filled(f"sqlite:///{path}"))
    before = path.read_bytes()
    expected = {
        ("settle", "v12", "--release"): (1, "v12 is processing: only an ambiguous one"),
        ("settle", "v99", "--release"): (1, "There is no v99."),
        ("settle", "v13"): (2, "--release gives it back"),
        ("settle", "fox", "--release"): (2, "name it like v12"),
    }
    for (code, said, errors), (right, sentence) in zip(
        money(f"sqlite:///{path}", *expected), expected.values(), strict=True
    ):
        assert (code, said) == (right, "")
        assert sentence in errors
    assert path.read_bytes() == before


def test_without_a_database_it_says_what_to_run(tmp_path: Path) -> None:
    commands = (("check",), ("list",), ("report", "--since", "2026-11-01"), ("settle", "v1", "--release"))
    for code, said, errors in money(f"sqlite:///{tmp_path / 'none.db'}", *commands):
        assert (code, said) == (1, "")
        assert "reelbot db upgrade" in errors
    assert list(tmp_path.iterdir()) == []


# --- cells -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\rx", "\nx", "＝1"])
def test_a_formula_becomes_text(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "slack:U1", "veo-3.1-fast", "2026-11-21", "telegram -100"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert harmless(text) == text


def test_text_with_quotes_and_lines_stays_one_cell() -> None:
    line = Spending(subject='a,"b"\nc', sums=Sums(held=1), clips=2, dialogue=75, house=560_000)
    rows = list(csv.reader(io.StringIO(csv_of([line], "team"))))
    assert rows[1] == ['a,"b"\nc', "0.000001", "0.00", "0.00", "2", "0.000075", "0.56"]


# --- beside a running bot --------------------------------------------------------------------------------------------


@pytest.fixture
async def beside(stage: Stage) -> AsyncIterator[SqlStore]:
    """The database of the stage, opened by somebody else."""
    store = SqlStore(f"sqlite:///{stage.folder / 'reelbot.db'}")
    await store.open()
    yield store
    await store.close()


async def lost(stage: Stage) -> Generation:
    """A clip that was ordered, and no answer came."""
    stage.provider.on_order = [OrderUnanswered()]
    await stage.say("make me a video: a boat at sea at night, cinematic, 4 seconds")
    await stage.press(stage.platform.with_button("Make it"), "Make it")
    row = await stage.finished()
    assert row.status is S.AMBIGUOUS
    return row


async def proved(stage: Stage) -> tuple[str, ...]:
    """What the check finds."""
    reports = Reports(f"sqlite:///{stage.folder / 'reelbot.db'}")
    found = (await reports.prove()).findings
    await reports.close()
    return found


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("the service never saw it", "My operator says: “the service never saw it”"),
        ("", "My operator looked into the lost order and closed it."),
    ],
)
async def test_the_person_is_told_by_the_running_bot(stage: Stage, beside: SqlStore, reason: str, told: str) -> None:
    row = await lost(stage)
    ended = await released(beside, row.id, reason, stage.clock.now())
    assert (ended.status, ended.reason, ended.due_at) == (S.CANCELLED, reason, None)
    await stage.product.listen()
    await stage.product.work()
    await stage.finished()
    said = [shown.text for shown in stage.platform.shown if shown.text.startswith(texts.endings.cancelled(row))]
    assert said == [f"{texts.endings.cancelled(row)} {told}"]
    assert texts.working.finished_line(ended) in [shown.text for shown in stage.platform.shown]
    assert (await stage.store.balance(row.id)).keys() == {"quote", "hold", "release"}
    with closing(sqlite3.connect(stage.folder / "reelbot.db")) as connection:
        assert connection.execute("SELECT generation_id, reason FROM house_costs").fetchall() == [(1, "unanswered")]
    await stage.press(stage.platform.with_button("Order again"), "Order again")
    await stage.press(stage.platform.with_button("Drop it"), "Drop it")
    assert (await stage.generation()).status is S.CANCELLED
    assert len(stage.provider.orders) == 1
    assert await proved(stage) == ()


async def test_a_worker_that_finds_the_order_meanwhile_lets_go(stage: Stage, beside: SqlStore) -> None:
    class FoundTooLate(FakeVideoProvider):
        async def reconcile(self, order_key: str, model: str) -> str | Reconciliation:
            await released(beside, 1, "", stage.clock.now())
            return "operation/found"

    row = await lost(stage)
    await stage.store.commit(Changes(generations=(replace(row, due_at=stage.clock.now()),), at=stage.clock.now()))
    stage.provider = FoundTooLate()
    stage.wire()
    await stage.product.work()
    assert (await stage.finished()).status is S.CANCELLED
    assert (await stage.store.balance(1)).keys() == {"quote", "hold", "release"}
    await stage.product.work()
    assert await proved(stage) == ()


async def test_a_row_that_moves_at_the_same_moment_is_not_settled(stage: Stage) -> None:
    class Overtaken(SqlStore):
        """Somebody else saves between what is read and what is saved."""

        async def generation(self, generation_id: int) -> Generation | None:
            read = await super().generation(generation_id)
            if read is not None:
                moved = replace(read, due_at=stage.clock.now() + timedelta(seconds=9))
                await stage.store.commit(Changes(generations=(moved,), at=stage.clock.now()))
            return read

    await lost(stage)
    before = await stage.store.balance(1)
    store = Overtaken(f"sqlite:///{stage.folder / 'reelbot.db'}")
    with pytest.raises(PermanentError, match="nothing was settled") as raised:
        await released(store, 1, "", stage.clock.now())
    await store.close()
    assert isinstance(raised.value.__cause__, StaleRow)
    assert (await stage.generation()).status is S.AMBIGUOUS
    assert await stage.store.balance(1) == before


async def test_two_admins_at_once_settle_it_once(stage: Stage, beside: SqlStore) -> None:
    await lost(stage)
    decisions: list[Any] = await asyncio.gather(
        *(released(store, 1, "", stage.clock.now()) for store in (stage.store, beside)), return_exceptions=True
    )
    assert sorted(type(decision).__name__ for decision in decisions) == ["Generation", "PermanentError"]
    assert (await stage.generation()).status is S.CANCELLED
    assert await proved(stage) == ()
