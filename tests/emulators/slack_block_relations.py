"""Block Kit's rules between fields, between the blocks of a message, and between the blocks of a view.

They are checked when the tables have found nothing, so every field here has its type.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, time
from decimal import Decimal, InvalidOperation
from typing import Any

from tests.emulators.slack_block_check import Faults

Object = Mapping[str, Any]


def check_relations(blocks: Sequence[Object], pointer: str, faults: Faults, *, view: bool) -> None:
    """The rules for blocks that stand together.

    pointer: where the blocks are, "/blocks"
    view: whether they are a view's. There an action's id is unique in its block; in a message this emulator wants it
        to be unique in all blocks, which is stricter than the reference, so that a press is never in doubt
    """
    block_ids: set[str] = set()
    action_ids: set[str] = set()
    focused = 0
    for index, block in enumerate(blocks):
        where = f"{pointer}/{index}"
        _once(block, "block_id", block_ids, where, faults)
        if view:
            action_ids = set()
        for place, found in _objects(block, where):
            _once(found, "action_id", action_ids, place, faults)
            if found.get("focus_on_load"):
                focused += 1
                if not view:
                    faults.add(f"{place}/focus_on_load", "only allowed in a view")
            for rule in _RULES.get(found.get("type", ""), ()):
                rule(found, place, faults)
    if focused > 1:
        faults.add(pointer, "only one element can have focus_on_load")
    if sum(len(block["text"]) for block in blocks if block["type"] == "markdown") > 12_000:
        faults.add(pointer, "markdown blocks must have less than 12001 characters in all")


def options_of(menu: Object) -> list[Object]:
    """The options of a menu, those in groups among them."""
    grouped = [option for group in menu.get("option_groups", ()) for option in group["options"]]
    return [*menu.get("options", ()), *grouped]


def text_length(value: Any) -> int:
    """Characters of all that is shown as text anywhere in these blocks."""
    if isinstance(value, list):
        return sum(text_length(item) for item in value)
    if isinstance(value, dict):
        own = len(value["text"]) if isinstance(value.get("text"), str) else 0
        return own + sum(text_length(item) for item in value.values())
    return 0


def _objects(value: Any, pointer: str) -> Iterator[tuple[str, Object]]:
    """Every object at and below this one, with its place."""
    if isinstance(value, dict):
        yield pointer, value
        for key, item in value.items():
            yield from _objects(item, f"{pointer}/{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _objects(item, f"{pointer}/{index}")


def _once(found: Object, key: str, seen: set[str], pointer: str, faults: Faults) -> None:
    if key in found:
        if found[key] in seen:
            faults.add(f"{pointer}/{key}", f"{key} `{found[key]}` already exists")
        seen.add(found[key])


def _either(found: Object, one: str, other: str, pointer: str, faults: Faults) -> None:
    if (one in found) == (other in found):
        faults.add(pointer, f"must define either `{one}` or `{other}`")


def _section(section: Object, pointer: str, faults: Faults) -> None:
    if "text" not in section and "fields" not in section:
        faults.add(pointer, "must define either `text` or `fields`")


def _image(image: Object, pointer: str, faults: Faults) -> None:
    _either(image, "image_url", "slack_file", pointer, faults)
    if "slack_file" in image:
        _either(image["slack_file"], "id", "url", f"{pointer}/slack_file", faults)


def _lists(menu: Object, pointer: str, faults: Faults) -> None:
    _either(menu, "options", "option_groups", pointer, faults)


def _options(menu: Object, pointer: str, faults: Faults) -> None:
    options = options_of(menu)
    values = [option["value"] for option in options]
    if len(set(values)) < len(values):
        faults.add(f"{pointer}/options", "option values must be unique")
    if "initial_option" in menu and menu["initial_option"] not in options:
        faults.add(f"{pointer}/initial_option", "must be one of the options")
    chosen = menu.get("initial_options", ())
    if any(option not in options for option in chosen):
        faults.add(f"{pointer}/initial_options", "must be among the options")
    if len(chosen) > menu.get("max_selected_items", 100):
        faults.add(f"{pointer}/initial_options", f"no more than {menu['max_selected_items']} items allowed")


def _typed_text(element: Object, pointer: str, faults: Faults) -> None:
    least, most = element.get("min_length", 0), element.get("max_length", 3000)
    if least > most:
        faults.add(f"{pointer}/min_length", "must not be more than max_length")
    if len(element.get("initial_value", "")) > most:
        faults.add(f"{pointer}/initial_value", f"must be less than {most + 1} characters")


def _number(element: Object, pointer: str, faults: Faults) -> None:
    numbers: dict[str, Decimal] = {}
    for key in ("min_value", "initial_value", "max_value"):
        if key not in element:
            continue
        try:
            numbers[key] = Decimal(element[key])
        except InvalidOperation:
            faults.add(f"{pointer}/{key}", "must be a number")
            continue
        if not numbers[key].is_finite():
            faults.add(f"{pointer}/{key}", "must be a number")
        elif not element["is_decimal_allowed"] and numbers[key] != numbers[key].to_integral_value():
            faults.add(f"{pointer}/{key}", "must be a whole number")
    if list(numbers.values()) != sorted(numbers.values()):
        faults.add(pointer, "must have min_value, initial_value and max_value in this order")


def _day(element: Object, pointer: str, faults: Faults) -> None:
    _parsed(element, "initial_date", r"\d{4}-\d\d-\d\d", date.fromisoformat, pointer, faults)


def _hour(element: Object, pointer: str, faults: Faults) -> None:
    _parsed(element, "initial_time", r"\d\d:\d\d", time.fromisoformat, pointer, faults)


def _parsed(
    element: Object, key: str, shape: str, parse: Callable[[str], object], pointer: str, faults: Faults
) -> None:
    if key not in element:
        return
    try:
        fits = bool(re.fullmatch(shape, element[key], re.ASCII) and parse(element[key]))
    except ValueError:
        fits = False
    if not fits:
        faults.add(f"{pointer}/{key}", "has the wrong format")


def _filter(element: Object, pointer: str, faults: Faults) -> None:
    if element.get("filter") == {}:
        faults.add(f"{pointer}/filter", "must define at least one field")


_RULES: Mapping[str, tuple[Callable[[Object, str, Faults], None], ...]] = {
    "section": (_section,),
    "image": (_image,),
    "static_select": (_lists, _options),
    "multi_static_select": (_lists, _options),
    "overflow": (_options,),
    "radio_buttons": (_options,),
    "checkboxes": (_options,),
    "plain_text_input": (_typed_text,),
    "number_input": (_number,),
    "datepicker": (_day,),
    "timepicker": (_hour,),
    "conversations_select": (_filter,),
}
