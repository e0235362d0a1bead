"""Updates on their way to the bot: kept until confirmed by getUpdates, or posted to the webhook.

What updates contain is left to the chats.
"""

import asyncio
import contextlib
import re
import time
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from tests.emulators.telegram_errors import bad_request, conflict

FIRST_UPDATE_ID = 700_000_001
NO_ID = 1 << 53
"""From here on a number is no update's."""
LONGEST_POLL = 50
NOT_BY_DEFAULT = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"

_OTHER_POLLER = "terminated by other getUpdates request; make sure that only one bot instance is running"
_WEBHOOK_ACTIVE = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"


class Signal:
    """Wakes everybody who waits for a change."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def notify(self) -> None:
        """Something changed."""
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    async def wait(self, timeout: float | None = None) -> None:
        """Return at the next `notify`, or after `timeout` seconds."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await asyncio.wait({future}, timeout=timeout)
        finally:
            self._waiting.discard(future)


@dataclass(slots=True, kw_only=True)
class Webhook:
    """Where updates are posted to."""

    url: str
    secret: str | None
    max_connections: int
    error: str | None = None
    error_at: int | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class _Pending:
    raw: Any
    """an object, unless a test malforms it"""
    forced: bool
    """given at least once whatever the offset says: what a test repeats or malforms on purpose"""
    given: bool = False
    attempts: int = 0

    @property
    def id(self) -> int | None:
        """None for what no offset can confirm; that is given once."""
        update_id = self.raw.get("update_id") if isinstance(self.raw, dict) else None
        return update_id if type(update_id) is int and 0 <= update_id < NO_ID else None


class UpdateQueue:
    """Updates that the bot has not confirmed.

    attempts: how often an update is posted to the webhook before it is given up
    backoff: seconds before the first repetition; doubles up to half a second
    """

    def __init__(self, *, attempts: int, backoff: float) -> None:
        self.allowed: frozenset[str] | None = None
        self.webhook: Webhook | None = None
        self.longest_poll: float = LONGEST_POLL
        """Seconds after which a poll ends whatever it asked for."""
        self._attempts = attempts
        self._backoff = backoff
        self._pending: list[_Pending] = []
        self._next_id = FIRST_UPDATE_ID
        self._changed = Signal()
        self._poller: object | None = None
        self._poster: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def pending(self) -> list[Any]:
        """The updates that wait, in order."""
        return [one.raw for one in self._pending]

    def emit(self, kind: str, payload: dict[str, Any]) -> None:
        """Add an update, unless the bot did not ask for its kind."""
        wanted = kind not in NOT_BY_DEFAULT if self.allowed is None else kind in self.allowed
        if wanted:
            self.push({kind: payload}, forced=False)

    @property
    def listening(self) -> bool:
        """Whether a poll waits for something to come."""
        return self._poller is not None

    def push(self, raw: Any, *, forced: bool) -> None:
        """Add an update as it is; an object without an id gets the next."""
        if isinstance(raw, dict) and "update_id" not in raw:
            raw = {"update_id": self._next_id, **raw}
            self._next_id += 1
        self._pending.append(_Pending(raw=raw, forced=forced))
        self._changed.notify()

    async def poll(self, *, offset: int, limit: int, timeout: int, allowed: list[str] | None) -> list[Any]:
        """Answer getUpdates. Raises ApiError 409 when a webhook is set or another poll takes over."""
        if self.webhook is not None:
            raise conflict(_WEBHOOK_ACTIVE)
        if not 1 <= limit <= 100:
            limit = 100
        ticket = self._poller = object()
        self._changed.notify()
        self._allow(allowed)
        self._confirm(offset)
        deadline = time.monotonic() + min(max(timeout, 0), self.longest_poll)
        try:
            while True:
                ready = sorted(self._pending, key=lambda one: one.id or 0)[:limit]
                left = deadline - time.monotonic()
                if ready or left <= 0 or self._closed:
                    for one in ready:
                        one.given = True
                    return [one.raw for one in ready]
                await self._changed.wait(left)
                if self._poller is not ticket:
                    raise conflict(_OTHER_POLLER if self.webhook is None else "terminated by setWebhook request")
        finally:
            if self._poller is ticket:
                self._poller = None

    def _allow(self, allowed: list[str] | None) -> None:
        if allowed is not None:
            self.allowed = frozenset(allowed) or None

    def _confirm(self, offset: int) -> None:
        """Forget what the offset confirms; a negative one forgets all but that many from the end."""
        if offset < 0:
            self._pending = self._pending[offset:]
        self._pending = [
            one
            for one in self._pending
            if not (one.given and one.id is None)
            and not (one.id is not None and one.id < offset and (one.given or not one.forced))
        ]

    async def set_webhook(
        self, url: str, *, secret: str | None, allowed: list[str] | None, max_connections: int, drop: bool
    ) -> None:
        """Post updates to `url` from now on; an empty one removes the webhook. Only loopback addresses are called,
        for which plain HTTP and any port are good."""
        if url:
            _check_webhook(url, secret, max_connections)
        await self._stop_posting()
        self._poller = None
        self._allow(allowed)
        if drop:
            self._pending.clear()
        self.webhook = Webhook(url=url, secret=secret, max_connections=max_connections) if url else None
        if self.webhook is not None:
            self._poster = asyncio.create_task(self._post_all(self.webhook))
        self._changed.notify()

    def info(self) -> dict[str, Any]:
        """A WebhookInfo."""
        info: dict[str, Any] = {
            "url": self.webhook.url if self.webhook else "",
            "has_custom_certificate": False,
            "pending_update_count": len(self._pending),
        }
        if self.webhook is not None:
            info["max_connections"] = self.webhook.max_connections
            if self.webhook.error is not None:
                info |= {"last_error_message": self.webhook.error, "last_error_date": self.webhook.error_at}
        if self.allowed is not None:
            info["allowed_updates"] = sorted(self.allowed)
        return info

    async def close(self) -> None:
        """Let go of pollers and stop posting."""
        self._closed = True
        self._changed.notify()
        await self._stop_posting()

    async def _stop_posting(self) -> None:
        if self._poster is not None:
            self._poster.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._poster
            self._poster = None

    async def _post_all(self, webhook: Webhook) -> None:
        """Post the updates of each chat one after the other, those of different chats at once; as on the real server,
        one that fails holds up those behind it in its chat."""
        timeout = aiohttp.ClientTimeout(total=10)
        busy: set[int] = set()
        async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as posting:
            while True:
                for update in self._pending:
                    if len(busy) >= webhook.max_connections:
                        break
                    chat = _chat_of(update.raw)
                    if chat not in busy:
                        busy.add(chat)
                        posting.create_task(self._post_until_taken(session, webhook, update, busy))
                await self._changed.wait()

    async def _post_until_taken(
        self, session: aiohttp.ClientSession, webhook: Webhook, update: _Pending, busy: set[int]
    ) -> None:
        """Post an update until the bot takes it or it is given up; then its chat is not `busy` any more."""
        while (failure := await _post(session, webhook, update.raw)) is not None:
            webhook.error, webhook.error_at = failure, int(time.time())
            update.attempts += 1
            if update.attempts >= self._attempts:
                break
            await asyncio.sleep(min(self._backoff * 2 ** (update.attempts - 1), 0.5))
        self._pending.remove(update)
        busy.discard(_chat_of(update.raw))
        self._changed.notify()


def _chat_of(raw: Any) -> int:
    """The chat that an update is from; all that are from none share a queue."""
    for content in raw.values() if isinstance(raw, dict) else ():
        if isinstance(content, dict):
            message = content.get("message", content)
            chat = message.get("chat") if isinstance(message, dict) else None
            if isinstance(chat, dict) and type(chat.get("id")) is int:
                return int(chat["id"])
    return 0


async def _post(session: aiohttp.ClientSession, webhook: Webhook, raw: dict[str, Any]) -> str | None:
    """Post an update; what went wrong in the server's words, or None."""
    headers = {} if webhook.secret is None else {SECRET_HEADER: webhook.secret}
    try:
        async with session.post(webhook.url, json=raw, headers=headers) as response:
            if 200 <= response.status < 300:
                return None
            return f"Wrong response from the webhook: {response.status} {response.reason}"
    except (aiohttp.ClientError, TimeoutError) as error:
        return f"Connection failed: {type(error).__name__}"


def _check_webhook(url: str, secret: str | None, max_connections: int) -> None:
    address = urlsplit(url)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    try:
        loopback = address.hostname == "localhost" or ip_address(address.hostname).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise bad_request("bad webhook: the emulator calls loopback addresses only")
    if secret is not None and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", secret):
        raise bad_request("secret token contains unallowed characters")
    if not 1 <= max_connections <= 100:
        raise bad_request("max_connections must be from 1 to 100")
