"""The settings on paper: the file `.env.example` and the README's table.

`python -m bot.settings_docs` prints the first, `python -m bot.settings_docs --markdown` the second.

Both are compared with what is in the repository by `tests/bot/test_settings.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby
from textwrap import wrap

from pydantic.fields import FieldInfo

from bot.settings import Settings
from bot.settings_fields import is_secret

INTRODUCTION = """\
# Settings of Reelbot. Copy this file to .env and take away the # in front of what you change.
# Nothing has to be set for the terminal. An empty value counts as unset. Lists are written with commas.
# A secret can also be read from a file: GEMINI_API_KEY_FILE=/run/secrets/gemini_api_key
"""


def _grouped() -> Iterator[tuple[str, list[tuple[str, FieldInfo]]]]:
    fields = [(name.upper(), field) for name, field in Settings.model_fields.items()]
    for group, members in groupby(fields, key=lambda item: _note(item[1], "group")):
        yield group, list(members)


def _note(field: FieldInfo, key: str) -> str:
    notes = field.json_schema_extra
    return str(notes[key]) if isinstance(notes, dict) else ""


def _default(field: FieldInfo) -> str:
    if isinstance(field.default, bool):
        return str(field.default).lower()
    return "" if field.default in (None, (), "") else str(field.default)


def env_example() -> str:
    """The text of `.env.example`: every setting with its meaning, unit, default and an example."""
    parts = [INTRODUCTION]
    for group, members in _grouped():
        parts.append(f"\n# --- {group} {'-' * (70 - len(group))}\n")
        for name, field in members:
            facts = [
                f"Unit: {_note(field, 'unit')}." if _note(field, "unit") else "",
                f"Default: {_default(field) or 'unset'}.",
                f"Example: {name}={(field.examples or [''])[0]}",
            ]
            lines = [*wrap(str(field.description), 108), " ".join(filter(None, facts))]
            parts.append("\n" + "".join(f"# {line}\n" for line in lines) + f"#{name}={_default(field)}\n")
    return "".join(parts)


def markdown_table() -> str:
    """The README's table of settings."""
    rows = ["| Setting | Default | Unit | Meaning | Example |", "|---|---|---|---|---|"]
    for group, members in _grouped():
        rows.append(f"| **{group}** | | | | |")
        for name, field in members:
            default = f"`{_default(field)}`" if _default(field) else "unset"
            meaning = str(field.description) + (" *Secret.*" if is_secret(field) else "")
            example = (field.examples or [""])[0]
            rows.append(f"| `{name}` | {default} | {_note(field, 'unit')} | {meaning} | `{example}` |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(markdown_table() if "--markdown" in sys.argv else env_example())
