"""Makes sure that one SQLite database has one worker, by a lock of the operating system beside the file, which ends
with its process, however that dies. On PostgreSQL the work is shared (`storage.cluster`).
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from core.errors import PermanentError


class WorkerLease:
    """The right to work on the database file at `path`; a context manager, or `take` and `give_back`."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(path.name + ".worker")
        self._file: int | None = None

    def take(self) -> None:
        """Become the worker; raises PermanentError while another process is."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.read(file, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(file)
            raise PermanentError(
                f"Another Reelbot is already working on this database (process {owner}). Stop it first, or give this "
                "one a DATA_DIR of its own."
            ) from error
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
        self._file = file

    def give_back(self) -> None:
        """Let somebody else work; harmless when the lease is not held."""
        if self._file is not None:
            os.close(self._file)  # the file stays: removing it would let two processes hold two locks
            self._file = None

    def __enter__(self) -> WorkerLease:
        self.take()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.give_back()
