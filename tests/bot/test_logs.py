"""Logs: one id on every line of a piece of work, and no secret on any."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from google.genai import types
from pydantic import SecretStr

from bot.logs import NOISY, configure_logging, tracing

TOKEN = "123456789:AAExampleExampleExampleExampleExamp"
SECRETS = (SecretStr('quoted "secret" ü'), SecretStr("short"), SecretStr("plain-secret"))


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in NOISY}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


async def test_ids_are_on_every_line_inside() -> None:
    stream = io.StringIO()
    configure_logging("INFO", "json", stream=stream)

    async def elsewhere() -> None:
        logging.getLogger("core.somewhere").info("turn.saved", extra={"row": 3})

    with tracing(generation="v12"):
        structlog.get_logger("adapters.x").info("order_sent", seconds=1.5)
        await asyncio.create_task(elsewhere())
    logging.getLogger("core").info("after")
    first, second, third = lines(stream)
    assert first["event"] == "order_sent" and first["seconds"] == 1.5 and first["logger"] == "adapters.x"
    assert second["event"] == "turn.saved" and second["row"] == 3 and second["level"] == "info"
    assert first["generation"] == second["generation"] == "v12" and "generation" not in third
    assert first["timestamp"].endswith("Z")


@pytest.mark.parametrize("form", ["json", "console"])
def test_secrets_are_nowhere(form: Any) -> None:
    stream = io.StringIO()
    configure_logging("DEBUG", form, SECRETS, stream=stream)
    log = structlog.get_logger("x")
    log.info("field", value='quoted "secret" ü', deep={"list": ["plain-secret"]})
    logging.getLogger("y").warning("GET https://api.telegram.org/bot%s/getMe", TOKEN)
    logging.getLogger("y").info("postgresql://user:hidden-word@host/db and AIza%s", "x" * 35)
    logging.getLogger("y").info("https://bot.example.org/v/%s", "A" * 43)
    try:
        raise ValueError(f"refused {TOKEN} plain-secret")
    except ValueError:
        log.exception("failed")
        logging.getLogger("y").exception("failed too")
    text = stream.getvalue()
    assert text.count("ValueError: refused ••• •••") == 2
    for secret in ("quoted", "plain-secret", TOKEN, TOKEN[10:], "hidden-word", "xxxxx", "AAAA"):
        assert secret not in text
    assert "field" in text and "/getMe" in text and "user:•••@host" in text


def test_words_that_are_no_secrets_stay() -> None:
    stream = io.StringIO()
    configure_logging("INFO", "json", SECRETS, stream=stream)
    logging.getLogger("x").info(
        "a short line at 12:34:56 about telegram:4711 and v12/clip.mp4 in http://localhost:80/v/x"
    )
    assert lines(stream)[0]["event"].startswith("a short line at 12:34:56 about telegram:4711 and v12/clip.mp4")
    assert "•" not in stream.getvalue()


def test_only_what_is_important_enough_is_logged() -> None:
    stream = io.StringIO()
    configure_logging("INFO", "console", stream=stream)
    for name in ("httpx", "httpx2", "telegram.ext", "apscheduler.scheduler", "google_genai.models"):
        logging.getLogger(name).info("noise")
    logging.getLogger("apscheduler.scheduler").warning("noise: still running")
    logging.getLogger("x").debug("noise")
    logging.getLogger("httpx").warning("worth it")
    assert "noise" not in stream.getvalue()
    assert "worth it" in stream.getvalue()
    configure_logging("ERROR", "console", stream=stream)
    logging.getLogger("httpx").warning("no more")
    assert "no more" not in stream.getvalue()


def test_python_warnings_are_lines_too() -> None:
    stream = io.StringIO()
    configure_logging("INFO", "json", stream=stream)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(False)
    assert "DeprecationWarning: old" in lines(stream)[0]["event"]


@pytest.mark.parametrize("form", ["json", "console"])
def test_what_a_service_wrote_is_in_no_warning(form: Any) -> None:
    """google-genai warns of each value that it does not know, with the value."""
    stream = io.StringIO()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        configure_logging("INFO", form, stream=stream)
        configure_logging("INFO", form, stream=stream)
        types.FinishReason("my grandmother\nin: UserWarning: the rain")
        logging.captureWarnings(False)
    assert stream.getvalue().count("library_warning") == 1
    assert "_common.py:" in stream.getvalue()
    assert not any(word in stream.getvalue() for word in ("grandmother", "rain", "FinishReason"))
