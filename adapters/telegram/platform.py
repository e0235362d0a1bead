"""The `Platform` port on Telegram: showing posts, delivering clips, fetching people's files.

What goes out passes `pacing` first; how a post looks is `rendering`'s work. Nothing here is repeated after an error
except what is plainly another call: a group that became a supergroup, a message that is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TypeVar

import structlog
from telegram import InlineKeyboardMarkup, InputFile, InputMediaVideo
from telegram.constants import ChatAction, ParseMode

from adapters.telegram import failures
from adapters.telegram.connection import TelegramConnection
from adapters.telegram.pacing import Pacing, Urgency
from adapters.telegram.parsing import DOWNLOAD_BYTES, PLATFORM
from adapters.telegram.rendering import CAPTION_LIMIT, html_caption, html_line, html_parts, keyboard
from adapters.telegram.rights import obstacle_in
from adapters.telegram.transport import BotApiError
from core.errors import PermanentError, ReelbotError, TemporaryError
from core.lately import Lately
from core.messages import Attachment, ConversationKey, Delivery, Incoming, Person, Post, PostKind, Press
from core.ports import Clock, Obstacle, Pace, PlatformLimits, Save

UPLOAD_BYTES = 50 << 20
"""What the public Bot API server takes from bots."""
_ANNOUNCED = "announced"
"""What a delivery keeps: the id of the message that announces the clip and becomes it."""
_NO_PREVIEW = {"is_disabled": True}
REACHED_FOR_S = 30.0
"""How long it is taken for granted that somebody has not blocked the bot since it could show them that it types."""

_log = structlog.get_logger(__name__)

T = TypeVar("T")


class TelegramPlatform:
    """Speaks for one bot.

    upload_bytes, download_bytes: what the server takes and gives (a local Bot API server allows 2,000 MB)
    overall_per_s, chat_burst, group_per_min: Telegram's limits, as `Pacing` has them
    shared: the pace of all processes that speak for this bot; None where there is only one
    """

    name = PLATFORM

    def __init__(
        self,
        connection: TelegramConnection,
        *,
        clock: Clock,
        upload_bytes: int = UPLOAD_BYTES,
        download_bytes: int = DOWNLOAD_BYTES,
        overall_per_s: int = 30,
        chat_burst: int = 3,
        group_per_min: int = 20,
        shared: Pace | None = None,
    ) -> None:
        self.limits = PlatformLimits(upload_bytes=upload_bytes, download_bytes=download_bytes)
        self._connection = connection
        self._bot = connection.bot
        self._pacing = Pacing(
            clock, overall_per_s=overall_per_s, chat_burst=chat_burst, group_per_min=group_per_min, shared=shared
        )
        self._migrated: dict[str, int] = {}
        self._clock = clock
        self._reached = Lately(REACHED_FOR_S)
        """Private chats that took a sign of ours."""

    async def acknowledge(self, incoming: Incoming) -> None:
        """Answer a press, or show that the bot is typing. Never raises."""
        try:
            with failures.mapped():
                if isinstance(incoming, Press):
                    await self._bot.answer_callback_query(incoming.ref)
                else:
                    key = incoming.key
                    await self._bot.send_chat_action(self._chat(key), ChatAction.TYPING, message_thread_id=_thread(key))
                    if incoming.private:
                        self._reached.see(key.chat, self._clock.now())
        except ReelbotError as error:
            _log.info("telegram_acknowledge_failed", event_id=incoming.event_id, error=type(error).__name__)

    async def obstacle(self, key: ConversationKey) -> Obstacle | None:
        """What would keep a clip from being posted here. Raises TemporaryError and PermanentError."""
        if self._reached.seen(key.chat, self._clock.now()):
            return None

        async def look(chat: int) -> Obstacle | None:
            return await obstacle_in(self._bot, chat, self._connection.bot_id)

        with failures.mapped():
            return await self._followed(key, look)

    async def post(self, post: Post, message_id: str) -> str:
        """Send a post, or edit a message into it; returns the id of the message (the last one of a long text, which
        carries the buttons). An edit is one message: too long a text is cut. A message that is gone is sent anew."""
        buttons = keyboard(post.buttons)
        if message_id:
            try:
                return await self._edit(post, _message(message_id))
            except _Gone:
                _log.info("telegram_message_gone", chat=post.key.chat, message_id=message_id)
        sent = ""
        parts = html_parts(post)
        for index, part in enumerate(parts):
            last = index == len(parts) - 1
            sent = await self._send(
                post.key, part, buttons=buttons if last else None, reply_to=post.reply_to, quiet=post.quiet or index > 0
            )
        return sent

    async def open(self, post: Post) -> ConversationKey:
        """Telegram's threads are made by people: the post goes to its own place, which is returned."""
        await self.post(post, "")
        return post.key

    async def direct(self, person: Person) -> ConversationKey | None:
        """The person's private chat, whose id is theirs; it takes nothing until they have written there."""
        return ConversationKey(platform=PLATFORM, chat=person.native_id)

    async def people(self, native_id: str) -> tuple[Person, ...]:
        """The person themselves: Telegram has no groups of people that an admin could name."""
        return (Person(id=f"{PLATFORM}:{native_id}", name=native_id),)

    async def deliver(self, delivery: Delivery, saved: Mapping[str, str], save: Save) -> str:
        """Announce the clip with a message that notifies, keep that message's id, then edit the message into the
        video. Doing the edit once more shows the same clip in the same message, so a lost answer does no harm."""
        if delivery.size_bytes > self.limits.upload_bytes:
            raise PermanentError("The clip is larger than Telegram takes.")
        announced = saved.get(_ANNOUNCED, "")
        if announced:
            try:
                return await self._show(delivery, _message(announced))
            except _Gone:
                _log.info("telegram_announcement_gone", generation=delivery.generation, message_id=announced)
        announced = await self._send(
            delivery.key, html_caption(delivery.announcement, ()), buttons=None, reply_to=delivery.reply_to, quiet=False
        )
        await save({**saved, _ANNOUNCED: announced})
        try:
            return await self._show(delivery, _message(announced))
        except _Gone as error:
            raise TemporaryError("The announcement was deleted at once.") from error

    async def fetch(self, attachment: Attachment, destination: Path) -> None:
        """Stream a person's file to `destination`; raises PermanentError for one that bots cannot get."""
        if not attachment.ref:
            raise PermanentError("There is no file in that message.")
        self._check_download(attachment.size_bytes)
        partial = destination.with_name(f"{destination.name}.part")
        with failures.mapped():
            file = await self._bot.get_file(attachment.ref)
            self._check_download(file.file_size or 0)
            if not file.file_path:
                raise PermanentError("Telegram does not keep this file any more.")
            try:
                size = await self._connection.download(file.file_path, partial, limit=self.limits.download_bytes)
                if file.file_size and size != file.file_size:
                    raise TemporaryError("The file arrived incomplete.")
                await asyncio.to_thread(partial.replace, destination)
            finally:
                await asyncio.to_thread(partial.unlink, missing_ok=True)

    def _check_download(self, size: int) -> None:
        if size > self.limits.download_bytes:
            limit = self.limits.download_bytes >> 20
            raise PermanentError(f"The file is larger than the {limit} MB that Telegram gives to bots.")

    async def _edit(self, post: Post, message: int) -> str:
        """Raises _Gone."""
        if not await self._turn(post.key, Urgency.PROGRESS if _is_progress(post) else Urgency.FINAL, edits=message):
            return str(message)
        buttons = keyboard(post.buttons)

        async def edit_text(chat: int) -> None:
            parameters = {
                "chat_id": chat,
                "message_id": message,
                "text": html_line(post),
                "parse_mode": ParseMode.HTML,
                "link_preview_options": _NO_PREVIEW,
                "reply_markup": buttons.to_dict() if buttons else None,
            }
            await self._connection.call("editMessageText", parameters)

        async def edit_caption(chat: int) -> None:
            await self._bot.edit_message_caption(
                chat,
                message,
                caption=html_line(post, limit=CAPTION_LIMIT),
                parse_mode=ParseMode.HTML,
                reply_markup=buttons,
            )

        with failures.mapped():
            try:
                await self._shown(post.key, edit_text)
            except BotApiError as error:
                if not failures.no_text(error):
                    raise
                await self._shown(post.key, edit_caption)
        return str(message)

    async def _show(self, delivery: Delivery, message: int) -> str:
        """Edit the announcement into the clip. Raises _Gone."""
        buttons = keyboard(delivery.buttons)
        await self._turn(delivery.key, Urgency.FINAL, edits=message)

        async def edit_media(chat: int) -> None:
            # Opened for each attempt: the transport closes what it has sent.
            with Path(delivery.clip).open("rb") as clip, Path(delivery.poster).open("rb") as poster:  # noqa: ASYNC230
                video = InputMediaVideo(
                    InputFile(clip, filename=delivery.file_name, attach=True, read_file_handle=False),
                    caption=html_caption(delivery.caption, delivery.buttons),
                    parse_mode=ParseMode.HTML,
                    width=delivery.width,
                    height=delivery.height,
                    duration=max(1, round(delivery.duration_s)),
                    supports_streaming=True,
                    thumbnail=InputFile(poster, filename="poster.jpg", attach=True, read_file_handle=False),
                )
                await self._bot.edit_message_media(video, chat, message, reply_markup=buttons)

        with failures.mapped():
            await self._shown(delivery.key, edit_media)
        return str(message)

    async def _send(
        self, key: ConversationKey, text: str, *, buttons: InlineKeyboardMarkup | None, reply_to: str, quiet: bool
    ) -> str:
        await self._turn(key, Urgency.FINAL)
        reply = {"message_id": _message(reply_to), "allow_sending_without_reply": True} if reply_to else None
        parameters = {
            "text": text,
            "parse_mode": ParseMode.HTML,
            "link_preview_options": _NO_PREVIEW,
            "disable_notification": quiet,
            "message_thread_id": _thread(key),
            "reply_parameters": reply,
            "reply_markup": buttons.to_dict() if buttons else None,
        }

        async def send(chat: int) -> int:
            sent = await self._connection.call("sendMessage", {"chat_id": chat, **parameters})
            return int(sent["message_id"])

        with failures.mapped():
            return str(await self._followed(key, send))

    async def _shown(self, key: ConversationKey, edit: Callable[[int], Awaitable[None]]) -> None:
        """An edit for which "it is so already" is success. Raises _Gone."""
        try:
            await self._followed(key, edit)
        except BotApiError as error:
            if failures.message_gone(error):
                raise _Gone from error
            if not failures.not_modified(error):
                raise

    async def _followed(self, key: ConversationKey, call: Callable[[int], Awaitable[T]]) -> T:
        """The call, made again for the supergroup when the group has become one. A 429 pauses the chat."""
        try:
            return await call(self._chat(key))
        except BotApiError as error:
            self._reached.forget(key.chat)
            if error.retry_after is not None:
                await self._pacing.hold(key.chat, error.retry_after)
            if error.migrate_to is None:
                raise
            _log.info("telegram_group_migrated", chat=key.chat, to=error.migrate_to)
            self._migrated[key.chat] = error.migrate_to
            return await call(error.migrate_to)

    async def _turn(self, key: ConversationKey, urgency: Urgency, *, edits: int = 0) -> bool:
        return await self._pacing.turn(key.chat, urgency=urgency, edits=str(edits) if edits else "")

    def _chat(self, key: ConversationKey) -> int:
        return self._migrated.get(key.chat) or _number(key.chat)


class _Gone(Exception):
    """The message to be edited is not there any more."""


def _is_progress(post: Post) -> bool:
    """Whether the next one will say it just as well: not so what a status shrinks to in the end."""
    return post.kind is PostKind.STATUS and (post.progress is not None or (post.quiet and bool(post.buttons)))


def _thread(key: ConversationKey) -> int | None:
    return _number(key.thread) if key.thread else None


def _message(message_id: str) -> int:
    return _number(message_id)


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise PermanentError(f"This is no id of Telegram's: {text[:40]!r}.") from error
