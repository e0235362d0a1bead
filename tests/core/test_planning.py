"""Plans and questions: only what a model offers is planned, at its price, and after few questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import texts
from core.catalogue import VideoModel, load_catalogue
from core.generation import Plan, Question, Said
from core.planning import Misfit, Terms, draft_request, from_history, make_plan
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
    assert (plain.slot, plain.text) == ("setting", texts.QUESTIONS["setting"])
    assert [option.label for option in plain.options] == ["In nature", "In a city", "At home"]
    german = next_move(row, models, TERMS, wordings={"setting": "Wo spielt es?"}, now=NOW)
    assert isinstance(german, Ask)
    assert german.text == "Wo spielt es?"


def test_an_open_question_has_no_buttons_for_the_idea_itself() -> None:
    row = a_generation(said=(), plan=None)
    move = next_move(row, CATALOGUE.offered(["omni"], NOW), TERMS, wordings={}, now=NOW)
    assert move == Ask(slot="idea", text=texts.QUESTIONS["idea"], options=())


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
