"""The program in parts, and what a process does when it is told to stop or may not start."""

from __future__ import annotations

import time
from pathlib import Path

from tests.program.running import Process
from tests.program.services import free_port, world
from tests.program.test_main_job import card_for, clip_in, orders, sent_bytes


async def test_a_gateway_and_a_worker_share_the_work(tmp_path: Path) -> None:
    async with world(tmp_path) as outside:
        gateway = Process(outside, program=("-m", "bot", "run", "--only", "gateway"))
        worker = Process(outside, program=("-m", "bot", "run", "--only", "worker"), HTTP_PORT=str(free_port()))
        try:
            await gateway.start()
            await worker.start()
            ann = outside.telegram.user("Ann")
            chat = outside.telegram.private(ann)
            await chat.press(ann, await card_for(chat, ann), "Make it")
            clip = await clip_in(chat)
            assert sent_bytes(outside, clip) == outside.google.clip_bytes(orders(outside.google)[0])
            began = time.monotonic()
            assert await gateway.stop() == 0
            assert await worker.stop() == 0
            assert time.monotonic() - began < 10
        finally:
            gateway.kill()
            worker.kill()


async def test_a_second_worker_on_the_same_file_is_refused_in_words(tmp_path: Path) -> None:
    async with world(tmp_path, provider="animatic") as outside:
        first, second = Process(outside), Process(outside, program=("-m", "bot", "run"), HTTP_PORT=str(free_port()))
        try:
            await first.start()
            await second.start()
            assert await second.ended() == 1
            assert "Another Reelbot is already working on this database" in "\n".join(second.lines)
            assert "Traceback" not in "\n".join(second.lines)
        finally:
            first.kill()
            await first.ended()
