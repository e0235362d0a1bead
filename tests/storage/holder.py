"""A process that takes claims and keeps them until it is killed: `python -m tests.storage.holder URL NAME...`."""

from __future__ import annotations

import asyncio
import sys

from storage.cluster import PostgresClaims


async def hold(url: str, names: list[str]) -> None:
    """Take them all, say so, and stay."""
    claims = PostgresClaims(url)
    await claims.open()
    taken = [name for name in names if await claims.take(name)]
    print(*taken, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(hold(sys.argv[1], sys.argv[2:]))
