"""Workers in processes of their own.

Each notes in the database what it produces, and goes on producing it until the database says that it may end.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress

import psycopg

from tests.adapters.engine.cluster import running


async def work(url: str, lease_s: float) -> None:
    """Work, and rescue what others left, until killed."""
    notes = await psycopg.AsyncConnection.connect(url, autocommit=True)

    async def produce(generation: int) -> None:
        noting = "INSERT INTO runs (generation, process) VALUES (%s, %s) RETURNING id"
        cursor = await notes.execute(noting, (generation, os.getpid()))
        (run,) = await cursor.fetchone() or (0,)
        while not await _released(notes, generation):  # noqa: ASYNC110 - a database
            await asyncio.sleep(0.05)
        await notes.execute("UPDATE runs SET ended = true WHERE id = %s", (run,))

    async with running(url, produce, lease_s=lease_s) as engine:
        while True:
            await engine.rescue()
            await asyncio.sleep(0.1)


async def _released(notes: psycopg.AsyncConnection[tuple[object, ...]], generation: int) -> bool:
    cursor = await notes.execute("SELECT count(*) > 0 FROM released WHERE generation = %s", (generation,))
    row = await cursor.fetchone()
    return bool(row and row[0])


def fork_workers() -> None:
    """Start a worker for each line `URL LEASE` that comes in, and answer with the number of its process. Importing
    takes longer than most of what is tried here, and is done once. At the end of the input all of them are killed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    started = []
    for line in sys.stdin:
        url, lease_s = line.split()
        process = os.fork()
        if process == 0:
            asyncio.run(work(url, float(lease_s)))
        started.append(process)
        print(process, flush=True)
    for process in started:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


if __name__ == "__main__":
    fork_workers()
