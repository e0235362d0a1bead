"""`reelbot chat` as a person meets it: the real program at a real terminal, from the first moment on."""

import os
import re
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.chatting import check_chat
from bot.settings_checks import SettingsError
from bot.settings_loading import load_settings
from core.catalogue_checks import CatalogueError
from core.errors import PermanentError
from storage.lease import WorkerLease
from tests.adapters.terminal.pseudo_terminal import PROMPT, Terminal
from tests.bot.imports import ROOT, imported

NOT_BEFORE_THE_PROMPT = (
    # Rows, files and what draws; a chat loads them while somebody types.
    *("sqlalchemy", "sqlmodel", "alembic", "psycopg", "procrastinate", "obstore", "rich", "structlog", "apscheduler"),
    # What only some of the work needs, or only `reelbot run`.
    *("av", "PIL", "numpy", "google.genai", "telegram", "slack_bolt", "aiohttp", "httpx", "starlette", "uvicorn"),
    *("prometheus_client", "bot.build", "core.product", "storage"),
)
NOT_BEFORE_AN_ANSWER = (
    # Once there are tables and as long as there is no clip; without keys and tokens.
    *("alembic", "av", "PIL", "numpy", "google.genai", "telegram", "slack_bolt", "aiohttp", "httpx", "starlette"),
    *("uvicorn", "psycopg", "procrastinate"),
)
MOST_MODULES = 500
"""Some 400 are imported before the prompt, most of them pydantic's and Python's own: more than these are too many."""

OpenChat = Callable[..., Terminal]


@pytest.fixture
def open_chat(tmp_path: Path) -> Iterator[OpenChat]:
    opened: list[Terminal] = []

    def start(*options: str, **variables: str) -> Terminal:
        command = (sys.executable, *options, "-m", "bot", "chat")
        ours = {"PYTHONPATH": str(ROOT), "DATA_DIR": str(tmp_path / "data")}
        opened.append(Terminal(command, variables=ours | variables))
        return opened[-1]

    yield start
    for terminal in opened:
        terminal.close()


def _as_found(terminal: Terminal) -> bool:
    """Whether the terminal was left as it was found, without a word about errors of ours."""
    assert "Traceback" not in terminal.seen
    return bool(termios.tcgetattr(terminal.slave) == terminal.before)


def test_nothing_that_only_work_needs_is_loaded_before_the_prompt(open_chat: OpenChat) -> None:
    terminal = open_chat("-X", "importtime")
    prompt = terminal.until(PROMPT)
    loaded = imported(terminal.seen[:prompt])
    assert {"pydantic", "adapters.terminal", "bot.chatting"} <= loaded  # it can be seen at all
    assert loaded.isdisjoint(NOT_BEFORE_THE_PROMPT)
    assert len(loaded) < MOST_MODULES


def test_what_is_typed_at_once_is_answered(open_chat: OpenChat, tmp_path: Path) -> None:
    terminal = open_chat()
    at = terminal.until(PROMPT)
    terminal.type("make me a video of a red fox in the snow\r")
    at = terminal.until("Which look", after=at)
    at = terminal.until(PROMPT, after=at)
    terminal.type("/quit\r")
    terminal.until("Bye", after=at)
    assert terminal.ended() == 0
    assert _as_found(terminal)
    assert "app." not in terminal.seen  # the log has a file of its own
    assert (tmp_path / "data" / "chat.log").is_file()


@pytest.mark.parametrize(("key", "code"), [("\x04", 0), ("/quit\r", 0), ("\x03", 130)])
def test_leaving_before_the_program_is_there(open_chat: OpenChat, key: str, code: int) -> None:
    terminal = open_chat()
    terminal.until(PROMPT)
    terminal.type(key)
    terminal.until("Bye")
    assert terminal.ended() == code
    assert _as_found(terminal)


@pytest.mark.parametrize("typed", ["", "half a sen", "a red fox\r"])
def test_a_program_that_cannot_start_says_why_below_the_prompt(open_chat: OpenChat, tmp_path: Path, typed: str) -> None:
    with WorkerLease(tmp_path / "data" / "reelbot.db"):
        terminal = open_chat()
        at = terminal.until(PROMPT)
        terminal.type(typed)
        at = terminal.until("Another Reelbot is already working", after=at)
        assert terminal.ended() == 1
    assert terminal.seen[:at].splitlines()[-1].startswith("Another")
    assert "Bye" not in terminal.seen  # nothing is under way that would go on
    assert _as_found(terminal)


def test_settings_that_make_no_sense_come_before_the_prompt(open_chat: OpenChat) -> None:
    terminal = open_chat(DATABASE_URL="postgresql://someone@127.0.0.1:1/reelbot")
    terminal.until("Start it without DATABASE_URL")
    assert terminal.ended() == 1
    assert re.search(PROMPT, terminal.seen) is None
    assert _as_found(terminal)


@pytest.mark.parametrize(
    ("variables", "error", "word"),
    [
        ({"DATABASE_URL": "postgresql://someone@127.0.0.1:1/reelbot"}, PermanentError, "DATABASE_URL"),
        ({"DATABASE_URL": "sqlite:///:memory:"}, PermanentError, "DATABASE_URL"),
        ({"MEDIA_URL": "file:///proc/nowhere"}, PermanentError, "MEDIA_URL"),
        ({"ALLOWED_MODELS": "nobodys-model"}, SettingsError, "ALLOWED_MODELS"),
        ({"CATALOGUE_FILE": "none.toml"}, CatalogueError, "CATALOGUE_FILE"),
    ],
)
def test_what_settings_can_be_wrong_about(variables: dict[str, str], error: type[Exception], word: str) -> None:
    with pytest.raises(error, match=word):
        check_chat(load_settings(None, **variables))


def test_good_settings_are_none_of_its_business(tmp_path: Path) -> None:
    check_chat(load_settings(None, DATABASE_URL=f"sqlite:///{tmp_path / 'own.db'}", MEDIA_URL=str(tmp_path / "media")))
    assert not (tmp_path / "own.db").exists()


def _script(tmp_path: Path, lines: bytes, *options: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, *options, "-m", "bot", "chat"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "DATA_DIR": str(tmp_path / "data")},
        input=lines,
        capture_output=True,
        timeout=30,
        check=False,
    )


def test_a_script_is_answered(tmp_path: Path) -> None:
    done = _script(tmp_path, b"make me a video of a red fox in the snow\n")
    assert (done.returncode, done.stderr) == (0, b"")
    said = done.stdout.decode().splitlines()
    assert said[0] == "> make me a video of a red fox in the snow"
    assert said[1].startswith("Which look")
    again = _script(tmp_path, b"make me a video of a blue fox in the snow\n", "-X", "importtime")
    assert "Which look" in again.stdout.decode()
    loaded = imported(again.stderr.decode())
    assert {"sqlalchemy", "bot.build", "adapters.rules"} <= loaded
    assert loaded.isdisjoint(NOT_BEFORE_AN_ANSWER)


def test_a_script_is_not_begun_by_a_program_that_cannot_start(tmp_path: Path) -> None:
    with WorkerLease(tmp_path / "data" / "reelbot.db"):
        done = _script(tmp_path, b"make me a video of a red fox in the snow\n")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"Another Reelbot")
