"""What a button carries: a verb, the generation it is about and what else it needs, in at most 64 bytes.

An action that comes back may have been made up by hand, so it names things but proves nothing: whoever handles it
checks place, person and status against the rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_BYTES = 64
"""Telegram's limit for callback data."""
FOR_APPROVERS = frozenset({"approve", "deny", "pass", "reject"})
"""Verbs of the buttons for those who were asked to decide; whoever handles one looks at who that is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A tap, taken apart."""

    verb: str
    subject: str
    """The generation's number, or the id of a conversation for "chat"."""
    args: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    """What was filled into the form that the button opened, by slot; empty for a plain tap."""

    @property
    def generation_id(self) -> int | None:
        """The generation it names, or None."""
        return int(self.subject) if self.subject.isascii() and self.subject.isdigit() else None

    def number(self, place: int = 0) -> int | None:
        """The argument at `place` as a number, or None."""
        if place < len(self.args) and self.args[place].isascii() and self.args[place].isdigit():
            return int(self.args[place])
        return None


def action(verb: str, subject: int | str, *args: int | str) -> str:
    """The text a button carries; raises ValueError when it would be too long."""
    text = ":".join([verb, str(subject), *map(str, args)])
    if len(text.encode()) > MAX_BYTES:
        raise ValueError(f"a button's action is longer than {MAX_BYTES} bytes: {text!r}")
    return text


_ACTION = re.compile(r"([a-z]{2,10}):([0-9A-Za-z-]{1,32})((?::[0-9A-Za-z-]{1,12}){0,3})", re.ASCII)


def parse_action(text: str) -> Action | None:
    """The tap taken apart, or None when no button of ours carries such a text."""
    match = _ACTION.fullmatch(text)
    if match is None:
        return None
    rest = match[3].split(":")[1:] if match[3] else []
    return Action(verb=match[1], subject=match[2], args=tuple(rest))
