"""Joining finished clips through the core: from the sentence to the clip, and every reason why there is none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.cutting import CuttingVideoProvider
from adapters.pyav import PyAVMedia
from core.catalogue import load_catalogue
from core.generation import GenerationStatus as S
from core.generation import Review
from core.messages import Attachment, ConversationKey, MediaKind
from core.planning import Terms
from core.ports import OperationState, Running, VideoOrder, VideoProvider
from core.reading import Intent, Reading, Step
from core.repositories import Changes
from storage.clips import ObjectClipStore
from tests.emulators.footage import make_footage
from tests.fakes import FakeDialogueModel, FakeVideoProvider, size_of
from tests.pictures import jpeg
from tests.stage import ANN, BOB, HERE, Stage

FOX = "a red fox trotting through fresh snow at sunrise, cinematic, 4 seconds"
BOAT = "another video: a boat on the sea at night, cinematic, 4 seconds"
ELSEWHERE = ConversationKey(platform="fake", chat="2")


class Cutter(FakeVideoProvider):
    """Joins clips: the orders it got, and footage of their length and shape."""

    def __init__(self) -> None:
        super().__init__(name="cutter")
        self.got: list[tuple[int, ...]] = []
        """How large the clips of each order were."""

    async def order(self, order: VideoOrder) -> str:
        self.got.append(tuple(path.stat().st_size for path in order.parts))
        return await super().order(order)


class Unhurried(CuttingVideoProvider):
    """The real editor, asked again until it has finished: the stage's clock does not wait for it."""

    async def poll(self, operation: str) -> OperationState:
        state = await super().poll(operation)
        while isinstance(state, Running):
            await asyncio.sleep(0.02)
            state = await super().poll(operation)
        return state


@pytest.fixture
def cutter() -> Cutter:
    return Cutter()


@pytest.fixture
async def joins(stage: Stage, cutter: Cutter) -> AsyncIterator[Stage]:
    """A stage on which clips can be joined."""
    wire(stage, cutter)
    yield stage


def wire(stage: Stage, joiner: VideoProvider, **more: object) -> None:
    stage.wire(providers={"animatic": stage.provider, "cutter": joiner}, **more)  # type: ignore[arg-type]


async def made(stage: Stage, *wishes: str, key: ConversationKey = HERE, **said: object) -> None:
    """Clips, one after the other; each wish begins with a number nobody has used yet."""
    for wish in wishes:
        await stage.say(wish, key=key, **said)  # type: ignore[arg-type]
        card = stage.platform.with_button("Make it")
        number = int(card.button("Make it").action.split(":")[1])
        await stage.press(card, "Make it", key=key)
        assert (await stage.finished(number, key)).status is S.COMPLETED, stage.platform.transcript()


# --- from the sentence to the clip -----------------------------------------------------------------------------------


async def test_the_card_names_the_parts_in_order_and_the_clip_arrives(joins: Stage, cutter: Cutter) -> None:
    await made(joins, FOX, BOAT)
    await joins.say("join v2 and v1 with the title Winter in Tyrol")
    card = joins.platform.last
    lines = card.text.splitlines()
    assert lines[0] == "v3 · Winter in Tyrol"
    assert lines[1] == "Title: “Winter in Tyrol”, 2 s"
    assert lines[2].startswith("1. v2 · ") and lines[3].startswith("2. v1 · ")
    assert "a boat" in lines[2] and lines[2].endswith(" · 4 s")
    assert lines[4] == "10 s · wide 16:9 · 360p · with sound"
    assert "Price: free" in lines
    assert [button.label for button in card.buttons] == ["Make it · free", "Change…", "Cancel"]
    assert not cutter.orders, "nothing is made before the tap"

    await joins.say("yes")
    row = await joins.finished(3)
    assert row.status is S.COMPLETED
    (order,) = cutter.orders
    edit = order.request.edit
    assert edit is not None
    assert ([part.generation for part in edit.parts], edit.title) == ([2, 1], "Winter in Tyrol")
    sizes = [await joins.clips.size(f"v{number}/clip.mp4") for number in (2, 1)]
    assert cutter.got == [tuple(sizes)], "each clip lies ready for the renderer"
    clip = joins.platform.having("made in")
    assert clip.delivery is not None and clip.delivery.generation == "v3"
    assert "v3 · Winter in Tyrol" in clip.text and "free" in clip.text
    labels = [button.label for button in clip.buttons]
    assert "Change something" in labels and "Another take" not in labels and "Longer" not in labels
    assert await joins.store.balance(3) == {"quote": 0, "hold": 0, "capture": 0}
    for number in (1, 2):
        assert (await joins.generation(number)).clip is not None, "every result is a new version"


async def test_a_real_film_comes_of_it(stage: Stage, tmp_path: Path) -> None:
    wire(stage, Unhurried(tmp_path / "cutter", ObjectClipStore(str(tmp_path / "media"))))
    stage.provider.footage = lambda order, path: make_footage(path, seconds=2, width=640, height=360)
    await made(stage, FOX.replace("4", "2"), BOAT.replace("4", "2"))
    await stage.say("join v1 and v2, title: Snow")
    await stage.say("yes")
    row = await stage.finished(3)
    assert row.status is S.COMPLETED, row.reason
    assert row.clip is not None
    shown = stage.platform.having("made in")
    (tmp_path / "film.mp4").write_bytes(shown.clip)
    facts = await PyAVMedia().probe(tmp_path / "film.mp4")
    assert (facts.width, facts.height) == (640, 360)
    assert facts.duration_s == pytest.approx(6.0, abs=0.05)
    assert facts.peak_db is not None and facts.peak_db > -40


async def test_no_model_is_asked_for_a_prompt(joins: Stage, cutter: Cutter) -> None:
    await made(joins, FOX, BOAT)
    model = FakeDialogueModel()
    model.readings = [Reading(steps=(Step(intent=Intent.JOIN, clips=(1, 2), changes={"words": "Snow"}),))]
    model.prompts = [AssertionError("no prompt is needed to join clips")]
    wire(joins, cutter, model=model)
    await joins.say("join them")
    await joins.say("yes")
    row = await joins.finished(3)
    assert row.status is S.COMPLETED
    assert "“Snow”" in row.prompt and "v1, then v2" in row.prompt


@pytest.mark.parametrize(
    ("text", "reply_to", "parts"),
    [
        ("glue my last two clips", "", [2, 3]),
        ("put v3 and v1 together", "", [3, 1]),
        ("join all my clips", "", [1, 2, 3]),
        ("add v2 to the end of this", "v1", [1, 2]),
        ("join it with v2", "v1", [1, 2]),
        ("put v2 before this", "v1", [2, 1]),
        ("join v1, v2 and v1", "", [1, 2, 1]),
    ],
)
async def test_ways_to_say_it(joins: Stage, text: str, reply_to: str, parts: list[int]) -> None:
    await made(joins, FOX, BOAT, "another video: a hot air balloon over mountains, cinematic, 4 seconds")
    clip = next((s.id for s in joins.platform.shown if s.delivery and s.delivery.generation == reply_to), "")
    await joins.say(text, reply_to=clip)
    assert [part.generation for part in (await joins.generation(4)).request.parts] == parts
    assert joins.platform.last.button("Make it")


async def test_the_card_changes_until_the_tap(joins: Stage) -> None:
    await made(joins, FOX, BOAT)
    await joins.say("join v1 and v2")
    card = joins.platform.last
    assert card.text.startswith("v3 · v1 and v2 joined\n")
    for text, words in (
        ("with the title Winter", "v3 · Winter\nTitle: “Winter”, 2 s\n1. v1"),
        ("v2 first", "v3 · Winter\nTitle: “Winter”, 2 s\n1. v2"),
        ("add v1", "3. v1"),
        ("upright", "14 s · upright 9:16"),
        ("no sound", "no sound"),
        ("no title", "v3 · v2, v1 and v1 joined\n1. v2"),
    ):
        await joins.say(text)
        assert words in card.text, card.text
    assert (await joins.generation(3)).plan is not None


async def test_two_joins_of_one_message_are_two_cards(joins: Stage, cutter: Cutter) -> None:
    await made(joins, FOX, BOAT)
    model = FakeDialogueModel()
    steps = tuple(Step(intent=Intent.JOIN, clips=clips) for clips in ((1, 2), (2, 1)))
    model.readings = [Reading(steps=steps)]
    wire(joins, cutter, model=model)
    await joins.say("join v1 and v2, and the other way round too")
    for number, parts in ((3, [1, 2]), (4, [2, 1])):
        assert [part.generation for part in (await joins.generation(number)).request.parts] == parts


async def test_an_admins_clips_do_not_get_onto_somebody_elses_card(joins: Stage, cutter: Cutter) -> None:
    wire(joins, cutter, terms=Terms(admins=frozenset({BOB.id})))
    thread = ConversationKey(platform="fake", chat="g", thread="7")
    await made(joins, FOX, BOAT, key=thread)
    await joins.say("join v1 and v2", key=thread, private=False)
    await joins.say("join v2 and v1", key=thread, person=BOB, private=False)
    rows = [await joins.generation(number) for number in (3, 4)]
    assert [(row.requester.id, row.request.parts[0].generation) for row in rows] == [(ANN.id, 1), (BOB.id, 2)]


async def test_change_something_of_a_finished_one_is_a_new_version(joins: Stage) -> None:
    await made(joins, FOX, BOAT)
    await joins.say("join v1 and v2")
    await joins.say("yes")
    await joins.finished(3)
    clip = next(s for s in joins.platform.shown if s.delivery and s.delivery.generation == "v3")
    await joins.say("with the title Winter", reply_to=clip.id)
    row = await joins.generation(4)
    assert (row.parent, row.request.words) == (3, "Winter")
    assert [part.generation for part in row.request.parts] == [1, 2]
    await joins.say("make it at night", reply_to=clip.id)
    assert "v3 is made of finished clips" in joins.platform.last.text
    assert await joins.store.generation(5) is None


async def test_the_sound_somebody_did_not_want_does_not_come_back(joins: Stage, cutter: Cutter) -> None:
    joins.provider.footage = lambda order, path: make_footage(
        path, seconds=order.duration_s, width=size_of(order)[0], height=size_of(order)[1]
    )
    await made(joins, FOX + ", no sound", BOAT + ", no sound")
    await joins.say("join v1 and v2")
    assert "no sound" in joins.platform.last.text
    await joins.say("yes")
    await joins.finished(3)
    parts = cutter.orders[0].request.parts
    assert [part.clip for part in parts] == ["v1/silent.mp4", "v2/silent.mp4"]


async def test_a_picture_that_comes_along_does_not_stand_in_the_way(joins: Stage) -> None:
    await made(joins, FOX, BOAT)
    joins.platform.files["p"] = jpeg()
    photo = Attachment(kind=MediaKind.PHOTO, ref="p", mime_type="image/jpeg", size_bytes=100)
    await joins.say("join v1 and v2", attachments=(photo,))
    assert joins.platform.with_button("Make it").text.startswith("v3 · v1 and v2 joined")
    assert (await joins.generation(3)).request.first_frame is None


async def test_an_edited_message_joins_what_it_says_now(joins: Stage) -> None:
    await made(joins, FOX, BOAT)
    said = await joins.say("join v1 and v2")
    await joins.say("join v2 and v1 with the title Snow", edits=said)
    row = await joins.generation(3)
    assert ([part.generation for part in row.request.parts], row.request.words) == ([2, 1], "Snow")
    await joins.say("join v2 and v9", edits=said)
    assert "no v9" in joins.platform.last.text
    await joins.say("a lighthouse in a storm, cinematic, 4 seconds", edits=said)
    row = await joins.generation(3)
    assert row.request.parts == () and "lighthouse" in row.request.idea
    assert await joins.store.generation(4) is None


# --- whose clips -----------------------------------------------------------------------------------------------------


async def test_older_clips_and_those_of_ones_other_conversations_here_can_be_named(joins: Stage) -> None:
    await made(joins, FOX, BOAT)
    await joins.say("", command="new")
    await joins.say("join v1 and v2")
    assert [part.generation for part in (await joins.generation(3)).request.parts] == [1, 2]


async def test_nobody_joins_what_is_somebody_elses_of_another_place(joins: Stage) -> None:
    await made(joins, FOX, BOAT)
    await joins.say("join v1 and v2", key=ELSEWHERE, person=BOB)
    assert "no v1 among the clips here" in joins.platform.last.text
    await joins.say("join v1 and v2", key=ELSEWHERE, person=ANN)
    assert "no v1 among the clips here" in joins.platform.last.text, "what was made in one chat stays there"
    assert await joins.store.generation(3) is None


async def test_in_a_thread_everybodys_clips_can_be_joined(joins: Stage) -> None:
    thread = ConversationKey(platform="fake", chat="g", thread="7")
    await made(joins, FOX, BOAT, key=thread)
    await joins.say("join v1 and v2", key=thread, person=BOB, private=False)
    row = await joins.generation(3)
    assert row.requester.id == BOB.id and len(row.request.parts) == 2


# --- why not ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("join v1 and v7", "no v7 among the clips here"),
        ("join v1", "One clip alone"),
        ("join v1 and v2 and " + "v1, " * 11, "up to 12 clips at once, and these are 13"),
        ("join the clips", "join v1 and v2"),
    ],
)
async def test_what_cannot_be_joined_is_said(joins: Stage, text: str, words: str) -> None:
    await made(joins, FOX, BOAT)
    await joins.say(text)
    assert words in joins.platform.last.text
    assert await joins.store.generation(3) is None


async def test_a_clip_that_is_not_there_yet_or_not_any_more(joins: Stage) -> None:
    await made(joins, FOX, BOAT)
    await joins.say("another video: a lighthouse, cinematic, in a storm, 4 seconds")
    await joins.say("join v1 and v3")
    assert "v3 is not finished yet" in joins.platform.last.text
    clip = next(s for s in joins.platform.shown if s.delivery and s.delivery.generation == "v2")
    await joins.press(clip, "Delete")
    await joins.press(joins.platform.with_button("Yes, delete it"), "Yes, delete it")
    await joins.say("join v1 and v2")
    assert "do not keep the file of v2" in joins.platform.last.text
    await joins.press(joins.platform.with_button("Make it"), "Cancel")
    await joins.say("join v1 and v3")
    assert "v3 has no finished clip" in joins.platform.last.text


async def test_a_clip_that_nobody_has_let_pass_is_no_part_of_anything(joins: Stage) -> None:
    await made(joins, FOX, BOAT)
    held_back = replace(await joins.generation(2), review=Review())
    await joins.store.commit(Changes(generations=(held_back,), at=joins.clock.now()))
    await joins.say("join v1 and v2")
    assert "v2 has no finished clip" in joins.platform.last.text


async def test_a_clip_that_goes_before_the_tap_is_said_and_not_charged(joins: Stage, cutter: Cutter) -> None:
    await made(joins, FOX, BOAT)
    await joins.say("join v1 and v2")
    await joins.clips.delete("v2/clip.mp4")
    await joins.say("yes")
    assert (await joins.finished(3)).status is S.FAILED
    assert "not kept any more" in joins.platform.last.text and "You were not charged" in joins.platform.last.text
    assert cutter.orders == []


async def test_too_long_together(joins: Stage) -> None:
    joins.provider.footage = lambda order, path: make_footage(path, seconds=30, width=64, height=36, fps=8)
    await made(joins, FOX.replace("4", "30"))
    await joins.say("join " + " and ".join(["v1"] * 11))
    assert "last 6 min, and I can make 5 min at most" in joins.platform.last.text


async def test_with_nothing_to_join_it_says_so(joins: Stage) -> None:
    await joins.say("join my last two clips")
    assert "two of them" in joins.platform.last.text


async def test_where_nothing_joins_it_says_so(stage: Stage) -> None:
    await made(stage, FOX, BOAT)
    await stage.say("join v1 and v2")
    assert "I cannot join clips here" in stage.platform.last.text


async def test_a_model_that_dreams_of_clips_changes_nothing(joins: Stage, cutter: Cutter) -> None:
    await made(joins, FOX, BOAT)
    model = FakeDialogueModel()
    dreams = [(), (None,), (None, None), (10**11, 1), tuple(range(1, 60)), (1,) * 13]
    model.readings = [
        Reading(steps=(Step(intent=Intent.JOIN, clips=clips, changes={"parts": [1, 2], "tier": "best"}),))
        for clips in dreams
    ]
    wire(joins, cutter, model=model)
    for _ in dreams:
        await joins.say("join them somehow")
    row = await joins.store.generation(3)
    assert row is None or [part.generation for part in row.request.parts] == [2, 2]
    assert cutter.orders == []


async def test_other_sound_cannot_be_added_and_that_is_said(joins: Stage, cutter: Cutter) -> None:
    await made(joins, FOX, BOAT)
    model = FakeDialogueModel()
    model.readings = [Reading(steps=(Step(intent=Intent.JOIN, clips=(1, 2), changes={"audio": "music"}),))]
    wire(joins, cutter, model=model)
    await joins.say("join v1 and v2 with music")
    assert joins.platform.having("cannot add other sound yet")
    assert "with sound" in joins.platform.with_button("Make it").text


async def test_the_form_behind_change_has_what_can_be_changed(joins: Stage) -> None:
    from core.forms import change_form

    await made(joins, FOX, BOAT)
    await joins.say("join v1 and v2")
    offer = await joins.product.offers.current()
    form = change_form(await joins.generation(3), offer.models)
    assert [field.slot for field in form.fields] == ["words", "aspect", "resolution", "audio"]
    assert form.fields[0].label == "Title"
    await joins.press(joins.platform.with_button("Make it"), "Change")
    assert [button.label for button in joins.platform.last.buttons][-2:] == ["No sound", "You decide"]


def test_joining_is_in_our_catalogue() -> None:
    assert [model.id for model in load_catalogue().video if model.clips] == ["cutter-1"]
    assert Terms().unwritable("any") == ()
