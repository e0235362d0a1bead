"""Reads what is typed, or what comes through a pipe, and hands it on as messages and presses.

From a pipe the next line is read when everything about the last one is finished, and at the end it waits for what is
under way, so that a whole conversation can be scripted.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from adapters.terminal import texts
from adapters.terminal.keyboard import LineReader, piped
from adapters.terminal.lines import attachment, parse_line, parse_photo
from adapters.terminal.plain import safe
from adapters.terminal.platform import TerminalPlatform
from core.errors import PermanentError, TemporaryError
from core.messages import Attachment, ConversationKey, Incoming, Message, Press
from core.ports import Receive

log = logging.getLogger("reelbot.terminal")

RETRY_S = 1.0
"""Wait before a message is handed on again that could not be stored, in seconds."""

Watch = Callable[[ConversationKey], Awaitable[None]]


def _utc_now() -> datetime:
    return datetime.now(UTC)


class TerminalReceiver:
    """The listening side of the terminal. `run` returns when the person leaves or the pipe ends."""

    def __init__(
        self,
        platform: TerminalPlatform,
        *,
        settled: Watch,
        idle: Watch,
        stdin: TextIO | None = None,
        history: Path | None = None,
        now: Callable[[], datetime] = _utc_now,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`settled` returns when everything received is dealt with and answered, `idle` when nothing is queued or
        running any more. `history` is the file in which typed lines are remembered."""
        self._platform = platform
        self._settled = settled
        self._idle = idle
        self._stdin = stdin
        self._history = history
        self._now = now
        self._sleep = sleep
        self._reading = False

    def healthy(self, now: datetime) -> str:
        """Empty while lines are read."""
        return "" if self._reading else "The terminal is not being read."

    async def run(self, receive: Receive) -> None:
        """Read lines until there are no more, or the person quits."""
        self._reading = True
        try:
            if self._platform.live is not None:
                await self._chat(receive)
            else:
                await self._script(receive)
        except PermanentError as error:
            # Nobody sees the answers any more; what is under way is finished all the same.
            log.info("terminal.closed", extra={"error": str(error)})
            await self._idle(self._platform.key)
        finally:
            self._reading = False

    async def _chat(self, receive: Receive) -> None:
        live = self._platform.live
        assert live is not None
        with live.keyboard.session(self._history):
            live.say(texts.WELCOME)
            lines = LineReader(live.keyboard.read)
            prompting = True
            try:
                while (line := await lines.next()) is not None:
                    live.entered(line)
                    prompting = await self._take(line, receive)
                    if not prompting:
                        break
            finally:
                with contextlib.suppress(PermanentError):
                    live.close(texts.BYE, below_prompt=prompting)

    async def _script(self, receive: Receive) -> None:
        lines = LineReader(piped(self._stdin if self._stdin is not None else sys.stdin))
        while (line := await lines.next()) is not None:
            self._platform.screen.noticed(line)
            if not await self._take(line, receive):
                break
            await self._settled(self._platform.key)
        await self._idle(self._platform.key)

    async def _take(self, line: str, receive: Receive) -> bool:
        """Deal with one line; False when the person wants to leave."""
        if not line:
            return True
        pressed = self._platform.pressed(line)
        if pressed is not None:
            await self._hand_on(
                Press(
                    event_id=self._platform.new_id(),
                    key=self._platform.key,
                    id=pressed.message_id,
                    sender=self._platform.person,
                    action=pressed.action,
                    sent_at=self._now(),
                ),
                receive,
            )
            return True
        parsed = parse_line(line)
        if parsed.command in ("quit", "exit"):
            return False
        if parsed.command == "open":
            await self._open(parsed.text)
        elif parsed.command == "photo":
            await self._photo(parsed.text, receive)
        else:
            await self._hand_on(self._message(parsed.text, command=parsed.command), receive)
        return True

    def _message(self, text: str, *, command: str = "", attachments: tuple[Attachment, ...] = ()) -> Message:
        return Message(
            event_id=self._platform.new_id(),
            key=self._platform.key,
            id=self._platform.new_id(),
            sender=self._platform.person,
            text=text,
            sent_at=self._now(),
            command=command,
            attachments=attachments,
        )

    async def _hand_on(self, incoming: Incoming, receive: Receive) -> None:
        """Hand it on until it is stored; it keeps its event's id, so it counts once."""
        while True:
            try:
                await receive(incoming)
                return
            except TemporaryError as error:
                self._platform.screen.say(texts.NOT_TAKEN.format(reason=error))
                await self._sleep(error.retry_after if error.retry_after is not None else RETRY_S)

    async def _photo(self, text: str, receive: Receive) -> None:
        found = parse_photo(text)
        if found is None:
            self._platform.screen.say(texts.PHOTO_USAGE)
            return
        path, caption = found
        try:
            picture = attachment(path)
        except (OSError, ValueError):
            self._platform.screen.say(texts.NO_SUCH_FILE.format(path=path))
            return
        await self._hand_on(self._message(caption, attachments=(picture,)), receive)

    async def _open(self, name: str) -> None:
        """Show a clip in the system's player, or say where it is."""
        screen = self._platform.screen
        path = self._platform.clip(name.strip().lower())
        if path is None:
            folder = self._platform.videos
            screen.say(texts.NO_SUCH_CLIP.format(name=safe(name), folder=folder) if name else texts.NO_CLIP)
            return
        screen.say(texts.CLIP_AT.format(path=path.absolute()))
        opener = _opener() if self._platform.interactive else None
        if opener is not None:
            with contextlib.suppress(OSError):
                await asyncio.create_subprocess_exec(
                    opener,
                    str(path.absolute()),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )


def _opener() -> str | None:
    """The program that opens files here, where there is a desktop to open them on."""
    if sys.platform == "darwin":
        return shutil.which("open")
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return shutil.which("xdg-open")
    return None
