"""What the admin's settings say about every request, in core's words."""

from __future__ import annotations

from bot.settings import Settings
from core.planning import Terms
from core.request import Tier


def terms_of(settings: Settings) -> Terms:
    """The terms that these settings make."""
    return Terms(
        duration_s=settings.default_duration_s,
        aspect=settings.default_aspect,
        tier=Tier(settings.default_tier),
        quote_valid_s=settings.quote_valid_min * 60,
        question_lapses_s=settings.question_lapses_min * 60,
        budget=settings.budget_name,
        admins=frozenset(settings.admin_users),
        storyboard_providers=frozenset({"animatic"}),
    )
