"""The catalogue: an admin's entries over ours, what is refused and how it is said, entries that follow each other."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.catalogue import Catalogue, load_catalogue, merged_catalogue
from core.catalogue_checks import CatalogueError
from core.request import Tier, VideoRequest

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
OMNI = "gemini-omni-1.2-flash"
OURS = load_catalogue()
ENTRY = {
    "id": '"gemini-omni-1.2-flash"',
    "provider": '"omni"',
    "name": '"Omni"',
    "tiers": '{ draft = "360p", standard = "720p" }',
    "durations": "[4, 6]",
    "aspects": '["16:9"]',
    "price_per_second": '{ "360p" = "0.03", "720p" = "0.08" }',
    "silent": "false",
    "first_frame": "true",
    "last_frame": "false",
    "references": "0",
    "negative_prompt": "false",
    "expected_s": "[40, 90.5]",
    "orders_per_minute": "50",
    "valid_from": "2026-01-01",
}


def entry(**changes: str | None) -> str:
    """One [[video]] entry; None leaves a key out."""
    lines = {name: value for name, value in (ENTRY | changes).items() if value is not None}
    return "[[video]]\n" + "".join(f"{name} = {value}\n" for name, value in lines.items())


def dialogue(**changes: str) -> str:
    lines = {"id": '"gemini-9"', "input": '"1"', "output": '"2"', "valid_from": "2026-01-01"} | changes
    return "[[dialogue]]\n" + "".join(f"{name} = {value}\n" for name, value in lines.items())


def merged(text: str) -> Catalogue:
    return merged_catalogue(text, "own.toml")


# --- over ours --------------------------------------------------------------------------------------------------------


def test_an_empty_file_changes_nothing() -> None:
    assert merged("") == merged("checked = 2026-11-21") == OURS


def test_the_same_id_from_the_same_day_takes_the_place_of_ours() -> None:
    catalogue = merged(entry())
    model = catalogue.model(OMNI)
    assert model.price(6, "720p") == 480_000
    assert model.expected_s == (40.0, 90.5)
    assert len(catalogue.video) == len(OURS.video)
    assert [m for m in catalogue.video if m.id != OMNI] == [m for m in OURS.video if m.id != OMNI]


def test_a_new_model_is_added() -> None:
    catalogue = merged(entry(id='"gemini-omni-2"', valid_from="2026-11-21") + dialogue())
    assert [model.id for model in catalogue.offered(["omni"], NOW)] == [OMNI, "gemini-omni-2"]
    assert catalogue.dialogue_cost("gemini-9", 1_000_000, 0, NOW) == 1_000_000


def test_a_model_is_taken_away_and_still_known() -> None:
    catalogue = merged(f'[[remove]]\nid = "{OMNI}"')
    assert catalogue.offered(["omni"], NOW) == ()
    assert catalogue.model(OMNI) == OURS.model(OMNI)
    assert catalogue.orders_per_minute(NOW)[OMNI] == 50


def test_a_model_is_taken_away_and_written_anew() -> None:
    text = f'[[remove]]\nid = "{OMNI}"\n' + entry(valid_from="2026-11-01")
    (model,) = merged(text).offered(["omni"], NOW)
    assert model.price(1, "720p") == 80_000


def test_a_dialogue_model_is_taken_away() -> None:
    catalogue = merged('[[remove]]\nid = "gemini-3.8-flash"')
    assert catalogue.dialogue_cost("gemini-3.8-flash", 1_000_000, 0, NOW) == 0


def test_a_guide_of_ones_own() -> None:
    guides = merged('[guides]\nomni = "Be brief."').guides
    assert guides == {**OURS.guides, "omni": "Be brief."}


@pytest.mark.parametrize(
    ("price", "micros"), [('"0.07"', 70_000), ("0.57", 570_000), ("1", 1_000_000), ("0", 0), ('"0.000001"', 1)]
)
def test_a_price_is_taken_exactly_as_it_is_written(price: str, micros: int) -> None:
    text = entry(price_per_second=f'{{ "720p" = {price} }}', tiers='{ draft = "720p" }')
    assert merged(text).model(OMNI).price(1, "720p") == micros


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"colour": '"red"'}, "there is no key “colour”"),
        ({"price_per_second": None}, "price_per_second is missing"),
        ({"valid_from": None}, "valid_from is missing"),
        ({"id": None}, "id is missing"),
        ({"id": '""'}, "id is empty"),
        ({"name": '" "'}, "name is empty"),
        ({"name": "3"}, "name is not text"),
        ({"silent": '"yes"'}, "silent is not true or false"),
        ({"references": "true"}, "references is not a whole number"),
        ({"references": "-1"}, "references is not a number of pictures"),
        ({"valid_from": '"2026-01-01"'}, "valid_from is not a date"),
        ({"valid_from": "2026-01-01T00:00:00"}, "valid_from is not a date"),
        ({"valid_to": "2026-01-01"}, "valid_to, the first day without it, is not after valid_from"),
        ({"provider": '"sora"'}, "there is no provider “sora”; there are veo, omni, animatic"),
        ({"tiers": '{ cheap = "360p" }'}, "there is no tier “cheap”; there are draft, standard, best"),
        ({"tiers": '{ draft = "1080p" }'}, "the tier draft has the resolution “1080p”, which has no price"),
        ({"tiers": "{}"}, "it needs either tiers, or tier and default_resolution"),
        ({"tiers": None}, "it needs either tiers, or tier and default_resolution"),
        ({"tiers": None, "tier": '"draft"'}, "it needs either tiers, or tier and default_resolution"),
        ({"tier": '"draft"', "default_resolution": '"360p"'}, "it needs either tiers, or tier"),
        ({"price_per_second": "{}"}, "price_per_second has no prices"),
        ({"price_per_second": '{ "8k" = "1" }'}, "there is no resolution “8k”"),
        ({"price_per_second": '{ "360p" = "-0.01" }'}, "price_per_second of 360p: “-0.01” is below zero"),
        ({"price_per_second": '{ "360p" = "100.01" }'}, "“100.01” is more than 100 dollars"),
        ({"price_per_second": '{ "360p" = "7 cents" }'}, "“7 cents” is not an amount of dollars"),
        ({"price_per_second": '{ "360p" = nan }'}, "is not an amount of dollars"),
        ({"price_per_second": '{ "360p" = true }'}, "is not an amount of dollars"),
        ({"price_per_second": '{ "360p" = "1e400000" }'}, "whole millionths"),
        ({"price_per_second": '{ "360p" = "0.0000001" }'}, "whole millionths"),
        ({"durations": "[6, 4]"}, "durations does not rise: 6, 4"),
        ({"durations": None}, "it needs either durations, or longest_s"),
        ({"longest_s": "60"}, "it needs either durations, or longest_s"),
        ({"durations": None, "longest_s": "0"}, "longest_s is not a number of seconds from 1 to 3600"),
        ({"durations": None, "longest_s": "3601"}, "longest_s is not a number of seconds from 1 to 3600"),
        ({"clips": "-1"}, "clips is not a number of clips"),
        ({"clips": '"12"'}, "clips is not a whole number"),
        ({"durations": "[4, 4]"}, "durations does not rise"),
        ({"durations": "[]"}, "durations is not a list of whole seconds"),
        ({"durations": "[0, 4]"}, "durations is not a list of whole seconds"),
        ({"durations": "[4.5]"}, "durations is not a list of whole seconds"),
        ({"durations_with_references": "[8, 4]"}, "durations_with_references does not rise"),
        ({"aspects": "[]"}, "aspects is not a list of shapes"),
        ({"aspects": '["wide"]'}, "aspects is not a list of shapes"),
        ({"expected_s": "[90, 40]"}, "expected_s is not [median, 90th percentile]"),
        ({"expected_s": '["soon", "later"]'}, "expected_s is not [median, 90th percentile]"),
        ({"orders_per_minute": "0"}, "orders_per_minute is below 1"),
    ],
)
def test_nonsense_names_the_file_the_entry_and_what_is_wrong(changes: dict[str, str | None], words: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        merged(entry(**changes))
    text = str(caught.value)
    assert text.startswith("own.toml: video ")
    assert words in text
    if {"id", "valid_from"}.isdisjoint(changes):
        assert text.startswith("own.toml: video gemini-omni-1.2-flash from 2026-01-01: ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[video", "own.toml: it is not TOML: "),
        ("prices = 1", "own.toml: there is no key “prices”"),
        ("video = 3", "own.toml: video is written as [[video]]"),
        ("guides = 3", "own.toml: guides is written as [guides]"),
        ('[guides]\nsora = "x"', "own.toml: guides: there is no provider “sora”"),
        ('[[remove]]\nid = "veo-9"', "own.toml: remove veo-9: it takes the id of a model in our catalogue"),
        ("[[remove]]", "own.toml: remove without an id: it takes the id"),
        (dialogue(input='"-1"'), "own.toml: dialogue gemini-9 from 2026-01-01: input: “-1” is below zero"),
        (dialogue(output='"10001"'), "output: “10001” is more than 10000 dollars"),
        (dialogue(output="[1]"), "output is not an amount of dollars"),
        (dialogue(tier='"draft"'), "there is no key “tier”"),
    ],
)
def test_a_file_that_makes_no_sense(text: str, words: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        merged(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (entry() + entry(), "it overlaps the entry from 2026-01-01, which has no valid_to"),
        (
            entry(valid_from="2026-12-01"),
            "from 2026-12-01: it overlaps the entry from 2026-01-01, which has no valid_to",
        ),
        (
            entry(valid_to="2026-12-02") + entry(valid_from="2026-12-01"),
            "it overlaps the entry from 2026-01-01, which is valid until 2026-12-02",
        ),
        (dialogue() + dialogue(valid_from="2027-01-01"), "dialogue gemini-9 from 2027-01-01: it overlaps"),
    ],
)
def test_two_prices_for_one_day_are_refused(text: str, words: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        merged(text)
    assert words in str(caught.value)


def test_our_own_catalogue_is_checked_like_any_other() -> None:
    text = (Path(__file__).parents[2] / "core" / "catalogue.toml").read_text("utf-8")
    assert load_catalogue(text) == OURS
    with pytest.raises(CatalogueError, match="there is no key"):
        load_catalogue(text.replace("silent =", "mute ="))


# --- one after the other ----------------------------------------------------------------------------------------------

DEARER = '{ "360p" = "0.03", "720p" = "0.20" }'
FOLLOWING = merged(
    entry(valid_to="2026-12-01", negative_prompt="true")
    + entry(valid_from="2026-12-01", valid_to="2027-01-01", price_per_second=DEARER, orders_per_minute="7")
)


@pytest.mark.parametrize(
    ("now", "price"),
    [
        (datetime(2026, 11, 30, 23, 59, 59, 999_999, tzinfo=UTC), 80_000),
        (datetime(2026, 12, 1, tzinfo=UTC), 200_000),
        (datetime.fromisoformat("2026-12-01T00:30:00+01:00"), 80_000),
        (datetime(2027, 1, 1, tzinfo=UTC), None),
    ],
)
def test_the_price_of_today_is_offered(now: datetime, price: int | None) -> None:
    offered = FOLLOWING.offered(["omni"], now)
    assert [model.price(1, "720p") for model in offered] == ([price] if price else [])


@pytest.mark.parametrize(
    ("at", "negative_prompt"),
    [
        (datetime(2025, 1, 1, tzinfo=UTC), True),
        (NOW, True),
        (datetime(2026, 12, 1, tzinfo=UTC), False),
        (datetime(2028, 1, 1, tzinfo=UTC), False),
        (None, False),
    ],
)
def test_an_old_generation_finds_its_model_as_it_was(at: datetime | None, negative_prompt: bool) -> None:
    assert FOLLOWING.model(OMNI, at).negative_prompt is negative_prompt
    assert FOLLOWING.model(OMNI, at).ends_at is not None


def test_the_orders_a_minute_are_todays() -> None:
    assert FOLLOWING.orders_per_minute(NOW)[OMNI] == 50
    assert FOLLOWING.orders_per_minute(datetime(2026, 12, 1, tzinfo=UTC))[OMNI] == 7


def test_a_model_without_an_end_has_none() -> None:
    assert OURS.model(OMNI).ends_at is None
    assert OURS.model(OMNI).lengths(VideoRequest(), "4k") == OURS.model(OMNI).durations
    assert Tier.BEST in OURS.model(OMNI).tiers
