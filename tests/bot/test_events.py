"""`reelbot events` as an admin uses it, what its settings may be, and that no command saves without telling."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.settings_checks import SettingsError
from bot.settings_loading import load_settings
from core.booking import booked
from core.events import event_of
from core.generation import GenerationStatus
from core.money import EntryKind
from core.repositories import Changes
from storage.migrations import upgrade
from storage.store import SqlStore
from tests.bot.test_cli import reelbot
from tests.core.test_generation import a_plan, an_order
from tests.emulators.webhook_receiver import SECRET
from tests.storage.samples import NOW, a_conversation, a_generation

S = GenerationStatus
URL = "https://hooks.example.org/reelbot"
OUT = {"WEBHOOK_URL": URL, "WEBHOOK_SECRET": SECRET}


@pytest.fixture
def ids(tmp_path: Path) -> list[str]:
    """A database in `data` with four events: told, given up, waiting after a failed try, and behind that one."""
    return asyncio.run(filled(f"sqlite:///{tmp_path / 'data' / 'reelbot.db'}"))


async def filled(url: str) -> list[str]:
    """Make the database; returns the events' ids."""
    await upgrade(url)
    store = SqlStore(url, announce=event_of)
    generation = a_generation(12, plan=a_plan(), order=an_order(outcome=None))
    await store.commit(Changes(conversations=(a_conversation(),), at=NOW))
    for status in (S.QUEUED, S.SUBMITTING, S.AMBIGUOUS):
        generation = generation.moved(status, NOW)
        entries = (booked(generation, EntryKind.HOLD, "ordered", NOW),) if status is S.QUEUED else ()
        await store.commit(Changes(generations=(generation,), entries=entries, at=NOW))
        generation = replace(generation, revision=generation.revision + 1)
    for outcome in ("told", "dead", "waits"):
        untold = await store.events.claim(12, NOW, NOW + timedelta(seconds=30))
        assert untold is not None
        if outcome == "told":
            await store.events.told(untold.row, NOW)
        else:
            await store.events.put_off(untold.row, None if outcome == "dead" else NOW + timedelta(hours=1), NOW)
    found = await store.events.listed(given_up=False, limit=10)
    await store.close()
    return [kept.event.id for kept in found]


def lines(*arguments: str, **variables: str) -> list[list[str]]:
    """The command's table without its header, by words."""
    done = reelbot("events", *arguments, **variables)
    assert (done.returncode, done.stderr) == (0, "")
    return [line.split() for line in done.stdout.splitlines() if line.startswith("evt_")]


def test_what_became_of_each_event_is_listed(ids: list[str]) -> None:
    told, dead, waits = lines("list")
    when = ["2026-11-21", "12:00:00", "UTC"]
    assert told == [ids[0], "v12", "generation.started", "(queued)", *when, "told", *when]
    assert dead[:4] == [ids[1], "v12", "generation.progress", "(submitting)"]
    assert " ".join(dead[7:]) == "given up 2026-11-21 12:00:00 UTC, 1 failed try"
    assert waits[:8] == [ids[2], "v12", "generation.progress", "(ambiguous)", *when, "waits,"]
    assert waits[-3:] == ["2026-11-21", "13:00:00", "UTC"]
    assert [line[0] for line in lines("list", "--dead")] == [ids[1]]
    assert [line[0] for line in lines("list", "--limit", "1")] == [ids[2]]


def test_a_dead_letter_is_told_again_and_so_is_what_was_told(ids: list[str]) -> None:
    done = reelbot("events", "replay", "--all-dead")
    assert (done.returncode, done.stdout.split(" told")[0]) == (0, "1 event is")
    assert lines("list", "--dead") == []
    assert lines("list")[1][-1] == "waits"
    assert reelbot("events", "replay", ids[0]).returncode == 0
    assert [line[-1] for line in lines("list")[:2]] == ["waits", "waits"]
    assert reelbot("events", "replay", "--all-dead").stdout == "Nothing was given up.\n"


def test_a_replay_of_nothing_says_so(ids: list[str]) -> None:
    for wrong in ((), (ids[0], "--all-dead")):
        done = reelbot("events", "replay", *wrong)
        assert (done.returncode, done.stdout) == (2, "")
    done = reelbot("events", "replay", ids[2], "evt_unknown")
    assert done.returncode == 1
    assert done.stderr.startswith(f"{ids[2]}, evt_unknown: there is no such event")


def test_before_the_first_event_there_are_none() -> None:
    assert "run `reelbot db upgrade`" in reelbot("events", "list").stderr
    reelbot("db", "upgrade")
    assert reelbot("events", "list").stdout.startswith("There are no events.")


def test_what_an_admin_settles_is_told_too(ids: list[str]) -> None:
    assert reelbot("money", "settle", "v12", "--release", **OUT).returncode == 0
    last = lines("list")[-1]
    assert (last[2], last[-1]) == ("generation.cancelled", "waits")


def test_without_an_address_a_command_tells_nothing(ids: list[str]) -> None:
    assert reelbot("money", "settle", "v12", "--release").returncode == 0
    assert len(lines("list")) == len(ids)


@pytest.mark.parametrize(
    ("url", "allowed", "state", "detail"),
    [
        ("https://localhost/hooks/key-in-it", "false", "failed", "inside the network; only WEBHOOK_ALLOW_PRIVATE"),
        ("http://127.0.0.1/hooks/key-in-it", "true", "warning", "events go to 127.0.0.1 at 127.0.0.1; given up: 1"),
    ],
)
def test_a_check_says_where_events_go_and_what_was_given_up(
    ids: list[str], url: str, allowed: str, state: str, detail: str
) -> None:
    done = reelbot("check", "--json", **{**OUT, "WEBHOOK_URL": url, "WEBHOOK_ALLOW_PRIVATE": allowed})
    findings = {one["name"]: one for one in json.loads(done.stdout)["checks"]}
    assert findings["events out"]["state"] == state
    assert detail in findings["events out"]["detail"]
    assert not any(secret in done.stdout for secret in ("key-in-it", SECRET))


# --- settings --------------------------------------------------------------------------------------------------------


def problems(**values: str) -> dict[str, str]:
    """What is wrong with these settings."""
    with pytest.raises(SettingsError) as caught:
        load_settings(None, **values)
    return {problem.variable: str(problem) for problem in caught.value.problems}


def test_good_settings_are_taken_and_not_shown() -> None:
    settings = load_settings(None, **OUT)
    assert len(settings.secrets) == 2
    load_settings(None, **{**OUT, "WEBHOOK_URL": "http://10.0.0.5:8000/hooks"}, WEBHOOK_ALLOW_PRIVATE="true")


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("http://hooks.example.org/", "is not https"),
        ("https://10.0.0.5/", "10.0.0.5 is inside the network"),
        ("https://[::ffff:169.254.169.254]/", "is inside the network"),
        ("https://user:word-of-mouth@hooks.example.org/", "name and password"),
        ("hooks.example.org", "not an https address"),
        ("ftp://hooks.example.org", "not an https address"),
    ],
)
def test_an_address_that_cannot_be_is_refused_at_the_start(url: str, what: str) -> None:
    found = problems(WEBHOOK_URL=url, WEBHOOK_SECRET=SECRET)
    assert list(found) == ["WEBHOOK_URL"]
    assert what in found["WEBHOOK_URL"]
    assert "word-of-mouth" not in found["WEBHOOK_URL"]


def test_address_and_secret_come_together() -> None:
    assert "WEBHOOK_URL is: without it" in problems(WEBHOOK_URL=URL)["WEBHOOK_SECRET"]
    assert "WEBHOOK_URL is not" in problems(WEBHOOK_SECRET=SECRET)["WEBHOOK_SECRET"]


def test_several_secrets_can_be_set_while_one_is_changed() -> None:
    both = f"{SECRET} whsec_{'A' * 32}"
    taken = load_settings(None, **{**OUT, "WEBHOOK_SECRET": both}).webhook_secret
    assert taken is not None and taken.get_secret_value() == both


@pytest.mark.parametrize(
    "secret",
    ["hunter2-hunter2-hunter2-hunter2", "whsec_hunter2", "whsec_" + "A" * 96, f"{SECRET} whsec_hunter2"],
)
def test_a_secret_that_is_none_is_refused_and_not_shown(secret: str) -> None:
    found = problems(WEBHOOK_URL=URL, WEBHOOK_SECRET=secret)["WEBHOOK_SECRET"]
    assert "no signing secret" in found
    assert "hunter2" not in found
    assert "AAAA" not in found
