"""People who write and order in the busiest hour, one by one: what `capacity` calculates, played through.

Turns and videos come by chance. Each goes through the same stations as in the program, with what was measured as its
service times: a process works at one thing at a time, in small slices; commits follow each other; so do bytes on the
line; Telegram, Gemini and the video service take so many requests in a window of time; a video takes a place in flight
for as long as the service takes, which differs from video to video. What finds a station taken waits in line. A status
message is edited only where there is room at that moment, as it gives way in the program. The same seed gives the same
hour.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from tests.benchmarks.capacity import MINUTE_S, RESOURCES, Means, Model, Resource
from tests.benchmarks.figures import percentile
from tests.benchmarks.measured import Work
from tests.benchmarks.stations import Places, Servers, Station, Step, Then, Window, World

SLICE_S = 0.05
"""Of a process's time, before the next thing has its turn."""
SPREAD = 0.35
"""Of the service's times, as a lognormal distribution has it."""
PROGRESS_S = 5.0
"""Between two edits of a status message: PROGRESS_EDIT_S."""
SETTLING = 2.0
"""As many times as a video is in flight pass before it counts."""
GROWS = 0.04
"""When so large a share of what came to a station still waits at the end, its line grows."""

FIRST = 0.2
"""Share of a generation's work that is done at the tap; the rest is mostly for the finished clip."""
FIRST_COMMITS = 0.3
"""Share of a turn's and of a generation's commits that come before the model or the service is asked."""
FIRST_MESSAGES = 0.4
"""Share of a generation's messages that are said at the tap."""

SIMULATED: tuple[Resource, ...] = tuple(resource for resource in RESOURCES if resource != "disk")
"""A disk fills with the days, not in an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """What came of it."""

    use: Mapping[Resource, float]
    """Share of each resource that was used, without the edits of status messages."""
    waiting: Mapping[Resource, float]
    """What stood in line at the end, as a share of all that came to it."""
    answer_s: Sequence[float]
    """From a message to its answer: of every turn that was answered."""
    queued_s: Sequence[float]
    """From the tap until the order: of every video that was begun."""
    progress: float
    """Share of the edits of status messages for which there was room."""

    @property
    def grows(self) -> Resource | None:
        """Whose line grows; None when nobody's does."""
        longest = max(SIMULATED, key=lambda resource: self.waiting[resource])
        return longest if self.waiting[longest] > GROWS else None

    @property
    def answered_within_s(self) -> float:
        """95 % of the turns."""
        return percentile(self.answer_s, 0.95)

    @property
    def begun_within_s(self) -> float:
        """95 % of the videos, from the tap."""
        return percentile(self.queued_s, 0.95)


class _Town:
    """Everybody who writes and orders, and the stations they go through."""

    def __init__(self, model: Model, means: Means, people: float, for_s: float, seed: int) -> None:
        self._model, self._means = model, means
        self._chance = random.Random(seed)
        self.world = world = World()
        self.processes = Servers(world, means.processes, SLICE_S)
        self.commits = Servers(world, 1)
        self.line_in, self.line_out = Servers(world, 1), Servers(world, 1)
        # Each bot has a limit of its own, and each chat is with one of them.
        self.telegram = Window(world, means.messages_per_s * means.bots, 1.0)
        self.reading = Window(world, means.reads_per_min, MINUTE_S)
        self.writing = Window(world, means.writes_per_min, MINUTE_S)
        self.orders = Window(world, means.orders_per_min, MINUTE_S)
        self.places = Places(world, means.in_flight)
        self.answer_s: list[float] = []
        self.queued_s: list[float] = []
        self.edits = [0, 0]
        self._come(model.turns_per_s(people), for_s, self._turn)
        self._come(model.videos_per_s(people), for_s, self._video)

    def stations(self) -> dict[Resource, Station]:
        return {
            "processor": self.processes,
            "commits": self.commits,
            "Telegram messages": self.telegram,
            "Gemini, reading": self.reading,
            "Gemini, writing": self.writing,
            "video orders": self.orders,
            "videos in flight": self.places,
            "network in": self.line_in,
            "network out": self.line_out,
        }

    def _come(self, per_s: float, for_s: float, then: Then) -> None:
        """As many as are expected, each at any moment."""
        for _ in range(round(per_s * for_s)):
            self.world.after(self._chance.random() * for_s, then)

    def _turn(self) -> None:
        """A message: kept, read by the model, decided, saved, answered."""
        began, turn = self.world.now, self._model.costs.turn

        def steps() -> Iterator[Step]:
            yield self._receiving(turn)
            yield self._working(turn, 0.5)
            yield self._saving(turn, FIRST_COMMITS)
            yield from self._asking(turn)
            yield partial(self.world.after, self._model.habits.model_s)
            yield self._working(turn, 0.5)
            yield self._saving(turn, 1 - FIRST_COMMITS)
            yield from self._messages(turn, 1.0)
            self.answer_s.append(self.world.now - began)
            yield self._sending(turn)

        _follow(steps())

    def _video(self) -> None:
        """A tap: queued, ordered, looked at, fetched, checked, posted."""
        began, work = self.world.now, self._model.costs.generation
        times = self._chance.lognormvariate(0.0, SPREAD) / math.exp(SPREAD**2 / 2)
        held_s = self._model.habits.video_s * times + self._model.costs.beyond_s

        def steps() -> Iterator[Step]:
            yield self._working(work, FIRST)
            yield self._saving(work, FIRST_COMMITS)
            yield from self._messages(work, FIRST_MESSAGES)
            yield self.orders.take
            yield self.places.take
            self.queued_s.append(self.world.now - began)
            yield from self._asking(work)
            self.world.after(PROGRESS_S, partial(self._edit, self.world.now + held_s))
            yield partial(self.world.after, held_s)
            self.places.leave()
            yield self._receiving(work)
            yield self._working(work, 1 - FIRST)
            yield self._saving(work, 1 - FIRST_COMMITS)
            yield self._sending(work)
            yield from self._messages(work, 1 - FIRST_MESSAGES)

        _follow(steps())

    def _edit(self, until: float) -> None:
        """The status message says how far it is, if there is room."""
        if self.world.now < until:
            self.edits[0] += 1
            self.edits[1] += self.telegram.squeeze()
            every_s = self._model.held_s / max(1.0, self._model.costs.generation.progress)
            self.world.after(every_s, partial(self._edit, until))

    def _working(self, work: Work, share: float) -> Step:
        return lambda then: self.processes.take(work.cpu_ms / 1_000 * share, then)

    def _saving(self, work: Work, share: float) -> Step:
        return lambda then: self.commits.take(work.commits * share / self._means.commits_per_s, then)

    def _receiving(self, work: Work) -> Step:
        return lambda then: self.line_in.take(work.bytes_in * 8 / 1e6 / self._means.network_mbit_s, then)

    def _sending(self, work: Work) -> Step:
        return lambda then: self.line_out.take(work.bytes_out * 8 / 1e6 / self._means.network_mbit_s, then)

    def _asking(self, work: Work) -> Iterator[Step]:
        yield from [self.reading.take] * self._times(work.reads)
        yield from [self.writing.take] * self._times(work.writes)

    def _messages(self, work: Work, share: float) -> Iterator[Step]:
        yield from [self.telegram.take] * self._times(work.messages * share)

    def _times(self, mean: float) -> int:
        """A whole number with this mean."""
        whole = math.floor(mean)
        return whole + (self._chance.random() < mean - whole)


def _follow(steps: Iterator[Step]) -> None:
    """One step after the other, each when the one before is done."""
    step = next(steps, None)
    if step is not None:
        step(lambda: _follow(steps))


def simulate(model: Model, means: Means, people: float, *, turns: int = 4_000, seed: int = 1) -> Hour:
    """As much of the busiest hour as so many turns take, or as many such hours; what comes before it has settled does
    not count, except that what waits in the end may have come then."""
    settled_s = SETTLING * model.held_s
    for_s = turns / model.turns_per_s(people)
    town = _Town(model, means, people, settled_s + for_s, seed)
    town.world.run(settled_s)
    used = {resource: station.used for resource, station in town.stations().items()}
    answered, begun = len(town.answer_s), len(town.queued_s)
    town.world.run(settled_s + for_s)
    stations = town.stations()
    use = {resource: (station.used - used[resource]) / for_s for resource, station in stations.items()}
    use["processor"] += model.costs.idle
    wanted, made = town.edits
    return Hour(
        use=use,
        waiting={resource: one.waiting / one.came if one.came else 0.0 for resource, one in stations.items()},
        answer_s=town.answer_s[answered:],
        queued_s=town.queued_s[begun:],
        progress=made / max(1, wanted),
    )
