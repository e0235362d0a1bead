"""A person at a terminal: the program on a real pseudo-terminal."""

import re
import signal
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.adapters.terminal.pseudo_terminal import PROMPT, Terminal


@pytest.fixture
def open_terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(*, columns: int = 80) -> Terminal:
        command = (sys.executable, "-m", "tests.adapters.terminal.chat_program", str(tmp_path))
        opened.append(Terminal(command, columns=columns))
        return opened[-1]

    yield start
    for terminal in opened:
        terminal.close()


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
