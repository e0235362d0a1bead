"""Holds against a limit from several processes at once, on SQLite and on PostgreSQL: never one too many."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.pool import Pool
from pathlib import Path

import pytest

from core.limits import Cap, Limits, OverLimit, caps_of
from core.messages import Person
from core.money import EntryKind
from core.repositories import Changes
from storage.migrations import upgrade
from storage.store import SqlStore
from tests.storage.postgres import fresh_database
from tests.storage.samples import ANN, NOW, a_conversation, a_generation, an_entry, later

PRICE = 280_000
FITS = 7
PROCESSES = 4
TAPS = 100
RUNS = 20


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'reelbot.db'}"
        return
    with fresh_database(request.getfixturevalue("postgres_server")) as address:
        yield address


@pytest.fixture(scope="module")
def processes() -> Iterator[Pool]:
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        yield pool


def _people(run: int) -> list[Person]:
    return [Person(id=f"fake:{run}-{number}", name="P") for number in range(20)]


def _caps(generation_id: int, run: int) -> tuple[Cap, ...]:
    """A limit for everyone together that begins anew with each run."""
    limits = Limits(everyone_day=FITS * PRICE + PRICE - 1, orders_per_person=5)
    return tuple(
        replace(cap, since=later(run * 60)) if cap.since else cap
        for cap in caps_of(a_generation(generation_id), limits, NOW)
    )


async def _prepare(url: str, run: int) -> None:
    store = SqlStore(url)
    people = _people(run)
    generations = tuple(a_generation(run * TAPS + number + 1, requester=people[number % 20]) for number in range(TAPS))
    conversation = (a_conversation(),) if run == 0 else ()
    await store.commit(Changes(conversations=conversation, generations=generations, conversation_id="c1", at=NOW))
    await store.close()


def tap(url: str, run: int, part: int) -> int:
    """What one process does: a quarter of the taps, all at once; returns how many of them hold money."""

    async def work() -> int:
        store = SqlStore(url)
        numbers = [run * TAPS + number + 1 for number in range(part, TAPS, PROCESSES)]

        async def one(number: int) -> int:
            entry = replace(
                an_entry(EntryKind.HOLD, amount=PRICE, generation_id=number), at=later(run * 60 + 1), person_id="x"
            )
            changes = Changes(entries=(entry,), caps=_caps(number, run), conversation_id="c1", at=NOW)
            try:
                await store.commit(changes)
            except OverLimit:
                return 0
            return 1

        held = sum(await asyncio.gather(*map(one, numbers)))
        await store.close()
        return held

    return asyncio.run(work())


@pytest.mark.timeout(240)
def test_a_hundred_holds_from_four_processes_stay_within(url: str, processes: Pool) -> None:
    asyncio.run(upgrade(url))
    for run in range(RUNS):
        asyncio.run(_prepare(url, run))
        held = processes.starmap(tap, [(url, run, part) for part in range(PROCESSES)])
        assert sum(held) == FITS, f"run {run}: {held}"


async def test_what_counts_against_a_limit(url: str) -> None:
    await upgrade(url)
    store = SqlStore(url)
    bob = replace(ANN, id="telegram:2", team="T1")
    await store.commit(
        Changes(
            conversations=(a_conversation(),),
            generations=(a_generation(1), a_generation(2), a_generation(3, requester=bob), a_generation(4)),
            conversation_id="c1", at=NOW,
        )
    )  # fmt: skip
    for number, end in ((1, EntryKind.CAPTURE), (2, EntryKind.RELEASE), (3, None), (4, None)):
        for kind in (EntryKind.QUOTE, EntryKind.HOLD, *([end] if end else [])):
            amount = 100 if kind is EntryKind.CAPTURE else 150
            entry = an_entry(kind, amount=amount, generation_id=number)
            await store.commit(Changes(entries=(replace(entry, at=later(-60 if number == 4 else 60)),), at=NOW))
    limits = Limits(person_day=1, channel_month=1, team_month=1, everyone_day=1, orders=1)
    caps = tuple(
        replace(cap, since=NOW) if cap.since else cap for cap in caps_of(a_generation(9, requester=bob), limits, NOW)
    )
    assert await store.standing(caps) == (150, 250, 150, 250, 0)
    await store.close()
