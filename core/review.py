"""What those who look at a clip before it is posted can press, and what that does. Pure but for the `Response` it
fills.

A clip waits as `pending_review`. Nobody reviews their own; whoever presses first decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from core import endings, texts
from core.actions import Action, action
from core.approval import Denial
from core.approving import reason_of, was_asked
from core.generation import Generation, GenerationStatus, Review
from core.messages import Button, Rows
from core.repositories import Changes
from core.response import Response

S = GenerationStatus


REFUSALS = (Denial.NONE, Denial.CONTENT)
"""How a reviewer says no. It is final, and the clip is paid for: "too expensive" and "not now" would be no answers."""


def review_buttons(generation: Generation) -> Rows:
    """What stands under the clip where it is looked at."""
    no = (
        Button(label=texts.approvals.DENIALS[denial.value][0], action=action("reject", generation.id, denial.value))
        for denial in REFUSALS
    )
    return ((Button(label=texts.approvals.PASS, action=action("pass", generation.id)),), tuple(no))


def ask_again(response: Response, generation: Generation) -> None:
    """Bring a clip that nobody let pass to the reviewers once more. Its hold was released, so it costs nothing."""
    again = replace(generation, review=Review(), told_late=True)
    response.save(again.moved(S.PENDING_REVIEW, response.now, due_at=response.now))
    response.started.append(generation.id)
    response.say(texts.approvals.REVIEW_ASKED_AGAIN.format(id=generation.name), about=generation.id)


def _may_review(response: Response, generation: Generation) -> bool:
    """Whether this person was asked and it still waits; says why not."""
    review = generation.review
    if not was_asked(response, generation, review.asked if review is not None else ()):
        return False
    if generation.status is not S.PENDING_REVIEW:
        response.say(texts.approvals.review_ended(generation), about=generation.id, whisper=True)
    elif generation.with_reviewers and generation.due_at is not None and generation.due_at <= response.now:
        _apply(response, endings.unreviewed(generation, "late", response.now))
    else:
        return True
    return False


def _pass(response: Response, generation: Generation, pressed: Action) -> None:
    """The clip may be posted."""
    if _may_review(response, generation):
        _apply(response, endings.passed(generation, response.person, response.now))
        response.started.append(generation.id)
        response.say(texts.approvals.REVIEW_PASSED.format(id=generation.name), about=generation.id)


def _reject(response: Response, generation: Generation, pressed: Action) -> None:
    """The clip is not to be posted."""
    if _may_review(response, generation):
        _apply(response, endings.rejected(generation, response.person, reason_of(pressed, REFUSALS), response.now))
        response.say(texts.approvals.review_rejected(generation), about=generation.id)


def _apply(response: Response, changes: Changes) -> None:
    """Take an ending into the answer."""
    for generation in changes.generations:
        response.save(generation)
    response.entries += changes.entries
    response.house += changes.house
    for outgoing in changes.posts:
        response.post(outgoing.post, outgoing.generation_id)


REVIEW_PRESSES: Mapping[str, Callable[[Response, Generation, Action], None]] = {"pass": _pass, "reject": _reject}
"""What the buttons under a clip that is looked at do."""
