"""A crash while the program talks in many places at once: everything is said, and hardly anything twice."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from core.messages import ConversationKey, Post
from core.repositories import Changes, OutboxPost
from storage.store import SqlStore
from tests.program.running import process
from tests.program.services import world

PLACES, EACH = 8, 30
FREE = {"TELEGRAM_MESSAGES_PER_S": "10000", "TELEGRAM_CHAT_BURST": "1000", "TELEGRAM_GROUP_PER_MIN": "10000"}
"""Limits that are never reached."""


async def test_a_crash_repeats_at_most_one_message_in_each_place(tmp_path: Path) -> None:
    async with world(tmp_path) as outside, process(outside, **FREE) as program:
        telegram = outside.telegram
        chats = [telegram.private(telegram.user(f"Person {number}")) for number in range(PLACES)]
        await program.start()
        store = SqlStore(f"sqlite:///{Path(outside.environment['DATA_DIR']) / 'reelbot.db'}")
        keys = [ConversationKey(platform="telegram", chat=str(chat.id)) for chat in chats]
        posts = [OutboxPost(post=Post(key=key, text=str(number))) for number in range(EACH) for key in keys]
        await store.commit(Changes(posts=tuple(posts), at=datetime.now(UTC)))
        await telegram.wait_for_call("sendMessage", count=PLACES * EACH // 2)
        program.kill()
        await program.ended()
        await program.start()
        async with asyncio.timeout(20):
            while await store.unsent_keys(datetime.now(UTC)):  # noqa: ASYNC110 - rows of another process
                await asyncio.sleep(0.05)
        await store.close()
        assert await program.stop() == 0
        for chat in chats:
            said = [int(message.text or "") for message in chat.messages]
            assert sorted(said) == said
            assert set(said) == set(range(EACH))
            assert len(said) <= EACH + 1
