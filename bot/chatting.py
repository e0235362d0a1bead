"""`reelbot chat`: a prompt at once, and behind it the program, which is put together while a person thinks and types.

Most of what the program is made of takes longer to load than anybody should wait for a prompt. What is typed before it
is there waits for it. What settings can be wrong about is said before there is a prompt; a program that cannot start
ends the chat. A script is not read before the program is there: nobody waits for a prompt.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

from adapters.terminal import TerminalPlatform, TerminalReceiver
from bot.commands import loading
from bot.settings import Settings
from bot.terms import catalogue_of, check_offer
from core.errors import PermanentError
from core.messages import ConversationKey, Incoming

if TYPE_CHECKING:
    from core.product import Product

PROMPT_WITHIN_S = 1.0
"""How long the program's making waits for the prompt, in seconds; it takes milliseconds where there is a terminal."""


def check_chat(settings: Settings) -> None:
    """Raises PermanentError, or its SettingsError, where these settings keep a chat from starting."""
    check_offer(settings, catalogue_of(settings), datetime.now(UTC))
    # What stands for an address takes long to load, and hardly anybody who chats here has set one.
    if settings.database_url is not None:
        from storage.database import sqlite_path

        if sqlite_path(settings.database) is None:
            raise PermanentError(
                "The terminal does not share a database with others. Start it without DATABASE_URL: it keeps its own "
                "in DATA_DIR."
            )
    if settings.media_url:
        from storage.clips import ObjectClipStore

        ObjectClipStore(settings.media, storage_emulator=settings.storage_emulator_host)


async def chat(settings: Settings, log: TextIO) -> None:
    """Chat in the terminal until the person leaves or the script ends; what is logged goes to `log`.

    Raises what keeps the program from starting."""
    await _Chat(settings, log).run()


class _Chat:
    """The talk and the program, side by side."""

    def __init__(self, settings: Settings, log: TextIO) -> None:
        self._settings = settings
        self._log = log
        self._platform = TerminalPlatform(videos=settings.data_dir / "videos")
        self._receiver = TerminalReceiver(
            self._platform, settled=self._settled, idle=self._idle, history=settings.data_dir / "history"
        )
        self._product: asyncio.Future[Product] = asyncio.get_running_loop().create_future()
        """What answers, once it is there."""

    async def run(self) -> None:
        """Until one of the two ends."""
        talk, program = asyncio.create_task(self._talk()), asyncio.create_task(self._serve())
        try:
            await asyncio.wait({talk, program}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (talk, program):  # in this order: whoever leaves is told so before the program stops
                task.cancel()
                await asyncio.wait({task})
            for task in (program, talk):
                if not task.cancelled():
                    task.result()

    async def _talk(self) -> None:
        if not self._platform.interactive:
            await asyncio.shield(self._product)
        await self._receiver.run(self._receive)

    async def _serve(self) -> None:
        try:
            await asyncio.to_thread(self._load)
            from bot.build import build
            from bot.logs import configure_logging

            settings = self._settings
            configure_logging(settings.log_level, settings.log_format, settings.secrets, stream=self._log)
            async with build(settings) as program:
                await program.with_platform(self._platform, self._answer)
        except Exception:
            self._platform.leave()  # what follows is said by the command line, below the prompt
            raise

    async def _answer(self, product: Product) -> None:
        self._product.set_result(product)
        await asyncio.Event().wait()

    async def _receive(self, incoming: Incoming) -> None:
        if not self._product.done():
            await self._platform.acknowledge(incoming)
        product = await asyncio.shield(self._product)
        await product.dialogue.receive(incoming)

    async def _settled(self, key: ConversationKey) -> None:
        await (await asyncio.shield(self._product)).dialogue.settled(key)

    async def _idle(self, key: ConversationKey) -> None:
        await (await asyncio.shield(self._product)).idle(key)

    def _load(self) -> None:
        """Import what the program is made of. In a thread: what is typed and Ctrl-C are not kept waiting by it."""
        live = self._platform.live
        if live is not None:
            live.keyboard.asked.wait(PROMPT_WITHIN_S)  # the prompt has the processor to itself
        with loading():
            import bot.build
            import bot.connections
            import bot.logs

            bot.connections.load(self._settings)
