"""The main job with the rows in PostgreSQL: in one process, and shared by gateways and workers that come and go."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.emulators.telegram import TelegramChat, TelegramUser
from tests.program.running import PROGRAM, Process, running
from tests.program.services import World, free_port, world
from tests.program.test_main_job import card_for, clip_in, orders, sent_bytes
from tests.storage.postgres import fresh_database, postgres_available, private_postgres

pytestmark = pytest.mark.skipif(not postgres_available(), reason="PostgreSQL is not installed")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server of our own."""
    with private_postgres() as url:
        yield url


@asynccontextmanager
async def machines(outside: World, *parts: str, **changes: str) -> AsyncIterator[list[Process]]:
    """A process for each of the parts ("gateway", "worker"), the first one where the platform posts to."""
    async with AsyncExitStack() as stack:
        started: list[Process] = []
        for number, part in enumerate(parts):
            port = {} if number == 0 else {"HTTP_PORT": str(free_port())}
            program = Process(
                outside,
                program=(*PROGRAM, "--only", part),
                DATA_DIR=str(outside.folder / f"data-{number}"),
                MEDIA_URL=str(outside.folder / "media"),
                **{**changes, **port},
            )
            stack.push_async_callback(program.ended)
            stack.callback(program.kill)
            await program.start()
            started.append(program)
        yield started


async def wish(outside: World, number: int) -> tuple[TelegramChat, TelegramUser]:
    """Somebody with a private chat of their own."""
    person = outside.telegram.user(f"Person {number}")
    return outside.telegram.private(person), person


async def ordered(outside: World, number: int) -> TelegramChat:
    """Somebody's wish, as far as the tap."""
    chat, person = await wish(outside, number)
    await chat.press(person, await card_for(chat, person), "Make it")
    return chat


def clips(chat: TelegramChat) -> int:
    """How many videos there are."""
    return sum(message.video is not None for message in chat.messages)


async def test_from_a_sentence_to_the_clip_in_one_process(tmp_path: Path, server: str) -> None:
    with fresh_database(server) as url:
        async with world(tmp_path, provider="veo") as outside, running(outside, DATABASE_URL=url):
            ann = outside.telegram.user("Ann")
            chat = outside.telegram.private(ann)
            await chat.press(ann, await card_for(chat, ann), "Make it")
            clip = await clip_in(chat)
            assert sent_bytes(outside, clip) == outside.google.clip_bytes(orders(outside.google)[0])


@pytest.mark.timeout(180)
async def test_gateways_and_workers_share_the_work(tmp_path: Path, server: str) -> None:
    with fresh_database(server) as url:
        async with world(tmp_path, transport="webhook") as outside:
            parts = ("gateway", "gateway", "worker", "worker")
            async with machines(outside, *parts, DATABASE_URL=url, MAX_IN_FLIGHT="8") as started:
                chats = await asyncio.gather(*(ordered(outside, number) for number in range(6)))
                for chat in chats:
                    await clip_in(chat)
                await asyncio.sleep(0.2)
                assert len(orders(outside.google)) == 6
                assert [clips(chat) for chat in chats] == [1] * 6
                for program in started:
                    assert await program.stop() == 0


@pytest.mark.timeout(180)
async def test_polling_is_done_by_one_gateway_and_taken_over_when_it_dies(tmp_path: Path, server: str) -> None:
    with fresh_database(server) as url:
        async with (
            world(tmp_path) as outside,
            machines(outside, "gateway", "gateway", "worker", DATABASE_URL=url) as (first, *_),
        ):
            await clip_in(await ordered(outside, 1))
            first.kill()
            assert await first.ended() == -signal.SIGKILL
            await clip_in(await ordered(outside, 2))
            assert len(orders(outside.google)) == 2


@pytest.mark.timeout(300)
async def test_a_worker_killed_with_fifty_under_way_leaves_nothing_behind(tmp_path: Path, server: str) -> None:
    with fresh_database(server) as url:
        async with world(tmp_path, transport="webhook") as outside:
            outside.google.omni.hold()
            many = {"MAX_IN_FLIGHT": "60", "TELEGRAM_MESSAGES_PER_S": "1000", "DATABASE_URL": url}
            async with machines(outside, "gateway", "worker", **many) as started:
                chats = [await ordered(outside, number) for number in range(50)]
                async with asyncio.timeout(60):
                    while len(orders(outside.google)) < 50:  # noqa: ASYNC110 - a journal
                        await asyncio.sleep(0.1)
                async with machines(outside, "worker", **{**many, "HTTP_PORT": str(free_port())}):
                    started[1].kill()
                    await started[1].ended()
                    outside.google.omni.release()
                    for chat in chats:
                        await chat.wait_for(lambda message: message.video is not None, timeout=60.0)
                assert len(orders(outside.google)) == 50
                assert [clips(chat) for chat in chats] == [1] * 50
