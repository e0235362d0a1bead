"""What the settings make of the adapters."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import cast

from bot.connections import Connections
from bot.settings_loading import load_settings
from core.catalogue import load_catalogue
from core.messages import ConversationKey, Post
from core.repositories import Generations
from tests.adapters.slack.listening import Rows
from tests.clock import FakeClock
from tests.emulators.slack import SlackEmulator
from tests.emulators.telegram import TelegramEmulator
from tests.pace import VirtualPace


async def test_both_platforms_go_at_the_pace_of_all_processes() -> None:
    async with AsyncExitStack() as stack:
        tg = await stack.enter_async_context(TelegramEmulator())
        slack = await stack.enter_async_context(SlackEmulator())
        clock = await stack.enter_async_context(FakeClock())
        pace = VirtualPace(clock)
        settings = load_settings(
            None,
            TELEGRAM_BOT_TOKEN=tg.token,
            TELEGRAM_API_URL=tg.url,
            SLACK_BOT_TOKEN=slack.token,
            SLACK_APP_TOKEN=slack.app_token,
            SLACK_API_URL=slack.url,
            LOOPBACK_ONLY=True,
        )
        connections = Connections(settings, load_catalogue(), clock, cast(Generations, Rows()), pace=pace)
        stack.push_async_callback(connections.close)
        platforms = connections.platforms().platforms
        chat = tg.private(tg.user("Anna"))
        channel = slack.channel("videos", members=[slack.user("Anna")])
        await platforms["telegram"].post(
            Post(key=ConversationKey(platform="telegram", chat=str(chat.id)), text="x"), ""
        )
        await platforms["slack"].post(
            Post(key=ConversationKey(platform="slack", chat=f"{slack.team.id}/{channel.id}"), text="x"), ""
        )
        assert pace.asked == [("telegram", f"telegram chat {chat.id}"), (f"slack chat.postMessage {channel.id}",)]
