"""Money, the catalogue, requests, actions, inspection and errors: tables and invariants over plain values."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.actions import MAX_BYTES, Action, action, parse_action
from core.catalogue import VideoModel, load_catalogue
from core.errors import OrderNotSent, OrderRefused, PermanentError, StaleRow, TemporaryError, UnplayableClip
from core.inspection import ClipFacts, Flaw, Promise, flaws, ratio
from core.money import dollars
from core.rates import Pause
from core.request import MAX_TEXT, RESOLUTIONS, SPOKEN_SLOTS, MediaRef, Tier, VideoRequest, changed
from tests.clock import START
from tests.core.test_generation import NOW, a_clip

PICTURE = MediaRef(name="inputs/a.jpg", mime_type="image/jpeg")
CATALOGUE = load_catalogue()
CALM = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])

# --- money ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (0, "free"),
        (1, "$0.01"),
        (10_000, "$0.01"),
        (10_001, "$0.02"),
        (560_000, "$0.56"),
        (999_999, "$1.00"),
        (12_340_000, "$12.34"),
    ],
)
def test_amounts_are_rounded_up_to_a_cent(amount: int, words: str) -> None:
    assert dollars(amount) == words


@CALM
@given(st.integers(min_value=1, max_value=10**12))
def test_what_is_read_is_never_below_the_amount_nor_a_cent_above(amount: int) -> None:
    cents = Fraction(dollars(amount).removeprefix("$")) * 100
    assert 0 <= cents - Fraction(amount, 10_000) < 1


# --- the catalogue ----------------------------------------------------------------------------------------------------


def test_only_models_that_can_be_ordered_today_are_offered() -> None:
    veo = ("veo",)
    assert CATALOGUE.offered(veo, datetime(2025, 12, 31, tzinfo=UTC)) == ()
    assert len(CATALOGUE.offered(veo, datetime(2026, 1, 1, tzinfo=UTC))) == 3
    assert len(CATALOGUE.offered(veo, datetime(2027, 4, 30, 23, 59, tzinfo=UTC))) == 3
    assert CATALOGUE.offered(veo, datetime(2027, 5, 1, tzinfo=UTC)) == ()


def test_the_preferred_providers_models_come_first() -> None:
    offered = CATALOGUE.offered(("omni", "veo"), NOW)
    assert [model.provider for model in offered] == ["omni", "veo", "veo", "veo"]
    assert [model.provider for model in CATALOGUE.offered(("veo", "omni"), NOW)][-1] == "omni"


def test_a_retired_model_is_still_known_and_a_made_up_one_is_not() -> None:
    assert CATALOGUE.model("veo-3.1-generate-001").name == "Veo 3.1"
    with pytest.raises(KeyError):
        CATALOGUE.model("veo-9")


@pytest.mark.parametrize(
    ("model", "day", "cost"),
    [
        ("gemini-3.8-flash", datetime(2026, 12, 31, tzinfo=UTC), 750_000 + 3_750_000),
        ("gemini-3.8-flash", datetime(2027, 1, 1, tzinfo=UTC), 1_500_000 + 7_500_000),
        ("gemini-3.8-flash", datetime(2025, 1, 1, tzinfo=UTC), 0),
        ("somebody-elses", datetime(2026, 12, 31, tzinfo=UTC), 0),
    ],
)
def test_a_million_tokens_each_way_cost_what_the_day_says(model: str, day: datetime, cost: int) -> None:
    assert CATALOGUE.dialogue_cost(model, 1_000_000, 1_000_000, day) == cost


def test_the_cost_of_a_token_is_rounded_up() -> None:
    assert CATALOGUE.dialogue_cost("gemini-3.5-flash-lite", 1, 0, NOW) == 1


def test_a_catalogue_of_ones_own_is_read() -> None:
    text = """
        guides = { own = "short" }
        dialogue = []
        [[video]]
        id = "own-1"
        provider = "own"
        name = "Own"
        tier = "best"
        durations = [5]
        durations_with_references = [4]
        aspects = ["1:1"]
        price_per_second = { "4k" = "0.000001", "720p" = "0.5" }
        default_resolution = "720p"
        silent = false
        first_frame = true
        last_frame = false
        references = 1
        negative_prompt = true
        expected_s = [1, 2]
        orders_per_minute = 3
        valid_from = 2026-01-01
    """
    catalogue = load_catalogue(text)
    (model,) = catalogue.video
    assert catalogue.guides == {"own": "short"}
    assert model.tiers == {Tier.BEST: "720p"}
    assert model.resolutions == ("720p", "4k")
    assert model.price(5, "720p") == 2_500_000
    assert model.price(5, "4k") == 5
    with pytest.raises(KeyError):
        model.price(5, "1080p")
    assert model.lengths(VideoRequest()) == (5,)
    assert model.lengths(VideoRequest(last_frame=PICTURE)) == (5,)
    assert model.lengths(VideoRequest(references=(PICTURE,), first_frame=PICTURE)) == (4,)
    assert model.valid_to is None


@pytest.mark.parametrize("model", CATALOGUE.video, ids=lambda model: model.id)
def test_every_model_of_the_catalogue_makes_sense(model: VideoModel) -> None:
    for lengths in (model.durations, model.durations_with_first_frame, model.durations_with_references):
        assert lengths == tuple(sorted(set(lengths)))
        assert set(lengths) <= set(model.durations)
        assert lengths[0] > 0
    assert set(model.tiers.values()) <= set(model.resolutions)
    assert list(model.resolutions) == sorted(model.resolutions, key=RESOLUTIONS.index)
    assert all(ratio(aspect) > 0 for aspect in model.aspects)
    assert model.expected_s[0] <= model.expected_s[1]
    assert model.provider in CATALOGUE.guides


@pytest.mark.parametrize(
    ("request_", "taken"),
    [
        (VideoRequest(), True),
        (VideoRequest(first_frame=PICTURE), True),
        (VideoRequest(last_frame=PICTURE), False),
        (VideoRequest(references=(PICTURE,)), False),
    ],
)
def test_a_model_takes_only_pictures_it_can_use(request_: VideoRequest, taken: bool) -> None:
    assert CATALOGUE.model("animatic-1").takes(request_) is taken


def test_a_model_without_a_first_frame_takes_none() -> None:
    blind = replace(CATALOGUE.model("animatic-1"), first_frame=False)
    assert not blind.takes(VideoRequest(first_frame=PICTURE))


# --- requests ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "slots"),
    [
        ({"idea": "  a fox "}, {"idea": "a fox"}),
        ({"idea": "x" * 5000}, {"idea": "x" * MAX_TEXT}),
        ({"idea": 7}, {}),
        ({"duration_s": 6}, {"duration_s": 6}),
        ({"duration_s": 0}, {}),
        ({"duration_s": -4}, {}),
        ({"duration_s": True}, {}),
        ({"duration_s": "6"}, {}),
        ({"duration_s": 6.5}, {}),
        ({"tier": "best"}, {"tier": Tier.BEST}),
        ({"tier": Tier.DRAFT}, {"tier": Tier.DRAFT}),
        ({"tier": "golden"}, {}),
        ({"shots": ["one ", "", " two"]}, {"shots": ("one", "two")}),
        (
            {"shots": [str(number) for number in range(20)]},
            {"shots": tuple(str(number) for number in range(12))},
        ),
        ({"shots": "one"}, {}),
        ({"price": 0, "plan": None, "first_frame": "secret", "seed": 3, "decided": None}, {}),
        ({"mood": None, "style": None}, {"decided": frozenset({"mood", "style"})}),
        ({"first_frame": None}, {}),
    ],
)
def test_only_slots_of_the_right_kind_are_filled(changes: dict[str, object], slots: dict[str, object]) -> None:
    assert changed(VideoRequest(), changes) == replace(VideoRequest(), **slots)  # type: ignore[arg-type]


@CALM
@given(
    st.dictionaries(
        st.sampled_from([*SPOKEN_SLOTS, "first_frame", "seed", "decided", "anything"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.tuples(st.text(max_size=5)),
    )
)
def test_whatever_is_proposed_nothing_but_spoken_slots_changes(changes: dict[str, object]) -> None:
    request = changed(VideoRequest(seed=7, first_frame=PICTURE), changes)
    assert (request.seed, request.first_frame) == (7, PICTURE)
    assert request.decided <= set(SPOKEN_SLOTS)
    assert request.duration_s is None or request.duration_s > 0
    assert changed(request, {}) == request


@pytest.mark.parametrize(("audio", "silent"), [("silent", True), (" Silent ", True), ("music", False), ("", False)])
def test_silent_is_a_value_of_the_audio_slot(audio: str, silent: bool) -> None:
    assert VideoRequest(audio=audio).silent is silent


# --- actions ----------------------------------------------------------------------------------------------------------

WORD = st.text("0123456789abcxyzABC-", min_size=1, max_size=12)


@CALM
@given(
    verb=st.text("abcdefghij", min_size=2, max_size=10),
    subject=st.integers(min_value=0, max_value=2**62) | WORD,
    args=st.lists(st.integers(min_value=0, max_value=10**9) | WORD, max_size=3),
)
def test_an_action_comes_back_as_it_went_out(verb: str, subject: int | str, args: list[int | str]) -> None:
    text = action(verb, subject, *args)
    assert len(text.encode()) <= MAX_BYTES
    parsed = parse_action(text)
    assert parsed == Action(verb=verb, subject=str(subject), args=tuple(map(str, args)))
    assert parsed is not None
    for place, argument in enumerate(args):
        assert parsed.number(place) == (int(argument) if str(argument).isdigit() else None)
    assert parsed.number(len(args)) is None
    assert parsed.generation_id == (int(subject) if str(subject).isdigit() else None)


def test_an_action_too_long_for_a_button_is_an_error() -> None:
    assert action("chat", "x" * (MAX_BYTES - 5))
    with pytest.raises(ValueError, match="longer than 64 bytes"):
        action("chat", "x" * (MAX_BYTES - 4))
    with pytest.raises(ValueError, match="longer than 64 bytes"):
        action("chat", "é" * 30)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "make",
        "make:",
        "make:1:",
        "Make:1",
        "m:1",
        "make:1:2:3:4:5",
        "make:١",
        "make:1\n",
        "make:" + "1" * 33,
    ],
)
def test_what_no_button_carries_is_no_action(text: str) -> None:
    assert parse_action(text) is None


@CALM
@given(st.text(max_size=100))
def test_no_text_breaks_the_parser(text: str) -> None:
    parsed = parse_action(text)
    assert parsed is None or action(parsed.verb, parsed.subject, *parsed.args) == text


# --- inspection -------------------------------------------------------------------------------------------------------

PROMISE = Promise(duration_s=8, aspect="16:9", sound=True)
FACTS = a_clip().facts


@pytest.mark.parametrize(
    ("facts", "promise", "found"),
    [
        (FACTS, PROMISE, ()),
        (replace(FACTS, duration_s=7.5), PROMISE, ()),
        (replace(FACTS, duration_s=7.49), PROMISE, (Flaw.TOO_SHORT,)),
        (replace(FACTS, duration_s=12.0), PROMISE, ()),
        (replace(FACTS, width=1300), PROMISE, ()),
        (replace(FACTS, width=1310), PROMISE, (Flaw.WRONG_SHAPE,)),
        (replace(FACTS, width=720, height=1280), PROMISE, (Flaw.WRONG_SHAPE,)),
        (replace(FACTS, peak_db=-59.9), PROMISE, ()),
        (replace(FACTS, peak_db=-60.0), PROMISE, (Flaw.SILENT,)),
        (replace(FACTS, peak_db=None), PROMISE, (Flaw.SILENT,)),
        (replace(FACTS, peak_db=None), replace(PROMISE, sound=False), ()),
        (replace(FACTS, dark_fraction=0.89), PROMISE, ()),
        (replace(FACTS, dark_fraction=0.90), PROMISE, (Flaw.BLACK,)),
        (replace(FACTS, dark_fraction=1.0), replace(PROMISE, dark_wanted=True), ()),
        (replace(FACTS, frozen_fraction=0.94), PROMISE, ()),
        (replace(FACTS, frozen_fraction=0.95), PROMISE, (Flaw.FROZEN,)),
        (replace(FACTS, frozen_fraction=1.0), replace(PROMISE, still_wanted=True), ()),
        (
            replace(FACTS, dark_fraction=1.0, frozen_fraction=1.0, peak_db=None, duration_s=1.0, width=10),
            PROMISE,
            (Flaw.BLACK, Flaw.FROZEN, Flaw.SILENT, Flaw.TOO_SHORT, Flaw.WRONG_SHAPE),
        ),
    ],
)
def test_a_clip_is_held_against_the_card(facts: ClipFacts, promise: Promise, found: tuple[Flaw, ...]) -> None:
    assert flaws(facts, promise) == found


def test_a_ratio_needs_two_numbers() -> None:
    assert ratio("9:16") == 0.5625
    with pytest.raises(ValueError, match="invalid literal"):
        ratio("wide")


# --- errors -----------------------------------------------------------------------------------------------------------


def test_errors_say_what_happened_and_how_long_to_wait() -> None:
    assert str(StaleRow()) == "The row changed since it was read; nothing was saved."
    assert str(UnplayableClip("it is cut off")) == "it is cut off"
    assert isinstance(UnplayableClip(), PermanentError)
    assert TemporaryError(retry_after=3.0).retry_after == 3.0
    assert TemporaryError().retry_after is None
    assert OrderNotSent(retry_after=2.0).retry_after == 2.0
    refused = OrderRefused("no", temporary=True, retry_after=9.0, safety=True)
    assert (refused.temporary, refused.retry_after, refused.safety) == (True, 9.0, True)
    assert PermanentError().uses == ()


def test_a_pause_lasts_no_longer_than_was_asked_for_when_the_clock_is_set_back() -> None:
    pause = Pause.of(7.0, START)
    assert pause.left(START + timedelta(seconds=3)) == 4.0
    assert pause.left(START - timedelta(hours=1)) == 7.0
    assert pause.left(START - timedelta(hours=1) + timedelta(seconds=5)) == 2.0
    assert pause.left(START + timedelta(hours=2)) == 0.0
