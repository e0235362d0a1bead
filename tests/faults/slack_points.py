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
    """Moments while one finished clip is brought into its thread: the process ends at the first one, the next process
    at the second, and so on; the last one is left alone."""

    name: str
    at: tuple[Place, ...]
    replies: int = 3
    """The card, the status and the clip; more where Slack's answer to a message was lost and nothing tells of it."""
    later_s: float = 0.0
    """How much later than at once the program is started again each time, in seconds."""
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
STREAMING = _to(UPLOAD, arrived=True)
CONTROLS = _to(POST, saying="Another take")

KILLED = (
    Bringing(name="no-bytes-are-there", large=True, at=(
        _to(ADDRESS, lost=True), _to(ADDRESS), STREAMING, _to(UPLOAD, lost=True))),
    Bringing(name="the-bytes-are-there", at=(
        _to(UPLOAD), _before("saved.file"), _after("saved.file"), _before("saved.completing"))),
    # Whether the completion was done has to be found out.
    Bringing(name="completing-is-saved-and-then-it-is-lost", later_s=9.5, at=(
        _after("saved.completing"), _to(COMPLETE, lost=True))),
    Bringing(name="the-completion-is-worked-on", at=(_to(COMPLETE, arrived=True),), trouble=(SLOWLY,),
             share_delay=0.5),
    Bringing(name="the-completion-is-done", at=(_to(COMPLETE),)),
    Bringing(name="the-completion-is-done-and-its-share-is-late", at=(_to(COMPLETE),), share_delay=1.0),
    # The fourth reply says that it was away.
    Bringing(name="the-completion-was-done-an-hour-ago", at=(_to(COMPLETE),), later_s=3_600.0, replies=4),
    # It was done.
    Bringing(name="before-completed-is-saved", share_delay=0.5, at=(
        _before("saved.completed"), _to(LOOK), _before("saved.posted"), _after("saved.posted"),
        _before("ledger.capture"), _after("ledger.capture"))),
    Bringing(name="after-completed-is-saved", share_delay=5.0, at=(
        _after("saved.completed"), _to(LOOK, nth=2), _before("saved.posted"))),
    # Where Slack takes no blocks with a file.
    Bringing(name="without-blocks", file_blocks=False, later_s=9.5, replies=4, at=(
        _to(COMPLETE), _after("saved.plain"), _to(COMPLETE), _after("saved.posted"))),
    Bringing(name="the-controls", file_blocks=False, replies=6, at=(
        _to(POST, saying="Another take", lost=True), CONTROLS, _before("saved.controls"), _after("saved.controls"))),
)  # fmt: skip
"""Ended by SIGKILL."""

REDIRECTED: tuple[Place, ...] = (
    _to(COMPLETE),
    _to("conversations.open"),
    _before("undeliverable"),
    _after("undeliverable"),
    _after("undeliverable+saved.file"),
    _to(COMPLETE),
    _before("ledger.capture"),
)
"""Moments at which one process after the other ends by SIGKILL, while a clip goes to the person alone because its
channel does not take it any more: the refusal, the way to the person, the move, and the delivery there."""

STOPPED = (
    Bringing(name="bytes-are-streaming", at=(STREAMING,), large=True),
    Bringing(name="completing-is-being-saved", at=(_before("saved.completing"),)),
    Bringing(name="completing", at=(_to(COMPLETE),)),
    Bringing(name="waiting-for-the-share", at=(_to(LOOK),), share_delay=0.5),
    Bringing(name="the-controls-are-sent", at=(CONTROLS,), file_blocks=False, replies=4),
    Bringing(name="the-capture-is-being-saved", at=(_before("ledger.capture"),)),
)
"""Asked to stop by SIGTERM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Moments between what a person says and the answer, the card, at which one process after the other ends."""

    name: str
    at: tuple[Place, ...]
    transport: SlackTransport = "socket"
    cards: int = 1


_TAKEN_IN = (_before("receive"), _after("receive"))
_THINKING = Served(service="google", call="generateContent", lost=True)

UNANSWERED = (
    Asking(name="taking-it-in", at=_TAKEN_IN),
    Asking(name="acknowledged", at=(_to("event"),)),
    Asking(name="http-taking-it-in", at=_TAKEN_IN, transport="http"),
    Asking(name="http-acknowledged", at=(_to("event"),), transport="http"),
    Asking(name="answering", at=(_THINKING, _before("turn"), _after("turn"), _to(POST, lost=True))),
    Asking(name="the-answer-is-sent", at=(_to(POST),), cards=2),
)
"""Ended by SIGKILL after a message that mentions the bot, of which Slack tells twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commanding:
    """Moments between a slash command and the card in the thread that it is given."""

    name: str
    at: tuple[Place, ...]
    acknowledged: bool = True
    stored: bool = True
    empty: int = 0
    """Threads at most that are left behind with nothing in them."""
    transport: SlackTransport = "socket"


OPENING = _to(POST, saying="asked for a video")
_OPENING_LOST = _to(POST, saying="asked for a video", lost=True)

COMMANDED = (
    Commanding(name="before-it-is-stored", at=(_before("receive+summons"),), acknowledged=False, stored=False),
    Commanding(name="stored-but-not-acknowledged", acknowledged=False, empty=1, at=(
        _after("receive+summons"), _OPENING_LOST, OPENING, _after("moved"))),
    Commanding(name="acknowledged", at=(_to("event"),), empty=1),
    Commanding(name="before-the-thread-is-saved", at=(_before("moved"),), empty=1),
    Commanding(name="http-stored-but-not-acknowledged", acknowledged=False, transport="http", empty=1, at=(
        _after("receive+summons"), OPENING)),
)  # fmt: skip
"""Ended by SIGKILL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interacting:
    """Moments around a press, or around the submission of a form; what is not acknowledged is done again."""

    name: str
    at: tuple[Place, ...]
    acknowledged: bool = False


PRESSED = (
    Interacting(name="not-acknowledged", at=(_before("receive+press"), _after("receive+press"))),
    Interacting(name="acknowledged", at=(_to("event", saying="block_actions"),), acknowledged=True),
)
"""Ended by SIGKILL around the tap on the card."""

FILLED_IN = (
    Interacting(name="not-acknowledged", at=(_before("receive+form"), _after("receive+form"))),
    Interacting(name="acknowledged", at=(_to("event", saying="view_submission"),), acknowledged=True),
    Interacting(name="the-changed-card-is-shown", at=(_to("chat.update", saying="8 s"),), acknowledged=True),
)
"""Ended by SIGKILL around the submission of the form behind the card."""
