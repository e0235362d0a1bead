"""The app's connection to Slack: one HTTP session, the SDK's client, who the bot is, and files there and back.

The bot's token leaves this module only for Slack's own hosts. The SDK repeats nothing by itself here: what may be
repeated is known to whoever calls.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Coroutine
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from yarl import URL

from adapters.slack import failures
from adapters.slack.parsing import Installation
from adapters.slack.scopes import SCOPES
from core.errors import PermanentError, TemporaryError

PUBLIC_SERVER = "https://slack.com/api/"
CONNECT_S = 10.0
SLOWEST_UPLOAD = 50_000
"""Bytes a second below which an upload is given up."""
CHUNK = 1 << 18
_REDIRECTS = 3
_SLACKS_OWN = ("slack.com", "slack-edge.com")

_log = structlog.get_logger(__name__)
_quiet = logging.getLogger("reelbot.slack_sdk")
_quiet.setLevel(logging.WARNING)
"""Below that the SDK writes whole requests and answers."""


class SlackConnection:
    """One app in one workspace, shared by the platform and the receiver.

    bot_token: "xoxb-…"
    app_token: "xapp-…" for Socket Mode; empty when Slack posts to us
    api_url: where the Web API is
    timeout_s: seconds until a call has to be answered; uploads get more
    loopback_only: refuse any server but one on this machine (under test)

    Raises ValueError for a token or an address of another form.
    """

    def __init__(
        self,
        *,
        bot_token: str,
        app_token: str = "",
        api_url: str = PUBLIC_SERVER,
        timeout_s: float = 30.0,
        loopback_only: bool = False,
    ) -> None:
        if not _looks_like(bot_token, "xoxb-"):
            raise ValueError("A Slack bot token looks like xoxb-…; the app's page gives it out under OAuth.")
        if app_token and not _looks_like(app_token, "xapp-"):
            raise ValueError("A Slack app-level token looks like xapp-…; the app's page gives it out.")
        self._api = _address(api_url)
        if loopback_only and not _on_this_machine(self._api.host or ""):
            raise ValueError("Only a Slack server on this machine may be used here.")
        self.app_token = app_token
        self.installation: Installation | None = None
        """Who the bot is; None until `identify` has succeeded."""
        self.scopes: frozenset[str] = frozenset()
        """What the token may do, as Slack says it; empty until then."""
        self._token = bot_token
        self._timeout_s = timeout_s
        self._loopback_only = loopback_only
        self.client: AsyncWebClient = _Client(bot_token, api_url, timeout_s)
        if loopback_only:
            self.client.proxy = None
        self._aside: set[asyncio.Task[None]] = set()

    async def identify(self) -> Installation:
        """Ask Slack who the bot is and what its token may do. Raises TemporaryError and PermanentError."""
        with failures.mapped(named=True):
            answer = await self.client.auth_test()
        team, user = answer.get("team_id"), answer.get("user_id")
        if not isinstance(team, str) or not isinstance(user, str):
            raise TemporaryError("Slack's answer does not say who the bot is.")
        scopes = str(answer.headers.get("x-oauth-scopes") or "")
        self.scopes = frozenset(scope.strip() for scope in scopes.split(",") if scope.strip())
        self.installation = Installation(
            team=team, bot_user=user, bot=str(answer.get("bot_id") or ""), app=str(answer.get("app_id") or "")
        )
        return self.installation

    async def check(self) -> tuple[str, ...]:
        """Ask Slack whether the tokens are good; returns the scopes that the bot's token lacks. Raises TemporaryError
        and PermanentError, which say which token it is about."""
        await self.identify()
        if self.app_token:
            await self.socket_url()
        # Without the header nothing is known of them.
        return tuple(sorted(SCOPES - self.scopes)) if self.scopes else ()

    async def socket_url(self) -> object:
        """What Slack says is the address for a connection of Socket Mode. Raises TemporaryError and PermanentError."""
        with failures.mapped(named=True):
            try:
                answer = await self.client.apps_connections_open(app_token=self.app_token)
            except SlackApiError as error:
                if isinstance(failures.meaning(error), TemporaryError):
                    raise
                why = failures.word(error)[:100]
                raise PermanentError(
                    f"Slack does not take the app-level token ({why}): it has to be this app's, with connections:write."
                ) from None
        return answer.get("url")

    async def upload(self, url: str, path: Path) -> None:
        """Stream a file to the address that Slack gave for it; the address is the permission, so no token goes there.
        Raises TemporaryError and PermanentError."""
        address = self._trusted(url)
        headers = {"Content-Type": "application/octet-stream"}
        with failures.mapped():
            timeout = aiohttp.ClientTimeout(
                total=CONNECT_S + path.stat().st_size / SLOWEST_UPLOAD + self._timeout_s,
                sock_connect=CONNECT_S,
                sock_read=self._timeout_s,
            )
            with path.open("rb") as file:  # aiohttp reads it in a thread, piece by piece
                async with self._session().post(
                    address, data=file, headers=headers, timeout=timeout, allow_redirects=False, proxy=self.client.proxy
                ) as response:
                    await response.read()
            if response.status in (400, 403, 404, 410):
                # An address is good once: the next attempt is given another one.
                _log.info("slack_upload_refused", status=response.status)
                raise TemporaryError("Slack did not take the upload.")
            if response.status >= 300:
                raise failures.of_status(response.status, response.headers)

    async def download(self, url: str, destination: Path, *, limit: int) -> tuple[int, str]:
        """Stream a file of Slack's to `destination`; returns its bytes and content type.

        limit: bytes, beyond which it is given up
        Raises PermanentError for a foreign address and a file that is too large, and TemporaryError."""
        address = self._trusted(url)
        headers = {"Authorization": f"Bearer {self._token}"}
        # No limit on the whole: only silence ends it.
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=self._timeout_s)
        with failures.mapped():
            for _ in range(1 + _REDIRECTS):
                async with self._session().get(
                    address, headers=headers, timeout=timeout, allow_redirects=False, proxy=self.client.proxy
                ) as response:
                    if 300 <= response.status < 400:
                        address = self._trusted(str(address.join(URL(response.headers.get("Location", "")))))
                        continue
                    if response.status != 200:
                        raise failures.of_status(response.status, response.headers)
                    return await _written(response, destination, limit), response.content_type
        raise PermanentError("Slack sends us from one address to the next for this file.")

    def aside(self, work: Coroutine[Any, Any, None]) -> None:
        """Let `work`, which raises nothing, go on by itself, at the longest until `close`."""
        task = asyncio.get_running_loop().create_task(work)
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)

    async def close(self) -> None:
        """End what still goes on, and the session."""
        left = list(self._aside)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        session, self.client.session = self.client.session, None
        if session is not None:
            await session.close()

    def _session(self) -> aiohttp.ClientSession:
        return _opened(self.client, self._timeout_s)

    def _trusted(self, url: str) -> URL:
        """The address, if it is one of Slack's. Raises PermanentError."""
        try:
            address = URL(url)
        except ValueError:
            address = URL()
        host = (address.host or "").lower()
        if self._loopback_only:
            trusted = _on_this_machine(host)
        else:
            own = (self._api.host or "").lower()
            trusted = (address.scheme, host) == (self._api.scheme, own) or (
                address.scheme == "https" and any(_within(host, one) for one in (*_SLACKS_OWN, own))
            )
        if not trusted or address.user or address.password:
            raise PermanentError("That address is not one of Slack's.")
        return address


class _Client(AsyncWebClient):
    """The SDK's client with a session that is made at the first call, and without repeats."""

    def __init__(self, token: str, api_url: str, timeout_s: float) -> None:
        super().__init__(token=token, base_url=api_url, timeout=round(timeout_s), logger=_quiet, retry_handlers=[])
        self._timeout_s = timeout_s

    async def _request(self, *, http_verb: str, api_url: str, req_args: dict[str, Any]) -> dict[str, Any]:
        _opened(self, self._timeout_s)
        answer = await super()._request(http_verb=http_verb, api_url=api_url, req_args=req_args)
        # Anything but an object is no answer of the Web API's, and the SDK stumbles over it.
        return answer if isinstance(answer["data"], dict) else {**answer, "data": {}}


def _opened(client: AsyncWebClient, timeout_s: float) -> aiohttp.ClientSession:
    if client.session is None or client.session.closed:
        timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=CONNECT_S)
        client.session = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())
    return client.session


async def _written(response: aiohttp.ClientResponse, destination: Path, limit: int) -> int:
    size = 0
    with destination.open("wb") as file:
        async for chunk in response.content.iter_chunked(CHUNK):
            size += len(chunk)
            if size > limit:
                raise PermanentError(f"The file is larger than {limit >> 20} MB.")
            await asyncio.to_thread(file.write, chunk)
    return size


def _looks_like(token: str, kind: str) -> bool:
    return re.fullmatch(rf"{kind}[!-~]+", token) is not None


def _address(api_url: str) -> URL:
    try:
        address = URL(api_url)
    except ValueError:
        address = URL()
    if address.scheme not in ("http", "https") or not address.host:
        raise ValueError(f"The Slack server's address must look like {PUBLIC_SERVER}.")
    return address


def _within(host: str, domain: str) -> bool:
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def _on_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
