"""The words on buttons."""

from __future__ import annotations

from core.generation import Plan
from core.money import dollars

YOU_DECIDE = "You decide"
CHANGE = "Change…"
SHOW_PROMPT = "Show prompt"
CANCEL = "Cancel"
STOP_IT = "Stop it"
LET_IT_FINISH = "Let it finish"
NO_SOUND = "No sound"
NEW_PRICE = "New price"
ANOTHER_TAKE = "Another take"
CHANGE_SOMETHING = "Change something"
LONGER = "Longer"
DETAILS = "Details"
ORIGINAL_FILE = "Original file"
DELETE = "Delete"
DELETE_FOR_GOOD = "Yes, delete it"
KEEP = "Keep it"
RETRY = "Retry"
CHANGE_IT = "Change"
ORDER_AGAIN = "Order again"
DROP_IT = "Drop it"
KEEP_WAITING = "Keep waiting"
USE_IT = "Use it"
KEEP_MINE = "Keep mine"
TRY_AGAIN_HERE = "Post it here now"
GOOD = "Good"
NOT_GOOD = "Not good"


def make_it(plan: Plan) -> str:
    """The card's main button: "Make it · $0.56"."""
    return f"Make it · {dollars(plan.quote.amount)}" if plan.amounts_shown else "Make it"


def quick_draft(plan: Plan) -> str:
    """The card's cheaper button."""
    return f"Quick draft · {dollars(plan.draft_price or 0)}" if plan.amounts_shown else "Quick draft"


def use_rewrite(place: int) -> str:
    """The button for the first (0) or second (1) idea after a refusal."""
    return f"Take idea {place + 1}"
