"""The stage of the demo: people who act in an emulated Telegram, and a console that shows what happens there.

What is played on it is in `tests.emulators.demo`.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from rich import box
from rich.align import Align
from rich.cells import cell_len
from rich.console import Console, Group
from rich.panel import Panel
from rich.rule import Rule
from rich.text import Text

from tests.emulators.google import Call
from tests.emulators.telegram import Button, TelegramChat, TelegramMessage, TelegramPress, TelegramUser
from tests.program.services import World


class Stage:
    """The scene as it is shown: prints what is new whenever Telegram's server has something new."""

    def __init__(self, outside: World, console: Console, folder: Path, *, pause_s: float) -> None:
        self.telegram, self.google = outside.telegram, outside.google
        self.ann, self.bob = self.telegram.user("Ann"), self.telegram.user("Bob")
        self.chat = self.telegram.private(self.ann)
        self.console = console
        self.stated = 0
        """The prices under the delivered clips, in micros."""
        self._database = Path(outside.environment["DATA_DIR"]) / "reelbot.db"
        self._folder = folder
        self._pause_s = pause_s
        self._seen = 0
        self._shown: dict[tuple[int, int], str] = {}

    # --- what people do --------------------------------------------------------------------------------------------

    async def say(self, who: TelegramUser, text: str, chat: TelegramChat | None = None) -> TelegramMessage:
        """Somebody writes."""
        await asyncio.sleep(self._pause_s)
        return await (chat or self.chat).say(who, text)

    async def tap(self, who: TelegramUser, message: TelegramMessage, label: str) -> TelegramPress:
        """Somebody taps a button."""
        await asyncio.sleep(self._pause_s)
        return await message.chat.press(who, message, label)

    async def clip(self, after: TelegramPress) -> TelegramMessage:
        """Wait for the clip, hold it against what the service made, and keep a copy of it."""
        message = await after.message.chat.wait_for(lambda one: one.video is not None, timeout=20.0, after=after)
        await after.message.chat.wait_for("· Done", after=after)
        assert message.video is not None
        sent = self.telegram.file_bytes(message.video.file_id)
        self.expect(sent == self.google.clip_bytes(self.google.omni.orders[-1]), "the clip is not what was made")
        self.stated += int(1_000_000 * Decimal(re.findall(r"\$([\d.]+)", message.said)[0]))
        path = self._folder / f"{message.said.split()[0]}.mp4"
        path.write_bytes(sent)
        self.fact("delivered, byte for byte as the video service made it", str(path))
        return message

    # --- what must be true -----------------------------------------------------------------------------------------

    def expect(self, true: bool, otherwise: str) -> None:
        """Raise AssertionError unless it is so."""
        if not true:
            raise AssertionError(f"{otherwise}\n{self.chat.transcript()}")

    def orders(self, wanted: int) -> None:
        """Say how many orders the video service has received, and that this is as many as it should be."""
        received = len(self.google.calls("interactions.create"))
        self.expect(received == wanted, f"the video service received {received} orders instead of {wanted}")
        self.fact("orders received by the video service", str(received))

    def charged(self) -> int:
        """What the ledger charges in all, in micros."""
        with closing(sqlite3.connect(self._database)) as database:
            return int(database.execute("select total(amount) from ledger where kind = 'capture'").fetchone()[0])

    async def received(self, call: Call) -> None:
        """The video service receives an order."""
        wanted = call.body["response_format"]
        order = f"{wanted['duration']}, {wanted['aspect_ratio']}, {wanted['resolution']}"
        self.fact("the video service receives an order", f"{call.model}, {order}")

    # --- what is shown ---------------------------------------------------------------------------------------------

    def heading(self, text: str) -> None:
        """A new scene."""
        self.look()
        self.console.print()
        self.console.print(Rule(f"[bold]{text}[/]", style="bright_black"))

    def fact(self, what: str, value: str) -> None:
        """Something the stand-ins know."""
        self.look()
        self.console.print(Text(f"  ● {what}: ", "yellow") + Text(value, "bold yellow"), soft_wrap=True)

    async def watch(self) -> None:
        """Show everything as it comes, until cancelled."""
        while True:
            self.look()
            await self.telegram.state.changes.wait()

    def look(self) -> None:
        """Show everything that is new."""
        since, self._seen = self._seen, self.telegram.state.count
        new: list[tuple[int, TelegramMessage | TelegramPress]] = []
        for chat in self.telegram.state.chats.values():
            new += [(one.changed, one) for one in chat.messages if one.changed > since]
            new += [(one.created, one) for one in chat.presses if one.created > since]
        for _, one in sorted(new, key=lambda item: item[0]):
            if isinstance(one, TelegramPress):
                self._show_press(one)
            else:
                self._show(one)

    def _show_press(self, press: TelegramPress) -> None:
        raw = press.label == press.data  # a tap on a button that is gone from the message meanwhile
        label = Text("once more") if raw else _button(press.label)
        self.console.print(Align.right(Text(f"{press.user.first_name} taps ", "green") + label))

    def _show(self, message: TelegramMessage) -> None:
        # Of a status that counts up, only a new phase is worth a line.
        key, words = (message.chat.id, message.id), re.sub(r"[\d▰▱%]+", "", message.said)
        before, self._shown[key] = self._shown.get(key), words
        card = any(button.text.startswith("Make it") for button in message.buttons)
        if before is None or card or message.video is not None:
            self._bubble(message, edited=before is not None)
        elif before != words:
            self.console.print(Text(f"  ✎ {'  '.join(message.said.splitlines())}", "bright_black"))

    def _bubble(self, message: TelegramMessage, *, edited: bool) -> None:
        parts = [Text(message.said)]
        if message.video is not None:
            video = message.video
            size = f"{video.width}×{video.height}, {video.duration} s, {video.size / 1e6:.1f} MB"
            parts.insert(0, Text(f" ▶  {size} ", "bold black on cyan"))
        if message.buttons:
            parts.append(Text())
        parts += (Text(" ").join(_button(button.text) for button in row) for row in message.keyboard)
        title = message.sender.first_name
        title += f" · {message.chat.title}" if message.chat.is_group else ""
        title += " (edited)" if edited and message.video is None else ""
        widest = max(cell_len(line) for text in (*parts, Text(title)) for line in text.plain.split("\n"))
        panel = Panel(
            Group(*parts),
            title=title,
            title_align="left" if message.from_bot else "right",
            border_style="cyan" if message.from_bot else "green",
            box=box.ROUNDED,
            width=min(widest + 4, self.console.width - 12),
        )
        self.console.print(panel if message.from_bot else Align.right(panel))


def main_button(card: TelegramMessage) -> Button:
    """The button of a card that orders."""
    return next(button for button in card.buttons if button.text.startswith("Make it"))


def _button(label: str) -> Text:
    return Text(f" {label} ", "bold white on blue")


def picture(console: Console) -> str:
    """What a recording console printed, as an SVG that loads nothing from elsewhere."""
    drawn = console.export_svg(title="Reelbot in Telegram", unique_id="reelbot")
    return re.sub(r"\s*(@font-face \{[^}]*\}|<!--.*?-->)", "", drawn)
