"""The dialogue models of the Gemini API: generateContent and the list of models.

What the model says comes from the test (`brain`). Interactions, where Omni lives, have their own module.
"""

import inspect
import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.emulators import google_wire as wire
from tests.emulators.google_schema import check_response_schema, problems
from tests.emulators.google_wire import Call, Route, WireError, array, bad_request, record

DEPRECATED = wire.gone("sampling parameters are deprecated for this model; leave them out.")
"""temperature, topP and topK: deprecated in 2026; refused here so that nobody sends them."""


@dataclass(frozen=True, slots=True)
class Raw:
    """A reply sent as it is, also where the schema promises something else."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateCall:
    """What the model is asked.

    system: the system instruction
    text: all of the person's text parts, joined by line breaks
    contents: the request's contents as sent
    schema: of the answer, None when plain text is asked for
    images, audio: (mime type, bytes) of each inline part
    """

    model: str
    system: str
    text: str
    contents: list[dict[str, Any]]
    schema: dict[str, Any] | None
    images: tuple[tuple[str, bytes], ...]
    audio: tuple[tuple[str, bytes], ...]


Reply = str | dict[str, Any] | Raw
Brain = Callable[[GenerateCall], Reply | Awaitable[Reply]]


class Script:
    """A brain that says prepared replies, one a call, in order; `calls` keeps what it was asked."""

    def __init__(self, replies: Iterable[Reply]) -> None:
        self.replies = list(replies)
        self.calls: list[GenerateCall] = []

    def __call__(self, call: GenerateCall) -> Reply:
        if len(self.calls) >= len(self.replies):
            raise LookupError(f"the script has {len(self.replies)} replies, call {len(self.calls) + 1} came")
        self.calls.append(call)
        return self.replies[len(self.calls) - 1]


_BLOB = record(
    {"mimeType": wire.filled, "data": wire.encoded, "displayName": wire.text}, required=("data",), proto=True
)
_PART = record(
    {
        "text": wire.text,
        "inlineData": _BLOB,
        "fileData": record({"mimeType": wire.text, "fileUri": wire.filled}, required=("fileUri",), proto=True),
        "thought": wire.boolean,
        "thoughtSignature": wire.text,
        "videoMetadata": wire.anything,
        "mediaResolution": wire.anything,
    },
    proto=True,
)
_CONTENT = record({"role": wire.one_of("user", "model"), "parts": array(_PART, 1)}, required=("parts",), proto=True)
_GENERATION = record(
    {
        "responseMimeType": wire.one_of("text/plain", "application/json", "text/x.enum"),
        "responseSchema": check_response_schema,
        "responseJsonSchema": wire.mapping(wire.anything),
        "maxOutputTokens": wire.integer(1, 65_536),
        "candidateCount": wire.integer(1, 1),
        "stopSequences": array(wire.filled, 0, 5),
        "seed": wire.integer(-(2**31), 2**31 - 1),
        "responseModalities": array(wire.one_of("TEXT"), 1),
        "mediaResolution": wire.one_of("MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_MEDIUM", "MEDIA_RESOLUTION_HIGH"),
        "thinkingConfig": record(
            {
                "includeThoughts": wire.boolean,
                "thinkingBudget": wire.integer(-1, 32_768),
                "thinkingLevel": wire.one_of("MINIMAL", "LOW", "MEDIUM", "HIGH", "minimal", "low", "medium", "high"),
            },
            proto=True,
        ),
        "temperature": DEPRECATED,
        "topP": DEPRECATED,
        "topK": DEPRECATED,
    },
    proto=True,
)
_REQUEST = record(
    {
        "contents": array(_CONTENT, 1),
        "systemInstruction": record({"role": wire.text, "parts": array(_PART, 1)}, required=("parts",), proto=True),
        "generationConfig": _GENERATION,
        "safetySettings": array(
            record({"category": wire.filled, "threshold": wire.filled}, required=("category", "threshold"))
        ),
        "labels": wire.mapping(wire.text),
    },
    required=("contents",),
    proto=True,
)


@dataclass(slots=True)
class Gemini:
    """The models' end. `mistakes` collects what a test scripted wrongly, for the facade to shout about."""

    mistakes: list[str]
    brain: Brain | None = None
    models: set[str] = field(default_factory=lambda: {"gemini-3.5-flash-lite", "gemini-3.8-flash"})

    def routes(self) -> list[Route]:
        """The calls served here."""
        base = "/{version:v1|v1beta}/models"
        return [
            Route(
                name="generateContent",
                method="POST",
                path=base + "/{model:[^:/]+}:generateContent",
                handler=self._generate,
                access="key",
            ),
            Route(name="models.list", method="GET", path=base, handler=self._list, access="key"),
            Route(
                name="models.get",
                method="GET",
                path=base + "/{model:[^:/]+}",
                handler=self._get,
                access="key",
            ),
        ]

    async def _list(self, request: web.Request, call: Call) -> web.StreamResponse:
        return web.json_response({"models": [self._described(name) for name in sorted(self.models)]})

    async def _get(self, request: web.Request, call: Call) -> web.StreamResponse:
        self._known(call)
        return web.json_response(self._described(call.model))

    def _described(self, name: str) -> dict[str, Any]:
        return {
            "name": f"models/{name}",
            "displayName": name,
            "inputTokenLimit": 1_048_576,
            "outputTokenLimit": 65_536,
            "supportedGenerationMethods": ["generateContent"],
        }

    def _known(self, call: Call) -> None:
        if call.model not in self.models:
            raise WireError(
                404,
                f"models/{call.model} is not found for API version {call.params['version']}, or is not "
                "supported for generateContent. Call ListModels to see the list of available models and "
                "their supported methods.",
            )

    async def _generate(self, request: web.Request, call: Call) -> web.StreamResponse:
        self._known(call)
        _REQUEST(call.body, "")
        asked = _read(call)
        reply = await self._reply(asked)
        counts = {
            "promptTokenCount": _tokens(asked.system + asked.text) + 258 * len(asked.images) + 64 * len(asked.audio),
            "candidatesTokenCount": _tokens(reply),
        }
        return web.json_response(
            {
                "candidates": [
                    {
                        "content": {"role": "model", "parts": [{"text": reply}]},
                        "finishReason": "STOP",
                        "index": 0,
                    }
                ],
                "usageMetadata": {**counts, "totalTokenCount": sum(counts.values())},
                "modelVersion": call.model,
                "responseId": f"response-{id(call):x}",
            }
        )

    async def _reply(self, asked: GenerateCall) -> str:
        if self.brain is None:
            raise WireError(500, "The emulator has no brain: assign google.brain before the model is asked.")
        try:
            answer = self.brain(asked)
            reply = await answer if inspect.isawaitable(answer) else answer
        except Exception as error:
            raise self._mistake(f"google.brain raised {type(error).__name__}: {error}") from error
        if isinstance(reply, Raw):
            return reply.text
        if isinstance(reply, str) and asked.schema is None:
            return reply
        if asked.schema is None:
            raise self._mistake("google.brain gave a dict although no schema was asked for")
        try:
            value = json.loads(reply) if isinstance(reply, str) else reply
        except ValueError as error:
            raise self._mistake(f"google.brain gave no JSON although a schema was asked for: {reply!r:.80}") from error
        if wrong := problems(value, asked.schema):
            raise self._mistake("google.brain's reply does not fit the schema asked for: " + "; ".join(wrong))
        return json.dumps(value, ensure_ascii=False)

    def _mistake(self, sentence: str) -> WireError:
        self.mistakes.append(sentence)
        return WireError(500, f"Mistake in the test: {sentence} (wrap in Raw(...) what is meant to be wrong)")


def _tokens(text: str) -> int:
    """Four characters a token, the rule of thumb of Google's documents."""
    return max(1, len(text) // 4)


def _read(call: Call) -> GenerateCall:
    body = _camelled(call.body)
    config = body.get("generationConfig", {})
    schema = config.get("responseSchema")
    if schema is not None and "responseJsonSchema" in config:
        bad_request("Only one of responseSchema and responseJsonSchema may be set.", field="generationConfig")
    schema = config.get("responseJsonSchema") if schema is None else schema
    if schema is not None and config.get("responseMimeType") not in ("application/json", "text/x.enum"):
        bad_request("A response schema needs responseMimeType application/json.", field="generationConfig")
    texts: list[str] = []
    images: list[tuple[str, bytes]] = []
    audio: list[tuple[str, bytes]] = []
    for content in body["contents"]:
        for part in content["parts"]:
            blob = part.get("inlineData")
            if blob is not None:
                mime = blob.get("mimeType", "")
                if not mime.startswith(("image/", "audio/", "video/", "application/pdf", "text/")):
                    bad_request(f"Unsupported MIME type: {mime}", field="contents.parts.inlineData.mimeType")
                (audio if mime.startswith("audio/") else images).append((mime, wire.decoded(blob["data"])))
            elif "text" in part and content.get("role", "user") == "user":
                texts.append(part["text"])
            elif "text" not in part and "fileData" not in part:
                bad_request("A part must have text or data: required oneof field 'data' is not set.", field="contents")
    system = body.get("systemInstruction", {}).get("parts", [])
    return GenerateCall(
        model=call.model,
        system="\n".join(part.get("text", "") for part in system),
        text="\n".join(texts),
        contents=call.body["contents"],
        schema=schema,
        images=tuple(images),
        audio=tuple(audio),
    )


def _camelled(value: Any) -> Any:
    """The body with protocol names in one spelling; what people named themselves inside a schema stays."""
    if isinstance(value, list):
        return [_camelled(item) for item in value]
    if isinstance(value, dict):
        return {
            wire.camel(name): item if wire.camel(name) in ("responseJsonSchema", "responseSchema") else _camelled(item)
            for name, item in value.items()
        }
    return value
