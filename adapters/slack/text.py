"""Slack's way of writing text in, turned into plain text. Pure.

Slack sends mentions, channels and links in angle brackets and escapes the brackets that people type. Here a mention is
just a name: only what we write ourselves may become one again.
"""

from __future__ import annotations

import re

_BRACKETS = re.compile(r"<([^<>\n]{1,4000})>")
_ENTITY = re.compile(r"&(amp|lt|gt);")
_SIGNS = {"amp": "&", "lt": "<", "gt": ">"}
_LINK = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
_AFTER_A_NAME = re.compile(r"^(?:[ ,;]|:(?![\w+-]+:))*")
"""What people write between a name and what they have to say; the colon of an emoji is none of it."""
_NAMED = re.compile(r":(\+1|thumbsup|white_check_mark|heavy_check_mark|ok_hand):(?::skin-tone-[2-6]:)?")
_SAID_YES = {"+1": "👍", "thumbsup": "👍", "white_check_mark": "✅", "heavy_check_mark": "✔", "ok_hand": "👌"}
"""Signs that mean yes; Slack sends emoji by their names."""
_ADDRESS = re.compile(r"(?:mailto|tel):(.+)", re.IGNORECASE)


def said(text: str, bot_user: str) -> tuple[str, bool]:
    """What a person wrote, without the bot's mention, and whether that was there. The result never holds "<@", which
    would be shown as a mention."""
    parts = [part.strip(" \t") for part in re.split(rf"<@{re.escape(bot_user)}(?:\|[^<>]*)?>", text)]
    mentioned = len(parts) > 1
    if mentioned and not parts[0]:
        parts[1] = _AFTER_A_NAME.sub("", parts[1])
    return harmless(_plain(" ".join(part for part in parts if part))).strip(), mentioned


def harmless(text: str) -> str:
    """Text in which nothing would be shown as a mention."""
    return text.replace("<@", "< @")


def _plain(text: str) -> str:
    """Brackets first: what comes out of an escape is text, whatever it looks like."""
    text = _ENTITY.sub(lambda match: _SIGNS[match[1]], _BRACKETS.sub(_spelled_out, text))
    return _NAMED.sub(lambda match: _SAID_YES[match[1]], text)


def _spelled_out(match: re.Match[str]) -> str:
    target, _, label = match[1].partition("|")
    label = label.strip()
    sign, rest = target[0] if target else "", target[1:]
    if sign == "@" and rest:
        return "@" + (label or rest).lstrip("@")
    if sign == "#" and rest:
        return "#" + (label or rest).lstrip("#")
    if sign == "!" and rest:
        return _command(rest, label)
    if address := _ADDRESS.fullmatch(target):
        return label or address[1]
    if _LINK.fullmatch(target):
        return _link(target, label)
    return match[0]


def _command(command: str, label: str) -> str:
    """A group of people, or a date with its own text."""
    name, _, rest = command.partition("^")
    if name == "date" and label:
        return label
    return "@" + (label or rest or name).lstrip("@")


def _link(url: str, label: str) -> str:
    """Slack makes links of what people write without "https://" too; then the label adds nothing."""
    whole = url.rstrip("/")
    return url if label.rstrip("/") in ("", whole, whole.partition("://")[2]) else f"{label} ({url})"
