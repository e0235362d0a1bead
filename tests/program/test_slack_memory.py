"""A clip of 200 MB goes through the whole program, as a process of its own, without passing through its memory."""

from __future__ import annotations

import asyncio
import filecmp
from pathlib import Path
from typing import Any

from tests.emulators.google import Clip
from tests.emulators.slack import SlackChannel, SlackMessage, SlackUser
from tests.faults.padding import padded
from tests.program.running import Process, process, ready
from tests.program.services import slack_world

RICH = "a red fox trotting through fresh snow at sunrise, cinematic, 4 seconds"
SIZE = 200_000_000
MOST = 32 << 20
"""Bytes by which the process may grow."""


class Memory:
    """What a process holds, as the system counts it."""

    def __init__(self, program: Process) -> None:
        assert program._process is not None
        self._folder = Path(f"/proc/{program._process.pid}")

    def begin(self) -> int:
        """The bytes it holds now; what it held before does not count as its peak any more."""
        (self._folder / "clear_refs").write_text("5")
        return self._bytes("VmRSS")

    @property
    def peak(self) -> int:
        """The most bytes that it held since."""
        return self._bytes("VmHWM")

    def _bytes(self, name: str) -> int:
        lines = dict(line.split(":", 1) for line in (self._folder / "status").read_text().splitlines())
        return int(lines[name].split()[0]) * 1024


async def _wished(channel: SlackChannel, person: SlackUser) -> SlackMessage:
    """A clip in the thread of its wish, after it is charged."""
    root = await channel.say(person, f"@reelbot {RICH}")
    card = await channel.wait_for("Make it", after=root)
    await channel.press(person, card, "Make it")
    clip = await channel.wait_for(lambda message: bool(message.files), after=root, timeout=40.0)
    await channel.wait_for("Done", after=root)
    assert clip.thread_ts == root.ts
    return clip


async def test_a_large_clip_does_not_pass_through_memory(tmp_path: Path) -> None:
    large = await asyncio.to_thread(padded, tmp_path / "large.mp4", SIZE)
    # With a heap for each thread, what each keeps to itself would come in by chance.
    async with slack_world(tmp_path) as outside, process(outside, MALLOC_ARENA_MAX="1") as program:
        google, slack = outside.google, outside.slack
        google.pace.piece = 1 << 20
        await program.start()
        await ready(outside)
        memory = Memory(program)
        held: dict[str, float] = {}

        async def downloading(_: Any) -> None:
            held["before the download"] = memory.begin()

        async def uploading(_: Any) -> None:
            held["most until the upload"] = memory.peak
            held["before the upload"] = memory.begin()

        ann = slack.user("Ann")
        channel = slack.channel("film-club", members=[ann])
        # What stays for good of the first clips, the decoders above all, is no part of what a large one takes.
        for _ in range(2):
            await _wished(channel, ann)
        google.omni.next(Clip(path=large))
        google.faults.on("files.download", downloading)
        slack.faults.on("files.getUploadURLExternal", uploading)
        clip = await _wished(channel, ann)
        held["most until the end"] = memory.peak
        print(f"MB of memory for {SIZE / 1e6:.0f} MB:", {name: round(size / 1e6, 1) for name, size in held.items()})

        assert clip.files[0].size == SIZE
        assert await asyncio.to_thread(filecmp.cmp, clip.files[0].path, large, shallow=False)
        assert max(held.values()) - held["before the download"] < MOST
        assert await program.stop() == 0
