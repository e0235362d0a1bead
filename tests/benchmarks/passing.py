"""By how much the program's memory grows while it passes a finished clip of 500 MB through.

It is fetched from the service, brought to the disk, measured, kept in the clip store and uploaded to Slack, which takes
it as it is (Telegram's public server would not: there it is made smaller first). The clip is a real one with as much
room in the file as is missing. Two small ones of the same kind go first, because what stays for good of the first, the
decoders above all, is no part of what a large one takes. The growth is from what the process holds when the card is
tapped to the most that it holds until all is said. Linux only.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.benchmarks.figures import Figure
from tests.benchmarks.usage import forget_peak, memory_mb
from tests.emulators.google import Clip
from tests.emulators.slack import SlackChannel, SlackMessage, SlackUser
from tests.faults.padding import padded
from tests.program.running import process, ready
from tests.program.services import Provider, slack_world

SIZE = 500 << 20
PIECE = 1 << 20
"""How much the service sends at a time, in bytes."""
LONGEST_S = 120.0
"""How long one clip may take, in seconds."""
WISH = "a red fox trotting through fresh snow at sunrise, cinematic, 4 seconds"


async def measure(folder: Path) -> list[Figure]:
    """The larger growth of both services'; `folder` takes the files."""
    large = await asyncio.to_thread(padded, folder / "large.mp4", SIZE)
    grown = {
        "Omni": await _growth(folder / "omni", "omni", large),
        "Veo": await _growth(folder / "veo", "veo", large),
    }
    return [
        Figure(
            name="memory while passing a 500 MB clip through",
            value=max(grown.values()),
            unit="MB",
            target=32.0,
            seen=", ".join(f"{mb:.1f} MB from {service}" for service, mb in grown.items()),
        )
    ]


async def _growth(folder: Path, provider: Provider, large: Path) -> float:
    """Megabytes. Raises RuntimeError when something else than this clip arrives."""
    folder.mkdir()
    async with slack_world(folder, provider=provider) as outside, process(outside) as program:
        google, slack = outside.google, outside.slack
        google.pace.piece = PIECE
        await program.start()
        await ready(outside)
        ann = slack.user("Ann")
        channel = slack.channel("film-club", members=[ann])
        for _ in range(2):
            root, card = await _card(channel, ann)
            await _made(channel, ann, root, card)
        orders = google.omni if provider == "omni" else google.veo
        orders.next(Clip(path=large))
        root, card = await _card(channel, ann)
        forget_peak(program.pid)
        before = memory_mb(program.pid)
        clip = await _made(channel, ann, root, card)
        grown = memory_mb(program.pid, "VmHWM") - before
        await program.stop()
    if clip.files[0].size != SIZE:
        raise RuntimeError(f"{clip.files[0].size} bytes arrived and not {SIZE}")
    return grown


async def _card(channel: SlackChannel, person: SlackUser) -> tuple[SlackMessage, SlackMessage]:
    root = await channel.say(person, f"@reelbot {WISH}")
    return root, await channel.wait_for("Make it", after=root)


async def _made(channel: SlackChannel, person: SlackUser, root: SlackMessage, card: SlackMessage) -> SlackMessage:
    """The message with the clip, after all is said about it."""
    await channel.press(person, card, "Make it")
    clip = await channel.wait_for(lambda message: bool(message.files), after=root, timeout=LONGEST_S)
    await channel.wait_for("Done", after=root, timeout=LONGEST_S)
    return clip
