"""Blocks and views as the emulated Slack takes and shows them: checked, read aloud, and their buttons and inputs.

The tables are slack_block_rules'; they are applied in slack_block_check, the rules between fields and between blocks in
slack_block_relations.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tests.emulators.slack_block_check import Faults, check
from tests.emulators.slack_block_relations import check_relations, options_of, text_length
from tests.emulators.slack_schema import SlackError

__all__ = ["SlackButton", "SlackInput", "buttons", "check_blocks", "check_view", "inputs", "options_of", "said"]

Surface = Literal["message", "home", "modal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackButton:
    """Something in a message that a person can press or choose. What is not set is ""."""

    label: str
    """What stands on it."""
    value: str
    """What the app is told."""
    url: str
    """What it opens."""
    style: str
    """primary, danger or nothing."""
    action_id: str
    """Of the element; a select's entries share it."""
    block_id: str
    """Of its block."""
    kind: Literal["button", "option", "feedback"]
    """A button, one entry of a select or an overflow menu, or one half of a pair of feedback buttons."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackInput:
    """An input block of a view."""

    block_id: str
    """Of the block, "" when Slack is to choose it."""
    action_id: str
    """Of the element, likewise."""
    label: str
    """What stands above it."""
    kind: str
    """The element's type, "plain_text_input"."""
    initial: tuple[str, ...]
    """What it holds when the view opens: a text, an option's value, an id; several for checkboxes."""
    options: tuple[tuple[str, str], ...]
    """Label and value of what can be chosen."""
    optional: bool
    """Whether it may be left empty."""
    min_length: int
    """Characters at least."""
    max_length: int | None
    """Characters at most; None: Slack's own 3,000."""


def check_blocks(blocks: Any, *, surface: Surface) -> None:
    """Refuses what Block Kit forbids in a message, or in a view's blocks.

    Raises SlackError: invalid_blocks with a message for every fault; msg_blocks_too_long for a message whose texts have
    more than 13,000 characters together (no document says where the limit is; 13,200 were seen refused).
    """
    faults = Faults()
    check(f"[@{surface}]", blocks, (0, 50 if surface == "message" else 100), "/blocks", faults)
    if not faults.messages:
        check_relations(blocks, "/blocks", faults, view=surface != "message")
    if faults.messages:
        raise SlackError("invalid_blocks", tuple(faults.messages))
    if surface == "message" and text_length(blocks) > 13_000:
        raise SlackError("msg_blocks_too_long")


def check_view(view: Any) -> None:
    """Refuses what is forbidden in this view, a modal or a Home tab.

    Raises SlackError: invalid_arguments with a message for every fault; view_too_large above 250 kB.
    """
    faults = Faults()
    check("@view", view, None, "/view", faults)
    if not faults.messages:
        check_relations(view["blocks"], "/view/blocks", faults, view=True)
        inputs_without_submit = any(block["type"] == "input" for block in view["blocks"]) and "submit" not in view
        if inputs_without_submit and view["type"] == "modal":
            faults.add("/view", "missing required field: submit")
    if faults.messages:
        raise SlackError("invalid_arguments", tuple(faults.messages))
    if len(json.dumps(view, ensure_ascii=False).encode(errors="replace")) > 250_000:
        raise SlackError("view_too_large")


def said(blocks: Sequence[Mapping[str, Any]]) -> str:
    """What a person reads in these blocks, a line for each text; buttons and menus are left out."""
    return "\n".join(line for block in blocks for line in _lines(block) if line)


def buttons(blocks: Sequence[Mapping[str, Any]]) -> tuple[SlackButton, ...]:
    """What a person can press or choose in these blocks, in reading order."""
    return tuple(
        button
        for block in blocks
        for element in (*_list(block, "elements"), *_one(block, "accessory"))
        for button in _buttons(element, str(block.get("block_id", "")))
    )


def inputs(view: Mapping[str, Any]) -> tuple[SlackInput, ...]:
    """The input blocks of a view, in order."""
    return tuple(_input(block) for block in _list(view, "blocks") if block.get("type") == "input")


def _list(holder: Mapping[str, Any], key: str) -> list[Any]:
    found: list[Any] = holder.get(key) or []
    return found


def _one(holder: Mapping[str, Any], key: str) -> list[Any]:
    return [holder[key]] if holder.get(key) else []


def _text(text: Mapping[str, Any] | None) -> str:
    """A text object as it is shown. In mrkdwn links become their labels and entities characters; marks stay."""
    if not text:
        return ""
    shown = str(text["text"])
    if text["type"] == "mrkdwn":
        shown = re.sub(r"<(?:https?|mailto|!date)[^|>]*\|([^>]*)>", r"\1", shown)
        shown = re.sub(r"<((?:https?|mailto):[^|>]*)>", r"\1", shown)
        shown = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return shown


def _lines(block: Mapping[str, Any]) -> Iterator[str]:
    kind = block.get("type")
    if kind == "markdown":
        yield str(block["text"])
    elif kind == "rich_text":
        for part in _list(block, "elements"):
            yield from _rich(part)
    elif kind == "context":
        yield " ".join(_text(element) for element in block["elements"] if element["type"] != "image")
    elif kind in ("section", "header"):
        yield _text(block.get("text"))
        for field in _list(block, "fields"):
            yield _text(field)
    elif kind in ("image", "video"):
        yield _text(block.get("title"))
        yield _text(block.get("description"))
    elif kind == "input":
        yield _text(block.get("label"))
        yield _text(block.get("hint"))


def _rich(part: Mapping[str, Any]) -> Iterator[str]:
    elements = _list(part, "elements")
    if part["type"] == "rich_text_list":
        for number, item in enumerate(elements, part.get("offset", 0) + 1):
            mark = f"{number}." if part["style"] == "ordered" else "•"
            yield f"{mark} {''.join(_run(element) for element in _list(item, 'elements'))}"
    else:
        yield "".join(_run(element) for element in elements)


def _run(element: Mapping[str, Any]) -> str:
    kind = element["type"]
    if kind == "link":
        return str(element.get("text") or element["url"])
    if kind == "date":
        return str(element.get("fallback") or element["format"])
    if kind in _RUNS:
        field, shape = _RUNS[kind]
        return shape.format(element[field])
    return str(element.get("text", ""))


_RUNS = {
    "user": ("user_id", "<@{}>"),
    "usergroup": ("usergroup_id", "<!subteam^{}>"),
    "channel": ("channel_id", "<#{}>"),
    "emoji": ("name", ":{}:"),
    "broadcast": ("range", "<!{}>"),
    "color": ("value", "{}"),
}


def _buttons(element: Mapping[str, Any], block_id: str) -> Iterator[SlackButton]:
    kind = element.get("type")
    action_id = str(element.get("action_id", ""))
    if kind in ("button", "icon_button"):
        yield _button(element, "button", action_id, block_id)
    elif kind == "feedback_buttons":
        for half in ("positive_button", "negative_button"):
            yield _button(element[half], "feedback", action_id, block_id)
    elif kind in ("static_select", "overflow"):
        for option in options_of(element):
            yield _button(option, "option", action_id, block_id)


def _button(
    pressed: Mapping[str, Any], kind: Literal["button", "option", "feedback"], action_id: str, block_id: str
) -> SlackButton:
    return SlackButton(
        label=_text(pressed.get("text")),
        value=str(pressed.get("value", "")),
        url=str(pressed.get("url", "")),
        style=str(pressed.get("style", "")),
        action_id=action_id,
        block_id=block_id,
        kind=kind,
    )


_INITIAL = ("initial_value", "initial_date", "initial_time", "initial_user", "initial_channel", "initial_conversation")


def _input(block: Mapping[str, Any]) -> SlackInput:
    element = block["element"]
    chosen = [*_one(element, "initial_option"), *_list(element, "initial_options")]
    return SlackInput(
        block_id=str(block.get("block_id", "")),
        action_id=str(element.get("action_id", "")),
        label=_text(block["label"]),
        kind=element["type"],
        initial=tuple([option["value"] for option in chosen] or [element[key] for key in _INITIAL if element.get(key)]),
        options=tuple((_text(option["text"]), option["value"]) for option in options_of(element)),
        optional=bool(block.get("optional")),
        min_length=element.get("min_length", 0),
        max_length=element.get("max_length"),
    )
