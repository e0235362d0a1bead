"""The `Receiver` port on Slack: Socket Mode, or requests that the program's server passes to `handle`.

Something counts as received only when `receive` has returned for it; only then is it acknowledged, on either way. What
is done with each request is `intake`'s, the WebSocket `socket`'s, and Bolt (`bolt`) finds out which request is which.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Any

import structlog
from slack_bolt.async_app import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.signature import SignatureVerifier

from adapters.slack.bolt import NOT_NOW, RECEIVE, bolt_app, dispatched
from adapters.slack.connection import SlackConnection
from adapters.slack.intake import SlackIntake
from adapters.slack.missed import read_missed
from adapters.slack.pages import SlackPages
from adapters.slack.platform import SlackPlatform
from adapters.slack.socket import ANSWER_S, PING_S, SlackSocket
from adapters.slack.storing import Storing
from core.access import Access
from core.errors import ReelbotError, TemporaryError
from core.forms import Forms
from core.messages import ConversationKey
from core.overview import Overviews
from core.ports import Clock, Receive, WebhookAnswer

TIMESTAMP_HEADER = "x-slack-request-timestamp"
SIGNATURE_HEADER = "x-slack-signature"
_LONGEST_PAUSE_S = 60.0
_WATCH_S = 300.0
_STOPPED = "Slack: stopped"

_log = structlog.get_logger(__name__)


class SlackReceiver:
    """Listens for one app in one workspace: over Socket Mode when the connection has an app token, else by `handle`.

    on_it: what a command that begins a wish is answered at once, to the person alone
    slow_text: what a command is answered that takes long to store
    stranger_text: what somebody who is not let in is told; "{id}" stands for their id; empty: nothing
    stranger_place_text: what is said in a channel that is not on the list; "{channel}" stands for its id
    prompts, prompts_title: title and message of what people could say, and the line above
    signing_secret: what requests are signed with; without it `handle` takes none
    allowed_users, allowed_channels, allowed_teams: see `Access`; the channels are no matter in direct messages
    patience_s: seconds within which a form is found and opened; Slack wants an acknowledgement within three
    storing_s: seconds after which what is not stored yet is acknowledged, except for events
    ping_s, answer_s: see `SlackSocket`

    Raises ValueError when there is neither an app token nor a signing secret.
    """

    def __init__(
        self,
        connection: SlackConnection,
        platform: SlackPlatform,
        *,
        clock: Clock,
        forms: Forms,
        overviews: Overviews,
        on_it: str,
        slow_text: str,
        stranger_text: str,
        stranger_place_text: str,
        prompts: Sequence[tuple[str, str]],
        prompts_title: str,
        signing_secret: str = "",
        allowed_users: AbstractSet[str] = frozenset(),
        allowed_channels: AbstractSet[str] = frozenset(),
        allowed_teams: AbstractSet[str] = frozenset(),
        patience_s: float = 2.0,
        storing_s: float = 2.5,
        ping_s: float = PING_S,
        answer_s: float = ANSWER_S,
    ) -> None:
        if not connection.app_token and not signing_secret.strip():
            raise ValueError("Slack needs an app-level token, or the signing secret, or anybody could post to the bot.")
        self._connection = connection
        self._clock = clock
        self._verifier = SignatureVerifier(signing_secret) if signing_secret.strip() else None
        self._ping_s = ping_s
        self._answer_s = answer_s
        self._pages = SlackPages(
            connection, clock=clock, overviews=overviews, prompts=prompts, prompts_title=prompts_title
        )
        self._storing = Storing(clock=clock, patience_s=storing_s)
        intake = SlackIntake(
            connection,
            platform,
            clock=clock,
            access=Access(users=allowed_users, chats=allowed_channels, teams=allowed_teams, private_open=True),
            forms=forms,
            pages=self._pages,
            storing=self._storing,
            on_it=on_it,
            slow_text=slow_text,
            stranger_text=stranger_text,
            stranger_place_text=stranger_place_text,
            patience_s=patience_s,
        )
        self._intake = intake
        self._app = bolt_app(connection, intake)
        self._socket: SlackSocket | None = None
        self._problem = "Slack: not connected yet"
        self._last_good: datetime | None = None
        self._failures = 0

    async def run(self, receive: Receive) -> None:
        """Take in what comes until cancelled, whatever the network does."""
        try:
            await self._identify()
            if self._connection.app_token:
                await self._listen(receive)
            else:
                while True:
                    await self._clock.sleep(_WATCH_S)
                    await self._identify()
        finally:
            self._problem = _STOPPED
            await self._storing.close()
            await self._pages.close()

    def healthy(self, now: datetime) -> str:
        """Empty when it is receiving; otherwise what is wrong, for the operator."""
        if self._problem:
            return self._problem
        if self._socket is not None:
            return f"Slack: Socket Mode: {self._socket.problem}" if self._socket.problem else ""
        if self._last_good is None or now - self._last_good > timedelta(seconds=_WATCH_S + _LONGEST_PAUSE_S):
            since = "ever" if self._last_good is None else f"since {self._last_good:%Y-%m-%d %H:%M:%S} UTC"
            return f"Slack: no answer {since}"
        return ""

    async def read_back(self, key: ConversationKey, since: datetime, receive: Receive) -> None:
        """Hand on what was written in a thread since then. Raises TemporaryError and PermanentError."""
        await read_missed(self._connection, self._intake, key, since, receive)

    async def handle(self, headers: Mapping[str, str], body: bytes, receive: Receive) -> WebhookAnswer:
        """One request of Slack's. Answers 200: stored, or nothing for us; 401: not from Slack, or too old; 400: cannot
        be read; 503: not now, Slack posts events again."""
        given = {name.lower(): value for name, value in headers.items()}
        if not self._genuine(given, body):
            _log.warning("slack_request_forbidden")
            return WebhookAnswer(status=401)
        try:
            request = _request(body.decode(), receive, given)
        except (ValueError, RecursionError):
            _log.warning("slack_request_unreadable", size=len(body))
            return WebhookAnswer(status=400)
        if request is None:
            return WebhookAnswer(status=200)
        known = self._connection.installation is not None and self._problem != _STOPPED
        if not known and request.body.get("type") != "url_verification":
            return WebhookAnswer(status=NOT_NOW)
        response = await dispatched(self._app, request)
        return WebhookAnswer(
            status=response.status, body=response.body, content_type=response.first_headers()["content-type"]
        )

    def _genuine(self, headers: Mapping[str, str], body: bytes) -> bool:
        timestamp, signature = headers.get(TIMESTAMP_HEADER), headers.get(SIGNATURE_HEADER)
        if self._verifier is None or timestamp is None or signature is None:
            return False
        try:
            return self._verifier.is_valid(body, timestamp, signature)
        except (ValueError, TypeError):  # a time that is no number, a signature or a body that is no text
            return False

    # --- Socket Mode -------------------------------------------------------------------------------------------------

    async def _listen(self, receive: Receive) -> None:
        async def take(envelope: Mapping[str, Any]) -> dict[str, Any] | None:
            return await self._take(envelope, receive)

        self._socket = SlackSocket(
            self._connection, clock=self._clock, take=take, ping_s=self._ping_s, answer_s=self._answer_s
        )
        await self._socket.run()

    async def _take(self, envelope: Mapping[str, Any], receive: Receive) -> dict[str, Any] | None:
        payload = envelope.get("payload")
        try:
            request = _request(payload, receive, {}) if isinstance(payload, dict) else None
        except (ValueError, RecursionError):
            request = None
        if request is None:
            return {}
        response = await dispatched(self._app, request)
        return _carried(response) if response.status == 200 else None

    # --- who the bot is ----------------------------------------------------------------------------------------------

    async def _identify(self) -> None:
        """Ask Slack who the bot is until it says so."""
        while True:
            try:
                await self._connection.identify()
            except Exception as error:  # whatever it is, it is tried again
                await self._wait(error)
            else:
                break
        if self._failures:
            _log.info("slack_receiving_again", failures=self._failures)
        self._failures = 0
        self._problem = ""
        self._last_good = self._clock.now()

    async def _wait(self, error: Exception) -> None:
        """Say what is wrong, and pause: as long as Slack asks, else 1 s, doubling up to a minute."""
        self._failures += 1
        asked = error.retry_after if isinstance(error, TemporaryError) else None
        pause = asked if asked is not None else min(2.0 ** min(self._failures - 1, 10), _LONGEST_PAUSE_S)
        reason = str(error) if isinstance(error, ReelbotError) else type(error).__name__
        self._problem = f"Slack: auth.test fails: {reason}"
        _log.warning("slack_receive_failed", call="auth.test", reason=reason, pause_s=pause, failures=self._failures)
        await self._clock.sleep(pause)


def _request(body: str | dict[str, Any], receive: Receive, headers: dict[str, str]) -> AsyncBoltRequest | None:
    """The request for Bolt; None for one whose form it stumbles over. Raises ValueError and RecursionError for what is
    no JSON."""
    mode = "http" if isinstance(body, str) else "socket_mode"
    try:
        return AsyncBoltRequest(body=body, headers=dict(headers), context={RECEIVE: receive}, mode=mode)
    except (ValueError, RecursionError):
        raise
    except Exception as error:
        _log.warning("slack_request_malformed", error=type(error).__name__)
        return None


def _carried(response: BoltResponse) -> dict[str, Any]:
    """An acknowledgement as Socket Mode carries it."""
    if not response.body:
        return {}
    if response.first_headers().get("content-type", "").startswith("application/json"):
        carried: dict[str, Any] = json.loads(response.body)
        return carried
    return {"text": response.body}
