"""What errors carry."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.errors import LONGEST_WAIT_S, OrderNotSent, OrderRefused, TemporaryError


@pytest.mark.parametrize("kind", [TemporaryError, OrderNotSent, OrderRefused])
@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        (None, None),
        (0, None),
        (-5, None),
        (float("nan"), None),
        (float("-inf"), None),
        (0.2, 0.2),
        (30, 30.0),
        (10**12, LONGEST_WAIT_S),
        (10**400, LONGEST_WAIT_S),
        (1e308, LONGEST_WAIT_S),
        (float("inf"), LONGEST_WAIT_S),
    ],
)
def test_a_service_is_asked_again_within_reason(
    kind: type[TemporaryError] | type[OrderNotSent] | type[OrderRefused], asked: float | None, waited: float | None
) -> None:
    """Some of these make `timedelta` raise; others, a loop that never pauses or never goes on."""
    found = kind(retry_after=asked).retry_after
    assert found == waited
    assert found is None or timedelta(seconds=found)
