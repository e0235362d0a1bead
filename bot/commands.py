"""What every command of the command line begins with: the settings, and a loop to run in. Light to import."""

from __future__ import annotations

import gc
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from bot.settings import Settings

T = TypeVar("T")


def settings_of_here(*, logs_errors: bool = False) -> Settings:
    """The settings of the environment and .env; says on stderr which names look misspelt. `logs_errors`: for a command
    that answers on the terminal, and logs nothing but errors there. Raises SettingsError."""
    with loading():
        from bot.settings_loading import load_settings, misspelt

    settings = load_settings()
    for warning in misspelt():
        sys.stderr.write(warning + "\n")
    if logs_errors:
        from bot.logs import configure_logging

        configure_logging("ERROR", settings.log_format, settings.secrets)
    return settings


@contextmanager
def loading() -> Iterator[None]:
    """What is imported inside stays for good: the garbage collector, which would look through it all again and again
    meanwhile (a sixth of the time), leaves it alone then and later."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns, run in a loop of its own."""
    import asyncio  # it takes as long to load as all the rest of `reelbot --help`

    return asyncio.run(work)
