"""Signed links: they open one file until they expire, and nothing can be changed in them."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.links import LinkExpired, LinkForged, sign, verify

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=7)


def test_a_link_opens_its_file() -> None:
    token = sign("v12/clip.mp4", LATER, "secret")
    assert verify(token, NOW, "secret") == "v12/clip.mp4"
    assert len(token) < 64
    assert token.replace("-", "").replace("_", "").isalnum()


@given(st.text(min_size=1, max_size=80).filter(lambda name: name.isprintable()))
def test_any_name_comes_back(name: str) -> None:
    assert verify(sign(name, LATER, "secret"), NOW, "secret") == name


def test_the_time_zone_of_the_expiry_does_not_matter() -> None:
    east = LATER.astimezone(timezone(timedelta(hours=9)))
    assert sign("v1/clip.mp4", east, "secret") == sign("v1/clip.mp4", LATER, "secret")


def test_a_link_expires() -> None:
    token = sign("v12/clip.mp4", LATER, "secret")
    assert verify(token, LATER - timedelta(seconds=1), "secret")
    with pytest.raises(LinkExpired):
        verify(token, LATER, "secret")


def test_every_changed_bit_is_noticed() -> None:
    signed = base64.urlsafe_b64decode(sign("v1/clip.mp4", LATER, "secret") + "==")
    for place in range(len(signed)):
        changed = bytearray(signed)
        changed[place] ^= 1
        with pytest.raises(LinkForged):
            verify(base64.urlsafe_b64encode(changed).rstrip(b"=").decode(), NOW, "secret")


@pytest.mark.parametrize("token", ["", "x", "../../etc/passwd", "ü" * 30, "A" * 2_000, "A" * 40, "====", "a b"])
def test_other_things_are_no_links(token: str) -> None:
    with pytest.raises(LinkForged):
        verify(token, NOW, "secret")


def test_another_secret_opens_nothing() -> None:
    with pytest.raises(LinkForged):
        verify(sign("v1/clip.mp4", LATER, "secret"), NOW, "other")
