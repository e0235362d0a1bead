"""Making text safe for a terminal, whoever wrote it: no escape sequence and no control character gets through.

Layout and colours are added afterwards by the screens.
"""

from __future__ import annotations

import re

_SEQUENCES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]?"  # CSI: colours, cursor, modes
    r"|\x1b[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC, DCS and the like: titles, links, clipboards
    r"|\x1b[ -/]*[0-~]?"
    r"|\x9b[0-?]*[ -/]*[@-~]?"  # the same in one byte
    r"|[\x90\x98\x9d\x9e\x9f][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
)
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""C0 but tab and line feed, C1, what turns the writing direction of everything after it, and lone surrogates."""


def safe(text: str) -> str:
    """The text without anything that a terminal would obey."""
    return _CONTROLS.sub("", _SEQUENCES.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))).expandtabs(4)


def typed(line: str | bytes) -> str:
    """A line as it was typed: bytes that are no UTF-8 become replacement characters, controls are dropped."""
    if isinstance(line, str):
        line = line.encode("utf-8", "surrogateescape" if _escaped(line) else "replace")
    return safe(line.decode("utf-8", "replace")).strip()


def _escaped(line: str) -> bool:
    """Whether every lone surrogate stands for a byte that could not be decoded."""
    return all("\udc80" <= character <= "\udcff" for character in line if "\ud800" <= character <= "\udfff")


def spell_size(size_bytes: int) -> str:
    """Bytes as people read them: "3.2 MB"."""
    if size_bytes < 1_000_000:
        return f"{max(1, round(size_bytes / 1_000))} kB"
    return f"{size_bytes / 1_000_000:.1f} MB"
