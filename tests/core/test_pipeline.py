"""The stages of a generation and what the clock does, over real rows: races, crashes, stops and services that fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from core import endings, texts
from core.admission import Capacity
from core.errors import (
    OrderNotSent,
    OrderRefused,
    OrderUnanswered,
    PermanentError,
    StaleRow,
    TemporaryError,
    Undeliverable,
)
from core.fetching import MAX_REFUSED_FETCHES
from core.generation import Generation, OrderOutcome
from core.generation import GenerationStatus as S
from core.messages import ConversationKey, Delivery, Post, PostKind
from core.ports import Failed, OperationState, Reconciliation, Running, Save, VideoOrder
from core.repositories import Changes
from core.request import MediaRef, VideoRequest
from core.submitting import MAX_ORDER_TRIES
from core.watching import MAX_REFUSED_LOOKS
from storage.store import SqlStore
from tests.clock import FakeClock
from tests.core.test_generation import NOW, a_generation, a_plan, an_order, keep
from tests.emulators.footage import make_footage
from tests.fakes import FakePlatform, FakeVideoProvider
from tests.stage import HERE, Stage
from tests.storage.sqlite import fresh_file

RICH = "a red fox trotting through fresh snow at sunrise, cinematic, 4 seconds"
FOR_EVER = 100_000

T = TypeVar("T")


async def ordered(stage: Stage) -> None:
    """Ask for a clip and tap the card."""
    await stage.say(RICH)
    await stage.press(stage.platform.with_button("Make it"), "Make it")


async def reached(stage: Stage, status: S, number: int = 1) -> Generation:
    """The row once it stands there."""
    return await until(lambda: stage.generation(number), lambda row: row.status is status)


async def until(look: Callable[[], Awaitable[T]], good: Callable[[T], bool]) -> T:
    """Look again and again until what is seen is good."""
    for _ in range(2000):
        seen = await look()
        if good(seen):
            return seen
        await asyncio.sleep(0.002)
    raise AssertionError("it never came")


async def change(stage: Stage, number: int = 1, **fields: Any) -> Generation:
    """Somebody else saves the row."""
    while True:
        row = replace(await stage.generation(number), **fields)
        try:
            changes = Changes(generations=(row,), conversation_id=row.conversation_id, at=stage.clock.now())
            await stage.store.commit(changes)
            return row
        except StaleRow:
            continue


class Gated(FakeVideoProvider):
    """Answers an order only when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()
        self.let = asyncio.Event()

    async def order(self, order: VideoOrder) -> str:
        self.begun.set()
        await self.let.wait()
        return await super().order(order)


# --- submit ----------------------------------------------------------------------------------------------------------


async def test_a_service_that_is_always_busy_is_given_up_at_last(stage: Stage) -> None:
    stage.provider.on_order = [OrderRefused(temporary=True), OrderNotSent()] * MAX_ORDER_TRIES
    await keep(stage, a_generation(status=S.SUBMITTING, retries=MAX_ORDER_TRIES - 3))
    await stage.product.work()
    row = await stage.finished()
    assert row.status is S.FAILED
    assert row.reason == texts.endings.NO_SERVICE_ANSWER
    assert len(stage.provider.orders) == 3
    assert await stage.store.balance(1) == {"hold": 560_000, "release": 560_000}


async def test_a_wait_for_the_service_is_kept_over_a_restart_and_cut_short_by_a_cancel(stage: Stage) -> None:
    due = stage.clock.now() + timedelta(days=1)
    order = an_order(outcome=OrderOutcome.REFUSED, operation="")
    await keep(stage, a_generation(status=S.SUBMITTING, order=order, due_at=due, retries=1))
    await change(stage, cancel_requested=True)
    await stage.product.work()
    assert (await stage.finished()).status is S.CANCELLED
    assert stage.provider.orders == []
    assert await stage.store.balance(1) == {"hold": 560_000, "release": 560_000}


@pytest.fixture
async def still(tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage on which no time passes."""
    store = SqlStore(fresh_file(tmp_path))
    await store.open()
    stage = Stage(tmp_path, store, FakeClock())
    yield stage
    await stage.stop()
    await store.close()


async def test_a_cancel_while_it_waits_for_a_busy_service(still: Stage) -> None:
    stage = still
    due = stage.clock.now() + timedelta(days=365)
    order = an_order(outcome=OrderOutcome.NOT_SENT)
    await keep(stage, a_generation(status=S.SUBMITTING, due_at=due, retries=1, order=order))
    await stage.product.engine.start(1)
    await asyncio.sleep(0.03)
    assert (await stage.generation()).status is S.SUBMITTING
    await stage.press_raw("1", "cancel:1")
    assert (await stage.finished()).status is S.CANCELLED
    assert stage.provider.orders == []


async def test_an_order_that_a_crash_left_open_is_looked_for_not_sent_again(stage: Stage) -> None:
    stage.provider.found = "operation/found"
    order = an_order(outcome=None, operation="")
    await keep(stage, a_generation(status=S.SUBMITTING, order=order, plan=a_plan(duration_s=4)))
    stage.provider.orders.append(an_order_like())
    await stage.product.work()
    row = await stage.finished()
    assert row.status is S.COMPLETED
    assert row.order is not None
    assert row.order.operation == "operation/found"
    assert len(stage.provider.orders) == 1


def an_order_like() -> VideoOrder:
    """What the provider made of an order that nobody here remembers."""
    return VideoOrder(
        key="v1-1-aa",
        model="animatic-1",
        prompt="A fox.",
        request=VideoRequest(),
        duration_s=4,
        aspect="16:9",
        resolution="720p",
        sound=True,
        seed=1,
    )


@pytest.mark.parametrize(
    ("age_s", "error", "looks_again"), [(0, None, True), (0, TemporaryError(), True), (16 * 60, None, False)]
)
async def test_a_lost_order_is_looked_for_a_while(
    stage: Stage, age_s: float, error: Exception | None, looks_again: bool
) -> None:
    class Looking(FakeVideoProvider):
        async def reconcile(self, order_key: str, model: str) -> str | Reconciliation:
            if error is not None:
                raise error
            return Reconciliation.PENDING

    stage.provider = Looking()
    stage.wire()
    order = an_order(outcome=None, operation="", sent_at=stage.clock.now() - timedelta(seconds=age_s))
    await keep(stage, a_generation(status=S.SUBMITTING, order=order))
    await stage.product.work()
    row = await stage.finished()
    assert row.status is S.AMBIGUOUS
    assert row.order is not None
    assert row.order.outcome is OrderOutcome.UNANSWERED
    assert (row.due_at is not None) is looks_again
    assert ("keep looking" in stage.platform.with_button("Order again").text) is looks_again
    assert await stage.store.balance(1) == {"hold": 560_000}
    if looks_again:
        stage.clock.advance(16 * 60)
        await stage.product.work()
        assert (await stage.generation()).due_at is None
        assert (await stage.generation()).status is S.AMBIGUOUS


async def test_a_lost_order_that_the_person_settles_meanwhile_is_theirs(stage: Stage) -> None:
    class Settled(FakeVideoProvider):
        async def reconcile(self, order_key: str, model: str) -> str | Reconciliation:
            await change(stage, status=S.CANCELLED)
            return "operation/found"

    stage.provider = Settled()
    stage.wire()
    row = a_generation(status=S.AMBIGUOUS, order=an_order(outcome=OrderOutcome.UNANSWERED), due_at=NOW)
    await keep(stage, row)
    await stage.product.work()
    assert (await stage.finished()).status is S.CANCELLED


async def test_a_picture_that_is_gone_is_said_so(stage: Stage) -> None:
    gone = MediaRef(name="inputs/c1/9-0.jpg", mime_type="image/jpeg")
    await keep(stage, a_generation(status=S.SUBMITTING, base=VideoRequest(first_frame=gone)))
    await stage.product.work()
    assert (await stage.finished()).reason == texts.endings.SOURCE_GONE
    assert stage.provider.orders == []


async def test_pictures_are_fetched_once_and_go_with_the_order(stage: Stage, tmp_path: Path) -> None:
    picture = tmp_path / "picture.jpg"
    picture.write_bytes(b"\xff\xd8")
    await stage.clips.put(picture, "inputs/c1/1-0.jpg")
    first = MediaRef(name="inputs/c1/1-0.jpg", mime_type="image/jpeg")
    stage.provider.on_order = [OrderNotSent(), OrderRefused("no")]
    base = VideoRequest(first_frame=first, last_frame=first, references=(first, first))
    await keep(stage, a_generation(status=S.SUBMITTING, base=base))
    await stage.product.work()
    await stage.finished()
    order = stage.provider.orders[1]
    assert order.first_frame is not None
    assert order.last_frame is not None
    assert len(order.references) == 2
    assert stage.provider.pictures == [b"\xff\xd8", b"\xff\xd8"]


@pytest.mark.parametrize(
    ("row", "status"),
    [
        (a_generation(status=S.SUBMITTING, plan=a_plan(provider="gone")), S.FAILED),
        (
            a_generation(
                status=S.SUBMITTING,
                plan=a_plan(provider="gone"),
                order=an_order(outcome=OrderOutcome.REFUSED),
            ),
            S.FAILED,
        ),
        (
            a_generation(status=S.SUBMITTING, plan=a_plan(provider="gone"), order=an_order(outcome=None)),
            S.AMBIGUOUS,
        ),
        # what is paid for waits until its provider is set up again
        (a_generation(status=S.PROCESSING, plan=a_plan(provider="gone"), order=an_order()), S.PROCESSING),
    ],
)
async def test_a_provider_that_is_not_set_up_any_more(stage: Stage, row: Generation, status: S) -> None:
    await keep(stage, row)
    await stage.product.work()
    ended = await stage.finished()
    assert ended.status is status
    assert ended.reason == (texts.endings.MODEL_GONE if status is S.FAILED else "")
    assert stage.provider.orders == []


async def test_a_cancel_during_the_order_is_kept_and_reaches_the_provider(stage: Stage) -> None:
    stage.provider = provider = Gated()
    provider.on_poll = [Running()] * FOR_EVER
    stage.wire()
    await ordered(stage)
    await provider.begun.wait()
    await stage.press(stage.platform.with_button("Cancel"), "Cancel")
    assert provider.cancelled == []
    provider.let.set()
    row = await stage.finished()
    assert row.status is S.CANCELLED
    assert len(provider.cancelled) == 1
    assert "release" in await stage.store.balance(1)


async def test_a_stop_while_an_order_is_on_its_way_takes_down_the_answer(stage: Stage) -> None:
    stage.provider = provider = Gated()
    stage.wire()
    await ordered(stage)
    await provider.begun.wait()
    stopping = asyncio.create_task(stage.product.stop(5))
    await asyncio.sleep(0.01)
    provider.let.set()
    await stopping
    row = await stage.generation()
    assert row.status is S.PROCESSING
    assert row.order is not None
    assert row.order.outcome is OrderOutcome.ACCEPTED
    stage.wire()
    await stage.product.listen()
    await stage.product.work()
    assert (await stage.finished()).status is S.COMPLETED
    assert len(provider.orders) == 1


async def test_a_stop_does_not_wait_for_ever_for_an_answer(stage: Stage) -> None:
    stage.provider = provider = Gated()
    stage.wire()
    await ordered(stage)
    await provider.begun.wait()
    await stage.product.stop(0.02)
    row = await stage.generation()
    assert row.status is S.SUBMITTING
    assert row.order is not None
    assert row.order.outcome is None, "the next start asks what became of it"


# --- watch -----------------------------------------------------------------------------------------------------------


async def test_a_look_that_is_refused_again_and_again_ends_it(stage: Stage) -> None:
    stage.provider.on_poll = [PermanentError("no such project.")] * MAX_REFUSED_LOOKS
    await ordered(stage)
    row = await stage.finished()
    assert row.status is S.FAILED
    assert row.reason == "the video service said “no such project”."
    assert stage.provider.polls == MAX_REFUSED_LOOKS


async def test_looks_refused_now_and_then_are_forgiven(stage: Stage) -> None:
    refused: list[Any] = [PermanentError("no")] * (MAX_REFUSED_LOOKS - 1)
    stage.provider.on_poll = [*refused, Running(), *refused]
    await ordered(stage)
    assert (await stage.finished()).status is S.COMPLETED


async def test_a_provider_that_fails_to_cancel_goes_on(stage: Stage) -> None:
    class Stubborn(FakeVideoProvider):
        async def cancel(self, operation: str) -> bool:
            raise TemporaryError("later")

    stage.provider = Stubborn()
    stage.wire()
    stage.provider.on_poll = [Running()] * 20
    await ordered(stage)
    await stage.press(stage.platform.with_button("Cancel"), "Cancel")
    row = await stage.finished()
    assert row.status is S.COMPLETED
    assert row.cancel_requested is False
    assert "did not answer when I asked it to stop v1" in stage.platform.transcript()


async def test_a_row_that_somebody_ended_is_let_go(stage: Stage) -> None:
    stage.provider.on_poll = [Running()] * FOR_EVER
    await ordered(stage)
    await reached(stage, S.PROCESSING)
    await change(stage, status=S.FAILED)
    row = await stage.finished()
    assert row.status is S.FAILED
    assert stage.platform.deliveries == 0


async def test_a_refused_operation_offers_what_the_service_said(stage: Stage) -> None:
    stage.provider.on_poll = [Failed(reason="faces", refused=True)]
    await ordered(stage)
    row = await stage.finished()
    assert row.status is S.REFUSED
    assert len(row.rewrites) == 2
    assert "It said: “faces”" in stage.platform.with_button("Take idea 1").text


async def test_a_generation_that_is_gone_is_an_error_of_the_program(stage: Stage) -> None:
    with pytest.raises(StaleRow, match="no generation 77"):
        await stage.product.pipeline.produce(77)


# --- collect ---------------------------------------------------------------------------------------------------------


async def test_a_clip_that_the_provider_will_not_hand_out_is_not_charged(stage: Stage) -> None:
    stage.provider.on_fetch = [PermanentError("it is gone.")] * MAX_REFUSED_FETCHES
    await ordered(stage)
    row = await stage.finished()
    assert row.status is S.FAILED
    assert row.reason == "the video service said “it is gone”."
    assert "release" in await stage.store.balance(1)


async def test_a_cancel_that_comes_with_the_clip_is_answered_and_the_clip_delivered(stage: Stage) -> None:
    row = a_generation(status=S.DOWNLOADING, order=an_order(location="there"), cancel_requested=True)
    await keep(stage, replace(row, plan=a_plan(duration_s=4)))
    stage.provider.orders.append(an_order_like())
    await stage.product.work()
    assert (await stage.finished()).status is S.COMPLETED
    assert "cannot stop v1 any more" in stage.platform.transcript()


async def test_a_silent_clip_is_sent_without_the_sound_the_model_cannot_leave_out(stage: Stage) -> None:
    stage.provider.footage = lambda order, path: make_footage(path, seconds=4, width=320, height=180, audio=True)
    await stage.say(RICH + ", no sound")
    await stage.press(stage.platform.with_button("Make it"), "Make it")
    row = await stage.finished()
    assert row.status is S.COMPLETED
    assert row.clip is not None
    assert row.clip.sent == "v1/silent.mp4"
    shown = stage.platform.with_button("Another take")
    assert "Without sound, as you asked." in shown.text
    assert "smaller copy" not in shown.text


async def test_a_clip_that_was_fetched_before_a_crash_is_not_fetched_again(stage: Stage) -> None:
    work = stage.folder / "work" / "v1"
    work.mkdir(parents=True)
    make_footage(work / "clip.mp4", seconds=4, width=320, height=180)
    stage.provider.on_fetch = [PermanentError("it is gone")]
    await keep(stage, a_generation(status=S.DOWNLOADING, order=an_order(), plan=a_plan(duration_s=4)))
    await stage.product.work()
    assert (await stage.finished()).status is S.COMPLETED


# --- deliver ---------------------------------------------------------------------------------------------------------


async def test_a_delivery_is_tried_again_and_goes_on_where_it_was(stage: Stage) -> None:
    class HalfWay(FakePlatform):
        announced = 0

        async def deliver(self, delivery: Delivery, saved: dict[str, str], save: Save) -> str:  # type: ignore[override]
            if not saved:
                self.announced += 1
                await super().deliver(delivery, saved, save)
                raise TemporaryError(retry_after=2.0)
            if self.announced < 2:
                self.announced += 1
                raise TemporaryError
            return await super().deliver(delivery, saved, save)

    stage.platform = platform = HalfWay()
    stage.wire()
    await ordered(stage)
    assert (await stage.finished()).status is S.COMPLETED
    assert platform.deliveries == 1
    assert len([shown for shown in platform.shown if shown.delivery]) == 1
    assert not any((stage.folder / "work").iterdir())


async def test_a_delivery_that_somebody_ended_is_let_go(stage: Stage) -> None:
    class Ended(FakePlatform):
        async def deliver(self, delivery: Delivery, saved: dict[str, str], save: Save) -> str:  # type: ignore[override]
            await change(stage, status=S.UNDELIVERABLE)
            raise TemporaryError

    stage.platform = Ended()
    stage.wire()
    await ordered(stage)
    assert (await stage.finished()).status is S.UNDELIVERABLE


async def test_after_a_crash_what_is_sent_comes_from_the_clip_store(stage: Stage) -> None:
    await ordered(stage)
    row = await stage.finished()
    assert row.clip is not None
    again = replace(row, status=S.DELIVERING, delivery={}, id=2, clip=row.clip, conversation_id="c1")
    await keep(stage, again)
    await stage.product.work()
    assert (await stage.finished(2)).status is S.COMPLETED
    assert stage.platform.deliveries == 2


async def test_a_chat_that_is_not_connected_any_more_keeps_the_clip(stage: Stage) -> None:
    await ordered(stage)
    row = await stage.finished()
    elsewhere = ConversationKey(platform="elsewhere", chat="1")
    await keep(stage, replace(row, id=2, status=S.DELIVERING, key=elsewhere, conversation_id="c1", delivery={}))
    assert stage.product.pipeline._deliverer.limit(await stage.generation(2)) > 10**12
    await stage.product.work()
    assert (await stage.finished(2)).status is S.DELIVERING, "another process may have that platform"
    stage.clock.advance(2 * 24 * 3600)
    await stage.product.work()
    ended = await stage.finished(2)
    assert ended.status is S.UNDELIVERABLE
    assert "not connected any more" in ended.reason


async def test_an_answer_that_comes_after_its_order_was_given_up_for_lost_counts(stage: Stage) -> None:
    class Slow(FakeVideoProvider):
        async def order(self, order: VideoOrder) -> str:
            operation = await super().order(order)
            # Meanwhile another process, which thinks that this one is dead, looks after the row.
            row = await stage.generation()
            assert row.order is not None
            lost = replace(row, order=replace(row.order, outcome=OrderOutcome.UNANSWERED))
            await stage.store.commit(endings.ambiguous(lost, stage.clock.now(), look_again_at=None))
            return operation

    stage.provider = Slow()
    stage.wire()
    await ordered(stage)
    row = await stage.finished()
    assert row.status is S.COMPLETED
    assert len(stage.provider.orders) == 1


async def test_a_second_failed_try_to_post_releases_nothing_twice(stage: Stage) -> None:
    await stage.say(RICH)
    stage.provider.on_poll = [Running()] * 3
    await stage.press(stage.platform.with_button("Make it"), "Make it")
    stage.platform.errors = [Undeliverable("no.")]
    assert (await stage.finished()).status is S.UNDELIVERABLE
    row = await stage.generation()
    await stage.product.engine.settled(1)
    stage.platform.errors = [TemporaryError(retry_after=0.5)]
    told = stage.platform.with_button("Post it here now")
    await stage.press(told, "Post it here now")
    assert (await stage.finished()).status is S.COMPLETED
    assert row.clip == (await stage.generation()).clip
    assert set(await stage.store.balance(1)) == {"quote", "hold", "release"}


# --- races of the rows -----------------------------------------------------------------------------------------------


async def test_the_clocks_note_comes_in_between_and_nothing_is_lost(stage: Stage) -> None:
    stage.provider = provider = Gated()
    stage.wire()
    await ordered(stage)
    await provider.begun.wait()
    await change(stage, told_late=True)
    provider.let.set()
    row = await stage.finished()
    assert row.status is S.COMPLETED
    assert row.told_late


async def test_an_ending_is_saved_on_top_of_the_clocks_note_but_not_of_somebodys_decision(
    stage: Stage,
) -> None:
    stage.provider = provider = Gated()
    provider.on_order = [OrderRefused("no")]
    stage.wire()
    await ordered(stage)
    await provider.begun.wait()
    await change(stage, told_late=True)
    provider.let.set()
    row = await stage.finished()
    assert (row.status, row.told_late) == (S.FAILED, True)
    assert stage.platform.transcript().count("did not work out") == 1


async def test_who_finds_the_row_moved_lets_go(stage: Stage) -> None:
    stage.provider = provider = Gated()
    provider.on_order = [OrderRefused("no")]
    stage.wire()
    await ordered(stage)
    await provider.begun.wait()
    await change(stage, retries=5)
    provider.let.set()
    row = await stage.finished()
    assert row.status is S.SUBMITTING
    assert "did not work out" not in stage.platform.transcript()


# --- the clock -------------------------------------------------------------------------------------------------------


def statuses(stage: Stage) -> list[Post]:
    return [shown.post for shown in stage.platform.shown if shown.post and shown.post.kind is PostKind.STATUS]


async def running(stage: Stage) -> None:
    """A generation that runs until somebody stops it."""
    stage.provider.on_poll = [Running()] * FOR_EVER
    await ordered(stage)
    await reached(stage, S.PROCESSING)


class Hanging(FakeVideoProvider):
    """Never says how it is going, so that no time passes by itself once it was `asked`."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()

    async def poll(self, operation: str) -> OperationState:
        self.asked.set()
        await asyncio.Event().wait()
        return Running()


async def test_progress_is_edited_in_place_and_not_too_often(stage: Stage) -> None:
    stage.provider = hanging = Hanging()
    stage.wire()
    await running(stage)
    await stage.product.outbox.settled(HERE)
    await hanging.asked.wait()
    (shown,) = [shown for shown in stage.platform.shown if shown.post and shown.post.kind is PostKind.STATUS]
    await stage.product.progress.tick()
    edits = shown.edits
    assert "Filming" in shown.text
    assert shown.post is not None
    assert shown.post.progress is not None
    assert 0 <= shown.post.progress <= 0.95
    await stage.product.progress.tick()
    assert shown.edits == edits
    stage.clock.advance(10)
    await stage.product.progress.tick()
    assert shown.edits == edits + 1
    assert len(statuses(stage)) == 1


async def test_that_it_is_late_is_not_said_any_more_once_the_clip_is_there(stage: Stage) -> None:
    """The clip is posted by itself; what is to be said may have to wait, as for a busy platform."""
    stage.provider.on_poll = [Running()] * FOR_EVER
    await ordered(stage)
    await reached(stage, S.PROCESSING)
    await stage.product.outbox.settled(HERE)
    async with stage.product.outbox.aside(HERE) as free:
        assert free
        stage.clock.advance(3600)
        await stage.product.progress.tick()
        assert (await stage.generation()).told_late
        stage.provider.on_poll = []
        await until(lambda: stage.generation(), lambda row: row.status is S.COMPLETED)
    await stage.product.outbox.settled(HERE)
    assert statuses(stage)[0].text == "v1 · Done"
    assert not any("longer than it should" in shown.text for shown in stage.platform.shown)


async def test_progress_as_the_provider_reports_it(stage: Stage) -> None:
    stage.provider.on_poll = [Running(fraction=0.25)] * FOR_EVER
    await ordered(stage)
    await until(lambda: stage.generation(), lambda row: stage.product.pipeline.fraction(1) is not None)
    await stage.product.progress.tick()
    assert statuses(stage)[0].progress == 0.25
    await stage.press(stage.platform.with_button("Cancel"), "Cancel")
    await stage.finished()
    assert stage.product.pipeline.fraction(1) is None


async def test_the_last_word_on_the_status_is_how_it_ended(stage: Stage) -> None:
    class Overtaken(FakePlatform):
        """The generation ends while its status is being edited."""

        ends = False

        async def post(self, post: Post, message_id: str) -> str:
            if self.ends and post.progress is not None:
                self.ends = False
                await change(stage, status=S.FAILED)
            return await super().post(post, message_id)

    stage.platform = platform = Overtaken()
    stage.wire()
    await running(stage)
    platform.ends = True
    await stage.product.progress.tick()
    (status,) = statuses(stage)
    assert status.text == "v1 · Failed · not charged"
    assert status.buttons == ()
    await stage.finished()
    await stage.product.progress.tick()
    assert statuses(stage)[0].text == "v1 · Failed · not charged"


async def test_an_edit_that_the_platform_does_not_take_is_skipped(stage: Stage) -> None:
    await running(stage)
    stage.platform.errors = [TemporaryError(retry_after=30), PermanentError("gone")]
    stage.clock.advance(6)
    await stage.product.progress.tick()
    stage.clock.advance(6)
    await stage.product.progress.tick()
    assert (await stage.generation()).status is S.PROCESSING


async def test_a_busy_service_and_a_cancel_are_shown(stage: Stage) -> None:
    stage.provider.on_poll = [Running()] * FOR_EVER
    await ordered(stage)
    await reached(stage, S.PROCESSING)
    due = stage.clock.now() + timedelta(days=1)
    await stage.stop()
    await change(stage, status=S.SUBMITTING, due_at=due)
    await stage.product.progress.tick()
    assert "busy; I will try again in 24 h" in statuses(stage)[0].text
    await change(stage, cancel_requested=True)
    stage.clock.advance(6)
    await stage.product.progress.tick()
    assert statuses(stage)[0].text == "v1 · Cancelling…"
    assert statuses(stage)[0].buttons == ()


async def test_places_in_the_queue_are_shown_without_a_share(stage: Stage) -> None:
    stage.wire(capacity=Capacity(overall=0, per_person=1))
    await ordered(stage)
    await stage.product.progress.tick()
    (status,) = statuses(stage)
    assert status.text == "v1 · In the queue, number 1"
    assert status.progress is None


async def test_nothing_is_edited_that_was_never_said_or_is_elsewhere(stage: Stage) -> None:
    elsewhere = ConversationKey(platform="elsewhere", chat="1")
    await keep(stage, a_generation(1, S.PROCESSING), a_generation(2, S.PROCESSING, key=elsewhere))
    stage.clock.advance(1000)
    await stage.product.progress.tick()
    assert statuses(stage) == []
    await stage.product.outbox.settled(HERE)
    assert (await stage.generation(1)).told_late
    assert not (await stage.generation(2)).told_late


async def test_late_is_said_by_one_clock_only(stage: Stage) -> None:
    await keep(stage, a_generation(1, S.PROCESSING))
    stage.clock.advance(1000)
    rows = await stage.store.with_status(S.PROCESSING)
    await change(stage, told_late=True)

    class Behind:
        """Rows that were read before somebody saved."""

        async def some(self, ids: Collection[int]) -> tuple[Generation, ...]:
            return rows

        async def revisions(self, *statuses: str) -> Mapping[int, int]:
            return {row.id: row.revision for row in rows}

    stage.product.under_way._generations = Behind()
    await stage.product.progress.tick()
    await stage.product.outbox.settled(HERE)
    assert stage.platform.shown == []


async def test_a_cancel_that_no_worker_heard_is_told_again(stage: Stage) -> None:
    await running(stage)
    await change(stage, cancel_requested=True)
    await stage.product.work()
    assert (await stage.finished()).status is S.CANCELLED


async def test_old_cards_end_but_not_one_that_was_tapped_meanwhile(stage: Stage) -> None:
    later = a_generation(3, due_at=NOW + timedelta(days=1))
    await keep(stage, a_generation(1, due_at=NOW), a_generation(2, due_at=NOW), later)
    rows = await stage.store.due(stage.clock.now(), S.PENDING_CONFIRMATION)
    await change(stage, 1, status=S.QUEUED)

    class Behind:
        def __getattr__(self, name: str) -> object:
            return getattr(stage.store, name)

        async def due(self, now: object, *statuses: str) -> tuple[Generation, ...]:
            return rows

    stage.product.upkeep._generations = Behind()  # type: ignore[assignment]
    await stage.product.upkeep.expire()
    await stage.product.outbox.settled(HERE)
    assert [(await stage.generation(number)).status for number in (1, 2, 3)] == [
        S.QUEUED,
        S.EXPIRED,
        S.PENDING_CONFIRMATION,
    ]
    assert stage.platform.last.button("New price")


async def test_a_program_that_only_listens_starts_nothing(stage: Stage) -> None:
    stage.wire(works=False)
    await ordered(stage)
    await stage.product._admit()
    assert (await stage.generation()).status is S.QUEUED


async def test_idle_is_when_all_is_said_and_done(stage: Stage) -> None:
    await ordered(stage)
    await stage.product.idle(HERE)
    assert (await stage.generation()).status is S.COMPLETED
    assert stage.platform.having("Done")


async def test_the_same_tap_is_not_ordered_twice_by_two_sweeps(stage: Stage) -> None:
    await ordered(stage)
    await asyncio.gather(stage.product.work(), stage.product.work(), stage.product.listen())
    await stage.finished()
    assert len(stage.provider.orders) == 1
    assert stage.platform.deliveries == 1


async def test_an_unanswered_order_keeps_its_hold(stage: Stage) -> None:
    stage.provider.on_order = [OrderUnanswered()]
    await ordered(stage)
    assert (await stage.finished()).status is S.AMBIGUOUS
    assert set(await stage.store.balance(1)) == {"quote", "hold"}


# --- what is left behind ---------------------------------------------------------------------------------------------


async def test_a_start_removes_the_work_files_of_what_has_ended(stage: Stage) -> None:
    work = stage.folder / "work"
    for name in ("v1", "v2", "v77", "else"):
        (work / name).mkdir(parents=True)
        (work / name / "clip.mp4").write_bytes(b"left")
    await keep(stage, a_generation(1, S.COMPLETED), a_generation(2, S.AMBIGUOUS))
    await stage.product.recover()
    assert {path.name for path in work.iterdir()} == {"v2", "v77", "else"}
