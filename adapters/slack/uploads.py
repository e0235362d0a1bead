"""Brings a clip into a thread exactly once, however often it is begun again.

Slack takes a file in three calls: an address to send it to, the bytes, and the completion, which also posts it. Only
the last one shows anything, and done twice it may show two. So every step is saved, and before a completion whose
answer was lost is done again, the file is looked at: Slack knows a file only from its completion on, and tells where
it was shared, though often a while later.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import structlog
from slack_sdk.errors import SlackApiError

from adapters.slack import failures
from adapters.slack.connection import SlackConnection
from adapters.slack.pacing import Pacing
from adapters.slack.rendering import delivery_blocks, rendered_line
from core.errors import PermanentError, TemporaryError
from core.messages import Delivery, Post
from core.ports import Clock, Save

SHARED_WITHIN_S = 60.0
"""How long a completed file may take until its share can be seen."""
KNOWN_WITHIN_S = 10.0
"""How long Slack may work on a completion whose answer was lost before the file is known."""
CONTROLS_WITHIN_S = 3_600.0
"""How long the buttons of a clip that is there already are tried to be posted by themselves."""
_LOOKS_S = (0.2, 0.5, 1.0, 2.0, 3.0, 5.0)
"""Pauses between two looks at a file; the last one repeats."""
_CONTROLS = frozenset({"actions", "context_actions"})

# What a delivery keeps.
_FILE = "file"
"""Slack's id of the uploaded file."""
_COMPLETING = "completing"
"""When its completion was begun; not there after an answer that says that nothing was done."""
_COMPLETED = "completed"
"""There once Slack has said that it is done."""
_POSTED = "posted"
"""The message's ts, or the file's id where that cannot be learned."""
_PLAIN = "plain"
"""There when Slack takes no blocks with a file: the words come with it, the buttons by themselves."""
_CONTROLS_SENT = "controls"
"""The ts of the message with the buttons."""
_TROUBLE = "trouble"
"""As many signs as there were inner errors of Slack's at the completion."""
_LOST = "lost"
"""As many signs as there were uploads that Slack knew nothing of right after them."""
_YES = "1"
_NONE = "none"

_COMPLETE = "files.completeUploadExternal"
_WAYS = 5
"""How often a completion is tried in one go, each time in another way."""
_MUCH_LOST = 5
"""So many lost uploads, and it is no accident."""
_MUCH_TROUBLE = 3
"""So many inner errors, and blocks are no longer sent with the file."""

_log = structlog.get_logger(__name__)


class Uploads:
    """Deliveries of clips through one connection."""

    def __init__(self, connection: SlackConnection, *, pacing: Pacing, clock: Clock) -> None:
        self._connection = connection
        self._pacing = pacing
        self._clock = clock

    async def deliver(self, delivery: Delivery, channel: str, saved: Mapping[str, str], save: Save) -> str:
        """Post the clip, or go on with posting it; returns the message's ts, or the file's id where that cannot be
        learned. Raises TemporaryError, Undeliverable and PermanentError."""
        one = _OneDelivery(self._connection, self._pacing, self._clock, delivery, channel, saved, save)
        return await one.brought_on()


class _OneDelivery:
    """A delivery and how far it has come."""

    def __init__(
        self,
        connection: SlackConnection,
        pacing: Pacing,
        clock: Clock,
        delivery: Delivery,
        channel: str,
        saved: Mapping[str, str],
        save: Save,
    ) -> None:
        self._connection = connection
        self._client = connection.client
        self._pacing = pacing
        self._clock = clock
        self._delivery = delivery
        self._channel = channel
        self._thread = delivery.key.thread
        self._steps = dict(saved)
        self._save = save
        self._shown = delivery_blocks(delivery)
        self._uploaded_now = False

    async def brought_on(self) -> str:
        if not self._steps.get(_POSTED):
            begun = self._steps.get(_FILE) and self._steps.get(_COMPLETING)
            posted = await self._seen() if begun else ""
            if not posted:
                await self._complete()
                posted = await self._seen()
            await self._keep(**{_POSTED: posted or self._steps[_FILE]})
        if self._steps.get(_PLAIN) and not self._steps.get(_CONTROLS_SENT):
            await self._keep(**{_CONTROLS_SENT: await self._controls()})
        return self._steps[_POSTED]

    async def _keep(self, **steps: str) -> None:
        self._steps = {name: value for name, value in {**self._steps, **steps}.items() if value}
        await self._save(dict(self._steps))

    # --- the three calls -------------------------------------------------------------------------------------------

    async def _upload(self) -> None:
        path = Path(self._delivery.clip)
        with failures.mapped():
            async with self._pacing.call("files.getUploadURLExternal"):
                answer = await self._client.files_getUploadURLExternal(
                    filename=self._delivery.file_name, length=path.stat().st_size
                )
        url, file = answer.get("upload_url"), answer.get("file_id")
        if not isinstance(url, str) or not isinstance(file, str) or not file:
            raise TemporaryError("Slack's answer names no address to upload to.")
        await self._connection.upload(url, path)
        self._uploaded_now = True
        await self._keep(**{_FILE: file})

    async def _complete(self) -> None:
        """Have the file posted; when this returns, Slack has taken it."""
        for _ in range(_WAYS):
            if not self._steps.get(_FILE):
                await self._upload()
            await self._pacing.check(_COMPLETE)
            await self._keep(**{_COMPLETING: self._clock.now().isoformat()})
            refusal = await self._completion()
            if refusal is None:
                await self._keep(**{_COMPLETED: _YES})
                return
            _log.info("slack_completion_refused", generation=self._delivery.generation, error=failures.word(refusal))
            if not await self._another_way(refusal):
                raise failures.meaning(refusal) from None
        raise TemporaryError("Slack takes this clip in none of the ways we know.")

    async def _completion(self) -> SlackApiError | None:
        """The call that posts the file; the refusal if there is one."""
        asked: dict[str, Any] = {
            "files": [{"id": self._steps[_FILE], "title": self._delivery.file_name}],
            "channel_id": self._channel,
        }
        if self._thread:
            asked["thread_ts"] = self._thread
        if self._steps.get(_PLAIN):
            asked["initial_comment"] = self._shown.text
        else:
            asked["blocks"] = self._shown.blocks
        with failures.mapped():
            try:
                async with self._pacing.call(_COMPLETE):
                    # The SDK's own method puts everything into the address, where a long caption does not fit.
                    answer = await self._client.api_call("files.completeUploadExternal", json=asked)
            except SlackApiError as refusal:
                return refusal
        files = answer.get("files")
        if not isinstance(files, list) or not any(map(self._is_ours, files)):
            # Something in between may have answered: what became of it is looked up, as after no answer.
            raise TemporaryError("Slack's answer does not name the file.")
        return None

    def _is_ours(self, file: object) -> bool:
        return isinstance(file, dict) and file.get("id") == self._steps[_FILE]

    async def _another_way(self, refusal: SlackApiError) -> bool:
        """Keep what the refusal teaches; whether the completion can be done at once in another way."""
        word = failures.word(refusal)
        taught: dict[str, str] = {_COMPLETING: ""} if failures.done_for_certain(refusal) else {}
        other = True
        if word in failures.BLOCKS_REFUSED and not self._steps.get(_PLAIN):
            taught[_PLAIN] = _YES
        elif word in failures.THREAD_GONE and self._thread:
            self._thread = ""
        elif word in failures.FILE_UNKNOWN and not self._uploaded_now:
            taught[_FILE] = ""
        elif word in failures.FILE_UNKNOWN and len(self._steps.get(_LOST, "")) < _MUCH_LOST:
            # The bytes were taken, as it seemed, but by somebody else: they are sent once more, after a pause.
            await self._keep(**taught, **{_FILE: "", _LOST: self._steps.get(_LOST, "") + "!"})
            raise TemporaryError("Slack does not know the file that was just uploaded.")
        else:
            other = False
            if word == "internal_error":
                # Seen to be Slack's answer to blocks that it does not take with a file.
                taught[_TROUBLE] = self._steps.get(_TROUBLE, "") + "!"
                if len(taught[_TROUBLE]) >= _MUCH_TROUBLE:
                    taught[_PLAIN] = _YES
        if taught:
            await self._keep(**taught)
        return other

    # --- what became of it -----------------------------------------------------------------------------------------

    async def _seen(self) -> str:
        """The message with the file, waited for; the file's id when it is certain that there is or was one; empty when
        the completion was never done, as far as can be told."""
        since = _moment(self._steps[_COMPLETING], self._clock.now())
        completed = bool(self._steps.get(_COMPLETED))
        for pause in chain(_LOOKS_S, repeat(_LOOKS_S[-1])):
            try:
                known, posted = await self._look(completed)
            except TemporaryError:
                # Where the clip is would be good to know; that it is there is certain, so nothing waits for ever.
                if completed and self._since(since) >= SHARED_WITHIN_S:
                    break
                raise
            if posted:
                return posted
            completed = completed or known  # only a completed file is known
            within = SHARED_WITHIN_S if completed else KNOWN_WITHIN_S
            left = within - self._since(since)
            if left <= 0:
                break
            await self._clock.sleep(min(pause, left))
        if not completed:
            return ""
        _log.warning("slack_share_not_seen", generation=self._delivery.generation, file=self._steps[_FILE])
        return self._steps[_FILE]

    def _since(self, moment: datetime) -> float:
        return (self._clock.now() - moment).total_seconds()

    async def _look(self, completed: bool) -> tuple[bool, str]:
        """Whether Slack knows the file, and the message with it, or the file's id when there is no more to learn."""
        file = self._steps[_FILE]
        try:
            with failures.mapped():
                async with self._pacing.call("files.info"):
                    try:
                        answer = await self._client.files_info(file=file)
                    except SlackApiError as error:
                        if failures.word(error) in failures.FILE_UNKNOWN:
                            return False, ""
                        if failures.word(error) in failures.FILE_DELETED:
                            return True, file
                        raise
        except PermanentError:
            if not completed:
                raise
            return True, file
        if not self._is_ours(answer.get("file")):
            raise TemporaryError("Slack's answer does not describe the file.")
        return True, _shared(answer["file"], self._channel, self._thread)

    async def _controls(self) -> str:
        """Post the buttons by themselves below the clip; what came of it."""
        blocks = [block for block in self._shown.blocks if block["type"] in _CONTROLS]
        if not blocks:
            return _NONE
        # Where the blocks cannot be shown, the line says which clip they belong to.
        line = rendered_line(Post(key=self._delivery.key, text=self._delivery.caption.partition("\n")[0]))
        try:
            with failures.mapped():
                async with self._pacing.call("chat.postMessage", self._channel):
                    answer = await self._client.chat_postMessage(
                        channel=self._channel,
                        thread_ts=self._thread or None,
                        text=line.text,
                        blocks=blocks,
                        unfurl_links=False,
                        unfurl_media=False,
                    )
        except PermanentError as error:
            # The clip is there, and that is what counts.
            _log.warning("slack_controls_refused", generation=self._delivery.generation, error=str(error))
            return _NONE
        except TemporaryError as error:
            if self._since(_moment(self._steps.get(_COMPLETING, ""), self._clock.now())) < CONTROLS_WITHIN_S:
                raise
            _log.warning("slack_controls_given_up", generation=self._delivery.generation, error=str(error))
            return _NONE
        return str(answer.get("ts") or _NONE)


def _shared(file: object, channel: str, thread: str) -> str:
    """The ts of the message that shows the file in the channel, in the thread rather than elsewhere; empty when there
    is none yet."""
    shares = file.get("shares") if isinstance(file, dict) else None
    kinds = [shares.get(kind) for kind in ("public", "private")] if isinstance(shares, dict) else []
    there = [share for kind in kinds if isinstance(kind, dict) for share in kind.get(channel) or () if "ts" in share]
    return str(min(there, key=lambda share: (share.get("thread_ts", "") != thread, share["ts"]))["ts"]) if there else ""


def _moment(text: str, now: datetime) -> datetime:
    """When that was; now, when it is no time or still to come, as after a clock was set."""
    try:
        return min(datetime.fromisoformat(text), now)
    except (ValueError, TypeError):
        return now
