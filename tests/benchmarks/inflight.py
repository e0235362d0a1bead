"""Many generations under way in one process: what each costs, with 10,000 of them against with 100.

Each count is a process of its own, `tests.benchmarks.inflight_worker`, which says what is counted: the processor time
of the same five seconds of everybody's life, with all looks, sweeps and status messages in them. Memory is what is
resident after that, beyond what a process with 100 holds. The few are measured several times, the many once.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from tests.benchmarks.figures import Figure, median
from tests.program.running import ROOT

FEW, MANY = 100, 10_000
RUNS = 5
"""With few; what takes a second is not measured well once."""
WITHIN_S = 600.0
LEAST_DONE = 0.9
"""Share of the looks and edits for one of the few that one of the many gets; with less it is not the same life."""
NOT_THE_SAME = 99.0
"""The figure when it is not."""


async def measure(folder: Path) -> list[Figure]:
    """Some minutes as it is: with many it is more than one processor can do in that time."""
    few = [await _lived(folder / f"few-{number}", FEW) for number in range(RUNS)]
    many = await _lived(folder / "many", MANY)
    each_few, each_many = median([one["cpu_s"] for one in few]) / FEW, many["cpu_s"] / MANY
    memory_few = median([one["memory_kb"] for one in few])
    made = f"{many['polls']} looks, {many['edits']} status messages, {sum(many['calls'].values())} calls of the store"
    done = min(many[what] / MANY / max(one[what] / FEW for one in few) for what in ("polls", "edits"))
    if done < LEAST_DONE:
        made += f"; it did not keep up: {done:.0%} of what is done for one of the few, put off {many['put_off']}"
    return [
        Figure(
            name="generations in flight: CPU per generation at 10,000",
            value=each_many / each_few if done >= LEAST_DONE else NOT_THE_SAME,
            unit="×",
            target=1.3,
            seen=f"{each_many * 1000:.2f} ms in 5 s of its life, at 100 {each_few * 1000:.2f} ms; {made}",
        ),
        Figure(
            name="memory per generation in flight",
            value=(many["memory_kb"] - memory_few) / (MANY - FEW),
            unit="kB",
            target=10.0,
            seen=f"{many['memory_kb'] / 1024:.0f} MB with 10,000, {memory_few / 1024:.0f} MB with 100",
        ),
    ]


async def _lived(folder: Path, count: int) -> dict[str, Any]:
    """What a process of its own has found."""
    folder.mkdir()
    command = (sys.executable, "-m", "tests.benchmarks.inflight_worker", str(count), str(folder))
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(WITHIN_S):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise RuntimeError(f"with {count} it ended with {process.returncode}; what it said is above")
    found: dict[str, Any] = json.loads(said)
    return found
