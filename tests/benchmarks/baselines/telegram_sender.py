"""Sends with stock python-telegram-bot, as its documentation has it: a `Bot` with its own `HTTPXRequest`.

Its pool has room for all that is sent at once; answers become its objects.
Arguments: the server's address, the token, the first chat's number, how many chats, how many messages to each.
"""

from __future__ import annotations

import asyncio
import sys

from telegram import Bot
from telegram.request import HTTPXRequest


async def main(url: str, token: str, first: int, chats: int, messages: int) -> None:
    """Send to every chat at once, to each one after the other."""
    request = HTTPXRequest(connection_pool_size=max(256, chats))
    async with Bot(token, base_url=f"{url}/bot", base_file_url=f"{url}/file/bot", request=request) as bot:

        async def send(chat: int) -> None:
            for number in range(messages):
                await bot.send_message(chat, f"{number}: The clip is on its way; it takes about a minute.")

        await asyncio.gather(*(send(first + place) for place in range(chats)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])))
