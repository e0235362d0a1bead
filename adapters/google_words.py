"""What Google's services write, made fit to be shown to people. Pure."""

from __future__ import annotations

import re

_MENTION = re.compile(r"<(?=[^\w\t\n ]*@)")
"""The beginning of a mention, also of one that appears once signs that cannot be seen are taken out."""


_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What a terminal or a reader's screen would obey: control characters, and signs that turn the writing's direction."""


def harmless(text: str) -> str:
    """The text without mentions and without what is obeyed instead of shown. A person's name is written <@id> where the
    platform makes a mention of it, so whoever is named like that is notified; a model or a service names nobody,
    whatever it was told to write."""
    return _MENTION.sub("< ", _OBEYED.sub("", text))
