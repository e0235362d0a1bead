"""The program as a process of its own, forked from one that has imported everything already.

Importing takes two seconds of a core, and every case here starts the program twice. What runs is the real command
line with an environment of its own; only its imports are shared. `tests.program.running.Process`, which starts a new
interpreter, is the same to a test. `command` is for commands that end by themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.program.running import ROOT, START_TIMEOUT_S, event_of
from tests.program.services import Outside

IMPORTED = [
    *("bot.build", "bot.cli", "bot.logs", "bot.server", "bot.stopping", "storage.migrations", "tests.faults.launcher"),
    *("adapters.telegram", "adapters.slack", "adapters.gemini", "adapters.omni", "adapters.veo", "adapters.animatic"),
    # What a chat, a first start, a storyboard and a clip load when they come.
    *("bot.chatting", "storage.migrations.applying", "adapters.animatic.render", "adapters.pyav.renditions"),
    # What the libraries import late.
    *("anyio._backends._asyncio", "apscheduler.executors.asyncio", "google.auth.aio.credentials"),
    *("adapters.engine.distributed", "storage.cluster", "bot.money", "storage.reports"),
    *("google.genai._gaos.google_genai", "httpcore", "uvicorn.lifespan.off", "uvicorn.protocols.http.h11_impl"),
    # Where a fork begins: what this module imports would otherwise be imported by each of them.
    "tests.faults.forked",
]
FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(IMPORTED)


class Forked:
    """`reelbot run`, or with settings of `launcher`'s what that makes of it; or another command."""

    def __init__(self, world: Outside, arguments: tuple[str, ...] = ("run",), /, **changes: str) -> None:
        ours = {name: os.environ[name] for name in ("HOME", "LANG", "PATH", "TMPDIR") if name in os.environ}
        self._environment = {**ours, **world.environment, **changes}
        self._folder = world.folder
        self._arguments = arguments
        self._process: ForkServerProcess | None = None
        self._over = asyncio.Event()
        self._started = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None
        self.lines: list[str] = []

    async def start(self) -> None:
        """Start it, and return when it listens or has ended."""
        output, written = FORKING.Pipe(duplex=False)
        process = FORKING.Process(
            target=_run, args=(written, self._environment, self._folder, self._arguments), daemon=True
        )
        await asyncio.to_thread(_imported)
        await asyncio.to_thread(process.start)
        written.close()
        self._process = process
        loop = asyncio.get_running_loop()
        loop.add_reader(process.sentinel, self._ended)
        self._reader = asyncio.create_task(self._read(output))
        waits = {asyncio.create_task(self._started.wait()), asyncio.create_task(self._over.wait())}
        await asyncio.wait(waits, timeout=START_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None and not self._over.is_set():
            self._process.kill()

    @property
    def pid(self) -> int:
        """The process's number; 0 when it does not run."""
        running = self._process is not None and not self._over.is_set()
        return (self._process.pid or 0) if running and self._process is not None else 0

    async def ended(self) -> int:
        """Return the exit status when it has ended."""
        assert self._process is not None
        assert self._reader is not None
        await self._over.wait()
        await self._reader
        assert self._process.exitcode is not None
        return self._process.exitcode

    async def stop(self) -> int:
        """Ask it to stop, and return its exit status."""
        assert self._process is not None
        if not self._over.is_set():
            self._process.terminate()
        return await self.ended()

    def _ended(self) -> None:
        assert self._process is not None
        asyncio.get_running_loop().remove_reader(self._process.sentinel)
        self._process.join()
        self._over.set()

    async def _read(self, output: Connection) -> None:
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        file = os.fdopen(os.dup(output.fileno()), "rb")
        output.close()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), file)
        async for line in reader:
            text = line.decode(errors="replace").rstrip()
            self.lines.append(text)
            if event_of(text).get("event") == "app.started":
                self._started.set()
        transport.close()


def command(
    *arguments: str, folder: Path, environment: Mapping[str, str], timeout_s: float = 20.0
) -> subprocess.CompletedProcess[str]:
    """Run `reelbot` with these arguments in `folder` until it ends, with nothing to read. Raises TimeoutExpired."""
    with tempfile.TemporaryDirectory(prefix="reelbot-") as kept:
        said = Path(kept, "stdout"), Path(kept, "stderr")
        process = FORKING.Process(target=_run_into, args=(said, dict(environment), folder, arguments), daemon=True)
        _imported()
        process.start()
        process.join(timeout_s)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(arguments, timeout_s)
        stdout, stderr = (path.read_text("utf-8") for path in said)
        return subprocess.CompletedProcess(arguments, process.exitcode, stdout, stderr)


@cache
def _imported() -> None:
    """Start the process that is forked, which finds what it imports in the folder where it is started."""
    with contextlib.chdir(ROOT):
        forkserver.ensure_running()


def _run_into(said: tuple[Path, Path], environment: dict[str, str], folder: Path, arguments: tuple[str, ...]) -> None:
    """In the new process, which says what it says into two files."""
    for stream, path in zip((sys.stdout, sys.stderr), said, strict=True):
        with path.open("wb") as file:
            os.dup2(file.fileno(), stream.fileno())
    _run_here(environment, folder, arguments)


def _run(output: Connection, environment: dict[str, str], folder: Path, arguments: tuple[str, ...]) -> None:
    """In the new process."""
    for stream in (sys.stdout, sys.stderr):
        os.dup2(output.fileno(), stream.fileno())
    output.close()
    _run_here(environment, folder, arguments)


def _run_here(environment: dict[str, str], folder: Path, arguments: tuple[str, ...]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["reelbot", *arguments]
    if not {"FAULT_AT", "FAULT_FILE", "CLOCK_AHEAD_S"}.isdisjoint(environment):
        from tests.faults.launcher import main as run
    else:
        from bot.cli import main as run
    run()
