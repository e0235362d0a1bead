"""A generation: one clip from the wish to the delivered file, as one row that says where it stands.

The statuses, which follows which, the order with its four saved outcomes, and the clip. What is done in each status
is `core.pipeline`'s and `core.dialogue`'s work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from core.inspection import ClipFacts, Promise
from core.messages import ConversationKey, Person, short_id
from core.money import Micros, Quote
from core.request import Tier, VideoRequest, changed


class GenerationStatus(StrEnum):
    """Where a generation stands."""

    PENDING_CLARIFICATION = "pending_clarification"
    PENDING_CONFIRMATION = "pending_confirmation"
    PENDING_APPROVAL = "pending_approval"
    QUEUED = "queued"
    SUBMITTING = "submitting"
    PROCESSING = "processing"
    DOWNLOADING = "downloading"
    PENDING_REVIEW = "pending_review"
    DELIVERING = "delivering"
    AMBIGUOUS = "ambiguous"
    COMPLETED = "completed"
    FAILED = "failed"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNDELIVERABLE = "undeliverable"


S = GenerationStatus

OPEN = frozenset({S.PENDING_CLARIFICATION, S.PENDING_CONFIRMATION})
"""Still being shaped; nothing was ordered."""
ADMITTED = frozenset({S.SUBMITTING, S.PROCESSING, S.DOWNLOADING, S.DELIVERING})
"""On a worker; started again after a crash."""
AT_SERVICE = ADMITTED - {S.DELIVERING}
"""Those of them that take up what may be under way at once: a place that takes no clip now keeps nobody waiting."""
RUNNING = ADMITTED | {S.QUEUED, S.PENDING_REVIEW}
"""Between the tap and the end."""
FINAL = frozenset({S.COMPLETED, S.FAILED, S.REFUSED, S.CANCELLED, S.EXPIRED, S.UNDELIVERABLE})
"""Nothing more happens by itself."""

FOLLOWS: Mapping[GenerationStatus, frozenset[GenerationStatus]] = {
    S.PENDING_CLARIFICATION: frozenset({S.PENDING_CONFIRMATION, S.CANCELLED, S.EXPIRED}),
    S.PENDING_CONFIRMATION: frozenset({S.PENDING_CLARIFICATION, S.PENDING_APPROVAL, S.QUEUED, S.CANCELLED, S.EXPIRED}),
    S.PENDING_APPROVAL: frozenset({S.QUEUED, S.CANCELLED, S.EXPIRED}),
    S.QUEUED: frozenset({S.SUBMITTING, S.CANCELLED}),
    S.SUBMITTING: frozenset({S.PROCESSING, S.AMBIGUOUS, S.REFUSED, S.FAILED, S.CANCELLED}),
    S.PROCESSING: frozenset({S.DOWNLOADING, S.REFUSED, S.FAILED, S.CANCELLED}),
    S.DOWNLOADING: frozenset({S.PENDING_REVIEW, S.DELIVERING, S.FAILED}),
    S.PENDING_REVIEW: frozenset({S.DELIVERING, S.CANCELLED, S.UNDELIVERABLE}),
    S.DELIVERING: frozenset({S.COMPLETED, S.UNDELIVERABLE}),
    S.AMBIGUOUS: frozenset({S.PROCESSING, S.QUEUED, S.CANCELLED}),
    S.UNDELIVERABLE: frozenset({S.PENDING_REVIEW, S.DELIVERING, S.COMPLETED}),
    **{status: frozenset() for status in (S.COMPLETED, S.FAILED, S.REFUSED, S.CANCELLED, S.EXPIRED)},
}
"""Which status may come after which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Somebody who was asked to decide."""

    person_id: str
    key: ConversationKey
    """Where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A request for approval, and how it ended."""

    asked: tuple[Asked, ...]
    asked_at: datetime
    why: str
    """"price" or "limit"."""
    budgets: tuple[str, ...] = ()
    """Whose limits of money it goes over, as `core.limits.Budget` has them: those that the approvers were told of, and
    so let through."""
    reminded_at: datetime | None = None
    decided_by: str = ""
    """How people call who decided; empty while it waits."""
    approved: bool = False
    reason: str = ""
    """A word for why it was not, or empty."""


LONGEST_PUT_OFF = timedelta(minutes=30)
"""No delivery waits longer for its next try: what seems to was put off by a clock that was set back since."""
WITHDRAWN = "withdrawn"
"""Reason of an approval that the requester, or an admin, took back before anybody answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """That somebody looks at the clip before it is posted, and how that ended."""

    asked: tuple[Asked, ...] = ()
    """Whom the clip is, or was, brought to; empty before that is known."""
    asked_at: datetime | None = None
    """When everybody had it; None while it is still being brought to them."""
    saved: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What the platform saved of each one's delivery, by the person's id."""
    decided_by: str = ""
    """How people call who decided; empty while it waits."""
    passed: bool = False
    reason: str = ""
    """A word for why it is not posted, or empty."""


class OrderOutcome(StrEnum):
    """What came of sending an order; no outcome yet means it may be on its way."""

    NOT_SENT = "not_sent"
    UNANSWERED = "unanswered"
    REFUSED = "refused"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The record of an order, saved before it is sent and again with what came of it."""

    key: str
    """Unique to this attempt, such as "v12-1-9f3c21aa"; providers use it for output names and metadata."""
    attempt: int
    provider: str
    model: str
    sent_at: datetime
    """When the intent was saved."""
    outcome: OrderOutcome | None = None
    operation: str = ""
    """The provider's handle, once accepted."""
    location: str = ""
    """Where the provider keeps the finished clip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionOption:
    """One button of a question."""

    label: str
    slot: str
    value: Any
    """What the slot becomes; None leaves it to us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question about one slot."""

    slot: str
    text: str
    options: tuple[QuestionOption, ...]
    asked_at: datetime
    number: int
    """1 for the first question about this request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the card promises, and for which price."""

    number: int
    """Rises with every change, so that a tap on an older card does not count."""
    provider: str
    model: str
    model_name: str
    tier: Tier
    duration_s: int
    aspect: str
    resolution: str
    sound: bool
    quote: Quote
    expected_s: tuple[float, float]
    """Median and 90th percentile, in seconds."""
    assumed: tuple[str, ...]
    """Slots that nobody said anything about."""
    draft_price: Micros | None = None
    """The price of the quick draft, when there is a cheaper one."""
    amounts_shown: bool = True
    """Whether the requester may see what it costs; otherwise they see only who pays."""
    notes: tuple[str, ...] = ()
    """Sentences about what could not be had and was taken instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one message contributed to the request."""

    message_id: str
    """Empty for a button."""
    changes: Mapping[str, Any]
    heard: tuple[tuple[str, str], ...] = ()
    """Id and text of each message that was read in one go, so that one of them can be edited."""

    def has(self, message_id: str) -> bool:
        """Whether this came from that message."""
        return message_id == self.message_id or any(message_id == heard for heard, _ in self.heard)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A finished file in the clip store."""

    name: str
    """Name in the clip store; the provider's bytes, untouched."""
    poster: str
    facts: ClipFacts
    sent: str = ""
    """Name of the smaller or silent copy that was sent instead, or empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One clip on its way from the wish to the file."""

    id: int
    conversation_id: str
    key: ConversationKey
    requester: Person
    reply_to: str
    """Id of the person's message that the clip answers."""
    status: GenerationStatus
    created_at: datetime
    updated_at: datetime
    base: VideoRequest = field(default_factory=VideoRequest)
    """What the request began with: pictures that were sent, or the parent's request."""
    said: tuple[Said, ...] = ()
    """Everything messages and buttons added since, in order."""
    suggestions: tuple[Said, ...] = ()
    """Changes that others in the thread proposed; the requester takes them or not."""
    parent: int | None = None
    """The generation this one varies."""
    language: str = ""
    summary: str = ""
    hurry: bool = False
    asked: int = 0
    """How many questions were asked; at most three."""
    question: Question | None = None
    plan: Plan | None = None
    prompt: str = ""
    """What is sent to the provider; written once."""
    seed: int | None = None
    """The seed that is sent, drawn when the order is prepared."""
    approval: Approval | None = None
    review: Review | None = None
    """None for what nobody looks at before it is posted."""
    order: Order | None = None
    clip: Clip | None = None
    reason: str = ""
    """Why it ended, in words for the person."""
    rewrites: tuple[str, ...] = ()
    """Two ideas that keep the wish, after a refusal."""
    retries: int = 0
    due_at: datetime | None = None
    """When the next thing is to be done; None for now."""
    entered: Mapping[str, datetime] = field(default_factory=dict)
    """When each status was entered first."""
    cancel_requested: bool = False
    unstoppable: bool = False
    """The provider has said that it cannot stop it any more."""
    told_late: bool = False
    heard_of: tuple[str, str] | None = None
    """Key of an order without an answer, and the operation that its provider has told of by itself."""
    delivery: Mapping[str, str] = field(default_factory=dict)
    """What the platform saved of a delivery under way (message or file ids)."""
    elsewhere: ConversationKey | None = None
    """Where the clip is brought instead, once its own place has refused it."""
    ratings: Mapping[str, bool] = field(default_factory=dict)
    """Who found the clip good, and who did not, by the person's id."""
    revision: int = 0
    """Counts saves; 0 is not saved yet. A save names the revision it read."""

    @property
    def name(self) -> str:
        """The short id, such as "v12"."""
        return short_id(self.id)

    @property
    def sent(self) -> Order | None:
        """The order that the provider may be working on, so that nobody but the provider can stop it; else None."""
        if self.status not in (S.SUBMITTING, S.PROCESSING) or self.order is None:
            return None
        return None if self.order.outcome in (OrderOutcome.NOT_SENT, OrderOutcome.REFUSED) else self.order

    @property
    def finished(self) -> bool:
        """Whether the provider has the clip, and it is not here yet."""
        found = self.status is S.PROCESSING and self.order is not None and bool(self.order.location)
        return found or self.status is S.DOWNLOADING

    @property
    def on_its_way_elsewhere(self) -> bool:
        """Whether its own place has refused the clip and it is being brought to the person by another way."""
        return self.status is S.UNDELIVERABLE and self.elsewhere is not None and self.due_at is not None

    @property
    def with_reviewers(self) -> bool:
        """Whether its clip is with those who look at it beforehand, and nothing but their answer is missing."""
        return self.status is S.PENDING_REVIEW and self.review is not None and self.review.asked_at is not None

    @property
    def withheld(self) -> bool:
        """Whether the clip is not to be shown, because nobody who looks at it beforehand has let it pass."""
        return self.review is not None and not self.review.passed

    @property
    def request(self) -> VideoRequest:
        """The request as everything said so far makes it."""
        request = self.base
        for said in self.said:
            request = changed(request, dict(said.changes))
        return request

    def moved(self, status: GenerationStatus, now: datetime, **fields: Any) -> Generation:
        """The generation in another status; raises ValueError when that status cannot follow."""
        if status is not self.status and status not in FOLLOWS[self.status]:
            raise ValueError(f"{self.name} cannot go from {self.status} to {status}")
        entered = {**self.entered}
        entered.setdefault(status.value, now)
        return replace(self, status=status, updated_at=now, entered=entered, **fields)

    def promise(self) -> Promise:
        """What the finished clip is checked against; raises ValueError without a plan."""
        if self.plan is None:
            raise ValueError(f"{self.name} has no plan")
        request = self.request
        words = " ".join((request.idea, request.subject, request.setting, request.style, request.mood)).lower()
        return Promise(
            duration_s=self.plan.duration_s,
            aspect=self.plan.aspect,
            sound=self.plan.sound,
            dark_wanted=any(word in words for word in ("black screen", "pitch dark", "pitch black", "total darkness")),
            still_wanted=any(word in words for word in ("still image", "freeze frame", "motionless", "static shot")),
        )
