"""A PostgreSQL server of our own for tests: started from what is installed, on a socket in a temporary folder.

`TEST_DATABASE_URL` names a server to use instead, and `POSTGRES_BINARIES` the folder of `initdb` and `postgres` where
they are in none of the usual places. Tests ask for the fixtures `postgres_server`, `postgres_database` and
`postgres_url` (tests/conftest.py), which skip where there is no PostgreSQL; with `POSTGRES_REQUIRED=1`, as in CI, its
absence ends the run. PostgreSQL refuses to run as root, so that root starts it as an account without rights.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy import make_url

from storage.tables import metadata

MISSING = "PostgreSQL is not installed and TEST_DATABASE_URL is not set"
INSTALLED = Path("/usr/lib/postgresql")
START_WITHIN_S = 20.0
ACCOUNTS = ("postgres", "nobody")
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=32MB", "max_connections=60")
DURABLE = ("synchronous_commit=on",)
"""Overrides QUICK: a commit is with the operating system before it is answered, so that it survives the server."""


def postgres_binaries() -> Path | None:
    """The folder with `initdb` and `postgres`, the newest there is, or None."""
    named, on_path = os.environ.get("POSTGRES_BINARIES"), shutil.which("initdb")
    installed = sorted(INSTALLED.glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    usual = [*installed, *([Path(on_path).resolve().parent] if on_path else [])]
    candidates = [Path(named)] if named else usual
    return next((path for path in candidates if (path / "initdb").exists() and (path / "postgres").exists()), None)


def postgres_available() -> bool:
    """Whether `private_postgres` has something to give."""
    return bool(os.environ.get("TEST_DATABASE_URL")) or postgres_binaries() is not None


def postgres_is_owed() -> bool:
    """Whether PostgreSQL was promised and is not there: its tests would be skipped where nobody looks."""
    return os.environ.get("POSTGRES_REQUIRED", "0") not in ("", "0") and not postgres_available()


@contextmanager
def private_postgres() -> Iterator[str]:
    """The address of a server to make databases on; raises FileNotFoundError when there is none."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    with private_server() as server:
        yield server.url


@contextmanager
def private_server(*, durable: bool = False) -> Iterator[PrivateServer]:
    """A server of our own, whatever TEST_DATABASE_URL says; raises FileNotFoundError when none is installed. `durable`:
    what it says is saved is there after `crash`."""
    binaries = postgres_binaries()
    if binaries is None:
        raise FileNotFoundError(MISSING)
    folder = Path(tempfile.mkdtemp(prefix="reelbot-pg-"))
    try:
        account = _account(folder)
        _initialise(binaries, folder, account)
        server = PrivateServer(binaries, folder, account, (*QUICK, *(DURABLE if durable else ())))
        server.start()
        try:
            yield server
        finally:
            server.crash()  # nobody needs the data
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class PrivateServer:
    """A PostgreSQL server in a folder."""

    def __init__(self, binaries: Path, folder: Path, account: dict[str, Any], settings: tuple[str, ...]) -> None:
        self.url = f"postgresql://postgres@/postgres?host={folder}"
        self._folder = folder
        self._account = account
        self._command = [str(binaries / "postgres"), "-D", str(folder / "data")]
        for setting in (*settings, "listen_addresses=", f"unix_socket_directories={folder}"):
            self._command += ["-c", setting]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when it takes connections."""
        with (self._folder / "log").open("a") as log:
            self._process = subprocess.Popen(self._command, cwd=self._folder, stdout=log, stderr=log, **self._account)
        _wait(self.url, self._process, self._folder / "log")

    def crash(self) -> None:
        """End it at once, without a checkpoint: every connection breaks, and the next start has to recover."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()


def _account(folder: Path) -> dict[str, Any]:
    """How to start a process without root's rights; the folder becomes that account's."""
    if os.geteuid() != 0:
        return {}
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = next(known[name] for name in ACCOUNTS if name in known)
    os.chown(folder, entry.pw_uid, entry.pw_gid)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _initialise(binaries: Path, folder: Path, account: dict[str, Any]) -> None:
    options = ["--username=postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"]
    command = [str(binaries / "initdb"), "-D", str(folder / "data"), *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, **account)
    if done.returncode != 0:
        raise RuntimeError(f"initdb failed: {done.stderr}")


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_WITHIN_S
    while True:
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError as error:
            if server.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"PostgreSQL did not start: {log.read_text()}") from error
            time.sleep(0.02)


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """The address of a new, empty database on `server`; dropped afterwards."""
    name = f"reelbot_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        # On a connection of its own: the server may have been started anew meanwhile.
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


def empty_tables(url: str) -> None:
    """Delete every row: much quicker than another database."""
    statements = (SQL("DELETE FROM {}").format(Identifier(table.name)) for table in reversed(metadata.sorted_tables))
    with psycopg.connect(url) as connection:
        connection.execute(SQL("; ").join(statements))
