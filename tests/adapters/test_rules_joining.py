"""The rules: joining clips, in what people write."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.rules import RulesDialogueModel
from core.reading import Intent, OpenQuestion, ReadingInput, Step
from core.request import VideoRequest
from tests.core.test_editing import part

RULES = RulesDialogueModel()
HERE: dict[str, Any] = {"finished": (5, 4, 3, 2, 1), "request": VideoRequest(idea="a fox")}
"""Five finished clips, the newest first."""
CARD: dict[str, Any] = {
    "finished": (3, 2, 1),
    "request": VideoRequest(parts=(part(1), part(2)), words="Old"),
    "open_card": True,
}
"""A card that joins v1 and v2 is open."""


async def only(text: str, **more: Any) -> Step:
    (step,) = (await RULES.read(ReadingInput(text=text, **more))).steps
    return step


@pytest.mark.parametrize(
    ("text", "clips", "changes"),
    [
        ("join v1, v2 and v3 with the title Winter in Tyrol", (1, 2, 3), {"words": "Winter in Tyrol"}),
        ("put v3 and v4 together", (3, 4), {}),
        ("glue my last two clips", (4, 5), {}),
        ("please can you stitch v1 + v2 + v3 into one, upright", (1, 2, 3), {"aspect": "9:16"}),
        ("v1 and v2 together", (1, 2), {}),
        ("make one clip of v1 and v2", (1, 2), {}),
        ("join v3, v1", (3, 1), {}),
        ("merge v1 to v4", (1, 2, 3, 4), {}),
        ("join v2-v4", (2, 3, 4), {}),
        ("join v1 with v2 and v1 again", (1, 2, 1), {}),
        ("join the last 3 clips in 1080p", (3, 4, 5), {"resolution": "1080p"}),
        ("join both clips, called Summer 2024", (4, 5), {"words": "Summer 2024"}),
        ("combine all my videos", (1, 2, 3, 4, 5), {}),
        ('join v1 and v2, title: "Hello, world", without sound', (1, 2), {"words": "Hello, world", "audio": "silent"}),
        ("join v1 and v2 titled Snow, Ice and Fire", (1, 2), {"words": "Snow, Ice and Fire"}),
        ("join v1 and v2 titled Snow, no sound, please", (1, 2), {"words": "Snow", "audio": "silent"}),
        ("join v1 and v2 with the title “v3 is not meant”", (1, 2), {"words": "v3 is not meant"}),
        ("add v2 to the end of this", (None, 2), {}),
        ("add v2 to v1", (1, 2), {}),
        ("add v2 to the beginning of v1", (2, 1), {}),
        ("put v2 before v3", (2, 3), {}),
        ("append v4", (None, 4), {}),
        ("join this with v2", (None, 2), {}),
        ("join v41 and v42", (41, 42), {}),
        ("join v1", (1,), {}),
        ("join the clips", (), {}),
        ("glue them together", (), {}),
        ("verbinde v1 und v2 mit dem Titel Winter in Tirol", (1, 2), {"words": "Winter in Tirol"}),
        ("une v1 y v2 con el título Invierno", (1, 2), {"words": "Invierno"}),
        ("assemble v1 et v2 avec le titre Hiver", (1, 2), {"words": "Hiver"}),
        ("склей v1 и v2 с названием Зима", (1, 2), {"words": "Зима"}),
        ("об'єднай v1 і v2", (1, 2), {}),
    ],
)
async def test_joining_is_read(text: str, clips: tuple[int | None, ...], changes: dict[str, Any]) -> None:
    step = await only(text, **HERE)
    assert (step.intent, step.clips, dict(step.changes)) == (Intent.JOIN, clips, changes)


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("combine a V6 engine with a V8", Intent.CREATE),
        ("a video of people who join hands", Intent.CREATE),
        ("a title screen that says hello", Intent.CREATE),
        ("put the dog and the cat together in one video", Intent.REFINE),
        ("add a dog to v2", Intent.REFINE),
        ("v2 but at night", Intent.REFINE),
        ("cut v1 to 4 seconds", Intent.REFINE),
        ("make v1 longer", Intent.REFINE),
        ("with the title Winter", Intent.REFINE),
        ("cancel v1", Intent.CANCEL),
    ],
)
async def test_what_is_no_joining_is_not(text: str, intent: Intent) -> None:
    assert (await only(text, **HERE)).intent is intent


@pytest.mark.parametrize(
    ("text", "clips"),
    [
        ("add v3", (1, 2, 3)),
        ("v3 too", (1, 2, 3)),
        ("v3 at the end", (1, 2, 3)),
        ("v3 first", (3, 1, 2)),
        ("v2 first", (2, 1)),
        ("v1 at the end", (2, 1)),
        ("without v2", (1,)),
        ("v2, v1", (2, 1)),
        ("join v1 and v3", (1, 3)),
    ],
)
async def test_the_open_card_gets_other_clips(text: str, clips: tuple[int, ...]) -> None:
    step = await only(text, **CARD)
    assert (step.intent, step.clips) == (Intent.JOIN, clips)


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("with the title Winter in Tyrol", {"words": "Winter in Tyrol"}),
        ("title: Snow", {"words": "Snow"}),
        ("call it Winter", {"words": "Winter"}),
        ("change the title to Snow", {"words": "Snow"}),
        ("no title", {"words": ""}),
        ("without a title", {"words": ""}),
        ("upright", {"aspect": "9:16"}),
    ],
)
async def test_the_open_card_gets_another_title(text: str, changes: dict[str, Any]) -> None:
    for given in (CARD, {**CARD, "open_card": False}):
        step = await only(text, **given)
        assert (step.intent, dict(step.changes)) == (Intent.REFINE, changes)


async def test_a_new_wish_beside_the_open_card_is_one() -> None:
    for text in ("make a video of a fox", "yes", "cancel"):
        assert (await only(text, **CARD)).intent in (Intent.CREATE, Intent.CONFIRM, Intent.CANCEL)


async def test_it_is_no_answer_to_an_open_question() -> None:
    question = OpenQuestion(slot="idea", text="What shall it show?", options=())
    step = await only("glue my last two clips", question=question, finished=(2, 1))
    assert (step.intent, step.clips) == (Intent.JOIN, (1, 2))


async def test_people_who_talk_to_each_other_are_left_alone() -> None:
    group = {**HERE, "private": False, "addressed": False}
    assert (await only("let's join the others", **group)).intent is Intent.ASIDE
    assert (await only("join v1 and v2", **group)).intent is Intent.JOIN
