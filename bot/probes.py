"""A look at each service that the settings name: does it answer, and may we do what we are going to do?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bot.check import Finding, Probe, State
from bot.connections import Connections
from bot.settings import Settings


class Probes:
    """The looks at services."""

    def __init__(self, settings: Settings, connections: Connections) -> None:
        self._settings = settings
        self._connections = connections

    def all(self) -> list[Probe]:
        """One for each service, whether it is set up or not."""
        settings = self._settings
        return [
            Probe("telegram", self._check_telegram if settings.telegram_bot_token else _off("TELEGRAM_BOT_TOKEN")),
            Probe("slack", self._check_slack if settings.slack_bot_token else _off("SLACK_BOT_TOKEN")),
            Probe("gemini and omni", self._check_omni if settings.gemini_api_key else _off("GEMINI_API_KEY")),
            Probe("veo", self._check_veo if settings.google_cloud_project else _off("GOOGLE_CLOUD_PROJECT")),
            Probe("fonts", _check_fonts),
        ]

    async def _check_telegram(self) -> Finding:
        connection = self._connections.telegram_connection()
        await connection.identify()
        return Finding(detail=f"@{connection.username}")

    async def _check_slack(self) -> Finding:
        connection = self._connections.slack_connection()
        lacking = await connection.check()
        if lacking:
            detail = f"the bot token lacks {', '.join(lacking)}: give the app manifest.json anew and reinstall it"
            return Finding(state=State.WARNING, detail=detail)
        team = connection.installation.team if connection.installation else ""
        transport = "Socket Mode" if self._settings.slack_app_token else "HTTP at /slack/events"
        return Finding(detail=f"team {team}, {transport}")

    async def _check_omni(self) -> Finding:
        return _found(await self._connections.omni().check(), "the key is good")

    async def _check_veo(self) -> Finding:
        return _found(await self._connections.veo().check(), "the credentials are good")


def _found(problem: str, good: str) -> Finding:
    return Finding(state=State.FAILED, detail=problem) if problem else Finding(detail=good)


def _off(variable: str) -> Callable[[], Awaitable[Finding]]:
    async def run() -> Finding:
        return Finding(state=State.OFF, detail=f"set {variable} to use it")

    return run


async def _check_fonts() -> Finding:
    from adapters.fonts import missing_scripts

    samples = "аб αβ אב ابت हिन्दी ไทย 漢字 かな 한글"
    missing = await asyncio.to_thread(missing_scripts, samples)
    if missing:
        lacking = ", ".join(missing)
        return Finding(state=State.WARNING, detail=f"storyboards and titles lack {lacking}: install such a font")
    return Finding(detail="every common script can be shown")
