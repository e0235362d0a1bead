"""Joining clips through the whole program: filmed by Omni, read by Gemini, joined here, on Telegram and on Slack."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from adapters.pyav import PyAVMedia
from tests.emulators.slack import SlackMessage
from tests.emulators.telegram import TelegramChat, TelegramMessage, TelegramUser
from tests.program.running import Process, process, ready, running
from tests.program.services import World, slack_world, world
from tests.program.test_main_job import card_for, orders, sent_bytes
from tests.program.test_postgres import machines
from tests.storage.postgres import fresh_database, postgres_available

FOX = "a red fox trotting through fresh snow at sunrise, cinematic, 3 seconds, 360p"
BOAT = "make another video of a boat at sea at night, cinematic, 3 seconds, 360p"
JOIN = "join v1 and v2 with the title Winter in Tyrol"


async def filmed(chat: TelegramChat, ann: TelegramUser, wish: str, name: str) -> TelegramMessage:
    """The clip of a wish."""
    await chat.press(ann, await card_for(chat, ann, wish), "Make it")
    return await clip_named(chat, name)


async def clip_named(chat: TelegramChat, name: str) -> TelegramMessage:
    """The clip, once it is in the chat."""
    return await chat.wait_for(
        lambda message: message.video is not None and (message.caption or "").startswith(f"{name} · "), timeout=25.0
    )


async def test_two_clips_and_a_title_become_one(tmp_path: Path) -> None:
    async with world(tmp_path) as outside, running(outside):
        ann = outside.telegram.user("Ann", language="en")
        chat = outside.telegram.private(ann)
        await filmed(chat, ann, FOX, "v1")
        boat = await filmed(chat, ann, BOAT, "v2")
        ordered = len(orders(outside.google))

        card = await card_for(chat, ann, JOIN)
        assert "1. v1 · " in (card.text or "") and "2. v2 · " in (card.text or "")
        assert [button.text for button in card.buttons] == ["Make it · free", "Change…", "Cancel"]
        await chat.press(ann, card, "Make it")
        film = await clip_named(chat, "v3")

        assert len(orders(outside.google)) == ordered == 2, "no service films anything for it"
        (tmp_path / "film.mp4").write_bytes(sent_bytes(outside, film))
        facts = await PyAVMedia().probe(tmp_path / "film.mp4")
        assert facts.duration_s == pytest.approx(8.0, abs=0.2)
        assert film.video is not None and film.video.thumbnail is not None
        assert "Winter in Tyrol" in (film.caption or "") and "free" in (film.caption or "")
        assert {button.text for button in film.buttons} >= {"Change something", "Details", "Delete"}

        said = await chat.say(ann, "add v1 to the end of this", reply_to=boat)
        again = await chat.wait_for("Make it", after=said)
        assert "1. v2 · " in (again.text or "") and "2. v1 · " in (again.text or "")


async def test_a_kill_while_it_is_joined_loses_nothing(tmp_path: Path) -> None:
    async with world(tmp_path) as outside, process(outside) as program:
        await program.start()
        await ready(outside)
        ann = outside.telegram.user("Ann", language="en")
        chat = outside.telegram.private(ann)
        await filmed(chat, ann, FOX, "v1")
        await filmed(chat, ann, BOAT, "v2")
        await chat.press(ann, await card_for(chat, ann, JOIN), "Make it")
        await _killed_while_joining(outside, program)
        await program.start()
        await clip_named(chat, "v3")
        films = [m for m in chat.messages if m.video is not None and (m.caption or "").startswith("v3 · ")]
        assert len(films) == 1
        assert not list((tmp_path / "data" / "cutter").glob("*.json"))


async def _where_it_is_joined(folders: list[Path]) -> int:
    """Which of these folders the order is in, as soon as there is one."""
    async with asyncio.timeout(20):
        while True:
            for number, folder in enumerate(folders):
                if list(folder.glob("*.json")):
                    return number
            await asyncio.sleep(0.005)


async def _killed_while_joining(outside: World, program: Process) -> None:
    await _where_it_is_joined([outside.folder / "data" / "cutter"])
    program.kill()
    await program.ended()


@pytest.mark.skipif(not postgres_available(), reason="PostgreSQL is not installed")
@pytest.mark.timeout(180)
async def test_another_machine_goes_on_when_the_one_that_joins_dies(tmp_path: Path, postgres_server: str) -> None:
    with fresh_database(postgres_server) as url:
        async with (
            world(tmp_path, transport="webhook") as outside,
            machines(outside, "gateway", "worker", "worker", DATABASE_URL=url) as (_, *workers),
        ):
            ann = outside.telegram.user("Ann", language="en")
            chat = outside.telegram.private(ann)
            await filmed(chat, ann, FOX, "v1")
            await filmed(chat, ann, BOAT, "v2")
            await chat.press(ann, await card_for(chat, ann, JOIN), "Make it")
            folders = [tmp_path / f"data-{number}" / "cutter" for number in (1, 2)]
            joins = await _where_it_is_joined(folders)
            workers[joins].kill()
            await workers[joins].ended()
            film = await chat.wait_for(
                lambda message: message.video is not None and (message.caption or "").startswith("v3 · "), timeout=90.0
            )
            (tmp_path / "film.mp4").write_bytes(sent_bytes(outside, film))
            assert (await PyAVMedia().probe(tmp_path / "film.mp4")).duration_s == pytest.approx(8.0, abs=0.2)


async def test_in_a_slack_thread(tmp_path: Path) -> None:
    async with slack_world(tmp_path) as outside, running(outside):
        await ready(outside)
        ann = outside.slack.user("Ann")
        channel = outside.slack.direct(ann)
        root = await channel.say(ann, FOX)

        async def made(name: str) -> SlackMessage:
            card = await channel.wait_for(
                lambda m: name in m.said and any(button.label.startswith("Make it") for button in m.buttons)
            )
            await channel.press(ann, card, "Make it")
            return await channel.wait_for(lambda m: m.from_bot and bool(m.files) and name in m.said, timeout=25.0)

        await made("v1")
        await channel.say(ann, BOAT, thread=root)
        await made("v2")
        await channel.say(ann, JOIN, thread=root)
        film = await made("v3")
        assert film.thread_ts == root.ts
        assert "Winter in Tyrol" in film.said
        assert len(orders(outside.google)) == 2
