"""A stand-in for what Gemini knows: reads the bot's document and answers in the asked schema, by simple rules.

It lets whole conversations run against the emulator; a test that is about what a model may answer scripts its own.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from adapters.rules import RulesDialogueModel
from core.reading import Intent, OpenQuestion, ReadingInput
from core.request import SPOKEN_SLOTS, VideoRequest, changed
from tests.emulators.google_gemini import GenerateCall

WRITTEN = "Written by the model:"
"""How every prompt of this brain begins, so that a test can tell who wrote it."""


async def brain(call: GenerateCall) -> dict[str, Any]:
    """The answer that fits what is asked."""
    document = json.loads(call.contents[0]["parts"][0]["text"])
    assert call.schema is not None
    properties = call.schema["properties"]
    if "steps" in properties:
        return await _read(document)
    if "prompt" in properties:
        request = document["request"]
        return {"prompt": f"{WRITTEN} {request.get('idea') or request.get('subject')}, {document['duration_s']} s."}
    return {"ideas": ["A gentler version of the same scene.", "The same scene, told from far away."]}


def slow_brain(seconds: float) -> Any:
    """The same, but it takes so long to answer."""

    async def think(call: GenerateCall) -> dict[str, Any]:
        await asyncio.sleep(seconds)
        return await brain(call)

    return think


async def _read(document: dict[str, Any]) -> dict[str, Any]:
    question = document["question"]
    given = ReadingInput(
        text=document["text"],
        request=changed(VideoRequest(), document["request"]) if document["request"] is not None else None,
        open_card=document["open_card"],
        question=OpenQuestion(
            slot=question["slot"],
            text=question["text"],
            options=tuple((option["label"], option["value"]) for option in question["options"]),
        )
        if question
        else None,
        finished=tuple(int(name[1:]) for name in document["finished"]),
        running=tuple(int(name[1:]) for name in document["running"]),
        private=document["private"],
        addressed=document["addressed"],
    )
    reading = await RulesDialogueModel().read(given)
    steps: list[dict[str, Any]] = []
    for step in reading.steps:
        reply: dict[str, Any] = {"intent": step.intent.value}
        changes = {
            slot: list(value) if isinstance(value, tuple) else value
            for slot, value in step.changes.items()
            if slot in SPOKEN_SLOTS and value is not None
        }
        if changes or step.intent in (Intent.CREATE, Intent.REFINE, Intent.ANSWER):
            reply["changes"] = changes
        if step.clips:
            reply["clips"] = ["this" if number is None else f"v{number}" for number in step.clips]
        if step.target is not None:
            reply["target"] = f"v{step.target}"
        if step.reply:
            reply["reply"] = step.reply
        steps.append(reply)
    return {
        "steps": steps or [{"intent": "chat", "reply": "Tell me what you would like to see."}],
        "language": "en",
        "hurry": reading.hurry,
        # A change keeps the title that the wish has.
        "summary": reading.summary
        or (document["text"][:80] if any(step.intent is Intent.CREATE for step in reading.steps) else ""),
    }
