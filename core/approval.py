"""When somebody else has to agree before an order is sent: who is asked, what they are told, and what follows. Pure.

A request waits as `pending_approval` with its price frozen. Nobody approves their own; whoever presses first decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from core import texts
from core.actions import action
from core.generation import WITHDRAWN, Approval, Asked, Generation, GenerationStatus
from core.messages import Button, ConversationKey, Person, Post, PostKind
from core.money import Micros

REMIND_AFTER = timedelta(minutes=10)
"""How long people are left alone before they can be reminded."""


class Denial(StrEnum):
    """Why it was not approved, as a button says it."""

    NONE = "no"
    PRICE = "price"
    LATER = "later"
    CONTENT = "content"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRules:
    """The admin's rules."""

    above: Micros | None = None
    """Orders that cost more need an approval."""
    over_limit: bool = False
    """Whether an approver may let through what goes over a limit."""
    review: bool = False
    """Whether an approver looks at each clip before others see it."""
    approvers: tuple[str, ...] = ()
    """Ids of people or groups, such as "slack:U1" or "slack:S1", as the admin names them; whom they stand for,
    `core.approvers` finds out."""
    expires_s: float = 86_400.0
    """How long a request waits, in seconds; also one to look at a clip."""

    def needed(self, generation: Generation, price: Micros) -> bool:
        """Whether an order at this price has to be approved."""
        return bool(self.approvers) and self.above is not None and price > self.above


def asking(
    generation: Generation,
    places: Mapping[str, ConversationKey],
    rules: ApprovalRules,
    *,
    why: str,
    budgets: tuple[str, ...] = (),
    now: datetime,
) -> Generation:
    """The generation while it waits; `places` are where each approver is asked, `why` a word for the reason ("price",
    "limit"), `budgets` whose limits it goes over. Its quote is frozen until the request ends."""
    plan = generation.plan
    assert plan is not None
    ends = now + timedelta(seconds=rules.expires_s)
    approval = Approval(
        asked=tuple(Asked(person_id=person, key=key) for person, key in places.items()),
        asked_at=now,
        why=why,
        budgets=budgets,
    )
    frozen = replace(plan, quote=replace(plan.quote, valid_until=ends))
    return generation.moved(
        GenerationStatus.PENDING_APPROVAL, now, plan=frozen, question=None, approval=approval, due_at=ends
    )


def withdrawn(generation: Generation, by: Person, now: datetime) -> Generation:
    """The generation when its requester, or an admin, has taken it back before anybody answered."""
    approval = generation.approval
    taken_back = replace(approval, decided_by=by.name, reason=WITHDRAWN) if approval is not None else None
    return generation.moved(GenerationStatus.CANCELLED, now, approval=taken_back, due_at=None)


def approver_posts(generation: Generation, budget: str) -> tuple[Post, ...]:
    """What each approver sees: who wants what, for how much; with buttons while it waits, and how it ended after."""
    approval = generation.approval
    waiting = generation.status is GenerationStatus.PENDING_APPROVAL
    buttons = (
        (Button(label=texts.approvals.APPROVE, action=action("approve", generation.id)),),
        tuple(
            Button(label=texts.approvals.DENIALS[denial.value][0], action=action("deny", generation.id, denial.value))
            for denial in Denial
        ),
    )
    return tuple(
        Post(
            key=asked.key,
            kind=PostKind.CARD,
            heading=texts.spelling.heading(generation),
            text=texts.approvals.approval_card(generation, budget=budget),
            buttons=buttons if waiting else (),
            anchor=f"approve:{generation.id}:{asked.person_id}",
            person=Person(id=asked.person_id, name=asked.person_id),
        )
        for asked in (approval.asked if approval is not None else ())
    )


def waiting_post(generation: Generation, reply_to: str) -> Post:
    """What the requester sees while it waits."""
    assert generation.approval is not None
    buttons = (
        Button(label=texts.approvals.REMIND, action=action("remind", generation.id)),
        Button(label=texts.approvals.WITHDRAW, action=action("withdraw", generation.id)),
    )
    return Post(
        key=generation.key,
        text=texts.approvals.approval_asked(generation),
        buttons=(buttons,),
        anchor=f"approval:{generation.id}",
        reply_to=reply_to,
        person=generation.requester,
    )


def ended_posts(generation: Generation, budget: str) -> tuple[Post, ...]:
    """How a request ended: the old sentence and the approvers' cards lose their buttons, the requester is told."""
    closed = Post(
        key=generation.key,
        text=texts.approvals.APPROVAL_DECIDED.format(id=generation.name),
        anchor=f"approval:{generation.id}",
        quiet=True,
    )
    told = Post(key=generation.key, text=texts.approvals.approval_ended(generation), person=generation.requester)
    return (closed, told, *approver_posts(generation, budget))


def reminders(generation: Generation) -> tuple[Post, ...]:
    """What each approver is told once more."""
    asked = generation.approval.asked if generation.approval is not None else ()
    text = texts.approvals.approval_reminder(generation)
    return tuple(Post(key=one.key, text=text, person=Person(id=one.person_id, name=one.person_id)) for one in asked)
