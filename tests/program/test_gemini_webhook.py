"""The Gemini API's webhook through the program: a clip is noticed at once, and a lost answer is found."""

from __future__ import annotations

import base64
from pathlib import Path

import aiohttp

from tests.emulators.faults import Fault
from tests.program.running import ready, running
from tests.program.services import world
from tests.program.test_main_job import card_for, clip_in, orders, sent_bytes

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two letters!!").decode()


async def test_a_finished_clip_is_noticed_though_nobody_looks(tmp_path: Path) -> None:
    async with world(tmp_path) as outside:
        outside.google.webhook_secret = SECRET
        outside.google.webhooks.copies = 2
        outside.google.webhooks.endpoint = f"{outside.environment['PUBLIC_URL']}/gemini/webhook"
        outside.google.omni.takes(1.0)
        outside.environment |= {"VIDEO_POLL_MIN_S": "600", "VIDEO_POLL_MAX_S": "600"}
        async with running(outside, GEMINI_WEBHOOK_SECRET=SECRET):
            await ready(outside)
            ann = outside.telegram.user("Ann")
            chat = outside.telegram.private(ann)
            await chat.press(ann, await card_for(chat, ann), "Make it")
            clip = await clip_in(chat)
            assert sent_bytes(outside, clip) == outside.google.clip_bytes(orders(outside.google)[0])
            assert len(orders(outside.google)) == 1
            assert {sent.status for sent in outside.google.webhooks.sent} == {200}


async def test_an_order_whose_answer_was_lost_is_found_by_the_webhook(tmp_path: Path) -> None:
    async with world(tmp_path) as outside:
        outside.google.webhook_secret = SECRET
        outside.google.webhooks.endpoint = f"{outside.environment['PUBLIC_URL']}/gemini/webhook"
        outside.google.faults.add(Fault(match="interactions.create", drop="after", times=1))
        outside.google.omni.takes(0.5)
        async with running(outside, GEMINI_WEBHOOK_SECRET=SECRET):
            await ready(outside)
            ann = outside.telegram.user("Ann")
            chat = outside.telegram.private(ann)
            await chat.press(ann, await card_for(chat, ann), "Make it")
            clip = await clip_in(chat)
            assert sent_bytes(outside, clip) == outside.google.clip_bytes(orders(outside.google)[0])
            assert len(outside.google.calls("interactions.create")) == 1


async def test_a_forged_call_is_turned_away(tmp_path: Path) -> None:
    async with world(tmp_path) as outside, running(outside, GEMINI_WEBHOOK_SECRET=SECRET):
        await ready(outside)
        url = f"{outside.environment['PUBLIC_URL']}/gemini/webhook"
        event = b'{"type":"interaction.completed","data":{"id":"x"}}'
        async with aiohttp.ClientSession() as session, session.post(url, data=event) as answer:
            assert answer.status == 401
