"""The bot's connection to the Bot API server: its sessions, its identity, and the addresses built from the token."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from telegram import Bot

from adapters.telegram.transport import AiohttpRequest
from core.errors import PermanentError

PUBLIC_SERVER = "https://api.telegram.org"


class TelegramConnection:
    """One bot at one server, shared by the platform and the receiver.

    token: "<bot's id>:<secret>"
    api_url: the server, to which "/bot<token>/…" and "/file/bot<token>/…" are appended
    timeout_s: seconds until a call has to be answered; uploads get more
    loopback_only: refuse any server but one on this machine (under test)

    Raises ValueError for a token or an address of another form.
    """

    def __init__(
        self, *, token: str, api_url: str = PUBLIC_SERVER, timeout_s: float = 30.0, loopback_only: bool = False
    ) -> None:
        number, colon, secret = token.partition(":")
        if not (number.isdecimal() and number.isascii() and colon and secret):
            raise ValueError("A Telegram bot token looks like 123456:ABC-DEF; BotFather gives it out.")
        address = urlsplit(api_url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ValueError(f"The Telegram server's address must look like {PUBLIC_SERVER}.")
        if loopback_only and not _on_this_machine(address.hostname):
            raise ValueError("Only a Telegram server on this machine may be used here.")
        base = api_url.rstrip("/")
        self.bot_id = int(number)
        self.username = ""
        """The bot's name without the @; empty until `identify` has succeeded."""
        self._transport = AiohttpRequest(timeout_s=timeout_s)
        self._url = f"{base}/bot{token}"
        self._files = f"{base}/file/bot{token}/"
        self._public = address.hostname == urlsplit(PUBLIC_SERVER).hostname
        self.bot = Bot(
            token,
            base_url=f"{base}/bot",
            base_file_url=f"{base}/file/bot",
            request=self._transport,
            get_updates_request=self._transport,
        )

    async def identify(self) -> None:
        """Ask the server who the bot is. Raises TelegramError."""
        me = await self.bot.get_me()
        self.username = me.username or ""

    async def updates(self, parameters: Mapping[str, Any], *, answer_s: float) -> Any:
        """getUpdates as it came from the server: no update in it can spoil the others. Raises TelegramError.

        answer_s: seconds until it has to be answered"""
        return await self._transport.call(f"{self._url}/getUpdates", parameters, answer_s=answer_s)

    async def call(self, method: str, parameters: Mapping[str, Any]) -> Any:
        """The bare result of a method; parameters that are None are left out. Raises TelegramError.

        For what carries no file and is called all the time: the SDK's objects around a message, none of which we look
        at, take 0.4 ms of processor time of the 0.7 that sending it takes with them."""
        given = {name: value for name, value in parameters.items() if value is not None}
        return await self._transport.call(f"{self._url}/{method}", given, answer_s=self._transport.read_timeout)

    async def download(self, location: str, destination: Path, *, limit: int) -> int:
        """Fetch what getFile named, from the server or, beside a local one, from the disk; returns the bytes.

        limit: bytes, beyond which it is given up
        Raises TelegramError, OSError, and PermanentError for a place that is none of the server's, or for a file that
        is too large."""
        if location.startswith(self._files):
            # The address holds the token, so it leads below the bot's own files or nowhere.
            if ".." in unquote(location[len(self._files) :]).split("/"):
                raise PermanentError("Telegram named a file outside the bot's own.")
            return await self._transport.download(location, destination, limit=limit)
        if self._public or "://" in location:
            raise PermanentError("Telegram named a file that is not on its server.")
        if (await asyncio.to_thread(Path(location).stat)).st_size > limit:
            raise PermanentError(f"The file is larger than {limit >> 20} MB.")
        await asyncio.to_thread(shutil.copyfile, location, destination)
        return (await asyncio.to_thread(destination.stat)).st_size

    async def close(self) -> None:
        """End the sessions."""
        await self._transport.shutdown()


def _on_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
