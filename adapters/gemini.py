"""Gemini as the dialogue model: a cheap model reads, a better one writes prompts and other ideas.

Every call is counted and priced. What the bot does with a reading is decided elsewhere; what a reading may hold is
checked in `adapters.gemini_replies`.
"""

from __future__ import annotations

import asyncio
import functools
import json
from dataclasses import fields
from typing import Any, TypeVar

from google.genai import types
from pydantic import BaseModel, ValidationError

from adapters.gemini_api import GeminiApi, Usage
from adapters.gemini_prompts import READ, REPAIR, REWRITE, WRITE
from adapters.gemini_replies import IdeasReply, PromptReply, ReadingReply, problem_in, reading
from adapters.google_errors import Declined, asking
from core.catalogue import Catalogue
from core.errors import ReelbotError, TemporaryError, UnusableReply
from core.messages import short_id
from core.ports import Clock
from core.reading import Intent, PromptInput, Reading, ReadingInput, Step, TokenUse, Written
from core.request import SPOKEN_SLOTS, VideoRequest

SERVICE = "Google's Gemini"
MAX_TEXT = 8_000
"""Characters of a message that the model gets to read."""
MAX_PAST = 600
"""Characters of each earlier line that it gets to read."""
MAX_OUTPUT_TOKENS = 8_192
"""Bound of what one answer may cost, thinking included."""
MOST_TOKENS = 10_000_000
"""Of one call, read or written; more than any model takes."""
MAX_REPLY_BYTES = 2 << 20
"""Of one answer, many times what so many tokens come to."""
PICTURES = ("first_frame", "last_frame", "references", "source_clip")

Reply = TypeVar("Reply", bound=BaseModel)


class _Blocked(Exception):
    """The model's own filter did not let it read or write this."""


class GeminiDialogueModel:
    """Reads and writes through the Gemini API, with an API key."""

    name = "gemini"

    def __init__(
        self,
        *,
        api_key: str,
        catalogue: Catalogue,
        clock: Clock,
        base_url: str | None = None,
        reading_model: str = "gemini-3.5-flash-lite",
        writing_model: str = "gemini-3.8-flash",
        read_timeout_s: float = 8.0,
        write_timeout_s: float = 30.0,
        loopback_only: bool = False,
    ) -> None:
        """The time-outs bound a whole reading or writing, its repair included. Raises PermanentError for an address
        that must not be used."""
        longest = max(read_timeout_s, write_timeout_s)
        self._api = GeminiApi(
            api_key=api_key,
            base_url=base_url,
            timeout_s=longest,
            loopback_only=loopback_only,
            most_bytes=MAX_REPLY_BYTES,
        )
        self._catalogue = catalogue
        self._clock = clock
        self._reading_model = reading_model
        self._writing_model = writing_model
        self._read_timeout_s = read_timeout_s
        self._write_timeout_s = write_timeout_s

    async def close(self) -> None:
        """Let go of the connections."""
        await self._api.close()

    async def check(self) -> str:
        """Empty when the service answers and takes the key; otherwise what is wrong."""
        return await self._api.check(SERVICE)

    async def read(self, given: ReadingInput) -> Reading:
        """What the message means. A message that Gemini's own filter stops is read as unsafe."""
        uses: list[TokenUse] = []
        try:
            reply = await self._ask(
                ReadingReply, READ, _to_read(given), self._reading_model, ("read", "repair"), self._read_timeout_s, uses
            )
        except _Blocked:
            return Reading(steps=(Step(intent=Intent.UNSAFE),), uses=tuple(uses))
        return reading(reply, given, tuple(uses))

    async def write_prompt(self, given: PromptInput) -> Written:
        """The final prompt: one text of at most 2,000 characters."""
        material = {
            "request": _slots(given.request),
            "pictures": [slot for slot in PICTURES if getattr(given.request, slot)],
            "duration_s": given.duration_s,
            "aspect": given.aspect,
            "sound": given.sound,
            "guide": given.guide,
            "negative_prompt_field": given.negative_prompt,
        }
        reply, uses = await self._write(PromptReply, WRITE, material, "prompt")
        return Written(texts=(reply.prompt,), uses=uses)

    async def rewrite(self, request: VideoRequest, reason: str) -> Written:
        """Two ideas that keep a refused wish."""
        material = {"request": _slots(request), "reason": reason[:MAX_PAST]}
        reply, uses = await self._write(IdeasReply, REWRITE, material, "rewrite")
        return Written(texts=tuple(reply.ideas), uses=uses)

    async def _write(
        self, schema: type[Reply], system: str, material: dict[str, Any], purpose: str
    ) -> tuple[Reply, tuple[TokenUse, ...]]:
        uses: list[TokenUse] = []
        purposes = (purpose, purpose)
        try:
            reply = await self._ask(
                schema, system, material, self._writing_model, purposes, self._write_timeout_s, uses
            )
        except _Blocked as error:
            raise _paid(UnusableReply(f"{SERVICE} does not write about this."), uses) from error
        return reply, tuple(uses)

    async def _ask(
        self,
        schema: type[Reply],
        system: str,
        material: dict[str, Any],
        model: str,
        purposes: tuple[str, str],
        timeout_s: float,
        uses: list[TokenUse],
    ) -> Reply:
        """One answer that fits `schema`, with one more try when the first does not. Appends to `uses` what was paid;
        raises TemporaryError and UnusableReply, which carry it too, and _Blocked."""
        talk = [_turn("user", json.dumps(material, ensure_ascii=False))]
        try:
            async with asyncio.timeout(timeout_s):
                first = await self._call(schema, system, talk, model, purposes[0], uses)
                try:
                    return schema.model_validate_json(first)
                except ValidationError as error:
                    problem = problem_in(error)
                talk += [_turn("model", first[:MAX_TEXT] or "{}"), _turn("user", REPAIR.format(problem=problem))]
                second = await self._call(schema, system, talk, model, purposes[1], uses)
                return schema.model_validate_json(second)
        except ValidationError as error:
            reason = f"{SERVICE} answered twice what cannot be used: {problem_in(error)}"
            raise _paid(UnusableReply(reason), uses) from error
        except TimeoutError as error:
            raise _paid(TemporaryError(f"{SERVICE} did not answer within {timeout_s:g} s."), uses) from error
        except Declined as error:
            raise _paid(TemporaryError(str(error)), uses) from error
        except ReelbotError as error:
            _paid(error, uses)
            raise

    async def _call(
        self,
        schema: type[BaseModel],
        system: str,
        talk: list[dict[str, Any]],
        model: str,
        purpose: str,
        uses: list[TokenUse],
    ) -> str:
        with asking(SERVICE):
            answer = await self._api.generate(model, {**_same_each_time(schema, system), "contents": talk})
        uses.append(self._use(model, purpose, answer.usage))
        if answer.blocked:
            raise _Blocked
        return answer.text

    def _use(self, model: str, purpose: str, usage: Usage | None) -> TokenUse:
        paid = usage or Usage()
        tokens_in = _counted(paid.read)
        tokens_out = _counted(paid.written) + _counted(paid.thought)
        cost = self._catalogue.dialogue_cost(model, tokens_in, tokens_out, self._clock.now())
        return TokenUse(model=model, purpose=purpose, tokens_in=tokens_in, tokens_out=tokens_out, cost=cost)


def _counted(tokens: int | None) -> int:
    """A count of the service's, within what can be: it is made into money, and kept."""
    return min(max(0, tokens or 0), MOST_TOKENS)


def _paid(error: ReelbotError, uses: list[TokenUse]) -> ReelbotError:
    """The error, carrying what was paid before it."""
    error.uses = tuple(uses)
    return error


@functools.cache
def _same_each_time(schema: type[BaseModel], system: str) -> dict[str, Any]:
    """What the service is told with every call of one kind: what it is to do, and the form of its reply."""
    known = types.JSONSchema.model_validate(schema.model_json_schema())
    form = types.Schema.from_json_schema(json_schema=known).model_dump(mode="json", by_alias=True, exclude_none=True)
    return {
        "systemInstruction": {"parts": [{"text": system}]},
        "generationConfig": {
            "responseMimeType": "application/json",
            "responseSchema": form,
            "maxOutputTokens": MAX_OUTPUT_TOKENS,
        },
    }


def _turn(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"text": text}]}


def _to_read(given: ReadingInput) -> dict[str, Any]:
    """The document for the model: only what it may know, cut to a bounded size."""
    document: dict[str, Any] = {
        "text": given.text[:MAX_TEXT],
        "attachments": [attachment.kind.value for attachment in given.attachments[:10]],
        "platform_language": given.language,
        "private": given.private,
        "addressed": given.addressed,
        "history": [{"speaker": line.speaker, "text": line.text[:MAX_PAST]} for line in given.history],
        "request": _slots(given.request) if given.request else None,
        "open_card": given.open_card,
        "joins": [short_id(part.generation) for part in given.request.parts] if given.request else [],
        "question": None,
        "finished": [short_id(number) for number in given.finished],
        "running": [short_id(number) for number in given.running],
    }
    if given.question is not None:
        document["question"] = {
            "slot": given.question.slot,
            "text": given.question.text,
            "options": [{"label": label, "value": value} for label, value in given.question.options],
        }
    return document


def _slots(request: VideoRequest) -> dict[str, Any]:
    """What was said so far, slot by slot, with texts cut to a bounded size."""
    said: dict[str, Any] = {}
    for slot in (field.name for field in fields(request) if field.name in SPOKEN_SLOTS):
        value = getattr(request, slot)
        if value:
            said[slot] = value[:MAX_TEXT] if isinstance(value, str) else value
    return said
