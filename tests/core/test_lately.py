"""What is remembered for a short while."""

from __future__ import annotations

from datetime import timedelta

from core import lately
from core.lately import Lately
from tests.clock import START


def test_it_counts_for_so_long_and_no_longer() -> None:
    seen = Lately(30.0)
    assert not seen.seen("a", START)
    seen.see("a", START)
    assert seen.seen("a", START + timedelta(seconds=29.9))
    assert not seen.seen("a", START + timedelta(seconds=30))
    assert not seen.seen("b", START)


def test_a_clock_that_is_set_back_does_not_make_it_count_for_ever() -> None:
    seen = Lately(30.0)
    seen.see("a", START)
    assert not seen.seen("a", START - timedelta(hours=1))


def test_it_can_be_forgotten() -> None:
    seen = Lately(30.0)
    seen.see("a", START)
    seen.forget("a")
    seen.forget("never seen")
    assert not seen.seen("a", START)


def test_the_oldest_is_forgotten_first() -> None:
    seen = Lately(30.0)
    for number in range(lately.MOST):
        seen.see(str(number), START)
    seen.see("0", START)  # once more, so it is not the oldest now
    seen.see("new", START)
    assert seen.seen("0", START)
    assert seen.seen("new", START)
    assert not seen.seen("1", START)
