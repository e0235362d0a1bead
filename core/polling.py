"""When to look at an operation next. Pure.

Clips of one model take similar times, so looking is worth most around the time when most of them are done: once
shortly before the expected time, then in short steps that grow with the time already spent.
"""

from __future__ import annotations

FIRST_LOOK = 0.6
"""Share of the expected (median) time before the first look."""
STEP = 0.08
"""Later looks come after this share of the time spent so far: half of it is lost on average, 4 %."""


def next_look(elapsed_s: float, expected_s: float, *, min_s: float, max_s: float) -> float:
    """Seconds until the next look at an operation that has run for `elapsed_s`, within the bounds."""
    first = expected_s * FIRST_LOOK
    wait = first - elapsed_s if elapsed_s < first else elapsed_s * STEP
    return min(max_s, max(min_s, wait))


def backoff(tries: int, *, min_s: float = 1.0, max_s: float = 60.0) -> float:
    """Seconds to wait after so many failures in a row: doubling, within the bounds."""
    return min(max_s, min_s * 2.0 ** min(tries, 16))
