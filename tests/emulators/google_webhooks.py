"""The webhook that a project has registered with the Gemini API: signed by the Standard Webhooks rule, and posted again
until somebody takes it.

The real service tries for a day; here a few times in quick succession, so that a test ends.
"""

import asyncio
import base64
import datetime
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import aiohttp

ATTEMPTS = 5
PAUSE_S = 0.05
"""Between attempts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One post of an event. status: of the answer, None when there was none"""

    uri: str
    body: dict[str, Any]
    headers: dict[str, str]
    status: int | None


@dataclass(slots=True)
class Webhooks:
    """Posts events. secret: "whsec_" and base64, or plain text; None keeps everything quiet

    endpoint: where the project's registered webhook points; empty where there is none
    copies: how often each event arrives; the service promises at least once
    """

    secret: str | None = None
    endpoint: str = ""
    copies: int = 1
    sent: list[Delivery] = field(default_factory=list)

    async def post(self, *, kind: str, interaction_id: str, user_metadata: dict[str, Any] | None) -> None:
        """Send the thin event that names an interaction by its id."""
        if self.secret is None:
            return
        uri = self.endpoint
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        event: dict[str, Any] = {
            "type": kind,
            "version": "v1",
            "timestamp": now,
            "data": {"id": interaction_id},
        }
        if user_metadata is not None:
            event["user_metadata"] = user_metadata
        message_id = f"msg_{secrets.token_hex(12)}"
        async with aiohttp.ClientSession() as session:
            for _ in range(self.copies):
                for _ in range(ATTEMPTS):
                    if await self._once(session, uri, message_id, event):
                        break
                    await asyncio.sleep(PAUSE_S)

    async def _once(self, session: aiohttp.ClientSession, uri: str, message_id: str, event: dict[str, Any]) -> bool:
        body = json.dumps(event)
        stamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": stamp,
            "webhook-signature": sign(self.secret or "", f"{message_id}.{stamp}.{body}"),
        }
        status: int | None = None
        try:
            async with session.post(uri, data=body, headers=headers, timeout=aiohttp.ClientTimeout(5)) as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError):
            pass  # nobody there: the next attempt may find somebody
        self.sent.append(Delivery(uri=uri, body=event, headers=headers, status=status))
        return status is not None and 200 <= status < 300


def sign(secret: str, content: str) -> str:
    """The webhook-signature of `id.timestamp.body`."""
    coded = secret.startswith("whsec_")
    key = base64.b64decode(secret.removeprefix("whsec_")) if coded else secret.encode()
    return "v1," + base64.b64encode(hmac.new(key, content.encode(), hashlib.sha256).digest()).decode()
