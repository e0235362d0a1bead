"""The outside world for a program under test: a platform and Google as emulators, and the settings that lead there."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.emulators.brain import brain
from tests.emulators.google import GoogleEmulator
from tests.emulators.slack import SlackEmulator
from tests.emulators.telegram import TelegramEmulator

Provider = Literal["omni", "veo", "veo-inline", "animatic"]
Transport = Literal["polling", "webhook"]
SlackTransport = Literal["socket", "http"]

SECRET = "webhook-secret_1"


@dataclass
class Outside:
    """What every installation has: Google, a folder and settings."""

    google: GoogleEmulator
    folder: Path
    environment: dict[str, str]
    """Settings of the program, by variable."""


@dataclass
class World(Outside):
    """An installation on Telegram."""

    telegram: TelegramEmulator


@dataclass
class SlackWorld(Outside):
    """An installation on Slack."""

    slack: SlackEmulator


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def settings_for(google: GoogleEmulator, folder: Path, *, provider: Provider) -> dict[str, str]:
    """Settings that lead a program to Google's emulator, with everything quick."""
    port = free_port()
    environment = {
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
        "LOG_FORMAT": "json",
        "LOOPBACK_ONLY": "true",
    }
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
async def world(
    folder: Path,
    *,
    provider: Provider = "omni",
    transport: Transport = "polling",
    telegram: TelegramEmulator | None = None,
) -> AsyncIterator[World]:
    """Telegram and Google, and settings that lead to them."""
    async with telegram or TelegramEmulator() as telegram, GoogleEmulator() as google:
        google.brain = brain
        environment = settings_for(google, folder, provider=provider)
        environment |= {
            "TELEGRAM_BOT_TOKEN": telegram.token,
            "TELEGRAM_API_URL": telegram.url,
            "TELEGRAM_CHAT_BURST": "100",
        }
        if transport == "webhook":
            environment["TELEGRAM_WEBHOOK_URL"] = f"{environment['PUBLIC_URL']}/telegram/webhook"
            environment["TELEGRAM_WEBHOOK_SECRET"] = SECRET
        yield World(telegram=telegram, google=google, folder=folder, environment=environment)


@asynccontextmanager
async def slack_world(
    folder: Path,
    *,
    provider: Provider = "omni",
    transport: SlackTransport = "socket",
    slack: SlackEmulator | None = None,
) -> AsyncIterator[SlackWorld]:
    """Slack and Google, and settings that lead to them."""
    async with slack or SlackEmulator() as slack, GoogleEmulator() as google:
        google.brain = brain
        environment = settings_for(google, folder, provider=provider)
        environment |= {
            "SLACK_BOT_TOKEN": slack.token,
            "SLACK_API_URL": slack.url,
            "SLACK_PROGRESS_EDITS_PER_MIN": "1000",
        }
        if transport == "socket":
            environment["SLACK_APP_TOKEN"] = slack.app_token
        else:
            environment["SLACK_SIGNING_SECRET"] = slack.signing_secret
            slack.request_url = f"{environment['PUBLIC_URL']}/slack/events"
        yield SlackWorld(slack=slack, google=google, folder=folder, environment=environment)
