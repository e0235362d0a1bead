"""A post as Slack shows it: rich text in which nothing that people or models wrote is markup, the buttons below it, and
a plain line for notifications. Pure; the form is `modal`'s and the page about one person is `home`'s.

A user's mention (`<@U1>`) is how a person's name is written on Slack, so it stays a mention wherever a text shows it.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from adapters.slack.lengths import cut, split
from core import texts
from core.actions import parse_action
from core.messages import Button, Delivery, Post, PostKind, Rows

Block = dict[str, Any]

PART_LIMIT = 9_000
"""Size of one message's text: bytes of it as Slack keeps it, escaped. Slack documents no limit, but refuses blocks of
about 12,000 in all, and does not say what it counts."""
_SPARE = 2_000
"""Of that, what mentions, links and buttons may take besides."""
_LEAST_ROOM = 1_000
"""For a text above very many buttons."""
FALLBACK_LIMIT = 3_000
"""Characters of the plain line, escaped."""
HEADING_LIMIT = 256
LABEL_LIMIT = 75
"""Characters on a button or an option."""
NOTHING = "…"
"""Stands where there is nothing to show, because Slack takes no empty text."""
_RUN = 3_000
"""Characters of one piece of rich text."""
_MARKS = 40
"""Mentions and links of one message; each takes room in the blocks, so what is beyond is shown as plain text."""
_ROW = 25
"""Buttons of one block."""
_ROWS = 30
"""Rows of one message, which may have 50 blocks in all; more rows are joined."""
_LONG_LIST = 5
"""Rows of a single button each; more of them become a menu."""
_MENU = 100
"""Options of one menu."""
_VALUE_LIMIT = 150
"""Characters of an option's value."""
_URL_LIMIT = 3_000
_BAR = 10
"""Blocks of a full progress bar."""
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_USER = r"<@[UW][A-Z0-9]{1,20}>"
_MENTIONS = re.compile(f"({_USER})")
_MENTIONS_AND_CHARACTERS = re.compile(rf"{_USER}|.", re.DOTALL)
_MARK = re.compile(rf"({_USER})|(https?://[^\s<>\"\u200e\u200f\u202a-\u202e\u2066-\u2069]+)")
_LINK_ENDS = ".,;:!?…'’”»*_~`"
"""What a sentence may put behind a link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A message as it is handed to Slack."""

    text: str
    """The plain line: for notifications, and for where blocks are not taken. Escaped."""
    blocks: list[Block]


def rendered(post: Post) -> tuple[Shown, ...]:
    """The post in one message, or several for a very long text; the last one carries the buttons. Raises ValueError
    for a button that no platform could show, which is a mistake in the program."""
    heading, body = _heading(post), _body(post)
    controls = button_blocks(post.buttons, primary=post.kind is PostKind.CARD)
    parts = split(body, _room(controls))
    last = len(parts) - 1
    return tuple(
        _shown(heading if index == 0 else "", part, controls if index == last else [])
        for index, part in enumerate(parts)
    )


def rendered_line(post: Post) -> Shown:
    """The post in one message: what is over the limit gives way to an ellipsis, which is how an edit has to be."""
    controls = button_blocks(post.buttons, primary=post.kind is PostKind.CARD)
    return _shown(_heading(post), cut(_body(post), _room(controls)), controls)


def delivery_blocks(delivery: Delivery) -> Shown:
    """The words with a clip, which mention the requester first so that they are notified, and what stands below."""
    controls = button_blocks(delivery.buttons)
    caption = cut(_with_links(clean(delivery.caption).strip(), delivery.buttons), _room(controls))
    mention = f"<@{delivery.requester.native_id}>"
    if re.fullmatch(_USER, mention):
        caption = f"{mention} {caption}".rstrip()
    shown = _shown("", caption, controls)
    if len(delivery.feedback) == 2:
        good, bad = delivery.feedback
        element = {
            "type": "feedback_buttons",
            "action_id": "press-feedback",
            "positive_button": {"text": plain(good.label, LABEL_LIMIT), "value": good.action},
            "negative_button": {"text": plain(bad.label, LABEL_LIMIT), "value": bad.action},
        }
        shown.blocks.append({"type": "context_actions", "elements": [element]})
    return shown


def button_blocks(rows: Rows, *, primary: bool = False) -> list[Block]:
    """The buttons as blocks, a row each; many rows of a single button become a menu, and many rows are joined.

    primary: whether the first button is the one that is meant to be pressed
    """
    kept = [tuple(button for button in row if not _only_as_text(button)) for row in rows]
    kept = [row for row in kept if row]
    single = [row[0] for row in kept if len(row) == 1 and row[0].action]
    if len(single) <= _LONG_LIST:
        single = []
    kept = [row for row in kept if len(row) > 1 or row[0] not in single]
    if len(kept) > _ROWS:
        kept = [tuple(button for row in kept for button in row)]
    pieces = [row[start : start + _ROW] for row in kept for start in range(0, len(row), _ROW)]
    menus = _menus(single)
    return [
        *([{"type": "actions", "elements": menus}] if menus else []),
        *(
            {
                "type": "actions",
                "elements": [
                    button_element(
                        button,
                        action_id=f"press-{line}-{place}",
                        style="primary" if primary and not menus and line == place == 0 else "",
                    )
                    for place, button in enumerate(piece)
                ],
            }
            for line, piece in enumerate(pieces)
        ),
    ]


def button_element(button: Button, *, action_id: str, style: str = "") -> Block:
    """One button. Raises ValueError for one without an action or a link, or with both."""
    _check(button)
    element: Block = {"type": "button", "action_id": action_id, "text": plain(button.label, LABEL_LIMIT)}
    if button.url:
        element["url"] = button.url
    else:
        element["value"] = button.action
    pressed = parse_action(button.action)
    if pressed is not None and pressed.verb == "erase":
        style = "danger"
    return {**element, "style": style} if style else element


def rich_text(text: str, *, heading: str = "") -> Block:
    """A text as it was written, below a bold heading."""
    marks = iter(range(_MARKS))
    elements = [*_runs(heading, marks, bold=True), *_runs(f"\n{text}" if heading and text else text, marks)]
    elements = elements or [{"type": "text", "text": NOTHING}]
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}


def plain(text: str, limit: int) -> Block:
    """A text object that is shown as it was written, on one line, and is never empty."""
    return {"type": "plain_text", "text": texts.spelling.shortened(clean(text), limit) or NOTHING, "emoji": False}


def clean(text: str) -> str:
    """Text without what JSON, a database or a reader does not take: lone surrogates and control characters."""
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _FORBIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def _shown(heading: str, text: str, controls: Sequence[Block]) -> Shown:
    fallback = "\n".join(part for part in (heading, text) if part) or NOTHING
    return Shown(text=_fallback(fallback), blocks=[rich_text(text, heading=heading), *controls])


def _fallback(text: str) -> str:
    """Escaped, mentions kept, cut between characters and never inside an escape."""
    pieces: list[str] = []
    used = 0
    fits = len(html.escape(text, quote=False)) < FALLBACK_LIMIT
    for piece in _MENTIONS.split(text) if fits else _MENTIONS_AND_CHARACTERS.findall(text):
        escaped = piece if _MENTIONS.fullmatch(piece) else html.escape(piece, quote=False)
        used += len(escaped)
        if used > FALLBACK_LIMIT - 1:
            return "".join(pieces).rstrip() + "…"
        pieces.append(escaped)
    return "".join(pieces)


def _runs(text: str, marks: Iterator[int], *, bold: bool = False) -> list[Block]:
    """The elements of a text: its mentions and links, as long as `marks` lasts, and what is between them."""
    style: Block = {"style": {"bold": True}} if bold else {}
    elements: list[Block] = []
    done = 0
    for found in _MARK.finditer(text):
        mark: Block | None = None
        url = _address(found[2] or "")
        if found[1]:
            mark, end = {"type": "user", "user_id": found[1][2:-1]}, found.end()
        elif _is_link(url):
            mark, end = {"type": "link", "url": url}, found.start() + len(url)
        if mark is not None and next(marks, None) is not None:
            elements += [*_literal(text[done : found.start()], style), {**mark, **style}]
            done = end
    return [*elements, *_literal(text[done:], style)]


def _address(text: str) -> str:
    """Without what belongs to the sentence around it: a full stop, or a bracket that was opened before."""
    text = text.rstrip(_LINK_ENDS)
    while text.endswith(")") and text.count(")") > text.count("("):
        text = text[:-1].rstrip(_LINK_ENDS)
    return text


def _literal(text: str, style: Block) -> list[Block]:
    return [{"type": "text", "text": text[start : start + _RUN], **style} for start in range(0, len(text), _RUN)]


def _menus(buttons: Sequence[Button]) -> list[Block]:
    """The buttons as options of a menu; of equal actions the first one stands."""
    options: dict[str, Block] = {}
    for button in buttons:
        _check(button)
        options.setdefault(button.action, {"text": plain(button.label, LABEL_LIMIT), "value": button.action})
    listed = list(options.values())
    return [
        {
            "type": "static_select",
            "action_id": f"press-menu-{number}",
            "placeholder": plain(texts.home.CHOOSE, 150),
            "options": listed[start : start + _MENU],
        }
        for number, start in enumerate(range(0, len(listed), _MENU))
    ]


def _check(button: Button) -> None:
    if bool(button.action) == bool(button.url):
        raise ValueError(f"A button needs an action or a link, and not both: {button.label!r}")
    if len(button.action) > _VALUE_LIMIT:
        raise ValueError(f"A button's action has at most {_VALUE_LIMIT} characters: {button.action!r}")


def _heading(post: Post) -> str:
    return texts.spelling.shortened(clean(post.heading), HEADING_LIMIT)


def _body(post: Post) -> str:
    text = _with_links(clean(post.text).strip(), post.buttons)
    if post.progress is None:
        return text
    share = max(0.0, min(1.0, post.progress))
    done = round(share * _BAR)
    bar = f"{'▰' * done}{'▱' * (_BAR - done)} {share:.0%}"
    return f"{text}\n{bar}" if text else bar


def _with_links(text: str, rows: Rows) -> str:
    """The text, followed by the links that cannot be buttons."""
    links = [f"{clean(one.label)}: {clean(one.url)}" for row in rows for one in row if _only_as_text(one)]
    return "\n".join([*([text] if text else []), *links])


def _only_as_text(button: Button) -> bool:
    """Slack refuses a whole message for a button to an address that is none of the web's."""
    return bool(button.url) and not button.action and not _is_link(button.url)


def _is_link(url: str) -> bool:
    if not url.startswith(("http://", "https://")) or len(url) > _URL_LIMIT or url != "".join(clean(url).split()):
        return False
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:
        return False


def _room(controls: Sequence[Block]) -> int:
    """How large the text above these may be."""
    return max(_LEAST_ROOM, min(PART_LIMIT, PART_LIMIT + _SPARE - len(json.dumps(controls))))
