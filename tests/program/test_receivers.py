"""The whole program while a platform is away: it says so, lives on, and answers what came meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp

from tests.clock import SwiftClock
from tests.emulators.faults import Fault
from tests.program.running import ready, running
from tests.program.services import Outside, slack_world, world
from tests.program.test_main_job import RICH, card_for


async def page(outside: Outside, path: str) -> tuple[int, dict[str, Any]]:
    """The status and what a health page says."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{outside.environment['PUBLIC_URL']}{path}") as answer,
    ):
        return answer.status, await answer.json()


async def until_unready(outside: Outside, platform: str) -> str:
    """Return what is wrong with a platform, once something is."""
    async with asyncio.timeout(20):
        while True:
            status, found = await page(outside, "/readyz")
            if status == 503 and found["checks"][platform] != "ok":
                return str(found["checks"][platform])
            await asyncio.sleep(0.02)


async def test_telegram_is_gone_for_a_while(tmp_path: Path) -> None:
    async with world(tmp_path, provider="animatic") as outside, running(outside):
        await ready(outside)
        ann = outside.telegram.user("Ann")
        chat = outside.telegram.private(ann)
        outside.telegram.faults.add(Fault(match="getUpdates", drop="before", times=None))
        said = await chat.say(ann, RICH)
        assert (await until_unready(outside, "telegram")).startswith("Telegram: getUpdates fails")
        assert await page(outside, "/healthz") == (200, {"status": "ok", "checks": {"clock": "ok"}})

        outside.telegram.faults.clear()
        await chat.wait_for("Make it", after=said)
        await ready(outside)
        status, found = await page(outside, "/readyz")
        assert (status, found["checks"]) == (200, {"database": "ok", "telegram": "ok"})


async def test_a_poll_that_hangs_for_ever_is_got_over(tmp_path: Path) -> None:
    async with world(tmp_path, provider="animatic") as outside, running(outside, clock=SwiftClock(400)):
        await ready(outside)
        ann = outside.telegram.user("Ann")
        chat = outside.telegram.private(ann)
        outside.telegram.faults.add(Fault(match="getUpdates", delay=600, times=None))
        before = len(outside.telegram.calls("getMe"))
        await outside.telegram.push_update({"update_id": 1})
        await until_unready(outside, "telegram")
        await outside.telegram.wait_for_call("getMe", count=before + 1)
        outside.telegram.faults.clear()
        assert await card_for(chat, ann)


async def test_slack_is_gone_for_a_while(tmp_path: Path) -> None:
    async with slack_world(tmp_path, provider="animatic") as outside, running(outside, clock=SwiftClock()):
        await ready(outside)
        slack = outside.slack
        anna = slack.user("Anna")
        channel = slack.channel("film-club", members=[anna])
        slack.faults.add(Fault(match="apps.connections.open", status=503, times=None))
        await slack.drop_sockets()
        assert (await until_unready(outside, "slack")).startswith("Slack: Socket Mode: ")
        slack.faults.clear()
        await ready(outside)
        said = await channel.say(anna, f"@reelbot {RICH}")
        await channel.wait_for("Make it", after=said)
