"""The fault campaign in short: a few kills on each database, with everything that `make faults` counts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.emulators.webhook_receiver import Got, WebhookReceiver
from tests.faults.campaign.counts import Counts, Found, count
from tests.faults.campaign.outbound import events_to, wrongly_told
from tests.faults.campaign.people import Wish
from tests.faults.campaign.points import Fate, fates
from tests.faults.campaign.runs import Setting, run, setting
from tests.faults.campaign.series import table
from tests.program.running import running
from tests.program.services import world
from tests.storage.postgres import postgres_binaries, private_server


def chosen(how: Setting, *names: str) -> Setting:
    """The same run with these places."""
    named = {
        fate.name: fate for fate in (*fates(how.platform, how.service, approved=how.approved), *(DATABASE, RANDOM))
    }
    return replace(how, fates=tuple(named[name] for name in names))


DATABASE = Fate(stage="database", name="database")
RANDOM = Fate(stage="random", name="random")


def total(found: Found) -> Counts:
    """All rows as one."""
    counts = Counts()
    for row in found.rows.values():
        counts.add(row)
    return counts


def good(found: Found, *, kills: int) -> None:
    """Nothing lost and nothing twice, after so many kills at least; each named place was reached."""
    assert not found.violations, "\n".join(found.violations)
    counts = total(found)
    assert counts.kills >= kills
    assert counts.messages >= kills
    assert not found.missed


@pytest.mark.timeout(300)
async def test_four_kills_on_sqlite(tmp_path: Path) -> None:
    how = replace(
        setting("sqlite", 0, kills=0, seed=20, platform="telegram"), service="omni", approved=False, news=False
    )
    names = ("before-message-is-taken-in", "answer-is-lost", "random", "before-capture")
    good(await run(tmp_path, chosen(how, *names), None), kills=4)


@pytest.mark.timeout(300)
async def test_four_kills_where_somebody_approves(tmp_path: Path) -> None:
    how = replace(setting("sqlite", 0, kills=0, seed=20, platform="slack"), service="omni", approved=True, news=False)
    names = ("after-approval-is-asked-for", "before-approved", "after-look-is-asked-for", "completion-is-done")
    good(await run(tmp_path, chosen(how, *names), None), kills=4)


@pytest.mark.timeout(300)
@pytest.mark.skipif(postgres_binaries() is None, reason="PostgreSQL is not installed")
async def test_a_gateway_a_worker_and_the_database_are_killed_on_postgresql(tmp_path: Path) -> None:
    how = replace(
        setting("postgresql", 0, kills=0, seed=20, platform="telegram"), service="omni", approved=False, news=False
    )
    names = ("after-tap-is-taken-in", "polling", "database", "clip-is-shown")
    with private_server(durable=True) as server:
        good(await run(tmp_path, chosen(how, *names), server), kills=4)


@pytest.mark.timeout(300)
async def test_what_must_not_be_is_counted(tmp_path: Path) -> None:
    """The count finds a second order, a second clip, a lost wish and an order that nobody was told of."""
    async with world(tmp_path) as outside, WebhookReceiver() as receiver:
        served, unheard, unheeded = (Wish(outside, number, stage="submit", seed=number) for number in (1, 2, 3))
        async with running(outside, clock=None, **events_to(receiver)):
            await served.live()
            told = await receiver.until_told("completed")
            order = outside.google.omni.orders[0]
            (clip,) = served.play.clips
            clip.chat.messages.append(replace(clip, id=clip.id + 100))
        await unheard.play.say(f"a red {unheard.word}")
        unheard.said = True
        unheeded.said = unheeded.tapped = True
        for wish in (served, unheeded):
            body = {"input": f"a red {wish.word}"}
            outside.google.omni.orders.append(replace(order, id=f"another-{wish.word}", body=body))
        found = Found()
        count(outside, (served, unheard, unheeded), (), found, receiver=receiver)
        counts = found.rows["submit"]
        assert (counts.orders, counts.second_orders) == (3, 1)
        assert (counts.deliveries, counts.second_deliveries) == (2, 1)
        assert (counts.lost_messages, counts.lost_generations) == (2, 1)
        assert (counts.ambiguous, counts.told) == (2, 1)
        assert [violation.partition(" ")[0] for violation in found.violations] == ["fox0001", "fox0002", "fox0003"]
        assert "no event at all" in found.violations[2]
        assert not wrongly_told(receiver, served)
        assert (counts.events, counts.events_again) == (len(told), 0)
        assert table([("sqlite", found)], markdown=True).splitlines()[-1].startswith("| all | sqlite | 0 |")


async def test_what_a_program_outside_must_not_be_told_is_counted(tmp_path: Path) -> None:
    async with world(tmp_path) as outside, WebhookReceiver() as receiver:
        wish = Wish(outside, 1, stage="events", seed=1)
        async with running(outside, clock=None, **events_to(receiver)):
            await wish.live()
            told = await receiver.until_told("completed")
        good, last = list(told), told[-1]

        def wrong(*got: Got) -> str:
            receiver.got[:] = got
            return "; ".join(wrongly_told(receiver, wish))

        assert not wrong(*good)
        assert not wrong(good[0], *good), "the same event may come again at once"
        assert "after the next one" in wrong(*good, good[0])
        assert "nothing between" in wrong(good[0], *good[2:])
        assert "its ends were []" in wrong(*good[:-1])
        assert "its ends were" in wrong(*good, replace(last, id="evt_another"))
        assert "never began" in wrong(*good[1:])
        assert "something else" in wrong(*good, replace(last, payload={**last.payload, "timestamp": "later"}))
        assert "nobody took completed" in wrong(*good[:-1], replace(last, status=503))
        assert "no event at all" in wrong()


@pytest.mark.timeout(300)
async def test_kills_while_events_go_out_and_the_service_tells_of_orders(tmp_path: Path) -> None:
    how = replace(
        setting("sqlite", 0, kills=0, seed=20, platform="telegram"), service="omni", approved=False, news=True
    )
    names = (
        "answer-is-lost",
        "answer-of-the-receiver-is-lost",
        "before-event-is-marked-as-told",
        "after-event-is-put-off",
    )
    found = await run(tmp_path, chosen(how, *names), None)
    good(found, kills=4)
    counts = total(found)
    assert counts.found, "what got no answer is found by what the service tells"
    assert counts.events_again
