"""A program at a terminal, with somebody who types and looks: a real pseudo-terminal."""

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
import termios
import time
from collections.abc import Mapping, Sequence

PROMPT = "›\x1b\\[0m "
"""What the prompt looks like, as a pattern."""


def _at_a_terminal() -> None:
    """In the new process: the terminal is its own, and Ctrl-C is not ignored, as it is where tests run in the
    background."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """Types into a program and looks at what it draws."""

    def __init__(
        self, command: Sequence[str], *, columns: int = 80, variables: Mapping[str, str] | None = None
    ) -> None:
        """Start `command` with the environment of the tests and these variables."""
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        self.before = termios.tcgetattr(slave)
        environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "COLUMNS", "LINES")}
        environment |= {"TERM": "xterm-256color", "LANG": "C.UTF-8", "INPUTRC": os.devnull, **(variables or {})}
        self.program = subprocess.Popen(
            command,
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
