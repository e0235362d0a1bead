"""A conversation as the server keeps it: its members and messages, what the bot may do in it, and what the app is told
of it.

What people do in it, and what tests ask of it, is in slack_channel.
"""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from tests.emulators.slack_events import event_ts, wrapped
from tests.emulators.slack_messages import SlackFile, SlackMessage, SlackPress, SlackUser
from tests.emulators.slack_schema import SlackError

if TYPE_CHECKING:
    from tests.emulators.slack_state import ServerState

ChannelKind = Literal["channel", "private", "im", "mpim"]
API_KINDS = {"channel": "channel", "private": "group", "im": "im", "mpim": "mpim"}
POST_ANYWHERE = "chat:write.public"
EVENT_SCOPES = {
    "channel": "channels:history",
    "private": "groups:history",
    "im": "im:history",
    "mpim": "mpim:history",
}
"""The scope without which messages in a conversation of this kind are not shown to the app."""


class SlackRoom:
    """A public or private channel, a DM or a group DM."""

    def __init__(
        self,
        state: "ServerState",
        *,
        channel_id: str,
        kind: ChannelKind,
        name: str,
        members: Sequence[SlackUser],
        bot_is_member: bool = True,
        posting_restricted: bool = False,
    ) -> None:
        self.state = state
        self.id = channel_id
        self.kind = kind
        self.name = name
        self.members = list(members)
        self.bot_is_member = bot_is_member
        self.posting_restricted = posting_restricted
        self.archived = False
        self.messages: list[SlackMessage] = []
        self.whispers: list[tuple[SlackUser, SlackMessage]] = []
        self.presses: list[SlackPress] = []
        self._created = int(time.time())
        self._last_ts = (0, 0)

    @property
    def is_shared(self) -> bool:
        """Whether somebody of another workspace is in it."""
        return any(one.team_id != self.state.team.id for one in self.members)

    def new_ts(self) -> str:
        """The next message's ts. It is unique in this channel only: other channels have the same ones."""
        self._last_ts = (max(int(time.time()), self._last_ts[0]), self._last_ts[1] + 1)
        return f"{self._last_ts[0]}.{self._last_ts[1]:06d}"

    def find(self, ts: str) -> SlackMessage | None:
        """The message with this ts, unless it is deleted."""
        return next((one for one in self.messages if one.ts == ts and not one.deleted), None)

    def root_of(self, ts: str) -> SlackMessage:
        """The first message of the thread that this ts is in. Raises SlackError thread_not_found."""
        for message in self.messages:
            if message.ts == ts:
                root = next(one for one in self.messages if one.ts == (message.thread_ts or ts))
                if root.deleted and not self.replies(root):
                    break
                return root
        raise SlackError("thread_not_found")

    def replies(self, root: SlackMessage) -> list[SlackMessage]:
        """The replies that are there, in order."""
        return [one for one in self.messages if one.thread_ts == root.ts and not one.deleted]

    def check_writable(self) -> None:
        """Raises SlackError when the bot may not write here now."""
        if self.archived:
            raise SlackError("is_archived")
        if not self.bot_is_member and POST_ANYWHERE not in self.state.limits.scopes:
            raise SlackError("not_in_channel")
        if self.posting_restricted:
            raise SlackError("restricted_action")

    def check_member(self) -> None:
        """Raises SlackError not_in_channel."""
        if not self.bot_is_member:
            raise SlackError("not_in_channel")

    def add(
        self,
        user: SlackUser,
        *,
        text: str,
        blocks: list[dict[str, Any]] | None = None,
        files: Sequence[SlackFile] = (),
        thread_ts: str = "",
        broadcast: bool = False,
        metadata: dict[str, Any] | None = None,
    ) -> SlackMessage:
        """Put a message into the conversation and tell the app, if it may know."""
        root = self.root_of(thread_ts) if thread_ts else None
        message = SlackMessage(
            ts=self.new_ts(),
            channel_id=self.id,
            user=user,
            created=self.state.changed(),
            changed=self.state.count,
            text=text,
            blocks=self.state.named(blocks or []),
            files=list(files),
            thread_ts=root.ts if root else "",
            root_user=root.user.id if root else "",
            subtype="file_share" if files else "thread_broadcast" if broadcast else "",
            broadcast=broadcast,
            metadata=metadata,
        )
        self.messages.append(message)
        for file in files:
            file.shares.append((self.kind, self.id, message.ts, message.thread_ts))
        if user.is_bot and root is not None and (session := self.state.sessions.get((self.id, root.ts))):
            session.loading = ""
        self.tell(self.event_of(message))
        return message

    def change(
        self, message: SlackMessage, *, text: str | None = None, blocks: list[dict[str, Any]] | None = None
    ) -> None:
        """Edit a message; what is None stays."""
        before = self.shown(message)
        message.edits.append(message.said)
        if text is not None:
            message.text = text
        if blocks is not None:
            message.blocks = self.state.named(blocks)
        message.edited = True
        message.edited_ts = self.new_ts()
        message.changed = self.state.changed()
        changed = {"message": self.shown(message), "previous_message": before}
        self.tell({**self._hidden("message_changed"), **changed})

    def remove(self, message: SlackMessage) -> None:
        """Delete a message; a root with replies leaves a gap."""
        before = self.shown(message)
        for file in message.files:
            file.shares = [share for share in file.shares if share[1:3] != (self.id, message.ts)]
        message.deleted = True
        message.changed = self.state.changed()
        self.tell({**self._hidden("message_deleted"), "deleted_ts": message.ts, "previous_message": before})

    def event_of(self, message: SlackMessage) -> dict[str, Any]:
        """The `message` event of a new message."""
        event = message.to_api(app_id=self.state.app_id, stub_files=self.is_shared)
        event |= {"channel": self.id, "event_ts": message.ts, "channel_type": API_KINDS[self.kind]}
        if self.is_shared:
            event |= {"user_team": message.user.team_id, "source_team": message.user.team_id}
        return event

    def tell(self, event: dict[str, Any], *, scope: str | None = None) -> None:
        """Send the app an event of this conversation, if it is in it and has the scope: that of messages here unless
        given; "" for none."""
        needed = EVENT_SCOPES[self.kind] if scope is None else scope
        if self.bot_is_member and (not needed or needed in self.state.limits.scopes):
            self.state.delivery.event(wrapped(self.state, event, shared=self.is_shared))

    def shown(self, message: SlackMessage) -> dict[str, Any]:
        """The message as histories show it, with what is known of its thread."""
        if message.deleted:
            gap = "This message was deleted."
            shown: dict[str, Any] = {"type": "message", "subtype": "tombstone", "text": gap}
            shown |= {"user": "USLACKBOT", "ts": message.ts}
        else:
            shown = message.to_api(app_id=self.state.app_id, stub_files=self.is_shared)
        if message.reactions:
            bot = self.state.bot.id
            shown["reactions"] = [{"name": name, "users": [bot], "count": 1} for name in message.reactions]
        replies = self.replies(message) if not message.thread_ts else []
        if replies:
            people = sorted({one.user.id for one in replies})
            shown |= {
                "thread_ts": message.ts,
                "reply_count": len(replies),
                "reply_users_count": len(people),
                "reply_users": people,
                "latest_reply": replies[-1].ts,
                "is_locked": False,
                "subscribed": False,
            }
        return shown

    def to_api(self) -> dict[str, Any]:
        """A conversation object."""
        shown: dict[str, Any] = {
            "id": self.id,
            "created": self._created,
            "is_im": self.kind == "im",
            "is_org_shared": False,
            "is_archived": self.archived,
            "context_team_id": self.state.team.id,
            "updated": self._created * 1000,
        }
        if self.kind == "im":
            return shown | {"user": self.members[0].id, "is_user_deleted": False, "priority": 0}
        properties: dict[str, Any] = {}
        if self.posting_restricted:
            properties["posting_restricted_to"] = {"type": ["admin"], "user": []}
        return shown | {
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": self.kind == "channel",
            "is_group": self.kind == "private",
            "is_mpim": self.kind == "mpim",
            "is_private": self.kind != "channel",
            "is_general": False,
            "is_member": self.bot_is_member,
            "is_read_only": self.posting_restricted,
            "is_shared": self.is_shared,
            "is_ext_shared": self.is_shared,
            "is_pending_ext_shared": False,
            "creator": self.members[0].id if self.members else "USLACKBOT",
            "topic": {"value": "", "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
            "properties": properties,
        }

    def invite_bot(self, *, by: SlackUser | None = None) -> None:
        """A person adds the bot to the channel."""
        if self.bot_is_member:
            return
        self.bot_is_member = True
        self.state.changed()
        self._tell_joined(by)

    def remove_bot(self, *, by: SlackUser | None = None) -> None:
        """A person removes the bot from the channel; that it left is the last the app hears of it."""
        if not self.bot_is_member:
            return
        kind = "channel_left" if self.kind == "channel" else "group_left"
        actor = (by or self.members[0]).id
        self.tell({"type": kind, "channel": self.id, "actor_id": actor, "event_ts": event_ts()}, scope=self._read())
        self.bot_is_member = False
        self.state.changed()

    def archive(self) -> None:
        """The channel is archived: it can be read, and no longer written to."""
        self.archived = True
        self.state.changed()
        kind = "channel_archive" if self.kind == "channel" else "group_archive"
        person = self.members[0].id if self.members else "USLACKBOT"
        self.tell({"type": kind, "channel": self.id, "user": person, "event_ts": event_ts()}, scope=self._read())

    def restrict_posting(self) -> None:
        """Only administrators may write from now on."""
        self.posting_restricted = True
        self.state.changed()

    def _tell_joined(self, by: SlackUser | None) -> None:
        bot = self.state.bot.id
        joined = {"type": "member_joined_channel", "user": bot, "channel": self.id, "team": self.state.team.id}
        joined |= {"channel_type": "C" if self.kind == "channel" else "G", "event_ts": event_ts()}
        ts = self.new_ts()
        notice = {"type": "message", "subtype": "channel_join", "user": bot, "channel": self.id, "ts": ts}
        notice |= {"text": f"<@{bot}> has joined the channel", "event_ts": ts, "channel_type": API_KINDS[self.kind]}
        if by is not None:
            joined["inviter"] = notice["inviter"] = by.id
        self.tell(joined, scope=self._read())
        self.tell(notice)

    def _read(self) -> str:
        return EVENT_SCOPES[self.kind].replace(":history", ":read")

    def _hidden(self, subtype: str) -> dict[str, Any]:
        ts = self.new_ts()
        common = {"type": "message", "subtype": subtype, "hidden": True, "channel": self.id, "ts": ts, "event_ts": ts}
        return common | {"channel_type": API_KINDS[self.kind]}
