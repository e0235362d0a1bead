"""The Slack emulator against the real slack_sdk and slack_bolt: what it does, and what it refuses."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.emulators.faults import Fault
from tests.emulators.slack import SlackChannel, SlackEmulator, SlackMessage, SlackUser

Setup = Callable[[AsyncApp], None]


def client_for(slack: SlackEmulator, token: str | None = None) -> AsyncWebClient:
    """The real SDK, pointed at the emulator; it repeats nothing by itself."""
    return AsyncWebClient(token=slack.token if token is None else token, base_url=slack.url, retry_handlers=[])


def bolt_for(slack: SlackEmulator) -> AsyncApp:
    """The real framework, pointed at the emulator."""
    return AsyncApp(client=client_for(slack), signing_secret=slack.signing_secret)


@asynccontextmanager
async def on_socket(slack: SlackEmulator, app: AsyncApp, *, ping_interval: float = 0.1) -> AsyncIterator[None]:
    """The app, connected over Socket Mode."""
    handler = AsyncSocketModeHandler(app, slack.app_token, ping_interval=ping_interval)
    await handler.connect_async()  # type: ignore[no-untyped-call]
    await slack.wait_for_sockets()
    try:
        yield
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]
        await asyncio.sleep(0)


@asynccontextmanager
async def on_http(slack: SlackEmulator, app: AsyncApp) -> AsyncIterator[None]:
    """The app behind a web server that Slack posts to."""

    async def take(request: web.Request) -> web.Response:
        body = (await request.read()).decode()
        answer = await app.async_dispatch(AsyncBoltRequest(body=body, headers=dict(request.headers)))
        kind = answer.first_headers().get("content-type", "text/plain").split(";")[0]
        return web.Response(status=answer.status, text=answer.body or "", content_type=kind)

    async with serving(take) as url:
        slack.request_url = url
        yield
        await slack.delivered()


@asynccontextmanager
async def serving(take: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """A web server with one handler; its address."""
    served = web.Application()
    served.router.add_post("/slack/events", take)
    runner = web.AppRunner(served, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    finally:
        await runner.cleanup()


@pytest.fixture
async def slack() -> AsyncIterator[SlackEmulator]:
    async with SlackEmulator(upload_limit=64 << 20, ack_timeout=0.5) as emulator:
        yield emulator


@pytest.fixture
def client(slack: SlackEmulator) -> AsyncWebClient:
    return client_for(slack)


@pytest.fixture
def ann(slack: SlackEmulator) -> SlackUser:
    return slack.user("Ann", locale="de-DE")


@pytest.fixture
def bob(slack: SlackEmulator) -> SlackUser:
    return slack.user("Bob")


@pytest.fixture
def dm(slack: SlackEmulator, ann: SlackUser) -> SlackChannel:
    return slack.direct(ann)


@pytest.fixture
def club(slack: SlackEmulator, ann: SlackUser, bob: SlackUser) -> SlackChannel:
    return slack.channel("film-club", members=[ann, bob])


def card(*labels: str) -> list[dict[str, Any]]:
    """A text and one row of buttons."""
    buttons = [
        {"type": "button", "text": {"type": "plain_text", "text": one}, "value": f"do:{one}", "action_id": f"b{i}"}
        for i, one in enumerate(labels)
    ]
    return [
        {"type": "section", "text": {"type": "mrkdwn", "text": "Shall I *make* it?"}},
        {"type": "actions", "elements": buttons},
    ]


@pytest.mark.parametrize("transport", [on_socket, on_http])
async def test_an_app_talks_and_is_pressed(
    slack: SlackEmulator, ann: SlackUser, dm: SlackChannel, transport: Any
) -> None:
    app = bolt_for(slack)

    @app.event("message")
    async def answer(event: dict[str, Any], client: AsyncWebClient) -> None:
        await client.chat_postMessage(
            channel=event["channel"], text="Shall I make it?", blocks=card("Make it · $0.56", "Cancel")
        )

    @app.action("b0")
    async def pressed(ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
        await ack()
        message = body["message"]
        await client.chat_update(channel=body["channel"]["id"], ts=message["ts"], text="Making it", blocks=[])

    async with transport(slack, app):
        said = await dm.say(ann, "a fox in the snow")
        card_message = await dm.wait_for("Make it", after=said)
        assert [button.label for button in card_message.buttons] == ["Make it · $0.56", "Cancel"]
        press = await dm.press(ann, card_message, "Make it")
        assert press.acknowledged
        changed = await dm.wait_for("Making it", after=press)
        assert changed is card_message and changed.edited
        assert "Ann presses [Make it · $0.56]" in dm.transcript()


@asynccontextmanager
async def listening(slack: SlackEmulator, transport: Any = on_socket) -> AsyncIterator[list[dict[str, Any]]]:
    """An app that only notes the bodies it is given, events of its own messages among them."""
    app = AsyncApp(client=client_for(slack), signing_secret=slack.signing_secret, ignoring_self_events_enabled=False)
    seen: list[dict[str, Any]] = []

    @app.middleware
    async def note(body: dict[str, Any], next_: Any) -> None:
        seen.append(body)
        await next_()

    @app.event("message")
    @app.event("app_mention")
    @app.event("app_home_opened")
    @app.event("member_joined_channel")
    @app.event("agent_session_stopped")
    async def event() -> None:
        return None

    @app.command("/video")
    async def command(ack: Any) -> None:
        await ack()

    @app.shortcut("make_video")
    async def shortcut(ack: Any) -> None:
        await ack()

    @app.action({"action_id": "press"})
    @app.action({"action_id": "pick"})
    @app.action({"action_id": "liked"})
    @app.action({"action_id": "b0"})
    async def action(ack: Any) -> None:
        await ack()

    async with transport(slack, app):
        yield seen


def events(seen: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events among the bodies."""
    return [body["event"] for body in seen if "event" in body]


@asynccontextmanager
async def refused(error: str, **further: Any) -> AsyncIterator[None]:
    """Expect Slack's error."""
    with pytest.raises(SlackApiError) as caught:
        yield
    assert caught.value.response["error"] == error
    for name, value in further.items():
        assert caught.value.response[name] == value


async def raw(
    slack: SlackEmulator, method: str, *, token: str | None = None, **request: Any
) -> tuple[int, dict[str, Any]]:
    """A call without the SDK, which would not make it."""
    headers = {"Authorization": f"Bearer {slack.token if token is None else token}"}
    async with aiohttp.ClientSession() as session, session.post(slack.url + method, headers=headers, **request) as got:
        return got.status, await got.json()


async def uploaded(slack: SlackEmulator, client: AsyncWebClient, content: bytes, name: str = "clip.mp4") -> str:
    """A file that is uploaded and not completed; its id."""
    ticket = await client.files_getUploadURLExternal(filename=name, length=len(content))
    async with aiohttp.ClientSession() as session, session.post(ticket["upload_url"], data=content) as got:
        assert got.status == 200 and await got.text() == f"OK - {len(content)}"
    return str(ticket["file_id"])


# --- messages and events ---------------------------------------------------------------------------------------------


async def test_a_dm_is_one_event(slack: SlackEmulator, ann: SlackUser, dm: SlackChannel) -> None:
    async with listening(slack) as seen:
        said = await dm.say(ann, "a <fox> & @reelbot")
        await slack.delivered()
    (body,) = seen
    event = body["event"]
    assert (event["type"], event["channel_type"], event["ts"]) == ("message", "im", said.ts)
    assert event["text"] == f"a &lt;fox&gt; &amp; <@{slack.bot.id}>"
    assert event["blocks"][0]["elements"][0]["elements"] == [
        {"type": "text", "text": "a <fox> & "},
        {"type": "user", "user_id": slack.bot.id},
    ]
    assert body["authorizations"][0]["user_id"] == slack.bot.id


async def test_a_mention_has_a_twin(slack: SlackEmulator, ann: SlackUser, club: SlackChannel) -> None:
    async with listening(slack) as seen:
        root = await club.say(ann, "@reelbot a fox")
        await slack.delivered()
        assert sorted(event["type"] for event in events(seen)) == ["app_mention", "message"]
        assert {event["ts"] for event in events(seen)} == {root.ts}
        assert len({body["event_id"] for body in seen}) == 2
        seen.clear()
        await club.say(ann, "at night", thread=root)
        await slack.delivered()
        (event,) = events(seen)
        assert (event["thread_ts"], event["parent_user_id"]) == (root.ts, ann.id)
        seen.clear()
        await club.edit(ann, root, "@reelbot two foxes")
        await slack.delivered()
        (event,) = events(seen)
        assert event["subtype"] == "message_changed" and event["message"]["edited"]["user"] == ann.id
        assert event["previous_message"]["text"].endswith("a fox") and event["message"]["reply_count"] == 1


async def test_what_the_bot_may_not_see_is_not_told(slack: SlackEmulator, ann: SlackUser) -> None:
    elsewhere = slack.channel("elsewhere", members=[ann], bot_is_member=False)
    async with listening(slack) as seen:
        await elsewhere.say(ann, "@reelbot?")
        await slack.delivered()
        assert not seen
        elsewhere.invite_bot(by=ann)
        await elsewhere.say(ann, "now")
        await slack.delivered()
        kinds = [(event["type"], event.get("subtype")) for event in events(seen)]
        assert sorted(kinds, key=str) == [
            ("member_joined_channel", None),
            ("message", "channel_join"),
            ("message", None),
        ]


async def test_the_bots_own_messages_come_back(slack: SlackEmulator, client: AsyncWebClient, dm: SlackChannel) -> None:
    async with listening(slack) as seen:
        posted = await client.chat_postMessage(channel=dm.id, text="Hello")
        await client.chat_update(channel=dm.id, ts=posted["ts"], text="Hello!")
        await client.chat_delete(channel=dm.id, ts=posted["ts"])
        await slack.delivered()
    assert [event.get("subtype") for event in events(seen)] == [None, "message_changed", "message_deleted"]
    assert events(seen)[0]["bot_id"] == slack.bot.bot_id


async def test_events_need_scopes(ann: SlackUser) -> None:
    async with SlackEmulator(scopes=frozenset({"chat:write", "im:history"})) as slack:
        ann = slack.user("Ann")
        club = slack.channel("club", members=[ann])
        async with listening(slack) as seen:
            await club.say(ann, "@reelbot a fox")
            await slack.direct(ann).say(ann, "hello")
            await slack.delivered()
            assert [event["channel_type"] for event in events(seen)] == ["im"]
        async with refused("missing_scope", needed="users:read"):
            await client_for(slack).users_info(user=ann.id)
        async with refused("missing_scope", needed="channels:read"):
            await client_for(slack).conversations_info(channel=club.id)
        answered = await client_for(slack).auth_test()
        assert answered.headers["x-oauth-scopes"] == "chat:write,im:history"
        with pytest.raises(AssertionError, match="commands"):
            await club.command(ann, "help")


async def test_a_guest_of_another_workspace(slack: SlackEmulator, ann: SlackUser, client: AsyncWebClient) -> None:
    guest = slack.user("Gil", team="T0OTHER0001")
    shared = slack.channel("shared", members=[ann, guest])
    async with listening(slack) as seen:
        await shared.say(guest, "like this", files=[("frame.png", "image/png", b"pixels")])
        await slack.delivered()
    event = events(seen)[0]
    assert event["user_team"] == "T0OTHER0001" and seen[0]["is_ext_shared_channel"]
    (stub,) = event["files"]
    assert stub["file_access"] == "check_file_info" and "url_private" not in stub
    assert (await client.files_info(file=stub["id"]))["file"]["size"] == 6
    assert (await client.users_info(user=guest.id, include_locale=True))["user"].get("locale") is None
    assert (await client.users_info(user=ann.id, include_locale=True))["user"]["locale"] == "de-DE"


@pytest.mark.parametrize("transport", [on_socket, on_http])
async def test_an_event_that_is_not_acknowledged_comes_again(ann: SlackUser, transport: Any) -> None:
    async with SlackEmulator(ack_timeout=0.1, retry_after=(0.02, 0.02, 0.02)) as slack:
        ann = slack.user("Ann")
        app = bolt_for(slack)
        calls: list[dict[str, Any]] = []

        @app.middleware
        async def slow(body: dict[str, Any], next_: Any) -> None:
            calls.append(body)
            if len(calls) < 3:
                await asyncio.sleep(0.2)
            await next_()

        @app.event("message")
        async def event() -> None:
            return None

        async with transport(slack, app):
            await slack.direct(ann).say(ann, "hello")
            await slack.delivered()
        assert len(calls) == 3 and len({body["event_id"] for body in calls}) == 1
        assert [attempt.retry for attempt in slack.deliveries] == [0, 1, 2]
        assert [attempt.acknowledged for attempt in slack.deliveries] == [False, False, True]


async def test_http_retries_say_so_and_end(ann: SlackUser) -> None:
    heads: list[tuple[str | None, str | None]] = []

    async def fail(request: web.Request) -> web.Response:
        heads.append((request.headers.get("X-Slack-Retry-Num"), request.headers.get("X-Slack-Retry-Reason")))
        return web.Response(status=503, headers={"X-Slack-No-Retry": "1"} if len(heads) > 4 else {})

    async with SlackEmulator(retry_after=(0.01, 0.01, 0.01)) as slack, serving(fail) as url:
        ann = slack.user("Ann")
        slack.request_url = url
        await slack.direct(ann).say(ann, "hello")
        await slack.delivered()
        assert heads == [(None, None), ("1", "http_error"), ("2", "http_error"), ("3", "http_error")]
        await slack.direct(ann).say(ann, "again")
        await slack.delivered()
        assert len(heads) == 5, "X-Slack-No-Retry ends it"


async def test_an_app_that_dies_over_an_event_is_told_again(ann: SlackUser) -> None:
    heads: list[tuple[str | None, str | None]] = []

    async def die(request: web.Request) -> web.Response:
        heads.append((request.headers.get("X-Slack-Retry-Num"), request.headers.get("X-Slack-Retry-Reason")))
        if len(heads) == 1 and request.transport is not None:
            request.transport.abort()
        return web.Response()

    async with SlackEmulator(retry_after=(0.01, 0.01, 0.01)) as slack, serving(die) as url:
        ann = slack.user("Ann")
        slack.request_url = url
        await slack.direct(ann).say(ann, "hello")
        await slack.delivered()
        assert heads == [(None, None), ("1", "connection_failed")]
        slack.request_url = None
        opened = await client_for(slack, slack.app_token).apps_connections_open(app_token=slack.app_token)
        async with aiohttp.ClientSession() as session:
            first = await session.ws_connect(opened["url"])
            await slack.wait_for_sockets()
            await slack.direct(ann).say(ann, "hello again")
            await first.receive_json()
            envelope = await first.receive_json()
            await first.close()
            opened = await client_for(slack, slack.app_token).apps_connections_open(app_token=slack.app_token)
            second = await session.ws_connect(opened["url"])
            await second.receive_json()
            again = await second.receive_json()
            assert (envelope["retry_attempt"], again["retry_attempt"]) == (0, 1)
            assert again["payload"] == envelope["payload"] and again["envelope_id"] != envelope["envelope_id"]
            await second.send_str("no JSON")
            await second.send_json({"envelope_id": "unknown"})
            await second.send_json({"envelope_id": again["envelope_id"]})
            await slack.delivered()
            await second.close()


async def test_events_wait_for_an_app_that_is_away(slack: SlackEmulator, ann: SlackUser, dm: SlackChannel) -> None:
    await dm.say(ann, "are you there?")
    async with listening(slack) as seen:
        await slack.delivered()
        assert events(seen)[0]["text"] == "are you there?"


async def test_events_are_lost_on_an_app_that_is_away_for_long() -> None:
    async with SlackEmulator(patience=0, retry_after=(0.01,)) as slack:
        ann = slack.user("Ann")
        await slack.direct(ann).say(ann, "are you there?")
        await slack.delivered()
        async with listening(slack) as seen:
            await slack.delivered()
            assert not seen
        press = await slack.direct(ann).press_raw(ann, slack.direct(ann).messages[0], "x")
        assert not press.acknowledged


async def test_repeated_and_malformed_events(slack: SlackEmulator, ann: SlackUser, dm: SlackChannel) -> None:
    async with listening(slack) as seen:
        slack.repeat_events = 2
        await dm.say(ann, "twice")
        await slack.delivered()
        assert [body["event_id"] for body in seen] == [seen[0]["event_id"]] * 2
        seen.clear()
        await slack.deliver_event({"type": "message", "channel": "C1"}, times=3, event_id="Ev1")
        assert [body["event_id"] for body in seen] == ["Ev1"] * 3
        await slack.push({"nonsense": [1, {}]}, kind="raw")
        await slack.push("no JSON", kind="raw")
        assert await slack.push({"type": "event_callback", "event": {"type": "message", "text": None}}) == 200
        # Bolt falls over this one, and so it is not acknowledged.
        assert await slack.push({"type": "event_callback", "event": {"type": "message", "channel": 5}}) is None


async def test_faults_lose_acknowledgements(slack: SlackEmulator, ann: SlackUser, dm: SlackChannel) -> None:
    async with listening(slack) as seen:
        slack.faults.add(Fault(match="event", drop="after"))
        await dm.say(ann, "hello")
        await slack.delivered()
        assert len(seen) == 2, "it was acknowledged, and Slack did not hear it"
        slack.faults.add(Fault(match="event", drop="before"))
        await dm.say(ann, "hello again")
        await slack.delivered()
        assert len(seen) == 3


# --- Socket Mode -----------------------------------------------------------------------------------------------------


async def test_a_socket_address_is_good_once(slack: SlackEmulator) -> None:
    app_client = client_for(slack, slack.app_token)
    opened = await app_client.apps_connections_open(app_token=slack.app_token)
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(opened["url"]) as socket:
            hello = await socket.receive_json()
            assert hello["type"] == "hello" and hello["connection_info"]["app_id"] == slack.app_id
            assert slack.sockets == 1
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(opened["url"])
        sockets = []
        for _ in range(11):
            opened = await app_client.apps_connections_open(app_token=slack.app_token)
            sockets.append(await session.ws_connect(opened["url"]))
            greeting = await sockets[-1].receive_json()
        assert greeting == {"type": "disconnect", "reason": "too_many_websockets", "debug_info": greeting["debug_info"]}
        assert slack.sockets == 10
        for socket in sockets:
            await socket.close()
    async with refused("not_allowed_token_type"):
        await client_for(slack).apps_connections_open(app_token=slack.token)
    async with refused("not_allowed_token_type"):
        await client_for(slack, slack.app_token).auth_test()


async def test_a_broken_socket_loses_no_event(slack: SlackEmulator, ann: SlackUser, dm: SlackChannel) -> None:
    async with listening(slack) as seen:
        await slack.drop_sockets()
        assert slack.sockets == 0
        await dm.say(ann, "hello")
        await slack.delivered()
        assert slack.sockets == 1 and len(seen) == 1
        await slack.refresh_sockets()
        await slack.wait_for_sockets()
        await dm.say(ann, "hello again")
        await slack.delivered()
        assert len(seen) == 2


async def test_each_envelope_goes_to_one_socket(slack: SlackEmulator, ann: SlackUser, dm: SlackChannel) -> None:
    async with listening(slack) as one, listening(slack) as two:
        await slack.wait_for_sockets(2)
        for number in range(4):
            await dm.say(ann, f"number {number}")
        await slack.delivered()
        assert len(one) == len(two) == 2


# --- HTTP ------------------------------------------------------------------------------------------------------------


async def test_requests_are_signed_and_can_be_forged(slack: SlackEmulator, ann: SlackUser, dm: SlackChannel) -> None:
    async with listening(slack, on_http) as seen:
        assert (await slack.verify_url()) != ""
        body = json.dumps({"type": "event_callback", "event": {"type": "message", "channel": "C1"}}).encode()
        assert (await slack.post_raw(body))[0] == 200
        taken = len(seen)
        assert (await slack.post_raw(body, secret="wrong"))[0] == 401
        assert (await slack.post_raw(body, signature="v0=00"))[0] == 401
        assert (await slack.post_raw(body, timestamp=int(time.time()) - 600))[0] == 401
        assert len(seen) == taken
        assert await slack.push({"type": "event_callback", "event": {"type": "message"}}) == 200
        answer = await dm.command(ann, "a fox & a hen")
        assert answer.status == 200 and seen[-1]["text"] == "a fox & a hen"


# --- commands, shortcuts, presses ------------------------------------------------------------------------------------


async def test_a_command_is_acknowledged_with_words(slack: SlackEmulator, ann: SlackUser, club: SlackChannel) -> None:
    app = bolt_for(slack)

    @app.command("/video")
    async def command(ack: Any, body: dict[str, Any], respond: Any) -> None:
        await ack(f"On it: {body['text']}")
        await respond("More")
        await respond("For all", response_type="in_channel")

    async with on_socket(slack, app):
        answer = await club.command(ann, "a fox")
        assert answer.text == "On it: a fox"
        await club.wait_for_whisper(ann, "On it", after=answer)
        await club.wait_for_whisper(ann, "More", after=answer)
        assert (await club.wait_for("For all", after=answer)).from_bot
        with pytest.raises(AssertionError, match="not acknowledged"):
            await club.command(ann, "a fox", command="/unknown")


async def test_a_shortcut_names_the_message(slack: SlackEmulator, ann: SlackUser, bob: SlackUser) -> None:
    elsewhere = slack.channel("elsewhere", members=[ann, bob], bot_is_member=False, private=True)
    message = await elsewhere.say(bob, "a fox in the snow")
    async with listening(slack) as seen:
        assert (await elsewhere.shortcut(ann, message)).status == 200
    assert seen[0]["message"]["text"] == "a fox in the snow" and seen[0]["channel"]["id"] == elsewhere.id
    assert seen[0]["user"]["id"] == ann.id and seen[0]["message_ts"] == message.ts


async def test_presses_of_every_kind(
    slack: SlackEmulator, client: AsyncWebClient, ann: SlackUser, dm: SlackChannel
) -> None:
    options = [{"text": {"type": "plain_text", "text": f"{n} s"}, "value": str(n)} for n in (4, 8)]
    half = {"text": {"type": "plain_text", "text": "Good"}, "value": "up"}
    blocks = [
        {"type": "actions", "elements": [{"type": "static_select", "action_id": "pick", "options": options}]},
        {
            "type": "context_actions",
            "elements": [
                {
                    "type": "feedback_buttons",
                    "action_id": "liked",
                    "positive_button": half,
                    "negative_button": half | {"value": "down", "text": {"type": "plain_text", "text": "Bad"}},
                }
            ],
        },
    ]
    root = await dm.say(ann, "a fox")
    posted = await client.chat_postMessage(channel=dm.id, text="How long?", blocks=blocks, thread_ts=root.ts)
    message = dm.find(posted["ts"])
    assert message is not None and posted["message"]["blocks"][0]["block_id"]
    async with listening(slack) as seen:
        await slack.delivered()
        seen.clear()
        await dm.press(ann, message, "8 s")
        action = seen[-1]["actions"][0]
        assert action["type"] == "static_select" and action["selected_option"]["value"] == "8"
        held = seen[-1]["state"]["values"][action["block_id"]]["pick"]
        assert held["selected_option"]["value"] == "8"
        assert seen[-1]["container"]["thread_ts"] == root.ts
        press = await dm.press(ann, message, "Bad")
        assert seen[-1]["actions"][0]["value"] == "down" == press.value
        await dm.press_raw(ann, message, "forged")
        assert seen[-1]["actions"][0]["value"] == "forged"
        with pytest.raises(AssertionError, match="'4 s', '8 s', 'Good', 'Bad'"):
            await dm.press(ann, message, "Make it")


async def test_a_response_url_is_good_five_times(
    slack: SlackEmulator, client: AsyncWebClient, ann: SlackUser, bob: SlackUser, club: SlackChannel
) -> None:
    whispered = await client.chat_postEphemeral(channel=club.id, user=ann.id, text="Only you", blocks=card("Show"))
    whisper = await club.wait_for_whisper(ann, "make")
    assert whisper.ts == whispered["message_ts"] and whisper.ephemeral
    async with refused("message_not_found"):
        await client.chat_update(channel=club.id, ts=whisper.ts, text="no")
    with pytest.raises(AssertionError):
        await club.wait_for_whisper(bob, "make", timeout=0)
    async with listening(slack) as seen:
        await club.press(ann, whisper, "Show")
    assert "message" not in seen[-1] and seen[-1]["container"]["is_ephemeral"]
    url = seen[-1]["response_url"]
    async with aiohttp.ClientSession() as session:

        async def respond(**body: Any) -> int:
            async with session.post(url, json=body) as got:
                return got.status

        assert await respond(replace_original=True, text="Now this") == 200
        assert (whisper.said, whisper.edited) == ("Now this", True)
        assert await respond(nonsense=1) == 400
        assert await respond(text="", replace_original=True) == 400
        assert await respond(delete_original=True) == 200 and whisper.deleted
        assert [await respond(text=str(n)) for n in range(4)] == [200, 200, 200, 404]
    assert slack.calls("response_url")[-1].error == "used_url"
    async with refused("user_not_in_channel"):
        await client.chat_postEphemeral(channel=club.id, user=slack.user("Eve").id, text="psst")


# --- modals and the home tab -----------------------------------------------------------------------------------------


def modal(**more: Any) -> dict[str, Any]:
    """A modal with one input of each kind that people fill."""
    options = [{"text": {"type": "plain_text", "text": one}, "value": one.lower()} for one in ("Draft", "Best")]
    return {
        "type": "modal",
        "callback_id": "idea",
        "title": {"type": "plain_text", "text": "Your video"},
        "submit": {"type": "plain_text", "text": "Make it"},
        "blocks": [
            {
                "type": "input",
                "block_id": "what",
                "label": {"type": "plain_text", "text": "Idea"},
                "element": {"type": "plain_text_input", "action_id": "text", "min_length": 3},
            },
            {
                "type": "input",
                "block_id": "tier",
                "label": {"type": "plain_text", "text": "Quality"},
                "element": {
                    "type": "static_select", "action_id": "pick", "options": options, "initial_option": options[0],
                },
            },
            {
                "type": "input",
                "block_id": "note",
                "optional": True,
                "label": {"type": "plain_text", "text": "Note"},
                "element": {"type": "plain_text_input", "action_id": "text"},
            },
        ],
        **more,
    }  # fmt: skip


async def test_a_modal_is_opened_filled_and_refused(slack: SlackEmulator, ann: SlackUser, dm: SlackChannel) -> None:
    app = bolt_for(slack)
    submitted: list[dict[str, Any]] = []

    @app.command("/video")
    async def command(ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal(private_metadata="m1"))

    @app.view("idea")
    async def idea(ack: Any, body: dict[str, Any]) -> None:
        submitted.append(body)
        if body["view"]["state"]["values"]["what"]["text"]["value"] == "bad":
            await ack(response_action="errors", errors={"what": "Not that."})
        else:
            await ack()

    async with on_socket(slack, app):
        await dm.command(ann, "form")
        await slack.wait_for_call("views.open")
        assert slack.modal_of(ann) is not None
        assert await slack.submit(ann, {}) == {"Idea": "Please complete this required field."}
        assert not submitted, "Slack's own apps do not send that"
        assert await slack.submit(ann, {"Idea": "bad", "Quality": "Best"}) == {"Idea": "Not that."}
        assert await slack.submit(ann, {"Idea": "a fox"}) == {}
        assert slack.modal_of(ann) is None
        assert submitted[-1]["view"]["private_metadata"] == "m1"
        values = submitted[-1]["view"]["state"]["values"]
        assert values["tier"]["pick"]["selected_option"]["value"] == "best", "what was filled in stays"
        assert values["note"]["text"] == {"type": "plain_text_input", "value": None}
        with pytest.raises(AssertionError, match="no modal"):
            await slack.submit(ann, {"Idea": "a fox"})


def field(label: str, element: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An input block."""
    block = {"type": "input", "block_id": label.lower(), "label": {"type": "plain_text", "text": label}}
    return {**block, "element": {"action_id": "in", **element}, **more}


async def test_modals_are_replaced_stacked_and_closed(slack: SlackEmulator, ann: SlackUser, dm: SlackChannel) -> None:
    choices = [{"text": {"type": "plain_text", "text": one}, "value": one.lower()} for one in ("Sound", "Captions")]
    fields = [
        field("Seconds", {"type": "number_input", "is_decimal_allowed": False, "min_value": "4", "max_value": "8"}),
        field("With", {"type": "checkboxes", "options": choices}, optional=True),
        field("Link", {"type": "url_text_input"}, optional=True),
        field("Mail", {"type": "email_text_input"}, optional=True),
        field("Day", {"type": "datepicker"}, optional=True),
        field("Kind", {"type": "radio_buttons", "options": choices}, optional=True),
        {
            "type": "actions",
            "elements": [{"type": "button", "action_id": "more", "text": {"type": "plain_text", "text": "More"}}],
        },
    ]
    answers: list[dict[str, Any]] = [
        {"response_action": "update", "view": modal(callback_id="idea", blocks=fields, notify_on_close=True)},
        {"response_action": "push", "view": modal(title={"type": "plain_text", "text": "On top"})},
        {"response_action": "clear"},
    ]
    bodies: list[dict[str, Any]] = []
    app = bolt_for(slack)

    @app.command("/video")
    async def command(ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
        await client.views_open(trigger_id=body["trigger_id"], view=modal())
        await ack()

    @app.view("idea")
    async def idea(ack: Any, body: dict[str, Any]) -> None:
        bodies.append(body)
        await ack(**answers.pop(0))

    @app.view_closed("idea")
    @app.action("more")
    async def closed(ack: Any, body: dict[str, Any]) -> None:
        bodies.append(body)
        await ack()

    async with on_socket(slack, app):
        await dm.command(ann, "form")
        assert await slack.submit(ann, {"Idea": "a fox"}) == {}
        assert "Seconds" in str(slack.modal_of(ann))
        wrong = {"Seconds": "9", "Link": "fox", "Mail": "fox"}
        assert set(await slack.submit(ann, wrong)) == set(wrong)
        assert set(await slack.submit(ann, {"Seconds": "many"})) == {"Seconds"}
        with pytest.raises(AssertionError, match="no option 'Silence'"):
            await slack.submit(ann, {"Seconds": "8", "With": "Silence"})
        with pytest.raises(AssertionError, match="the modal has no 'Length'"):
            await slack.submit(ann, {"Length": "8"})
        press = await slack.press_modal(ann, "More")
        assert press.acknowledged and bodies[-1]["actions"][0]["action_id"] == "more"
        filled = {"Seconds": "8", "With": "Sound, Captions", "Day": "2027-01-31", "Kind": "Sound"}
        assert await slack.submit(ann, filled) == {}
        values = bodies[-1]["view"]["state"]["values"]
        assert values["seconds"]["in"] == {"type": "number_input", "value": "8"}
        assert [one["value"] for one in values["with"]["in"]["selected_options"]] == ["sound", "captions"]
        assert values["day"]["in"]["selected_date"] == "2027-01-31"
        assert values["link"]["in"] == {"type": "url_text_input", "value": None}
        assert "On top" in str(slack.modal_of(ann))
        await slack.close_modal(ann)
        await slack.close_modal(ann)
        assert bodies[-1]["type"] == "view_closed" and slack.modal_of(ann) is None
        await dm.command(ann, "form")
        assert await slack.submit(ann, {"Idea": "a fox"}) == {} and slack.modal_of(ann) is None


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        ({"response_action": "errors", "errors": {"nowhere": "x"}}, "no inputs here: nowhere"),
        ({"response_action": "errors", "errors": {}}, "without any error"),
        ({"response_action": "update", "view": {"type": "modal"}}, "wrong view"),
        ({"response_action": "sing"}, "does not know"),
        ("thanks", "not 'thanks'"),
        (None, "not acknowledged"),
    ],
)
async def test_wrong_answers_to_a_modal(answer: Any, what: str) -> None:
    async def take(request: web.Request) -> web.Response:
        if answer is None:
            return web.Response(status=500)
        return web.json_response(answer) if isinstance(answer, dict) else web.Response(text=answer)

    async with SlackEmulator() as slack, serving(take) as url:
        slack.request_url = url
        ann = slack.user("Ann")
        await client_for(slack).views_open(trigger_id=slack.state.trigger(ann), view=modal())
        with pytest.raises(AssertionError, match=what):
            await slack.submit(ann, {"Idea": "a fox"})
        assert slack.modal_of(ann) is not None
        assert len(slack.deliveries) == 1, "interactions are not repeated"


async def test_a_trigger_is_good_once_and_for_three_seconds(
    slack: SlackEmulator, client: AsyncWebClient, ann: SlackUser, dm: SlackChannel
) -> None:
    async with listening(slack) as seen:
        await dm.command(ann, "one")
        await dm.command(ann, "two")
    first, second = (body["trigger_id"] for body in seen)
    async with refused("invalid_arguments"):
        await client.views_open(trigger_id=first, view=modal(title={"type": "plain_text", "text": "x" * 25}))
    await client.views_open(trigger_id=first, view=modal(external_id="e1"))
    async with refused("exchanged_trigger_id"):
        await client.views_open(trigger_id=first, view=modal())
    slack.state.triggers[second].until = time.monotonic() - 1
    async with refused("expired_trigger_id"):
        await client.views_open(trigger_id=second, view=modal())
    async with refused("invalid_trigger_id"):
        await client.views_open(trigger_id="1.2.3", view=modal())
    view = slack.modal_of(ann)
    assert view is not None
    async with refused("hash_conflict"):
        await client.views_update(view_id=view["id"], hash="old", view=modal())
    await client.views_update(external_id="e1", hash=view["hash"], view=modal(callback_id="other"))
    assert (slack.modal_of(ann) or {})["callback_id"] == "other"
    async with refused("not_found"):
        await client.views_update(view_id="V1", view=modal())


async def test_the_home_tab(slack: SlackEmulator, client: AsyncWebClient, ann: SlackUser, dm: SlackChannel) -> None:
    async with listening(slack) as seen:
        await slack.open_home(ann)
        await slack.delivered()
        (event,) = events(seen)
        assert (event["type"], event["tab"], event["channel"]) == ("app_home_opened", "home", dm.id)
        await client.views_publish(user_id=ann.id, view={"type": "home", "blocks": card("New video")})
        home = slack.home_of(ann)
        assert home is not None
        press = await slack.press_home(ann, "New video")
        assert press.acknowledged and seen[-1]["view"]["id"] == home["id"] and "response_url" not in seen[-1]
        async with refused("hash_conflict"):
            await client.views_publish(user_id=ann.id, hash="old", view={"type": "home", "blocks": []})
        async with refused("invalid_arguments"):
            await client.views_publish(user_id=ann.id, view=modal())


# --- agents ----------------------------------------------------------------------------------------------------------


async def test_an_agents_session_can_be_stopped(
    slack: SlackEmulator, client: AsyncWebClient, ann: SlackUser, dm: SlackChannel
) -> None:
    async with listening(slack) as seen:
        root = await dm.say(ann, "a fox")
        with pytest.raises(AssertionError, match="no Stop"):
            await dm.stop(ann, root)
        common = {"channel_id": dm.id, "thread_ts": root.ts}
        await client.api_call("agents.sessions.setStatus", json=common | {"status": "processing", "title": "A fox"})
        await client.assistant_threads_setStatus(channel_id=dm.id, thread_ts=root.ts, status="is drawing")
        session = slack.session(dm, root.ts)
        assert session is not None
        assert (session.status, session.title, session.loading) == ("processing", "A fox", "is drawing")
        await dm.stop(ann, root)
        await slack.delivered()
        stopped = events(seen)[-1]
        assert stopped["type"] == "agent_session_stopped" and stopped["thread_ts"] == root.ts
        assert session.status == "processing", "the app itself has to change it"
        reply = await client.chat_postMessage(channel=dm.id, thread_ts=root.ts, text="Stopped")
        assert session.loading == ""
        await client.api_call("agents.sessions.setStatus", json=common | {"status": "active", "title": "Other"})
        await client.api_call("agents.sessions.rename", json=common | {"title": "Foxes"})
        assert session.history == ["processing", "active"] and session.title == "Foxes"
        async with refused("thread_not_found"):
            await client.api_call(
                "agents.sessions.setStatus", json=common | {"thread_ts": reply["ts"], "status": "active"}
            )
        prompts = [{"title": "Fox", "message": "A fox in the snow"}]
        await client.assistant_threads_setSuggestedPrompts(channel_id=dm.id, thread_ts=root.ts, prompts=prompts)
        assert slack.prompts[0].prompts == (("Fox", "A fox in the snow"),)
    async with SlackEmulator(agent=False) as plain:
        person = plain.user("Ann")
        root = await plain.direct(person).say(person, "hello")
        status, body = await raw(
            plain,
            "agents.sessions.setStatus",
            json={"channel_id": root.channel_id, "thread_ts": root.ts, "status": "active"},
        )
        assert (status, body["ok"]) == (200, False)


# --- files -----------------------------------------------------------------------------------------------------------


async def test_a_clip_is_streamed_and_shared(
    slack: SlackEmulator, client: AsyncWebClient, ann: SlackUser, club: SlackChannel, tmp_path: Path
) -> None:
    root = await club.say(ann, "@reelbot a fox")
    clip = tmp_path / "clip.mp4"
    with clip.open("wb") as file:
        file.truncate(20 << 20)
    ticket = await client.files_getUploadURLExternal(filename="clip.mp4", length=20 << 20)

    async def chunks() -> AsyncIterator[bytes]:
        with clip.open("rb") as file:
            while chunk := file.read(1 << 20):
                yield chunk

    async with refused("file_not_found"):
        await client.files_completeUploadExternal(files=[{"id": ticket["file_id"]}], channel_id=club.id)
    async with aiohttp.ClientSession() as session, session.post(ticket["upload_url"], data=chunks()) as got:
        assert got.status == 200
    async with refused("file_not_found"):
        await client.files_info(file=ticket["file_id"])
    done = await client.files_completeUploadExternal(
        files=[{"id": ticket["file_id"], "title": "A fox"}],
        channel_id=club.id,
        thread_ts=root.ts,
        blocks=json.dumps(card("Another take")),  # the SDK cannot send a list here
    )
    assert done["files"][0]["shares"] == {}
    message = await club.wait_for("Another take")
    assert message.thread_ts == root.ts and message.files[0].size == 20 << 20 and message.subtype == "file_share"
    info = (await client.files_info(file=ticket["file_id"]))["file"]
    (share,) = info["shares"]["public"][club.id]
    assert (share["ts"], share["thread_ts"], info["title"]) == (message.ts, root.ts, "A fox")
    assert len(slack.file_bytes(ticket["file_id"])) == 20 << 20
    assert [call.method for call in slack.journal if call.method.startswith(("files", "upload"))] == [
        "files.getUploadURLExternal",
        "files.completeUploadExternal",
        "upload",
        "files.info",
        "files.completeUploadExternal",
        "files.info",
    ]
    await client.chat_update(channel=club.id, ts=message.ts, text="Gone", blocks=card("Gone"))
    assert message.files and [button.label for button in message.buttons] == ["Gone"]
    await client.files_delete(file=ticket["file_id"])
    async with refused("file_deleted"):
        await client.files_info(file=ticket["file_id"])
    assert not message.files and not message.deleted


async def test_what_goes_wrong_with_uploads(
    slack: SlackEmulator, client: AsyncWebClient, ann: SlackUser, dm: SlackChannel
) -> None:
    ticket = await client.files_getUploadURLExternal(filename="clip.mp4", length=5)
    async with aiohttp.ClientSession() as session:
        async with session.post(ticket["upload_url"], data=b"four") as got:
            assert got.status == 400
        async with session.post(ticket["upload_url"], data=b"fives") as got:
            assert got.status == 404, "the address is good once"
        ticket = await client.files_getUploadURLExternal(filename="clip.mp4", length=5)
        form = aiohttp.FormData()
        form.add_field("file", b"fives", filename="clip.mp4")
        async with session.post(ticket["upload_url"], data=form) as got:
            assert got.status == 200, "as a form it is taken, too"
    root = await dm.say(ann, "a fox")
    reply = await dm.say(ann, "at night", thread=root)
    async with refused("invalid_arguments"):
        await client.files_completeUploadExternal(
            files=[{"id": ticket["file_id"]}], channel_id=dm.id, thread_ts=reply.ts
        )
    async with refused("internal_error"):
        await client.files_completeUploadExternal(
            files=[{"id": ticket["file_id"]}],
            channel_id=dm.id,
            blocks=json.dumps([{"type": "markdown", "text": "*hi*"}]),
        )
    async with refused("channel_not_found"):
        await client.files_completeUploadExternal(files=[{"id": ticket["file_id"]}], channel_id=ann.id)
    async with refused("file_upload_size_restricted"):
        await client.files_getUploadURLExternal(filename="clip.mp4", length=1 << 30)
    slack.faults.add(Fault(match="upload", drop="after"))
    ticket = await client.files_getUploadURLExternal(filename="clip.mp4", length=5)
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            await session.post(ticket["upload_url"], data=b"fives")
    await client.files_completeUploadExternal(files=[{"id": ticket["file_id"]}], channel_id=dm.id)
    assert slack.file_bytes(ticket["file_id"]) == b"fives"


async def test_completing_twice_shares_twice(slack: SlackEmulator, client: AsyncWebClient, dm: SlackChannel) -> None:
    file_id = await uploaded(slack, client, b"clip")
    for _ in range(2):
        await client.files_completeUploadExternal(files=[{"id": file_id}], channel_id=dm.id, initial_comment="Done")
    assert [message.said for message in dm.messages] == ["Done", "Done"]
    assert len((await client.files_info(file=file_id))["file"]["shares"]["private"][dm.id]) == 2


async def test_the_sdks_own_upload(
    slack: SlackEmulator, client: AsyncWebClient, ann: SlackUser, dm: SlackChannel
) -> None:
    root = await dm.say(ann, "a fox")
    await client.files_upload_v2(
        content="a;b", filename="list.csv", title="List", channel=dm.id, thread_ts=root.ts, initial_comment="Here"
    )
    message = await dm.wait_for("Here")
    assert (message.thread_ts, message.files[0].name, message.files[0].mimetype) == (root.ts, "list.csv", "text/csv")
    await client.chat_delete(channel=dm.id, ts=message.ts)
    assert (await client.files_info(file=message.files[0].id))["file"]["shares"] == {}


async def test_a_share_may_be_late_and_blocks_refused() -> None:
    async with SlackEmulator(share_delay=0.1, file_blocks=False) as slack:
        client, ann = client_for(slack), slack.user("Ann")
        dm = slack.direct(ann)
        file_id = await uploaded(slack, client, b"clip")
        async with refused("invalid_blocks"):
            await client.files_completeUploadExternal(
                files=[{"id": file_id}], channel_id=dm.id, blocks=json.dumps(card("Go"))
            )
        await client.files_completeUploadExternal(files=[{"id": file_id}], channel_id=dm.id)
        assert (await client.files_info(file=file_id))["file"]["shares"] == {} and not dm.messages
        message = await dm.wait_for(lambda one: bool(one.files))
        assert message.files[0].id == file_id
        assert (await client.files_info(file=file_id))["file"]["shares"]["private"][dm.id][0]["ts"] == message.ts


async def test_a_persons_file_needs_the_token(
    slack: SlackEmulator, client: AsyncWebClient, ann: SlackUser, dm: SlackChannel
) -> None:
    async with listening(slack) as seen:
        await dm.say(ann, "like this", files=[("frame.png", "image/png", b"pixels"), ("b.txt", "text/plain", b"words")])
        await slack.delivered()
    event = events(seen)[0]
    assert event["subtype"] == "file_share" and [one["name"] for one in event["files"]] == ["frame.png", "b.txt"]
    url = event["files"][0]["url_private_download"]
    bearer = {"Authorization": f"Bearer {slack.token}"}
    async with aiohttp.ClientSession() as session:
        async with session.get(url) as got:
            assert (got.status, got.content_type) == (200, "text/html")
        async with session.get(url, headers=bearer) as got:
            assert (got.content_type, await got.read()) == ("image/png", b"pixels")
        slack.faults.add(Fault(match="download", status=503))
        async with session.get(url, headers=bearer) as got:
            assert got.status == 503
        async with session.get(event["files"][1]["url_private"], headers=bearer) as got:
            assert await got.read() == b"words"
    assert [call.params["file_id"] for call in slack.calls("download")][-1] == event["files"][1]["id"]
    private = slack.channel("secret", members=[ann], private=True, bot_is_member=False)
    hidden = await private.say(ann, "", files=[("x.png", "image/png", b"x")])
    async with refused("file_not_found"):
        await client.files_info(file=hidden.files[0].id)


# --- methods and their errors ----------------------------------------------------------------------------------------


async def test_where_the_bot_may_write(slack: SlackEmulator, client: AsyncWebClient, ann: SlackUser) -> None:
    public = slack.channel("public", members=[ann], bot_is_member=False)
    private = slack.channel("private", members=[ann], private=True, bot_is_member=False)
    strict = slack.channel("strict", members=[ann], posting_restricted=True)
    old = slack.channel("old", members=[ann])
    old.archive()
    for channel, error in (
        (public, "not_in_channel"),
        (private, "channel_not_found"),
        (strict, "restricted_action"),
        (old, "is_archived"),
    ):
        async with refused(error):
            await client.chat_postMessage(channel=channel.id, text="hello")
        file_id = await uploaded(slack, client, b"clip")
        async with refused(error):
            await client.files_completeUploadExternal(files=[{"id": file_id}], channel_id=channel.id)
    assert (await client.conversations_info(channel=public.id))["channel"]["is_member"] is False
    assert (await client.conversations_info(channel=old.id))["channel"]["is_archived"] is True
    shown = (await client.conversations_info(channel=strict.id, include_num_members=True))["channel"]
    assert shown["properties"]["posting_restricted_to"] and shown["num_members"] == 2
    async with refused("channel_not_found"):
        await client.conversations_info(channel=private.id)
    old.remove_bot()
    async with refused("not_in_channel"):
        await client.conversations_history(channel=old.id)
    assert (await client.chat_postMessage(channel=ann.id, text="hello"))["channel"] == slack.direct(ann).id
    opened = await client.conversations_open(users=[ann.id])
    assert opened["channel"]["id"] == slack.direct(ann).id
    assert (await client.conversations_info(channel=opened["channel"]["id"]))["channel"]["is_im"] is True
    async with refused("cannot_dm_bot"):
        await client.conversations_open(users=[slack.bot.id])


async def test_a_group_dm_and_what_people_may_not(
    slack: SlackEmulator, client: AsyncWebClient, ann: SlackUser, bob: SlackUser, dm: SlackChannel
) -> None:
    opened = await client.conversations_open(users=[ann.id, bob.id], return_im=True)
    group = slack.direct(bob, ann)
    assert opened["channel"]["id"] == group.id and opened["channel"]["is_mpim"]
    async with listening(slack) as seen:
        said = await group.say(bob, "@reelbot a fox")
        await slack.delivered()
        assert {event["type"] for event in events(seen)} == {"message", "app_mention"}
        slack.faults.add(Fault(match="event", malformed=True))
        await group.say(bob, "again")
        await slack.delivered(timeout=2)
        assert len(seen) == 3 and slack.deliveries[-1].retry == 1
    eve = slack.user("Eve")
    for attempt in (group.say(eve, "let me in"), group.edit(ann, said, "no"), group.delete(ann, said)):
        with pytest.raises(ValueError):
            await attempt
    with pytest.raises(ValueError):
        await dm.say(ann, " ")
    async with refused("user_not_found"):
        await client.conversations_open(users=["U1"])
    with pytest.raises(KeyError):
        slack.file_bytes("F1")


async def test_who_is_in_a_user_group(
    slack: SlackEmulator, client: AsyncWebClient, ann: SlackUser, bob: SlackUser
) -> None:
    group = slack.user_group("@producers", members=[ann, bob])
    assert group.handle == "producers" and group.id.startswith("S")
    assert (await client.usergroups_users_list(usergroup=group.id))["users"] == [ann.id, bob.id]
    group.members.remove(ann)
    assert (await client.usergroups_users_list(usergroup=group.id))["users"] == [bob.id]
    group.disabled = True
    for unknown in (group.id, "S0NOBODY"):
        async with refused("no_such_subteam"):
            await client.usergroups_users_list(usergroup=unknown)
    assert (await client.usergroups_users_list(usergroup=group.id, include_disabled=True))["users"] == [bob.id]
    _, body = await raw(slack, "usergroups.users.list", json={"usergroup": group.id})
    assert body["error"] == "invalid_arguments", "this method reads forms only"
    slack.state.limits = replace(slack.state.limits, scopes=slack.state.limits.scopes - {"usergroups:read"})
    async with refused("missing_scope", needed="usergroups:read"):
        await client.usergroups_users_list(usergroup=group.id)


async def test_threads_and_histories(
    slack: SlackEmulator, client: AsyncWebClient, ann: SlackUser, dm: SlackChannel, club: SlackChannel
) -> None:
    root = await club.say(ann, "a fox")
    elsewhere = await dm.say(ann, "another channel has the same ts")
    assert elsewhere.ts.split(".")[1] == root.ts.split(".")[1]
    first = await client.chat_postMessage(
        channel=club.id, thread_ts=root.ts, text="one", metadata={"event_type": "said", "event_payload": {"id": "m1"}}
    )
    second = await client.chat_postMessage(channel=club.id, thread_ts=first["ts"], text="two")
    assert second["message"]["thread_ts"] == root.ts, "a reply to a reply is a reply to the root"
    assert [one.text for one in club.thread(root)] == ["a fox", "one", "two"]
    read = await client.conversations_replies(channel=club.id, ts=root.ts, include_all_metadata=True)
    assert [one["text"] for one in read["messages"]] == ["a fox", "one", "two"]
    assert read["messages"][0]["reply_count"] == 2 and read["messages"][1]["metadata"]["event_payload"] == {"id": "m1"}
    page = await client.conversations_replies(channel=club.id, ts=root.ts, limit=2)
    assert page["has_more"]
    rest = await client.conversations_replies(
        channel=club.id, ts=root.ts, limit=2, cursor=page["response_metadata"]["next_cursor"]
    )
    assert [one["text"] for one in rest["messages"]] == ["two"]
    late = await client.conversations_replies(channel=club.id, ts=root.ts, oldest=first["ts"])
    assert [one["text"] for one in late["messages"]] == ["a fox", "two"]
    later = await club.say(ann, "a hen")
    told = await client.conversations_history(channel=club.id)
    assert [one["ts"] for one in told["messages"]] == [later.ts, root.ts]
    async with refused("thread_not_found"):
        await client.conversations_replies(channel=club.id, ts="1700000000.000001")
    async with refused("thread_not_found"):
        await client.chat_postMessage(channel=club.id, thread_ts="1700000000.000001", text="where?")
    await club.delete(ann, root)
    assert (await client.conversations_replies(channel=club.id, ts=root.ts))["messages"][0]["subtype"] == "tombstone"
    link = await client.chat_getPermalink(channel=club.id, message_ts=first["ts"])
    assert f"thread_ts={root.ts}" in link["permalink"]


async def test_what_is_read_and_who_is_notified(
    slack: SlackEmulator, client: AsyncWebClient, ann: SlackUser, club: SlackChannel
) -> None:
    posted = await client.chat_postMessage(channel=club.id, text=f"<@{ann.id}>: &lt;!here&gt; <!channel|all>")
    message = club.find(posted["ts"])
    assert message is not None and message.pings == (ann.id, "channel") and "<!here>" in message.said
    rich = {"type": "rich_text_section", "elements": [{"type": "text", "text": "<!here> "}]}
    rich["elements"] += [{"type": "user", "user_id": ann.id}]  # type: ignore[operator]
    text = {"type": "section", "text": {"type": "mrkdwn", "text": "<!here> a &lt;fox&gt;"}}
    posted = await client.chat_postMessage(
        channel=club.id, text="<!everyone>", blocks=[{"type": "rich_text", "elements": [rich]}, text]
    )
    message = club.find(posted["ts"])
    assert message is not None and message.pings == (ann.id, "here")


async def test_whose_messages_may_be_changed(
    slack: SlackEmulator, client: AsyncWebClient, ann: SlackUser, dm: SlackChannel
) -> None:
    said = await dm.say(ann, "a fox")
    async with refused("cant_update_message"):
        await client.chat_update(channel=dm.id, ts=said.ts, text="no")
    async with refused("cant_delete_message"):
        await client.chat_delete(channel=dm.id, ts=said.ts)
    posted = await client.chat_postMessage(channel=dm.id, text="Hello", blocks=card("Go"))
    async with refused("msg_too_long"):
        await client.chat_update(channel=dm.id, ts=posted["ts"], text="x" * 4001)
    await client.chat_update(channel=dm.id, ts=posted["ts"], text="Hello!")
    message = dm.find(posted["ts"])
    assert message is not None and message.buttons, "blocks that are not given stay"
    await client.reactions_add(channel=dm.id, timestamp=said.ts, name="eyes")
    assert said.reactions == ["eyes"]
    async with refused("already_reacted"):
        await client.reactions_add(channel=dm.id, timestamp=said.ts, name="eyes")
    await client.reactions_remove(channel=dm.id, timestamp=said.ts, name="eyes")
    async with refused("no_reaction"):
        await client.reactions_remove(channel=dm.id, timestamp=said.ts, name="eyes")
    await client.chat_delete(channel=dm.id, ts=posted["ts"])
    async with refused("message_not_found"):
        await client.chat_update(channel=dm.id, ts=posted["ts"], text="late")


async def test_tokens_and_arguments(slack: SlackEmulator, client: AsyncWebClient, dm: SlackChannel) -> None:
    assert await raw(slack, "auth.test", token="") == (200, {"ok": False, "error": "not_authed"})
    async with refused("invalid_auth"):
        await client_for(slack, "xoxb-WRONG").auth_test()
    async with refused("unknown_method"):
        await client.api_call("chat.shout")
    async with refused("invalid_arguments"):
        await client.api_call("chat.postMessage", json={"channel": dm.id, "text": "x", "colour": "red"})
    async with refused("no_text"):
        await client.api_call("chat.postMessage", json={"channel": dm.id})
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=dm.id, text="x", blocks=[{"type": "sectoin"}])
    assert caught.value.response["error"] == "invalid_blocks"
    assert caught.value.response["response_metadata"]["messages"]
    _, body = await raw(slack, "conversations.info", json={"channel": dm.id})
    assert body["error"] == "invalid_arguments", "this method reads forms only"
    async with aiohttp.ClientSession() as session:
        form = {"token": slack.token, "channel": dm.id, "text": "by form", "blocks": json.dumps(card("Go"))}
        async with session.post(slack.url + "chat.postMessage", data=form) as got:
            assert (await got.json())["ok"]
        async with session.post(slack.url + "chat.postMessage", json=form) as got:
            assert (await got.json())["error"] == "not_authed", "JSON has its token in the header"
        async with session.get(slack.url + "conversations.info", params=form) as got:
            assert (await got.json())["error"] == "invalid_arguments"
    assert dm.messages[-1].text == "by form" and slack.calls("chat.*")[-2].params["blocks"][1]["type"] == "actions"


async def test_rate_limits_and_faults(slack: SlackEmulator, client: AsyncWebClient, dm: SlackChannel) -> None:
    slack.rate_limit("chat.postMessage", per_minute=1)
    await client.chat_postMessage(channel=dm.id, text="one")
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=dm.id, text="two")
    assert caught.value.response.status_code == 429 and int(caught.value.response.headers["Retry-After"]) > 50
    slack.faults.add(Fault(match="users.info", status=429, retry_after=7))
    with pytest.raises(SlackApiError) as caught:
        await client.users_info(user=dm.members[0].id)
    assert caught.value.response.headers["Retry-After"] == "7"
    slack.faults.add(Fault(match="conversations.open", drop="after"))
    with pytest.raises(aiohttp.ClientError):
        await client.conversations_open(users=[dm.members[0].id])
    call = await slack.wait_for_call("conversations.open", answered=False)
    assert call.status is None and call.result["channel"]["id"] == dm.id
    slack.faults.add(Fault(match="auth.test", malformed=True))
    with pytest.raises(SlackApiError):
        await client.auth_test()
    assert (await client.auth_test())["bot_id"] == slack.bot.bot_id


async def test_a_failed_wait_shows_the_conversation(
    slack: SlackEmulator, client: AsyncWebClient, ann: SlackUser, dm: SlackChannel
) -> None:
    said: SlackMessage = await dm.say(ann, "a fox")
    await client.chat_postMessage(channel=dm.id, thread_ts=said.ts, text="Yes?", blocks=card("Make it"))
    with pytest.raises(AssertionError, match=r"(?s)has not said 'clip'.*Ann \(#.*: a fox.*\[Make it\]"):
        await dm.wait_for("clip", timeout=0)
    with pytest.raises(AssertionError, match="there were calls of: chat"):
        await slack.wait_for_call("files.info", timeout=0)
