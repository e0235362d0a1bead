"""All that the emulated Slack remembers: people, channels, files, views, sessions, what was handed out and is good
once, and how many calls there were."""

import re
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from tests.emulators.slack_files import FileStore
from tests.emulators.slack_messages import SlackMessage, SlackTeam, SlackUser, SlackUserGroup
from tests.emulators.slack_schema import METHODS, SlackError
from tests.emulators.telegram_updates import Signal

if TYPE_CHECKING:
    from tests.emulators.slack_channel import SlackChannel
    from tests.emulators.slack_delivery import Delivery

TRIGGER_LIFETIME = 3.0
RESPONSE_LIFETIME = 30 * 60.0
RESPONSE_USES = 5

MENTION_SCOPE = "app_mentions:read"
COMMAND_SCOPE = "commands"

ALL_SCOPES = frozenset(
    {scope for method in METHODS.values() for scope in method.scopes if not method.app_token}
    | {"channels:history", "groups:history", "im:history", "mpim:history", MENTION_SCOPE, COMMAND_SCOPE}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the server takes, and how quickly it works. Sizes in bytes, times in seconds."""

    upload: int
    share_delay: float
    """from completeUploadExternal's answer until the share can be seen"""
    agent: bool
    """whether the app is declared as an agent"""
    file_blocks: bool
    """whether completeUploadExternal takes blocks"""
    scopes: frozenset[str]


@dataclass(slots=True, kw_only=True)
class Trigger:
    """Leave to open a modal, good for 3 s and once."""

    user: SlackUser
    until: float
    used: bool = False


@dataclass(slots=True, kw_only=True)
class Response:
    """An address to answer an interaction at."""

    user: SlackUser
    channel: "SlackChannel"
    message: SlackMessage | None
    """what is replaced or deleted when the app says so"""
    until: float
    uses: int = 0


@dataclass(slots=True, kw_only=True, eq=False)
class SlackSession:
    """An agent's session: a thread in which the app works."""

    channel_id: str
    thread_ts: str
    status: str = ""
    """active, processing, suspended or closed; empty when only a loading sentence or a title was set"""
    title: str = ""
    loading: str = ""
    """the sentence set by assistant.threads.setStatus; goes when the bot writes in the thread"""
    history: list[str] = field(default_factory=list)
    """all that status was, oldest first"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestedPrompts:
    """What the app suggests that a person could write."""

    channel_id: str
    thread_ts: str
    title: str
    prompts: tuple[tuple[str, str], ...]
    """title and message of each"""


@dataclass(slots=True)
class RateLimiter:
    """Counts calls of a method in a sliding minute."""

    per_minute: dict[str, int] = field(default_factory=dict)
    _seen: dict[str, deque[float]] = field(default_factory=dict)

    def wait(self, method: str) -> int:
        """Seconds until this call may be made again; 0, and counted, when it may be made now."""
        limit = self.per_minute.get(method)
        if limit is None:
            return 0
        now = time.monotonic()
        seen = self._seen.setdefault(method, deque())
        while seen and seen[0] <= now - 60:
            seen.popleft()
        if len(seen) >= limit:
            return max(1, -int(-(seen[0] + 60 - now) // 1)) if seen else 60
        seen.append(now)
        return 0


@dataclass(slots=True, kw_only=True)
class ServerState:
    """The memory that channels and methods share."""

    team: SlackTeam
    bot: SlackUser
    app_id: str
    limits: Limits
    files: FileStore
    delivery: "Delivery"
    url: str = ""
    """the server's address, without a slash at the end"""
    changes: Signal = field(default_factory=Signal)
    rate: RateLimiter = field(default_factory=RateLimiter)
    random: Random = field(default_factory=lambda: Random(0))
    users: dict[str, SlackUser] = field(default_factory=dict)
    groups: dict[str, SlackUserGroup] = field(default_factory=dict)
    channels: dict[str, "SlackChannel"] = field(default_factory=dict)
    triggers: dict[str, Trigger] = field(default_factory=dict)
    responses: dict[str, Response] = field(default_factory=dict)
    sessions: dict[tuple[str, str], SlackSession] = field(default_factory=dict)
    prompts: list[SuggestedPrompts] = field(default_factory=list)
    homes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """home tabs by the person's id"""
    modals: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """open modals by the person's id, the one on top last"""
    chosen: dict[str, dict[tuple[str, str], dict[str, Any]]] = field(default_factory=dict)
    """what was chosen in views, by the view's id"""
    count: int = 0
    """of changes so far, to tell what came after what"""

    def changed(self) -> int:
        """Count a change and wake those who wait for one."""
        self.count += 1
        self.changes.notify()
        return self.count

    def new_id(self, letter: str) -> str:
        """An id like Slack's own."""
        signs = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
        return letter + "0" + "".join(self.random.choices(signs, k=9))

    def channel(self, channel_id: str, *, loosely: bool = False) -> "SlackChannel":
        """The conversation a call names by id, or `loosely` by #name too, or by a person's id for their DM. Raises
        SlackError channel_not_found."""
        channel = self.channels.get(channel_id)
        if channel is None and loosely:
            if channel_id in self.users:
                return self.direct(self.users[channel_id])
            name = channel_id.removeprefix("#")
            channel = next((one for one in self.channels.values() if one.name and one.name == name), None)
        if channel is None:
            raise SlackError("channel_not_found")
        if channel.kind in ("private", "mpim") and not channel.bot_is_member:
            raise SlackError("channel_not_found")
        return channel

    def user(self, user_id: str) -> SlackUser:
        """The person, or the bot, with this id. Raises SlackError user_not_found."""
        if user_id == self.bot.id:
            return self.bot
        if user_id not in self.users:
            raise SlackError("user_not_found")
        return self.users[user_id]

    def direct(self, *users: SlackUser) -> "SlackChannel":
        """The bot's DM with this person, or with these people; the same one every time."""
        from tests.emulators.slack_channel import SlackChannel  # it needs this module

        wanted = {one.id for one in users}
        for channel in self.channels.values():
            if channel.kind in ("im", "mpim") and {one.id for one in channel.members} == wanted:
                return channel
        channel = SlackChannel(
            self,
            channel_id=self.new_id("D" if len(users) == 1 else "G"),
            kind="im" if len(users) == 1 else "mpim",
            name="" if len(users) == 1 else "mpdm-" + "--".join(one.name.lower() for one in users),
            members=list(users),
        )
        self.channels[channel.id] = channel
        return channel

    def trigger(self, user: SlackUser) -> str:
        """A new trigger_id."""
        number = f"{self.random.randrange(10**12)}.{self.random.randrange(10**12)}.{self.random.randrange(16**12):012x}"
        self.triggers[number] = Trigger(user=user, until=time.monotonic() + TRIGGER_LIFETIME)
        return number

    def exchange(self, trigger_id: str) -> SlackUser:
        """Use up a trigger_id. Raises SlackError: invalid_trigger_id, exchanged_trigger_id, expired_trigger_id."""
        trigger = self.triggers.get(trigger_id)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if time.monotonic() > trigger.until:
            raise SlackError("expired_trigger_id")
        trigger.used = True
        return trigger.user

    def response_url(self, user: SlackUser, channel: "SlackChannel", message: SlackMessage | None) -> str:
        """A new address at which the app may answer an interaction."""
        key = f"{self.random.randrange(16**24):024x}"
        until = time.monotonic() + RESPONSE_LIFETIME
        self.responses[key] = Response(user=user, channel=channel, message=message, until=until)
        return f"{self.url}/response/{self.team.id}/{key}"

    def session(self, channel_id: str, thread_ts: str) -> SlackSession:
        """The session of this thread, begun if there is none."""
        key = (channel_id, thread_ts)
        if key not in self.sessions:
            self.sessions[key] = SlackSession(channel_id=channel_id, thread_ts=thread_ts)
        return self.sessions[key]

    def named(self, blocks: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """The blocks with ids where the app gave none, as Slack makes them."""
        return [self._named(block, block=True) for block in blocks]

    def _named(self, part: dict[str, Any], *, block: bool = False) -> dict[str, Any]:
        done: dict[str, Any] = {}
        for key, value in part.items():
            if key in ("element", "accessory") and isinstance(value, dict):
                value = self._named(value)
            elif key == "elements" and isinstance(value, list) and part.get("type") in _WITH_ACTIONS:
                value = [self._named(one) if isinstance(one, dict) else one for one in value]
            done[key] = value
        if block:
            done.setdefault("block_id", self._random_name())
        elif _ACTIONS.fullmatch(str(part.get("type"))):
            done.setdefault("action_id", self._random_name())
        return done

    def _random_name(self) -> str:
        return "".join(self.random.choices("abcdefghijkmnpqrstuvwxyzABCDEFGH0123456789/+", k=5))


_WITH_ACTIONS = ("actions", "context_actions")
_ACTIONS = re.compile(
    "button|feedback_buttons|icon_button|.*_select|overflow|datepicker|timepicker|datetimepicker|radio_buttons"
    "|checkboxes|.*_input"
)
