"""The `Receiver` port on Telegram: long polling, or a webhook that the program's server passes to `handle`.

An update counts as received only when `receive` has returned for it: polling confirms a batch after that, the webhook
answers 200 after that. What updates mean is `parsing`'s work, who may write `core.access`'s; albums are joined by
`albums`.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Any

import structlog
from telegram import BotCommand

from adapters.telegram import failures
from adapters.telegram.albums import Albums
from adapters.telegram.connection import TelegramConnection
from adapters.telegram.parsing import parse_update, update_id_of
from adapters.telegram.platform import TelegramPlatform
from core.access import Access
from core.errors import ReelbotError, TemporaryError
from core.messages import Incoming, Message, Post, Press
from core.ports import Clock, Receive, WebhookAnswer

ALLOWED_UPDATES = ("message", "edited_message", "callback_query")
SECRET_HEADER = "x-telegram-bot-api-secret-token"
_ANSWER_S = 15.0
"""What an answer to a poll may take beyond the poll itself."""
_LONGEST_PAUSE_S = 60.0
_LONGEST_ASKED_S = 3_600.0
"""After an hour we listen again, whatever an answer says: one wrong figure must not make the bot deaf for long."""
_TRIES = 10
"""How often storing one update may fail for no known reason before it is passed over: over four minutes of polling."""
_WATCH_WEBHOOK_S = 300.0

_log = structlog.get_logger(__name__)


class TelegramReceiver:
    """Listens for one bot.

    commands: the menu, command to description
    stranger_text: what somebody who is not on the allow-lists is told; "{id}" stands for their id; empty: nothing
    allowed_users, allowed_chats: see `Access`
    webhook_url, webhook_secret: the full public address Telegram is to call, and what it proves itself with; without
        an address, updates are polled
    poll_s: seconds that one poll waits for something to come
    max_connections: how many updates Telegram may post at once

    Raises ValueError for a webhook without a secret.
    """

    def __init__(
        self,
        connection: TelegramConnection,
        platform: TelegramPlatform,
        *,
        clock: Clock,
        commands: Mapping[str, str],
        stranger_text: str = "",
        allowed_users: AbstractSet[str] = frozenset(),
        allowed_chats: AbstractSet[str] = frozenset(),
        webhook_url: str = "",
        webhook_secret: str = "",
        poll_s: int = 25,
        max_connections: int = 40,
    ) -> None:
        if webhook_url and not webhook_secret:
            raise ValueError("A Telegram webhook needs a secret, or anybody could post updates to it.")
        self._connection = connection
        self._bot = connection.bot
        self._platform = platform
        self._clock = clock
        self._commands = dict(commands)
        self._stranger_text = stranger_text
        self._access = Access(users=allowed_users, chats=allowed_chats)
        self._webhook_url = webhook_url
        self._webhook_secret = webhook_secret.encode()
        self._poll_s = poll_s
        self._max_connections = max_connections
        self._albums = Albums()
        self._tries: dict[int, int] = {}
        self._replies: set[asyncio.Task[None]] = set()
        self._problem = "Telegram: not connected yet"
        self._last_good: datetime | None = None
        self._failures = 0

    async def run(self, receive: Receive) -> None:
        """Take in updates until cancelled, whatever the network does."""
        try:
            await self._until_done("getMe", self._connection.identify)
            await self._try_once("setMyCommands", self._set_commands)
            if self._webhook_url:
                await self._keep_webhook()
            else:
                await self._poll_forever(receive)
        finally:
            self._problem = "Telegram: stopped"
            for task in self._replies:
                task.cancel()

    def healthy(self, now: datetime) -> str:
        """Empty when updates come in; otherwise what is wrong, for the operator."""
        if self._problem:
            return self._problem
        patience = timedelta(seconds=(_WATCH_WEBHOOK_S if self._webhook_url else self._poll_s) + _LONGEST_PAUSE_S)
        if self._last_good is None or now - self._last_good > patience:
            since = "ever" if self._last_good is None else f"since {self._last_good:%Y-%m-%d %H:%M:%S} UTC"
            return f"Telegram: no answer {since}"
        return ""

    async def handle(self, headers: Mapping[str, str], body: bytes, receive: Receive) -> WebhookAnswer:
        """One request to the webhook. Answers 200: stored, or nothing for us; 403:
        not from Telegram; 400: no JSON; 503: not now, Telegram posts it again."""
        given = next((value for name, value in headers.items() if name.lower() == SECRET_HEADER), "")
        if not self._webhook_secret or not hmac.compare_digest(
            given.encode(errors="surrogateescape"), self._webhook_secret
        ):
            _log.warning("telegram_webhook_forbidden")
            return WebhookAnswer(status=403)
        if not self._connection.username:
            return WebhookAnswer(status=503)
        try:
            raw = json.loads(body)
        except (ValueError, RecursionError):
            _log.warning("telegram_webhook_no_json", size=len(body))
            return WebhookAnswer(status=400)
        return WebhookAnswer(status=200 if await self._stored(raw, receive) is None else 503)

    # --- polling -----------------------------------------------------------------------------------------------------

    async def _poll_forever(self, receive: Receive) -> None:
        await self._until_done("deleteWebhook", self._delete_webhook)
        offset: int | None = None
        while True:
            updates = await self._poll(offset)
            if updates is None:
                continue
            # The server has now forgotten what the offset confirmed. Without one it gives the oldest it still has,
            # also when the numbers begin anew somewhere lower after a quiet week.
            offset = None
            if not await self._all_stored(updates, receive):
                continue
            self._well()
            known = [number for number in map(update_id_of, updates) if number is not None]
            if known:
                offset = max(known) + 1
            elif updates:
                await self._wait("getUpdates", TemporaryError("The updates have no numbers."))

    async def _poll(self, offset: int | None) -> list[Any] | None:
        """The next updates; None when there was no proper answer, after a pause."""
        parameters = {"timeout": self._poll_s, "limit": 100, "allowed_updates": list(ALLOWED_UPDATES)}
        if offset is not None:
            parameters["offset"] = offset
        try:
            with failures.mapped():
                updates = await self._connection.updates(parameters, answer_s=self._poll_s + _ANSWER_S)
            if not isinstance(updates, list):
                raise TemporaryError("The answer is no list of updates.")
        except Exception as error:  # whatever it is, listening goes on
            await self._wait("getUpdates", error)
            if failures.conflict(error):
                await self._try_once("deleteWebhook", self._delete_webhook)
            return None
        return updates

    async def _all_stored(self, updates: list[Any], receive: Receive) -> bool:
        """Store every update of a batch; False, after a pause, when the batch has to come again from the first one
        that could not be stored. Those before it are known then, and stored only once."""
        for raw in updates:
            error = await self._stored(raw, receive)
            if error is not None:
                await self._wait("receive", error)
                return False
        return True

    # --- webhook -----------------------------------------------------------------------------------------------------

    async def _keep_webhook(self) -> None:
        await self._until_done("setWebhook", self._set_webhook)
        while True:
            await self._clock.sleep(_WATCH_WEBHOOK_S)
            await self._until_done("getWebhookInfo", self._check_webhook)

    async def _set_webhook(self) -> None:
        await self._bot.set_webhook(
            self._webhook_url,
            secret_token=self._webhook_secret.decode(),
            allowed_updates=ALLOWED_UPDATES,
            max_connections=self._max_connections,
        )

    async def _check_webhook(self) -> None:
        info = await self._bot.get_webhook_info()
        if info.url != self._webhook_url:
            _log.warning("telegram_webhook_replaced")
            await self._set_webhook()
        elif info.pending_update_count and info.last_error_date is not None:
            since = self._clock.now() - timedelta(seconds=_WATCH_WEBHOOK_S)
            if info.last_error_date > since:
                raise TemporaryError("Telegram cannot hand over updates at TELEGRAM_WEBHOOK_URL.")

    async def _delete_webhook(self) -> None:
        await self._bot.delete_webhook()

    # --- one update --------------------------------------------------------------------------------------------------

    async def _stored(self, raw: object, receive: Receive) -> Exception | None:
        """None when the update is stored or there is nothing to store; otherwise why it has to come again. One that
        fails for no known reason is passed over after a few tries, or it would keep out all that follow."""
        number = update_id_of(raw) or 0
        try:
            await self._take(raw, receive)
        except TemporaryError as error:
            _log.warning("telegram_update_not_stored", update_id=number, error=type(error).__name__)
            return error
        except Exception as error:
            self._tries[number] = self._tries.get(number, 0) + 1
            _log.error(
                "telegram_update_failed", update_id=number, error=type(error).__name__, attempt=self._tries[number]
            )
            if self._tries[number] < _TRIES:
                return error
        self._tries.pop(number, None)
        return None

    async def _take(self, raw: object, receive: Receive) -> None:
        now = self._clock.now()
        bot = self._connection
        incoming = parse_update(raw, bot_id=bot.bot_id, bot_username=bot.username, now=now)
        if incoming is None:
            return
        if self._access.refusal(incoming, chat=incoming.key.chat) is not None:
            self._turn_away(incoming, now)
            return
        if isinstance(incoming, Message):
            incoming = self._albums.joined(incoming)
        await receive(incoming)

    def _turn_away(self, incoming: Incoming, now: datetime) -> None:
        _log.info("telegram_stranger", event_id=incoming.event_id, sender=incoming.sender.id, chat=incoming.key.chat)
        if isinstance(incoming, Press) or (self._stranger_text and self._access.tell(incoming, now)):
            task = asyncio.create_task(self._tell(incoming))
            self._replies.add(task)
            task.add_done_callback(self._replies.discard)

    async def _tell(self, incoming: Incoming) -> None:
        if isinstance(incoming, Press):
            await self._platform.acknowledge(incoming)
            return
        text = self._stranger_text.replace("{id}", incoming.sender.native_id)
        try:
            await self._platform.post(Post(key=incoming.key, text=text, reply_to=incoming.id), "")
        except ReelbotError as error:
            _log.info("telegram_stranger_not_told", event_id=incoming.event_id, error=type(error).__name__)

    # --- set-up and errors -------------------------------------------------------------------------------------------

    async def _set_commands(self) -> None:
        menu = [BotCommand(name, description[:256]) for name, description in self._commands.items()]
        await self._bot.set_my_commands(menu)

    async def _until_done(self, call: str, action: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                with failures.mapped():
                    await action()
            except Exception as error:  # whatever it is, it is tried again
                await self._wait(call, error)
            else:
                self._well()
                return

    async def _try_once(self, call: str, action: Callable[[], Awaitable[None]]) -> None:
        try:
            with failures.mapped():
                await action()
        except ReelbotError as error:
            _log.warning("telegram_call_failed", call=call, error=type(error).__name__, reason=str(error))

    def _well(self) -> None:
        if self._failures:
            _log.info("telegram_receiving_again", failures=self._failures)
        self._failures = 0
        self._problem = ""
        self._last_good = self._clock.now()

    async def _wait(self, call: str, error: Exception) -> None:
        """Say what is wrong, and pause: as long as the server asks, else 1 s, doubling up to a minute."""
        self._failures += 1
        asked = error.retry_after if isinstance(error, TemporaryError) else None
        own = min(2.0 ** min(self._failures - 1, 10), _LONGEST_PAUSE_S)
        pause = own if asked is None else min(asked, _LONGEST_ASKED_S)
        reason = str(error) if isinstance(error, ReelbotError) else type(error).__name__
        self._problem = f"Telegram: {call} fails: {reason}"
        _log.warning("telegram_receive_failed", call=call, reason=reason, pause_s=pause, failures=self._failures)
        await self._clock.sleep(pause)
