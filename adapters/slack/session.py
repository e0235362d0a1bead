"""What Slack shows of the bot's work in a thread: the agent session's status, with Slack's own Stop while it works.

Best effort: nothing in here raises, and nothing waits for it. Where the app is no agent, a message is noticed with a
reaction instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import structlog
from slack_sdk.errors import SlackApiError

from adapters.slack import failures
from adapters.slack.connection import SlackConnection
from adapters.slack.pacing import Pacing
from adapters.slack.parsing import channel_of
from core.errors import PermanentError, ReelbotError, TemporaryError
from core.messages import Message, Post, PostKind
from core.ports import Clock

TITLE_LIMIT = 200
NOTICED = "eyes"
"""The reaction."""
_PROCESSING = "processing"
_ACTIVE = "active"
_TRIES = 3
_MOST_THREADS = 1_000
_OF_THIS_THREAD = frozenset({"invalid_arguments", "invalid_title", "session_not_found"}) | failures.THREAD_GONE
"""Refusals that say nothing about other threads."""

_log = structlog.get_logger(__name__)

_Place = tuple[str, str]


@dataclass(slots=True, kw_only=True, eq=False)
class _Thread:
    wanted: str = ""
    shown: str = ""
    """What Slack was told last; empty when that is not known."""
    title: str = ""
    running: set[str] = field(default_factory=set)
    """Ids of the messages that show work under way."""
    telling: bool = False


class Sessions:
    """The sessions of all threads, as this process knows them."""

    def __init__(self, connection: SlackConnection, *, pacing: Pacing, clock: Clock) -> None:
        self._connection = connection
        self._pacing = pacing
        self._clock = clock
        self._threads: dict[_Place, _Thread] = {}
        self._is_agent = True
        self._may_react = True
        self._reacted: dict[_Place, None] = {}

    async def noticed(self, message: Message) -> None:
        """Somebody wrote to the bot: it works on an answer from now on."""
        place = channel_of(message.key), message.key.thread
        if message.command == "stop":
            # Slack goes on showing what it was told, but not its Stop: it must be told again, whatever comes next.
            self._thread(place).shown = ""
            return
        if self._is_agent and place[1]:
            thread = self._thread(place)
            thread.title = thread.title or _title(message.text)
            if await self._tell(place, _PROCESSING):
                return
        if message.id:
            await self._react((place[0], message.id))

    def said(self, place: _Place, post: Post, *, before: str, now: str) -> None:
        """A post went out.

        place: channel and thread
        before, now: the id of the message that was edited, or empty, and of the one that shows the post"""
        if not self._is_agent or not place[1]:
            return
        thread = self._thread(place)
        if post.kind is PostKind.STATUS:
            thread.running.discard(before)
            thread.running.discard(now)
            if post.buttons:
                thread.running.add(now)
        self._connection.aside(self._show(place, _PROCESSING if thread.running else _ACTIVE))

    def delivered(self, place: _Place) -> None:
        """A clip is there; its own status message is edited later than this."""
        if not self._is_agent or not place[1]:
            return
        if len(self._thread(place).running) <= 1:
            self._connection.aside(self._show(place, _ACTIVE))

    def _thread(self, place: _Place) -> _Thread:
        thread = self._threads.pop(place, None) or _Thread()
        # The last one used stands last.
        self._threads[place] = thread
        if len(self._threads) > _MOST_THREADS:
            del self._threads[next(iter(self._threads))]
        return thread

    async def _show(self, place: _Place, status: str) -> None:
        await self._tell(place, status)

    async def _tell(self, place: _Place, status: str) -> bool:
        """Bring Slack to show this status, or what is wanted by then; False when it will never show one here. One call
        at a time for a thread, so that an older one never comes last."""
        thread = self._thread(place)
        thread.wanted = status
        if thread.telling:
            return True
        thread.telling = True
        tries = 0
        try:
            while self._is_agent and thread.shown != thread.wanted and tries < _TRIES:
                tries += 1
                wanted = thread.wanted
                try:
                    await self._set_status(place, wanted, thread.title)
                except TemporaryError as error:
                    await self._clock.sleep(error.retry_after if error.retry_after is not None else 2.0**tries)
                else:
                    thread.shown, tries = wanted, 0
        except ReelbotError as error:
            thread.shown = thread.wanted = ""
            _log.info("slack_session_status_failed", channel=place[0], error=str(error))
            return False
        finally:
            thread.telling = False
        return True

    async def _set_status(self, place: _Place, status: str, title: str) -> None:
        method = "agents.sessions.setStatus"
        with failures.mapped():
            async with self._pacing.call(method):
                try:
                    await self._connection.client.agents_sessions_setStatus(
                        channel_id=place[0], thread_ts=place[1], status=status, title=title or None
                    )
                except SlackApiError as error:
                    if _for_good(error):
                        self._is_agent = False
                    raise

    async def _react(self, message: _Place) -> None:
        if not self._may_react or message in self._reacted:
            return
        self._reacted[message] = None
        if len(self._reacted) > _MOST_THREADS:
            del self._reacted[next(iter(self._reacted))]
        channel, ts = message
        try:
            with failures.mapped():
                async with self._pacing.call("reactions.add"):
                    try:
                        await self._connection.client.reactions_add(channel=channel, timestamp=ts, name=NOTICED)
                    except SlackApiError as error:
                        self._may_react = failures.word(error) != "missing_scope"
                        raise
        except ReelbotError as error:
            _log.info("slack_reaction_failed", channel=channel, error=str(error))


def _for_good(error: SlackApiError) -> bool:
    """Whether it is the app, and not this thread, that may have no sessions."""
    about_the_app = type(failures.meaning(error)) is PermanentError
    return about_the_app and failures.word(error) not in _OF_THIS_THREAD


def _title(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= TITLE_LIMIT else line[: TITLE_LIMIT - 1].rstrip() + "…"
