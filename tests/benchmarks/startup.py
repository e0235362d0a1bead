"""How long the program takes to be there: `reelbot --help`, and `reelbot chat` until it can be typed into.

Both are whole processes, from before they are made until they end or show the prompt, with byte code compiled already,
as it is from the second start on. `python -c pass` is what no Python program can be quicker than. Needs a
pseudo-terminal.

A prompt alone proves little, so something is typed the moment it is there, and the answer's time is told beside it:
nobody can have typed sooner, and most of that time a person spends thinking.
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
"""How long a prompt and an answer may take to come, in seconds."""
WISH, ANSWER = b"make me a video of a red fox in the snow\r", b"Which look"
"""What is typed, and how the answer begins."""

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
            value=first[0],
            unit="s",
            target=1.0,
            seen=f"first start in an empty folder {first[0]:.2f} s, the next one there {later[0]:.2f} s; what is typed "
            f"at once is answered {first[1]:.2f} and {later[1]:.2f} s after the start",
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


def _chats(folder: Path) -> tuple[tuple[float, float], tuple[float, float]]:
    """Seconds to the prompt and to the answer for somebody who has never been here, and for somebody who has."""
    first, later = list[tuple[float, float]](), list[tuple[float, float]]()
    for number in range(CHATS + 1):
        home = folder / f"home{number}"
        home.mkdir()
        seconds = (_chat(home), _chat(home))
        if number:
            first.append(seconds[0])
            later.append(seconds[1])
    return _medians(first), _medians(later)


def _medians(seconds: list[tuple[float, float]]) -> tuple[float, float]:
    return median([prompt for prompt, _ in seconds]), median([answer for _, answer in seconds])


def _chat(home: Path) -> tuple[float, float]:
    """Start a chat at a terminal, and type as soon as there is a prompt; returns the seconds from the start until the
    prompt and until the answer are drawn. Raises RuntimeError when either does not come."""
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

        def drawn(mark: bytes) -> float:
            seen = b""
            while mark not in seen:
                left = began + LONGEST_S - time.perf_counter()
                if left <= 0 or program.poll() is not None:
                    raise RuntimeError(f"It was not drawn: {mark.decode()!r}, but {seen.decode(errors='replace')}")
                if select.select([master], [], [], min(left, 0.5))[0]:
                    seen += os.read(master, 65_536)
            return time.perf_counter() - began

        prompt = drawn(_MARK)
        os.write(master, WISH)
        answer = drawn(ANSWER)
        os.write(master, b"/quit\r")  # so that nothing is left for the next start to say again
        program.wait(LONGEST_S)
        return prompt, answer
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
