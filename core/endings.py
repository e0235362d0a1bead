"""What is said, booked and saved when a generation ends, or can go on only after somebody decides. Pure.

Every ending is one `Changes`: the row, the money and the words are saved together or not at all.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from core import texts
from core.actions import action
from core.booking import booked, house_cost
from core.cards import ended_status, late_anchor
from core.generation import Generation, GenerationStatus
from core.messages import Button, ConversationKey, Person, Post, Rows
from core.money import EntryKind
from core.reading import TokenUse
from core.repositories import Changes, OutboxPost, PostedMessage

S = GenerationStatus


def failed(generation: Generation, reason: str, now: datetime, *, billed: str = "") -> Changes:
    """The work ended without a clip that could be charged. `billed`: a word for why the provider may bill it all the
    same, such as "flawed"; empty where it does not."""
    ended = generation.moved(S.FAILED, now, reason=reason, due_at=None)
    buttons = (
        Button(label=texts.buttons.RETRY, action=action("retry", ended.id)),
        Button(label=texts.buttons.CHANGE_IT, action=action("alter", ended.id)),
    )
    changes = _ended(ended, texts.endings.failed(ended), (buttons,), "failed", now)
    return replace(changes, house=(house_cost(ended, billed, now),)) if billed else changes


def refused(
    generation: Generation, reason: str, rewrites: tuple[str, ...], uses: tuple[TokenUse, ...], now: datetime
) -> Changes:
    """The service will not film it; two other ideas are offered."""
    ended = generation.moved(S.REFUSED, now, reason=reason, rewrites=rewrites, due_at=None)
    rows: Rows = tuple(
        (Button(label=texts.buttons.use_rewrite(place), action=action("rewrite", ended.id, place)),)
        for place in range(len(rewrites))
    )
    rows += ((Button(label=texts.buttons.CHANGE_IT, action=action("alter", ended.id)),),)
    return replace(_ended(ended, texts.endings.refused(ended), rows, "refused", now), uses=uses)


def cancelled(generation: Generation, now: datetime, *, unstopped: bool = False) -> Changes:
    """Stopped on the person's wish. `unstopped`: its provider could not be told, and goes on and bills it."""
    ended = generation.moved(S.CANCELLED, now, due_at=None)
    changes = _ended(ended, texts.endings.cancelled(ended), (), "cancelled", now)
    return replace(changes, house=(house_cost(ended, "unstopped", now),)) if unstopped else changes


def settled(generation: Generation, reason: str, now: datetime) -> Changes:
    """An admin drops an order whose answer was lost, and may say why."""
    ended = generation.moved(S.CANCELLED, now, reason=reason, due_at=None)
    changes = _ended(ended, texts.endings.settled(ended), (), "settled", now)
    return replace(changes, house=(house_cost(ended, "unanswered", now),))


def cannot_stop(generation: Generation, now: datetime, *, for_good: bool = True) -> Changes:
    """The provider cannot be stopped: it goes on, and the person is told. Not `for_good`: asking again may help."""
    going_on = replace(generation, cancel_requested=False, unstoppable=for_good, updated_at=now)
    post = _notice(generation, texts.endings.cannot_stop(generation, for_good=for_good), ())
    return _changes(going_on, (post,), now)


def ambiguous(generation: Generation, now: datetime, *, look_again_at: datetime | None) -> Changes:
    """The answer to the order was lost: the money stays held and the person decides.

    `look_again_at`: when the provider is asked again, None when it cannot tell."""
    waiting = generation.moved(S.AMBIGUOUS, now, due_at=look_again_at)
    text = texts.endings.ambiguous(waiting, looking=look_again_at is not None)
    return _changes(waiting, (_notice(waiting, text, _choice(waiting)), ended_status(waiting)), now)


def not_found(generation: Generation, now: datetime) -> Changes:
    """The order was looked for in vain: the person is told that only they can go on."""
    waiting = replace(generation, due_at=None)
    return _changes(waiting, (_notice(waiting, texts.endings.not_found(waiting), _choice(waiting)),), now)


def _choice(generation: Generation) -> Rows:
    """The two ways on after the answer to an order was lost."""
    again = Button(label=texts.buttons.ORDER_AGAIN, action=action("again", generation.id, generation.retries))
    return ((again, Button(label=texts.buttons.DROP_IT, action=action("drop", generation.id))),)


def late(generation: Generation, elapsed_s: float, now: datetime) -> Changes:
    """It takes twice the expected time: said once, with a way out."""
    told = replace(generation, told_late=True)
    wait = Button(label=texts.buttons.KEEP_WAITING, action=action("wait", told.id))
    cancel = Button(label=texts.buttons.CANCEL, action=action("cancel", told.id))
    buttons = (wait,) if told.unstoppable else (wait, cancel)
    notice = _notice(told, texts.working.late(told, elapsed_s=elapsed_s), (buttons,))
    return _changes(told, (replace(notice, anchor=late_anchor(told)),), now)


def completed(generation: Generation, message_id: str, now: datetime) -> Changes:
    """The clip is with the person: it is charged."""
    ended = generation.moved(S.COMPLETED, now, due_at=None)
    entries = (booked(ended, EntryKind.CAPTURE, "delivered", now),) if _held(generation) else ()
    posted = PostedMessage(key=ended.elsewhere or ended.key, message_id=message_id, generation_id=ended.id)
    changes = _changes(ended, (ended_status(ended),), now)
    # The clip does not wait for the sentences that are still to be said.
    return replace(changes, entries=entries, messages=(posted,), unsaid=(late_anchor(ended),))


def elsewhere(generation: Generation, place: ConversationKey, reason: str, now: datetime) -> Changes:
    """Its own place does not take the clip: it is kept, still held for, and brought to the person by another way."""
    refused_here = generation.moved(S.UNDELIVERABLE, now, reason=reason, elsewhere=place, delivery={}, due_at=now)
    return _changes(refused_here, (ended_status(refused_here),), now)


def undeliverable(generation: Generation, reason: str, now: datetime) -> Changes:
    """Nobody takes the clip: it is kept, and not charged."""
    ended = generation.moved(S.UNDELIVERABLE, now, reason=reason, due_at=None)
    buttons = (
        Button(label=texts.buttons.TRY_AGAIN_HERE, action=action("post", ended.id)),
        Button(label=texts.buttons.ORIGINAL_FILE, action=action("file", ended.id)),
    )
    text = texts.endings.UNDELIVERABLE.format(id=ended.name, reason=reason)
    changes = _ended(ended, text, (buttons,), "undeliverable", now)
    if not _held(generation):
        return replace(changes, entries=())
    return replace(changes, house=(house_cost(ended, "undeliverable", now),))


def passed(generation: Generation, by: Person, now: datetime) -> Changes:
    """One of those who look at the clip beforehand lets it be posted: it goes on, and the others are told."""
    assert generation.review is not None
    review = replace(generation.review, decided_by=by.name, passed=True)
    # It took as long as people took; nobody has to be told that it is late.
    going_on = generation.moved(S.DELIVERING, now, review=review, due_at=now, told_late=True)
    return _changes(going_on, _reviewers_told(going_on, by), now)


def rejected(generation: Generation, by: Person, reason: str, now: datetime) -> Changes:
    """One of those who look at the clip beforehand does not let it be posted; `reason` is a word for why."""
    assert generation.review is not None
    review = replace(generation.review, decided_by=by.name, reason=reason)
    ended = generation.moved(S.CANCELLED, now, review=review, due_at=None)
    return _withheld(generation, ended, (), "rejected", _reviewers_told(ended, by), now)


def unreviewed(generation: Generation, reason: str, now: datetime) -> Changes:
    """Nobody let the clip be posted: it is kept, not charged, and they can be asked again. `reason`: "late" when nobody
    answered in time, "unreached" when nobody could be asked."""
    assert generation.review is not None
    review = replace(generation.review, reason=reason)
    ended = generation.moved(S.UNDELIVERABLE, now, review=review, due_at=None)
    buttons = ((Button(label=texts.approvals.ASK_AGAIN, action=action("post", ended.id)),),)
    return _withheld(generation, ended, buttons, "undeliverable", _reviewers_told(ended, None), now)


def _withheld(
    before: Generation, ended: Generation, buttons: Rows, reason: str, told: tuple[Post, ...], now: datetime
) -> Changes:
    """A clip that exists is not posted: nobody is charged, and the house pays what its provider bills."""
    notice = _notice(ended, texts.approvals.review_refused(ended), buttons)
    changes = _changes(ended, (notice, ended_status(ended), *told), now)
    if not _held(before):
        return changes
    entries = (booked(ended, EntryKind.RELEASE, reason, now),)
    return replace(changes, entries=entries, house=(house_cost(ended, reason, now),))


def _reviewers_told(generation: Generation, decider: Person | None) -> tuple[Post, ...]:
    """A line to everybody who has the clip on how it ended, but to whoever decided."""
    review = generation.review
    assert review is not None
    text = texts.approvals.review_ended(generation)
    return tuple(
        Post(key=asked.key, text=text, person=Person(id=asked.person_id, name=asked.person_id))
        for asked in review.asked
        if asked.person_id in review.saved and (decider is None or asked.person_id != decider.id)
    )


def delivered_buttons(generation: Generation, link: str) -> Rows:
    """What stands under a finished clip; `link` leads to the original where there is an address for it."""
    original = (
        Button(label=texts.buttons.ORIGINAL_FILE, url=link)
        if link
        else Button(label=texts.buttons.ORIGINAL_FILE, action=action("file", generation.id))
    )
    take = Button(label=texts.buttons.ANOTHER_TAKE, action=action("take", generation.id))
    alter = Button(label=texts.buttons.CHANGE_SOMETHING, action=action("alter", generation.id))
    longer = Button(label=texts.buttons.LONGER, action=action("longer", generation.id))
    details = Button(label=texts.buttons.DETAILS, action=action("details", generation.id))
    delete = Button(label=texts.buttons.DELETE, action=action("delete", generation.id))
    if generation.request.edit is not None:
        # The same clips joined again are the same clip, and as long.
        return (alter, details), (original, delete)
    return (take, alter), (longer, details), (original, delete)


def feedback_buttons(generation: Generation) -> tuple[Button, ...]:
    """How people say whether the clip is good."""
    return (
        Button(label=texts.buttons.GOOD, action=action("rate", generation.id, 1)),
        Button(label=texts.buttons.NOT_GOOD, action=action("rate", generation.id, 0)),
    )


def _held(generation: Generation) -> bool:
    """Whether the hold still stands: it is released when the clip can be delivered nowhere."""
    return S.UNDELIVERABLE.value not in generation.entered or generation.on_its_way_elsewhere


def _ended(ended: Generation, text: str, buttons: Rows, reason: str, now: datetime) -> Changes:
    changes = _changes(ended, (_notice(ended, text, buttons), ended_status(ended)), now)
    return replace(changes, entries=(booked(ended, EntryKind.RELEASE, reason, now),))


def _changes(generation: Generation, posts: tuple[Post, ...], now: datetime) -> Changes:
    return Changes(
        generations=(generation,),
        posts=tuple(OutboxPost(post=post, generation_id=generation.id) for post in posts),
        conversation_id=generation.conversation_id,
        person_id=generation.requester.id,
        at=now,
    )


def _notice(generation: Generation, text: str, buttons: Rows) -> Post:
    return Post(
        key=generation.key, text=text, buttons=buttons, reply_to=generation.reply_to, person=generation.requester
    )
