"""The webhook of the Gemini API: what is signed counts, everything else does nothing."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest

from adapters.gemini_webhook import GeminiWebhook
from core.errors import PermanentError, TemporaryError
from core.news import OperationNews
from tests.emulators.google_webhooks import sign

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
EVENT: dict[str, Any] = {
    "type": "interaction.completed",
    "version": "v1",
    "timestamp": "2026-11-21T12:00:00Z",
    "data": {"id": "int_1"},
    "user_metadata": {"order": "v12-1-9f3c21aa"},
}


class Heard:
    """Who is told; `error` is what telling raises."""

    def __init__(self, error: Exception | None = None) -> None:
        self.news: list[OperationNews] = []
        self._error = error

    async def __call__(self, news: OperationNews) -> None:
        if self._error is not None:
            raise self._error
        self.news.append(news)


def signed(body: bytes, *, secret: str = SECRET, age_s: float = 0.0, message_id: str = "msg_1") -> dict[str, str]:
    stamp = str(int(time.time() - age_s))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": sign(secret, f"{message_id}.{stamp}.{body.decode('utf-8', 'replace')}"),
    }


def bytes_of(event: Any) -> bytes:
    return json.dumps(event).encode()


async def test_a_signed_event_is_told() -> None:
    heard, body = Heard(), bytes_of(EVENT)
    answer = await GeminiWebhook(SECRET).handle(signed(body), body, heard)
    assert answer.status == 200
    assert heard.news == [OperationNews(operation="int_1", order_key="v12-1-9f3c21aa")]


def forged(why: str) -> dict[str, str]:
    """The headers of a call that is not to be believed; made when they are needed, because signatures grow old."""
    body = bytes_of(EVENT)
    made: dict[str, dict[str, str]] = {
        "nothing": {},
        "another secret": signed(body, secret="whsec_" + base64.b64encode(b"x" * 32).decode()),
        "too old": signed(body, age_s=301),
        "from the future": signed(body, age_s=-400),
        "another body": signed(b"{}"),
        "another message": {**signed(body), "webhook-id": "msg_2"},
        "no base64": {**signed(body), "webhook-signature": "v1,%%%"},
        "no version": {**signed(body), "webhook-signature": "nonsense"},
        "no time": {**signed(body), "webhook-timestamp": "soon"},
        "no number": {**signed(body), "webhook-timestamp": "nan"},
    }
    return made[why]


FORGED = (
    *("nothing", "another secret", "too old", "from the future", "another body", "another message"),
    *("no base64", "no version", "no time", "no number"),
)


@pytest.mark.parametrize("why", FORGED)
async def test_what_is_forged_or_stale_gets_401(why: str) -> None:
    heard = Heard()
    answer = await GeminiWebhook(SECRET).handle(forged(why), bytes_of(EVENT), heard)
    assert (answer.status, heard.news) == (401, [])


async def test_one_good_signature_among_several_is_enough() -> None:
    heard, body = Heard(), bytes_of(EVENT)
    headers = signed(body)
    headers["webhook-signature"] = f"v2,AAAA v1,AAAA {headers['webhook-signature']}"
    assert (await GeminiWebhook(SECRET).handle(headers, body, heard)).status == 200
    assert len(heard.news) == 1


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "text",
        {},
        {"type": "batch.succeeded", "data": {"id": "b"}},
        {**EVENT, "data": None},
        {**EVENT, "data": {"id": 7}},
        {**EVENT, "data": {"id": "x" * 501}},
    ],
)
async def test_signed_events_that_say_nothing_to_us_are_taken_and_ignored(event: Any) -> None:
    heard, body = Heard(), bytes_of(event)
    assert (await GeminiWebhook(SECRET).handle(signed(body), body, heard)).status == 200
    assert heard.news == []


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 50_000, "ü".encode()])
async def test_signed_bodies_that_are_no_json_are_taken_and_ignored(body: bytes) -> None:
    heard = Heard()
    assert (await GeminiWebhook(SECRET).handle(signed(body), body, heard)).status == 200
    assert heard.news == []


async def test_bodies_that_are_no_text_get_401() -> None:
    heard = Heard()
    assert (await GeminiWebhook(SECRET).handle(signed(b"\xff\xfe"), b"\xff\xfe", heard)).status == 401


@pytest.mark.parametrize("metadata", [None, 7, [], {"order": None}, {"order": "x" * 501}, {}])
async def test_without_our_key_the_interaction_is_told_all_the_same(metadata: Any) -> None:
    heard, body = Heard(), bytes_of({**EVENT, "user_metadata": metadata})
    await GeminiWebhook(SECRET).handle(signed(body), body, heard)
    assert heard.news == [OperationNews(operation="int_1")]


async def test_what_cannot_be_kept_now_is_asked_for_again() -> None:
    body = bytes_of(EVENT)
    answer = await GeminiWebhook(SECRET).handle(signed(body), body, Heard(TemporaryError("database away")))
    assert answer.status == 503


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!"])
def test_a_secret_that_is_none_is_told_at_once(secret: str) -> None:
    with pytest.raises(PermanentError, match="GEMINI_WEBHOOK_SECRET"):
        GeminiWebhook(secret)
