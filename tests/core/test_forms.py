"""The form behind "Change…": what it shows, what it takes, and who gets it; and the page about one person."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.catalogue import load_catalogue
from core.forms import ANY, LONG, SHORT, Field, FieldKind, Form, Forms, change_form, filled, problems
from core.generation import GenerationStatus as S
from core.overview import Overviews
from core.request import SILENT, VideoRequest
from tests.clock import START
from tests.core.test_conversation_to_clip import RICH
from tests.stage import ANN, BOB, Stage
from tests.storage.samples import a_generation

MODELS = load_catalogue().offered(("veo", "omni"), START)


def the_form(**slots: object) -> Form:
    """The form of a request with these slots."""
    request = VideoRequest(idea="a fox", **slots)  # type: ignore[arg-type]
    return change_form(a_generation(base=request), MODELS, action="change:1")


def field(form: Form, slot: str) -> Field:
    return next(one for one in form.fields if one.slot == slot)


def test_it_shows_the_request_as_it_stands() -> None:
    form = the_form(style="noir", words="Hello", duration_s=6, aspect="9:16", audio="rain on a roof")
    values = {one.slot: one.value for one in form.fields}
    assert values["idea"] == "a fox"
    assert (values["style"], values["words"], values["duration_s"], values["aspect"]) == ("noir", "Hello", "6", "9:16")
    assert values["audio"] == "rain on a roof"
    assert form.action == "change:1"
    assert len(form.title) <= 24


def test_every_choice_is_one_that_a_model_can_do() -> None:
    form = the_form()
    lengths = {int(value) for value, _ in field(form, "duration_s").options if value != ANY}
    assert lengths == {length for model in MODELS for length in model.durations}
    for one in form.fields:
        if one.kind is FieldKind.CHOICE:
            assert one.value in {value for value, _ in one.options}, one.slot


def test_a_length_that_nobody_has_any_more_is_left_open() -> None:
    assert field(the_form(duration_s=999), "duration_s").value == ANY


def test_untouched_it_changes_nothing() -> None:
    form = the_form(style="noir", duration_s=6)
    assert filled(form, {}) == {}
    assert filled(form, {one.slot: one.value for one in form.fields}) == {}


@pytest.mark.parametrize(
    ("values", "changes"),
    [
        ({"duration_s": "4"}, {"duration_s": 4}),
        ({"aspect": "9:16"}, {"aspect": "9:16"}),
        ({"idea": " a hen "}, {"idea": "a hen", "subject": ""}),
        ({"words": ""}, {"words": ""}),
        ({"audio": SILENT}, {"audio": SILENT}),
        ({"audio": ANY}, {"audio": ""}),
        ({"tier": "best"}, {"tier": "best"}),
        ({"duration_s": "7; drop"}, {}),
        ({"no_such_slot": "x"}, {}),
        ({"duration_s": "5000"}, {}),
    ],
)
def test_what_follows_from_what_was_filled_in(values: dict[str, str], changes: dict[str, object]) -> None:
    form = the_form(words="Hello", audio="rain", duration_s=6, aspect="16:9")
    assert filled(form, values) == changes


@pytest.mark.parametrize(
    ("values", "slot"),
    [
        ({"idea": "  "}, "idea"),
        ({"idea": "x" * (LONG + 1)}, "idea"),
        ({"style": "x" * (SHORT + 1)}, "style"),
        ({"duration_s": "seven"}, "duration_s"),
        ({"aspect": "21:9"}, "aspect"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(values: dict[str, str], slot: str) -> None:
    assert list(problems(the_form(), values)) == [slot]
    assert problems(the_form(), {}) == {}


async def test_the_form_is_for_who_may_change_something(stage: Stage) -> None:
    await stage.say(RICH)
    forms = Forms(generations=stage.store, offers=stage.product.offers)
    assert await forms.behind("change:1", ANN.id) is not None
    for action, person in (
        ("change:1", BOB.id), ("change:99", ANN.id), ("alter:1", ANN.id), ("make:1:1", ANN.id), ("nonsense", ANN.id),
    ):  # fmt: skip
        assert await forms.behind(action, person) is None, action
    await stage.press(stage.platform.with_button("Make it"), "Make it")
    assert (await stage.finished()).status is S.COMPLETED
    assert await forms.behind("change:1", ANN.id) is None
    assert await forms.behind("alter:1", ANN.id) is not None


async def test_the_page_about_one_person(stage: Stage) -> None:
    await stage.say(RICH)
    await stage.press(stage.platform.with_button("Make it"), "Make it")
    await stage.finished()
    await stage.say("a blue hen on a farm, cinematic, 4 seconds, at night")
    overviews = Overviews(generations=stage.store, clock=stage.clock)
    mine = await overviews.of(ANN.id)
    assert [entry.generation.id for entry in mine.videos] == [1]
    assert len(mine.open) == 1
    assert mine.running == ()
    assert await overviews.of(BOB.id) == replace(mine, running=(), open=(), videos=())
