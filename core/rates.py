"""From a service's limit to a rate that keeps it. Who counts is whoever implements the `Pace` port."""

from __future__ import annotations

from core.ports import Rate


def within(name: str, *, limit: int, window_s: float, burst: int) -> Rate:
    """At most `limit` in any `window_s` seconds, `burst` of them at once at the most.

    A rate lets through its burst and then one every `every_s`, so in a window never more than burst + window / every_s.
    That sum is the limit when the rest of it, limit - burst, is spread over the window. A limit of one has no rest: one
    for each window, counted from the one before."""
    at_once = max(1, min(burst, limit - 1))
    return Rate(name=name, every_s=window_s / max(1, limit - at_once), burst=at_once)
