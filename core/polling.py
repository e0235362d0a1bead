"""When to look at an operation next. Pure.

Clips of one model take similar times, so looking is worth most when a clip is likely to have been finished since the
last look. What a model's times are like is learned from each clip that is finished; how many looks a clip may take is
what a loop of a look every ten seconds would need. With what is left of them after the first look, each has the same
chance to find the clip finished: where many are finished looks follow each other quickly, where few are they do not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Self

LOOP_S = 10.0
"""Seconds between two looks of the services' own samples: no more looks are made than such a loop makes."""
THRIFT = 0.985
"""Share of the loop's looks that is aimed at, so that chance does not lead beyond all of them."""
LEAST_LOOKS = 3.0
"""A clip may take so many looks on average, however soon it is expected."""
FIRST_LOOK = 0.28
"""Share of the clips that the first look may find finished. Fewer, and the looks that wait for the first ones are
missing for the many: with 0.15 the median of what is noticed late grows by a tenth, while the latest twentieth,
which is finished before anybody expects it, is noticed twice as early."""
FIRST_WAIT = 6.0
"""The first look may take so many times longer to come than any other."""
LATE = 2.0
"""What takes so many times its expected time is not like the others."""
LATE_STEP = 0.05
"""Share of the time spent so far between two looks at such a one."""
PRIOR = 8
"""So many finished clips weigh as much as what was expected before the first."""
MEMORY = 64
"""About so many of the latest clips count."""
LEAST_SPREAD = 0.1
"""Times are never taken to be more alike than this: a model may become faster, and then somebody has to look."""
OUTLIER = 3.0
"""What is farther from the usual than so many times the spread counts as if it were as far as that."""
SHORTEST_S = 0.001
"""Times below this count as this."""

_NORMAL = NormalDist()
_P90 = _NORMAL.inv_cdf(0.9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """How long clips of one model take, as far as it is known: the logarithms of their times are taken to be normally
    distributed. And how many looks they need."""

    median_s: float
    spread: float
    """Standard deviation of the logarithms."""
    loop_looks: float
    """Looks that the loop needs for a clip, on average."""
    overrun: float = 1.0
    """Looks made for each one that was planned, on average."""
    seen: int = PRIOR

    @classmethod
    def of(cls, expected_s: tuple[float, float]) -> Self:
        """From the median and the 90th percentile, in seconds."""
        median_s, late_s = expected_s
        spread = max(LEAST_SPREAD, math.log(max(1.0, late_s / median_s)) / _P90)
        return cls(median_s=median_s, spread=spread, loop_looks=median_s * math.exp(spread**2 / 2.0) / LOOP_S + 0.5)

    @property
    def looks(self) -> float:
        """How many are planned for a clip, on average."""
        return max(LEAST_LOOKS, THRIFT * self.loop_looks / self.overrun)

    @property
    def first_s(self) -> float:
        """When the first look is due, in seconds after the order."""
        return self.median_s * math.exp(self.spread * _NORMAL.inv_cdf(FIRST_LOOK))

    def next_look(self, elapsed_s: float, *, min_s: float, max_s: float) -> float:
        """Seconds until the next look at an operation that has run for `elapsed_s`, within the bounds."""
        first = self.first_s
        if elapsed_s < first:
            return min(FIRST_WAIT * max_s, max(min_s, first - elapsed_s))
        wait = min_s
        chance = (1.0 - FIRST_LOOK) / (self.looks - 1.0)
        left = _NORMAL.cdf(-self._place(elapsed_s)) * (1.0 - chance)
        if left > 0.0:
            wait = self.median_s * math.exp(-self.spread * _NORMAL.inv_cdf(left)) - elapsed_s
        if elapsed_s > LATE * self.median_s:
            wait = max(wait, LATE_STEP * elapsed_s)
        return min(max_s, max(min_s, wait))

    def learned(self, after_s: float, until_s: float, *, looks: int) -> Outlook:
        """With one more clip: finished later than `after_s` (0 when the first look found it) and at `until_s` at the
        latest, in seconds after the order, noticed by the last of so many looks."""
        if after_s > 0.0:
            place = self._place((after_s + until_s) / 2.0)
            square = place**2
        else:
            # Nobody knows how long it had been finished: taken as usual for those that are by then.
            until = self._place(until_s)
            below = _NORMAL.cdf(until)
            place = -_NORMAL.pdf(until) / below if below > 1e-6 else until
            square = 1.0 + until * place
        place = max(-OUTLIER, min(OUTLIER, place))
        square = min(OUTLIER**2, square)
        weight = 1.0 / min(MEMORY, self.seen + 1)
        loop_looks = math.ceil(self.median_s * math.exp(self.spread * place) / LOOP_S)
        overrun = self.overrun + weight * (looks / self.looks - self.overrun)
        return replace(
            self,
            median_s=self.median_s * math.exp(self.spread * weight * place),
            spread=max(LEAST_SPREAD, self.spread * math.sqrt(1.0 + weight * (square - 1.0) - (weight * place) ** 2)),
            loop_looks=self.loop_looks + weight * (loop_looks - self.loop_looks),
            overrun=max(0.5, min(2.0, overrun)),
            seen=self.seen + 1,
        )

    def _place(self, seconds: float) -> float:
        """How far a time is from the usual, in standard deviations."""
        return math.log(max(seconds, SHORTEST_S) / self.median_s) / self.spread


def backoff(tries: int, *, min_s: float = 1.0, max_s: float = 60.0) -> float:
    """Seconds to wait after so many failures in a row: doubling, within the bounds."""
    return min(max_s, min_s * 2.0 ** min(tries, 16))
