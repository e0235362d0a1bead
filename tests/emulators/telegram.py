"""An emulated Telegram Bot API server for tests and the demo: a real HTTP server that the real SDK talks to.

It is strict on purpose: what the Bot API document (10.1) does not name, and what the emulator does not model, is
refused with 400 and a description that says so. Point a bot at it with `base_url=f"{emulator.url}/bot"` and
`base_file_url=f"{emulator.url}/file/bot"`.

This module has the server, the journal and the entry points for tests. Methods are listed in telegram_methods; what
people do is in telegram_chat.
"""

import re
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from tests.emulators.faults import Fault, Faults, apply, retry_after_header
from tests.emulators.telegram_chat import TelegramChat
from tests.emulators.telegram_errors import ApiError
from tests.emulators.telegram_files import FileStore
from tests.emulators.telegram_messages import Button, TelegramMessage, TelegramPress, TelegramUser
from tests.emulators.telegram_methods import METHODS
from tests.emulators.telegram_room import TelegramTopic
from tests.emulators.telegram_schema import decode
from tests.emulators.telegram_sending import Upload
from tests.emulators.telegram_state import Limits, RateLimiter, ServerState
from tests.emulators.telegram_updates import UpdateQueue
from tests.emulators.telegram_wire import Call, Incoming, error_of, error_response, read_request

__all__ = [
    "Button",
    "Call",
    "Fault",
    "TelegramChat",
    "TelegramEmulator",
    "TelegramMessage",
    "TelegramPress",
    "TelegramTopic",
    "TelegramUser",
]

DOWNLOAD = "file"
"""name of a file's download in the journal and for faults"""


class TelegramEmulator:
    """The server; use it with `async with`.

    token: the only one it knows; the number before the colon is the bot's id
    port: on 127.0.0.1; 0 takes a free one
    download_limit, upload_limit: bytes that getFile gives out and that a file sent may have
    privacy: the bot sees in groups only what is meant for it
    private_topics: private chats have topics
    query_lifetime: seconds in which a press can be answered
    seed: of the faults that hit by chance
    webhook_attempts, webhook_backoff: how often an update is posted, and seconds before the first repetition
    """

    def __init__(
        self,
        *,
        token: str = "123456:TEST",
        port: int = 0,
        username: str = "reelbot",
        download_limit: int = 20 << 20,
        upload_limit: int = 50 << 20,
        privacy: bool = False,
        private_topics: bool = False,
        query_lifetime: float = 60.0,
        seed: int = 0,
        webhook_attempts: int = 60,
        webhook_backoff: float = 0.05,
    ) -> None:
        self.token = token
        self.bot = TelegramUser(id=int(token.split(":")[0]), first_name="Reelbot", username=username, is_bot=True)
        self.faults = Faults(seed=seed)
        self.journal: list[Call] = []
        self._folder = tempfile.TemporaryDirectory(prefix="telegram-emulator-")
        self.state = ServerState(
            bot=self.bot,
            limits=Limits(
                download=download_limit,
                upload=upload_limit,
                query_lifetime=query_lifetime,
                privacy=privacy,
                private_topics=private_topics,
            ),
            files=FileStore(Path(self._folder.name)),
            updates=UpdateQueue(attempts=webhook_attempts, backoff=webhook_backoff),
        )
        self._port = port
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """The server's address, without a slash at the end."""
        return f"http://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=10 << 20)
        app.router.add_route("*", "/bot{token}/{method}", self._handle_call)
        app.router.add_get("/file/bot{token}/{path:.+}", self._handle_download)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.state.updates.close()
        if self._runner is not None:
            await self._runner.cleanup()
        self._folder.cleanup()

    def user(self, first_name: str, *, language: str | None = "en", username: str | None = None) -> TelegramUser:
        """A new person; the username is made from the first name unless given."""
        number = len(self.state.users) + 1
        made = re.sub(r"\W", "", first_name.lower()) + f"_{number}"
        user = TelegramUser(
            id=5_000_000 + number, first_name=first_name, username=username or made, language_code=language
        )
        self.state.users[user.id] = user
        return user

    def private(self, user: TelegramUser, *, started: bool = True) -> TelegramChat:
        """The person's private chat with the bot; one that was not started the bot cannot write to."""
        if user.id not in self.state.chats:
            self.state.chats[user.id] = TelegramChat(
                self.state,
                chat_id=user.id,
                kind="private",
                title=user.first_name,
                username=user.username,
                members=[user],
                started=started,
            )
        return self.state.chats[user.id]

    def group(
        self,
        title: str,
        *,
        members: Sequence[TelegramUser],
        forum: bool = False,
        owner: TelegramUser | None = None,
        username: str | None = None,
        bot_is_member: bool = True,
        bot_is_admin: bool = False,
        bot_rights: Mapping[str, bool] | None = None,
    ) -> TelegramChat:
        """A new supergroup; with `forum` it has topics. `bot_rights` names what differs from an ordinary member:
        `{"can_send_videos": False}` restricts the bot, `{"can_manage_topics": True}` makes it an administrator."""
        chat_id = -1_001_000_000_000 - len(self.state.chats)
        self.state.chats[chat_id] = TelegramChat(
            self.state,
            chat_id=chat_id,
            kind="supergroup",
            title=title,
            members=members,
            username=username,
            owner=owner,
            forum=forum,
            bot_is_member=bot_is_member,
            bot_is_admin=bot_is_admin,
            bot_rights=bot_rights,
        )
        return self.state.chats[chat_id]

    def topic(self, chat: TelegramChat, name: str, *, by: TelegramUser | None = None) -> TelegramTopic:
        """A new topic, opened by a person (the first member unless given)."""
        if not chat.has_topics:
            raise ValueError(f"{chat.title} has no topics: make it with forum=True, or use private_topics=True")
        return chat.add_topic(by or chat.members[0], name)

    async def push_update(self, update: Any) -> None:
        """Give the bot a raw update, as malformed as wanted; an object gets an update_id if it has none. One that is
        pushed with an id is given at least once, also when that id was confirmed before."""
        self.state.updates.push(update, forced=True)

    @property
    def pending_updates(self) -> list[Any]:
        """The updates the bot has not confirmed."""
        return self.state.updates.pending

    def calls(self, method: str) -> list[Call]:
        """The bot's calls of a method (an fnmatch pattern), in order."""
        return [call for call in self.journal if fnmatchcase(call.method, method)]

    async def wait_for_call(self, method: str, *, count: int = 1, answered: bool = True, timeout: float = 10.0) -> Call:
        """The `count`th call of a method (an fnmatch pattern), as soon as it was answered, or else as soon as it
        was read. Raises AssertionError with the journal's methods when it does not come in `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while True:
            calls = self.calls(method)
            if len(calls) >= count and (calls[count - 1].status is not None or not answered):
                return calls[count - 1]
            left = deadline - time.monotonic()
            if left <= 0:
                seen = ", ".join(call.method for call in self.journal if call.method != "getUpdates")
                raise AssertionError(f"{count} calls of {method} did not come in {timeout} s; there were: {seen}")
            await self.state.changes.wait(left)

    def file_bytes(self, file_id: str) -> bytes:
        """The content of a file the server keeps. Raises KeyError."""
        stored = self.state.files.get(file_id)
        if stored is None:
            raise KeyError(file_id)
        return stored.path.read_bytes()

    def rate_limit(
        self,
        *,
        per_chat_per_second: float | None = None,
        per_group_per_minute: int | None = None,
        overall_per_second: float | None = None,
    ) -> None:
        """Answer 429 to what the bot sends and edits beyond this; without arguments there is no limit."""
        self.state.rate = RateLimiter(per_chat_per_second, per_group_per_minute, overall_per_second)

    async def _handle_call(self, request: web.Request) -> web.StreamResponse:
        token, method = request.match_info["token"], request.match_info["method"]
        call = Call(method=method, params={}, at=time.monotonic())
        read = Incoming()
        failure: ApiError | None = None
        try:
            read = await read_request(request, self.state.files, upload_limit=self.state.limits.upload)
            call.params = read.values
            call.files = {name: upload.path for name, upload in read.uploads.items()}
            call.at = time.monotonic()
            self._check(token, method)
            call.params = decode(method, read.values, read.uploads)
            if read.too_large:
                raise ApiError(413, "Request Entity Too Large")
        except ApiError as error:
            failure = error
        except (ConnectionError, web.RequestPayloadError):
            call.error = "the request broke off"
            self.journal.append(call)
            self.state.changed()
            return web.Response()
        return await self._journalled(request, call, lambda: self._answer(call, read.uploads, failure))

    async def _handle_download(self, request: web.Request) -> web.StreamResponse:
        call = Call(method=DOWNLOAD, params={"file_path": request.match_info["path"]}, at=time.monotonic())

        async def answer() -> web.StreamResponse:
            stored = self.state.files.at(call.params["file_path"])
            if request.match_info["token"] != self.token:
                return error_response(ApiError(401, "Unauthorized"))
            if stored is None or stored.size > self.state.limits.download:
                return error_response(ApiError(404, "Not Found"))
            return web.FileResponse(stored.path)

        return await self._journalled(request, call, answer)

    async def _journalled(
        self, request: web.Request, call: Call, answer: Callable[[], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.journal.append(call)
        self.state.changed()

        def faulty(fault: Fault) -> web.Response:
            return error_response(error_of(fault), headers=retry_after_header(fault))

        response = await apply(
            self.faults, name=call.method, call=call, request=request, answer=answer, error_response=faulty
        )
        connected = request.transport is not None and not request.transport.is_closing()
        call.status = response.status if connected else None
        if call.error is None and response.status >= 400:
            call.error = response.reason
        self.state.changed()
        return response

    async def _answer(self, call: Call, uploads: Mapping[str, Upload], failure: ApiError | None) -> web.StreamResponse:
        try:
            if failure is not None:
                raise failure
            if call.method.startswith(("send", "edit")) and call.method != "sendChatAction":
                self.state.rate.check(self.state.chat(call.params.get("chat_id")))
            call.result = await METHODS[call.method](self.state, call.params, uploads)
        except ApiError as error:
            call.error = error.description
            return error_response(error)
        return web.json_response({"ok": True, "result": call.result})

    def _check(self, token: str, method: str) -> None:
        if not re.fullmatch(r"\d+:[\w-]+", token):
            raise ApiError(404, "Not Found")
        if token != self.token:
            raise ApiError(401, "Unauthorized")
        if method not in METHODS:
            raise ApiError(404, "Not Found: method not found")
