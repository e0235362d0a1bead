"""The program under test: inside this process, or as a process of its own that can be killed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from bot.build import App, build
from bot.settings_loading import load_settings
from core.ports import Clock
from tests.program.services import Outside

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ("-m", "bot", "run")
START_TIMEOUT_S = 30.0


@asynccontextmanager
async def running(world: Outside, *, clock: Clock | None = None, **changes: str) -> AsyncIterator[App]:
    """The program, inside this process."""
    settings = load_settings(env_file=None, **{**world.environment, **changes})
    async with build(settings, clock=clock) as app:
        task = asyncio.create_task(app.run())
        try:
            yield app
        finally:
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error


async def ready(world: Outside, *, within_s: float = 30.0) -> None:
    """Return when the program says that it can serve: what a platform does not repeat would be lost before."""
    url = f"{world.environment['PUBLIC_URL']}/readyz"
    async with aiohttp.ClientSession() as session, asyncio.timeout(within_s):
        while True:
            with contextlib.suppress(aiohttp.ClientConnectionError):
                async with session.get(url) as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.02)


class Process:
    """`reelbot run` as a process."""

    def __init__(self, world: Outside, *, program: tuple[str, ...] = PROGRAM, **changes: str) -> None:
        self._program = program
        self._environment = {**_clean(os.environ), **world.environment, **changes}
        self._folder = world.folder
        self._process: asyncio.subprocess.Process | None = None
        self.lines: list[str] = []
        self._reader: asyncio.Task[None] | None = None
        self._started = asyncio.Event()

    async def start(self) -> None:
        """Start it, and return when it listens."""
        self._started.clear()
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *self._program,
            cwd=ROOT,
            env=self._environment,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        self._reader = asyncio.create_task(self._read())
        started = asyncio.create_task(self._started.wait())
        ended = asyncio.create_task(self._process.wait())
        await asyncio.wait({started, ended}, timeout=START_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
        started.cancel()
        ended.cancel()

    @property
    def pid(self) -> int:
        """Of the process that was started last."""
        assert self._process is not None
        return self._process.pid

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            text = line.decode(errors="replace").rstrip()
            self.lines.append(text)
            if event_of(text).get("event") == "app.started":
                self._started.set()

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def ended(self) -> int:
        """Return the exit status when it has ended."""
        assert self._process is not None
        status = await self._process.wait()
        if self._reader is not None:
            await self._reader
        return status

    async def stop(self) -> int:
        """Ask it to stop, and return its exit status."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.terminate()
        return await self.ended()


def event_of(line: str) -> dict[str, Any]:
    """A line of the log, taken apart; empty for anything else."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _clean(environment: Any) -> dict[str, str]:
    """The environment without settings of whoever runs the tests."""
    ours = (
        "TELEGRAM_",
        "SLACK_",
        "GEMINI_",
        "GOOGLE_",
        "VEO_",
        "VIDEO_",
        "DATABASE_",
        "MEDIA_",
        "HTTP_",
        "PUBLIC_",
        "LOG_",
    )
    return {name: value for name, value in environment.items() if not name.startswith(ours)}


@asynccontextmanager
async def process(world: Outside, **changes: str) -> AsyncIterator[Process]:
    """The program as a process; killed at the end if it still runs."""
    program = Process(world, program=PROGRAM, **changes)
    try:
        yield program
    finally:
        program.kill()
        await program.ended()
