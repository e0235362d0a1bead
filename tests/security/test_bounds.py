"""Texts that are made to be read for ever are read once: each of these would take minutes, and the test has seconds."""

from __future__ import annotations

import pytest

from adapters.slack.rendering import rich_text
from adapters.slack.text import said
from adapters.telegram import rendering as telegram
from adapters.terminal.plain import safe
from bot.redaction import Redactor
from core.bounds import MAX_TEXT, plain

LENGTH = 1_500_000
SIGNS = ("eyJ", "eyJaaaaaaaaaaa.", "1", "://a:", "-----BEGIN PRIVATE KEY-----", "AIza", "xoxb-", "hooks.slack.com/")
WRITTEN = ("<", "<@", "<!", "&", "http://a(", "http://", "\x1b]", "\x90", " ", "\n", "@reelbot ", "<mailto:", "a)")


@pytest.mark.timeout(25)
@pytest.mark.parametrize("sign", SIGNS)
def test_masking_reads_a_text_once(sign: str) -> None:
    assert Redactor()(sign * (LENGTH // len(sign))) is not None


@pytest.mark.timeout(25)
@pytest.mark.parametrize("sign", WRITTEN)
def test_showing_reads_a_text_once(sign: str) -> None:
    text = sign * (MAX_TEXT // len(sign))
    assert said(text, "U1")
    assert rich_text(text)
    assert telegram.split(text, 4_096)
    assert len(safe(text)) <= 4 * MAX_TEXT
    assert len(plain(text)) <= MAX_TEXT
