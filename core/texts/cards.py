"""The card with the price, and what is answered to taps on it."""

from __future__ import annotations

from datetime import datetime

from core.generation import Generation, Plan
from core.limits import Left
from core.money import dollars
from core.texts.joining import JOINED_HERE
from core.texts.joining import lines as lines_of_edit
from core.texts.spelling import SLOT_NAMES, TIERS, shape, shortened, spell_expected, spell_seconds
from core.texts.spending import AMOUNTS_HIDDEN, BUDGETS, amount


def card(
    generation: Generation,
    plan: Plan,
    *,
    now: datetime,
    budget: str,
    storyboard: bool,
    left: Left | None = None,
    reviewed: bool = False,
) -> str:
    """The plan card below its heading."""
    request = generation.request
    said = lines_of_edit(request.edit) if request.edit is not None else []
    for label, value in (
        ("Setting", request.setting),
        ("Style", request.style),
        ("Camera", request.camera),
        ("Mood", request.mood),
        ("Words on screen", "" if request.edit is not None else request.words),
        ("Without", request.avoid),
    ):
        if value:
            said.append(f"{label}: {shortened(value)}")
    if request.shots:
        said.append(f"Shots: {len(request.shots)}")
    if request.first_frame:
        said.append("Begins with your picture")
    sound = "no sound" if not plan.sound else (f"sound: {shortened(request.audio)}" if request.audio else "with sound")
    lines = [
        *said,
        f"{plan.duration_s} s · {shape(plan.aspect)} · {plan.resolution} · {sound}",
        f"{plan.model_name} · {TIERS[plan.tier]} quality" if request.edit is None else JOINED_HERE,
    ]
    lines += plan.notes
    assumed = [SLOT_NAMES[slot] for slot in plan.assumed if slot in SLOT_NAMES]
    if assumed:
        lines.append(f"I chose: {', '.join(assumed)}")
    held = spell_seconds((plan.quote.valid_until - now).total_seconds())
    price = dollars(plan.quote.amount)
    if not plan.amounts_shown:
        price = AMOUNTS_HIDDEN
    elif plan.quote.amount:
        price = f"{price} at most, held for you {held}"
    lines += ["", f"Price: {price}", f"Time: {spell_expected(plan.expected_s)}"]
    if budget:
        lines.append(f"Paid by: {budget}")
    if left is not None and plan.amounts_shown:
        short = "" if left.amount >= plan.quote.amount else ", which is not enough for this one"
        lines.append(f"Left of {BUDGETS[left.cap.budget]}: {amount(left.amount)}{short}")
    if reviewed:
        lines.append("Somebody looks at the clip before it is posted here.")
    if storyboard:
        lines.append("This is a moving storyboard, drawn here: no video service is set up yet.")
    return "\n".join(lines)


def card_closed(generation: Generation) -> str:
    """What remains of a card after the tap."""
    assert generation.plan is not None
    plan = generation.plan
    price = f" · {dollars(plan.quote.amount)}" if plan.amounts_shown else ""
    return f"{plan.duration_s} s · {shape(plan.aspect)} · {plan.resolution}{price}"


QUOTE_EXPIRED = "This price is no longer held. Tap New price and I will look it up again; nothing was ordered."
CARD_REPLACED = "That card has changed since. Please use the newest one."
NOT_YOURS = "Only {name} can decide about {id}. You can suggest something by replying to it."
ALREADY_ORDERED = "{id} is ordered already; this tap ordered nothing more."
NO_SUCH = "There is no {id} in this conversation. Say “status” or “my videos” to see what there is."
NOTHING_TO_CONFIRM = "There is no card open. Tell me what video you would like."
NOTHING_TO_ANSWER = "There is no question open. Tell me what video you would like."
SEVERAL_CARDS = "There is more than one card open. Please tap Make it on the one you mean."
TAP_TO_CONFIRM = "When you are happy with it, tap “{button}” on the card (or just answer yes)."
CANCELLED_CARD = "Cancelled. Nothing was ordered and nothing is charged."
