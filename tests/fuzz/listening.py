"""The product with a platform's real receiver before it: what is posted to the bot goes through the real SDK objects
into real SQLite rows, and is answered by the real core into a list of messages."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import structlog
from structlog.typing import EventDict, WrappedLogger

from adapters.slack import SlackConnection, SlackReceiver
from adapters.telegram import TelegramConnection, TelegramPlatform, TelegramReceiver
from adapters.telegram.receiver import SECRET_HEADER
from core.messages import ConversationKey
from core.ports import WebhookAnswer
from core.product import Product
from tests.adapters.slack.listening import made
from tests.adapters.slack.payloads import envelope, written
from tests.adapters.slack.support import connected
from tests.core.money_world import World
from tests.emulators.slack import SlackEmulator
from tests.emulators.slack_delivery import FORM, signature_of
from tests.emulators.telegram import TelegramEmulator
from tests.fuzz.wording import RICH

LONGEST_S = 5.0
"""In which a request is answered, come what may; a hang is what it is to find."""
LATER_S = 3_700.0
"""Time that passes at the end: all that is put off, tried again or waited for comes to its end."""
SECRET = "s3cret"
ERRORS = frozenset(
    {"telegram_update_failed", "telegram_update_not_stored", "slack_request_not_taken", "slack_not_stored"}
)
LEVELS = frozenset({"error", "exception", "critical", "fatal"})


class _Kept:
    """What adapters log."""

    def __init__(self) -> None:
        self.lines: list[Mapping[str, Any]] = []

    def __call__(self, logger: WrappedLogger, method: str, line: EventDict) -> EventDict:
        self.lines.append({**line, "level": method})
        raise structlog.DropEvent

    def failed(self) -> list[Mapping[str, Any]]:
        """What says that something went wrong inside."""
        return [line for line in self.lines if line["event"] in ERRORS or line["level"] in LEVELS]


class Posted(World):
    """An installation that is told of things by requests; a context manager."""

    platform_name = ""

    def __init__(self) -> None:
        super().__init__(slack=0)
        self._numbers = itertools.count(700_000)
        self._kept = _Kept()
        self._unhandled: list[str] = []

    def __enter__(self) -> Self:
        structlog.configure(processors=[self._kept], cache_logger_on_first_use=False)
        self._runner.get_loop().set_exception_handler(self._not_handled)
        self.run(self.open())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.run(self.close_all())
        self.close()
        structlog.reset_defaults()

    def wired(self) -> Product:
        self.chat.name = self.platform_name
        return super().wired()

    def _not_handled(self, loop: asyncio.AbstractEventLoop, found: Mapping[str, Any]) -> None:
        self._unhandled.append(f"{found.get('message')}: {found.get('exception')!r}")

    async def open(self) -> None:
        """Begin to listen."""
        raise NotImplementedError

    async def close_all(self) -> None:
        """Let go of connections."""
        raise NotImplementedError

    async def handle(self, headers: Mapping[str, str], body: bytes) -> WebhookAnswer:
        """One request."""
        raise NotImplementedError

    def request(self, headers: Mapping[str, str], body: bytes) -> int:
        """The status that a request is answered with; what follows from it is done when this returns."""

        async def asked() -> WebhookAnswer:
            async with asyncio.timeout(LONGEST_S):
                return await self.handle(headers, body)

        answer = self.run(asked())
        self.go()
        assert isinstance(answer.body, str | bytes)
        return answer.status

    def good(self) -> ConversationKey:
        """Somebody new has a wish that is answered at once; where they are."""
        raise NotImplementedError

    def proven(self) -> None:
        """Nothing failed, everything that came in is dealt with, and the next good message is answered with a card."""
        self.passes(LATER_S)
        self.sweep()
        self.passes(60.0)
        assert self.unsaid() == 0
        shown = len(self.chat.offered)
        place = self.good()
        self.passes(5.0)
        labels = [one.button.label for one in self.chat.offered[shown:] if one.place == place]
        assert any(label.startswith("Make it") for label in labels), f"no card after it: {labels}"
        assert self._kept.failed() == []
        assert self._unhandled == []
        self.check()


class PostedTelegram(Posted):
    """On Telegram."""

    platform_name = "telegram"
    webhook_url = "https://bot.example/telegram"
    _emulator: TelegramEmulator
    _connection: TelegramConnection
    _receiver: TelegramReceiver

    async def open(self) -> None:
        self._emulator = await TelegramEmulator().__aenter__()
        self._connection = TelegramConnection(
            token=self._emulator.token, api_url=self._emulator.url, timeout_s=5.0, loopback_only=True
        )
        await self._connection.identify()
        self._receiver = TelegramReceiver(
            self._connection,
            TelegramPlatform(self._connection, clock=self.clock),
            clock=self.clock,
            commands={},
            webhook_url=self.webhook_url,
            webhook_secret=SECRET,
        )

    async def close_all(self) -> None:
        await self._connection.close()
        await self._emulator.__aexit__(None, None, None)

    async def handle(self, headers: Mapping[str, str], body: bytes) -> WebhookAnswer:
        return await self._receiver.handle(headers, body, self.product.dialogue.receive)

    def post(self, body: bytes) -> int:
        """The status that Telegram gets for this body."""
        return self.request({SECRET_HEADER: SECRET}, body)

    def good(self) -> ConversationKey:
        number = next(self._numbers)
        who = {"id": number, "is_bot": False, "first_name": "Zoe"}
        message = {
            "message_id": number,
            "from": who,
            "chat": {"id": number, "type": "private"},
            "date": 1_795_000_000,
            "text": RICH,
        }
        assert self.post(json.dumps({"update_id": number, "message": message}).encode()) == 200
        return ConversationKey(platform="telegram", chat=str(number))


class PostedSlack(Posted):
    """On Slack."""

    platform_name = "slack"
    _emulator: SlackEmulator
    _connection: SlackConnection
    _receiver: SlackReceiver

    async def open(self) -> None:
        self._emulator = await SlackEmulator().__aenter__()
        self._connection = connected(self._emulator)
        await self._connection.identify()
        known = self._connection.installation
        assert known is not None
        self._team = known.team
        self._ids = {"T0REEL": known.team, "U0BOT": known.bot_user, "B0BOT": known.bot, "A0REEL": known.app or "A0REEL"}
        self._receiver = made(self._connection, self.clock, signing_secret=SECRET)

    async def close_all(self) -> None:
        running = asyncio.create_task(self._receiver.run(self.product.dialogue.receive))
        await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait({running})
        await self._connection.close()
        await self._emulator.__aexit__(None, None, None)

    async def handle(self, headers: Mapping[str, str], body: bytes) -> WebhookAnswer:
        return await self._receiver.handle(headers, body, self.product.dialogue.receive)

    def post(self, kind: str, payload: Any) -> int:
        """The status that Slack gets for an event ("event"), something pressed ("interactive"), a command ("command")
        or, with any other kind, for the bytes that `payload` is."""
        if isinstance(payload, bytes):
            body, form = payload, kind == "form"
        elif kind == "event":
            body, form = self.ours(payload), False
        elif kind == "interactive":
            body, form = urlencode({"payload": self.ours(payload)}).encode(), True
        else:
            fields = json.loads(self.ours(payload))
            body, form = urlencode(_pairs(fields), errors="replace").encode(), True
        now = int(time.time())
        headers = {
            "X-Slack-Request-Timestamp": str(now),
            "X-Slack-Signature": signature_of(body, now, SECRET),
            "Content-Type": FORM if form else "application/json",
        }
        return self.request(headers, body)

    def ours(self, payload: Any) -> bytes:
        """The payload as JSON, with the ids of this workspace instead of the made-up ones."""
        text = json.dumps(payload)
        for made_up, real in self._ids.items():
            text = text.replace(made_up, real)
        return text.encode()

    def good(self) -> ConversationKey:
        number = next(self._numbers)
        ts = f"1795{number}.000100"
        event = written(RICH, channel=f"D{number}", user=f"U{number}", ts=ts, event_ts=ts)
        assert self.post("event", envelope(event, event_id=f"Ev{number}")) == 200
        return ConversationKey(platform="slack", chat=f"{self._team}/D{number}", thread=ts)


def _pairs(fields: Any) -> list[tuple[str, str]]:
    """The fields of a form; what is no text is written as JSON."""
    if not isinstance(fields, dict):
        return [("text", json.dumps(fields))]
    return [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in fields.items()]
