"""What the store of rows does, over SQLite and over PostgreSQL: the ports `Inbox`, `Generations` and `OutboxRows`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core.errors import PermanentError, StaleRow
from core.generation import Generation, GenerationStatus
from core.messages import ConversationKey, Incoming
from core.money import EntryKind
from core.reading import TokenUse
from core.repositories import Admitted, Changes, Generations, Inbox, OutboxPost, OutboxRows, PostedMessage
from storage.database import Database
from storage.outgoing import PAGE
from storage.store import SqlStore
from storage.tables import model_calls, turns
from tests.storage.samples import (
    ANN,
    KEY,
    NOW,
    a_conversation,
    a_generation,
    a_message,
    a_post,
    a_press,
    a_turn,
    an_entry,
    finished,
    full_conversation,
    full_generation,
    full_message,
    later,
)
from tests.storage.sqlite import fresh_file

ELSEWHERE = ConversationKey(platform="telegram", chat="-200")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    return fresh_file(tmp_path) if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
async def store(url: str) -> AsyncIterator[SqlStore]:
    """An open store."""
    store = SqlStore(url)
    await store.open()
    yield store
    await store.close()


def changes(**values: Any) -> Changes:
    """Changes of conversation c1."""
    return Changes(**{"conversation_id": "c1", "at": NOW, **values})


async def _begin(store: SqlStore, *generations: Generation) -> None:
    await store.commit(changes(conversations=(a_conversation(),), generations=generations))


async def _generation(store: SqlStore, number: int = 1) -> Generation:
    found = await store.generation(number)
    assert found is not None
    return found


PORTS: tuple[type[Inbox], type[Generations], type[OutboxRows]] = (SqlStore, SqlStore, SqlStore)
"""Checked by mypy: one class is all three."""


# --- inbox


async def test_a_repeated_event_is_kept_once(store: SqlStore) -> None:
    assert await store.receive(full_message(), NOW)
    assert not await store.receive(full_message(), later(1))
    assert await store.receive(replace(full_message(), key=replace(KEY, platform="slack")), NOW)
    assert len(await store.waiting(KEY)) == 1


async def test_the_same_event_at_once_is_kept_once(store: SqlStore) -> None:
    won = await asyncio.gather(*(store.receive(a_message(), NOW) for _ in range(5)))
    assert sorted(won) == [False] * 4 + [True]


async def test_waiting_gives_events_as_they_came_in_order(store: SqlStore) -> None:
    odd = a_message(3, text="half a pair: \ud83d, nul: \x00")
    events: tuple[Incoming, ...] = (full_message(), a_press(1, ref="cb"), odd)
    for number, event in enumerate(events):
        await store.receive(event, later(number))
    await store.receive(a_message(9, key=ELSEWHERE), NOW)
    waiting = await store.waiting(KEY)
    assert [item.incoming for item in waiting[:2]] == list(events[:2])
    assert waiting[2].incoming == a_message(3, text="half a pair: ?, nul: \x00")
    assert [item.received_at for item in waiting] == [NOW, later(1), later(2)]
    assert waiting[0].received_at.tzinfo is not None
    assert await store.waiting_keys() == (KEY, ELSEWHERE)


async def test_a_row_is_done_once_and_then_known_by_its_message(store: SqlStore) -> None:
    await store.receive(a_message(1), NOW)
    await store.receive(a_press(1, id="m77"), NOW)
    rows = tuple(item.row for item in await store.waiting(KEY))
    assert await store.conversation_of(KEY, "m1") is None
    await store.commit(changes(done=rows, conversations=(a_conversation(),)))
    assert await store.waiting(KEY) == ()
    assert await store.waiting_keys() == ()
    assert await store.conversation_of(KEY, "m1") == "c1"
    assert await store.conversation_of(ELSEWHERE, "m1") is None
    assert await store.conversation_of(KEY, "m77") is None
    with pytest.raises(StaleRow):
        await store.commit(changes(done=rows[:1]))


async def test_an_edited_message_stays_in_its_conversation(store: SqlStore) -> None:
    other = a_conversation("c2", owner_id="telegram:2")
    await store.commit(changes(conversations=(a_conversation(), other)))
    for number, conversation in ((1, "c1"), (2, "c2")):
        await store.receive(a_message(number, id="m1", edited=number == 2), NOW)
        rows = tuple(item.row for item in await store.waiting(KEY))
        await store.commit(changes(done=rows, conversation_id=conversation))
    assert await store.conversation_of(KEY, "m1") == "c1"


async def test_rows_that_belong_nowhere_are_done_too(store: SqlStore) -> None:
    await store.receive(a_message(), NOW)
    rows = tuple(item.row for item in await store.waiting(KEY))
    await store.commit(changes(done=rows, conversation_id="", posts=(OutboxPost(post=a_post()),)))
    assert await store.waiting(KEY) == ()
    assert await store.conversation_of(KEY, "m1") is None


# --- conversations


async def test_a_conversation_comes_back_whole(store: SqlStore) -> None:
    await store.commit(changes(conversations=(full_conversation(),)))
    scene = await store.scene("c1")
    assert scene is not None
    assert scene.conversation == replace(full_conversation(), revision=1)
    assert await store.scene("none") is None


async def test_current_and_list_are_somebodys_own(store: SqlStore) -> None:
    await store.commit(changes(conversations=(a_conversation("c1"),)))
    scene = await store.scene("c1")
    assert scene is not None
    old = replace(scene.conversation, current=False)
    new = a_conversation("c2", updated_at=later(5))
    theirs = a_conversation("c3", owner_id="telegram:2")
    elsewhere = a_conversation("c4", key=ELSEWHERE)
    await store.commit(changes(conversations=(new, theirs, old, elsewhere)))
    assert await store.current(KEY, ANN.id) == "c2"
    assert await store.current(KEY, "telegram:2") == "c3"
    assert await store.current(KEY, "telegram:3") is None
    assert [item.id for item in await store.conversations(KEY, ANN.id)] == ["c2", "c1"]


async def test_only_one_of_an_owner_is_current_in_a_place(store: SqlStore) -> None:
    await store.commit(changes(conversations=(a_conversation("c1"),)))
    with pytest.raises(StaleRow):
        await store.commit(changes(conversations=(a_conversation("c2"),)))
    assert [item.id for item in await store.conversations(KEY, ANN.id)] == ["c1"]


async def test_a_list_ends_after_twenty(store: SqlStore) -> None:
    many = tuple(a_conversation(f"c{n}", current=False, updated_at=later(n)) for n in range(25))
    await store.commit(changes(conversations=many))
    assert [item.id for item in await store.conversations(KEY, ANN.id)] == [f"c{n}" for n in range(24, 4, -1)]


async def test_a_scene_holds_what_is_alive_and_the_last_ten_others(store: SqlStore) -> None:
    alive = [s for s in GenerationStatus if s in ("pending_clarification", "queued", "processing", "ambiguous")]
    ended = [a_generation(n, status=GenerationStatus.COMPLETED) for n in range(5, 18)]
    await _begin(store, *(a_generation(n, status=status) for n, status in enumerate(alive, 1)), *ended)
    scene = await store.scene("c1")
    assert scene is not None
    assert [generation.id for generation in scene.generations] == [*range(17, 7, -1), 4, 3, 2, 1]


# --- saving


async def test_a_full_generation_comes_back_equal(store: SqlStore) -> None:
    generation = full_generation()
    await _begin(store, generation)
    assert await store.generation(41) == replace(generation, revision=1)
    assert await store.generation(42) is None


async def test_moments_are_utc_whatever_the_zone_they_came_in(store: SqlStore) -> None:
    local = timezone(timedelta(hours=5, minutes=30))
    await _begin(store, a_generation(due_at=later(60).astimezone(local), status=GenerationStatus.PROCESSING))
    assert await store.due(later(59), "processing") == ()
    (found,) = await store.due(later(60), "processing")
    assert found.due_at == later(60)
    await store.receive(a_message(), NOW.astimezone(local))
    (item,) = await store.waiting(KEY)
    assert item.received_at == NOW
    assert item.received_at.utcoffset() == timedelta(0)


async def test_a_save_counts_the_revision_and_needs_the_one_it_read(store: SqlStore) -> None:
    await _begin(store, a_generation())
    first = await _generation(store)
    await store.commit(changes(generations=(replace(first, prompt="A fox"),)))
    with pytest.raises(StaleRow, match="v1"):
        await store.commit(changes(generations=(replace(first, prompt="A cat"),)))
    assert await _generation(store) == replace(first, prompt="A fox", revision=2)


async def test_what_exists_is_not_made_again(store: SqlStore) -> None:
    await _begin(store, a_generation())
    with pytest.raises(StaleRow):
        await store.commit(changes(generations=(a_generation(prompt="second"),)))
    with pytest.raises(StaleRow):
        await store.commit(changes(conversations=(a_conversation(owner_id="telegram:2"),)))
    with pytest.raises(StaleRow):
        await store.commit(changes(generations=(a_generation(2, revision=3),)))


async def test_a_stale_save_leaves_nothing_behind(store: SqlStore) -> None:
    await _begin(store, a_generation(1), a_generation(2))
    await store.receive(a_message(), NOW)
    rows = tuple(item.row for item in await store.waiting(KEY))
    one, two = await _generation(store, 1), await _generation(store, 2)
    await store.commit(changes(generations=(two,)))
    everything = changes(
        done=rows,
        conversations=(a_conversation("c2", owner_id="telegram:2"),),
        generations=(replace(one, prompt="new"), two),
        turns=(a_turn(),),
        entries=(an_entry(EntryKind.HOLD),),
        posts=(OutboxPost(post=a_post(), generation_id=1),),
        uses=(TokenUse(model="m", purpose="read", tokens_in=1, tokens_out=2, cost=3),),
    )
    with pytest.raises(StaleRow):
        await store.commit(everything)
    assert await store.waiting_keys() == (KEY,)
    assert await _generation(store, 1) == one
    assert await store.balance(1) == {}
    assert await store.unsent_keys(NOW) == ()
    assert await store.scene("c2") is None
    await store.commit(replace(everything, generations=(replace(one, prompt="new"), await _generation(store, 2))))
    assert await store.waiting_keys() == ()
    assert (await _generation(store, 1)).prompt == "new"
    assert await store.balance(1) == {"hold": 560_000}
    assert await store.unsent_keys(NOW) == (KEY,)


async def test_of_many_that_save_at_once_one_wins(url: str, store: SqlStore) -> None:
    await _begin(store, a_generation())
    read = await _generation(store)
    other = SqlStore(url)
    saves = (
        (store, other)[n % 2].commit(
            changes(generations=(replace(read, prompt=str(n)),), entries=(an_entry(EntryKind.QUOTE, amount=n),))
        )
        for n in range(1, 9)
    )
    results = await asyncio.gather(*saves, return_exceptions=True)
    await other.close()
    assert sum(result is None for result in results) == 1
    assert sum(isinstance(result, StaleRow) for result in results) == 7
    winner = next(n for n, result in enumerate(results, 1) if result is None)
    assert (await _generation(store)).prompt == str(winner)
    assert await store.balance(1) == {"quote": winner}


async def test_a_conversation_that_is_not_there_is_refused(store: SqlStore) -> None:
    with pytest.raises(PermanentError):
        await store.commit(changes(generations=(a_generation(),)))


async def test_a_cancelled_save_is_whole_and_blocks_nobody(store: SqlStore) -> None:
    await _begin(store, *(a_generation(n) for n in range(1, 31)))
    for number in range(1, 31):
        read = await _generation(store, number)
        save = asyncio.create_task(
            store.commit(
                changes(
                    generations=(replace(read, prompt="saved"),),
                    entries=(an_entry(EntryKind.HOLD, amount=1, generation_id=number),),
                )
            )
        )
        for _ in range(number):
            await asyncio.sleep(0)
        save.cancel()
        await asyncio.gather(save, return_exceptions=True)
    for number in range(1, 31):
        saved = (await _generation(store, number)).prompt == "saved"
        assert await store.balance(number) == ({"hold": 1} if saved else {})
    read = await _generation(store, 1)
    await store.commit(changes(generations=(replace(read, prompt="after"),)))
    assert (await _generation(store, 1)).prompt == "after"


# --- generations


async def test_ids_are_given_out_once(url: str, store: SqlStore) -> None:
    other = SqlStore(url)
    given = await asyncio.gather(*((store, other)[n % 2].reserve_generation_ids(n % 3 + 1) for n in range(20)))
    await other.close()
    ids = [number for some in given for number in some]
    assert sorted(ids) == list(range(1, len(ids) + 1))
    assert all(list(some) == list(range(some[0], some[0] + len(some))) for some in given)


async def test_generations_are_found_by_status_and_time(store: SqlStore) -> None:
    processing, queued = GenerationStatus.PROCESSING, GenerationStatus.QUEUED
    await _begin(
        store,
        a_generation(3, status=processing, due_at=later(10)),
        a_generation(1, status=processing),
        a_generation(2, status=queued, due_at=later(-10)),
    )
    assert [g.id for g in await store.with_status("processing", "queued")] == [1, 2, 3]
    assert [g.id for g in await store.with_status("failed")] == []
    assert [g.id for g in await store.due(NOW, "processing", "queued")] == [2]
    assert [g.id for g in await store.due(later(10), "processing")] == [3]


async def test_generations_are_counted_and_told_apart_without_their_rows(store: SqlStore) -> None:
    processing, queued = GenerationStatus.PROCESSING, GenerationStatus.QUEUED
    await _begin(store, *(a_generation(n, status=queued if n == 2 else processing) for n in (3, 1, 2)))
    assert [await store.count(*found) for found in (("processing", "queued"), ("queued",), ("failed",), ())] == [
        3,
        1,
        0,
        0,
    ]
    revisions = await store.revisions("processing", "queued")
    assert list(revisions) == [1, 2, 3]
    assert list(await store.revisions("queued")) == [2]
    assert await store.revisions("failed") == {}
    before = await store.some([3, 1, 99])
    assert [(row.id, row.revision) for row in before] == [(1, revisions[1]), (3, revisions[3])]
    assert await store.some([]) == ()
    await store.commit(changes(generations=(replace(before[1], told_late=True),)))
    assert await store.revisions("processing", "queued") == {**revisions, 3: revisions[3] + 1}
    assert [row.told_late for row in await store.some([3])] == [True]


async def test_who_was_let_in_is_known_whatever_became_of_it(store: SqlStore) -> None:
    bob = replace(ANN, id="telegram:2")
    plan = full_generation().plan
    await _begin(
        store,
        a_generation(1, status=GenerationStatus.CANCELLED, plan=plan, entered={"submitting": later(30)}),
        a_generation(2, status=GenerationStatus.PROCESSING, requester=bob, entered={"submitting": later(20)}),
        a_generation(3, status=GenerationStatus.PROCESSING, entered={"submitting": later(30)}),
        a_generation(4, status=GenerationStatus.QUEUED, entered={"queued": later(40)}),
        a_generation(5, status=GenerationStatus.COMPLETED, entered={"submitting": later(9)}),
    )
    bobs = Admitted(person_id=bob.id, model="", at=later(20))
    anns = Admitted(person_id=ANN.id, model="animatic-1", at=later(30))
    assert await store.admitted(later(10)) == (bobs, anns, replace(anns, model=""))
    assert await store.admitted(later(30)) == (anns, replace(anns, model=""))
    assert await store.admitted(later(31)) == ()


async def test_of_what_is_let_in_again_the_last_time_counts(store: SqlStore) -> None:
    await _begin(store, a_generation(status=GenerationStatus.AMBIGUOUS, entered={"submitting": later(1)}))
    first = Admitted(person_id=ANN.id, model="", at=later(1))
    again = replace(await _generation(store), status=GenerationStatus.QUEUED, entered={})
    await store.commit(changes(generations=(again,)))
    assert await store.admitted(NOW) == (first,), "also while it waits once more"
    await store.commit(changes(generations=((await _generation(store)).moved(GenerationStatus.SUBMITTING, later(60)),)))
    assert await store.admitted(NOW) == (replace(first, at=later(60)),)


async def test_times_are_of_the_models_latest_hundred(store: SqlStore) -> None:
    await _begin(store, *(finished(n, took_s=n + 0.5) for n in range(1, 106)), finished(200, took_s=9, model="other"))
    refused = finished(300, took_s=1)
    assert refused.order is not None
    await store.commit(changes(generations=(replace(refused, order=replace(refused.order, outcome=None)),)))
    assert await store.times("animatic-1") == tuple(n + 0.5 for n in range(105, 5, -1))
    assert await store.times("other") == (9,)
    assert await store.times("none") == ()


# --- ledger


async def test_a_balance_sums_by_kind(store: SqlStore) -> None:
    await _begin(store, a_generation())
    kinds = (EntryKind.QUOTE, EntryKind.QUOTE, EntryKind.HOLD, EntryKind.CAPTURE, EntryKind.ADJUST)
    await store.commit(changes(entries=tuple(an_entry(kind, amount=5_000_000_000) for kind in kinds)))
    assert await store.balance(1) == {
        "quote": 10_000_000_000,
        "hold": 5_000_000_000,
        "capture": 5_000_000_000,
        "adjust": 5_000_000_000,
    }
    assert await store.balance(2) == {}


@pytest.mark.parametrize(
    ("before", "refused"),
    [
        (("hold",), "hold"),
        (("hold", "release"), "hold"),
        ((), "capture"),
        ((), "release"),
        (("hold", "capture"), "release"),
        (("hold", "release"), "capture"),
        (("hold", "capture"), "capture"),
    ],
)
async def test_a_hold_is_taken_once_and_ends_once(store: SqlStore, before: tuple[str, ...], refused: str) -> None:
    await _begin(store, a_generation())
    for kind in before:
        await store.commit(changes(entries=(an_entry(EntryKind(kind)),)))
    kept = await store.balance(1)
    with pytest.raises(PermanentError, match="ledger"):
        await store.commit(changes(entries=(an_entry(EntryKind.QUOTE), an_entry(EntryKind(refused)))))
    assert await store.balance(1) == kept


async def test_a_hold_ends_once_when_two_end_it_at_once(store: SqlStore) -> None:
    await _begin(store, a_generation())
    await store.commit(changes(entries=(an_entry(EntryKind.HOLD),)))
    ends = [store.commit(changes(entries=(an_entry(kind),))) for kind in (EntryKind.CAPTURE, EntryKind.RELEASE) * 2]
    results = await asyncio.gather(*ends, return_exceptions=True)
    assert sum(result is None for result in results) == 1
    assert len(await store.balance(1)) == 2


# --- outbox


async def _say(store: SqlStore, *posts: OutboxPost) -> None:
    await store.commit(changes(posts=posts))


async def test_posts_go_out_in_order_and_once(store: SqlStore) -> None:
    await _begin(store, a_generation())
    full = a_post("One", heading="H", reply_to="m1", progress=0.5, quiet=True, anchor="v1:status")
    await _say(store, OutboxPost(post=full, generation_id=1), OutboxPost(post=a_post("Two")))
    await _say(store, OutboxPost(post=a_post("Three")), OutboxPost(post=a_post("Elsewhere", key=ELSEWHERE)))
    assert await store.unsent_keys(NOW) == (KEY, ELSEWHERE)
    unsent = await store.unsent(KEY, NOW)
    assert unsent[0].post == full
    assert [item.post.text for item in unsent] == ["One", "Two", "Three"]
    assert {(item.attempts, item.message_id) for item in unsent} == {(0, "")}
    await store.sent({unsent[0].row: "m10", unsent[1].row: ""}, NOW)
    assert [item.post.text for item in await store.unsent(KEY, NOW)] == ["Three"]
    assert await store.conversation_of(KEY, "m10") == "c1"
    assert await store.generation_of(KEY, "m10") == 1
    assert await store.generation_of(KEY, "m11") is None
    assert await store.message_of("v1:status") == "m10"
    await store.sent({unsent[0].row: "m99"}, NOW)
    assert await store.message_of("v1:status") == "m10"
    await store.sent({}, NOW)


async def test_a_place_waits_for_its_first_row(store: SqlStore) -> None:
    await _begin(store)
    await _say(store, OutboxPost(post=a_post("One")), OutboxPost(post=a_post("Two")))
    await _say(store, OutboxPost(post=a_post("Elsewhere", key=ELSEWHERE)))
    one, two = await store.unsent(KEY, NOW)
    await store.postpone(one.row, later(30))
    assert await store.unsent(KEY, later(29)) == ()
    assert await store.unsent_keys(later(29)) == (ELSEWHERE,)
    assert await store.unsent_keys(later(30)) == (KEY, ELSEWHERE)
    assert [(i.post.text, i.attempts) for i in await store.unsent(KEY, later(30))] == [("One", 1), ("Two", 0)]
    await store.postpone(two.row, later(60))
    assert [item.post.text for item in await store.unsent(KEY, later(30))] == ["One"]


async def test_a_row_is_reserved_by_one_sender_at_a_time(store: SqlStore) -> None:
    await _begin(store)
    await _say(store, OutboxPost(post=a_post("One")))
    (one,) = await store.unsent(KEY, NOW)
    assert await store.reserve([one.row], NOW, later(20)) == {one.row}
    assert await store.reserve([one.row], later(19), later(40)) == frozenset()
    assert await store.unsent(KEY, later(19)) == ()
    assert await store.reserve([one.row], later(20), later(40)) == {one.row}
    (one,) = await store.unsent(KEY, later(40))
    assert one.attempts == 0
    await store.sent({one.row: "m1"}, later(40))
    assert await store.reserve([one.row], later(50), later(60)) == frozenset()


async def test_of_several_rows_those_are_reserved_that_are_free(store: SqlStore) -> None:
    await _begin(store)
    await _say(store, *(OutboxPost(post=a_post(text, key=key)) for text, key in (("One", KEY), ("Two", ELSEWHERE))))
    await _say(store, OutboxPost(post=a_post("Three")))
    one, three = await store.unsent(KEY, NOW)
    (two,) = await store.unsent(ELSEWHERE, NOW)
    await store.reserve([two.row], NOW, later(20))
    assert await store.reserve([three.row, two.row, one.row], later(5), later(25)) == {one.row, three.row}
    assert await store.unsent_keys(later(21)) == (ELSEWHERE,)
    assert await store.unsent_keys(later(25)) == (KEY, ELSEWHERE)


async def test_what_several_places_said_is_marked_at_once(store: SqlStore) -> None:
    await _begin(store, a_generation(1), a_generation(2))
    here = OutboxPost(post=a_post("Here", anchor="a"), generation_id=1)
    there = OutboxPost(post=a_post("There", key=ELSEWHERE, anchor="b"), generation_id=2)
    await _say(store, here, there, OutboxPost(post=a_post("Never", key=ELSEWHERE)))
    (one,) = await store.unsent(KEY, NOW)
    two, three = await store.unsent(ELSEWHERE, NOW)
    aside = ConversationKey(platform="telegram", chat="7")
    await store.sent({three.row: "", two.row: "m1", one.row: "m1"}, NOW, moved={two.row: aside})
    assert await store.unsent_keys(NOW) == ()
    assert (await store.generation_of(KEY, "m1"), await store.generation_of(aside, "m1")) == (1, 2)
    assert await store.generation_of(ELSEWHERE, "m1") is None
    assert (await store.message_of("a"), await store.message_of("b")) == ("m1", "")


async def test_a_long_queue_is_read_a_page_at_a_time_in_order(store: SqlStore) -> None:
    await _begin(store)
    count = PAGE + 3
    await _say(store, *(OutboxPost(post=a_post(str(number))) for number in range(count)))
    first = await store.unsent(KEY, NOW)
    assert [item.post.text for item in first] == [str(number) for number in range(PAGE)]
    await store.sent({item.row: f"m{item.row}" for item in first}, NOW)
    assert [item.post.text for item in await store.unsent(KEY, NOW)] == [str(number) for number in range(PAGE, count)]


async def test_what_is_out_of_date_is_not_said_any_more(store: SqlStore) -> None:
    await _begin(store)
    posts = [
        OutboxPost(post=a_post(text, anchor=anchor)) for text, anchor in (("1", "late:1"), ("2", ""), ("3", "late:2"))
    ]
    await _say(store, *posts)
    said, *_ = await store.unsent(KEY, NOW)
    await store.sent({said.row: "m1"}, NOW)
    await store.commit(Changes(unsaid=("late:1", "late:2"), at=NOW))
    assert [item.post.text for item in await store.unsent(KEY, NOW)] == ["2"]
    assert await store.message_of("late:1") == "m1"
    assert await store.shown_at("late:2") is None


async def test_a_clock_that_is_set_back_makes_nobody_wait(store: SqlStore) -> None:
    await _begin(store)
    await _say(store, OutboxPost(post=a_post("One")))
    (one,) = await store.unsent(KEY, NOW)
    await store.postpone(one.row, later(7200))
    assert [item.post.text for item in await store.unsent(KEY, NOW)] == ["One"]
    assert await store.unsent_keys(NOW) == (KEY,)


async def test_an_anchor_stands_for_its_latest_message(store: SqlStore) -> None:
    await _begin(store)
    assert await store.message_of("status") == ""
    assert await store.message_of("") == ""
    for text, message_id in (("One", "m10"), ("Two", "m10"), ("Three", "m12")):
        await _say(store, OutboxPost(post=a_post(text, anchor="status")), OutboxPost(post=a_post("aside")))
        first, aside = await store.unsent(KEY, NOW)
        assert first.message_id == await store.message_of("status")
        await store.sent({first.row: message_id, aside.row: f"aside to {text}"}, NOW)
        assert await store.message_of("status") == message_id


async def test_what_stands_under_an_anchor_was_shown_when_its_newest_row_went_out(store: SqlStore) -> None:
    await _begin(store, a_generation())
    assert await store.shown_at("card:1") is None
    await _say(store, OutboxPost(post=a_post("One", anchor="card:1")), OutboxPost(post=a_post("Aside", anchor="x")))
    one, aside = await store.unsent(KEY, NOW)
    await store.sent({aside.row: "m9"}, later(1))
    assert await store.shown_at("card:1") is None
    await store.sent({one.row: "m10"}, later(2))
    assert await store.shown_at("card:1") == later(2)
    await _say(store, OutboxPost(post=a_post("Two", anchor="card:1")))
    (two,) = await store.unsent(KEY, NOW)
    await store.postpone(two.row, later(9))
    assert await store.shown_at("card:1") is None
    await store.sent({two.row: "m10"}, later(10))
    assert await store.shown_at("card:1") == later(10)
    assert await store.shown_at("card:11") is None
    assert await store.shown_at("x") == later(1)


async def test_what_was_given_up_was_not_shown(store: SqlStore) -> None:
    await _begin(store, a_generation())
    for text, message_id, shown in (("One", "m10", later(1)), ("Two", "", None), ("Three", "m10", later(3))):
        await _say(store, OutboxPost(post=a_post(text, anchor="card:1")))
        (row,) = await store.unsent(KEY, NOW)
        await store.sent({row.row: message_id}, later(3 if text == "Three" else 1))
        assert await store.shown_at("card:1") == shown
    await _say(
        store, OutboxPost(post=a_post("Four", anchor="card:1")), OutboxPost(post=a_post("Five", anchor="card:1"))
    )
    four, five = await store.unsent(KEY, NOW)
    await store.sent({five.row: "m10"}, later(4))
    assert await store.shown_at("card:1") is None, "an older one may still go out after it"
    await store.sent({four.row: ""}, later(5))
    assert await store.shown_at("card:1") == later(4)


async def test_two_edits_of_one_message_are_marked_together(store: SqlStore) -> None:
    await _begin(store, a_generation(1), a_generation(2))
    await _say(
        store,
        OutboxPost(post=a_post("One", anchor="a"), generation_id=1),
        OutboxPost(post=a_post("Two", anchor="a"), generation_id=2),
    )
    await store.sent({item.row: "m10" for item in await store.unsent(KEY, NOW)}, NOW)
    assert await store.message_of("a") == "m10"


async def test_a_message_that_went_another_way_is_known_and_keeps_its_anchor(store: SqlStore) -> None:
    await _begin(store, a_generation(1), a_generation(2))
    await _say(store, OutboxPost(post=a_post("Status", anchor="v1:status"), generation_id=1))
    await store.sent({item.row: "m10" for item in await store.unsent(KEY, NOW)}, NOW)
    posted = tuple(PostedMessage(key=KEY, message_id=name, generation_id=2) for name in ("m10", "m20", "m20"))
    await store.commit(changes(messages=posted))
    await store.commit(changes(messages=posted))
    assert await store.generation_of(KEY, "m10") == 2
    assert await store.generation_of(KEY, "m20") == 2
    assert await store.conversation_of(KEY, "m20") == "c1"
    assert await store.message_of("v1:status") == "m10"


# --- what lasts


async def test_a_secret_is_made_once(url: str, store: SqlStore) -> None:
    other = SqlStore(url)
    made = await asyncio.gather(*((store, other)[n % 2].secret("links") for n in range(6)))
    await other.close()
    assert len(set(made)) == 1
    assert len(made[0]) == 32
    assert await store.secret("other") != made[0]


async def test_everything_is_there_after_opening_again(url: str, store: SqlStore) -> None:
    await store.receive(a_message(), NOW)
    await _begin(store, full_generation())
    secret = await store.secret("links")
    await store.close()
    again = SqlStore(url)
    await again.open()
    assert [item.incoming for item in await again.waiting(KEY)] == [a_message()]
    assert await again.generation(41) == replace(full_generation(), revision=1)
    assert await again.secret("links") == secret
    await again.close()


async def test_turns_and_model_calls_are_kept(url: str, store: SqlStore) -> None:
    use = TokenUse(model="m", purpose="read", tokens_in=1, tokens_out=2, cost=3)
    said = (a_turn(text="fox\ud800"), a_turn(text="again"))
    await store.commit(changes(conversations=(a_conversation(),), turns=said, uses=(use, use)))
    database = Database(url)
    kept = await database.read(lambda connection: list(connection.execute(select(turns.c.body, turns.c.at))))
    calls = await database.read(lambda connection: list(connection.execute(select(model_calls))))
    await database.close()
    assert [(turn, at) for turn, at in kept] == [(a_turn(text="fox?"), later(1)), (a_turn(text="again"), later(1))]
    assert [(call.conversation_id, call.at, call.purpose, call.cost) for call in calls] == [("c1", NOW, "read", 3)] * 2


# --- places and people -----------------------------------------------------------------------------------------------


async def test_a_place_is_known_once_something_waits_or_was_said_there(store: SqlStore) -> None:
    assert not await store.known(KEY)
    await store.receive(a_message(), NOW)
    assert await store.known(KEY)
    assert not await store.known(replace(KEY, thread="8"))
    rows = tuple(item.row for item in await store.waiting(KEY))
    await store.commit(changes(done=rows))
    assert not await store.known(KEY)
    await store.commit(changes(conversations=(a_conversation(),)))
    assert await store.known(KEY)


async def test_a_message_can_be_moved_to_another_place(store: SqlStore) -> None:
    await store.receive(a_message(), NOW)
    (item,) = await store.waiting(KEY)
    there = replace(KEY, thread="8")
    moved = replace(a_message(), event_id="e1>", key=there)
    await store.commit(changes(done=(item.row,), received=(moved,)))
    assert await store.waiting(KEY) == ()
    assert [one.incoming for one in await store.waiting(there)] == [moved]
    with pytest.raises(StaleRow):
        await store.commit(changes(done=(item.row,), received=(replace(moved, event_id="e2"),)))
    assert len(await store.waiting(there)) == 1


async def test_everything_of_one_person_in_all_places(store: SqlStore) -> None:
    done, queued = GenerationStatus.COMPLETED, GenerationStatus.QUEUED
    bob = replace(ANN, id="telegram:2")
    await _begin(
        store,
        *(a_generation(number, status=done) for number in range(1, 6)),
        a_generation(6, status=queued),
        a_generation(7, requester=bob),
        a_generation(8, key=replace(KEY, chat="elsewhere")),
    )
    assert [row.id for row in await store.of_person(ANN.id, 3)] == [8, 6, 5, 4, 3]
    assert [row.id for row in await store.of_person(bob.id, 3)] == [7]
    assert await store.of_person("telegram:3", 3) == ()
