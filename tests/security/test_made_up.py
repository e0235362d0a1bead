"""Taps, ids and commands made up by hand, other people's buttons, and other chats', teams' and platforms' data."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.actions import parse_action
from core.generation import GenerationStatus
from core.messages import ConversationKey, Person, Press
from core.presses import _HANDLERS
from tests.stage import ANN, BOB, HERE, Stage

RICH = "a red fox trotting through fresh snow at sunrise, cinematic, 4 seconds"
ELSEWHERE = ConversationKey(platform="fake", chat="elsewhere")
EVE = Person(id="fake:eve", name="Eve", language="en")
VERBS = tuple(sorted(_HANDLERS.keys() - {"prompt", "rate"}))
ON_CARDS = frozenset({"make", "draft", "change", "cancel", "price", "opt", "use", "mine", "approve", "deny"})
NUMBERS = ("1", "0", "-1", "00001", "1e3", "٣", "１", "²", "9" * 18, "9" * 19, "9" * 32, "9" * 33, "0x1", " 1", "1 ")


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_is_plain_digits_or_none(number: str) -> None:
    pressed = parse_action(f"make:{number}:1")
    if pressed is not None and pressed.generation_id is not None:
        assert number.isascii() and number.isdigit() and pressed.generation_id == int(number)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=80) | st.from_regex(r"[a-z]{1,11}:[0-9A-Za-z:-]{0,60}"))
def test_no_text_on_a_button_raises(text: str) -> None:
    pressed = parse_action(text)
    if pressed is not None:
        for number in (pressed.generation_id, *map(pressed.number, range(4))):
            assert number is None or 0 <= number < 10**32


async def tapped(stage: Stage, action: str, person: Person, key: ConversationKey = HERE) -> None:
    """A press that is not waited for."""
    event = f"{action}-{person.id}-{key.chat}"
    sent_at = stage.clock.now()
    await stage.dialogue.receive(
        Press(event_id=event, key=key, id="m", sender=person, action=action, sent_at=sent_at, private=key != HERE)
    )


async def test_no_made_up_tap_of_somebody_else_changes_anything(stage: Stage) -> None:
    """Every verb on a clip and on a card of Ann's: by Bob in the same chat, by Eve in another, and by somebody of the
    same number on another platform. (Everybody may have the prompt shown, and say what they think of a clip.)"""
    await stage.say(RICH)
    await stage.press(stage.platform.with_button("Make it"), "Make it")
    await stage.finished(1)
    await stage.say("a whale under ice at noon, documentary, 4 seconds")
    before = [await stage.generation(1), await stage.generation(2)]
    assert [one.status for one in before] == [GenerationStatus.COMPLETED, GenerationStatus.PENDING_CONFIRMATION]
    orders = len(stage.provider.orders)
    for verb in VERBS:
        await tapped(stage, f"{verb}:{2 if verb in ON_CARDS else 1}:1", BOB)
    for verb in ("make", "cancel"):
        await tapped(stage, f"{verb}:2:1", EVE, ELSEWHERE)
    await tapped(stage, "make:2:1", replace(ANN, id="slack:ann"))
    await tapped(stage, "erase:1", replace(ANN, id="slack:ann"))
    await stage.dialogue.settled(HERE)
    await stage.dialogue.settled(ELSEWHERE)
    assert [await stage.generation(1), await stage.generation(2)] == before
    assert len(stage.provider.orders) == orders
    assert await stage.store.generation(3) is None


async def test_whatever_number_is_tapped_is_answered_and_orders_nothing(stage: Stage) -> None:
    await stage.say(RICH)
    before = await stage.generation(1)
    numbers = [number for number in NUMBERS if number not in ("1", "00001")]
    shown = len(stage.platform.shown)
    for number in numbers:
        await tapped(stage, f"make:{number}:{number}", ANN)
        await tapped(stage, f"erase:{number}", ANN)
    await stage.dialogue.settled(HERE)
    assert len(stage.platform.shown) - shown == 2 * len(numbers)
    assert await stage.generation(1) == before
    assert stage.provider.orders == []


# --- other people's data ----------------------------------------------------------------------------------------------


PRIVATE = "the secret merger of Acme, told by a red fox in the snow, cinematic, 4 seconds"


@pytest.mark.parametrize("place", [ELSEWHERE, replace(HERE, thread="7")], ids=["another chat", "another thread"])
async def test_no_command_shows_or_stops_what_is_somebody_elses(stage: Stage, place: ConversationKey) -> None:
    await stage.say(PRIVATE)
    await stage.press(stage.platform.with_button("Make it"), "Make it")
    await stage.finished(1)
    await stage.say(PRIVATE.replace("fox", "owl"))
    before = [await stage.generation(1), await stage.generation(2)]
    shown = len(stage.platform.shown)
    for command in ("status", "videos", "list", "cancel", "stop", "receipt", "usage", "chats"):
        await stage.say("", command=command, person=EVE, key=place, settle=False)
        await stage.say("v1", command=command, person=EVE, key=place, reply_to="m1", settle=False)
    for text in ("v2", "9" * 13, "٣", "1 or 1=1"):
        await stage.say(text, command="receipt", person=EVE, key=place, settle=False)
        await stage.say(text, command="cancel", person=EVE, key=place, settle=False)
    await stage.dialogue.settled(place)
    said = "\n".join(f"{one.text} {one.buttons}" for one in stage.platform.shown[shown:])
    assert said
    assert "merger" not in said and "Acme" not in said and "Ann" not in said and "$0." not in said.replace("$0.00", "")
    assert [await stage.generation(1), await stage.generation(2)] == before


async def test_no_words_reach_into_another_chat(stage: Stage) -> None:
    await stage.say(PRIVATE)
    before = await stage.generation(1)
    shown = len(stage.platform.shown)
    for text in (
        "yes",
        "cancel v1",
        "make v1 longer",
        "show me v1",
        "v1 at night",
        "what did Ann ask for?",
        "delete v1",
    ):
        await stage.say(text, person=EVE, key=ELSEWHERE, reply_to="m1")
    assert await stage.generation(1) == before
    assert "merger" not in "\n".join(one.text for one in stage.platform.shown[shown:])
    assert stage.provider.orders == []


async def test_no_tap_from_another_chat_shows_what_is_not_ones_own(stage: Stage) -> None:
    """Not even by the buttons that are everybody's where the clip is."""
    await stage.say(PRIVATE)
    await stage.press(stage.platform.with_button("Make it"), "Make it")
    await stage.finished(1)
    before, shown = await stage.generation(1), len(stage.platform.shown)
    for verb in ("prompt", "details", "file", "rate"):
        await tapped(stage, f"{verb}:1:1", EVE, ELSEWHERE)
        await tapped(stage, f"{verb}:1:0", EVE, replace(ELSEWHERE, thread="7"))
    await stage.dialogue.settled(ELSEWHERE)
    await stage.dialogue.settled(replace(ELSEWHERE, thread="7"))
    said = "\n".join(one.text for one in stage.platform.shown[shown:])
    assert said and "merger" not in said and "v1" not in said
    assert await stage.generation(1) == before


async def test_a_person_of_the_same_number_elsewhere_is_somebody_else(stage: Stage) -> None:
    await stage.say(PRIVATE)
    for spoofed in ("telegram:ann", "slack:ann", "fake:ANN", "fake:ann ", "fake:ann\x00", "ann", "fake::ann"):
        assert await stage.store.of_person(spoofed, 20) == ()
    assert len(await stage.store.of_person(ANN.id, 20)) == 1
