"""What core once did wrong: each test says how it has to be."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.rules import RulesDialogueModel
from core import texts
from core.catalogue import load_catalogue
from core.errors import OrderRefused, OrderUnanswered, PermanentError, TemporaryError
from core.generation import GenerationStatus as S
from core.generation import OrderOutcome
from core.ports import OperationState, Reconciliation, Running, VideoOrder
from core.reading import Intent, PromptInput, Reading, ReadingInput, Step, Written
from core.repositories import Changes
from core.request import VideoRequest, changed
from storage.store import SqlStore
from tests.clock import FakeClock
from tests.core.test_dialogue import RICH, THREAD, created, message, photo, put, refined
from tests.core.test_generation import NOW, a_generation, a_plan, an_order, keep
from tests.core.test_pipeline import Gated, ordered, reached, until
from tests.core.test_response import PICTURE, Talk
from tests.core.test_tasks_and_outbox import PickyPlatform, Rows, outbox_of, posts, texts_of
from tests.fakes import FakeDialogueModel, FakeVideoProvider
from tests.pictures import jpeg
from tests.stage import BOB, HERE, Stage

# --- a model that talks nonsense --------------------------------------------------------------------------------------


@pytest.mark.parametrize("tier", [["best"], {"best": True}])
def test_a_tier_of_the_wrong_kind_is_dropped(tier: object) -> None:
    assert changed(VideoRequest(), {"tier": tier}) == VideoRequest()


@pytest.mark.parametrize(
    "nonsense", [{"aspect": "2.39:1"}, {"aspect": "cinema"}, {"aspect": "1:0"}, {"resolution": "2k"}]
)
async def test_a_shape_or_size_nobody_knows_does_not_break_the_turn(stage: Stage, nonsense: dict[str, object]) -> None:
    model = FakeDialogueModel()
    model.readings = [created(idea="a fox", style="drawn", mood="calm", **nonsense)] * 5
    stage.wire(model=model)
    await stage.say("a fox")
    assert texts.talk.GIVEN_UP not in stage.platform.transcript()
    assert stage.platform.last.buttons


# --- questions --------------------------------------------------------------------------------------------------------


def test_you_decide_about_a_length_that_cannot_be_had_takes_the_nearest() -> None:
    talk = Talk(providers=("veo",))
    talk.wish(idea="a fox", style="drawn", setting="at home", duration_s=20)
    assert "20 s will not do" in talk.said
    talk.tap("You decide")
    assert talk.rows[1].status is S.PENDING_CONFIRMATION
    assert talk.rows[1].plan is not None
    assert talk.rows[1].plan.duration_s == 8


async def test_a_yes_counts_although_somebody_else_is_being_asked(stage: Stage) -> None:
    model = FakeDialogueModel()
    model.readings = [
        created(idea="a fox", style="drawn", mood="calm"),
        created(idea="a cat"),
        Reading(steps=(Step(intent=Intent.CONFIRM),)),
    ]
    stage.wire(model=model)
    await stage.say("a fox", key=THREAD, private=False)
    await stage.say("a cat", key=THREAD, private=False, person=BOB)
    assert (await stage.generation(2)).question is not None
    await stage.say("yes", key=THREAD, private=False)
    assert (await stage.finished(1, THREAD)).status is S.COMPLETED


# --- pictures ---------------------------------------------------------------------------------------------------------


async def test_a_picture_captioned_with_a_bare_command_is_taken(stage: Stage) -> None:
    stage.platform.files["a"] = jpeg()
    await stage.say("", command="video", attachments=(photo("a"),))
    assert (await stage.generation()).request.first_frame is not None


def test_a_picture_that_comes_with_now_is_taken() -> None:
    talk = Talk()
    talk.wish(idea="a fox")
    talk.read(hurry=True, pictures=(PICTURE,), text="now")
    assert talk.rows[1].request.first_frame == PICTURE


# --- edits ------------------------------------------------------------------------------------------------------------


async def test_an_edited_change_does_not_replace_the_idea(stage: Stage) -> None:
    await stage.say("a red fox trotting through fresh snow, cinematic, 4 seconds")
    changing = await stage.say("at night, watercolour")
    assert len((await stage.generation()).said) == 2
    await stage.say("at dawn, watercolour", edits=changing)
    row = await stage.generation()
    assert "fox" in row.request.idea


async def test_an_edit_keeps_what_was_said_in_the_same_breath(stage: Stage) -> None:
    await put(stage, message(1, "a red fox", stage), message(2, "in the snow, cinematic, 4 seconds", stage))
    assert (await stage.generation()).request.duration_s == 4
    await stage.dialogue.receive(message(3, "a red wolf", stage, id="p1", edited=True))
    await stage.dialogue.settled(HERE)
    row = await stage.generation()
    assert "wolf" in row.request.idea
    assert row.request.duration_s == 4


async def test_an_edited_variation_keeps_the_idea_of_its_clip(stage: Stage) -> None:
    await ordered(stage)
    await stage.finished()
    clip = stage.platform.with_button("Another take")
    varied = await stage.say("same but at night, watercolour", reply_to=clip.id)
    assert "fox" in (await stage.generation(2)).request.idea
    await stage.say("same but at dawn, watercolour", edits=varied)
    row = await stage.generation(2)
    assert "fox" in row.request.idea
    assert "dawn" in f"{row.request.setting} {row.request.mood} {row.request.idea}"


# --- cancelling, buttons and old clips -------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [S.FAILED, S.CANCELLED, S.REFUSED, S.EXPIRED])
def test_cancelling_what_failed_does_not_promise_a_clip(status: S) -> None:
    talk = Talk(a_generation(status=status))
    talk.read(Step(intent=Intent.CANCEL, target=1))
    assert "on its way to you" not in talk.said
    assert "over already" in talk.said


def test_a_made_up_tap_on_details_before_there_is_a_card_is_answered() -> None:
    talk = Talk()
    talk.wish(idea="a fox")
    talk.press("details:1")
    assert talk.said


@pytest.mark.parametrize("how", ["press", "reply"])
async def test_an_older_clip_is_still_at_hand_after_ten_others(stage: Stage, how: str) -> None:
    await ordered(stage)
    first = await stage.finished()
    clip = stage.platform.with_button("Another take")
    others = [
        replace(a_generation(number, S.CANCELLED), conversation_id=first.conversation_id) for number in range(2, 14)
    ]
    await keep(stage, *others)
    if how == "press":
        await stage.press(clip, "Details")
        assert "Seed" in stage.platform.last.text
    else:
        await stage.store.reserve_generation_ids(20)
        await stage.say("same but at night", reply_to=clip.id)
        scene = await stage.store.scene(first.conversation_id)
        assert scene is not None
        assert scene.generations[0].parent == 1


async def test_a_card_of_a_model_that_is_retired_by_now_orders_nothing(stage: Stage) -> None:
    catalogue = load_catalogue()
    model = catalogue.model("animatic-1")
    last_day = replace(model, valid_to=(stage.clock.now() + timedelta(days=1)).date())
    newer = replace(model, id="animatic-2", valid_from=last_day.valid_to or model.valid_from)
    stage.wire(catalogue=replace(catalogue, video=(last_day, newer)))
    stage.clock.advance(11.75 * 3600)
    await stage.say(RICH)
    card = stage.platform.with_button("Make it")
    assert (await stage.generation()).plan is not None
    stage.clock.advance(1800)
    await stage.press(card, "Make it")
    await stage.finished()
    assert [order.model for order in stage.provider.orders] == []
    plan = (await stage.generation()).plan
    assert plan is not None
    assert plan.model == "animatic-2"


# --- the pipeline ----------------------------------------------------------------------------------------------------


async def test_a_model_that_left_the_catalogue_ends_the_generation(stage: Stage) -> None:
    await keep(stage, a_generation(status=S.SUBMITTING, plan=a_plan(model="animatic-0")))
    await stage.product.work()
    for _ in range(50):
        if (await stage.generation()).status is S.FAILED:
            break
        await asyncio.sleep(0.004)
    row = await stage.generation()
    assert (row.status, row.reason) == (S.FAILED, texts.endings.MODEL_GONE)


async def test_ordering_again_after_a_cancel_that_came_too_late_orders(stage: Stage) -> None:
    order = an_order(outcome=None, operation="")
    await keep(
        stage,
        a_generation(status=S.SUBMITTING, order=order, cancel_requested=True, plan=a_plan(duration_s=4)),
    )
    await stage.product.work()
    assert (await stage.finished()).status is S.AMBIGUOUS
    await stage.press(stage.platform.with_button("Order again"), "Order again")
    assert (await stage.finished()).status is S.COMPLETED


async def test_an_outage_followed_by_one_refused_look_does_not_lose_the_clip(stage: Stage) -> None:
    stage.provider.on_poll = [*[TemporaryError("503")] * 25, PermanentError("403")]
    await ordered(stage)
    assert (await stage.finished()).status is S.COMPLETED


async def test_a_wait_that_the_service_asks_for_between_looks_is_kept(stage: Stage) -> None:
    looks: list[float] = []

    class Counting(FakeVideoProvider):
        async def poll(self, operation: str) -> OperationState:
            looks.append((stage.clock.now() - NOW).total_seconds())
            return await super().poll(operation)

    stage.provider = Counting(on_poll=[TemporaryError("429", retry_after=50.0)])
    stage.wire()
    await ordered(stage)
    await stage.finished()
    assert looks[1] - looks[0] >= 50


async def test_a_clip_that_cannot_be_made_small_enough_is_kept(stage: Stage) -> None:
    stage.platform.limits = replace(stage.platform.limits, upload_bytes=100)
    stage.wire()
    await ordered(stage)
    row = await stage.finished()
    assert row.status is not S.FAILED
    assert "the video service said" not in row.reason
    assert await stage.clips.size("v1/clip.mp4")


async def test_the_time_before_ordering_again_is_not_the_works(stage: Stage) -> None:
    stage.provider.on_order = [OrderUnanswered()]
    stage.provider.on_poll = [Running()] * 100_000
    await ordered(stage)
    await stage.finished()
    stage.clock.advance(4000)
    await stage.press(stage.platform.with_button("Order again"), "Order again")
    await reached(stage, S.PROCESSING)
    await stage.product.progress.tick()
    assert not (await stage.generation()).told_late


async def test_a_stop_waits_for_orders_that_begin_while_it_waits(stage: Stage) -> None:
    class ByName(FakeVideoProvider):
        """Answers each order when it is let."""

        let: dict[str, asyncio.Event]

        async def order(self, order: VideoOrder) -> str:
            self.orders.append(order)
            name = "-".join(order.key.split("-")[:2])
            await self.let[name].wait()
            if name == "v2-1":
                raise OrderRefused(temporary=True, retry_after=0.01)
            return f"operation/{order.key}"

    provider = ByName()
    provider.let = {name: asyncio.Event() for name in ("v1-1", "v2-1", "v2-2")}
    stage.provider = provider
    stage.wire()
    await keep(stage, a_generation(1, S.SUBMITTING), a_generation(2, S.SUBMITTING))
    await stage.product.work()
    await until(lambda: asyncio.sleep(0), lambda _: len(provider.orders) >= 2)
    stopping = asyncio.create_task(stage.product.stop(0.5))
    await asyncio.sleep(0.02)
    provider.let["v2-1"].set()
    await asyncio.sleep(0.08)
    provider.let["v1-1"].set()
    await stopping
    unanswered = [
        row.name
        for row in [await stage.generation(1), await stage.generation(2)]
        if row.order is not None and row.order.outcome is None
    ]
    provider.let["v2-2"].set()
    await asyncio.sleep(0.05)
    assert unanswered == []


# --- the outbox ------------------------------------------------------------------------------------------------------


async def test_an_error_nobody_foresaw_does_not_say_things_twice() -> None:
    rows, platform = Rows(*posts("one", "two")), PickyPlatform()
    platform.refuses["two"] = ValueError("a bug in an adapter")
    outbox = outbox_of(rows, platform, FakeClock())
    for _ in range(3):
        outbox.wake(HERE)
        await outbox.settled(HERE)
    assert texts_of(platform) == ["one"]


async def test_a_message_is_not_given_up_for_the_one_behind_it(stage: Stage) -> None:
    class Picky(FakeDialogueModel):
        async def read(self, given: ReadingInput) -> Reading:
            if "poison" in given.text:
                raise ZeroDivisionError
            return created(idea=given.text, style="drawn", mood="calm")

    picky = Picky()
    stage.wire(model=picky, fallback=picky)
    await put(stage, message(1, "a fox", stage), message(2, "poison", stage))
    assert (await stage.generation()).request.idea == "a fox"
    assert stage.platform.transcript().count(texts.talk.GIVEN_UP) == 1


# --- what is remembered ----------------------------------------------------------------------------------------------


async def test_what_somebody_else_said_is_remembered_as_theirs(stage: Stage) -> None:
    model = FakeDialogueModel()
    model.readings = [
        created(idea="a fox", style="drawn", mood="calm"),
        Reading(steps=(Step(intent=Intent.ASIDE),)),
        refined(mood="gay"),
    ]
    stage.wire(model=model)
    await stage.say("a fox", key=THREAD, private=False)
    await stage.say("who pays?", key=THREAD, private=False, addressed=False, person=BOB)
    await stage.say("gay", key=THREAD, private=False)
    assert model.given[2].history[-1].text == "who pays?"
    assert model.given[2].history[-1].speaker == "other"


# --- what reviewers found ---------------------------------------------------------------------------------------------


class SlowPrompt(RulesDialogueModel):
    """Writes a prompt only when it is let."""

    def __init__(self) -> None:
        self.begun, self.let = asyncio.Event(), asyncio.Event()

    async def write_prompt(self, given: PromptInput) -> Written:
        self.begun.set()
        await self.let.wait()
        return await super().write_prompt(given)


async def test_a_cancel_while_the_prompt_is_written_orders_nothing(stage: Stage) -> None:
    model = SlowPrompt()
    stage.wire(model=model, fallback=model)
    await ordered(stage)
    await model.begun.wait()
    await stage.press(stage.platform.with_button("Cancel"), "Cancel")
    model.let.set()
    assert (await stage.finished()).status is S.CANCELLED
    assert stage.provider.orders == []
    assert await stage.store.balance(1) == {"quote": 0, "hold": 0, "release": 0}


async def test_a_database_that_is_away_when_an_order_is_accepted_loses_nothing(stage: Stage) -> None:
    class Away(SqlStore):
        refusing = 0

        async def commit(self, changes: Changes) -> None:
            accepted = [row for row in changes.generations if row.status is S.PROCESSING]
            if accepted and Away.refusing < 3:
                Away.refusing += 1
                raise TemporaryError("locked")
            await super().commit(changes)

    stage.store = away = Away(f"sqlite:///{stage.folder / 'reelbot.db'}")
    stage.wire()
    await ordered(stage)
    assert (await stage.finished()).status is S.COMPLETED
    assert len(stage.provider.orders) == 1
    assert Away.refusing == 3
    await stage.stop()
    await away.close()


async def test_a_yes_that_came_before_its_card_orders_nothing(stage: Stage) -> None:
    await stage.say(RICH)
    await stage.say("15 seconds", settle=False)
    await stage.say("yes", settle=False)
    await stage.dialogue.settled(HERE)
    assert stage.provider.orders == []
    await stage.say("yes")
    assert (await stage.finished()).status is S.COMPLETED


async def test_a_yes_to_something_else_orders_nothing(stage: Stage) -> None:
    await ordered(stage)
    await stage.finished()
    clip = stage.platform.with_button("Another take")
    await stage.press(clip, "Another take")
    await stage.say("perfect", reply_to=clip.id)
    await stage.press(clip, "Delete")
    await stage.say("yes")
    assert len(stage.provider.orders) == 1
    assert (await stage.generation(2)).status is S.PENDING_CONFIRMATION


async def test_an_id_that_is_not_here_hits_nothing_else(stage: Stage) -> None:
    await stage.say(RICH)
    await stage.say("v99", command="cancel")
    assert "There is no v99" in stage.platform.last.text
    assert (await stage.generation()).status is S.PENDING_CONFIRMATION


async def test_commands_reach_the_work_of_other_conversations(stage: Stage) -> None:
    await stage.say(RICH)
    await stage.say("", command="new")
    await stage.say("", command="status")
    assert "v1 · waits for your tap" in stage.platform.last.text
    await stage.say("v1", command="cancel")
    assert (await stage.generation()).status is S.CANCELLED


async def test_a_cancel_is_kept_when_the_answer_to_the_order_is_lost(stage: Stage) -> None:
    class Lost(Gated):
        async def order(self, order: VideoOrder) -> str:
            await super().order(order)
            raise OrderUnanswered

    stage.provider = provider = Lost()
    provider.found = Reconciliation.PENDING
    stage.wire()
    await ordered(stage)
    await provider.begun.wait()
    await stage.press(stage.platform.with_button("Cancel"), "Cancel")
    provider.let.set()
    assert (await stage.finished()).status is S.AMBIGUOUS
    provider.found = "operation/found"
    stage.clock.advance(60)
    await stage.product.work()
    assert (await stage.finished()).status is S.CANCELLED
    assert provider.cancelled == ["operation/found"]


async def test_a_file_that_was_cut_off_here_is_fetched_again(stage: Stage) -> None:
    stage.provider.on_poll = [Running()] * 100_000
    await ordered(stage)
    await reached(stage, S.PROCESSING)
    work = stage.folder / "work" / "v1"
    work.mkdir(parents=True, exist_ok=True)
    (work / "clip.mp4").write_bytes(b"")
    stage.provider.on_poll.clear()
    assert (await stage.finished()).status is S.COMPLETED


async def test_a_row_nobody_understands_does_not_keep_others_waiting(stage: Stage) -> None:
    class Bad(FakeVideoProvider):
        async def reconcile(self, order_key: str, model: str) -> str | Reconciliation:
            raise ValueError("unforeseen")

    stage.provider = Bad()
    stage.wire()
    lost = an_order(outcome=OrderOutcome.UNANSWERED, operation="")
    await keep(stage, a_generation(1, S.AMBIGUOUS, due_at=NOW, order=lost), a_generation(2, S.QUEUED))
    await stage.product.work()
    assert (await stage.generation(2)).status is not S.QUEUED


async def test_the_end_of_looking_is_told(stage: Stage) -> None:
    stage.provider.on_order = [OrderUnanswered()]
    stage.provider.found = Reconciliation.PENDING
    await ordered(stage)
    await stage.finished()
    stage.clock.advance(3600)
    await stage.product.work()
    await stage.product.outbox.settled(HERE)
    assert "did not turn up" in stage.platform.last.text
    assert stage.platform.last.button("Order again")


async def test_a_picture_among_others_is_not_answered_in_a_group(stage: Stage) -> None:
    await stage.say(RICH, key=THREAD, private=False)
    before = len(stage.platform.shown)
    await stage.say("", key=THREAD, private=False, addressed=False, person=BOB, attachments=(photo("x"),))
    assert len(stage.platform.shown) == before


async def test_the_same_question_is_not_asked_twice(stage: Stage) -> None:
    await stage.say("a cat")
    first = stage.platform.last.text
    await stage.say("6 seconds")
    assert stage.platform.last.text != first


async def test_an_edit_that_becomes_a_wish_is_answered(stage: Stage) -> None:
    hello = await stage.say("hello")
    await stage.say(f"make me a video of {RICH}", edits=hello)
    assert stage.platform.last.button("Make it")
