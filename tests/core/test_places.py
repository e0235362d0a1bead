"""Where things are said: threads that are opened for a wish, people who are told directly, clips that go another way,
and talk that is none of the bot's business."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core import texts
from core.errors import TemporaryError, Undeliverable
from core.generation import GenerationStatus as S
from core.messages import Attachment, ConversationKey, MediaKind, Message, Press
from core.ports import Failed, Obstacle, Running
from core.repositories import Changes
from tests.core.test_conversation_to_clip import RICH
from tests.fakes import Shown
from tests.pictures import jpeg
from tests.stage import ANN, BOB, Stage

CHANNEL = ConversationKey(platform="fake", chat="channel")
THREAD = replace(CHANNEL, thread="t1")
DIRECT = ConversationKey(platform="fake", chat=f"direct {ANN.id}")


def place(shown: Shown) -> ConversationKey:
    """Where a message stands."""
    if shown.delivery is not None:
        return shown.delivery.key
    assert shown.post is not None
    return shown.post.key


async def settled(stage: Stage, *keys: ConversationKey) -> None:
    """Everything that was started in these places is over."""
    for key in keys:
        await stage.dialogue.settled(key)


# --- wishes without a message ----------------------------------------------------------------------------------------


async def test_a_command_opens_a_thread_and_goes_on_in_it(stage: Stage) -> None:
    await stage.say(RICH, key=CHANNEL, command="video", rootless=True, private=False)
    root = stage.platform.shown[0]
    thread = replace(CHANNEL, thread=root.id)
    await settled(stage, thread)
    card = stage.platform.with_button("Make it")
    assert place(root) == CHANNEL
    assert root.text == texts.places.summoned_here("Ann", RICH)
    assert place(card) == thread
    await stage.press(card, "Make it", key=thread, private=False)
    assert (await stage.finished(key=thread)).status is S.COMPLETED
    assert place(stage.platform.with_button("Another take")) == thread


async def test_an_empty_command_asks_in_a_thread_of_its_own(stage: Stage) -> None:
    await stage.say("", key=CHANNEL, command="video", rootless=True, private=False)
    thread = replace(CHANNEL, thread=stage.platform.shown[0].id)
    await settled(stage, thread)
    assert place(stage.platform.having(texts.questions.QUESTIONS["idea"])) == thread


async def test_a_repeated_command_opens_one_thread(stage: Stage) -> None:
    command = Message(
        event_id="c1", key=CHANNEL, id="", sender=ANN, text=RICH, command="video", summoned=True, private=False,
        sent_at=stage.clock.now(),
    )  # fmt: skip
    for _ in range(3):
        await stage.dialogue.receive(command)
        await settled(stage, CHANNEL)
    await settled(stage, replace(CHANNEL, thread=stage.platform.shown[0].id))
    assert len([one for one in stage.platform.shown if "asked for a video" in one.text]) == 1
    assert len([one for one in stage.platform.shown if one.buttons]) == 1


async def test_a_shortcut_goes_on_at_the_message(stage: Stage) -> None:
    await stage.say(RICH, key=THREAD, command="video", summoned=True, private=False)
    assert [place(one) for one in stage.platform.shown] == [THREAD]
    stage.platform.with_button("Make it")


@pytest.mark.parametrize("rootless", [True, False])
async def test_where_the_bot_is_no_member_it_goes_on_with_the_person_alone(stage: Stage, rootless: bool) -> None:
    stage.platform.has_direct = True
    stage.platform.refused = {CHANNEL, THREAD}
    await stage.say(RICH, key=CHANNEL if rootless else THREAD, command="video", summoned=True, rootless=rootless,
                    private=False)  # fmt: skip
    root = stage.platform.shown[0]
    thread = replace(DIRECT, thread=root.id)
    await settled(stage, thread)
    assert place(root) == DIRECT
    assert "/invite" in root.text
    assert RICH in root.text
    card = stage.platform.with_button("Make it")
    assert place(card) == thread
    await stage.press(card, "Make it", key=thread)
    assert (await stage.finished(key=thread)).status is S.COMPLETED
    assert place(stage.platform.with_button("Another take")) == thread


async def test_without_a_direct_place_nothing_is_lost_silently(stage: Stage) -> None:
    stage.platform.refused = {CHANNEL}
    await stage.say(RICH, key=CHANNEL, command="video", rootless=True, private=False)
    assert await stage.store.waiting(CHANNEL) == ()
    assert stage.provider.orders == []


async def test_a_command_that_is_no_wish_is_answered_to_its_writer_alone(stage: Stage) -> None:
    await stage.say(RICH, key=THREAD, private=False)
    for command in ("status", "list", "help", "cancel"):
        await stage.say("", key=CHANNEL, command=command, rootless=True, private=False)
    whispers = [one.post for one in stage.platform.shown if one.post and one.post.whisper]
    assert len(whispers) == 4
    assert {post.person for post in whispers} == {ANN}
    assert {post.key for post in whispers} == {CHANNEL}
    assert "v1 · waits for your tap" in stage.platform.transcript(), "what they have in other threads is listed too"
    assert (await stage.generation()).status is S.CANCELLED


async def test_only_its_writer_learns_of_work_in_other_places(stage: Stage) -> None:
    await stage.say(RICH, key=THREAD, private=False)
    await stage.say("", key=CHANNEL, command="status", rootless=True, private=False, person=BOB)
    assert stage.platform.last.text == texts.talk.NOTHING_RUNNING
    await stage.say("", key=replace(CHANNEL, thread="t2"), command="status", private=False)
    assert stage.platform.last.text == texts.talk.NOTHING_RUNNING


# --- told directly ---------------------------------------------------------------------------------------------------


async def test_what_a_place_does_not_take_is_told_directly(stage: Stage) -> None:
    stage.platform.has_direct = True
    await stage.say(RICH, key=THREAD, private=False)
    card = stage.platform.with_button("Make it")
    stage.platform.refused = {THREAD}
    await stage.say("help", key=THREAD, private=False)
    assert place(stage.platform.last) == DIRECT
    stage.platform.refused = set()
    assert place(card) == THREAD


async def test_a_failure_is_told_directly_and_can_be_retried_there(stage: Stage) -> None:
    stage.platform.has_direct = True
    await stage.say(RICH, key=THREAD, private=False)
    stage.provider.on_poll = [Failed(reason="out of film")]
    card = stage.platform.with_button("Make it")
    stage.platform.refused = {THREAD}
    await stage.press(card, "Make it", key=THREAD, private=False)
    assert (await stage.finished(key=THREAD)).status is S.FAILED
    told = stage.platform.with_button("Retry")
    assert place(told) == DIRECT
    stage.platform.refused = set()
    here = replace(DIRECT, thread=told.id)
    await stage.press(told, "Retry", key=here)
    assert place(stage.platform.with_button("Make it")) == here, "it goes on where they tapped"


async def test_of_progress_only_what_it_can_be_stopped_by_is_told_directly(stage: Stage) -> None:
    stage.platform.has_direct = True
    await stage.say(RICH, key=THREAD, private=False)
    card = stage.platform.with_button("Make it")
    stage.platform.refused = {THREAD}
    await stage.press(card, "Make it", key=THREAD, private=False)
    await stage.finished(key=THREAD)
    shown = [one for one in stage.platform.shown if one.post and one.post.kind == "status" and place(one) == DIRECT]
    assert [[button.label for button in one.buttons] for one in shown] == [["Cancel"]]


# --- a clip that its place refuses -----------------------------------------------------------------------------------


async def ordered_in_thread(stage: Stage) -> None:
    stage.platform.has_direct = True
    await stage.say(RICH, key=THREAD, private=False)
    card = stage.platform.with_button("Make it")
    action = card.button("Make it").action
    stage.platform.refused = {THREAD}
    await stage.press_raw(card.id, action, key=THREAD, private=False)


async def test_a_refused_clip_is_brought_directly_and_counts_as_delivered(stage: Stage) -> None:
    await ordered_in_thread(stage)
    generation = await stage.finished(key=THREAD)
    assert generation.status is S.COMPLETED
    assert S.UNDELIVERABLE.value in generation.entered
    shown = stage.platform.with_button("Another take")
    assert place(shown) == DIRECT
    assert "could not post it where you asked" in shown.text
    assert stage.platform.deliveries == 1
    assert set(await stage.store.balance(1)) == {"quote", "hold", "capture"}


async def test_received_by_nobody_is_released(stage: Stage) -> None:
    await ordered_in_thread(stage)
    stage.platform.refused = {THREAD, DIRECT}
    generation = await stage.finished(key=THREAD)
    assert generation.status is S.UNDELIVERABLE
    assert generation.due_at is None
    assert await stage.clips.size("v1/clip.mp4")
    assert set(await stage.store.balance(1)) == {"quote", "hold", "release"}
    stage.platform.refused = set()
    await stage.press_raw("1", "post:1", key=THREAD, private=False)
    again = await stage.finished(key=THREAD)
    assert again.status is S.COMPLETED
    assert place(stage.platform.with_button("Another take")) == THREAD
    assert "not charged" in stage.platform.with_button("Another take").text
    assert set(await stage.store.balance(1)) == {"quote", "hold", "release"}


async def test_a_start_goes_on_with_bringing_it_directly(stage: Stage) -> None:
    await ordered_in_thread(stage)
    stage.platform.errors = [RuntimeError("the power went out")]
    generation = await stage.finished(key=THREAD)
    assert generation.on_its_way_elsewhere
    assert set(await stage.store.balance(1)) == {"quote", "hold"}
    stage.wire()
    await stage.product.recover()
    assert (await stage.finished(key=THREAD)).status is S.COMPLETED
    assert stage.platform.deliveries == 1
    assert set(await stage.store.balance(1)) == {"quote", "hold", "capture"}


async def test_a_direct_place_that_cannot_be_looked_up_now_is_waited_for(stage: Stage) -> None:
    await ordered_in_thread(stage)
    stage.platform.direct_errors = [TemporaryError("away"), TemporaryError("away")]
    assert (await stage.finished(key=THREAD)).status is S.COMPLETED


async def test_nothing_is_ordered_where_the_clip_could_not_be_posted(stage: Stage) -> None:
    stage.platform.blocked_by = Obstacle.NO_RIGHT_TO_SEND_VIDEO
    await stage.say(RICH, key=THREAD, private=False)
    assert stage.platform.last.text == texts.places.OBSTACLES[Obstacle.NO_RIGHT_TO_SEND_VIDEO]
    assert (await stage.generation()).status is S.CANCELLED


# --- talk that is none of our business -------------------------------------------------------------------------------


async def test_a_thread_without_the_bot_is_not_even_kept(stage: Stage) -> None:
    await stage.say("did you have lunch?", key=THREAD, private=False, addressed=False)
    assert await stage.store.waiting_keys() == ()
    assert not await stage.store.known(THREAD)
    assert stage.platform.shown == []


async def test_what_follows_a_mention_at_once_is_kept(stage: Stage) -> None:
    await stage.say(RICH, key=THREAD, private=False, settle=False)
    await stage.say("make it 6 seconds", key=THREAD, private=False, addressed=False, settle=False)
    await settled(stage, THREAD)
    assert "6 s" in stage.platform.with_button("Make it").text


# --- feedback and forms ----------------------------------------------------------------------------------------------


async def test_what_people_think_of_a_clip_is_kept(stage: Stage) -> None:
    await stage.say(RICH, key=THREAD, private=False)
    await stage.press(stage.platform.with_button("Make it"), "Make it", key=THREAD, private=False)
    await stage.finished(key=THREAD)
    shown = stage.platform.with_button("Another take")
    assert shown.delivery is not None
    good, bad = (button.action for button in shown.delivery.feedback)
    await stage.press_raw(shown.id, good, key=THREAD, private=False)
    await stage.press_raw(shown.id, good, key=THREAD, private=False)
    await stage.press_raw(shown.id, bad, key=THREAD, private=False, person=BOB)
    assert (await stage.generation()).ratings == {ANN.id: True, BOB.id: False}
    thanks = [one.post for one in stage.platform.shown if one.post and one.post.whisper]
    assert [post.text for post in thanks] == [texts.talk.RATED_GOOD, texts.talk.RATED_BAD.format(id="v1")]
    await stage.press_raw(shown.id, bad, key=THREAD, private=False)
    assert (await stage.generation()).ratings[ANN.id] is False


async def test_a_filled_form_changes_the_card_in_place(stage: Stage) -> None:
    await stage.say(RICH)
    card = stage.platform.with_button("Make it")
    press = Press(
        event_id="f1", key=card.post.key if card.post else CHANNEL, id=card.id, sender=ANN, action="change:1",
        sent_at=stage.clock.now(), values={"duration_s": "6", "words": "Snow day", "aspect": "16:9"},
    )  # fmt: skip
    await stage.dialogue.receive(press)
    await stage.dialogue.settled(press.key)
    assert stage.platform.with_button("Make it") is card
    assert "6 s" in card.text
    assert "Words on screen: Snow day" in card.text


async def test_attachments_travel_with_a_wish_that_is_moved(stage: Stage) -> None:
    stage.platform.has_direct = True
    stage.platform.refused = {THREAD}
    stage.platform.files["p"] = jpeg()
    picture = Attachment(kind=MediaKind.PHOTO, ref="p", mime_type="image/jpeg")
    await stage.say(RICH, key=THREAD, command="video", summoned=True, private=False, attachments=(picture,))
    await settled(stage, replace(DIRECT, thread=stage.platform.shown[0].id))
    assert "Begins with your picture" in stage.platform.with_button("Make it").text


async def test_a_place_that_refuses_by_error_is_no_reason_to_stop(stage: Stage) -> None:
    stage.platform.has_direct = True
    stage.platform.errors = [Undeliverable("not in channel")]
    await stage.say(RICH, key=THREAD, private=False)
    assert place(stage.platform.with_button("Make it")) == DIRECT


# --- found by reviewers ----------------------------------------------------------------------------------------------


async def test_files_that_are_being_brought_elsewhere_are_not_erased(stage: Stage) -> None:
    await ordered_in_thread(stage)
    stage.platform.errors = [RuntimeError("the power went out")]
    assert (await stage.finished(key=THREAD)).on_its_way_elsewhere
    for action in ("delete:1", "erase:1", "cancel:1", "post:1"):
        await stage.press_raw("1", action, key=replace(DIRECT, thread="x"))
    assert (await stage.generation()).clip is not None
    assert "nothing more is charged" not in stage.platform.transcript()
    await stage.product.recover()
    assert (await stage.finished(key=THREAD)).status is S.COMPLETED
    assert set(await stage.store.balance(1)) == {"quote", "hold", "capture"}


async def test_a_clip_whose_file_is_gone_ends_all_the_same(stage: Stage) -> None:
    await ordered_in_thread(stage)
    stage.platform.errors = [RuntimeError("the power went out")]
    generation = await stage.finished(key=THREAD)
    gone = replace(generation, clip=None)
    await stage.store.commit(
        Changes(generations=(gone,), conversation_id=generation.conversation_id, at=stage.clock.now())
    )
    await stage.product.recover()
    assert (await stage.finished(key=THREAD)).due_at is None
    assert set(await stage.store.balance(1)) == {"quote", "hold", "release"}


async def test_what_is_said_in_private_about_a_clip_from_a_group_stays_private(stage: Stage) -> None:
    await ordered_in_thread(stage)
    await stage.finished(key=THREAD)
    stage.platform.refused = set()
    clip = stage.platform.with_button("Another take")
    thread = replace(DIRECT, thread=clip.id)
    await stage.say("the same, but for my secret love", key=thread)
    card = stage.platform.with_button("Make it")
    assert place(card) == thread
    assert (await stage.generation(2)).parent == 1
    scene = await stage.store.scene(await stage.conversation(THREAD))
    assert scene is not None
    assert "secret" not in str(scene)
    await stage.say("at night", key=DIRECT, reply_to=clip.id)
    assert place(stage.platform.with_button("Make it")) == DIRECT


async def test_a_stop_means_its_own_thread(stage: Stage) -> None:
    stage.provider.on_poll = [Running()] * 10_000
    await stage.say(RICH, key=THREAD, private=False)
    await stage.press(stage.platform.with_button("Make it"), "Make it", key=THREAD, private=False)
    await stage.say("", key=replace(DIRECT, thread="t9"), command="stop")
    assert stage.platform.last.text == texts.endings.NOTHING_TO_CANCEL
    assert not (await stage.generation()).cancel_requested
    await stage.say("", key=THREAD, command="stop", private=False)
    assert (await stage.finished(key=THREAD)).status is S.CANCELLED


async def test_a_thread_is_opened_once_however_long_the_database_is_locked(stage: Stage) -> None:
    commit, locked = stage.store.commit, [True] * 5

    async def sometimes(changes: Changes) -> None:
        if changes.received and locked:
            locked.pop()
            raise TemporaryError("locked")
        await commit(changes)

    stage.store.commit = sometimes  # type: ignore[method-assign]
    await stage.say(RICH, key=CHANNEL, command="video", rootless=True, private=False)
    for _ in range(10):
        stage.clock.advance(60)
        await stage.dialogue.sweep()
        await settled(stage, CHANNEL)
    roots = [one for one in stage.platform.shown if place(one) == CHANNEL]
    assert len(roots) == 1
    await settled(stage, replace(CHANNEL, thread=roots[0].id))
    stage.platform.with_button("Make it")


async def test_a_wish_that_cannot_get_its_thread_now_holds_nobody_up(stage: Stage) -> None:
    stage.platform.errors = [TemporaryError("busy", retry_after=30.0)]
    await stage.say(RICH, key=CHANNEL, command="video", rootless=True, private=False)
    assert stage.platform.shown == []
    await stage.say("", key=CHANNEL, command="help", rootless=True, private=False, person=BOB)
    assert stage.platform.last.text == texts.talk.HELP
    stage.clock.advance(31)
    await stage.dialogue.sweep()
    await settled(stage, CHANNEL)
    await settled(stage, replace(CHANNEL, thread=stage.platform.last.id))
    stage.platform.with_button("Make it")


async def test_a_wish_in_a_place_that_turns_out_to_refuse_goes_on_directly(stage: Stage) -> None:
    stage.platform.has_direct = True
    stage.platform.errors = [Undeliverable("not in channel")]
    await stage.say(RICH, key=CHANNEL, command="video", rootless=True, private=False)
    root = stage.platform.shown[0]
    await settled(stage, replace(DIRECT, thread=root.id))
    assert place(stage.platform.with_button("Make it")) == replace(DIRECT, thread=root.id)


async def test_a_direct_place_that_is_never_found_ends_after_a_day(stage: Stage) -> None:
    await ordered_in_thread(stage)
    stage.platform.direct_errors = [TemporaryError("away", retry_after=3_600.0) for _ in range(100)]
    while (await stage.finished(key=THREAD)).status is S.DELIVERING:
        stage.clock.advance(3_600)
        await stage.product.work()
    assert (await stage.generation()).status is S.UNDELIVERABLE
    assert set(await stage.store.balance(1)) == {"quote", "hold", "release"}


async def test_buttons_of_what_only_i_see_work_where_i_see_it(stage: Stage) -> None:
    other = replace(CHANNEL, chat="other channel")
    await stage.say(RICH, key=THREAD, private=False)
    press = Press(
        event_id="w1", key=other, id="e1", sender=ANN, action="cancel:1", sent_at=stage.clock.now(), private=False,
        whispered=True,
    )  # fmt: skip
    await stage.dialogue.receive(replace(press, event_id="w0", sender=BOB))
    await stage.dialogue.settled(other)
    assert (await stage.generation()).status is S.PENDING_CONFIRMATION
    await stage.dialogue.receive(press)
    await stage.dialogue.settled(other)
    assert (await stage.generation()).status is S.CANCELLED
    said = stage.platform.last.post
    assert said is not None
    assert (said.key, said.whisper, said.text) == (other, True, texts.cards.CANCELLED_CARD)


async def test_a_rating_during_the_delivery_is_kept(stage: Stage) -> None:
    await stage.say(RICH)
    deliver = stage.platform.deliver

    async def rated_meanwhile(*given: Any) -> str:
        message_id = await deliver(*given)
        await stage.press_raw(message_id, "rate:1:1")
        return message_id

    stage.platform.deliver = rated_meanwhile  # type: ignore[method-assign, assignment]
    await stage.press(stage.platform.with_button("Make it"), "Make it")
    row = await stage.finished()
    assert (row.status, row.ratings) == (S.COMPLETED, {ANN.id: True})


# --- the top of a private chat with threads --------------------------------------------------------------------------


def top(number: int) -> ConversationKey:
    """A new thread in Ann's private chat."""
    return replace(DIRECT, thread=f"top{number}")


async def test_a_yes_at_the_top_means_the_only_card(stage: Stage) -> None:
    await stage.say(RICH, key=top(1))
    await stage.say("yes", key=top(2))
    assert texts.clips.GOES_ON_THERE.format(id="v1") in [
        one.text for one in stage.platform.shown if place(one) == top(2)
    ]
    assert (await stage.finished(key=top(1))).status is S.COMPLETED
    assert place(stage.platform.with_button("Another take")) == top(1)


async def test_a_change_at_the_top_changes_the_card_in_its_thread(stage: Stage) -> None:
    await stage.say(RICH, key=top(1))
    card = stage.platform.with_button("Make it")
    await stage.say("make it 6 seconds", key=top(2))
    await stage.product.outbox.settled(top(1))
    assert "6 s" in card.text
    assert place(stage.platform.last) == top(2)


async def test_a_new_wish_at_the_top_is_a_new_wish(stage: Stage) -> None:
    await stage.say(RICH, key=top(1))
    await stage.say("make me a video of a blue hen on a farm at night, cinematic, 4 seconds", key=top(2))
    assert place(stage.platform.with_button("Make it")) == top(2)
    assert (await stage.generation(1)).status is S.PENDING_CONFIRMATION


async def test_status_and_cancel_in_words_at_the_top_know_of_the_other_threads(stage: Stage) -> None:
    stage.provider.on_poll = [Running()] * 10_000
    await stage.say(RICH, key=top(1))
    await stage.press(stage.platform.with_button("Make it"), "Make it", key=top(1))
    await stage.say("status", key=top(2))
    assert "v1 ·" in stage.platform.last.text
    await stage.say("cancel", key=top(3))
    assert (await stage.finished(key=top(1))).status is S.CANCELLED


async def test_cards_of_channels_are_not_meant_in_private(stage: Stage) -> None:
    await stage.say(RICH, key=THREAD, private=False)
    await stage.say("yes", key=top(1))
    assert (await stage.generation()).status is S.PENDING_CONFIRMATION
