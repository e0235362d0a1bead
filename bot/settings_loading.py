"""Reads the settings of this process and checks them, each by itself and all together.

Which settings there are is told in `bot.settings`, what they must not be in `bot.settings_checks`.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import ValidationError

from bot.settings import Settings
from bot.settings_checks import Problem, SettingsError, joint_problems, own_problem
from bot.settings_fields import is_secret


def load_settings(env_file: Path | None = Path(".env"), **values: Any) -> Settings:
    """The settings of this process, checked by themselves and together; `values` win over everything else.

    Raises SettingsError with everything that is wrong, at once."""
    try:
        settings, problems = _checked(env_file, values)
    except UnicodeDecodeError as error:
        raise SettingsError((Problem(str(env_file), "the file is not UTF-8 text", "save it as UTF-8"),)) from error
    if problems:
        raise SettingsError(problems)
    return settings


def _checked(env_file: Path | None, values: dict[str, Any]) -> tuple[Settings, tuple[Problem, ...]]:
    try:
        settings = Settings(_env_file=env_file, **values)
    except ValidationError as error:
        alone = tuple(
            own_problem(details, Settings.model_fields.get(str(details["loc"][0]).lower()))
            for details in error.errors(include_url=False)
        )
    else:
        return settings, joint_problems(settings)
    # What is wrong by itself is taken out, so that the rest can be checked in the same go.
    wrong = {problem.variable for problem in alone}
    defaults = {
        name: Settings.model_fields[name.lower()].default for name in wrong if name.lower() in Settings.model_fields
    }
    kept = {name: value for name, value in values.items() if name.upper() not in wrong}
    rest = Settings(_env_file=env_file, **kept, **defaults)
    return rest, alone + tuple(problem for problem in joint_problems(rest) if not problem.concerns & wrong)


def misspelt(env_file: Path | None = Path(".env")) -> tuple[str, ...]:
    """A warning for each variable in `env_file` that is not ours but looks much like one of ours."""
    if env_file is None or not env_file.is_file():
        return ()
    known = {name.upper(): field for name, field in Settings.model_fields.items()}
    names = [*known, *(f"{name}_FILE" for name, field in known.items() if is_secret(field))]
    warnings = []
    for name in dotenv_values(env_file, encoding="utf-8"):
        close = [] if name.upper() in names else difflib.get_close_matches(name.upper(), names, n=1, cutoff=0.85)
        if close:
            warnings.append(f"{env_file}: there is no setting {name}. Did you mean {close[0]}?")
    return tuple(warnings)
