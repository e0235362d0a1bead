"""An emulated Slack for tests and the demo: a real server that the real slack_sdk and slack_bolt talk to.

It is strict on purpose: what Slack's documents do not name, and what the emulator does not model, is refused with the
error that Slack has for it. Point an app at it with `base_url=emulator.url`, or with SLACK_API_URL.

This module has the entry points for tests. The server is slack_server's; what people do is in slack_channel and
slack_views; how the app is told is in slack_delivery.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from tests.emulators import slack_views as views
from tests.emulators.faults import Fault
from tests.emulators.slack_blocks import SlackButton
from tests.emulators.slack_channel import SlackChannel
from tests.emulators.slack_delivery import Attempt, Kind
from tests.emulators.slack_events import wrapped
from tests.emulators.slack_interactions import press_in_view
from tests.emulators.slack_messages import SlackAnswer, SlackFile, SlackMessage, SlackPress, SlackUser, SlackUserGroup
from tests.emulators.slack_server import SlackServer
from tests.emulators.slack_state import SlackSession, SuggestedPrompts
from tests.emulators.slack_wire import Call

__all__ = [
    "Attempt",
    "Call",
    "Fault",
    "SlackAnswer",
    "SlackButton",
    "SlackChannel",
    "SlackEmulator",
    "SlackFile",
    "SlackMessage",
    "SlackPress",
    "SlackSession",
    "SlackUser",
    "SlackUserGroup",
]

T = TypeVar("T")


class SlackEmulator(SlackServer):
    """The server with what people do and what tests ask; use it with `async with`. Its settings are SlackServer's."""

    # --- people and channels -----------------------------------------------------------------------------------------

    def user(self, name: str, *, team: str | None = None, locale: str = "en-US") -> SlackUser:
        """A new person; one of another team is a guest by Slack Connect."""
        user = SlackUser(id=self.state.new_id("U"), name=name, team_id=team or self.team.id, locale=locale)
        self.state.users[user.id] = user
        return user

    def user_group(self, handle: str, *, members: Sequence[SlackUser]) -> SlackUserGroup:
        """A new user group."""
        group = SlackUserGroup(id=self.state.new_id("S"), handle=handle.removeprefix("@"), members=list(members))
        self.state.groups[group.id] = group
        return group

    def channel(
        self,
        name: str,
        *,
        members: Sequence[SlackUser],
        private: bool = False,
        bot_is_member: bool = True,
        posting_restricted: bool = False,
    ) -> SlackChannel:
        """A new channel."""
        channel = SlackChannel(
            self.state,
            channel_id=self.state.new_id("C"),
            kind="private" if private else "channel",
            name=name.removeprefix("#"),
            members=members,
            bot_is_member=bot_is_member,
            posting_restricted=posting_restricted,
        )
        self.state.channels[channel.id] = channel
        return channel

    def direct(self, user: SlackUser, *others: SlackUser) -> SlackChannel:
        """The bot's DM with this person, or with these people; the same one every time."""
        return self.state.direct(user, *others)

    def home_of(self, user: SlackUser) -> dict[str, Any] | None:
        """The home tab that the app last published for this person."""
        return self.state.homes.get(user.id)

    def modal_of(self, user: SlackUser) -> dict[str, Any] | None:
        """The modal that this person sees."""
        stack = self.state.modals.get(user.id)
        return stack[-1] if stack else None

    async def submit(self, user: SlackUser, values: Mapping[str, str]) -> dict[str, str]:
        """Fill the open modal by the labels of its inputs (with texts, or labels of options) and submit it; the errors
        that it then shows, by label, and {} when it was taken. Inputs that are not named keep what they hold. Raises
        AssertionError when that cannot be done, or the app answers wrongly or not at all."""
        return await views.submit(self.state, user, values)

    async def close_modal(self, user: SlackUser) -> None:
        """Close the modal on top; the app is told if it asked for that."""
        await views.close(self.state, user)

    async def open_home(self, user: SlackUser, *, tab: str = "home") -> None:
        """Open the app's home, or with "messages" its messages."""
        await views.open_home(self.state, user, tab)

    async def press_home(self, user: SlackUser, label: str) -> SlackPress:
        """Press a button of the home tab, or choose an option there."""
        view = self.home_of(user)
        assert view is not None, f"{user.name} has no home tab"
        return await press_in_view(self.state, user, view, label)

    async def press_modal(self, user: SlackUser, label: str) -> SlackPress:
        """Press a button in the open modal, or choose an option of a menu that is no input."""
        return await press_in_view(self.state, user, views.top(self.state, user), label)

    def session(self, channel: SlackChannel, thread_ts: str) -> SlackSession | None:
        """The agent's session in this thread."""
        return self.state.sessions.get((channel.id, thread_ts))

    @property
    def prompts(self) -> list[SuggestedPrompts]:
        """What the app suggested, oldest first."""
        return self.state.prompts

    # --- the way to the app ------------------------------------------------------------------------------------------

    @property
    def request_url(self) -> str | None:
        """Where everything is posted to; None for Socket Mode."""
        return self.delivery.request_url

    @request_url.setter
    def request_url(self, url: str | None) -> None:
        self.delivery.request_url = url

    @property
    def repeat_events(self) -> int:
        """How often every event is delivered, each time with the same event_id."""
        return self.delivery.repeat

    @repeat_events.setter
    def repeat_events(self, times: int) -> None:
        self.delivery.repeat = times

    @property
    def sockets(self) -> int:
        """Socket Mode connections now."""
        return self.delivery.sockets.count

    @property
    def deliveries(self) -> list[Attempt]:
        """All that was sent to the app, every attempt by itself."""
        return self.delivery.attempts

    async def wait_for_sockets(self, count: int = 1, *, timeout: float = 10.0) -> None:
        """Return when there are so many connections, or more. Raises AssertionError."""
        await self._wait(lambda: self.sockets >= count or None, f"{count} sockets", timeout)

    async def drop_sockets(self) -> None:
        """Break every connection without a farewell."""
        await self.delivery.sockets.drop()

    async def refresh_sockets(self, *, reason: str = "refresh_requested", grace: float = 0.2) -> None:
        """Ask for every connection to be replaced, and close the old ones when new ones have come, or `grace` seconds
        later. With the reason "warning" they still get envelopes meanwhile."""
        await self.delivery.sockets.refresh(reason=reason, grace=grace)

    async def push(self, payload: Any, *, kind: str = "events_api", retry: bool = False) -> int | None:
        """Send the app something raw, as malformed as wanted; the HTTP status of the answer (200 on a socket), or None
        without one. With the kind "raw" the payload is not put into an envelope. `retry` repeats it as events are."""
        if kind == "raw":
            if self.request_url is None:
                await self.delivery.sockets.send_raw(payload)
                return None
            text = payload if isinstance(payload, str) else json.dumps(payload)
            return (await self.delivery.post(text.encode(), "application/json"))[0]
        if retry:
            return (await self.delivery.deliver(payload)).status
        assert kind in ("events_api", "interactive", "slash_commands"), f"Slack has no envelopes of type {kind}"
        known: Kind = kind  # type: ignore[assignment]  # checked above
        return (await self.delivery.attempt(known, payload)).status

    async def deliver_event(self, event: dict[str, Any], *, times: int = 1, event_id: str | None = None) -> None:
        """Wrap an event as the Events API does and deliver it so often, with the same event_id. Returns when all are
        acknowledged or given up."""
        await self.delivery.event(wrapped(self.state, event, event_id=event_id), times=times)

    async def delivered(self, *, timeout: float = 10.0) -> None:
        """Return when no event is on its way any more. Raises TimeoutError."""
        await self.delivery.settled(timeout)

    async def post_raw(
        self,
        body: bytes,
        *,
        content_type: str = "application/json",
        secret: str | None = None,
        timestamp: int | None = None,
        signature: str | None = None,
    ) -> tuple[int, str]:
        """Post a body to the request address, with a good signature unless told otherwise; status and text."""
        status, text, _ = await self.delivery.post(
            body, content_type, secret=secret, timestamp=timestamp, signature=signature
        )
        return status, text

    async def verify_url(self) -> str:
        """Send url_verification, as when an address is entered in the app's settings; what the app answers. Raises
        AssertionError when that is not the challenge."""
        challenge = f"{self.state.random.randrange(36**40):x}"
        body = f'{{"token": "unused", "challenge": "{challenge}", "type": "url_verification"}}'
        status, text = await self.post_raw(body.encode())
        assert status == 200 and challenge in text, f"the address answered {status} {text!r}, not the challenge"
        return text

    # --- what the app did --------------------------------------------------------------------------------------------

    def calls(self, pattern: str) -> list[Call]:
        """The app's calls of a method (an fnmatch pattern), in order."""
        return [call for call in self.journal if fnmatchcase(call.method, pattern)]

    async def wait_for_call(
        self, pattern: str, *, count: int = 1, answered: bool = True, timeout: float = 10.0
    ) -> Call:
        """The `count`th call of a method (an fnmatch pattern), as soon as it was answered, or else as soon as it was
        read. Raises AssertionError with the journal's methods when it does not come in `timeout` seconds."""

        def found() -> Call | None:
            calls = self.calls(pattern)
            if len(calls) >= count and (calls[count - 1].status is not None or not answered):
                return calls[count - 1]
            return None

        return await self._wait(found, f"{count} calls of {pattern}", timeout)

    def file_bytes(self, file_id: str) -> bytes:
        """The content of a file the server keeps. Raises KeyError."""
        file = self.state.files.get(file_id)
        if file is None or not file.uploaded:
            raise KeyError(file_id)
        return file.path.read_bytes()

    def rate_limit(self, method: str, *, per_minute: int) -> None:
        """Answer 429 to calls of this method beyond so many in a minute."""
        self.state.rate.per_minute[method] = per_minute

    async def _wait(self, found: Callable[[], T | None], what: str, timeout: float) -> T:
        deadline = time.monotonic() + timeout
        while (result := found()) is None:
            left = deadline - time.monotonic()
            if left <= 0:
                seen = ", ".join(call.method for call in self.journal)
                raise AssertionError(f"{what} did not come in {timeout} s; there were calls of: {seen}")
            await self.state.changes.wait(left)
        return result
