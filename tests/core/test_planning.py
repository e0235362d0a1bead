"""Plans and questions: only what a model offers is planned, at its price, and after few questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import texts
from core.allowance import Allowance
from core.catalogue import VideoModel, load_catalogue
from core.forms import change_form
from core.generation import Plan, Question, Said
from core.misfits import Misfit
from core.planning import CostShown, Terms, draft_request, from_history, make_plan, on_offer, possible_lengths
from core.policy import (
    MAX_QUESTIONS,
    SURPRISE,
    Ask,
    Impossible,
    Show,
    is_plain_yes,
    missing,
    next_move,
    question_open,
    richness,
)
from core.request import MediaRef, Tier, VideoRequest
from tests.core.test_generation import NOW, a_generation, a_plan
from tests.stage import Stage

CATALOGUE = load_catalogue()
PICTURE = MediaRef(name="inputs/a.jpg", mime_type="image/jpeg")
TERMS = Terms()

MODELS = st.permutations(["veo", "omni", "animatic"]).flatmap(
    lambda names: st.integers(min_value=1, max_value=3).map(lambda count: CATALOGUE.offered(names[:count], NOW))
)
PICTURES = st.none() | st.just(PICTURE)
REQUESTS = st.builds(
    VideoRequest,
    idea=st.sampled_from(["", "a fox", "a fox that runs through deep fresh snow while the sun comes up behind hills"]),
    setting=st.sampled_from(["", "at home"]),
    style=st.sampled_from(["", "cinematic"]),
    mood=st.sampled_from(["", "calm"]),
    audio=st.sampled_from(["", "silent", "rain"]),
    duration_s=st.none() | st.integers(min_value=1, max_value=60),
    aspect=st.sampled_from(["", "16:9", "9:16", "1:1", "4:3", "21:9"]),
    resolution=st.sampled_from(["", "360p", "480p", "720p", "1080p", "4k"]),
    tier=st.none() | st.sampled_from(list(Tier)),
    first_frame=PICTURES,
    last_frame=PICTURES,
    references=st.lists(st.just(PICTURE), max_size=7).map(tuple),
    decided=st.sets(st.sampled_from(["idea", "setting", "style", "mood"])).map(frozenset),
)
TERMS_ = st.builds(
    Terms,
    duration_s=st.integers(min_value=1, max_value=40),
    aspect=st.sampled_from(["16:9", "9:16", "1:1"]),
    tier=st.sampled_from(list(Tier)),
)


def plan_for(request: VideoRequest, *providers: str, terms: Terms = TERMS) -> Plan | Misfit | None:
    return make_plan(request, CATALOGUE.offered(providers, NOW), terms, number=1, now=NOW)


def assert_offered(plan: Plan, request: VideoRequest, models: Sequence[VideoModel]) -> VideoModel:
    """The plan is one that its model really offers, at the model's price."""
    (model,) = [model for model in models if model.id == plan.model]
    assert model.takes(request)
    assert plan.provider == model.provider
    assert plan.duration_s in model.lengths(request)
    assert plan.aspect in model.aspects
    assert plan.resolution in model.resolutions
    assert plan.tier in model.tiers
    assert plan.quote.amount == model.price_per_second[plan.resolution] * plan.duration_s
    assert (plan.quote.model, plan.quote.duration_s, plan.quote.resolution) == (
        plan.model,
        plan.duration_s,
        plan.resolution,
    )
    return model


# --- plans ------------------------------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(request=REQUESTS, models=MODELS, terms=TERMS_)
def test_a_plan_is_what_was_asked_for_and_what_a_model_offers(
    request: VideoRequest, models: tuple[VideoModel, ...], terms: Terms
) -> None:
    plan = make_plan(request, models, terms, number=3, now=NOW)
    if plan is None:
        assert not any(model.takes(request) for model in models)
    elif isinstance(plan, Plan):
        assert_offered(plan, request, models)
        assert plan.duration_s == request.duration_s or request.duration_s is None
        assert plan.aspect == request.aspect or not request.aspect
        assert plan.resolution == request.resolution or not request.resolution
        assert plan.sound is not request.silent
        assert plan.number == 3
        assert plan.quote.valid_until == NOW + timedelta(seconds=terms.quote_valid_s)
    else:
        assert 1 <= len(plan.options) <= 4
        values = [option.value for option in plan.options]
        assert all(option.slot == plan.slot for option in plan.options)
        assert getattr(request, plan.slot) not in values
        for value in [*values, plan.nearest]:
            again = make_plan(replace(request, **{plan.slot: value}), models, terms, number=1, now=NOW)
            assert isinstance(again, Plan) or (isinstance(again, Misfit) and again.slot != plan.slot)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(request=REQUESTS, models=MODELS)
def test_the_draft_button_states_the_price_of_a_cheaper_plan(
    request: VideoRequest, models: tuple[VideoModel, ...]
) -> None:
    plan = make_plan(request, models, TERMS, number=1, now=NOW)
    if not isinstance(plan, Plan) or plan.draft_price is None:
        return
    assert plan.tier is not Tier.DRAFT
    assert plan.draft_price < plan.quote.amount
    drafts = [model for model in models if Tier.DRAFT in model.tiers]
    draft = make_plan(draft_request(request, plan.duration_s), drafts, TERMS, number=2, now=NOW)
    assert isinstance(draft, Plan)
    assert_offered(draft, request, models)
    assert (draft.tier, draft.duration_s, draft.aspect) == (Tier.DRAFT, plan.duration_s, plan.aspect)
    assert draft.quote.amount == plan.draft_price
    assert draft.draft_price is None


@pytest.mark.parametrize(
    ("request_", "providers", "model"),
    [
        (VideoRequest(), ("veo", "omni"), "veo-3.1-fast-generate-001"),
        (VideoRequest(), ("omni", "veo"), "gemini-omni-1.2-flash"),
        (VideoRequest(tier=Tier.BEST), ("veo", "omni"), "veo-3.1-generate-001"),
        (VideoRequest(tier=Tier.DRAFT), ("veo", "omni"), "veo-3.1-lite-generate-001"),
        # left only for one that alone can do it
        (VideoRequest(duration_s=12), ("veo", "omni"), "gemini-omni-1.2-flash"),
        (VideoRequest(resolution="4k"), ("veo",), "veo-3.1-generate-001"),
        (VideoRequest(resolution="360p"), ("veo", "omni"), "gemini-omni-1.2-flash"),
        (VideoRequest(aspect="1:1"), ("veo", "omni", "animatic"), "animatic-1"),
        (VideoRequest(references=(PICTURE,) * 4), ("veo", "omni"), "gemini-omni-1.2-flash"),
    ],
)
def test_the_preferred_model_is_left_only_for_one_that_alone_can(
    request_: VideoRequest, providers: tuple[str, ...], model: str
) -> None:
    plan = plan_for(request_, *providers)
    assert isinstance(plan, Plan)
    assert plan.model == model


@pytest.mark.parametrize(
    ("request_", "providers", "slot", "values", "nearest", "words"),
    [
        (VideoRequest(duration_s=20), ("veo",), "duration_s", [4, 6, 8], 8, "up to 8 s, so 20 s will not do"),
        (
            VideoRequest(duration_s=5),
            ("veo",),
            "duration_s",
            [4, 6, 8],
            6,
            "clips of 4, 6 or 8 s; 5 s is not",
        ),
        (VideoRequest(duration_s=1), ("omni",), "duration_s", [3, 4, 5], 3, "3, 4 or 5 s; 1 s is not"),
        (VideoRequest(duration_s=6, references=(PICTURE,)), ("veo",), "duration_s", [8], 8, "not among them"),
        (VideoRequest(aspect="1:1"), ("omni",), "aspect", ["16:9", "9:16"], "9:16", "cannot make square 1:1"),
        (
            VideoRequest(aspect="21:9"),
            ("omni",),
            "aspect",
            ["16:9", "9:16"],
            "16:9",
            "cannot make 21:9 clips",
        ),
        (
            VideoRequest(resolution="480p"),
            ("omni",),
            "resolution",
            ["360p", "720p", "1080p", "4k"],
            "360p",
            "cannot make 480p clips",
        ),
        (
            VideoRequest(resolution="4k"),
            ("animatic",),
            "resolution",
            ["360p", "720p", "1080p"],
            "1080p",
            "4k clips",
        ),
    ],
)
def test_what_cannot_be_had_offers_the_nearest(
    request_: VideoRequest,
    providers: tuple[str, ...],
    slot: str,
    values: list[object],
    nearest: object,
    words: str,
) -> None:
    misfit = plan_for(request_, *providers)
    assert isinstance(misfit, Misfit)
    assert misfit.slot == slot
    assert [option.value for option in misfit.options] == values
    assert misfit.nearest == nearest
    assert words in misfit.text
    assert "so I took" in misfit.note


def test_no_model_takes_more_pictures_than_any_can_use() -> None:
    assert plan_for(VideoRequest(references=(PICTURE,) * 7), "veo", "omni", "animatic") is None
    assert plan_for(VideoRequest()) is None


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (Terms(duration_s=7, aspect="9:16", tier=Tier.BEST), (8, "9:16", "1080p", Tier.BEST)),
        (Terms(duration_s=1, aspect="1:1", tier=Tier.DRAFT), (4, "16:9", "720p", Tier.DRAFT)),
    ],
)
def test_defaults_are_the_nearest_to_the_admins(terms: Terms, expected: tuple[object, ...]) -> None:
    plan = plan_for(VideoRequest(idea="a fox"), "veo", terms=terms)
    assert isinstance(plan, Plan)
    assert (plan.duration_s, plan.aspect, plan.resolution, plan.tier) == expected
    assert plan.assumed == ("duration_s", "aspect", "tier", "audio")


def test_a_tier_no_model_has_becomes_the_models_own() -> None:
    lite = [model for model in CATALOGUE.offered(["veo"], NOW) if Tier.DRAFT in model.tiers]
    plan = make_plan(VideoRequest(tier=Tier.BEST), lite, TERMS, number=1, now=NOW)
    assert isinstance(plan, Plan)
    assert plan.tier is Tier.DRAFT
    assert plan.draft_price is None


def test_a_tier_asked_for_outright_comes_before_the_preferred_provider() -> None:
    models = [CATALOGUE.model("veo-3.1-lite-generate-001"), CATALOGUE.model("gemini-omni-1.2-flash")]
    best = make_plan(VideoRequest(tier=Tier.BEST), models, TERMS, number=1, now=NOW)
    usual = make_plan(VideoRequest(), models, TERMS, number=1, now=NOW)
    assert isinstance(best, Plan)
    assert isinstance(usual, Plan)
    assert (best.provider, usual.provider) == ("omni", "veo")


def test_the_card_knows_what_was_assumed() -> None:
    request = VideoRequest(
        duration_s=4, aspect="16:9", resolution="720p", audio="rain", decided=frozenset({"mood", "setting"})
    )
    plan = plan_for(request, "omni")
    assert isinstance(plan, Plan)
    assert plan.assumed == ("setting", "mood")


def test_a_draft_that_is_not_cheaper_is_not_offered() -> None:
    free = plan_for(VideoRequest(), "animatic")
    assert isinstance(free, Plan)
    assert free.draft_price is None
    alone = [model for model in CATALOGUE.offered(["veo"], NOW) if Tier.BEST in model.tiers]
    best = make_plan(VideoRequest(), alone, TERMS, number=1, now=NOW)
    assert isinstance(best, Plan)
    assert best.draft_price is None


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([], (40.0, 90.0)),
        ([1.0, 2.0, 3.0, 4.0], (40.0, 90.0)),
        ([5.0, 1.0, 4.0, 2.0, 3.0], (3.0, 5.0)),
        ([float(number) for number in range(100, 0, -1)], (51.0, 91.0)),
    ],
)
def test_expected_times_come_from_history_once_there_is_some(times: list[float], expected: tuple[float, float]) -> None:
    assert from_history(times, (40.0, 90.0)) == expected


# --- questions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "slot"),
    [
        (VideoRequest(), "idea"),
        (VideoRequest(first_frame=PICTURE), "idea"),
        (VideoRequest(decided=frozenset({"idea"})), None),
        (VideoRequest(idea="a fox"), "setting"),
        (VideoRequest(subject="a fox", setting="at home"), "style"),
        (VideoRequest(idea="a fox", decided=frozenset({"setting"})), "style"),
        (VideoRequest(idea="a fox", style="drawn"), "setting"),
        (VideoRequest(idea="a fox", style="drawn", mood="calm"), None),
        (VideoRequest(idea="a fox", decided=frozenset({"setting", "style"})), None),
        (VideoRequest(shots=("one", "two"), camera="close"), None),
        (VideoRequest(idea="a " * 24), None),
    ],
)
def test_the_one_slot_that_changes_the_result_most_is_missing(request_: VideoRequest, slot: str | None) -> None:
    assert missing(request_) == slot


def test_three_slots_are_asked_for_at_most_and_the_third_only_of_the_poor() -> None:
    poor = VideoRequest(idea="a fox", setting="at home", first_frame=None)
    assert richness(poor) == 1
    assert missing(replace(poor, setting="", decided=frozenset({"language"}))) == "setting"
    assert missing(VideoRequest(idea="a fox", words="", setting="", style="", mood="calm")) == "setting"


@pytest.mark.parametrize(
    ("request_", "details"),
    [
        (VideoRequest(idea="a fox"), 0),
        (VideoRequest(idea="a fox", camera="close", words="Hi", audio="rain"), 3),
        (VideoRequest(idea="one two three four five six", subject="seven eight nine ten eleven twelve"), 1),
        (VideoRequest(idea="a fox", first_frame=PICTURE, shots=("a",), decided=frozenset({"mood"})), 3),
    ],
)
def test_details_make_a_request_rich(request_: VideoRequest, details: int) -> None:
    assert richness(request_) == details


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    request=REQUESTS,
    models=MODELS,
    asked=st.integers(min_value=0, max_value=4),
    hurry=st.booleans(),
    may_ask=st.booleans(),
    numbered=st.integers(min_value=0, max_value=3),
)
def test_every_move_is_a_question_within_bounds_or_an_honest_card(
    request: VideoRequest,
    models: tuple[VideoModel, ...],
    asked: int,
    hurry: bool,
    may_ask: bool,
    numbered: int,
) -> None:
    plan = a_plan(number=numbered) if numbered else None
    row = a_generation(base=request, said=(), asked=asked, hurry=hurry, plan=plan)
    move = next_move(row, models, TERMS, wordings={}, now=NOW, may_ask=may_ask)
    if isinstance(move, Ask):
        assert asked < MAX_QUESTIONS
        assert not hurry
        assert may_ask
        assert move.text
        assert len(move.options) <= 4
    elif isinstance(move, Show):
        filled = replace(request, **move.changes)
        assert_offered(move.plan, filled, models)
        assert filled.idea or filled.subject or filled.shots
        assert move.plan.number == numbered + 1
        taken = {slot for slot in move.changes if slot != "idea"}
        assert len(move.plan.notes) == len(taken)
    else:
        assert isinstance(move, Impossible)
        assert not any(model.takes(request) for model in models)


def test_a_question_is_put_in_the_models_words_when_it_has_some() -> None:
    row = a_generation(said=(Said(message_id="m", changes={"idea": "ein Fuchs"}),), plan=None)
    models = CATALOGUE.offered(["omni"], NOW)
    plain = next_move(row, models, TERMS, wordings={}, now=NOW)
    assert isinstance(plain, Ask)
    assert (plain.slot, plain.text) == ("setting", texts.questions.QUESTIONS["setting"])
    assert [option.label for option in plain.options] == ["In nature", "In a city", "At home"]
    german = next_move(row, models, TERMS, wordings={"setting": "Wo spielt es?"}, now=NOW)
    assert isinstance(german, Ask)
    assert german.text == "Wo spielt es?"


def test_an_open_question_has_no_buttons_for_the_idea_itself() -> None:
    row = a_generation(said=(), plan=None)
    move = next_move(row, CATALOGUE.offered(["omni"], NOW), TERMS, wordings={}, now=NOW)
    assert move == Ask(slot="idea", text=texts.questions.QUESTIONS["idea"], options=())


def test_a_misfit_is_asked_about_or_the_nearest_is_taken_with_a_note() -> None:
    said = (Said(message_id="m", changes={"idea": "a fox", "style": "drawn", "mood": "calm", "duration_s": 20}),)
    models = CATALOGUE.offered(["veo"], NOW)
    row = a_generation(said=said, plan=None)
    ask = next_move(row, models, TERMS, wordings={}, now=NOW)
    assert isinstance(ask, Ask)
    assert ask.slot == "duration_s"
    show = next_move(replace(row, asked=3), models, TERMS, wordings={}, now=NOW)
    assert isinstance(show, Show)
    assert show.changes == {"duration_s": 8}
    assert show.plan.notes == ("Veo 3.1 Fast cannot do 20 s, so I took 8 s.",)


def test_somebody_in_a_hurry_without_an_idea_gets_a_surprise() -> None:
    row = a_generation(said=(), plan=None, hurry=True)
    move = next_move(row, CATALOGUE.offered(["omni"], NOW), TERMS, wordings={}, now=NOW)
    assert isinstance(move, Show)
    assert move.changes == {"idea": SURPRISE}


def test_a_question_lapses_after_an_hour() -> None:
    question = Question(slot="mood", text="?", options=(), asked_at=NOW, number=1)
    assert question_open(question, TERMS, NOW + timedelta(minutes=59))
    assert not question_open(question, TERMS, NOW + timedelta(hours=1))
    assert not question_open(None, TERMS, NOW)


@pytest.mark.parametrize("text", ["yes", " Yes! ", "OK.", "Go ahead", "ja", "👍", "SÍ!!"])
def test_a_plain_yes(text: str) -> None:
    assert is_plain_yes(text)


@pytest.mark.parametrize("text", ["", "no", "yes but longer", "yes, at night", "make it longer", "y?", "not ok", "."])
def test_what_is_no_plain_yes(text: str) -> None:
    assert not is_plain_yes(text)


# --- what an admin allows ---------------------------------------------------------------------------------------------

ALLOWANCES = st.builds(
    Allowance,
    models=st.just(frozenset())
    | st.frozensets(st.sampled_from([model.id for model in CATALOGUE.video]), min_size=1, max_size=3),
    tiers=st.frozensets(st.sampled_from(list(Tier)), max_size=2),
    longest_s=st.none() | st.integers(min_value=1, max_value=30),
    dearest=st.none() | st.integers(min_value=1, max_value=5_000_000),
)


def allowed(plan: Plan, allowance: Allowance) -> bool:
    return (
        (not allowance.models or plan.model in allowance.models)
        and (not allowance.tiers or plan.tier in allowance.tiers)
        and (allowance.longest_s is None or plan.duration_s <= allowance.longest_s)
        and (allowance.dearest is None or plan.quote.amount <= allowance.dearest)
    )


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(request=REQUESTS, models=MODELS, terms=TERMS_, allowance=ALLOWANCES)
def test_nothing_is_ever_planned_or_offered_that_is_not_allowed(
    request: VideoRequest, models: tuple[VideoModel, ...], terms: Terms, allowance: Allowance
) -> None:
    terms = replace(terms, allowance=allowance)
    left = allowance.of(models)
    for asked in range(2):
        row = a_generation(base=request, said=(), asked=3 * asked, hurry=bool(asked), plan=None)
        move = next_move(row, left, terms, wordings={}, now=NOW)
        if isinstance(move, Show):
            assert_offered(move.plan, replace(request, **move.changes), left)
            assert allowed(move.plan, allowance)
            assert on_offer(move.plan, left)
            draft = move.plan.draft_price
            assert draft is None or allowance.dearest is None or draft <= allowance.dearest
            assert len(move.plan.notes) == len({slot for slot in move.changes if slot != "idea"})
        elif isinstance(move, Impossible):
            assert not any(model.takes(request) for model in left)
            assert move.text == (texts.talk.NO_MODEL if left else texts.allowance.NOTHING_ON_OFFER)
    plan = make_plan(request, left, terms, number=1, now=NOW)
    if isinstance(plan, Misfit):
        assert 1 <= len(plan.options) <= 4
        for value in [*(option.value for option in plan.options), plan.nearest]:
            changes: dict[str, Any] = {plan.slot: Tier(value) if plan.slot == "tier" else value}
            again = make_plan(replace(request, **changes), left, terms, number=1, now=NOW)
            assert isinstance(again, Plan) or (isinstance(again, Misfit) and again.slot != plan.slot)


def misfit_for(request: VideoRequest, *providers: str, **limits: object) -> Misfit:
    """What does not fit when so much is allowed."""
    allowance = Allowance(**limits)  # type: ignore[arg-type]
    models = allowance.of(CATALOGUE.offered(providers, NOW))
    found = make_plan(request, models, Terms(allowance=allowance), number=1, now=NOW)
    assert isinstance(found, Misfit), found
    return found


@pytest.mark.parametrize(
    ("request_", "provider", "limits", "nearest", "values", "text", "note"),
    [
        (
            VideoRequest(duration_s=12), "omni", {"longest_s": 6}, 6, [4, 5, 6],
            "Clips here may be up to 6 s long, so 12 s will not do. Which length instead?",
            "Clips here may not be longer than 6 s, so I took 6 s instead of 12 s.",
        ),
        (
            VideoRequest(duration_s=8), "veo", {"longest_s": 7}, 6, [4, 6],
            "Clips here may be up to 7 s long, so 8 s will not do; Veo 3.1 Fast goes up to 6 s. Which length instead?",
            "Clips here may not be longer than 7 s, so I took 6 s instead of 8 s.",
        ),
        (
            VideoRequest(duration_s=20), "veo", {"longest_s": 10}, 8, [4, 6, 8],
            "Veo 3.1 Fast makes clips of up to 8 s, so 20 s will not do. Which length instead?",
            "Veo 3.1 Fast cannot do 20 s, so I took 8 s.",
        ),
        (
            VideoRequest(duration_s=8, tier=Tier.STANDARD), "omni", {"dearest": 500_000}, 7, [5, 6, 7],
            "A clip here may cost $0.50 at most, so 8 s will not do: Gemini Omni 1.2 Flash goes up to 7 s. What would "
            "you like instead?",
            "A clip here may cost $0.50 at most, so I took 7 s instead of 8 s.",
        ),
        (
            VideoRequest(resolution="4k"), "omni", {"dearest": 500_000}, "1080p", ["360p", "720p", "1080p"],
            "A clip here may cost $0.50 at most, so 4k will not do: Gemini Omni 1.2 Flash goes up to 1080p. What would "
            "you like instead?",
            "A clip here may cost $0.50 at most, so I took 1080p instead of 4k.",
        ),
        (
            VideoRequest(tier=Tier.BEST), "omni", {"tiers": frozenset({Tier.DRAFT, Tier.STANDARD})}, Tier.STANDARD,
            ["draft", "standard"],
            "I may not make clips in best quality here. Which quality instead?",
            "I may not make best quality here, so I took standard quality.",
        ),
        (
            VideoRequest(tier=Tier.DRAFT), "veo", {"models": frozenset({"veo-3.1-generate-001"})}, Tier.BEST, ["best"],
            "I may not make clips in draft quality here. Which quality instead?",
            "I may not make draft quality here, so I took best quality.",
        ),
        (
            VideoRequest(resolution="4k"), "omni", {"tiers": frozenset({Tier.DRAFT})}, "360p", ["360p"],
            "I may not make 4k clips here. Which size instead?",
            "I may not make 4k here, so I took 360p.",
        ),
        (
            VideoRequest(duration_s=5), "veo", {"longest_s": 4}, 4, [4],
            "Clips here may be up to 4 s long, so 5 s will not do. Which length instead?",
            "Clips here may not be longer than 4 s, so I took 4 s instead of 5 s.",
        ),
    ],
)  # fmt: skip
def test_a_wish_beyond_what_is_allowed_gets_the_nearest_and_the_reason(
    request_: VideoRequest,
    provider: str,
    limits: dict[str, object],
    nearest: object,
    values: list[object],
    text: str,
    note: str,
) -> None:
    misfit = misfit_for(request_, provider, **limits)
    assert (misfit.nearest, [option.value for option in misfit.options]) == (nearest, values)
    assert (misfit.text, misfit.note) == (text, note)


def test_where_amounts_are_not_shown_the_reason_names_none() -> None:
    allowance = Allowance(dearest=500_000)
    terms = Terms(allowance=allowance, cost_shown=CostShown.ADMIN)
    models = allowance.of(CATALOGUE.offered(["omni"], NOW))
    request = VideoRequest(duration_s=8, tier=Tier.STANDARD)
    misfit = make_plan(request, models, terms, number=1, now=NOW)
    assert isinstance(misfit, Misfit)
    assert "$" not in misfit.text + misfit.note
    assert "may not cost that much" in misfit.text


@pytest.mark.parametrize(
    ("request_", "limits", "expected"),
    [
        # A length that was asked for is kept: another quality, or another model, can have it for the money.
        (VideoRequest(duration_s=8), {"dearest": 500_000}, ("gemini-omni-1.2-flash", 8, "360p", Tier.DRAFT)),
        (VideoRequest(), {"dearest": 500_000}, ("gemini-omni-1.2-flash", 7, "720p", Tier.STANDARD)),
        (VideoRequest(), {"longest_s": 5}, ("gemini-omni-1.2-flash", 5, "720p", Tier.STANDARD)),
        (VideoRequest(), {"tiers": frozenset({Tier.BEST})}, ("gemini-omni-1.2-flash", 8, "1080p", Tier.BEST)),
    ],
)
def test_what_nobody_asked_for_gives_way(
    request_: VideoRequest, limits: dict[str, object], expected: tuple[object, ...]
) -> None:
    allowance = Allowance(**limits)  # type: ignore[arg-type]
    models = allowance.of(CATALOGUE.offered(["omni"], NOW))
    plan = make_plan(request_, models, Terms(allowance=allowance), number=1, now=NOW)
    assert isinstance(plan, Plan), plan
    assert (plan.model, plan.duration_s, plan.resolution, plan.tier) == expected


def test_pictures_that_need_a_longer_clip_than_is_allowed_rule_a_model_out() -> None:
    allowance = Allowance(longest_s=6)
    models = allowance.of(CATALOGUE.offered(["veo"], NOW))
    request = VideoRequest(references=(PICTURE,))
    assert make_plan(request, models, Terms(allowance=allowance), number=1, now=NOW) is None


def test_a_model_none_of_whose_qualities_can_be_paid_for_is_had_smaller() -> None:
    best = replace(
        CATALOGUE.model("veo-3.1-generate-001"),
        tiers={Tier.BEST: "4k"},
        price_per_second={"720p": 100_000, "1080p": 200_000, "4k": 600_000},
    )
    (model,) = Allowance(dearest=1_000_000).of([best])
    assert model.tiers == {Tier.BEST: "1080p"}
    assert possible_lengths(VideoRequest(), model, TERMS) == (4,)
    assert possible_lengths(VideoRequest(resolution="720p"), model, TERMS) == (4, 6, 8)
    assert Allowance(dearest=399_999).of([best]) == ()


def test_everything_is_allowed_unless_something_is_said() -> None:
    assert Allowance().of(CATALOGUE.video) == CATALOGUE.video


def test_a_price_is_held_until_another_takes_its_place() -> None:
    last = replace(CATALOGUE.model("gemini-omni-1.2-flash"), valid_to=(NOW + timedelta(days=1)).date())
    midnight = datetime(2026, 11, 22, tzinfo=UTC)
    for now, until in (
        (midnight - timedelta(hours=2), midnight - timedelta(hours=1)),
        (midnight - timedelta(hours=1), midnight),
        (midnight - timedelta(seconds=1), midnight),
    ):
        plan = make_plan(VideoRequest(), [last], TERMS, number=1, now=now)
        assert isinstance(plan, Plan)
        assert (plan.quote.quoted_at, plan.quote.valid_until) == (now, until)


async def test_buttons_and_forms_offer_only_what_is_allowed(stage: Stage) -> None:
    stage.wire(terms=Terms(allowance=Allowance(longest_s=6, tiers=frozenset({Tier.DRAFT, Tier.STANDARD}))))
    await stage.say("a red fox trotting through fresh snow at sunrise, cinematic, 6 seconds")
    card = stage.platform.with_button("Make it")
    await stage.press(card, "Change")
    labels = [button.label for button in stage.platform.last.buttons]
    assert "5 s" in labels
    assert "7 s" not in labels
    offer = await stage.product.offers.current()
    fields = {one.slot: one for one in change_form(await stage.generation(), offer.models).fields}
    assert [value for value, _ in fields["duration_s"].options] == ["2", "3", "4", "5", "6"]
    assert [value for value, _ in fields["tier"].options] == ["draft", "standard"]
    assert [value for value, _ in fields["resolution"].options] == ["360p", "720p"]
    await stage.press(card, "Make it")
    await stage.finished()
    await stage.press(stage.platform.with_button("Longer"), "Longer")
    assert stage.platform.last.text == texts.allowance.LONGEST_ALLOWED.format(id="v1", seconds=6)
