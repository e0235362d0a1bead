"""Sends as our platform does, by our connection to Telegram and nothing else of ours: no outbox, no pacing, no rows.

Arguments: the server's address, the token, the first chat's number, how many chats, how many messages to each.
"""

from __future__ import annotations

import asyncio
import sys

from adapters.telegram.connection import TelegramConnection


async def main(url: str, token: str, first: int, chats: int, messages: int) -> None:
    """Send to every chat at once, to each one after the other."""
    connection = TelegramConnection(token=token, api_url=url, loopback_only=True)

    async def send(chat: int) -> None:
        for number in range(messages):
            text = f"{number}: The clip is on its way; it takes about a minute."
            await connection.call("sendMessage", {"chat_id": chat, "text": text})

    try:
        await asyncio.gather(*(send(first + place) for place in range(chats)))
    finally:
        await connection.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])))
