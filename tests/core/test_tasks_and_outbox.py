"""The small machines below the stages: tasks by key, pauses that can be cut short and the outbox."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from core.claiming import Alone
from core.errors import PermanentError, TemporaryError
from core.messages import ConversationKey, Post
from core.outbox import GIVE_UP_AFTER, MAX_WAIT_S, SENDING_S, Outbox
from core.repositories import Unsent
from core.waits import Waits
from core.wakeful import Wakeful
from tests.clock import START, FakeClock
from tests.fakes import FakePlatform
from tests.stage import HERE

# --- tasks -----------------------------------------------------------------------------------------------------------


async def test_one_task_a_key_and_no_wake_is_lost() -> None:
    begun: list[str] = []
    gate = asyncio.Event()

    async def work(key: str) -> None:
        begun.append(key)
        await gate.wait()

    tasks = Wakeful(work, "test")
    tasks.wake("a")
    await asyncio.sleep(0)
    tasks.wake("a")
    tasks.wake("a")
    tasks.wake("b")
    await asyncio.sleep(0)
    assert begun == ["a", "b"]
    assert tasks.busy("a")
    gate.set()
    await tasks.settled("a")
    await tasks.settled("b")
    assert begun == ["a", "b", "a"]
    assert not tasks.busy("a")


async def test_an_error_ends_one_run_and_the_next_wake_starts_another() -> None:
    runs = 0

    async def work(key: str) -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise ValueError("broken")

    tasks = Wakeful(work, "test")
    for _ in range(2):
        tasks.wake("a")
        await tasks.settled("a")
    assert runs == 2


async def test_what_was_stopped_starts_nothing_more() -> None:
    ended: list[str] = []

    async def work(key: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(key)

    tasks = Wakeful(work, "test")
    tasks.wake("a")
    await asyncio.sleep(0)
    await tasks.stop()
    assert ended == ["a"]
    tasks.wake("a")
    assert not tasks.busy("a")


async def test_a_pause_ends_by_itself_or_when_woken() -> None:
    clock = FakeClock()
    waits = Waits(clock)
    pause = asyncio.create_task(waits.pause(1, 10))
    await asyncio.sleep(0.01)
    clock.advance(9)
    await asyncio.sleep(0)
    assert not pause.done()
    clock.advance(1)
    await asyncio.wait_for(pause, 0.2)
    pause = asyncio.create_task(waits.pause(1, 10))
    await asyncio.sleep(0.01)
    waits.wake(1)
    await asyncio.wait_for(pause, 0.2)
    assert clock.now() == START + timedelta(seconds=10)


async def test_a_wake_between_two_pauses_counts_once() -> None:
    waits = Waits(FakeClock())
    waits.wake(1)
    await asyncio.wait_for(waits.pause(1, 10), 0.2)
    pause = asyncio.create_task(waits.pause(1, 10))
    await asyncio.sleep(0.01)
    assert not pause.done()
    waits.wake(2)
    waits.forget(2)
    waits.forget(3)
    pause.cancel()


# --- the outbox ------------------------------------------------------------------------------------------------------


class Rows:
    """The `OutboxRows` port in memory, for one place."""

    def __init__(self, *posts: Post) -> None:
        self.rows = dict(enumerate(posts, 1))
        self.attempts = dict.fromkeys(self.rows, 0)
        self.marked: dict[int, str] = {}
        self.moved: dict[int, ConversationKey] = {}
        self.due: dict[int, datetime] = {}

    async def unsent(self, key: ConversationKey, now: datetime) -> tuple[Unsent, ...]:
        found = []
        for number, post in self.rows.items():
            if number not in self.marked and post.key == key:
                if self.due.get(number, now) > now:
                    break
                found.append(Unsent(row=number, post=post, attempts=self.attempts[number], message_id=""))
        return tuple(found)

    async def unsent_keys(self, now: datetime) -> tuple[ConversationKey, ...]:
        return tuple(dict.fromkeys(post.key for post in self.rows.values()))

    async def reserve(self, rows: Collection[int], now: datetime, until: datetime) -> list[int]:
        free = [row for row in rows if row not in self.marked and self.due.get(row, now) <= now]
        self.due |= dict.fromkeys(free, until)
        return free

    async def sent(
        self, rows: Mapping[int, str], now: datetime, *, moved: Mapping[int, ConversationKey] | None = None
    ) -> None:
        self.marked |= rows
        self.moved |= moved or {}

    async def postpone(self, row: int, until: datetime, *, counted: bool = True) -> None:
        self.attempts[row] += counted
        self.due[row] = until


class PickyPlatform(FakePlatform):
    """Takes posts as the test says: by text, an error to raise once or for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.refuses: dict[str, Exception] = {}
        self.hangs = ""

    async def post(self, post: Post, message_id: str) -> str:
        if post.text == self.hangs:
            await asyncio.Event().wait()
        if post.text in self.refuses:
            raise self.refuses[post.text]
        return await super().post(post, message_id)


def outbox_of(rows: Rows, platform: FakePlatform, clock: FakeClock, *, shared: bool = False) -> Outbox:
    return Outbox(rows=rows, platforms={"fake": platform}, claims=Alone(), clock=clock, shared=shared)


def posts(*texts: str, anchor: str = "") -> list[Post]:
    return [Post(key=HERE, text=text, anchor=anchor) for text in texts]


def texts_of(platform: FakePlatform) -> list[str]:
    return [shown.text for shown in platform.shown]


async def test_what_is_said_goes_out_in_order_and_once() -> None:
    rows, platform = Rows(*posts("one", "two", "three")), PickyPlatform()
    outbox = outbox_of(rows, platform, FakeClock())
    await outbox.sweep()
    await outbox.settled(HERE)
    await outbox.sweep()
    await outbox.settled(HERE)
    assert texts_of(platform) == ["one", "two", "three"]
    assert list(rows.marked) == [1, 2, 3]


async def test_posts_with_one_anchor_are_one_message_also_within_one_go() -> None:
    rows, platform = Rows(*posts("one", "two", anchor="card:1"), *posts("three")), PickyPlatform()
    await outbox_of(rows, platform, FakeClock()).send(HERE)
    assert texts_of(platform) == ["two", "three"]
    assert rows.marked[1] == rows.marked[2] != rows.marked[3]


async def test_a_service_that_says_later_holds_back_what_follows() -> None:
    rows, platform, clock = Rows(*posts("one", "two", "three")), PickyPlatform(), FakeClock()
    outbox = outbox_of(rows, platform, clock)
    platform.refuses["two"] = TemporaryError(retry_after=7.0)
    await outbox.send(HERE)
    assert texts_of(platform) == ["one"]
    assert rows.due == {2: clock.now() + timedelta(seconds=7)}
    clock.advance(6)
    platform.refuses.clear()
    await outbox.send(HERE)
    assert texts_of(platform) == ["one"]
    clock.advance(1)
    await outbox.send(HERE)
    assert texts_of(platform) == ["one", "two", "three"]


async def test_waits_grow_and_at_last_a_sentence_is_given_up_for_the_next() -> None:
    rows, platform, clock = Rows(*posts("one", "two")), PickyPlatform(), FakeClock()
    outbox = outbox_of(rows, platform, clock)
    platform.refuses["one"] = TemporaryError()
    waits = []
    while 1 not in rows.marked:
        before = clock.now()
        await outbox.send(HERE)
        if 1 not in rows.marked:
            waits.append((rows.due[1] - before).total_seconds())
            clock.advance(waits[-1])
    assert waits[:4] == [1.0, 2.0, 4.0, 8.0]
    assert max(waits) == MAX_WAIT_S
    assert len(waits) == GIVE_UP_AFTER
    assert rows.marked[1] == ""
    assert texts_of(platform) == ["two"]


async def test_what_will_never_be_taken_is_given_up_at_once() -> None:
    rows, platform = Rows(*posts("one", "two")), PickyPlatform()
    platform.refuses["one"] = PermanentError("the chat is gone")
    await outbox_of(rows, platform, FakeClock()).send(HERE)
    assert rows.marked[1] == ""
    assert texts_of(platform) == ["two"]


async def test_a_stop_in_the_middle_keeps_note_of_what_was_sent() -> None:
    rows, platform = Rows(*posts("one", "two")), PickyPlatform()
    platform.hangs = "two"
    outbox = outbox_of(rows, platform, FakeClock())
    outbox.wake(HERE)
    await asyncio.sleep(0.01)
    await outbox.stop()
    assert list(rows.marked) == [1]


async def test_a_stop_before_anything_was_sent_notes_nothing() -> None:
    rows, platform = Rows(*posts("one")), PickyPlatform()
    platform.hangs = "one"
    outbox = outbox_of(rows, platform, FakeClock())
    outbox.wake(HERE)
    await asyncio.sleep(0.01)
    await outbox.stop()
    assert rows.marked == {}


class FullDisk(Rows):
    """Takes no notes for the first `full` tries."""

    full = 3

    def _check(self) -> None:
        if self.full:
            self.full -= 1
            raise TemporaryError("database or disk is full")

    async def sent(
        self, rows: Mapping[int, str], now: datetime, *, moved: Mapping[int, ConversationKey] | None = None
    ) -> None:
        self._check()
        await super().sent(rows, now, moved=moved)

    async def postpone(self, row: int, until: datetime, *, counted: bool = True) -> None:
        self._check()
        await super().postpone(row, until, counted=counted)


async def test_what_was_said_while_the_disk_was_full_is_not_said_again() -> None:
    rows, platform = FullDisk(*posts("one", "two")), FakePlatform()
    async with FakeClock() as clock:
        outbox = outbox_of(rows, platform, clock)
        outbox.wake(HERE)
        await outbox.settled(HERE)
    assert texts_of(platform) == ["one", "two"]
    assert len(rows.marked) == 2


async def test_a_wait_that_was_asked_for_is_kept_while_the_disk_is_full() -> None:
    rows, platform = FullDisk(*posts("one")), PickyPlatform()
    platform.refuses["one"] = TemporaryError("busy", retry_after=60.0)
    async with FakeClock() as clock:
        outbox = outbox_of(rows, platform, clock)
        outbox.wake(HERE)
        await outbox.settled(HERE)
    assert rows.due[1] >= START + timedelta(seconds=60)


async def test_what_is_on_its_way_is_not_sent_by_another_process_whose_claim_was_cut() -> None:
    rows, platform, clock = Rows(*posts("one", "two")), PickyPlatform(), FakeClock()
    slow, other = (outbox_of(rows, platform, clock, shared=True) for _ in range(2))  # each with claims of its own
    platform.hangs = "one"
    slow.wake(HERE)
    await asyncio.sleep(0.01)
    platform.hangs = ""
    await other.send(HERE)
    assert texts_of(platform) == []
    clock.advance(SENDING_S)  # whoever had it is gone
    await other.send(HERE)
    assert texts_of(platform) == ["one", "two"]
    await slow.stop()


async def test_a_place_of_another_program_is_left_alone() -> None:
    elsewhere = ConversationKey(platform="elsewhere", chat="1")
    rows, platform = Rows(Post(key=elsewhere, text="one")), PickyPlatform()
    await outbox_of(rows, platform, FakeClock()).send(elsewhere)
    assert rows.marked == {}
