"""Signed links to clips: who has one may watch that clip until the link expires, and nothing else.

A token is base64url(expiry, file's name, signature). Where it is served is `bot.server`'s work.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime

from core.errors import PermanentError

EXPIRY_BYTES = 5
"""Seconds since 1970; four bytes would end in 2106."""
SIGNATURE_BYTES = 16
"""Half of HMAC-SHA256: still 2**128 guesses, and a link that fits on a line."""
MAX_TOKEN = 1_000
PURPOSE = b"reelbot link 1\0"
"""Keeps the signature from being used for anything else under the same secret."""


class LinkForged(PermanentError):
    """This link is not valid."""


class LinkExpired(PermanentError):
    """This link has expired."""


def sign(name: str, expires_at: datetime, secret: str) -> str:
    """A token that gives access to the file `name` until `expires_at`, safe in an address."""
    payload = int(expires_at.astimezone(UTC).timestamp()).to_bytes(EXPIRY_BYTES, "big") + name.encode()
    return base64.urlsafe_b64encode(payload + _signature(payload, secret)).rstrip(b"=").decode()


def verify(token: str, now: datetime, secret: str) -> str:
    """The file that the token gives access to; raises LinkForged and LinkExpired."""
    if len(token) > MAX_TOKEN:
        raise LinkForged
    try:
        signed = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise LinkForged from error
    payload, signature = signed[:-SIGNATURE_BYTES], signed[-SIGNATURE_BYTES:]
    if len(payload) <= EXPIRY_BYTES or not hmac.compare_digest(signature, _signature(payload, secret)):
        raise LinkForged
    if now.timestamp() >= int.from_bytes(payload[:EXPIRY_BYTES], "big"):
        raise LinkExpired
    return payload[EXPIRY_BYTES:].decode()


def _signature(payload: bytes, secret: str) -> bytes:
    return hmac.new(secret.encode(), PURPOSE + payload, hashlib.sha256).digest()[:SIGNATURE_BYTES]
