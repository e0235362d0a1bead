"""A connection to the Gemini API with an API key: what Gemini's dialogue and Omni's clips have in common."""

from __future__ import annotations

from google import genai

from adapters.google_client import GEMINI_URL, MAX_ANSWER, check_address, http_client, sdk_options
from adapters.google_errors import asking
from core.errors import ReelbotError


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
        self._client = genai.Client(
            vertexai=False, api_key=api_key, http_options=sdk_options(self._http, address, timeout_s)
        )
        self.aio = self._client.aio
        """The SDK's asynchronous calls."""

    async def close(self) -> None:
        """Let go of the connections."""
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
