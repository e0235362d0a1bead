"""When an operation is looked at next, and what is learned from each clip that is finished."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from itertools import pairwise
from statistics import median

import pytest

from core.polling import LOOP_S, Outlook, backoff

BOUNDS = {"min_s": 2.0, "max_s": 20.0}
USUAL = Outlook.of((60.0, 88.0))


def looks_until(outlook: Outlook, seconds: float) -> list[float]:
    """When it is looked at, in seconds after the order, until the look that finds it finished."""
    at = [outlook.next_look(0.0, **BOUNDS)]
    while at[-1] < seconds:
        at.append(at[-1] + outlook.next_look(at[-1], **BOUNDS))
    return at


def lived(outlook: Outlook, times: Iterable[float]) -> tuple[Outlook, list[float], int]:
    """What is known after clips with these service times, how late each was noticed, and the looks made in all."""
    late, looks = [], 0
    for seconds in times:
        at = looks_until(outlook, seconds)
        outlook = outlook.learned(at[-2] if len(at) > 1 else 0.0, at[-1], looks=len(at))
        late.append(at[-1] - seconds)
        looks += len(at)
    return outlook, late, looks


def drawn(count: int, usual_s: float, spread: float = 0.3, seed: int = 1) -> list[float]:
    """Service times."""
    source = random.Random(seed)
    return [usual_s * math.exp(source.gauss(0.0, spread)) for _ in range(count)]


def test_looks_are_most_frequent_when_the_clip_is_most_likely_to_be_finished() -> None:
    at = looks_until(USUAL, 90.0)
    steps = [later - sooner for sooner, later in pairwise(at)]
    assert 45.0 < at[0] < 55.0, "nobody looks while hardly any is finished"
    assert steps == sorted(steps, reverse=True)
    assert 2.0 < steps[-1] < steps[0] < 6.0


@pytest.mark.parametrize(
    ("elapsed", "expected", "wait"),
    [
        (0.0, (600.0, 900.0), 120.0),  # the first look may take six times the longest step
        (500.0, (600.0, 900.0), 3.91),
        (0.0, (1.0, 2.0), 2.0),  # never sooner than the bound
        (10.0, (1.0, 2.0), 2.0),
        (200.0, (60.0, 88.0), 10.0),  # late: a share of the time spent
        (10_000.0, (60.0, 88.0), 20.0),  # and never later than the bound
    ],
)
def test_waits_keep_to_the_bounds(elapsed: float, expected: tuple[float, float], wait: float) -> None:
    assert Outlook.of(expected).next_look(elapsed, **BOUNDS) == pytest.approx(wait, abs=0.01)


def test_a_clock_that_was_set_back_breaks_nothing() -> None:
    assert 0.0 < USUAL.next_look(-100.0, **BOUNDS) <= 120.0
    assert USUAL.learned(0.0, -5.0, looks=1).median_s < USUAL.median_s


def test_what_is_learned_comes_to_be_how_long_clips_take() -> None:
    outlook, _, _ = lived(Outlook.of((40.0, 90.0)), drawn(600, 60.0))
    assert outlook.median_s == pytest.approx(60.0, rel=0.12)
    assert outlook.spread == pytest.approx(0.3, rel=0.3)


def test_clips_are_noticed_sooner_than_by_the_loop_with_no_more_looks() -> None:
    times = drawn(3000, 60.0)
    _, late, looks = lived(Outlook.of((40.0, 90.0)), times)
    loops = [math.ceil(seconds / LOOP_S) for seconds in times]
    by_loop = [count * LOOP_S - seconds for count, seconds in zip(loops, times, strict=True)]
    assert looks <= sum(loops)
    assert median(late) < 0.37 * median(by_loop)
    assert sum(late) < 0.75 * sum(by_loop)


@pytest.mark.parametrize("usual_s", [15.0, 180.0])
def test_a_model_that_becomes_faster_or_slower_is_followed(usual_s: float) -> None:
    before, _, _ = lived(Outlook.of((40.0, 90.0)), drawn(300, 60.0))
    after, _, _ = lived(before, drawn(250, usual_s))
    assert after.median_s == pytest.approx(usual_s, rel=0.25)


def test_one_clip_that_hung_for_hours_changes_little() -> None:
    known, _, _ = lived(USUAL, drawn(100, 60.0))
    after = known.learned(30_000.0, 30_020.0, looks=1500)
    assert after.median_s < 1.02 * known.median_s
    assert after.spread < 1.1 * known.spread


def test_alike_as_times_may_be_somebody_looks_before_them() -> None:
    outlook, _, _ = lived(USUAL, [60.0] * 300)
    assert outlook.first_s < 60.0


def test_waits_after_failures_double_within_the_bounds() -> None:
    assert [backoff(tries) for tries in (0, 1, 5, 6, 1000)] == [1.0, 2.0, 32.0, 60.0, 60.0]
    assert backoff(3, min_s=0.5, max_s=100.0) == 4.0
