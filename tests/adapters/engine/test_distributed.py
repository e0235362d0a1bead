"""Several workers over one PostgreSQL: who takes what over from whom, and that never two are at work on one thing."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial

import psycopg
import pytest
from procrastinate import App, PsycopgConnector
from procrastinate.jobs import Status

from adapters.engine.jobs import Jobs
from adapters.engine.schema import conninfo, prepare
from core.errors import TemporaryError
from storage.cluster import PostgresClaims
from storage.migrations import upgrade
from tests.adapters.engine.cluster import (
    QUICK,
    Run,
    Studio,
    book,
    handed_back,
    jobs,
    last_heartbeat,
    make_book,
    running,
    workers,
)
from tests.storage.postgres import MISSING, fresh_database, postgres_binaries, private_server
from tests.storage.test_cluster import cut_all, locks_held


@pytest.fixture
def url(postgres_server: str) -> Iterator[str]:
    """An empty database."""
    with fresh_database(postgres_server) as url:
        yield url


@pytest.fixture(scope="module")
def forking() -> Iterator[subprocess.Popen[str]]:
    """A process that forks workers."""
    command = [sys.executable, "-m", "tests.adapters.engine.worker"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process


@asynccontextmanager
async def worker_process(forking: subprocess.Popen[str], url: str, lease_s: float = 10.0) -> AsyncIterator[int]:
    """The number of a process that works."""
    assert forking.stdin is not None
    assert forking.stdout is not None
    make_book(url)
    before = workers(url)
    print(url, lease_s, file=forking.stdin, flush=True)
    process = int(await asyncio.to_thread(forking.stdout.readline))
    await until(lambda: workers(url) > before)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


async def until(true: Callable[[], object]) -> None:
    """Return when something in the database makes it true."""
    while not true():  # noqa: ASYNC110 - other processes
        await asyncio.sleep(0.05)


def beats_after(url: str, moment: int) -> bool:
    """Whether a worker has said that it lives after that moment."""
    return last_heartbeat(url) > moment


def release(url: str, *generations: int) -> None:
    """Let worker processes end these."""
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO released SELECT unnest(%s::int[])", (list(generations),))


async def once_it_answers(ask: Callable[[], Awaitable[None]]) -> None:
    """Ask the database until it takes it."""
    while True:
        try:
            return await ask()
        except TemporaryError:
            await asyncio.sleep(0.05)


async def nothing(generation: int) -> None:
    """For engines that only start."""


async def test_fifty_are_shared_by_two_workers(url: str) -> None:
    one, other = Studio(), Studio()
    everything = list(range(1, 51))
    async with running(url, one.produce) as first, running(url, other.produce) as second:
        await one.release(*everything)
        await other.release(*everything)
        await asyncio.gather(*(engine.start(number) for number in everything for engine in (first, second)))
        for generation in everything:
            await first.settled(generation)
        assert set(one.ended) | set(other.ended) == set(everything)
        assert not one.cut
        assert not other.cut
        assert one.most == other.most == 1
        assert jobs(url) == 0


async def test_two_workers_are_never_at_work_on_one_at_once(url: str) -> None:
    studio = Studio()  # of both
    async with running(url, studio.produce) as first, running(url, studio.produce) as second:
        await first.start(7)
        await studio.until(lambda: studio.begun == [7])
        with psycopg.connect(url) as connection:  # as if its worker were thought dead
            connection.execute("UPDATE procrastinate_jobs SET status = 'todo', attempts = 1")
        await until(lambda: handed_back(url))
        await second.start(7)
        assert studio.begun == [7]
        await studio.release(7)
        await studio.until(lambda: 7 in studio.ended)
        await second.settled(7)
        assert studio.most == 1


async def test_a_gateway_starts_and_wakes_what_runs_elsewhere(url: str) -> None:
    studio = Studio()
    woken: asyncio.Queue[int] = asyncio.Queue()
    async with (
        running(url, nothing, works=False) as gateway,
        running(url, studio.produce, woken.put_nowait),
    ):
        await gateway.start(7)
        await studio.until(lambda: studio.begun == [7])
        await gateway.wake(7)
        assert await woken.get() == 7
        await studio.release(7)
        await gateway.settled(7)
        assert studio.ended == [7]


async def test_who_stops_hands_back_at_once(url: str) -> None:
    one, other = Studio(), Studio()
    everything = list(range(1, 11))
    async with running(url, one.produce) as first:
        for generation in everything:
            await first.start(generation)
        await one.until(lambda: len(one.begun) == len(everything))
        async with running(url, other.produce) as second:
            began = time.monotonic()
            await first.stop()
            assert sorted(one.cut) == everything
            await other.until(lambda: sorted(other.begun) == everything)  # nobody rescued anything
            print(f"taken over after {time.monotonic() - began:.2f} s")
            await other.release(*everything)
            for generation in everything:
                await second.settled(generation)
    assert sorted(other.ended) == everything


async def test_the_work_of_a_killed_worker_is_taken_over(url: str, forking: subprocess.Popen[str]) -> None:
    studio = Studio()
    everything = list(range(1, 21))
    async with running(url, nothing, works=False) as gateway, worker_process(forking, url) as process:
        for generation in everything:
            await gateway.start(generation)
        await until(lambda: len(book(url)) == len(everything))
        async with running(url, studio.produce) as other:
            os.kill(process, signal.SIGKILL)
            began = time.monotonic()
            async with asyncio.timeout(30):
                while len(studio.begun) < len(everything):
                    await other.rescue()
                    await asyncio.sleep(0.05)
            print(f"20 of a killed worker taken over after {time.monotonic() - began:.2f} s")
            await studio.release(*everything)
            for generation in everything:
                await gateway.settled(generation)
    assert sorted(studio.ended) == everything
    assert not any(run.ended for run in book(url))


async def test_a_stalled_worker_that_lives_keeps_its_work(url: str, forking: subprocess.Popen[str]) -> None:
    studio = Studio()
    async with running(url, nothing, works=False) as gateway, worker_process(forking, url) as process:
        await gateway.start(7)
        await until(lambda: book(url))
        async with running(url, studio.produce) as other:
            os.kill(process, signal.SIGSTOP)
            while not handed_back(url):  # to the other, which waits for the claim
                await other.rescue()
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.2)
            assert not studio.begun
            os.kill(process, signal.SIGCONT)
            await studio.release(7)
            release(url, 7)
            await gateway.settled(7)
    assert book(url)[0] == Run(generation=7, process=process, ended=True)
    assert studio.begun == studio.ended


async def test_a_worker_that_hangs_for_long_loses_its_work(url: str, forking: subprocess.Popen[str]) -> None:
    studio = Studio()
    async with running(url, nothing, works=False) as gateway, worker_process(forking, url, 1.0) as process:
        await gateway.start(7)
        await until(lambda: book(url))
        async with running(url, studio.produce) as other:
            os.kill(process, signal.SIGSTOP)
            while not studio.begun:
                await other.rescue()
                await gateway.start(7)  # as the clock's sweep does: who waited for the claim may have given up
                await asyncio.sleep(0.05)
            os.kill(process, signal.SIGCONT)
            release(url, 7)
            await studio.release(7)
            await gateway.settled(7)
    assert studio.ended == [7]
    assert book(url)[0] == Run(generation=7, process=process, ended=False)  # it was cut off, and did not end


async def test_work_goes_on_after_the_database_was_away(url: str) -> None:
    studio = Studio()
    everything = [1, 2, 3]
    async with running(url, studio.produce) as engine:
        for generation in everything:
            await engine.start(generation)
        await studio.until(lambda: len(studio.begun) == len(everything))
        assert cut_all(url) > 3
        await until(lambda: locks_held(url) >= len(everything))  # claimed anew: nothing is begun a second time
        await studio.release(*everything, 4)
        await until(lambda: not jobs(url))
        await engine.start(4)
        await engine.settled(4)
        assert sorted(studio.ended) == [*everything, 4]
        assert studio.most == 1


@pytest.mark.skipif(postgres_binaries() is None, reason=MISSING)
async def test_work_goes_on_after_the_server_crashed_and_came_back() -> None:
    studio = Studio()  # of both
    everything = [1, 2, 3, 4, 5, 6]
    with private_server(durable=True) as server, fresh_database(server.url) as url:
        async with running(url, studio.produce) as one, running(url, studio.produce) as other:
            for generation in everything:
                await one.start(generation)
            await studio.until(lambda: len(studio.begun) == len(everything))
            await asyncio.to_thread(server.crash)
            with pytest.raises(TemporaryError):
                await one.start(7)
            await asyncio.to_thread(server.start)
            await until(lambda: locks_held(url) >= len(everything))  # claimed anew by those who are at work on it
            await once_it_answers(one.rescue)
            await once_it_answers(other.rescue)
            await once_it_answers(lambda: other.start(7))
            await studio.until(lambda: 7 in studio.begun)
            await studio.release(*everything, 7)
            await until(lambda: not jobs(url))
            assert studio.most == 1
            assert not studio.cut
            # Perhaps again after its end, by who had the job handed over and waited: a row that is finished stays so.
            assert set(studio.ended) == {*everything, 7}


async def test_work_that_somebody_else_has_claimed_meanwhile_is_let_go(url: str) -> None:
    studio = Studio()
    async with running(url, studio.produce) as engine:
        await engine.start(7)
        await studio.until(lambda: studio.begun == [7])
        rival = PostgresClaims(url)
        while not await rival.take("generation:7"):
            cut_all(url)
            with suppress(TemporaryError):
                await rival.take("nothing")  # connects again
        await studio.until(lambda: studio.cut == [7])
        await rival.close()
        await studio.release(7)
        await until(lambda: not jobs(url))
        assert studio.most == 1


async def test_a_worker_that_was_struck_off_signs_in_again(url: str) -> None:
    studio = Studio()
    async with running(url, studio.produce) as engine:
        await engine.start(7)
        await studio.until(lambda: studio.begun == [7])
        with psycopg.connect(url) as connection:
            connection.execute("DELETE FROM procrastinate_workers")
        await until(lambda: workers(url) == 1)
        await engine.rescue()
        await studio.release(7, 8)
        await engine.start(8)
        await engine.settled(8)
        await engine.settled(7)
        assert studio.most == 1
        assert {7, 8} == set(studio.ended)


async def test_rescuing_leaves_the_living_alone(url: str) -> None:
    studio = Studio()
    patient = replace(QUICK, stalled_s=5.0)  # a busy machine may beat late
    async with (
        running(url, studio.produce, pace=patient) as one,
        running(url, nothing, works=False, pace=patient) as other,
    ):
        await one.start(7)
        await studio.until(lambda: studio.begun == [7])
        for _ in range(3):
            await until(partial(beats_after, url, last_heartbeat(url)))
            await asyncio.gather(one.rescue(), other.rescue())
        await studio.release(7)
        await one.settled(7)
        assert studio.begun == studio.ended == [7]


async def test_an_engine_that_has_stopped_says_so(url: str) -> None:
    async with running(url, nothing) as engine:
        await engine.stop()
        await engine.stop()
        with pytest.raises(TemporaryError, match="has stopped"):
            await engine.start(7)
        assert workers(url) == 0


async def test_the_tables_are_made_once_beside_ours(url: str) -> None:
    await upgrade(url)
    await asyncio.gather(*(prepare(conninfo(url)) for _ in range(4)))
    await upgrade(url)
    assert jobs(url) == 0
    with psycopg.connect(url) as connection:
        plan = connection.execute(
            "SELECT indexdef FROM pg_indexes WHERE indexname = 'reelbot_jobs_lock_idx'"
        ).fetchall()
    assert len(plan) == 1


async def test_a_database_that_is_away_is_told() -> None:
    with pytest.raises(TemporaryError, match="could not be made"):
        await prepare("postgresql://nobody@127.0.0.1:9/none")


async def test_a_job_that_somebody_else_has_by_now_is_theirs(url: str) -> None:
    await prepare(conninfo(url))
    async with App(connector=PsycopgConnector(conninfo=conninfo(url), min_size=1)).open_async() as app:
        slow, quick = (Jobs(app.connector, again_after_s=0.01) for _ in range(2))
        slow_worker, quick_worker = await slow.register_worker(), await quick.register_worker()
        await app.configure_task("produce", queue="generations", lock="v7").defer_async(generation=7)
        stale = await slow.fetch_job(None, slow_worker)
        assert stale is not None

        assert await quick.hand_back_stalled("generations", 60) == []
        assert await quick.hand_back_stalled("generations", 0) == [{"generation": 7}]
        assert await slow.hand_back_stalled("generations", 0) == []
        current = await quick.fetch_job(None, quick_worker)
        assert current is not None
        assert current.id == stale.id
        await slow.finish_job(stale, Status.SUCCEEDED, delete_job=True)
        await slow.retry_job(stale)
        assert await quick.fetch_job(None, quick_worker) is None
        assert await quick.busy("v7")
        await quick.finish_job(current, Status.SUCCEEDED, delete_job=True)
        assert not await quick.busy("v7")


async def test_a_job_whose_answer_was_lost_is_given_again(url: str) -> None:
    await prepare(conninfo(url))
    async with App(connector=PsycopgConnector(conninfo=conninfo(url), min_size=1)).open_async() as app:
        asking = Jobs(app.connector, again_after_s=0.01)
        worker = await asking.register_worker()
        for generation in (1, 2, 3):
            await app.configure_task("produce", lock=f"v{generation}").defer_async(generation=generation)
        kept = await asking.fetch_job(None, worker)
        lost = await app.job_manager.fetch_job(None, worker)  # behind its back
        assert kept is not None
        assert lost is not None
        assert await asking.fetch_job(None, worker + 1) is None  # refused by the database
        again = [await asking.fetch_job(None, worker), await asking.fetch_job(None, worker)]
        assert sorted(str(job.task_kwargs["generation"]) for job in again if job) == ["2", "3"]
        assert await asking.fetch_job(None, worker) is None
