"""What the app shows by itself when somebody opens it: its home page, and what they could say. All of it is best effort
and happens after Slack has its acknowledgement.

What is on the page is `core.overview`'s, how it looks is `home`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

import structlog

from adapters.slack import failures
from adapters.slack.connection import SlackConnection
from adapters.slack.home import home_view
from adapters.slack.parsing import PLATFORM, channel_of
from core.errors import ReelbotError
from core.generation import Generation
from core.overview import Overview, Overviews
from core.ports import Clock

_MOMENT_S = 1.5
"""After a tap on the page, until what it changed can be shown."""
_LINKS = 2_000
"""Addresses that are remembered."""

_log = structlog.get_logger(__name__)


class SlackPages:
    """Shows the app's own pages.

    prompts: title and message of what could be said, at most four
    prompts_title: the line above them
    """

    def __init__(
        self,
        connection: SlackConnection,
        *,
        clock: Clock,
        overviews: Overviews,
        prompts: Sequence[tuple[str, str]],
        prompts_title: str,
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._overviews = overviews
        self._prompts = [{"title": title, "message": message} for title, message in prompts]
        self._prompts_title = prompts_title
        self._links: dict[tuple[str, str], str] = {}
        self._going_on: set[asyncio.Task[None]] = set()

    def show_home(self, user: str, *, after_press: bool = False) -> None:
        """Publish somebody's home page; after a tap on it a moment later."""
        self.aside(self._home(user, _MOMENT_S if after_press else 0.0))

    def show_prompts(self, channel: str) -> None:
        """Suggest what could be said in the direct messages with somebody."""
        if self._prompts:
            self.aside(self._suggest(channel))

    def aside(self, work: Coroutine[Any, Any, None]) -> None:
        """Let something go on by itself, at the longest until `close`."""
        task = asyncio.get_running_loop().create_task(work)
        self._going_on.add(task)
        task.add_done_callback(self._going_on.discard)

    async def close(self) -> None:
        """End what still goes on."""
        left = list(self._going_on)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _home(self, user: str, pause_s: float) -> None:
        if pause_s:
            await self._clock.sleep(pause_s)
        try:
            overview = await self._overviews.of(f"{PLATFORM}:{user}")
            view = home_view(overview, links=await self._addresses(overview))
            with failures.mapped():
                await self._connection.client.views_publish(user_id=user, view=view)
        except Exception as error:  # the page stays as it was
            _failed("slack_home_not_shown", error)

    async def _suggest(self, channel: str) -> None:
        try:
            with failures.mapped():
                await self._connection.client.assistant_threads_setSuggestedPrompts(
                    channel_id=channel, title=self._prompts_title, prompts=self._prompts
                )
        except Exception as error:
            _failed("slack_prompts_not_shown", error)

    async def _addresses(self, overview: Overview) -> Mapping[int, str]:
        """Where each generation can be seen, where Slack tells it."""
        rows = [entry.generation for part in (overview.running, overview.open, overview.videos) for entry in part]
        found = await asyncio.gather(*map(self._address, rows))
        return {row.id: address for row, address in zip(rows, found, strict=True) if address}

    async def _address(self, row: Generation) -> str:
        place = row.elsewhere or row.key
        message = row.delivery.get("posted") or place.thread
        if place.platform != PLATFORM or not message:
            return ""
        spot = (channel_of(place), message)
        if spot not in self._links:
            try:
                with failures.mapped():
                    answer = await self._connection.client.chat_getPermalink(channel=spot[0], message_ts=spot[1])
            except ReelbotError as error:
                _log.info("slack_no_permalink", generation=row.id, error=type(error).__name__)
                return ""
            if len(self._links) >= _LINKS:
                self._links.clear()
            self._links[spot] = str(answer.get("permalink") or "")
        return self._links[spot]


def _failed(event: str, error: Exception) -> None:
    reason = str(error) if isinstance(error, ReelbotError) else type(error).__name__
    _log.warning(event, reason=reason)
