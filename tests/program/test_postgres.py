"""The main job with the rows in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.build import build
from bot.settings_loading import load_settings
from core.errors import PermanentError
from tests.program.running import running
from tests.program.services import world
from tests.program.test_main_job import card_for, clip_in, orders, sent_bytes
from tests.storage.postgres import fresh_database, postgres_available, private_postgres

pytestmark = pytest.mark.skipif(not postgres_available(), reason="PostgreSQL is not installed")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server of our own."""
    with private_postgres() as url:
        yield url


async def test_from_a_sentence_to_the_clip_with_one_worker(tmp_path: Path, server: str) -> None:
    with fresh_database(server) as url:
        async with world(tmp_path, provider="veo") as outside, running(outside, DATABASE_URL=url):
            ann = outside.telegram.user("Ann")
            chat = outside.telegram.private(ann)
            await chat.press(ann, await card_for(chat, ann), "Make it")
            clip = await clip_in(chat)
            assert sent_bytes(outside, clip) == outside.google.clip_bytes(orders(outside.google)[0])

            settings = load_settings(env_file=None, **{**outside.environment, "DATABASE_URL": url})
            async with build(settings) as second:
                with pytest.raises(PermanentError, match="already working on this database"):
                    await second.run()
