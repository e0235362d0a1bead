"""The main job through the core: from a sentence to a clip, with what may go differently on the way."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.errors import OrderNotSent, OrderRefused, OrderUnanswered, PermanentError, TemporaryError, Undeliverable
from core.generation import GenerationStatus as S
from core.generation import OrderOutcome
from core.messages import Attachment, ConversationKey, MediaKind
from core.ports import Failed, Finished, Obstacle, Reconciliation, Running, VideoOrder
from tests.emulators.footage import make_footage
from tests.fakes import size_of
from tests.pictures import jpeg
from tests.stage import BOB, HERE, Stage

RICH = "a red fox trotting through fresh snow at sunrise, cinematic, 4 seconds"


async def ordered(stage: Stage, text: str = RICH) -> None:
    """Ask for a clip and tap the card."""
    await stage.say(text)
    await stage.press(stage.platform.with_button("Make it"), "Make it")


async def test_a_vague_wish_is_asked_about_and_a_rich_one_is_not(stage: Stage) -> None:
    await stage.say("make me a video of a fox")
    question = stage.platform.last
    assert "?" in question.text
    assert 3 <= len(question.buttons) <= 5
    assert question.buttons[-1].label == "You decide"

    await stage.say(RICH, key=ConversationKey(platform="fake", chat="2"))
    assert stage.platform.last.button("Make it")


async def test_never_more_than_three_questions(stage: Stage) -> None:
    await stage.say("make me a video")
    asked = 0
    while not any(button.label.startswith("Make it") for button in stage.platform.last.buttons):
        asked += 1
        if asked == 1:
            await stage.say("a fox")
        else:
            await stage.press(stage.platform.last, "You decide")
    assert asked <= 3
    assert stage.provider.orders == []


async def test_now_skips_every_question(stage: Stage) -> None:
    await stage.say("make me a video of a fox now")
    assert stage.platform.last.button("Make it")


async def test_the_tap_orders_once_and_the_clip_arrives(stage: Stage) -> None:
    await ordered(stage)
    generation = await stage.finished()

    assert generation.status is S.COMPLETED
    assert len(stage.provider.orders) == 1
    shown = stage.platform.with_button("Another take")
    assert shown.delivery is not None
    assert shown.delivery.generation == "v1"
    assert shown.clip == (await stored(stage, "v1/clip.mp4"))
    assert "free" in shown.text
    assert "4 s" in shown.text
    assert await stage.store.balance(1) == {"quote": 0, "hold": 0, "capture": 0}
    assert stage.platform.having("Done").buttons == []


async def stored(stage: Stage, name: str) -> bytes:
    size = await stage.clips.size(name)
    assert size is not None
    return b"".join([part async for part in stage.clips.read(name, 0, size)])


async def test_a_second_tap_orders_nothing(stage: Stage) -> None:
    await stage.say(RICH)
    card = stage.platform.with_button("Make it")
    action = card.button("Make it").action
    await stage.press_raw(card.id, action)
    await stage.press_raw(card.id, action)
    await stage.finished()
    assert len(stage.provider.orders) == 1
    assert stage.platform.having("ordered already")


async def test_another_persons_tap_orders_nothing(stage: Stage) -> None:
    await stage.say(RICH)
    await stage.press(stage.platform.with_button("Make it"), "Make it", person=BOB, private=False)
    assert stage.provider.orders == []
    assert "Only Ann" in stage.platform.last.text


async def test_an_admin_may_decide_for_others(stage: Stage) -> None:
    from core.planning import Terms

    stage.wire(terms=Terms(admins=frozenset({BOB.id})))
    await stage.say(RICH)
    await stage.press(stage.platform.with_button("Make it"), "Make it", person=BOB)
    assert (await stage.finished()).status is S.COMPLETED


async def test_a_plain_yes_orders_the_one_open_card(stage: Stage) -> None:
    await stage.say(RICH)
    await stage.say("Yes!")
    assert (await stage.finished()).status is S.COMPLETED


async def test_a_yes_with_two_cards_open_orders_nothing(stage: Stage) -> None:
    await stage.say(RICH)
    await stage.say("make me another video: a boat at sea at night, cinematic, 4 seconds")
    await stage.say("yes")
    if len(stage.provider.orders):
        pytest.fail(stage.platform.transcript())
    assert "more than one card" in stage.platform.last.text


async def test_somebody_elses_yes_orders_nothing(stage: Stage) -> None:
    thread = ConversationKey(platform="fake", chat="g", thread="7")
    await stage.say(RICH, key=thread, private=False)
    await stage.say("yes", key=thread, person=BOB, private=False)
    assert stage.provider.orders == []


@pytest.mark.parametrize(
    "action",
    ["make:1:99", "make:2:1", "make:1", "make", "", "make:1:1:1:1:1:1", "erase:1", "x" * 200, "make:9999999999999:1"],
)
async def test_a_made_up_press_orders_nothing(stage: Stage, action: str) -> None:
    await stage.say(RICH)
    await stage.press_raw(stage.platform.with_button("Make it").id, action)
    assert stage.provider.orders == []
    assert (await stage.generation()).status is S.PENDING_CONFIRMATION


async def test_a_press_from_another_chat_does_not_reach_the_card(stage: Stage) -> None:
    await stage.say(RICH)
    action = stage.platform.with_button("Make it").button("Make it").action
    elsewhere = ConversationKey(platform="fake", chat="elsewhere")
    await stage.press_raw("1", action, key=elsewhere, private=False)
    await stage.press_raw("1", action, key=elsewhere, person=BOB)
    assert stage.provider.orders == []


async def test_what_was_told_directly_can_be_pressed_there_by_the_requester(stage: Stage) -> None:
    await stage.say(RICH)
    action = stage.platform.with_button("Make it").button("Make it").action
    await stage.press_raw("1", action, key=ConversationKey(platform="fake", chat="elsewhere"))
    assert (await stage.finished()).status is S.COMPLETED
    assert len(stage.provider.orders) == 1


async def test_a_repeated_event_is_dealt_with_once(stage: Stage) -> None:
    await stage.say(RICH)
    card = stage.platform.with_button("Make it")
    action = card.button("Make it").action
    for _ in range(3):
        await stage.press_raw(card.id, action, event_id="the-same")
    await stage.finished()
    assert len(stage.provider.orders) == 1
    assert "ordered already" not in stage.platform.transcript()


async def test_changing_in_words_updates_the_card_in_place(stage: Stage) -> None:
    await stage.say(RICH)
    card = stage.platform.with_button("Make it")
    old = card.button("Make it").action
    await stage.say("make it 6 seconds")
    assert stage.platform.with_button("Make it") is card
    assert "6 s" in card.text
    await stage.press_raw(card.id, old)
    assert stage.provider.orders == []
    assert "changed since" in stage.platform.last.text


async def test_change_offers_what_the_model_can_do(stage: Stage) -> None:
    await stage.say(RICH)
    await stage.press(stage.platform.with_button("Make it"), "Change…")
    question = stage.platform.last
    assert question.button("No sound")
    await stage.press(question, "No sound")
    assert "no sound" in stage.platform.with_button("Make it").text
    await stage.press(stage.platform.with_button("Make it"), "Make it")
    assert (await stage.finished()).status is S.COMPLETED
    assert stage.provider.orders[0].sound is False


async def test_show_prompt_shows_what_will_be_sent(stage: Stage) -> None:
    await stage.say(RICH)
    await stage.press(stage.platform.with_button("Make it"), "Show prompt")
    shown = stage.platform.last.text
    await stage.press(stage.platform.with_button("Make it"), "Make it")
    await stage.finished()
    assert stage.provider.orders[0].prompt in shown


async def test_a_card_expires_and_a_new_price_is_a_new_card(stage: Stage) -> None:
    await stage.say(RICH)
    card = stage.platform.with_button("Make it")
    action = card.button("Make it").action
    stage.clock.advance(3700)
    await stage.press_raw(card.id, action)
    assert stage.provider.orders == []
    assert "no longer held" in card.text
    await stage.press(card, "New price")
    await stage.press(stage.platform.with_button("Make it"), "Make it")
    assert (await stage.finished(2)).status is S.COMPLETED


async def test_the_clock_ends_old_cards(stage: Stage) -> None:
    await stage.say(RICH)
    stage.clock.advance(3700)
    await stage.product.upkeep.expire()
    await stage.product.outbox.settled(HERE)
    assert (await stage.generation()).status is S.EXPIRED
    assert stage.platform.last.button("New price")


async def test_cancelling_the_card_charges_nothing(stage: Stage) -> None:
    await stage.say(RICH)
    await stage.press(stage.platform.with_button("Make it"), "Cancel")
    assert (await stage.generation()).status is S.CANCELLED
    assert "nothing is charged" in stage.platform.last.text.lower()


async def test_several_wishes_become_several_cards(stage: Stage) -> None:
    await stage.say("make a video of a cat in a garden, cartoon. and another one of a dog on a beach, cartoon")
    cards = [shown for shown in stage.platform.shown if any(b.label.startswith("Make it") for b in shown.buttons)]
    assert len(cards) == 2
    await stage.press(cards[0], "Cancel")
    await stage.press(cards[1], "Make it")
    assert (await stage.finished(2)).status is S.COMPLETED
    assert (await stage.generation(1)).status is S.CANCELLED


async def test_an_edited_message_changes_what_is_not_ordered(stage: Stage) -> None:
    message = await stage.say("a red fox in the snow, cinematic, 4 seconds")
    await stage.say("a red wolf in the snow, cinematic, 4 seconds", edits=message)
    assert "wolf" in stage.platform.with_button("Make it").text
    await stage.press(stage.platform.with_button("Make it"), "Make it")
    await stage.finished()
    assert "wolf" in stage.provider.orders[0].prompt
    await stage.say("a red cat in the snow, cinematic, 4 seconds", edits=message)
    assert len(stage.provider.orders) == 1


async def test_a_reply_to_the_clip_makes_a_variation(stage: Stage) -> None:
    await ordered(stage)
    await stage.finished()
    clip = stage.platform.with_button("Another take")
    await stage.say("same but at night", reply_to=clip.id)
    second = await stage.generation(2)
    assert second.parent == 1
    assert second.status is S.PENDING_CONFIRMATION
    assert "night" in str(second.request)
    assert second.request.duration_s == 4


@pytest.mark.parametrize("label", ["Another take", "Longer"])
async def test_buttons_under_the_clip_lead_to_a_new_card(stage: Stage, label: str) -> None:
    await ordered(stage)
    await stage.finished()
    await stage.press(stage.platform.with_button("Another take"), label)
    second = await stage.generation(2)
    assert second.status is S.PENDING_CONFIRMATION
    assert second.plan is not None
    assert second.plan.duration_s == (4 if label == "Another take" else 6)


async def test_details_delete_and_original(stage: Stage) -> None:
    await ordered(stage)
    await stage.finished()
    clip = stage.platform.with_button("Another take")
    await stage.press(clip, "Details")
    assert "h264" in stage.platform.last.text
    assert "Seed: " in stage.platform.last.text
    await stage.press(clip, "Original file")
    assert "byte for byte" in stage.platform.last.text
    await stage.press(clip, "Delete")
    await stage.press(stage.platform.last, "Yes, delete")
    assert await stage.clips.size("v1/clip.mp4") is None
    await stage.press(clip, "Original file")
    assert "do not keep" in stage.platform.last.text


async def test_a_picture_becomes_the_first_frame(stage: Stage) -> None:
    stage.platform.files["photo-1"] = jpeg()
    picture = Attachment(kind=MediaKind.PHOTO, ref="photo-1", mime_type="image/jpeg", size_bytes=12)
    await stage.say("the fox turns its head, cinematic, 4 seconds", attachments=(picture,))
    await stage.press(stage.platform.with_button("Make it"), "Make it")
    await stage.finished()
    order = stage.provider.orders[0]
    assert order.first_frame is not None
    assert "Begins with your picture" in stage.platform.transcript() or order.request.first_frame


async def test_a_picture_without_words_is_asked_about(stage: Stage) -> None:
    stage.platform.files["photo-1"] = jpeg()
    picture = Attachment(kind=MediaKind.PHOTO, ref="photo-1", mime_type="image/jpeg", size_bytes=12)
    await stage.say("", attachments=(picture,))
    assert "?" in stage.platform.last.text


async def test_a_file_that_is_too_big_is_said_so(stage: Stage) -> None:
    big = Attachment(kind=MediaKind.PHOTO, ref="photo-1", mime_type="image/jpeg", size_bytes=30_000_000)
    await stage.say("", attachments=(big,))
    assert "larger than I may fetch" in stage.platform.transcript()


# --- what may go wrong ------------------------------------------------------------------------------------------------


async def test_429_is_waited_out_and_ordered_once(stage: Stage) -> None:
    stage.provider.on_order = [OrderRefused(temporary=True, retry_after=30.0), OrderNotSent(), None]
    began = stage.clock.now()
    await ordered(stage)
    generation = await stage.finished()
    assert generation.status is S.COMPLETED
    assert generation.retries == 2
    assert len({order.key for order in stage.provider.orders}) == 3
    assert stage.clock.now() - began >= timedelta(seconds=30)


async def test_a_refusal_offers_two_rewrites(stage: Stage) -> None:
    stage.provider.on_order = [OrderRefused("not that", safety=True)]
    await ordered(stage)
    generation = await stage.finished()
    assert generation.status is S.REFUSED
    said = stage.platform.with_button("Take idea 1")
    assert "not charged" in said.text
    await stage.press(said, "Take idea 2")
    second = await stage.generation(2)
    assert second.status is S.PENDING_CONFIRMATION
    assert second.request.idea == generation.rewrites[1]
    assert await stage.store.balance(1) == {"quote": 0, "hold": 0, "release": 0}


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Failed(reason="", refused=True), S.REFUSED),
        (Failed(reason="it broke"), S.FAILED),
        (Failed(reason=""), S.FAILED),
    ],
)
async def test_an_operation_without_a_clip_is_not_charged(stage: Stage, outcome: Failed, status: S) -> None:
    stage.provider.on_poll = [Running(fraction=0.5), TemporaryError(), PermanentError("403"), outcome]
    await ordered(stage)
    generation = await stage.finished()
    assert generation.status is status
    assert "You were not charged." in stage.platform.transcript()
    assert "release" in await stage.store.balance(1)


async def test_a_hard_refusal_of_the_order_is_a_failure_with_retry(stage: Stage) -> None:
    stage.provider.on_order = [OrderRefused("duration is not supported")]
    await ordered(stage)
    assert (await stage.finished()).status is S.FAILED
    await stage.press(stage.platform.with_button("Retry"), "Retry")
    assert len(stage.provider.orders) == 1
    await stage.press(stage.platform.with_button("Make it"), "Make it")
    assert (await stage.finished(2)).status is S.COMPLETED
    assert len(stage.provider.orders) == 2


async def test_a_lost_answer_is_never_ordered_again_by_itself(stage: Stage) -> None:
    stage.provider.on_order = [OrderUnanswered()]
    await ordered(stage)
    generation = await stage.finished()
    assert generation.status is S.AMBIGUOUS
    assert generation.order is not None
    assert generation.order.outcome is OrderOutcome.UNANSWERED
    stage.clock.advance(4000)
    await stage.product.work()
    assert len(stage.provider.orders) == 1
    told = stage.platform.with_button("Order again")
    assert "never arrived" in told.text
    again = told.button("Order again").action
    await stage.press_raw(told.id, again)
    assert (await stage.finished()).status is S.COMPLETED
    await stage.press_raw(told.id, again)
    assert len(stage.provider.orders) == 2
    assert await stage.store.balance(1) == {"quote": 0, "hold": 0, "capture": 0}


async def test_a_lost_answer_can_be_dropped(stage: Stage) -> None:
    stage.provider.on_order = [OrderUnanswered()]
    await ordered(stage)
    await stage.finished()
    await stage.press(stage.platform.with_button("Drop it"), "Drop it")
    assert (await stage.generation()).status is S.CANCELLED
    assert len(stage.provider.orders) == 1


async def test_a_lost_answer_is_found_again_where_the_provider_can(stage: Stage) -> None:
    stage.provider.on_order = [OrderUnanswered()]
    stage.provider.found = Reconciliation.PENDING
    await ordered(stage)
    assert (await stage.finished()).status is S.AMBIGUOUS
    stage.provider.found = "operation/found"
    stage.clock.advance(25)
    await stage.product.work()
    assert (await stage.finished()).status is S.COMPLETED
    assert len(stage.provider.orders) == 1


@pytest.mark.parametrize(
    ("flaw", "words"),
    [
        ({"black": True}, "black"),
        ({"frozen": True}, "never moves"),
        ({"silent": True}, "no sound"),
        ({"audio": False}, "no sound"),
        ({"seconds": 2}, "shorter"),
        ({"width": 180, "height": 320}, "wrong shape"),
    ],
)
async def test_a_clip_that_is_not_as_promised_is_not_charged(stage: Stage, flaw: dict[str, object], words: str) -> None:
    def flawed(order: VideoOrder, path: Path) -> None:
        width, height = size_of(order)
        wanted: dict[str, Any] = {"seconds": order.duration_s, "width": width, "height": height, **flaw}
        make_footage(path, **wanted)

    stage.provider.footage = flawed
    await ordered(stage)
    generation = await stage.finished()
    assert generation.status is S.FAILED
    assert words in stage.platform.transcript()
    assert "capture" not in await stage.store.balance(1)
    assert stage.platform.deliveries == 0


async def test_a_file_that_is_no_video_is_not_charged(stage: Stage) -> None:
    stage.provider.footage = lambda order, path: path.write_bytes(b"<html>no</html>")
    await ordered(stage)
    assert (await stage.finished()).status is S.FAILED
    assert "cannot be played" in stage.platform.transcript()


async def test_fetching_is_tried_again(stage: Stage) -> None:
    stage.provider.on_fetch = [TemporaryError(), TemporaryError(retry_after=3.0), None]
    await ordered(stage)
    assert (await stage.finished()).status is S.COMPLETED


async def test_cancel_reaches_the_provider(stage: Stage) -> None:
    stage.provider.on_poll = [Running()] * 500
    await ordered(stage)
    await stage.press(stage.platform.with_button("Cancel"), "Cancel")
    generation = await stage.finished()
    assert generation.status is S.CANCELLED
    assert stage.provider.cancelled == [generation.order.operation if generation.order else ""]
    assert "release" in await stage.store.balance(1)


async def test_what_cannot_be_stopped_is_delivered_and_said_so(stage: Stage) -> None:
    stage.provider.stops = False
    stage.provider.on_poll = [Running()] * 50
    await ordered(stage)
    await stage.press(stage.platform.with_button("Cancel"), "Cancel")
    assert (await stage.finished()).status is S.COMPLETED
    assert "cannot stop" in stage.platform.transcript()


async def test_it_says_once_that_it_is_late(stage: Stage) -> None:
    stage.provider.on_poll = [Running()] * 100_000
    await ordered(stage)
    while (await stage.generation()).status is not S.PROCESSING:
        await stage.product.work()
    stage.clock.advance(17)
    await stage.product.progress.tick()
    await stage.product.progress.tick()
    await stage.product.outbox.settled(HERE)
    told = [shown for shown in stage.platform.shown if "longer than it should" in shown.text]
    assert len(told) == 1
    await stage.press(told[0], "Cancel")
    assert (await stage.finished()).status is S.CANCELLED


async def test_a_place_that_takes_no_clips_gets_no_card(stage: Stage) -> None:
    stage.platform.blocked_by = Obstacle.NOT_MEMBER
    await stage.say(RICH)
    assert "not a member" in stage.platform.last.text
    assert not [shown for shown in stage.platform.shown if any(b.label.startswith("Make") for b in shown.buttons)]


async def test_a_clip_that_cannot_be_posted_is_kept_and_not_charged(stage: Stage) -> None:
    stage.provider.on_poll = [Running()] * 3
    await stage.say(RICH)
    await stage.press(stage.platform.with_button("Make it"), "Make it")
    stage.platform.errors = [Undeliverable("I was removed from the group.")]
    generation = await stage.finished()
    assert generation.status is S.UNDELIVERABLE
    assert await stage.clips.size("v1/clip.mp4")
    assert await stage.store.balance(1) == {"quote": 0, "hold": 0, "release": 0}
    await stage.press(stage.platform.with_button("Post it here now"), "Post it here now")
    assert (await stage.finished()).status is S.COMPLETED
    assert stage.platform.deliveries == 1
    assert await stage.store.balance(1) == {"quote": 0, "hold": 0, "release": 0}


async def test_a_clip_over_the_limit_is_sent_smaller_with_a_link(stage: Stage) -> None:
    from dataclasses import replace

    stage.platform.limits = replace(stage.platform.limits, upload_bytes=60_000)
    stage.wire(link=lambda name, until: f"https://example.org/v/{name}")
    await ordered(stage)
    assert (await stage.finished()).status is S.COMPLETED
    shown = stage.platform.with_button("Another take")
    assert len(shown.clip) <= 60_000
    assert shown.button("Original file").url.startswith("https://example.org/v/v1/clip.mp4")
    assert "smaller copy" in shown.text
    assert (await stored(stage, "v1/clip.mp4")) != shown.clip


async def test_the_queue_is_fair_and_shows_the_position(stage: Stage) -> None:
    from core.admission import Capacity

    stage.wire(capacity=Capacity(overall=1, per_person=1))
    stage.provider.on_poll = [Running()] * 100_000
    for _ in range(3):
        await stage.say("", command="new")
        await stage.say(RICH)
        await stage.press(stage.platform.with_button("Make it"), "Make it")
    other = ConversationKey(platform="fake", chat="bob")
    await stage.say(RICH, key=other, person=BOB)
    await stage.press(stage.platform.with_button("Make it"), "Make it", key=other, person=BOB)
    for _ in range(2):  # what is being said in a place goes before progress, which is shown at the next tick
        await stage.product.progress.tick()
        await stage.product.outbox.settled(HERE)
    assert "number 1" in stage.platform.having("v4 · In the queue").text
    assert "number 3" in stage.platform.having("v3 · In the queue").text
    stage.provider.on_poll.clear()
    for number in (1, 4, 2, 3):
        while (await stage.generation(number)).status is not S.COMPLETED:
            await stage.product.work()
            await stage.product.engine.settled(number)
    assert [order.key.split("-")[0] for order in stage.provider.orders] == ["v1", "v4", "v2", "v3"]


async def test_work_left_by_a_crash_goes_on(stage: Stage) -> None:
    stage.provider.on_poll = [Running()] * 3
    await ordered(stage)
    await stage.stop()
    stage.wire()
    await stage.product.listen()
    await stage.product.work()
    assert (await stage.finished()).status is S.COMPLETED
    assert len(stage.provider.orders) == 1
    assert stage.platform.deliveries == 1


async def test_finished_polls_tell_where_the_clip_is(stage: Stage) -> None:
    stage.provider.on_poll = [Finished(location="over there")]
    await ordered(stage)
    generation = await stage.finished()
    assert generation.order is not None
    assert generation.order.location == "over there"


@pytest.mark.parametrize("text", ["make it faster", "change it", "hmm, different please"])
async def test_a_change_that_is_not_understood_is_answered(stage: Stage, text: str) -> None:
    await stage.say(RICH)
    before = stage.platform.with_button("Make it").edits
    await stage.say(text)
    answered = stage.platform.last.text
    edited = stage.platform.with_button("Make it").edits > before
    assert edited or "did not get" in answered or "sentence" in answered
    assert stage.provider.orders == []
