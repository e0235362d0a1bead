"""What a process has used, from /proc: Linux only."""

from __future__ import annotations

import os
import re
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_MEMORY = re.compile(r"^(\w+):\s+(\d+) kB$", re.MULTILINE)
_CHILDREN = slice(11, 15)
"""utime, stime, and both of the children that have ended, after the command's name."""


def cpu_s(pid: int) -> float:
    """Seconds of processor time, that of its ended children too. Raises OSError when there is no such process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[_CHILDREN])) / _TICKS


def memory_mb(pid: int, what: str = "VmRSS") -> float:
    """Megabytes (of 1,048,576 bytes) that are resident now; `VmHWM` is the most that ever was since `forget_peak`.
    Raises OSError when there is no such process."""
    return int(dict(_MEMORY.findall(Path(f"/proc/{pid}/status").read_text()))[what]) / 1024


def forget_peak(pid: int) -> None:
    """Let the peak begin at what is resident now. Raises OSError when there is no such process."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
