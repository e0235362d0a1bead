"""What an admin does not allow."""

from __future__ import annotations

from core.money import dollars
from core.request import Tier
from core.texts.spelling import TIERS


def quality(tier: Tier) -> str:
    """A tier as people see it: "best quality"."""
    return f"{TIERS[tier]} quality"


def no_such_quality(tier: Tier) -> str:
    """The quality is not allowed here."""
    return f"I may not make clips in {quality(tier)} here. Which quality instead?"


def no_such_size_here(resolution: str) -> str:
    """The resolution belongs to a quality that is not allowed here."""
    return f"I may not make {resolution} clips here. Which size instead?"


def not_here(asked: str, got: str) -> str:
    """The nearest that is allowed was taken without asking."""
    return f"I may not make {asked} here, so I took {got}."


def longer_than_allowed(seconds: int, limit_s: int, longest: int, name: str) -> str:
    """The length is beyond the admin's limit; `longest` is what the model can do within it."""
    within = f"; {name} goes up to {longest} s" if longest < limit_s else ""
    return f"Clips here may be up to {limit_s} s long, so {seconds} s will not do{within}. Which length instead?"


def took_allowed_length(asked: str, got: str, limit_s: int) -> str:
    """The nearest allowed length was taken without asking."""
    return f"Clips here may not be longer than {limit_s} s, so I took {got} instead of {asked}."


def dearer_than_allowed(asked: str, dearest: int | None, most: str, name: str) -> str:
    """What was asked for costs more than one clip may (None: amounts are not shown); `most` is what can be had."""
    limit = f"may cost {dollars(dearest)} at most" if dearest is not None else "may not cost that much"
    return f"A clip here {limit}, so {asked} will not do: {name} goes up to {most}. What would you like instead?"


def took_allowed_price(asked: str, got: str, dearest: int | None) -> str:
    """The nearest that one may pay for was taken without asking."""
    limit = f"may cost {dollars(dearest)} at most" if dearest is not None else "may not cost that much"
    return f"A clip here {limit}, so I took {got} instead of {asked}."


NOT_ALLOWED_ANY_MORE = "I may not make that here any more. Here is what I can make instead; nothing was ordered."
LONGEST_ALLOWED = "{id} is as long as a clip may be here ({seconds} s). Ask for another clip that continues it."
NOTHING_ON_OFFER = "No video model is on offer here right now, so I cannot make this. My operator can add one."
