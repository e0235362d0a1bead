"""Checks a value against the tables of Block Kit: types, fields, limits.

Every fault becomes a line in Slack's own form, "[ERROR] what [json-pointer:/where]". Rules between fields and between
blocks are slack_block_relations'; which error a call then gets is slack_blocks'.
"""

import re
from typing import Any

from tests.emulators.slack_block_rules import FIELDS, UNIONS, typed


class Faults:
    """The faults found so far, in the order in which they were met."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def add(self, pointer: str, what: str) -> None:
        """Something is wrong at this place."""
        self.messages.append(f"[ERROR] {what} [json-pointer:{pointer}]")


def check(kind: str, value: Any, limits: tuple[int, int] | None, pointer: str, faults: Faults) -> None:
    """One value of a type of the tables."""
    if kind.startswith("["):
        _check_array(kind, value, limits, pointer, faults)
    elif kind.startswith("@"):
        union = UNIONS[kind[1:]]
        if not isinstance(value, dict):
            faults.add(pointer, "must provide an object")
        elif "type" not in value:
            faults.add(pointer, "missing required field: type")
        elif not isinstance(value["type"], str) or value["type"] not in union:
            faults.add(f"{pointer}/type", f"unsupported type: {value['type']}")
        else:
            _check_object(union[value["type"]], value, limits, pointer, faults)
    elif kind in FIELDS:
        if isinstance(value, dict):
            _check_object(kind, value, limits, pointer, faults)
        else:
            faults.add(pointer, "must provide an object")
    else:
        _check_scalar(kind, value, limits, pointer, faults)


def _check_array(kind: str, value: Any, limits: tuple[int, int] | None, pointer: str, faults: Faults) -> None:
    if not isinstance(value, list):
        faults.add(pointer, "must provide an array")
        return
    if limits and len(value) > limits[1]:
        faults.add(pointer, f"no more than {limits[1]} items allowed")
    if limits and len(value) < limits[0]:
        faults.add(pointer, f"no less than {limits[0]} items allowed")
    inner, inner_limits = typed(kind[1:-1])
    for index, item in enumerate(value):
        check(inner, item, inner_limits, f"{pointer}/{index}", faults)


def _check_object(
    name: str, value: dict[str, Any], limits: tuple[int, int] | None, pointer: str, faults: Faults
) -> None:
    fields = FIELDS[name]
    for key in value:
        if key not in fields:
            faults.add(pointer, f"invalid additional property: {key}")
    for key, field in fields.items():
        if key not in value:
            if field.required:
                faults.add(pointer, f"missing required field: {key}")
            continue
        # A text object is limited by where it stands.
        stands = name in ("plain", "mrkdwn") and key == "text"
        check(field.type, value[key], (limits or field.limits) if stands else field.limits, f"{pointer}/{key}", faults)


def _check_scalar(kind: str, value: Any, limits: tuple[int, int] | None, pointer: str, faults: Faults) -> None:
    if kind == "bool":
        if not isinstance(value, bool):
            faults.add(pointer, "must be a boolean")
    elif kind == "int":
        if not isinstance(value, int) or isinstance(value, bool):
            faults.add(pointer, "must be an integer")
        elif limits and not limits[0] <= value <= limits[1]:
            faults.add(pointer, f"must be between {limits[0]} and {limits[1]}")
    elif not isinstance(value, str):
        faults.add(pointer, "must be a string")
    elif kind in ("str", "url", "https"):
        if limits and len(value) > limits[1]:
            faults.add(pointer, f"must be less than {limits[1] + 1} characters")
        if limits and len(value) < limits[0]:
            faults.add(pointer, f"must be more than {limits[0] - 1} characters")
        if kind != "str" and not re.match(r"https://[^\s/]" if kind == "https" else r"https?://[^\s/]", value):
            faults.add(pointer, "invalid url")
    elif value not in kind.removeprefix("=").split("|"):
        faults.add(pointer, f"must be a valid enum value, one of {kind.removeprefix('=').replace('|', ', ')}")
