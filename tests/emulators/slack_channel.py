"""A conversation as people and tests use it: people write, edit, press and command; tests wait for the bot and read
along."""

import re
import time
from collections.abc import Callable, Sequence
from typing import Any

from tests.emulators.slack_actions import action_of
from tests.emulators.slack_events import event_ts
from tests.emulators.slack_interactions import button_in, press_in_message, send_command, send_shortcut
from tests.emulators.slack_messages import SlackAnswer, SlackMessage, SlackPress, SlackUser
from tests.emulators.slack_room import SlackRoom
from tests.emulators.slack_state import MENTION_SCOPE
from tests.emulators.slack_text import escape
from tests.emulators.slack_transcript import transcript

Wanted = str | Callable[[SlackMessage], bool]
After = SlackMessage | SlackPress | SlackAnswer | None

_REFERENCES = {"im": "directmessage", "private": "privategroup"}


class SlackChannel(SlackRoom):
    """A public or private channel, a DM or a group DM, from the people's side."""

    async def say(
        self,
        user: SlackUser,
        text: str,
        *,
        thread: SlackMessage | None = None,
        files: Sequence[tuple[str, str, bytes]] = (),
    ) -> SlackMessage:
        """Send a message; "@reelbot", the bot's name, becomes a mention. `thread`: any message of the thread that this
        is a reply in. `files`: name, mime type and content of each.

        Raises ValueError for what Slack's own apps would not send."""
        self._check_may_write(user)
        if not text.strip() and not files:
            raise ValueError("a message has a text or a file")
        sent = self._as_sent(text)
        kept = []
        for name, mimetype, content in files:
            file = self.state.files.announce(
                self.state.new_id("F"), name=name, size=len(content), user=user, server=self.state.url
            )
            self.state.files.keep(file, content, mimetype)
            kept.append(file)
        message = self.add(
            user, text=sent, files=kept, thread_ts=(thread.thread_ts or thread.ts) if thread is not None else ""
        )
        self._tell_mention(message)
        return message

    async def edit(self, user: SlackUser, message: SlackMessage, text: str) -> None:
        """Edit one's own message."""
        if message.user != user or message.deleted:
            raise ValueError(f"{user.name} can't edit this message")
        before = message.text
        self.change(message, text=self._as_sent(text))
        if self._mention not in before:
            self._tell_mention(message)

    async def delete(self, user: SlackUser, message: SlackMessage) -> None:
        """Delete one's own message."""
        if message.user != user or message.deleted:
            raise ValueError(f"{user.name} can't delete this message")
        self.remove(message)

    async def command(self, user: SlackUser, text: str, *, command: str = "/video") -> SlackAnswer:
        """Use a slash command. What the acknowledgement says is shown to the person. Raises AssertionError when it is
        not acknowledged within 3 s."""
        self._check_member(user)
        return await send_command(self, user, command, text)

    async def shortcut(self, user: SlackUser, message: SlackMessage, callback_id: str = "make_video") -> SlackAnswer:
        """Choose the app's shortcut in a message's menu."""
        self._check_member(user)
        return await send_shortcut(self, user, message, callback_id)

    async def press(self, user: SlackUser, message: SlackMessage, label: str) -> SlackPress:
        """Press a button of the message as it is now, or choose an option of a menu, by the beginning of its label; a
        confirmation is given. Returns when it was acknowledged, or will not be. Raises AssertionError with the labels
        there are."""
        self._check_member(user)
        if message.deleted:
            raise AssertionError(f"message {message.ts} is deleted; there is nothing to press")
        try:
            button = button_in(message.blocks, label)
        except AssertionError as error:
            raise AssertionError(f"in message {message.ts}: {error}\n{message.said}") from None
        return await press_in_message(self, user, message, action_of(message.blocks, button), button.label)

    async def press_raw(
        self, user: SlackUser, message: SlackMessage, value: str, *, action_id: str = "press"
    ) -> SlackPress:
        """Send a press of a button that does not exist, as only a made-up request can."""
        action = {"action_id": action_id, "block_id": "made-up", "type": "button", "value": value}
        action |= {"action_ts": event_ts()}
        return await press_in_message(self, user, message, action, value)

    async def stop(self, user: SlackUser, thread: SlackMessage) -> None:
        """Press Slack's own Stop. Raises AssertionError unless the app has said that it is processing: else there is no
        such button."""
        root = thread.thread_ts or thread.ts
        session = self.state.sessions.get((self.id, root))
        status = session.status if session else "never set"
        assert status == "processing", f"there is no Stop in thread {root}: its status is {status!r}"
        event: dict[str, Any] = {"type": "agent_session_stopped", "channel": self.id, "user": user.id}
        event |= {"thread_ts": root, "streaming_message_ts": [], "event_ts": event_ts()}
        self.tell(event, scope="")

    async def wait_for(self, wanted: Wanted, *, after: After = None, timeout: float = 10.0) -> SlackMessage:
        """The oldest message of the bot that is as wanted in its current state, as soon as there is one.

        wanted: a predicate, or a part of the text or of a button's label
        after: look only at what the bot sent or edited after this was sent, pressed or commanded
        timeout: seconds

        Raises AssertionError with the conversation when there is none in time.
        """
        return await self._wait(lambda: [one for one in self.messages if one.from_bot], wanted, after, timeout)

    async def wait_for_whisper(
        self, user: SlackUser, wanted: Wanted, *, after: After = None, timeout: float = 10.0
    ) -> SlackMessage:
        """The same for what only this person can see."""
        return await self._wait(
            lambda: [message for reader, message in self.whispers if reader == user], wanted, after, timeout
        )

    def thread(self, root: SlackMessage) -> list[SlackMessage]:
        """The thread that this message is in: its root, unless that is deleted, and the replies."""
        ts = root.thread_ts or root.ts
        return [one for one in self.messages if ts in (one.ts, one.thread_ts) and not one.deleted]

    def transcript(self) -> str:
        """The conversation as text, each message in its current state, presses where they happened."""
        return transcript(self.messages, self.whispers, self.presses)

    def whisper(
        self, user: SlackUser, *, text: str, blocks: list[dict[str, Any]] | None = None, thread_ts: str = ""
    ) -> SlackMessage:
        """The bot says something that only this person sees. Raises SlackError thread_not_found."""
        message = SlackMessage(
            ts=self.new_ts(),
            channel_id=self.id,
            user=self.state.bot,
            created=self.state.changed(),
            changed=self.state.count,
            text=text,
            blocks=self.state.named(blocks or []),
            thread_ts=self.root_of(thread_ts).ts if thread_ts else "",
            ephemeral=True,
        )
        self.whispers.append((user, message))
        return message

    def answered(self, user: SlackUser, body: dict[str, Any], about: SlackMessage | None) -> None:
        """The app answers an interaction of this person: with a message for them or for all, or by replacing or
        deleting the message that it was `about`."""
        text, blocks = str(body.get("text", "")), body.get("blocks")
        if about is not None and (body.get("replace_original") or body.get("delete_original")):
            if about.deleted:
                return
            if about.ephemeral:
                self._whisper_changed(about, body)
            elif body.get("delete_original"):
                self.remove(about)
            else:
                self.change(about, text=text, blocks=blocks or [])
        elif body.get("response_type") == "in_channel":
            self.add(self.state.bot, text=text, blocks=blocks, thread_ts=str(body.get("thread_ts", "")))
        else:
            self.whisper(user, text=text, blocks=blocks, thread_ts=str(body.get("thread_ts", "")))

    def to_reference(self) -> dict[str, Any]:
        """The short form of interactions, in which some conversations have no name of their own."""
        return {"id": self.id, "name": _REFERENCES.get(self.kind, self.name)}

    @property
    def _mention(self) -> str:
        return f"<@{self.state.bot.id}>"

    def _as_sent(self, text: str) -> str:
        name = re.escape(self.state.bot.name)
        return re.sub(rf"(?<!\w)@{name}\b", self._mention, escape(text))

    def _tell_mention(self, message: SlackMessage) -> None:
        """The twin that a mention of the bot has; there is none in DMs."""
        if self.kind == "im" or self._mention not in message.text:
            return
        event = self.event_of(message) | {"type": "app_mention"}
        for name in ("channel_type", "subtype"):
            event.pop(name, None)
        self.tell(event, scope=MENTION_SCOPE)

    def _whisper_changed(self, message: SlackMessage, body: dict[str, Any]) -> None:
        message.changed = self.state.changed()
        if body.get("delete_original"):
            message.deleted = True
            return
        message.edits.append(message.said)
        message.edited = True
        message.text = str(body.get("text", ""))
        message.blocks = self.state.named(body.get("blocks") or [])

    async def _wait(
        self, read: Callable[[], list[SlackMessage]], wanted: Wanted, after: After, timeout: float
    ) -> SlackMessage:
        since = 0 if after is None else after.created
        matches = wanted if callable(wanted) else _containing(wanted)
        deadline = time.monotonic() + timeout
        while True:
            for message in read():
                if not message.deleted and message.changed > since and matches(message):
                    return message
            left = deadline - time.monotonic()
            if left <= 0:
                what = repr(wanted) if isinstance(wanted, str) else "what the predicate wants"
                raise AssertionError(f"after {timeout} s the bot has not said {what}:\n{self.transcript()}")
            await self.state.changes.wait(left)

    def _check_member(self, user: SlackUser) -> None:
        if user not in self.members:
            raise ValueError(f"{user.name} is not in {self.name or 'this DM'}")

    def _check_may_write(self, user: SlackUser) -> None:
        self._check_member(user)
        if self.archived:
            raise ValueError(f"{self.name} is archived")


def _containing(part: str) -> Callable[[SlackMessage], bool]:
    return lambda one: part in one.said or part in one.text or any(part in button.label for button in one.buttons)
