"""Messages as the core sends them, and a bot just clever enough to hold a conversation."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from adapters.terminal import TerminalPlatform, TerminalReceiver
from core.messages import Button, ConversationKey, Delivery, Incoming, Message, Person, Post, PostKind, Press

KEY = ConversationKey(platform="terminal", chat="ann")
LOOKS = ((Button(label="Realistic", action="look:real"), Button(label="Anime", action="look:anime")),)
CARD = ((Button(label="Make it · $0.56", action="make"), Button(label="Change…", action="change")),)
CANCEL = ((Button(label="Cancel", action="cancel"),),)
AFTER = ((Button(label="Another take", action="again"), Button(label="Original file", url="http://127.0.0.1/v/1")),)


def question(text: str = "Which look?") -> Post:
    return Post(key=KEY, kind=PostKind.QUESTION, text=text, buttons=LOOKS)


def card(heading: str = "v12 · A red fox") -> Post:
    return Post(key=KEY, kind=PostKind.CARD, heading=heading, text="8 s · 16:9", buttons=CARD)


def status(text: str, progress: float | None = None) -> Post:
    return Post(key=KEY, kind=PostKind.STATUS, text=text, progress=progress, buttons=CANCEL)


def delivery(clip: Path, name: str = "v12") -> Delivery:
    return Delivery(
        key=KEY,
        generation=name,
        announcement="Your clip is ready",
        caption="A red fox\n8 s · 720p",
        buttons=AFTER,
        reply_to="",
        clip=str(clip),
        poster="",
        file_name=f"{name}.mp4",
        width=1280,
        height=720,
        duration_s=8.0,
        size_bytes=3_200_000,
        requester=Person(id="terminal:ann", name="ann"),
    )


class Bot:
    """Asks for the look, shows a card, makes a clip; everything in tasks, as the program does."""

    def __init__(self, platform: TerminalPlatform, clip: Path) -> None:
        self.platform = platform
        self.clip = clip
        self.received: list[Incoming] = []
        self._turns: set[asyncio.Task[None]] = set()
        self._work: set[asyncio.Task[None]] = set()

    def receiver(self, **options: object) -> TerminalReceiver:
        return TerminalReceiver(self.platform, settled=self.settled, idle=self.idle, **options)  # type: ignore[arg-type]

    async def receive(self, incoming: Incoming) -> None:
        self.received.append(incoming)
        self._start(self._turns, self._turn(incoming))

    async def settled(self, key: ConversationKey) -> None:
        while self._turns:
            await asyncio.gather(*self._turns)

    async def idle(self, key: ConversationKey) -> None:
        while self._turns or self._work:
            await asyncio.gather(*self._turns, *self._work)

    def _start(self, tasks: set[asyncio.Task[None]], coroutine: object) -> None:
        task = asyncio.ensure_future(coroutine)  # type: ignore[call-overload]
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def _turn(self, incoming: Incoming) -> None:
        await self.platform.acknowledge(incoming)
        await asyncio.sleep(0.01)
        if isinstance(incoming, Message):
            await self.platform.post(question(), "")
        elif isinstance(incoming, Press) and incoming.action.startswith("look:"):
            answered = Post(key=KEY, kind=PostKind.QUESTION, text="Which look?\n→ Anime")
            await self.platform.post(answered, incoming.id)
            await self.platform.post(card(), "")
        elif incoming.action == "make":
            done = Post(key=KEY, kind=PostKind.CARD, heading="v12 · A red fox", text="8 s · 16:9")
            await self.platform.post(done, incoming.id)
            self._start(self._work, self._make())

    async def _make(self) -> None:
        shown = await self.platform.post(status("v12 · In the queue"), "")
        for step in range(11):
            await self.platform.post(status(f"v12 · Rendering · {step} s of 10 s", step / 10), shown)
            await asyncio.sleep(0.01)

        async def save(saved: Mapping[str, str]) -> None:
            await asyncio.sleep(0)

        await self.platform.deliver(delivery(self.clip), {}, save)
        await self.platform.post(Post(key=KEY, kind=PostKind.STATUS, text="v12 · Done"), shown)
