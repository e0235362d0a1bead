"""A connection to the Gemini API with an API key: what Gemini's dialogue and Omni's clips have in common."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import aiohttp
from google import genai
from pydantic import BaseModel, Field

from adapters.google_client import (
    GEMINI_URL,
    IDLE_S,
    MAX_ANSWER,
    check_address,
    http_client,
    sdk_options,
    tls,
)
from adapters.google_errors import asking
from core.errors import ReelbotError


class Usage(BaseModel):
    """What a call is paid by, in tokens."""

    read: int | None = Field(default=None, alias="promptTokenCount")
    written: int | None = Field(default=None, alias="candidatesTokenCount")
    thought: int | None = Field(default=None, alias="thoughtsTokenCount")


class _Part(BaseModel):
    text: str | None = None
    thought: bool | None = None


class _Content(BaseModel):
    parts: list[_Part] | None = None


class _Candidate(BaseModel):
    content: _Content | None = None


class _Feedback(BaseModel):
    reason: str | None = Field(default=None, alias="blockReason")


class Answer(BaseModel):
    """What a model wrote, as far as it concerns us."""

    candidates: list[_Candidate] | None = None
    feedback: _Feedback | None = Field(default=None, alias="promptFeedback")
    usage: Usage | None = Field(default=None, alias="usageMetadata")

    @property
    def blocked(self) -> bool:
        """Whether the service's filter kept the model from reading it."""
        return self.feedback is not None and self.feedback.reason is not None

    @property
    def text(self) -> str:
        """What was written, without the thoughts before it."""
        first = self.candidates[0].content if self.candidates else None
        parts = first.parts if first is not None else None
        return "".join(part.text for part in parts or () if part.text and not part.thought)


class Unanswered(Exception):
    """The service answered with an error; what it carries is read by `google_errors`."""

    def __init__(self, response: aiohttp.ClientResponse, body: bytes) -> None:
        super().__init__(f"error {response.status}")
        self.status_code = response.status
        self.response = response
        self.body = body.decode("utf-8", "replace")


class GeminiApi:
    """The SDK's client over HTTP connections of our own."""

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str | None,
        timeout_s: float,
        loopback_only: bool,
        most_bytes: int = MAX_ANSWER,
    ) -> None:
        """`timeout_s` is for one request, and for each silence while a file is streamed; `most_bytes` for one answer.
        Raises PermanentError for an address that must not be used."""
        address = check_address(base_url or GEMINI_URL, loopback_only=loopback_only)
        self._http = http_client(timeout_s, loopback_only=loopback_only, most_bytes=most_bytes)
        self._address = f"{address.rstrip('/')}/"
        self._api_key = api_key
        self._timeout_s = timeout_s
        self._most_bytes = most_bytes
        self._trust_env = not loopback_only
        self._session: aiohttp.ClientSession | None = None
        self._client = genai.Client(
            vertexai=False, api_key=api_key, http_options=sdk_options(self._http, address, timeout_s)
        )
        self.aio = self._client.aio
        """The SDK's asynchronous calls."""

    async def generate(self, model: str, request: Mapping[str, Any]) -> Answer:
        """One answer to a request in the API's own form. Raises Unanswered, OSError, and ValueError for an answer that
        is none.

        Not through the SDK: it takes every request and answer apart into its types and puts them together again, which
        came to 8.0 ms of processor time a call, a third of all that a turn took (4.1 ms with as much as it lets be
        passed through as it is); this takes 1.0 ms, and over httpx it would take 1.9 ms."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=tls(), keepalive_timeout=IDLE_S),
                timeout=aiohttp.ClientTimeout(total=self._timeout_s),
                headers={"x-goog-api-key": self._api_key},
                trust_env=self._trust_env,
            )
        url = f"{self._address}v1beta/models/{model}:generateContent"
        try:
            async with self._session.post(url, json=request, allow_redirects=False) as answer:
                body = await self._bounded(answer)
        except aiohttp.ClientError as error:
            raise ConnectionError(type(error).__name__) from error
        if answer.status != HTTPStatus.OK:
            raise Unanswered(answer, body)
        return Answer.model_validate_json(body)

    async def _bounded(self, answer: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for chunk in answer.content.iter_any():
            body += chunk
            if len(body) > self._most_bytes:
                raise ValueError("The answer is too large.")
        return bytes(body)

    async def close(self) -> None:
        """Let go of the connections."""
        if self._session is not None:
            await self._session.close()
        await self.aio.aclose()
        self._client.close()
        await self._http.aclose()

    async def check(self, service: str) -> str:
        """Empty when the API answers and takes the key; otherwise what is wrong, said of `service`."""
        try:
            with asking(service):
                await self.aio.models.list(config={"page_size": 1})
        except ReelbotError as error:
            return str(error)
        return ""
