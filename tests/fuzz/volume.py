"""How much is tried: a little in the suite, always the same; as much as FUZZ_UPDATES says otherwise."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings

UPDATES = int(os.environ.get("FUZZ_UPDATES", "0"))
"""Updates generated for each platform, parsed by themselves and sent through the receiver; 0 for the short form."""
BATCH = 20
"""Updates that one run of a receiver gets, one after the other."""
PATIENT = pytest.mark.timeout(7_200 if UPDATES else 120)
"""For how long a test may take, in seconds: what hangs is found out by it."""

_EVERY = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example, HealthCheck.filter_too_much)


def tries(short: int, share: float = 1.0) -> settings:
    """So many examples in the suite; in the long form `share` of FUZZ_UPDATES, and random ones."""
    if not UPDATES:
        return settings(
            max_examples=short,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=_EVERY,
            phases=(Phase.explicit, Phase.generate, Phase.shrink),
        )
    return settings(
        max_examples=max(short, round(UPDATES * share)),
        deadline=None,
        database=None,
        suppress_health_check=_EVERY,
        print_blob=True,
    )
