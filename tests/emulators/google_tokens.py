"""Google's token endpoint for service accounts, and the check of the tokens it gave out.

It takes the JWT bearer grant of RFC 7523 as Google documents it; other grants are left out.
"""

import base64
import functools
import json
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.emulators.google_wire import Call, Route, WireError

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
PUBLIC_AUDIENCE = "https://oauth2.googleapis.com/token"
"""google-auth names this audience whatever the account file's token_uri says."""
CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
STORAGE_SCOPES = frozenset(
    {CLOUD_PLATFORM}
    | {f"https://www.googleapis.com/auth/devstorage.{right}" for right in ("read_only", "read_write", "full_control")}
)
LONGEST_GRANT_S = 3600
CLOCK_SKEW_S = 300


class _GrantError(Exception):
    """An answer in OAuth's own error form."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error


@dataclass(slots=True)
class Tokens:
    """The accounts and tokens of one project. lifetime: of a token, in seconds"""

    project: str
    url: str = ""
    lifetime: int = 3599
    email: str = ""
    _key_id: str = field(default_factory=lambda: secrets.token_hex(20))
    _granted: dict[str, tuple[float, frozenset[str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.email = f"reelbot@{self.project}.iam.gserviceaccount.com"

    def routes(self) -> list[Route]:
        """The calls served here."""
        return [Route(name="token", method="POST", path="/token", handler=self._grant, access="none")]

    @property
    def key(self) -> rsa.RSAPrivateKey:
        """The account's key."""
        return _key_of(self.project)

    def write_account(self, folder: Path) -> Path:
        """Write the service-account file, readable by the owner alone, and return its path."""
        private = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path = folder / "service-account.json"
        path.write_text(
            json.dumps(
                {
                    "type": "service_account",
                    "project_id": self.project,
                    "private_key_id": self._key_id,
                    "private_key": private.decode(),
                    "client_email": self.email,
                    "client_id": "100000000000000000001",
                    "token_uri": f"{self.url}/token",
                    "universe_domain": "googleapis.com",
                },
                indent=2,
            )
        )
        path.chmod(0o600)
        return path

    def expire(self) -> None:
        """Make every token given out so far worthless."""
        self._granted.clear()

    def check(self, headers: Any, scopes: frozenset[str]) -> None:
        """Raise WireError 401 or 403 unless the request carries a token for one of `scopes`."""
        kind, _, token = headers.get("Authorization", "").partition(" ")
        if kind != "Bearer" or not token:
            raise WireError(
                401,
                "Request is missing required authentication credential. Expected OAuth 2 access token, login "
                "cookie or other valid authentication credential.",
            )
        expires, granted = self._granted.get(token, (0.0, frozenset()))
        if expires <= time.monotonic():
            raise WireError(
                401,
                "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie "
                "or other valid authentication credential.",
            )
        if not granted & scopes:
            raise WireError(403, "Request had insufficient authentication scopes.")

    async def _grant(self, request: web.Request, call: Call) -> web.StreamResponse:
        form = {name: values[-1] for name, values in parse_qs(call.raw.decode(errors="replace")).items()}
        try:
            scopes = self._checked(form)
        except _GrantError as error:
            return web.json_response({"error": error.error, "error_description": str(error)}, status=400)
        token = f"ya29.{secrets.token_urlsafe(48)}"
        self._granted[token] = (time.monotonic() + self.lifetime, scopes)
        return web.json_response({"access_token": token, "expires_in": self.lifetime, "token_type": "Bearer"})

    def _checked(self, form: dict[str, str]) -> frozenset[str]:
        if form.get("grant_type") != GRANT:
            raise _GrantError("unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type', '')}")
        try:
            signed, _, signature = form.get("assertion", "").rpartition(".")
            head, claims = (json.loads(_unpadded(part)) for part in signed.split("."))
            proof = _unpadded(signature)
        except ValueError as error:
            raise _GrantError("invalid_grant", "Invalid JWT: Failed to parse.") from error
        if head.get("alg") != "RS256" or head.get("kid") not in (None, self._key_id):
            raise _GrantError("invalid_grant", "Invalid JWT: unknown key or algorithm.")
        if claims.get("iss") != self.email:
            raise _GrantError("invalid_grant", "Invalid grant: account not found")
        try:
            self.key.public_key().verify(proof, signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature as error:
            raise _GrantError("invalid_grant", "Invalid JWT Signature.") from error
        if claims.get("aud") not in (PUBLIC_AUDIENCE, f"{self.url}/token"):
            raise _GrantError("invalid_grant", f"Invalid JWT audience: {claims.get('aud')}")
        now, issued, expires = time.time(), claims.get("iat", 0), claims.get("exp", 0)
        if not (issued - CLOCK_SKEW_S <= now < expires + CLOCK_SKEW_S) or expires - issued > LONGEST_GRANT_S:
            raise _GrantError(
                "invalid_grant",
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
                "Check your iat and exp values in the JWT claim.",
            )
        scopes = frozenset(claims.get("scope", "").split())
        if not scopes:
            raise _GrantError("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        return scopes


@functools.cache
def _key_of(project: str) -> rsa.RSAPrivateKey:
    """Made once a process, since making one takes a fifth of a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _unpadded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
