"""A post as Telegram shows it: parts of HTML within the limits, and the inline keyboard. Pure."""

from __future__ import annotations

import html
from urllib.parse import urlsplit

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from adapters.telegram.parsing import clean
from core.messages import Button, Post, Rows

TEXT_LIMIT = 4_096
CAPTION_LIMIT = 1_024
ACTION_LIMIT = 64
"""Bytes of a button's callback data."""
_BAR = 10
"""Blocks of a full progress bar."""


def html_parts(post: Post, *, limit: int = TEXT_LIMIT) -> list[str]:
    """The post's text in one or more messages, each within `limit` (UTF-16 units, markup not counted)."""
    heading, text = clean(post.heading).strip(), _body(post)
    if not heading:
        return [html.escape(part, quote=False) for part in split(text, limit)]
    heading = shortened(heading, min(limit, 256))
    head = f"<b>{html.escape(heading, quote=False)}</b>"
    if not text:
        return [head]
    first, *others = split(text, limit, first=limit - units(heading) - 1)
    return [f"{head}\n{html.escape(first, quote=False)}", *(html.escape(part, quote=False) for part in others)]


def html_line(post: Post, *, limit: int = TEXT_LIMIT) -> str:
    """The post in one message: what is over the limit gives way to an ellipsis, which is how an edit has to be."""
    heading = shortened(clean(post.heading).strip(), min(limit, 256))
    room = limit - units(heading) - 1
    text = html.escape(shortened(_body(post), room), quote=False)
    head = f"<b>{html.escape(heading, quote=False)}</b>" if heading else ""
    return "\n".join(part for part in (head, text) if part)


def html_caption(text: str, buttons: Rows) -> str:
    """The words under a clip, escaped and within Telegram's limit."""
    return html.escape(shortened(_with_links(clean(text).strip(), buttons), CAPTION_LIMIT), quote=False)


def keyboard(buttons: Rows) -> InlineKeyboardMarkup | None:
    """The buttons in rows; None when there are none. Raises ValueError for a button that no platform could show, which
    is a mistake in the program."""
    rows = [[_button(button) for button in row if not _only_as_text(button)] for row in buttons]
    rows = [row for row in rows if row]
    return InlineKeyboardMarkup(rows) if rows else None


def units(text: str) -> int:
    """The length as Telegram counts it."""
    return len(text.encode("utf-16-le")) // 2


def shortened(text: str, limit: int) -> str:
    """The text, or as much of it as leaves room for an ellipsis."""
    return text if units(text) <= limit else text[: _fitting(text, limit - 1)].rstrip() + "…"


def split(text: str, limit: int, *, first: int | None = None) -> list[str]:
    """The text in parts of at most `limit` units (the first of at most `first`), cut at the last empty line, line or
    space in the second half of a part, else anywhere."""
    parts: list[str] = []
    room = limit if first is None else first
    while units(text) > room:
        end = _fitting(text, room)
        for gap in ("\n\n", "\n", " "):
            at = text.rfind(gap, end // 2, end)
            if at > 0:
                end = at
                break
        parts.append(text[:end].rstrip())
        text = text[end:].lstrip()
        room = limit
    return [*parts, text] if text or not parts else parts


def _fitting(text: str, limit: int) -> int:
    """How many characters have at most `limit` units."""
    used = 0
    for index, character in enumerate(text):
        used += 2 if ord(character) > 0xFFFF else 1
        if used > limit:
            return index
    return len(text)


def _body(post: Post) -> str:
    text = _with_links(clean(post.text).strip(), post.buttons)
    if post.progress is None:
        return text
    done = round(max(0.0, min(1.0, post.progress)) * _BAR)
    bar = f"{'▰' * done}{'▱' * (_BAR - done)} {max(0.0, min(1.0, post.progress)):.0%}"
    return f"{text}\n{bar}" if text else bar


def _with_links(text: str, buttons: Rows) -> str:
    """The text, followed by the links that cannot be buttons."""
    links = [f"{one.label}: {one.url}" for row in buttons for one in row if _only_as_text(one)]
    return "\n".join([*([text] if text else []), *links])


def _only_as_text(button: Button) -> bool:
    """Telegram refuses a whole message for a button to an address such as http://localhost/."""
    if not button.url or button.url.startswith("tg://"):
        return False
    address = urlsplit(button.url)
    return address.scheme not in ("http", "https") or "." not in (address.hostname or "")


def _button(button: Button) -> InlineKeyboardButton:
    if bool(button.action) == bool(button.url):
        raise ValueError(f"A button needs an action or a link, and not both: {button.label!r}")
    label = clean(button.label).strip()
    if not label:
        raise ValueError("A button needs a label.")
    if button.url:
        return InlineKeyboardButton(label, url=button.url)
    if len(button.action.encode()) > ACTION_LIMIT:
        raise ValueError(f"A button's action has at most {ACTION_LIMIT} bytes: {button.action!r}")
    return InlineKeyboardButton(label, callback_data=button.action)
