"""`python -m tests.benchmarks`: measures, prints the table, and writes it as JSON.

With `--check` it is the guard: three runs, the median of each figure, held against the committed table; it ends with 1
when one is more than a quarter worse.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from os import cpu_count
from pathlib import Path
from typing import Any

from tests.benchmarks.figures import Figure, median, table
from tests.benchmarks.registry import BENCHMARKS

COMMITTED = Path(__file__).with_name("committed.json")
NOISE = 0.25
"""How much worse a figure may be than the committed one, as a share of that."""
RUNS = 3
"""Of which a check takes the median."""
LONGEST_S = 900.0
"""How long one benchmark may take."""


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"one of {', '.join(BENCHMARKS)}; all without")
    parser.add_argument("--json", type=Path, help="write what was measured to this file")
    parser.add_argument("--markdown", action="store_true", help="print the table as README has it")
    parser.add_argument("--check", action="store_true", help="compare with the committed table")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps([figure.as_json() for figure in _measure(given.one)]))
        return
    names = given.names or list(BENCHMARKS)
    if unknown := [name for name in names if name not in BENCHMARKS]:
        parser.error(f"There is no benchmark {unknown[0]}. There are: {', '.join(BENCHMARKS)}.")
    runs = [_run(names) for _ in range(RUNS if given.check else 1)]
    figures = _middle(runs)
    print(table(figures, markdown=given.markdown))
    if given.json:
        given.json.write_text(json.dumps(_file(figures), indent=1, ensure_ascii=False) + "\n")
    if given.check:
        sys.exit(_compare(figures))


def _measure(name: str) -> list[Figure]:
    """In this process."""
    module = importlib.import_module(f"tests.benchmarks.{name}")
    with tempfile.TemporaryDirectory(prefix="reelbot-bench-", ignore_cleanup_errors=True) as folder:
        return asyncio.run(module.measure(Path(folder)))


def _run(names: Sequence[str]) -> list[Figure]:
    """Each in a process of its own, so that none inherits another's memory or warmth."""
    figures: list[Figure] = []
    for name in names:
        print(f"{name}: {BENCHMARKS[name]} …", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", "tests.benchmarks", "--one", name]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=LONGEST_S, check=False)
        if done.returncode != 0:
            sys.exit(f"The benchmark {name} failed; what it said is above.")
        figures += [Figure.of_json(one) for one in json.loads(done.stdout.splitlines()[-1])]
    return figures


def _middle(runs: Sequence[Sequence[Figure]]) -> list[Figure]:
    """Of each figure the run in the middle."""
    found: list[Figure] = []
    for same in zip(*runs, strict=True):
        wanted = median([figure.value for figure in same])
        found.append(min(same, key=lambda figure: abs(figure.value - wanted)))
    return found


def _compare(figures: Sequence[Figure]) -> int:
    """What is worse than the committed table allows; 1 when anything is."""
    if not COMMITTED.exists():
        print(f"There is no {COMMITTED.name} to compare with: write one with --json.")
        return 1
    committed = {one["name"]: Figure.of_json(one) for one in json.loads(COMMITTED.read_text())["figures"]}
    worse = 0
    for figure in figures:
        known = committed.get(figure.name)
        if known is None:
            print(f"new: {figure.name}")
        elif (share := figure.worse_than(known)) > NOISE:
            worse = 1
            print(f"WORSE by {share:.0%}: {figure.name}, {figure.value:.3g} {figure.unit} against {known.value:.3g}")
    print("Worse than the committed table." if worse else "No worse than the committed table.")
    return worse


def _file(figures: Sequence[Figure]) -> dict[str, Any]:
    return {
        "measured": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": f"{cpu_count()} processors, {platform.machine()}, Python {platform.python_version()}",
        "figures": [figure.as_json() for figure in figures],
    }


if __name__ == "__main__":
    main()
