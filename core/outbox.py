"""Sends what was decided to be said, in order for each place, until it is said.

A row is written in the same transaction as the decision; this part only carries it out, after a crash as well as
before. That a message was sent is saved before the next one of its place goes, so a crash repeats at most one in each;
what several places have to save goes into one transaction (`core.group_commit`), without which the database, not the
platform, says how much can be sent. Progress edits are not in here: they may be lost without harm (`core.progress`).
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

from core.claiming import claimed, in_place
from core.errors import PermanentError, TemporaryError, Undeliverable
from core.finishing import Finishing
from core.group_commit import GroupCommit
from core.messages import ConversationKey, PostKind
from core.polling import backoff
from core.ports import Claims, Clock, Platform
from core.repositories import OutboxRows, Unsent
from core.wakeful import Wakeful

log = logging.getLogger("reelbot.outbox")

MAX_WAIT_S = 300.0
"""Longest wait between two tries, in seconds."""
SENDING_S = 10.0
"""How long a row is its sender's alone, in seconds: longer than nearly every call takes, and no longer than people can
wait for what a dead sender has left."""
GIVE_UP_AFTER = 60
"""So many failed tries of one row, some five hours, before it is given up and the next one is sent."""


class Outbox:
    """Carries out what is to be said; one task for each place that has something waiting."""

    def __init__(
        self,
        *,
        rows: OutboxRows,
        platforms: Mapping[str, Platform],
        claims: Claims,
        clock: Clock,
        sends: bool = True,
        shared: bool = False,
    ) -> None:
        """`sends`: whether this process does. Of several over the same rows only those may that share their `claims`,
        or things come twice. `shared`: whether others do as well."""
        self._rows = rows
        self._platforms = platforms
        self._claims = claims
        self._clock = clock
        self._sends_here = sends
        self._shared = shared
        self._sends = Finishing()
        self._marking: GroupCommit[Mapping[int, str], None] = GroupCommit(self._mark_all)
        self._reserving: GroupCommit[int, bool] = GroupCommit(self._reserve_all)
        self._moved: dict[int, ConversationKey] = {}
        """Rows that were said in another place than their own, until they are marked."""
        self._senders: Wakeful[ConversationKey] = Wakeful(self.send, "outbox")

    def wake(self, key: ConversationKey) -> None:
        """Something new is to be sent in this place."""
        if self._sends_here:
            self._senders.wake(key)

    async def sweep(self) -> None:
        """Send everything that waits anywhere and is due: at start, and whenever the clock looks."""
        if self._sends_here:
            for key in await self._rows.unsent_keys(self._clock.now()):
                self.wake(key)

    async def settled(self, key: ConversationKey) -> None:
        """Return when nothing is being sent in this place."""
        await self._senders.settled(key)

    async def drain(self, seconds: float) -> None:
        """Begin to send nothing more, and give what is being sent so many seconds."""
        await self._sends.drain(seconds)

    async def stop(self) -> None:
        """Stop; what is left goes out after the next start."""
        await self._senders.stop()
        await self._marking.settled()
        await self._reserving.settled()

    @asynccontextmanager
    async def aside(self, key: ConversationKey) -> AsyncIterator[bool]:
        """Whether nothing is being sent in this place, here or elsewhere; if so, nothing is until the block has run.
        What is said in it cannot come after what was decided later."""
        name = in_place("outbox", key)
        free = await self._claims.take(name)
        try:
            yield free
        finally:
            if free:
                await self._claims.give_back(name)

    async def send(self, key: ConversationKey) -> None:
        """Send what waits in one place, in order, until nothing does or the place has to wait."""
        platform = self._platforms.get(key.platform)
        if platform is None:
            return
        name = in_place("outbox", key)
        async with claimed(self._claims, self._clock, name):
            await self._send_all(platform, key, name)

    async def _send_all(self, platform: Platform, key: ConversationKey, name: str) -> None:
        while rows := await self._rows.unsent(key, self._clock.now()):
            edited: dict[int, str] = {}
            anchored: dict[str, str] = {}
            for row in rows:
                message_id = row.message_id or anchored.get(row.post.anchor, "")
                ours = self._claims.holds(name) and not self._sends.closing
                if not ours or not (message_id or await self._reserved(row)):
                    await self._mark(edited)
                    return
                try:
                    sent = await self._sends.run(self._send(platform, row, message_id, edited))
                except Exception as error:
                    # Also one that nobody foresaw: what went out must not go out again, the rest is tried later.
                    if not isinstance(error, TemporaryError):
                        log.exception("outbox.failed", extra={"row": row.row})
                    await self._mark(edited)
                    await self._postpone(row, error)
                    return
                said_elsewhere = self._moved.pop(row.row, None) is not None
                if row.post.anchor and not said_elsewhere:
                    anchored[row.post.anchor] = sent
            await self._mark(edited)

    async def _reserved(self, row: Unsent) -> bool:
        """Whether nobody else sends it now. A claim may end, with the connection that it hangs on, while what was
        claimed is on its way; a row that was reserved is still left alone."""
        return not self._shared or await self._reserving.save(row.row)

    async def _reserve_all(self, rows: Sequence[int]) -> list[bool]:
        now = self._clock.now()
        ours = await self._rows.reserve(rows, now, now + timedelta(seconds=SENDING_S))
        return [row in ours for row in rows]

    async def _send(self, platform: Platform, row: Unsent, message_id: str, edited: dict[int, str]) -> str:
        """Send one row. A new message is marked at once, because it must not be sent twice; an edit does no harm when
        it is repeated, so edits are gathered in `edited` and marked together."""
        sent = await self._post(platform, row, message_id)
        edited[row.row] = sent
        if not message_id:
            await self._mark(edited)
            edited.clear()
        return sent

    async def _post(self, platform: Platform, row: Unsent, message_id: str) -> str:
        try:
            try:
                return await platform.post(row.post, message_id)
            except Undeliverable:
                told = "" if message_id else await self._told_directly(platform, row)
                if not told:
                    raise
                return told
        except PermanentError as error:
            log.warning("outbox.given_up", extra={"row": row.row, "error": str(error)})
            return ""
        except Exception:
            if row.attempts >= GIVE_UP_AFTER:
                log.warning("outbox.given_up", extra={"row": row.row, "attempts": row.attempts})
                return ""
            raise

    async def _told_directly(self, platform: Platform, row: Unsent) -> str:
        """Tell the person alone what their place did not take; returns the message's id, or empty when there is nobody,
        or no such place. Of what shows how it is going, only what they can stop it by."""
        post = row.post
        if post.person is None or (post.kind is PostKind.STATUS and not post.buttons):
            return ""
        direct = await platform.direct(post.person)
        if direct is None or direct == post.key:
            return ""
        told = await platform.post(replace(post, key=direct, reply_to="", whisper=False), "")
        self._moved[row.row] = direct
        return told

    async def _mark(self, sent: Mapping[int, str]) -> None:
        if sent:
            await self._saved(lambda: self._marking.save(dict(sent)))

    async def _mark_all(self, places: Sequence[Mapping[int, str]]) -> list[None]:
        """Save what was sent in several places."""
        sent = {row: message_id for place in places for row, message_id in place.items()}
        moved = {row: self._moved[row] for row in sent if row in self._moved}
        await self._rows.sent(sent, self._clock.now(), moved=moved)
        return [None] * len(places)

    async def _postpone(self, row: Unsent, error: Exception) -> None:
        asked = error.retry_after if isinstance(error, TemporaryError) else None
        wait = asked if asked is not None else min(MAX_WAIT_S, 2.0 ** min(row.attempts, 9))
        log.info("outbox.postponed", extra={"row": row.row, "seconds": wait})
        until = self._clock.now() + timedelta(seconds=wait)
        await self._saved(lambda: self._rows.postpone(row.row, until, counted=asked is None))

    async def _saved(self, save: Callable[[], Awaitable[None]]) -> None:
        """Save, however long the database is away: what is not known to be sent would be sent again."""
        failures = 0
        while True:
            try:
                await save()
                return
            except TemporaryError as error:
                log.warning("outbox.not_saved", extra={"error": str(error)})
                failures += 1
                await self._clock.sleep(backoff(failures, min_s=0.1, max_s=5.0))
