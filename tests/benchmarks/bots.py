"""The bots that are measured, each a process of its own: `reelbot run`, and the echo bots it is held against.

Linux only: what a process has cost is read from /proc.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from tests.emulators.google import GoogleEmulator
from tests.emulators.slack import SlackEmulator
from tests.emulators.telegram import TelegramEmulator
from tests.program.running import ROOT, Process, ready
from tests.program.services import SECRET, Outside, free_port

Stock = Literal["telegram_echo", "slack_echo"]

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Seconds of processor time that a process and its ended children have taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15]) / _TICKS


def telegram_settings(telegram: TelegramEmulator) -> dict[str, str]:
    """What a bot needs to know of Telegram."""
    return {"TELEGRAM_BOT_TOKEN": telegram.token, "TELEGRAM_API_URL": telegram.url}


def slack_settings(slack: SlackEmulator) -> dict[str, str]:
    """What an app needs to know of Slack, over Socket Mode."""
    return {"SLACK_BOT_TOKEN": slack.token, "SLACK_APP_TOKEN": slack.app_token, "SLACK_API_URL": slack.url}


@asynccontextmanager
async def reelbot(google: GoogleEmulator, folder: Path, settings: Mapping[str, str]) -> AsyncIterator[int]:
    """The program, ready to serve; its process id. SQLite in `folder`; Telegram over a webhook, Slack over Socket Mode;
    every setting that is not given has its default."""
    folder.mkdir(parents=True, exist_ok=True)
    url = f"http://127.0.0.1:{(port := free_port())}"
    environment = {
        "DATA_DIR": str(folder),
        "HTTP_PORT": str(port),
        "PUBLIC_URL": url,
        "GEMINI_API_KEY": google.api_key,
        "GOOGLE_GEMINI_BASE_URL": google.url,
        "LOG_FORMAT": "json",
        "LOOPBACK_ONLY": "true",
        **settings,
    }
    if "TELEGRAM_BOT_TOKEN" in settings:
        environment |= {"TELEGRAM_WEBHOOK_URL": f"{url}/telegram/webhook", "TELEGRAM_WEBHOOK_SECRET": SECRET}
    outside = Outside(google=google, folder=folder, environment=environment)
    program = Process(outside)
    try:
        await program.start()
        await ready(outside)
        yield program.pid
    finally:
        await program.stop()


@asynccontextmanager
async def stock(name: Stock, settings: Mapping[str, str]) -> AsyncIterator[int]:
    """One of the echo bots; its process id. What is said before it listens reaches it a little later."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"tests.benchmarks.baselines.{name}",
        cwd=ROOT,
        env={**os.environ, "HTTP_PORT": str(free_port()), **settings},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process.pid
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
