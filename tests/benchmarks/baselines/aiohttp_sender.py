"""A bare aiohttp client that posts sendMessage: no library of Telegram's, nothing kept, answers not even looked at.

It says how many messages the emulated server takes at most, so that it is known what a figure says about who sends.
Arguments: the server's address, the token, the first chat's number, how many chats, how many messages to each.
"""

from __future__ import annotations

import asyncio
import sys

import aiohttp


async def main(url: str, token: str, first: int, chats: int, messages: int) -> None:
    """Send to every chat at once, to each one after the other."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=chats)) as session:

        async def send(chat: int) -> None:
            for number in range(messages):
                body = {"chat_id": chat, "text": f"{number}: The clip is on its way; it takes about a minute."}
                async with session.post(f"{url}/bot{token}/sendMessage", json=body) as answer:
                    await answer.read()

        await asyncio.gather(*(send(first + place) for place in range(chats)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])))
