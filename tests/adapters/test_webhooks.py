"""Events out over real sockets, taken by the reference library; and where they must never go."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from adapters.webhooks import WebhookAnnouncer, body_of, checked_secrets, checked_url, is_inside
from bot.clock import SystemClock
from core.errors import PermanentError, TemporaryError
from core.events import Event, EventKind
from tests.emulators.webhook_receiver import SECRET, Answer, WebhookReceiver

NAME = "hooks.example.test"
OUTSIDE = "93.184.216.34"
INSIDE = [
    "127.0.0.1",
    "127.255.255.254",
    "10.0.0.5",
    "172.16.9.9",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "0.0.0.0",
    "224.0.0.1",
    "239.1.2.3",
    "240.0.0.1",
    "255.255.255.255",
    "192.0.2.1",
    "198.18.0.1",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.5",
    "::ffff:a9fe:a9fe",
    "64:ff9b::10.0.0.5",
    "64:ff9b:1::a00:5",
    "2002:7f00:1::",
    "2002:a00:5::1",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "fe80::1",
    "fec0::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
]


OTHER = "whsec_YW5vdGhlci1zZWNyZXQtb2YtMjQtYnl0ZXM="
THIRD = "whsec_" + "A" * 32


def an_event(**fields: Any) -> Event:
    """Something that happened."""
    values: dict[str, Any] = {
        "id": "evt_1",
        "generation_id": 12,
        "kind": EventKind.PROGRESS,
        "at": datetime(2026, 11, 21, 12, 0, 0, 5_000, tzinfo=UTC),
        "data": {"generation": "v12", "status": "processing", "team": None, "held_micros": 560_000},
    } | fields
    return Event(**values)


class Names:
    """A resolver: what a name stands for, in turn; the last answer stays. Counts the look-ups."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@asynccontextmanager
async def announcer(url: str, **fields: Any) -> AsyncIterator[WebhookAnnouncer]:
    """To an address; inside the network unless forbidden."""
    values: dict[str, Any] = {
        "secret": SECRET,
        "clock": SystemClock(),
        "timeout_s": 5.0,
        "allow_private": True,
    } | fields
    announcer = WebhookAnnouncer(url=url, **values)
    try:
        yield announcer
    finally:
        await announcer.close()


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    """Somebody who listens."""
    async with WebhookReceiver() as receiver:
        yield receiver


# --- what is sent ----------------------------------------------------------------------------------------------------


async def test_the_reference_library_takes_what_is_sent(receiver: WebhookReceiver) -> None:
    async with announcer(f"{receiver.url}?key=a%2Fb") as out:
        await out.announce(an_event(data={"generation": "v12", "status": "processing", "team": "Žluťoučký 🦊"}))
    (got,) = receiver.got
    assert (got.id, got.path) == ("evt_1", "/hooks?key=a%2Fb")
    assert got.headers["content-type"] == "application/json"
    assert got.payload == {
        "type": "generation.progress",
        "timestamp": "2026-11-21T12:00:00.005Z",
        "data": {"generation": "v12", "status": "processing", "team": "Žluťoučký 🦊"},
    }


async def test_each_try_has_the_same_id_and_body_and_a_signature_of_its_own_time(receiver: WebhookReceiver) -> None:
    class Later(SystemClock):
        """A clock that is ahead, within what receivers allow."""

        def now(self) -> datetime:
            return super().now() + timedelta(minutes=2)

    receiver.answers = [Answer(status=500)]
    async with announcer(receiver.url) as first, announcer(receiver.url, clock=Later()) as second:
        with pytest.raises(TemporaryError):
            await first.announce(an_event())
        await second.announce(an_event())
    one, two = receiver.got
    assert (one.id, one.payload) == (two.id, two.payload)
    assert one.headers["webhook-timestamp"] != two.headers["webhook-timestamp"]
    assert one.headers["webhook-signature"] != two.headers["webhook-signature"]


async def test_while_a_secret_is_changed_whoever_has_either_takes_what_is_sent(receiver: WebhookReceiver) -> None:
    async with WebhookReceiver(secret=OTHER) as changed, WebhookReceiver(secret=THIRD) as stranger:
        for one in (receiver, changed):
            async with announcer(one.url, secret=f"{SECRET} {OTHER}") as out:
                await out.announce(an_event())
        async with announcer(stranger.url, secret=f"{SECRET} {OTHER}") as out:
            with pytest.raises(TemporaryError, match="401"):
                await out.announce(an_event())
    (first,), (second,) = receiver.got, changed.got
    assert [len(got.headers["webhook-signature"].split()) for got in (first, second)] == [2, 2]
    assert stranger.forged == ["No matching signature found"]


async def test_another_secret_is_not_taken(receiver: WebhookReceiver) -> None:
    async with announcer(receiver.url, secret=OTHER) as out:
        with pytest.raises(TemporaryError, match="401"):
            await out.announce(an_event())
    assert receiver.forged == ["No matching signature found"]


# --- what is answered ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_success(receiver: WebhookReceiver, status: int) -> None:
    receiver.answers = [Answer(status=status)]
    async with announcer(receiver.url) as out:
        await out.announce(an_event())
    assert len(receiver.taken) == 1


@pytest.mark.parametrize("status", [304, 400, 401, 404, 405, 429, 500, 502, 503, 504])
async def test_anything_else_is_tried_again(receiver: WebhookReceiver, status: int) -> None:
    receiver.answers = [Answer(status=status)]
    async with announcer(receiver.url) as out:
        with pytest.raises(TemporaryError, match=str(status)) as caught:
            await out.announce(an_event())
    assert caught.value.retry_after is None
    assert str(receiver.port) not in str(caught.value)


async def test_gone_is_for_good(receiver: WebhookReceiver) -> None:
    receiver.answers = [Answer(status=410)]
    async with announcer(receiver.url) as out:
        with pytest.raises(PermanentError):
            await out.announce(an_event())


@pytest.mark.parametrize(
    ("wait", "seconds"),
    [("90", 90), ("0", None), ("soon", None), ("-5", None), ("9" * 40, None), ("in", 120), ("past", None)],
)
async def test_retry_after_is_read(receiver: WebhookReceiver, wait: str, seconds: float | None) -> None:
    moments = {"in": timedelta(seconds=120), "past": timedelta(days=-1)}
    header = format_datetime(datetime.now(UTC) + moments[wait], usegmt=True) if wait in moments else wait
    receiver.answers = [Answer(status=429, headers={"Retry-After": header})]
    async with announcer(receiver.url) as out:
        with pytest.raises(TemporaryError) as caught:
            await out.announce(an_event())
    asked = caught.value.retry_after
    assert (asked is None) if seconds is None else asked is not None and abs(asked - seconds) < 5


async def test_a_receiver_that_does_not_answer_or_is_not_there_is_tried_again(receiver: WebhookReceiver) -> None:
    receiver.answers = [Answer(never=True)]
    async with announcer(receiver.url, timeout_s=0.15) as out:
        with pytest.raises(TemporaryError, match="in time"):
            await out.announce(an_event())
    async with announcer("http://127.0.0.1:9/") as out:
        with pytest.raises(TemporaryError, match="reached"):
            await out.announce(an_event())


async def test_a_body_without_end_is_not_read(receiver: WebhookReceiver) -> None:
    receiver.answers = [Answer(status=200, endless=True)]
    async with announcer(receiver.url) as out:
        await out.announce(an_event())


async def test_headers_that_trickle_in_do_not_hold_it_up() -> None:
    left = asyncio.Event()

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        try:
            while True:
                writer.write(b"x: y\r\n")
                await writer.drain()
                await asyncio.sleep(0.02)
        except OSError:
            writer.close()
            left.set()

    server = await asyncio.start_server(trickle, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with announcer(f"http://127.0.0.1:{port}/", timeout_s=0.15) as out:
            with pytest.raises(TemporaryError, match="in time"):
                await out.announce(an_event())
        await left.wait()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(receiver: WebhookReceiver, status: int) -> None:
    async with WebhookReceiver() as inside:
        receiver.answers = [Answer(status=status, headers={"Location": inside.url})]
        async with announcer(receiver.url) as out:
            with pytest.raises(TemporaryError, match=str(status)):
                await out.announce(an_event())
        assert not inside.got
        assert not inside.forged


# --- where it never goes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", INSIDE)
async def test_a_name_that_leads_inside_is_never_connected_to(receiver: WebhookReceiver, address: str) -> None:
    assert is_inside(ip_address(address))
    for answer in ([address], [OUTSIDE, address]):
        names = Names(answer)
        async with announcer(f"https://{NAME}:{receiver.port}/", allow_private=False, resolve=names) as out:
            with pytest.raises(TemporaryError, match="inside the network"):
                await out.announce(an_event())
            with pytest.raises(TemporaryError, match="inside the network"):
                await out.look_up()
        assert names.asked == [(NAME, receiver.port)] * 2, "it is looked up at each try"
    assert not receiver.connections


@pytest.mark.parametrize(
    "address", [OUTSIDE, "1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::1"]
)
def test_what_is_outside(address: str) -> None:
    assert not is_inside(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fd00::1]:8443/",
        "https://hooks.example.org@127.0.0.1/",
        "https://user:word@hooks.example.org/",
        "http://hooks.example.org/",
        "ftp://hooks.example.org/",
        "file:///etc/passwd",
        "https:///hooks",
        "https://hooks.example.org:0/",
        "https://hooks.example.org:99999/",
        "https://hooks.example.org/#part",
        "hooks.example.org",
        "https://ho oks.example.org/",
        "",
    ],
)
def test_addresses_that_can_never_be_right_are_refused_at_once(url: str) -> None:
    with pytest.raises(PermanentError):
        checked_url(url, allow_private=False)


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "localhost", "127.0.0.1.", "①②⑦.0.0.1"]
)
async def test_other_spellings_of_this_machine_lead_nowhere(receiver: WebhookReceiver, host: str) -> None:
    """With the system's own resolver, which takes most of them."""
    try:
        async with announcer(f"https://{host}:{receiver.port}/", allow_private=False) as out:
            with pytest.raises(TemporaryError, match=r"inside the network|looked up"):
                await out.announce(an_event())
    except PermanentError as error:
        assert "inside the network" in str(error) or "not an" in str(error)
    assert not receiver.connections


async def test_it_connects_to_the_address_that_was_judged_whatever_the_name_says_later(
    receiver: WebhookReceiver,
) -> None:
    names = Names(["127.0.0.1"], ["203.0.113.1"])
    async with announcer(f"http://{NAME}:{receiver.port}/in", resolve=names) as out:
        await out.announce(an_event())
    assert len(names.asked) == 1
    assert receiver.got[0].host == f"{NAME}:{receiver.port}"


async def test_a_name_that_turns_inside_between_two_tries_is_refused_at_the_second() -> None:
    names = Names([OUTSIDE], ["127.0.0.1"])
    async with announcer(f"https://{NAME}/", allow_private=False, resolve=names) as out:
        assert await out.look_up() == OUTSIDE
        with pytest.raises(TemporaryError, match="inside the network"):
            await out.announce(an_event())


async def test_the_next_address_is_tried_when_one_takes_no_connection(receiver: WebhookReceiver) -> None:
    names = Names(["::1", "127.0.0.2", "127.0.0.1"])
    async with announcer(f"http://{NAME}:{receiver.port}/", resolve=names) as out:
        await out.announce(an_event())
    assert len(receiver.got) == 1


async def test_an_address_that_says_nothing_leaves_time_for_the_next_one(receiver: WebhookReceiver) -> None:
    with ExitStack() as sockets:
        deaf = sockets.enter_context(socket.socket())
        deaf.bind(("127.0.0.2", receiver.port))
        deaf.listen(0)
        for _ in range(4):  # nobody takes these, so that no other one gets through
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(deaf.getsockname())
        names = Names(["127.0.0.2", "127.0.0.1"])
        async with announcer(f"http://{NAME}:{receiver.port}/", resolve=names, timeout_s=0.6) as out:
            await out.announce(an_event())
    assert len(receiver.got) == 1


async def test_a_name_that_nobody_knows_is_tried_again() -> None:
    async def nobody(host: str, port: int) -> Sequence[str]:
        raise OSError("unknown")

    for resolve in (nobody, Names([])):
        async with announcer(f"https://{NAME}/", resolve=resolve) as out:
            with pytest.raises(TemporaryError, match="looked up"):
                await out.announce(an_event())


async def test_under_test_it_stays_on_this_machine() -> None:
    for allow_private in (True, False):
        async with announcer(
            f"https://{NAME}/", allow_private=allow_private, loopback_only=True, resolve=Names([OUTSIDE])
        ) as out:
            with pytest.raises(TemporaryError, match="this machine"):
                await out.announce(an_event())


async def test_proxies_of_the_environment_are_not_asked(
    receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with announcer(receiver.url) as out:
        await out.announce(an_event())
    assert len(receiver.got) == 1


# --- TLS -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for NAME that nobody vouches for, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(key), "-out", str(cert), "-days", "2", "-subj", f"/CN={NAME}"]
    subprocess.run([*command, "-addext", f"subjectAltName=DNS:{NAME}"], check=True, capture_output=True)
    return cert, key


async def test_tls_is_held_against_the_name_and_not_the_address(certificate: tuple[Path, Path]) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*certificate)
    asked: list[str | None] = []
    server.sni_callback = lambda _connection, name, _context: asked.append(name)
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    async with WebhookReceiver(tls=server) as receiver:
        async with announcer(f"https://{NAME}:{receiver.port}/", resolve=Names(["127.0.0.1"]), tls=trusting) as out:
            await out.announce(an_event())
        assert asked == [NAME]
        assert receiver.got[0].host == f"{NAME}:{receiver.port}"
        wrong = Names(["127.0.0.1"])
        async with announcer(f"https://other.example.test:{receiver.port}/", resolve=wrong, tls=trusting) as out:
            with pytest.raises(TemporaryError, match="reached"):
                await out.announce(an_event())
        async with announcer(f"https://{NAME}:{receiver.port}/", resolve=Names(["127.0.0.1"])) as out:
            with pytest.raises(TemporaryError, match="reached"):
                await out.announce(an_event())
        assert len(receiver.got) == 1


# --- secrets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "whsec_short",
        "whsec_!!!!notbase64!!!!notbase64!!!!",
        SECRET.removeprefix("whsec_"),
        "whsec_" + "A" * 90,
    ],
)
def test_a_secret_that_is_none_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(PermanentError) as caught:
        checked_secrets(secret)
    assert not secret or secret == "whsec_" or secret not in str(caught.value)


@pytest.mark.parametrize("secret", [SECRET, "whsec_" + "A" * 32, "whsec_" + "A" * 86 + "==", "whsec_" + "A" * 86])
def test_a_secret_of_24_to_64_bytes_is_one(secret: str) -> None:
    assert checked_secrets(secret) == (secret,)


@pytest.mark.parametrize("between", [" ", "  ", "\n"])
def test_several_secrets_are_all_looked_at(between: str) -> None:
    assert checked_secrets(between.join([SECRET, OTHER])) == (SECRET, OTHER)
    with pytest.raises(PermanentError) as caught:
        checked_secrets(between.join([SECRET, "whsec_hunter2"]))
    assert "hunter2" not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_the_body_is_the_same_text_at_every_try() -> None:
    render: Callable[[], str] = lambda: body_of(an_event())  # noqa: E731
    assert render() == render()
    assert "\n" not in render()
