"""The wiring: from settings to a program.

`build(settings)` makes the parts and talks to nobody; `App.run` and `App.with_platform` open the database, bring its
tables up to date, and start listening and working. Which adapters there are is told in `bot.connections`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from bot.check import Finding, Probe, State, clip_store_probe, disk_probe
from bot.clock import SystemClock, Ticker
from bot.connected import Connected, ReceivingWebhook, ServiceWebhook
from bot.connections import WRITE_TIMEOUT_S, Connections
from bot.counting import CountingStore
from bot.links import sign
from bot.listening import Listening
from bot.metrics import Metrics
from bot.probes import Probes
from bot.settings import Settings
from bot.sharing import Sharing, sharing_of
from bot.standby import Standby
from bot.terms import announce_of, catalogue_of, check_offer, terms_of
from bot.watching import Pulse, Watching
from core.absence import Absence, ReadBack
from core.admission import Capacity
from core.announcing import Announcing
from core.ports import Claims, Clock, Platform, Receiver, WebhookAnswer
from core.product import Parts, Product
from storage.clips import ObjectClipStore
from storage.database import sqlite_path
from storage.migrations import upgrade

if TYPE_CHECKING:
    from bot.server import HealthCheck, Webhook

log = logging.getLogger("reelbot.app")

Role = Literal["gateway", "worker"]


def build(settings: Settings, *, clock: Clock | None = None) -> App:
    """The program for these settings; use it as an async context manager. `clock`: the machine's unless given."""
    return App(settings, clock)


class App:
    """One process of Reelbot."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._metrics = Metrics()
        self._catalogue = catalogue_of(settings)
        check_offer(settings, self._catalogue, self._clock.now())
        self._store = CountingStore(settings.database, self._metrics, announce=announce_of(settings))
        self._clips = ObjectClipStore(settings.media, storage_emulator=settings.storage_emulator_host)
        self.connections = Connections(settings, self._catalogue, self._clock, self._store, pace=self._store.pace)
        self._closing = AsyncExitStack()
        self._pulse = Pulse(settings.sweep_s)
        self._link_secret = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.connections.close()
        await self._store.close()
        await self._closing.aclose()

    # --- running ---------------------------------------------------------------------------------------------------

    async def run(self, *, only: Role | None = None) -> None:
        """Take in messages and make clips until cancelled; `only` one of the two."""
        from bot.server import serve, web_app  # only here: a chat or a simulation has no use for what it loads

        works, listens = only != "gateway", only != "worker"
        connected = self.connections.platforms()
        sharing = await self._open(works=works)
        listening = self._listening(connected, sharing.claims) if listens else {}
        if listens and not listening:
            log.warning(
                "app.no_platform", extra={"hint": "set TELEGRAM_BOT_TOKEN or SLACK_BOT_TOKEN, or try: reelbot chat"}
            )
        watching = Watching(
            rows=self._store,
            platforms=tuple(connected.platforms),
            events=self._settings.webhook_url is not None,
            metrics=self._metrics,
            clock=self._clock,
        )
        async with self._running(
            connected.platforms,
            sharing,
            works=works,
            listens=listens,
            watching=watching,
            read_back=connected.read_back,
        ) as product:
            webhooks = {path: _webhook(handler, product) for path, handler in connected.webhooks.items() if listens}
            webhooks |= {path: _news(handler, product) for path, handler in self.connections.service_webhooks().items()}
            async with serve(
                web_app(
                    health={"clock": self._pulse.problem},
                    ready={"database": self._database_answers, **self._health(listening)},
                    watched=watching.checks(),
                    metrics=self._metrics,
                    clips=self._clips,
                    link_secret=self._link_secret,
                    clock=self._clock,
                    webhooks=webhooks,
                ),
                self._settings.http_host,
                self._settings.http_port,
            ) as port:
                log.info("app.started", extra={"port": port, "platforms": [*connected.platforms], "only": only})
                async with asyncio.TaskGroup() as tasks:
                    for receiver in listening.values():
                        tasks.create_task(receiver.run(product.dialogue.receive))
                    tasks.create_task(_forever())

    async def with_platform(self, platform: Platform, work: Callable[[Product], Awaitable[None]]) -> None:
        """Run the product with this one platform for as long as `work` takes."""
        sharing = await self._open(works=True)
        async with self._running({platform.name: platform}, sharing, works=True, listens=True) as product:
            await work(product)

    def probes(self) -> list[Probe]:
        """What `reelbot check` looks at."""
        return [
            Probe("database", self._check_database),
            clip_store_probe(self._clips),
            disk_probe(self._settings.data_dir),
            *Probes(self._settings, self.connections).all(),
            Probe("events out", self._check_events),
        ]

    async def _open(self, *, works: bool) -> Sharing:
        """Open the database, and take one's place among the processes that use it."""
        sharing = sharing_of(self._settings, self._clock, works=works)
        await sharing.open()
        self._closing.push_async_callback(sharing.close)
        await upgrade(self._settings.database)
        await self._store.open()
        given = self._settings.link_secret
        self._link_secret = given.get_secret_value() if given else (await self._store.secret("links")).hex()
        return sharing

    @asynccontextmanager
    async def _running(
        self,
        platforms: Mapping[str, Platform],
        sharing: Sharing,
        *,
        works: bool,
        listens: bool,
        watching: Watching | None = None,
        read_back: Mapping[str, ReadBack] | None = None,
    ) -> AsyncIterator[Product]:
        """The product at work: first what was left behind, then whatever comes, in step with the clock. Without
        `read_back` nobody is told that it was away."""
        settings = self._settings
        product = self._product(platforms, sharing, works=works, listens=listens)
        announcing = self._announcing() if works and settings.webhook_url else None
        absence = None if read_back is None or not listens else self._absence(product, platforms, read_back)
        ticker = Ticker()
        try:
            if absence is not None:
                await absence.look()
                ticker.add("presence", settings.sweep_s, absence.look)
            await product.engine.open()
            sharing.tick(ticker)
            if listens:
                await product.listen()
                ticker.add("listen", settings.sweep_s, product.listen)
            if works:
                await product.recover()
                ticker.add("work", settings.sweep_s, product.work)
                ticker.add("progress", min(1.0, settings.progress_edit_s), product.show_progress)
            if announcing is not None:
                await announcing.sweep()
                ticker.add("events", settings.sweep_s, announcing.sweep)
            ticker.add("metrics", max(5.0, settings.sweep_s), self._count)
            ticker.add("pulse", settings.sweep_s, self._pulse.beat)
            if watching is not None:
                ticker.add("watch", max(5.0, settings.sweep_s), watching.look)
            async with ticker:
                yield product
        finally:
            if absence is not None:
                await absence.stop()
            await product.stop(settings.stop_within_s / 2)
            if announcing is not None:
                await announcing.stop(settings.stop_within_s / 8)

    # --- parts -----------------------------------------------------------------------------------------------------

    def _product(self, platforms: Mapping[str, Platform], sharing: Sharing, *, works: bool, listens: bool) -> Product:
        settings = self._settings
        model, fallback = self.connections.dialogue_models()
        parts = Parts(
            store=self._store,
            clips=self._clips,
            media=self.connections.media(),
            platforms=platforms,
            providers=self.connections.providers(self._clips),
            model=model,
            fallback=fallback,
            catalogue=self._catalogue,
            clock=self._clock,
            folder=settings.data_dir.absolute(),
            terms=terms_of(settings),
            capacity=Capacity(
                overall=settings.max_in_flight,
                per_person=settings.max_in_flight_per_person,
                per_channel=settings.max_in_flight_per_channel,
            ),
            dialogue_timeout_s=max(settings.dialogue_timeout_s, WRITE_TIMEOUT_S) + 5,
            poll_min_s=settings.video_poll_min_s,
            poll_max_s=settings.video_poll_max_s,
            album_wait_s=settings.album_wait_s,
            turns_per_minute=settings.limit_turns_per_min,
            pace=self._store.pace,
            progress_every=timedelta(seconds=settings.progress_edit_s),
            link=self._link,
            link_valid=timedelta(days=settings.link_valid_days),
            claims=sharing.claims,
            shared=sharing.shared,
        )
        return Product(parts, sharing.make_engine, works=works, listens=listens)

    def _absence(
        self, product: Product, platforms: Mapping[str, Platform], read_back: Mapping[str, ReadBack]
    ) -> Absence:
        return Absence(
            presence=self._store,
            generations=self._store,
            outbox=product.outbox,
            platforms=tuple(platforms),
            read_back=read_back,
            receive=product.dialogue.receive,
            clock=self._clock,
        )

    def _announcing(self) -> Announcing:
        announcing = Announcing(
            events=self._store.events,
            announcer=self.connections.announcer(),
            clock=self._clock,
            claim_s=2 * self._settings.webhook_timeout_s,
        )
        self._store.announced = announcing.wake
        return announcing

    def _link(self, name: str, until: datetime) -> str:
        if not self._settings.public_url:
            return ""
        return f"{self._settings.public_url.rstrip('/')}/v/{sign(name, until, self._link_secret)}"

    # --- health ----------------------------------------------------------------------------------------------------

    def _listening(self, connected: Connected, claims: Claims) -> Mapping[str, Listening]:
        receivers: dict[str, Receiver] = {**connected.receivers}
        for name in connected.alone:
            receivers[name] = Standby(name, receivers[name], claims=claims, clock=self._clock)
        return {
            name: Listening(name, receiver, clock=self._clock, metrics=self._metrics)
            for name, receiver in receivers.items()
        }

    def _health(self, receivers: Mapping[str, Listening]) -> Mapping[str, HealthCheck]:
        def check(receiver: Listening) -> HealthCheck:
            return lambda: receiver.problem(self._clock.now())

        return {name: check(receiver) for name, receiver in receivers.items()}

    async def _count(self) -> None:
        await self._store.count_waiting(self._clock.now())

    async def _database_answers(self) -> str:
        await self._store.open()
        return ""

    async def _check_events(self) -> Finding:
        if self._settings.webhook_url is None:
            return Finding(state=State.OFF, detail="set WEBHOOK_URL to use it")
        announcer = self.connections.announcer()
        detail = f"events go to {announcer.host} at {await announcer.look_up()}"
        path = sqlite_path(self._settings.database)
        if path is not None and not path.exists():
            return Finding(detail=detail)
        dead = len(await self._store.events.listed(given_up=True, limit=1_000))
        if dead:
            detail += f"; given up: {dead}, see: reelbot events list --dead"
        return Finding(state=State.WARNING if dead else State.OK, detail=detail)

    async def _check_database(self) -> Finding:
        path = sqlite_path(self._settings.database)
        if path is not None and not path.exists():
            return Finding(state=State.OFF, detail=f"{path} is made at the first start")
        await self._store.open()
        return Finding(detail=f"SQLite in {path}" if path else "PostgreSQL answers")


def _webhook(handler: ReceivingWebhook, product: Product) -> Webhook:
    async def handle(headers: Mapping[str, str], body: bytes) -> WebhookAnswer:
        return await handler(headers, body, product.dialogue.receive)

    return handle


def _news(handler: ServiceWebhook, product: Product) -> Webhook:
    async def handle(headers: Mapping[str, str], body: bytes) -> WebhookAnswer:
        return await handler(headers, body, product.news.heard)

    return handle


async def _forever() -> None:
    await asyncio.Event().wait()
