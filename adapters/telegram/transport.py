"""How python-telegram-bot's requests reach the server: aiohttp, with streamed uploads and explicit time-outs.

Every answer that is not a success becomes a `BotApiError` here, with the figures the server gave; what that means is
`failures`' work. Nothing here logs, and no error carries the address of a request, because it contains the token.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import aiohttp
from telegram.error import NetworkError, TelegramError, TimedOut
from telegram.request import BaseRequest, RequestData

from core.errors import PermanentError

CONNECT_S = 10.0
SLOWEST_UPLOAD = 50_000
"""Bytes a second below which an upload is given up: 50 MB may take a quarter of an hour."""
CHUNK = 1 << 18
MAX_ANSWER = 16 << 20
"""Bytes of an answer that is read into memory: a hundred updates are far below 1 MB."""

_Body = aiohttp.FormData | aiohttp.JsonPayload | None


class BotApiError(TelegramError):
    """The server's answer is no success.

    status: of HTTP, which the Bot API repeats as `error_code`
    description: the server's words; may name what was sent, so it is not for logs
    retry_after: seconds to wait, when the server says so
    migrate_to: the supergroup that the chat has become
    """

    def __init__(
        self, *, status: int, description: str, retry_after: float | None = None, migrate_to: int | None = None
    ) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.retry_after = retry_after
        self.migrate_to = migrate_to


class AiohttpRequest(BaseRequest):
    """One session for all requests; made at the first request, gone after `shutdown`.

    timeout_s: seconds until an answer has to be there; an upload gets the time its size needs on top
    """

    def __init__(self, *, timeout_s: float = 30.0) -> None:
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float:
        """Seconds until an answer has to be there."""
        return self._timeout_s

    async def initialize(self) -> None:
        """Nothing to do: the session is made when it is needed."""

    async def shutdown(self) -> None:
        """Close the session; the next request would make another."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE,
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        answer_s = read_timeout if isinstance(read_timeout, (int, float)) else self._timeout_s
        form, size = _form(request_data)
        return 200, await self._sent(method, url, form, answer_s=answer_s, upload_s=size / SLOWEST_UPLOAD)

    async def call(self, url: str, parameters: Mapping[str, Any], *, answer_s: float) -> Any:
        """The bare result of a call, untouched by the SDK's objects. Raises TelegramError.

        answer_s: seconds until it has to be answered"""
        body = await self._sent("POST", url, aiohttp.JsonPayload(dict(parameters)), answer_s=answer_s, upload_s=0.0)
        return self.parse_json_payload(body)["result"]

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """The answer as a dict; raises NetworkError for anything else (the SDK's own would log the body)."""
        try:
            answer = json.loads(payload)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict) or "result" not in answer:
            raise NetworkError("The server's answer is not the Bot API's")
        return answer

    async def download(self, url: str, destination: Path, *, limit: int) -> int:
        """Stream a file to `destination`; returns its size in bytes. Raises TelegramError, OSError, and PermanentError
        for one of more than `limit` bytes, whatever was said about it before."""
        # No limit on the whole: only silence ends it.
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=self._timeout_s)
        size = 0
        async with self._answered("GET", url, data=None, timeout=timeout) as response:
            if response.status != 200:
                raise _refusal(response.status, b"", response.headers.get("Retry-After"))
            with destination.open("wb") as file:
                async for chunk in response.content.iter_chunked(CHUNK):
                    size += len(chunk)
                    if size > limit:
                        raise PermanentError(f"The file is larger than {limit >> 20} MB.")
                    await asyncio.to_thread(file.write, chunk)
        return size

    async def _sent(self, method: str, url: str, data: _Body, *, answer_s: float, upload_s: float) -> bytes:
        timeout = aiohttp.ClientTimeout(
            total=CONNECT_S + upload_s + answer_s, sock_connect=CONNECT_S, sock_read=answer_s
        )
        async with self._answered(method, url, data=data, timeout=timeout) as response:
            body = await _bounded(response)
        if response.status >= 300:
            raise _refusal(response.status, body, response.headers.get("Retry-After"))
        return body

    @asynccontextmanager
    async def _answered(
        self, method: str, url: str, *, data: _Body, timeout: aiohttp.ClientTimeout
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        if self._session is None:
            self._session = aiohttp.ClientSession(headers={"User-Agent": self.USER_AGENT})
        try:
            async with self._session.request(
                method, url, data=data, timeout=timeout, allow_redirects=False
            ) as response:
                yield response
        except TimeoutError:
            # aiohttp's words contain the address, and so the token: they end here.
            raise TimedOut from None
        except aiohttp.ClientError as error:
            raise NetworkError(type(error).__name__) from None


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    """The body. Raises NetworkError when it is larger than `MAX_ANSWER`, unpacked."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(CHUNK):
        body += chunk
        if len(body) > MAX_ANSWER:
            raise NetworkError("The server's answer is too large")
    return bytes(body)


def _form(request_data: RequestData | None) -> tuple[aiohttp.FormData | None, int]:
    """What is sent, and how many bytes of files it has. A file that the SDK was told not to read is streamed."""
    if request_data is None:
        return None, 0
    form = aiohttp.FormData()
    for name, value in request_data.json_parameters.items():
        form.add_field(name, value)
    size = 0
    for name, (file_name, content, mime_type) in request_data.multipart_data.items():
        size += len(content) if isinstance(content, bytes) else os.fstat(content.fileno()).st_size
        form.add_field(name, content, filename=file_name, content_type=mime_type)
    return form, size


def _refusal(status: int, body: bytes, retry_header: str | None) -> BotApiError:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = {}
    told: dict[str, Any] = answer if isinstance(answer, dict) else {}
    parameters = told.get("parameters")
    figures: dict[str, Any] = parameters if isinstance(parameters, dict) else {}
    retry_after = figures.get("retry_after")
    if not isinstance(retry_after, (int, float)) and retry_header is not None and retry_header.isdecimal():
        retry_after = int(retry_header)
    migrate_to = figures.get("migrate_to_chat_id")
    return BotApiError(
        status=status,
        description=str(told.get("description") or f"HTTP {status}"),
        retry_after=cast("float | None", retry_after if isinstance(retry_after, (int, float)) else None),
        migrate_to=migrate_to if isinstance(migrate_to, int) else None,
    )
