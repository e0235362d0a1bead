"""Troubles that do not end by themselves: no hold outlives them, and nobody else waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from core.admission import Capacity
from core.approval import ApprovalRules
from core.errors import TemporaryError
from core.generation import GenerationStatus
from core.limits import Limits
from core.messages import ConversationKey, Delivery, Message
from core.pipeline import HOLDS_ON_S, LONGEST_WAIT_S
from core.planning import Terms
from core.ports import OperationState, Save
from core.request import Tier
from tests.core.test_conversation_to_clip import RICH
from tests.core.test_limits import limited
from tests.core.test_places import THREAD
from tests.core.test_review import house
from tests.fakes import FakePlatform, FakeVideoProvider
from tests.stage import ANN, BOB, HERE, Stage

S = GenerationStatus


class NoLook(FakeVideoProvider):
    """A service that answers nothing once it has taken an order."""

    async def poll(self, operation: str) -> OperationState:
        raise TemporaryError("503")

    async def cancel(self, operation: str) -> bool:
        raise TemporaryError("503")


class NoFetch(FakeVideoProvider):
    """A service whose files cannot be had."""

    async def fetch(self, operation: str, location: str, destination: Path) -> None:
        raise TemporaryError("503")


class Away(FakePlatform):
    """A platform that takes no clips in some places for now."""

    def __init__(self) -> None:
        super().__init__()
        self.away: set[ConversationKey] = set()
        self.tries = 0

    async def deliver(self, delivery: Delivery, saved: Mapping[str, str], save: Save) -> str:
        self.tries += 1
        if delivery.key in self.away:
            raise TemporaryError("away")
        return await super().deliver(delivery, saved, save)


async def ordered(stage: Stage, provider: FakeVideoProvider) -> None:
    stage.provider = provider
    stage.wire(terms=Terms(tier=Tier.STANDARD), providers={"omni": provider})
    await stage.say(RICH)
    await stage.press(stage.platform.with_button("Make it"), "Make it")


async def test_a_service_that_never_answers_again_holds_nobodys_money(stage: Stage) -> None:
    await ordered(stage, NoLook(name="omni"))
    began = stage.clock.now()
    row = await stage.finished()
    assert row.status is S.FAILED
    assert (stage.clock.now() - began).total_seconds() < 13 * 3600
    assert set(await stage.store.balance(1)) == {"quote", "hold", "release"}
    assert [reason for reason, _ in house(stage)] == ["unfinished"]
    assert "You were not charged" in stage.platform.transcript()


async def test_a_clip_that_cannot_be_fetched_for_a_day_holds_nobodys_money(stage: Stage) -> None:
    await ordered(stage, NoFetch(name="omni"))
    row = await stage.finished()
    assert row.status is S.FAILED
    assert set(await stage.store.balance(1)) == {"quote", "hold", "release"}
    assert [reason for reason, _ in house(stage)] == ["unfetched"]
    assert "for a whole day" in stage.platform.transcript()


async def test_a_place_that_takes_nothing_now_keeps_nobody_else_waiting(stage: Stage) -> None:
    platform = stage.platform = Away()
    platform.away = {THREAD}
    provider = stage.provider = FakeVideoProvider(name="omni")
    capacity = Capacity(overall=1, per_person=1)
    stage.wire(terms=Terms(tier=Tier.STANDARD), providers={"omni": provider}, capacity=capacity)
    await stage.say(RICH, key=THREAD, private=False)
    await stage.press(platform.with_button("Make it"), "Make it", key=THREAD, private=False)
    while (await stage.generation()).status is not S.DELIVERING:  # noqa: ASYNC110 - a row
        await asyncio.sleep(0.002)
    await stage.say(RICH, person=BOB)
    await stage.press_raw("x", "make:2:1", person=BOB)
    assert (await stage.finished(2)).status is S.COMPLETED
    assert (await stage.generation()).status is S.DELIVERING


async def test_a_clip_that_has_to_wait_for_long_keeps_no_worker(stage: Stage) -> None:
    platform = stage.platform = Away()
    platform.away = {HERE}
    stage.wire()
    await stage.say(RICH)
    began = stage.clock.now()
    await stage.press(platform.with_button("Make it"), "Make it")
    row = await stage.finished()  # nobody works on it
    assert row.status is S.DELIVERING
    assert row.due_at is not None
    assert HOLDS_ON_S < (row.due_at - stage.clock.now()).total_seconds() <= LONGEST_WAIT_S

    tries = platform.tries
    for _ in range(3):
        await stage.product.work()  # not yet
    assert (await stage.finished(), platform.tries) == (row, tries)

    waits = []
    while (stage.clock.now() - began).total_seconds() < 3_600:
        assert row.due_at is not None
        waits.append((row.due_at - stage.clock.now()).total_seconds())
        stage.clock.advance(waits[-1])
        await stage.product.work()
        row = await stage.finished()
        tries += 1
        assert platform.tries == tries  # once each time, and not at the pace of a new beginning
    assert waits[1:] == sorted(waits[1:])
    assert waits[-1] == LONGEST_WAIT_S

    platform.away = set()
    stage.clock.advance(LONGEST_WAIT_S)
    await stage.product.work()
    row = await stage.finished()
    assert (row.status, row.due_at) == (S.COMPLETED, None)
    assert set(await stage.store.balance(1)) == {"quote", "hold", "capture"}


async def test_a_service_that_did_not_answer_a_cancel_may_be_asked_again(stage: Stage) -> None:
    await ordered(stage, NoLook(name="omni"))
    while (await stage.generation()).status is not S.PROCESSING:  # noqa: ASYNC110 - a row
        await asyncio.sleep(0.002)
    await stage.press_raw("x", "stop:1:1")
    while "did not answer when I asked it to stop" not in stage.platform.transcript():  # noqa: ASYNC110 - a journal
        await asyncio.sleep(0.002)
    assert "cannot stop v1 any more" not in stage.platform.transcript()
    assert not (await stage.generation()).unstoppable


async def test_a_yes_that_arrives_late_agrees_to_nothing_that_came_after_it(stage: Stage) -> None:
    limited(stage, Limits())
    await stage.say(RICH)
    written = stage.clock.now()
    stage.clock.advance(30)
    await stage.say("8 seconds")
    stage.clock.advance(5)
    late = Message(event_id="late", key=HERE, id="m900", sender=ANN, text="yes", sent_at=written)
    await stage.dialogue.receive(late)
    await stage.dialogue.settled(HERE)
    assert (await stage.generation()).status is S.PENDING_CONFIRMATION
    await stage.say("yes")
    assert (await stage.finished()).status is S.COMPLETED


async def test_a_clip_with_reviewers_keeps_nobody_from_ordering(stage: Stage) -> None:
    rules = ApprovalRules(approvers=(BOB.id,), review=True)
    limited(stage, Limits(orders_per_person=1), approval=rules)
    stage.platform.has_direct = True
    await stage.say(RICH, key=THREAD, private=False)
    await stage.press(stage.platform.with_button("Make it"), "Make it", key=THREAD, private=False)
    assert (await stage.finished(key=THREAD)).status is S.PENDING_REVIEW
    await stage.say(RICH)
    await stage.press_raw("x", "make:2:1")
    assert (await stage.finished(2)).status is S.COMPLETED
