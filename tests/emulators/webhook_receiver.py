"""A program outside that is told about generations: takes what is posted to it and checks every signature with the
reference library of Standard Webhooks."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from standardwebhooks import Webhook

SECRET = "whsec_dGhpcy1pcy1vbmx5LWFuLWV4YW1wbGUh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How one request is answered."""

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    endless: bool = False
    """Whether the body never ends."""
    never: bool = False
    """Whether there is no answer at all, as long as anybody waits for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """A request whose signature is good."""

    id: str
    host: str
    """What it was addressed to."""
    path: str
    payload: dict[str, Any]
    headers: Mapping[str, str]
    """By their names in lower case."""
    status: int
    """What was answered; 0 for nothing."""

    @property
    def status_told(self) -> str:
        """Where the generation stands, as it says."""
        return str(self.payload["data"]["status"])


class WebhookReceiver:
    """Listens on a free port of this machine."""

    def __init__(self, *, secret: str = SECRET, tls: ssl.SSLContext | None = None) -> None:
        self._webhook = Webhook(secret)
        self._tls = tls
        self._runner: web.AppRunner | None = None
        self._came = asyncio.Condition()
        self.port = 0
        self.got: list[Got] = []
        self.forged: list[str] = []
        """What was wrong with requests that were not taken."""
        self.answers: list[Answer] = []
        """How the next requests are answered; those that follow are taken."""
        self.connections: list[str] = []
        """From where each request came."""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/hooks"

    @property
    def taken(self) -> list[Got]:
        """What was answered with success."""
        return [got for got in self.got if 200 <= got.status < 300]

    async def until(self, count: int, *, taken: bool = False, within_s: float = 30.0) -> list[Got]:
        """The first `count` requests, or of those that were `taken`, when they have come."""
        async with asyncio.timeout(within_s), self._came:
            await self._came.wait_for(lambda: len(self.taken if taken else self.got) >= count)
        return (self.taken if taken else self.got)[:count]

    async def until_told(self, status: str, *, within_s: float = 30.0) -> list[Got]:
        """Everything that was taken, when it has been told of that status."""
        async with asyncio.timeout(within_s), self._came:
            await self._came.wait_for(lambda: any(got.status_told == status for got in self.taken))
        return self.taken

    async def _take(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        try:
            payload = self._webhook.verify(body, dict(request.headers))
        except Exception as error:
            self.forged.append(str(error))
            return web.Response(status=401)
        answer = self.answers.pop(0) if self.answers else Answer()
        got = Got(
            id=request.headers["webhook-id"],
            host=request.host,
            path=request.path_qs,
            payload=payload,
            headers={name.lower(): value for name, value in request.headers.items()},
            status=0 if answer.never else answer.status,
        )
        async with self._came:
            self.connections.append(str(request.remote))
            self.got.append(got)
            self._came.notify_all()
        if answer.never:
            await asyncio.Event().wait()
        if not answer.endless:
            return web.Response(status=answer.status, headers=answer.headers, body=answer.body)
        response = web.StreamResponse(status=answer.status, headers=answer.headers)
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65_536)
