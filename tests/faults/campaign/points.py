"""The places of the campaign, by the part of the program that they are in, for whichever platform and video service.

Those of `points` and `slack_points` are tried there one by one, with what exactly comes of each. Here they are met
while several people order at once, so a place is a kind of call or commit and not the second call of its kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from tests.emulators.faults import Fault
from tests.faults.ends import Downloading, Place, Saved, Served

Stage = Literal[
    "inbox",
    "turn",
    "submit",
    "watch",
    "collect",
    "review",
    "deliver",
    "ledger",
    "outbox",
    "events",
    "random",
    "database",
]
STAGES: tuple[Stage, ...] = get_args(Stage)
Platform = Literal["telegram", "slack"]
Service = Literal["omni", "veo"]

CREATE = {"omni": "interactions.create", "veo": "veo.predictLongRunning"}
POLL = {"omni": "interactions.get", "veo": "veo.fetchPredictOperation"}
FETCH = {"omni": "files.download", "veo": "storage.download"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unheard:
    """The program outside has an event, and whoever told it never gets the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What happens to the program next."""

    stage: Stage
    name: str
    at: Place | Unheard | None = None
    """None: at a random moment."""
    trouble: tuple[Fault, ...] = ()
    """What the video service answers besides."""
    fails: bool = False
    """Whether the service fails the next order."""
    turned_away: bool = False
    """Whether the program outside does not take the next event."""


def fates(platform: Platform, service: Service, *, approved: bool = False) -> tuple[Fate, ...]:
    """All named places. `approved`: somebody approves each order, and looks at each clip."""
    return (
        *_asking(platform),
        *_ordering(service),
        *_delivering(platform),
        *_telling(),
        *(_approving(platform) if approved else ()),
    )


def _approving(platform: Platform) -> tuple[Fate, ...]:
    asking = (
        *_around("review", "approval-is-asked-for", "pending_approval"),
        *_around("review", "approved", "queued"),
    )
    if platform == "telegram":
        return asking  # people are alone with the bot there: nobody looks at their clips
    return (
        *asking,
        *_around("review", "look-is-asked-for", "pending_review"),
        *_around("review", "clip-may-be-posted", "delivering"),
    )


def _asking(platform: Platform) -> tuple[Fate, ...]:
    seen = (
        (Fate(stage="inbox", name="acknowledging", at=_telegram("sendChatAction")),
         Fate(stage="inbox", name="tap-is-acknowledged", at=_telegram("answerCallbackQuery")))
        if platform == "telegram"
        else (Fate(stage="inbox", name="event-is-acknowledged", at=_slack("event")),
              Fate(stage="inbox", name="tap-is-acknowledged", at=_slack("event", saying="block_actions")))
    )  # fmt: skip
    return (
        *_around("inbox", "message-is-taken-in", "receive+message"),
        *_around("inbox", "tap-is-taken-in", "receive+press"),
        *seen,
        Fate(stage="turn", name="gemini-thinks", at=_google("generateContent", lost=True)),
        *_around("turn", "turn-is-saved", "turn"),
        *_around("turn", "tap-is-saved", "queued+turn"),
    )


def _ordering(service: Service) -> tuple[Fate, ...]:
    create, poll, fetch = CREATE[service], POLL[service], FETCH[service]
    busy, away = Fault(match=create, status=429, retry_after=1), Fault(match=fetch, status=503)
    return (
        *_around("submit", "admission", "submitting+order.none"),
        *_around("submit", "intent-is-saved", "submitting+order.intent"),
        Fate(stage="submit", name="order-is-lost", at=_google(create, lost=True)),
        Fate(stage="submit", name="answer-is-lost", at=_google(create)),
        *_around("submit", "answer-is-saved", "order.accepted"),
        Fate(stage="submit", name="after-a-429", trouble=(busy,), at=_after("submitting+order.refused")),
        Fate(stage="watch", name="polling", at=_google(poll, lost=True)),
        Fate(stage="watch", name="answer-to-a-poll-is-lost", at=_google(poll)),
        Fate(stage="collect", name="before-being-fetched-is-saved", trouble=(away,), at=_before("downloading")),
        Fate(stage="collect", name="after-being-fetched-is-saved", trouble=(away,), at=_after("downloading")),
        Fate(stage="collect", name="downloading", at=Downloading(sent=8_000)),
        Fate(stage="collect", name="downloaded", at=_google(fetch)),
        *_around("collect", "collected", "delivering"),
        *_around("ledger", "hold", "ledger.hold"),
        *_around("ledger", "capture", "ledger.capture"),
        Fate(stage="ledger", name="before-release", fails=True, at=_before("ledger.release")),
        Fate(stage="ledger", name="after-release", fails=True, at=_after("ledger.release")),
    )


def _delivering(platform: Platform) -> tuple[Fate, ...]:
    marked = _around("outbox", "marked-as-sent", "sent")
    if platform == "telegram":
        return (
            Fate(stage="deliver", name="announcement-is-lost", at=_telegram("sendMessage", "is ready", lost=True)),
            Fate(stage="deliver", name="announcement-is-sent", at=_telegram("sendMessage", "is ready")),
            *_around("deliver", "announcement-is-saved", "delivering+announced"),
            Fate(stage="deliver", name="clip-is-lost", at=_telegram("editMessageMedia", lost=True)),
            Fate(stage="deliver", name="clip-is-shown", at=_telegram("editMessageMedia")),
            Fate(stage="outbox", name="card-is-lost", at=_telegram("sendMessage", "Make it", lost=True)),
            Fate(stage="outbox", name="card-is-sent", at=_telegram("sendMessage", "Make it")),
            Fate(stage="outbox", name="edit-is-lost", at=_telegram("editMessageText", lost=True)),
            Fate(stage="outbox", name="status-is-sent", at=_telegram("sendMessage", "Cancel")),
            *marked,
        )
    return (
        Fate(stage="deliver", name="upload-address", at=_slack("files.getUploadURLExternal")),
        Fate(stage="deliver", name="upload-is-lost", at=_slack("upload", lost=True)),
        Fate(stage="deliver", name="uploaded", at=_slack("upload")),
        *_around("deliver", "file-is-saved", "saved.file"),
        *_around("deliver", "completing-is-saved", "saved.completing"),
        Fate(stage="deliver", name="completion-is-lost", at=_slack("files.completeUploadExternal", lost=True)),
        Fate(stage="deliver", name="completion-is-done", at=_slack("files.completeUploadExternal")),
        *_around("deliver", "completed-is-saved", "saved.completed"),
        *_around("deliver", "post-is-saved", "saved.posted"),
        Fate(stage="outbox", name="card-is-lost", at=_slack("chat.postMessage", "Make it", lost=True)),
        Fate(stage="outbox", name="card-is-sent", at=_slack("chat.postMessage", "Make it")),
        Fate(stage="outbox", name="edit-is-lost", at=_slack("chat.update", lost=True)),
        *marked,
    )


def _telling() -> tuple[Fate, ...]:
    return (
        *_around("events", "event-is-claimed", "event.claimed"),
        Fate(stage="events", name="answer-of-the-receiver-is-lost", at=Unheard()),
        *_around("events", "event-is-marked-as-told", "event.told"),
        Fate(stage="events", name="before-event-is-put-off", turned_away=True, at=_before("event.put_off")),
        Fate(stage="events", name="after-event-is-put-off", turned_away=True, at=_after("event.put_off")),
    )


def _around(stage: Stage, name: str, saved: str) -> tuple[Fate, Fate]:
    return (
        Fate(stage=stage, name=f"before-{name}", at=_before(saved)),
        Fate(stage=stage, name=f"after-{name}", at=_after(saved)),
    )


def _before(saved: str) -> Saved:
    return Saved(side="before", facts=saved)


def _after(saved: str) -> Saved:
    return Saved(side="after", facts=saved)


def _google(call: str, *, lost: bool = False) -> Served:
    return Served(service="google", call=call, lost=lost)


def _telegram(call: str, saying: str = "", *, lost: bool = False) -> Served:
    return Served(service="telegram", call=call, saying=saying, lost=lost)


def _slack(call: str, saying: str = "", *, lost: bool = False) -> Served:
    return Served(service="slack", call=call, saying=saying, lost=lost)
