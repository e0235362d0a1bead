"""The emulated Slack's server: its addresses, who may call, and the journal of all calls.

Methods are listed in slack_methods; what the emulator is told by tests and people is in slack.
"""

import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from tests.emulators.faults import Faults, apply
from tests.emulators.slack_chatting import respond
from tests.emulators.slack_delivery import Delivery
from tests.emulators.slack_files import FileStore
from tests.emulators.slack_messages import SlackTeam, SlackUser
from tests.emulators.slack_methods import ANSWERS
from tests.emulators.slack_schema import METHODS, SlackError, decode, scopes_of
from tests.emulators.slack_schema import Kind as ChannelKind
from tests.emulators.slack_sharing import download, take_upload
from tests.emulators.slack_state import ALL_SCOPES, Limits, ServerState
from tests.emulators.slack_wire import Call, Incoming, error_body, fault_response, read_request

UPLOAD, DOWNLOAD, RESPONSE = "upload", "download", "response_url"
"""names in the journal and for faults"""


class SlackServer:
    """The server; use it with `async with`.

    token, app_token: the bot's and the app's, the only ones it knows
    port: on 127.0.0.1; 0 takes a free one
    seed: of ids, and of the faults that hit by chance
    scopes: what the bot may do; None for everything that the emulator models
    share_delay: seconds from completeUploadExternal's answer until the share can be seen
    agent: whether the app is declared as an agent
    file_blocks: whether completeUploadExternal takes blocks
    upload_limit: bytes that a file may have
    retry_after: seconds before each repetition of an event; on the real Slack at once, a minute, five minutes
    ack_timeout: seconds within which the app has to acknowledge
    patience: seconds that an event waits for an app that is not there before that counts as an attempt; 0 loses events
        as hours of absence do
    ping_interval: seconds between the server's WebSocket pings
    """

    def __init__(
        self,
        *,
        token: str = "xoxb-TEST",
        app_token: str = "xapp-TEST",
        signing_secret: str = "s3cret",
        port: int = 0,
        seed: int = 0,
        scopes: frozenset[str] | None = None,
        share_delay: float = 0.0,
        agent: bool = True,
        file_blocks: bool = True,
        upload_limit: int = 1 << 30,
        retry_after: tuple[float, ...] = (0.05, 0.1, 0.2),
        ack_timeout: float = 3.0,
        patience: float = 30.0,
        ping_interval: float = 5.0,
    ) -> None:
        self.token = token
        self.app_token = app_token
        self.signing_secret = signing_secret
        self.team = SlackTeam(id="T0TEAM00001", domain="film-club")
        self.bot = SlackUser(id="U0REELBOT01", name="reelbot", team_id=self.team.id, bot_id="B0REELBOT01")
        self.app_id = "A0REELBOT01"
        self.faults = Faults(seed=seed)
        self.journal: list[Call] = []
        self._folder = tempfile.TemporaryDirectory(prefix="slack-emulator-")
        self.delivery = Delivery(
            faults=self.faults,
            app_id=self.app_id,
            signing_secret=signing_secret,
            ack_timeout=ack_timeout,
            retry_after=retry_after,
            patience=patience,
            ping_interval=ping_interval,
            changed=self._changed,
        )
        self.state = ServerState(
            team=self.team,
            bot=self.bot,
            app_id=self.app_id,
            limits=Limits(
                upload=upload_limit,
                share_delay=share_delay,
                agent=agent,
                file_blocks=file_blocks,
                scopes=ALL_SCOPES if scopes is None else scopes,
            ),
            files=FileStore(Path(self._folder.name)),
            delivery=self.delivery,
            random=random.Random(seed),
        )
        self._port = port
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """The Web API's address, with a slash at the end: what SLACK_API_URL is set to."""
        return f"{self.state.url}/api/"

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=10 << 20)
        app.router.add_route("*", "/api/{method}", self._handle_call)
        app.router.add_get("/link/", self.delivery.sockets.serve)
        app.router.add_post("/upload/v1/{ticket}", self._handle_upload)
        app.router.add_get("/files-pri/{team_and_file}/download/{name}", self._handle_download)
        app.router.add_get("/files-pri/{team_and_file}/{name}", self._handle_download)
        app.router.add_post("/response/{team}/{key}", self._handle_response)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.state.url = f"http://127.0.0.1:{self._port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.delivery.close()
        if self._runner is not None:
            await self._runner.cleanup()
        self._folder.cleanup()

    async def _handle_call(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        call = Call(method=method, params={}, headers=dict(request.headers), at=time.monotonic())
        failure: SlackError | None = None
        try:
            read = await read_request(request)
            call.params = read.values
            call.at = time.monotonic()
            self._authorize(method, read)
            known = METHODS[method]
            given = read.values if known.json or not read.is_json else dict(request.query)
            # Bolt adds it to every call. Slack heeds it for tokens of a whole organisation only.
            if given.pop("team_id", self.team.id) != self.team.id:
                raise SlackError("team_not_found")
            call.params = decode(method, given)
        except SlackError as error:
            failure = error
        except (ConnectionError, web.RequestPayloadError):
            call.error = "the request broke off"
            self.journal.append(call)
            self.state.changed()
            return web.Response()
        return await self._journalled(request, call, lambda: self._answer(call, failure))

    async def _answer(self, call: Call, failure: SlackError | None) -> web.StreamResponse:
        granted = ",".join(sorted(self.state.limits.scopes))
        headers = {"x-oauth-scopes": granted}
        try:
            if failure is not None:
                raise failure
            wait = self.state.rate.wait(call.method)
            if wait:
                call.error = "ratelimited"
                return web.json_response(
                    {"ok": False, "error": "ratelimited"}, status=429, headers=headers | {"Retry-After": str(wait)}
                )
            if not METHODS[call.method].app_token:
                missing = self._scopes(call) - self.state.limits.scopes
                if missing:
                    call.error = "missing_scope"
                    body = {"ok": False, "error": "missing_scope", "needed": ",".join(sorted(missing))}
                    return web.json_response(body | {"provided": granted}, headers=headers)
            call.result = await ANSWERS[call.method](self.state, call.params)
        except SlackError as error:
            call.error = error.error
            return web.json_response(error_body(error), headers=headers)
        return web.json_response({"ok": True, **call.result}, headers=headers)

    async def _handle_upload(self, request: web.Request) -> web.StreamResponse:
        ticket = request.match_info["ticket"]
        file = self.state.files.tickets.get(ticket)
        params = {"file_id": file.id if file else None, "content_length": request.content_length}
        call = Call(method=UPLOAD, params=params, headers=dict(request.headers), at=time.monotonic())
        return await self._journalled(request, call, lambda: take_upload(self.state, request, ticket))

    async def _handle_download(self, request: web.Request) -> web.StreamResponse:
        file_id = request.match_info["team_and_file"].rpartition("-")[2]
        call = Call(method=DOWNLOAD, params={"file_id": file_id}, headers=dict(request.headers), at=time.monotonic())
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        given = token.strip() if kind.lower() == "bearer" else ""
        return await self._journalled(request, call, lambda: download(self.state, file_id, given, self.token))

    async def _handle_response(self, request: web.Request) -> web.StreamResponse:
        try:
            body = await request.json()
        except ValueError:
            body = None
        params = body if isinstance(body, dict) else {}
        call = Call(method=RESPONSE, params=params, headers=dict(request.headers), at=time.monotonic())

        async def answer() -> web.StreamResponse:
            status, word = respond(self.state, request.match_info["key"], body)
            if status == 200:
                return web.Response(text=word)
            call.error = word
            return web.json_response({"ok": False, "error": word}, status=status)

        return await self._journalled(request, call, answer)

    async def _journalled(
        self, request: web.Request, call: Call, answer: Callable[[], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.journal.append(call)
        self.state.changed()
        try:
            response = await apply(
                self.faults, name=call.method, call=call, request=request, answer=answer, error_response=fault_response
            )
        except (ConnectionError, web.RequestPayloadError):
            call.error = "the request broke off"
            self.state.changed()
            return web.Response()
        connected = request.transport is not None and not request.transport.is_closing()
        call.status = response.status if connected else None
        if call.error is None and response.status >= 400:
            call.error = response.reason
        self.state.changed()
        return response

    def _authorize(self, method: str, read: Incoming) -> None:
        if not read.token:
            raise SlackError("not_authed")
        if read.token not in (self.token, self.app_token):
            raise SlackError("invalid_auth")
        if method not in METHODS:
            raise SlackError("unknown_method")
        if METHODS[method].app_token != (read.token == self.app_token):
            raise SlackError("not_allowed_token_type")

    def _scopes(self, call: Call) -> frozenset[str]:
        channel = self.state.channels.get(str(call.params.get("channel") or call.params.get("channel_id") or ""))
        kind: ChannelKind = channel.kind if channel is not None else "channel"
        return scopes_of(call.method, call.params, kind)

    def _changed(self) -> None:
        self.state.changed()
