"""A person at a terminal: the program on a real pseudo-terminal."""

import codecs
import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


def _at_a_terminal() -> None:
    """In the new process: the terminal is its own, and Ctrl-C is not ignored, as it is where tests run in the
    background."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """Types into a program and looks at what it draws."""

    def __init__(self, folder: Path, columns: int = 80) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        self.before = termios.tcgetattr(slave)
        environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "COLUMNS", "LINES")}
        environment |= {"TERM": "xterm-256color", "LANG": "C.UTF-8", "INPUTRC": os.devnull}
        self.program = subprocess.Popen(
            [sys.executable, "-m", "tests.adapters.terminal.chat_program", str(folder)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            start_new_session=True,
            preexec_fn=_at_a_terminal,
        )
        self.slave = slave
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.seen = ""

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def until(self, pattern: str, *, after: int = 0) -> int:
        """Wait until something is drawn; returns where it ends in what was seen."""
        deadline = time.monotonic() + 15
        while (match := re.compile(pattern).search(self.seen, after)) is None:
            left = deadline - time.monotonic()
            assert left > 0, f"{pattern!r} was not drawn: {self.seen!r}"
            if select.select([self.master], [], [], left)[0]:
                self.seen += self.decoder.decode(os.read(self.master, 65_536))
        return match.end()

    def ended(self) -> int:
        """Wait for the program's end, reading what it still draws."""
        deadline = time.monotonic() + 15
        while self.program.poll() is None and time.monotonic() < deadline:
            if select.select([self.master], [], [], 0.05)[0]:
                with contextlib.suppress(OSError):
                    self.seen += self.decoder.decode(os.read(self.master, 65_536))
        return self.program.wait(1)

    def close(self) -> None:
        if self.program.poll() is None:
            self.program.kill()
            self.program.wait()
        os.close(self.slave)
        os.close(self.master)


@pytest.fixture
def open_terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(**options: int) -> Terminal:
        opened.append(Terminal(tmp_path, **options))
        return opened[-1]

    yield start
    for terminal in opened:
        terminal.close()


PROMPT = "›\x1b\\[0m "


def test_from_the_wish_to_the_clip(open_terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    terminal = open_terminal()
    terminal.until("Say what you want to see")
    at = terminal.until(PROMPT)
    terminal.type("a red fox\r")
    at = terminal.until("Which look", after=at)
    at = terminal.until("Anime", after=at)
    at = terminal.until(PROMPT, after=at)
    terminal.type("2\r")
    at = terminal.until("v12 · A red fox", after=at)
    at = terminal.until("Make", after=at)
    at = terminal.until(PROMPT, after=at)
    terminal.type("make it\r")
    terminal.until("━+", after=at)
    terminal.until("50 %", after=at)
    at = terminal.until("3.2 MB", after=at)
    at = terminal.until(re.escape(str(tmp_path / "videos" / "v12.mp4")), after=at)
    assert "\a" in terminal.seen
    at = terminal.until("v12 · Done", after=at)
    at = terminal.until(PROMPT, after=at)
    terminal.type("/open\r")
    at = terminal.until("The clip is", after=at)
    at = terminal.until(PROMPT, after=at)
    terminal.type("/quit\r")
    terminal.until("Bye", after=at)
    assert terminal.ended() == 0
    assert (tmp_path / "videos" / "v12.mp4").exists()
    assert "Traceback" not in terminal.seen
    assert termios.tcgetattr(terminal.slave) == terminal.before


def test_what_is_being_typed_survives_what_is_drawn(open_terminal: Callable[..., Terminal]) -> None:
    terminal = open_terminal()
    at = terminal.until(PROMPT)
    terminal.type("a fox\r")
    at = terminal.until(f"Anime[\\s\\S]*{PROMPT}", after=at)
    terminal.type("anime\r")
    at = terminal.until(f"Change[\\s\\S]*{PROMPT}", after=at)
    terminal.type("make it\r")
    at = terminal.until(" 10 %", after=at)
    terminal.type("half a sen")
    at = terminal.until("v12 · Done[\\s\\S]*half a sen", after=at)
    terminal.type("tence\x7f\x7f\r")
    terminal.until("Which look", after=at)
    terminal.type("\x1b[A")
    terminal.until("half a senten", after=at)
    assert "Traceback" not in terminal.seen


def test_leaving_with_control_d(open_terminal: Callable[..., Terminal]) -> None:
    terminal = open_terminal()
    terminal.until(PROMPT)
    terminal.type("\x04")
    terminal.until("Bye")
    assert terminal.ended() == 0
    assert termios.tcgetattr(terminal.slave) == terminal.before


def test_leaving_with_control_c(open_terminal: Callable[..., Terminal]) -> None:
    terminal = open_terminal()
    at = terminal.until(PROMPT)
    terminal.type("half a sentence")
    terminal.until("half a sentence", after=at)
    terminal.program.send_signal(signal.SIGINT)
    terminal.until("Bye")
    assert terminal.ended() == 0
    assert "Traceback" not in terminal.seen
    assert termios.tcgetattr(terminal.slave) == terminal.before


def test_history_is_kept(open_terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    terminal = open_terminal()
    terminal.until(PROMPT)
    terminal.type("a purple fox\r")
    at = terminal.until(f"Anime[\\s\\S]*{PROMPT}")
    terminal.type("/quit\r")
    terminal.until("Bye", after=at)
    assert terminal.ended() == 0
    assert (tmp_path / "history").stat().st_mode & 0o077 == 0
    again = open_terminal()
    at = again.until(PROMPT)
    again.type("\x1b[A\x1b[A")
    again.until("a purple fox", after=at)


@pytest.mark.parametrize("columns", [20, 200])
def test_any_width(open_terminal: Callable[..., Terminal], columns: int) -> None:
    terminal = open_terminal(columns=columns)
    terminal.until(PROMPT)
    terminal.type("a fox that is described at some length\r")
    at = terminal.until(f"Anime[\\s\\S]*{PROMPT}")
    terminal.type("/quit\r")
    terminal.until("Bye", after=at)
    assert terminal.ended() == 0
