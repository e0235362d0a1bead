"""What a benchmark finds out, and how it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

Bound = Literal["at most", "at least"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table."""

    name: str
    """What it is called in the committed table, such as "turn added"."""
    value: float
    unit: str
    """ "×" for a ratio against the baseline, otherwise what is counted: "s", "kB", "MB", "commits"."""
    bound: Bound = "at most"
    target: float
    seen: str
    """What the value was made of, for people: "ours 12.1 ms, stock 5.0 ms"."""

    @property
    def reached(self) -> bool:
        """Whether it is as good as it is to be."""
        return self.value <= self.target if self.bound == "at most" else self.value >= self.target

    def worse_than(self, known: Figure) -> float:
        """How much worse than another run's, as a share of that: 0.25 is a quarter worse, below 0 is better."""
        if known.value == 0:
            return 0.0 if self.value == 0 else 1.0
        change = self.value / known.value - 1.0
        return change if self.bound == "at most" else -change

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return {
            "name": self.name,
            "value": round(self.value, 4),
            "unit": self.unit,
            "bound": self.bound,
            "target": self.target,
            "seen": self.seen,
        }

    @classmethod
    def of_json(cls, found: dict[str, Any]) -> Self:
        """From a file; raises KeyError or TypeError for anything else."""
        return cls(**found)


def median(values: Sequence[float]) -> float:
    """The middle one; raises ValueError when there is none."""
    return percentile(values, 0.5)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of them do not exceed; raises ValueError when there is none."""
    if not values:
        raise ValueError("Nothing was measured.")
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def table(figures: Sequence[Figure], *, markdown: bool = False) -> str:
    """All of them, for people."""
    rows: list[tuple[str, ...]] = [("what", "figure", "to reach", "", "seen")]
    for figure in figures:
        reached = "yes" if figure.reached else "NO"
        wanted = f"{figure.bound} {_number(figure.target)} {figure.unit}"
        rows.append((figure.name, f"{_number(figure.value)} {figure.unit}", wanted, reached, figure.seen))
    if markdown:
        rows.insert(1, tuple("---" for _ in rows[0]))
        return "\n".join("| " + " | ".join(row) + " |" for row in rows)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
