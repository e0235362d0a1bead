"""Keeps the settings of the machine that runs the tests out of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.settings import Settings


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of ours is set, and there is no `.env`."""
    ours = {f"{name.upper()}{end}" for name in Settings.model_fields for end in ("", "_FILE")}
    for name in ours & os.environ.keys():
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
