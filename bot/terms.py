"""What the admin's settings say about every request, in core's words: the terms, the catalogue they go by, and whether
anybody outside is told.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from adapters.fonts import missing_scripts
from bot.settings import Settings
from bot.settings_checks import Problem, SettingsError
from core.allowance import Allowance
from core.approval import ApprovalRules
from core.catalogue import Catalogue, load_catalogue, merged_catalogue
from core.catalogue_checks import CatalogueError
from core.events import Announce, event_of
from core.limits import Limits
from core.money import MICROS_PER_DOLLAR, Micros
from core.planning import CostShown, Terms
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
        approval=ApprovalRules(
            above=_micros(settings.approval_above_usd),
            over_limit=settings.approval_over_limit,
            review=settings.review_before_post,
            approvers=settings.approvers,
            expires_s=settings.approval_expires_h * 3600,
        ),
        cost_shown=CostShown(settings.cost_shown),
        allowance=_allowance(settings),
        limits=Limits(
            person_day=_micros(settings.limit_person_day_usd),
            channel_month=_micros(settings.limit_channel_month_usd),
            team_month=_micros(settings.limit_team_month_usd),
            everyone_day=_micros(settings.limit_day_usd),
            orders_per_person=settings.limit_person_orders,
            orders_per_channel=settings.limit_channel_orders,
            orders=settings.limit_orders,
            zone=UTC if settings.budget_zone == "UTC" else ZoneInfo(settings.budget_zone),
        ),
        storyboard_providers=frozenset({"animatic"}),
        unwritable=missing_scripts,
    )


def announce_of(settings: Settings) -> Announce | None:
    """What is told of every change that is saved, by whichever command; None where there is nobody to tell."""
    return event_of if settings.webhook_url is not None else None


def catalogue_of(settings: Settings) -> Catalogue:
    """Our catalogue, with the admin's file laid over it where there is one; raises CatalogueError."""
    file = settings.catalogue_file
    if file is None:
        return load_catalogue()
    source = f"CATALOGUE_FILE {file}"
    try:
        return merged_catalogue(file.read_text("utf-8"), source)
    except OSError as error:
        raise CatalogueError(f"{source}: it cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CatalogueError(f"{source}: it is not UTF-8 text") from error


def check_offer(settings: Settings, catalogue: Catalogue, now: datetime) -> None:
    """Raises SettingsError with the variable's name when what is allowed leaves nothing that can be ordered now, or
    names a model that nobody knows. That nothing is on offer anyway is no fault of these settings."""
    known = {model.id for model in catalogue.video}
    unknown = [name for name in settings.allowed_models if name not in known]
    if unknown:
        what = f"“{unknown[0]}” is no video model of the catalogue"
        raise SettingsError((_problem("ALLOWED_MODELS", what, settings),))
    offered = catalogue.offered(settings.video_providers, now)
    wanted, allowance = _allowance(settings), Allowance()
    for variable, value in (
        ("ALLOWED_MODELS", {"models": wanted.models}),
        ("ALLOWED_TIERS", {"tiers": wanted.tiers}),
        ("MAX_CLIP_S", {"longest_s": wanted.longest_s}),
        ("MAX_CLIP_USD", {"dearest": wanted.dearest}),
    ):
        allowance = replace(allowance, **value)
        if offered and not allowance.of(offered):
            names = ", ".join(model.id for model in offered)
            what = f"it leaves no video model that can be ordered; on offer here would be {names}"
            raise SettingsError((_problem(variable, what, settings),))


def _problem(variable: str, what: str, settings: Settings) -> Problem:
    examples = type(settings).model_fields[variable.lower()].examples or [""]
    return Problem(variable, what, f"{variable}={examples[0]}")


def _allowance(settings: Settings) -> Allowance:
    return Allowance(
        models=frozenset(settings.allowed_models),
        tiers=frozenset(map(Tier, settings.allowed_tiers)),
        longest_s=settings.max_clip_s,
        dearest=_micros(settings.max_clip_usd),
    )


def _micros(amount: Decimal | None) -> Micros | None:
    return None if amount is None else int(amount * MICROS_PER_DOLLAR)
