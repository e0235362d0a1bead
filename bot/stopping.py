"""Runs a coroutine until it ends or the process is told to stop, and sees to it that the process does end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any

_log = logging.getLogger(__name__)


def run_until_stopped(work: Callable[[], Coroutine[Any, Any, None]], *, within_s: float, interrupted: int = 0) -> None:
    """Run `work`. Its errors are raised.

    At SIGTERM or Ctrl-C it is cancelled and the process ends once it has cleaned up, after `within_s` seconds at the
    latest, or at once at a second signal; the exit code is then 0, after Ctrl-C `interrupted`.
    """
    asyncio.run(_supervised(work, within_s, interrupted))


async def _supervised(work: Callable[[], Coroutine[Any, Any, None]], within_s: float, interrupted: int) -> None:
    task = asyncio.create_task(work())
    codes: list[int] = []

    def stop(number: signal.Signals) -> None:
        if codes:
            _end(codes[0])
        codes.append(interrupted if number == signal.SIGINT else 0)
        # A thread, because it must fire also while the loop is blocked.
        last_call = threading.Timer(within_s, _end, codes)
        last_call.daemon = True
        last_call.start()
        task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    try:
        await task
    except asyncio.CancelledError:
        if not codes:
            raise
    except Exception:
        if not codes:
            raise
        _log.exception("stop_failed")
        codes[0] = 1
    if codes:
        # Everything is closed by now. What may be left is a thread that reads the keyboard or renders a clip, and
        # neither the loop nor the interpreter ends before its threads do.
        _end(codes[0])


def _end(code: int) -> None:
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue
    os._exit(code)
