"""The `Platform` port on Slack: showing posts, delivering clips, fetching people's files.

How a post looks is `rendering`'s work, how a clip gets there once `uploads`', and what Slack shows of the work itself
`session`'s. Nothing here is repeated after an error except what is plainly another call: a message or a thread that
is gone.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import structlog
from slack_sdk.errors import SlackApiError

from adapters.slack import failures
from adapters.slack.connection import SlackConnection
from adapters.slack.pacing import Pacing
from adapters.slack.parsing import PLATFORM, channel_of, chat_of
from adapters.slack.rendering import Shown, rendered, rendered_line
from adapters.slack.session import Sessions
from adapters.slack.uploads import Uploads
from core.errors import PermanentError, TemporaryError, Undeliverable
from core.lately import Lately
from core.messages import Attachment, ConversationKey, Delivery, Incoming, Message, Person, Post, PostKind
from core.ports import Clock, Obstacle, Pace, PlatformLimits, Save

UPLOAD_BYTES = 1 << 30
"""What Slack takes in one file."""
DOWNLOAD_BYTES = 100 << 20
FREE_FOR_S = 60.0
"""How long it is taken for granted that a channel takes clips after it was looked at, in seconds."""
_TS = re.compile(r"[0-9]+\.[0-9]+")
_GROUPS = "usergroups:read"
_SLACKBOT = "USLACKBOT"

_log = structlog.get_logger(__name__)


class SlackPlatform:
    """Speaks for one app in one workspace.

    upload_bytes, download_bytes: the largest file sent and fetched
    progress_edits_per_min: how many edits a minute may be spent on progress, in all places together
    shared: the pace of all processes that speak for this app; None where there is only one
    """

    name = PLATFORM

    def __init__(
        self,
        connection: SlackConnection,
        *,
        clock: Clock,
        upload_bytes: int = UPLOAD_BYTES,
        download_bytes: int = DOWNLOAD_BYTES,
        progress_edits_per_min: int = 30,
        shared: Pace | None = None,
    ) -> None:
        self.limits = PlatformLimits(upload_bytes=upload_bytes, download_bytes=download_bytes)
        self._connection = connection
        self._client = connection.client
        self._pacing = Pacing(clock, progress_edits_per_min=progress_edits_per_min, shared=shared)
        self._sessions = Sessions(connection, pacing=self._pacing, clock=clock)
        self._uploads = Uploads(connection, pacing=self._pacing, clock=clock)
        self._directs: dict[str, str] = {}
        self._clock = clock
        self._free = Lately(FREE_FOR_S)
        """Channels with nothing in the way of a clip."""

    # --- speaking --------------------------------------------------------------------------------------------------

    async def acknowledge(self, incoming: Incoming) -> None:
        """Show that a message is worked on; a press was answered when it was received. Never raises."""
        if isinstance(incoming, Message):
            await self._sessions.noticed(incoming)

    async def post(self, post: Post, message_id: str) -> str:
        """Send a post, or edit a message into it; returns the message's id (the last one of a long text, which carries
        the buttons; empty for a whisper, which cannot be edited). An edit is one message: too long a text is cut. A
        message that is gone is sent anew, and progress over the budget is left out."""
        channel = await self._channel(post.key)
        if post.whisper and post.person is not None and not channel.startswith("D"):
            await self._whisper(post, post.person, channel)
            sent = ""
        else:
            sent = await self._edited(post, channel, message_id) if message_id else ""
            sent = sent or (await self._sent(post, channel))[-1]
        self._sessions.said((channel, post.key.thread), post, before=message_id, now=sent)
        return sent

    async def open(self, post: Post) -> ConversationKey:
        """Begin a thread with the post, or say it in the thread that the key names already."""
        if post.key.thread:
            await self.post(post, "")
            return post.key
        channel = await self._channel(post.key)
        first = (await self._sent(post, channel))[0]
        team = post.key.chat.partition("/")[0]
        # The session begins when the wish that the thread is for is acknowledged in it, with its title.
        return replace(post.key, chat=chat_of(team, channel), thread=first)

    async def direct(self, person: Person) -> ConversationKey | None:
        """The app's direct messages with this person; None where Slack allows none."""
        try:
            channel = await self._direct(person.native_id)
        except Undeliverable:
            return None
        installation = self._connection.installation or await self._connection.identify()
        return ConversationKey(platform=PLATFORM, chat=chat_of(installation.team, channel))

    async def _sent(self, post: Post, channel: str) -> tuple[str, ...]:
        """Send the post; the ts of its messages."""
        return tuple([await self._say(post, shown, channel) for shown in rendered(post)])

    async def _say(self, post: Post, shown: Shown, channel: str) -> str:
        with failures.mapped():
            async with self._pacing.call("chat.postMessage", channel):
                asked: dict[str, Any] = {
                    "channel": channel,
                    "text": shown.text,
                    "blocks": shown.blocks,
                    "unfurl_links": False,
                    "unfurl_media": False,
                }
                try:
                    answer = await self._client.chat_postMessage(**asked, thread_ts=post.key.thread or None)
                except SlackApiError as error:
                    if not post.key.thread or failures.word(error) not in failures.THREAD_GONE:
                        raise
                    _log.info("slack_thread_gone", chat=post.key.chat, thread=post.key.thread)
                    answer = await self._client.chat_postMessage(**asked)
        ts = answer.get("ts")
        if not isinstance(ts, str):
            raise TemporaryError("Slack's answer does not name the message.")
        return ts

    async def _edited(self, post: Post, channel: str, message_id: str) -> str:
        """Edit the message; empty when it is not there to be edited."""
        if not _TS.fullmatch(message_id):
            return ""
        if _is_progress(post) and not await self._pacing.progress():
            return message_id
        shown = rendered_line(post)
        with failures.mapped():
            try:
                async with self._pacing.call("chat.update"):
                    await self._client.chat_update(channel=channel, ts=message_id, text=shown.text, blocks=shown.blocks)
            except SlackApiError as error:
                if _is_progress(post) and failures.pause_of(error) is not None:
                    return message_id
                if failures.word(error) not in failures.MESSAGE_GONE:
                    raise
                _log.info("slack_message_gone", chat=post.key.chat, message_id=message_id)
                return ""
        return message_id

    async def _whisper(self, post: Post, person: Person, channel: str) -> None:
        with failures.mapped():
            for shown in rendered(post):
                async with self._pacing.call("chat.postEphemeral"):
                    await self._client.chat_postEphemeral(
                        channel=channel,
                        user=person.native_id,
                        text=shown.text,
                        blocks=shown.blocks,
                        thread_ts=post.key.thread or None,
                    )

    # --- places ----------------------------------------------------------------------------------------------------

    async def _channel(self, key: ConversationKey) -> str:
        """The channel of a place; a person's App Home stands for their direct messages."""
        channel = channel_of(key)
        return await self._direct(channel) if channel[:1] in ("U", "W") else channel

    async def _direct(self, user: str) -> str:
        if user not in self._directs:
            with failures.mapped():
                async with self._pacing.call("conversations.open"):
                    answer = await self._client.conversations_open(users=user)
            opened = answer.get("channel")
            channel = opened.get("id") if isinstance(opened, dict) else None
            if not isinstance(channel, str) or not channel:
                raise TemporaryError("Slack's answer names no conversation.")
            self._directs[user] = channel
        return self._directs[user]

    async def people(self, native_id: str) -> tuple[Person, ...]:
        """Whom an id stands for: a person, or the members of a user group as they are now; empty where Slack knows no
        such group. Their teams are left open, and some may be bots or have left, which Slack does not say of members:
        `direct` is None for those. Raises TemporaryError and PermanentError."""
        members = await self._members(native_id) if native_id.startswith("S") else (native_id,)
        return tuple(Person(id=f"{PLATFORM}:{user}", name=f"<@{user}>") for user in members)

    async def _members(self, group: str) -> tuple[str, ...]:
        with failures.mapped():
            try:
                async with self._pacing.call("usergroups.users.list"):
                    answer = await self._client.usergroups_users_list(usergroup=group)
            except SlackApiError as error:
                why = failures.word(error)
                if why in failures.GROUP_UNKNOWN:
                    _log.warning("slack_group_unknown", group=group)
                    return ()
                if why == "missing_scope":
                    _log.error("slack_group_unreadable", group=group, missing=_GROUPS, see="manifest.json")
                raise
        users = answer.get("users")
        if not isinstance(users, list):
            raise TemporaryError("Slack's answer does not name the group's members.")
        installation = self._connection.installation
        bots = (_SLACKBOT, installation.bot_user if installation else "")
        return tuple(dict.fromkeys(user for user in users if isinstance(user, str) and user not in bots))

    async def obstacle(self, key: ConversationKey) -> Obstacle | None:
        """What would keep a clip from being posted here. Raises TemporaryError and PermanentError."""
        scopes = self._connection.scopes
        if scopes and "files:write" not in scopes:
            return Obstacle.NO_RIGHT_TO_SEND_VIDEO
        channel = channel_of(key)
        if channel[:1] in ("U", "W") or channel in self._directs.values():
            return None
        if self._free.seen(channel, self._clock.now()):
            return None
        try:
            with failures.mapped():
                async with self._pacing.call("conversations.info"):
                    answer = await self._client.conversations_info(channel=channel)
        except Undeliverable:
            return Obstacle.NOT_MEMBER
        told = answer.get("channel")
        installation = self._connection.installation
        found = _obstacle_in(told, installation.bot_user if installation else "") if isinstance(told, dict) else None
        if found is None:
            self._free.see(channel, self._clock.now())
        return found

    # --- files -----------------------------------------------------------------------------------------------------

    async def deliver(self, delivery: Delivery, saved: Mapping[str, str], save: Save) -> str:
        """Post the clip once, however often this is called with what it saved before; returns the message's ts, or the
        file's id where that cannot be learned."""
        if delivery.size_bytes > self.limits.upload_bytes:
            raise PermanentError("The clip is larger than Slack takes.")
        channel = await self._channel(delivery.key)
        sent = await self._uploads.deliver(delivery, channel, saved, save)
        self._sessions.delivered((channel, delivery.key.thread))
        return sent

    async def fetch(self, attachment: Attachment, destination: Path) -> None:
        """Stream a person's file to `destination`; raises PermanentError for one that the app cannot get."""
        if not attachment.ref:
            raise PermanentError("There is no file in that message that Slack gives out.")
        self._check_download(attachment.size_bytes)
        with failures.mapped():
            async with self._pacing.call("files.info"):
                answer = await self._client.files_info(file=attachment.ref)
        told = answer.get("file")
        file: dict[str, Any] = told if isinstance(told, dict) else {}
        url, size = file.get("url_private_download"), file.get("size")
        if not isinstance(url, str) or not url or file.get("is_external"):
            raise PermanentError("Slack does not keep this file itself, or not any more.")
        size = size if isinstance(size, int) else 0
        self._check_download(size)
        partial = destination.with_name(f"{destination.name}.part")
        with failures.mapped():
            try:
                got, kind = await self._connection.download(url, partial, limit=self.limits.download_bytes)
                if kind == "text/html" and file.get("mimetype") != "text/html":
                    raise PermanentError("Slack shows a page instead of the file: the app may not read files.")
                if size and got != size:
                    raise TemporaryError("The file arrived incomplete.")
                await asyncio.to_thread(partial.replace, destination)
            finally:
                await asyncio.to_thread(partial.unlink, missing_ok=True)

    def _check_download(self, size: int) -> None:
        if size > self.limits.download_bytes:
            raise PermanentError(f"The file is larger than the {self.limits.download_bytes >> 20} MB that we fetch.")


def _is_progress(post: Post) -> bool:
    """Whether the next one will say it just as well."""
    return post.kind is PostKind.STATUS and (post.progress is not None or (post.quiet and bool(post.buttons)))


def _obstacle_in(channel: Mapping[str, Any], bot_user: str) -> Obstacle | None:
    """What keeps the bot from posting in a channel that Slack describes so."""
    if channel.get("is_im"):
        return None
    if channel.get("is_member") is False or ("is_member" not in channel and not channel.get("is_mpim")):
        return Obstacle.NOT_MEMBER
    properties = channel.get("properties")
    allowed = properties.get("posting_restricted_to") if isinstance(properties, dict) else None
    restricted = bool(allowed) and not (isinstance(allowed, dict) and bot_user in (allowed.get("user") or ()))
    if channel.get("is_archived") or channel.get("is_read_only") or restricted:
        return Obstacle.NO_RIGHT_TO_POST
    return None
