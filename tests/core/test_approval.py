"""Orders that somebody else has to agree to: who is asked, with a frozen price, and how each way out is told."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from core import texts
from core.approval import ApprovalRules
from core.approvers import Approvers
from core.catalogue import load_catalogue, merged_catalogue
from core.errors import OrderUnanswered, PermanentError, TemporaryError
from core.generation import GenerationStatus as S
from core.limits import Limits
from core.messages import ConversationKey, Person
from tests.clock import FakeClock
from tests.core.test_conversation_to_clip import RICH
from tests.core.test_limits import limited
from tests.core.test_places import THREAD, place
from tests.fakes import FakePlatform, FakeVideoProvider, Shown
from tests.stage import ANN, BOB, Stage

CID = Person(id="fake:cid", name="Cid")
RULES = ApprovalRules(above=200_000, approvers=(BOB.id, CID.id))


def direct(person: Person) -> ConversationKey:
    """Where this person is asked."""
    return ConversationKey(platform="fake", chat=f"direct {person.id}")


async def asked(stage: Stage, rules: ApprovalRules = RULES, limits: Limits | None = None) -> None:
    """Ann taps on a card that needs an approval."""
    limited(stage, limits or Limits(), approval=rules, budget="the film club")
    stage.platform.has_direct = True
    await stage.say(RICH, key=THREAD, private=False)
    await stage.press(stage.platform.with_button("Make it"), "Make it", key=THREAD, private=False)
    for person in (BOB, CID):
        await stage.product.outbox.settled(direct(person))


def card_of(stage: Stage, person: Person) -> Shown:
    """The card that this approver has."""
    return next(one for one in reversed(stage.platform.shown) if place(one) == direct(person) and one.text)


async def decide(stage: Stage, person: Person, label: str) -> None:
    """An approver presses a button of their card."""
    card = card_of(stage, person)
    here = replace(direct(person), thread=card.id)
    await stage.press_raw(card.id, card.button(label).action, person=person, key=here)
    for key in (THREAD, direct(BOB), direct(CID), here):
        await stage.product.outbox.settled(key)


async def test_an_approver_gets_a_card_with_who_what_and_how_much(stage: Stage) -> None:
    await asked(stage)
    row = await stage.generation()
    assert row.status is S.PENDING_APPROVAL
    assert stage.provider.orders == []
    for person in (BOB, CID):
        card = card_of(stage, person)
        for words in ("Ann asks for a video", "red fox", "Price: $0.28 at most, paid by the film club"):
            assert words in card.text
        assert [button.label for button in card.buttons] == ["Approve", "Deny", "Too expensive", "Not now", "Not this"]
    told = stage.platform.with_button("Withdraw")
    assert place(told) == THREAD
    assert "I asked 2 people to approve it" in told.text
    assert set(await stage.store.balance(1)) == {"quote"}, "nothing is held before"


async def test_approved_it_is_ordered_at_the_frozen_price_however_late(stage: Stage) -> None:
    await asked(stage)
    stage.clock.advance(20 * 3_600)
    await stage.product.listen()
    await decide(stage, BOB, "Approve")
    assert (await stage.finished(key=THREAD)).status is S.COMPLETED
    assert await stage.store.balance(1) == {"quote": 280_000, "hold": 280_000, "capture": 280_000}
    assert "Bob approved v1." in stage.platform.transcript()
    assert place(stage.platform.with_button("Another take")) == THREAD
    assert [card_of(stage, person).buttons for person in (BOB, CID)] == [[], []]
    assert "Bob approved v1." in card_of(stage, CID).text


@pytest.mark.parametrize(("label", "words"), [("Deny", "no reason was given"), ("Too expensive", "too expensive")])
async def test_denied_the_requester_reads_who_and_why(stage: Stage, label: str, words: str) -> None:
    await asked(stage)
    await decide(stage, CID, label)
    assert (await stage.generation()).status is S.CANCELLED
    said = stage.platform.having("Cid did not approve v1")
    assert words in said.text
    assert stage.provider.orders == []
    assert set(await stage.store.balance(1)) == {"quote"}


async def test_whoever_decides_first_decides(stage: Stage) -> None:
    await asked(stage)
    cards = {person.id: card_of(stage, person) for person in (BOB, CID)}
    await asyncio.gather(
        *(
            stage.press_raw(
                cards[person.id].id, action, person=person, key=replace(direct(person), thread=cards[person.id].id)
            )
            for person, action in ((BOB, "approve:1"), (CID, "deny:1:price"), (BOB, "approve:1"))
        )
    )
    row = await stage.finished(key=THREAD)
    assert row.approval is not None
    assert (len(stage.provider.orders) == 1) is row.approval.approved
    assert row.status is (S.COMPLETED if row.approval.approved else S.CANCELLED)


async def test_approver_and_requester_at_once(stage: Stage) -> None:
    await asked(stage)
    card = card_of(stage, BOB)
    here = replace(direct(BOB), thread=card.id)
    await asyncio.gather(
        stage.press_raw("1", "withdraw:1", key=THREAD, private=False),
        stage.press_raw(card.id, "approve:1", person=BOB, key=here),
    )
    row = await stage.finished(key=THREAD)
    assert (row.status, len(stage.provider.orders)) in ((S.CANCELLED, 0), (S.COMPLETED, 1))


async def test_nobody_approves_their_own(stage: Stage) -> None:
    await asked(stage, replace(RULES, approvers=(ANN.id, BOB.id)))
    row = await stage.generation()
    assert row.approval is not None
    assert [one.person_id for one in row.approval.asked] == [BOB.id]
    await stage.press_raw("1", "approve:1", key=THREAD, private=False)
    await stage.press_raw("1", "approve:1", key=direct(ANN))
    assert (await stage.generation()).status is S.PENDING_APPROVAL


async def test_others_cannot_approve_and_approvers_only_where_they_were_asked(stage: Stage) -> None:
    await asked(stage)
    eve = Person(id="fake:eve", name="Eve")
    await stage.press_raw("1", "approve:1", person=eve, key=direct(eve))
    await stage.press_raw("1", "approve:1", person=eve, key=THREAD, private=False)
    await stage.press_raw("1", "approve:1", person=BOB, key=replace(THREAD, chat="elsewhere"), private=False)
    assert (await stage.generation()).status is S.PENDING_APPROVAL
    assert stage.provider.orders == []


async def test_with_nobody_to_ask_nothing_happens_but_a_sentence(stage: Stage) -> None:
    await asked(stage, replace(RULES, approvers=("elsewhere:1",)))
    assert stage.platform.last.text.strip() == texts.approvals.NOBODY_TO_ASK.format(id="v1")
    assert (await stage.generation()).status is S.PENDING_CONFIRMATION


async def test_reminded_withdrawn_and_lapsed(stage: Stage) -> None:
    await asked(stage)
    told = stage.platform.with_button("Remind them")
    await stage.press(told, "Remind them", key=THREAD, private=False)
    assert stage.platform.last.text.strip() == texts.approvals.REMINDED_ALREADY.format(id="v1")
    stage.clock.advance(700)
    await stage.press(told, "Remind them", key=THREAD, private=False)
    await stage.product.outbox.settled(direct(BOB))
    assert "still waiting for an answer" in stage.platform.transcript()
    await stage.press(told, "Withdraw", key=THREAD, private=False)
    assert (await stage.generation()).status is S.CANCELLED
    assert "Ann withdrew v1" in stage.platform.transcript()
    await decide_late(stage)


async def decide_late(stage: Stage) -> None:
    """A press after the end changes nothing."""
    await stage.press_raw("1", "approve:1", person=BOB, key=direct(BOB))
    assert "withdrew v1" in stage.platform.last.text
    assert stage.provider.orders == []


async def test_nobody_answers_in_time(stage: Stage) -> None:
    await asked(stage)
    stage.clock.advance(86_401)
    await stage.product.listen()
    await stage.product.outbox.settled(THREAD)
    assert (await stage.generation()).status is S.EXPIRED
    assert "Nobody answered about v1 in time" in stage.platform.transcript()
    for person in (BOB, CID):
        await stage.product.outbox.settled(direct(person))
        card = card_of(stage, person)
        assert "Nobody answered about v1 in time" in card.text
        assert "Price: $0.28 at most, paid by the film club" in card.text
    await stage.press(stage.platform.with_button("New price"), "New price", key=THREAD, private=False)
    assert (await stage.generation(2)).status is S.PENDING_CONFIRMATION


async def test_what_is_cheap_needs_nobody(stage: Stage) -> None:
    await asked(stage, replace(RULES, above=280_000))
    assert (await stage.finished(key=THREAD)).status is S.COMPLETED


async def test_over_a_limit_an_approver_may_let_it_through(stage: Stage) -> None:
    rules = ApprovalRules(over_limit=True, approvers=(BOB.id,))
    await asked(stage, rules, Limits(person_day=100_000))
    assert (await stage.generation()).status is S.PENDING_APPROVAL
    assert "It goes over their limit for today." in card_of(stage, BOB).text
    assert "v1 goes over your limit for today, so I asked 1 person" in stage.platform.with_button("Withdraw").text
    await decide(stage, BOB, "Approve")
    assert (await stage.finished(key=THREAD)).status is S.COMPLETED


async def test_an_approval_for_the_price_does_not_lift_a_limit(stage: Stage) -> None:
    await asked(stage, RULES, Limits(person_day=100_000))
    await decide(stage, BOB, "Approve")
    assert stage.provider.orders == []
    assert (await stage.generation()).status is S.PENDING_APPROVAL
    assert "goes over their limit for today now" in stage.platform.transcript()


async def test_it_is_listed_and_can_be_cancelled_in_words(stage: Stage) -> None:
    await asked(stage)
    await stage.say("status", key=THREAD, private=False)
    assert "v1 · waits for an approval" in stage.platform.last.text
    await stage.say("yes", key=THREAD, private=False)
    assert stage.provider.orders == []
    await stage.say("cancel", key=THREAD, private=False)
    assert (await stage.generation()).status is S.CANCELLED


async def test_what_is_retired_meanwhile_is_quoted_anew(stage: Stage) -> None:
    await asked(stage)
    retired = "".join(
        f'[[remove]]\nid = "{model.id}"\n' for model in load_catalogue().video if model.provider == "omni"
    )
    stage.wire(
        terms=stage.product.offers.terms,
        providers={"omni": stage.provider, "veo": FakeVideoProvider(name="veo")},
        catalogue=merged_catalogue(retired, "a test"),
    )
    await decide(stage, BOB, "Approve")
    assert (await stage.generation()).status is S.EXPIRED
    assert "cannot be had at that price any more" in stage.platform.transcript()
    assert stage.provider.orders == []
    assert stage.platform.with_button("New price")


# --- found by a reviewer ---------------------------------------------------------------------------------------------


async def test_an_approver_who_cannot_be_reached_holds_nobody_up(stage: Stage) -> None:
    limited(stage, Limits(), approval=RULES)
    stage.platform.has_direct = True
    await stage.say(RICH, key=THREAD, private=False)
    stage.platform.direct_errors = [TemporaryError("away")]
    await stage.press(stage.platform.with_button("Make it"), "Make it", key=THREAD, private=False)
    row = await stage.generation()
    assert row.approval is not None
    assert [one.person_id for one in row.approval.asked] == [CID.id]


async def test_who_takes_nothing_is_not_asked(stage: Stage) -> None:
    stage.platform.refused = {direct(BOB)}
    await asked(stage)
    row = await stage.generation()
    assert row.approval is not None
    assert [one.person_id for one in row.approval.asked] == [CID.id]


async def test_when_nobody_takes_anything_it_is_said_at_once(stage: Stage) -> None:
    stage.platform.refused = {direct(BOB), direct(CID)}
    await asked(stage)
    assert stage.platform.last.text.strip() == texts.approvals.NOBODY_TO_ASK.format(id="v1")
    assert (await stage.generation()).status is S.PENDING_CONFIRMATION


async def test_an_approvers_card_never_goes_to_somebody_else(stage: Stage) -> None:
    stage.platform.refused = {direct(BOB), direct(CID)}
    await asked(stage)
    assert not [one for one in stage.platform.shown if "Approve" in str(one.buttons)]


BOTH = "their limit for today and everybody's limit for today"


async def test_an_approval_lifts_only_the_limits_that_its_approver_was_told_of(stage: Stage) -> None:
    rules = ApprovalRules(over_limit=True, approvers=(BOB.id, CID.id))
    await asked(stage, rules, Limits(person_day=100_000, everyone_day=200_000, orders=1))
    assert "everybody" not in card_of_kind(stage, BOB).text
    await decide(stage, BOB, "Approve")
    assert stage.provider.orders == [], "nobody was told of the second limit"
    assert f"goes over {BOTH} now" in stage.platform.having("Tap Approve once more").text
    assert [BOTH in card_of_kind(stage, person).text for person in (BOB, CID)] == [True, True]
    await decide(stage, CID, "Approve")
    assert (await stage.finished(key=THREAD)).status is S.COMPLETED


async def test_two_limits_do_not_lift_a_third_nor_the_number_of_orders(stage: Stage) -> None:
    rules = ApprovalRules(over_limit=True, approvers=(BOB.id,))
    await asked(stage, rules, Limits(person_day=100_000, channel_month=100_000, everyone_day=100_000, orders=0))
    for _ in range(4):
        await decide(stage, BOB, "Approve")
    row = await stage.generation()
    assert row.approval is not None
    assert row.approval.budgets == ("person", "channel", "everyone")
    assert (row.status, stage.provider.orders) == (S.PENDING_APPROVAL, [])
    assert "the number of videos that may be under way" in stage.platform.transcript()


async def test_a_row_that_knew_of_one_limit_loads_and_its_approver_is_told_which(stage: Stage) -> None:
    rules = ApprovalRules(over_limit=True, approvers=(BOB.id,))
    await asked(stage, rules, Limits(person_day=100_000))
    now = '"budgets":["person"]'
    with closing(sqlite3.connect(stage.folder / "reelbot.db")) as connection, connection:
        written = connection.execute(
            "UPDATE generations SET body = replace(body, ?, ?) WHERE instr(body, ?)", (now, '"budget":"person"', now)
        )
        assert written.rowcount == 1
    row = await stage.generation()
    assert row.approval is not None and row.approval.budgets == ()
    assert "goes over a limit." in texts.approvals.approval_card(row, budget="")
    await decide(stage, BOB, "Approve")
    assert "goes over their limit for today now" in stage.platform.having("Tap Approve once more").text
    await decide(stage, BOB, "Approve")
    assert (await stage.finished(key=THREAD)).status is S.COMPLETED


async def ask_in(stage: Stage, *threads: str, person: Person = ANN) -> None:
    """Somebody asks for a video in each of these threads, and taps."""
    for thread in threads:
        key = replace(THREAD, thread=thread)
        await stage.say(RICH, key=key, private=False, person=person)
        await stage.press(stage.platform.with_button("Make it"), "Make it", key=key, private=False, person=person)


async def waiting(stage: Stage, most: int) -> list[int]:
    """Numbers of the generations that wait for an approval."""
    return [number for number in range(1, most + 1) if (await stage.generation(number)).status is S.PENDING_APPROVAL]


async def test_nobody_has_more_requests_waiting_than_orders_they_may_have(stage: Stage) -> None:
    limited(stage, Limits(orders_per_person=2), approval=RULES)
    stage.platform.has_direct = True
    await ask_in(stage, "t1", "t2", "t3")
    assert await waiting(stage, 3) == [1, 2]
    assert (await stage.generation(3)).status is S.PENDING_CONFIRMATION
    assert stage.platform.last.text.strip() == texts.approvals.too_many_waiting(2)
    await ask_in(stage, "t4", person=BOB)
    assert await waiting(stage, 4) == [1, 2, 4], "another person's do not count"
    await stage.press_raw("1", "withdraw:1", key=replace(THREAD, thread="t1"), private=False)
    await stage.press_raw("1", "make:3:1", key=replace(THREAD, thread="t3"), private=False)
    assert await waiting(stage, 4) == [2, 3, 4]


async def test_what_is_approved_does_not_count_against_itself(stage: Stage) -> None:
    await asked(stage, RULES, Limits(orders_per_person=1))
    await decide(stage, BOB, "Approve")
    assert (await stage.finished(key=THREAD)).status is S.COMPLETED


async def test_an_order_under_way_counts_when_approval_is_asked_for(stage: Stage) -> None:
    limited(stage, Limits(orders_per_person=1), approval=RULES)
    stage.platform.has_direct = True
    stage.provider.on_order = [OrderUnanswered()]
    await ask_in(stage, "t1")
    await stage.press_raw("1", "approve:1", person=BOB, key=direct(BOB))
    assert (await stage.finished(key=replace(THREAD, thread="t1"))).status is S.AMBIGUOUS
    await ask_in(stage, "t2")
    assert (await stage.generation(2)).status is S.PENDING_CONFIRMATION
    assert stage.platform.last.text.strip() == texts.approvals.too_many_waiting(1)


async def test_who_withdrew_it_is_said(stage: Stage) -> None:
    admin = Person(id="fake:adm", name="Adm")
    limited(stage, Limits(), approval=RULES, admins=(admin.id,))
    stage.platform.has_direct = True
    await ask_in(stage, "t1")
    here = replace(THREAD, thread="t1")
    await stage.press(stage.platform.with_button("Withdraw"), "Withdraw", key=here, private=False, person=admin)
    for key in (here, direct(BOB), direct(CID)):
        await stage.product.outbox.settled(key)
    assert (await stage.generation()).status is S.CANCELLED
    assert "Ann withdrew" not in stage.platform.transcript()
    assert stage.platform.having("Adm withdrew v1. Nothing was ordered.")
    assert ["Adm withdrew v1" in card_of_kind(stage, person).text for person in (BOB, CID)] == [True, True]


async def test_a_limit_that_was_passed_meanwhile_can_be_let_through_knowingly(stage: Stage) -> None:
    await asked(stage, replace(RULES, over_limit=True), Limits(person_day=100_000))
    await decide(stage, BOB, "Approve")
    assert stage.provider.orders == []
    assert "It goes over their limit for today." in card_of_kind(stage, BOB).text
    await decide(stage, CID, "Approve")
    assert (await stage.finished(key=THREAD)).status is S.COMPLETED


def card_of_kind(stage: Stage, person: Person) -> Shown:
    """The approver's card, among other things they were told."""
    return next(one for one in stage.platform.shown if place(one) == direct(person) and "asks for a video" in one.text)


async def test_a_request_ends_in_time_also_without_a_sweep(stage: Stage) -> None:
    await asked(stage)
    stage.clock.advance(5 * 86_400)
    await decide(stage, BOB, "Approve")
    assert (await stage.generation()).status is S.EXPIRED
    assert stage.provider.orders == []


async def test_who_is_no_approver_any_more_does_not_approve(stage: Stage) -> None:
    await asked(stage)
    terms = replace(stage.product.offers.terms, approval=replace(RULES, approvers=(CID.id,)))
    stage.wire(terms=terms, providers={"omni": stage.provider})
    await decide(stage, BOB, "Approve")
    assert (await stage.generation()).status is S.PENDING_APPROVAL


async def test_a_change_while_it_waits_is_told_how_to_be_made(stage: Stage) -> None:
    await asked(stage)
    await stage.say("make it 6 seconds", key=THREAD, private=False)
    assert stage.platform.last.text.strip() == texts.approvals.WAITS_FOR_APPROVAL.format(id="v1")
    await stage.press(stage.platform.with_button("Withdraw"), "Withdraw", key=THREAD, private=False)
    assert not [one for one in stage.platform.shown if any(b.label == "Withdraw" for b in one.buttons)]


# --- groups ----------------------------------------------------------------------------------------------------------

GROUP = replace(RULES, approvers=("fake:S1", CID.id))


async def test_everybody_in_a_group_is_asked_once(stage: Stage) -> None:
    stage.platform.groups = {"S1": (ANN, BOB, CID)}
    await asked(stage, GROUP)
    row = await stage.generation()
    assert row.approval is not None
    assert [one.person_id for one in row.approval.asked] == [BOB.id, CID.id]
    await decide(stage, BOB, "Approve")
    assert (await stage.finished(key=THREAD)).status is S.COMPLETED


async def test_who_has_left_the_group_decides_nothing_any_more(stage: Stage) -> None:
    stage.platform.groups = {"S1": (BOB,)}
    await asked(stage, GROUP)
    stage.platform.groups = {"S1": ()}
    stage.clock.advance(61)
    await decide(stage, BOB, "Approve")
    assert (await stage.generation()).status is S.PENDING_APPROVAL
    assert stage.provider.orders == []


def the_approvers(*listed: str, platform: FakePlatform, clock: FakeClock) -> Approvers:
    """Approvers over one platform."""
    return Approvers(listed=listed, platforms={"fake": platform}, clock=clock)


async def test_who_is_on_the_list_is_remembered_for_a_minute() -> None:
    platform, clock = FakePlatform(), FakeClock()
    platform.groups = {"S1": (BOB, CID)}
    approvers = the_approvers("fake:S1", BOB.id, "fake:S1", "other:1", platform=platform, clock=clock)
    assert await approvers.current() == (BOB.id, CID.id)
    clock.advance(59)
    assert await approvers.current() == (BOB.id, CID.id)
    assert platform.lookups == 2
    platform.groups = {"S1": (CID,)}
    clock.advance(2)
    assert await approvers.current() == (CID.id, BOB.id)


async def test_while_a_platform_is_away_its_last_answer_counts() -> None:
    platform, clock = FakePlatform(), FakeClock()
    platform.groups = {"S1": (BOB,)}
    platform.people_errors = [TemporaryError("away")]
    approvers = the_approvers("fake:S1", platform=platform, clock=clock)
    assert await approvers.current() == ()
    assert await approvers.current() == ()
    assert platform.lookups == 1, "it is left alone for a while"
    clock.advance(11)
    assert await approvers.current() == (BOB.id,)
    clock.advance(61)
    platform.people_errors = [PermanentError("no scope"), TemporaryError("away")]
    assert await approvers.current() == (BOB.id,)
    clock.advance(11)
    assert await approvers.current() == (BOB.id,)
    platform.groups = {"S1": ()}
    clock.advance(11)
    assert await approvers.current() == ()
