"""The dialogue models as the product uses them: the first one, and the fallback within the same turn.

A model that is down, slow or talks nonsense never breaks a turn: the fallback (rules, at once) takes over, and what
the first one cost is still recorded.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from core import texts
from core.catalogue import Catalogue
from core.errors import ReelbotError
from core.generation import OPEN, RUNNING, Generation, GenerationStatus
from core.messages import Message
from core.planning import Terms
from core.policy import question_open
from core.ports import DialogueModel
from core.reading import OpenQuestion, PromptInput, Reading, ReadingInput, TokenUse, Written
from core.repositories import Scene
from core.request import VideoRequest

log = logging.getLogger("reelbot.readers")

T = TypeVar("T")

MAX_READ = 8_000
"""Characters of what is read in one go, by whichever model: what a reading costs is bounded, however much is sent."""


class Readers:
    """Reads messages and writes prompts, with the first model or else with the fallback."""

    def __init__(
        self, first: DialogueModel, fallback: DialogueModel, *, catalogue: Catalogue, timeout_s: float
    ) -> None:
        """`timeout_s`: seconds that the first model has in all, its own repair try included."""
        self._first = first
        self._fallback = fallback
        self._catalogue = catalogue
        self._timeout_s = timeout_s

    async def read(self, given: ReadingInput) -> Reading:
        """What the message means."""
        reading, uses = await self._try("read", lambda model: model.read(given))
        if uses is None:
            return reading
        return replace(reading, uses=(*uses, *reading.uses), simpler=True)

    async def prompt(self, generation: Generation) -> Written:
        """The prompt for the generation's plan, or what is done where nothing is filmed; raises ValueError when it has
        none, and KeyError when its model is not in the catalogue."""
        plan = generation.plan
        if plan is None:
            raise ValueError(f"{generation.name} has no plan")
        if (edit := generation.request.edit) is not None:
            return Written(texts=(texts.joining.done(edit),))
        given = PromptInput(
            request=generation.request,
            duration_s=plan.duration_s,
            aspect=plan.aspect,
            sound=plan.sound,
            guide=self._catalogue.guides.get(plan.provider, ""),
            negative_prompt=self._catalogue.model(plan.model, plan.quote.quoted_at).negative_prompt,
        )
        written, uses = await self._try("prompt", lambda model: model.write_prompt(given))
        return written if uses is None else replace(written, uses=(*uses, *written.uses))

    async def rewrite(self, request: VideoRequest, reason: str) -> Written:
        """Two ideas that keep a refused wish."""
        written, uses = await self._try("rewrite", lambda model: model.rewrite(request, reason))
        return written if uses is None else replace(written, uses=(*uses, *written.uses))

    async def _try(
        self, purpose: str, ask: Callable[[DialogueModel], Awaitable[T]]
    ) -> tuple[T, tuple[TokenUse, ...] | None]:
        """The answer, and None if the first model gave it, otherwise what its failure cost."""
        if self._first is self._fallback:
            return await ask(self._fallback), None
        try:
            async with asyncio.timeout(self._timeout_s):
                return await ask(self._first), None
        except Exception as error:
            # Whatever is wrong with a model or its adapter: the person still gets an answer.
            log.warning("readers.fallback", extra={"purpose": purpose, "error": type(error).__name__})
            uses = error.uses if isinstance(error, ReelbotError) else ()
            return await ask(self._fallback), uses


def reading_input(
    scene: Scene, message: Message, text: str, *, terms: Terms, about: int | None, now: datetime
) -> ReadingInput:
    """What a model may know about a message: the conversation, the request at hand and the open question."""
    asked = [g for g in scene.generations if question_open(g.question, terms, now)]
    own = [g for g in asked if g.requester.id == message.sender.id]
    asking = next(iter(own or asked), None)
    shaping = asking or next((g for g in scene.generations if g.id == about), None)
    opened = [g for g in scene.generations if g.status in OPEN or g.status is GenerationStatus.PENDING_APPROVAL]
    running = [g for g in scene.generations if g.status in RUNNING]
    finished = [g for g in scene.generations if g.clip is not None and not g.withheld]
    at_hand = shaping or next(iter(opened), None) or next(iter(finished), None)
    question = asking.question if asking else None
    return ReadingInput(
        text=text[:MAX_READ],
        attachments=message.attachments,
        language=scene.conversation.language or message.sender.language,
        history=scene.conversation.history,
        request=_as_it_stands(at_hand) if at_hand else None,
        open_card=at_hand is not None and at_hand.plan is not None and at_hand in opened,
        question=OpenQuestion(
            slot=question.slot,
            text=question.text,
            options=tuple((option.label, str(option.value)) for option in question.options),
        )
        if question
        else None,
        finished=tuple(g.id for g in finished),
        running=tuple(g.id for g in running),
        private=message.private,
        addressed=message.addressed,
    )


def _as_it_stands(generation: Generation) -> VideoRequest:
    """The request with the length its card or clip has, so that "longer" starts from there."""
    request, plan = generation.request, generation.plan
    return replace(request, duration_s=plan.duration_s) if plan is not None and not request.duration_s else request
