"""Text as Slack's apps write it and as people read it: escapes, mentions, the rich text of what is typed."""

import re
from collections.abc import Iterator
from typing import Any

_MENTION = re.compile(r"<@(\w+)>")
_PING = re.compile(r"<(?:@|!subteam\^|!)(\w+)[^<>]*>")
_PINGS = {"user": "user_id", "usergroup": "usergroup_id", "broadcast": "range"}
_ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"))


def pings(part: Any) -> tuple[str, ...]:
    """Whom blocks, or a part of them, notify: ids of people and groups; channel, here or everyone."""
    return tuple(_pinged(part))


def _pinged(part: Any) -> Iterator[str]:
    """Whom blocks, or a part of them, notify."""
    if isinstance(part, list):
        for one in part:
            yield from _pinged(one)
    elif isinstance(part, dict):
        kind = part.get("type")
        if kind in _PINGS and _PINGS[kind] in part:
            yield str(part[_PINGS[kind]])
        elif kind == "mrkdwn":
            yield from _PING.findall(str(part.get("text", "")))
        else:
            yield from _pinged(list(part.values()))


def escape(text: str) -> str:
    """Text as Slack's apps send it."""
    for sign, entity in _ESCAPES:
        text = text.replace(sign, entity)
    return text


def unescape(text: str) -> str:
    """The opposite of `escape`."""
    for sign, entity in reversed(_ESCAPES):
        text = text.replace(entity, sign)
    return text


def spoken(text: str) -> list[dict[str, Any]]:
    """The rich text block that Slack's apps add to what a person writes."""
    if not text:
        return []
    elements: list[dict[str, Any]] = []
    for i, part in enumerate(_MENTION.split(text)):
        if i % 2:
            elements.append({"type": "user", "user_id": part})
        elif part:
            elements.append({"type": "text", "text": unescape(part)})
    section = {"type": "rich_text_section", "elements": elements}
    return [{"type": "rich_text", "block_id": "said", "elements": [section]}]
