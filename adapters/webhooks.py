"""Events out: posts them to one address, signed after Standard Webhooks, and never into the network it runs in.

The receiver's name is looked up at each try and every address it has is judged; the connection then goes to the very
address that was judged, so that a name cannot change its meaning in between. Nothing of the answer but its status is
used. When an event is tried again is `core.announcing`'s work.
"""

from __future__ import annotations

import asyncio
import functools
import json
import re
import socket
import ssl
from base64 import b64decode
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

import httpx
from standardwebhooks import Webhook

from core.errors import PermanentError, TemporaryError
from core.events import Event
from core.ports import Clock

PREFIX = "whsec_"
SECRET_BYTES = range(24, 65)
"""How long a signing secret may be, by Standard Webhooks."""
GONE = 410
"""How a receiver says that it wants nothing more."""
NAT64 = IPv6Network("64:ff9b::/96")
"""IPv6 addresses whose last 32 bits are the IPv4 address that is meant."""
PUBLIC = IPv6Network("2000::/3")
"""All of IPv6 that is given out for single hosts of the internet."""
NO_HOSTS = tuple(map(ip_network, ("168.63.129.16/32", "192.0.0.192/32", "192.88.99.0/24", "3fff::/20")))
"""Public by their number only: where clouds answer their own machines, relays of old, and examples."""

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Every address of a host, in the order in which they are to be tried; raises OSError."""


class WebhookAnnouncer:
    """The port `Announcer` over HTTP."""

    def __init__(
        self,
        *,
        url: str,
        secret: str,
        clock: Clock,
        timeout_s: float,
        allow_private: bool = False,
        loopback_only: bool = False,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`secret`: what is signed with, or several with spaces between, each of which signs; `timeout_s`: what one try
        may take in all; `allow_private`: also to addresses inside the network, and without TLS; `loopback_only`: to
        nothing but this machine. `resolve` and `tls`: the system's unless given.

        Raises PermanentError for an address or secret that can never be used."""
        self._url = checked_url(url, allow_private=allow_private)
        self._webhooks = tuple(map(Webhook, checked_secrets(secret)))
        self._clock = clock
        self._timeout_s = timeout_s
        judge = functools.partial(_judge, allow_private=allow_private, loopback_only=loopback_only)
        self._pinned = _PinnedTransport(resolve or _resolve, judge, tls or _tls())
        self._http = httpx.AsyncClient(
            transport=self._pinned, timeout=timeout_s, follow_redirects=False, trust_env=False
        )

    @property
    def host(self) -> str:
        """Where events go, without what may be secret in the address."""
        return self._url.host

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def look_up(self) -> str:
        """The address that the next event would go to, without going there; raises TemporaryError."""
        with _network_errors():
            async with asyncio.timeout(self._timeout_s):
                return (await self._pinned.addresses(self._url))[0]

    async def announce(self, event: Event) -> None:
        """Post it once."""
        body = body_of(event)
        now = self._clock.now()
        headers = {
            "content-type": "application/json",
            "user-agent": "Reelbot",
            "webhook-id": event.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(webhook.sign(event.id, now, body) for webhook in self._webhooks),
        }
        with _network_errors():
            async with (
                asyncio.timeout(self._timeout_s),
                self._http.stream("POST", self._url, content=body.encode(), headers=headers) as answer,
            ):
                # What else the receiver says is not read, however long it goes on.
                status, wait = answer.status_code, answer.headers.get("retry-after", "")
        if status == GONE:
            raise PermanentError("The receiver wants no more events (410).")
        if not 200 <= status < 300:
            raise TemporaryError(f"The receiver answered {status}.", retry_after=_seconds(wait, now))


class _PinnedTransport(httpx.AsyncBaseTransport):
    """Looks the host up, judges its addresses, and connects to one of exactly these under the host's name."""

    def __init__(self, resolve: Resolve, judge: Callable[[str], None], tls: ssl.SSLContext) -> None:
        self._resolve = resolve
        self._judge = judge
        # A connection that is kept may be closed by the other side just when it is used again; events are rare.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._inner = httpx.AsyncHTTPTransport(verify=tls, limits=limits, trust_env=False)

    async def addresses(self, url: httpx.URL) -> Sequence[str]:
        """Every address of the host; raises TemporaryError when one of them is not allowed: it may be put right."""
        found = await self._resolve(_name(url), url.port or (443 if url.scheme == "https" else 80))
        if not found:
            raise OSError("no address")
        for address in found:
            self._judge(address)
        return found

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it to the first address that takes the connection; the Host header is the request's own."""
        *others, last = addresses = await self.addresses(request.url)
        times = request.extensions["timeout"]
        # An address that takes no connection must leave time for the next one, and that for its answer.
        patience_s = times["connect"] / (len(addresses) + 1)
        extensions = {"timeout": {**times, "connect": patience_s}, "sni_hostname": _name(request.url)}
        for address in others:
            try:
                return await self._inner.handle_async_request(_pinned(request, address, extensions))
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._inner.handle_async_request(_pinned(request, last, extensions))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


def _pinned(request: httpx.Request, address: str, extensions: Mapping[str, Any]) -> httpx.Request:
    """The same request to one address; its Host header still names the host."""
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, **extensions},
    )


def _name(url: httpx.URL) -> str:
    return url.raw_host.decode("ascii").strip("[]")


def body_of(event: Event) -> str:
    """The event as it is posted; the same text at every try."""
    at = event.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    payload = {"type": event.kind.value, "timestamp": at, "data": dict(event.data)}
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":"))


def checked_url(url: str, *, allow_private: bool) -> httpx.URL:
    """The address; raises PermanentError, which does not show it, when it can never be used."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise PermanentError("the value is not an address") from error
    port = 443 if parsed.port is None else parsed.port
    if parsed.scheme not in ("http", "https") or not parsed.host or "%" in parsed.host or not 0 < port < 65_536:
        raise PermanentError("the value is not an https address")
    if parsed.scheme == "http" and not allow_private:
        raise PermanentError("the address is not https, and WEBHOOK_ALLOW_PRIVATE is not set")
    if parsed.userinfo or parsed.fragment:
        raise PermanentError("the address has a name and password before its host, or a # part, which it must not have")
    try:
        inside = is_inside(ip_address(parsed.host))
    except ValueError:
        inside = False  # a name: judged each time it is looked up
    if inside and not allow_private:
        raise PermanentError(f"{parsed.host} is inside the network, and WEBHOOK_ALLOW_PRIVATE is not set")
    return parsed


def checked_secrets(secrets: str) -> tuple[str, ...]:
    """The signing secrets, which have spaces between them: while a receiver changes its secret events are signed with
    the old one and the new one. Raises PermanentError when one of them is none, or there are none."""
    return tuple(map(_checked_secret, secrets.split() or [""]))


def _checked_secret(secret: str) -> str:
    form = f"{PREFIX} and the base64 of {SECRET_BYTES[0]} to {SECRET_BYTES[-1]} random bytes"
    encoded = secret.removeprefix(PREFIX)
    try:
        size = len(b64decode(encoded + "=" * (-len(encoded) % 4), validate=True))
    except ValueError:
        size = 0
    if not secret.startswith(PREFIX) or size not in SECRET_BYTES:
        raise PermanentError(f"the value is no signing secret, which is {form}")
    return secret


def is_inside(address: Address) -> bool:
    """Whether an address leads to this machine or its network, or to nowhere in particular, in whatever way it is
    written: anything but one host of the public internet."""
    if isinstance(address, IPv6Address):
        meant = IPv4Address(address.packed[-4:]) if address in NAT64 else address.ipv4_mapped or address.sixtofour
        if meant is not None:
            return is_inside(meant)
        if address not in PUBLIC:
            return True
    return not address.is_global or address.is_multicast or any(address in network for network in NO_HOSTS)


def _judge(address: str, *, allow_private: bool, loopback_only: bool) -> None:
    """Raise TemporaryError for an address that nothing is sent to."""
    parsed = ip_address(address)
    if loopback_only and not parsed.is_loopback:
        raise TemporaryError("The receiver is not on this machine; only loopback addresses are allowed here.")
    if is_inside(parsed) and not allow_private:
        raise TemporaryError("The receiver's name leads inside the network; only WEBHOOK_ALLOW_PRIVATE permits that.")


@functools.cache
def _tls() -> ssl.SSLContext:
    """The system's; reading the certificates takes a while."""
    return httpx.create_ssl_context()


async def _resolve(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


@contextmanager
def _network_errors() -> Iterator[None]:
    """The one place where a network's errors become ours; none of them shows the address."""
    try:
        yield
    except (TimeoutError, httpx.TimeoutException) as error:
        raise TemporaryError("The receiver did not answer in time.") from error
    except (OSError, UnicodeError) as error:
        raise TemporaryError("The receiver's name cannot be looked up.") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise TemporaryError(f"The receiver cannot be reached ({type(error).__name__}).") from error


def _seconds(header: str, now: datetime) -> float | None:
    """How long a Retry-After asks to wait; None when it says nothing that can be read."""
    if re.fullmatch("[0-9]{1,9}", header):
        return float(header)
    try:
        until = parsedate_to_datetime(header)
    except ValueError:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - now).total_seconds())
