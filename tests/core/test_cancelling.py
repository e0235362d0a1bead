"""Cancelling: at once while it costs nothing, and after a tap that knows the charge once the order may be with the
service. Every way of cancelling, at every point, with what the ledger says in the end."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from core import endings, texts
from core.conversation import remembered
from core.errors import TemporaryError
from core.generation import Generation, OrderOutcome
from core.generation import GenerationStatus as S
from core.limits import Limits
from core.messages import ConversationKey
from core.money import EntryKind, dollars
from core.ports import Failed, Running
from core.reading import Intent, Step
from tests.core.test_conversation_to_clip import RICH
from tests.core.test_generation import NOW, a_generation, a_plan, an_order
from tests.core.test_limits import limited
from tests.core.test_pipeline import Gated, reached, until
from tests.core.test_places import CHANNEL, THREAD
from tests.core.test_response import Talk, buttons_of
from tests.fakes import FakeVideoProvider, Shown
from tests.stage import BOB, HERE, Stage

FOR_EVER = 100_000
OTHER_WISH = "make me a video of a blue hen on a farm at night, cinematic, 4 seconds"

WAYS: dict[str, Callable[[Talk], object]] = {
    "button": lambda talk: talk.press("cancel:1"),
    "words": lambda talk: talk.read(Step(intent=Intent.CANCEL)),
    "words that name it": lambda talk: talk.read(Step(intent=Intent.CANCEL, target=1)),
    "reply": lambda talk: talk.read(Step(intent=Intent.CANCEL), about=1),
    "/cancel": lambda talk: talk.command("cancel"),
    "/cancel v1": lambda talk: talk.command("cancel", "v1"),
    "Stop": lambda talk: talk.command("stop"),
}
ways = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())


def filming(number: int = 1, **fields: Any) -> Generation:
    """A generation whose order was accepted."""
    return a_generation(number, S.PROCESSING, **{"order": an_order()} | fields)


def ordering(outcome: OrderOutcome | None) -> Generation:
    """A generation whose order was written down, with what came of it."""
    return a_generation(1, S.SUBMITTING, order=an_order(outcome=outcome, operation=""))


def labels(talk: Talk) -> list[str]:
    """The buttons of the last answer."""
    return [button.label for post in talk.posts for button in buttons_of(post)]


# --- what costs nothing ----------------------------------------------------------------------------------------------


@ways
@pytest.mark.parametrize("status", [S.PENDING_CLARIFICATION, S.PENDING_CONFIRMATION, S.QUEUED, S.AMBIGUOUS])
def test_what_was_not_ordered_or_never_answered_ends_at_once(way: Callable[[Talk], object], status: S) -> None:
    talk = Talk(a_generation(status=status, order=an_order(outcome=OrderOutcome.UNANSWERED)))
    way(talk)
    assert talk.standing() == [S.CANCELLED]
    assert talk.money == ([(EntryKind.RELEASE, 560_000)] if status in (S.QUEUED, S.AMBIGUOUS) else [])
    assert labels(talk) == []


@ways
@pytest.mark.parametrize(
    "row",
    [
        a_generation(status=S.SUBMITTING),
        ordering(OrderOutcome.NOT_SENT),
        ordering(OrderOutcome.REFUSED),
        filming(plan=a_plan(amount=0)),
    ],
    ids=["nothing sent yet", "not sent", "refused for now", "free"],
)
def test_what_costs_nothing_is_stopped_at_once(way: Callable[[Talk], object], row: Generation) -> None:
    talk = Talk(row)
    way(talk)
    assert talk.rows[1].cancel_requested
    assert talk.last.woken == [1]
    assert talk.said == "Stopping v1…"
    assert labels(talk) == []


# --- what may cost something -----------------------------------------------------------------------------------------


@ways
@pytest.mark.parametrize(
    "row",
    [ordering(None), ordering(OrderOutcome.UNANSWERED), filming()],
    ids=["being ordered", "unanswered", "being filmed"],
)
def test_what_may_cost_something_says_so_before_it_is_stopped(way: Callable[[Talk], object], row: Generation) -> None:
    talk = Talk(row)
    way(talk)
    assert talk.rows[1] == row
    assert talk.last.woken == []
    assert talk.money == []
    assert talk.said == texts.endings.stop_question(row)
    assert "If it cannot, I bring you the clip and it costs $0.56, as on the card." in talk.said
    assert labels(talk) == ["Stop it", "Let it finish"]
    talk.tap("Stop it")
    assert talk.rows[1].cancel_requested
    assert talk.last.woken == [1]
    assert talk.said == "Stopping v1…"
    assert talk.money == []


def test_the_amount_is_hidden_from_those_who_may_not_see_it() -> None:
    talk = Talk(filming(plan=a_plan(amounts_shown=False)))
    talk.press("cancel:1")
    assert "it costs the price agreed, as on the card" in talk.said
    talk.press("cancel:1")
    assert "$" not in talk.said
    assert "$" not in texts.endings.cannot_stop(talk.rows[1], for_good=True)


def test_a_second_cancel_says_in_short_what_it_waits_for() -> None:
    talk = Talk(filming())
    talk.press("cancel:1")
    for _ in range(2):
        remember(talk)
        talk.command("cancel")
        assert talk.said == texts.endings.stop_question(talk.rows[1], again=True)
        assert "$0.56" in talk.said
        assert labels(talk) == ["Stop it", "Let it finish"]
    talk.tap("Stop it")
    for action in ("cancel:1", "stop:1:1", "wait:1"):
        talk.press(action)
        assert talk.said == "Stopping v1…"
        assert talk.last.changed == ()
        assert talk.last.woken == []


def test_let_it_finish_changes_nothing() -> None:
    talk = Talk(filming())
    talk.press("cancel:1")
    talk.tap("Let it finish")
    assert talk.said == texts.clips.WAITING_ON.format(id="v1")
    assert talk.last.changed == ()


def test_which_one_leads_to_the_stated_charge() -> None:
    talk = Talk(filming(1), a_generation(2, S.QUEUED), filming(3))
    talk.read(Step(intent=Intent.CANCEL))
    assert talk.said == texts.endings.WHICH_ONE
    assert len(labels(talk)) == 3
    talk.tap("Cancel v3")
    assert talk.said == texts.endings.stop_question(talk.rows[3])
    talk.tap("Stop it")
    assert [row.cancel_requested for row in talk.rows.values()] == [False, False, True]


@pytest.mark.parametrize("action", ["cancel:1", "stop:1:1"])
def test_nobody_else_stops_it(action: str) -> None:
    talk = Talk(filming())
    talk.press(action, person=BOB)
    assert "Only Ann can decide about v1" in talk.said
    assert talk.last.changed == ()


# --- an old question -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (a_generation(status=S.DOWNLOADING), "on its way to you. Once it is there it costs $0.56, as on the card."),
        (a_generation(status=S.DELIVERING), "on its way to you. Once it is there it costs $0.56, as on the card."),
        (a_generation(status=S.COMPLETED), "v1 is finished already and on its way to you."),
        (a_generation(status=S.FAILED), "over already; nothing is running and nothing more is charged"),
        (a_generation(status=S.CANCELLED), "over already; nothing is running and nothing more is charged"),
        (filming(unstoppable=True), "The video service cannot stop v1 any more"),
    ],
)  # fmt: skip
def test_stop_it_comes_too_late(row: Generation, words: str) -> None:
    talk = Talk(row)
    talk.press("stop:1:1")
    assert words in talk.said
    assert talk.last.changed == ()
    assert talk.last.woken == []


@pytest.mark.parametrize("action", ["stop:1:1", "stop:1"])
def test_a_question_about_an_earlier_order_is_asked_anew(action: str) -> None:
    talk = Talk(filming(order=an_order(attempt=2)))
    talk.press(action)
    assert talk.said == texts.endings.stop_question(talk.rows[1])
    assert talk.last.changed == ()
    assert talk.button("Stop it").action == "stop:1:2"


def test_stop_it_counts_when_the_order_has_come_to_nothing_meanwhile() -> None:
    talk = Talk(ordering(None))
    talk.press("cancel:1")
    talk.rows[1] = ordering(OrderOutcome.REFUSED)
    talk.tap("Stop it")
    assert talk.rows[1].cancel_requested


def test_ordering_again_forgets_that_the_last_order_could_not_be_stopped() -> None:
    talk = Talk(a_generation(status=S.AMBIGUOUS, order=an_order(), unstoppable=True))
    talk.press("again:1:0")
    assert talk.rows[1].status is S.QUEUED
    assert not talk.rows[1].unstoppable


def test_a_late_notice_offers_no_cancel_that_cannot_help() -> None:
    offered, told = (endings.late(filming(unstoppable=gone), 90, NOW).posts[0].post for gone in (False, True))
    assert [button.label for button in buttons_of(offered)] == ["Keep waiting", "Cancel"]
    assert [button.label for button in buttons_of(told)] == ["Keep waiting"]
    assert "you can also cancel" in offered.text
    assert "cancel" not in told.text


# --- the question and a yes ------------------------------------------------------------------------------------------


def remember(talk: Talk) -> None:
    """Keep what was said as a store would."""
    talk.conversation = remembered(talk.conversation, speaker="person", text="", posts=tuple(talk.posts), now=talk.now)


def test_the_whole_question_is_remembered_and_no_yes_is_meant_for_a_card_after_it() -> None:
    row = filming(1_000_000, plan=a_plan(amount=1_234_560_000))
    for text in (
        texts.endings.stop_question(row),
        texts.endings.stop_question(replace(row, status=S.SUBMITTING)),
        texts.endings.stop_question(row, again=True),
        texts.endings.TAP_TO_STOP,
    ):
        assert len(text) <= 400, "what is remembered is cut off there"
        assert texts.clips.asks_something_else(text)


def test_a_yes_to_the_question_stops_nothing_and_says_where_to_tap() -> None:
    talk = Talk(filming(1), a_generation(2))
    talk.press("cancel:1")
    remember(talk)
    talk.read(Step(intent=Intent.CONFIRM))
    assert talk.said == texts.endings.TAP_TO_STOP
    assert talk.last.changed == ()
    talk.rows[1] = replace(talk.rows[1], status=S.COMPLETED)
    remember(talk)
    talk.read(Step(intent=Intent.CONFIRM))
    assert "Make it · $0.56" in talk.said, "nothing runs any more: it is about the card"


# --- with the ledger -------------------------------------------------------------------------------------------------


async def priced(stage: Stage, provider: FakeVideoProvider | None = None) -> FakeVideoProvider:
    """The stage with a service that takes its time and costs money."""
    limited(stage, Limits())
    if provider is not None:
        provider.name = "omni"
        stage.provider = provider
        stage.wire(providers={"omni": provider})
    stage.provider.on_poll = [Running()] * FOR_EVER
    return stage.provider


async def filmed(stage: Stage, key: ConversationKey = HERE) -> Generation:
    """A clip that was ordered and is being filmed."""
    await priced(stage)
    await stage.say(RICH, key=key, private=key == HERE)
    await stage.press(stage.platform.with_button("Make it"), "Make it", key=key, private=key == HERE)
    return await reached(stage, S.PROCESSING)


def asked(stage: Stage) -> Shown:
    """The question that stands."""
    return stage.platform.with_button("Stop it")


def kept(stage: Stage, what: str, table: str) -> list[tuple[Any, ...]]:
    """Rows of the database."""
    with closing(sqlite3.connect(stage.folder / "reelbot.db")) as connection:
        return connection.execute(f"SELECT {what} FROM {table} ORDER BY id").fetchall()


def money(stage: Stage) -> list[tuple[str, int]]:
    """What was booked after the quotes."""
    return [(str(kind), amount) for kind, amount in kept(stage, "kind, amount", "ledger") if kind != "quote"]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (HERE, {"text": "cancel"}),
        (HERE, {"text": "stop"}),
        (HERE, {"text": "", "command": "cancel"}),
        (HERE, {"text": "v1", "command": "cancel"}),
        (THREAD, {"text": "", "command": "stop"}),
        (CHANNEL, {"text": "", "command": "cancel", "summoned": True}),
    ],
    ids=["words", "stop", "/cancel", "/cancel v1", "native Stop", "/video cancel"],
)
async def test_what_the_service_stops_costs_nothing(stage: Stage, key: ConversationKey, said: dict[str, Any]) -> None:
    place = THREAD if key != HERE else HERE
    row = await filmed(stage, place)
    assert row.plan is not None
    price = row.plan.quote.amount
    await stage.say(key=key, private=key == HERE, **said)
    assert f"it costs {dollars(price)}, as on the card" in asked(stage).text
    assert stage.provider.cancelled == []
    assert not (await stage.generation()).cancel_requested
    await stage.press(asked(stage), "Stop it", key=key, private=key == HERE)
    ended = await stage.finished(key=place)
    assert ended.status is S.CANCELLED
    assert len(stage.provider.cancelled) == 1
    assert money(stage) == [("hold", price), ("release", price)]
    assert "v1 is cancelled. You were not charged." in stage.platform.transcript()


async def test_what_the_service_cannot_stop_comes_and_costs_what_was_stated(stage: Stage) -> None:
    row = await filmed(stage)
    assert row.plan is not None
    price = row.plan.quote.amount
    stage.provider.stops = False
    await stage.press(stage.platform.with_button("Cancel"), "Cancel")
    question = asked(stage)
    await stage.press(question, "Stop it")
    await until(stage.generation, lambda row: row.unstoppable)
    for _ in range(2):
        await stage.press(question, "Stop it")
    await stage.press(stage.platform.with_button("Cancel"), "Cancel")
    stage.provider.on_poll.clear()
    assert (await stage.finished()).status is S.COMPLETED
    assert len(stage.provider.cancelled) == 1, "the service has said it once"
    told = [one.text for one in stage.platform.shown if "cannot stop v1 any more" in one.text]
    assert told == [texts.endings.cannot_stop(row, for_good=True)] * 4, "once by itself, and to each tap"
    assert f"costs {dollars(price)}, as on the card" in told[0]
    assert money(stage) == [("hold", price), ("capture", price)]
    assert stage.platform.deliveries == 1


async def test_what_cannot_be_stopped_and_fails_costs_nothing(stage: Stage) -> None:
    await filmed(stage)
    stage.provider.stops = False
    await stage.press(stage.platform.with_button("Cancel"), "Cancel")
    await stage.press(asked(stage), "Stop it")
    await until(stage.generation, lambda row: row.unstoppable)
    stage.provider.on_poll[:] = [Failed(reason="no luck")]
    assert (await stage.finished()).status is S.FAILED
    assert [kind for kind, _ in money(stage)] == ["hold", "release"]


async def test_a_service_that_does_not_answer_may_be_asked_again(stage: Stage) -> None:
    class Away(FakeVideoProvider):
        async def cancel(self, operation: str) -> bool:
            await super().cancel(operation)
            if len(self.cancelled) == 1:
                raise TemporaryError("away")
            return True

    await priced(stage, Away())
    await stage.say(RICH)
    await stage.press(stage.platform.with_button("Make it"), "Make it")
    await reached(stage, S.PROCESSING)
    for told in ("did not answer when I asked it to stop v1", "v1 is cancelled"):
        await stage.press(stage.platform.with_button("Cancel"), "Cancel")
        await stage.press(asked(stage), "Stop it")
        await heard(stage, told)
    assert (await stage.finished()).status is S.CANCELLED
    assert [kind for kind, _ in money(stage)] == ["hold", "release"]


async def heard(stage: Stage, words: str) -> None:
    """Return once somebody was told so."""

    async def look() -> bool:
        return words in stage.platform.transcript()

    assert await until(look, bool)


async def test_an_order_on_its_way_is_stopped_once_the_service_has_it(stage: Stage) -> None:
    provider = Gated()
    await priced(stage, provider)
    await stage.say(RICH)
    await stage.press(stage.platform.with_button("Make it"), "Make it")
    await provider.begun.wait()
    await stage.press(stage.platform.with_button("Cancel"), "Cancel")
    assert "is with the video service already" in asked(stage).text
    provider.let.set()
    await reached(stage, S.PROCESSING)
    assert provider.cancelled == [], "nobody has tapped"
    await stage.press(asked(stage), "Stop it")
    assert (await stage.finished()).status is S.CANCELLED
    assert len(provider.cancelled) == 1
    assert [kind for kind, _ in money(stage)] == ["hold", "release"]


async def test_the_late_notice_leads_to_the_stated_charge(stage: Stage) -> None:
    await filmed(stage)
    stage.clock.advance(3_600)
    await stage.product.progress.tick()
    await stage.product.outbox.settled(HERE)
    await stage.press(stage.platform.having("longer than it should"), "Cancel")
    assert not (await stage.generation()).cancel_requested
    await stage.press(asked(stage), "Let it finish")
    assert stage.platform.last.text == texts.clips.WAITING_ON.format(id="v1")
    stage.provider.on_poll.clear()
    assert (await stage.finished()).status is S.COMPLETED


async def test_a_yes_after_the_question_orders_no_other_card(stage: Stage) -> None:
    await priced(stage)
    await stage.say(RICH)
    await stage.press(stage.platform.with_button("Make it"), "Make it")
    await reached(stage, S.PROCESSING)
    await stage.say(OTHER_WISH)
    await stage.say("v1", command="cancel")
    for _ in range(2):
        await stage.say("yes")
        assert stage.platform.last.text == texts.endings.TAP_TO_STOP
        assert (await stage.generation(2)).status is S.PENDING_CONFIRMATION
        assert not (await stage.generation(1)).cancel_requested
    await stage.press(asked(stage), "Let it finish")
    await stage.say("yes")
    assert (await stage.generation(2)).status is not S.PENDING_CONFIRMATION


async def test_what_nobody_can_tell_the_service_is_a_cost_of_the_house(stage: Stage) -> None:
    row = await filmed(stage)
    assert row.plan is not None
    price = row.plan.quote.amount
    await stage.stop()
    stage.wire(providers={"animatic": FakeVideoProvider()})
    await stage.press(stage.platform.with_button("Cancel"), "Cancel")
    await stage.press(asked(stage), "Stop it")
    await stage.product.work()
    assert (await stage.finished()).status is S.CANCELLED
    assert money(stage) == [("hold", price), ("release", price)]
    assert kept(stage, "reason, amount", "house_costs") == [("unstopped", price)]


async def test_what_the_service_stopped_costs_the_house_nothing(stage: Stage) -> None:
    await filmed(stage)
    await stage.press(stage.platform.with_button("Cancel"), "Cancel")
    await stage.press(asked(stage), "Stop it")
    assert (await stage.finished()).status is S.CANCELLED
    assert kept(stage, "reason", "house_costs") == []
