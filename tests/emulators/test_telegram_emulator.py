"""The Telegram emulator against the real python-telegram-bot: what it does, and what it refuses."""

import asyncio
import io
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import web
from PIL import Image
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeChat,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaVideo,
    Message,
    ReactionTypeEmoji,
    ReplyParameters,
    Update,
)
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError
from telegram.ext import Application, CallbackQueryHandler, ContextTypes, MessageHandler, filters
from telegram.request import HTTPXRequest

from tests.emulators.faults import Fault, Faults
from tests.emulators.telegram import Call, TelegramChat, TelegramEmulator, TelegramUser
from tests.emulators.telegram_text import parse_html


def jpeg(width: int = 64, height: int = 48) -> bytes:
    """A small real image."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "orange").save(buffer, "JPEG")
    return buffer.getvalue()


def bot_for(tg: TelegramEmulator, token: str | None = None) -> Bot:
    """The real SDK, pointed at the emulator."""
    plain = {"verify": False}  # loading certificates takes longer than a test
    return Bot(
        token or tg.token,
        base_url=f"{tg.url}/bot",
        base_file_url=f"{tg.url}/file/bot",
        request=HTTPXRequest(connection_pool_size=8, httpx_kwargs=plain),
        get_updates_request=HTTPXRequest(httpx_kwargs=plain),
    )


def card(*labels: str) -> InlineKeyboardMarkup:
    """One row of buttons."""
    return InlineKeyboardMarkup([[InlineKeyboardButton(one, callback_data=f"do:{one}") for one in labels]])


def refused(kind: type[TelegramError], words: str) -> pytest.RaisesExc[TelegramError]:
    """Expect an error with these words; the SDK changes the case of the first letter."""
    return pytest.raises(kind, match="(?i)" + re.escape(words))


async def raw(tg: TelegramEmulator, method: str, **params: Any) -> tuple[int, dict[str, Any]]:
    """A call without the SDK, which would not make it."""
    async with aiohttp.ClientSession() as session, session.post(f"{tg.url}/bot{tg.token}/{method}", json=params) as got:
        return got.status, await got.json()


@pytest.fixture(autouse=True)
def _seconds_as_timedelta(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it the SDK warns whenever it is told to wait."""
    monkeypatch.setenv("PTB_TIMEDELTA", "true")


@pytest.fixture
async def tg() -> AsyncIterator[TelegramEmulator]:
    async with TelegramEmulator(download_limit=3000, upload_limit=5000) as emulator:
        yield emulator


@pytest.fixture
async def bot(tg: TelegramEmulator) -> AsyncIterator[Bot]:
    async with bot_for(tg) as sdk:
        yield sdk


@pytest.fixture
def ann(tg: TelegramEmulator) -> TelegramUser:
    return tg.user("Ann", language="de")


@pytest.fixture
def bob(tg: TelegramEmulator) -> TelegramUser:
    return tg.user("Bob")


@pytest.fixture
def chat(tg: TelegramEmulator, ann: TelegramUser) -> TelegramChat:
    return tg.private(ann)


@pytest.fixture
def group(tg: TelegramEmulator, ann: TelegramUser, bob: TelegramUser) -> TelegramChat:
    return tg.group("Film club", members=[ann, bob])


async def test_a_polling_application_talks_and_is_pressed(
    tg: TelegramEmulator, ann: TelegramUser, chat: TelegramChat
) -> None:
    async def answer(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.message is not None
        await update.message.reply_text(
            "Shall I <b>make</b> it?", parse_mode="HTML", reply_markup=card("Make it · $0.56", "Cancel"), do_quote=True
        )

    async def pressed(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.callback_query is not None
        await update.callback_query.answer("On it")
        await update.callback_query.edit_message_text("Making it")

    application = Application.builder().bot(bot_for(tg)).build()
    application.add_handler(MessageHandler(filters.TEXT, answer))
    application.add_handler(CallbackQueryHandler(pressed))
    async with application:
        assert application.updater is not None
        await application.start()
        await application.updater.start_polling(allowed_updates=["message", "callback_query"])
        said = await chat.say(ann, "make me a video")
        reply = await chat.wait_for("Make it", after=said)
        assert (reply.text, reply.reply_to, reply.entities[0]["type"]) == ("Shall I make it?", said, "bold")
        assert [button.text for button in reply.buttons] == ["Make it · $0.56", "Cancel"]
        press = await chat.answer_to(await chat.press(ann, reply, "Make it"))
        assert press.answer == "On it"
        edited = await chat.wait_for("Making it", after=press)
        assert edited is reply
        assert not edited.buttons
        assert [one.text for one in edited.edits] == ["Shall I make it?"]
        await application.updater.stop()
        await application.stop()
    assert not tg.pending_updates
    assert chat.transcript().splitlines() == [
        "Ann (#1): make me a video",
        "Reelbot (#2 to #1 edited 1x): Making it",
        "Ann presses [Make it · $0.56] on #2 -> 'On it'",
    ]


async def test_updates_stay_until_a_higher_offset_confirms_them(
    tg: TelegramEmulator, bot: Bot, ann: TelegramUser, chat: TelegramChat
) -> None:
    for text in ("one", "two", "/start@reelbot for @reelbot and a/b"):
        await chat.say(ann, text)
    updates = await bot.get_updates()
    assert [one.update_id - updates[0].update_id for one in updates] == [0, 1, 2]
    message = updates[2].message
    assert message is not None and message.from_user is not None
    assert [(one.type, message.parse_entity(one)) for one in message.entities] == [
        ("bot_command", "/start@reelbot"),
        ("mention", "@reelbot"),
    ]
    assert (message.from_user.language_code, message.chat.type) == ("de", "private")
    assert len(await bot.get_updates(offset=updates[1].update_id)) == 2
    assert [one.update_id for one in await bot.get_updates(offset=-1)] == [updates[2].update_id]
    assert await bot.get_updates(offset=updates[2].update_id + 1) == ()


async def test_allowed_updates_are_remembered_and_apply_to_what_comes_later(
    tg: TelegramEmulator, bot: Bot, ann: TelegramUser, chat: TelegramChat
) -> None:
    before = await chat.say(ann, "before")
    await bot.get_updates(allowed_updates=["edited_message"])
    await chat.say(ann, "after")
    await chat.edit(ann, before, "before, edited")
    kinds = [set(one) - {"update_id"} for one in tg.pending_updates]
    assert kinds == [{"message"}, {"edited_message"}]
    assert (await bot.get_webhook_info()).allowed_updates == ("edited_message",)


async def test_a_long_poll_wakes_up_and_a_second_poller_ends_the_first(
    tg: TelegramEmulator, bot: Bot, ann: TelegramUser, chat: TelegramChat
) -> None:
    first = asyncio.create_task(bot.get_updates(timeout=5))
    await tg.wait_for_call("getUpdates", answered=False)
    async with bot_for(tg) as other:
        second = asyncio.create_task(other.get_updates(timeout=5))
        with refused(Conflict, "terminated by other getUpdates"):
            await first
        await chat.say(ann, "hello")
        assert len(await second) == 1


async def test_raw_updates_may_be_repeated_and_malformed(tg: TelegramEmulator, bot: Bot) -> None:
    update = {"update_id": 41, "poll": 3}
    await tg.push_update({"update_id": 41})
    assert [one.update_id for one in await bot.get_updates()] == [41]
    assert await bot.get_updates(offset=42) == ()
    await tg.push_update(update)
    _, answer = await raw(tg, "getUpdates", offset=42)
    assert answer["result"] == [update]
    _, answer = await raw(tg, "getUpdates", offset=42)
    assert answer["result"] == []


async def test_a_webhook_gets_each_update_until_it_says_yes(
    tg: TelegramEmulator, bot: Bot, ann: TelegramUser, chat: TelegramChat
) -> None:
    got: list[tuple[str | None, str]] = []
    done = asyncio.Event()

    async def receive(request: web.Request) -> web.Response:
        update = await request.json()
        got.append((request.headers.get("X-Telegram-Bot-Api-Secret-Token"), update["message"]["text"]))
        if len(got) == 3:
            done.set()
        return web.Response(status=500 if len(got) == 1 else 200)

    app = web.Application()
    app.router.add_post("/telegram/webhook", receive)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/telegram/webhook"
    await bot.set_webhook(url, secret_token="s3cret", allowed_updates=["message"])
    await chat.say(ann, "one")
    await chat.say(ann, "two")
    await asyncio.wait_for(done.wait(), 5)
    assert got == [("s3cret", "one"), ("s3cret", "one"), ("s3cret", "two")]
    with refused(Conflict, "webhook is active"):
        await bot.get_updates()
    info = await bot.get_webhook_info()
    assert (info.url, info.last_error_message) == (
        url,
        "Wrong response from the webhook: 500 Internal Server Error",
    )
    await bot.delete_webhook()
    assert (await bot.get_webhook_info()).url == ""
    await runner.cleanup()


async def test_a_webhook_that_does_not_take_an_update_is_posted_those_of_other_chats(
    tg: TelegramEmulator, bot: Bot, ann: TelegramUser, chat: TelegramChat
) -> None:
    got: list[str] = []
    heard, done = asyncio.Event(), asyncio.Event()

    async def receive(request: web.Request) -> web.Response:
        text = (await request.json())["message"]["text"]
        if text == "one":
            await asyncio.wait_for(heard.wait(), 5)
        got.append(text)
        if text == "elsewhere":
            heard.set()
        if len(got) == 3:
            done.set()
        return web.Response()

    app = web.Application()
    app.router.add_post("/telegram/webhook", receive)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await bot.set_webhook(f"http://127.0.0.1:{runner.addresses[0][1]}/telegram/webhook")
    bob = tg.user("Bob")
    await chat.say(ann, "one")
    await chat.say(ann, "two")
    await tg.private(bob).say(bob, "elsewhere")
    await asyncio.wait_for(done.wait(), 5)
    assert got == ["elsewhere", "one", "two"]
    await bot.delete_webhook()
    await runner.cleanup()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"url": "ftp://x"}, "An HTTPS URL must be provided"),
        ({"url": "https://example.org/hook"}, "loopback"),
        ({"url": "http://127.0.0.1:1/", "secret_token": "no spaces"}, "unallowed characters"),
        ({"url": "http://127.0.0.1:1/", "max_connections": 101}, "max_connections"),
    ],
)
async def test_bad_webhooks_are_refused(bot: Bot, arguments: dict[str, Any], error: str) -> None:
    with refused(BadRequest, error):
        await bot.set_webhook(**arguments)


@pytest.mark.parametrize(
    ("method", "params", "status", "error"),
    [
        ("sendSong", {}, 404, "Not Found: method not found"),
        ("sendMessage", {"text": "x"}, 400, "Bad Request: chat_id is empty"),
        ("sendMessage", {"chat_id": 1, "text": ""}, 400, "Bad Request: chat not found"),
        ("sendMessage", {"chat_id": 5000001}, 400, "Bad Request: message text is empty"),
        ("sendMessage", {"chat_id": 5000001, "text": 5}, 400, 'parameter "text" must be a String'),
        ("sendMessage", {"chat_id": 5000001, "text": "x", "reply_to_message_id": 1}, 400, "has no parameter"),
        ("sendMessage", {"chat_id": 5000001, "text": "x", "business_connection_id": "b"}, 400, "not modelled"),
        ("sendMessage", {"chat_id": 5000001, "text": "x", "reply_markup": "{"}, 400, "can't parse reply_markup"),
        ("sendMessage", {"chat_id": 5000001, "text": "x", "reply_parameters": {}}, 400, 'find field "message_id"'),
        ("sendVideo", {"chat_id": 5000001}, 400, "Bad Request: there is no video in the request"),
        ("sendVideo", {"chat_id": 5000001, "video": "attach://a"}, 400, 'file "a" is not in the request'),
        ("editMessageText", {"chat_id": 5000001, "text": "x"}, 400, "message identifier is not specified"),
        ("sendChatAction", {"chat_id": 5000001, "action": "dance"}, 400, "wrong parameter action in request"),
        ("getChatMember", {"chat_id": 5000001, "user_id": "x"}, 400, 'parameter "user_id" must be an Integer'),
    ],
)
async def test_calls_outside_the_document_are_refused(
    tg: TelegramEmulator, chat: TelegramChat, method: str, params: dict[str, Any], status: int, error: str
) -> None:
    got, answer = await raw(tg, method, **params)
    assert (got, answer["ok"], answer["error_code"]) == (status, False, status)
    assert error in answer["description"]
    assert (tg.journal[-1].status, tg.journal[-1].error) == (status, answer["description"])


async def test_tokens_are_checked(tg: TelegramEmulator) -> None:
    for token in ("123456:WRONG", "nonsense"):
        with refused(InvalidToken, "rejected by the server"):
            async with bot_for(tg, token):
                pass
    assert [(one.status, one.error) for one in tg.journal] == [(401, "Unauthorized"), (404, "Not Found")]


Send = Callable[[Bot, TelegramChat], Awaitable[object]]


@pytest.mark.parametrize(
    ("send", "error"),
    [
        (lambda bot, chat: bot.send_message(chat.id, "x" * 4097), "message is too long"),
        (lambda bot, chat: bot.send_message(chat.id, "😀" * 2049), "message is too long"),
        (lambda bot, chat: bot.send_message(chat.id, " \n"), "text must be non-empty"),
        (lambda bot, chat: bot.send_message(chat.id, "<b>x", parse_mode="HTML"), "Can't find end tag"),
        (lambda bot, chat: bot.send_message(chat.id, "ü <x>", parse_mode="HTML"), 'start tag "x" at byte offset 3'),
        (lambda bot, chat: bot.send_message(chat.id, "a < b", parse_mode="HTML"), "Unsupported start tag"),
        (lambda bot, chat: bot.send_message(chat.id, "<b><i>x</b></i>", parse_mode="HTML"), "Unmatched end tag"),
        (lambda bot, chat: bot.send_message(chat.id, "*x*", parse_mode="MarkdownV2"), "unsupported parse_mode"),
        (lambda bot, chat: bot.send_message(chat.id, "x", reply_to_message_id=99), "to be replied not found"),
        (lambda bot, chat: bot.send_message(chat.id, "x", message_thread_id=7), "message thread not found"),
        (lambda bot, chat: bot.send_message(12345, "x"), "chat not found"),
        (lambda bot, chat: bot.send_message(chat.id, "x", reply_markup=card("ü" * 31)), "BUTTON_DATA_INVALID"),
        (lambda bot, chat: bot.send_message(chat.id, "x", reply_markup=card(" ")), "must be non-empty"),
        (lambda bot, chat: bot.send_message(chat.id, "x", reply_markup=card(*"abcdefghi")), "MARKUP_TOO_LONG"),
        (
            lambda bot, chat: bot.send_message(
                chat.id, "x", reply_markup=InlineKeyboardMarkup([[InlineKeyboardButton("x")]])
            ),
            "text buttons are unallowed",
        ),
        (
            lambda bot, chat: bot.send_message(
                chat.id, "x", reply_markup=InlineKeyboardMarkup([[InlineKeyboardButton("x", url="nowhere")]])
            ),
            "Wrong HTTP URL",
        ),
        (lambda bot, chat: bot.send_video(chat.id, b"v", caption="x" * 1025), "message caption is too long"),
        (lambda bot, chat: bot.send_video(chat.id, b"v", thumbnail=b"not a picture"), "must be a JPEG"),
        (lambda bot, chat: bot.send_video(chat.id, b"v", thumbnail=jpeg(330, 20)), "330x20 is over"),
        (lambda bot, chat: bot.send_video(chat.id, b""), "file must be non-empty"),
        (lambda bot, chat: bot.send_video(chat.id, "no-such-file"), "wrong file identifier"),
        (lambda bot, chat: bot.send_video(chat.id, "https://example.org/v.mp4"), "failed to get HTTP URL content"),
        (lambda bot, chat: bot.send_photo(chat.id, b"not a picture"), "IMAGE_PROCESS_FAILED"),
        (lambda bot, chat: bot.edit_message_text("x", chat.id, 99), "message to edit not found"),
        (lambda bot, chat: bot.delete_message(chat.id, 99), "message to delete not found"),
        (lambda bot, chat: bot.set_message_reaction(chat.id, 99, "👍"), "message to react not found"),
        (lambda bot, chat: bot.answer_callback_query("1"), "query is too old"),
        (lambda bot, chat: bot.get_file("nothing"), "wrong file_id"),
        (lambda bot, chat: bot.create_forum_topic(chat.id, "Foxes"), "the chat is not a forum"),
        (lambda bot, chat: bot.set_my_commands([BotCommand("Start", "x")]), "BOT_COMMAND_INVALID"),
        (lambda bot, chat: bot.set_my_description("x" * 513), "too long"),
    ],
)
async def test_calls_the_server_would_refuse_are_refused(bot: Bot, chat: TelegramChat, send: Send, error: str) -> None:
    with refused(BadRequest, error):
        await send(bot, chat)
    assert not chat.messages


async def test_html_entities_count_in_utf16_units() -> None:
    source = '😀<b>a &lt; <a href="http://x.y">b</a></b><pre><code class="language-py">c</code></pre>'
    text, entities = parse_html(source)
    assert text == "😀a < bc"
    assert entities == [
        {"type": "text_link", "url": "http://x.y", "offset": 6, "length": 1},
        {"type": "bold", "offset": 2, "length": 5},
        {"type": "pre", "language": "py", "offset": 7, "length": 1},
    ]


async def test_a_reply_to_a_lost_message_may_go_without_it(bot: Bot, chat: TelegramChat) -> None:
    lost = ReplyParameters(99, allow_sending_without_reply=True)
    await bot.send_message(chat.id, "hello", reply_parameters=lost, disable_notification=True)
    assert chat.messages[0].reply_to is None
    assert chat.messages[0].silent


async def test_edits_keep_history_and_refuse_what_changes_nothing(
    bot: Bot, ann: TelegramUser, chat: TelegramChat
) -> None:
    asked = await chat.say(ann, "hello")
    sent = await bot.send_message(chat.id, "one", reply_markup=card("A"))
    message = chat.messages[-1]
    with refused(BadRequest, "message is not modified"):
        await sent.edit_text("one", reply_markup=card("A"))
    with refused(BadRequest, "there is no caption"):
        await sent.edit_caption("x")
    with refused(BadRequest, "message can't be edited"):
        await bot.edit_message_text("x", chat.id, asked.id)
    await sent.edit_reply_markup(card("B"))
    assert (message.text, [one.text for one in message.buttons]) == ("one", ["B"])
    await sent.edit_text("two")
    assert not message.buttons
    assert [(one.text, one.buttons[0].text) for one in message.edits] == [("one", "A"), ("one", "B")]
    await chat.delete(message)
    with refused(BadRequest, "message to edit not found"):
        await sent.edit_text("three")


async def test_a_text_is_edited_into_a_video_and_its_bytes_come_back(
    tg: TelegramEmulator, bot: Bot, chat: TelegramChat, tmp_path: Path
) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(bytes(range(250)) * 10)
    sent = await bot.send_message(chat.id, "Your clip is ready")
    video = InputMediaVideo(
        clip.read_bytes(), caption="<b>Fox</b>", parse_mode="HTML", width=1280, height=720, duration=8,
        supports_streaming=True, thumbnail=jpeg(320, 180), filename="clip.mp4",
    )  # fmt: skip
    edited = await bot.edit_message_media(video, chat.id, sent.message_id, reply_markup=card("Another take"))
    assert isinstance(edited, Message) and edited.video is not None and edited.video.thumbnail is not None
    assert (edited.video.width, edited.video.height, edited.video.file_size) == (1280, 720, 2500)
    assert (edited.video.file_name, edited.video.mime_type, edited.text) == ("clip.mp4", "video/mp4", None)
    shown = chat.messages[0]
    assert shown.video is not None and shown.video.thumbnail is not None and shown.video.supports_streaming
    assert (shown.caption, shown.text, shown.video.thumbnail.width) == ("Fox", None, 320)
    assert tg.file_bytes(shown.video.file_id) == clip.read_bytes()
    file = await bot.get_file(edited.video.file_id)
    assert bytes(await file.download_as_bytearray()) == clip.read_bytes()
    assert [one.method for one in tg.journal][-2:] == ["getFile", "file"]
    with refused(BadRequest, "there is no text"):
        await bot.edit_message_text("x", chat.id, sent.message_id)
    with refused(BadRequest, "message is not modified"):
        await bot.edit_message_caption(
            chat.id, sent.message_id, caption="<b>Fox</b>", parse_mode="HTML", reply_markup=card("Another take")
        )


async def test_uploads_are_journalled_and_limited(
    tg: TelegramEmulator, bot: Bot, ann: TelegramUser, chat: TelegramChat
) -> None:
    sent = await bot.send_video(chat.id, b"v" * 4000, thumbnail=jpeg(), filename="a.mp4")
    call = tg.calls("sendVideo")[0]
    assert call.files["video"].read_bytes() == b"v" * 4000
    assert len(call.files) == 2
    assert sent.video is not None
    assert (sent.video.width, sent.video.height) == (320, 320)
    again = await bot.send_video(chat.id, sent.video.file_id)
    assert again.video is not None and again.video.file_id == sent.video.file_id
    with refused(BadRequest, "file is too big"):
        await bot.get_file(sent.video.file_id)
    with refused(NetworkError, "Request Entity Too Large"):
        await bot.send_document(chat.id, b"d" * 5001)
    assert tg.journal[-1].status == 413
    document = await bot.send_document(chat.id, b"d" * 10, filename="notes.txt", caption="Notes")
    assert document.document is not None and document.document.file_name == "notes.txt"
    with refused(BadRequest, "wrong file identifier"):
        await bot.send_video(chat.id, (await chat.photo(ann, jpeg())).to_api()["photo"][0]["file_id"])


async def test_people_send_photos_albums_voice_and_the_rest(
    tg: TelegramEmulator, bot: Bot, ann: TelegramUser, chat: TelegramChat
) -> None:
    picture = jpeg(300, 200)
    await chat.photo(ann, picture, caption="/video of this")
    album = await chat.album(ann, [picture, ("video", b"video")], caption="both")
    await chat.voice(ann, b"OggS")
    await chat.document(ann, b"a,b", name="list.csv", mime_type="text/csv", reply_to=album[0])
    await chat.video(ann, b"movie", width=720, height=1280)
    await chat.send_other(ann, {"location": {"latitude": 1.0, "longitude": 2.0}})
    await chat.forward(ann, album[0])
    got = [update.message for update in await bot.get_updates()]
    photo, first, second, voice, document, video, location, forwarded = [one for one in got if one is not None]
    assert (photo.photo[-1].width, photo.photo[0].width, photo.caption_entities[0].type) == (300, 90, "bot_command")
    file = await bot.get_file(photo.photo[-1].file_id)
    assert bytes(await file.download_as_bytearray()) == picture
    assert first.media_group_id == second.media_group_id is not None
    assert (first.caption, second.caption) == ("both", None)
    assert voice.voice is not None and voice.voice.mime_type == "audio/ogg"
    assert document.document is not None and document.document.file_name == "list.csv"
    assert document.reply_to_message is not None and document.reply_to_message.message_id == first.message_id
    assert video.video is not None and (video.video.width, video.video.height) == (720, 1280)
    assert location.location is not None
    assert forwarded.forward_origin is not None
    with pytest.raises(ValueError, match="in parts"):
        await chat.say(ann, "x" * 4097)


async def test_presses_name_the_buttons_there_are_and_are_answered_once(
    tg: TelegramEmulator, bot: Bot, ann: TelegramUser, bob: TelegramUser, group: TelegramChat
) -> None:
    buttons = [
        InlineKeyboardButton("Make it", callback_data="order:1"),
        InlineKeyboardButton("Open", url="http://a.b/"),
    ]
    await bot.send_message(group.id, "Card", reply_markup=InlineKeyboardMarkup([buttons]))
    message = await group.wait_for(lambda one: bool(one.buttons))
    with pytest.raises(AssertionError, match="its buttons: 'Make it', 'Open'"):
        await group.press(ann, message, "Cancel")
    with pytest.raises(AssertionError, match="does not learn"):
        await group.press(ann, message, "Open")
    press = await group.press(bob, message, "ake")
    await group.press_raw(bob, message, "forged")
    queries = [one.callback_query for one in await bot.get_updates(allowed_updates=["callback_query"])]
    assert [one.data for one in queries if one] == ["order:1", "forged"]
    assert queries[0] is not None and queries[0].from_user.id == bob.id
    with refused(BadRequest, "MESSAGE_TOO_LONG"):
        await queries[0].answer("x" * 201)
    await queries[0].answer("Only Ann may", show_alert=True)
    assert (press.answer, press.alert) == ("Only Ann may", True)
    with refused(BadRequest, "query is too old"):
        await queries[0].answer()


async def test_a_press_can_be_answered_too_late() -> None:
    async with TelegramEmulator(query_lifetime=0.0) as tg, bot_for(tg) as bot:
        ann = tg.user("Ann")
        chat = tg.private(ann)
        await bot.send_message(ann.id, "Card", reply_markup=card("Go"))
        press = await chat.press(ann, chat.messages[0], "Go")
        with refused(BadRequest, "query is too old"):
            await bot.answer_callback_query(press.id)


async def test_waiting_in_vain_prints_the_conversation(bot: Bot, ann: TelegramUser, chat: TelegramChat) -> None:
    await bot.send_message(chat.id, "Which length?", reply_markup=card("4 s", "8 s"))
    last = await chat.say(ann, "hm")
    with pytest.raises(AssertionError) as failure:
        await chat.wait_for("length", timeout=0.01, after=last)
    assert "Reelbot (#1): Which length?\n    [4 s] [8 s]\nAnn (#2): hm" in str(failure.value)


async def test_a_bot_that_was_blocked_or_never_started_is_told(
    tg: TelegramEmulator, bot: Bot, ann: TelegramUser, bob: TelegramUser, chat: TelegramChat
) -> None:
    await chat.block()
    with refused(Forbidden, "bot was blocked by the user"):
        await bot.send_message(chat.id, "hello")
    await chat.unblock()
    await bot.send_message(chat.id, "hello")
    changes = [one.my_chat_member for one in await bot.get_updates()]
    assert [one.new_chat_member.status for one in changes if one] == ["kicked", "member"]
    tg.private(bob, started=False)
    with refused(Forbidden, "can't initiate conversation"):
        await bot.send_message(bob.id, "hello")


async def test_a_group_lets_the_bot_do_what_its_rights_say(
    tg: TelegramEmulator, bot: Bot, ann: TelegramUser, group: TelegramChat
) -> None:
    asked = await group.say(ann, "make a video")
    assert (await bot.get_chat_member(group.id, tg.bot.id)).status == "member"
    with refused(BadRequest, "message can't be deleted"):
        await bot.delete_message(group.id, asked.id)
    group.set_bot(rights={"can_send_videos": False})
    with refused(BadRequest, "not enough rights to send videos to the chat"):
        await bot.send_video(group.id, b"v")
    restricted = await bot.get_chat_member(group.id, tg.bot.id)
    assert (restricted.status, restricted.to_dict()["can_send_videos"]) == ("restricted", False)
    group.set_bot(rights={"can_delete_messages": True})
    await bot.delete_messages(group.id, [asked.id, 99])
    assert asked.deleted
    group.set_bot(member=False)
    for call in (bot.send_message(group.id, "x"), bot.get_chat(group.id), bot.get_chat_member(group.id, ann.id)):
        with refused(Forbidden, "bot is not a member of the supergroup chat"):
            await call
    with pytest.raises(ValueError, match="no such right"):
        tg.group("Other", members=[ann], bot_rights={"can_fly": True})


async def test_topics_hold_their_messages(tg: TelegramEmulator, bot: Bot, ann: TelegramUser) -> None:
    forum = tg.group("Studio", members=[ann], owner=ann, forum=True, bot_rights={"can_manage_topics": True})
    topic = tg.topic(forum, "Foxes")
    said = await forum.say(ann, "a fox", thread=topic)
    general = await forum.say(ann, "hello all")
    updates = [one.message for one in await bot.get_updates()]
    assert updates[1] is not None and updates[2] is not None and updates[1].reply_to_message is not None
    assert (updates[1].message_thread_id, updates[1].is_topic_message) == (topic.message_thread_id, True)
    assert updates[1].reply_to_message.forum_topic_created is not None
    assert (updates[2].message_thread_id, general.thread) == (None, None)
    await bot.send_message(forum.id, "In here", message_thread_id=topic.message_thread_id)
    await bot.send_message(forum.id, "As a reply", reply_to_message_id=said.id)
    assert [one.thread for one in forum.messages[-2:]] == [topic.message_thread_id] * 2
    with refused(BadRequest, "message thread not found"):
        await bot.send_chat_action(forum.id, "typing", message_thread_id=1)
    made = await bot.create_forum_topic(forum.id, "Cats")
    await forum.say(ann, "a cat", thread=made.message_thread_id)
    forum.delete_topic(topic)
    with refused(BadRequest, "message thread not found"):
        await bot.send_message(forum.id, "Too late", message_thread_id=topic.message_thread_id)
    forum.set_bot(rights={})
    with refused(BadRequest, "not enough rights to create a topic"):
        await bot.create_forum_topic(forum.id, "Dogs")
    assert (await bot.get_chat_member(forum.id, ann.id)).status == "creator"


async def test_replies_in_a_group_without_topics_carry_a_thread_nobody_can_send_to(
    bot: Bot, ann: TelegramUser, bob: TelegramUser, group: TelegramChat
) -> None:
    first = await group.say(ann, "a fox")
    await group.say(bob, "at night", reply_to=first)
    updates = await bot.get_updates()
    assert updates[1].message is not None
    assert (updates[1].message.message_thread_id, updates[1].message.is_topic_message) == (first.id, None)
    with refused(BadRequest, "message thread not found"):
        await bot.send_message(group.id, "x", message_thread_id=first.id)


async def test_privacy_and_private_topics_can_be_had() -> None:
    async with TelegramEmulator(privacy=True, private_topics=True) as tg, bot_for(tg) as bot:
        ann = tg.user("Ann")
        group = tg.group("Film club", members=[ann])
        for text in ("between us", "/video@otherbot", "hey @reelbot"):
            await group.say(ann, text)
        assert [one["message"]["text"] for one in tg.pending_updates] == ["hey @reelbot"]
        topic = await bot.create_forum_topic(tg.private(ann).id, "Foxes")
        await bot.send_message(ann.id, "here", message_thread_id=topic.message_thread_id)
        me = await bot.get_me()
        assert (me.can_read_all_group_messages, me.to_dict()["has_topics_enabled"]) == (False, True)


async def test_reactions_commands_and_descriptions(bot: Bot, ann: TelegramUser, chat: TelegramChat) -> None:
    asked = await chat.say(ann, "hello")
    await bot.set_message_reaction(chat.id, asked.id, "👀")
    assert asked.reactions == ["👀"]
    with refused(BadRequest, "REACTION_INVALID"):
        await bot.set_message_reaction(chat.id, asked.id, ReactionTypeEmoji("🦊"))
    with refused(BadRequest, "REACTIONS_TOO_MANY"):
        await bot.set_message_reaction(chat.id, asked.id, ["👍", "👎"])
    scope = BotCommandScopeChat(chat.id)
    await bot.set_my_commands([BotCommand("video", "Make a video")], scope=scope, language_code="de")
    assert [one.command for one in await bot.get_my_commands(scope, "de")] == ["video"]
    assert await bot.get_my_commands() == ()
    await bot.delete_my_commands(scope, "de")
    assert await bot.get_my_commands(scope, "de") == ()
    await bot.set_my_description("Makes videos")
    await bot.set_my_short_description("Videos")
    assert (await bot.get_my_description("de")).description == "Makes videos"
    assert (await bot.get_my_short_description()).short_description == "Videos"
    assert await bot.send_chat_action(chat.id, "upload_video")
    assert (await bot.get_chat(chat.id)).first_name == "Ann"


async def test_rates_are_limited_when_asked_for(bot: Bot, tg: TelegramEmulator, group: TelegramChat) -> None:
    for _ in range(3):
        await bot.send_message(group.id, "no limit")
    tg.rate_limit(per_group_per_minute=2)
    await bot.send_message(group.id, "one")
    await bot.send_chat_action(group.id, "typing")
    await bot.edit_message_text("two", group.id, group.messages[0].id)
    with pytest.raises(RetryAfter) as refusal:
        await bot.send_message(group.id, "three")
    assert timedelta(seconds=58) <= refusal.value.retry_after <= timedelta(seconds=60)  # type: ignore[operator]
    tg.rate_limit(per_chat_per_second=0.5, overall_per_second=30)
    await bot.send_message(group.id, "one")
    with pytest.raises(RetryAfter, match="0:00:02"):
        await bot.send_message(group.id, "two")
    tg.rate_limit()
    await bot.send_message(group.id, "two")


async def test_faults_answer_delay_drop_and_garble(tg: TelegramEmulator, bot: Bot, chat: TelegramChat) -> None:
    tg.faults.add(Fault(match="sendMessage", status=429, retry_after=2, when=lambda call: "one" in call.params["text"]))
    await bot.send_message(chat.id, "zero")
    with pytest.raises(RetryAfter, match="0:00:02"):
        await bot.send_message(chat.id, "one")
    await bot.send_message(chat.id, "one")
    tg.faults.add(Fault(match="send*", status=502, after=1))
    await bot.send_message(chat.id, "two")
    with refused(NetworkError, "Bad Gateway"):
        await bot.send_message(chat.id, "lost")
    tg.faults.add(Fault(match="sendMessage", drop="before"))
    with pytest.raises(NetworkError):
        await bot.send_message(chat.id, "lost")
    assert tg.journal[-1].status is None
    tg.faults.add(Fault(match="sendMessage", drop="after"))
    with pytest.raises(NetworkError):
        await bot.send_message(chat.id, "three")
    tg.faults.add(Fault(match="sendMessage", malformed=True))
    with pytest.raises(TelegramError, match="Invalid server response"):
        await bot.send_message(chat.id, "four")
    tg.faults.add(Fault(match="sendMessage", status=403, body={"ok": False, "description": "Forbidden: of course"}))
    with refused(Forbidden, "of course"):
        await bot.send_message(chat.id, "lost")
    tg.faults.add(Fault(match="getMe", delay=0.05, times=None))
    began = time.monotonic()
    await bot.get_me()
    assert time.monotonic() - began >= 0.05
    assert [one.text for one in chat.messages] == ["zero", "one", "two", "three", "four"]
    tg.faults.clear()


async def test_callbacks_run_when_a_call_arrives_and_when_it_is_processed(
    tg: TelegramEmulator, bot: Bot, chat: TelegramChat
) -> None:
    seen: list[tuple[str, int]] = []

    async def arrived(call: Call) -> None:
        seen.append((call.params["text"], len(chat.messages)))

    async def processed(call: Call) -> None:
        seen.append((call.result["text"], len(chat.messages)))

    tg.faults.on("sendMessage", arrived)
    tg.faults.on("send*", processed, moment="processed")
    await bot.send_message(chat.id, "hello")
    assert seen == [("hello", 0), ("hello", 1)]
    assert (await tg.wait_for_call("sendMessage")).status == 200
    with pytest.raises(AssertionError, match="there were: getMe, sendMessage"):
        await tg.wait_for_call("sendVideo", timeout=0.01)


async def test_a_bot_that_dies_while_it_uploads_sends_nothing(tg: TelegramEmulator, chat: TelegramChat) -> None:
    address = urlsplit(tg.url)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    head = f"POST /bot{tg.token}/sendVideo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
    part = '--B\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\nhalf'
    writer.write(f"{head}Content-Type: multipart/form-data; boundary=B\r\n\r\n{part}".encode())
    await writer.drain()
    writer.transport.abort()
    with pytest.raises(AssertionError):
        await tg.wait_for_call("sendVideo", timeout=0.1)
    assert [(one.status, one.error) for one in tg.calls("sendVideo")] == [(None, "the request broke off")]
    assert not chat.messages


async def test_a_transcript_shows_media_topics_and_what_was_deleted(
    tg: TelegramEmulator, bot: Bot, ann: TelegramUser
) -> None:
    forum = tg.group("Studio", members=[ann], forum=True)
    topic = tg.topic(forum, "Foxes")
    asked = await forum.photo(ann, jpeg(), caption="this one", thread=topic)
    await bot.set_message_reaction(forum.id, asked.id, "👀")
    await bot.send_video(forum.id, b"clip", width=64, height=36, duration=8, reply_to_message_id=asked.id)
    gone = await bot.send_message(forum.id, "oops")
    await bot.delete_message(forum.id, gone.message_id)
    assert forum.transcript().splitlines() == [
        "Ann (#2 in topic 2): <forum_topic_created>",
        f"Ann (#3 in topic 2): <photo, 64x48, {len(jpeg())} bytes> this one",
        "    reaction 👀",
        "Reelbot (#4 in topic 2 to #3): <video, 64x36, 8 s, 4 bytes> ",
        "Reelbot (#5 deleted): oops",
    ]


async def test_faults_by_chance_are_the_same_for_the_same_seed() -> None:
    def hits(seed: int) -> list[bool]:
        faults = Faults(seed=seed)
        faults.add(Fault(match="*", status=500, probability=0.5, times=None))
        return [faults.next_for("getMe", None) is not None for _ in range(20)]

    assert hits(1) == hits(1) != hits(2)


async def test_forms_and_addresses_carry_parameters_as_well(tg: TelegramEmulator, chat: TelegramChat) -> None:
    base = f"{tg.url}/bot{tg.token}"
    markup = json.dumps({"inline_keyboard": [[{"text": "A", "callback_data": "a"}]]})
    async with aiohttp.ClientSession() as session:
        params = {"chat_id": str(chat.id), "text": "by address", "disable_notification": "true"}
        async with session.get(f"{base}/sendMessage", params=params) as got:
            assert got.status == 200
        async with session.post(f"{base}/sendMessage", data=params | {"reply_markup": markup}) as got:
            assert got.status == 200
        async with session.post(f"{base}/sendMessage", data=b"{", headers={"Content-Type": "application/json"}) as got:
            assert got.status == 400
        form = aiohttp.FormData({"chat_id": str(chat.id), "text": "x"})
        form.add_field("stray", b"bytes", filename="stray.bin")
        async with session.post(f"{base}/sendMessage", data=form) as got:
            assert "nothing in sendMessage refers to it" in (await got.json())["description"]
        multipart = {"Content-Type": "multipart/form-data"}
        async with session.post(f"{base}/sendMessage", data=b"x", headers=multipart) as got:
            assert "can't parse the request as multipart" in (await got.json())["description"]
        async with session.get(f"{tg.url}/file/bot{tg.token}/videos/none.mp4") as got:
            assert got.status == 404
    assert [len(one.buttons) for one in chat.messages] == [0, 1]
