"""What befalls the machine as a whole: its disk is full for a while, the object store is away, the clock is wrong."""

from __future__ import annotations

import asyncio
import ctypes
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

from tests.clock import SwiftClock
from tests.faults.chaos.weather import FlakyObjects

DISK_MB = 192
FACTOR = 30.0
"""Seconds of the program's clock in one of ours."""
LASTS_S = 1.5
"""How long the disk is full, or the object store away."""
PAUSE_S, LATER_S = 2.0, 15.0
"""Between two of them: in the first round, so that a short run sees all; and in later ones, so that people get
something done between two jumps of the clock."""
WRONG_S = 1.0
"""How long the clock is that far ahead."""
AHEAD, BACK = timedelta(hours=2), timedelta(hours=-1)

_NEW_NAMESPACE, _NEW_USERS, _PRIVATE = 0x00020000, 0x10000000, (1 << 18) | (1 << 14)
_DETACH = 2


class JumpingClock(SwiftClock):
    """A fast clock that somebody sets."""

    def __init__(self) -> None:
        super().__init__(FACTOR)
        self._off = timedelta()

    def now(self) -> datetime:
        """The time on this clock, in UTC."""
        return super().now() + self._off

    def jump(self, by: timedelta) -> None:
        """Set it so much ahead, or back."""
        self._off += by


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """A small file system at `folder`, seen by this process and its children only; False where the machine does not
    allow that. To be entered while there is only one thread."""
    mounted = _mounted(folder)
    try:
        yield mounted
    finally:
        if mounted:
            ctypes.CDLL(None).umount2(str(folder).encode(), _DETACH)


def _mounted(folder: Path) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    if libc.unshare(_NEW_NAMESPACE | (_NEW_USERS if user else 0)):
        return False
    if user:
        with suppress(OSError):
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
            Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    if libc.mount(b"none", b"/", None, _PRIVATE, None):
        return False
    size = f"size={DISK_MB}m".encode()
    return bool(libc.mount(b"tmpfs", str(folder).encode(), b"tmpfs", 0, size) == 0)


def fill(folder: Path) -> Path:
    """Write until nothing more goes in; returns the file that has to go for anything else to fit."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            for size in (1 << 20, 1 << 12):
                with suppress(OSError):
                    while file.write(bytes(size)) == size:
                        pass
            break
    return ballast


class Episodes:
    """One after the other, as long as they are let."""

    def __init__(self, *, clock: JumpingClock, objects: FlakyObjects, disk: Path | None) -> None:
        """`disk`: the small one, None where there is none."""
        self.seen: Counter[str] = Counter()
        self._clock = clock
        self._objects = objects
        self._disk = disk

    async def run(self) -> None:
        """Go on until cancelled; then all is well again."""
        pause = PAUSE_S
        while True:
            await asyncio.sleep(pause)
            await self._full_disk()
            await asyncio.sleep(pause)
            await self._no_objects()
            await asyncio.sleep(pause)
            self._jump("clock set ahead by 2 h", AHEAD)
            await asyncio.sleep(WRONG_S)
            self._jump("clock set back by 1 h", BACK)
            pause = LATER_S

    async def _full_disk(self) -> None:
        if self._disk is None:
            return
        self.seen["disk full"] += 1
        ballast = fill(self._disk)
        try:
            await asyncio.sleep(LASTS_S)
        finally:
            ballast.unlink(missing_ok=True)

    async def _no_objects(self) -> None:
        self.seen["object store away"] += 1
        self._objects.away = True
        try:
            await asyncio.sleep(LASTS_S)
        finally:
            self._objects.away = False

    def _jump(self, name: str, by: timedelta) -> None:
        self.seen[name] += 1
        self._clock.jump(by)
