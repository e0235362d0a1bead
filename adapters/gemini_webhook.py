"""What the Gemini API posts when an interaction has ended: checked for its signature and read. Pure but for the clock
that the signature's age is held against.

It is a webhook of the project, registered once; the secret comes from its registration. The event names the
interaction only, so whatever matters is asked of the service by id. (Webhooks of single requests are signed in another
way and are not used.)
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping

from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

from core.errors import PermanentError, TemporaryError
from core.news import OperationNews
from core.ports import WebhookAnswer

ENDED = frozenset({"interaction.completed", "interaction.failed"})
MAX_ID = 500
"""Longest id, in characters, that is taken for one."""

Hear = Callable[[OperationNews], Awaitable[None]]


class GeminiWebhook:
    """Takes in the calls of one registered webhook. Raises PermanentError for a secret that is none."""

    def __init__(self, secret: str) -> None:
        try:
            self._webhook = Webhook(secret)
        except (ValueError, EmptyWebhookSecretError) as error:
            raise PermanentError("GEMINI_WEBHOOK_SECRET is not a secret like whsec_ and base64.") from error

    async def handle(self, headers: Mapping[str, str], body: bytes, hear: Hear) -> WebhookAnswer:
        """Verify a call and pass on what it says; headers have names in lower case. Answers 401 to what is not signed
        with the secret, or older than five minutes, and 503 when it cannot be kept now: the service tries again."""
        try:
            self._webhook.verify(body, dict(headers), json_parse=False)
        except (WebhookVerificationError, ValueError):
            # ValueError: a signature that is none, or a body that is no text.
            return WebhookAnswer(status=401)
        news = read_event(body)
        if news is not None:
            try:
                await hear(news)
            except TemporaryError:
                return WebhookAnswer(status=503)
        return WebhookAnswer(status=200)


def read_event(body: bytes) -> OperationNews | None:
    """What an event says; None for one that says nothing to us, or makes no sense."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or _text(event.get("type")) not in ENDED:
        return None
    data = event.get("data")
    operation = _text(data.get("id")) if isinstance(data, dict) else ""
    if not operation:
        return None
    metadata = event.get("user_metadata")
    if not isinstance(metadata, dict) and isinstance(data, dict):
        metadata = data.get("user_metadata")
    return OperationNews(
        operation=operation, order_key=_text(metadata.get("order")) if isinstance(metadata, dict) else ""
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= MAX_ID else ""
