"""What a simulation is made of: a clock, and stations at which things wait for their turn."""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable
from functools import partial

Then = Callable[[], None]
Step = Callable[[Then], None]
"""Something that takes its time, and then calls what comes after it."""


class World:
    """The clock, and what is to happen."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Then]] = []
        self._number = 0

    def after(self, seconds: float, then: Then) -> None:
        self._number += 1
        heapq.heappush(self._events, (self.now + seconds, self._number, then))

    def run(self, until: float) -> None:
        while self._events and self._events[0][0] <= until:
            self.now, _, then = heapq.heappop(self._events)
            then()
        self.now = until


class Servers:
    """So many that each do one thing at a time, in the order in which it came; long ones in slices."""

    def __init__(self, world: World, count: int, slice_s: float = math.inf) -> None:
        self._world = world
        self._free = count
        self._count = count
        self._slice_s = slice_s
        self._line: deque[tuple[float, Then]] = deque()
        self._busy_s = 0.0
        self.came = 0.0
        """Seconds of work."""

    def take(self, seconds: float, then: Then) -> None:
        self.came += seconds
        self._line.append((seconds, then))
        self._serve()

    def _serve(self) -> None:
        while self._free and self._line:
            seconds, then = self._line.popleft()
            self._free -= 1
            self._busy_s += min(seconds, self._slice_s)
            self._world.after(min(seconds, self._slice_s), partial(self._did, seconds - self._slice_s, then))

    def _did(self, left: float, then: Then) -> None:
        self._free += 1
        if left > 1e-9:
            self._line.append((left, then))
        else:
            then()
        self._serve()

    @property
    def used(self) -> float:
        return self._busy_s / self._count

    @property
    def waiting(self) -> float:
        """Seconds of work."""
        return sum(seconds for seconds, _ in self._line)


class Window:
    """So many in any stretch of time, in the order in which they came."""

    def __init__(self, world: World, limit: float, window_s: float) -> None:
        self._world = world
        self._limit = max(1, round(limit))
        self._window_s = window_s
        self._taken: deque[float] = deque()
        self._line: deque[Then] = deque()
        self._called = False
        self._went = 0
        self.came = 0

    @property
    def free(self) -> bool:
        while self._taken and self._taken[0] <= self._world.now - self._window_s:
            self._taken.popleft()
        return len(self._taken) < self._limit

    def take(self, then: Then) -> None:
        self.came += 1
        self._line.append(then)
        self._serve()

    def squeeze(self) -> bool:
        """Take a place that nobody wants just now; it does not count as used. Whether there was one."""
        if self._line or not self.free:
            return False
        self._taken.append(self._world.now)
        return True

    def _serve(self) -> None:
        while self._line and self.free:
            self._taken.append(self._world.now)
            self._went += 1
            self._line.popleft()()
        if self._line and not self._called:
            self._called = True
            self._world.after(max(0.0, self._taken[0] + self._window_s - self._world.now) + 1e-9, self._woken)

    def _woken(self) -> None:
        self._called = False
        self._serve()

    @property
    def used(self) -> float:
        """In windows that would have been full."""
        return self._went * self._window_s / self._limit

    @property
    def waiting(self) -> int:
        return len(self._line)


class Places:
    """So many at once, each for as long as it is kept."""

    def __init__(self, world: World, count: int) -> None:
        self._world = world
        self._count = count
        self._taken = 0
        self._line: deque[Then] = deque()
        self._kept_s = 0.0
        self._since = 0.0
        self.came = 0

    def take(self, then: Then) -> None:
        self.came += 1
        self._line.append(then)
        self._serve()

    def leave(self) -> None:
        self._counted()
        self._taken -= 1
        self._serve()

    def _serve(self) -> None:
        while self._line and self._taken < self._count:
            self._counted()
            self._taken += 1
            self._line.popleft()()

    def _counted(self) -> None:
        self._kept_s += self._taken * (self._world.now - self._since)
        self._since = self._world.now

    @property
    def used(self) -> float:
        self._counted()
        return self._kept_s / self._count

    @property
    def waiting(self) -> int:
        return len(self._line)


Station = Servers | Window | Places
