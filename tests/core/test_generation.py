"""The row of a generation: which status may follow which, what was said, and what the clip is held against.

`a_plan` and `a_generation` are the plain values that the other tests of core begin with.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.booking import booked
from core.conversation import Conversation
from core.generation import (
    ADMITTED,
    FINAL,
    FOLLOWS,
    OPEN,
    RUNNING,
    Clip,
    Generation,
    GenerationStatus,
    Order,
    OrderOutcome,
    Plan,
    Said,
)
from core.inspection import ClipFacts
from core.money import EntryKind, Quote
from core.repositories import Changes
from core.request import Tier, VideoRequest
from tests.stage import ANN, HERE, Stage

S = GenerationStatus
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def a_plan(**fields: Any) -> Plan:
    """A card's plan: 8 s of the storyboard for $0.56, held for an hour."""
    amount = fields.pop("amount", 560_000)
    valid_until = fields.pop("valid_until", NOW + timedelta(hours=1))
    values: dict[str, Any] = {
        "number": 1,
        "provider": "animatic",
        "model": "animatic-1",
        "model_name": "Storyboard",
        "tier": Tier.STANDARD,
        "duration_s": 8,
        "aspect": "16:9",
        "resolution": "720p",
        "sound": True,
        "expected_s": (8.0, 20.0),
        "assumed": (),
    } | fields
    quote = Quote(
        amount=amount,
        model=values["model"],
        duration_s=values["duration_s"],
        resolution=values["resolution"],
        valid_until=valid_until,
    )
    return Plan(quote=quote, **values)


def a_clip(**fields: Any) -> Clip:
    """A kept clip of 8 s."""
    facts = ClipFacts(
        duration_s=8.0,
        width=1280,
        height=720,
        fps=24.0,
        video_codec="h264",
        audio_codec="aac",
        peak_db=-6.0,
        dark_fraction=0.0,
        frozen_fraction=0.0,
        size_bytes=2_400_000,
    )
    values: dict[str, Any] = {"name": "v1/clip.mp4", "poster": "v1/poster.jpg", "facts": facts} | fields
    return Clip(**values)


def an_order(**fields: Any) -> Order:
    """An order that was accepted."""
    values: dict[str, Any] = {
        "key": "v1-1-aa",
        "attempt": 1,
        "provider": "animatic",
        "model": "animatic-1",
        "sent_at": NOW,
        "outcome": OrderOutcome.ACCEPTED,
        "operation": "operation/1",
    } | fields
    return Order(**values)


def a_generation(number: int = 1, status: GenerationStatus = S.PENDING_CONFIRMATION, **fields: Any) -> Generation:
    """A generation of Ann's about a fox, with a plan unless another is given; saved once."""
    entered = {S.PENDING_CLARIFICATION.value: NOW}
    if status not in OPEN:
        entered |= {S.QUEUED.value: NOW}
    if status not in (*OPEN, S.QUEUED):
        entered |= {S.SUBMITTING.value: NOW}
    values: dict[str, Any] = {
        "id": number,
        "conversation_id": "c1",
        "key": HERE,
        "requester": ANN,
        "reply_to": "m1",
        "status": status,
        "created_at": NOW,
        "updated_at": NOW,
        "said": (Said(message_id="m1", changes={"idea": "a red fox", "style": "cinematic", "camera": "close"}),),
        "plan": a_plan(),
        "entered": {**entered, status.value: NOW},
        "revision": 1,
    } | fields
    return Generation(**values)


async def keep(stage: Stage, *rows: Generation) -> None:
    """Put rows into the stage's database, in a conversation "c1" of Ann's, with the money that they hold."""
    if await stage.store.scene("c1") is None:
        conversation = Conversation(id="c1", key=HERE, owner_id=ANN.id, current=False, created_at=NOW, updated_at=NOW)
        await stage.store.commit(Changes(conversations=(conversation,), conversation_id="c1", at=NOW))
    fresh = tuple(replace(row, revision=0) for row in rows)
    held = tuple(booked(row, EntryKind.HOLD, "ordered", NOW) for row in rows if row.status not in OPEN)
    await stage.store.commit(Changes(generations=fresh, entries=held, conversation_id="c1", at=NOW))


def test_the_groups_of_statuses_cover_each_status_once() -> None:
    assert OPEN | RUNNING | FINAL | {S.AMBIGUOUS, S.PENDING_APPROVAL} == set(S)
    assert not OPEN & RUNNING
    assert not FINAL & (OPEN | RUNNING)
    assert ADMITTED | {S.QUEUED, S.PENDING_REVIEW} == RUNNING
    assert set(FOLLOWS) == set(S)


def test_nothing_comes_after_the_end_but_another_way_to_bring_the_clip() -> None:
    ways_out = {status: FOLLOWS[status] for status in FINAL if FOLLOWS[status]}
    assert ways_out == {S.UNDELIVERABLE: frozenset({S.PENDING_REVIEW, S.DELIVERING, S.COMPLETED})}


def test_money_is_ordered_only_from_a_card_or_an_approval_or_by_the_persons_choice() -> None:
    assert {status for status, next_ones in FOLLOWS.items() if S.QUEUED in next_ones} == {
        S.PENDING_CONFIRMATION,
        S.PENDING_APPROVAL,
        S.AMBIGUOUS,
    }
    assert {status for status, next_ones in FOLLOWS.items() if S.SUBMITTING in next_ones} == {S.QUEUED}


@pytest.mark.parametrize("status", list(S))
def test_every_status_that_is_not_final_can_end(status: GenerationStatus) -> None:
    reached, todo = {status}, [status]
    while todo:
        new = FOLLOWS[todo.pop()] - reached
        reached |= new
        todo += new
    assert reached & FINAL


@pytest.mark.parametrize("status", list(S))
def test_a_move_that_may_not_follow_is_an_error(status: GenerationStatus) -> None:
    row = a_generation(status=status)
    for other in S:
        if other is status or other in FOLLOWS[status]:
            assert row.moved(other, NOW).status is other
        else:
            with pytest.raises(ValueError, match=f"v1 cannot go from {status} to {other}"):
                row.moved(other, NOW)


def test_a_move_keeps_when_each_status_was_entered_first() -> None:
    later = NOW + timedelta(seconds=5)
    row = a_generation(status=S.QUEUED, entered={"queued": NOW})
    moved = row.moved(S.SUBMITTING, later, retries=2)
    assert moved.entered == {"queued": NOW, "submitting": later}
    assert moved.updated_at == later
    assert moved.retries == 2
    assert moved.moved(S.SUBMITTING, later + timedelta(seconds=5)).entered["submitting"] == later


def test_the_request_is_what_was_said_in_order() -> None:
    row = a_generation(
        base=VideoRequest(seed=7),
        said=(
            Said(message_id="m1", changes={"idea": "a fox", "duration_s": 8}),
            Said(message_id="", changes={"duration_s": 4, "mood": None}),
        ),
    )
    assert row.request == VideoRequest(seed=7, idea="a fox", duration_s=4, decided=frozenset({"mood"}))


@pytest.mark.parametrize(
    ("words", "dark", "still"),
    [
        ("a red fox", False, False),
        ("a Pitch Black room", True, False),
        ("a black screen with a voice", True, False),
        ("a motionless lake", False, True),
        ("a static shot of total darkness", True, True),
    ],
)
def test_the_promise_knows_when_dark_or_still_is_wanted(words: str, dark: bool, still: bool) -> None:
    promise = a_generation(said=(Said(message_id="m1", changes={"idea": words}),)).promise()
    assert (promise.duration_s, promise.aspect, promise.sound) == (8, "16:9", True)
    assert (promise.dark_wanted, promise.still_wanted) == (dark, still)


def test_nothing_is_promised_without_a_plan() -> None:
    with pytest.raises(ValueError, match="v1 has no plan"):
        a_generation(plan=None).promise()
