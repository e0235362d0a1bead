"""What a setting is made of: kinds of values, how a field is declared, and secrets that are read from files.

Which settings there are is told in `bot.settings`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource


class Unreadable(str):
    """Stands for the value of a secret whose file could not be read; says why."""

    __slots__ = ()


def _secret(value: Any) -> Any:
    if isinstance(value, Unreadable):
        raise ValueError(str(value))
    return value.strip() or None if isinstance(value, str) else value


def _listed(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


Secret = Annotated[SecretStr | None, BeforeValidator(_secret)]
Ids = Annotated[tuple[int, ...], NoDecode, BeforeValidator(_listed)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
Tiers = Annotated[tuple[Literal["draft", "standard", "best"], ...], NoDecode, BeforeValidator(_listed)]
LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)]


def setting(group: str, default: Any, about: str, *, example: str, unit: str = "", **limits: Any) -> Any:
    """A field with what people have to know about it; `limits` as for pydantic's `Field`."""
    return Field(
        default, description=about, examples=[example], json_schema_extra={"group": group, "unit": unit}, **limits
    )


def is_secret(field: FieldInfo) -> bool:
    """Whether the field's value must never be shown."""
    return "SecretStr" in str(field.annotation)


class SecretFiles(PydanticBaseSettingsSource):
    """Reads a secret from the file that `<NAME>_FILE` names among `variables` (names in lower case)."""

    def __init__(self, settings_cls: type[BaseSettings], variables: Mapping[str, str | None]) -> None:
        super().__init__(settings_cls)
        self._variables = variables

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The file's content, or None when no file is named."""
        path = self._variables.get(f"{field_name}_file")
        if not path or not is_secret(field):
            return None, field_name, False
        try:
            return Path(path).read_text("utf-8").strip(), field_name, False
        except (OSError, ValueError) as error:
            # The path is not shown: people put the secret itself there.
            reason = (error.strerror if isinstance(error, OSError) else None) or "it is not text"
            return (
                Unreadable(f"the file that {field_name.upper()}_FILE names cannot be read: {reason}"),
                field_name,
                False,
            )

    def __call__(self) -> dict[str, Any]:
        """Every secret that has a file."""
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name.upper(): value for name, value in found.items() if value}
