"""Connections to Google: the HTTP client under every SDK call, and credentials.

Every request that the SDK makes for the three Google adapters passes through `http_client`, so that one guard can keep
tests on this machine and no transport repeats a request. What is asked for is left to the adapters.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import json
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import google.auth
import google.auth.credentials
import httpx
import requests
from google.auth.transport.requests import Request
from google.genai import types
from google.oauth2 import service_account

from adapters.google_errors import error_answer
from core.errors import PermanentError

GEMINI_URL = "https://generativelanguage.googleapis.com/"
STORAGE_URL = "https://storage.googleapis.com/"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
MAX_ANSWER = 2 << 30
"""Bytes of an answer, which may be a clip: what a service promises about its size binds nobody."""
IDLE_S = 15.0
"""A connection that was idle for longer is not used again, since an order on one that the service is just closing
would count as unanswered. In seconds."""


def check_address(url: str, *, loopback_only: bool) -> str:
    """The address as it is; raises PermanentError when it must be on this machine and is not, or is none at all."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise PermanentError(f"{url!r} is not an address; write it like https://example.com/")
    if loopback_only and not _on_this_machine(parts.hostname):
        raise PermanentError(f"{parts.hostname} is not on this machine; only loopback addresses are allowed here")
    return url


def http_client(timeout_s: float, *, loopback_only: bool, most_bytes: int = MAX_ANSWER) -> httpx.AsyncClient:
    """An HTTP client that never repeats a request, follows no redirect and takes no answer of more than `most_bytes`;
    to be closed by the caller."""

    async def guard(request: httpx.Request) -> None:
        check_address(str(request.url), loopback_only=loopback_only)

    async def bound(response: httpx.Response) -> None:
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _Bounded(response.stream, most_bytes, response.request)

    return httpx.AsyncClient(
        timeout=timeout_s,
        limits=httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=IDLE_S),
        verify=tls(),
        event_hooks={"request": [guard], "response": [bound]},
        follow_redirects=False,  # the key travels in a header of its own, which would go along to any host
        trust_env=not loopback_only,
    )


class _Bounded(httpx.AsyncByteStream):
    """An answer's body that ends with an error when it is larger than it may be."""

    def __init__(self, stream: httpx.AsyncByteStream, most_bytes: int, request: httpx.Request) -> None:
        self._stream = stream
        self._left = most_bytes
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._left -= len(chunk)
            if self._left < 0:
                raise httpx.ReadError("The answer is too large.", request=self._request)
            yield chunk

    async def aclose(self) -> None:
        """Let go of the connection."""
        await self._stream.aclose()


def sdk_options(http: httpx.AsyncClient, base_url: str, timeout_s: float) -> types.HttpOptions:
    """google-genai's options for one attempt a call, over `http`.

    Attempts are said outright because the SDK's Interactions repeat on 429 and 5xx by default; with a client of our
    own it also leaves alone aiohttp, under which it posts a second time after a dropped connection."""
    return types.HttpOptions(
        base_url=base_url,
        timeout=round(timeout_s * 1000),
        retry_options=types.HttpRetryOptions(attempts=1),
        httpx_async_client=http,
        client_args={"verify": tls()},
        async_client_args={"ssl": tls()},
    )


class AccessTokens:
    """Access tokens of a service account, or of the machine's own account when there is no file."""

    def __init__(self, credentials_file: Path | None, *, timeout_s: float, loopback_only: bool) -> None:
        """Raises PermanentError when the file cannot be used or there is no account."""
        if credentials_file is None and loopback_only:
            raise PermanentError("Without a credentials file the machine's own account would be asked for.")
        try:
            if credentials_file is None:
                self.credentials, _ = google.auth.default(scopes=[SCOPE])
            else:
                self.credentials = service_account.Credentials.from_service_account_file(  # type: ignore[no-untyped-call]
                    str(credentials_file), scopes=[SCOPE]
                )
                check_address(_token_address(credentials_file), loopback_only=loopback_only)
        except (OSError, ValueError, KeyError, google.auth.exceptions.GoogleAuthError) as error:
            raise PermanentError(
                "The Google credentials cannot be used; they must be the key file of a service account, or none on a "
                "machine that has an account of its own."
            ) from error
        self._timeout_s = timeout_s
        self._loopback_only = loopback_only
        self._lock = asyncio.Lock()

    async def fresh(self) -> str:
        """A token that is valid now; raises google.auth's errors."""
        async with self._lock:
            if not self.credentials.valid:
                await asyncio.to_thread(self._refresh)
        return str(self.credentials.token)

    @contextmanager
    def used(self) -> Iterator[None]:
        """Around a request with the token: a token that the service does not take (401) is not used again."""
        try:
            yield
        except Exception as error:
            answer = error_answer(error)
            if answer is not None and answer.status == 401:
                self.credentials.token = None
            raise

    def _refresh(self) -> None:
        with requests.Session() as session:
            session.trust_env = not self._loopback_only
            request = functools.partial(Request(session=session), timeout=self._timeout_s)
            self.credentials.refresh(request)  # type: ignore[no-untyped-call]


@functools.cache
def tls() -> ssl.SSLContext:
    """One for all clients: reading the certificates takes a while, and the SDK would do it three times for each."""
    return httpx.create_ssl_context()


def _token_address(credentials_file: Path) -> str:
    return str(json.loads(credentials_file.read_text("utf-8"))["token_uri"])


def _on_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
