"""What so many people use in their busiest hour, what ends first, and what to add then: a model, nothing is run here.

It multiplies what one turn and one generation were measured to cost (`costs.json`, written by `costs`) with how often
people write and order, and holds that against what there is. `simulation` checks it; `capacity_page` shows it, and is
what `.venv/bin/python -m tests.benchmarks.capacity` runs.

A processor counts once for each process, whatever the machine has: Python runs one thread at a time. That is somewhat
strict, since a clip is decoded in threads beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, get_args

from tests.benchmarks.measured import Costs

HOUR_S = 3_600.0
MINUTE_S = 60.0
FILL = 0.7
"""How full a resource is to be after something was added: short bursts and a day that is busier than others."""
SPARE = 3.0
"""Places that are kept free for bursts, as a multiple of the usual deviation of how many are taken."""

Resource = Literal[
    "processor",
    "commits",
    "Telegram messages",
    "Gemini, reading",
    "Gemini, writing",
    "video orders",
    "videos in flight",
    "network in",
    "network out",
    "disk",
]
RESOURCES: tuple[Resource, ...] = get_args(Resource)


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How people use it: assumed, not measured."""

    turns_a_day: float = 4.0
    """Messages that lead to a question or a card; of one person."""
    videos_a_day: float = 1.5
    busiest_hour: float = 0.15
    """Share of a day's work that falls into its busiest hour."""
    video_s: float = 60.0
    """What the service takes for a clip, on average. The catalogue expects 40 to 75 s in the middle, 90 to 150 s for
    the slowest tenth."""
    model_s: float = 0.9
    """What the dialogue model takes for a turn."""
    kept_days: float = 90.0
    """How long a clip stays until somebody deletes it; Reelbot deletes nothing by age."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What there is. The figures are what one gets without asking: the program's defaults, the services' first paid
    tier, and one ordinary rented machine. Each says where it is from."""

    processes: int = 1
    """SQLite takes one that works; over PostgreSQL gateways and workers can be any number."""
    commits_per_s: float
    """Measured with SQLite, see `Costs`. PostgreSQL, which writes many at once, is taken to have no more."""
    messages_per_s: float = 30.0
    """Of one bot. TELEGRAM_MESSAGES_PER_S; Telegram's Bot FAQ: "not more than 30 messages per second or so"."""
    chat_messages_per_s: float = 1.0
    """In one chat; the same FAQ. It does not depend on how many people there are."""
    reads_per_min: float = 4_000.0
    """Of a project on the first paid tier, for a model of the Flash-Lite kind, where Google last published a table
    (ai.google.dev/gemini-api/docs/rate-limits, for 2.0 Flash-Lite). Today each project sees its own in AI Studio."""
    writes_per_min: float = 1_000.0
    """The same for a model of the Flash kind, where 2.5 Flash came with 1,000 and 2.0 Flash with 2,000."""
    orders_per_min: float = 50.0
    """Of one video model in one project: `orders_per_minute` in core/catalogue.toml."""
    in_flight: int = 4
    """MAX_IN_FLIGHT. WORKER_CONCURRENCY, when it is not set, allows a worker as many."""
    in_flight_per_person: int = 2
    """MAX_IN_FLIGHT_PER_PERSON."""
    network_mbit_s: float = 1_000.0
    """Each way. Assumed: what rented machines have."""
    disk_gb: float = 1_000.0
    """For clips and rows. Assumed."""
    bots: int = 1
    """Telegram bots, each with a token of its own and so with limits of its own."""
    postgresql: bool = False
    object_store: bool = False
    """Clips are not on the disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something to add."""

    against: Resource
    what: str
    """For people: what to set, or ask for, and how much."""
    means: Means
    """What there is then."""


def as_it_comes(costs: Costs) -> Means:
    """One process over SQLite with every setting at its default."""
    return Means(commits_per_s=costs.commits_per_s)


class Model:
    """The arithmetic, for one set of costs and habits."""

    def __init__(self, costs: Costs, habits: Habits | None = None) -> None:
        self.costs = costs
        self.habits = habits or Habits()

    def turns_per_s(self, people: float) -> float:
        """In the busiest hour."""
        return people * self.habits.turns_a_day * self.habits.busiest_hour / HOUR_S

    def videos_per_s(self, people: float) -> float:
        """In the busiest hour."""
        return people * self.habits.videos_a_day * self.habits.busiest_hour / HOUR_S

    @property
    def held_s(self) -> float:
        """Seconds for which a video takes up a place among those in flight."""
        return self.habits.video_s + self.costs.beyond_s

    def needs(self, people: float) -> dict[Resource, float]:
        """What is used in the busiest hour, in each resource's own unit: processors; commits, messages a second;
        requests, orders a minute; videos; Mbit/s; GB after `kept_days`."""
        turns, videos = self.turns_per_s(people), self.videos_per_s(people)

        def per_s(name: str) -> float:
            return float(turns * getattr(self.costs.turn, name) + videos * getattr(self.costs.generation, name))

        days = people * self.habits.kept_days
        return {
            "processor": per_s("cpu_ms") / 1_000 + self.costs.idle,
            "commits": per_s("commits"),
            "Telegram messages": per_s("messages"),
            "Gemini, reading": per_s("reads") * MINUTE_S,
            "Gemini, writing": per_s("writes") * MINUTE_S,
            "video orders": videos * MINUTE_S,
            "videos in flight": videos * self.held_s,
            "network in": per_s("bytes_in") * 8 / 1e6,
            "network out": per_s("bytes_out") * 8 / 1e6,
            "disk": days * (self.rows_a_day + self.clips_a_day) / 1e9,
        }

    @property
    def rows_a_day(self) -> float:
        """Bytes by which one person's day lets the database grow."""
        turns, videos = self.habits.turns_a_day, self.habits.videos_a_day
        return turns * self.costs.turn.database_bytes + videos * self.costs.generation.database_bytes

    @property
    def clips_a_day(self) -> float:
        """Bytes by which one person's day lets the clip store grow."""
        turns, videos = self.habits.turns_a_day, self.habits.videos_a_day
        return turns * self.costs.turn.media_bytes + videos * self.costs.generation.media_bytes

    def load(self, people: float, means: Means) -> dict[Resource, float]:
        """Share of each resource that is used in the busiest hour; more than 1 is more than there is."""
        needs = self.needs(people)
        if means.object_store:
            needs["disk"] = people * self.habits.kept_days * self.rows_a_day / 1e9
        there = limits(means)
        # Every further process is as busy as the first when nothing happens.
        needs["processor"] += (means.processes - 1) * self.costs.idle
        return {resource: needs[resource] / there[resource] for resource in RESOURCES}

    def first_to_end(self, means: Means) -> Resource:
        """The resource that is used up first as more and more people come."""
        return min(RESOURCES, key=lambda resource: self.people_at(resource, means))

    def people_at(self, resource: Resource, means: Means) -> float:
        """With how many people this resource is used up; infinity when people do not use it."""
        nobody, one = (self.load(people, means)[resource] for people in (0, 1))
        return math.inf if one == nobody else max(0.0, 1 - nobody) / (one - nobody)

    def chat_share(self, means: Means) -> float:
        """Share of one chat's messages that go to a person who has as many videos under way as one may have."""
        made = self.costs.generation
        return means.in_flight_per_person * (made.messages + made.progress) / self.held_s / means.chat_messages_per_s

    def to_add(self, people: float, means: Means) -> list[Step]:
        """What to add, the fullest resource first, until each is used to `FILL` at most; nothing where all of it is."""
        steps: list[Step] = []
        while (load := self.load(people, means))[fullest := max(RESOURCES, key=load.__getitem__)] > FILL:
            step = self._step(fullest, people, means, load[fullest])
            means = step.means
            steps.append(step)
        return steps

    def _step(self, resource: Resource, people: float, means: Means, load: float) -> Step:
        grow = load / FILL
        match resource:
            case "processor":
                each = FILL - self.costs.idle
                count = math.ceil((self.needs(people)["processor"] - self.costs.idle) / each)
                what = f"{count} processes, with a processor each" + ("" if means.postgresql else ", over PostgreSQL")
                means = replace(means, postgresql=True, processes=count)
            case "commits":
                rate = _rounded(means.commits_per_s * grow)
                what = f"PostgreSQL, on a disk for {rate:,} commits a second"
                means = replace(means, postgresql=True, commits_per_s=rate)
            case "Telegram messages":
                count = math.ceil(means.bots * grow)
                what, means = f"{count} Telegram bots, each an installation of its own", replace(means, bots=count)
            case "Gemini, reading":
                rate = _rounded(means.reads_per_min * grow)
                what, means = f"a quota of {rate:,} readings a minute", replace(means, reads_per_min=rate)
            case "Gemini, writing":
                rate = _rounded(means.writes_per_min * grow)
                what, means = f"a quota of {rate:,} written prompts a minute", replace(means, writes_per_min=rate)
            case "video orders":
                rate = _rounded(means.orders_per_min * grow)
                what = f"a quota of {rate:,} orders a minute (`orders_per_minute` in `CATALOGUE_FILE`)"
                means = replace(means, orders_per_min=rate)
            case "videos in flight":
                wanted = self.needs(people)[resource]
                # They cost nothing, and the fewer there are the more it takes to have one free when it is wanted.
                count = _rounded(max(wanted / FILL, wanted + SPARE * math.sqrt(wanted)))
                what, means = f"`MAX_IN_FLIGHT={count}`", replace(means, in_flight=count)
            case "network in" | "network out":
                rate = _rounded(means.network_mbit_s * grow)
                what, means = f"{rate:,} Mbit/s of network", replace(means, network_mbit_s=rate)
            case "disk" if not means.object_store:
                what, means = "an object store (`MEDIA_URL`)", replace(means, object_store=True)
            case "disk":
                size = _rounded(means.disk_gb * grow)
                what, means = f"a disk of {size:,} GB", replace(means, disk_gb=size)
        return Step(against=resource, what=what, means=means)


def limits(means: Means) -> dict[Resource, float]:
    """How much there is, in the units of `Model.needs`."""
    return {
        "processor": means.processes,
        "commits": means.commits_per_s,
        "Telegram messages": means.messages_per_s * means.bots,
        "Gemini, reading": means.reads_per_min,
        "Gemini, writing": means.writes_per_min,
        "video orders": means.orders_per_min,
        "videos in flight": means.in_flight,
        "network in": means.network_mbit_s,
        "network out": means.network_mbit_s,
        "disk": means.disk_gb,
    }


def means_after(means: Means, steps: list[Step]) -> Means:
    """What there is once all of it was added."""
    return steps[-1].means if steps else means


def _rounded(value: float) -> int:
    """Upwards, to two digits."""
    step = 10 ** max(0, math.floor(math.log10(value)) - 1)
    return int(math.ceil(value / step) * step)


if __name__ == "__main__":
    from tests.benchmarks.capacity_page import main

    main()
