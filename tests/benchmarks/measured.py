"""What was measured of one turn and one generation, as it is kept in `costs.json`; `costs` measures and writes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

MEASURED = Path(__file__).with_name("costs.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What one turn, or one generation from the tap to the delivered clip, takes."""

    cpu_ms: float
    """Processor time of the program, beyond what it takes when nothing happens."""
    commits: float
    """One at a time; many at once share some of them."""
    messages: float
    """To Telegram that count for its limits and have to go."""
    progress: float
    """Edits of a status message: they count for the limits as well, and give way to everything else."""
    signs: float
    """Further calls of Telegram, such as typing, that do not count."""
    reads: float
    """Requests to the dialogue model that reads."""
    writes: float
    """Requests to the dialogue model that writes prompts."""
    video_calls: float
    """Requests to the video service: the order, looks, the download."""
    requests_in: float
    bytes_in: float
    """Over all connections, HTTP's headers with them; not what encryption and IP add."""
    bytes_out: float
    database_bytes: float
    """By how much the database grows."""
    media_bytes: float
    """By how much the clip store grows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What was measured, once, on one machine."""

    measured: str
    machine: str
    turn: Work
    generation: Work
    idle: float
    """Share of a processor that the program takes when nothing happens."""
    beyond_s: float
    """Seconds that a video takes up a place beyond what the service takes: until it is noticed, fetched, posted."""
    commits_per_s: float
    """Of a kilobyte each, one after the other, on that machine's disk."""

    @classmethod
    def of_json(cls, found: Mapping[str, Any]) -> Self:
        """From a file. Raises TypeError when something is missing or unknown."""
        work = {name: Work(**found[name]) for name in ("turn", "generation") if name in found}
        return cls(**{**found, **work})

    @classmethod
    def read(cls, path: Path = MEASURED) -> Self:
        """What `costs` wrote. Raises OSError, ValueError or TypeError for anything else."""
        return cls.of_json(json.loads(path.read_text()))


def work_names() -> tuple[str, ...]:
    """What is counted of a turn and of a generation."""
    return tuple(one.name for one in fields(Work))
