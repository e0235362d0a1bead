"""The short form of `make chaos`: the whole program in bad weather, for a few videos."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest

from tests.program.running import ROOT

GENERATIONS = 8


@pytest.mark.timeout(300)
async def test_everybody_is_told_once_and_pays_for_what_they_got(tmp_path: Path) -> None:
    # In a process of its own, which can have a small disk of its own, and fill it.
    command = (sys.executable, "-m", "tests.faults.chaos", "--generations", str(GENERATIONS), "--seed", "7")
    chaos = await asyncio.create_subprocess_exec(
        *command,
        *("--log", str(tmp_path / "log")),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = (await chaos.communicate())[0].decode()
    assert chaos.returncode == 0, said
    # How many of the timed troubles (a store that is away, clocks) fit into so short a run depends on the machine.
    assert sum(map(int, re.findall(r"(\d+) of \d+ calls", said))) >= 10, said
    assert re.search(r"violations +0", said), said
    assert re.search(r"completed +[1-9]", said), said
    assert int(re.findall(r"(\d+) generations in", said)[0]) >= GENERATIONS - 1, said
