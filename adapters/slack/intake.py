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
from core.access import Access
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
    stranger_text: what somebody who is not on the allow-lists is told; "{id}" stands for their id; empty: nothing
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
        on_it: str,
        stranger_text: str,
        patience_s: float,
    ) -> None:
        self._connection = connection
        self._platform = platform
        self._clock = clock
        self._access = access
        self._forms = forms
        self._pages = pages
        self._on_it = on_it
        self._stranger_text = stranger_text
        self._patience_s = patience_s

    async def event(self, body: Body, receive: Receive) -> Answer:
        """Somebody wrote something, or pressed Stop."""
        message = parse_event(body, self._installation, now=self._clock.now())
        if message is None:
            return ""
        if self._allowed(message):
            await receive(message)
        elif self._stranger_text and self._access.tell(message, self._clock.now()):
            self._pages.aside(self._tell(message))
        return ""

    async def visit(self, body: Body, receive: Receive) -> Answer:
        """Somebody opened the app's own pages."""
        opened = opened_home(body)
        if opened is None:
            return ""
        installation, now = self._installation, self._clock.now()
        sender = person_of(opened.user, installation.team)
        key = ConversationKey(platform=PLATFORM, chat=chat_of(installation.team, opened.channel))
        if not self._allowed(Press(event_id="", key=key, id="", sender=sender, action="", sent_at=now)):
            return ""
        if opened.tab == "home":
            self._pages.show_home(opened.user)
        elif opened.tab == "messages":
            self._pages.show_prompts(opened.channel)
        return ""

    async def command(self, body: Body, receive: Receive) -> Answer:
        """A slash command."""
        message = parse_command(body, self._installation, now=self._clock.now())
        if message is None:
            return ""
        if not self._allowed(message):
            return self._refusal(message)
        await receive(message)
        return self._on_it if wants_thread(message) else ""

    async def shortcut(self, body: Body, receive: Receive) -> Answer:
        """The message shortcut."""
        message = parse_shortcut(body, self._installation, now=self._clock.now())
        if message is None:
            return ""
        if self._allowed(message):
            await receive(message)
        else:
            self._refuse(message, body)
        return ""

    async def press(self, body: Body, receive: Receive) -> Answer:
        """A button, or a choice in a menu."""
        press = parse_press(body, self._installation, now=self._clock.now())
        if press is None:
            return ""
        if not self._allowed(press):
            self._refuse(press, body)
            return ""
        if not await self._form_opened(press, body):
            await receive(press)
        view = body.get("view")
        if isinstance(view, dict) and view.get("type") == "home":
            self._pages.show_home(press.sender.native_id, after_press=True)
        return ""

    async def submission(self, body: Body, receive: Receive) -> Answer:
        """A form that was filled in."""
        press = parse_submission(body, self._installation, now=self._clock.now())
        if press is None or not self._allowed(press):
            return ""
        async with asyncio.timeout(self._patience_s):
            form = await self._forms.behind(press.action, press.sender.id)
        if form is not None:
            # Slack takes only what is wrong with fields that it shows; core looks at all of them again.
            wrong = {slot: said for slot, said in problems(form, press.values).items() if slot in press.values}
            if wrong:
                return form_errors(wrong)
        await receive(press)
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

    def _allowed(self, incoming: Incoming) -> bool:
        if self._access.allowed(incoming, chat=channel_of(incoming.key)):
            return True
        _log.info("slack_stranger", event_id=incoming.event_id, sender=incoming.sender.id, chat=incoming.key.chat)
        return False

    def _refusal(self, incoming: Incoming) -> str:
        return self._stranger_text.replace("{id}", incoming.sender.native_id)

    def _refuse(self, incoming: Incoming, body: Body) -> None:
        """Answer a stranger's tap, which they alone see."""
        url = body.get("response_url")
        if self._stranger_text and isinstance(url, str) and url:
            self._pages.aside(self._answer(url, self._refusal(incoming), incoming.event_id))

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

    async def _tell(self, message: Message) -> None:
        post = Post(key=message.key, text=self._refusal(message), person=message.sender, whisper=not message.private)
        try:
            await self._platform.post(post, "")
        except ReelbotError as error:
            _log.info("slack_stranger_not_told", event_id=message.event_id, reason=str(error))


def _trusted(url: str, *, api: str) -> bool:
    """Whether an address for an answer is the server's own, or of a host below it (hooks.slack.com)."""
    try:
        address, server = URL(url), URL(api)
    except ValueError:
        return False
    host, own = address.host or "", server.host or ""
    return address.scheme == server.scheme and bool(own) and (host == own or host.endswith(f".{own}"))
