"""A SQLite file with tables for each test: made once in a process and copied, which is much quicker than migrating."""

from __future__ import annotations

import asyncio
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from storage.migrations import upgrade


def fresh_file(folder: Path) -> str:
    """The address of a database with empty tables, `reelbot.db` in `folder`; what is there already stays."""
    path = folder / "reelbot.db"
    if not path.exists():
        path.write_bytes(_with_tables())
    return f"sqlite:///{path}"


@cache
def _with_tables() -> bytes:
    with tempfile.TemporaryDirectory(prefix="reelbot-") as folder, ThreadPoolExecutor(1) as aside:
        path = Path(folder) / "reelbot.db"
        # As the program makes it, in a thread as the caller may be inside an event loop.
        aside.submit(asyncio.run, upgrade(f"sqlite:///{path}")).result()
        return path.read_bytes()
