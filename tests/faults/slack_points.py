"""The tables of points on Slack: the upload of a clip in its steps, and what people write, command, press and fill in.

What happens between the tap and the clip is the same on every platform, and in `points`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.emulators.faults import Fault
from tests.emulators.slack import SlackEmulator
from tests.faults.ends import Place, Saved, Served
from tests.program.services import SlackTransport

ADDRESS, UPLOAD, COMPLETE = "files.getUploadURLExternal", "upload", "files.completeUploadExternal"
POST, LOOK = "chat.postMessage", "files.info"
WORKED_ON_S = 1.5
"""How long Slack works on a completion that takes long."""


def _to(call: str, *, saying: str = "", nth: int = 1, lost: bool = False, arrived: bool = False) -> Served:
    return Served(service="slack", call=call, saying=saying, nth=nth, lost=lost, arrived=arrived)


def _before(facts: str) -> Saved:
    return Saved(side="before", facts=facts)


def _after(facts: str) -> Saved:
    return Saved(side="after", facts=facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bringing:
    """A moment while a finished clip is brought into its thread."""

    name: str
    at: Place
    replies: int = 3
    """The card, the status and the clip; more where Slack's answer to a message was lost and nothing tells of it."""
    later_s: float = 0.0
    """How much later than at once the program is started again, in seconds."""
    share_delay: float = 0.0
    """Seconds after which a completed file can be seen where it was shared."""
    file_blocks: bool = True
    """Whether Slack takes blocks with a file; if not, the buttons come in a message of their own."""
    large: bool = False
    """Whether the clip is larger than what the machine keeps of a connection while nobody reads it."""
    trouble: tuple[Fault, ...] = field(default=())
    """What Slack answers besides."""

    def slack(self) -> SlackEmulator:
        """Slack as it is then."""
        return SlackEmulator(share_delay=self.share_delay, file_blocks=self.file_blocks)


SLOWLY = Fault(match=COMPLETE, delay=WORKED_ON_S)

KILLED = (
    Bringing(name="the-address-is-not-asked-for", at=_to(ADDRESS, lost=True)),
    Bringing(name="the-address-is-given", at=_to(ADDRESS)),
    Bringing(name="bytes-are-streaming", at=_to(UPLOAD, arrived=True), large=True),
    Bringing(name="the-upload-is-lost", at=_to(UPLOAD, lost=True)),
    Bringing(name="the-upload-is-answered", at=_to(UPLOAD)),
    Bringing(name="before-the-file-is-saved", at=_before("saved.file")),
    Bringing(name="after-the-file-is-saved", at=_after("saved.file")),
    Bringing(name="before-completing-is-saved", at=_before("saved.completing")),
    Bringing(name="after-completing-is-saved", at=_after("saved.completing"), later_s=9.0),
    Bringing(name="after-completing-is-saved-an-hour-later", at=_after("saved.completing"), later_s=3_600.0),
    Bringing(name="the-completion-is-lost", at=_to(COMPLETE, lost=True), later_s=9.0),
    Bringing(name="the-completion-is-worked-on", at=_to(COMPLETE, arrived=True), trouble=(SLOWLY,)),
    Bringing(name="the-completion-is-worked-on-and-its-share-is-late", at=_to(COMPLETE, arrived=True),
             trouble=(SLOWLY,), share_delay=0.5),
    Bringing(name="the-completion-is-done", at=_to(COMPLETE)),
    Bringing(name="the-completion-is-done-and-its-share-is-late", at=_to(COMPLETE), share_delay=1.0),
    Bringing(name="the-completion-is-done-long-ago", at=_to(COMPLETE), later_s=3_600.0),
    Bringing(name="before-completed-is-saved", at=_before("saved.completed"), share_delay=0.5),
    Bringing(name="after-completed-is-saved", at=_after("saved.completed"), share_delay=0.5),
    Bringing(name="waiting-for-the-share", at=_to(LOOK, nth=2), share_delay=1.0),
    Bringing(name="the-share-is-seen", at=_to(LOOK)),
    Bringing(name="before-posted-is-saved", at=_before("saved.posted")),
    Bringing(name="after-posted-is-saved", at=_after("saved.posted")),
    Bringing(name="before-the-capture", at=_before("ledger.capture")),
    Bringing(name="after-the-capture", at=_after("ledger.capture")),
    # Where Slack takes no blocks with a file.
    Bringing(name="the-refusal-is-lost", at=_to(COMPLETE), file_blocks=False, later_s=9.0, replies=4),
    Bringing(name="after-the-refusal-is-saved", at=_after("saved.plain"), file_blocks=False, replies=4),
    Bringing(name="the-plain-completion-is-done", at=_to(COMPLETE, nth=2), file_blocks=False, replies=4),
    Bringing(name="the-controls-are-lost", at=_to(POST, saying="Another take", lost=True), file_blocks=False,
             replies=4),
    Bringing(name="the-controls-are-sent", at=_to(POST, saying="Another take"), file_blocks=False, replies=5),
    Bringing(name="before-the-controls-are-saved", at=_before("saved.controls"), file_blocks=False, replies=5),
    Bringing(name="after-the-controls-are-saved", at=_after("saved.controls"), file_blocks=False, replies=4),
)  # fmt: skip
"""Ended by SIGKILL."""

STOPPED = (
    Bringing(name="bytes-are-streaming", at=_to(UPLOAD, arrived=True), large=True),
    Bringing(name="completing-is-being-saved", at=_before("saved.completing")),
    Bringing(name="completing", at=_to(COMPLETE)),
    Bringing(name="waiting-for-the-share", at=_to(LOOK), share_delay=0.5),
    Bringing(name="the-controls-are-sent", at=_to(POST, saying="Another take"), file_blocks=False, replies=4),
    Bringing(name="the-capture-is-being-saved", at=_before("ledger.capture")),
)
"""Asked to stop by SIGTERM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirected:
    """A moment while a clip goes another way, because its channel does not take it any more."""

    name: str
    at: Place


REDIRECTED = (
    Redirected(name="the-refusal-is-lost", at=_to(COMPLETE)),
    Redirected(name="the-other-way-is-known", at=_to("conversations.open")),
    Redirected(name="before-the-refusal-is-saved", at=_before("undeliverable")),
    Redirected(name="after-the-refusal-is-saved", at=_after("undeliverable")),
    Redirected(name="uploaded-again", at=_after("undeliverable+saved.file")),
    Redirected(name="the-second-completion-is-done", at=_to(COMPLETE, nth=2)),
    Redirected(name="before-the-capture", at=_before("ledger.capture")),
)
"""Ended by SIGKILL after the bot was taken out of the channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A moment between what a person says and the answer, the card."""

    name: str
    at: Place
    transport: SlackTransport = "socket"
    cards: int = 1


_THINKING = Served(service="google", call="generateContent", lost=True)

UNANSWERED = (
    Asking(name="before-it-is-stored", at=_before("receive")),
    Asking(name="stored-but-not-acknowledged", at=_after("receive")),
    Asking(name="acknowledged", at=_to("event")),
    Asking(name="http-before-it-is-stored", at=_before("receive"), transport="http"),
    Asking(name="http-stored-but-not-acknowledged", at=_after("receive"), transport="http"),
    Asking(name="http-acknowledged", at=_to("event"), transport="http"),
    Asking(name="gemini-thinks", at=_THINKING),
    Asking(name="before-the-turn-is-saved", at=_before("turn")),
    Asking(name="the-answer-is-lost", at=_to(POST, lost=True)),
    Asking(name="the-answer-is-sent", at=_to(POST), cards=2),
)
"""Ended by SIGKILL after a message that mentions the bot, of which Slack tells twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commanding:
    """A moment between a slash command and the card in the thread that it is given."""

    name: str
    at: Place
    acknowledged: bool = True
    stored: bool = True
    empty: int = 0
    """Threads that are left behind with nothing in them."""
    transport: SlackTransport = "socket"


OPENING = _to(POST, saying="asked for a video")

COMMANDED = (
    Commanding(name="before-it-is-stored", at=_before("receive+summons"), acknowledged=False, stored=False),
    Commanding(name="stored-but-not-acknowledged", at=_after("receive+summons"), acknowledged=False),
    Commanding(name="acknowledged", at=_to("event")),
    Commanding(name="http-stored-but-not-acknowledged", at=_after("receive+summons"), acknowledged=False,
               transport="http"),
    Commanding(name="http-acknowledged", at=_to("event"), transport="http"),
    Commanding(name="the-thread-is-lost", at=_to(POST, saying="asked for a video", lost=True)),
    Commanding(name="the-thread-is-opened", at=OPENING, empty=1),
    Commanding(name="before-the-thread-is-saved", at=_before("moved"), empty=1),
    Commanding(name="after-the-thread-is-saved", at=_after("moved")),
)  # fmt: skip
"""Ended by SIGKILL."""
