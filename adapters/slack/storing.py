"""Storing what comes in while Slack waits, and going on with it when that takes longer than Slack does.

Commands, shortcuts, taps and forms come once: Slack tells the person that they failed when there is no acknowledgement
within three seconds, although they may be stored a moment later. So what is slow is acknowledged in time and stored all
the same. Events are not treated so: Slack sends them again.
"""

from __future__ import annotations

import asyncio

import structlog

from core.messages import Incoming
from core.ports import Clock, Receive

_PAUSES_S = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0)
"""After an attempt to store what is acknowledged already; then it is given up."""
_GRACE_S = 1.0
"""What is still being stored at the end gets that long."""

_log = structlog.get_logger(__name__)


class Storing:
    """What is being stored.

    patience_s: seconds from a request's coming until it is to be acknowledged
    """

    def __init__(self, *, clock: Clock, patience_s: float) -> None:
        self._clock = clock
        self._patience_s = patience_s
        self._tasks: set[asyncio.Task[None]] = set()

    async def stored(self, incoming: Incoming, receive: Receive, *, came_at: float) -> bool:
        """Whether it was stored in time; otherwise it is stored later. Raises what `receive` raises in time.

        came_at: when the request came, by the event loop's clock
        """
        late = asyncio.Event()
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._store(incoming, receive, late))
        self._tasks.add(task)
        task.add_done_callback(self._let_go)
        # When whoever waits is cancelled, this goes on.
        await asyncio.wait({task}, timeout=max(0.0, came_at + self._patience_s - loop.time()))
        if task.done():
            task.result()
            return True
        late.set()
        _log.warning("slack_storing_slow", event_id=incoming.event_id)
        return False

    async def close(self) -> None:
        """Let what is being stored be stored, for a moment."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_GRACE_S)
        left = list(self._tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _store(self, incoming: Incoming, receive: Receive, late: asyncio.Event) -> None:
        for pause in _PAUSES_S:
            try:
                await receive(incoming)
                return
            except Exception as error:
                if not late.is_set():
                    raise
                _log.warning("slack_storing_failed", event_id=incoming.event_id, error=type(error).__name__)
            await self._clock.sleep(pause)
        await receive(incoming)

    def _let_go(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.info("slack_not_stored", error=type(error).__name__)
