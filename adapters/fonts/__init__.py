"""Fonts: the one that comes with the install, and the system's for the scripts it lacks.

Which characters a font can draw is read from its character map (`cmap`), because a font without a glyph draws a box
instead of failing.
"""

from __future__ import annotations

import bisect
import mmap
import os
import struct
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

BUNDLED = Path(__file__).parent / "DejaVuSans-Bold.ttf"
"""DejaVu Sans Bold: Latin, Greek, Cyrillic, and also Arabic and some others. Licence beside it."""
MAX_FONTS = 3_000
"""System font files looked at, at most."""
LIKED = (
    "notosans",
    "noto",
    "dejavu",
    "droidsans",
    "wqy",
    "pingfang",
    "hiragino",
    "msyh",
    "yugoth",
    "malgun",
    "freesans",
)
"""Beginnings of file names of families that are looked at first, the best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """One font of a file."""

    path: Path
    index: int = 0


def visible(text: str) -> str:
    """The text without what a caption cannot carry: control characters, emoji and their joiners; spaces become one."""
    kept = "".join(
        " " if character.isspace() else character
        for character in text
        if character.isspace() or (unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn", "So", "Sk")
        and not 0xFE00 <= ord(character) <= 0xFE0F)
    )  # fmt: skip
    return " ".join(kept.split())


def face_for(text: str) -> tuple[Face, str]:
    """The font that can draw most of the text, and the text without what that font lacks."""
    face, missing = _best(frozenset(visible(text)) - {" "})
    kept = "".join(character for character in visible(text) if character not in missing)
    return face, " ".join(kept.split())


def missing_scripts(text: str) -> tuple[str, ...]:
    """Names of the scripts in the text ("Thai", "Chinese") that will be left out of a caption, because no font on this
    machine has them; empty when all can be drawn."""
    _, missing = _best(frozenset(visible(text)) - {" "})
    return tuple(sorted({script(character) for character in missing if character.isalnum()}))


@lru_cache(maxsize=256)
def _best(wanted: frozenset[str]) -> tuple[Face, frozenset[str]]:
    """The font that lacks the fewest of these characters, and which it lacks; the bundled one if it lacks none."""
    best = Face(path=BUNDLED)
    fewest = lacking(best, wanted)
    for face in system_faces() if fewest else ():
        missing = lacking(face, wanted)
        if len(missing) < len(fewest):
            best, fewest = face, missing
        if not fewest:
            break
    return best, fewest


def script(character: str) -> str:
    """The script's name, from the character's Unicode name."""
    name = unicodedata.name(character, "UNKNOWN").split()[0].split("-")[0]
    return {"CJK": "Chinese", "HIRAGANA": "Japanese", "KATAKANA": "Japanese", "HANGUL": "Korean"}.get(
        name, name.title()
    )


@lru_cache(maxsize=1)
def system_faces() -> tuple[Face, ...]:
    """The fonts installed on this machine, the families we like best first."""
    found: list[Path] = []
    for folder in _folders():
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in (".ttf", ".otf", ".ttc", ".otc") and len(found) < MAX_FONTS:
                found.append(path)
    found.sort(key=lambda path: (_liking(path.name), "bold" not in path.name.lower(), str(path)))
    return tuple(Face(path=path, index=index) for path in found for index in range(_count(path)))


def _folders() -> Iterator[Path]:
    home = Path.home()
    candidates = [home / ".fonts", home / ".local" / "share" / "fonts"]
    if sys.platform == "win32":
        candidates.append(Path(os.environ.get("WINDIR", "C:\\Windows")) / "Fonts")
    elif sys.platform == "darwin":
        candidates += [home / "Library" / "Fonts", Path("/Library/Fonts"), Path("/System/Library/Fonts")]
    else:
        candidates += [Path("/usr/share/fonts"), Path("/usr/local/share/fonts")]
    return (folder for folder in candidates if folder.is_dir())


def _liking(name: str) -> int:
    plain = name.lower().replace("-", "").replace("_", "")
    return next((place for place, family in enumerate(LIKED) if plain.startswith(family)), len(LIKED))


def _count(path: Path) -> int:
    """How many fonts the file holds; only the first few of a collection count."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError:
        return 0
    return min(4, int.from_bytes(head[8:12], "big")) if head[:4] == b"ttcf" else 1


def lacking(face: Face, wanted: frozenset[str]) -> frozenset[str]:
    """Those of the characters that the font has no glyph for; all of them for a file that is no OpenType font."""
    codes = {ord(character) for character in wanted}
    try:
        with face.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            found = _mapped(data, face.index, codes)
    except (OSError, ValueError, struct.error, IndexError):
        return wanted
    return frozenset(character for character in wanted if ord(character) not in found)


def _mapped(data: mmap.mmap, index: int, codes: set[int]) -> set[int]:
    """Those of the codes that the font's Unicode maps (OpenType `cmap`, formats 4 and 12) lead to a glyph."""
    found: set[int] = set()
    start = struct.unpack_from(">I", data, 12 + 4 * index)[0] if data[:4] == b"ttcf" else 0
    for record in range(struct.unpack_from(">H", data, start + 4)[0]):
        tag, _, offset, _ = struct.unpack_from(">4sIII", data, start + 12 + 16 * record)
        if tag == b"cmap":
            for table in range(struct.unpack_from(">H", data, offset + 2)[0]):
                platform, _, at = struct.unpack_from(">HHI", data, offset + 4 + 8 * table)
                form = struct.unpack_from(">H", data, offset + at)[0]
                if platform in (0, 3) and form in (4, 12):
                    glyph = _glyph_by_segment if form == 4 else _glyph_by_group
                    found |= {code for code in codes - found if glyph(data, offset + at, code)}
    return found


def _glyph_by_segment(data: mmap.mmap, at: int, code: int) -> int:
    """The glyph of a code in a map of format 4; 0 for none."""
    count = struct.unpack_from(">H", data, at + 6)[0] // 2
    segment = bisect.bisect_left(struct.unpack_from(f">{count}H", data, at + 14), code)
    if code > 0xFFFE or segment == count:
        return 0
    start_at = at + 16 + 2 * count + 2 * segment
    start, delta, reach = (struct.unpack_from(">H", data, start_at + 2 * count * field)[0] for field in range(3))
    if code < start:
        return 0
    if reach:
        glyph = struct.unpack_from(">H", data, start_at + 4 * count + reach + 2 * (code - start))[0]
        return int(glyph + delta) & 0xFFFF if glyph else 0
    return int(code + delta) & 0xFFFF


def _glyph_by_group(data: mmap.mmap, at: int, code: int) -> int:
    """The glyph of a code in a map of format 12; 0 for none."""
    low, high = 0, struct.unpack_from(">I", data, at + 12)[0]
    while low < high:
        middle = (low + high) // 2
        first, last, glyph = struct.unpack_from(">III", data, at + 16 + 12 * middle)
        if code > last:
            low = middle + 1
        elif code < first:
            high = middle
        else:
            return int(glyph + code - first)
    return 0
