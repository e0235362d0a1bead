"""People, buttons and messages of the emulated server, in the form tests look at, and their Bot API form."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.emulators.telegram_errors import ApiError, bad_request
from tests.emulators.telegram_files import Media
from tests.emulators.telegram_text import Entity, units

if TYPE_CHECKING:
    from tests.emulators.telegram_chat import TelegramChat

CALLBACK_DATA_LIMIT = 64
BUTTONS_LIMIT = 100
BUTTONS_IN_ROW_LIMIT = 8
STYLES = ("danger", "success", "primary")


@dataclass(frozen=True, slots=True, kw_only=True)
class TelegramUser:
    """A person, or the bot."""

    id: int
    first_name: str
    username: str | None = None
    language_code: str | None = None
    is_bot: bool = False

    def to_api(self) -> dict[str, Any]:
        """A User."""
        user: dict[str, Any] = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
        if self.username is not None:
            user["username"] = self.username
        if self.language_code is not None:
            user["language_code"] = self.language_code
        return user


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """An inline button as it was sent."""

    text: str
    callback_data: str | None = None
    url: str | None = None
    copy_text: str | None = None
    style: str | None = None

    def to_api(self) -> dict[str, Any]:
        """An InlineKeyboardButton."""
        button: dict[str, Any] = {"text": self.text}
        for name in ("callback_data", "url", "style"):
            if (value := getattr(self, name)) is not None:
                button[name] = value
        if self.copy_text is not None:
            button["copy_text"] = {"text": self.copy_text}
        return button


Keyboard = tuple[tuple[Button, ...], ...]


def keyboard(markup: dict[str, Any] | None) -> Keyboard:
    """The rows of a decoded InlineKeyboardMarkup, checked. Raises ApiError 400 in the server's words."""
    if markup is None:
        return ()
    rows = tuple(tuple(_button(button) for button in row) for row in markup["inline_keyboard"] if row)
    if sum(map(len, rows)) > BUTTONS_LIMIT or any(len(row) > BUTTONS_IN_ROW_LIMIT for row in rows):
        raise bad_request("REPLY_MARKUP_TOO_LONG")
    return rows


def _button(raw: dict[str, Any]) -> Button:
    text = raw["text"]
    if not text.strip():
        raise _malformed("Inline keyboard button text must be non-empty")
    actions = [name for name in ("url", "callback_data", "copy_text") if name in raw]
    if not actions:
        raise bad_request("text buttons are unallowed in the inline keyboard")
    if len(actions) > 1:
        raise _malformed(f"exactly one of {', '.join(actions)} may be used")
    if "callback_data" in raw and not 1 <= len(raw["callback_data"].encode()) <= CALLBACK_DATA_LIMIT:
        raise bad_request("BUTTON_DATA_INVALID")
    if "url" in raw:
        address = urlsplit(raw["url"])
        host = address.hostname or ""
        if address.scheme != "tg" and (address.scheme not in ("http", "https") or "." not in host):
            raise bad_request(f"inline keyboard button URL '{raw['url']}' is invalid: Wrong HTTP URL")
    copied = raw.get("copy_text", {}).get("text")
    if copied is not None and not 1 <= units(copied) <= 256:
        raise bad_request("BUTTON_COPY_TEXT_INVALID")
    style = raw.get("style")
    if style is not None and style not in STYLES:
        raise _malformed(f'style must be one of {", ".join(STYLES)}, not "{style}"')
    return Button(text=text, callback_data=raw.get("callback_data"), url=raw.get("url"), copy_text=copied, style=style)


def _malformed(reason: str) -> ApiError:
    return bad_request(f"can't parse inline keyboard button: {reason}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a message said before it was edited."""

    text: str | None
    caption: str | None
    keyboard: Keyboard
    media: Media | None

    @property
    def buttons(self) -> list[Button]:
        """All buttons, row after row."""
        return [button for row in self.keyboard for button in row]


@dataclass(slots=True, kw_only=True, eq=False)
class TelegramMessage:
    """A message in its current state. Text and caption are plain, after parsing."""

    id: int
    chat: "TelegramChat"
    sender: TelegramUser
    date: int
    """Unix time; a test may set it back to make a message old"""
    created: int
    """the emulator's count of changes when the message was sent"""
    changed: int
    """the same when it was last sent, edited, deleted or reacted to"""
    text: str | None = None
    caption: str | None = None
    entities: list[Entity] = field(default_factory=list)
    """of the text, or else of the caption"""
    media: Media | None = None
    keyboard: Keyboard = ()
    reply_to: "TelegramMessage | None" = None
    thread: int | None = None
    """the topic's message_thread_id; None outside topics and in General"""
    other: dict[str, Any] = field(default_factory=dict)
    """further Bot API fields, such as a service message's content"""
    silent: bool = False
    """sent without a notification"""
    edit_date: int | None = None
    edits: list[Snapshot] = field(default_factory=list)
    """earlier states, oldest first"""
    deleted: bool = False
    reactions: list[str] = field(default_factory=list)
    """the bot's emoji"""

    @property
    def from_bot(self) -> bool:
        """Whether the bot sent it."""
        return self.sender.is_bot

    @property
    def said(self) -> str:
        """Text or caption."""
        return self.text or self.caption or ""

    @property
    def buttons(self) -> list[Button]:
        """All buttons, row after row."""
        return [button for row in self.keyboard for button in row]

    @property
    def video(self) -> Media | None:
        """The video, if it is one."""
        return self._of("video")

    @property
    def photo(self) -> Media | None:
        """The photo, if it is one."""
        return self._of("photo")

    @property
    def document(self) -> Media | None:
        """The document, if it is one."""
        return self._of("document")

    @property
    def voice(self) -> Media | None:
        """The voice note, if it is one."""
        return self._of("voice")

    def _of(self, kind: str) -> Media | None:
        return self.media if self.media is not None and self.media.kind == kind else None

    def snapshot(self) -> Snapshot:
        """The current state, to keep."""
        return Snapshot(text=self.text, caption=self.caption, keyboard=self.keyboard, media=self.media)

    def earlier_in_thread(self) -> Iterator["TelegramMessage"]:
        """The message, the one it answers, the one that answers, and so on."""
        message: TelegramMessage | None = self
        while message is not None:
            yield message
            message = message.reply_to

    def to_api(self, *, nested: bool = False) -> dict[str, Any]:
        """A Message. A nested one (in reply_to_message) does not say what it replies to itself."""
        raw: dict[str, Any] = {
            "message_id": self.id,
            "from": self.sender.to_api(),
            "chat": self.chat.to_api(),
            "date": self.date,
            **self.other,
        }
        if self.text is not None:
            raw["text"] = self.text
            raw |= {"entities": self.entities} if self.entities else {}
        if self.media is not None:
            raw[self.media.kind] = self.media.to_api()
            if self.caption:
                raw["caption"] = self.caption
                raw |= {"caption_entities": self.entities} if self.entities else {}
        if self.keyboard:
            raw["reply_markup"] = {"inline_keyboard": [[button.to_api() for button in row] for row in self.keyboard]}
        if self.edit_date is not None:
            raw["edit_date"] = self.edit_date
        replied = self.reply_to
        if self.thread is not None:
            raw |= {"message_thread_id": self.thread, "is_topic_message": True}
            if replied is None and self.id != self.thread:
                replied = self.chat.message(self.thread)
        elif self.reply_to is not None and self.chat.is_group and not self.chat.forum:
            # A supergroup without topics also counts replies as threads, named after the first message: an id
            # that no call accepts.
            raw["message_thread_id"] = [*self.earlier_in_thread()][-1].id
        if replied is not None and not nested:
            raw["reply_to_message"] = replied.to_api(nested=True)
        return raw


@dataclass(slots=True, kw_only=True, eq=False)
class TelegramPress:
    """A press on a button, and what the bot answered to it."""

    id: str
    user: TelegramUser
    message: TelegramMessage
    data: str
    label: str
    at: float
    """monotonic seconds"""
    created: int
    """the emulator's count of changes when the button was pressed"""
    answered: bool = False
    answer: str | None = None
    alert: bool = False

    def to_api(self) -> dict[str, Any]:
        """A CallbackQuery."""
        shown = self.message.to_api()
        if self.message.deleted:
            shown = {"chat": self.message.chat.to_api(), "message_id": self.message.id, "date": 0}
        return {
            "id": self.id,
            "from": self.user.to_api(),
            "message": shown,
            "chat_instance": str(self.message.chat.id * 7919),
            "data": self.data,
        }
