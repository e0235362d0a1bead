"""What can be pressed by typing: the newest open question or card by number or label, other buttons by label.

A status message's buttons never count. A finished clip's count only while nothing is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from core.messages import Button, Post, PostKind, Rows

REMEMBERED = 50
"""Older messages' buttons cannot be pressed any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed:
    """A button that was meant."""

    message_id: str
    action: str


def pressable(rows: Rows) -> tuple[Button, ...]:
    """The buttons that do something here, in the order of their numbers."""
    return tuple(button for row in rows for button in row if button.action)


def _bare(label: str) -> str:
    return " ".join(label.casefold().split()).strip(" .…!")


def _names(button: Button) -> Iterator[str]:
    """What one may type for a button: "Make it · $0.56" is also "make it"."""
    for name in (button.label, button.label.partition("·")[0]):
        if bare := _bare(name):
            yield bare


def _named(buttons: tuple[Button, ...], line: str) -> Button | None:
    return next((button for button in buttons if _bare(line) in _names(button)), None)


class Choices:
    """The buttons on the screen, the ones shown last at the end."""

    def __init__(self) -> None:
        self._asked: dict[str, tuple[Button, ...]] = {}
        self._notices: dict[str, tuple[Button, ...]] = {}
        self._clips: dict[str, tuple[Button, ...]] = {}

    def shown(self, post: Post, message_id: str) -> None:
        """A message appeared, or was changed."""
        for known in (self._asked, self._notices):
            known.pop(message_id, None)
        if post.kind is not PostKind.STATUS and (buttons := pressable(post.buttons)):
            asked = post.kind in (PostKind.QUESTION, PostKind.CARD)
            self._keep(self._asked if asked else self._notices, message_id, buttons)

    def delivered(self, rows: Rows, message_id: str) -> None:
        """A clip appeared."""
        self._keep(self._clips, message_id, pressable(rows))

    def meant(self, line: str) -> Pressed | None:
        """The button that the line means, or None when it is just text."""
        if self._asked:
            message_id, buttons = next(reversed(self._asked.items()))
            button = _numbered(buttons, line) or _named(buttons, line)
            if button is not None:
                return Pressed(message_id=message_id, action=button.action)
        for known in (self._notices,) if self._asked else (self._notices, self._clips):
            for message_id, buttons in reversed(known.items()):
                if (button := _named(buttons, line)) is not None:
                    return Pressed(message_id=message_id, action=button.action)
        return None

    def _keep(self, known: dict[str, tuple[Button, ...]], message_id: str, buttons: tuple[Button, ...]) -> None:
        known[message_id] = buttons
        while len(known) > REMEMBERED:
            del known[next(iter(known))]


def _numbered(buttons: tuple[Button, ...], line: str) -> Button | None:
    line = line.strip().removesuffix(".").removesuffix(")")
    if not (line.isascii() and line.isdecimal() and len(line) <= 3):
        return None
    number = int(line)
    return buttons[number - 1] if 1 <= number <= len(buttons) else None
