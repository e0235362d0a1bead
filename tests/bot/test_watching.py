"""What the watchdogs notice about the rows, when they say so, and what `/readyz` makes of it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from bot.metrics import Metrics
from bot.server import serve, web_app
from bot.watching import Pulse, Watching, stuck
from core.events import event_of
from core.generation import Generation
from core.generation import GenerationStatus as S
from core.repositories import Changes, OutboxPost
from core.under_way import Brief, brief
from storage.clips import ObjectClipStore
from storage.migrations import upgrade
from storage.store import SqlStore
from tests.clock import FakeClock
from tests.core.test_generation import a_generation, a_plan
from tests.storage import samples
from tests.storage.postgres import fresh_database
from tests.storage.samples import KEY, NOW, a_conversation, a_message, a_post, later
from tests.storage.sqlite import fresh_file


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'reelbot.db'}"
        return
    with fresh_database(request.getfixturevalue("postgres_server")) as url:
        yield url


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[SqlStore]:
    await upgrade(url)
    store = SqlStore(url)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def watching(store: SqlStore, clock: FakeClock, metrics: Metrics | None = None, *, events: bool = False) -> Watching:
    return Watching(rows=store, platforms=[KEY.platform], events=events, metrics=metrics or Metrics(), clock=clock)


async def test_what_waits_for_too_long_is_said_once_and_again_when_it_is_over(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="reelbot.watching")
    async with opened(url) as store:
        clock, metrics = FakeClock(NOW), Metrics()
        watch = watching(store, clock, metrics)
        await store.receive(a_message(1), NOW)
        elsewhere = replace(KEY, platform="gone")
        await store.receive(a_message(2, key=elsewhere), NOW - timedelta(days=1))
        posts = (OutboxPost(post=a_post("Hello")),)
        await store.commit(Changes(conversations=(a_conversation(),), posts=posts, conversation_id="c1", at=NOW))
        await watch.look()
        assert not any(watch.troubles.values())
        assert set(watch.troubles) == {"generations", "queue", "inbox", "outbox"}

        for seconds in (290, 320, 610):
            clock.advance(seconds)
            await watch.look()
        assert watch.checks()["inbox"]() == "a message has not been answered for 20 min"
        assert watch.checks()["outbox"]() == "something has not been sent for 20 min"
        assert [record.__dict__["what"] for record in caplog.records] == ["inbox", "outbox"]
        page = metrics.render().decode()
        assert 'reelbot_trouble{what="inbox"} 1.0' in page
        assert 'reelbot_oldest_seconds{what="outbox"} 1220.0' in page

        (waiting,) = await store.waiting(KEY)
        await store.commit(Changes(done=(waiting.row,), conversation_id="c1", at=clock.now()))
        await watch.look()
        assert watch.checks()["inbox"]() == ""
        assert [record.message for record in caplog.records] == ["watch.trouble", "watch.trouble", "watch.well"]
        assert 'reelbot_trouble{what="inbox"} 0.0' in metrics.render().decode()


async def test_events_are_watched_where_somebody_is_told(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path / 'reelbot.db'}") as store:
        watch = watching(store, FakeClock(NOW), events=True)
        await watch.look()
        assert set(watch.checks()) == {"generations", "queue", "inbox", "outbox", "events"}


async def test_events_that_wait_and_dead_letters_are_counted(tmp_path: Path) -> None:
    store = SqlStore(fresh_file(tmp_path), announce=event_of)
    metrics = Metrics()
    watch = watching(store, FakeClock(later(90)), metrics, events=True)
    await watch.look()
    assert 'reelbot_events{state="waiting"} 0.0' in metrics.render().decode()
    await store.commit(Changes(conversations=(a_conversation(),), at=NOW))
    for number in (1, 2, 3):
        queued = samples.a_generation(number).moved(S.QUEUED, NOW)
        await store.commit(Changes(generations=(queued,), at=NOW))
    untold = await store.events.claim(1, NOW, later(1))
    assert untold is not None
    await store.events.put_off(untold.row, None, NOW)
    await watch.look()
    await store.close()
    page = metrics.render().decode()
    assert 'reelbot_events{state="waiting"} 2.0' in page
    assert 'reelbot_events{state="given_up"} 1.0' in page
    assert 'reelbot_oldest_seconds{what="events"} 90.0' in page


class Queue:
    """Rows with a queue as long as a test says."""

    def __init__(self, store: SqlStore) -> None:
        self.long = 0
        self.backlog = store.backlog

    async def some(self, ids: Collection[int]) -> tuple[Generation, ...]:
        return tuple(a_generation(number, S.QUEUED) for number in ids)

    async def revisions(self, *statuses: str) -> Mapping[int, int]:
        return dict.fromkeys(range(self.long), a_generation().revision)


async def test_a_queue_that_grows_is_noticed_and_a_long_one_that_does_not_is_not(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path / 'reelbot.db'}") as store:
        rows, clock = Queue(store), FakeClock(NOW)
        watch = Watching(rows=rows, platforms=[], events=False, metrics=Metrics(), clock=clock)
        said = []
        for rows.long in (20, 20, 20, 25, 35, 40, 60, 60, 60, 60, 60):
            await watch.look()
            said.append(bool(watch.troubles["queue"]))
            clock.advance(240)
        assert said == [False, False, False, False, True, True, True, True, False, False, False]
        for rows.long in (0, 3, 6, 9):
            await watch.look()
            assert not watch.troubles["queue"]
            clock.advance(240)


def test_what_does_not_get_on_is_named() -> None:
    def row(number: int, status: S, age_s: float, *, expected_s: float = 60) -> Brief:
        plan = replace(a_plan(), expected_s=(expected_s / 2, expected_s))
        entered = {status.value: later(-age_s)}
        return brief(replace(a_generation(), id=number, status=status, plan=plan, entered=entered))

    well = [row(1, S.PROCESSING, 590), row(2, S.PROCESSING, 2900, expected_s=600), row(3, S.DELIVERING, 500)]
    assert stuck(well, NOW) == ""
    assert stuck([*well, row(4, S.PROCESSING, 610)], NOW) == "v4 does not get on"
    late = [row(number, status, 3100, expected_s=600) for number, status in enumerate((S.SUBMITTING, S.PROCESSING), 5)]
    assert stuck([*well, *late], NOW) == "v5, v6 do not get on"
    many = [row(number, S.DOWNLOADING, 700) for number in range(1, 6)]
    assert stuck(many, NOW) == "v1, v2, v3 and 2 more do not get on"


async def test_what_is_watched_is_shown_and_keeps_nobody_out(tmp_path: Path) -> None:
    well = {"outbox": lambda: "", "queue": lambda: ""}
    for watched, warnings in ((well, None), (well | {"queue": lambda: "it grows"}, {"queue": "it grows"})):
        app = web_app(
            health={"clock": Pulse(1.0).problem},
            ready={"database": lambda: ""},
            watched=watched,
            metrics=Metrics(),
            clips=ObjectClipStore(str(tmp_path / "media")),
            link_secret="a secret of the tests",
            clock=FakeClock(),
            webhooks={},
        )
        async with (
            serve(app, "127.0.0.1", 0, stop_within_s=1) as port,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
        ):
            answer = await client.get("/readyz")
            assert (answer.status_code, answer.json()["status"]) == (200, "ok")
            assert answer.json().get("warnings") == warnings
            assert (await client.get("/healthz")).json() == {"status": "ok", "checks": {"clock": "ok"}}
