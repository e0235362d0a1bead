"""Where a person of the chaos talks with the bot, on whichever platform: what there is to read, and taps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from core.actions import Action, parse_action
from tests.emulators.slack import SlackEmulator, SlackMessage
from tests.emulators.telegram import TelegramEmulator, TelegramMessage

Message = Any
"""A message of either platform."""


class Place(ABC):
    """One person's."""

    person: str
    """Ours, with the platform's name before it."""

    @abstractmethod
    async def say(self, text: str) -> int:
        """Say it, and return the emulator's count of changes then."""

    @abstractmethod
    async def press(self, message: Message, action: str) -> None:
        """A tap on a button, which may be gone."""

    @property
    @abstractmethod
    def messages(self) -> Sequence[Message]:
        """Everything there is, deleted messages too."""

    @abstractmethod
    def texts(self, message: Message) -> list[str]:
        """What each button carries."""

    @abstractmethod
    def clip(self, message: Message) -> bytes | None:
        """The clip that the message is, None for anything else."""

    @abstractmethod
    def is_clip(self, message: Message) -> bool:
        """Whether it is a clip."""

    @abstractmethod
    def key(self, message: Message) -> tuple[Any, Any]:
        """What the journal of calls knows it by."""

    @abstractmethod
    def transcript(self) -> str:
        """The conversation as text."""

    def actions(self, message: Message) -> list[tuple[str, Action]]:
        """What each button carries, as text and taken apart."""
        return [(text, found) for text in self.texts(message) if (found := parse_action(text)) is not None]


class TelegramPlace(Place):
    """A private chat."""

    def __init__(self, telegram: TelegramEmulator, name: str) -> None:
        self._telegram = telegram
        self._user = telegram.user(name)
        self._chat = telegram.private(self._user)
        self.person = f"telegram:{self._user.id}"

    async def say(self, text: str) -> int:
        """Say it, and return the emulator's count of changes then."""
        return (await self._chat.say(self._user, text)).created

    async def press(self, message: TelegramMessage, action: str) -> None:
        """A tap on a button, which may be gone."""
        await self._chat.press_raw(self._user, message, action)

    @property
    def messages(self) -> Sequence[TelegramMessage]:
        """Everything there is."""
        return self._chat.messages

    def texts(self, message: TelegramMessage) -> list[str]:
        """What each button carries."""
        return [button.callback_data or "" for button in message.buttons]

    def is_clip(self, message: TelegramMessage) -> bool:
        """Whether it is a clip."""
        return message.video is not None

    def clip(self, message: TelegramMessage) -> bytes | None:
        """The clip that the message is."""
        return self._telegram.file_bytes(message.video.file_id) if message.video is not None else None

    def key(self, message: TelegramMessage) -> tuple[Any, Any]:
        """Chat and id."""
        return message.chat.id, message.id

    def transcript(self) -> str:
        """The conversation as text."""
        return self._chat.transcript()


class SlackPlace(Place):
    """Direct messages with the bot, or a channel."""

    def __init__(self, slack: SlackEmulator, name: str, *, channel: bool) -> None:
        self._slack = slack
        self._user = slack.user(name)
        self._direct = slack.direct(self._user)
        self._channel = slack.channel(name.lower().replace(" ", "-"), members=[self._user]) if channel else None
        self.person = f"slack:{self._user.id}"

    async def say(self, text: str) -> int:
        """Say it, and return the emulator's count of changes then."""
        if self._channel is not None:
            return (await self._channel.say(self._user, f"@reelbot {text}")).created
        return (await self._direct.say(self._user, text)).created

    async def press(self, message: SlackMessage, action: str) -> None:
        """A tap on a button, which may be gone; Slack may say that the bot did not answer."""
        there = self._direct if message.channel_id == self._direct.id else self._channel
        assert there is not None
        with suppress(TimeoutError):
            await there.press_raw(self._user, message, action)

    @property
    def messages(self) -> Sequence[SlackMessage]:
        """Everything there is, the oldest first."""
        found = [*self._direct.messages, *(self._channel.messages if self._channel is not None else ())]
        return sorted(found, key=lambda one: one.created)

    def texts(self, message: SlackMessage) -> list[str]:
        """What each button carries."""
        return [button.value for button in message.buttons]

    def is_clip(self, message: SlackMessage) -> bool:
        """Whether it is a clip."""
        return bool(message.files)

    def clip(self, message: SlackMessage) -> bytes | None:
        """The clip that the message is."""
        return self._slack.file_bytes(message.files[0].id) if message.files else None

    def key(self, message: SlackMessage) -> tuple[Any, Any]:
        """Channel and time stamp."""
        return message.channel_id, message.ts

    def transcript(self) -> str:
        """The conversation as text."""
        places = (self._direct, *((self._channel,) if self._channel is not None else ()))
        return "\n".join(f"#{place.name}\n{place.transcript()}" for place in places)
