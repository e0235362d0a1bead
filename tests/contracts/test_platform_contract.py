"""What every platform promises, over all of them."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from PIL import Image

from adapters.simulation import SimulatedPlatform
from adapters.slack import SlackConnection, SlackPlatform
from adapters.telegram import TelegramConnection, TelegramPlatform
from adapters.terminal import TerminalPlatform
from core.errors import PermanentError, TemporaryError
from core.messages import (
    Attachment,
    Button,
    ConversationKey,
    Delivery,
    Incoming,
    MediaKind,
    Message,
    Person,
    Post,
    PostKind,
    Press,
)
from core.ports import Platform
from tests.clock import START, FakeClock
from tests.emulators.slack import SlackEmulator
from tests.emulators.telegram import TelegramEmulator
from tests.fakes import FakePlatform


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A platform, a place on it where one person talks to the bot, and what that person sees there."""

    platform: Platform
    key: ConversationKey
    person: Person
    read: Callable[[], str]
    """All that can be read now, the newest at the end, with the labels of the buttons."""
    clips: Callable[[], list[bytes]]
    """The clips that are there now."""
    send: Callable[[bytes], Awaitable[Attachment]]
    """The person sends a file."""
    group: str = ""
    """The native id of a group with this person in it alone, where the platform has groups."""


async def _telegram(stack: AsyncExitStack, folder: Path) -> Place:
    emulator = await stack.enter_async_context(TelegramEmulator())
    connection = TelegramConnection(token=emulator.token, api_url=emulator.url, loopback_only=True)
    stack.push_async_callback(connection.close)
    clock = await stack.enter_async_context(FakeClock())
    anna = emulator.user("Anna")
    chat = emulator.private(anna)

    def read() -> str:
        bots = [message for message in chat.messages if message.from_bot and not message.deleted]
        return "\n".join(line for one in bots for line in (one.said, *(button.text for button in one.buttons)))

    def clips() -> list[bytes]:
        return [emulator.file_bytes(message.video.file_id) for message in chat.messages if message.video]

    async def send(content: bytes) -> Attachment:
        sent = await chat.document(anna, content, name="fox.png")
        assert sent.document is not None
        return Attachment(kind=MediaKind.DOCUMENT, ref=sent.document.file_id, size_bytes=len(content))

    return Place(
        platform=TelegramPlatform(connection, clock=clock),
        key=ConversationKey(platform="telegram", chat=str(chat.id)),
        person=Person(id=f"telegram:{anna.id}", name="Anna"),
        read=read,
        clips=clips,
        send=send,
    )


async def _slack(stack: AsyncExitStack, folder: Path) -> Place:
    emulator = await stack.enter_async_context(SlackEmulator())
    connection = SlackConnection(bot_token=emulator.token, api_url=emulator.url, loopback_only=True)
    stack.push_async_callback(connection.close)
    await connection.identify()
    clock = await stack.enter_async_context(FakeClock())
    anna = emulator.user("Anna")
    channel = emulator.channel("film-club", members=[anna])
    root = await channel.say(anna, "@reelbot a fox")

    def read() -> str:
        bots = [message for message in channel.messages if message.from_bot and not message.deleted]
        return "\n".join(line for one in bots for line in (one.said, *(button.label for button in one.buttons)))

    def clips() -> list[bytes]:
        return [emulator.file_bytes(file.id) for one in channel.messages if one.from_bot for file in one.files]

    async def send(content: bytes) -> Attachment:
        sent = await channel.say(anna, "", thread=root, files=[("fox.png", "image/png", content)])
        return Attachment(kind=MediaKind.PHOTO, ref=sent.files[0].id, mime_type="image/png", size_bytes=len(content))

    return Place(
        platform=SlackPlatform(connection, clock=clock),
        key=ConversationKey(platform="slack", chat=f"{emulator.team.id}/{channel.id}", thread=root.ts),
        person=Person(id=f"slack:{anna.id}", name=f"<@{anna.id}>", team=emulator.team.id),
        read=read,
        clips=clips,
        send=send,
        group=emulator.user_group("producers", members=[anna]).id,
    )


async def _terminal(stack: AsyncExitStack, folder: Path) -> Place:
    output = io.StringIO()
    platform = TerminalPlatform(folder / "videos", output=output, user="Anna", interactive=False)

    async def send(content: bytes) -> Attachment:
        path = folder / "sent.png"
        path.write_bytes(content)
        return Attachment(kind=MediaKind.DOCUMENT, ref=str(path), size_bytes=len(content))

    return Place(
        platform=platform,
        key=platform.key,
        person=platform.person,
        read=output.getvalue,
        clips=lambda: [path.read_bytes() for path in (folder / "videos").glob("*")],
        send=send,
    )


async def _simulation(stack: AsyncExitStack, folder: Path) -> Place:
    platform = SimulatedPlatform(folder / "simulated")

    def read() -> str:
        labels = [button.label for post in platform.posts.values() for row in post.buttons for button in row]
        return "\n".join([*(f"{post.heading}\n{post.text}" for post in platform.posts.values()), *labels])

    async def send(content: bytes) -> Attachment:
        path = folder / "sent.png"
        path.write_bytes(content)
        return Attachment(kind=MediaKind.DOCUMENT, ref=str(path), size_bytes=len(content))

    return Place(
        platform=platform,
        key=platform.key,
        person=platform.person,
        read=read,
        clips=lambda: [path.read_bytes() for path in (folder / "simulated").glob("*")],
        send=send,
    )


async def _fake(stack: AsyncExitStack, folder: Path) -> Place:
    platform = FakePlatform()
    anna = Person(id="fake:1", name="Anna")
    platform.groups["producers"] = (anna,)

    async def send(content: bytes) -> Attachment:
        platform.files["file"] = content
        return Attachment(kind=MediaKind.DOCUMENT, ref="file", size_bytes=len(content))

    return Place(
        platform=platform,
        key=ConversationKey(platform="fake", chat="1"),
        person=anna,
        read=platform.transcript,
        clips=lambda: [one.clip for one in platform.shown if one.delivery],
        send=send,
        group="producers",
    )


PLACES = {
    "telegram": _telegram,
    "slack": _slack,
    "terminal": _terminal,
    "simulation": _simulation,
    "fake": _fake,
}


@pytest.fixture(params=list(PLACES))
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        yield await PLACES[request.param](stack, tmp_path)


@pytest.fixture
def clip(place: Place, tmp_path: Path) -> Delivery:
    path, poster = tmp_path / "clip.mp4", tmp_path / "poster.jpg"
    path.write_bytes(b"pictures" * 400)
    Image.new("RGB", (320, 180)).save(poster)
    return Delivery(
        key=place.key,
        generation="v12",
        announcement="Your clip v12 is ready",
        caption="v12 · A fox & a <hen>",
        buttons=((Button(label="Another take", action="take:12"),),),
        reply_to="",
        clip=str(path),
        poster=str(poster),
        file_name="v12.mp4",
        width=1280,
        height=720,
        duration_s=8.0,
        size_bytes=path.stat().st_size,
        requester=place.person,
    )


class Died(BaseException):
    """The process ends here."""


class Kept:
    """What a delivery saved; dies instead at the save with the number `dies_at`."""

    def __init__(self, *, dies_at: int = 0) -> None:
        self.values: dict[str, str] = {}
        self._left = dies_at

    async def __call__(self, values: Mapping[str, str]) -> None:
        self._left -= 1
        if self._left == 0:
            raise Died
        self.values = dict(values)


def test_it_says_who_it_is_and_what_it_takes(place: Place) -> None:
    assert place.platform.name == place.key.platform
    assert place.platform.limits.upload_bytes > 0
    assert place.platform.limits.download_bytes > 0


async def test_a_post_is_seen_with_its_buttons(place: Place) -> None:
    buttons = ((Button(label="4 s", action="slot:4"), Button(label="8 s", action="slot:8")),)
    question = Post(key=place.key, kind=PostKind.QUESTION, heading="v1 <b>", text="How long & wide?", buttons=buttons)
    assert await place.platform.post(question, "")
    for part in ("v1 <b>", "How long & wide?", "4 s", "8 s"):
        assert place.read().count(part) == 1


@pytest.mark.parametrize("kind", list(PostKind))
async def test_a_later_post_takes_the_place_of_an_earlier_one(place: Place, kind: PostKind) -> None:
    first = Post(key=place.key, kind=kind, text="Waiting", anchor="a", progress=0.1)
    message_id = await place.platform.post(first, "")
    message_id = await place.platform.post(first, message_id)
    await place.platform.post(replace(first, text="Done", progress=None), message_id)
    assert "Done" in place.read()


@pytest.mark.parametrize(
    "text",
    ["🦊" * 50, "שועל אדום", "<i>&amp;</i> *_`[x](y)", "a\x00b\ud800c", "one\n\n\ntwo", "word " * 2_000, "x" * 9_000],
)
async def test_any_text_can_be_said(place: Place, text: str) -> None:
    message_id = await place.platform.post(Post(key=place.key, text=text), "")
    assert message_id
    assert await place.platform.post(Post(key=place.key, text=f"again {text}"), message_id)
    assert place.read()


async def test_what_opens_a_thread_can_be_answered_in_it(place: Place) -> None:
    thread = await place.platform.open(Post(key=replace(place.key, thread=""), text="Anna asked for a video: a fox"))
    assert (thread.platform, thread.chat) == (place.key.platform, place.key.chat)
    assert await place.platform.post(Post(key=thread, text="Where does it take place?"), "")
    assert "Anna asked for a video: a fox" in place.read()
    assert "Where does it take place?" in place.read()


async def test_the_person_alone_can_be_told(place: Place) -> None:
    direct = await place.platform.direct(place.person)
    if direct is None:
        assert place.key.platform == "fake"
        return
    assert direct.platform == place.key.platform
    assert await place.platform.direct(place.person) == direct
    assert await place.platform.obstacle(direct) is None
    assert await place.platform.post(Post(key=direct, text="Your clip is here", person=place.person), "")


async def test_an_id_of_a_list_stands_for_people(place: Place) -> None:
    for native_id in (place.person.native_id, place.group):
        if native_id:
            (found,) = await place.platform.people(native_id)
            assert (found.id, bool(found.name)) == (place.person.id, True)
            assert await place.platform.direct(found) == await place.platform.direct(place.person)


async def test_a_whisper_is_said(place: Place) -> None:
    whisper = Post(key=place.key, text="Only you can see this", person=place.person, whisper=True)
    await place.platform.post(whisper, "")


async def test_acknowledging_never_raises(place: Place) -> None:
    message = Message(event_id="e1", key=place.key, id="1", sender=place.person, text="x", sent_at=START)
    press = Press(event_id="e2", key=place.key, id="1", sender=place.person, action="x", sent_at=START, ref="gone")
    elsewhere = replace(message, key=replace(place.key, chat="-404404"))
    incoming: Incoming
    for incoming in (message, press, elsewhere):
        await place.platform.acknowledge(incoming)


async def test_nothing_keeps_a_clip_from_the_person(place: Place) -> None:
    assert await place.platform.obstacle(place.key) is None


async def test_the_delivered_bytes_are_the_clips(place: Place, clip: Delivery) -> None:
    kept = Kept()
    message_id = await place.platform.deliver(clip, {}, kept)
    assert message_id
    assert place.clips() == [Path(clip.clip).read_bytes()]
    assert clip.caption in place.read()
    assert "Another take" in place.read()


async def test_delivering_again_posts_no_second_clip(place: Place, clip: Delivery) -> None:
    kept = Kept()
    first = await place.platform.deliver(clip, {}, kept)
    for _ in range(2):
        assert await place.platform.deliver(clip, kept.values, kept) == first
    assert len(place.clips()) == 1


async def test_a_crash_at_the_first_save_posts_no_second_clip(place: Place, clip: Delivery) -> None:
    with pytest.raises(Died):
        await place.platform.deliver(clip, {}, Kept(dies_at=1))
    await place.platform.deliver(clip, {}, Kept())
    assert len(place.clips()) == 1


async def test_what_others_saved_is_kept(place: Place, clip: Delivery) -> None:
    kept = Kept()
    await place.platform.deliver(clip, {"unknown": "x"}, kept)
    await place.platform.deliver(clip, {**kept.values, "unknown": "x"}, kept)
    assert len(place.clips()) == 1


async def test_a_persons_file(place: Place, tmp_path: Path) -> None:
    content = bytes(range(256)) * 40
    sent = await place.send(content)
    for _ in range(2):
        await place.platform.fetch(sent, tmp_path / "fox.png")
        assert (tmp_path / "fox.png").read_bytes() == content


async def test_a_file_that_is_not_there(place: Place, tmp_path: Path) -> None:
    with pytest.raises((PermanentError, TemporaryError)):
        await place.platform.fetch(Attachment(kind=MediaKind.DOCUMENT, ref="no such file"), tmp_path / "x")
    assert not (tmp_path / "x").exists()
