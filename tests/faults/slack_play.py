"""The person in front of the program on Slack: in a thread, with a command, in a form, alone with the bot."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Literal

from tests.emulators.slack import SlackMessage
from tests.faults.play import RICH, WAIT_S, Play
from tests.program.running import ready
from tests.program.services import SlackWorld

Where = Literal["channel", "direct"]


class SlackPlay(Play[SlackMessage]):
    """In a thread, of a channel or of the person's direct messages."""

    def __init__(self, world: SlackWorld, *, where: Where = "channel", name: str = "Ann") -> None:
        super().__init__(world)
        self._world: SlackWorld = world
        self._ann = world.slack.user(name)
        self._direct = world.slack.direct(self._ann)
        self._there = self._direct if where == "direct" else world.slack.channel("film-club", members=[self._ann])

    # --- what the person does --------------------------------------------------------------------------------------

    async def say(self, text: str = RICH) -> None:
        """As a message of its own, which begins a thread."""
        await self._there.say(self._ann, text if self._there is self._direct else f"@reelbot {text}")

    async def command(self, text: str = RICH) -> bool:
        """With the slash command; whether Slack says that it was taken."""
        await ready(self._world)
        try:
            await self._there.command(self._ann, text)
        except AssertionError:
            return False
        return True

    async def press(self, message: SlackMessage, label: str) -> None:
        """As the app does it."""
        await self.pressed(message, label)

    async def pressed(self, message: SlackMessage, label: str) -> bool:
        """The same; whether Slack says that it was taken."""
        await ready(self._world)
        return (await self._there.press(self._ann, message, label)).acknowledged

    async def tapped(self, message: SlackMessage, label: str) -> bool:
        """The same."""
        return await self.pressed(message, label)

    async def open_form(self, card: SlackMessage) -> None:
        """Open the form behind the card's button."""
        await self.press(card, "Change")
        await self._world.slack.wait_for_call("views.open")

    async def fill_in(self) -> bool:
        """Fill the open form and submit it; whether it closed."""
        await ready(self._world)
        try:
            return await self._world.slack.submit(self._ann, {"Length": "8 s"}) == {}
        except AssertionError:
            return False

    def remove_bot(self) -> None:
        """Take the bot out of the channel."""
        self._there.remove_bot()

    # --- what comes of it ------------------------------------------------------------------------------------------

    async def brought_directly(self) -> SlackMessage:
        """The clip in the person's own messages, once it is charged."""
        clip = await self._direct.wait_for(self._is_clip, timeout=WAIT_S)
        async with asyncio.timeout(WAIT_S):
            while "capture" not in self.ledger:  # noqa: ASYNC110 - a database
                await asyncio.sleep(0.05)
        await self.pause()
        return clip

    # --- what is counted -------------------------------------------------------------------------------------------

    @property
    def person(self) -> str:
        """Ours, with the platform's name before it."""
        return f"slack:{self._ann.id}"

    @property
    def messages(self) -> list[SlackMessage]:
        """Of the channel, and of the person's own messages."""
        return list(chain(self._direct.messages, self._there.messages if self._there is not self._direct else ()))

    @property
    def roots(self) -> list[SlackMessage]:
        """What the bot began threads with."""
        return self._said(lambda message: not message.thread_ts)

    @property
    def empty_threads(self) -> list[SlackMessage]:
        """Threads that the bot began and said nothing more in."""
        talked = {message.thread_ts for message in self.messages}
        return [root for root in self.roots if root.ts not in talked]

    @property
    def clip_is_whole(self) -> bool:
        """Whether the one clip there is has the service's bytes, and is in the thread that was asked in."""
        (clip,) = self.clips
        (order,) = self._world.google.omni.orders
        return self._world.slack.file_bytes(clip.files[0].id) == self._world.google.clip_bytes(order)

    @property
    def transcript(self) -> str:
        """Of both places."""
        return "\n".join(
            f"#{channel.name}\n{channel.transcript()}" for channel in dict.fromkeys((self._there, self._direct))
        )

    async def _wait(self, wanted: str | Callable[[SlackMessage], bool]) -> SlackMessage:
        return await self._there.wait_for(wanted, timeout=WAIT_S)

    async def _press_raw(self, message: SlackMessage, action: str) -> None:
        await ready(self._world)
        await self._there.press_raw(self._ann, message, action)

    def _buttons(self, message: SlackMessage) -> Sequence[tuple[str, str]]:
        return [(button.label, button.value) for button in message.buttons]

    def _is_clip(self, message: SlackMessage) -> bool:
        return bool(message.files)
