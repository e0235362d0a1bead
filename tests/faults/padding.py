"""Clips of any size that are quick to make and look like any other."""

from __future__ import annotations

from pathlib import Path

from tests.emulators.footage import make_footage

BOX_HEADER = 8


def padded(path: Path, size: int) -> Path:
    """Write an mp4 of four seconds and exactly `size` bytes to `path` and return it: what it lacks is a box at the end
    that players skip."""
    make_footage(path, seconds=4.0, width=1280, height=720)
    left = size - path.stat().st_size
    if left < BOX_HEADER:
        raise ValueError(f"the clip by itself has {path.stat().st_size} bytes")
    with path.open("ab") as file:
        file.write(left.to_bytes(4, "big") + b"free")
        file.truncate(size)
    return path
