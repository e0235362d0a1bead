"""Google's services for tests and the demo: one real HTTP server that Google's own clients talk to.

Stands in for the Gemini API (generateContent, Interactions with Omni, file downloads), Veo on the Agent
Platform, the token endpoint of service accounts and Cloud Storage's JSON API. It is strict: what the real
services would refuse is refused with their error. Point GOOGLE_GEMINI_BASE_URL, GOOGLE_VERTEX_BASE_URL and
STORAGE_EMULATOR_HOST at `url`.
"""

import json
import logging
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from tests.emulators.faults import Fault, Faults, apply, retry_after_header
from tests.emulators.google_gemini import Brain, Gemini, GenerateCall, Raw, Script
from tests.emulators.google_media import Pace
from tests.emulators.google_omni import Omni
from tests.emulators.google_orders import Clip, Empty, Failure, Order, Outcome, Refusal, Spurious400, Status
from tests.emulators.google_storage import Storage
from tests.emulators.google_tokens import CLOUD_PLATFORM, STORAGE_SCOPES, Tokens
from tests.emulators.google_veo import Veo
from tests.emulators.google_webhooks import Webhooks
from tests.emulators.google_wire import Call, Route, WireError

__all__ = [
    "Brain",
    "Call",
    "Clip",
    "Empty",
    "Failure",
    "GenerateCall",
    "GoogleEmulator",
    "Order",
    "Outcome",
    "Raw",
    "Refusal",
    "Script",
    "Spurious400",
    "Status",
]

LARGEST_REQUEST = 100 * 1024 * 1024
"""Bytes; inline media count."""
FAULT_MESSAGES = {
    429: "You exceeded your current quota, please check your plan and billing details.",
    500: "An internal error has occurred. Please retry or report.",
    503: "The model is overloaded. Please try again later.",
    504: "The request timed out. Please try again.",
}

log = logging.getLogger(__name__)


class GoogleEmulator:
    """An `async with` block in which the services run.

    api_key: the one key that is valid
    project, location: where Veo answers
    port: to listen on; 0 picks a free one
    buckets: names of buckets that exist; None when every name does
    errors_in_array: wrap error documents in a one-element array, as some front ends of the real services do
    """

    def __init__(
        self,
        *,
        api_key: str = "test-key",
        project: str = "demo",
        location: str = "us-central1",
        port: int = 0,
        buckets: set[str] | None = None,
        errors_in_array: bool = False,
    ) -> None:
        self.api_key = api_key
        self.project = project
        self.location = location
        self.errors_in_array = errors_in_array
        self.journal: list[Call] = []
        self.mistakes: list[str] = []
        """What the test itself scripted wrongly. Leaving the block with any of it raises AssertionError."""
        self.faults = Faults()
        self.pace = Pace()
        self._port = port
        self._folder = tempfile.TemporaryDirectory(prefix="reelbot-google-")
        folder = Path(self._folder.name)
        self.webhooks = Webhooks()
        self.tokens = Tokens(project)
        self.storage = Storage(self.pace, buckets)
        self.gemini = Gemini(self.mistakes)
        self.omni = Omni(folder, pace=self.pace, webhooks=self.webhooks, mistakes=self.mistakes)
        self.veo = Veo(folder, project=project, location=location, storage=self.storage, mistakes=self.mistakes)
        self.url = ""
        self._runner: web.AppRunner | None = None

    @property
    def brain(self) -> Brain | None:
        """What the dialogue models say; None answers 500."""
        return self.gemini.brain

    @brain.setter
    def brain(self, brain: Brain | None) -> None:
        self.gemini.brain = brain

    @property
    def webhook_secret(self) -> str | None:
        """Signs webhooks ("whsec_" and base64, or plain text). None, as at first, sends none."""
        return self.webhooks.secret

    @webhook_secret.setter
    def webhook_secret(self, secret: str | None) -> None:
        self.webhooks.secret = secret

    def calls(self, name: str) -> list[Call]:
        """The calls of that name so far, also those that were refused or never answered."""
        return [call for call in self.journal if call.name == name]

    def clip_bytes(self, order: Order, sample: int = 0) -> bytes:
        """What the service serves for an order. Raises LookupError while there is none."""
        return order.clips[sample].read_bytes()

    def service_account_file(self, folder: Path) -> Path:
        """Write a service-account file with a real key whose token endpoint is this emulator."""
        return self.tokens.write_account(folder)

    def environment(self) -> dict[str, str]:
        """The variables that point Google's clients in another process here; credentials apart."""
        return {
            "GOOGLE_GEMINI_BASE_URL": self.url,
            "GOOGLE_VERTEX_BASE_URL": self.url,
            "STORAGE_EMULATOR_HOST": self.url,
        }

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=LARGEST_REQUEST)
        for part in (self.gemini, self.omni, self.veo, self.storage, self.tokens):
            for route in part.routes():
                app.router.add_route(route.method, route.path, self._served(route))
        nowhere = Route(name="unknown", method="*", path="/{path:.*}", handler=_nowhere, access="none")
        app.router.add_route(nowhere.method, nowhere.path, self._served(nowhere))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        host, port = self._runner.addresses[0][:2]
        self.url = self.tokens.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # The door first: an order taken while the others are dropped would still be filming into the folder.
        if self._runner is not None:
            await self._runner.cleanup()
        await self.omni.close()
        await self.veo.close()
        self._folder.cleanup()
        if error is None and self.mistakes:
            raise AssertionError("; ".join(self.mistakes))

    def _served(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def serve(request: web.Request) -> web.StreamResponse:
            raw = await request.read()
            call = Call(
                name=route.name,
                model="",
                body=_object(raw),
                headers=request.headers,
                at=time.monotonic(),
                path=request.path,
                query=request.query,
                params=dict(request.match_info),
                raw=raw,
            )
            call.model = call.params.get("model") or str(call.body.get("model", ""))
            self.journal.append(call)
            response = await apply(
                self.faults,
                name=route.name,
                call=call,
                request=request,
                answer=lambda: self._answer(route, request, call),
                error_response=self._fault_response,
            )
            if request.transport is not None and not request.transport.is_closing():
                call.status = response.status
            return response

        return serve

    async def _answer(self, route: Route, request: web.Request, call: Call) -> web.StreamResponse:
        try:
            self._admit(route, request)
            if call.raw and request.content_type == "application/json":
                _valid_json(call.raw)
            return await route.handler(request, call)
        except WireError as error:
            call.error = error.message
            if error.code == 500:
                log.error("google emulator: %s", error.message)
            return self._error_response(error)

    def _admit(self, route: Route, request: web.Request) -> None:
        if route.access == "key":
            key = request.headers.get("x-goog-api-key")
            if "Authorization" in request.headers and key is not None:
                raise WireError(400, "Multiple authentication credentials received. Please pass only one.")
            if key is None:
                raise WireError(
                    403,
                    "Method doesn't allow unregistered callers (callers without established identity). "
                    "Please use API Key or other form of API consumer identity to call this API.",
                )
            if key != self.api_key:
                reason = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
                raise WireError(400, "API key not valid. Please pass a valid API key.", details=[reason])
        elif route.access == "token":
            self.tokens.check(request.headers, frozenset({CLOUD_PLATFORM}))
        elif route.access == "storage":
            self.tokens.check(request.headers, STORAGE_SCOPES)

    def _error_response(self, error: WireError, headers: dict[str, str] | None = None) -> web.Response:
        body: Any = [error.body()] if self.errors_in_array else error.body()
        return web.json_response(body, status=error.code, headers=headers)

    def _fault_response(self, fault: Fault) -> web.Response:
        code = fault.status or 500
        details = []
        if fault.retry_after is not None:
            delay = f"{fault.retry_after:g}s"
            details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay})
        message = FAULT_MESSAGES.get(code, f"Fault {code} injected by the test.")
        return self._error_response(WireError(code, message, details=details), retry_after_header(fault))


async def _nowhere(request: web.Request, call: Call) -> web.StreamResponse:
    raise WireError(404, f"The emulator serves no {request.method} {request.path}.")


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _valid_json(raw: bytes) -> None:
    try:
        value = json.loads(raw)
    except ValueError as error:
        raise WireError(400, f"Invalid JSON payload received. {error}") from error
    if not isinstance(value, dict):
        raise WireError(400, "Invalid JSON payload received. The root must be an object.")
