"""What settings make of the catalogue: an admin's file, what is allowed, and limits that leave nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.build import build
from bot.settings_checks import SettingsError
from bot.settings_loading import load_settings
from bot.terms import catalogue_of, check_offer, terms_of
from core.allowance import Allowance
from core.approval import ApprovalRules
from core.catalogue import load_catalogue
from core.catalogue_checks import CatalogueError
from core.request import Tier

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
OMNI = "gemini-omni-1.2-flash"


def test_without_a_file_the_catalogue_is_ours() -> None:
    assert catalogue_of(load_settings(None)) == load_catalogue()


def test_a_file_is_laid_over_it() -> None:
    Path("own.toml").write_text(f'[[remove]]\nid = "{OMNI}"\n')
    catalogue = catalogue_of(load_settings(None, CATALOGUE_FILE="own.toml"))
    assert catalogue.offered(["omni"], NOW) == ()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "CATALOGUE_FILE own.toml: it cannot be read: No such file"),
        (b"\xff", "CATALOGUE_FILE own.toml: it is not UTF-8 text"),
        (b"[[video]]\nid = 'x'", "CATALOGUE_FILE own.toml: video x: provider is missing"),
    ],
)
def test_a_file_that_makes_no_sense_stops_the_start(content: bytes | None, words: str) -> None:
    if content is not None:
        Path("own.toml").write_bytes(content)
    with pytest.raises(CatalogueError) as caught:
        build(load_settings(None, CATALOGUE_FILE="own.toml"))
    assert words in str(caught.value)


def test_who_decides_and_looks_at_clips() -> None:
    named = {"APPROVERS": "terminal:you,terminal:me"}
    rules = terms_of(load_settings(None, REVIEW_BEFORE_POST="true", APPROVAL_EXPIRES_H="2", **named)).approval
    assert rules == ApprovalRules(review=True, approvers=("terminal:you", "terminal:me"), expires_s=7_200)
    assert not terms_of(load_settings(None, **named)).approval.review


def test_what_is_allowed() -> None:
    settings = load_settings(
        None, ALLOWED_MODELS=f"{OMNI}, animatic-1", ALLOWED_TIERS="draft,best", MAX_CLIP_S="10", MAX_CLIP_USD="2.50"
    )
    assert terms_of(settings).allowance == Allowance(
        models=frozenset({OMNI, "animatic-1"}),
        tiers=frozenset({Tier.DRAFT, Tier.BEST}),
        longest_s=10,
        dearest=2_500_000,
    )
    assert terms_of(load_settings(None)).allowance == Allowance()


@pytest.mark.parametrize(
    ("values", "variable", "words"),
    [
        ({"ALLOWED_MODELS": "veo-9"}, "ALLOWED_MODELS", "“veo-9” is no video model of the catalogue"),
        ({"ALLOWED_MODELS": "animatic-1"}, "ALLOWED_MODELS", f"on offer here would be {OMNI}"),
        ({"MAX_CLIP_S": 2}, "MAX_CLIP_S", "it leaves no video model that can be ordered"),
        ({"MAX_CLIP_USD": "0.01"}, "MAX_CLIP_USD", "it leaves no video model"),
        # Each is harmless alone: 360p in draft quality, for 3 s, costs $0.069.
        ({"MAX_CLIP_USD": "0.07", "MAX_CLIP_S": 3, "ALLOWED_TIERS": "best"}, "MAX_CLIP_USD", "it leaves no video"),
    ],
)
def test_a_limit_that_leaves_nothing_stops_the_start(values: dict[str, Any], variable: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        build(load_settings(None, GEMINI_API_KEY="k", **values))
    (problem,) = caught.value.problems
    assert problem.variable == variable
    assert words in str(problem)
    assert f"Example: {variable}=" in str(problem)


def test_a_quality_that_no_model_here_has_stops_the_start() -> None:
    settings = load_settings(
        None, GOOGLE_CLOUD_PROJECT="p", ALLOWED_MODELS="veo-3.1-lite-generate-001", ALLOWED_TIERS="best"
    )
    with pytest.raises(SettingsError, match="ALLOWED_TIERS"):
        check_offer(settings, load_catalogue(), NOW)


def test_limits_that_leave_something_are_fine() -> None:
    settings = load_settings(None, GEMINI_API_KEY="k", MAX_CLIP_USD="0.07", MAX_CLIP_S=3)
    check_offer(settings, load_catalogue(), NOW)


def test_a_catalogue_that_offers_nothing_is_no_fault_of_a_limit() -> None:
    settings = load_settings(None, GOOGLE_CLOUD_PROJECT="p", MAX_CLIP_S=4)
    check_offer(settings, load_catalogue(), datetime(2030, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"ALLOWED_TIERS": "draft,cheap"}, "ALLOWED_TIERS: “cheap” is not one of draft, standard or best"),
        ({"MAX_CLIP_S": "0"}, "MAX_CLIP_S: “0” is too small"),
        ({"MAX_CLIP_USD": "0"}, "MAX_CLIP_USD: “0” is too small: it must be more than 0"),
        ({"MAX_CLIP_USD": "much"}, "MAX_CLIP_USD: “much” is not"),
    ],
)
def test_values_that_make_no_sense(values: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(None, **values)
    assert words in str(caught.value)
