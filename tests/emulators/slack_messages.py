"""People, files and messages of the emulated Slack, in the form tests look at, and the form Slack gives them in events
and answers. What may be sent, and to whom it is shown, is left to others.
"""

import time
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.emulators.slack_blocks import SlackButton, buttons, said
from tests.emulators.slack_text import pings, spoken, unescape


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackTeam:
    """A workspace."""

    id: str
    domain: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackUser:
    """A person, or the bot."""

    id: str
    name: str
    team_id: str
    """The workspace this person belongs to; another than the bot's for a guest by Slack Connect."""
    locale: str = "en-US"
    bot_id: str = ""
    """Only the bot has one."""

    @property
    def is_bot(self) -> bool:
        """Whether this is the bot."""
        return bool(self.bot_id)

    def to_api(self) -> dict[str, Any]:
        """A user object, without its locale."""
        return {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name.lower().replace(" ", "."),
            "deleted": False,
            "real_name": self.name,
            "tz": "Europe/Berlin",
            "tz_label": "Central European Time",
            "tz_offset": 3600,
            "profile": {"real_name": self.name, "display_name": self.name, "team": self.team_id},
            "is_admin": False,
            "is_owner": False,
            "is_restricted": False,
            "is_ultra_restricted": False,
            "is_bot": self.is_bot,
            "is_app_user": False,
            "updated": 1_700_000_000,
        }

    def to_actor(self) -> dict[str, Any]:
        """The short form of interactions."""
        name = self.name.lower().replace(" ", ".")
        return {"id": self.id, "username": name, "name": name, "team_id": self.team_id}


@dataclass(slots=True, kw_only=True, eq=False)
class SlackUserGroup:
    """People who are mentioned by one name. Who joins or leaves is put into `members`, or taken out."""

    id: str
    handle: str
    """Without the @."""
    members: list[SlackUser]
    disabled: bool = False
    """A group cannot be deleted, only disabled."""


@dataclass(slots=True, kw_only=True, eq=False)
class SlackFile:
    """A file the server keeps, or is about to be given."""

    id: str
    name: str
    mimetype: str
    size: int
    """Bytes; as announced until it is uploaded."""
    user: SlackUser
    path: Path
    url: str
    """Where it can be fetched, with a token."""
    title: str = ""
    created: int = field(default_factory=lambda: int(time.time()))
    uploaded: bool = False
    """Whether its bytes are all there."""
    completed: bool = False
    """Whether it exists for everybody but its uploader."""
    deleted: bool = False
    shares: list[tuple[str, str, str, str]] = field(default_factory=list)
    """Where it was shared: the channel's kind and id, the message's ts and the root's ("" in no thread)."""

    def to_api(self, channel_names: Mapping[str, str] | None = None) -> dict[str, Any]:
        """A file object; with its shares if the channels' names are given."""
        if self.deleted:
            return {"id": self.id, "mode": "tombstone"}
        kind = Path(self.name).suffix.lstrip(".").lower() or "binary"
        shown: dict[str, Any] = {
            "id": self.id,
            "created": self.created,
            "timestamp": self.created,
            "name": self.name,
            "title": self.title or self.name,
            "mimetype": self.mimetype,
            "filetype": kind,
            "pretty_type": kind.upper(),
            "user": self.user.id,
            "user_team": self.user.team_id,
            "editable": False,
            "size": self.size,
            "mode": "hosted",
            "is_external": False,
            "external_type": "",
            "is_public": any(share[0] == "channel" for share in self.shares),
            "public_url_shared": False,
            "display_as_bot": False,
            "username": "",
            "url_private": self.url.replace("/download/", "/"),
            "url_private_download": self.url,
            "permalink": f"https://team.slack.invalid/files/{self.user.id}/{self.id}/{self.name}",
            "has_rich_preview": False,
            "file_access": "visible",
        }
        if channel_names is not None:
            shown |= self._shares(channel_names)
        return shown

    def to_stub(self) -> dict[str, Any]:
        """What an event in a channel shared with another workspace says: look it up."""
        return {"id": self.id, "mode": "file_access", "file_access": "check_file_info", "created": self.created}

    def _shares(self, channel_names: Mapping[str, str]) -> dict[str, Any]:
        shares: dict[str, dict[str, list[dict[str, Any]]]] = {}
        for kind, channel, ts, root in self.shares:
            share: dict[str, Any] = {
                "ts": ts,
                "channel_name": channel_names.get(channel, ""),
                "team_id": self.user.team_id,
                "reply_users": [],
                "reply_users_count": 0,
                "reply_count": 0,
                "share_user_id": self.user.id,
                "source": "UNKNOWN",
            }
            if root:
                share["thread_ts"] = root
            shares.setdefault("public" if kind == "channel" else "private", {}).setdefault(channel, []).append(share)

        def of(*kinds: str) -> list[str]:
            return sorted({share[1] for share in self.shares if share[0] in kinds})

        return {"shares": shares, "channels": of("channel"), "groups": of("private", "mpim"), "ims": of("im")}


@dataclass(slots=True, kw_only=True, eq=False)
class SlackMessage:
    """A message in its current state."""

    ts: str
    channel_id: str
    user: SlackUser
    created: int
    """The emulator's count of changes when the message was sent."""
    changed: int
    """The same when it was last sent, edited, deleted or reacted to."""
    text: str = ""
    """As Slack keeps it: escaped, with mentions as <@U1>."""
    thread_ts: str = ""
    """The root's ts in a reply, else empty; a root has none of its own here."""
    blocks: list[dict[str, Any]] = field(default_factory=list)
    files: list[SlackFile] = field(default_factory=list)
    subtype: str = ""
    ephemeral: bool = False
    broadcast: bool = False
    """A reply that is shown in the channel as well."""
    edited: bool = False
    edited_ts: str = ""
    """When it was edited last."""
    edits: list[str] = field(default_factory=list)
    """What it said before, oldest first."""
    deleted: bool = False
    reactions: list[str] = field(default_factory=list)
    """Names of the bot's emoji."""
    metadata: dict[str, Any] | None = None
    root_user: str = ""
    """In a reply: who wrote the root."""
    chosen: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """What was chosen in its menus, by block_id and action_id."""

    @property
    def from_bot(self) -> bool:
        """Whether the bot sent it."""
        return self.user.is_bot

    @property
    def said(self) -> str:
        """What a person reads: the blocks' text, or else the text."""
        return (said(self.blocks) if self.blocks else "") or unescape(self.text)

    @property
    def pings(self) -> tuple[str, ...]:
        """Whom it notifies, in order: ids of people and groups; channel, here or everyone."""
        return pings(self.blocks) if self.blocks else pings({"type": "mrkdwn", "text": self.text})

    @property
    def buttons(self) -> tuple[SlackButton, ...]:
        """What can be pressed or selected."""
        return buttons(self.blocks)

    def to_api(self, *, app_id: str, stub_files: bool = False) -> dict[str, Any]:
        """The message as events, histories and answers show it."""
        shown: dict[str, Any] = {"type": "message"}
        if self.subtype:
            shown["subtype"] = self.subtype
        shown |= {"user": self.user.id, "text": self.text, "ts": self.ts, "team": self.user.team_id}
        if self.from_bot:
            profile = {"id": self.user.bot_id, "app_id": app_id, "name": self.user.name, "deleted": False}
            shown |= {"bot_id": self.user.bot_id, "app_id": app_id, "bot_profile": profile}
        elif not self.subtype:
            shown["client_msg_id"] = f"00000000-0000-4000-8000-{self.ts.replace('.', '')[-12:]}"
        if self.thread_ts:
            shown |= {"thread_ts": self.thread_ts, "parent_user_id": self.root_user}
        blocks = deepcopy(self.blocks) if self.from_bot else spoken(self.text)
        if blocks:
            shown["blocks"] = blocks
        if self.files:
            shown["files"] = [one.to_stub() if stub_files else one.to_api() for one in self.files]
            shown |= {"upload": True, "display_as_bot": False}
        if self.edited:
            shown["edited"] = {"user": self.user.id, "ts": self.edited_ts}
        if self.ephemeral:
            shown["is_ephemeral"] = True
        return shown


@dataclass(slots=True, kw_only=True, eq=False)
class SlackPress:
    """A button that was pressed, or an option that was chosen."""

    user: SlackUser
    message: SlackMessage | None
    """None for a press in a home tab or a modal."""
    label: str
    value: str
    created: int
    """The emulator's count of changes when it was pressed."""
    status: int | None = None
    """HTTP status of the acknowledgement (200 on a socket); None when none came within 3 s."""

    @property
    def acknowledged(self) -> bool:
        """Whether the app took it in time; else the person sees a warning sign."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackAnswer:
    """How a command or a shortcut was acknowledged."""

    status: int | None
    """HTTP status (200 on a socket); None when no acknowledgement came within 3 s."""
    text: str
    """What the acknowledgement says to the person."""
    created: int
    """The emulator's count of changes before it was sent to the app."""
