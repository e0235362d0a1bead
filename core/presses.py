"""What each button does. Pure but for the `Response` it fills.

Every press is checked here before it counts: the generation belongs to this conversation, the person may decide, the
card is the newest one and its price is still held. A second tap, or a tap by someone who may not, does nothing but
say so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from core import texts
from core.actions import FOR_APPROVERS, Action, action
from core.approving import APPROVAL_PRESSES, order
from core.forms import change_form, filled
from core.generation import FINAL, OPEN, Generation, GenerationStatus, Plan, QuestionOption
from core.messages import Button, short_id
from core.planning import draft_request, make_plan, on_offer, possible_lengths
from core.request import SILENT, Tier
from core.response import Response
from core.review import REVIEW_PRESSES, ask_again

S = GenerationStatus

OPEN_TO_ALL = frozenset({"prompt", "details", "file", "rate"})
"""Buttons that only show something, or that everybody who sees the clip may press."""


def apply_press(response: Response, pressed: Action) -> None:
    """Do what the button says, if it may be done."""
    generation = response.get(pressed.generation_id)
    handler = _HANDLERS.get(pressed.verb)
    if generation is None or handler is None:
        response.say(texts.clips.STALE_BUTTON, whisper=True)
    elif pressed.verb in FOR_APPROVERS:
        handler(response, generation, pressed)
    elif pressed.verb not in OPEN_TO_ALL and not response.may_decide(generation):
        text = texts.cards.NOT_YOURS.format(name=generation.requester.name, id=generation.name)
        response.say(text, about=generation.id, whisper=True)
    else:
        handler(response, generation, pressed)


def confirm(response: Response, generation: Generation) -> None:
    """Order what the open card says; for a plain yes, which counts like a tap on its main button."""
    assert generation.plan is not None
    _make(response, generation, Action(verb="make", subject="", args=(str(generation.plan.number),)))


def _card_is_current(response: Response, generation: Generation, pressed: Action) -> bool:
    """Whether a tap on the card may order; says why when it may not."""
    plan = generation.plan
    if generation.status is S.CANCELLED and generation.order is None:
        response.say(texts.cards.CANCELLED_CARD, about=generation.id)
    elif generation.status is S.EXPIRED:
        response.expire(generation)
    elif generation.status is S.PENDING_APPROVAL:
        response.say(texts.approvals.approval_asked(generation), about=generation.id)
    elif generation.status not in OPEN:
        response.say(texts.cards.ALREADY_ORDERED.format(id=generation.name), about=generation.id)
    elif plan is None or generation.status is not S.PENDING_CONFIRMATION or pressed.number() != plan.number:
        response.say(texts.cards.CARD_REPLACED, about=generation.id)
    elif not on_offer(plan, response.offer.models):
        # Retired, or not allowed any more: the nearest there is, with a price of its own and for a tap of its own.
        response.say(_gone(response, plan), about=generation.id)
        response.amend(generation, {})
    elif plan.quote.valid_until <= response.now:
        response.expire(generation)
    else:
        return True
    return False


def _gone(response: Response, plan: Plan) -> str:
    """Why what the card says cannot be ordered any more."""
    if plan.model in {model.id for model in response.offer.models}:
        return texts.allowance.NOT_ALLOWED_ANY_MORE
    return texts.endings.MODEL_RETIRED.format(name=plan.model_name)


def _make(response: Response, generation: Generation, pressed: Action) -> None:
    if _card_is_current(response, generation, pressed):
        assert generation.plan is not None
        order(response, generation, generation.plan)


def _draft(response: Response, generation: Generation, pressed: Action) -> None:
    if not _card_is_current(response, generation, pressed):
        return
    plan = generation.plan
    assert plan is not None
    offer = response.offer
    models = [model for model in offer.models if Tier.DRAFT in model.tiers]
    request = draft_request(generation.request, plan.duration_s)
    draft = make_plan(request, models, offer.terms, number=plan.number + 1, now=response.now)
    if not isinstance(draft, Plan):
        response.say(texts.cards.CARD_REPLACED, about=generation.id)
    elif draft.quote.amount != plan.draft_price:
        response.amend(generation, {})
    else:
        order(response, generation, replace(draft, amounts_shown=plan.amounts_shown))


def _change(response: Response, generation: Generation, pressed: Action) -> None:
    """Offer what the chosen model can really do otherwise."""
    if generation.status not in OPEN:
        response.say(texts.talk.ALREADY_UNDER_WAY.format(id=generation.name), about=generation.id)
        return
    if pressed.values:
        response.amend(generation, filled(change_form(generation, response.offer.models), pressed.values))
        return
    response.ask(generation, "change", texts.questions.QUESTIONS["change"], _changes(response, generation))


def _changes(response: Response, generation: Generation) -> list[QuestionOption]:
    plan = generation.plan
    if plan is None:
        return []
    model = next((model for model in response.offer.models if model.id == plan.model), None)
    if model is None:
        return []
    lengths = possible_lengths(generation.request, model, response.offer.terms)
    shorter = [length for length in lengths if length < plan.duration_s]
    longer = [length for length in lengths if length > plan.duration_s]
    options = [
        QuestionOption(label=f"{length} s", slot="duration_s", value=length) for length in (*shorter[-1:], *longer[:1])
    ]
    for aspect in model.aspects:
        if aspect != plan.aspect and len(options) < 3:
            options.append(QuestionOption(label=texts.spelling.shape(aspect), slot="aspect", value=aspect))
    if plan.sound:
        options.append(QuestionOption(label=texts.buttons.NO_SOUND, slot="audio", value=SILENT))
    return options[:4]


def _prompt(response: Response, generation: Generation, pressed: Action) -> None:
    if not generation.prompt:
        response.say(texts.clips.STALE_BUTTON, whisper=True)
        return
    response.say(texts.clips.prompt(generation), about=generation.id)


def _cancel(response: Response, generation: Generation, pressed: Action) -> None:
    if generation.status in FINAL:
        response.say(texts.clips.over(generation), about=generation.id)
    else:
        response.cancel(generation)


def _stop(response: Response, generation: Generation, pressed: Action) -> None:
    """The answer to the question that states what stopping may cost, as long as it is about the order that is out."""
    sent = generation.sent
    stands = sent is not None and sent.attempt == pressed.number()
    if stands and not generation.cancel_requested and not generation.unstoppable:
        response.stop(generation)
    else:
        _cancel(response, generation, pressed)


def _price(response: Response, generation: Generation, pressed: Action) -> None:
    if generation.status in OPEN:
        response.amend(generation, {})
    elif generation.status is S.EXPIRED:
        if generation.plan is not None and not on_offer(generation.plan, response.offer.models):
            response.say(_gone(response, generation.plan), about=generation.id)
        _again(response, generation, {})
    else:
        response.say(texts.cards.ALREADY_ORDERED.format(id=generation.name), about=generation.id)


def _option(response: Response, generation: Generation, pressed: Action) -> None:
    question = generation.question
    if generation.status not in OPEN or question is None or pressed.number() != question.number:
        response.say(texts.clips.QUESTION_CLOSED, about=generation.id)
        return
    place = pressed.number(1)
    if place is None:
        response.amend(generation, {} if question.slot == "change" else {question.slot: None})
    elif place < len(question.options):
        option = question.options[place]
        response.amend(generation, {option.slot: option.value})
    else:
        response.say(texts.clips.STALE_BUTTON, whisper=True)


def _seen(generation: Generation) -> bool:
    """Whether it has ended, or its clip may be seen already while its delivery is being confirmed."""
    return generation.status in FINAL or (generation.status is S.DELIVERING and generation.clip is not None)


def _again(response: Response, generation: Generation, changes: Mapping[str, object]) -> None:
    """A new card for the same wish, with what is different."""
    if not _seen(generation):
        response.say(texts.talk.ALREADY_UNDER_WAY.format(id=generation.name), about=generation.id)
        return
    response.begin(changes, message_id=response.source_id, base=generation.request, parent=generation)


def _take(response: Response, generation: Generation, pressed: Action) -> None:
    """Another take: the same request with another seed."""
    if not _seen(generation):
        response.say(texts.talk.ALREADY_UNDER_WAY.format(id=generation.name), about=generation.id)
        return
    base = replace(generation.request, seed=None)
    response.begin({}, message_id=response.source_id, base=base, parent=generation)


def _alter(response: Response, generation: Generation, pressed: Action) -> None:
    if pressed.values:
        _again(response, generation, filled(change_form(generation, response.offer.models), pressed.values))
        return
    response.say(texts.clips.WHAT_TO_CHANGE.format(id=generation.name), about=generation.id)


def _longer(response: Response, generation: Generation, pressed: Action) -> None:
    plan = generation.plan
    model = next((m for m in response.offer.models if plan is not None and m.id == plan.model), None)
    if plan is None or model is None:
        response.say(texts.talk.NO_MODEL, about=generation.id)
        return
    request = generation.request
    offer = response.offer
    fitting = [m for m in offer.models if m.takes(request)]
    lengths = sorted({length for m in fitting for length in possible_lengths(request, m, offer.terms)})
    longer = [length for length in lengths if length > plan.duration_s]
    if not longer:
        whole = [length for m in fitting for length in (m.whole or m).lengths(request)]
        words = (
            texts.allowance.LONGEST_ALLOWED if max(whole, default=0) > plan.duration_s else texts.clips.LONGEST_ALREADY
        )
        text = words.format(id=generation.name, name=model.name, seconds=plan.duration_s)
        response.say(text, about=generation.id)
        return
    wanted = next((length for length in longer if length >= plan.duration_s * 1.5), longer[-1])
    _again(response, generation, {"duration_s": wanted})


def _details(response: Response, generation: Generation, pressed: Action) -> None:
    if generation.plan is None:
        response.say(texts.clips.STALE_BUTTON, whisper=True)
        return
    response.say(texts.clips.details(generation), about=generation.id)


def _may_be_erased(generation: Generation) -> bool:
    """Whether nobody needs the files any more: while a clip is on its way they are what is brought."""
    return generation.status in FINAL and not generation.on_its_way_elsewhere


def _delete(response: Response, generation: Generation, pressed: Action) -> None:
    if generation.clip is None:
        response.say(texts.clips.GONE.format(id=generation.name), about=generation.id)
        return
    if not _may_be_erased(generation):
        response.say(texts.clips.NOT_THERE_YET.format(id=generation.name), about=generation.id)
        return
    buttons = (
        Button(label=texts.buttons.DELETE_FOR_GOOD, action=action("erase", generation.id)),
        Button(label=texts.buttons.KEEP, action=action("keep", generation.id)),
    )
    response.say(texts.clips.DELETE_QUESTION.format(id=generation.name), (buttons,), about=generation.id)


def _erase(response: Response, generation: Generation, pressed: Action) -> None:
    if generation.clip is None:
        response.say(texts.clips.GONE.format(id=generation.name), about=generation.id)
        return
    if not _may_be_erased(generation):
        response.say(texts.clips.NOT_THERE_YET.format(id=generation.name), about=generation.id)
        return
    response.erase(generation)


def _keep(response: Response, generation: Generation, pressed: Action) -> None:
    response.say(texts.clips.KEPT.format(id=generation.name), about=generation.id)


def _file(response: Response, generation: Generation, pressed: Action) -> None:
    response.original(generation)


def _order_again(response: Response, generation: Generation, pressed: Action) -> None:
    if generation.status is S.AMBIGUOUS and pressed.number() == generation.retries:
        response.order_again(generation)
    else:
        response.say(texts.clips.ALREADY_DECIDED.format(id=generation.name), about=generation.id)


def _drop(response: Response, generation: Generation, pressed: Action) -> None:
    if generation.status is S.AMBIGUOUS:
        response.cancel(generation)
    else:
        response.say(texts.clips.ALREADY_DECIDED.format(id=generation.name), about=generation.id)


def _rewrite(response: Response, generation: Generation, pressed: Action) -> None:
    place = pressed.number()
    if place is None or place >= len(generation.rewrites):
        response.say(texts.clips.STALE_BUTTON, whisper=True)
        return
    idea = generation.rewrites[place]
    base = replace(generation.request, idea="", subject="", setting="", shots=())
    response.begin({"idea": idea}, message_id=response.source_id, base=base, parent=generation, summary=idea[:80])


def _retry(response: Response, generation: Generation, pressed: Action) -> None:
    _again(response, generation, {})


def _wait(response: Response, generation: Generation, pressed: Action) -> None:
    if generation.cancel_requested and generation.sent is not None:
        response.say(texts.endings.CANCELLING.format(id=generation.name), about=generation.id)
    elif generation.status in FINAL:
        response.say(texts.clips.over(generation), about=generation.id)
    else:
        response.say(texts.clips.WAITING_ON.format(id=generation.name), about=generation.id)


def _post_here(response: Response, generation: Generation, pressed: Action) -> None:
    if generation.status is S.UNDELIVERABLE and generation.clip is not None and generation.due_at is None:
        if generation.withheld:
            ask_again(response, generation)
        else:
            response.deliver_again(generation)
    else:
        response.say(texts.clips.ALREADY_DECIDED.format(id=short_id(generation.id)), about=generation.id)


def _use(response: Response, generation: Generation, pressed: Action) -> None:
    place = pressed.number()
    if generation.status not in OPEN or place is None or place >= len(generation.suggestions):
        response.say(texts.clips.STALE_BUTTON, whisper=True)
        return
    suggestion = generation.suggestions[place]
    response.amend(generation, suggestion.changes, message_id=suggestion.message_id)


def _rate(response: Response, generation: Generation, pressed: Action) -> None:
    """Keep what somebody thinks of the clip; the latest word of each person counts."""
    good = bool(pressed.number())
    if generation.clip is None:
        response.say(texts.clips.STALE_BUTTON, whisper=True)
        return
    if generation.ratings.get(response.person.id) is good:
        return
    ratings = {**generation.ratings, response.person.id: good}
    response.save(replace(generation, ratings=ratings, updated_at=response.now))
    thanks = texts.talk.RATED_GOOD if good else texts.talk.RATED_BAD.format(id=generation.name)
    response.say(thanks, about=generation.id, whisper=True)


def _mine(response: Response, generation: Generation, pressed: Action) -> None:
    response.say(texts.clips.KEPT_AS_IS.format(id=generation.name), about=generation.id)


_HANDLERS: Mapping[str, Callable[[Response, Generation, Action], None]] = {
    "make": _make,
    "draft": _draft,
    "change": _change,
    "prompt": _prompt,
    "cancel": _cancel,
    "stop": _stop,
    "price": _price,
    "opt": _option,
    "take": _take,
    "alter": _alter,
    "longer": _longer,
    "details": _details,
    "file": _file,
    "delete": _delete,
    "erase": _erase,
    "keep": _keep,
    "again": _order_again,
    "drop": _drop,
    "rewrite": _rewrite,
    "retry": _retry,
    "wait": _wait,
    "post": _post_here,
    "rate": _rate,
    **APPROVAL_PRESSES,
    **REVIEW_PRESSES,
    "use": _use,
    "mine": _mine,
}
