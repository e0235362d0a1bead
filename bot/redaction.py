"""Takes secrets out of text before anybody can read it.

Used for logs and for error sentences. Where the text goes is up to the caller.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from pydantic import SecretStr

MASK = "•••"

MIN_SECRET = 6
"""Characters a secret needs to be searched for: shorter ones would blank out ordinary words."""

SHAPES = re.compile(
    r"""
      (?<![0-9])[0-9]{3,}:[A-Za-z0-9_-]{30,}          # a Telegram bot token, also inside an address
    | AIza[A-Za-z0-9_-]{30,}                          # a Google API key
    | AQ\.[A-Za-z0-9_-]{20,}                          # a Google API key of the newer form
    | ya29\.[A-Za-z0-9._-]{10,}                       # a Google access token
    | xox[a-z]-[A-Za-z0-9-]{10,}                      # a Slack token
    | xapp-[A-Za-z0-9-]{10,}
    | whsec_[A-Za-z0-9+/=_-]{20,}                     # what events are signed with
    | (?<=hooks\.slack\.com/)[^\s"'<>]{10,}           # where an answer to a tap may be posted
    # A signed JSON token. It begins where nothing of its kind stands before it, or a long text would be read for ever.
    | (?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*
    | -----BEGIN[ A-Z]*PRIVATE[ ]KEY-----[\s\S]*?(?:-----END[ A-Z]*PRIVATE[ ]KEY-----|\Z)
    | (?<=/v/)[A-Za-z0-9_-]{30,}                      # the token of a link to a clip
    """,
    re.VERBOSE,
)
USER_INFO = re.compile(r"(?<=://)([^\s/@:]*):[^\s/@]+@")
"""A password inside an address."""


class Redactor:
    """Replaces the given secrets, and everything that has the shape of one, by `MASK`."""

    def __init__(self, secrets: Iterable[SecretStr] = ()) -> None:
        values = {secret.get_secret_value() for secret in secrets}
        written = {form for value in values for form in _forms(value) if len(form) >= MIN_SECRET}
        # The longest first, so that no secret leaves the tail of a longer one behind.
        ordered = sorted(written, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __call__(self, text: str) -> str:
        """The text without the secrets."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        return USER_INFO.sub(rf"\1:{MASK}@", SHAPES.sub(MASK, text))


def _forms(value: str) -> tuple[str, str]:
    """The value as it is, and as it looks inside a JSON string."""
    return value, json.dumps(value)[1:-1]
