"""The edit plan: what joined clips come to, and how it is planned and priced."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.allowance import Allowance
from core.catalogue import load_catalogue
from core.editing import MAX_TITLE, TITLE_S, EditPlan, Part, frame_size
from core.generation import Plan
from core.inspection import MAX_SHORT_S, ClipFacts
from core.misfits import Misfit
from core.planning import Terms, make_plan
from core.policy import Ask, Impossible, Show, missing, next_move
from core.request import MediaRef, Tier, VideoRequest
from tests.core.test_generation import a_generation

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MODELS = load_catalogue().offered(["omni", "animatic", "cutter"], NOW)
CUTTER = load_catalogue().model("cutter-1")


def part(number: int = 1, seconds: float = 8.0, *, size: tuple[int, int] = (1280, 720), **facts: object) -> Part:
    measured = ClipFacts(
        duration_s=seconds, width=size[0], height=size[1], fps=24.0, video_codec="h264", audio_codec="aac",
        peak_db=-12.0, dark_fraction=0.0, frozen_fraction=0.0, size_bytes=1_000,
    )  # fmt: skip
    return Part(
        generation=number,
        name="a fox",
        clip=f"v{number}/clip.mp4",
        facts=replace(measured, **facts),  # type: ignore[arg-type]  # the tests name real fields
    )


def joining(*parts: Part, **slots: object) -> VideoRequest:
    return replace(VideoRequest(parts=parts), **slots)  # type: ignore[arg-type]  # the tests name real slots


def plan_of(request: VideoRequest, terms: Terms | None = None) -> Plan | Misfit | None:
    return make_plan(request, MODELS, terms or Terms(), number=1, now=NOW)


# --- the plan --------------------------------------------------------------------------------------------------------


def test_the_title_adds_its_length() -> None:
    parts = (part(1, 8.0), part(2, 5.5))
    assert EditPlan(parts=parts).exact_s == 13.5
    assert EditPlan(parts=parts, title="Snow").exact_s == 13.5 + TITLE_S


@given(st.lists(st.floats(0.5, 60), min_size=2, max_size=12))
def test_no_result_is_shorter_than_its_card_may_be(lengths: list[float]) -> None:
    edit = EditPlan(parts=tuple(part(number, seconds) for number, seconds in enumerate(lengths, 1)))
    assert edit.seconds - edit.exact_s < MAX_SHORT_S - 0.05
    assert edit.exact_s - edit.seconds <= 0.61


def test_most_clips_decide_and_of_several_the_first() -> None:
    wide, tall, large = part(1), part(2, size=(720, 1280)), part(3, size=(1920, 1080), fps=30.0)
    offered = CUTTER.aspects, CUTTER.resolutions
    mixed = EditPlan(parts=(tall, wide, large))
    assert (mixed.aspect(offered[0]), mixed.resolution(offered[1]), mixed.fps) == ("16:9", "720p", 24.0)
    tie = EditPlan(parts=(tall, large))
    assert (tie.aspect(offered[0]), tie.resolution(offered[1])) == ("9:16", "720p")


def test_sound_is_what_can_be_heard() -> None:
    mute, hushed = part(1, audio_codec="", peak_db=None), part(2, peak_db=-90.0)
    assert not EditPlan(parts=(mute, hushed)).sound
    assert EditPlan(parts=(mute, part(3))).sound


@pytest.mark.parametrize(
    ("aspect", "resolution", "size"),
    [("16:9", "720p", (1280, 720)), ("9:16", "1080p", (1080, 1920)), ("1:1", "480p", (480, 480)),
     ("16:9", "480p", (854, 480)), ("4:3", "4k", (2880, 2160))],
)  # fmt: skip
def test_sizes_are_even(aspect: str, resolution: str, size: tuple[int, int]) -> None:
    assert frame_size(aspect, resolution) == size


def test_an_unknown_size_is_refused() -> None:
    with pytest.raises(ValueError, match="900p"):
        frame_size("16:9", "900p")


# --- the card --------------------------------------------------------------------------------------------------------


def test_the_parts_decide_what_nobody_said_and_it_is_free() -> None:
    plan = plan_of(joining(part(1, 8.04), part(2, 5.9), words="Winter"))
    assert isinstance(plan, Plan)
    assert (plan.provider, plan.duration_s, plan.aspect, plan.resolution) == ("cutter", 16, "16:9", "720p")
    assert (plan.quote.amount, plan.sound, plan.assumed, plan.draft_price) == (0, True, (), None)


def test_what_was_said_counts() -> None:
    plan = plan_of(joining(part(1), part(2), aspect="9:16", resolution="1080p", audio="silent"))
    assert isinstance(plan, Plan)
    assert (plan.aspect, plan.resolution, plan.sound) == ("9:16", "1080p", False)


def test_a_long_one_is_expected_to_take_longer() -> None:
    short, long = plan_of(joining(part(1, 4), part(2, 4))), plan_of(joining(part(1, 60), part(2, 60)))
    assert isinstance(short, Plan) and isinstance(long, Plan)
    assert short.expected_s == CUTTER.expected_s
    assert long.expected_s == (CUTTER.expected_s[0] * 4, CUTTER.expected_s[1] * 4)


@pytest.mark.parametrize("tier", [None, *Tier])
def test_only_what_joins_is_taken_for_joining_and_for_nothing_else(tier: Tier | None) -> None:
    joined, filmed = plan_of(joining(part(1), part(2), tier=tier)), plan_of(VideoRequest(idea="a fox", tier=tier))
    assert isinstance(joined, Plan) and isinstance(filmed, Plan)
    assert (joined.provider, filmed.provider) == ("cutter", "omni")
    assert make_plan(VideoRequest(idea="a fox"), [CUTTER], Terms(), number=1, now=NOW) is None
    assert not CUTTER.takes(VideoRequest(first_frame=MediaRef(name="x", mime_type="image/png")))
    assert plan_of(joining(*(part(number, 2) for number in range(13)))) is None


def test_another_length_cannot_be_had() -> None:
    misfit = plan_of(joining(part(1), part(2), duration_s=20))
    assert isinstance(misfit, Misfit)
    assert (misfit.slot, misfit.nearest) == ("duration_s", 16)


def test_what_an_admin_allows_of_films_does_not_shorten_what_is_joined_of_them() -> None:
    allowance = Allowance(tiers=frozenset({Tier.DRAFT}), longest_s=8, dearest=10_000)
    models = allowance.of(MODELS)
    plan = make_plan(joining(part(1), part(2)), models, Terms(allowance=allowance), number=1, now=NOW)
    assert isinstance(plan, Plan)
    assert plan.duration_s == 16
    only_omni = Allowance(models=frozenset({"gemini-omni-1.2-flash"})).of(MODELS)
    assert make_plan(joining(part(1), part(2)), only_omni, Terms(), number=1, now=NOW) is None


# --- the title -------------------------------------------------------------------------------------------------------


def test_nothing_is_asked_but_what_keeps_a_title_from_being_drawn() -> None:
    request = joining(part(1), part(2), words="Winter")
    assert missing(request) is None
    move = next_move(a_generation(base=request, said=()), MODELS, Terms(), wordings={}, now=NOW)
    assert isinstance(move, Show)


def test_a_long_title_is_asked_about_or_cut() -> None:
    row = a_generation(base=joining(part(1), part(2), words="so long " * 15), said=())
    ask = next_move(row, MODELS, Terms(), wordings={}, now=NOW)
    assert isinstance(ask, Ask)
    assert ask.slot == "words" and f"{MAX_TITLE} characters" in ask.text and "119" in ask.text
    assert len(ask.options[0].value) <= MAX_TITLE
    show = next_move(replace(row, hurry=True), MODELS, Terms(), wordings={}, now=NOW)
    assert isinstance(show, Show)
    assert show.changes == {"words": ask.options[0].value}
    assert "cut it" in show.plan.notes[0]


@pytest.mark.parametrize(
    ("title", "words"), [("ไทย", "no letters for Thai"), ("🎉🎉", "some letters or digits"), ("ไทย " * 40, "Thai")]
)
def test_a_title_that_cannot_be_drawn_is_said(title: str, words: str) -> None:
    terms = Terms(unwritable=lambda text: ("Thai",) if "ไ" in text else ())
    row = a_generation(base=joining(part(1), part(2), words=title), said=())
    ask = next_move(row, MODELS, terms, wordings={}, now=NOW)
    assert isinstance(ask, Ask)
    assert words in ask.text and ask.options[0].label == "No title"
    show = next_move(replace(row, hurry=True), MODELS, terms, wordings={}, now=NOW)
    assert isinstance(show, Show)
    assert show.changes == {"words": ""} and show.plan.duration_s == 16


def test_where_nothing_joins_it_is_said() -> None:
    row = a_generation(base=joining(part(1), part(2)), said=())
    move = next_move(row, [model for model in MODELS if not model.clips], Terms(), wordings={}, now=NOW)
    assert isinstance(move, Impossible)
    assert "cannot join" in move.text
