"""Whatever a dialogue model answers: it is read within what a reading may hold, or unusable; and through the whole
product it makes nobody's program fail, and orders nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from aiohttp import web
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.gemini import GeminiDialogueModel
from adapters.gemini_replies import (
    CHANGING,
    MAX_LINE,
    MAX_PROMPT,
    MAX_REPLY,
    MAX_SECONDS,
    MAX_STEPS,
    REPLYING,
    IdeasReply,
    PromptReply,
    ReadingReply,
    problem_in,
    reading,
)
from core.bounds import plain
from core.errors import ReelbotError, TemporaryError, UnusableReply
from core.policy import is_plain_yes
from core.ports import DialogueModel
from core.reading import Intent, PromptInput, Reading, ReadingInput, TokenUse, Written
from core.request import SPOKEN_SLOTS, Tier, VideoRequest, changed
from tests.adapters.test_gemini import PROMPT, model
from tests.core.money_world import ANN, BOB, ROOM, World
from tests.fuzz.damage import any_text, any_value, damaged, nested
from tests.fuzz.volume import PATIENT, tries
from tests.fuzz.wording import RICH, said

pytestmark = PATIENT

GIVEN = ReadingInput(text="a fox", finished=(1, 2), running=(3,))

_intents = st.sampled_from([*Intent, "order", "CREATE", "", "confirm\x00"])
_lines = st.sampled_from(["a red fox", "yes", "<@U1> look", "make:1:1"]) | said
_slots = st.fixed_dictionaries(
    {},
    optional={
        **{
            slot: _lines for slot in SPOKEN_SLOTS if slot not in ("duration_s", "aspect", "resolution", "tier", "shots")
        },
        "duration_s": st.sampled_from([1, 4, 8, 3_600, 3_601, 0, -1, 10**30, 1.5, "8", True]),
        "aspect": st.sampled_from(["16:9", "9:16", "1:1", "4:3", "99:99"]),
        "resolution": st.sampled_from(["360p", "720p", "1080p", "4k", "8k"]),
        "tier": st.sampled_from(["draft", "standard", "best", "free"]),
        "shots": st.lists(_lines, max_size=20),
        "price": st.just(0),
        "decided": st.just(["idea"]),
        "first_frame": st.just({"name": "../../secret", "mime_type": "image/png"}),
    },
)
_steps = st.fixed_dictionaries(
    {"intent": _intents},
    optional={
        "changes": _slots,
        "target": st.sampled_from(["v1", "1", "v3", "v4", "V2 ", "v" + "9" * 40, "v٣", "-1", "all"]) | any_text,
        "clips": st.lists(st.sampled_from(["v1", "this", "v2", "v99", "all"]) | any_text, max_size=60) | any_text,
        "reply": _lines | st.just("word " * 2_000),
        "order": st.just(True),
        "plain_yes": st.just(True),
    },
)
_readings = st.fixed_dictionaries(
    {"steps": st.lists(_steps, max_size=10)},
    optional={
        "language": st.sampled_from(["en", "zh-Hans-CN", "e" * 40, "x_y", "１２"]) | any_text,
        "hurry": st.booleans() | st.sampled_from(["yes", 1]),
        "summary": _lines,
        "questions": st.lists(
            st.fixed_dictionaries({"slot": st.sampled_from(["idea", "setting", "style", "price"]), "text": _lines}),
            max_size=5,
        ),
        "plain_yes": st.just(True),
        "simpler": st.just(True),
    },
)
_answers = st.sampled_from([_readings, _readings, damaged(_readings)]).flatmap(lambda kind: kind)
_documents = st.integers(0, 5).flatmap(lambda kind: _answers if kind else any_value)


def _cut(text: str, share: float) -> str:
    return text[: int(len(text) * share)]


any_reply: st.SearchStrategy[str] = st.integers(0, 7).flatmap(
    lambda kind: (
        any_text
        if kind == 0
        else st.builds(_cut, _documents.map(json.dumps), st.floats(0, 1))
        if kind == 1
        else _documents.map(lambda value: f"```json\n{json.dumps(value)}\n```")
        if kind == 2
        else _documents.map(lambda value: json.dumps(value, ensure_ascii=False))
        if kind == 3
        else _documents.map(json.dumps)
    )
)
"""What comes back instead of, or as, the JSON that was asked for."""
HUGE = (
    json.dumps({"steps": [{"intent": "create", "changes": {"idea": "a" * 1_000_000}}]}),
    json.dumps({"steps": [{"intent": "chat", "reply": "x"}] * 20_000}),
    json.dumps({"steps": [{"intent": "create", "changes": {"shots": ["a"] * 50_000}}]}),
    json.dumps(nested(900, objects=True)),
    "[" * 200_000,
    '{"steps": [{"intent": "chat", "reply": "\\ud800"}]}',
    '{"steps": [{"intent": "chat", "reply": "a\\u0000b\\u202e"}]}',
    "9" * 5_000,
)
"""Answers that are too much of something."""


def check_reading(found: Reading) -> None:
    """It holds known intents, slots with values of their kind, ids that were on offer and short texts."""
    assert 1 <= len(found.steps) <= MAX_STEPS
    assert not found.plain_yes
    shown = [found.summary, *found.questions.values()]
    assert all(len(text) <= MAX_LINE for text in shown)
    for step in found.steps:
        assert isinstance(step.intent, Intent)
        assert step.target is None or step.target in {*GIVEN.finished, *GIVEN.running}
        assert len(step.reply) <= MAX_REPLY
        assert not step.reply or step.intent in REPLYING
        assert not step.changes or step.intent in CHANGING
        assert set(step.changes) <= set(SPOKEN_SLOTS)
        shown.append(step.reply)
        for slot, value in step.changes.items():
            if slot == "duration_s":
                assert type(value) is int and 1 <= value <= MAX_SECONDS
            elif slot == "tier":
                assert isinstance(value, Tier)
            elif slot == "shots":
                assert isinstance(value, tuple)
                shown += value
            else:
                shown.append(value)
        request = changed(VideoRequest(), dict(step.changes))
        assert all(getattr(request, slot) is None for slot in ("first_frame", "last_frame", "source_clip", "seed"))
        assert request.references == ()
    for text in (*shown, found.language):
        assert isinstance(text, str)
        text.encode()
        assert "\x00" not in text and "<@" not in text and "\u202e" not in text
    assert len(found.language) <= 35


@tries(80)
@example(HUGE[0])
@example(HUGE[1])
@example(HUGE[2])
@example(HUGE[3])
@example(HUGE[5])
@example(HUGE[6])
@given(any_reply)
def test_every_reply_is_a_reading_or_unusable(text: str) -> None:
    try:
        reply = ReadingReply.model_validate_json(text)
    except ValidationError as error:
        assert len(problem_in(error)) < 2_000
        problem_in(error).encode()
    else:
        check_reading(reading(reply, GIVEN, ()))


@tries(40, 0.2)
@given(
    any_reply
    | st.fixed_dictionaries({"prompt": _lines}).map(json.dumps)
    | st.fixed_dictionaries({"ideas": st.lists(_lines, max_size=3)}).map(json.dumps)
)
def test_every_written_text_is_short_and_names_nobody(text: str) -> None:
    written: list[str] = []
    try:
        written.append(PromptReply.model_validate_json(text).prompt)
    except ValidationError as error:
        problem_in(error).encode()
    try:
        written += IdeasReply.model_validate_json(text).ideas
    except ValidationError as error:
        problem_in(error).encode()
    for one in written:
        one.encode()
        assert len(one) <= MAX_PROMPT and "<@" not in one and "\x00" not in one


# --- through the SDK --------------------------------------------------------------------------------------------------

_usage = st.fixed_dictionaries(
    {},
    optional={
        "promptTokenCount": st.integers(0, 9),
        "candidatesTokenCount": any_value,
        "thoughtsTokenCount": st.just(1),
    },
)
_bodies = st.builds(
    lambda text, usage, role: {
        "candidates": [{"content": {"role": role, "parts": [{"text": text}]}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": usage,
    },
    any_reply,
    _usage,
    st.sampled_from(["model", "user"]),
)
_answered = st.integers(0, 5).flatmap(
    lambda kind: (
        damaged(_bodies).map(lambda body: json.dumps(body).encode())
        if kind
        else st.sampled_from([b"", b"\xff", b"{", b"[" * 50_000, b"null", b"[]", b'{"candidates":[]}', b"{}"])
    )
)


ENDLESS = json.dumps(
    {
        "candidates": [
            {
                "content": {"role": "model", "parts": [{"text": "{}"}]},
                "finishReason": "CONTINUATION",
                "continuationToken": "AAAA",
            }
        ]
    }
).encode()
"""An answer that says there is more to come, each time it is asked for."""


def _priced(tokens: int) -> bytes:
    """An answer of no use that says so many tokens were read and written for it."""
    return json.dumps({"usageMetadata": {"promptTokenCount": tokens, "candidatesTokenCount": tokens}}).encode()


class _Answers:
    """A server that answers whatever is asked with the next of these bodies."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.asked = 0
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def open(self) -> None:
        async def answer(request: web.Request) -> web.Response:
            await request.read()
            self.asked += 1
            return web.Response(body=self.bodies.pop(0) if self.bodies else ENDLESS, content_type="application/json")

        app = web.Application()
        app.router.add_route("*", "/{any:.*}", answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()


@contextmanager
def _gemini() -> Iterator[tuple[asyncio.Runner, _Answers, GeminiDialogueModel]]:
    with asyncio.Runner() as runner:
        server = _Answers()
        runner.run(server.open())
        adapter = model(server.url)
        try:
            yield runner, server, adapter
        finally:
            runner.run(adapter.close())
            runner.run(server.close())


def _asked(runner: asyncio.Runner, server: _Answers, adapter: GeminiDialogueModel, pair: tuple[bytes, bytes]) -> None:
    """The model is asked to read and to write, and each time answers so, the second time when it is asked to repair."""
    for ask in (_read, _written):
        server.bodies[:] = pair
        server.asked = 0
        try:
            found = runner.run(ask(adapter))
        except (TemporaryError, UnusableReply) as error:
            str(error).encode()
            uses: tuple[TokenUse, ...] = getattr(error, "uses", ())
        else:
            if isinstance(found, Reading):
                check_reading(found)
            uses = found.uses
        assert all(0 <= use.cost < 2**53 and use.tokens_in >= 0 and use.tokens_out >= 0 for use in uses)
        assert 1 <= server.asked <= 2, "it was asked, and so paid, more often than is counted"


@pytest.mark.filterwarnings("ignore:(?s).*is not a valid :UserWarning")
@tries(2, 0.01)
@example([(ENDLESS, ENDLESS)])
@example([(_priced(-1), _priced(2**63 - 1))])
@given(st.lists(st.tuples(_answered, _answered), min_size=5, max_size=5))
def test_whatever_the_service_answers_is_a_reading_or_one_of_our_errors(answers: list[tuple[bytes, bytes]]) -> None:
    with _gemini() as (runner, server, adapter):
        for pair in answers:
            _asked(runner, server, adapter, pair)


def test_too_much_of_an_answer() -> None:
    with _gemini() as (runner, server, adapter):
        for text in HUGE:
            body = {"candidates": [{"content": {"parts": [{"text": text}]}}]}
            _asked(runner, server, adapter, (json.dumps(body).encode(), b"{}"))


async def _read(adapter: GeminiDialogueModel) -> Reading | Written:
    return await adapter.read(GIVEN)


async def _written(adapter: GeminiDialogueModel) -> Reading | Written:
    return await adapter.write_prompt(PROMPT)


# --- through the product ----------------------------------------------------------------------------------------------


class _Made:
    """The `DialogueModel` port: what a model answered, read as the adapter reads it."""

    name = "made up"

    def __init__(self, replies: list[str]) -> None:
        self._replies = replies

    def _next(self) -> str:
        return self._replies.pop(0) if self._replies else "{}"

    async def read(self, given: ReadingInput) -> Reading:
        try:
            return reading(ReadingReply.model_validate_json(self._next()), given, ())
        except ValidationError as error:
            raise UnusableReply(problem_in(error)) from error

    async def write_prompt(self, given: PromptInput) -> Written:
        try:
            return Written(texts=(PromptReply.model_validate_json(self._next()).prompt,))
        except ValidationError as error:
            raise UnusableReply(problem_in(error)) from error

    async def rewrite(self, request: VideoRequest, reason: str) -> Written:
        raise ReelbotError("not today")


class _Talked(World):
    """An installation whose dialogue model answers so."""

    def __init__(self, replies: list[str]) -> None:
        self._model = _Made(replies)
        super().__init__(slack=0)

    def reader(self, rules: DialogueModel) -> DialogueModel:
        return self._model


@tries(6, 0.05)
@example(
    [json.dumps({"steps": [{"intent": "confirm"}, {"intent": "create", "changes": {"idea": RICH}}] * 4})] * 8,
    ["go on"] * 8,
)
@given(
    st.lists(_documents.map(json.dumps), min_size=8, max_size=8),
    st.lists(said.filter(lambda text: not is_plain_yes(plain(text))), min_size=8, max_size=8),
)
def test_no_reply_orders_anything(replies: list[str], texts: list[str]) -> None:
    """Nobody taps and nobody says a plain yes, whatever the model makes of it: nothing is held and nothing ordered."""
    world = _Talked(replies)
    try:
        world.say(ANN, RICH)
        world.go()
        for number, text in enumerate(texts):
            shown = len(world.chat.said)
            person, place = ((ANN, None), (BOB, None), (ANN, ROOM))[number % 3]
            world.say(person, text, key=place)
            world.go()
            world.passes(5.0)
            assert len(world.chat.said) > shown, f"{text!r} was not answered"
        world.passes(3_700.0)
        assert world.studio.jobs == []
        assert world.entries("hold") == []
        world.check()
    finally:
        world.close()
