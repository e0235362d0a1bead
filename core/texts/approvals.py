"""What approvers and those who wait for them read."""

from __future__ import annotations

from collections.abc import Mapping

from core.generation import WITHDRAWN, Generation, GenerationStatus
from core.limits import Budget, Cap
from core.money import dollars
from core.texts.spelling import heading, shortened
from core.texts.spending import BUDGETS

APPROVE = "Approve"
REMIND = "Remind them"
WITHDRAW = "Withdraw"
DENIALS = {
    "no": ("Deny", "no reason was given"),
    "price": ("Too expensive", "it is too expensive"),
    "later": ("Not now", "not now; ask again later"),
    "content": ("Not this", "not this content"),
}
"""Label of each button that says no, and the reason as the requester reads it."""
NOBODY_TO_ASK = "{id} needs somebody's approval, but there is nobody I could ask. Tell your admin; nothing was ordered."
APPROVAL_DECIDED = "{id}: the request for approval is over, see below."
WAITS_FOR_APPROVAL = "{id} waits for an approval, so I left it as it was. Withdraw it to change something."
NOT_ASKED = "Only those who were asked can decide about {id}."
REMINDED = "I reminded them about {id}."
REMINDED_ALREADY = "They were asked about {id} a few minutes ago. Give them a moment, then remind them."


def approval_card(generation: Generation, *, budget: str) -> str:
    """What an approver reads: who wants what, for how much, and why they are asked; or how it ended."""
    plan, approval = generation.plan, generation.approval
    assert plan is not None
    assert approval is not None
    why = "It costs more than may be spent without asking."
    if approval.why == "limit":
        why = f"It goes over {_limits(approval.budgets, LIMITS_OF)}."
    lines = [
        f"{generation.requester.name} asks for a video.",
        f"{plan.model_name} · {plan.duration_s} s · {plan.resolution}",
        f"Price: {dollars(plan.quote.amount)} at most" + (f", paid by {budget}" if budget else ""),
    ]
    lines.append(why if generation.status is GenerationStatus.PENDING_APPROVAL else approval_ended(generation))
    return "\n".join(lines)


def approval_asked(generation: Generation) -> str:
    """What the requester reads while it waits."""
    plan, approval = generation.plan, generation.approval
    if plan is None or approval is None:
        return f"{generation.name} waits for an approval; nothing is ordered before that."
    people = "1 person" if len(approval.asked) == 1 else f"{len(approval.asked)} people"
    why = "costs more than you may spend alone"
    if approval.why == "limit":
        why = f"goes over {_limits(approval.budgets, BUDGETS)}"
    return (
        f"{generation.name} {why}, so I asked {people} to approve it. The price is held until "
        f"{plan.quote.valid_until:%d %B, %H:%M} UTC; nothing is ordered before that."
    )


def approval_reminder(generation: Generation) -> str:
    """Said to the approvers once more."""
    return f"{generation.requester.name} is still waiting for an answer about {generation.name}; the card is above."


def approval_ended(generation: Generation) -> str:
    """How a request for approval ended."""
    approval, name = generation.approval, generation.name
    if approval is not None and approval.approved:
        return f"{approval.decided_by} approved {name}."
    if approval is not None and approval.reason == WITHDRAWN:
        return f"{approval.decided_by} withdrew {name}. Nothing was ordered."
    if approval is not None and approval.decided_by:
        reason = DENIALS[approval.reason][1]
        return f"{approval.decided_by} did not approve {name}: {reason}. Nothing was ordered."
    if approval is not None and approval.reason == "gone":
        return f"{name} cannot be had at that price any more, so nothing was ordered. Ask again with a new price."
    if generation.status is GenerationStatus.EXPIRED:
        return f"Nobody answered about {name} in time. Nothing was ordered; you can ask again with a new price."
    return f"{generation.requester.name} withdrew {name}. Nothing was ordered."


LIMITS_OF = {
    Budget.PERSON: "their limit for today",
    Budget.CHANNEL: "the channel's limit for the month",
    Budget.TEAM: "the team's limit for the month",
    Budget.EVERYONE: "everybody's limit for today",
}


def _limits(budgets: tuple[str, ...], names: Mapping[Budget, str]) -> str:
    """Which limits, as one reads them in a sentence."""
    return " and ".join(names[Budget(budget)] for budget in budgets) or "a limit"


def too_many_waiting(ahead: int) -> str:
    """What the requester reads when they have as many orders as they may have, those that wait for an approval too."""
    videos = "1 video" if ahead == 1 else f"{ahead} videos"
    return (
        f"You have {videos} waiting for an approval or under way, which is the most, so I asked nobody. Withdraw one, "
        "or tap again once one is answered or done; nothing was ordered."
    )


def approval_over(generation: Generation, cap: Cap, *, again: bool) -> str:
    """What is to be approved goes over a limit by now; `again`: the approver may let it through all the same, and
    every other limit that they know of."""
    limit = "the number of videos that may be under way" if cap.counts_orders else LIMITS_OF[cap.budget]
    if again and generation.approval is not None:
        limit = _limits(generation.approval.budgets, LIMITS_OF)
    text = f"{generation.name} for {generation.requester.name} goes over {limit} now, so nothing is ordered yet."
    return f"{text} Tap Approve once more to let it through all the same." if again else f"{text} It goes on waiting."


# --- looking at a clip before it is posted ---------------------------------------------------------------------------

PASS = "Post it"
ASK_AGAIN = "Ask again"
NOBODY_TO_REVIEW = (
    "Somebody has to look at {id} before it is posted here, but there is nobody I could ask. Tell your admin; nothing "
    "was ordered."
)
REVIEW_PASSED = "Thank you, I am posting {id} now."
REVIEW_ASKED_AGAIN = "I am asking once more for somebody to look at {id}. It costs you nothing now."


def review_announcement(generation: Generation) -> str:
    """The line that notifies a reviewer; it becomes the clip."""
    return f"A clip to look at before it is posted: {generation.name}, uploading it now…"


def review_caption(generation: Generation, *, budget: str) -> str:
    """The words under the clip where it is looked at: who wants it posted, what it is and what it costs."""
    plan, clip = generation.plan, generation.clip
    assert plan is not None
    assert clip is not None
    facts = clip.facts
    paid = f", paid by {shortened(budget)}" if budget else ""
    price = f"Price: {dollars(plan.quote.amount)} at most{paid}, charged once it is posted"
    either_way = "If you say no, they are not charged, but the video service bills whoever runs this bot all the same."
    if GenerationStatus.UNDELIVERABLE.value in generation.entered:
        price = "Not charged any more, because nobody decided the first time"
        either_way = "The video service bills whoever runs this bot either way."
    return "\n".join(
        (
            heading(generation),
            f"{shortened(generation.requester.name)} asked for it on {generation.key.platform.capitalize()}, "
            "where others read along.",
            f"{facts.duration_s:.0f} s · {facts.width}×{facts.height} · {plan.model_name}",
            price,
            *((either_way,) if plan.quote.amount else ()),
            "Nobody else sees it before one of you decides.",
        )
    )


def review_rejected(generation: Generation) -> str:
    """What the reviewer who said no reads: who pays all the same."""
    plan, name = generation.plan, generation.name
    billed = ""
    if plan is not None and plan.quote.amount:
        billed = ", but the video service bills whoever runs this bot all the same"
    return f"All right, {name} is not posted. I tell whoever asked for it; they are not charged{billed}."


def review_ended(generation: Generation) -> str:
    """How looking at a clip ended, for those who were asked."""
    review, name = generation.review, generation.name
    if review is not None and review.passed:
        return f"{review.decided_by} let {name} be posted."
    if review is not None and review.decided_by:
        return f"{review.decided_by} did not let {name} be posted: {DENIALS[review.reason][1]}."
    return f"Nobody decided about {name} in time, so it is not posted."


def review_refused(generation: Generation) -> str:
    """What the requester reads when their clip is not posted."""
    review, name = generation.review, generation.name
    if review is not None and review.decided_by:
        return f"{name} is finished, but {review_ended(generation)} You were not charged."
    if review is not None and review.reason == "unreached":
        return (
            f"{name} is finished, but I could reach nobody to look at it before it is posted. You were not charged; it "
            "is kept. Tell your admin, or let me ask again later, which costs you nothing."
        )
    return (
        f"{name} is finished, but nobody who looks at clips before they are posted answered in time. You were not "
        "charged; it is kept, and I can ask them again, which costs you nothing."
    )
