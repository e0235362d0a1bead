"""Fakes at our ports: a platform, a video provider and a dialogue model that do as a test says."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.errors import PermanentError, TemporaryError, Undeliverable
from core.messages import Attachment, Button, ConversationKey, Delivery, Incoming, Person, Post
from core.ports import (
    Failed,
    Finished,
    Obstacle,
    OperationState,
    PlatformLimits,
    Reconciliation,
    Running,
    Save,
    VideoOrder,
)
from core.reading import PromptInput, Reading, ReadingInput, TokenUse, Written
from core.request import VideoRequest
from tests.emulators.footage import make_footage


@dataclass
class Shown:
    """A message of the bot as it stands in the chat."""

    id: str
    post: Post | None = None
    delivery: Delivery | None = None
    clip: bytes = b""
    edits: int = 0

    @property
    def text(self) -> str:
        """Everything that can be read on it."""
        if self.delivery is not None:
            return self.delivery.caption
        assert self.post is not None
        return f"{self.post.heading}\n{self.post.text}" if self.post.heading else self.post.text

    @property
    def buttons(self) -> list[Button]:
        """Its buttons in order."""
        rows = self.delivery.buttons if self.delivery else self.post.buttons if self.post else ()
        return [button for row in rows for button in row]

    def button(self, label: str) -> Button:
        """The button whose label begins so."""
        for button in self.buttons:
            if button.label.startswith(label):
                return button
        raise AssertionError(f"no button {label!r} under {self.text!r}: {[b.label for b in self.buttons]}")


class FakePlatform:
    """The `Platform` port as a list of messages."""

    def __init__(self, name: str = "fake", *, upload_bytes: int = 50_000_000) -> None:
        self.name = name
        self.limits = PlatformLimits(upload_bytes=upload_bytes, download_bytes=20_000_000)
        self.shown: list[Shown] = []
        self.acknowledged: list[Incoming] = []
        self.errors: list[Exception] = []
        """Raised, one each, by the next posts or deliveries."""
        self.blocked_by: Obstacle | None = None
        self.files: dict[str, bytes] = {}
        self.deliveries = 0
        self.has_direct = False
        self.direct_errors: list[Exception] = []
        """Raised, one each, when the next direct places are looked up."""
        self.groups: dict[str, tuple[Person, ...]] = {}
        """Everybody in a group, by its id; any other id is a person's."""
        self.people_errors: list[Exception] = []
        """Raised, one each, when people are looked up."""
        self.lookups = 0
        """How often people were looked up."""
        self.refused: set[ConversationKey] = set()
        """Places that take nothing."""
        self._ids = itertools.count(1000)

    async def acknowledge(self, incoming: Incoming) -> None:
        self.acknowledged.append(incoming)

    async def obstacle(self, key: ConversationKey) -> Obstacle | None:
        return Obstacle.NOT_MEMBER if key in self.refused else self.blocked_by

    def _check(self, key: ConversationKey) -> None:
        if key in self.refused:
            raise Undeliverable("I am no member there")
        if self.errors:
            raise self.errors.pop(0)

    async def post(self, post: Post, message_id: str) -> str:
        self._check(post.key)
        if message_id:
            shown = self.message(message_id)
            shown.post, shown.edits = post, shown.edits + 1
            return message_id
        self.shown.append(Shown(id=str(next(self._ids)), post=post))
        return self.shown[-1].id

    async def open(self, post: Post) -> ConversationKey:
        return replace(post.key, thread=await self.post(post, ""))

    async def direct(self, person: Person) -> ConversationKey | None:
        if self.direct_errors:
            raise self.direct_errors.pop(0)
        return ConversationKey(platform=self.name, chat=f"direct {person.id}") if self.has_direct else None

    async def people(self, native_id: str) -> tuple[Person, ...]:
        self.lookups += 1
        if self.people_errors:
            raise self.people_errors.pop(0)
        return self.groups.get(native_id, (Person(id=f"{self.name}:{native_id}", name=native_id),))

    async def deliver(self, delivery: Delivery, saved: Mapping[str, str], save: Save) -> str:
        self._check(delivery.key)
        message_id = saved.get("message", "")
        if not message_id:
            self.shown.append(Shown(id=str(next(self._ids))))
            message_id = self.shown[-1].id
            await save({"message": message_id})
        shown = self.message(message_id)
        if shown.delivery is None:
            self.deliveries += 1
        shown.delivery, shown.clip = delivery, Path(delivery.clip).read_bytes()
        return message_id

    async def fetch(self, attachment: Attachment, destination: Path) -> None:
        if attachment.ref not in self.files:
            raise PermanentError("there is no such file")
        destination.write_bytes(self.files[attachment.ref])

    def message(self, message_id: str) -> Shown:
        """The message with this id."""
        return next(shown for shown in self.shown if shown.id == message_id)

    @property
    def last(self) -> Shown:
        """The newest message."""
        return self.shown[-1]

    def having(self, text: str) -> Shown:
        """The newest message with this text."""
        for shown in reversed(self.shown):
            if text in shown.text:
                return shown
        raise AssertionError(f"nobody said {text!r}:\n{self.transcript()}")

    def with_button(self, label: str) -> Shown:
        """The newest message with this button."""
        for shown in reversed(self.shown):
            if any(button.label.startswith(label) for button in shown.buttons):
                return shown
        raise AssertionError(f"no button {label!r}:\n{self.transcript()}")

    def transcript(self) -> str:
        """All that was said."""
        return "\n---\n".join(f"{shown.text}\n  {[button.label for button in shown.buttons]}" for shown in self.shown)


Step = OperationState | Exception


@dataclass
class FakeVideoProvider:
    """The `VideoProvider` port with scripted outcomes; by default it makes what was ordered."""

    name: str = "animatic"
    orders: list[VideoOrder] = field(default_factory=list)
    """Every order that arrived, also those that were refused or never answered."""
    on_order: list[Exception | None] = field(default_factory=list)
    """What the next orders raise; None accepts."""
    on_poll: list[Step] = field(default_factory=list)
    """What the next polls tell; when there is nothing, the clip is finished."""
    on_fetch: list[Exception | None] = field(default_factory=list)
    footage: Callable[[VideoOrder, Path], object] | None = None
    """Makes the file; by default one as ordered."""
    stops: bool = True
    cancelled: list[str] = field(default_factory=list)
    pictures: list[bytes] = field(default_factory=list)
    """The first frames that came with orders."""
    found: str | Reconciliation = Reconciliation.UNKNOWN
    polls: int = 0

    async def order(self, order: VideoOrder) -> str:
        self.orders.append(order)
        if order.first_frame is not None:
            self.pictures.append(order.first_frame.read_bytes())
        outcome = self.on_order.pop(0) if self.on_order else None
        if outcome is not None:
            raise outcome
        return f"operation/{order.key}"

    async def poll(self, operation: str) -> OperationState:
        self.polls += 1
        step = self.on_poll.pop(0) if self.on_poll else Finished(location="there")
        if isinstance(step, Exception):
            raise step
        return step

    async def fetch(self, operation: str, location: str, destination: Path) -> None:
        outcome = self.on_fetch.pop(0) if self.on_fetch else None
        if outcome is not None:
            raise outcome
        order = self.orders[-1]
        if self.footage is not None:
            self.footage(order, destination)
        else:
            width, height = size_of(order)
            make_footage(destination, seconds=order.duration_s, width=width, height=height, audio=order.sound)

    async def cancel(self, operation: str) -> bool:
        self.cancelled.append(operation)
        return self.stops

    async def reconcile(self, order_key: str, model: str) -> str | Reconciliation:
        return self.found


def size_of(order: VideoOrder) -> tuple[int, int]:
    """Width and height of a small picture in the ordered shape."""
    return {"16:9": (320, 180), "9:16": (180, 320), "1:1": (240, 240)}[order.aspect]


class FakeDialogueModel:
    """The `DialogueModel` port with scripted readings."""

    name = "fake"

    def __init__(self) -> None:
        self.readings: list[Reading | Exception | Callable[[ReadingInput], Reading]] = []
        self.given: list[ReadingInput] = []
        self.prompts: list[str | Exception] = []
        self.uses: tuple[TokenUse, ...] = ()

    async def read(self, given: ReadingInput) -> Reading:
        self.given.append(given)
        reading = self.readings.pop(0)
        if isinstance(reading, Exception):
            raise reading
        return reading if isinstance(reading, Reading) else reading(given)

    async def write_prompt(self, given: PromptInput) -> Written:
        prompt = self.prompts.pop(0) if self.prompts else f"A film of {given.request.idea or given.request.subject}."
        if isinstance(prompt, Exception):
            raise prompt
        return Written(texts=(prompt,), uses=self.uses)

    async def rewrite(self, request: VideoRequest, reason: str) -> Written:
        return Written(texts=("a gentler idea", "another gentle idea"), uses=self.uses)


__all__ = [
    "Failed",
    "FakeDialogueModel",
    "FakePlatform",
    "FakeVideoProvider",
    "Finished",
    "Running",
    "Shown",
    "TemporaryError",
    "size_of",
]
