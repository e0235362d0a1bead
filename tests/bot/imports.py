"""Which modules a process has imported, from what `python -X importtime` says about each."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def imported(said: str) -> set[str]:
    """The modules named in what was said, each with the packages that it is in."""
    names = re.findall(r"import time: +\d+ \| +\d+ \| +([\w.]+)", said)
    return {".".join(parts[:end]) for name in names for parts in (name.split("."),) for end in range(1, len(parts) + 1)}
