"""Days on which a price changes or a model ends, lived through on a stage: one order or none, and the right words.

A clip costs money here, the model in use has a successor, and midnight is half an hour away when the card is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core import texts
from core.allowance import Allowance
from core.catalogue import Catalogue, VideoModel, load_catalogue
from core.generation import GenerationStatus as S
from core.messages import Press
from core.planning import Terms
from core.readers import Readers
from core.reading import PromptInput, Written
from core.request import Tier
from tests.core.test_dialogue import message, put
from tests.core.test_generation import a_generation, a_plan, keep
from tests.fakes import FakeDialogueModel
from tests.stage import ANN, HERE, Stage

WISH = "a red fox trotting through fresh snow at sunrise, cinematic, 4 seconds"
MIDNIGHT = datetime(2026, 11, 22, tzinfo=UTC)
OURS = load_catalogue()


def a_model(dollars_a_second: float, **fields: object) -> VideoModel:
    """The storyboard at a price, in standard quality only."""
    prices = {"360p": 0, "720p": round(dollars_a_second * 1_000_000)}
    values: dict[str, object] = {"price_per_second": prices, "tiers": {Tier.STANDARD: "720p"}} | fields
    return replace(OURS.model("animatic-1"), **values)  # type: ignore[arg-type]


def changing(before: VideoModel, after: VideoModel) -> Catalogue:
    """The first until midnight, the other from then on."""
    return replace(OURS, video=(replace(before, valid_to=MIDNIGHT.date()), replace(after, valid_from=MIDNIGHT.date())))


async def card_at(
    stage: Stage, catalogue: Catalogue, *, before_midnight: timedelta, terms: Terms | None = None
) -> None:
    """A card shown that long before midnight."""
    stage.wire(catalogue=catalogue, terms=terms)
    stage.clock.advance((MIDNIGHT - before_midnight - stage.clock.now()).total_seconds())
    await stage.say(WISH)
    plan = (await stage.generation()).plan
    assert plan is not None
    assert plan.quote.quoted_at is not None
    assert plan.quote.quoted_at < MIDNIGHT


async def money(stage: Stage) -> list[Mapping[str, int]]:
    """What the ledger says of each generation, quotes left out."""
    found = []
    for number in range(1, 4):
        balance = await stage.store.balance(number)
        found.append({kind: amount for kind, amount in balance.items() if kind != "quote"})
    return [entries for entries in found if entries]


HALF_AN_HOUR = timedelta(minutes=30)


@pytest.mark.parametrize(("before", "after"), [(0.10, 0.20), (0.20, 0.10)], ids=["rise", "fall"])
async def test_a_tap_after_a_price_change_orders_nothing_and_the_new_card_has_the_new_price(
    stage: Stage, before: float, after: float
) -> None:
    await card_at(stage, changing(a_model(before), a_model(after)), before_midnight=HALF_AN_HOUR)
    card = stage.platform.with_button("Make it")
    assert "held for you 30 min" in card.text
    make = card.button(f"Make it · ${before * 4:.2f}").action
    stage.clock.advance(3_000)
    await stage.press_raw(card.id, make)
    assert (await stage.generation()).status is S.EXPIRED
    assert texts.cards.QUOTE_EXPIRED in stage.platform.transcript()
    assert await money(stage) == []

    await stage.press(stage.platform.with_button("New price"), "New price")
    newer = stage.platform.with_button("Make it")
    assert newer.button("Make it").label == f"Make it · ${after * 4:.2f}"
    await stage.press_raw(card.id, make)
    assert stage.provider.orders == []
    await stage.press(newer, "Make it")
    assert (await stage.finished(2)).status is S.COMPLETED
    amount = round(after * 4 * 1_000_000)
    assert await money(stage) == [{"hold": amount, "capture": amount}]
    assert len(stage.provider.orders) == 1


async def test_a_tap_before_the_change_pays_the_old_price_though_the_clip_comes_after(stage: Stage) -> None:
    await card_at(stage, changing(a_model(0.10), a_model(0.20)), before_midnight=timedelta(seconds=10))
    card = stage.platform.with_button("Make it")
    assert "held for you 10 s" in card.text
    await stage.press(card, "Make it")
    stage.clock.advance(60)
    assert (await stage.finished()).status is S.COMPLETED
    assert await money(stage) == [{"hold": 400_000, "capture": 400_000}]


@pytest.mark.parametrize("late", [timedelta(microseconds=-1), timedelta()], ids=["the last moment", "midnight"])
async def test_at_midnight_exactly(stage: Stage, late: timedelta) -> None:
    await card_at(stage, changing(a_model(0.10), a_model(0.20)), before_midnight=timedelta(seconds=20))
    card = stage.platform.with_button("Make it")
    # A press takes a millisecond on a stage.
    stage.clock.advance((MIDNIGHT + late - stage.clock.now()).total_seconds() - 0.001)
    await stage.press(card, "Make it")
    assert stage.clock.now() >= MIDNIGHT + late
    if late:
        assert (await stage.finished()).status is S.COMPLETED
        assert await money(stage) == [{"hold": 400_000, "capture": 400_000}]
    else:
        assert (await stage.generation()).status is S.EXPIRED
        assert stage.provider.orders == []
        # The offer was looked up seconds ago, and is of yesterday all the same.
        await stage.press(stage.platform.with_button("New price"), "New price")
        assert stage.platform.with_button("Make it").button("Make it · $0.80")


async def test_the_quick_draft_is_held_no_longer_than_its_own_price(stage: Stage) -> None:
    main = a_model(0.30, id="animatic-2")
    draft = a_model(0.10, tiers={Tier.DRAFT: "720p"}, valid_to=MIDNIGHT.date())
    dearer = a_model(0.20, tiers={Tier.DRAFT: "720p"}, valid_from=MIDNIGHT.date())
    catalogue = replace(OURS, video=(main, draft, dearer))
    await card_at(stage, catalogue, before_midnight=HALF_AN_HOUR)
    plan = (await stage.generation()).plan
    assert plan is not None
    assert (plan.model, plan.draft_price) == ("animatic-2", 400_000)
    assert plan.quote.valid_until == MIDNIGHT
    card = stage.platform.with_button("Quick draft")
    stage.clock.advance(1_801)
    await stage.press(card, "Quick draft")
    assert stage.provider.orders == []
    await stage.press(stage.platform.with_button("New price"), "New price")
    await stage.press(stage.platform.with_button("Quick draft · $0.80"), "Quick draft")
    assert (await stage.finished(2)).status is S.COMPLETED
    assert await money(stage) == [{"hold": 800_000, "capture": 800_000}]


async def test_two_taps_at_once_on_either_side_of_midnight_order_once_or_not_at_all(stage: Stage) -> None:
    await card_at(stage, changing(a_model(0.10), a_model(0.20)), before_midnight=timedelta(seconds=20))
    card = stage.platform.with_button("Make it")
    make = card.button("Make it").action
    for number, at in enumerate((MIDNIGHT - timedelta(seconds=1), MIDNIGHT + timedelta(seconds=1))):
        stage.clock.advance((at - stage.clock.now()).total_seconds())
        await stage.dialogue.receive(
            Press(
                event_id=f"tap-{number}",
                key=HERE,
                id=card.id,
                sender=ANN,
                action=make,
                sent_at=stage.clock.now(),
                private=True,
            )
        )
    await stage.dialogue.settled(HERE)
    row = await stage.generation()
    if row.status is S.EXPIRED:
        assert stage.provider.orders == []
        assert await money(stage) == []
    else:
        assert (await stage.finished()).status is S.COMPLETED
        assert len(stage.provider.orders) == 1
        assert await money(stage) == [{"hold": 400_000, "capture": 400_000}]


async def test_a_double_tap_before_midnight_orders_once(stage: Stage) -> None:
    await card_at(stage, changing(a_model(0.10), a_model(0.20)), before_midnight=HALF_AN_HOUR)
    card = stage.platform.with_button("Make it")
    make = card.button("Make it").action
    await stage.press_raw(card.id, make)
    await stage.press_raw(card.id, make)
    await stage.finished()
    assert texts.cards.ALREADY_ORDERED.format(id="v1") in stage.platform.transcript()
    stage.clock.advance(7_200)
    await stage.press_raw(card.id, make)
    assert len(stage.provider.orders) == 1
    assert await money(stage) == [{"hold": 400_000, "capture": 400_000}]


@pytest.mark.parametrize("swept", [False, True], ids=["tapped first", "expired by itself first"])
async def test_over_a_retirement_the_nearest_living_model_is_proposed_with_its_own_price(
    stage: Stage, swept: bool
) -> None:
    successor = a_model(0.15, id="animatic-2", name="Storyboard 2")
    await card_at(stage, changing(a_model(0.10), successor), before_midnight=HALF_AN_HOUR)
    card = stage.platform.with_button("Make it")
    make = card.button("Make it · $0.40").action
    stage.clock.advance(1_801)
    if swept:
        await stage.product.upkeep.expire()
        assert (await stage.generation()).status is S.EXPIRED
        await stage.product.outbox.settled(HERE)
        await stage.press(stage.platform.with_button("New price"), "New price")
    else:
        await stage.press_raw(card.id, make)
    assert "Storyboard is not on offer any more" in stage.platform.transcript()
    assert stage.provider.orders == []
    newer = stage.platform.with_button("Make it · $0.60")
    assert "Storyboard 2" in newer.text
    await stage.press_raw(card.id, make)
    assert stage.provider.orders == []
    await stage.press(newer, "Make it")
    number = 2 if swept else 1
    assert (await stage.finished(number)).status is S.COMPLETED
    assert [order.model for order in stage.provider.orders] == ["animatic-2"]
    assert await money(stage) == [{"hold": 600_000, "capture": 600_000}]


async def test_when_the_last_model_is_retired_it_is_said_plainly(stage: Stage) -> None:
    last = replace(OURS, video=(a_model(0.10, valid_to=MIDNIGHT.date()),))
    await card_at(stage, last, before_midnight=HALF_AN_HOUR)
    card = stage.platform.with_button("Make it")
    stage.clock.advance(1_801)
    await stage.press(card, "Make it")
    assert texts.allowance.NOTHING_ON_OFFER in stage.platform.transcript()
    assert (await stage.generation()).status is S.CANCELLED
    assert stage.provider.orders == []
    await stage.say("a blue hen on a farm, cinematic, 4 seconds, at night")
    assert stage.platform.last.text == texts.allowance.NOTHING_ON_OFFER


async def test_a_yes_that_came_before_the_card_orders_nothing_though_its_price_ends_early(stage: Stage) -> None:
    """When a card was made is not told from when its price ends."""
    stage.wire(catalogue=changing(a_model(0.10), a_model(0.20)))
    stage.clock.advance((MIDNIGHT - timedelta(minutes=5) - stage.clock.now()).total_seconds())
    await put(stage, message(1, WISH, stage, private=True), message(2, "yes", stage, private=True))
    assert (await stage.generation()).status is S.PENDING_CONFIRMATION
    assert stage.provider.orders == []
    await stage.say("yes")
    assert (await stage.finished()).status is S.COMPLETED


async def test_a_price_on_a_card_is_kept_through_a_restart_with_dearer_ones(stage: Stage) -> None:
    """A card is a promise: a restart with dearer prices does not make it dearer."""
    stage.wire(catalogue=replace(OURS, video=(a_model(0.10),)))
    await stage.say(WISH)
    card = stage.platform.with_button("Make it")
    stage.wire(catalogue=replace(OURS, video=(a_model(0.50),)))
    await stage.press(card, "Make it")
    assert (await stage.finished()).status is S.COMPLETED
    assert await money(stage) == [{"hold": 400_000, "capture": 400_000}]


async def test_a_card_beyond_what_is_allowed_by_now_orders_nothing(stage: Stage) -> None:
    catalogue = replace(OURS, video=(a_model(0.10),))
    stage.wire(catalogue=catalogue)
    await stage.say(WISH)
    card = stage.platform.with_button("Make it")
    stage.wire(catalogue=catalogue, terms=Terms(allowance=Allowance(dearest=300_000)))
    await stage.press(card, "Make it")
    assert stage.provider.orders == []
    assert texts.allowance.NOT_ALLOWED_ANY_MORE in stage.platform.transcript()
    question = stage.platform.last
    assert "may cost $0.30 at most" in question.text
    await stage.press(question, "3 s")
    await stage.press(stage.platform.with_button("Make it · $0.30"), "Make it")
    assert (await stage.finished()).status is S.COMPLETED
    assert await money(stage) == [{"hold": 300_000, "capture": 300_000}]


class Remembering(FakeDialogueModel):
    """Keeps what the prompts were to be written for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[PromptInput] = []

    async def write_prompt(self, given: PromptInput) -> Written:
        self.asked.append(given)
        return await super().write_prompt(given)


async def test_a_prompt_is_written_for_the_model_as_it_was_when_the_card_was_made() -> None:
    model = Remembering()
    catalogue = changing(a_model(0.10, negative_prompt=True), a_model(0.20, negative_prompt=False))
    readers = Readers(model, model, catalogue=catalogue, timeout_s=1)
    for quoted_at in (MIDNIGHT - timedelta(hours=1), MIDNIGHT):
        plan = a_plan()
        await readers.prompt(a_generation(plan=replace(plan, quote=replace(plan.quote, quoted_at=quoted_at))))
    assert [given.negative_prompt for given in model.asked] == [True, False]


async def test_the_orders_a_minute_are_those_of_today(stage: Stage) -> None:
    stage.wire(catalogue=changing(a_model(0.10, orders_per_minute=1), a_model(0.20, orders_per_minute=600)))
    for number in (1, 2):
        plan = a_plan(amount=800_000)
        await keep(stage, a_generation(number, status=S.QUEUED, plan=plan))
    await stage.product.admission.admit()
    waiting = [number for number in (1, 2) if (await stage.generation(number)).status is S.QUEUED]
    assert len(waiting) == 1
