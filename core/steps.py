"""What each step of a reading does to the conversation. Pure but for the `Response` it fills.

A step is a proposal of the dialogue model: here it is held against who speaks, what is open and what is running.
Nothing in here orders: only a tap or a plain yes does, and neither comes from a model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from core import texts
from core.actions import action
from core.generation import FINAL, OPEN, Generation, GenerationStatus
from core.joining import fitting, join
from core.messages import Button, short_id
from core.reading import Intent, Reading, Step
from core.request import MediaRef, VideoRequest
from core.response import Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """The message a reading is about, as far as the steps need it."""

    message_id: str
    text: str
    private: bool
    addressed: bool = True
    """Whether it was meant for the bot beyond doubt."""
    parts: tuple[tuple[str, str], ...] = ()
    """Id and text of each message, where several were read in one go."""
    pictures: tuple[MediaRef, ...] = ()
    about: int | None = None
    """The generation whose message it replies to, or None."""


_SHAPING = (Intent.CREATE, Intent.ANSWER, Intent.REFINE, Intent.JOIN)


def apply_reading(response: Response, reading: Reading, heard: Heard) -> None:
    """Do what the reading says, step by step."""
    begun: list[Generation] = []
    at_once = reading.hurry and all(step.intent is Intent.CHAT for step in reading.steps)
    for step in () if at_once else reading.steps:
        if step.target is not None and response.get(step.target) is None:
            response.say(texts.cards.NO_SUCH.format(id=short_id(step.target)))
        elif step.intent in (Intent.CREATE, Intent.ANSWER, Intent.REFINE):
            begun += _shaping(response, step, reading, heard, begun)
        elif step.intent is Intent.JOIN:
            join(response, step, reading, message_id=heard.message_id, heard=heard.parts, about=heard.about)
        else:
            _OTHERS[step.intent](response, step, heard)
    shapes = any(step.intent in _SHAPING for step in reading.steps)
    if reading.hurry and not shapes and (waiting := _own_open(response)) is not None:
        base = _framed(waiting.base, heard)
        response.amend(waiting, {}, message_id=heard.message_id, hurry=True, base=base)
    elif at_once and heard.addressed and not response.open:
        base = _framed(VideoRequest(), heard)
        response.begin({}, message_id=heard.message_id, base=base, hurry=True, language=reading.language)
    elif heard.pictures and not shapes:
        _with_picture(response, reading, heard)


def _own_open(response: Response) -> Generation | None:
    mine = [generation for generation in response.open if response.may_decide(generation)]
    return mine[0] if mine else None


def _with_picture(response: Response, reading: Reading, heard: Heard) -> None:
    """A picture without words: the first frame of what is being shaped, or of something new."""
    waiting = _own_open(response)
    if waiting is not None and not waiting.request.parts:
        response.amend(waiting, {}, message_id=heard.message_id, base=_framed(waiting.base, heard))
    else:
        response.begin({}, message_id=heard.message_id, base=_framed(VideoRequest(), heard), language=reading.language)


def _framed(request: VideoRequest, heard: Heard) -> VideoRequest:
    """The request with the picture that came along; clips that are joined begin with the first of them."""
    return replace(request, first_frame=heard.pictures[0]) if heard.pictures and not request.parts else request


def _shaping(
    response: Response, step: Step, reading: Reading, heard: Heard, begun: list[Generation]
) -> list[Generation]:
    """Create, answer or refine; returns what was begun by this step, `begun` being what was by the ones before."""
    first = not begun
    target = _target(response, step, heard)
    if step.intent is Intent.CREATE or target is None:
        if step.intent is Intent.ANSWER and not step.changes:
            response.say(texts.cards.NOTHING_TO_ANSWER)
            return []
        return [_begin(response, step, reading, heard, first=first)]
    if target.request.parts:
        changes = fitting(response, target, step.changes)
        if changes is None:
            return []
        step = replace(step, changes=changes)
    if target.status in OPEN:
        if not response.may_decide(target):
            response.suggest(target, step.changes, message_id=heard.message_id, text=heard.text)
            return []
        changes = step.changes
        if step.intent is Intent.ANSWER and not changes and target.question and target.question.slot != "change":
            changes = {target.question.slot: None}
        if not changes and not heard.pictures and not (reading.hurry and target.plan is None):
            _nothing_new(response, target, hurry=reading.hurry)
            return []
        response.amend(
            target,
            changes,
            message_id=heard.message_id,
            heard=heard.parts,
            hurry=reading.hurry,
            base=_framed(target.base, heard) if heard.pictures and first else None,
            summary=reading.summary,
        )
        return []
    if target.status in FINAL:
        parent = target
        variation = next((child for child in begun if child.parent == parent.id), None)
        if variation is not None:
            # "longer, and in Spanish": one new clip that is both.
            response.amend(response[variation.id], step.changes, message_id=heard.message_id)
            return []
        base = _framed(replace(parent.request, seed=parent.seed), heard)
        return [
            response.begin(
                step.changes,
                message_id=heard.message_id,
                heard=heard.parts,
                base=base,
                parent=parent,
                summary=reading.summary,
                language=reading.language,
            )
        ]
    waits = target.status is GenerationStatus.PENDING_APPROVAL
    text = texts.approvals.WAITS_FOR_APPROVAL if waits else texts.talk.ALREADY_UNDER_WAY
    response.say(text.format(id=target.name), about=target.id)
    return []


def _nothing_new(response: Response, generation: Generation, *, hurry: bool) -> None:
    """The message says nothing about the request: say what is waited for, rather than nothing at all."""
    if generation.question is not None:
        response.say(texts.questions.not_an_option(generation.question.text), about=generation.id)
    elif generation.plan is not None and hurry:
        response.say(
            texts.cards.TAP_TO_CONFIRM.format(button=texts.buttons.make_it(generation.plan)), about=generation.id
        )
    else:
        response.say(texts.clips.NOTHING_CHANGED.format(id=generation.name), about=generation.id)


def _begin(response: Response, step: Step, reading: Reading, heard: Heard, *, first: bool) -> Generation:
    single = sum(1 for other in reading.steps if other.intent is Intent.CREATE) <= 1
    changes = dict(step.changes)
    if step.intent is not Intent.CREATE and not (changes.get("idea") or changes.get("subject")):
        changes["idea"] = heard.text
    for unanswered in response.open:
        if unanswered.question is not None and unanswered.plan is None and response.may_decide(unanswered):
            response.supersede(unanswered)
    return response.begin(
        changes,
        message_id=heard.message_id,
        heard=heard.parts,
        base=_framed(VideoRequest(), heard) if first else None,
        summary=reading.summary if single else str(changes.get("idea") or changes.get("subject") or "")[:80],
        hurry=reading.hurry or not first,
        language=reading.language,
    )


def _target(response: Response, step: Step, heard: Heard) -> Generation | None:
    """What the step is about: what it names, what is replied to, the open question, the open card, the last clip."""
    named = response.get(step.target)
    if named is not None:
        return named
    asking = response.asking
    if step.intent is Intent.ANSWER:
        return asking or (response.open[0] if response.open else None)
    replied = response.get(heard.about)
    if replied is not None:
        return replied
    for candidates in (response.open, response.awaiting_approval, response.running, response.finished):
        if candidates:
            return candidates[0]
    return None


def _confirm(response: Response, step: Step, heard: Heard) -> None:
    cards = response.cards
    asking = response.asking_me
    if texts.endings.asks_to_stop(response.last_said) and any(row.sent is not None for row in response.running):
        response.say(texts.endings.TAP_TO_STOP)
        return
    if asking is not None and asking.question is not None:
        response.say(texts.questions.not_an_option(asking.question.text), about=asking.id)
    elif cards and not any(response.may_decide(card) for card in cards):
        if heard.addressed:
            response.say(
                texts.cards.NOT_YOURS.format(name=cards[0].requester.name, id=cards[0].name), about=cards[0].id
            )
    elif not cards:
        response.say(texts.cards.NOTHING_TO_CONFIRM)
    elif len(cards) > 1:
        response.say(texts.cards.SEVERAL_CARDS)
    else:
        plan = cards[0].plan
        assert plan is not None
        response.say(texts.cards.TAP_TO_CONFIRM.format(button=texts.buttons.make_it(plan)), about=cards[0].id)


def _cancel(response: Response, step: Step, heard: Heard) -> None:
    named = response.get(step.target) or response.get(heard.about)
    if named is not None:
        candidates: tuple[Generation, ...] = (named,)
    else:
        everything = (*response.open, *response.awaiting_approval, *response.running, *response.ambiguous)
        candidates = tuple(generation for generation in everything if response.may_decide(generation)) or everything
    if not candidates:
        response.say(texts.endings.NOTHING_TO_CANCEL)
    elif len(candidates) > 1:
        buttons = tuple(
            (Button(label=f"{texts.buttons.CANCEL} {texts.talk.list_line(g)[:40]}", action=action("cancel", g.id)),)
            for g in candidates[:6]
        )
        response.say(texts.endings.WHICH_ONE, buttons)
    elif not response.may_decide(candidates[0]):
        owner = candidates[0]
        text = texts.cards.NOT_YOURS.format(name=owner.requester.name, id=owner.name)
        response.say(text, about=owner.id, whisper=True)
    else:
        response.cancel(candidates[0])


def _status(response: Response, step: Step, heard: Heard) -> None:
    lines = [
        texts.working.status(generation, now=response.now, position=0, waits_until=None)
        for generation in response.running
    ]
    lines += [texts.talk.open_line(generation) for generation in (*response.awaiting_approval, *response.open)]
    response.say("\n".join(lines) or texts.talk.NOTHING_RUNNING)


def _list(response: Response, step: Step, heard: Heard) -> None:
    clips = [g for g in response.finished if g.status is GenerationStatus.COMPLETED][:10]
    buttons = tuple(
        (Button(label=f"{texts.buttons.DETAILS} {g.name}", action=action("details", g.id)),) for g in clips[:5]
    )
    response.say("\n".join(texts.talk.list_line(generation) for generation in clips) or texts.talk.NO_VIDEOS, buttons)


def _help(response: Response, step: Step, heard: Heard) -> None:
    response.say(texts.talk.HELP)


def _chat(response: Response, step: Step, heard: Heard) -> None:
    response.say(step.reply or (texts.talk.CHAT if heard.text else texts.talk.NOT_UNDERSTOOD))


def _unsafe(response: Response, step: Step, heard: Heard) -> None:
    response.say(step.reply or texts.talk.UNSAFE)


def _settings(response: Response, step: Step, heard: Heard) -> None:
    response.say(texts.talk.SETTINGS_LATER)


def _aside(response: Response, step: Step, heard: Heard) -> None:
    """People talk to each other: no answer. Alone with the bot, or when it is spoken to, there are no asides, and it
    always answers."""
    if heard.private or heard.addressed:
        response.say(texts.talk.NOT_UNDERSTOOD)


_OTHERS: Mapping[Intent, Callable[[Response, Step, Heard], None]] = {
    Intent.CONFIRM: _confirm,
    Intent.CANCEL: _cancel,
    Intent.STATUS: _status,
    Intent.LIST: _list,
    Intent.HELP: _help,
    Intent.CHAT: _chat,
    Intent.UNSAFE: _unsafe,
    Intent.SETTINGS: _settings,
    Intent.ASIDE: _aside,
}
