"""Claims and the bell of several processes over one PostgreSQL."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

import psycopg
import pytest

from core.errors import TemporaryError
from core.ports import Claims
from storage.cluster import PostgresBell, PostgresClaims, advisory_key
from storage.migrations import upgrade
from tests.storage.postgres import MISSING, PrivateServer, fresh_database, postgres_binaries, private_server


@pytest.fixture(scope="module")
def url(postgres_server: str) -> Iterator[str]:
    """An empty database."""
    with fresh_database(postgres_server) as url:
        yield url


@pytest.fixture(scope="module")
def mortal() -> Iterator[PrivateServer]:
    """A server that may crash."""
    if postgres_binaries() is None:
        pytest.skip(MISSING)
    with private_server(durable=True) as server:
        yield server


@asynccontextmanager
async def open_claims(url: str, lease_s: float = 10.0) -> AsyncIterator[PostgresClaims]:
    """Claims that are connected."""
    claims = PostgresClaims(url, lease_s=lease_s)
    await claims.open()
    try:
        yield claims
    finally:
        await claims.close()


@asynccontextmanager
async def two(url: str) -> AsyncIterator[tuple[PostgresClaims, PostgresClaims]]:
    """The claims of two processes."""
    async with open_claims(url) as one, open_claims(url) as other:
        yield one, other


@asynccontextmanager
async def two_bells(url: str) -> AsyncIterator[tuple[PostgresBell, PostgresBell]]:
    """The bells of two processes, both of which hear."""
    async with AsyncExitStack() as stack:
        bells = PostgresBell(url), PostgresBell(url)
        for bell in bells:
            bell.open()
            stack.push_async_callback(bell.close)
            await bell.listening()
        yield bells


@contextmanager
def process_that_holds(url: str, *names: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that has taken these names."""
    command = [sys.executable, "-m", "tests.storage.holder", url, *names]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().split() == list(names)
            yield process
        finally:
            process.kill()


def cut_all(url: str) -> int:
    """End every other connection to the database, as a restart of the server does."""
    with psycopg.connect(url, autocommit=True) as connection:
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
    return len(ended)


def locks_held(url: str) -> int:
    """How many advisory locks there are in the database."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        ).fetchone()
    assert row is not None
    return int(row[0])


async def taken(claims: Claims, name: str) -> None:
    """Return when the claim could be had."""
    while not await claims.take(name):  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.02)


async def test_a_name_is_held_by_one_process_at_a_time(url: str) -> None:
    async with two(url) as (one, other):
        assert await one.take("a")
        assert not await other.take("a")
        assert await other.take("b")
        assert one.holds("a")
        assert not other.holds("a")
        await one.give_back("a")
        assert not one.holds("a")
        assert await other.take("a")


async def test_a_name_is_held_by_one_task_of_a_process_at_a_time(url: str) -> None:
    async with open_claims(url) as claims:
        assert sorted(await asyncio.gather(*(claims.take("a") for _ in range(10)))) == [False] * 9 + [True]
        await claims.give_back("a")
        assert locks_held(url) == 0


async def test_giving_back_what_is_not_held_does_no_harm(url: str) -> None:
    async with two(url) as (one, other):
        assert await one.take("a")
        await other.give_back("a")
        assert one.holds("a")
        assert not await other.take("a")


async def test_closing_gives_everything_back(url: str) -> None:
    async with open_claims(url) as one:
        async with open_claims(url) as other:
            assert await other.take("a")
        assert not other.holds("a")
        await taken(one, "a")


async def test_who_asks_and_goes_leaves_nothing_behind(url: str) -> None:
    async with two(url) as (one, other):
        for _ in range(20):
            asking = asyncio.create_task(one.take("a"))
            await asyncio.sleep(0)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        assert await one.take("b")  # comes after all these
        await taken(other, "a")
        assert not one.holds("a")


async def test_a_cut_connection_loses_all_and_the_next_claim_connects_again(url: str) -> None:
    async with two(url) as (one, other):
        assert await one.take("a")
        assert await one.take("b")
        assert cut_all(url) >= 2
        await one.lost()
        assert not one.holds("a")
        await other.lost()
        assert await other.take("a")

        # Its old holder here has not yet let go: nobody else here may have it, and giving it back frees nothing.
        assert not await one.take("b")
        await one.give_back("b")
        assert await one.take("b")
        await one.give_back("a")
        assert not await one.take("a")
        assert other.holds("a")


async def test_who_held_a_claim_holds_nothing_while_the_server_is_away_and_one_gets_it_afterwards(
    mortal: PrivateServer,
) -> None:
    async with two(mortal.url) as (one, other):
        assert await one.take("a")
        assert await other.take("b")
        await asyncio.to_thread(mortal.crash)
        try:
            await one.lost()
            await other.lost()
            assert not one.holds("a")
            assert not other.holds("b")
            for name in ("a", "c"):
                with pytest.raises(TemporaryError):
                    await other.take(name)
        finally:
            await asyncio.to_thread(mortal.start)

        assert not await one.take("a")  # whoever had it here has not yet let go
        await one.give_back("a")
        assert locks_held(mortal.url) == 0
        got = list(await asyncio.gather(one.take("a"), other.take("a")))
        assert sorted(got) == [False, True]
        assert [one.holds("a"), other.holds("a")] == got
        assert locks_held(mortal.url) == 1


async def test_a_claim_ends_with_a_process_that_is_killed(url: str) -> None:
    async with open_claims(url) as claims:
        with process_that_holds(url, "a", "b") as process:
            assert not await claims.take("a")
            process.send_signal(signal.SIGKILL)
            await taken(claims, "a")
            await taken(claims, "b")


async def test_a_process_that_hangs_for_long_holds_nothing_any_more(url: str) -> None:
    async with open_claims(url, lease_s=0.2) as one, open_claims(url) as other:
        assert await one.take("a")
        with psycopg.connect(url, autocommit=True) as blocking:  # hangs our loop until the server has dropped us
            while locks_held(url):
                blocking.execute("SELECT pg_sleep(0.02)")
        assert not one.holds("a")
        assert await other.take("a")
        await one.lost()


async def test_an_idle_connection_is_kept(url: str) -> None:
    async with open_claims(url, lease_s=0.2) as claims:
        assert await claims.take("a")
        for _ in range(10):
            await asyncio.sleep(0.1)
            assert claims.holds("a")


async def test_a_database_that_is_away_is_told(url: str) -> None:
    with pytest.raises(TemporaryError, match="does not answer"):
        await PostgresClaims("postgresql://nobody@127.0.0.1:9/none").open()


async def test_claims_stay_clear_of_the_other_locks_and_of_each_other(url: str) -> None:
    keys = {advisory_key(f"generation:{number}") for number in range(20_000)}
    assert len(keys) == 20_000
    assert advisory_key("generation:1") == advisory_key("generation:1")

    async with two(url) as (one, other):
        assert await one.take("a")
        await upgrade(url)  # takes a lock of its own
        assert not await other.take("a")


async def test_a_rung_name_is_heard_by_the_others(url: str) -> None:
    async with two_bells(url) as (one, other):
        heard: asyncio.Queue[str] = asyncio.Queue()
        echo: list[str] = []
        other.listen(heard.put_nowait)
        one.listen(echo.append)
        for name in ("generation:1", 'it\'s "quoted"', "generation:1"):
            one.ring(name)
            assert await heard.get() == name
        other.ring("back")
        while not echo:  # noqa: ASYNC110 - another connection
            await asyncio.sleep(0.01)
        assert echo == ["back"]  # and nothing of its own


async def test_a_bell_that_was_cut_off_is_heard_again(url: str) -> None:
    async with two_bells(url) as (one, other):
        heard: list[str] = []
        other.listen(heard.append)
        assert cut_all(url) >= 2
        while not heard:
            one.ring("again")
            await asyncio.sleep(0.05)
        assert set(heard) == {"again"}


async def test_a_bell_is_heard_again_after_the_server_was_away(mortal: PrivateServer) -> None:
    async with two_bells(mortal.url) as (one, other):
        heard: list[str] = []
        other.listen(heard.append)
        await asyncio.to_thread(mortal.crash)
        try:
            for number in range(5):
                one.ring(f"unheard {number}")  # never fails
        finally:
            await asyncio.to_thread(mortal.start)
        while "again" not in heard:
            one.ring("again")
            await asyncio.sleep(0.05)


async def test_what_was_rung_last_is_still_said(url: str) -> None:
    async with two_bells(url) as (one, other):
        heard: asyncio.Queue[str] = asyncio.Queue()
        other.listen(heard.put_nowait)
        one.ring("goodbye")
        await one.close()
        assert await heard.get() == "goodbye"


async def test_one_listener_that_fails_does_not_silence_the_others(url: str) -> None:
    async with two_bells(url) as (one, other):
        heard: asyncio.Queue[str] = asyncio.Queue()

        def fail(name: str) -> None:
            raise RuntimeError(name)

        other.listen(fail)
        other.listen(heard.put_nowait)
        one.ring("a")
        assert await heard.get() == "a"
