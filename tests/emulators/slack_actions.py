"""What Slack reports of the elements that people press and fill: actions, and the state of a message or a view."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.emulators.slack_blocks import SlackButton, options_of
from tests.emulators.slack_events import event_ts

Blocks = Sequence[Mapping[str, Any]]
Chosen = Mapping[tuple[str, str], dict[str, Any]]
"""What people chose or filled in, by block_id and action_id, in the form of a state's value."""

_MANY = ("checkboxes", "multi_static_select")
_ONE = ("static_select", "radio_buttons", "external_select")
_INITIAL = {
    "datepicker": "date",
    "timepicker": "time",
    "datetimepicker": "date_time",
    "users_select": "user",
    "channels_select": "channel",
    "conversations_select": "conversation",
}


def elements(blocks: Blocks) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each interactive element with its block_id."""
    for block in blocks:
        name = str(block.get("block_id", ""))
        held = [block[key] for key in ("element", "accessory") if key in block]
        if block.get("type") in ("actions", "context_actions"):
            held += block["elements"]
        for element in held:
            if "action_id" in element:
                yield name, element


def action_of(blocks: Blocks, button: SlackButton) -> dict[str, Any]:
    """The action that pressing the button, or choosing the option, is reported as."""
    for block_id, element in elements(blocks):
        if (block_id, element["action_id"]) == (button.block_id, button.action_id):
            break
    else:
        raise AssertionError(f"no element {button.block_id}/{button.action_id}")
    action: dict[str, Any] = {"action_id": button.action_id, "block_id": block_id, "type": element["type"]}
    if button.kind == "option":
        option = next(one for one in options_of(element) if one.get("value", "") == button.value)
        action["selected_option"] = dict(option)
        if "placeholder" in element:
            action["placeholder"] = element["placeholder"]
    else:
        action |= {"text": {"type": "plain_text", "text": button.label, "emoji": True}}
        if button.value:
            action["value"] = button.value
        if element.get("style"):
            action["style"] = element["style"]
        if element.get("url"):
            action["url"] = element["url"]
        if element["type"] == "icon_button":
            action["icon"] = element.get("icon", "")
    return action | {"action_ts": event_ts()}


def state_of(blocks: Blocks, chosen: Chosen) -> dict[str, Any]:
    """The state: of each element that holds something, what was chosen, or else what it began with."""
    values: dict[str, dict[str, Any]] = {}
    for block_id, element in elements(blocks):
        value = chosen.get((block_id, element["action_id"])) or initial(element)
        if value is not None:
            values.setdefault(block_id, {})[element["action_id"]] = value
    return {"values": values}


def initial(element: Mapping[str, Any]) -> dict[str, Any] | None:
    """What an element holds before anybody touched it; None for one that holds nothing, like a button."""
    kind = str(element["type"])
    if kind in _ONE:
        option = element.get("initial_option")
        return {"type": kind, "selected_option": dict(option) if option else None}
    if kind in _MANY:
        return {"type": kind, "selected_options": [dict(one) for one in element.get("initial_options", [])]}
    if kind in _INITIAL:
        return {"type": kind, f"selected_{_INITIAL[kind]}": element.get(f"initial_{_INITIAL[kind]}")}
    if kind.endswith("_input"):
        return {"type": kind, "value": element.get("initial_value")}
    return None


def filled(element: Mapping[str, Any], text: str) -> dict[str, Any]:
    """What an element holds when a person has put this in: a text, the label or value of an option, several of them
    with commas between. Raises AssertionError for an option that is not there."""
    kind = str(element["type"])
    if kind in _ONE:
        return {"type": kind, "selected_option": _option(element, text) if text else None}
    if kind in _MANY:
        wanted = [part.strip() for part in text.split(",") if part.strip()]
        return {"type": kind, "selected_options": [_option(element, part) for part in wanted]}
    if kind in _INITIAL:
        return {"type": kind, f"selected_{_INITIAL[kind]}": text or None}
    return {"type": kind, "value": text or None}


def is_empty(value: Mapping[str, Any]) -> bool:
    """Whether a state's value holds nothing."""
    return all(not held for key, held in value.items() if key != "type")


def _option(element: Mapping[str, Any], wanted: str) -> dict[str, Any]:
    options = options_of(element)
    for option in options:
        if wanted in (option["text"]["text"], option["value"]):
            return dict(option)
    labels = ", ".join(repr(option["text"]["text"]) for option in options)
    raise AssertionError(f"there is no option {wanted!r}, only: {labels}")
