"""The App Home, a page for one person: what is under way, what waits for them, their last videos, how to begin. Pure.

What is on it is `core.overview`'s; where a conversation can be opened is told by the links.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adapters.slack.rendering import Block, button_element, plain, rich_text
from core import texts
from core.actions import action
from core.messages import Button
from core.overview import Entry, Overview

CALLBACK = "home"
_MOST = 15
"""Entries of one part; three parts of two blocks each and their titles stay below Slack's 100 blocks."""


def home_view(overview: Overview, *, links: Mapping[int, str]) -> Block:
    """The page; `links` has the address of a generation's conversation, by the generation's id, where it is known."""
    blocks: list[Block] = []
    for title, entries, cancel in (
        (texts.home.HOME_RUNNING, overview.running, True),
        (texts.home.HOME_OPEN, overview.open, False),
        (texts.home.HOME_VIDEOS, overview.videos, False),
    ):
        blocks += _part(title, entries, links, cancel=cancel)
    if not blocks:
        blocks.append(rich_text(texts.home.HOME_NOTHING))
    blocks += [_header(texts.home.HOME_BEGIN), rich_text(texts.home.HOW_TO_BEGIN)]
    return {"type": "home", "callback_id": CALLBACK, "blocks": blocks}


def _part(title: str, entries: Sequence[Entry], links: Mapping[int, str], *, cancel: bool) -> list[Block]:
    if not entries:
        return []
    blocks = [_header(title)]
    for entry in entries[:_MOST]:
        blocks.append(rich_text(entry.text))
        buttons = _buttons(entry, links, cancel=cancel)
        if buttons:
            blocks.append({"type": "actions", "elements": buttons})
    return [*blocks, {"type": "divider"}]


def _buttons(entry: Entry, links: Mapping[int, str], *, cancel: bool) -> list[Block]:
    generation = entry.generation
    buttons: list[Block] = []
    link = links.get(generation.id, "")
    if link.startswith(("https://", "http://")):
        go = Button(label=texts.home.GO_THERE, url=link)
        buttons.append(button_element(go, action_id=f"go-{generation.id}"))
    if cancel and not generation.cancel_requested:
        stop = Button(label=texts.buttons.CANCEL, action=action("cancel", generation.id))
        buttons.append(button_element(stop, action_id=f"press-{generation.id}"))
    return buttons


def _header(text: str) -> Block:
    return {"type": "header", "text": plain(text, 150)}
