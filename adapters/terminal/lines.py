"""What a person types, read apart from what it means: a line is text, a command, or one of the terminal's own.

Which button a line means is `choices`' business, because it depends on what is on the screen.
"""

from __future__ import annotations

import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path

from core.messages import Attachment, MediaKind

_COMMAND = re.compile(r"/([A-Za-z]\w{0,30})(?:\s+(.*))?", re.DOTALL)
_PATH = re.compile(r"""(?:"([^"]+)"|'([^']+)'|((?:\\.|[^\s\\])+))(.*)""", re.DOTALL)
"""A path in quotes, or with its spaces escaped as a terminal writes a file that is dropped on it."""
_KINDS = {"image": MediaKind.PHOTO, "video": MediaKind.VIDEO, "audio": MediaKind.AUDIO}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line, taken apart."""

    command: str = ""
    """Lower case and without the slash, or empty."""
    text: str = ""


def parse_line(line: str) -> Line:
    """The command and its text; a path such as "/home/me" is no command."""
    match = _COMMAND.fullmatch(line.strip())
    if match is None:
        return Line(text=line.strip())
    return Line(command=match[1].lower(), text=(match[2] or "").strip())


def parse_photo(text: str) -> tuple[Path, str] | None:
    """The file and the caption of "/photo path caption"; None when no path was given."""
    match = _PATH.match(text.strip())
    if match is None:
        return None
    path = match[1] or match[2] or re.sub(r"\\(.)", r"\1", match[3])
    return Path(path).expanduser(), match[4].strip()


def attachment(path: Path) -> Attachment:
    """The file as an attachment; raises OSError when it cannot be read."""
    mime_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    with path.open("rb"):
        return Attachment(
            kind=_KINDS.get(mime_type.partition("/")[0], MediaKind.DOCUMENT),
            ref=str(path.resolve()),
            mime_type=mime_type,
            size_bytes=path.stat().st_size,
            file_name=path.name,
        )
