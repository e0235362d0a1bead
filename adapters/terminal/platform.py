"""The terminal as a place where people are: shows what the bot says and puts clips into a folder.

The clip's file is the delivery; its place has a fixed name, so doing it again changes nothing. What is typed is read
by `receiver`.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import getpass
import itertools
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

from adapters.terminal.choices import Choices, Pressed
from adapters.terminal.keyboard import Keyboard
from adapters.terminal.live import LiveScreen
from adapters.terminal.screen import PlainScreen, Screen
from core.errors import PermanentError, TemporaryError, Undeliverable
from core.messages import Attachment, ConversationKey, Delivery, Incoming, Person, Post
from core.ports import Obstacle, PlatformLimits, Save

NAME = "terminal"


def user_name() -> str:
    """The name of the system's user, or "you" when the system does not know."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "you"


class TerminalPlatform:
    """Shows posts, and keeps finished clips as files."""

    name = NAME
    limits = PlatformLimits(upload_bytes=sys.maxsize, download_bytes=sys.maxsize)

    def __init__(
        self,
        videos: Path,
        *,
        output: TextIO | None = None,
        user: str = "",
        language: str = "",
        interactive: bool | None = None,
    ) -> None:
        """Clips go into the folder `videos`. `interactive` says whether a person sits at both ends; None finds out."""
        self.videos = videos
        self.person = Person(id=f"{NAME}:{user or user_name()}", name=user or user_name(), language=language)
        self.key = ConversationKey(platform=NAME, chat=self.person.name)
        self.output = output if output is not None else sys.stdout
        if interactive is None:
            interactive = self.output.isatty() and sys.stdin is not None and sys.stdin.isatty()
        self.interactive = interactive
        self.live = LiveScreen(self.output, Keyboard()) if interactive else None
        self.screen: Screen = self.live or PlainScreen(self.output)
        self._choices = Choices()
        self._shown: set[str] = set()
        self._ids = itertools.count(1)
        self._last_clip: Path | None = None

    def new_id(self) -> str:
        """An id that nothing had before, also not before a restart."""
        return f"{time.time_ns()}-{next(self._ids)}"

    def pressed(self, line: str) -> Pressed | None:
        """The button that a typed line means, if it means one."""
        return self._choices.meant(line)

    def leave(self) -> None:
        """Show no prompt any more: what comes next is not the conversation's."""
        if self.live is not None:
            with contextlib.suppress(PermanentError):
                self.live.close()

    async def acknowledge(self, incoming: Incoming) -> None:
        """Dots, where they can go away again."""
        if self.live is not None:
            with contextlib.suppress(PermanentError):
                self.live.noticed("")

    async def obstacle(self, key: ConversationKey) -> Obstacle | None:
        """Nothing keeps a clip from being shown here."""
        return None

    async def post(self, post: Post, message_id: str) -> str:
        """Show the post, or what is new in it. Raises PermanentError when nobody can read it any more."""
        message_id = message_id or self.new_id()
        self._choices.shown(post, message_id)
        self.screen.show(post, message_id)
        return message_id

    async def open(self, post: Post) -> ConversationKey:
        """There is one conversation in a terminal."""
        await self.post(post, "")
        return self.key

    async def direct(self, person: Person) -> ConversationKey | None:
        """Nobody else reads along."""
        return self.key

    async def people(self, native_id: str) -> tuple[Person, ...]:
        """The person themselves: there is nobody else."""
        return (Person(id=f"{self.name}:{native_id}", name=native_id),)

    async def deliver(self, delivery: Delivery, saved: Mapping[str, str], save: Save) -> str:
        """Put the clip into the folder and say where it is.

        It is announced once by this process, and after a crash again only when it may not have been seen. Raises
        Undeliverable when the folder cannot be written."""
        message_id = saved.get("message") or self.new_id()
        name = re.sub(r"[^\w-]", "_", delivery.generation)
        path = self.videos / f"{name}{Path(delivery.file_name).suffix or '.mp4'}"
        if "shown" in saved and path.exists():
            return message_id
        with _folder_errors(self.videos):
            await asyncio.to_thread(_keep, Path(delivery.clip), path)
        record = {"message": message_id, "file": str(path)}
        await save(record)
        if message_id not in self._shown:
            self._choices.delivered(delivery.buttons, message_id)
            self.screen.delivered(delivery, path.absolute())
            self._shown.add(message_id)
            self._last_clip = path
        await save(record | {"shown": "yes"})
        return message_id

    async def fetch(self, attachment: Attachment, destination: Path) -> None:
        """Copy the person's file; raises PermanentError when it is not there any more."""
        try:
            await asyncio.to_thread(_copy, Path(attachment.ref), destination)
        except OSError as error:
            raise PermanentError(f"The file {attachment.file_name} cannot be read any more") from error

    def clip(self, name: str) -> Path | None:
        """The file of the clip with this short id, or of the latest one; None when there is none."""
        if not name:
            if self._last_clip is not None and self._last_clip.exists():
                return self._last_clip
            with contextlib.suppress(OSError):
                clips = [path for path in self.videos.glob("v*.*") if path.is_file() and path.suffix != ".part"]
                return max(clips, key=lambda path: path.stat().st_mtime, default=None)
            return None
        if not re.fullmatch(r"v\d{1,12}", name, re.ASCII):
            return None
        return next((path for path in sorted(self.videos.glob(f"{name}.*")) if path.suffix != ".part"), None)


@contextlib.contextmanager
def _folder_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise PermanentError("The clip's file is not there any more") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise TemporaryError(f"There is no room left in {folder}", retry_after=30.0) from error
        raise Undeliverable(f"The folder {folder} cannot be written: {error.strerror}") from error


def _keep(clip: Path, path: Path) -> None:
    """Link the clip into the folder, or copy it where that is not possible; replaces what was there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    try:
        os.link(clip, part)
    except OSError:
        shutil.copyfile(clip, part)
    part.replace(path)
    part.unlink(missing_ok=True)  # a rename onto another link of the same file leaves it behind


def _copy(source: Path, destination: Path) -> None:
    part = destination.with_name(f"{destination.name}.part")
    shutil.copyfile(source, part)
    part.replace(destination)
