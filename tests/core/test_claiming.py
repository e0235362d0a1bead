"""Claims: one at a time, given back whatever happens, and one process that sweeps for all."""

from __future__ import annotations

import asyncio

import pytest

from core.claiming import Alone, claimed, in_place
from core.generation import GenerationStatus
from core.messages import ConversationKey, Post
from core.repositories import Changes, OutboxPost
from tests.clock import FakeClock
from tests.core.test_generation import a_generation, keep
from tests.fakes import FakePlatform
from tests.stage import HERE, Stage

S = GenerationStatus


class Cut(Alone):
    """Claims of a process that was cut off: nothing is held any more, and nothing can be taken."""

    cut = False

    async def take(self, name: str) -> bool:
        return not self.cut and await super().take(name)

    def holds(self, name: str) -> bool:
        return not self.cut and super().holds(name)


async def test_a_claim_is_held_by_one_at_a_time() -> None:
    claims, order = Alone(), list[str]()
    async with FakeClock() as clock:

        async def work(name: str) -> None:
            async with claimed(claims, clock, "a"):
                order.append(f"{name} begins")
                await clock.sleep(1.0)
                order.append(f"{name} ends")

        await asyncio.gather(work("one"), work("other"))
    assert order in (
        ["one begins", "one ends", "other begins", "other ends"],
        ["other begins", "other ends", "one begins", "one ends"],
    )


async def test_it_is_given_back_when_the_work_fails() -> None:
    claims = Alone()
    async with FakeClock() as clock:
        with pytest.raises(ZeroDivisionError):
            async with claimed(claims, clock, "a"):
                raise ZeroDivisionError
    assert await claims.take("a")


def test_places_and_kinds_of_work_have_names_of_their_own() -> None:
    topic = ConversationKey(platform="fake", chat="1", thread="2")
    names = {in_place(kind, key) for kind in ("turn", "outbox") for key in (HERE, topic)}
    assert len(names) == 4


async def test_of_two_workers_one_sweeps_and_the_other_takes_over(stage: Stage) -> None:
    claims = Alone()
    stage.claims = claims
    stage.wire()
    first = stage.product
    stage.wire()
    second = stage.product
    await first.work()
    await keep(stage, a_generation(status=S.QUEUED))
    held_by_first = claims.holds("sweep workers of fake")
    await first.stop(0.1)
    assert held_by_first
    await second.work()
    assert (await stage.finished()).status is S.COMPLETED


class CutOff(FakePlatform):
    """A platform whose first post is the last thing that a process does before it is cut off."""

    def __init__(self, claims: Cut) -> None:
        super().__init__()
        self._claims = claims

    async def post(self, post: Post, message_id: str) -> str:
        self._claims.cut = True
        return await super().post(post, message_id)


async def test_who_was_cut_off_sends_nothing_more(stage: Stage) -> None:
    claims = stage.claims = Cut()
    platform = stage.platform = CutOff(claims)
    stage.wire()
    posts = tuple(OutboxPost(post=Post(key=HERE, text=text)) for text in ("one", "two"))
    await stage.store.commit(Changes(posts=posts, at=stage.clock.now()))
    stage.product.outbox.wake(HERE)
    while not platform.shown:  # noqa: ASYNC110 - a journal
        await asyncio.sleep(0.002)
    await asyncio.sleep(0.05)
    assert [shown.text for shown in platform.shown] == ["one"]
    assert len(await stage.store.unsent(HERE, stage.clock.now())) == 1
    claims.cut = False
    stage.product.outbox.wake(HERE)
    await stage.product.outbox.settled(HERE)
    assert [shown.text for shown in platform.shown] == ["one", "two"]
