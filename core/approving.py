"""What happens around an approval: an order that needs one asks for it, and its buttons decide. Pure but for the
`Response` it fills.

The rules, and what everybody is told, are in `core.approval`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace

from core import texts
from core.actions import Action
from core.approval import REMIND_AFTER, Denial, approver_posts, asking, ended_posts, reminders, waiting_post
from core.cards import closed_card, expired_card
from core.generation import Asked, Generation, GenerationStatus, Plan, Review
from core.limits import Cap, caps_of
from core.messages import Post
from core.planning import on_offer
from core.response import Response

S = GenerationStatus


# --- the order -------------------------------------------------------------------------------------------------------


def order(response: Response, generation: Generation, plan: Plan) -> None:
    """The tap on the card: hold the money and put it into the queue, unless that goes over a limit, has to be approved
    first, or there is nobody to look at the clip who has to."""
    rules = response.offer.terms.approval
    over = response.over
    others = set(response.offer.approvers) - {generation.requester.id}
    if over is not None and not (rules.over_limit and others and over.cap.renews is not None):
        price = plan.quote.amount if plan.amounts_shown else None
        text = texts.spending.over_limit(over.cap, over.used, price, now=response.now)
        response.say(text, about=generation.id, whisper=True)
        return
    if response.reviewed(generation):
        response.asks = generation
        if not response.places:
            response.say(texts.approvals.NOBODY_TO_REVIEW.format(id=generation.name), about=generation.id)
            return
        generation = replace(generation, review=Review())
    if over is not None:
        _ask(response, generation, plan, "limit", (over.cap.budget.value,))
        return
    if rules.needed(generation, plan.quote.amount):
        _ask(response, generation, plan, "price")
        return
    response.caps += caps_of(generation, response.offer.terms.limits, response.now)
    response.close_question(generation, {})
    response.queue(generation, plan)


def _ask(response: Response, generation: Generation, plan: Plan, why: str, budgets: tuple[str, ...] = ()) -> None:
    """Ask whoever may approve it; the price is frozen until they have answered, or nobody has for too long. Nobody has
    more orders waiting for that than they may have orders at all."""
    response.asks = generation
    most = response.offer.terms.limits.orders_per_person
    if most is not None and response.ahead >= most:
        response.say(texts.approvals.too_many_waiting(response.ahead), about=generation.id, whisper=True)
        return
    if not response.places:
        response.say(texts.approvals.NOBODY_TO_ASK.format(id=generation.name), about=generation.id)
        return
    terms = response.offer.terms
    response.close_question(generation, {})
    response.ahead += 1
    planned = replace(generation, plan=plan)
    waiting = asking(planned, response.places, terms.approval, why=why, budgets=budgets, now=response.now)
    response.save(waiting)
    response.post(closed_card(waiting, texts.cards.card_closed(waiting)), waiting.id)
    response.post(waiting_post(waiting, response.reply_to), waiting.id)
    for post in approver_posts(waiting, terms.budget):
        response.post(post, waiting.id)


# --- the buttons -----------------------------------------------------------------------------------------------------


def was_asked(response: Response, generation: Generation, asked: Iterable[Asked]) -> bool:
    """Whether this person is among those who were asked to decide and is still on the list; says so when not. Nobody
    decides about their own."""
    entitled = ({one.person_id for one in asked} & set(response.offer.approvers)) - {generation.requester.id}
    if response.person.id in entitled:
        return True
    response.say(texts.approvals.NOT_ASKED.format(id=generation.name), about=generation.id, whisper=True)
    return False


def _may_approve(response: Response, generation: Generation) -> bool:
    """Whether this person was asked and it still waits; says why not."""
    approval = generation.approval
    if not was_asked(response, generation, approval.asked if approval is not None else ()):
        return False
    if generation.status is not S.PENDING_APPROVAL:
        response.say(texts.approvals.approval_ended(generation), about=generation.id, whisper=True)
    elif generation.due_at is not None and generation.due_at <= response.now:
        _lapse(response, generation, "")
    else:
        return True
    return False


def _approve(response: Response, generation: Generation, pressed: Action) -> None:
    """An approver agrees: it is ordered at the frozen price."""
    if not _may_approve(response, generation):
        return
    approval, plan = generation.approval, generation.plan
    assert approval is not None
    assert plan is not None
    if not on_offer(plan, response.offer.models):
        _lapse(response, generation, "gone")
        return
    if response.over is not None:
        _over_limit(response, generation, response.over.cap)
        return
    # What they let through are the limits that they were told of, and no other.
    caps = caps_of(generation, response.offer.terms.limits, response.now)
    response.caps += [cap for cap in caps if cap.counts_orders or cap.budget.value not in approval.budgets]
    decided = replace(generation, approval=replace(approval, decided_by=response.person.name, approved=True))
    _tell_decided(response, response.queue(decided, plan))


def _over_limit(response: Response, generation: Generation, cap: Cap) -> None:
    """What an approver agrees to goes over a limit that they were not told of. They may let it through, knowing of it
    and of those before it, if the admin lets them; otherwise it goes on waiting."""
    approval = generation.approval
    assert approval is not None
    if not cap.counts_orders and response.offer.terms.approval.over_limit:
        told = replace(approval, why="limit", budgets=(*approval.budgets, cap.budget.value))
        generation = response.save(replace(generation, approval=told, updated_at=response.now))
        for card in approver_posts(generation, response.offer.terms.budget):
            response.post(card, generation.id)
        text = texts.approvals.approval_over(generation, cap, again=True)
        response.say(text, about=generation.id, whisper=True)
        return
    text = texts.approvals.approval_over(generation, cap, again=False)
    response.say(text, about=generation.id, whisper=True)
    response.post(Post(key=generation.key, text=text, person=generation.requester), generation.id)


def _deny(response: Response, generation: Generation, pressed: Action) -> None:
    """An approver does not agree."""
    if not _may_approve(response, generation):
        return
    approval = generation.approval
    assert approval is not None
    decided = replace(approval, decided_by=response.person.name, reason=reason_of(pressed))
    ended = response.save(generation.moved(S.CANCELLED, response.now, approval=decided, due_at=None))
    _tell_decided(response, ended)


def reason_of(pressed: Action, among: Collection[str] = tuple(Denial)) -> str:
    """The reason that a button for "no" carries, if it is `among` these; else none."""
    return pressed.args[0] if pressed.args and pressed.args[0] in among else Denial.NONE.value


def _lapse(response: Response, generation: Generation, reason: str) -> None:
    """The request ends without an answer: "gone" for what cannot be had any more, empty when time is over."""
    approval = generation.approval
    assert approval is not None
    gone = replace(approval, reason=reason)
    ended = response.save(generation.moved(S.EXPIRED, response.now, approval=gone, due_at=None))
    response.post(expired_card(ended), ended.id)
    _tell_decided(response, ended)


def _tell_decided(response: Response, generation: Generation) -> None:
    """How a request for approval ended: to the requester, and on the card of each approver."""
    for post in ended_posts(generation, response.offer.terms.budget):
        response.post(post, generation.id)


def _remind(response: Response, generation: Generation, pressed: Action) -> None:
    """Ask the approvers once more, unless they were asked a moment ago."""
    approval = generation.approval
    if generation.status is not S.PENDING_APPROVAL or approval is None:
        response.say(texts.approvals.approval_ended(generation), about=generation.id)
        return
    last = approval.reminded_at or approval.asked_at
    if response.now - last < REMIND_AFTER:
        response.say(texts.approvals.REMINDED_ALREADY.format(id=generation.name), about=generation.id)
        return
    reminded = response.save(replace(generation, approval=replace(approval, reminded_at=response.now)))
    for post in reminders(reminded):
        response.post(post, reminded.id)
    response.say(texts.approvals.REMINDED.format(id=generation.name), about=generation.id)


def _withdraw(response: Response, generation: Generation, pressed: Action) -> None:
    """The requester does not want it any more."""
    if generation.status is S.PENDING_APPROVAL:
        response.withdraw(generation)
    else:
        response.say(texts.approvals.approval_ended(generation), about=generation.id)


APPROVAL_PRESSES: Mapping[str, Callable[[Response, Generation, Action], None]] = {
    "approve": _approve,
    "deny": _deny,
    "remind": _remind,
    "withdraw": _withdraw,
}
"""What the buttons about an approval do."""
