"""A place without people, where the program talks to itself: `reelbot simulate` asks there, and looks at what comes.

Everything said is kept in memory; a clip is put into a folder, which is its delivery.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from core.errors import PermanentError, TemporaryError
from core.messages import Attachment, ConversationKey, Delivery, Incoming, Person, Post
from core.ports import Obstacle, PlatformLimits, Save

NAME = "simulation"


class SimulatedPlatform:
    """Implements the `Platform` port."""

    name = NAME
    limits = PlatformLimits(upload_bytes=sys.maxsize, download_bytes=sys.maxsize)

    def __init__(self, folder: Path, *, place: str = "1") -> None:
        """Clips go into `folder`; `place` is the one chat there is."""
        self.key = ConversationKey(platform=NAME, chat=place)
        self.person = Person(id=f"{NAME}:admin", name="Simulation", language="en")
        self.delivered: dict[str, Path] = {}
        """The file of each delivered clip, by the message that it came in."""
        self.posts: dict[str, Post] = {}
        """What stands there now, by message, in the order in which the messages appeared."""
        self._folder = folder
        self._ids = itertools.count(1)
        self._stirred = asyncio.Event()

    async def shown(self, wanted: Callable[[Post], bool]) -> tuple[str, Post]:
        """The newest message that is as `wanted`, with its id; waits until there is one."""
        while True:
            for message_id, post in reversed(self.posts.items()):
                if wanted(post):
                    return message_id, post
            self._stirred.clear()
            await self._stirred.wait()

    async def acknowledge(self, incoming: Incoming) -> None:
        """Nobody is looking."""

    async def post(self, post: Post, message_id: str) -> str:
        """Keep it, or what it has become."""
        message_id = message_id or f"s{next(self._ids)}"
        self.posts[message_id] = post
        self._stirred.set()
        return message_id

    async def open(self, post: Post) -> ConversationKey:
        """There are no threads."""
        await self.post(post, "")
        return post.key

    async def direct(self, person: Person) -> ConversationKey | None:
        """Nobody else is there."""
        return self.key

    async def people(self, native_id: str) -> tuple[Person, ...]:
        """The person by that id."""
        return (Person(id=f"{NAME}:{native_id}", name=native_id),)

    async def obstacle(self, key: ConversationKey) -> Obstacle | None:
        """Nothing keeps a clip from being put into the folder."""
        return None

    async def deliver(self, delivery: Delivery, saved: Mapping[str, str], save: Save) -> str:
        """Put the clip into the folder; doing so again changes nothing.

        Raises TemporaryError while the folder cannot be written, PermanentError when the clip's file is gone."""
        message_id = saved.get("message") or f"s{next(self._ids)}"
        path = self._folder / delivery.file_name
        try:
            await asyncio.to_thread(_copy, Path(delivery.clip), path)
        except FileNotFoundError as error:
            raise PermanentError("The clip's file is not there any more") from error
        except OSError as error:
            raise TemporaryError(f"{self._folder} cannot be written: {error.strerror}") from error
        await save({"message": message_id})
        self.delivered[message_id] = path
        await self.post(Post(key=delivery.key, text=delivery.caption, buttons=delivery.buttons), message_id)
        return message_id

    async def fetch(self, attachment: Attachment, destination: Path) -> None:
        """Copy a file of this machine; raises PermanentError when it is not there."""
        try:
            await asyncio.to_thread(_copy, Path(attachment.ref), destination)
        except OSError as error:
            raise PermanentError(f"The file {attachment.file_name} cannot be read") from error


def _copy(source: Path, destination: Path) -> None:
    if not source.is_file():
        raise FileNotFoundError(source)
    destination.parent.mkdir(parents=True, exist_ok=True)
    part = destination.with_name(f"{destination.name}.part")
    shutil.copyfile(source, part)
    part.replace(destination)
