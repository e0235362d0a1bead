"""The main job through the whole program: real SDKs over real sockets, from a sentence to the clip in the chat."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.money import dollars
from tests.emulators.brain import WRITTEN
from tests.emulators.google import GoogleEmulator
from tests.emulators.google_orders import Order
from tests.emulators.telegram import TelegramChat, TelegramMessage, TelegramUser
from tests.program.running import running
from tests.program.services import Provider, Transport, World, world

RICH = "a red fox trotting through fresh snow at sunrise, cinematic, 4 seconds"

MATRIX = [
    ("omni", "polling"),
    ("omni", "webhook"),
    ("veo", "polling"),
    ("veo", "webhook"),
    ("veo-inline", "polling"),
]


def orders(google: GoogleEmulator) -> list[Order]:
    """Every video order that either service accepted."""
    return [*google.omni.orders, *google.veo.orders]


async def card_for(chat: TelegramChat, user: TelegramUser, text: str = RICH) -> TelegramMessage:
    """Say it, and wait for the card."""
    said = await chat.say(user, text)
    return await chat.wait_for("Make it", after=said)


async def clip_in(chat: TelegramChat) -> TelegramMessage:
    """The clip, once it is in the chat."""
    return await chat.wait_for(lambda message: message.video is not None, timeout=20.0)


def sent_bytes(outside: World, clip: TelegramMessage) -> bytes:
    """The file that arrived in the chat."""
    assert clip.video is not None
    return outside.telegram.file_bytes(clip.video.file_id)


@pytest.mark.parametrize(("provider", "transport"), MATRIX)
async def test_from_a_sentence_to_the_clip(tmp_path: Path, provider: Provider, transport: Transport) -> None:
    async with world(tmp_path, provider=provider, transport=transport) as outside, running(outside):
        telegram, google = outside.telegram, outside.google
        ann = telegram.user("Ann", language="en")
        chat = telegram.private(ann)

        said = await chat.say(ann, "make me a video of a fox")
        question = await chat.wait_for("You decide", after=said)
        while not any(button.text.startswith("Make it") for button in question.buttons):
            pressed = await chat.press(ann, question, "You decide")
            question = await chat.wait_for(
                lambda message: any(b.text.startswith(("You decide", "Make it")) for b in message.buttons),
                after=pressed,
            )
        card = question
        assert orders(google) == []

        action = next(button.callback_data for button in card.buttons if button.text.startswith("Make it"))
        price = next(button.text for button in card.buttons if button.text.startswith("Make it")).split(" · ")[1]
        assert price != dollars(0)
        await chat.press(ann, card, "Make it")
        clip = await clip_in(chat)

        assert len(orders(google)) == 1
        assert sent_bytes(outside, clip) == google.clip_bytes(orders(google)[0])
        assert price in (clip.caption or "")
        assert "v1" in (clip.caption or "")
        assert ("Omni" if provider == "omni" else "Veo") in (clip.caption or "")
        assert clip.video is not None
        assert clip.video.width == 1280
        assert clip.video.thumbnail is not None
        assert {"Another take", "Details", "Delete"} <= {button.text for button in clip.buttons}
        assert WRITTEN in str(google.omni.orders[0].body if provider == "omni" else google.veo.orders[0].body)

        assert action is not None
        again = await chat.press_raw(ann, card, action)
        await chat.wait_for("ordered already", after=again)
        assert len(orders(google)) == 1
        videos = [message for message in chat.messages if message.video is not None and message.from_bot]
        assert len(videos) == 1


@pytest.mark.parametrize("provider", ["omni", "veo"])
async def test_a_detailed_wish_gets_no_question(tmp_path: Path, provider: Provider) -> None:
    async with world(tmp_path, provider=provider) as outside, running(outside):
        ann = outside.telegram.user("Ann")
        chat = outside.telegram.private(ann)
        await card_for(chat, ann)
        assert len([message for message in chat.messages if message.from_bot]) == 1


async def test_a_group_topic_gets_its_clip_and_only_the_requester_orders(tmp_path: Path) -> None:
    async with world(tmp_path) as outside, running(outside):
        telegram = outside.telegram
        ann, bob = telegram.user("Ann"), telegram.user("Bob")
        group = telegram.group("Film club", members=[ann, bob], forum=True)
        topic = telegram.topic(group, "Foxes")
        said = await group.say(ann, f"@reelbot {RICH}", thread=topic)
        card = await group.wait_for("Make it", after=said)
        assert card.thread == said.thread

        pressed = await group.press(bob, card, "Make it")
        await group.wait_for("Only Ann", after=pressed)
        assert orders(outside.google) == []

        await group.press(ann, card, "Make it")
        clip = await clip_in(group)
        assert clip.thread == said.thread
        assert clip.reply_to is not None
        assert clip.reply_to.id == said.id
        assert len(orders(outside.google)) == 1


async def test_people_talking_to_each_other_are_left_alone(tmp_path: Path) -> None:
    async with world(tmp_path) as outside, running(outside):
        telegram = outside.telegram
        ann, bob = telegram.user("Ann"), telegram.user("Bob")
        group = telegram.group("Film club", members=[ann, bob])
        await group.say(bob, "did you see the fox yesterday?")
        said = await group.say(ann, f"@reelbot {RICH}")
        await group.wait_for("Make it", after=said)
        assert len([message for message in group.messages if message.from_bot]) == 1


async def test_a_photo_with_a_caption_becomes_the_first_frame(tmp_path: Path) -> None:
    async with world(tmp_path) as outside, running(outside):
        telegram, google = outside.telegram, outside.google
        ann = telegram.user("Ann")
        chat = telegram.private(ann)
        picture = _picture()
        said = await chat.photo(ann, picture, caption="the fox turns its head, cinematic, 4 seconds")
        card = await chat.wait_for("Make it", after=said)
        assert "your picture" in (card.text or "")
        await chat.press(ann, card, "Make it")
        await clip_in(chat)
        assert "image" in str(google.omni.orders[0].body)


def _picture() -> bytes:
    from io import BytesIO

    from PIL import Image

    file = BytesIO()
    Image.new("RGB", (640, 360), "orange").save(file, "JPEG")
    return file.getvalue()


async def test_a_clip_over_the_limit_comes_smaller_with_a_link_to_the_original(tmp_path: Path) -> None:
    import aiohttp

    async with world(tmp_path, provider="omni") as outside, running(outside, TELEGRAM_UPLOAD_MB="1"):
        from tests.emulators.google import Clip

        heavy = _heavy(tmp_path)
        outside.google.omni.next(Clip(path=heavy))
        ann = outside.telegram.user("Ann")
        chat = outside.telegram.private(ann)
        await chat.press(ann, await card_for(chat, ann), "Make it")
        clip = await clip_in(chat)
        sent = sent_bytes(outside, clip)
        original = heavy.read_bytes()
        assert len(sent) <= 1 << 20 < len(original)
        link = next(button.url for button in clip.buttons if button.url)
        async with aiohttp.ClientSession() as session:
            async with session.get(link, headers={"Range": "bytes=10-99"}) as answer:
                assert answer.status == 206
                assert await answer.read() == original[10:100]
            async with session.get(link[:-2] + "xx") as answer:
                assert answer.status == 403


def _heavy(folder: Path) -> Path:
    """A clip of four seconds and more than a megabyte: noise does not compress."""
    import random

    import av
    from PIL import Image

    path = folder / "heavy.mp4"
    with av.open(str(path), "w") as file:
        video = file.add_stream("libx264", rate=12, options={"preset": "ultrafast", "crf": "18"})
        video.width, video.height, video.pix_fmt = 640, 360, "yuv420p"
        audio = file.add_stream("aac", rate=48_000)
        audio.layout = "mono"
        noise = random.Random(1)
        for number in range(49):
            picture = Image.frombytes("L", (640, 360), noise.randbytes(640 * 360)).convert("RGB")
            frame = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]
            frame.pts = number
            file.mux(video.encode(frame))
        file.mux(video.encode())
        for number in range(49 * 4):
            sound = av.AudioFrame(format="s16", layout="mono", samples=1024)
            sound.planes[0].update(noise.randbytes(2048))
            sound.sample_rate, sound.pts = 48_000, number * 1024
            file.mux(audio.encode(sound))
        file.mux(audio.encode())
    return path


async def test_strangers_are_told_politely(tmp_path: Path) -> None:
    async with world(tmp_path) as outside:
        ann, eve = outside.telegram.user("Ann"), outside.telegram.user("Eve")
        async with running(outside, TELEGRAM_ALLOWED_USERS=str(ann.id)):
            chat = outside.telegram.private(eve)
            said = await chat.say(eve, RICH)
            told = await chat.wait_for("operator", after=said)
            assert str(eve.id) in (told.text or "")
            await card_for(outside.telegram.private(ann), ann)


def test_nothing_but_loopback_is_used(tmp_path: Path) -> None:
    from bot.build import build
    from bot.settings_loading import load_settings
    from core.errors import ReelbotError
    from storage.clips import ObjectClipStore

    settings = load_settings(
        env_file=None, GEMINI_API_KEY="key", DATA_DIR=str(tmp_path), LOOPBACK_ONLY="true", LOG_FORMAT="json"
    )
    app = build(settings)
    with pytest.raises(ReelbotError):
        app.connections.providers(ObjectClipStore(str(tmp_path / "media")))
