"""What the benchmarks read from SQLite and from the system is what it says it is."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.benchmarks.commits import transactions
from tests.benchmarks.usage import cpu_s, forget_peak, memory_mb


def test_transactions_of_all_connections_are_counted_and_only_those_that_write(tmp_path: Path) -> None:
    path = tmp_path / "rows.db"
    index = tmp_path / "rows.db-shm"
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as one,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        one.execute("PRAGMA journal_mode=WAL")
        one.execute("CREATE TABLE rows (number INTEGER)")
        before = transactions(index)
        for connection in (one, other, one):
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO rows VALUES (1)")
            connection.execute("INSERT INTO rows VALUES (2)")
            connection.execute("COMMIT")
        for end in ("COMMIT", "ROLLBACK"):  # nothing written, and nothing kept
            other.execute("BEGIN IMMEDIATE")
            if end == "ROLLBACK":
                other.execute("INSERT INTO rows VALUES (3)")
            other.execute(end)
        one.execute("SELECT * FROM rows").fetchall()
        assert transactions(index) - before == 3
        one.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        one.execute("INSERT INTO rows VALUES (4)")
        assert transactions(index) - before == 4


def test_the_peak_of_memory_begins_anew() -> None:
    held = bytearray(os.urandom(1) * (64 << 20))
    del held
    before = memory_mb(os.getpid(), "VmHWM")
    forget_peak(os.getpid())
    assert memory_mb(os.getpid(), "VmHWM") < before - 32
    held = bytearray(os.urandom(1) * (64 << 20))
    assert memory_mb(os.getpid(), "VmHWM") > memory_mb(os.getpid()) - 1 > 64
    assert len(held) == 64 << 20


def test_the_processor_time_is_ours() -> None:
    began = cpu_s(os.getpid())
    while cpu_s(os.getpid()) < began + 0.05:
        sum(range(10_000))
    assert abs(cpu_s(os.getpid()) - sum(os.times()[:4])) < 0.5
