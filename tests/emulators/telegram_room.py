"""A chat as the server keeps it: its members and topics, what the bot may do in it, and its messages.

What people do in it, and what tests ask of it, is in telegram_chat.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self, cast

from tests.emulators.telegram_errors import bad_request, forbidden
from tests.emulators.telegram_messages import TelegramMessage, TelegramPress, TelegramUser

if TYPE_CHECKING:
    from tests.emulators.telegram_chat import TelegramChat
    from tests.emulators.telegram_state import ServerState

TOPIC_COLOR = 7322096

PERMISSIONS = (
    "can_send_messages", "can_send_audios", "can_send_documents", "can_send_photos", "can_send_videos",
    "can_send_video_notes", "can_send_voice_notes", "can_send_polls", "can_send_other_messages",
    "can_add_web_page_previews", "can_react_to_messages", "can_edit_tag", "can_change_info", "can_invite_users",
    "can_pin_messages", "can_manage_topics",
)  # fmt: skip
ADMIN_RIGHTS = (
    "can_manage_chat", "can_delete_messages", "can_manage_video_chats", "can_restrict_members",
    "can_promote_members", "can_change_info", "can_invite_users", "can_post_stories", "can_edit_stories",
    "can_delete_stories", "can_pin_messages", "can_manage_topics",
)  # fmt: skip
_NEEDS_ADMIN = frozenset(ADMIN_RIGHTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class TelegramTopic:
    """A topic of a forum, or of a private chat with topics."""

    message_thread_id: int
    name: str


class TelegramRoom:
    """A private chat or a supergroup.

    bot_rights: what differs from an ordinary member, by the Bot API's names: `{"can_send_videos": False}` restricts
    the bot, `{"can_manage_topics": True}` makes it an administrator
    """

    def __init__(
        self,
        state: "ServerState",
        *,
        chat_id: int,
        kind: Literal["private", "supergroup"],
        title: str,
        members: Iterable[TelegramUser],
        username: str | None = None,
        owner: TelegramUser | None = None,
        forum: bool = False,
        started: bool = True,
        bot_is_member: bool = True,
        bot_is_admin: bool = False,
        bot_rights: Mapping[str, bool] | None = None,
    ) -> None:
        unknown = set(bot_rights or {}) - {*PERMISSIONS, *ADMIN_RIGHTS}
        if unknown:
            raise ValueError(f"no such right in the Bot API: {', '.join(sorted(unknown))}")
        self.state = state
        self.id = chat_id
        self.kind = kind
        self.title = title
        self.members = list(members)
        self.username = username
        self.owner = owner
        self.forum = forum
        self.started = started
        self.blocked = False
        self.bot_is_member = bot_is_member
        self.bot_rights = dict(bot_rights or {})
        if bot_is_admin:
            self.bot_rights["can_manage_chat"] = True
        self.topics: dict[int, TelegramTopic] = {}
        self.messages: list[TelegramMessage] = []
        self.presses: list[TelegramPress] = []
        # A supergroup's first message says that it was made; so no topic has id 1, which stands for General.
        self._last_id = 1 if kind == "supergroup" else 0

    @property
    def is_group(self) -> bool:
        """Whether it is a supergroup."""
        return self.kind == "supergroup"

    @property
    def has_topics(self) -> bool:
        """Whether messages can be in topics here."""
        return self.forum if self.is_group else self.state.limits.private_topics

    @property
    def bot_is_admin(self) -> bool:
        """Whether the bot has any right that only administrators have."""
        return any(granted and name in _NEEDS_ADMIN for name, granted in self.bot_rights.items())

    def to_api(self) -> dict[str, Any]:
        """A Chat."""
        chat: dict[str, Any] = {"id": self.id, "type": self.kind}
        chat["title" if self.is_group else "first_name"] = self.title
        if self.username is not None:
            chat["username"] = self.username
        if self.forum:
            chat["is_forum"] = True
        return chat

    def to_full_api(self) -> dict[str, Any]:
        """A ChatFullInfo."""
        gifts = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
        full = {
            **self.to_api(),
            "accent_color_id": 0,
            "max_reaction_count": 11,
            "accepted_gift_types": dict.fromkeys(gifts, not self.is_group),
        }
        if self.is_group:
            full["permissions"] = {name: name not in _NEEDS_ADMIN for name in PERMISSIONS}
        return full

    def member_to_api(self, user_id: int) -> dict[str, Any]:
        """A ChatMember. Raises ApiError 400 when nobody has this id."""
        if user_id == self.state.bot.id:
            return self._bot_to_api()
        user = self.state.users.get(user_id)
        if user is None:
            raise bad_request("user not found")
        if user == self.owner:
            return {"status": "creator", "user": user.to_api(), "is_anonymous": False}
        return {"status": "member" if user in self.members else "left", "user": user.to_api()}

    def _bot_to_api(self) -> dict[str, Any]:
        bot = {"user": self.state.bot.to_api()}
        if self.blocked:
            return {"status": "kicked", **bot, "until_date": 0}
        if not self.bot_is_member:
            return {"status": "left", **bot}
        if self.bot_is_admin:
            rights = {name: self.bot_may(name) for name in ADMIN_RIGHTS} | {"can_manage_chat": True}
            return {"status": "administrator", **bot, "can_be_edited": False, "is_anonymous": False, **rights}
        if not all(self.bot_rights.values()):
            rights = {name: self.bot_may(name) for name in PERMISSIONS}
            return {"status": "restricted", **bot, "is_member": True, "until_date": 0, **rights}
        return {"status": "member", **bot}

    def bot_may(self, right: str) -> bool:
        """Whether the bot has a right here, by the Bot API's name for it."""
        return not self.is_group or self.bot_rights.get(right, right not in _NEEDS_ADMIN)

    def check_bot_is_here(self) -> None:
        """Raise ApiError 403 when the bot cannot reach the chat."""
        if self.is_group and not self.bot_is_member:
            raise forbidden("bot is not a member of the supergroup chat")
        if self.blocked:
            raise forbidden("bot was blocked by the user")
        if not self.started:
            raise forbidden("bot can't initiate conversation with a user")

    def message(self, message_id: int) -> TelegramMessage | None:
        """The message with this id, unless it was deleted."""
        return next((one for one in self.messages if one.id == message_id and not one.deleted), None)

    def add(self, sender: TelegramUser, *, thread: int | None = None, **content: Any) -> TelegramMessage:
        """Append a message; `content` is what TelegramMessage takes."""
        self._last_id += 1
        count = self.state.changed()
        message = TelegramMessage(
            id=self._last_id,
            chat=cast("TelegramChat", self),
            sender=sender,
            date=int(time.time()),
            thread=thread,
            created=count,
            changed=count,
            **content,
        )
        self.messages.append(message)
        return message

    def add_topic(self, sender: TelegramUser, name: str, *, icon_color: int = TOPIC_COLOR) -> TelegramTopic:
        """Open a topic; its id is the id of the service message that announces it."""
        message = self.add(sender, other={"forum_topic_created": {"name": name, "icon_color": icon_color}})
        message.thread = message.id
        topic = self.topics[message.id] = TelegramTopic(message_thread_id=message.id, name=name)
        if not sender.is_bot:
            self.show_bot("message", message)
        return topic

    def delete_topic(self, topic: TelegramTopic) -> None:
        """Delete a topic with all its messages, as a person may; the bot is not told."""
        del self.topics[topic.message_thread_id]
        for message in self.messages:
            if message.thread == topic.message_thread_id:
                message.deleted = True
                message.changed = self.state.changed()

    def show_bot(self, kind: str, message: TelegramMessage) -> None:
        """Send the bot an update with the message, if it gets to see it."""
        if not self.blocked and self.bot_is_member and self._meant_for_bot(message):
            self.state.updates.emit(kind, message.to_api())

    def _meant_for_bot(self, message: TelegramMessage) -> bool:
        service = message.text is None and message.media is None
        if not self.is_group or not self.state.limits.privacy or self.bot_is_admin or service:
            return True
        name = f"@{self.state.bot.username}".lower()
        said = message.said.lower()
        to_bot = message.reply_to is not None and message.reply_to.from_bot
        last = next((one for one in reversed(self.messages[:-1]) if one.from_bot), None)
        command = said.startswith("/") and "@" not in said.split()[0] and last is not None
        return to_bot or name in said or command

    def set_bot(
        self, *, member: bool | None = None, rights: Mapping[str, bool] | None = None, by: TelegramUser | None = None
    ) -> Self:
        """Add or remove the bot, or replace what it may do; the bot gets a my_chat_member update."""
        before = self._bot_to_api()
        self.bot_is_member = self.bot_is_member if member is None else member
        self.bot_rights = self.bot_rights if rights is None else dict(rights)
        self.tell_membership(before, by)
        return self

    def tell_membership(self, before: dict[str, Any], by: TelegramUser | None) -> None:
        """Send the bot a my_chat_member update with what it was before and is now."""
        payload = {
            "chat": self.to_api(),
            "from": (by or self.members[0]).to_api(),
            "date": int(time.time()),
            "old_chat_member": before,
            "new_chat_member": self._bot_to_api(),
        }
        self.state.changed()
        self.state.updates.emit("my_chat_member", payload)
