"""The messages about one generation that are edited in place: its questions, its card and its status. Pure.

Each has an anchor, so that a later post with the same anchor edits the earlier one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from core import texts
from core.actions import action
from core.generation import Generation, GenerationStatus
from core.limits import Left
from core.messages import Button, Post, PostKind, Rows
from core.planning import Terms


def status_anchor(generation: Generation) -> str:
    """What the generation's status message is known by."""
    return f"status:{generation.id}"


def card_anchor(generation: Generation) -> str:
    """What the generation's card is known by."""
    return f"card:{generation.id}"


def late_anchor(generation: Generation) -> str:
    """What the message that an order takes long is known by."""
    return f"late:{generation.id}:{generation.retries}"


def question_post(generation: Generation, reply_to: str) -> Post:
    """The open question with a button for each option, and one to leave it to us."""
    question = generation.question
    assert question is not None
    buttons = [
        Button(label=option.label, action=action("opt", generation.id, question.number, place))
        for place, option in enumerate(question.options)
    ]
    buttons.append(Button(label=texts.buttons.YOU_DECIDE, action=action("opt", generation.id, question.number, "any")))
    return Post(
        key=generation.key,
        kind=PostKind.QUESTION,
        text=question.text,
        buttons=tuple(tuple(buttons[start : start + 2]) for start in range(0, len(buttons), 2)),
        anchor=_question_anchor(generation),
        reply_to=reply_to,
    )


def answered_question(generation: Generation, changes: Mapping[str, Any]) -> Post:
    """The question once it is closed: with its answer, if `changes` hold one, and without its buttons."""
    question = generation.question
    assert question is not None
    answer = ""
    for option in question.options:
        if option.slot in changes and changes[option.slot] == option.value:
            answer = option.label
    if not answer and question.slot in changes:
        answer = texts.buttons.YOU_DECIDE if changes[question.slot] is None else str(changes[question.slot])
    return Post(
        key=generation.key,
        kind=PostKind.QUESTION,
        text=texts.questions.answered(question.text, answer) if answer else question.text,
        anchor=_question_anchor(generation),
        quiet=True,
    )


def lapsed_question(generation: Generation) -> Post:
    """The question that nobody answered in time, without its buttons."""
    question = generation.question
    assert question is not None
    return replace(answered_question(generation, {}), text=texts.questions.lapsed(question.text))


def _question_anchor(generation: Generation) -> str:
    assert generation.question is not None
    return f"ask:{generation.id}:{generation.question.number}"


def card_post(
    generation: Generation,
    terms: Terms,
    now: datetime,
    reply_to: str,
    *,
    left: Left | None = None,
    reviewed: bool = False,
) -> Post:
    """The plan card with its buttons; `left` is what is left of the tightest limit, `reviewed` whether the clip is
    looked at before it is posted."""
    plan = generation.plan
    assert plan is not None
    first = [Button(label=texts.buttons.make_it(plan), action=action("make", generation.id, plan.number))]
    if plan.draft_price is not None:
        first.append(Button(label=texts.buttons.quick_draft(plan), action=action("draft", generation.id, plan.number)))
    second = [Button(label=texts.buttons.CHANGE, action=action("change", generation.id))]
    if generation.request.edit is None:
        second.append(Button(label=texts.buttons.SHOW_PROMPT, action=action("prompt", generation.id)))
    second.append(Button(label=texts.buttons.CANCEL, action=action("cancel", generation.id)))
    storyboard = plan.provider in terms.storyboard_providers
    text = texts.cards.card(
        generation, plan, now=now, budget=terms.budget, storyboard=storyboard, left=left, reviewed=reviewed
    )
    return _card(generation, text, (tuple(first), tuple(second)), reply_to)


def closed_card(generation: Generation, text: str) -> Post:
    """The card when nothing can be tapped on it any more."""
    return _card(generation, text, (), "")


def expired_card(generation: Generation) -> Post:
    """A card whose price is no longer held, with a button for a new one."""
    button = Button(label=texts.buttons.NEW_PRICE, action=action("price", generation.id))
    return _card(generation, texts.cards.QUOTE_EXPIRED, ((button,),), "")


def _card(generation: Generation, text: str, buttons: Rows, reply_to: str) -> Post:
    return Post(
        key=generation.key,
        kind=PostKind.CARD,
        heading=texts.spelling.heading(generation),
        text=text,
        buttons=buttons,
        anchor=card_anchor(generation),
        reply_to=reply_to,
    )


def status_post(generation: Generation, text: str, *, done: float | None = None, reply_to: str = "") -> Post:
    """The status message while something is under way; `done` is the share of the work, 0 to 1, when it is known."""
    cancel = Button(label=texts.buttons.CANCEL, action=action("cancel", generation.id))
    stoppable = not generation.cancel_requested and generation.status is not GenerationStatus.PENDING_REVIEW
    return Post(
        key=generation.key,
        kind=PostKind.STATUS,
        text=text,
        buttons=((cancel,),) if stoppable else (),
        anchor=status_anchor(generation),
        progress=done,
        reply_to=reply_to,
        quiet=True,
    )


def ended_status(generation: Generation) -> Post:
    """What the status message shrinks to when the work is over."""
    return Post(
        key=generation.key,
        kind=PostKind.STATUS,
        text=texts.working.finished_line(generation),
        anchor=status_anchor(generation),
        quiet=True,
    )
