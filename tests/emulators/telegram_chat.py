"""A chat as people and tests use it: people write, send, edit and press; tests wait for the bot and read along."""

import asyncio
import io
import time
from collections.abc import Callable, Sequence
from typing import Any

from PIL import Image

from tests.emulators.telegram_files import Media, MediaKind
from tests.emulators.telegram_messages import Button, TelegramMessage, TelegramPress, TelegramUser
from tests.emulators.telegram_room import TelegramRoom, TelegramTopic
from tests.emulators.telegram_text import CAPTION_LIMIT, MESSAGE_LIMIT, found_entities, units
from tests.emulators.telegram_transcript import transcript

Where = TelegramTopic | int | None
Wanted = str | Callable[[TelegramMessage], bool]


class TelegramChat(TelegramRoom):
    """A private chat or a supergroup, from the people's side."""

    async def say(
        self, user: TelegramUser, text: str, *, reply_to: TelegramMessage | None = None, thread: Where = None
    ) -> TelegramMessage:
        """Send a text. Raises ValueError for what Telegram's own apps would not send."""
        text = text.strip()
        if not 1 <= units(text) <= MESSAGE_LIMIT:
            raise ValueError(f"a text has 1 to {MESSAGE_LIMIT} UTF-16 units; apps send a longer one in parts")
        return self._sent(user, reply_to, thread, text=text, entities=found_entities(text))

    async def photo(
        self,
        user: TelegramUser,
        content: bytes,
        *,
        caption: str | None = None,
        reply_to: TelegramMessage | None = None,
        thread: Where = None,
    ) -> TelegramMessage:
        """Send an image as a photo."""
        return self._media(user, "photo", content, caption, reply_to, thread)

    async def video(
        self,
        user: TelegramUser,
        content: bytes,
        *,
        width: int = 1280,
        height: int = 720,
        duration: int = 8,
        caption: str | None = None,
        reply_to: TelegramMessage | None = None,
        thread: Where = None,
    ) -> TelegramMessage:
        """Send a video. Pixels and seconds are what the sender's app says about it."""
        return self._media(
            user, "video", content, caption, reply_to, thread,
            name="video.mp4", width=width, height=height, duration=duration,
        )  # fmt: skip

    async def voice(
        self,
        user: TelegramUser,
        content: bytes,
        *,
        duration: int = 3,
        caption: str | None = None,
        reply_to: TelegramMessage | None = None,
        thread: Where = None,
    ) -> TelegramMessage:
        """Send a voice note (OGG with Opus)."""
        return self._media(user, "voice", content, caption, reply_to, thread, duration=duration)

    async def document(
        self,
        user: TelegramUser,
        content: bytes,
        *,
        name: str = "file.bin",
        mime_type: str = "application/octet-stream",
        caption: str | None = None,
        reply_to: TelegramMessage | None = None,
        thread: Where = None,
    ) -> TelegramMessage:
        """Send a file as a document."""
        return self._media(user, "document", content, caption, reply_to, thread, name=name, mime_type=mime_type)

    async def album(
        self,
        user: TelegramUser,
        items: Sequence[bytes | tuple[MediaKind, bytes]],
        *,
        caption: str | None = None,
        thread: Where = None,
    ) -> list[TelegramMessage]:
        """Send 2 to 10 photos (bytes) or other media (kind and bytes) as an album; the first has the caption."""
        if not 2 <= len(items) <= 10:
            raise ValueError("an album has 2 to 10 items")
        group = {"media_group_id": str(13_000_000_000_000_000 + self.state.count)}
        messages = []
        for item in items:
            kind: MediaKind
            kind, content = ("photo", item) if isinstance(item, bytes) else item
            messages.append(self._media(user, kind, content, caption, None, thread, other=group))
            caption = None
        return messages

    async def send_other(self, user: TelegramUser, content: dict[str, Any], *, thread: Where = None) -> TelegramMessage:
        """Send anything else, given as the fields of a Message: `{"location": {…}}`, `{"dice": {…}}`."""
        return self._sent(user, None, thread, other=content)

    async def forward(self, user: TelegramUser, message: TelegramMessage, *, thread: Where = None) -> TelegramMessage:
        """Forward a message from any chat to this one."""
        origin = {"type": "user", "date": message.date, "sender_user": message.sender.to_api()}
        content = {"text": message.text, "caption": message.caption, "media": message.media}
        return self._sent(user, None, thread, **content, entities=message.entities, other={"forward_origin": origin})

    async def edit(self, user: TelegramUser, message: TelegramMessage, text: str) -> TelegramMessage:
        """Edit a message's text, or its caption."""
        if message.sender != user or message.deleted:
            raise ValueError(f"{user.first_name} can't edit message {message.id}")
        message.edits.append(message.snapshot())
        if message.media is None:
            message.text = text
        else:
            message.caption = text
        message.entities = found_entities(text)
        message.edit_date = int(time.time())
        message.changed = self.state.changed()
        self.show_bot("edited_message", message)
        return message

    async def delete(self, message: TelegramMessage) -> None:
        """Delete a message as a person may; the Bot API does not tell the bot."""
        message.deleted = True
        message.changed = self.state.changed()

    async def press(self, user: TelegramUser, message: TelegramMessage, label: str) -> TelegramPress:
        """Press the button of the message, as it is now, whose text starts with the label, or else contains it.
        Raises AssertionError with the buttons there are."""
        button = _button(message, label)
        assert button.callback_data is not None, f"{button} opens or copies something; the bot does not learn of it"
        return self._pressed(user, message, button.callback_data, button.text)

    async def press_raw(self, user: TelegramUser, message: TelegramMessage, callback_data: str) -> TelegramPress:
        """Send callback data that no button needs to have, as a forging client can."""
        return self._pressed(user, message, callback_data, callback_data)

    async def block(self) -> None:
        """The person blocks the bot (private chats)."""
        before = self.member_to_api(self.state.bot.id)
        self.blocked = True
        self.tell_membership(before, None)

    async def unblock(self) -> None:
        """The person lets the bot write again."""
        before = self.member_to_api(self.state.bot.id)
        self.blocked = False
        self.tell_membership(before, None)

    async def wait_for(
        self, wanted: Wanted, timeout: float = 10.0, after: TelegramMessage | TelegramPress | None = None
    ) -> TelegramMessage:
        """The oldest message of the bot that is as wanted in its current state, as soon as there is one.

        wanted: a predicate, or a part of the text, the caption or a button's label
        timeout: seconds
        after: look only at what the bot sent or edited after this message was sent, or this button pressed

        Raises AssertionError with the conversation when there is none in time.
        """
        since = 0 if after is None else after.created
        matches = wanted if callable(wanted) else _containing(wanted)
        deadline = time.monotonic() + timeout
        while True:
            for message in self.messages:
                if message.from_bot and not message.deleted and message.changed > since and matches(message):
                    return message
            left = deadline - time.monotonic()
            if left <= 0:
                what = repr(wanted) if isinstance(wanted, str) else "what the predicate wants"
                raise AssertionError(f"after {timeout} s the bot has not said {what}:\n{self.transcript()}")
            await self.state.changes.wait(left)

    async def answer_to(self, press: TelegramPress, timeout: float = 10.0) -> TelegramPress:
        """The press, as soon as the bot has answered it. Raises AssertionError when it does not in time."""
        try:
            async with asyncio.timeout(timeout):
                while not press.answered:
                    await self.state.changes.wait()
        except TimeoutError as error:
            raise AssertionError(f"the press on {press.label!r} was not answered:\n{self.transcript()}") from error
        return press

    def transcript(self) -> str:
        """The conversation as text, each message in its current state, presses where they happened."""
        return transcript(self.messages, self.presses)

    def _media(
        self,
        user: TelegramUser,
        kind: MediaKind,
        content: bytes,
        caption: str | None,
        reply_to: TelegramMessage | None,
        thread: Where,
        *,
        name: str | None = None,
        mime_type: str | None = None,
        width: int = 0,
        height: int = 0,
        duration: int = 0,
        other: dict[str, Any] | None = None,
    ) -> TelegramMessage:
        if caption is not None and units(caption) > CAPTION_LIMIT:
            raise ValueError(f"a caption has at most {CAPTION_LIMIT} UTF-16 units")
        files = self.state.files
        if kind == "photo":
            Image.open(io.BytesIO(content)).verify()
            path = files.new_path()
            path.write_bytes(content)
            media = files.photo(path, name=None)
        else:
            usual = {"video": "video/mp4", "voice": "audio/ogg"}.get(kind, "application/octet-stream")
            stored = files.keep_bytes(content, kind=kind, name=name, mime_type=mime_type or usual)
            media = Media(kind=kind, file=stored, width=width, height=height, duration=duration)
        entities = found_entities(caption or "")
        return self._sent(user, reply_to, thread, media=media, caption=caption, entities=entities, other=other or {})

    def _sent(
        self, user: TelegramUser, reply_to: TelegramMessage | None, thread: Where, **content: Any
    ) -> TelegramMessage:
        if user not in self.members:
            raise ValueError(f"{user.first_name} is not in {self.title}")
        if self.blocked:
            raise ValueError(f"{user.first_name} has blocked the bot and cannot write to it")
        if reply_to is not None and reply_to.chat is not self:
            raise ValueError("a reply is in the chat of the message it answers")
        topic = thread.message_thread_id if isinstance(thread, TelegramTopic) else thread
        if topic is None and reply_to is not None:
            topic = reply_to.thread
        if topic is not None and topic not in self.topics:
            raise ValueError(f"{self.title} has no topic {topic}")
        self.started = True
        message = self.add(user, thread=topic, reply_to=reply_to, **content)
        self.show_bot("message", message)
        return message

    def _pressed(self, user: TelegramUser, message: TelegramMessage, data: str, label: str) -> TelegramPress:
        press = TelegramPress(
            id=str(4_000_000_000_000_000 + self.state.count),
            user=user,
            message=message,
            data=data,
            label=label,
            at=time.monotonic(),
            created=self.state.changed(),
        )
        self.presses.append(press)
        self.state.presses[press.id] = press
        self.state.updates.emit("callback_query", press.to_api())
        return press


def _button(message: TelegramMessage, label: str) -> Button:
    if message.deleted:
        raise AssertionError(f"message {message.id} is deleted; there is nothing to press")
    for fits in (str.startswith, str.__contains__):
        for button in message.buttons:
            if fits(button.text, label):
                return button
    labels = ", ".join(repr(button.text) for button in message.buttons) or "none"
    raise AssertionError(f"message {message.id} has no button {label!r}; its buttons: {labels}\n{message.said}")


def _containing(part: str) -> Callable[[TelegramMessage], bool]:
    return lambda message: part in message.said or any(part in button.text for button in message.buttons)
