"""The section of README that says what it costs and what ends first, made from `costs.json`, the model and the
simulation; `python -m tests.benchmarks.capacity` prints it, and with `--write` puts it in place.
"""

from __future__ import annotations

import argparse
import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.benchmarks.capacity import RESOURCES, Means, Model, Resource, as_it_comes, limits, means_after
from tests.benchmarks.measured import Costs
from tests.benchmarks.simulation import Hour, simulate

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- capacity:begin -->", "<!-- capacity:end -->"
SIZES = (10, 1_000, 100_000)
TURNS = 4_000
"""Of each simulated hour."""
SOON_S = 1.0
"""Nobody calls it waiting."""

UNITS: dict[Resource, str] = {
    "processor": "process",
    "commits": "commits a second",
    "Telegram messages": "a second",
    "Gemini, reading": "a minute",
    "Gemini, writing": "a minute",
    "video orders": "a minute",
    "videos in flight": "videos",
    "network in": "Mbit/s",
    "network out": "Mbit/s",
    "disk": "GB",
}
ADD: dict[Resource, str] = {
    "processor": "PostgreSQL, and a further gateway or worker for each further processor",
    "commits": "PostgreSQL, a faster disk",
    "Telegram messages": "a further bot, which is an installation of its own",
    "Gemini, reading": "a higher tier",
    "Gemini, writing": "a higher tier",
    "video orders": "a higher quota, then `orders_per_minute`",
    "videos in flight": "`MAX_IN_FLIGHT`",
    "network in": "a second machine",
    "network out": "a second machine",
    "disk": "`MEDIA_URL` with an object store",
}


def main() -> None:
    """Print the section, or put it into README."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.capacity", description=__doc__)
    parser.add_argument("--write", action="store_true", help="put it into README between its marks")
    given = parser.parse_args()
    costs = Costs.read()
    text = section(costs, hours(costs))
    if given.write:
        write(text)
    else:
        print(text)


def write(text: str) -> None:
    """Put the section into README."""
    README.write_text(placed(README.read_text(), text))


def placed(page: str, text: str) -> str:
    """The page with the section between its marks. Raises ValueError when it has no marks."""
    begin, end = page.index(BEGIN), page.index(END)
    return f"{page[: begin + len(BEGIN)]}\n{text}\n{page[end:]}"


def hours(costs: Costs) -> dict[int, Hour]:
    """The busiest hour of so many people each, simulated with what is to be added for them."""
    model, means = Model(costs), as_it_comes(costs)
    return {
        people: simulate(model, means_after(means, model.to_add(people, means)), people, turns=TURNS)
        for people in SIZES
    }


def section(costs: Costs, simulated: Mapping[int, Hour]) -> str:
    """All of it; `simulated` is what `hours` gives."""
    model, means = Model(costs), as_it_comes(costs)
    habits = model.habits
    return "\n\n".join(
        [
            f"Measured {costs.measured} on {costs.machine}, over SQLite and Telegram's webhook.",
            _costs(costs),
            _paragraph(
                f"Assumed: a person's day has {habits.turns_a_day:g} turns and {habits.videos_a_day:g} videos, and "
                f"{habits.busiest_hour:.0%} of it falls into the busiest hour; the service takes {habits.video_s:g} s "
                f"for a clip, the dialogue model {habits.model_s:g} s for a turn; clips are kept for "
                f"{habits.kept_days:g} days. The program keeps a clip in flight for {costs.beyond_s:.1f} s beyond the "
                "service's time. The table has the share of what there is as it comes (one process, SQLite, every "
                "setting at its default, the first paid tier) that is used in the busiest hour, more than 100% being "
                "more than there is, and with how many people it ends:"
            ),
            _loads(model, means),
            "What to add, in this order, until nothing is used beyond 70%, and what the simulation finds then:",
            _additions(model, means, simulated),
            _remarks(model, means, simulated[max(SIZES)]),
        ]
    )


def _costs(costs: Costs) -> str:
    turn, made = costs.turn, costs.generation
    rows = [
        ("processor time", f"{turn.cpu_ms:.1f} ms", f"{made.cpu_ms:.0f} ms"),
        ("commits", f"{turn.commits:.1f}", f"{made.commits:.1f}"),
        ("requests in", f"{turn.requests_in:.1f}", f"{made.requests_in:.1f}"),
        (
            "requests to Telegram: messages, edits of a status, others",
            f"{turn.messages:.1f}, {turn.progress:.1f}, {turn.signs:.1f}",
            f"{made.messages:.1f}, {made.progress:.1f}, {made.signs:.1f}",
        ),
        (
            "requests to Gemini: to read, to write a prompt",
            f"{turn.reads:.1f}, {turn.writes:.1f}",
            f"{made.reads:.1f}, {made.writes:.1f}",
        ),
        ("requests to the video service", f"{turn.video_calls:.1f}", f"{made.video_calls:.1f}"),
        ("bytes in, out", *(f"{_size(work.bytes_in)}, {_size(work.bytes_out)}" for work in (turn, made))),
        ("database grows by", _size(turn.database_bytes), _size(made.database_bytes)),
        ("clip store grows by", _size(turn.media_bytes), _size(made.media_bytes)),
    ]
    return _table(("cost", "one turn", "one generation (8 s, 720p, 4 MB)"), rows)


def _loads(model: Model, means: Means) -> str:
    loads = [model.load(people, means) for people in SIZES]
    there = limits(means)
    rows = [
        (
            resource,
            f"{there[resource]:,.0f} {UNITS[resource]}",
            *(_share(load[resource]) for load in loads),
            _people(model.people_at(resource, means)),
            ADD[resource],
        )
        for resource in sorted(RESOURCES, key=lambda one: model.people_at(one, means))
    ]
    return _table(("resource", "there is", *(f"{people:,}" for people in SIZES), "ends at", "then add"), rows)


def _additions(model: Model, means: Means, simulated: Mapping[int, Hour]) -> str:
    rows = []
    for people in SIZES:
        steps = model.to_add(people, means)
        after = means_after(means, steps)
        first, then = model.first_to_end(means), model.first_to_end(after)
        hour = simulated[people]
        rows.append(
            (
                f"{people:,}",
                f"{model.turns_per_s(people):.2g}, {model.videos_per_s(people):.2g}",
                f"{first} ({_share(model.load(people, means)[first])})",
                "; ".join(step.what for step in steps) or "nothing",
                f"{then} ({_share(model.load(people, after)[then])})",
                f"{hour.answered_within_s:.1f} s",
                "at once" if hour.begun_within_s < SOON_S else f"{hour.begun_within_s:.0f} s",
            )
        )
    head = ("people", "turns, videos a second", "ends first", "add", "ends first then", "answered", "tap to order")
    note = "Answered, and from the tap to the order: 95% within, without the time of the network itself."
    return f"{_table(head, rows)}\n\n{note}"


def _remarks(model: Model, means: Means, most: Hour) -> str:
    days = means.disk_gb * 1e9 / (1_000 * (model.rows_a_day + model.clips_a_day))
    remarks = (
        f"Edits of status messages count for Telegram's limits but give way, so they are no part of the share; with "
        f"{max(SIZES):,} people {most.progress:.0%} of them find room. One chat with {means.in_flight_per_person} "
        f"videos under way is written to {model.chat_share(means):.2f} times a second, of the "
        f"{means.chat_messages_per_s:g} that Telegram takes, however many people there are.",
        f"A disk of {means.disk_gb:,.0f} GB is full after {days:,.0f} days with 1,000 people, if nobody deletes.",
        "Quotas are what the services publish or what the catalogue says, each with its source in `capacity.Means`; no "
        "real service was asked.",
        "Costs over PostgreSQL, on Slack and on other machines are others; they were not measured for this table.",
    )
    return "\n".join(_paragraph(f"- {remark}", indent="  ") for remark in remarks)


def _paragraph(text: str, *, indent: str = "") -> str:
    return textwrap.fill(text, 118, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows))


def _share(load: float) -> str:
    if load >= 10:
        return f"{load:.0f} ×"
    return f"{load:.0%}" if load >= 0.1 else f"{load:.1%}"


def _size(count: float) -> str:
    if count < 100:
        return f"{count:.0f}"
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def _people(count: float) -> str:
    if math.isinf(count):
        return "never"
    if count < 1:
        return "nobody"
    step = 10 ** max(0, math.floor(math.log10(count)) - 1)
    return f"{math.floor(count / step) * step:,}"
