"""Where typed lines come from: a thread of its own, because reading a terminal or a pipe blocks.

The thread is a daemon that holds no lock of Python's while it waits, so the program can end at any time.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import TextIO

from adapters.terminal.plain import typed

MAX_LINE = 100_000
"""Bytes of one line that are kept; what is over is dropped."""
MAX_HISTORY = 1_000
PROMPT = "› "


def piped(stream: TextIO) -> Callable[[], str | None]:
    """Reads one line of a pipe or file after the other; None at its end."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError, AttributeError):
        return lambda: typed(line) if (line := stream.readline()) else None
    pending = bytearray()
    ended = False

    def read() -> str | None:
        nonlocal ended
        while b"\n" not in pending and not ended:
            # Not stream.readline(): a thread that waits in there keeps the interpreter from ending.
            got = os.read(descriptor, 65_536)
            ended = not got
            if len(pending) < MAX_LINE or b"\n" in got:
                pending.extend(got)
        if not pending:
            return None
        line, _, rest = bytes(pending).partition(b"\n")
        pending[:] = rest
        return typed(line[:MAX_LINE])

    return read


class Keyboard:
    """A person at a terminal, with editing and history by readline where there is one."""

    def __init__(self) -> None:
        self.waiting = False
        """True while the prompt is on the screen."""
        self.asked = threading.Event()
        """Set once the first prompt is on the screen."""
        try:
            import readline
        except ImportError:  # no such library on this system: plain lines
            self._readline = None
        else:
            self._readline = readline

    def read(self) -> str | None:
        """One line; None when the person is done."""
        hook = getattr(self._readline, "set_pre_input_hook", None)
        if hook is not None:
            hook(self._begin)
        else:
            self._begin()
        try:
            return typed(input("\001\x1b[1;36m\002›\001\x1b[0m\002 " if self._readline else PROMPT))
        except (EOFError, OSError, ValueError):
            return None
        finally:
            self.waiting = False

    def _begin(self) -> None:
        self.waiting = True
        self.asked.set()

    def typing(self) -> str:
        """What stands behind the prompt right now."""
        return self._readline.get_line_buffer() if self._readline else ""

    @contextlib.contextmanager
    def session(self, history: Path | None) -> Iterator[None]:
        """Load and keep the history, and leave the terminal as it was found."""
        before = _modes()
        if self._readline and history is not None:
            self._readline.set_history_length(MAX_HISTORY)
            with contextlib.suppress(OSError):
                self._readline.read_history_file(history)
        try:
            yield
        finally:
            _restore(before)
            if self._readline and history is not None:
                with contextlib.suppress(OSError):
                    history.parent.mkdir(parents=True, exist_ok=True)
                    history.touch(mode=0o600)
                    self._readline.write_history_file(history)


def _modes() -> list[object] | None:
    try:
        import termios

        return termios.tcgetattr(0)
    except (ImportError, OSError):
        return None
    except Exception as error:  # termios.error is no OSError
        if type(error).__name__ == "error":
            return None
        raise


def _restore(modes: list[object] | None) -> None:
    if modes is not None:
        import termios

        with contextlib.suppress(termios.error):
            termios.tcsetattr(0, termios.TCSANOW, modes)  # type: ignore[arg-type]


class LineReader:
    """Lines of a blocking source, one each time one is asked for."""

    def __init__(self, read: Callable[[], str | None]) -> None:
        self._read = read
        self._wanted: SimpleQueue[tuple[asyncio.AbstractEventLoop, asyncio.Future[str | None]]] = SimpleQueue()
        threading.Thread(target=self._run, name="terminal-input", daemon=True).start()

    async def next(self) -> str | None:
        """The next line, or None at the end."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[str | None] = loop.create_future()
        self._wanted.put((loop, future))
        return await future

    def _run(self) -> None:
        while True:
            loop, future = self._wanted.get()
            try:
                line = self._read()
            except OSError:
                line = None  # the terminal went away
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(_give, future, line)
            if line is None:
                return


def _give(future: asyncio.Future[str | None], line: str | None) -> None:
    if not future.done():
        future.set_result(line)
