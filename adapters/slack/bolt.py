"""Bolt's part: which listener a request of Slack's belongs to, and how it is acknowledged.

Bolt is told to work before it answers, so nothing is acknowledged before a listener has returned. It is kept from all
that it would do by itself: its own tokens, its own log lines (which show what people wrote), and dropping or answering
requests without us. What is done with each request is left to the listeners.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext, AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse

from adapters.slack.connection import SlackConnection
from core.errors import TemporaryError
from core.ports import Receive

Answer = str | dict[str, Any]
"""What an acknowledgement says: nothing (the empty string), a text for the person alone, or an object."""
Body = Mapping[str, Any]

RECEIVE = "receive"
"""Where a request carries the `Receive` that it is for."""
NOT_NOW = 503
"""Answered when something was not stored: Slack sends events again."""

_ANY = re.compile("")

_log = structlog.get_logger(__name__)


class Listeners(Protocol):
    """What is done with requests; each gets the whole payload and returns what the acknowledgement says. When one
    raises, nothing is acknowledged."""

    async def event(self, body: Body, receive: Receive) -> Answer:
        """Somebody wrote something, or pressed Stop."""
        ...

    async def visit(self, body: Body, receive: Receive) -> Answer:
        """Somebody opened the app's own pages."""
        ...

    async def command(self, body: Body, receive: Receive) -> Answer:
        """A slash command."""
        ...

    async def shortcut(self, body: Body, receive: Receive) -> Answer:
        """The message shortcut."""
        ...

    async def press(self, body: Body, receive: Receive) -> Answer:
        """A button, or a choice in a menu."""
        ...

    async def submission(self, body: Body, receive: Receive) -> Answer:
        """A form that was filled in."""
        ...


class _NotTaken(Exception):
    """A listener did not take a request."""


def bolt_app(connection: SlackConnection, listeners: Listeners) -> AsyncApp:
    """The app that dispatches; it makes no calls, and verifies no signatures: that is done before it reads anything."""

    async def authorize(**_: object) -> AuthorizeResult:
        # With a function of ours Bolt never asks an installation store, whatever the environment makes it set up.
        known = connection.installation
        if known is None:
            raise TemporaryError("Slack has not said who the bot is.")
        return AuthorizeResult(
            enterprise_id=None,
            team_id=known.team,
            bot_id=known.bot,
            bot_user_id=known.bot_user,
            bot_token=connection.client.token,
        )

    app = AsyncApp(
        name="slack_bolt.reelbot",
        logger=_silence(),
        client=connection.client,
        authorize=authorize,
        process_before_response=True,
        request_verification_enabled=False,
        ignoring_self_events_enabled=False,
        attaching_function_token_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )
    event, visit = _listener(listeners.event), _listener(listeners.visit)
    app.event("message")(event)
    app.event("app_mention")(event)
    app.event("agent_session_stopped")(event)
    app.event("app_home_opened")(visit)
    app.command(_ANY)(_listener(listeners.command))
    app.message_shortcut("make_video")(_listener(listeners.shortcut))
    app.action(_ANY)(_listener(listeners.press))
    app.view("form")(_listener(listeners.submission))
    app.error(_failed)
    return app


async def dispatched(app: AsyncApp, request: AsyncBoltRequest) -> BoltResponse:
    """What Slack is answered. What is of no interest, or makes no sense, is acknowledged, or it would come again."""
    try:
        response = await app.async_dispatch(request)
    except Exception as error:
        # Some payloads make Bolt stumble once more while it handles the error that they caused.
        return _malformed(request.body, error)
    if response.status == 404:
        _log.info("slack_request_ignored", type=_kind(request.body))
        return BoltResponse(status=200)
    return response


def _listener(take: Callable[[Body, Receive], Awaitable[Answer]]) -> Callable[..., Awaitable[None]]:
    async def listener(ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
        try:
            answer = await take(body, context[RECEIVE])
        except Exception as error:
            _log.warning("slack_request_not_taken", type=_kind(body), error=type(error).__name__)
            raise _NotTaken from error
        await ack(answer)

    return listener


async def _failed(error: Exception, body: Body) -> BoltResponse:
    """An error of a listener, or of Bolt itself, which stumbles over payloads of a form that it does not expect."""
    if isinstance(error, _NotTaken | TemporaryError):
        return BoltResponse(status=NOT_NOW)
    return _malformed(body, error)


def _malformed(body: object, error: Exception) -> BoltResponse:
    _log.warning("slack_request_malformed", type=_kind(body), error=type(error).__name__)
    return BoltResponse(status=200)


def _kind(body: object) -> str:
    """What a request is, for the log: the event's type, or the request's own. Only a text is shown: what goes deep
    enough to be read, but no deeper, would raise."""
    if not isinstance(body, Mapping):
        return ""
    event = body.get("event")
    kind = event.get("type") if isinstance(event, Mapping) else body.get("type")
    return kind[:40] if isinstance(kind, str) else ""


def _silence() -> logging.Logger:
    """A logger from which Bolt takes over, for all of its own, that nothing is to be written."""
    silent = logging.Logger("slack_bolt.reelbot", logging.CRITICAL + 1)
    silent.disabled = True
    return silent
