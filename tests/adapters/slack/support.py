"""What the Slack tests share: keys, clips to deliver, what a delivery saves, and lives that end in the middle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from adapters.slack import SlackConnection
from core.messages import Button, ConversationKey, Delivery, Message, Person
from tests.clock import START
from tests.emulators.slack import SlackChannel, SlackEmulator, SlackMessage, SlackUser

CAPTION = "v12 · A fox <in> snow & *ice*\n8 s · $0.56"


class Died(BaseException):
    """The process ends here."""


class Saved:
    """The `save` of a delivery.

    dies_before, dies_after: the process ends at the save with this number, before or after it is kept
    """

    def __init__(self, *, dies_before: int = 0, dies_after: int = 0) -> None:
        self.values: dict[str, str] = {}
        self.history: list[dict[str, str]] = []
        self.dies_before = dies_before
        self.dies_after = dies_after
        self.count = 0

    async def __call__(self, values: Mapping[str, str]) -> None:
        self.count += 1
        if self.count == self.dies_before:
            raise Died
        self.values = dict(values)
        self.history.append(self.values)
        if self.count == self.dies_after:
            raise Died


def connected(slack: SlackEmulator, *, timeout_s: float = 5.0) -> SlackConnection:
    return SlackConnection(bot_token=slack.token, api_url=slack.url, timeout_s=timeout_s, loopback_only=True)


def key(slack: SlackEmulator, channel: SlackChannel, thread: SlackMessage | str = "") -> ConversationKey:
    ts = thread if isinstance(thread, str) else thread.thread_ts or thread.ts
    return ConversationKey(platform="slack", chat=f"{slack.team.id}/{channel.id}", thread=ts)


def person(user: SlackUser) -> Person:
    return Person(id=f"slack:{user.id}", name=f"<@{user.id}>", team=user.team_id)


def written(where: ConversationKey, user: SlackUser, message: SlackMessage, *, command: str = "") -> Message:
    """What somebody wrote, as the core sees it."""
    return Message(
        event_id=f"{message.channel_id}:{message.ts}",
        key=where,
        id=message.ts,
        sender=person(user),
        text=message.text,
        sent_at=START,
        command=command,
    )


def delivery(folder: Path, where: ConversationKey, user: SlackUser, *, size: int = 3_000) -> Delivery:
    clip, poster = folder / "clip.mp4", folder / "poster.jpg"
    with clip.open("wb") as file:
        for start in range(0, size, 1 << 20):
            length = min(1 << 20, size - start)
            file.write(bytes(range(256)) * (length // 256) + b"x" * (length % 256))
    poster.write_bytes(b"\xff\xd8\xff")
    return Delivery(
        key=where,
        generation="v12",
        announcement="Your clip v12 is ready",
        caption=CAPTION,
        buttons=((Button(label="Another take", action="another:12"),),),
        feedback=(Button(label="Good", action="good:12"), Button(label="Bad", action="bad:12")),
        reply_to=where.thread,
        clip=str(clip),
        poster=str(poster),
        file_name="v12.mp4",
        width=1280,
        height=720,
        duration_s=7.9,
        size_bytes=size,
        requester=person(user),
    )


def clips(channel: SlackChannel) -> list[SlackMessage]:
    """The messages with a file that can be seen."""
    return [one for one in channel.messages if one.from_bot and one.files and not one.deleted]
