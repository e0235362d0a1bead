"""Texts cut to size for Slack. Pure.

A size is counted in bytes of the text as Slack keeps it, escaped, because Slack does not say what its limits count.
"""

from __future__ import annotations

import html

ELLIPSIS = "…"


def split(text: str, room: int) -> list[str]:
    """The text in parts of at most this size, cut at the last empty line, line or space in the second half of a
    part, else anywhere."""
    parts: list[str] = []
    while (end := _fitting(text, room)) < len(text):
        for gap in ("\n\n", "\n", " "):
            at = text.rfind(gap, end // 2, end)
            if at > 0:
                end = at
                break
        parts.append(text[:end].rstrip())
        text = text[end:].lstrip()
    return [*parts, text] if text or not parts else parts


def cut(text: str, room: int) -> str:
    """The text, or as much of it as leaves room for an ellipsis."""
    end = _fitting(text, room)
    return text if end == len(text) else text[: _fitting(text, room - len(ELLIPSIS.encode()))].rstrip() + ELLIPSIS


def _fitting(text: str, room: int) -> int:
    """How many characters have at most this size."""
    if _size(text) <= room:
        return len(text)
    used = 0
    for index, character in enumerate(text):
        used += _size(character)
        if used > room:
            return index
    return len(text)


def _size(text: str) -> int:
    return len(html.escape(text, quote=False).encode())
