"""A chat with the bot of `samples` at this process's own terminal or pipe; run by the tests."""

import asyncio
import contextlib
import sys
from pathlib import Path

from adapters.terminal import TerminalPlatform
from tests.adapters.terminal.samples import Bot


async def main(folder: Path) -> None:
    clip = folder / "made.mp4"
    clip.write_bytes(b"clip" * 1_000)
    bot = Bot(TerminalPlatform(folder / "videos", user="ann"), clip)
    await bot.receiver(history=folder / "history").run(bot.receive)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(Path(sys.argv[1])))
