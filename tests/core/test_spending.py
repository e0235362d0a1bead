"""What people are told of money: usage and receipts; and how fast they may talk."""

from __future__ import annotations

import asyncio

from core import texts
from core.generation import GenerationStatus as S
from core.limits import Limits
from core.messages import ConversationKey, Person
from core.planning import CostShown, Terms
from core.reading import TokenUse
from core.repositories import Changes
from tests.core.test_conversation_to_clip import RICH
from tests.core.test_limits import limited
from tests.core.test_places import CHANNEL, THREAD
from tests.stage import ANN, BOB, Stage


async def bought(stage: Stage, number: int = 1, key: ConversationKey = THREAD) -> None:
    """One video for $0.28."""
    await stage.say(RICH, key=key, private=False)
    await stage.press(stage.platform.with_button("Make it"), "Make it", key=key, private=False)
    assert (await stage.finished(number, key)).status is S.COMPLETED


async def test_usage_says_what_was_spent_and_what_is_left(stage: Stage) -> None:
    limited(stage, Limits(person_day=1_000_000, channel_month=50_000_000))
    await bought(stage)
    use = TokenUse(model="m", purpose="read", tokens_in=10, tokens_out=10, cost=12_000)
    await stage.store.commit(Changes(uses=(use,), person_id=ANN.id, at=stage.clock.now()))
    await stage.say("", key=THREAD, command="usage", private=False)
    said = stage.platform.last
    assert said.post is not None
    assert said.post.whisper
    lines = said.text.strip().splitlines()
    assert lines[0] == "Your videos: $0.28 today, $0.28 this month."
    assert lines[1] == "Everybody's videos in this channel: $0.28 this month."
    assert lines[2].startswith("Left of your limit for today: $0.72 of $1.00, renews in ")
    assert lines[3].startswith("Left of this channel's limit for the month: $49.72 of $50.00, renews in ")
    assert lines[4] == "Understanding you cost $0.02 this month; that is not part of the above."
    await stage.say("", key=THREAD, command="usage", private=False, person=BOB)
    assert stage.platform.last.text.strip().startswith("Your videos: $0.00 today, $0.00 this month.")


async def test_usage_by_a_platforms_command_and_in_private(stage: Stage) -> None:
    await stage.say("", key=CHANNEL, command="usage", rootless=True, private=False)
    assert "Your videos: $0.00 today" in stage.platform.last.text
    await stage.say("", command="usage")
    assert "channel" not in stage.platform.last.text


async def test_a_receipt_says_what_was_booked(stage: Stage) -> None:
    limited(stage, Limits())
    await bought(stage)
    await stage.say("make it 6 seconds", key=THREAD, private=False)
    await stage.press(stage.platform.with_button("Make it"), "Make it", key=THREAD, private=False)
    await stage.finished(2, THREAD)
    await stage.say("", key=THREAD, command="receipt", private=False)
    assert "v2 ·" in stage.platform.last.text
    await stage.say("v1", key=THREAD, command="receipt", private=False)
    said = stage.platform.last.text
    assert [part.split("UTC: ")[1] for part in said.splitlines() if "UTC: " in part] == [
        "$0.28 quoted", "$0.28 held", "$0.28 charged",
    ]  # fmt: skip
    await stage.say("v1", key=THREAD, command="receipt", private=False, person=BOB)
    assert "Only Ann can decide" in stage.platform.last.text
    await stage.say("v99", key=THREAD, command="receipt", private=False)
    assert stage.platform.last.text.strip() == texts.spending.NO_RECEIPT


async def test_a_receipt_from_anywhere_is_for_ones_own_videos(stage: Stage) -> None:
    limited(stage, Limits())
    await bought(stage)
    await stage.say("v1", command="receipt")
    assert "$0.28 charged" in stage.platform.last.text
    await stage.say("v1", command="receipt", person=BOB, key=ConversationKey(platform="fake", chat="bob"))
    assert stage.platform.last.text.strip() == texts.spending.NO_RECEIPT


# --- tempo -----------------------------------------------------------------------------------------------------------


async def test_who_writes_too_fast_waits_and_loses_nothing(stage: Stage) -> None:
    stage.turns_per_minute = 2
    stage.wire()
    for text in (RICH, "make it 6 seconds"):
        await stage.say(text)
    await stage.say("no sound please")
    assert any(one.text.strip().startswith("You are quick!") for one in stage.platform.shown)
    for _ in range(2_000):  # it is read when its minute has come, of which nobody is told
        card = stage.platform.with_button("Make it")
        if "no sound" in card.text:
            break
        await asyncio.sleep(0.002)
    assert "6 s" in card.text
    assert "no sound" in card.text


# --- who sees amounts ------------------------------------------------------------------------------------------------


def test_who_sees_amounts() -> None:
    guest = Person(id="slack:U1", name="Gus", guest=True)
    cases = ((CostShown.ALL, True, True), (CostShown.TEAM, True, False), (CostShown.ADMIN, False, False))
    for shown, ann, of_guest in cases:
        terms = Terms(cost_shown=shown, admins=frozenset({BOB.id}))
        assert (terms.shows_costs(ANN), terms.shows_costs(guest), terms.shows_costs(BOB)) == (ann, of_guest, True)


async def test_who_sees_no_amounts_sees_who_pays(stage: Stage) -> None:
    limited(stage, Limits(person_day=400_000), cost_shown=CostShown.ADMIN, budget="the film club")
    await stage.say(RICH)
    card = stage.platform.with_button("Make it")
    assert [button.label for button in card.buttons][:2] == ["Make it", "Quick draft"]
    assert "Price: set by your admin" in card.text
    assert "Paid by: the film club" in card.text
    await stage.press(card, "Make it")
    await stage.finished()
    await stage.say(RICH)
    await stage.press(stage.platform.with_button("Make it"), "Make it")
    assert stage.platform.last.text.strip().startswith("This costs more than what is left of your limit for today.")
    for command in ("usage", "receipt"):
        await stage.say("", command=command)
        assert stage.platform.last.text.strip() == texts.spending.AMOUNTS_FOR_ADMINS
    assert "$" not in stage.platform.transcript()


async def test_a_tap_and_other_people_do_not_wait_for_a_fast_writer(stage: Stage) -> None:
    stage.turns_per_minute = 1
    stage.wire()
    await stage.say(RICH, key=THREAD, private=False, person=BOB)
    card = stage.platform.with_button("Make it")
    await stage.say("a blue hen on a farm at night, cinematic, 4 seconds", key=THREAD, private=False)
    await stage.say("no sound", key=THREAD, private=False, settle=False)
    await stage.press(card, "Make it", key=THREAD, private=False, person=BOB)
    assert (await stage.generation(1)).status is not S.PENDING_CONFIRMATION


async def test_where_others_read_along_amounts_are_for_all_or_nobody(stage: Stage) -> None:
    limited(stage, Limits(), cost_shown=CostShown.ADMIN, admins=frozenset({ANN.id}))
    await stage.say(RICH, key=THREAD, private=False)
    assert "$" not in stage.platform.with_button("Make it").text
    await stage.say(RICH)
    assert "$0.28" in stage.platform.with_button("Make it").text


async def test_a_receipt_without_a_number_is_for_ones_own_latest(stage: Stage) -> None:
    limited(stage, Limits())
    await bought(stage)
    await stage.say("a blue hen on a farm at night, cinematic, 4 seconds", key=THREAD, private=False, person=BOB)
    await stage.press(stage.platform.with_button("Make it"), "Make it", key=THREAD, private=False, person=BOB)
    await stage.say("", key=THREAD, command="receipt", private=False)
    assert "v1 ·" in stage.platform.last.text
