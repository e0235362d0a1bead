"""What the tests of listening share: a receiver over either transport, what it stores, the rows behind its forms."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, cast

from aiohttp import web

from adapters.slack import SlackConnection, SlackPlatform, SlackReceiver
from core import texts
from core.catalogue import load_catalogue
from core.forms import Forms
from core.generation import Generation
from core.messages import Incoming, Message, Press
from core.offers import Offers
from core.overview import Overviews
from core.planning import Terms
from core.ports import Clock, Receive
from core.repositories import Generations
from tests.clock import START
from tests.emulators.slack import SlackEmulator

STRANGER = "Ask to be let in: {id}"
ELSEWHERE = "Not in this channel: {channel}"


class Rows:
    """The generations, as forms and overviews look at them; `error` is raised instead, `held` waited for."""

    def __init__(self, *rows: Generation) -> None:
        self.rows = {row.id: row for row in rows}
        self.error: Exception | None = None
        self.held: asyncio.Event | None = None

    async def generation(self, generation_id: int) -> Generation | None:
        if self.error is not None:
            raise self.error
        if self.held is not None:
            await self.held.wait()
        return self.rows.get(generation_id)

    async def of_person(self, person_id: str, limit: int) -> tuple[Generation, ...]:
        if self.error is not None:
            raise self.error
        return tuple(row for row in self.rows.values() if row.requester.id == person_id)

    async def times(self, model: str) -> tuple[float, ...]:
        return ()


class Taken:
    """A `Receive` that remembers, fails as often as it is told to, and waits while it is `held`."""

    def __init__(self, *errors: Exception) -> None:
        self.all: list[Incoming] = []
        self.errors = list(errors)
        self.held: asyncio.Event | None = None
        self.begun = 0
        self._more = asyncio.Event()

    async def __call__(self, incoming: Incoming) -> None:
        self.begun += 1
        self._more.set()
        if self.errors:
            raise self.errors.pop(0)
        if self.held is not None:
            await self.held.wait()
        self.all.append(incoming)
        self._more.set()

    async def wait(self, count: int, *, begun: bool = False) -> list[Incoming]:
        async with asyncio.timeout(5):
            while (self.begun if begun else len(self.all)) < count:
                self._more.clear()
                await self._more.wait()
        return self.all

    async def message(self, number: int = 1) -> Message:
        """The message that was stored as the number-th."""
        found = (await self.wait(number))[number - 1]
        assert isinstance(found, Message)
        return found

    async def press(self, number: int = 1) -> Press:
        """The press that was stored as the number-th."""
        found = (await self.wait(number))[number - 1]
        assert isinstance(found, Press)
        return found

    @property
    def said(self) -> list[str]:
        return [one.text for one in self.all if isinstance(one, Message)]


def made(connection: SlackConnection, clock: Clock, rows: Rows | None = None, **options: Any) -> SlackReceiver:
    """A receiver over real forms and overviews of these rows."""
    generations = cast(Generations, rows or Rows())
    offers = Offers(
        catalogue=load_catalogue(), providers=("veo", "omni"), terms=Terms(), generations=generations, clock=clock
    )
    return SlackReceiver(
        connection,
        SlackPlatform(connection, clock=clock),
        clock=clock,
        forms=Forms(generations=generations, offers=offers),
        overviews=Overviews(generations=generations, clock=clock),
        **{
            "on_it": texts.places.ON_IT,
            "slow_text": texts.talk.SLOW_TODAY,
            "stranger_text": STRANGER,
            "stranger_place_text": ELSEWHERE,
            "prompts": texts.home.PROMPTS,
            "prompts_title": texts.home.PROMPTS_TITLE,
            "signing_secret": "s3cret",
            **options,
        },
    )


@asynccontextmanager
async def listening(
    slack: SlackEmulator, receiver: SlackReceiver, receive: Receive, *, socket: bool
) -> AsyncIterator[asyncio.Task[None]]:
    """The receiver at work, until the block ends; gives the task that it runs in. It leaves nothing behind."""
    before = asyncio.all_tasks()
    if socket:
        async with running(receiver, receive) as task:
            await until(lambda: not receiver.healthy(START))
            yield task
    else:
        async with posted_to(receiver, receive) as url, running(receiver, receive) as task:
            slack.request_url = url
            await until(lambda: not receiver.healthy(START))
            yield task
    left = [one for one in asyncio.all_tasks() - before if _ours(one)]
    assert not left, left


def _ours(task: asyncio.Task[Any]) -> bool:
    """Whether the task was begun by the receiver; the platform's and the emulator's have ends of their own."""
    code = getattr(task.get_coro(), "cr_code", None)
    return Path(getattr(code, "co_filename", "")).stem in ("receiver", "socket", "intake", "pages", "bolt", "storing")


@asynccontextmanager
async def running(receiver: SlackReceiver, receive: Receive) -> AsyncIterator[asyncio.Task[None]]:
    """The receiver, until the block ends."""
    task = asyncio.create_task(receiver.run(receive))
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def posted_to(receiver: SlackReceiver, receive: Receive) -> AsyncIterator[str]:
    """A web server that hands requests to the receiver; its address."""

    async def take(request: web.Request) -> web.Response:
        answer = await receiver.handle(request.headers, await request.read(), receive)
        kind = answer.content_type.partition(";")[0]
        return web.Response(status=answer.status, text=answer.body, content_type=kind)

    async with serving({"/slack/events": take}) as url:
        yield f"{url}/slack/events"


@asynccontextmanager
async def serving(
    routes: dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]],
) -> AsyncIterator[str]:
    """A web server on this machine; its address."""
    app = web.Application()
    for path, handler in routes.items():
        app.router.add_route("*", path, handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def until(true: Callable[[], object]) -> None:
    """Return when it is so. Raises TimeoutError."""
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - what is looked at says nothing by itself when it changes
            await asyncio.sleep(0.005)
