"""What the terminal shows. `PlainScreen` is for pipes and files; the one for people is `live`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Protocol, TextIO

from adapters.terminal.choices import pressable
from adapters.terminal.plain import safe, spell_size
from core.errors import PermanentError
from core.messages import Delivery, Post, PostKind, Rows


class Screen(Protocol):
    """Where messages appear."""

    def show(self, post: Post, message_id: str) -> None:
        """A message, or its new version."""
        ...

    def delivered(self, delivery: Delivery, path: Path) -> None:
        """A finished clip."""
        ...

    def say(self, text: str) -> None:
        """A sentence of the terminal's own."""
        ...

    def noticed(self, line: str) -> None:
        """Something was typed and is being looked at; `line` is what."""
        ...


def facts(delivery: Delivery) -> str:
    """Length, geometry and size of a clip in one line."""
    return f"{delivery.duration_s:.1f} s · {delivery.width}×{delivery.height} · {spell_size(delivery.size_bytes)}"


def links(rows: Rows) -> list[str]:
    """Buttons that lead somewhere, as lines."""
    return [f"{safe(button.label)}: {safe(button.url)}" for row in rows for button in row if button.url]


def labels(rows: Rows) -> list[str]:
    """The labels of the buttons that do something, in the order of their numbers."""
    return [" ".join(safe(button.label).split()) for button in pressable(rows)]


def phase(text: str) -> str:
    """What a status line says apart from the times in it: "v12 · Rendering · 3 s of 8 s" is "v · Rendering"."""
    return re.sub(r"\d+", "", " · ".join(text.split(" · ")[:2]))


def write(output: TextIO, text: str) -> None:
    """Write at once; characters the output cannot show become "?". Raises PermanentError when it was closed."""
    encoding = getattr(output, "encoding", None) or "utf-8"
    try:
        output.write(text.encode(encoding, "replace").decode(encoding))
        output.flush()
    except (OSError, ValueError) as error:
        raise PermanentError("Nobody reads the output any more") from error


class PlainScreen:
    """Lines of text without any control code, each thing said once."""

    def __init__(self, output: TextIO) -> None:
        self._output = output
        self._texts: dict[str, tuple[str, ...]] = {}
        self._statuses: dict[str, tuple[str, int]] = {}

    def show(self, post: Post, message_id: str) -> None:
        """A message; a new version only when it says something else."""
        if post.kind is PostKind.STATUS:
            self._status(post, message_id)
            return
        numbered = post.kind in (PostKind.QUESTION, PostKind.CARD)
        said = labels(post.buttons)
        choices = [f"  {number}. {label}" for number, label in enumerate(said, 1)] if numbered else []
        if said and not numbered:
            choices = ["  " + "  ".join(f"[{label}]" for label in said)]
        before = self._texts.get(message_id, ())
        words = [line for line in (safe(post.heading), *safe(post.text).split("\n")) if line]
        if not choices and before[: len(words)] == tuple(words):
            return  # only its buttons went away
        self._texts[message_id] = (*words, *choices)
        if before and not choices:
            words = [line for line in words if line not in before]
        if before != (*words, *choices):
            self._lines([*words, *choices, *(f"  {link}" for link in links(post.buttons))])

    def delivered(self, delivery: Delivery, path: Path) -> None:
        """The caption, the path and the facts of a clip."""
        lines = [*safe(delivery.caption).split("\n"), f"  {safe(str(path))}", f"  {facts(delivery)}"]
        if said := labels(delivery.buttons):
            lines.append("  " + "  ".join(f"[{label}]" for label in said))
        self._lines([*lines, *(f"  {link}" for link in links(delivery.buttons))])

    def say(self, text: str) -> None:
        """A sentence of the terminal's own."""
        self._lines([safe(text)])

    def noticed(self, line: str) -> None:
        """What was read from the pipe, so that the output reads as a conversation."""
        if line:
            self._lines([f"> {line}"])

    def _status(self, post: Post, message_id: str) -> None:
        """A new line when the phase changes, and at every quarter of the work."""
        text = safe(post.text)
        quarter = int((post.progress or 0.0) * 4)
        before = self._statuses.get(message_id)
        self._statuses[message_id] = (phase(text), quarter)
        if before is None or before[0] != phase(text):
            self._lines([text])
        elif quarter > before[1] and post.progress is not None:
            self._lines([f"{' · '.join(text.split(' · ')[:2])} · {quarter * 25} %"])

    def _lines(self, lines: list[str]) -> None:
        write(self._output, "".join(f"{line.rstrip()}\n" for line in lines))
