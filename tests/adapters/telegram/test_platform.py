"""Speaking, against the emulated server through the real SDK."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.telegram import TelegramConnection, TelegramPlatform
from adapters.telegram.platform import REACHED_FOR_S
from core.errors import PermanentError, TemporaryError, Undeliverable
from core.messages import Attachment, Button, ConversationKey, MediaKind, Message, Post, PostKind, Press
from core.ports import Obstacle
from tests.adapters.telegram.support import ANNA, START, FakeClock, delivery, jpeg
from tests.emulators.telegram import Fault, TelegramChat, TelegramEmulator, TelegramUser


def key(chat: TelegramChat, thread: int | str = "") -> ConversationKey:
    return ConversationKey(platform="telegram", chat=str(chat.id), thread=str(thread))


@pytest.fixture
def anna(tg: TelegramEmulator) -> TelegramUser:
    return tg.user("Anna")


@pytest.fixture
def chat(tg: TelegramEmulator, anna: TelegramUser) -> TelegramChat:
    return tg.private(anna)


class Saved:
    """The `save` of a delivery."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.count = 0

    async def __call__(self, values: Mapping[str, str]) -> None:
        self.values = dict(values)
        self.count += 1


# --- posts -----------------------------------------------------------------------------------------------------------


async def test_a_post_is_escaped_and_has_its_buttons(platform: TelegramPlatform, chat: TelegramChat) -> None:
    question = Post(
        key=key(chat),
        kind=PostKind.QUESTION,
        heading="How <long>?",
        text="See https://example.org & choose",
        buttons=((Button(label="4 s", action="a:4"), Button(label="8 s", action="a:8")),),
        quiet=True,
    )
    message_id = await platform.post(question, "")
    (shown,) = chat.messages
    assert message_id == str(shown.id)
    assert shown.text == "How <long>?\nSee https://example.org & choose"
    assert shown.entities[0] == {"type": "bold", "offset": 0, "length": 11}
    assert [one.callback_data for one in shown.buttons] == ["a:4", "a:8"]
    assert shown.silent


async def test_link_previews_are_off(tg: TelegramEmulator, platform: TelegramPlatform, chat: TelegramChat) -> None:
    await platform.post(Post(key=key(chat), text="https://example.org"), "")
    assert tg.calls("sendMessage")[0].params["link_preview_options"] == {"is_disabled": True}


async def test_an_edit_in_place_also_when_nothing_changes(platform: TelegramPlatform, chat: TelegramChat) -> None:
    post = Post(key=key(chat), kind=PostKind.STATUS, text="Filming")
    message_id = await platform.post(post, "")
    assert await platform.post(post, message_id) == message_id
    assert await platform.post(replace(post, text="Done"), message_id) == message_id
    assert [one.text for one in chat.messages] == ["Done"]


async def test_a_message_that_is_gone_is_sent_anew(platform: TelegramPlatform, chat: TelegramChat) -> None:
    post = Post(key=key(chat), text="Filming")
    message_id = await platform.post(post, "")
    await chat.delete(chat.messages[0])
    anew = await platform.post(replace(post, text="Done"), message_id)
    assert anew != message_id
    assert chat.messages[-1].text == "Done"


async def test_a_post_about_a_clip_edits_its_caption(
    platform: TelegramPlatform, chat: TelegramChat, tmp_path: Path
) -> None:
    message_id = await platform.deliver(delivery(tmp_path, key(chat)), {}, Saved())
    await platform.post(Post(key=key(chat), heading="v12", text="Deleted soon"), message_id)
    assert chat.messages[0].caption == "v12\nDeleted soon"
    assert chat.messages[0].video is not None


async def test_a_long_text_comes_in_parts(platform: TelegramPlatform, chat: TelegramChat, anna: TelegramUser) -> None:
    asked = await chat.say(anna, "show me")
    text = "\n\n".join(f"Paragraph {number}. " + "word " * 150 for number in range(12))
    buttons = ((Button(label="OK", action="ok"),),)
    message_id = await platform.post(
        Post(key=key(chat), text=text, heading="Prompt", buttons=buttons, reply_to=str(asked.id)), ""
    )
    parts = [one for one in chat.messages if one.from_bot]
    assert len(parts) == 3
    assert message_id == str(parts[-1].id)
    assert [bool(one.buttons) for one in parts] == [False, False, True]
    assert [one.silent for one in parts] == [False, True, True]
    assert all(one.reply_to is asked for one in parts)
    assert [one.said.startswith("Paragraph") for one in parts] == [False, True, True]


async def test_a_reply_to_a_deleted_message_is_still_sent(
    platform: TelegramPlatform, chat: TelegramChat, anna: TelegramUser
) -> None:
    asked = await chat.say(anna, "hm")
    await chat.delete(asked)
    await platform.post(Post(key=key(chat), text="Yes?", reply_to=str(asked.id)), "")
    assert chat.messages[-1].reply_to is None


async def test_topics(tg: TelegramEmulator, platform: TelegramPlatform, anna: TelegramUser) -> None:
    group = tg.group("Team", members=[anna], forum=True)
    topic = tg.topic(group, "Foxes")
    await platform.post(Post(key=key(group, topic.message_thread_id), text="Here"), "")
    assert group.messages[-1].thread == topic.message_thread_id
    group.delete_topic(topic)
    with pytest.raises(Undeliverable):
        await platform.post(Post(key=key(group, topic.message_thread_id), text="Here"), "")


async def test_impossible_buttons_never_leave(
    tg: TelegramEmulator, platform: TelegramPlatform, chat: TelegramChat
) -> None:
    with pytest.raises(ValueError, match="64 bytes"):
        await platform.post(Post(key=key(chat), text="x", buttons=((Button(label="x", action="a" * 65),),)), "")
    assert not tg.journal


async def test_a_group_that_became_a_supergroup_is_followed(
    tg: TelegramEmulator, platform: TelegramPlatform, anna: TelegramUser
) -> None:
    group = tg.group("Team", members=[anna])
    moved = {
        "ok": False,
        "error_code": 400,
        "description": "Bad Request: group chat was upgraded to a supergroup chat",
        "parameters": {"migrate_to_chat_id": group.id},
    }
    tg.faults.add(Fault(match="sendMessage", status=400, body=moved))
    old = ConversationKey(platform="telegram", chat="-77")
    await platform.post(Post(key=old, text="one"), "")
    await platform.post(Post(key=old, text="two"), "")
    assert [one.text for one in group.messages] == ["one", "two"]
    assert len(tg.calls("sendMessage")) == 3
    tg.faults.add(Fault(match="sendMessage", status=400, body=moved, times=2))
    with pytest.raises(PermanentError, match=str(group.id)):
        await platform.post(old_post := Post(key=old, text="three"), "")
    await platform.post(old_post, "")


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error", "retry_after"),
    [
        ({"status": 429, "retry_after": 7}, TemporaryError, 7.0),
        ({"status": 500}, TemporaryError, None),
        ({"status": 502, "body": "<html>bad gateway</html>"}, TemporaryError, None),
        ({"drop": "before"}, TemporaryError, None),
        ({"malformed": True}, TemporaryError, None),
        ({"cut": True}, TemporaryError, None),
        ({"body": {"ok": True, "result": {"unexpected": True}}}, TemporaryError, None),
        ({"body": "<html>sign in to this network</html>"}, TemporaryError, None),
        ({"status": 403}, Undeliverable, None),
        ({"status": 401}, PermanentError, None),
        ({"status": 404}, PermanentError, None),
        ({"status": 413}, PermanentError, None),
        ({"status": 400}, PermanentError, None),
    ],
)
async def test_errors_say_what_to_do(
    tg: TelegramEmulator,
    platform: TelegramPlatform,
    chat: TelegramChat,
    fault: dict[str, Any],
    error: type[PermanentError] | type[TemporaryError],
    retry_after: float | None,
) -> None:
    tg.faults.add(Fault(match="sendMessage", **fault))
    with pytest.raises(error) as caught:
        await platform.post(Post(key=key(chat), text="x"), "")
    assert getattr(caught.value, "retry_after", None) == retry_after


async def test_after_a_429_the_chat_is_left_alone_for_as_long_as_asked(
    tg: TelegramEmulator, platform: TelegramPlatform, chat: TelegramChat, clock: FakeClock
) -> None:
    tg.faults.add(Fault(match="sendMessage", status=429, retry_after=7))
    for _ in range(3):
        with pytest.raises(TemporaryError):
            await platform.post(Post(key=key(chat), text="x"), "")
    assert len(tg.calls("sendMessage")) == 1
    clock.advance(7)
    await platform.post(Post(key=key(chat), text="x"), "")
    assert len(tg.calls("sendMessage")) == 2


async def test_a_newer_status_replaces_one_that_waits(
    tg: TelegramEmulator, connection: TelegramConnection, chat: TelegramChat
) -> None:
    clock = FakeClock(held=True)
    platform = TelegramPlatform(connection, clock=clock, chat_burst=1)
    status = Post(key=key(chat), kind=PostKind.STATUS, text="0 %", progress=0.0)
    message_id = await platform.post(status, "")
    waiting = [
        asyncio.create_task(platform.post(replace(status, text=f"step {step}", progress=step / 3), message_id))
        for step in (1, 2, 3)
    ]
    await clock.until_slept(3)
    clock.advance(1)
    assert await asyncio.gather(*waiting) == [message_id] * 3
    assert len(tg.calls("editMessageText")) == 1
    assert chat.messages[0].said.startswith("step 3")


async def test_an_id_of_another_platform_is_refused(platform: TelegramPlatform) -> None:
    with pytest.raises(PermanentError, match="no id"):
        await platform.post(Post(key=ConversationKey(platform="telegram", chat="C0FFEE"), text="x"), "")


# --- acknowledging and rights ----------------------------------------------------------------------------------------


def _incoming(where: ConversationKey) -> Message:
    return Message(event_id="update:1", key=where, id="1", sender=ANNA, text="x", sent_at=START)


async def test_acknowledging(
    tg: TelegramEmulator, platform: TelegramPlatform, chat: TelegramChat, anna: TelegramUser
) -> None:
    await platform.acknowledge(_incoming(key(chat)))
    assert tg.calls("sendChatAction")[0].params == {"chat_id": chat.id, "action": "typing"}
    buttons = ((Button(label="OK", action="ok"),),)
    await platform.post(Post(key=key(chat), text="x", buttons=buttons), "")
    press = await chat.press(anna, chat.messages[0], "OK")
    tapped = Press(event_id="update:2", key=key(chat), id="1", sender=ANNA, action="ok", sent_at=START, ref=press.id)
    await platform.acknowledge(tapped)
    assert press.answered
    await platform.acknowledge(replace(tapped, ref="gone"))
    await chat.block()
    await platform.acknowledge(_incoming(key(chat)))


async def test_nobody_is_asked_for_again_who_was_reached_a_moment_ago(
    tg: TelegramEmulator, platform: TelegramPlatform, chat: TelegramChat, clock: FakeClock
) -> None:
    await platform.acknowledge(_incoming(key(chat)))
    assert await platform.obstacle(key(chat)) is None
    assert len(tg.calls("sendChatAction")) == 1, "the acknowledgement has shown it"
    clock.advance(REACHED_FOR_S)
    assert await platform.obstacle(key(chat)) is None
    assert len(tg.calls("sendChatAction")) == 2
    await platform.acknowledge(_incoming(key(chat)))
    await chat.block()
    with pytest.raises(Undeliverable):
        await platform.post(Post(key=key(chat), text="x"), "")
    assert await platform.obstacle(key(chat)) is Obstacle.BLOCKED, "what was refused since counts for more"


async def test_obstacles(tg: TelegramEmulator, platform: TelegramPlatform, anna: TelegramUser) -> None:
    assert await platform.obstacle(key(tg.private(anna))) is None
    await tg.private(anna).block()
    assert await platform.obstacle(key(tg.private(anna))) is Obstacle.BLOCKED
    group = tg.group("Team", members=[anna])
    assert await platform.obstacle(key(group)) is None
    group.set_bot(rights={"can_send_videos": False})
    assert await platform.obstacle(key(group)) is Obstacle.NO_RIGHT_TO_SEND_VIDEO
    group.set_bot(rights={"can_send_messages": False})
    assert await platform.obstacle(key(group)) is Obstacle.NO_RIGHT_TO_POST
    group.set_bot(rights={"can_manage_chat": True})
    assert await platform.obstacle(key(group)) is None
    group.set_bot(member=False)
    assert await platform.obstacle(key(group)) is Obstacle.NOT_MEMBER
    assert await platform.obstacle(ConversationKey(platform="telegram", chat="-5")) is Obstacle.NOT_MEMBER


async def test_obstacle_of_everybody(tg: TelegramEmulator, platform: TelegramPlatform, anna: TelegramUser) -> None:
    group = tg.group("Team", members=[anna])
    full = {**group.to_full_api(), "permissions": {**group.to_full_api()["permissions"], "can_send_videos": False}}
    tg.faults.add(Fault(match="getChat", body={"ok": True, "result": full}))
    assert await platform.obstacle(key(group)) is Obstacle.NO_RIGHT_TO_SEND_VIDEO


async def test_obstacle_left_by_the_restricted(
    tg: TelegramEmulator, platform: TelegramPlatform, anna: TelegramUser
) -> None:
    group = tg.group("Team", members=[anna], bot_rights={"can_send_videos": False})
    member = {**group.member_to_api(tg.bot.id), "is_member": False}
    tg.faults.add(Fault(match="getChatMember", body={"ok": True, "result": member}))
    assert await platform.obstacle(key(group)) is Obstacle.NOT_MEMBER
    group.set_bot(rights={"can_manage_chat": True})
    tg.faults.add(Fault(match="getChatMember", status=500))
    with pytest.raises(TemporaryError):
        await platform.obstacle(key(group))


# --- deliveries ------------------------------------------------------------------------------------------------------


async def test_a_clip_is_announced_then_becomes_the_video(
    tg: TelegramEmulator, platform: TelegramPlatform, chat: TelegramChat, anna: TelegramUser, tmp_path: Path
) -> None:
    asked = await chat.say(anna, "a fox")
    clip = delivery(tmp_path, key(chat), reply_to=str(asked.id))
    saved = Saved()
    message_id = await platform.deliver(clip, {}, saved)
    _, shown = chat.messages
    assert (saved.count, saved.values["announced"], message_id) == (1, str(shown.id), str(shown.id))
    assert shown.reply_to is asked and not shown.silent
    assert shown.edits[0].text == "Your clip v12 is ready"
    video = shown.video
    assert video is not None and video.thumbnail is not None
    assert (video.width, video.height, video.duration, video.supports_streaming) == (1280, 720, 8, True)
    assert (video.thumbnail.width, video.thumbnail.height) == (320, 180)
    assert (video.file.name, video.file.mime_type) == ("v12.mp4", "video/mp4")
    assert tg.file_bytes(video.file_id) == Path(clip.clip).read_bytes()
    assert shown.caption == "v12 · A fox <in> snow\n8 s · $0.56"
    assert [one.text for one in shown.buttons] == ["Another take"]


@pytest.mark.parametrize("lost", [{"drop": "after"}, {"malformed": True}])
async def test_a_lost_answer_to_the_video_posts_no_second_one(
    tg: TelegramEmulator, platform: TelegramPlatform, chat: TelegramChat, tmp_path: Path, lost: dict[str, Any]
) -> None:
    tg.faults.add(Fault(match="editMessageMedia", **lost))
    saved = Saved()
    with pytest.raises(TemporaryError):
        await platform.deliver(delivery(tmp_path, key(chat)), {}, saved)
    assert chat.messages[0].video is not None
    await platform.deliver(delivery(tmp_path, key(chat)), saved.values, saved)
    assert len(chat.messages) == 1
    assert chat.messages[0].video is not None
    assert saved.count == 1


async def test_not_modified_is_delivered(
    tg: TelegramEmulator, platform: TelegramPlatform, chat: TelegramChat, tmp_path: Path
) -> None:
    body = {"ok": False, "error_code": 400, "description": "Bad Request: message is not modified: exactly the same"}
    tg.faults.add(Fault(match="editMessageMedia", status=400, body=body))
    await platform.deliver(delivery(tmp_path, key(chat)), {}, Saved())


async def test_a_deleted_announcement_is_made_again(
    platform: TelegramPlatform, chat: TelegramChat, tmp_path: Path
) -> None:
    announced = await platform.post(Post(key=key(chat), text="soon"), "")
    await chat.delete(chat.messages[0])
    saved = Saved()
    message_id = await platform.deliver(delivery(tmp_path, key(chat)), {"announced": announced, "other": "x"}, saved)
    assert saved.values == {"announced": message_id, "other": "x"}
    assert [one.video is not None for one in chat.messages] == [False, True]


async def test_an_announcement_deleted_at_once_is_tried_later(
    platform: TelegramPlatform, chat: TelegramChat, tmp_path: Path
) -> None:
    async def deleted(_: Mapping[str, str]) -> None:
        await chat.delete(chat.messages[-1])

    with pytest.raises(TemporaryError):
        await platform.deliver(delivery(tmp_path, key(chat)), {}, deleted)


async def test_a_clip_into_a_topic(
    tg: TelegramEmulator, platform: TelegramPlatform, anna: TelegramUser, tmp_path: Path
) -> None:
    group = tg.group("Team", members=[anna], forum=True)
    topic = tg.topic(group, "Foxes")
    await platform.deliver(delivery(tmp_path, key(group, topic.message_thread_id)), {}, Saved())
    assert group.messages[-1].video is not None
    assert group.messages[-1].thread == topic.message_thread_id


@pytest.mark.parametrize("why", ["blocked", "kicked", "no video"])
async def test_undeliverable(
    tg: TelegramEmulator, platform: TelegramPlatform, anna: TelegramUser, tmp_path: Path, why: str
) -> None:
    if why == "blocked":
        chat = tg.private(anna)
        await chat.block()
    else:
        chat = tg.group("Team", members=[anna], bot_is_member=why != "kicked", bot_rights={"can_send_videos": False})
    with pytest.raises(Undeliverable):
        await platform.deliver(delivery(tmp_path, key(chat)), {}, Saved())


async def test_too_large_a_clip_is_not_even_announced(
    tg: TelegramEmulator, connection: TelegramConnection, chat: TelegramChat, tmp_path: Path
) -> None:
    platform = TelegramPlatform(connection, clock=FakeClock(), upload_bytes=2_000)
    with pytest.raises(PermanentError, match="larger"):
        await platform.deliver(delivery(tmp_path, key(chat)), {}, Saved())
    assert not tg.journal


async def test_a_clip_that_is_not_there(platform: TelegramPlatform, chat: TelegramChat, tmp_path: Path) -> None:
    with pytest.raises(TemporaryError, match="file"):
        await platform.deliver(replace(delivery(tmp_path, key(chat)), clip=str(tmp_path / "none.mp4")), {}, Saved())


# --- fetching --------------------------------------------------------------------------------------------------------


async def _photo(tg: TelegramEmulator, content: bytes) -> Attachment:
    anna = tg.user("Anna")
    sent = await tg.private(anna).photo(anna, content)
    assert sent.photo is not None
    return Attachment(kind=MediaKind.PHOTO, ref=sent.photo.file_id, size_bytes=sent.photo.size)


async def test_fetching(tg: TelegramEmulator, platform: TelegramPlatform, tmp_path: Path) -> None:
    content = jpeg(1280, 720)
    await platform.fetch(await _photo(tg, content), tmp_path / "photo.jpg")
    assert (tmp_path / "photo.jpg").read_bytes() == content
    assert [one.name for one in tmp_path.iterdir()] == ["photo.jpg"]


@pytest.mark.parametrize("told", [True, False])
async def test_too_large_to_fetch(
    tg: TelegramEmulator, connection: TelegramConnection, tmp_path: Path, told: bool
) -> None:
    platform = TelegramPlatform(connection, clock=FakeClock(), download_bytes=1 << 20)
    anna = tg.user("Anna")
    sent = await tg.private(anna).document(anna, b"x" * (2 << 20))
    assert sent.document is not None
    size = sent.document.size if told else 0
    with pytest.raises(PermanentError, match="1 MB"):
        await platform.fetch(Attachment(kind=MediaKind.DOCUMENT, ref=sent.document.file_id, size_bytes=size),
                             tmp_path / "x")  # fmt: skip
    assert not list(tmp_path.iterdir())


async def test_what_the_server_does_not_give_out(
    tg: TelegramEmulator, platform: TelegramPlatform, tmp_path: Path
) -> None:
    for ref in ("", "unknown"):
        with pytest.raises(PermanentError):
            await platform.fetch(Attachment(kind=MediaKind.OTHER, ref=ref), tmp_path / "x")
    photo = await _photo(tg, jpeg())
    body = {"ok": False, "error_code": 400, "description": "Bad Request: file is too big"}
    tg.faults.add(Fault(match="getFile", status=400, body=body))
    with pytest.raises(PermanentError, match="larger"):
        await platform.fetch(photo, tmp_path / "x")
    body = {"ok": True, "result": {"file_id": "x", "file_unique_id": "x"}}
    tg.faults.add(Fault(match="getFile", body=body))
    with pytest.raises(PermanentError, match="keep"):
        await platform.fetch(photo, tmp_path / "x")


@pytest.mark.parametrize("fault", [{"drop": "before"}, {"status": 502}, {"status": 200, "body": b"short"}])
async def test_an_incomplete_download_leaves_nothing(
    tg: TelegramEmulator, platform: TelegramPlatform, tmp_path: Path, fault: dict[str, Any]
) -> None:
    photo = await _photo(tg, jpeg())
    tg.faults.add(Fault(match="file", times=None, **fault))
    with pytest.raises(TemporaryError):
        await platform.fetch(photo, tmp_path / "x")
    assert not list(tmp_path.iterdir())
    tg.faults.clear()
    await platform.fetch(photo, tmp_path / "x")


async def test_a_local_server_names_a_file_on_the_disk(
    tg: TelegramEmulator, platform: TelegramPlatform, tmp_path: Path
) -> None:
    (tmp_path / "kept.jpg").write_bytes(b"12345")
    result = {"file_id": "x", "file_unique_id": "x", "file_size": 5, "file_path": str(tmp_path / "kept.jpg")}
    tg.faults.add(Fault(match="getFile", body={"ok": True, "result": result}))
    await platform.fetch(Attachment(kind=MediaKind.DOCUMENT, ref="x"), tmp_path / "got.jpg")
    assert (tmp_path / "got.jpg").read_bytes() == b"12345"


# --- limits ----------------------------------------------------------------------------------------------------------


async def test_telegrams_limits_are_kept(
    tg: TelegramEmulator, platform: TelegramPlatform, anna: TelegramUser, clock: FakeClock
) -> None:
    group = tg.group("Team", members=[anna])
    tg.rate_limit(per_group_per_minute=25)
    await asyncio.gather(*(platform.post(Post(key=key(group), text=f"line {n}"), "") for n in range(22)))
    assert len(group.messages) == 22
    assert clock.now() - START >= timedelta(seconds=60)
