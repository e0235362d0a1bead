"""What else comes from outside: buttons' texts, signed links, addresses of clips, parts of files, and requests to the
web server."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.gemini_webhook import read_event
from bot.clip_page import byte_range, file_name
from bot.links import LinkExpired, LinkForged, sign, verify
from bot.metrics import Metrics
from bot.server import MAX_BODY, web_app
from core.actions import MAX_BYTES, action, parse_action
from core.ports import WebhookAnswer
from storage.clips import ObjectClipStore
from tests.clock import START, FakeClock
from tests.fuzz.damage import any_text, any_value
from tests.fuzz.volume import PATIENT, tries
from tests.fuzz.wording import actions

pytestmark = PATIENT

SECRET = "a secret of the fuzz tests"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
NAME = "v12/clip.mp4"

_tokens = (
    any_text
    | st.text(st.sampled_from("ABCXYZabcxyz0189-_=+/.%"), max_size=80)
    | st.builds(
        lambda token, place, sign: token[: place % len(token)] + sign + token[place % len(token) + 1 :],
        st.just(sign(NAME, NOW + timedelta(days=1), SECRET)),
        st.integers(0, 100),
        st.sampled_from(["", "A", "-", "=", "é", "\n", "AA", "\x00"]),
    )
)
"""Links made up, and a true one with a sign changed."""


@tries(120, 0.5)
@example("make:1:1")
@example("a" * 70_000)
@example("make:" + "1:" * 30_000)
@given(actions)
def test_any_text_on_a_button(text: str) -> None:
    pressed = parse_action(text)
    if pressed is None:
        return
    assert action(pressed.verb, pressed.subject, *pressed.args) == text
    assert len(text) <= MAX_BYTES + 24
    for number in (pressed.generation_id, *map(pressed.number, range(5))):
        assert number is None or number >= 0


@tries(120, 0.5)
@given(_tokens)
def test_any_link_is_forged_or_the_one_that_was_given(token: str) -> None:
    try:
        name = verify(token, NOW, SECRET)
    except (LinkForged, LinkExpired):
        return
    assert name == NAME


@tries(60, 0.2)
@given(st.text(st.characters(codec="utf-8"), max_size=60), st.integers(-(10**8), 10**9))
def test_every_link_leads_to_its_file_until_it_expires(name: str, seconds: int) -> None:
    token = sign(name, NOW + timedelta(seconds=seconds), SECRET)
    assert token == quote(token, safe="")
    if not name or seconds <= 0:
        with pytest.raises((LinkForged, LinkExpired)):
            verify(token, NOW, SECRET)
    else:
        assert verify(token, NOW, SECRET) == name
    with pytest.raises(LinkForged):
        verify(token, NOW, SECRET + "x")


@tries(60, 0.2)
@given(
    st.text(max_size=40) | st.from_regex(r"bytes ?= ?[0-9]{0,20}-[0-9]{0,20}(,[0-9-]*)?"),
    st.sampled_from([0, 1, 10, 2**40]),
)
def test_any_range(header: str, size: int) -> None:
    try:
        part = byte_range(header, size)
    except ValueError:
        return
    if part is not None:
        start, end = part
        assert 0 <= start < end <= size


@tries(60, 0.2)
@given(any_text)
def test_any_name_is_fit_for_a_header(name: str) -> None:
    assert file_name(name).isascii() and '"' not in file_name(name) and "\n" not in file_name(name)


@tries(60, 0.2)
@given(st.binary(max_size=60) | any_value.map(lambda value: str(value).encode(errors="replace")))
@example(b"[" * 100_000)
@example(b'{"type": "interaction.completed", "data": {"id": "' + b"x" * 600 + b'"}}')
@example(b'{"type": [], "data": []}')
@example(b'{"type": {}, "data": []}')
def test_any_news_of_an_interaction(body: bytes) -> None:
    news = read_event(body)
    assert news is None or 0 < len(news.operation) <= 500


# --- the web server ---------------------------------------------------------------------------------------------------


class _Told:
    """A webhook that keeps what it is told, and fails at some bodies."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def __call__(self, headers: Mapping[str, str], body: bytes) -> WebhookAnswer:
        self.bodies.append(body)
        if body.startswith(b"!"):
            raise RuntimeError("told to")
        return WebhookAnswer(status=200)


async def _asked(requests: list[tuple[str, str, dict[str, str], bytes]]) -> tuple[list[int], list[bytes]]:
    told = _Told()
    with tempfile.TemporaryDirectory() as folder:
        clips = ObjectClipStore(str(Path(folder) / "media"))
        (Path(folder) / "secret.mp4").write_bytes(b"secret")
        app = web_app(
            health={},
            ready={},
            metrics=Metrics(),
            clips=clips,
            link_secret=SECRET,
            clock=FakeClock(START),
            webhooks={"/hook": told},
        )
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://bot.test") as client:
            statuses = []
            for method, path, headers, body in requests:
                answer = await client.request(method, path, headers=headers, content=body)
                assert b"secret" not in answer.content
                statuses.append(answer.status_code)
            good = await client.post("/hook", content=b"good")
            assert good.status_code == 200 and told.bodies[-1] == b"good"
    return statuses, told.bodies


_headers = st.dictionaries(
    st.sampled_from(["content-length", "content-type", "range", "if-range", "x-slack-signature", "transfer-encoding"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)
    | st.sampled_from(["-1", "1e9", "9" * 30, str(MAX_BODY + 1), "bytes=0-", "bytes=-0", "0x10"]),
    max_size=3,
)
_paths = st.one_of(
    st.just("/hook"),
    st.just("/hook"),
    st.builds(lambda token: "/v/" + quote(token, errors="replace", safe=""), _tokens.map(lambda token: token[:2_000])),
    st.sampled_from(
        ["/", "/v/", "/v/../secret.mp4", "/v/%2e%2e%2fsecret.mp4", "/v/" + "a" * 9_000, "//hook", "/hook/", "/%00"]
    ),
)
_requests = st.tuples(
    st.sampled_from(["POST", "POST", "GET", "HEAD", "PUT", "OPTIONS", "DELETE"]),
    _paths,
    _headers,
    st.binary(max_size=100),
)


@tries(12, 0.02)
@given(st.lists(_requests, min_size=5, max_size=15))
@example([("POST", "/hook", {"content-length": str(MAX_BODY + 1)}, b"a"), ("POST", "/hook", {}, b"a" * (MAX_BODY + 1))])
@example([("POST", "/hook", {}, b"!"), ("GET", "/v/" + sign("../secret.mp4", START + timedelta(1), SECRET), {}, b"")])
def test_any_request(requests: list[tuple[str, str, dict[str, str], bytes]]) -> None:
    statuses, bodies = asyncio.run(_asked(requests))
    for (method, path, _, body), status in zip(requests, statuses, strict=True):
        assert status in (200, 206, 400, 403, 404, 405, 413, 416, 503) or (status == 500 and body.startswith(b"!"))
        assert method == "POST" or path != "/hook" or status == 405
    assert all(len(body) <= MAX_BODY for body in bodies)
