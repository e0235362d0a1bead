"""What a video service tells by itself: clips are looked for at once, lost answers are found, nonsense does nothing."""

from __future__ import annotations

import pytest

from core.errors import OrderUnanswered
from core.generation import GenerationStatus, OrderOutcome
from core.news import OperationNews
from core.ports import Finished, Running, VideoOrder
from tests.core.test_generation import a_generation, a_plan, an_order, keep
from tests.fakes import FakeVideoProvider
from tests.stage import Stage

S = GenerationStatus


class Silent(FakeVideoProvider):
    """Takes orders and never answers; `tells` is what the service says meanwhile, if anything."""

    def __init__(self, stage: Stage, *, tells: bool) -> None:
        super().__init__()
        self._stage = stage
        self._tells = tells

    async def order(self, order: VideoOrder) -> str:
        self.orders.append(order)
        if self._tells:
            await self._stage.product.news.heard(OperationNews(operation="op-1", order_key=order.key))
        raise OrderUnanswered("the connection dropped")


async def ordered(stage: Stage) -> None:
    await stage.say("a red fox in the snow, 4 seconds, now")
    await stage.press(stage.platform.with_button("Make it"), "Make it")


async def test_an_order_without_an_answer_is_found_when_the_service_tells_of_it(stage: Stage) -> None:
    stage.provider = Silent(stage, tells=False)
    stage.wire()
    await ordered(stage)
    lost = await stage.finished()
    assert lost.status is S.AMBIGUOUS
    assert lost.order is not None
    for _ in range(3):
        await stage.product.news.heard(OperationNews(operation="op-1", order_key=lost.order.key))
    done = await stage.finished()
    assert done.status is S.COMPLETED
    assert done.order is not None
    assert (done.order.operation, done.order.outcome) == ("op-1", OrderOutcome.ACCEPTED)
    assert len(stage.provider.orders) == 1
    assert set(await stage.store.balance(1)) == {"quote", "hold", "capture"}
    await stage.press(stage.platform.with_button("Order again"), "Order again")
    assert len(stage.provider.orders) == 1


async def test_an_answer_that_is_lost_after_the_service_told_of_it_is_no_question(stage: Stage) -> None:
    stage.provider = Silent(stage, tells=True)
    stage.wire()
    await ordered(stage)
    done = await stage.finished()
    assert done.status is S.COMPLETED
    assert S.AMBIGUOUS.value not in done.entered
    assert len(stage.provider.orders) == 1


async def test_after_a_crash_what_was_told_is_enough(stage: Stage) -> None:
    order = an_order(outcome=None, operation="")
    heard = (order.key, "op-7")
    await keep(stage, a_generation(status=S.SUBMITTING, order=order, heard_of=heard, plan=a_plan(duration_s=4)))
    stage.provider.on_poll = [Finished(location="there")]
    stage.provider.orders.append(_as_ordered())
    await stage.product.work()
    done = await stage.finished()
    assert done.status is S.COMPLETED
    assert len(stage.provider.orders) == 1


async def test_news_of_an_earlier_order_says_nothing_about_the_present_one(stage: Stage) -> None:
    order = an_order(outcome=None, operation="")
    heard = ("v1-0-00000000", "op-old")
    await keep(stage, a_generation(status=S.SUBMITTING, order=order, heard_of=heard, plan=a_plan(duration_s=4)))
    await stage.product.work()
    assert (await stage.finished()).status is S.AMBIGUOUS
    await stage.product.news.heard(OperationNews(operation="op-old", order_key="v1-0-00000000"))
    assert (await stage.generation()).status is S.AMBIGUOUS


async def test_a_finished_clip_is_looked_for_at_once(stage: Stage) -> None:
    looked: list[float] = []

    class Watched(FakeVideoProvider):
        async def poll(self, operation: str) -> Running | Finished:
            looked.append(stage.clock.now().timestamp())
            if len(looked) == 1:
                told_at.append(stage.clock.now().timestamp())
                await stage.product.news.heard(OperationNews(operation=operation))
                return Running()
            return Finished(location="there")

    told_at: list[float] = []
    stage.provider = Watched()
    stage.wire()
    await ordered(stage)
    assert (await stage.finished()).status is S.COMPLETED
    assert looked[1] - told_at[0] < 1.0, "not at the next turn of polling, which is seconds later"


@pytest.mark.parametrize(
    "key", ["", "v1", "v1-1-", "v999999999999999999-1-ab", "v1-1-ab; DROP", "v\u0661-1-ab", "v" + "1" * 400 + "-1-ab"]
)
async def test_news_of_nothing_that_is_known_changes_nothing(stage: Stage, key: str) -> None:
    await keep(stage, a_generation(status=S.AMBIGUOUS, order=an_order(outcome=OrderOutcome.UNANSWERED, operation="")))
    await stage.product.news.heard(OperationNews(operation="op", order_key=key))
    assert (await stage.generation()).status is S.AMBIGUOUS


def _as_ordered() -> VideoOrder:
    row = a_generation(plan=a_plan(duration_s=4))
    return VideoOrder(
        key="k",
        model="m",
        prompt="p",
        request=row.request,
        duration_s=4,
        aspect="16:9",
        resolution="720p",
        sound=True,
        seed=1,
    )
