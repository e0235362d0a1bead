"""The column types that tables share: frozen core values as JSON, moments in UTC, and 64-bit ids.

Which value is kept in which table is `storage.tables`' work.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError, from_json
from sqlalchemy import BigInteger, DateTime, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator

from core.errors import PermanentError

FORMAT = 1
"""Version of the JSON that is written. Raise it when a core type changes so that old JSON no longer fits, and
rewrite the old bodies in the migration that comes with the change."""

BigId = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit id: SQLite counts up only in a column that is declared INTEGER."""


class FrozenValue(TypeDecorator[Any]):
    """A frozen dataclass of core as JSON text: `{"format": 1, "value": {...}}`.

    Text and not JSONB, because people's text may hold NUL characters, which JSONB refuses; what SQL asks for has a
    column of its own. Values of fields typed `Any` come back as plain JSON (an enum member as its string, a tuple as a
    list). Reading raises PermanentError for a format this program does not know, or a value that no longer fits.
    """

    impl = Text
    cache_ok = True

    def __init__(self, adapter: TypeAdapter[Any]) -> None:
        super().__init__()
        self.adapter = adapter  # named like the parameter: SQLAlchemy's statement cache looks it up by that name

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> str | None:
        """The JSON text; characters that are half a surrogate pair become question marks."""
        if value is None:
            return None
        try:
            text = self.adapter.dump_json(value).decode()
        except PydanticSerializationError:
            plain = json.dumps(self.adapter.dump_python(value, mode="json"), ensure_ascii=False)
            text = plain.encode("utf-8", "replace").decode()
        return f'{{"format":{FORMAT},"value":{text}}}'

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any | None:
        """The value; raises PermanentError."""
        if value is None:
            return None
        try:
            saved = from_json(value)
            if isinstance(saved, dict) and saved.get("format") != FORMAT:
                raise PermanentError(
                    f"A saved row has format {saved.get('format')!r} and this Reelbot reads format {FORMAT}: "
                    "start the version of Reelbot that wrote it, or a newer one."
                )
            return self.adapter.validate_python(saved["value"])
        except (KeyError, TypeError, ValueError) as error:
            raise PermanentError(
                "A saved row cannot be read: it was changed by hand, or written by another version of Reelbot."
            ) from error


class Moment(TypeDecorator[datetime]):
    """A point in time, aware and in UTC on the way in and out, also on SQLite, which knows no time zones.

    Raises ValueError when a naive datetime is saved.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The moment as the database keeps it."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The moment in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
