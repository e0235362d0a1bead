"""Fixtures that many tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.stage import Stage, staged


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """The product over a fresh SQLite database, with a fake platform, provider and clock."""
    async with staged(tmp_path) as stage:
        yield stage
