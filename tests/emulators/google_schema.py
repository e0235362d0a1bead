"""Checks structured output: the schemas that generateContent takes, and replies against them.

Covers the subset that structured output documents. A reply is checked because a scripted reply that the real
model could not have given would make a test prove nothing.
"""

from collections.abc import Callable
from typing import Any

from tests.emulators.google_wire import (
    Check,
    anything,
    array,
    boolean,
    integer,
    mapping,
    one_of,
    record,
    text,
)

TYPES = ("STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL")


def check_response_schema(value: Any, path: str) -> None:
    """`generationConfig.responseSchema`: the OpenAPI subset, without references and additionalProperties."""
    _SCHEMA(value, path)


def _sub(value: Any, path: str) -> None:
    _SCHEMA(value, path)


def _count(value: Any, path: str) -> None:
    """int64 fields travel as strings, and are taken as numbers too."""
    if isinstance(value, str) and value.isdigit():
        return
    integer(0)(value, path)


_SCHEMA: Check = record(
    {
        "type": one_of(*TYPES, *(name.lower() for name in TYPES)),
        "format": text,
        "title": text,
        "description": text,
        "nullable": boolean,
        "default": anything,
        "example": anything,
        "enum": array(text),
        "items": _sub,
        "minItems": _count,
        "maxItems": _count,
        "properties": mapping(_sub),
        "required": array(text),
        "propertyOrdering": array(text),
        "minProperties": _count,
        "maxProperties": _count,
        "minLength": _count,
        "maxLength": _count,
        "pattern": text,
        "minimum": anything,
        "maximum": anything,
        "anyOf": array(_sub, 1),
    },
    proto=True,
)

_IS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
}


def problems(value: Any, schema: dict[str, Any], root: dict[str, Any] | None = None, path: str = "$") -> list[str]:
    """What keeps `value` from fitting `schema`, one sentence each; empty when it fits."""
    root = schema if root is None else root
    if "$ref" in schema:
        target: Any = root
        for name in schema["$ref"].removeprefix("#/").split("/"):
            target = target.get(name, {})
        return problems(value, target, root, path)
    if value is None and schema.get("nullable"):
        return []
    found: list[str] = []
    for keyword in ("anyOf", "oneOf"):
        branches = schema.get(keyword)
        if branches and all(problems(value, branch, root, path) for branch in branches):
            found.append(f"{path} fits no branch of {keyword}: {value!r:.60}")
    for branch in schema.get("allOf", []):
        found += problems(value, branch, root, path)
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_IS[kind.lower()](value) for kind in kinds):
        return [*found, f"{path} is {value!r:.60}, not {' or '.join(kinds).lower()}"]
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{path} is {value!r:.60}, not one of {schema['enum']}")
    if "const" in schema and value != schema["const"]:
        found.append(f"{path} is {value!r:.60}, not {schema['const']!r}")
    if isinstance(value, dict):
        found += _object_problems(value, schema, root, path)
    if isinstance(value, list):
        found += _length_problems(len(value), schema, "minItems", "maxItems", path)
        for index, entry in enumerate(value):
            found += problems(entry, schema.get("items", {}), root, f"{path}[{index}]")
    if isinstance(value, str):
        found += _length_problems(len(value), schema, "minLength", "maxLength", path)
    if _IS["number"](value):
        found += _length_problems(value, schema, "minimum", "maximum", path)
    return found


def _object_problems(value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any], path: str) -> list[str]:
    found = [f"{path}.{name} is missing" for name in schema.get("required", []) if name not in value]
    properties = schema.get("properties", {})
    extra = schema.get("additionalProperties")
    for name, entry in value.items():
        if name in properties:
            found += problems(entry, properties[name], root, f"{path}.{name}")
        elif isinstance(extra, dict):
            found += problems(entry, extra, root, f"{path}.{name}")
        elif properties and extra is not True:
            found.append(f"{path}.{name} is not in the schema")
    return found


def _length_problems(size: float, schema: dict[str, Any], low: str, high: str, path: str) -> list[str]:
    found = []
    if low in schema and size < float(schema[low]):
        found.append(f"{path}: {size} is under {low} {schema[low]}")
    if high in schema and size > float(schema[high]):
        found.append(f"{path}: {size} is over {high} {schema[high]}")
    return found
