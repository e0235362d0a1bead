"""Single moments of the money world at which money would be lost or taken twice, each lived through on purpose, because
a random run hardly ever meets them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from core import endings, texts
from core.generation import Generation, OrderOutcome
from core.generation import GenerationStatus as S
from core.money import EntryKind
from tests.core.money_ports import Offered
from tests.core.money_world import ANN, World
from tests.core.test_generation import NOW, a_generation

FOX = "a red fox trotting through fresh snow at sunrise, cinematic, 4 seconds"
PRICE = 280_000


@pytest.fixture
def world() -> Iterator[World]:
    """An installation of its own."""
    made = World()
    yield made
    made.close()


def shown_card(world: World) -> Offered:
    """Ann's wish is on a card in her chat."""
    world.say(ANN, FOX)
    world.go()
    return world.buttons("make")[-1]


def only(world: World) -> Generation:
    """The one generation there is."""
    (row,) = world.generations().values()
    return row


def kinds(world: World) -> list[str]:
    """What was held, and what became of it."""
    return [entry.kind for entry in world.entries("hold", "capture", "release")]


def to_rest(world: World) -> None:
    """Time passes until nothing happens any more."""
    for _ in range(8):
        world.passes(60)
        world.sweep()
        world.go()
    world.check()


# --- a plain yes -----------------------------------------------------------------------------------------------------


def test_a_yes_is_no_answer_to_a_card_that_was_not_shown(world: World) -> None:
    world.chat.on_post = ["temporary"]
    world.say(ANN, FOX)
    world.go()
    assert world.chat.shown == [], "the chat takes nothing for the moment"
    world.say(ANN, "yes")
    to_rest(world)
    assert kinds(world) == []
    assert "tap “Make it · $0.28”" in world.chat.last.text


def test_a_yes_orders_at_the_price_that_was_shown_or_not_at_all(world: World) -> None:
    shown_card(world)
    assert world.chat.with_button("Make it").button("Make it").label == "Make it · $0.28"
    world.chat.on_post = ["temporary"]
    world.say(ANN, "8 seconds")
    world.go()
    assert world.chat.with_button("Make it").button("Make it").label == "Make it · $0.28"
    world.say(ANN, "yes")
    to_rest(world)
    assert kinds(world) == []
    assert world.chat.with_button("Make it").button("Make it").label == "Make it · $0.56"
    world.say(ANN, "yes")
    to_rest(world)
    assert [entry.amount for entry in world.entries("hold")] == [560_000]


def test_a_yes_is_no_answer_to_a_card_that_was_given_up(world: World) -> None:
    shown_card(world)
    world.chat.on_post = ["permanent"]
    world.say(ANN, "8 seconds")
    world.go()
    assert world.unsaid() == 0
    assert world.chat.with_button("Make it").button("Make it").label == "Make it · $0.28"
    world.say(ANN, "yes")
    to_rest(world)
    assert kinds(world) == []


def test_a_yes_that_came_while_the_card_was_on_its_way_orders_nothing(world: World) -> None:
    world.say(ANN, FOX)
    while not world.unsaid() or not world.generations():
        world.go(1)
    assert world.chat.shown == []
    world.say(ANN, "yes")
    world.go()
    assert kinds(world) == []
    assert world.buttons("make")
    world.say(ANN, "yes")
    to_rest(world)
    assert kinds(world) == ["hold", "capture"]


# --- a hold ends once ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("again", [1, 2])
def test_what_was_released_is_not_captured_however_often_it_is_posted_later(world: World, again: int) -> None:
    world.chat.has_direct = False
    world.chat.on_deliver = ["refused"] * again
    world.tap(ANN, shown_card(world))
    to_rest(world)
    for _ in range(again):
        assert only(world).status is S.UNDELIVERABLE
        assert kinds(world) == ["hold", "release"]
        world.tap(ANN, world.buttons("post")[-1])
        to_rest(world)
    assert only(world).status is S.COMPLETED
    assert set(world.chat.delivered()) == {1}
    assert kinds(world) == ["hold", "release"]


def test_the_ending_of_a_released_clip_books_nothing() -> None:
    entered = dict.fromkeys((S.QUEUED.value, S.DELIVERING.value), NOW)
    held = a_generation(status=S.DELIVERING, entered=entered)
    assert [entry.kind for entry in endings.completed(held, "m1", NOW).entries] == [EntryKind.CAPTURE]
    released = replace(held, entered={**entered, S.UNDELIVERABLE.value: NOW})
    assert endings.completed(released, "m1", NOW).entries == ()
    assert endings.undeliverable(released, "no", NOW).entries == ()


def test_a_clip_that_turns_up_after_an_admin_gave_the_money_back_is_not_captured(world: World) -> None:
    world.studio.on_order, world.studio.tells = ["lost"], "pending"
    world.tap(ANN, shown_card(world))
    world.go()
    assert only(world).status is S.AMBIGUOUS
    assert world.settle(1)
    world.studio.tells = "truth"
    world.crash()
    world.start()
    to_rest(world)
    assert only(world).status is S.CANCELLED
    assert kinds(world) == ["hold", "release"]
    assert world.chat.delivered() == {}
    assert not world.settle(1)
    assert texts.endings.settled(only(world)) in world.chat.said


# --- "Order again" ---------------------------------------------------------------------------------------------------


def lost(world: World) -> Offered:
    """Ann's order went out and was never answered; returns her "order again"."""
    world.studio.on_order = ["lost"]
    world.tap(ANN, shown_card(world))
    to_rest(world)
    assert only(world).status is S.AMBIGUOUS
    return world.buttons("again")[-1]


def test_order_again_tapped_twice_at_once_orders_one_more(world: World) -> None:
    again = lost(world)
    world.studio.on_order = ["taken", "taken"]
    world.tap(ANN, again, times=2)
    to_rest(world)
    assert world.studio.created() == {1: 2}
    assert kinds(world) == ["hold", "capture"]


def test_an_old_order_again_does_not_count_for_the_order_that_was_lost_after_it(world: World) -> None:
    old = lost(world)
    world.studio.on_order = ["lost"]
    world.tap(ANN, old)
    to_rest(world)
    assert only(world).status is S.AMBIGUOUS
    assert world.studio.created() == {1: 2}
    for _ in range(2):
        world.tap(ANN, old, times=2)
        to_rest(world)
    assert world.studio.created() == {1: 2}
    new = world.buttons("again")[-1]
    assert new.button.action != old.button.action
    world.tap(ANN, new)
    to_rest(world)
    assert world.studio.created() == {1: 3}
    assert kinds(world) == ["hold", "capture"]


@pytest.mark.parametrize("decision", ["drop", "settle", "again"])
def test_order_again_after_the_decision_orders_nothing_more(world: World, decision: str) -> None:
    again = lost(world)
    if decision == "settle":
        assert world.settle(1)
    else:
        world.tap(ANN, world.buttons(decision)[-1])
    to_rest(world)
    orders, booked = len(world.studio.jobs), kinds(world)
    world.tap(ANN, again, times=2)
    to_rest(world)
    assert len(world.studio.jobs) == orders
    assert kinds(world) == booked == ["hold", "capture" if decision == "again" else "release"]


# --- a crash while the order is out ----------------------------------------------------------------------------------

OUTCOMES = {
    "not sent": OrderOutcome.NOT_SENT,
    "later": OrderOutcome.REFUSED,
    "lost": OrderOutcome.UNANSWERED,
    "taken": OrderOutcome.ACCEPTED,
}
"""What the service answers, and what is saved of it."""


def crash_with_the_order_out(world: World, answer: str) -> str:
    """The program ends after the intent is saved and before its outcome is; returns the order's key."""
    world.studio.on_order = [answer]
    world.studio.hangs = "before" if answer == "not sent" else "after"
    world.tap(ANN, shown_card(world))
    world.go()
    world.crash()
    order = only(world).order
    assert order is not None
    assert order.outcome is None
    assert len(world.studio.jobs) == (answer != "not sent")
    assert world.studio.looked == []
    world.studio.hangs, world.studio.on_order = "", []
    return order.key


@pytest.mark.parametrize("tells", ["unknown", "pending", "truth"])
@pytest.mark.parametrize("answer", ["not sent", "later", "lost", "taken"])
def test_an_order_that_was_out_at_a_crash_is_looked_for_before_anything_is_sent(
    world: World, answer: str, tells: str
) -> None:
    key = crash_with_the_order_out(world, answer)
    sent = len(world.studio.jobs)
    world.studio.tells = tells
    world.start()
    for _ in range(200):
        if world.studio.looked:
            break
        assert len(world.studio.jobs) == sent, "sent again without having been looked for"
        world.go(1)
    assert set(world.studio.looked) == {key}
    world.go()
    to_rest(world)
    if tells == "truth":
        assert only(world).status is S.COMPLETED
        assert world.studio.created() == {1: 1}, "found, or sent again because there was nothing"
        assert kinds(world) == ["hold", "capture"]
    else:
        assert only(world).status is S.AMBIGUOUS
        assert len(world.studio.jobs) == sent
        assert kinds(world) == ["hold"]


@pytest.mark.parametrize("answer", OUTCOMES)
def test_after_a_crash_each_saved_outcome_goes_on_from_where_it_was(world: World, answer: str) -> None:
    world.studio.on_order = [answer]
    world.studio.on_poll = ["running"] * 3
    world.tap(ANN, shown_card(world))
    while (order := only(world).order) is None or order.outcome is None:
        world.go(1)
    assert order.outcome is OUTCOMES[answer]
    sent = len(world.studio.jobs)
    world.crash()
    looked = list(world.studio.looked)
    world.start()
    to_rest(world)
    again = answer in ("not sent", "later")
    assert len(world.studio.jobs) - sent == again, "sent again only where the service said that nothing came of it"
    assert world.studio.looked == looked, "what is known need not be looked for"
    assert only(world).status is (S.AMBIGUOUS if answer == "lost" else S.COMPLETED)
    assert world.studio.created() == {1: 1}
    assert kinds(world) == (["hold"] if answer == "lost" else ["hold", "capture"])
