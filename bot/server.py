"""The web server: health, metrics, links to clips, and the places that platforms post to.

It knows no platform and no database: all of that is given to `web_app`. What a link to a clip shows is in
`bot.clip_page`. `serve` runs the server inside our own loop.
"""

from __future__ import annotations

import asyncio
import inspect
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from bot.clip_page import clip_page
from bot.metrics import CONTENT_TYPE, Metrics
from core.errors import PermanentError
from core.ports import ClipStore, Clock, WebhookAnswer

MAX_BODY = 1_000_000
"""Bytes of a webhook call: Telegram's are a few kB, Slack's well below 100."""
BODY_TIMEOUT_S = 10.0
"""How long a webhook call may take to arrive."""
HEADERS_TIMEOUT_S = 10.0
"""How long a connection may stay open without a whole request: each takes one of the files that a process may have."""
MAX_CONNECTIONS = 500
"""At once; beyond it the answer is 503, which platforms take for "come again"."""
CHECK_TIMEOUT_S = 3.0
"""How long one health check may take: whoever asks has given up soon after."""

HealthCheck = Callable[[], str | Awaitable[str]]
"""Returns the empty string, or in words that anybody may read what is wrong."""
Webhook = Callable[[Mapping[str, str], bytes], Awaitable[WebhookAnswer]]
"""Takes headers (names in lower case) and body."""

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store",
}

_log = structlog.get_logger(__name__)


def web_app(
    *,
    health: Mapping[str, HealthCheck],
    ready: Mapping[str, HealthCheck],
    watched: Mapping[str, HealthCheck] | None = None,
    metrics: Metrics,
    clips: ClipStore,
    link_secret: str,
    clock: Clock,
    webhooks: Mapping[str, Webhook],
) -> ASGIApp:
    """The application: `/healthz` from `health`, `/readyz` from `ready` (each by name) with what is wrong of `watched`,
    which keeps nobody from being served, `/metrics`, `/v/<token>` with the clips, and `webhooks` by path."""

    async def count(request: Request) -> Response:
        return Response(metrics.render(), headers={"Content-Type": CONTENT_TYPE})

    async def clip(request: Request) -> Response:
        return await clip_page(request, clips, link_secret, clock)

    app = Starlette(
        routes=[
            Route("/healthz", _health_page(health)),
            Route("/readyz", _health_page(ready, watched or {})),
            Route("/metrics", count),
            Route("/v/{token}", clip),
            *(Route(path, _webhook_page(handler), methods=["POST"]) for path, handler in webhooks.items()),
        ],
    )
    app.router.redirect_slashes = False
    return _SecurityHeaders(app)


class _SecurityHeaders:
    """Adds `SECURITY_HEADERS` to every answer that does not say otherwise."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


# --- health and webhooks ---------------------------------------------------------------------------------------------


def _health_page(
    checks: Mapping[str, HealthCheck], watched: Mapping[str, HealthCheck] | None = None
) -> Callable[[Request], Awaitable[Response]]:
    async def page(request: Request) -> Response:
        found = await _all_checked(checks)
        well = not any(found.values())
        report = {name: wrong or "ok" for name, wrong in found.items()}
        body: dict[str, object] = {"status": "ok" if well else "failing", "checks": report}
        if warnings := {name: wrong for name, wrong in (await _all_checked(watched or {})).items() if wrong}:
            body["warnings"] = warnings
        return JSONResponse(body, 200 if well else 503)

    return page


async def _all_checked(checks: Mapping[str, HealthCheck]) -> dict[str, str]:
    found = await asyncio.gather(*(_checked(name, check) for name, check in checks.items()))
    return dict(zip(checks, found, strict=True))


async def _checked(name: str, check: HealthCheck) -> str:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            answer = check()
            return await answer if inspect.isawaitable(answer) else answer
    except TimeoutError:
        return "does not answer"
    except Exception as error:
        # What it says may hold an address or worse: for the log only.
        _log.warning("health_check_failed", check=name, error=type(error).__name__, reason=str(error))
        return "cannot be checked"


def _webhook_page(handler: Webhook) -> Callable[[Request], Awaitable[Response]]:
    async def page(request: Request) -> Response:
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                body = await _body(request)
        except TimeoutError:
            return Response(status_code=408, headers={"Connection": "close"})
        except ClientDisconnect:
            return Response(status_code=400)
        if body is None:
            return Response(status_code=413, headers={"Connection": "close"})
        try:
            answer = await handler(request.headers, body)
            return Response(answer.body, status_code=answer.status, media_type=answer.content_type)
        except Exception:
            # 500: the platform keeps what it wanted to tell and comes again.
            _log.exception("webhook_failed", path=request.url.path)
            return Response(status_code=500)

    return page


async def _body(request: Request) -> bytes | None:
    """The body, or None when it is too large."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and (len(length) > 18 or int(length) > MAX_BODY):
        return None
    parts = bytearray()
    async for part in request.stream():
        parts += part
        if len(parts) > MAX_BODY:
            return None
    return bytes(parts)


# --- the server ------------------------------------------------------------------------------------------------------


class _Server(uvicorn.Server):
    """uvicorn that says when it listens, and without its signal handlers: the program has its own."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.settled = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.settled.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _impatient(seconds: float) -> type[H11Protocol]:
    """uvicorn's protocol, which ends connections that ask for nothing: by itself it waits for a request for ever."""

    class Impatient(H11Protocol):
        _seen: object = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self.loop.call_later(seconds, self._look)

        def _look(self) -> None:
            if self.transport.is_closing():
                return
            idle = self.cycle is None or self.cycle.response_complete
            if idle and self.cycle is self._seen:
                self.transport.close()
                return
            self._seen = self.cycle
            self.loop.call_later(seconds, self._look)

    return Impatient


@asynccontextmanager
async def serve(
    app: ASGIApp, host: str, port: int, *, stop_within_s: int = 3, headers_within_s: float = HEADERS_TIMEOUT_S
) -> AsyncIterator[int]:
    """Serve `app` while the block runs; gives the port, which the system chooses when `port` is 0.

    At the end running answers get `stop_within_s` seconds; a connection gets `headers_within_s` until it has asked for
    something. Raises PermanentError when the address cannot be used.
    """
    listener = _listen(host, port)
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=True,
            lifespan="off",
            ws="none",
            http=_impatient(headers_within_s),
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=stop_within_s,
        )
    )
    running = asyncio.create_task(server.serve(sockets=[listener]), name="web server")
    running.add_done_callback(lambda _: server.settled.set())
    try:
        await server.settled.wait()
        if running.done():
            await running
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await asyncio.shield(running)
        listener.close()


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
        listener = socket.socket(family, kind)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(128)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise PermanentError(
            f"HTTP_HOST {host} with HTTP_PORT {port} cannot be listened on ({error.strerror}): "
            "end what uses it or choose another, like HTTP_PORT=8081"
        ) from error
    listener.setblocking(False)
    return listener
