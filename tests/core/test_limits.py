"""Limits: what applies to an order and when it renews, what the card and a refusal say, and that a hundred taps at once
stay within them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core import texts
from core.generation import GenerationStatus as S
from core.limits import Budget, Cap, Left, Limits, Standings, caps_of
from core.messages import ConversationKey, Person
from core.planning import Terms
from core.ports import Failed, Running
from core.request import Tier
from tests.core.test_conversation_to_clip import RICH
from tests.fakes import FakeVideoProvider
from tests.stage import ANN, BOB, Stage
from tests.storage.samples import a_generation

NOW = datetime(2026, 11, 21, 22, 30, tzinfo=UTC)


def limited(stage: Stage, limits: Limits, **terms: Any) -> None:
    """The stage with these limits and a provider whose clips cost money."""
    stage.provider = FakeVideoProvider(name="omni")
    stage.wire(terms=Terms(limits=limits, tier=Tier.STANDARD, **terms), providers={"omni": stage.provider})


# --- what applies ----------------------------------------------------------------------------------------------------


def test_without_limits_nothing_applies() -> None:
    assert caps_of(a_generation(), Limits(), NOW) == ()


def test_days_and_months_begin_where_the_admin_lives() -> None:
    limits = Limits(person_day=1, channel_month=2, zone=ZoneInfo("Europe/Berlin"))
    day, month = caps_of(a_generation(), limits, NOW)
    assert (day.since, day.renews) == (
        datetime(2026, 11, 20, 23, tzinfo=UTC), datetime(2026, 11, 21, 23, tzinfo=UTC),
    )  # fmt: skip
    assert (month.since, month.renews) == (
        datetime(2026, 10, 31, 23, tzinfo=UTC), datetime(2026, 11, 30, 23, tzinfo=UTC),
    )  # fmt: skip


@pytest.mark.parametrize(("month", "day", "hours"), [(3, 29, 23), (10, 25, 25), (11, 21, 24)])
def test_a_day_may_have_an_hour_more_or_less(month: int, day: int, hours: int) -> None:
    noon = datetime(2026, month, day, 12, tzinfo=UTC)
    (cap,) = caps_of(a_generation(), Limits(person_day=1, zone=ZoneInfo("Europe/Berlin")), noon)
    assert cap.since is not None and cap.renews is not None
    assert cap.renews - cap.since == timedelta(hours=hours)
    assert cap.since <= noon < cap.renews


def test_the_end_of_a_year() -> None:
    (cap,) = caps_of(a_generation(), Limits(channel_month=1), datetime(2026, 12, 31, 23, 59, tzinfo=UTC))
    assert cap.renews == datetime(2027, 1, 1, tzinfo=UTC)


def test_a_team_limit_is_for_people_of_a_team() -> None:
    alone = a_generation()
    member = a_generation(requester=Person(id="slack:U1", name="Ann", team="T1"))
    assert caps_of(alone, Limits(team_month=5), NOW) == ()
    (cap,) = caps_of(member, Limits(team_month=5), NOW)
    assert (cap.budget, cap.subject) == (Budget.TEAM, "T1")


def test_the_tightest_limit_is_the_one_to_show() -> None:
    limits = Limits(person_day=500, everyone_day=900)
    person, everyone = caps_of(a_generation(), limits, NOW)
    standings = Standings(used={person: 100, everyone: 700})
    assert standings.tightest(a_generation(), limits, NOW) == Left(cap=everyone, amount=200)
    assert Standings(used={person: 800}).tightest(a_generation(), limits, NOW) == Left(cap=person, amount=0)
    assert Standings().tightest(a_generation(), limits, NOW) is None


# --- what is said ----------------------------------------------------------------------------------------------------


async def test_the_card_says_what_is_left(stage: Stage) -> None:
    limited(stage, Limits(person_day=400_000))
    await stage.say(RICH)
    card = stage.platform.with_button("Make it")
    assert "Left of your limit for today: $0.40" in card.text
    await stage.press(card, "Make it")
    await stage.finished()
    await stage.say(RICH)
    assert "Left of your limit for today: $0.12, which is not enough" in stage.platform.with_button("Make it").text


async def test_over_a_limit_it_says_which_and_what_is_left_and_when_it_renews(stage: Stage) -> None:
    limited(stage, Limits(person_day=400_000))
    for _ in range(2):
        await stage.say(RICH)
        await stage.press(stage.platform.with_button("Make it"), "Make it")
        await stage.finished(1)
    said = stage.platform.last.text
    assert said.startswith("$0.28 is more than what is left of your limit for today: $0.12 of $0.40. It renews in ")
    assert "Nothing was ordered" in said
    assert len(stage.provider.orders) == 1
    assert (await stage.generation(2)).status is S.PENDING_CONFIRMATION, "the card stays and can be changed"
    await stage.say("yes")
    assert len(stage.provider.orders) == 1
    assert set(await stage.store.balance(2)) == {"quote"}
    stage.clock.advance(86_400)
    await stage.press(stage.platform.with_button("Make it"), "Make it")
    await stage.press(stage.platform.with_button("New price"), "New price")
    await stage.press(stage.platform.with_button("Make it"), "Make it")
    assert (await stage.finished(3)).status is S.COMPLETED
    assert len(stage.provider.orders) == 2, "the next day has a limit of its own"


async def test_what_came_to_nothing_does_not_count(stage: Stage) -> None:
    limited(stage, Limits(person_day=400_000))
    stage.provider.on_poll = [Failed(reason="out of film")]
    await stage.say(RICH)
    await stage.press(stage.platform.with_button("Make it"), "Make it")
    assert (await stage.finished()).status is S.FAILED
    await stage.press(stage.platform.with_button("Retry"), "Retry")
    await stage.press(stage.platform.with_button("Make it"), "Make it")
    assert (await stage.finished(2)).status is S.COMPLETED


async def test_a_limit_of_orders_says_so_and_frees_up(stage: Stage) -> None:
    limited(stage, Limits(orders_per_person=1))
    stage.provider.on_poll = [Running()] * 200
    await stage.say(RICH)
    await stage.press(stage.platform.with_button("Make it"), "Make it")
    await stage.say("a blue hen on a farm at night, cinematic, 4 seconds", command="video")
    second = stage.platform.with_button("Make it")
    await stage.press(second, "Make it")
    assert stage.platform.last.text == texts.spending.over_limit(
        Cap(budget=Budget.PERSON, subject=ANN.id, most=1), 1, 0, now=stage.clock.now()
    )
    await stage.finished(1)
    await stage.press(second, "Make it")
    assert (await stage.finished(2)).status is S.COMPLETED


# --- a hundred at once -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limits", [Limits(everyone_day=7 * 280_000), Limits(everyone_day=7 * 280_000 + 279_999)])
async def test_a_hundred_taps_by_twenty_people_stay_within(stage: Stage, limits: Limits) -> None:
    limited(stage, limits)
    people = [Person(id=f"fake:p{number}", name=f"P{number}") for number in range(20)]
    taps = []
    for person in people:
        key = ConversationKey(platform="fake", chat=person.id)
        await stage.say(RICH, person=person, key=key)
        card = stage.platform.with_button("Make it")
        action = card.button("Make it").action
        taps += [stage.press_raw(card.id, action, person=person, key=key) for _ in range(5)]
    await asyncio.gather(*taps)
    for number in range(1, 21):
        await stage.product.engine.settled(number)
    assert len(stage.provider.orders) == 7
    held = [(await stage.store.balance(number)).get("hold", 0) for number in range(1, 21)]
    assert sum(held) == 7 * 280_000


async def test_bobs_limit_is_not_anns(stage: Stage) -> None:
    limited(stage, Limits(person_day=300_000))
    for number, person in enumerate((ANN, BOB), 1):
        key = ConversationKey(platform="fake", chat=person.id)
        await stage.say(RICH, person=person, key=key)
        await stage.press(stage.platform.with_button("Make it"), "Make it", person=person, key=key)
        assert (await stage.finished(number, key)).status is S.COMPLETED
