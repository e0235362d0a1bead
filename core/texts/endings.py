"""How it can end other than with a clip."""

from __future__ import annotations

from collections.abc import Iterable

from core.generation import Generation, GenerationStatus
from core.inspection import Flaw
from core.money import dollars
from core.texts.spelling import shortened

NOT_CHARGED = "You were not charged."


def failed(generation: Generation) -> str:
    """The work ended without a clip."""
    return f"{generation.name} did not work out: {generation.reason} {NOT_CHARGED}"


def refused(generation: Generation) -> str:
    """The service will not show it; the rewrites are on the buttons below."""
    why = f" It said: “{generation.reason}”" if generation.reason else ""
    text = f"The video service declined to film {generation.name}.{why} {NOT_CHARGED}"
    if generation.rewrites:
        ideas = "\n".join(f"{number}. {idea}" for number, idea in enumerate(generation.rewrites, 1))
        text += f"\n\nThese keep your idea:\n{ideas}"
    return text


def ambiguous(generation: Generation, *, looking: bool) -> str:
    """The answer to the order was lost; `looking`: the clip may still be found at the service."""
    assert generation.plan is not None
    price = dollars(generation.plan.quote.amount) if generation.plan.amounts_shown else "what one costs"
    hope = (
        " I keep looking for it there for a quarter of an hour and bring it when it turns up, so it is worth waiting."
        if looking
        else ""
    )
    return (
        f"I sent the order for {generation.name}, but the answer never arrived, so I cannot tell whether it is being "
        f"made. I will not order it a second time by myself.{hope} “Order again” may make the video service bill the "
        f"operator twice; you pay {price} at most. “Drop it” costs you nothing."
    )


def not_found(generation: Generation) -> str:
    """The order was looked for in vain."""
    return (
        f"{generation.name} did not turn up at the video service. Shall I order it again, or drop it? Dropping it "
        "costs you nothing."
    )


def cancelled(generation: Generation) -> str:
    """A generation was stopped."""
    return f"{generation.name} is cancelled. {NOT_CHARGED}"


_STOPS_NOTHING = "I stop nothing before you tap."
TAP_TO_STOP = f"That is for a tap: “Stop it” or “Let it finish”, under my question. {_STOPS_NOTHING}"


def stop_question(generation: Generation, *, again: bool = False) -> str:
    """What stopping costs that only the video service can stop; asked before it counts. `again`: it stands open."""
    if again:
        return (
            f"To stop {generation.name}, tap “Stop it”. If the service can still stop it, you pay nothing; if not, the "
            f"clip comes and {_costs(generation)}. {_STOPS_NOTHING}"
        )
    filmed = generation.status is GenerationStatus.PROCESSING
    where = "is being filmed" if filmed else "is with the video service already"
    return (
        f"{generation.name} {where}. If the service can still stop it, you pay nothing. If it cannot, I bring you the "
        f"clip and it {_costs(generation)}. {_STOPS_NOTHING}"
    )


def asks_to_stop(text: str) -> bool:
    """Whether the sentence waits for a tap on “Stop it”, which no word stands for."""
    return text.endswith(_STOPS_NOTHING)


def cannot_stop(generation: Generation, *, for_good: bool) -> str:
    """The service does not stop it: it goes on, as was said before. Not `for_good`: it did not answer."""
    if not for_good:
        return (
            f"The video service did not answer when I asked it to stop {generation.name}, so it goes on for now. You "
            f"can try Cancel again; if the clip comes, it {_costs(generation)}."
        )
    return (
        f"The video service cannot stop {generation.name} any more, so I let it finish and bring you the clip. "
        f"It {_costs(generation)}."
    )


def _costs(generation: Generation) -> str:
    """What a clip costs that is brought: "costs $0.56, as on the card"."""
    plan = generation.plan
    assert plan is not None
    if not plan.quote.amount:
        return "costs nothing"
    return f"costs {dollars(plan.quote.amount) if plan.amounts_shown else 'the price agreed'}, as on the card"


CANCELLING = "Stopping {id}…"


def too_late_to_cancel(generation: Generation) -> str:
    """The clip is made, so there is nothing left to stop."""
    text = f"{generation.name} is finished already and on its way to you."
    released = GenerationStatus.UNDELIVERABLE.value in generation.entered and not generation.on_its_way_elsewhere
    over = generation.status is GenerationStatus.COMPLETED or released
    if over or generation.plan is None or not generation.plan.quote.amount:
        return text
    return f"{text} Once it is there it {_costs(generation)}."


NOTHING_TO_CANCEL = "There is nothing to cancel."
WHICH_ONE = "Which one?"

FLAWS = {
    Flaw.BLACK: "it is black from beginning to end",
    Flaw.FROZEN: "the picture never moves",
    Flaw.SILENT: "it has no sound although you asked for it",
    Flaw.TOO_SHORT: "it is shorter than promised",
    Flaw.WRONG_SHAPE: "it has the wrong shape",
}


def flawed(found: Iterable[Flaw]) -> str:
    """The reason of a failure: the clip was not what the card said."""
    return f"the clip came back, but {' and '.join(FLAWS[flaw] for flaw in found)}."


NEVER_FETCHED = "the clip could not be fetched from the video service for a whole day."
NEVER_FINISHED = "the video service never finished it."
NO_VIDEO = "the service finished without a video."
NO_SERVICE_ANSWER = "the video service does not answer. Try again in a few minutes."
UNPLAYABLE = "the file that came back cannot be played."
SERVICE_SAID = "the video service said “{reason}”."
MODEL_RETIRED = "{name} is not on offer any more. Here is what I can make instead; nothing was ordered."
MODEL_GONE = "this model is no longer set up here."
SOURCE_GONE = "the picture you sent is no longer here. Send it again."
UNDELIVERABLE = (
    "Your clip {id} is ready, but I could not post it ({reason}). You were not charged for it; it is kept, and I can "
    "post it once I am allowed to."
)


def settled(generation: Generation) -> str:
    """An admin dropped a generation whose order was never answered."""
    why = (
        f"My operator says: “{shortened(generation.reason, 500)}”"
        if generation.reason
        else ("My operator looked into the lost order and closed it.")
    )
    return f"{cancelled(generation)} {why}"
