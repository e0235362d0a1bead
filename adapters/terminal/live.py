"""The screen for a person at a terminal: panels above, what is under way in place, and the prompt at the bottom.

Everything that is printed goes above the lines of what is under way; these and the prompt, with what is being typed,
are drawn again below it. Rich draws and is loaded when there is something to draw, so that the prompt is there at once.
"""

from __future__ import annotations

import io
import shutil
import threading
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from adapters.terminal import texts
from adapters.terminal.keyboard import PROMPT, Keyboard
from adapters.terminal.plain import safe
from adapters.terminal.screen import facts, labels, links, write
from core.messages import Delivery, Post, PostKind

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

MAX_WIDTH = 96
BAR = 24
"""Characters of a progress bar."""


class LiveScreen:
    """Draws with Rich; may be called from one thread while another one waits for input."""

    def __init__(self, output: TextIO, keyboard: Keyboard) -> None:
        self._output = output
        self.keyboard = keyboard
        self._lock = threading.Lock()
        self._said: dict[str, tuple[str, str]] = {}
        self._under_way: dict[str, Post] = {}
        self._thinking = False
        self._closed = False
        self._drawn = 0
        """Lines of what is under way that are on the screen, right above the cursor's line."""

    # --- Screen ------------------------------------------------------------------------------------------------------

    def show(self, post: Post, message_id: str) -> None:
        """A message above the prompt, or a status in place."""
        if post.kind is PostKind.STATUS and post.buttons:
            self._under_way[message_id] = post
            self._draw()
            return
        was_under_way = self._under_way.pop(message_id, None)
        said = (safe(post.heading), safe(post.text))
        before = self._said.get(message_id)
        self._said[message_id] = said
        if not post.buttons and before == said and was_under_way is None:
            return  # only its buttons went away
        if before and not post.buttons:
            self._draw(self._changed(post, before))
        else:
            self._draw(self._message(post), spaced=post.kind is not PostKind.STATUS)

    def delivered(self, delivery: Delivery, path: Path) -> None:
        """A finished clip, with a bell: the person may be looking elsewhere."""
        from rich.panel import Panel
        from rich.text import Text

        body = Text(safe(delivery.caption).strip() + "\n", overflow="fold")
        body.append(f"\n{facts(delivery)}\n", style="dim")
        for link in links(delivery.buttons):
            body.append(f"{link}\n")
        words = " · ".join(["/open", *(label.partition(" ·")[0] for label in labels(delivery.buttons))])
        body.append(words, style="cyan")
        title = Text(f" {safe(delivery.generation)} ", style="bold green")
        panel = Panel(body, title=title, title_align="left", border_style="green", padding=(0, 1))
        where = Text(f"  {safe(str(path))}", style="bold", no_wrap=True)  # on a line of its own, to be copied
        self._draw(panel, where, spaced=True, bell=True)

    def say(self, text: str) -> None:
        """A sentence of the terminal's own; the first stands above the first prompt, so it is drawn without Rich."""
        self._print(f"\x1b[2m{safe(text)}\x1b[0m\n\n")

    def noticed(self, line: str) -> None:
        """Dots until something is said."""
        with self._lock:
            self._thinking = True
            self._paint("")

    # --- the prompt --------------------------------------------------------------------------------------------------

    def entered(self, line: str) -> None:
        """A line was typed: it stays where it is, and what is under way moves below it."""
        with self._lock:
            if self._drawn:
                up = self._rows(PROMPT + line) + self._drawn
                self._drawn = 0
                self._write(f"\x1b[{up}A\x1b[J\x1b[1;36m›\x1b[0m {safe(line)}\n")
                self._paint("")

    def close(self, text: str = "", *, below_prompt: bool | None = None) -> None:
        """Leave, with a last line; harmless when that has happened. `below_prompt` says whether the cursor still stands
        behind the prompt; None: as it looks."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            below = self.keyboard.waiting if below_prompt is None else below_prompt
            self._thinking = False
            self.keyboard.waiting = False
            self._drawn = 0
            self._write(("\n" if below else "") + (f"{text}\n" if text else ""))

    # --- drawing -----------------------------------------------------------------------------------------------------

    @property
    def _columns(self) -> int:
        return max(20, shutil.get_terminal_size().columns)

    def _rows(self, line: str) -> int:
        """How many rows a typed line takes."""
        from rich.cells import cell_len

        return cell_len(line) // self._columns + 1

    def _write(self, text: str) -> None:
        write(self._output, text)

    def _draw(self, *parts: RenderableType, spaced: bool = False, bell: bool = False) -> None:
        block = "".join(self._rendered(part) for part in parts) + ("\n" if spaced else "")
        self._print(("\a" if bell else "") + block)

    def _print(self, block: str) -> None:
        """Print above what is under way."""
        with self._lock:
            self._thinking = False
            self._paint(block)

    def _paint(self, block: str) -> None:
        """Print `block` above what is under way. The lock is held."""
        waiting = self.keyboard.waiting
        typing = safe(self.keyboard.typing()) if waiting else ""
        up = self._drawn + (self._rows(PROMPT + typing) - 1 if waiting else 0)
        lines = [self._status_line(post) for post in self._under_way.values()]
        if self._thinking:
            lines.append(f"\x1b[2m{texts.THINKING}\x1b[0m\n")
        prompt = f"\x1b[1;36m›\x1b[0m {typing}" if waiting else ""
        back = "\r" + (f"\x1b[{up}A" if up else "") + "\x1b[J"
        self._drawn = len(lines)
        self._write(back + block + "".join(lines) + prompt)

    def _rendered(self, what: RenderableType, width: int = MAX_WIDTH) -> str:
        from rich.console import Console
        from rich.text import Text

        soft = isinstance(what, Text) and bool(what.no_wrap)
        sheet = io.StringIO()
        console = Console(file=sheet, force_terminal=True, width=min(width, self._columns), highlight=False)
        console.print(what, soft_wrap=soft)
        return sheet.getvalue()

    def _status_line(self, post: Post) -> str:
        """One row: what it says, and a bar when it is known how far it is."""
        from rich.text import Text

        room = self._columns - 1
        line = Text("● ", style="yellow", no_wrap=True, end="")
        if post.progress is not None and room > BAR + 30:
            done = round(max(0.0, min(1.0, post.progress)) * BAR)
            line.append("━" * done, style="green").append("━" * (BAR - done), style="bright_black")
            line.append(f" {post.progress * 100:3.0f} %  ", style="bold")
        line.append(" ".join(safe(post.text).split()), style="default")
        line.truncate(room, overflow="ellipsis")
        return self._rendered(line, self._columns).rstrip("\n") + "\n"

    def _message(self, post: Post) -> RenderableType:
        from rich.console import Group
        from rich.panel import Panel
        from rich.text import Text

        body = Text(safe(post.text).strip(), overflow="fold")
        for link in links(post.buttons):
            body.append(f"\n{link}")
        said = labels(post.buttons)
        if post.kind is PostKind.CARD:
            if said:
                body.append("\n\n").append_text(_numbered(said))
            title = Text(f" {safe(post.heading)} ", style="bold") if post.heading else None
            return Panel(body, title=title, title_align="left", border_style="cyan", padding=(0, 1))
        if post.kind is PostKind.QUESTION:
            body.stylize("bold")
            return Group(body, _numbered(said)) if said else body
        if post.heading:
            body = Text(f"{safe(post.heading)}\n", style="bold").append_text(body)
        if said:
            body.append("\n").append(" · ".join(said), style="cyan")
        return body

    def _changed(self, post: Post, before: tuple[str, str]) -> RenderableType:
        """What is new in a message whose buttons went away; the rest stands above already."""
        from rich.text import Text

        known = {line for part in before for line in part.split("\n")}
        new = [line for part in (safe(post.heading), safe(post.text)) for line in part.split("\n") if line not in known]
        return Text("\n".join(new), style="dim")


def _numbered(said: list[str]) -> Text:
    from rich.text import Text

    line = Text(overflow="fold")
    for number, label in enumerate(said, 1):
        line.append("   " if number > 1 else "").append(f"{number}", style="bold cyan")
        line.append(f"\u00a0{label.replace(' ', chr(0xA0))}", style="default")
    return line
