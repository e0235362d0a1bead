"""How long the program takes to be there: `reelbot --help`, and `reelbot chat` until it can be typed into.

Both are whole processes, from before they are made until they end or show the prompt, with byte code compiled already,
as it is from the second start on. `python -c pass` is what no Python program can be quicker than. Needs a
pseudo-terminal.
"""

from __future__ import annotations

import asyncio
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

from adapters.terminal.keyboard import PROMPT
from tests.benchmarks.figures import Figure, median
from tests.program.running import ROOT

HELPS = 11
CHATS = 5
LONGEST_S = 30.0
"""How long a prompt may take to come, in seconds."""

PROGRAM = (sys.executable, "-P", "-m", "bot")
"""What `reelbot` runs."""
BARE = (sys.executable, "-c", "pass")


async def measure(folder: Path) -> list[Figure]:
    """Both figures; `folder` takes the chats' data."""
    return await asyncio.to_thread(_measured, folder)


def _measured(folder: Path) -> list[Figure]:
    helping, bare = _help(folder)
    ratio = helping / bare
    first, later = _chats(folder)
    return [
        Figure(
            name="reelbot --help",
            value=ratio,
            unit="×",
            target=8.0,
            seen=f"ours {helping * 1000:.0f} ms, python -c pass {bare * 1000:.0f} ms",
        ),
        Figure(
            name="reelbot chat to first prompt",
            value=first,
            unit="s",
            target=1.0,
            seen=f"first start in an empty folder {first:.2f} s, the next one there {later:.2f} s",
        ),
    ]


def _help(folder: Path) -> tuple[float, float]:
    """Seconds that the help takes, and bare Python, in turns so that a busy moment meets both."""
    ours, bare = list[float](), list[float]()
    for number in range(HELPS + 1):
        seconds = (_run((*PROGRAM, "--help"), folder), _run(BARE, folder))
        if number:  # the first brings byte code and pages into memory
            ours.append(seconds[0])
            bare.append(seconds[1])
    return median(ours), median(bare)


def _run(command: tuple[str, ...], folder: Path) -> float:
    began = time.perf_counter()
    subprocess.run(
        command, cwd=folder, env=_environment(folder), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True
    )
    return time.perf_counter() - began


def _chats(folder: Path) -> tuple[float, float]:
    """Seconds to the prompt for somebody who has never been here, and for somebody who has."""
    first, later = list[float](), list[float]()
    for number in range(CHATS + 1):
        home = folder / f"home{number}"
        home.mkdir()
        seconds = (_to_prompt(home), _to_prompt(home))
        if number:
            first.append(seconds[0])
            later.append(seconds[1])
    return median(first), median(later)


def _to_prompt(home: Path) -> float:
    """Start a chat at a terminal; returns the seconds until its prompt is drawn. Raises RuntimeError without one."""
    master, slave = pty.openpty()
    began = time.perf_counter()
    program = subprocess.Popen(
        (*PROGRAM, "chat"),
        cwd=home,
        env=_environment(home),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    try:
        drawn = b""
        while _MARK not in drawn:
            left = began + LONGEST_S - time.perf_counter()
            if left <= 0 or program.poll() is not None:
                raise RuntimeError(f"There was no prompt: {drawn.decode(errors='replace')}")
            if select.select([master], [], [], min(left, 0.5))[0]:
                drawn += os.read(master, 65_536)
        return time.perf_counter() - began
    finally:
        program.kill()
        program.wait()
        os.close(slave)
        os.close(master)


_MARK = PROMPT.strip().encode()


def _environment(home: Path) -> dict[str, str]:
    """Nobody's settings but these."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "PYTHONPATH": str(ROOT),
        "DATA_DIR": str(home / "data"),
    }
