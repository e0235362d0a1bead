"""Logging: fixed event names with ids, for people or for machines, and never a secret.

Everything is routed through here, also what libraries log. Ids that are bound with `tracing` are on every line of
what happens inside, so that one id can be followed from a message to the delivered clip.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable
from typing import Literal, TextIO

import structlog
from pydantic import SecretStr
from structlog.contextvars import bound_contextvars, merge_contextvars
from structlog.typing import EventDict, Processor, WrappedLogger

from bot.redaction import Redactor

tracing = bound_contextvars
"""`with tracing(generation="v12"):` puts the id on every line logged inside, also by tasks started there."""

NOISY = (
    # Clients that log each address they call: Telegram's hold the bot's token.
    *("httpx", "httpx2", "httpcore", "httpcore2", "aiohttp", "urllib3", "requests"),
    # Libraries that log what people wrote, or every tick.
    *(
        "telegram",
        "slack_bolt",
        "slack_sdk",
        "google",
        "google_genai",
        "apscheduler",
        "sqlalchemy",
        "alembic",
        "procrastinate",
        "asyncio",
        "PIL",
    ),
    *("uvicorn", "slack_bolt", "slack_sdk", "libav", "stamina"),
)


def configure_logging(
    level: str, form: Literal["console", "json"], secrets: Iterable[SecretStr] = (), *, stream: TextIO | None = None
) -> None:
    """Send every log line of at least `level` to `stream` (the process's stderr), without `secrets`."""
    target = stream if stream is not None else sys.stderr
    renderer: Processor
    if form == "json":
        renderer = structlog.processors.JSONRenderer()
    else:
        renderer = structlog.dev.ConsoleRenderer(
            colors=target.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    shared: list[Processor] = [
        merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.UnicodeDecoder(),
                _one_line,
                renderer,
                _Redaction(secrets),
            ],
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").addFilter(_wordless)
    for name in NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    # It warns of each tick that is left out because the one before still runs; `bot.clock` logs what fails.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    # Its pool warns of each try while the database is away; whoever needed it says so.
    logging.getLogger("psycopg").setLevel(logging.ERROR)


_USER_WARNING = re.compile(r"(?:[^\n]*[/\\])?([^\n/\\]*):(\d+): UserWarning: ")


def _wordless(record: logging.LogRecord) -> bool:
    """A library that warns of what it does not know repeats what somebody wrote (google-genai each value that is new to
    it), so only its place is logged. Other kinds of warnings are about code, and stay as they are."""
    warned = _USER_WARNING.match(record.getMessage())
    if warned is not None:
        record.msg, record.args = "library_warning", ()
        record.where = f"{warned[1]}:{warned[2]}"
    return True


_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def _one_line(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Texts in which nobody's words look like another line of the log, or steer the terminal that shows it: line breaks
    and control characters are spelled out, and a traceback is indented. (Fields are quoted by what renders them.)"""
    event["event"] = _OBEYED.sub(_spelled, str(event.get("event", ""))).replace("\n", "\\n")
    if isinstance(event.get("exception"), str):
        event["exception"] = "\n".join(f"  {_OBEYED.sub(_spelled, line)}" for line in event["exception"].split("\n"))
    return event


def _spelled(match: re.Match[str]) -> str:
    return ascii(match[0])[1:-1]


class _Redaction:
    """The last processor: it sees the finished line, so that nothing can slip past it in a field or a traceback."""

    def __init__(self, secrets: Iterable[SecretStr]) -> None:
        self._redact = Redactor(secrets)

    def __call__(self, logger: WrappedLogger, method: str, line: EventDict | str | bytes) -> str:
        return self._redact(line.decode() if isinstance(line, bytes) else str(line))
