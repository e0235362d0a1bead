"""The smallest honest Slack app: it says back what it is told.

Stock Bolt, its `AsyncApp` over Socket Mode, the way its own documentation begins. It keeps nothing and asks nobody.
"""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any

from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp, AsyncSay
from slack_sdk.web.async_client import AsyncWebClient

logging.basicConfig(level=logging.INFO)

app = AsyncApp(client=AsyncWebClient(os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"]))


@app.event("message")
async def echo(event: dict[str, Any], say: AsyncSay) -> None:
    """Say it back."""
    await say(event["text"])


async def main() -> None:
    """Listen until it is ended."""
    await AsyncSocketModeHandler(app, os.environ["SLACK_APP_TOKEN"]).start_async()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    asyncio.run(main())
