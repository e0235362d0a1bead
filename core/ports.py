"""The ports: what the product needs from the outside, one `Protocol` for each role.

Every implementation of a port passes the same contract suite (`tests/contracts`). Adapters raise only the errors of
`core.errors`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from core.events import Event
from core.inspection import ClipFacts
from core.messages import Attachment, ConversationKey, Delivery, Incoming, Person, Post
from core.reading import PromptInput, Reading, ReadingInput, Written
from core.request import VideoRequest


class Clock(Protocol):
    """Time, so that tests need not wait for it."""

    def now(self) -> datetime:
        """The time now, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        ...


# --- dialogue models -------------------------------------------------------------------------------------------------


class DialogueModel(Protocol):
    """Reads what people write, and writes what video models read.

    Each method raises TemporaryError when the model does not answer and UnusableReply when it talks nonsense; the
    error's `uses` then still carry what was paid.
    """

    name: str

    async def read(self, given: ReadingInput) -> Reading:
        """What the message means."""
        ...

    async def write_prompt(self, given: PromptInput) -> Written:
        """The final prompt: one text."""
        ...

    async def rewrite(self, request: VideoRequest, reason: str) -> Written:
        """Two ideas that keep a refused wish and avoid what was refused."""
        ...


# --- video providers -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoOrder:
    """Everything a provider needs to make one clip."""

    key: str
    """Unique to this order; safe in a file name and in metadata."""
    model: str
    prompt: str
    request: VideoRequest
    duration_s: int
    aspect: str
    resolution: str
    sound: bool
    seed: int
    first_frame: Path | None = None
    last_frame: Path | None = None
    references: tuple[Path, ...] = ()
    parts: tuple[Path, ...] = ()
    """The clips that are to be joined, in the order of `request.parts`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """Not finished yet; `fraction` of the work is done (0 to 1), or None when the provider does not say."""

    fraction: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The clip can be fetched; `location` is for the provider's own `fetch`."""

    location: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """There is no clip. `refused` is True when the service will not show what was asked for; `reason` is what it said,
    or empty."""

    reason: str
    refused: bool = False


OperationState = Running | Finished | Failed


class Reconciliation(StrEnum):
    """What can be learned about an order whose answer was lost."""

    UNKNOWN = "unknown"
    """The provider cannot tell."""
    NOTHING = "nothing"
    """The order never arrived: nothing was created, and it may be sent again."""
    PENDING = "pending"
    """Not seen yet, but it may still appear: look again later."""


class VideoProvider(Protocol):
    """Makes clips.

    `poll`, `fetch` and `cancel` may be repeated without harm and raise TemporaryError or PermanentError.
    """

    name: str

    async def order(self, order: VideoOrder) -> str:
        """Send the order once and return the operation's handle. Never repeats by itself.

        Raises OrderNotSent, OrderRefused or OrderUnanswered."""
        ...

    async def poll(self, operation: str) -> OperationState:
        """Where the operation stands; Failed for one that the provider does not know."""
        ...

    async def fetch(self, operation: str, location: str, destination: Path) -> None:
        """Stream the finished clip to the file `destination`."""
        ...

    async def cancel(self, operation: str) -> bool:
        """Ask the provider to stop; True when it did, False when it cannot."""
        ...

    async def reconcile(self, order_key: str, model: str) -> str | Reconciliation:
        """The handle of an order whose answer was lost, if the provider can find it."""
        ...


# --- platforms -------------------------------------------------------------------------------------------------------


class Obstacle(StrEnum):
    """Why a clip could not be delivered in a place; checked before anything is paid."""

    NOT_MEMBER = "not_member"
    NO_RIGHT_TO_POST = "no_right_to_post"
    NO_RIGHT_TO_SEND_VIDEO = "no_right_to_send_video"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformLimits:
    """What a platform takes, in bytes."""

    upload_bytes: int
    download_bytes: int


Save = Callable[[Mapping[str, str]], Awaitable[None]]
"""Keeps what a platform must know to go on with a delivery after a crash."""


class Voice(Protocol):
    """What the bot says, and where."""

    async def acknowledge(self, incoming: Incoming) -> None:
        """Show at once that it was noticed (typing, a reaction, the press answered). Best effort: never raises."""
        ...

    async def post(self, post: Post, message_id: str) -> str:
        """Send `post`, or edit the message `message_id` into it when that is not empty. Returns the message's id, or
        empty for a whisper that nobody can edit.
        Raises Undeliverable when this place takes nothing from us."""
        ...

    async def open(self, post: Post) -> ConversationKey:
        """Begin a thread with `post`; returns the thread, or the post's own place where there are no threads."""
        ...


class Directory(Protocol):
    """Who people are, and where each of them is alone with the bot."""

    async def direct(self, person: Person) -> ConversationKey | None:
        """The place where nobody but this person and the bot is; None when there is none."""
        ...

    async def people(self, native_id: str) -> tuple[Person, ...]:
        """Whom an id of an admin's list stands for: a person, or everybody in a group; empty where nobody is known by
        it. Raises TemporaryError, PermanentError."""
        ...


class Courier(Protocol):
    """How files come and go."""

    limits: PlatformLimits

    async def obstacle(self, key: ConversationKey) -> Obstacle | None:
        """What would keep a clip from being posted here; None when nothing does."""
        ...

    async def deliver(self, delivery: Delivery, saved: Mapping[str, str], save: Save) -> str:
        """Post the clip exactly once, however often this is called with what it `save`d before. Returns the
        message's id. Raises Undeliverable when this place will not take it."""
        ...

    async def fetch(self, attachment: Attachment, destination: Path) -> None:
        """Stream a person's file to `destination`."""
        ...


class Platform(Voice, Courier, Directory, Protocol):
    """Where people are. Methods raise TemporaryError, or PermanentError for what will never work."""

    name: str


Receive = Callable[[Incoming], Awaitable[None]]
"""Returns once the message is stored; only then may the platform be told that it arrived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookAnswer:
    """What a platform that posts to us is answered."""

    status: int
    """The HTTP status."""
    body: str = ""
    content_type: str = "text/plain"


class Receiver(Protocol):
    """The listening side of a platform; stopped by cancelling `run`."""

    async def run(self, receive: Receive) -> None:
        """Take in messages until cancelled, whatever the network does."""
        ...

    def healthy(self, now: datetime) -> str:
        """Empty when it is receiving; otherwise what is wrong."""
        ...


# --- media and files -------------------------------------------------------------------------------------------------


class Media(Protocol):
    """Measures and converts video files. Results are written beside their name and renamed."""

    async def probe(self, path: Path, *, poster: Path | None = None) -> ClipFacts:
        """What the file really is; raises UnplayableClip. To `poster`, when given, goes a JPEG of a telling frame, of
        at most 320 pixels and 200 kB."""
        ...

    async def shrink(self, path: Path, destination: Path, max_bytes: int) -> None:
        """A smaller rendition of at most `max_bytes`; raises PermanentError when there is none."""
        ...

    async def mute(self, path: Path, destination: Path) -> None:
        """The same pictures without the sound, not encoded again."""
        ...


class ClipStore(Protocol):
    """Where files are kept: a folder or a bucket. Names look like "v12/clip.mp4"."""

    async def put(self, path: Path, name: str) -> None:
        """Keep the file under `name`, streaming; replaces what was there."""
        ...

    async def get(self, name: str, destination: Path) -> None:
        """Stream the kept file to `destination`; raises PermanentError when there is none."""
        ...

    async def size(self, name: str) -> int | None:
        """Bytes, or None when there is no such file."""
        ...

    def read(self, name: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to, but without, `end`."""
        ...

    async def delete(self, name: str) -> None:
        """Forget it; no error when it is not there."""
        ...


class Announcer(Protocol):
    """Tells a program outside."""

    async def announce(self, event: Event) -> None:
        """Tell it once. Raises TemporaryError when it should be told again later, also when nobody knows whether it
        arrived, and PermanentError when nobody wants to know."""
        ...


class Engine(Protocol):
    """Runs the pipeline: at least once for each start, also after a crash."""

    async def start(self, generation_id: int) -> None:
        """Run it to its end on some worker, unless it runs already."""
        ...

    async def wake(self, generation_id: int) -> None:
        """Let a running one look at its row now."""
        ...


# --- several processes over one database -----------------------------------------------------------------------------


class Claims(Protocol):
    """Who works on what, among all processes over one database. A claim ends with the process that holds it, however
    that dies."""

    async def take(self, name: str) -> bool:
        """Claim `name`; False while somebody holds it, here or elsewhere. Raises TemporaryError."""
        ...

    async def give_back(self, name: str) -> None:
        """Let somebody else have it; harmless when it is not held. Never raises: what cannot be given back is lost with
        the connection anyway."""
        ...

    def holds(self, name: str) -> bool:
        """Whether it is still ours: who was cut off from the database holds nothing any more."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How often something may be done: once every `every_s` seconds in the long run, `burst` times at once."""

    name: str
    """What is counted, such as "telegram chat 4711"; the same in all processes."""
    every_s: float
    """0 for what is only held: it is not counted."""
    burst: int = 1


class Pace(Protocol):
    """How fast all processes over one database go together."""

    async def wait_s(self, rates: Sequence[Rate], *, at_most_s: float) -> float:
        """How many seconds to wait before going on; it is counted then. When that is more than `at_most_s`, nothing is
        counted. Raises TemporaryError."""
        ...

    async def hold(self, name: str, seconds: float) -> None:
        """Whoever asks for a rate of that name waits so long: a service said so. Raises TemporaryError."""
        ...
