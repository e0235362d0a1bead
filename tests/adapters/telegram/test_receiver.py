"""Listening, against the emulated server: what is stored, what is confirmed, and what happens on a bad day."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest
import structlog
from aiohttp import web

from adapters.telegram import TelegramConnection, TelegramPlatform, TelegramReceiver
from adapters.telegram.receiver import ALLOWED_UPDATES
from core.access import Access
from core.errors import TemporaryError
from core.messages import ConversationKey, Message, Person, Press
from core.ports import Receive
from tests.adapters.telegram.support import GROUP, START, FakeClock, Taken, jpeg, update
from tests.adapters.telegram.test_parsing import message, parsed
from tests.emulators.telegram import Button, Fault, TelegramChat, TelegramEmulator, TelegramUser

COMMANDS = {"video": "Make a video", "status": "How is it going?"}


@pytest.fixture
def anna(tg: TelegramEmulator) -> TelegramUser:
    return tg.user("Anna")


@pytest.fixture
def chat(tg: TelegramEmulator, anna: TelegramUser) -> TelegramChat:
    return tg.private(anna)


def made(
    connection: TelegramConnection, platform: TelegramPlatform, clock: FakeClock, **options: Any
) -> TelegramReceiver:
    return TelegramReceiver(connection, platform, clock=clock, commands=COMMANDS, poll_s=1, **options)


@pytest.fixture
def receiver(connection: TelegramConnection, platform: TelegramPlatform, clock: FakeClock) -> TelegramReceiver:
    return made(connection, platform, clock)


@asynccontextmanager
async def running(receiver: TelegramReceiver, receive: Receive) -> AsyncIterator[None]:
    task = asyncio.create_task(receiver.run(receive))
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until_confirmed(tg: TelegramEmulator) -> None:
    async with asyncio.timeout(5):
        while tg.pending_updates:
            await tg.state.changes.wait(0.01)


# --- polling ---------------------------------------------------------------------------------------------------------


async def test_polling(
    tg: TelegramEmulator, receiver: TelegramReceiver, chat: TelegramChat, anna: TelegramUser, clock: FakeClock
) -> None:
    assert receiver.healthy(clock.now())
    taken = Taken()
    await chat.say(anna, "a red fox")
    async with running(receiver, taken):
        (first,) = await taken.wait(1)
        await chat.edit(anna, chat.messages[0], "a blue fox")
        edited = (await taken.wait(2))[1]
        await until_confirmed(tg)
        assert receiver.healthy(clock.now()) == ""
        assert receiver.healthy(clock.now() + timedelta(hours=1)).startswith("Telegram: no answer since 2026")
    assert isinstance(first, Message) and isinstance(edited, Message)
    assert (first.text, first.id) == ("a red fox", str(chat.messages[0].id))
    assert (edited.text, edited.id, edited.edited) == ("a blue fox", first.id, True)
    assert first.event_id != edited.event_id
    assert tg.calls("getUpdates")[0].params["allowed_updates"] == list(ALLOWED_UPDATES)
    assert tg.state.commands and next(iter(tg.state.commands.values()))[0] == {
        "command": "video", "description": "Make a video",
    }  # fmt: skip
    assert receiver.healthy(clock.now()) == "Telegram: stopped"


async def test_presses(
    tg: TelegramEmulator, receiver: TelegramReceiver, chat: TelegramChat, anna: TelegramUser
) -> None:
    shown = chat.add(tg.bot, text="Well?", keyboard=((Button(text="Make it", callback_data="make:12"),),))
    taken = Taken()
    async with running(receiver, taken):
        press = await chat.press(anna, shown, "Make it")
        (got,) = await taken.wait(1)
    assert isinstance(got, Press)
    assert (got.action, got.id, got.ref) == ("make:12", str(shown.id), press.id)


async def test_nothing_is_confirmed_before_it_is_stored(
    tg: TelegramEmulator, receiver: TelegramReceiver, chat: TelegramChat, anna: TelegramUser
) -> None:
    for number in range(20):
        await chat.say(anna, f"wish {number}")
    stored: list[str] = []

    async def dies_at_the_sixth(incoming: object) -> None:
        assert isinstance(incoming, Message)
        if len(stored) == 6:
            raise asyncio.CancelledError
        stored.append(incoming.text)

    with suppress(asyncio.CancelledError):
        await receiver.run(dies_at_the_sixth)
    assert len(tg.pending_updates) == 20
    taken = Taken()
    async with running(receiver, taken):
        await taken.wait(20)
        await until_confirmed(tg)
    assert [one.text for one in taken.messages if isinstance(one, Message)] == [f"wish {n}" for n in range(20)]


async def test_a_storage_that_fails_gets_the_update_again(
    tg: TelegramEmulator, receiver: TelegramReceiver, chat: TelegramChat, anna: TelegramUser, clock: FakeClock
) -> None:
    await chat.say(anna, "a fox")
    taken = Taken(*[TemporaryError("The database is locked.", retry_after=3)] * 8, OSError("disk full"))
    async with running(receiver, taken):
        await taken.wait(1)
        await until_confirmed(tg)
    assert clock.now() - START >= timedelta(seconds=24)


async def test_an_update_that_can_never_be_stored_is_passed_over(
    tg: TelegramEmulator, receiver: TelegramReceiver, chat: TelegramChat, anna: TelegramUser, clock: FakeClock
) -> None:
    await chat.say(anna, "poison")
    await chat.say(anna, "a fox")
    stored: list[Message] = []
    tries = 0

    async def receive(incoming: object) -> None:
        nonlocal tries
        assert isinstance(incoming, Message)
        if incoming.text == "poison":
            tries += 1
            raise RuntimeError("a secret of Anna's")
        stored.append(incoming)

    with structlog.testing.capture_logs() as logs:
        async with running(receiver, receive):
            await until_confirmed(tg)
    assert [one.text for one in stored] == ["a fox"]
    assert tries == 10
    assert timedelta(minutes=3) < clock.now() - START < timedelta(minutes=6)
    assert "Anna" not in str(logs)


async def test_malformed_updates_block_nobody(
    tg: TelegramEmulator, receiver: TelegramReceiver, chat: TelegramChat, anna: TelegramUser
) -> None:
    await tg.push_update({"message": {"message_id": "seven", "chat": None}})
    await tg.push_update({"callback_query": 5})
    await tg.push_update({"update_id": "x", "message": []})
    await chat.say(anna, "a fox")
    taken = Taken()
    async with running(receiver, taken):
        await taken.wait(1)
        await until_confirmed(tg)
        await tg.push_update({"update_id": "x", "message": []})
        await until_confirmed(tg)
        await chat.say(anna, "another")
        await taken.wait(2)


async def test_numbers_that_begin_anew_lower_down(
    tg: TelegramEmulator, receiver: TelegramReceiver, chat: TelegramChat, anna: TelegramUser
) -> None:
    taken = Taken()
    async with running(receiver, taken):
        await chat.say(anna, "a fox")
        await taken.wait(1)
        await until_confirmed(tg)
        await asyncio.sleep(0.02)
        await tg.push_update({**update(text="after a quiet week"), "update_id": 12})
        await taken.wait(2)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"status": 401}, "token"),
        ({"status": 409}, "Another program"),
        ({"status": 502, "body": "<html>"}, "trouble"),
        ({"status": 429, "retry_after": 9}, "pause"),
        ({"drop": "before"}, "not answer"),
        ({"malformed": True}, "not answer"),
        ({"body": b"[" * 100_000}, "not answer"),
        ({"body": {"ok": True, "result": {"no": "list"}}}, "no list"),
    ],
)
async def test_polling_survives(
    tg: TelegramEmulator,
    connection: TelegramConnection,
    platform: TelegramPlatform,
    chat: TelegramChat,
    anna: TelegramUser,
    fault: dict[str, Any],
    said: str,
) -> None:
    clock = FakeClock(held=True)
    receiver = made(connection, platform, clock)
    tg.faults.add(Fault(match="getUpdates", times=2, **fault))
    taken = Taken()
    await chat.say(anna, "a fox")
    async with running(receiver, taken):
        await clock.until_slept(1)
        assert said in receiver.healthy(clock.now())
        clock.advance(60)
        await clock.until_slept(2)
        clock.advance(60)
        await taken.wait(1)
        assert receiver.healthy(clock.now()) == ""
    assert clock.slept == ([9.0, 9.0] if "retry_after" in fault else [1.0, 2.0])


async def test_a_batch_is_confirmed_although_the_confirming_poll_failed_first(
    tg: TelegramEmulator, receiver: TelegramReceiver, chat: TelegramChat, anna: TelegramUser
) -> None:
    tg.faults.add(Fault(match="getUpdates", status=502, times=2, when=lambda call: "offset" in call.params))
    taken = Taken()
    await chat.say(anna, "a fox")
    async with running(receiver, taken):
        await until_confirmed(tg)
    assert len(taken.messages) == 1


async def test_a_server_that_is_down_at_first(
    tg: TelegramEmulator, receiver: TelegramReceiver, chat: TelegramChat, anna: TelegramUser, clock: FakeClock
) -> None:
    tg.faults.add(Fault(match="getMe", drop="before", times=9))
    tg.faults.add(Fault(match="setMyCommands", status=500))
    tg.faults.add(Fault(match="deleteWebhook", status=500))
    taken = Taken()
    await chat.say(anna, "a fox")
    async with running(receiver, taken):
        await taken.wait(1)
    assert clock.slept[:9] == [1, 2, 4, 8, 16, 32, 60, 60, 60]


async def test_a_webhook_left_by_somebody_is_removed(
    tg: TelegramEmulator, receiver: TelegramReceiver, chat: TelegramChat, anna: TelegramUser
) -> None:
    await tg.state.updates.set_webhook("http://127.0.0.1:1/x", secret=None, allowed=None, max_connections=1, drop=False)
    taken = Taken()
    async with running(receiver, taken):
        await chat.say(anna, "a fox")
        await taken.wait(1)
        await tg.state.updates.set_webhook(
            "http://127.0.0.1:1/x", secret=None, allowed=None, max_connections=1, drop=False
        )
        await chat.say(anna, "another")
        await taken.wait(2)


async def test_albums(tg: TelegramEmulator, receiver: TelegramReceiver, anna: TelegramUser) -> None:
    group = tg.group("Team", members=[anna])
    sent = await group.album(anna, [jpeg(), jpeg(color="red"), jpeg(color="green")], caption="@reelbot make it move")
    taken = Taken()
    async with running(receiver, taken):
        await taken.wait(3)
        await until_confirmed(tg)
    parts = [one for one in taken.messages if isinstance(one, Message)]
    assert [one.text for one in parts] == ["make it move", "", ""]
    assert all(one.addressed for one in parts)
    assert [one.attachments[0].ref for one in parts] == [one.photo.file_id for one in sent if one.photo]


# --- strangers -------------------------------------------------------------------------------------------------------


async def test_strangers_are_told_once_an_hour(
    tg: TelegramEmulator, connection: TelegramConnection, platform: TelegramPlatform, chat: TelegramChat,
    anna: TelegramUser, clock: FakeClock,
) -> None:  # fmt: skip
    bob = tg.user("Bob")
    receiver = made(
        connection, platform, clock, allowed_users=frozenset({str(anna.id)}), stranger_text="Not for you, {id}."
    )
    taken = Taken()
    async with running(receiver, taken):
        other = tg.private(bob)
        await other.say(bob, "one")
        await other.wait_for(f"Not for you, {bob.id}.")
        await other.say(bob, "two")
        await chat.say(anna, "a fox")
        await taken.wait(1)
        clock.advance(3_600)
        last = await other.say(bob, "three")
        await other.wait_for("Not for you", after=last)
    assert len([one for one in other.messages if one.from_bot]) == 2
    assert [one.sender.name for one in taken.messages] == ["Anna"]


async def test_a_strangers_press_is_answered_and_does_nothing(
    tg: TelegramEmulator, connection: TelegramConnection, platform: TelegramPlatform, chat: TelegramChat,
    anna: TelegramUser, clock: FakeClock,
) -> None:  # fmt: skip
    shown = chat.add(tg.bot, text="Well?", keyboard=((Button(text="Make it", callback_data="make:12"),),))
    taken = Taken()
    async with running(made(connection, platform, clock, allowed_users=frozenset({"1"})), taken):
        press = await chat.press(anna, shown, "Make it")
        await chat.answer_to(press)
    assert not taken.messages


async def test_a_stranger_who_cannot_be_told(
    tg: TelegramEmulator, connection: TelegramConnection, platform: TelegramPlatform, chat: TelegramChat,
    anna: TelegramUser, clock: FakeClock,
) -> None:  # fmt: skip
    tg.faults.add(Fault(match="sendMessage", status=403))
    receiver = made(connection, platform, clock, allowed_chats=frozenset({"-5"}), stranger_text="No.")
    async with running(receiver, Taken()):
        await chat.say(anna, "hi")
        await tg.wait_for_call("sendMessage")
        await until_confirmed(tg)


@pytest.mark.parametrize(
    ("users", "chats", "private", "group"),
    [
        (set(), set(), True, True),
        ({"5000001"}, set(), True, True),
        ({"1"}, set(), False, False),
        (set(), {"-1001000"}, False, True),
        (set(), {"5000001"}, True, False),
        ({"5000001"}, {"-1001000"}, True, True),
        ({"5000001"}, {"-9"}, True, False),
        ({"1"}, {"-1001000"}, False, False),
    ],
)
def test_allow_lists(users: set[str], chats: set[str], private: bool, group: bool) -> None:
    access = Access(users=users, chats=chats)
    alone, together = parsed(update()), parsed(update(chat=GROUP))
    assert alone is not None and together is not None
    assert tuple(access.refusal(one, chat=one.key.chat) is None for one in (alone, together)) == (private, group)


@pytest.mark.parametrize(
    ("action", "private", "heard"),
    [
        ("approve:1", True, True),
        ("deny:1:price", True, True),
        ("pass:1", True, True),
        ("reject:1:no", True, True),
        ("pass:1", False, False),
        ("make:1:1", True, False),
        ("file:1", True, False),
        ("pass", True, False),
    ],
)
def test_whoever_was_asked_to_decide_is_heard_in_private_on_whatever_list_they_are(
    action: str, private: bool, heard: bool
) -> None:
    access = Access(users={"1"}, chats={"-9"}, teams={"T1"})
    press = Press(
        event_id="1",
        key=ConversationKey(platform="slack", chat="2"),
        id="1",
        sender=Person(id="slack:2", name="Bob", team="T2"),
        action=action,
        sent_at=START,
        private=private,
    )
    assert (access.refusal(press, chat="2") is None) is heard


def test_nobody_is_told_who_did_not_speak_to_the_bot() -> None:
    access = Access(users={"1"}, chats=set())
    aside, said = message(update(chat=GROUP)), message(update())
    assert not access.tell(aside, START)
    assert access.tell(said, START)
    assert not access.tell(said, START + timedelta(minutes=59))


def test_strangers_are_forgotten_after_an_hour() -> None:
    access = Access(users={"1"}, chats=set())
    for number in range(10_001):
        assert access.tell(message(update(**{"from": {"id": number, "is_bot": False, "first_name": "x"}})), START)
    assert access.tell(message(update()), START + timedelta(hours=2))
    assert len(access._told) == 1


# --- webhook ---------------------------------------------------------------------------------------------------------

SECRET = "s3cret-token_1"
HEADERS = {"X-Telegram-Bot-Api-Secret-Token": SECRET}


@pytest.fixture
async def hooked(
    connection: TelegramConnection, platform: TelegramPlatform
) -> AsyncIterator[tuple[TelegramReceiver, Taken, FakeClock]]:
    """A receiver with its webhook behind a server, as the program would mount it."""
    taken, clock = Taken(), FakeClock(held=True)

    async def handle(request: web.Request) -> web.Response:
        return web.Response(status=(await hook.handle(request.headers, await request.read(), taken)).status)

    app = web.Application()
    app.router.add_post("/telegram/webhook", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/telegram/webhook"
    hook = made(connection, platform, clock, webhook_url=url, webhook_secret=SECRET)
    async with running(hook, taken):
        yield hook, taken, clock
    await runner.cleanup()


async def test_webhook(
    tg: TelegramEmulator,
    hooked: tuple[TelegramReceiver, Taken, FakeClock],
    chat: TelegramChat,
    anna: TelegramUser,
) -> None:
    receiver, taken, clock = hooked
    await chat.say(anna, "a fox")
    await tg.push_update({"message": "malformed"})
    await chat.say(anna, "another")
    await taken.wait(2)
    await until_confirmed(tg)
    assert receiver.healthy(clock.now()) == ""
    call = tg.calls("setWebhook")[0]
    assert call.params["secret_token"] == SECRET
    assert call.params["allowed_updates"] == list(ALLOWED_UPDATES)
    assert call.params["max_connections"] == 40
    assert not tg.calls("getUpdates")


async def test_webhook_is_set_again_when_somebody_took_it(
    tg: TelegramEmulator, hooked: tuple[TelegramReceiver, Taken, FakeClock]
) -> None:
    _, _, clock = hooked
    await tg.wait_for_call("setWebhook")
    await tg.state.updates.set_webhook("", secret=None, allowed=None, max_connections=1, drop=False)
    await clock.until_slept(1)
    clock.advance(300)
    await tg.wait_for_call("setWebhook", count=2)


async def test_a_webhook_telegram_cannot_reach_is_told(
    tg: TelegramEmulator, hooked: tuple[TelegramReceiver, Taken, FakeClock]
) -> None:
    receiver, _, clock = hooked
    await tg.wait_for_call("setWebhook")
    await clock.until_slept(1)
    info = {
        "url": tg.calls("setWebhook")[0].params["url"], "has_custom_certificate": False, "pending_update_count": 3,
        "last_error_date": int(clock.now().timestamp()) + 250, "last_error_message": "Connection refused",
    }  # fmt: skip
    tg.faults.add(Fault(match="getWebhookInfo", body={"ok": True, "result": info}))
    clock.advance(300)
    await clock.until_slept(2)
    assert "TELEGRAM_WEBHOOK_URL" in receiver.healthy(clock.now())


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Telegram-Bot-Api-Secret-Token": "wrong"},
        {"X-Telegram-Bot-Api-Secret-Token": "\udcff"},
        {"Authorization": SECRET},
    ],
)
async def test_only_telegram_may_post(
    hooked: tuple[TelegramReceiver, Taken, FakeClock], tg: TelegramEmulator, headers: dict[str, str]
) -> None:
    receiver, taken, _ = hooked
    await tg.wait_for_call("setWebhook")
    assert (await receiver.handle(headers, json.dumps(update()).encode(), taken)).status == 403
    assert not taken.messages


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe\x00", 400),
        (b"[" * 100_000, 400),
        (b"null", 200),
        (b"[]", 200),
        (b'{"update_id": 1, "message": {"text": 5}}', 200),
        (json.dumps(update()).encode(), 200),
    ],
)
async def test_webhook_bodies(
    hooked: tuple[TelegramReceiver, Taken, FakeClock], tg: TelegramEmulator, body: bytes, status: int
) -> None:
    receiver, taken, _ = hooked
    await tg.wait_for_call("setWebhook")
    lower = {name.lower(): value for name, value in HEADERS.items()}
    assert (await receiver.handle(lower, body, taken)).status == status


async def test_webhook_answers_only_what_is_stored(
    hooked: tuple[TelegramReceiver, Taken, FakeClock], tg: TelegramEmulator
) -> None:
    receiver, _, _ = hooked
    await tg.wait_for_call("setWebhook")
    body = json.dumps(update()).encode()
    failing = Taken(TemporaryError(), *[RuntimeError()] * 10)
    answers = [(await receiver.handle(HEADERS, body, failing)).status for _ in range(12)]
    assert answers == [503] * 10 + [200, 200]
    assert len(failing.messages) == 1


async def test_webhook_before_the_bot_knows_its_name(
    connection: TelegramConnection, platform: TelegramPlatform, clock: FakeClock
) -> None:
    receiver = made(connection, platform, clock, webhook_url="https://example.org/telegram/webhook", webhook_secret="x")
    assert (await receiver.handle({"x-telegram-bot-api-secret-token": "x"}, b"{}", Taken())).status == 503


def test_a_webhook_needs_a_secret(connection: TelegramConnection, platform: TelegramPlatform, clock: FakeClock) -> None:
    with pytest.raises(ValueError, match="secret"):
        made(connection, platform, clock, webhook_url="https://example.org/telegram/webhook")
