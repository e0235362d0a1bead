"""Turns over real rows: what is read together, what takes over when the model fails, who may say what in groups, and
what happens to a message that cannot be dealt with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from adapters.rules import RulesDialogueModel
from core import texts
from core.catalogue import load_catalogue
from core.conversation import Conversation
from core.dialogue import MAX_TRIES
from core.errors import PermanentError, StaleRow, TemporaryError, UnusableReply
from core.generation import GenerationStatus as S
from core.messages import Attachment, ConversationKey, Incoming, MediaKind, Message, Press
from core.ports import Obstacle, Running
from core.readers import Readers
from core.reading import Intent, Reading, ReadingInput, Step, TokenUse, Written
from core.repositories import Changes
from core.request import VideoRequest
from tests.core.test_generation import NOW, a_generation
from tests.core.test_pipeline import until
from tests.fakes import FakeDialogueModel, FakePlatform
from tests.pictures import jpeg, png
from tests.stage import ANN, BOB, HERE, Stage

RICH = "a red fox trotting through fresh snow at sunrise, cinematic, 4 seconds"
GROUP = ConversationKey(platform="fake", chat="g")
THREAD = ConversationKey(platform="fake", chat="g", thread="7")
USE = TokenUse(model="m", purpose="read", tokens_in=1, tokens_out=1, cost=5)


def created(**changes: object) -> Reading:
    """A reading of a wish."""
    return Reading(steps=(Step(intent=Intent.CREATE, changes=changes),), language="en")


def refined(**changes: object) -> Reading:
    """A reading of a change."""
    return Reading(steps=(Step(intent=Intent.REFINE, changes=changes),))


class SlowModel(FakeDialogueModel):
    """Reads only when it is let."""

    def __init__(self, *readings: Reading | Exception) -> None:
        super().__init__()
        self.readings = list(readings)
        self.begun = asyncio.Event()
        self.let = asyncio.Event()

    async def read(self, given: ReadingInput) -> Reading:
        self.begun.set()
        await self.let.wait()
        return await super().read(given)


def photo(ref: str, *, kind: MediaKind = MediaKind.PHOTO, mime: str = "image/jpeg", size: int = 12) -> Attachment:
    return Attachment(kind=kind, ref=ref, mime_type=mime, size_bytes=size)


async def put(stage: Stage, *messages: Message) -> None:
    """Let several messages wait before anybody looks at them, and answer them."""
    for message in messages:
        await stage.store.receive(message, stage.clock.now())
    await stage.dialogue.sweep()
    await stage.dialogue.settled(messages[0].key)


def message(number: int, text: str, stage: Stage, **fields: object) -> Message:
    values: dict[str, object] = {
        "event_id": f"e{number}",
        "key": HERE,
        "id": f"p{number}",
        "sender": ANN,
        "text": text,
        "sent_at": stage.clock.now(),
    }
    return Message(**(values | fields))  # type: ignore[arg-type]


# --- what is read together -------------------------------------------------------------------------------------------


async def test_messages_that_wait_are_read_as_one(stage: Stage) -> None:
    model = FakeDialogueModel()
    model.readings = [created(idea="a fox in snow", style="drawn", mood="calm")]
    stage.wire(model=model)
    await put(stage, message(1, "a fox", stage), message(2, "", stage), message(3, "in the snow", stage))
    assert [given.text for given in model.given] == ["a fox\nin the snow"]
    assert stage.platform.with_button("Make it")
    assert len(stage.platform.shown) == 1


@pytest.mark.parametrize(
    "second",
    [
        {"sender": BOB},
        {"command": "status"},
        {"reply_to": "p77"},
        {"addressed": False, "private": False},
        {"edited": True},
        {"text": "yes"},
    ],
)
async def test_what_does_not_go_on_from_it_is_a_turn_of_its_own(stage: Stage, second: dict[str, object]) -> None:
    model = FakeDialogueModel()
    model.readings = [created(idea="a fox", style="drawn", mood="calm"), Reading(steps=()), Reading(steps=())]
    stage.wire(model=model)
    await put(stage, message(1, "a fox", stage), message(2, **({"text": "more"} | second), stage=stage))  # type: ignore[arg-type]
    assert model.given[0].text == "a fox"
    assert not any("a fox\n" in given.text for given in model.given)


async def test_a_press_between_two_messages_parts_them(stage: Stage) -> None:
    model = FakeDialogueModel()
    model.readings = [created(idea="a fox", style="drawn", mood="calm"), refined(mood="gay")]
    stage.wire(model=model)
    await stage.store.receive(message(1, "a fox", stage), stage.clock.now())
    press = Press(event_id="e2", key=HERE, id="1", sender=ANN, action="nonsense", sent_at=stage.clock.now())
    await stage.store.receive(press, stage.clock.now())
    await put(stage, message(3, "gay", stage))
    assert [given.text for given in model.given] == ["a fox", "gay"]
    assert stage.platform.having(texts.clips.STALE_BUTTON)


async def test_messages_that_arrive_while_one_is_read_are_folded_into_the_turn(stage: Stage) -> None:
    model = SlowModel(created(idea="a fox", style="drawn"), refined(mood="calm"))
    stage.wire(model=model)
    await stage.say("a fox, drawn", settle=False)
    await model.begun.wait()
    await stage.say("make it calm", settle=False)
    model.let.set()
    await stage.dialogue.settled(HERE)
    assert [given.text for given in model.given] == ["a fox, drawn", "make it calm"]
    assert model.given[1].request is not None
    assert model.given[1].request.idea == "a fox"
    cards = [shown for shown in stage.platform.shown if shown.buttons]
    assert len(cards) == 1
    assert (await stage.generation()).request == VideoRequest(idea="a fox", style="drawn", mood="calm")
    scene = await stage.store.scene(await stage.conversation())
    assert scene is not None
    assert scene.conversation.history[0].text == "a fox, drawn\nmake it calm"


async def test_folding_stops_after_three_and_nobody_waits_for_ever(stage: Stage) -> None:
    model = FakeDialogueModel()
    said = 0

    def read(given: ReadingInput) -> Reading:
        return created(idea="a fox", style="drawn", mood="calm")

    class Chatty(FakeDialogueModel):
        async def read(self, given: ReadingInput) -> Reading:
            nonlocal said
            said += 1
            if said < 6:
                await stage.say(f"and {said}", settle=False)
            return await super().read(given)

    model = Chatty()
    model.readings = [read] * 6
    stage.wire(model=model)
    await stage.say("a fox")
    assert len(model.given) == 6
    assert await stage.store.waiting(HERE) == ()
    turns = {row.reply_to for row in (await stage.store.scene(await stage.conversation())).generations}  # type: ignore[union-attr]
    assert len(turns) == 6


async def test_a_reply_to_another_conversation_is_not_folded_in(stage: Stage) -> None:
    await stage.say(RICH)
    card = stage.platform.with_button("Make it")
    await stage.say("", command="new")
    model = SlowModel(created(idea="a cat", style="drawn", mood="calm"), refined(mood="calm"))
    stage.wire(model=model)
    await stage.say("a cat, drawn", reply_to="unknown", settle=False)
    await model.begun.wait()
    await stage.say("calm", reply_to=card.id, settle=False)
    model.let.set()
    await stage.dialogue.settled(HERE)
    assert (await stage.generation(1)).request.mood == "calm"
    assert (await stage.generation(2)).request.idea == "a cat"
    assert (await stage.generation(2)).conversation_id != (await stage.generation(1)).conversation_id


async def test_a_new_conversation_asked_for_meanwhile_takes_what_follows(stage: Stage) -> None:
    model = SlowModel(created(idea="a fox", style="drawn", mood="calm"), created(idea="a cat", style="drawn", mood="x"))
    stage.wire(model=model)
    await stage.say("a fox", settle=False)
    await model.begun.wait()
    await stage.say("a cat", command="new", settle=False)
    model.let.set()
    await stage.dialogue.settled(HERE)
    first, second = await stage.generation(1), await stage.generation(2)
    assert first.conversation_id != second.conversation_id
    assert await stage.conversation() == second.conversation_id


async def test_an_album_is_one_message(stage: Stage) -> None:
    for ref in ("a", "b"):
        stage.platform.files[ref] = jpeg(ref.encode())
    album = {"album": "x", "attachments": (photo("a"),)}
    first = message(1, "the fox turns its head, cinematic, 4 seconds", stage, **album)
    # Into the inbox without a turn: on a busy machine the test's clock would run ahead of the second part.
    await stage.store.receive(first, stage.clock.now())
    await stage.dialogue.receive(message(2, "", stage, album="x", attachments=(photo("b"),), addressed=False))
    await stage.dialogue.settled(HERE)
    row = await stage.generation()
    assert row.request.first_frame is not None
    assert await stored(stage, row.request.first_frame.name) == jpeg(b"a")
    assert len([shown for shown in stage.platform.shown if shown.buttons]) == 1


async def test_a_conversation_that_another_program_began_meanwhile_loses_no_message(stage: Stage) -> None:
    model = SlowModel(*[created(idea="a fox", style="drawn", mood="calm")] * 4)
    stage.wire(model=model)
    await stage.say("a fox", settle=False)
    await model.begun.wait()
    begun = Conversation(id="theirs", key=HERE, owner_id=ANN.id, created_at=NOW, updated_at=NOW)
    await stage.store.commit(Changes(conversations=(begun,), conversation_id="theirs", at=NOW))
    await stage.say("and a cat", settle=False)
    model.let.set()
    await stage.dialogue.settled(HERE)
    assert await stage.store.waiting(HERE) == ()
    kept = await stage.store.conversations(HERE, ANN.id)
    lines = [text for one in kept for line in one.history for text in line.text.splitlines()]
    assert lines.count("a fox") == 1
    assert lines.count("and a cat") == 1
    assert len([one for one in kept if one.current]) == 1


async def test_a_yes_while_ones_own_question_is_open_is_no_order(stage: Stage) -> None:
    model = FakeDialogueModel()
    model.readings = [
        created(idea="a fox", style="drawn", mood="calm"),
        created(idea="a cat"),
        Reading(steps=(Step(intent=Intent.CONFIRM),)),
    ]
    stage.wire(model=model)
    await stage.say("a fox")
    await stage.say("a cat")
    await stage.say("yes")
    assert len(model.given) == 3
    assert stage.provider.orders == []
    assert "I did not get that" in stage.platform.last.text


async def stored(stage: Stage, name: str) -> bytes:
    size = await stage.clips.size(name)
    assert size is not None
    return b"".join([part async for part in stage.clips.read(name, 0, size)])


# --- files -----------------------------------------------------------------------------------------------------------


async def test_files_that_cannot_be_used_are_said_so(stage: Stage) -> None:
    await stage.say("", attachments=(photo("nowhere"),))
    assert texts.talk.FETCH_REFUSED in stage.platform.transcript()
    stage.platform.files["voice"] = b"ogg"
    await stage.say("", attachments=(photo("voice", kind=MediaKind.VOICE, mime="audio/ogg"),))
    assert texts.talk.MEDIA_KEPT in stage.platform.transcript()
    await stage.say("", attachments=(photo("sticker", kind=MediaKind.OTHER, mime=""),))
    assert texts.talk.ONLY_TEXT in stage.platform.transcript()
    await stage.say("")
    assert texts.talk.HELLO in stage.platform.transcript()
    assert await stage.store.generation(1) is None


async def test_a_picture_sent_as_a_document_counts_as_one(stage: Stage) -> None:
    stage.platform.files["doc"] = png()
    await stage.say("", attachments=(photo("doc", kind=MediaKind.DOCUMENT, mime="image/png"),))
    frame = (await stage.generation()).request.first_frame
    assert frame is not None
    assert frame.name.endswith(".png")


# --- the model fails -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [TemporaryError("down"), UnusableReply(), TimeoutError()])
async def test_rules_take_over_and_it_is_said_once(stage: Stage, error: Exception) -> None:
    if isinstance(error, UnusableReply):
        error.uses = (USE,)
    model = FakeDialogueModel()
    model.readings = [error, error, Reading(steps=(Step(intent=Intent.HELP),)), error]
    model.prompts = [error]
    stage.wire(model=model)
    await stage.say(RICH)
    await stage.say("make it 6 seconds")
    assert "6 s" in stage.platform.with_button("Make it").text
    assert stage.platform.transcript().count(texts.talk.SIMPLER) == 1
    await stage.say("help")
    await stage.say("make it 4 seconds")
    assert stage.platform.transcript().count(texts.talk.SIMPLER) == 2
    await stage.press(stage.platform.with_button("Make it"), "Make it")
    assert (await stage.finished()).status is S.COMPLETED


async def test_a_model_that_takes_too_long_is_not_waited_for() -> None:
    rules = RulesDialogueModel()
    readers = Readers(SlowModel(), rules, catalogue=load_catalogue(), timeout_s=0.05)
    reading = await readers.read(ReadingInput(text=RICH))
    assert reading.simpler
    assert reading.steps == (await rules.read(ReadingInput(text=RICH))).steps


async def test_what_the_first_model_cost_is_kept_when_the_fallback_takes_over() -> None:
    failed = UnusableReply()
    failed.uses = (USE,)

    class Failing(FakeDialogueModel):
        async def rewrite(self, request: VideoRequest, reason: str) -> Written:
            raise failed

    model = Failing()
    model.readings, model.prompts = [failed], [failed]
    readers = Readers(model, RulesDialogueModel(), catalogue=load_catalogue(), timeout_s=1)
    assert (await readers.read(ReadingInput(text=RICH))).uses == (USE,)
    assert (await readers.prompt(a_generation())).uses == (USE,)
    rewritten = await readers.rewrite(VideoRequest(idea="a fox"), "no")
    assert rewritten.uses == (USE,)
    assert len(rewritten.texts) == 2
    with pytest.raises(ValueError, match="v1 has no plan"):
        await readers.prompt(a_generation(plan=None))


async def test_a_message_is_noticed_at_once_and_again_while_it_is_read(stage: Stage) -> None:
    model = SlowModel(created(idea="a fox", style="drawn", mood="calm"))
    stage.wire(model=model)
    await stage.say("a fox", settle=False)
    await model.begun.wait()
    assert len(stage.platform.acknowledged) == 1
    before = stage.clock.now()
    await until(lambda: asyncio.sleep(0), lambda _: len(stage.platform.acknowledged) >= 4)
    assert (stage.clock.now() - before).total_seconds() >= 12
    model.let.set()
    await stage.dialogue.settled(HERE)
    noticed = len(stage.platform.acknowledged)
    await asyncio.sleep(0.03)
    assert len(stage.platform.acknowledged) == noticed


# --- groups and threads ----------------------------------------------------------------------------------------------


async def test_people_who_talk_among_themselves_are_not_answered(stage: Stage) -> None:
    model = FakeDialogueModel()
    stage.wire(model=model)
    await stage.say("lunch?", key=GROUP, private=False, addressed=False)
    assert model.given == []
    assert stage.platform.shown == []
    assert stage.platform.acknowledged == []
    assert await stage.store.waiting(GROUP) == ()


async def test_in_a_group_an_open_question_is_answered_by_the_one_who_was_asked(stage: Stage) -> None:
    model = FakeDialogueModel()
    answer = Step(intent=Intent.ANSWER, changes={"setting": "kitchen"})
    model.readings = [created(idea="a fox"), Reading(steps=(answer,))]
    stage.wire(model=model)
    await stage.say("a fox", key=GROUP, private=False)
    assert stage.platform.last.post is not None
    assert stage.platform.last.post.reply_to == "m1"
    said = len(stage.platform.shown)
    await stage.say("in the kitchen", key=GROUP, private=False, addressed=False, person=BOB)
    assert len(stage.platform.shown) == said
    await stage.say("in the kitchen", key=GROUP, private=False, addressed=False)
    assert (await stage.generation()).request.setting == "kitchen"
    assert (await stage.generation()).asked == 2


async def test_in_its_own_thread_it_listens_and_lets_asides_be(stage: Stage) -> None:
    model = FakeDialogueModel()
    model.readings = [
        created(idea="a fox", style="drawn", mood="calm"),
        Reading(steps=(Step(intent=Intent.ASIDE),)),
        refined(setting="at night"),
    ]
    stage.wire(model=model)
    await stage.say("a fox", key=THREAD, private=False)
    card = stage.platform.last
    await stage.say("who pays?", key=THREAD, private=False, addressed=False, person=BOB)
    assert stage.platform.last is card
    await stage.say("at night!", key=THREAD, private=False, addressed=False, person=BOB)
    suggestion = stage.platform.last
    assert suggestion.text == "Bob suggests: at night!"
    assert model.given[2].history[-1].text == "who pays?"
    await stage.press(suggestion, "Use it", person=BOB, key=THREAD, private=False)
    assert "Only Ann" in stage.platform.last.text
    await stage.press(suggestion, "Keep mine", key=THREAD, private=False)
    assert (await stage.generation()).request.setting == ""
    await stage.press(suggestion, "Use it", key=THREAD, private=False)
    assert (await stage.generation()).request.setting == "at night"
    assert "at night" in card.text


# --- several conversations -------------------------------------------------------------------------------------------


async def test_going_back_to_an_earlier_conversation(stage: Stage) -> None:
    await stage.say("", command="chats")
    assert stage.platform.last.text == texts.talk.NO_CHATS
    await stage.say(RICH)
    first = await stage.conversation()
    await stage.say("a boat at sea at night, cinematic", command="new")
    second = await stage.conversation()
    assert first != second
    await stage.say("", command="chats")
    listed = stage.platform.last
    assert [button.action for button in listed.buttons] == [f"chat:{first}"]
    await stage.press(listed, listed.buttons[0].label, person=BOB)
    assert stage.platform.last.text == texts.clips.STALE_BUTTON
    await stage.press(listed, listed.buttons[0].label)
    assert "Back to “a red fox" in stage.platform.last.text
    assert await stage.conversation() == first
    await stage.say("make it 6 seconds")
    assert (await stage.generation(1)).request.duration_s == 6
    await stage.press_raw(listed.id, f"chat:{first}")
    assert await stage.conversation() == first
    await stage.press_raw(listed.id, "chat:nobody")
    assert stage.platform.last.text == texts.clips.STALE_BUTTON


async def test_a_reply_goes_to_its_own_conversation_whatever_is_current(stage: Stage) -> None:
    await stage.say(RICH)
    card = stage.platform.with_button("Make it")
    await stage.say("", command="new")
    await stage.say("make it 6 seconds", reply_to=card.id)
    assert (await stage.generation(1)).request.duration_s == 6


async def test_an_edit_of_something_unheard_of_is_let_be(stage: Stage) -> None:
    await stage.say("help me", edits="m77")
    assert stage.platform.shown == []
    assert await stage.store.waiting(HERE) == ()


# --- what cannot be dealt with ---------------------------------------------------------------------------------------


async def test_a_message_that_breaks_the_turn_is_given_up_and_blocks_nobody(stage: Stage) -> None:
    def broken(given: ReadingInput) -> Reading:
        raise ZeroDivisionError

    model = FakeDialogueModel()
    model.readings = [*[broken] * MAX_TRIES, created(idea="a fox", style="drawn", mood="calm")]
    stage.wire(model=model, fallback=model)
    await stage.say("poison")
    assert len(model.given) == MAX_TRIES
    assert stage.platform.last.text == texts.talk.GIVEN_UP
    await stage.say("a fox")
    assert stage.platform.with_button("Make it")


class Unsteady:
    """A store that fails now and then; for the rest it is the store it was given."""

    def __init__(self, stage: Stage) -> None:
        self._store = stage.store
        self.fails: list[Exception | None] = []
        self.before: Callable[[], object] = lambda: None

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def commit(self, changes: Changes) -> None:
        failure = self.fails.pop(0) if self.fails else None
        if failure is not None:
            raise failure
        await self._store.commit(changes)


async def test_a_row_that_changed_meanwhile_is_read_again(stage: Stage) -> None:
    unsteady = Unsteady(stage)
    real, stage.store = stage.store, unsteady  # type: ignore[assignment]
    stage.wire()
    unsteady.fails = [StaleRow(), StaleRow()]
    await stage.say(RICH)
    stage.store = real
    assert stage.platform.with_button("Make it")
    assert len([shown for shown in stage.platform.shown if shown.buttons]) == 1


async def test_a_database_that_is_away_loses_nothing(stage: Stage) -> None:
    unsteady = Unsteady(stage)
    real, stage.store = stage.store, unsteady  # type: ignore[assignment]
    stage.wire()
    unsteady.fails = [TemporaryError("locked")]
    await stage.say(RICH)
    assert stage.platform.shown == []
    await stage.product.listen()
    await stage.dialogue.settled(HERE)
    stage.store = real
    assert stage.platform.with_button("Make it")


async def test_what_waits_for_a_platform_that_is_not_here_is_left_alone(stage: Stage) -> None:
    elsewhere = ConversationKey(platform="elsewhere", chat="1")
    await stage.store.receive(message(1, "a fox", stage, key=elsewhere), stage.clock.now())
    await stage.dialogue.sweep()
    await stage.dialogue.settled(elsewhere)
    assert len(await stage.store.waiting(elsewhere)) == 1


async def test_a_stop_ends_what_is_still_being_noticed(stage: Stage) -> None:
    class SlowPlatform(FakePlatform):
        ended = False

        async def acknowledge(self, incoming: Incoming) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                self.ended = True

    stage.platform = platform = SlowPlatform()
    stage.wire()
    await stage.say("help")
    await stage.stop()
    assert platform.ended
    assert stage.platform.having("Tell me your idea")


async def test_what_cannot_be_found_out_about_a_place_does_not_stand_in_the_way(stage: Stage) -> None:
    class Unsure(FakePlatform):
        async def obstacle(self, key: ConversationKey) -> Obstacle | None:
            raise PermanentError("no such method")

    stage.platform = Unsure()
    stage.wire()
    await stage.say(RICH)
    assert stage.platform.with_button("Make it")


async def test_cancel_in_words_reaches_what_is_under_way(stage: Stage) -> None:
    stage.provider.on_poll = [Running()] * 100_000
    await stage.say(RICH)
    await stage.say("yes")
    await until(stage.generation, lambda row: row.status is S.PROCESSING)
    await stage.say("", command="cancel")
    assert (await stage.finished()).status is S.CANCELLED
    assert stage.provider.cancelled


async def test_the_offer_is_made_anew_after_a_minute(stage: Stage) -> None:
    first = await stage.product.offers.current()
    assert await stage.product.offers.current() is first
    stage.clock.advance(61)
    assert await stage.product.offers.current() is not first
    assert first.link("v1/clip.mp4") == ""
    assert replace(first, link_until="") != first
