"""What the Telegram tests share: a clock that does not wait, files to send, updates as they come over the wire."""

from __future__ import annotations

import asyncio
import heapq
import io
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from PIL import Image

from core.messages import Button, ConversationKey, Delivery, Incoming, Person

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ANNA = Person(id="telegram:5000001", name="Anna", language="en")


class FakeClock:
    """Virtual time: whoever sleeps shortest wakes at once, and it is that much later.

    held: nobody wakes until `advance`
    """

    def __init__(self, *, held: bool = False) -> None:
        self._now = START
        self._held = held
        self._sleepers: list[tuple[datetime, int]] = []
        self._count = 0
        self.slept: list[float] = []
        self._fell_asleep = asyncio.Event()

    def now(self) -> datetime:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)

    async def until_slept(self, count: int) -> None:
        """Return when something has begun to sleep that often."""
        async with asyncio.timeout(5):
            while len(self.slept) < count:
                self._fell_asleep.clear()
                await self._fell_asleep.wait()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._fell_asleep.set()
        self._count += 1
        mine = (self._now + timedelta(seconds=seconds), self._count)
        heapq.heappush(self._sleepers, mine)
        try:
            while self._now < mine[0]:
                # A turn of the loop for everybody else first; a little real time when they wait for sockets.
                await asyncio.sleep(0.001 if self._held else 0)
                if not self._held and self._sleepers[0] == mine:
                    self._now = max(self._now, mine[0])
        finally:
            self._sleepers.remove(mine)
            heapq.heapify(self._sleepers)


class Taken:
    """A `Receive` that remembers, and fails as often as it is told to."""

    def __init__(self, *errors: Exception) -> None:
        self.messages: list[Incoming] = []
        self._errors = list(errors)
        self._more = asyncio.Event()

    async def __call__(self, incoming: Incoming) -> None:
        if self._errors:
            raise self._errors.pop(0)
        self.messages.append(incoming)
        self._more.set()

    async def wait(self, count: int) -> list[Incoming]:
        async with asyncio.timeout(5):
            while len(self.messages) < count:
                self._more.clear()
                await self._more.wait()
        return self.messages


def jpeg(width: int = 320, height: int = 180, color: str = "navy") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), color).save(buffer, "JPEG")
    return buffer.getvalue()


def delivery(folder: Path, key: ConversationKey, *, size: int = 3_000, reply_to: str = "") -> Delivery:
    clip, poster = folder / "clip.mp4", folder / "poster.jpg"
    clip.write_bytes(bytes(range(256)) * (size // 256) + b"x" * (size % 256))
    poster.write_bytes(jpeg())
    return Delivery(
        key=key,
        generation="v12",
        announcement="Your clip v12 is ready",
        caption="v12 · A fox <in> snow\n8 s · $0.56",
        buttons=((Button(label="Another take", action="another:12"),),),
        reply_to=reply_to,
        clip=str(clip),
        poster=str(poster),
        file_name="v12.mp4",
        width=1280,
        height=720,
        duration_s=7.9,
        size_bytes=size,
        requester=ANNA,
    )


def update(**message: Any) -> dict[str, Any]:
    """A private message as an update, with fields replaced; None leaves one out."""
    raw = {
        "message_id": 7,
        "from": {"id": 5_000_001, "is_bot": False, "first_name": "Anna", "language_code": "en"},
        "chat": {"id": 5_000_001, "type": "private", "first_name": "Anna"},
        "date": 1_795_000_000,
        "text": "a red fox",
        **message,
    }
    return {"update_id": 700, "message": {name: value for name, value in raw.items() if value is not None}}


GROUP: Mapping[str, Any] = {"id": -1_001_000, "type": "supergroup", "title": "Team"}
BOT_USER: Mapping[str, Any] = {"id": 123456, "is_bot": True, "first_name": "Reelbot", "username": "reelbot"}
