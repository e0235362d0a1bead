"""The outside world for a program under test: Telegram and Google as emulators, and the settings that lead to them."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.emulators.brain import brain
from tests.emulators.google import GoogleEmulator
from tests.emulators.telegram import TelegramEmulator

Provider = Literal["omni", "veo", "veo-inline", "animatic"]
Transport = Literal["polling", "webhook"]

SECRET = "webhook-secret_1"


@dataclass
class World:
    """Both emulators and a folder for one installation."""

    telegram: TelegramEmulator
    google: GoogleEmulator
    folder: Path
    environment: dict[str, str]
    """Settings of the program, by variable."""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def settings_for(
    telegram: TelegramEmulator,
    google: GoogleEmulator,
    folder: Path,
    *,
    provider: Provider,
    transport: Transport,
) -> dict[str, str]:
    """Settings that lead a program to the emulators."""
    port = free_port()
    environment = {
        "TELEGRAM_BOT_TOKEN": telegram.token,
        "TELEGRAM_API_URL": telegram.url,
        "DATA_DIR": str(folder / "data"),
        "HTTP_HOST": "127.0.0.1",
        "HTTP_PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "VIDEO_POLL_MIN_S": "0.02",
        "VIDEO_POLL_MAX_S": "0.05",
        "SWEEP_S": "0.1",
        "PROGRESS_EDIT_S": "0.1",
        "DIALOGUE_TIMEOUT_S": "2",
        "ALBUM_WAIT_S": "0.1",
        "TELEGRAM_CHAT_BURST": "100",
        "LOG_FORMAT": "json",
        "LOOPBACK_ONLY": "true",
    }
    if transport == "webhook":
        environment["TELEGRAM_WEBHOOK_URL"] = f"http://127.0.0.1:{port}/telegram/webhook"
        environment["TELEGRAM_WEBHOOK_SECRET"] = SECRET
    if provider != "animatic":
        environment["GEMINI_API_KEY"] = google.api_key
        environment["GOOGLE_GEMINI_BASE_URL"] = google.url
    if provider.startswith("veo"):
        environment["GOOGLE_CLOUD_PROJECT"] = google.project
        environment["GOOGLE_CLOUD_LOCATION"] = google.location
        environment["GOOGLE_APPLICATION_CREDENTIALS"] = str(google.service_account_file(folder))
        environment["GOOGLE_VERTEX_BASE_URL"] = google.url
        environment["STORAGE_EMULATOR_HOST"] = google.url
    if provider == "veo":
        environment["VEO_OUTPUT_URI"] = "gs://clips/reelbot"
    return environment


@asynccontextmanager
async def world(folder: Path, *, provider: Provider = "omni", transport: Transport = "polling") -> AsyncIterator[World]:
    """The emulators, and settings that lead to them."""
    async with TelegramEmulator(token="123456:TEST") as telegram, GoogleEmulator() as google:
        google.brain = brain
        environment = settings_for(telegram, google, folder, provider=provider, transport=transport)
        yield World(telegram=telegram, google=google, folder=folder, environment=environment)
