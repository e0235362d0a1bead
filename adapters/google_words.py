"""What Google's services write, made fit to be shown to people. Pure."""

from __future__ import annotations

import re

_MENTION = re.compile(r"<(?=[^\w\t\n ]*@)")
"""The beginning of a mention, also of one that appears once signs that cannot be seen are taken out."""


def harmless(text: str) -> str:
    """The text without mentions. A person's name is written <@id> where the platform makes a mention of it, so whoever
    is named like that is notified; a model or a service names nobody, whatever it was told to write."""
    return _MENTION.sub("< ", text)
