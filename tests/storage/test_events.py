"""Events as rows: saved with the change or not at all, handed out one after the other, listed and replayed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.errors import PermanentError, StaleRow
from core.events import event_of
from core.generation import Generation, GenerationStatus
from core.money import EntryKind
from core.repositories import Changes
from storage.store import SqlStore
from tests.storage.samples import NOW, a_conversation, a_generation, an_entry, full_generation, later
from tests.storage.sqlite import fresh_file

S = GenerationStatus
CLAIM = timedelta(seconds=30)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    return fresh_file(tmp_path) if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
async def store(url: str) -> AsyncIterator[SqlStore]:
    """A store that announces, with a conversation in it."""
    store = SqlStore(url, announce=event_of)
    await store.commit(Changes(conversations=(a_conversation(),), at=NOW))
    yield store
    await store.close()


async def go(store: SqlStore, number: int, *statuses: GenerationStatus, at: float = 0.0) -> Generation:
    """Move a generation, one save for each status; returns it as it is then."""
    generation = await store.generation(number) or a_generation(number)
    for status in statuses:
        generation = generation.moved(status, later(at))
        await store.commit(Changes(generations=(generation,), at=later(at)))
        generation = replace(generation, revision=generation.revision + 1)
    return generation


async def told(store: SqlStore, number: int = 1, *, at: float = 0.0) -> list[Any]:
    """Tell everything that is due about a generation; returns what was told."""
    found = []
    while (untold := await store.events.claim(number, later(at), later(at) + CLAIM)) is not None:
        found.append(untold.event.data["status"])
        await store.events.told(untold.row, later(at))
    return found


async def test_each_move_of_an_order_is_an_event_in_its_order(store: SqlStore) -> None:
    woken: list[int] = []
    store.announced = woken.append
    card = a_generation(1, status=S.PENDING_CLARIFICATION)
    await store.commit(Changes(generations=(card,), at=NOW))
    assert not woken
    await go(store, 1, S.PENDING_CONFIRMATION, S.QUEUED, S.SUBMITTING, S.PROCESSING, S.FAILED)
    assert woken == [1, 1, 1, 1]
    kinds = [kept.event.kind.value for kept in await store.events.listed(given_up=False, limit=100)]
    assert [kind.partition(".")[2] for kind in kinds] == ["started", "progress", "progress", "failed"]
    assert await told(store) == ["queued", "submitting", "processing", "failed"]
    assert await told(store) == []


async def test_an_event_comes_back_as_it_was_saved(store: SqlStore) -> None:
    full = replace(full_generation(), revision=0, status=S.QUEUED, entered={"queued": NOW})
    await store.commit(Changes(generations=(full,), at=NOW))
    untold = await store.events.claim(full.id, NOW, later(30))
    assert untold is not None
    assert untold.event == event_of(None, full)
    assert (untold.attempts, untold.tried_since) == (0, None)


async def test_without_anybody_to_tell_there_are_no_events(store: SqlStore, url: str) -> None:
    silent = SqlStore(url)
    await go(silent, 1, S.QUEUED)
    await silent.close()
    assert await store.events.listed(given_up=False, limit=100) == ()


async def test_a_save_that_fails_leaves_no_event(store: SqlStore) -> None:
    queued = await go(store, 1, S.QUEUED)
    seen = len(await store.events.listed(given_up=False, limit=100))
    moved = queued.moved(S.SUBMITTING, NOW)
    with pytest.raises(StaleRow):
        await store.commit(Changes(generations=(replace(moved, revision=0),), at=NOW))
    with pytest.raises(StaleRow):
        await store.commit(Changes(generations=(replace(moved, revision=7),), at=NOW))
    with pytest.raises(PermanentError):
        await store.commit(Changes(generations=(moved,), entries=(an_entry(EntryKind.CAPTURE),), at=NOW))
    assert len(await store.events.listed(given_up=False, limit=100)) == seen


async def test_of_two_who_save_the_same_row_only_one_is_told_of(store: SqlStore, url: str) -> None:
    queued = await go(store, 1, S.QUEUED)
    other = SqlStore(url, announce=event_of)
    moved = (queued.moved(S.SUBMITTING, NOW), queued.moved(S.CANCELLED, NOW))
    saves = (one.commit(Changes(generations=(row,), at=NOW)) for one, row in zip((store, other), moved, strict=True))
    outcomes = await asyncio.gather(*saves, return_exceptions=True)
    await other.close()
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "StaleRow"]
    won = (await go(store, 1)).status.value
    assert await told(store) == ["queued", won]


async def test_one_event_of_a_generation_at_a_time_and_each_to_one_only(store: SqlStore, url: str) -> None:
    await go(store, 1, S.QUEUED, S.SUBMITTING)
    others = [SqlStore(url) for _ in range(4)]
    claims = await asyncio.gather(*(one.events.claim(1, NOW, later(30)) for one in (store, *others, *others)))
    for other in others:
        await other.close()
    (untold,) = [claim for claim in claims if claim is not None]
    assert untold.event.data["status"] == "queued"
    assert await store.events.telling(NOW, 100) == ()
    assert await store.events.claim(1, later(29), later(60)) is None
    again = await store.events.claim(1, later(30), later(60))
    assert again is not None and again.event == untold.event, "whoever had it is gone"


async def test_a_failed_try_puts_off_the_generation_and_is_counted(store: SqlStore) -> None:
    await go(store, 1, S.QUEUED, S.SUBMITTING)
    await go(store, 2, S.QUEUED)
    assert await store.events.telling(NOW, 100) == (1, 2)
    assert await store.events.telling(NOW, 1) == (1,)
    for tries in (1, 2):
        untold = await store.events.claim(1, later(tries * 100), later(tries * 100 + 30))
        assert untold is not None
        await store.events.put_off(untold.row, later(tries * 100 + 50), later(tries * 100))
        assert await store.events.telling(later(tries * 100 + 49), 100) == (2,)
    untold = await store.events.claim(1, later(250), later(300))
    assert untold is not None
    assert (untold.attempts, untold.tried_since) == (2, later(100))
    assert untold.event.data["status"] == "queued"


async def test_what_is_given_up_lets_the_next_one_pass_and_can_be_replayed(store: SqlStore) -> None:
    await go(store, 1, S.QUEUED, S.SUBMITTING, S.PROCESSING)
    untold = await store.events.claim(1, NOW, later(30))
    assert untold is not None
    await store.events.put_off(untold.row, None, later(5))
    assert await told(store, at=6) == ["submitting", "processing"]
    (dead,) = await store.events.listed(given_up=True, limit=100)
    assert (dead.event, dead.attempts, dead.given_up_at) == (untold.event, 1, later(5))

    assert await store.events.replay(None, later(9)) == (untold.event.id,)
    assert await store.events.listed(given_up=True, limit=100) == ()
    anew = await store.events.claim(1, later(9), later(30))
    assert anew is not None
    assert (anew.event, anew.attempts, anew.tried_since) == (untold.event, 0, None)
    await store.events.told(anew.row, later(10))
    assert await store.events.replay(None, later(11)) == ()


async def test_replaying_by_id_takes_what_was_told_too_but_not_what_waits(store: SqlStore) -> None:
    await go(store, 1, S.QUEUED)
    assert await told(store) == ["queued"]
    await go(store, 1, S.SUBMITTING)
    first, second = [kept.event.id for kept in await store.events.listed(given_up=False, limit=100)]
    assert await store.events.replay((first, second, "evt_unknown"), later(1)) == (first,)
    assert await told(store, at=1) == ["queued", "submitting"]


async def test_who_is_late_does_not_undo_what_was_told(store: SqlStore) -> None:
    await go(store, 1, S.QUEUED)
    untold = await store.events.claim(1, NOW, later(1))
    assert untold is not None
    assert await told(store, at=1) == ["queued"]
    await store.events.put_off(untold.row, None, later(2))
    (kept,) = await store.events.listed(given_up=False, limit=100)
    assert (kept.sent_at, kept.given_up_at) == (later(1), None)


async def test_the_list_has_the_newest_in_order(store: SqlStore) -> None:
    await go(store, 1, S.QUEUED, S.SUBMITTING, S.PROCESSING)
    listed = await store.events.listed(given_up=False, limit=2)
    assert [kept.event.data["status"] for kept in listed] == ["submitting", "processing"]


# --- forgetting ------------------------------------------------------------------------------------------------------


async def prune(store: SqlStore, *, told_before: float, given_up_before: float = -1.0, limit: int = 100) -> int:
    """Forget what was told, or given up, before these seconds."""
    return await store.events.prune(later(told_before), later(given_up_before), limit)


async def statuses(store: SqlStore) -> list[Any]:
    """What there are events of."""
    return [kept.event.data["status"] for kept in await store.events.listed(given_up=False, limit=100)]


async def test_what_was_told_before_is_forgotten_and_what_waits_never_is(store: SqlStore) -> None:
    await go(store, 1, S.QUEUED, S.SUBMITTING, at=1)
    assert await told(store, at=2) == ["queued", "submitting"]
    await go(store, 1, S.PROCESSING, at=3)
    assert await told(store, at=4) == ["processing"]
    await go(store, 1, S.DOWNLOADING, at=5)
    assert await prune(store, told_before=2) == 0, "what was told just then stays"
    assert await prune(store, told_before=3) == 2
    assert await statuses(store) == ["processing", "downloading"]
    assert await prune(store, told_before=1_000, given_up_before=1_000) == 1
    assert await statuses(store) == ["downloading"]
    assert await told(store, at=6) == ["downloading"]


async def test_what_was_given_up_is_kept_for_its_own_time_or_until_it_is_told_anew(store: SqlStore) -> None:
    for number in (1, 2):
        await go(store, number, S.QUEUED)
        untold = await store.events.claim(number, NOW, later(1))
        assert untold is not None
        await store.events.put_off(untold.row, None, later(5))
    assert await prune(store, told_before=1_000, given_up_before=5) == 0
    first, second = [kept.event.id for kept in await store.events.listed(given_up=True, limit=100)]
    assert await store.events.replay([first], later(6)) == (first,)
    assert await prune(store, told_before=1_000, given_up_before=1_000) == 1, "the one that was not"
    assert [kept.event.id for kept in await store.events.listed(given_up=False, limit=100)] == [first]
    assert await store.events.replay([second], later(7)) == ()


async def test_so_many_are_forgotten_at_once_the_oldest_first(store: SqlStore) -> None:
    await go(store, 1, S.QUEUED, S.SUBMITTING, S.PROCESSING, S.DOWNLOADING, S.DELIVERING)
    await told(store, at=1)
    assert [await prune(store, told_before=2, limit=2) for _ in range(2)] == [2, 2]
    assert await statuses(store) == ["delivering"]
    assert [await prune(store, told_before=2, limit=2) for _ in range(2)] == [1, 0]


async def test_the_dead_and_the_waiting_do_not_keep_the_told_from_being_forgotten(store: SqlStore) -> None:
    for number in (1, 2, 3):
        await go(store, number, S.QUEUED)
    for number in (1, 2):
        untold = await store.events.claim(number, NOW, later(1))
        assert untold is not None
        await store.events.put_off(untold.row, None if number == 1 else later(50), later(1))
    assert await told(store, 3, at=1) == ["queued"]
    assert await prune(store, told_before=2, limit=1) == 1
    assert len(await statuses(store)) == 2


async def test_how_many_wait_and_were_given_up_is_counted(store: SqlStore) -> None:
    found = await store.backlog([])
    assert (found.events, found.events_waiting, found.events_given_up) == (None, 0, 0)
    await go(store, 1, S.QUEUED, S.SUBMITTING, at=3)
    await go(store, 2, S.QUEUED, at=4)
    await told(store, 2, at=4)
    found = await store.backlog([])
    assert (found.events, found.events_waiting, found.events_given_up) == (later(3), 2, 0)
    untold = await store.events.claim(1, later(5), later(6))
    assert untold is not None
    await store.events.put_off(untold.row, None, later(5))
    found = await store.backlog([])
    assert (found.events, found.events_waiting, found.events_given_up) == (later(3), 1, 1)
