"""The command line as a person meets it: through a process of its own, and now and then an interpreter of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from tests.bot.imports import ROOT, imported
from tests.faults.forked import command

HEAVY = (
    *("alembic", "sqlalchemy", "obstore", "pydantic", "structlog", "rich", "asyncio", "apscheduler"),
    *("telegram", "slack_bolt", "google.genai", "aiohttp", "httpx", "starlette", "uvicorn"),
    *("av", "PIL", "numpy", "bot.settings", "adapters", "storage"),
)
MOST_MODULES = 190
"""Some 150 are imported for the help, nearly all of them typer's and Python's own."""


def python(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the current folder with our packages and these variables."""
    return subprocess.run(
        [sys.executable, *arguments], env=_with(variables), capture_output=True, text=True, timeout=20, check=False
    )


def reelbot(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command in the current folder, as a process whose imports are done: starting Python takes a second."""
    done = command(*arguments, folder=Path.cwd(), environment=_with(variables))
    assert "Traceback" not in done.stderr
    return done


def _with(variables: dict[str, str]) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "200", **variables}


def test_help_is_there_at_once() -> None:
    done = python("-X", "importtime", "-m", "bot", "--help")
    assert done.returncode == 0
    assert all(command in done.stdout for command in ("chat", "run", "check", "db", "--version"))
    loaded = imported(done.stderr)
    assert {"typer", "bot.cli"} <= loaded  # it can be seen at all
    assert loaded.isdisjoint(HEAVY)
    assert len(loaded) < MOST_MODULES


def test_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert python("-m", "bot", "--version").stdout == f"reelbot {project['version']}\n"


@pytest.mark.parametrize("command", [("chat",), ("run",), ("run", "--only", "worker"), ("check",), ("db", "upgrade")])
def test_settings_that_make_no_sense_end_it(command: tuple[str, ...]) -> None:
    done = reelbot(*command, HTTP_PORT="http", TELEGRAM_BOT_TOKEN="not a token", VIDEO_PROVIDER="veo")
    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    assert lines[0] == "Reelbot cannot start with these settings:"
    assert lines[1] == "HTTP_PORT: “http” is not a whole number. Example: HTTP_PORT=8080"
    assert [line.partition(":")[0] for line in lines[2:]] == ["TELEGRAM_BOT_TOKEN", "VIDEO_PROVIDER"]
    assert "not a token" not in done.stderr


def test_an_unknown_part_is_refused() -> None:
    done = reelbot("run", "--only", "everything")
    assert done.returncode == 2
    assert "gateway" in done.stderr


def test_the_database_is_made_and_a_misspelt_setting_noticed() -> None:
    Path(".env").write_text("DATA_DIR=kept\nLOG_LEVELS=DEBUG\n")
    done = reelbot("db", "upgrade")
    assert (done.returncode, done.stdout) == (0, "The database is up to date.\n")
    assert done.stderr == ".env: there is no setting LOG_LEVELS. Did you mean LOG_LEVEL?\n"
    assert (Path("kept") / "reelbot.db").is_file()


def test_a_database_that_is_up_to_date_needs_no_alembic() -> None:
    first, second = (python("-X", "importtime", "-m", "bot", "db", "upgrade", DATA_DIR="kept") for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0)
    assert ("alembic" in imported(first.stderr), "alembic" in imported(second.stderr)) == (True, False)


def test_a_database_that_does_not_answer_is_one_line() -> None:
    done = reelbot("db", "upgrade", DATABASE_URL="postgresql://someone:pass-word@127.0.0.1:1/reelbot")
    assert (done.returncode, done.stdout) == (1, "")
    assert "database" in done.stderr.lower()
    assert "pass-word" not in done.stderr


def test_a_folder_that_cannot_be_made_is_one_line() -> None:
    Path("file").write_text("")
    done = reelbot("chat", DATA_DIR="file/data")
    assert (done.returncode, done.stderr) == (1, "file/data: Not a directory\n")


# --- stopping --------------------------------------------------------------------------------------------------------

WORKS = """
import asyncio, signal, sys, threading, time
from bot.stopping import run_until_stopped

async def work():
    try:
        print("ready", flush=True)
        {works}
    finally:
        {cleans_up}
        print("clean", flush=True)

run_until_stopped(work, within_s={within_s}, interrupted=130)
"""


def stopped(
    *signals: int, works: str = "await asyncio.sleep(60)", cleans_up: str = "pass", within_s: float = 10
) -> tuple[int, str, float]:
    """Exit code, output and seconds from the first signal to the end of a process that gets `signals` in turn."""
    code = WORKS.format(works=works, cleans_up=cleans_up, within_s=within_s)
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        started = time.monotonic()
        output = ""
        for place, number in enumerate(signals):
            if place:
                output += process.stdout.readline()
            process.send_signal(number)
        output += process.stdout.read()
        return process.wait(timeout=20), output, time.monotonic() - started


SIGINT, SIGTERM = 2, 15


def test_sigterm_stops_cleanly() -> None:
    assert stopped(SIGTERM)[:2] == (0, "clean\n")


def test_control_c_stops_cleanly() -> None:
    assert stopped(SIGINT)[:2] == (130, "clean\n")


def test_a_second_control_c_ends_at_once() -> None:
    code, output, seconds = stopped(SIGINT, SIGINT, cleans_up="print('stopping', flush=True); await asyncio.sleep(60)")
    assert (code, output) == (130, "stopping\n")
    assert seconds < 5


def test_a_clean_up_that_takes_too_long_is_cut_off() -> None:
    code, output, seconds = stopped(SIGTERM, cleans_up="time.sleep(60)", within_s=0.2)
    assert (code, output) == (0, "")
    assert seconds < 5


def test_a_thread_that_reads_the_keyboard_does_not_hold_it_up() -> None:
    code, output, seconds = stopped(SIGTERM, works="await asyncio.to_thread(sys.stdin.readline)")
    assert (code, output) == (0, "clean\n")
    assert seconds < 5


def test_an_error_while_stopping_is_not_hidden() -> None:
    assert stopped(SIGTERM, cleans_up="raise RuntimeError('no')")[0] == 1


def test_it_ends_by_itself_and_errors_come_through() -> None:
    code = WORKS.format(works="pass", cleans_up="pass", within_s=10)
    assert python("-c", code).stdout == "ready\nclean\n"
    failing = python("-c", code.replace("pass\n    finally", "raise OSError('broken')\n    finally"))
    assert failing.returncode == 1
    assert failing.stderr.endswith("OSError: broken\n")
