"""What programs outside are told of a change, and when they are told again."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from core import endings
from core.booking import booked
from core.events import DAY, WAITS_S, Event, EventKind, event_of, next_try, on_the_way
from core.generation import FINAL, FOLLOWS, OPEN, Generation, GenerationStatus, Said
from core.messages import ConversationKey, Person
from core.money import EntryKind
from core.repositories import Changes
from core.request import VideoRequest
from tests.core.test_generation import NOW, a_generation, a_plan

S = GenerationStatus
ANN = Person(id="slack:U1", name="Ann Example", team="T1", language="en")
PRICE = 560_000


def a_card(**fields: Any) -> Generation:
    """A card that waits for its tap."""
    values: dict[str, Any] = {"requester": ANN, "plan": a_plan(amount=PRICE), "revision": 3, **fields}
    return a_generation(**values)


def on_its_way(*statuses: GenerationStatus) -> Generation:
    """A card that was ordered and went through these statuses."""
    generation = a_card().moved(S.QUEUED, NOW)
    for number, status in enumerate(statuses, 1):
        generation = replace(generation.moved(status, NOW + timedelta(seconds=number)), revision=3 + number)
    return generation


def told(before: Generation | None, after: Generation, changes: Changes | None = None) -> Event:
    """The event of a change that has one."""
    event = event_of(before, after, changes.entries if changes else (), changes.house if changes else ())
    assert event is not None
    return event


def ended(before: Generation, changes: Changes) -> Event:
    """The event of an ending."""
    return told(before, changes.generations[0], changes)


def test_the_order_is_told_as_started_with_what_is_held() -> None:
    card = a_card()
    event = told(card, card.moved(S.QUEUED, NOW))
    assert (event.kind, event.at, event.generation_id) == (EventKind.STARTED, NOW, card.id)
    assert event.data == {
        "generation": card.name,
        "status": "queued",
        "reason": None,
        "platform": card.key.platform,
        "team": "T1",
        "requester": "slack:U1",
        "provider": "animatic",
        "model": "animatic-1",
        "duration_s": 8,
        "resolution": "720p",
        "held_micros": PRICE,
        "charged_micros": 0,
    }


def test_an_approved_order_and_one_that_comes_without_a_card_are_started_too() -> None:
    waiting = a_card().moved(S.PENDING_APPROVAL, NOW)
    assert told(waiting, waiting.moved(S.QUEUED, NOW)).kind is EventKind.STARTED
    assert told(None, on_its_way()).kind is EventKind.STARTED


@pytest.mark.parametrize("status", [S.PENDING_CLARIFICATION, S.PENDING_APPROVAL, S.CANCELLED, S.EXPIRED])
def test_nothing_is_told_of_what_was_never_ordered(status: GenerationStatus) -> None:
    card = a_card()
    assert event_of(None, card) is None
    assert event_of(card, card.moved(status, NOW)) is None


def test_each_move_on_the_way_is_progress_and_standing_still_is_nothing() -> None:
    for path in (
        (S.SUBMITTING, S.PROCESSING, S.DOWNLOADING, S.DELIVERING),
        (S.SUBMITTING, S.AMBIGUOUS, S.QUEUED, S.SUBMITTING),
        (S.SUBMITTING, S.PROCESSING, S.DOWNLOADING, S.PENDING_REVIEW, S.DELIVERING),
    ):
        for place, status in enumerate(path):
            before, after = on_its_way(*path[:place]), on_its_way(*path[: place + 1])
            event = told(before, after)
            assert (event.kind, event.data["status"]) == (EventKind.PROGRESS, status.value)
            assert event.data["held_micros"] == PRICE
            assert event_of(after, replace(after, told_late=True, revision=after.revision + 1)) is None


def test_moves_that_are_saved_together_are_told_one_by_one() -> None:
    processing = on_its_way(S.SUBMITTING, S.PROCESSING)
    seen, fetched = NOW + timedelta(seconds=1), NOW + timedelta(seconds=3)
    delivering = processing.moved(S.DOWNLOADING, seen).moved(S.DELIVERING, fetched)
    rows = on_the_way(processing, delivering)
    first, second = (told(before, after) for before, after in pairwise((processing, *rows)))
    assert [(event.kind, event.data["status"], event.at) for event in (first, second)] == [
        (EventKind.PROGRESS, "downloading", seen),
        (EventKind.PROGRESS, "delivering", fetched),
    ]
    assert first.id != second.id
    assert rows[-1] is delivering
    assert on_the_way(rows[0], rows[1]) == (delivering,)


def test_a_flawed_clip_was_being_fetched_first_and_what_is_booked_belongs_to_its_end() -> None:
    processing = on_its_way(S.SUBMITTING, S.PROCESSING)
    rows = on_the_way(processing, processing.moved(S.DOWNLOADING, NOW).moved(S.FAILED, NOW))
    assert [row.status for row in rows] == [S.DOWNLOADING, S.FAILED]
    assert told(processing, rows[0]).data["held_micros"] == PRICE


def test_what_was_not_ordered_yet_is_told_at_once_as_it_is() -> None:
    card = a_card()
    tapped = card.moved(S.QUEUED, NOW)
    assert on_the_way(None, tapped) == on_the_way(card, tapped) == (tapped,)


def test_a_finished_clip_is_completed_with_what_was_charged() -> None:
    delivering = on_its_way(S.SUBMITTING, S.PROCESSING, S.DOWNLOADING, S.DELIVERING)
    event = ended(delivering, endings.completed(delivering, "m9", NOW))
    assert (event.kind, event.data["reason"]) == (EventKind.COMPLETED, None)
    assert (event.data["held_micros"], event.data["charged_micros"]) == (0, PRICE)


def test_every_other_end_has_its_kind_a_fixed_word_and_no_charge() -> None:
    queued, processing = on_its_way(), on_its_way(S.SUBMITTING, S.PROCESSING)
    downloading, lost = on_its_way(S.SUBMITTING, S.PROCESSING, S.DOWNLOADING), on_its_way(S.SUBMITTING, S.AMBIGUOUS)
    delivering = on_its_way(S.SUBMITTING, S.PROCESSING, S.DOWNLOADING, S.DELIVERING)
    said = "the service said: Ann Example's neighbour"
    for before, changes, kind, word in (
        (processing, endings.failed(processing, said, NOW), EventKind.FAILED, "failed"),
        (downloading, endings.failed(downloading, said, NOW, billed="flawed"), EventKind.FAILED, "flawed"),
        (processing, endings.refused(processing, said, (), (), NOW), EventKind.REFUSED, "refused"),
        (queued, endings.cancelled(queued, NOW), EventKind.CANCELLED, "cancelled"),
        (lost, endings.settled(lost, said, NOW), EventKind.CANCELLED, "settled"),
        (delivering, endings.undeliverable(delivering, said, NOW), EventKind.FAILED, "undeliverable"),
    ):
        event = ended(before, changes)
        assert (event.kind, event.data["reason"]) == (kind, word)
        assert (event.data["held_micros"], event.data["charged_micros"]) == (0, 0)
        assert "neighbour" not in json.dumps(dict(event.data))


def test_every_end_that_an_order_can_come_to_has_a_kind_of_its_own() -> None:
    reached, new = {S.QUEUED}, {S.QUEUED}
    while new:
        new = {after for status in new for after in FOLLOWS[status]} - reached
        reached |= new
    for status in reached & FINAL:
        before = next(one for one, after in FOLLOWS.items() if status in after and one in reached)
        path = replace(on_its_way(), status=before)
        assert told(path, path.moved(status, NOW)).kind is not EventKind.PROGRESS, status
    assert not reached & OPEN


def test_a_clip_brought_by_another_way_is_being_delivered_until_somebody_has_it() -> None:
    delivering = on_its_way(S.SUBMITTING, S.PROCESSING, S.DOWNLOADING, S.DELIVERING)
    place = ConversationKey(platform="slack", chat="D1")
    elsewhere = endings.elsewhere(delivering, place, "no rights", NOW).generations[0]
    assert event_of(delivering, elsewhere) is None
    done = ended(elsewhere, endings.completed(elsewhere, "m9", NOW))
    assert (done.kind, done.data["charged_micros"]) == (EventKind.COMPLETED, PRICE)
    lost = ended(elsewhere, endings.undeliverable(elsewhere, "nobody", NOW))
    assert (lost.kind, lost.data["status"], lost.data["held_micros"]) == (EventKind.FAILED, "undeliverable", 0)


def test_a_kept_clip_that_is_posted_after_all_goes_on_and_holds_nothing() -> None:
    delivering = on_its_way(S.SUBMITTING, S.PROCESSING, S.DOWNLOADING, S.DELIVERING)
    kept = endings.undeliverable(delivering, "nobody", NOW).generations[0]
    again = kept.moved(S.DELIVERING, NOW)
    event = told(kept, again)
    assert (event.kind, event.data["held_micros"]) == (EventKind.PROGRESS, 0)
    done = ended(again, endings.completed(again, "m9", NOW))
    assert (done.kind, done.data["charged_micros"]) == (EventKind.COMPLETED, 0)


def test_amounts_are_those_of_this_generation_only() -> None:
    before, other = on_its_way(S.SUBMITTING), replace(on_its_way(), id=99)
    after = before.moved(S.FAILED, NOW)
    strangers = (booked(other, EntryKind.CAPTURE, "delivered", NOW), booked(other, EntryKind.RELEASE, "settled", NOW))
    event = event_of(before, after, strangers)
    assert event is not None
    assert (event.data["charged_micros"], event.data["reason"]) == (0, "failed")


def test_nothing_private_is_told() -> None:
    private = "Lakshmi proposes at the lighthouse"
    card = a_card(
        base=VideoRequest(idea=private),
        said=(Said(message_id="m1", changes={"setting": private}, heard=(("m1", private),)),),
        summary=private,
        prompt=private,
        reason=private,
        rewrites=(private,),
    )
    event = told(card, card.moved(S.QUEUED, NOW))
    text = json.dumps(dict(event.data))
    assert "Lakshmi" not in text
    assert "Ann Example" not in text


def test_an_id_is_the_same_for_the_same_save_and_another_for_any_other() -> None:
    card = a_card()
    queued = card.moved(S.QUEUED, NOW)
    first = told(card, queued).id
    assert told(card, queued).id == first
    others = (
        replace(queued, revision=queued.revision + 1),
        replace(queued, id=queued.id + 1),
        replace(queued, conversation_id="another"),
    )
    assert len({first, *(told(card, other).id for other in others)}) == 4


def test_waits_grow_and_end_with_the_day() -> None:
    now, waits = NOW, []
    for tries in range(1, 100):
        due = next_try(NOW, tries, now)
        if due is None:
            break
        waits.append((due - now).total_seconds())
        now = due
    assert now == NOW + DAY, "the last try is at the end of the day"
    assert waits[: len(WAITS_S)] == list(WAITS_S)
    assert waits[:-1] == sorted(waits[:-1])
    assert len(waits) == 11


def test_a_receiver_that_asks_for_time_gets_it_within_the_day() -> None:
    assert next_try(NOW, 1, NOW, asked_s=90.0) == NOW + timedelta(seconds=90)
    assert next_try(NOW, 3, NOW, asked_s=1.0) == NOW + timedelta(seconds=WAITS_S[2])
    late = NOW + DAY - timedelta(seconds=10)
    assert next_try(NOW, 1, late, asked_s=90.0) == NOW + DAY
    assert next_try(NOW, 1, NOW + DAY) is None
