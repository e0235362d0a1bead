"""Gemini, asked about joining clips, through the real SDK against the emulator: what it proposes and what is kept."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.gemini import GeminiDialogueModel
from core.reading import Intent, ReadingInput
from tests.adapters.test_gemini import model
from tests.emulators.google import GoogleEmulator, Raw, Script

GIVEN = ReadingInput(text="hänge v2 an diesen Clip an", finished=(3, 2, 1))


@pytest.fixture
async def google() -> AsyncIterator[GoogleEmulator]:
    async with GoogleEmulator() as emulator:
        yield emulator


@pytest.fixture
async def gemini(google: GoogleEmulator) -> AsyncIterator[GeminiDialogueModel]:
    adapter = model(google.url)
    yield adapter
    await adapter.close()


@pytest.mark.parametrize(
    ("clips", "kept"),
    [
        (["v1", "v2", "v1"], (1, 2, 1)),
        (["this", "V2 ", "3"], (None, 2, 3)),
        (["v99"], (99,)),  # whether there is one, and whose, is the core's to say
        (["all", "v", "-1", "v٣", "", "v" + "9" * 30, "v1"], (1,)),
        ([], ()),
        (None, ()),
        (["v1"] * 200, (1,) * 50),
    ],
)
async def test_the_clips_it_names_are_read_in_order(
    google: GoogleEmulator, gemini: GeminiDialogueModel, clips: list[str] | None, kept: tuple[int | None, ...]
) -> None:
    google.brain = Script([{"steps": [{"intent": "join", "clips": clips, "changes": {"words": "Winter"}}]}])
    (step,) = (await gemini.read(GIVEN)).steps
    assert (step.intent, step.clips, dict(step.changes)) == (Intent.JOIN, kept, {"words": "Winter"})


async def test_clips_belong_to_joining_alone(google: GoogleEmulator, gemini: GeminiDialogueModel) -> None:
    google.brain = Script([{"steps": [{"intent": "refine", "clips": ["v1", "v2"], "changes": {"words": "none"}}]}])
    (step,) = (await gemini.read(GIVEN)).steps
    assert (step.intent, step.clips, dict(step.changes)) == (Intent.REFINE, (), {"words": ""})


@pytest.mark.parametrize("clips", ["v1", {"v1": 1}, [["v1"]], [{"id": "v1"}], [None]])
async def test_what_is_no_list_of_names_is_asked_for_again(
    google: GoogleEmulator, gemini: GeminiDialogueModel, clips: Any
) -> None:
    bad = json.dumps({"steps": [{"intent": "join", "clips": clips}]})
    google.brain = brain = Script([Raw(bad), {"steps": [{"intent": "join", "clips": ["v1", "v2"]}]}])
    (step,) = (await gemini.read(GIVEN)).steps
    assert step.clips == (1, 2)
    assert len(brain.calls) == 2


async def test_it_is_told_what_joining_is(google: GoogleEmulator, gemini: GeminiDialogueModel) -> None:
    google.brain = brain = Script([{"steps": [{"intent": "join", "clips": ["v1", "v2"]}]}])
    await gemini.read(GIVEN)
    (call,) = brain.calls
    assert call.schema is not None
    assert "join" in str(call.schema) and "clips" in str(call.schema)
