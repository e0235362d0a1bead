"""What is done with each request of Slack's: understood, let in or turned away, stored, and only then acknowledged.

What payloads mean is `parsing`'s work, who may write `core.access`'s, and what stands in a form `core.forms`'.
"""

from __future__ import annotations

import asyncio

import structlog
from slack_sdk.webhook.async_client import AsyncWebhookClient
from yarl import URL

from adapters.slack import failures
from adapters.slack.bolt import Answer, Body
from adapters.slack.connection import SlackConnection
from adapters.slack.modal import form_errors, form_view
from adapters.slack.pages import SlackPages
from adapters.slack.parsing import (
    PLATFORM,
    Installation,
    channel_of,
    chat_of,
    opened_home,
    parse_command,
    parse_event,
    parse_press,
    parse_shortcut,
    parse_submission,
    person_of,
)
from adapters.slack.platform import SlackPlatform
from adapters.slack.storing import Storing
from core.access import Access, Refusal
from core.errors import ReelbotError, TemporaryError
from core.forms import Forms, problems
from core.messages import ConversationKey, Incoming, Message, Post, Press
from core.ports import Clock, Receive
from core.summons import wants_thread

_ANSWER_S = 10

_log = structlog.get_logger(__name__)


class SlackIntake:
    """The listeners (`bolt.Listeners`).

    on_it: what a command that begins a wish is answered at once, to the person alone
    slow_text: what a command is answered that takes long to store
    stranger_text: what somebody who is not let in is told; "{id}" stands for their id; empty: nothing
    stranger_place_text: what is said in a channel that is not on the list; "{channel}" stands for its id
    patience_s: seconds within which a form is found and opened; Slack wants an acknowledgement within three
    """

    def __init__(
        self,
        connection: SlackConnection,
        platform: SlackPlatform,
        *,
        clock: Clock,
        access: Access,
        forms: Forms,
        pages: SlackPages,
        storing: Storing,
        on_it: str,
        slow_text: str,
        stranger_text: str,
        stranger_place_text: str,
        patience_s: float,
    ) -> None:
        self._connection = connection
        self._platform = platform
        self._clock = clock
        self._access = access
        self._forms = forms
        self._pages = pages
        self._storing = storing
        self._on_it = on_it
        self._slow_text = slow_text
        self._told = {Refusal.PERSON: stranger_text, Refusal.PLACE: stranger_place_text}
        self._patience_s = patience_s

    async def event(self, body: Body, receive: Receive) -> Answer:
        """Somebody wrote something, or pressed Stop."""
        message = parse_event(body, self._installation, now=self._clock.now())
        if message is None:
            return ""
        refused = self._refused(message)
        if refused is None:
            await receive(message)
        elif refused and self._access.tell(message, self._clock.now()):
            self._pages.aside(self._tell(message, refused))
        return ""

    async def visit(self, body: Body, receive: Receive) -> Answer:
        """Somebody opened the app's own pages."""
        installation, now = self._installation, self._clock.now()
        opened = opened_home(body, installation)
        if opened is None:
            return ""
        sender = person_of(opened.user, installation.team, installation.team)
        key = ConversationKey(platform=PLATFORM, chat=chat_of(installation.team, opened.channel))
        if self._refused(Press(event_id="", key=key, id="", sender=sender, action="", sent_at=now)) is not None:
            return ""
        if opened.tab == "home":
            self._pages.show_home(opened.user)
        elif opened.tab == "messages":
            self._pages.show_prompts(opened.channel)
        return ""

    async def command(self, body: Body, receive: Receive) -> Answer:
        """A slash command."""
        came_at = _now()
        message = parse_command(body, self._installation, now=self._clock.now())
        if message is None:
            return ""
        refused = self._refused(message)
        if refused is not None:
            return refused
        if not await self._storing.stored(message, receive, came_at=came_at):
            return self._slow_text
        return self._on_it if wants_thread(message) else ""

    async def shortcut(self, body: Body, receive: Receive) -> Answer:
        """The message shortcut."""
        came_at = _now()
        message = parse_shortcut(body, self._installation, now=self._clock.now())
        if message is None:
            return ""
        refused = self._refused(message)
        if refused is None:
            await self._storing.stored(message, receive, came_at=came_at)
        else:
            self._refuse(message, body, refused)
        return ""

    async def press(self, body: Body, receive: Receive) -> Answer:
        """A button, or a choice in a menu."""
        came_at = _now()
        press = parse_press(body, self._installation, now=self._clock.now())
        if press is None:
            return ""
        refused = self._refused(press)
        if refused is not None:
            self._refuse(press, body, refused)
            return ""
        if not await self._form_opened(press, body):
            await self._storing.stored(press, receive, came_at=came_at)
        view = body.get("view")
        if isinstance(view, dict) and view.get("type") == "home":
            self._pages.show_home(press.sender.native_id, after_press=True)
        return ""

    async def submission(self, body: Body, receive: Receive) -> Answer:
        """A form that was filled in."""
        came_at = _now()
        press = parse_submission(body, self._installation, now=self._clock.now())
        if press is None or self._refused(press) is not None:
            return ""
        async with asyncio.timeout(self._patience_s):
            form = await self._forms.behind(press.action, press.sender.id)
        if form is not None:
            # Slack takes only what is wrong with fields that it shows; core looks at all of them again.
            wrong = {slot: said for slot, said in problems(form, press.values).items() if slot in press.values}
            if wrong:
                return form_errors(wrong)
        await self._storing.stored(press, receive, came_at=came_at)
        return ""

    # --- forms -------------------------------------------------------------------------------------------------------

    async def _form_opened(self, press: Press, body: Body) -> bool:
        """Show the form behind the button; False when there is none, or it did not work: the press then counts as it
        is, and what the form would have asked is asked in words."""
        trigger = body.get("trigger_id")
        if not isinstance(trigger, str):
            return False
        try:
            async with asyncio.timeout(self._patience_s):
                form = await self._forms.behind(press.action, press.sender.id)
                if form is None:
                    return False
                view = form_view(form, key=press.key, message_id=press.id)
                with failures.mapped():
                    await self._connection.client.views_open(trigger_id=trigger, view=view)
        except Exception as error:
            reason = str(error) if isinstance(error, ReelbotError) else type(error).__name__
            _log.warning("slack_form_not_opened", event_id=press.event_id, reason=reason)
            return False
        return True

    # --- strangers ---------------------------------------------------------------------------------------------------

    @property
    def _installation(self) -> Installation:
        known = self._connection.installation
        if known is None:
            raise TemporaryError("Slack has not said who the bot is.")
        return known

    def _refused(self, incoming: Incoming) -> str | None:
        """None when it is to be heard; otherwise what is said instead, which may be nothing."""
        channel = channel_of(incoming.key)
        refusal = self._access.refusal(incoming, chat=channel)
        if refusal is None:
            return None
        who, where = incoming.sender, incoming.key.chat
        _log.info("slack_stranger", event_id=incoming.event_id, sender=who.id, chat=where, refused=refusal.value)
        return self._told[refusal].replace("{id}", who.native_id).replace("{channel}", channel)

    def _refuse(self, incoming: Incoming, body: Body, said: str) -> None:
        """Answer a stranger's tap, which they alone see."""
        url = body.get("response_url")
        if said and isinstance(url, str) and url:
            self._pages.aside(self._answer(url, said, incoming.event_id))

    async def _answer(self, url: str, text: str, event_id: str) -> None:
        client = self._connection.client
        try:
            if not _trusted(url, api=client.base_url):
                raise TemporaryError("The address for the answer is not Slack's.")
            webhook = AsyncWebhookClient(
                url, timeout=_ANSWER_S, session=client.session, logger=client.logger, retry_handlers=[]
            )
            webhook.proxy = client.proxy
            with failures.mapped():
                answer = await webhook.send(text=text, response_type="ephemeral", replace_original=False)
            if answer.status_code != 200:
                raise TemporaryError(f"Slack does not take the answer ({answer.status_code}).")
        except ReelbotError as error:
            _log.info("slack_stranger_not_told", event_id=event_id, reason=str(error))

    async def _tell(self, message: Message, said: str) -> None:
        post = Post(key=message.key, text=said, person=message.sender, whisper=not message.private)
        try:
            await self._platform.post(post, "")
        except ReelbotError as error:
            _log.info("slack_stranger_not_told", event_id=message.event_id, reason=str(error))


def _now() -> float:
    """By the event loop's clock: how long Slack waits has nothing to do with ours."""
    return asyncio.get_running_loop().time()


def _trusted(url: str, *, api: str) -> bool:
    """Whether an address for an answer is the server's own, or of a host below it (hooks.slack.com)."""
    try:
        address, server = URL(url), URL(api)
    except ValueError:
        return False
    host, own = address.host or "", server.host or ""
    return address.scheme == server.scheme and bool(own) and (host == own or host.endswith(f".{own}"))
