"""One worker for each SQLite file, also when the other one is another process that dies."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import PermanentError
from storage import lease
from storage.lease import WorkerLease

HOLD = """
import sys
from pathlib import Path
from storage.lease import WorkerLease
WorkerLease.take(kept := WorkerLease(Path(sys.argv[1])))
print("working", flush=True)
sys.stdin.read()
"""


def test_a_second_worker_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "data" / "reelbot.db"
    root = Path(lease.__file__).parent.parent
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"working\n"
        with pytest.raises(PermanentError, match=rf"already working on this database \(process {other.pid}\)"):
            WorkerLease(path).take()
        other.kill()
    with WorkerLease(path), pytest.raises(PermanentError, match="Stop it first"):
        WorkerLease(path).take()
    with WorkerLease(path):
        pass


def test_giving_back_twice_does_no_harm(tmp_path: Path) -> None:
    held = WorkerLease(tmp_path / "reelbot.db")
    held.take()
    held.give_back()
    held.give_back()
