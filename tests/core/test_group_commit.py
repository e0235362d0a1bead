"""One transaction for what many have to save, and the outbox's marks and reservations that go through it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import pytest

from core.claiming import Alone
from core.errors import PermanentError, TemporaryError
from core.group_commit import GroupCommit
from core.messages import ConversationKey, Post
from core.outbox import Outbox
from core.repositories import Unsent
from tests.clock import FakeClock
from tests.core.test_tasks_and_outbox import Rows
from tests.fakes import FakePlatform

PLACES = tuple(ConversationKey(platform="fake", chat=str(number)) for number in range(5))


class Ledger:
    """Takes words and gives back their lengths; holds each save at a gate, and refuses what it is told to."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.groups: list[list[str]] = []
        """What was asked for together, in order."""
        self.saved: list[str] = []
        self.refused: dict[str, Exception] = {}

    async def save_all(self, words: Sequence[str]) -> list[int]:
        self.groups.append(list(words))
        await self.gate.wait()
        for word in words:
            if word in self.refused:
                raise self.refused[word]
        self.saved += words
        return [len(word) for word in words]


async def _turn() -> None:
    """Let everybody else go as far as they can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_what_gathers_while_one_is_saved_goes_together() -> None:
    ledger = Ledger()
    group: GroupCommit[str, int] = GroupCommit(ledger.save_all)
    first = asyncio.create_task(group.save("a"))
    await _turn()
    others = [asyncio.create_task(group.save(word)) for word in ("bb", "ccc", "dddd")]
    await _turn()
    assert ledger.groups == [["a"]]
    ledger.gate.set()
    assert await asyncio.gather(first, *others) == [1, 2, 3, 4]
    assert ledger.groups == [["a"], ["bb", "ccc", "dddd"]]


async def test_nobody_waits_for_company() -> None:
    ledger = Ledger()
    ledger.gate.set()
    group: GroupCommit[str, int] = GroupCommit(ledger.save_all)
    assert [await group.save("a"), await group.save("bb")] == [1, 2]
    assert ledger.groups == [["a"], ["bb"]]


async def test_one_that_cannot_be_saved_keeps_back_nobody_elses() -> None:
    ledger = Ledger()
    ledger.refused["bad"] = PermanentError("never")
    group: GroupCommit[str, int] = GroupCommit(ledger.save_all)
    words = ("a", "bad", "ccc")
    tasks = [asyncio.create_task(group.save(word)) for word in words]
    ledger.gate.set()
    first, bad, last = await asyncio.gather(*tasks, return_exceptions=True)
    assert (first, last) == (1, 3)
    assert bad is ledger.refused["bad"]
    assert ledger.saved == ["a", "ccc"]
    assert await group.save("later") == 5


async def test_while_nothing_can_be_saved_everybody_hears_so() -> None:
    ledger = Ledger()
    ledger.gate.set()
    ledger.refused = {word: TemporaryError(word) for word in ("a", "bb")}
    group: GroupCommit[str, int] = GroupCommit(ledger.save_all)
    heard = await asyncio.gather(group.save("a"), group.save("bb"), return_exceptions=True)
    assert [str(error) for error in heard] == ["a", "bb"]
    ledger.refused.clear()
    assert await group.save("a") == 1


@pytest.mark.parametrize("together", [True, False], ids=["together", "one by one"])
@pytest.mark.parametrize("gone", ["a", "bb"], ids=["in the middle", "before it began"])
async def test_what_somebody_began_to_save_is_saved_although_they_are_gone(gone: str, together: bool) -> None:
    ledger = Ledger()
    if not together:
        ledger.refused["bad"] = PermanentError("never")
    group: GroupCommit[str, int] = GroupCommit(ledger.save_all)
    tasks = {}
    for word in ("a", "bad", "bb", "ccc"):
        tasks[word] = asyncio.create_task(group.save(word))
        await _turn()
    tasks[gone].cancel()
    await asyncio.wait({tasks[gone]})
    ledger.gate.set()
    assert await tasks["ccc"] == 3
    await asyncio.wait(tasks.values())
    assert tasks[gone].cancelled()
    assert ledger.saved == (["a", "bad", "bb", "ccc"] if together else ["a", "bb", "ccc"])
    assert (tasks["bad"].exception() is None) == together


async def test_it_is_settled_when_all_that_gathered_is_saved() -> None:
    ledger = Ledger()
    group: GroupCommit[str, int] = GroupCommit(ledger.save_all)
    await group.settled()
    tasks = [asyncio.create_task(group.save("a"))]
    await _turn()
    tasks.append(asyncio.create_task(group.save("bb")))
    settled = asyncio.create_task(group.settled())
    await _turn()
    assert not settled.done()
    ledger.gate.set()
    await settled
    assert ledger.saved == ["a", "bb"]
    await asyncio.gather(*tasks)


# --- the outbox ------------------------------------------------------------------------------------------------------


class Places(Rows):
    """The outbox's rows of several places, with a gate before what is marked, and rows that cannot be."""

    def __init__(self, *posts: Post) -> None:
        super().__init__(*posts)
        self.gate = asyncio.Event()
        self.gate.set()
        self.commits: list[list[int]] = []
        """The rows of each save that succeeded."""
        self.reserved: list[list[int]] = []
        self.away = 0
        """So many saves fail from now on."""
        self.never: set[int] = set()
        self.snatched = 0
        """A row that somebody else reserves after it was read here."""

    async def unsent(self, key: ConversationKey, now: datetime) -> tuple[Unsent, ...]:
        found = await super().unsent(key, now)
        if self.snatched in {item.row for item in found}:
            self.due[self.snatched] = now + timedelta(seconds=10)
        return found

    async def sent(
        self, rows: Mapping[int, str], now: datetime, *, moved: Mapping[int, ConversationKey] | None = None
    ) -> None:
        await self.gate.wait()
        if self.away:
            self.away -= 1
            raise TemporaryError("The database is away.")
        if self.never & set(rows):
            raise PermanentError("The database refused a row.")
        await super().sent(rows, now, moved=moved)
        self.commits.append(sorted(rows))

    async def reserve(self, rows: Collection[int], now: datetime, until: datetime) -> list[int]:
        self.reserved.append(sorted(rows))
        return await super().reserve(rows, now, until)


def _said(count: int) -> list[Post]:
    """So many posts in each place, the first ones of all places first."""
    return [Post(key=key, text=f"{key.chat}.{number}") for number in range(count) for key in PLACES]


def _outbox(rows: Rows, platform: FakePlatform, clock: FakeClock, *, shared: bool = False) -> Outbox:
    return Outbox(rows=rows, platforms={"fake": platform}, claims=Alone(), clock=clock, shared=shared)


def _texts(platform: FakePlatform, key: ConversationKey) -> list[str]:
    return [shown.text for shown in platform.shown if shown.post is not None and shown.post.key == key]


async def _send_all(outbox: Outbox) -> None:
    await outbox.sweep()
    for key in PLACES:
        await outbox.settled(key)


async def test_what_several_places_said_is_marked_in_one_commit_each_place_in_its_order() -> None:
    rows, platform = Places(*_said(3)), FakePlatform()
    await _send_all(_outbox(rows, platform, FakeClock()))
    assert rows.commits == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11, 12, 13, 14, 15]]
    for key in PLACES:
        assert _texts(platform, key) == [f"{key.chat}.{number}" for number in range(3)]


async def test_a_place_says_nothing_more_until_its_own_is_marked() -> None:
    rows, platform = Places(*_said(2)), FakePlatform()
    rows.gate.clear()
    outbox = _outbox(rows, platform, FakeClock())
    await outbox.sweep()
    await _turn()
    assert [len(_texts(platform, key)) for key in PLACES] == [1] * len(PLACES)
    rows.gate.set()
    for key in PLACES:
        await outbox.settled(key)
    assert [len(_texts(platform, key)) for key in PLACES] == [2] * len(PLACES)


async def test_while_the_database_is_away_each_place_waits_and_nothing_is_said_twice() -> None:
    rows, platform = Places(*_said(2)), FakePlatform()
    rows.away = 3 * (len(PLACES) + 1)  # three times together, and each by itself
    async with FakeClock() as clock:
        await _send_all(_outbox(rows, platform, clock))
    for key in PLACES:
        assert _texts(platform, key) == [f"{key.chat}.0", f"{key.chat}.1"]
    assert sorted(rows.marked) == list(range(1, 11))


async def test_a_row_that_cannot_be_marked_stops_its_place_alone() -> None:
    rows, platform = Places(*_said(2)), FakePlatform()
    rows.never = {2}
    await _send_all(_outbox(rows, platform, FakeClock()))
    assert sorted(rows.marked) == [1, 3, 4, 5, 6, 8, 9, 10]
    assert _texts(platform, PLACES[1]) == ["1.0"]


async def test_a_stop_leaves_when_what_was_sent_is_marked() -> None:
    rows, platform = Places(*_said(2)), FakePlatform()
    rows.gate.clear()
    outbox = _outbox(rows, platform, FakeClock())
    await outbox.sweep()
    await _turn()
    stop = asyncio.create_task(outbox.stop())
    await _turn()
    assert not stop.done()
    rows.gate.set()
    await stop
    assert sorted(rows.marked) == [1, 2, 3, 4, 5]
    assert len(platform.shown) == len(PLACES)


async def test_rows_of_several_places_are_reserved_together_and_only_the_free_ones_are_said() -> None:
    rows, platform = Places(*_said(1)), FakePlatform()
    rows.snatched = 2
    await _send_all(_outbox(rows, platform, FakeClock(), shared=True))
    assert rows.reserved == [[1, 2, 3, 4, 5]]
    assert [len(_texts(platform, key)) for key in PLACES] == [1, 0, 1, 1, 1]
