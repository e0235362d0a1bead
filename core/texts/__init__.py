"""Every fixed sentence that Reelbot says to a person, by topic. Short, warm, concrete, honest about money and time; an
error says what to do next.

Constants hold the names that are filled in where they are said; who is told what, and when, is decided elsewhere.
Amounts pass through `core.money.dollars`; times through `spelling.spell_seconds`.
"""

from core.texts import (
    allowance,
    approvals,
    buttons,
    cards,
    clips,
    endings,
    forms,
    home,
    joining,
    places,
    questions,
    spelling,
    spending,
    talk,
    working,
)

__all__ = [
    "allowance",
    "approvals",
    "buttons",
    "cards",
    "clips",
    "endings",
    "forms",
    "home",
    "joining",
    "places",
    "questions",
    "spelling",
    "spending",
    "talk",
    "working",
]
