"""Clips that somebody looks at before they are posted: who sees them when, what each way out costs, and that a crash
never shows one twice."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from core import texts
from core.admission import Capacity
from core.approval import ApprovalRules
from core.errors import TemporaryError
from core.generation import Generation
from core.generation import GenerationStatus as S
from core.limits import Limits
from core.messages import ConversationKey, Delivery, Person
from core.planning import Terms
from core.ports import Save
from core.request import Tier
from storage.reports import Reports
from tests.core.test_approval import CID, direct
from tests.core.test_conversation_to_clip import RICH
from tests.core.test_limits import limited
from tests.core.test_places import THREAD, place
from tests.fakes import FakePlatform, Shown
from tests.stage import ANN, BOB, HERE, Stage

RULES = ApprovalRules(review=True, approvers=(BOB.id, CID.id))
PRICE = 280_000
HELD = {"quote": PRICE, "hold": PRICE}


class Died(Exception):
    """The program ended here."""


class Mortal(FakePlatform):
    """A platform during whose deliveries the program may die, and whose places may be away."""

    def __init__(self) -> None:
        super().__init__()
        self.dies: list[tuple[str, str]] = []
        """Points ("before", "unsaved", "saved", "shown") and chats, each for one death."""
        self.away: set[ConversationKey] = set()
        self.gates: dict[ConversationKey, asyncio.Event] = {}
        """What deliveries to these places wait for."""
        self.gates_after: dict[ConversationKey, asyncio.Event] = {}
        """What they wait for once the clip is shown."""
        self.at_gate = asyncio.Event()

    async def deliver(self, delivery: Delivery, saved: Mapping[str, str], save: Save) -> str:
        def reached(point: str) -> None:
            if (point, delivery.key.chat) in self.dies:
                self.dies.remove((point, delivery.key.chat))
                raise Died(point)

        async def watched(what: Mapping[str, str]) -> None:
            reached("unsaved")
            await save(what)
            reached("saved")

        if delivery.key in self.away:
            raise TemporaryError("away")
        if delivery.key in self.gates:
            self.at_gate.set()
            await self.gates[delivery.key].wait()
        reached("before")
        message_id = await super().deliver(delivery, saved, watched)
        if delivery.key in self.gates_after:
            self.at_gate.set()
            await self.gates_after[delivery.key].wait()
        reached("shown")
        return message_id


def clips(stage: Stage, key: ConversationKey) -> list[Shown]:
    """The clips that stand in a place, oldest first."""
    return [one for one in stage.platform.shown if one.delivery is not None and one.delivery.key == key]


def told(stage: Stage, person: Person) -> str:
    """Everything that this person was told alone."""
    here = direct(person)
    return "\n".join(one.text for one in stage.platform.shown if one.post is not None and place(one).chat == here.chat)


async def ordered(stage: Stage, rules: ApprovalRules = RULES, **terms: Any) -> Generation:
    """Ann taps on a card in a thread that others read; the row when nobody works on it any more."""
    limited(stage, Limits(), approval=rules, **terms)
    stage.platform.has_direct = True
    await stage.say(RICH, key=THREAD, private=False)
    await stage.press(stage.platform.with_button("Make it"), "Make it", key=THREAD, private=False)
    return await stage.finished(key=THREAD)


async def decide(stage: Stage, person: Person, label: str, *, which: int = -1) -> Generation:
    """A reviewer presses a button under the clip that they were shown."""
    card = clips(stage, direct(person))[which]
    here = replace(direct(person), thread=card.id)
    await stage.press_raw(card.id, card.button(label).action, person=person, key=here)
    return await settled(stage, here)


async def settled(stage: Stage, *keys: ConversationKey) -> Generation:
    """The row when nobody works on it and everything is said."""
    await stage.product.engine.settled(1)
    for key in (THREAD, direct(BOB), direct(CID), *keys):
        await stage.product.outbox.settled(key)
    return await stage.generation()


async def late(stage: Stage) -> Generation:
    """Nobody answers in time."""
    stage.clock.advance(86_401)
    await stage.product.listen()
    return await settled(stage)


def house(stage: Stage) -> list[tuple[str, int]]:
    """What the house pays."""
    with closing(sqlite3.connect(stage.folder / "reelbot.db")) as connection:
        return connection.execute("SELECT reason, amount FROM house_costs ORDER BY id").fetchall()


async def is_proven(stage: Stage) -> bool:
    """Whether the money is where the rows say."""
    reports = Reports(f"sqlite:///{stage.folder / 'reelbot.db'}")
    await reports.open()
    proof = await reports.prove()
    await reports.close()
    assert proof.findings == ()
    return True


# --- the two answers -------------------------------------------------------------------------------------------------


async def test_reviewers_see_the_clip_before_anybody_else(stage: Stage) -> None:
    row = await ordered(stage, budget="the film club")
    assert row.status is S.PENDING_REVIEW
    assert row.with_reviewers
    for person in (BOB, CID):
        (shown,) = clips(stage, direct(person))
        for words in ("red fox", "Ann asked for it on Fake", "4 s", "Price: $0.28 at most, paid by the film club"):
            assert words in shown.text
        assert [one.label for one in shown.buttons] == ["Post it", "Deny", "Not this"], "a no is final"
        assert "they are not charged, but the video service bills whoever runs this bot all the same" in shown.text
        assert shown.delivery is not None and shown.delivery.feedback == ()
        assert shown.delivery.requester.id == person.id
    assert clips(stage, THREAD) == []
    assert await stage.store.balance(1) == HELD
    assert await is_proven(stage)


async def test_passed_it_is_posted_and_charged(stage: Stage) -> None:
    await ordered(stage)
    stage.clock.advance(3_600)
    row = await decide(stage, BOB, "Post it")
    assert row.status is S.COMPLETED
    assert await stage.store.balance(1) == {**HELD, "capture": PRICE}
    (posted,) = clips(stage, THREAD)
    assert "1 h" not in posted.text, "what people take to look at it is no part of making it"
    assert posted.button("Another take")
    assert "I am posting v1 now" in told(stage, BOB)
    assert "Bob let v1 be posted." in told(stage, CID)
    assert "Bob let" not in told(stage, BOB)
    assert row.told_late, "it took as long as people took"
    assert house(stage) == []
    assert await is_proven(stage)


@pytest.mark.parametrize(("label", "words"), [("Deny", "no reason was given"), ("Not this", "not this content")])
async def test_rejected_nobody_is_charged_and_the_requester_never_sees_it(stage: Stage, label: str, words: str) -> None:
    await ordered(stage)
    row = await decide(stage, CID, label)
    assert row.status is S.CANCELLED
    said = stage.platform.having("Cid did not let v1 be posted")
    assert words in stage.platform.transcript()
    assert "v1 is finished, but Cid did not let v1 be posted" in stage.platform.transcript()
    assert said is not None
    assert "Cid did not let v1 be posted" in told(stage, BOB)
    assert await stage.store.balance(1) == {**HELD, "release": PRICE}
    assert house(stage) == [("rejected", PRICE)]
    assert row.clip is not None and await stage.clips.size(row.clip.name)
    assert clips(stage, THREAD) == []
    await stage.press_raw("1", "file:1", key=THREAD, private=False)
    assert stage.platform.last.text.strip() == texts.clips.WITHHELD.format(id="v1")
    await stage.press_raw("1", "post:1", key=THREAD, private=False)
    assert (await stage.finished(key=THREAD)).status is S.CANCELLED
    await stage.say("my videos", key=THREAD, private=False)
    assert stage.platform.last.text == texts.talk.NO_VIDEOS
    assert await is_proven(stage)


async def test_whoever_presses_first_decides(stage: Stage) -> None:
    await ordered(stage)
    cards = {person.id: clips(stage, direct(person))[0] for person in (BOB, CID)}
    await asyncio.gather(
        *(
            stage.press_raw(
                cards[person.id].id, action, person=person, key=replace(direct(person), thread=cards[person.id].id)
            )
            for person, action in ((BOB, "pass:1"), (CID, "reject:1:content"), (BOB, "pass:1"))
        )
    )
    row = await settled(stage)
    assert row.review is not None
    assert row.status is (S.COMPLETED if row.review.passed else S.CANCELLED)
    assert len(clips(stage, THREAD)) == int(row.review.passed)
    await decide(stage, CID, "Post it")
    assert "let v1 be posted" in stage.platform.last.text
    assert len(clips(stage, THREAD)) == int(row.review.passed)
    assert await is_proven(stage)


# --- who may ---------------------------------------------------------------------------------------------------------


async def test_nobody_reviews_their_own_and_nobody_else_decides(stage: Stage) -> None:
    row = await ordered(stage, replace(RULES, approvers=(ANN.id, BOB.id)))
    assert row.review is not None
    assert [one.person_id for one in row.review.asked] == [BOB.id]
    eve = Person(id="fake:eve", name="Eve")
    await stage.press_raw("1", "pass:1", key=THREAD, private=False)
    await stage.press_raw("1", "pass:1", key=direct(ANN))
    await stage.press_raw("1", "pass:1", person=eve, key=direct(eve))
    await stage.press_raw("1", "reject:1:no", person=eve, key=THREAD, private=False)
    assert (await settled(stage)).status is S.PENDING_REVIEW


async def test_who_has_left_the_group_does_not_decide(stage: Stage) -> None:
    stage.platform.groups = {"S1": (BOB, CID)}
    await ordered(stage, replace(RULES, approvers=("fake:S1",)))
    stage.platform.groups = {"S1": (CID,)}
    stage.clock.advance(120)
    assert (await decide(stage, BOB, "Post it")).status is S.PENDING_REVIEW
    assert (await decide(stage, CID, "Post it")).status is S.COMPLETED


async def test_the_card_says_that_somebody_looks_at_the_clip(stage: Stage) -> None:
    limited(stage, Limits(), approval=RULES)
    await stage.say(RICH, key=THREAD, private=False)
    assert "Somebody looks at the clip before it is posted here." in stage.platform.with_button("Make it").text


async def test_where_nobody_reads_along_nobody_looks(stage: Stage) -> None:
    limited(stage, Limits(), approval=RULES)
    stage.platform.has_direct = True
    await stage.say(RICH)
    assert "Somebody looks" not in stage.platform.with_button("Make it").text
    await stage.press(stage.platform.with_button("Make it"), "Make it")
    row = await stage.finished()
    assert (row.status, row.review) == (S.COMPLETED, None)
    assert clips(stage, direct(BOB)) == []


@pytest.mark.parametrize("why", ["alone", "unknown", "refused"])
async def test_with_nobody_to_look_nothing_is_ordered(stage: Stage, why: str) -> None:
    stage.platform.refused = {direct(BOB), direct(CID)} if why == "refused" else set()
    named = {"alone": (ANN.id,), "unknown": ("elsewhere:1",), "refused": RULES.approvers}[why]
    row = await ordered(stage, replace(RULES, approvers=named))
    assert row.status is S.PENDING_CONFIRMATION
    assert stage.provider.orders == []
    assert stage.platform.last.text.strip() == texts.approvals.NOBODY_TO_REVIEW.format(id="v1")
    assert set(await stage.store.balance(1)) == {"quote"}


async def test_what_was_approved_is_looked_at_too_where_others_read_along(stage: Stage) -> None:
    row = await ordered(stage, replace(RULES, above=200_000))
    assert row.status is S.PENDING_APPROVAL
    await stage.product.outbox.settled(direct(BOB))
    await stage.press_raw("1", "approve:1", person=BOB, key=direct(BOB))
    assert (await settled(stage)).status is S.PENDING_REVIEW
    assert (await decide(stage, BOB, "Post it")).status is S.COMPLETED


async def test_what_was_approved_for_a_private_chat_is_not_looked_at(stage: Stage) -> None:
    limited(stage, Limits(), approval=replace(RULES, above=200_000))
    stage.platform.has_direct = True
    await stage.say(RICH)
    await stage.press(stage.platform.with_button("Make it"), "Make it")
    await stage.press_raw("1", "approve:1", person=BOB, key=direct(BOB))
    assert (await stage.finished()).status is S.COMPLETED


# --- while it waits --------------------------------------------------------------------------------------------------


async def test_it_cannot_be_cancelled_any_more_and_is_listed(stage: Stage) -> None:
    await ordered(stage)
    await stage.say("status", key=THREAD, private=False)
    assert stage.platform.last.text == "v1 · Finished; 2 people are looking at it before it is posted"
    await stage.say("cancel", key=THREAD, private=False)
    words = "v1 is finished already: 2 people are looking at it before it is posted."
    assert stage.platform.last.text == words
    await stage.press_raw("1", "file:1", key=THREAD, private=False)
    assert stage.platform.last.text.strip() == texts.clips.WITHHELD.format(id="v1")
    await stage.product.progress.tick()
    status = next(one for one in stage.platform.shown if one.post is not None and one.post.anchor == "status:1")
    assert status.text == "v1 · Finished; 2 people are looking at it before it is posted"
    assert status.buttons == []
    assert (await settled(stage)).status is S.PENDING_REVIEW


async def test_people_who_look_take_no_place_of_those_who_wait(stage: Stage) -> None:
    terms = Terms(approval=RULES, tier=Tier.STANDARD)
    await ordered(stage)
    stage.wire(terms=terms, providers={"omni": stage.provider}, capacity=Capacity(overall=1, per_person=1))
    await stage.say(RICH)
    await stage.press(stage.platform.with_button("Make it"), "Make it")
    assert (await stage.finished(2)).status is S.COMPLETED
    async with asyncio.timeout(5):
        await stage.product.idle(THREAD)
        await stage.product.idle(HERE)


async def test_nobody_answers_in_time_and_asking_again_is_free(stage: Stage) -> None:
    await ordered(stage)
    row = await late(stage)
    assert row.status is S.UNDELIVERABLE
    assert await stage.store.balance(1) == {**HELD, "release": PRICE}
    assert house(stage) == [("undeliverable", PRICE)]
    assert "Nobody decided about v1 in time" in told(stage, BOB)
    assert await is_proven(stage)
    await stage.press_raw("1", "file:1", key=THREAD, private=False)
    assert stage.platform.last.text.strip() == texts.clips.WITHHELD.format(id="v1")
    again = stage.platform.with_button("Ask again")
    assert "nobody who looks at clips before they are posted answered in time" in again.text
    await stage.press(again, "Ask again", key=THREAD, private=False)
    assert (await settled(stage)).status is S.PENDING_REVIEW
    assert [len(clips(stage, direct(person))) for person in (BOB, CID)] == [2, 2]
    assert "Not charged any more" in clips(stage, direct(BOB))[1].text
    assert await is_proven(stage)
    assert (await decide(stage, BOB, "Post it")).status is S.COMPLETED
    assert await stage.store.balance(1) == {**HELD, "release": PRICE}
    assert house(stage) == [("undeliverable", PRICE)]
    assert "not charged" in clips(stage, THREAD)[0].text
    assert await is_proven(stage)


async def test_rejected_when_asked_again_the_house_pays_once(stage: Stage) -> None:
    await ordered(stage)
    await late(stage)
    await stage.press(stage.platform.with_button("Ask again"), "Ask again", key=THREAD, private=False)
    await settled(stage)
    assert (await decide(stage, CID, "Not this")).status is S.CANCELLED
    assert await stage.store.balance(1) == {**HELD, "release": PRICE}
    assert house(stage) == [("undeliverable", PRICE)]
    assert await is_proven(stage)


async def test_a_yes_after_the_time_is_over_is_too_late_also_without_a_sweep(stage: Stage) -> None:
    await ordered(stage)
    stage.clock.advance(5 * 86_400)
    assert (await decide(stage, BOB, "Post it")).status is S.UNDELIVERABLE
    assert clips(stage, THREAD) == []
    assert await is_proven(stage)


# --- bad days --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("point", ["before", "unsaved", "saved", "shown"])
@pytest.mark.parametrize("person", [BOB, CID], ids=["first", "last"])
async def test_killed_at_any_point_each_sees_it_once(stage: Stage, point: str, person: Person) -> None:
    stage.platform = platform = Mortal()
    platform.dies = [(point, direct(person).chat)]
    row = await ordered(stage)
    assert row.review is not None and row.review.asked_at is None
    assert platform.dies == []
    await stage.stop()
    stage.wire(terms=stage.product.offers.terms, providers={"omni": stage.provider})
    await stage.product.recover()
    row = await settled(stage)
    assert row.with_reviewers
    assert [len(clips(stage, direct(one))) for one in (BOB, CID)] == [1, 1]
    assert platform.deliveries == 2
    assert len(stage.provider.orders) == 1
    assert (await decide(stage, CID, "Post it")).status is S.COMPLETED
    assert len(clips(stage, THREAD)) == 1


async def test_killed_before_it_is_known_whom_to_ask(stage: Stage) -> None:
    stage.platform = platform = Mortal()
    platform.dies = [("before", direct(BOB).chat)]
    row = await ordered(stage)
    assert row.review is not None
    unasked = replace(row, review=replace(row.review, asked=()))
    await stage.product.pipeline._rows.save(row, lambda now: replace(unasked, revision=now.revision))
    await stage.product.work()
    assert (await settled(stage)).with_reviewers
    assert [len(clips(stage, direct(one))) for one in (BOB, CID)] == [1, 1]


async def test_a_reviewer_who_is_away_holds_nobody_up(stage: Stage) -> None:
    stage.platform = platform = Mortal()
    platform.away = {direct(BOB)}
    row = await ordered(stage)
    assert row.review is not None and row.with_reviewers
    assert [one.person_id for one in row.review.asked] == [CID.id]
    assert (await decide(stage, CID, "Post it")).status is S.COMPLETED


async def test_decided_while_others_are_still_being_shown_it(stage: Stage) -> None:
    stage.platform = platform = Mortal()
    gate = platform.gates[direct(CID)] = asyncio.Event()
    limited(stage, Limits(), approval=RULES)
    platform.has_direct = True
    await stage.say(RICH, key=THREAD, private=False)
    await stage.press(platform.with_button("Make it"), "Make it", key=THREAD, private=False)
    async with asyncio.timeout(20):
        await platform.at_gate.wait()
    (card,) = clips(stage, direct(BOB))
    await stage.press_raw(card.id, "pass:1", person=BOB, key=replace(direct(BOB), thread=card.id))
    assert (await stage.generation()).status is S.DELIVERING
    gate.set()
    assert (await settled(stage)).status is S.COMPLETED
    assert len(clips(stage, THREAD)) == 1
    assert len(clips(stage, direct(CID))) == 1
    assert told(stage, CID) == "Bob let v1 be posted."
    assert (await decide(stage, CID, "Not this")).status is S.COMPLETED
    assert "Bob let v1 be posted." in stage.platform.last.text


@pytest.mark.parametrize("gates", ["gates", "gates_after"])
async def test_who_is_shown_it_while_somebody_rejects_it_is_told_once(stage: Stage, gates: str) -> None:
    await shown_until(stage, gates, CID)
    await stage.press_raw("1", "reject:1:content", person=BOB, key=direct(BOB))
    assert (await opened(stage, gates, CID)).status is S.CANCELLED
    assert len(clips(stage, direct(CID))) == 1
    assert told(stage, CID) == "Bob did not let v1 be posted: not this content."
    assert told(stage, BOB) == (
        "All right, v1 is not posted. I tell whoever asked for it; they are not charged, but the video service bills "
        "whoever runs this bot all the same."
    )


async def test_who_has_not_been_shown_it_when_it_is_rejected_is_not_shown_it(stage: Stage) -> None:
    await shown_until(stage, "gates_after", BOB)
    await stage.press_raw("1", "reject:1:no", person=BOB, key=direct(BOB))
    assert (await opened(stage, "gates_after", BOB)).status is S.CANCELLED
    assert [one for one in stage.platform.shown if place(one).chat == direct(CID).chat] == []


async def test_an_answer_that_is_none_after_the_clip_is_made_counts_as_a_plain_no(stage: Stage) -> None:
    await ordered(stage)
    await stage.press_raw("1", "reject:1:later", person=BOB, key=direct(BOB))
    assert (await settled(stage)).status is S.CANCELLED
    assert "ask again later" not in stage.platform.transcript()
    assert "Bob did not let v1 be posted: no reason was given" in stage.platform.transcript()


async def shown_until(stage: Stage, gates: str, person: Person) -> None:
    """Ann's clip is being shown to the reviewers, and the work stands at this one's gate."""
    stage.platform = platform = Mortal()
    getattr(platform, gates)[direct(person)] = asyncio.Event()
    limited(stage, Limits(), approval=RULES)
    platform.has_direct = True
    await stage.say(RICH, key=THREAD, private=False)
    await stage.press(platform.with_button("Make it"), "Make it", key=THREAD, private=False)
    async with asyncio.timeout(20):
        await platform.at_gate.wait()


async def opened(stage: Stage, gates: str, person: Person) -> Generation:
    """The row when that gate is open and everything is said."""
    getattr(stage.platform, gates)[direct(person)].set()
    return await settled(stage)


async def test_when_nobody_can_be_reached_it_is_kept_and_not_charged(stage: Stage) -> None:
    stage.platform = platform = Mortal()
    platform.away = {direct(BOB), direct(CID)}
    row = await ordered(stage)
    assert row.status is S.UNDELIVERABLE
    assert "I could reach nobody to look at it" in stage.platform.with_button("Ask again").text
    assert await stage.store.balance(1) == {**HELD, "release": PRICE}
    platform.away = set()
    platform.refused = {direct(BOB)}
    await stage.press(platform.with_button("Ask again"), "Ask again", key=THREAD, private=False)
    row = await settled(stage)
    assert row.review is not None
    assert [one.person_id for one in row.review.asked] == [CID.id]
    assert await is_proven(stage)


async def test_a_passed_clip_that_its_place_refuses_goes_the_usual_way(stage: Stage) -> None:
    await ordered(stage)
    stage.platform.refused = {THREAD}
    row = await decide(stage, BOB, "Post it")
    await stage.product.outbox.settled(direct(ANN))
    assert row.status is S.COMPLETED
    assert len(clips(stage, direct(ANN))) == 1
    assert await stage.store.balance(1) == {**HELD, "capture": PRICE}
