"""The tables of points: what is under way when the process ends, and what comes of it after the next start."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from tests.emulators.faults import Fault
from tests.faults.ends import Downloading, Place, Rendering, Saved, Served
from tests.program.services import Provider, Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A moment between the tap and the end of a generation."""

    name: str
    at: Place
    provider: Provider = "omni"
    asked: Literal["", "Order again", "Drop it"] = ""
    """What the person, told that the answer was lost, chooses; empty: nobody is asked and the clip comes by itself."""
    orders: int = 1
    """Accepted by the video service, before the person chooses."""
    repeated: int = 0
    """Messages that come twice, because Telegram's answer to the first was lost and nothing tells of it."""
    held: bool = False
    """Whether the service finishes nothing before the second start."""
    trouble: tuple[Fault, ...] = field(default=())
    """What the service answers besides."""


def _to(call: str, *, saying: str = "", nth: int = 1, lost: bool = False) -> Served:
    service: Literal["google", "telegram"] = "telegram" if call.startswith(("send", "edit", "answer")) else "google"
    return Served(service=service, call=call, saying=saying, nth=nth, lost=lost)


OMNI, VEO = "interactions.create", "veo.predictLongRunning"
BUSY = Fault(match=OMNI, status=429, retry_after=1)
AWAY = Fault(match="files.download", status=503)
READY = "is ready"

KILLED = (
    # The tap.
    Point(name="before-the-tap-is-saved", at=Saved(side="before", facts="queued+turn")),
    Point(name="after-the-tap-is-saved", at=Saved(side="after", facts="queued+turn")),
    Point(name="the-tap-is-acknowledged", at=_to("answerCallbackQuery")),
    Point(name="after-admission", at=Saved(side="after", facts="submitting+order.none")),
    # The order.
    Point(name="the-prompt-is-written", at=_to("generateContent", nth=2, lost=True)),
    Point(name="before-the-intent", at=Saved(side="before", facts="submitting+order.intent")),
    Point(name="after-the-intent", at=Saved(side="after", facts="submitting+order.intent"),
          orders=0, asked="Order again"),
    Point(name="the-order-is-lost", at=_to(OMNI, lost=True), orders=0, asked="Drop it"),
    Point(name="the-answer-is-lost", at=_to(OMNI), asked="Drop it"),
    Point(name="before-the-answer-is-saved", at=Saved(side="before", facts="order.accepted"), asked="Drop it"),
    Point(name="after-the-answer-is-saved", at=Saved(side="after", facts="processing+order.accepted")),
    Point(name="waiting-out-a-429", at=Saved(side="after", facts="submitting+order.refused"), trouble=(BUSY,)),
    Point(name="veo-after-the-intent", provider="veo", at=Saved(side="after", facts="submitting+order.intent"),
          orders=0, asked="Order again"),
    Point(name="veo-the-answer-is-lost", provider="veo", at=_to(VEO)),
    Point(name="veo-inline-the-answer-is-lost", provider="veo-inline", at=_to(VEO), asked="Drop it"),
    # The clip on its way.
    Point(name="filming", at=_to("interactions.get", nth=2), held=True),
    Point(name="veo-filming", provider="veo", at=_to("veo.fetchPredictOperation", nth=2), held=True),
    Point(name="rendering", provider="animatic", at=Rendering(written=1)),
    Point(name="before-it-counts-as-being-fetched", at=Saved(side="before", facts="downloading"), trouble=(AWAY,)),
    Point(name="after-it-counts-as-being-fetched", at=Saved(side="after", facts="downloading"), trouble=(AWAY,)),
    Point(name="downloading", at=Downloading(sent=8_000)),
    Point(name="veo-downloading", provider="veo", at=Downloading(sent=8_000)),
    Point(name="downloaded", at=_to("files.download")),
    Point(name="collected-but-not-saved", at=Saved(side="before", facts="delivering")),
    Point(name="collected", at=Saved(side="after", facts="delivering")),
    # Bringing it.
    Point(name="the-announcement-is-lost", at=_to("sendMessage", saying=READY, lost=True)),
    Point(name="the-announcement-is-sent", at=_to("sendMessage", saying=READY), repeated=1),
    Point(name="between-announcement-and-clip", at=Saved(side="after", facts="delivering+announced")),
    Point(name="the-clip-is-lost", at=_to("editMessageMedia", lost=True)),
    Point(name="the-clip-is-shown", at=_to("editMessageMedia")),
    Point(name="before-the-capture", at=Saved(side="before", facts="ledger.capture")),
    Point(name="after-the-capture", at=Saved(side="after", facts="ledger.capture")),
)  # fmt: skip
"""Ended by SIGKILL."""

STOPPED = (
    Point(name="the-tap-is-being-saved", at=Saved(side="before", facts="queued+turn")),
    Point(name="the-prompt-is-written", at=_to("generateContent", nth=2)),
    Point(name="the-intent-is-being-saved", at=Saved(side="before", facts="submitting+order.intent")),
    Point(name="the-intent-is-saved", at=Saved(side="after", facts="submitting+order.intent")),
    Point(name="the-order-is-under-way", at=_to(OMNI)),
    Point(name="the-answer-is-being-saved", at=Saved(side="before", facts="order.accepted")),
    Point(name="waiting-out-a-429", at=Saved(side="after", facts="submitting+order.refused"), trouble=(BUSY,)),
    Point(name="filming", at=_to("interactions.get", nth=2), held=True),
    Point(name="rendering", provider="animatic", at=Rendering(written=1)),
    Point(name="downloading", at=Downloading(sent=8_000)),
    Point(name="showing-the-status", at=_to("sendMessage", saying="Getting ready")),
    Point(name="announcing", at=_to("sendMessage", saying=READY)),
    Point(name="delivering", at=_to("editMessageMedia")),
    Point(name="the-capture-is-being-saved", at=Saved(side="before", facts="ledger.capture")),
)
"""Asked to stop by SIGTERM. Nothing is lost, so nobody is asked about anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A moment between a person's message and its answer, the card."""

    name: str
    at: Place
    transport: Transport = "polling"
    cards: int = 1


THINKING = Served(service="google", call="generateContent", lost=True, confirmed=True)
ANSWERING = _to("sendMessage")

UNANSWERED = (
    Asking(name="before-it-is-taken-in", at=Saved(side="before", facts="receive")),
    Asking(name="after-it-is-taken-in", at=Saved(side="after", facts="receive")),
    Asking(name="webhook-before-it-is-taken-in", at=Saved(side="before", facts="receive"), transport="webhook"),
    Asking(name="webhook-after-it-is-taken-in", at=Saved(side="after", facts="receive"), transport="webhook"),
    Asking(name="acknowledging", at=_to("sendChatAction")),
    Asking(name="gemini-thinks", at=THINKING),
    Asking(name="webhook-gemini-thinks", at=THINKING, transport="webhook"),
    Asking(name="before-the-turn-is-saved", at=Saved(side="before", facts="turn")),
    Asking(name="after-the-turn-is-saved", at=Saved(side="after", facts="turn")),
    Asking(name="the-answer-is-lost", at=_to("sendMessage", lost=True)),
    Asking(name="the-answer-is-sent", at=ANSWERING, cards=2),
)
"""Ended by SIGKILL after a message."""
