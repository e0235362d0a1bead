"""The wiring: from settings to a program.

`build(settings)` makes the parts and talks to nobody; `App.run` and `App.chat` open the database, bring its tables up
to date, and start listening and working. Which adapters there are is told in `bot.connections`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from types import TracebackType
from typing import Literal, Self

from adapters.engine.embedded import EmbeddedEngine
from bot.check import Finding, Probe, State, clip_store_probe, disk_probe
from bot.clock import SystemClock, Ticker
from bot.connections import WRITE_TIMEOUT_S, Connections, ReceivingWebhook
from bot.counting import CountingStore
from bot.links import sign
from bot.metrics import Metrics
from bot.server import HealthCheck, Webhook, serve, web_app
from bot.settings import Settings
from bot.terms import catalogue_of, check_offer, terms_of
from core.admission import Capacity
from core.ports import Clock, Platform, Receiver, WebhookAnswer
from core.product import Parts, Product
from storage.clips import ObjectClipStore
from storage.database import sqlite_path
from storage.lease import PostgresLease, WorkerLease
from storage.migrations import upgrade

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
        self._store = CountingStore(settings.database, self._metrics)
        self._clips = ObjectClipStore(settings.media, storage_emulator=settings.storage_emulator_host)
        self.connections = Connections(settings, self._catalogue, self._clock, self._store)
        self._closing = AsyncExitStack()
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
        works, listens = only != "gateway", only != "worker"
        connected = self.connections.platforms()
        await self._open(works=works)
        receivers = connected.receivers if listens else {}
        if listens and not receivers:
            log.warning(
                "app.no_platform", extra={"hint": "set TELEGRAM_BOT_TOKEN or SLACK_BOT_TOKEN, or try: reelbot chat"}
            )
        async with self._running(connected.platforms, works=works, listens=listens) as product:
            webhooks = {path: _webhook(handler, product) for path, handler in connected.webhooks.items() if listens}
            async with serve(
                web_app(
                    health={"database": self._database_answers},
                    ready={"database": self._database_answers, **self._health(receivers)},
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
                    for receiver in receivers.values():
                        tasks.create_task(receiver.run(product.dialogue.receive))
                    tasks.create_task(_forever())

    async def chat(self) -> None:
        """Chat in the terminal until the person leaves or the script ends."""
        from adapters.terminal import TerminalPlatform, TerminalReceiver

        await self._open(works=True)
        platform = TerminalPlatform(videos=self._settings.data_dir / "videos")
        async with self._running({platform.name: platform}, works=True, listens=True) as product:
            receiver = TerminalReceiver(
                platform,
                settled=product.dialogue.settled,
                idle=product.idle,
                history=self._settings.data_dir / "history",
            )
            await receiver.run(product.dialogue.receive)

    def probes(self) -> list[Probe]:
        """What `reelbot check` looks at."""
        return [
            Probe("database", self._check_database),
            clip_store_probe(self._clips),
            disk_probe(self._settings.data_dir),
            *self.connections.probes(),
        ]

    async def _open(self, *, works: bool) -> None:
        """Open the database; a worker makes sure that it is the only one."""
        path = sqlite_path(self._settings.database)
        if works and path is not None:
            lease = WorkerLease(path)
            lease.take()
            self._closing.callback(lease.give_back)
        elif works:
            shared = PostgresLease(self._settings.database)
            await shared.take()
            self._closing.push_async_callback(shared.give_back)
        await upgrade(self._settings.database)
        await self._store.open()
        given = self._settings.link_secret
        self._link_secret = given.get_secret_value() if given else (await self._store.secret("links")).hex()

    @asynccontextmanager
    async def _running(
        self, platforms: Mapping[str, Platform], *, works: bool, listens: bool
    ) -> AsyncIterator[Product]:
        """The product at work: first what was left behind, then whatever comes, in step with the clock."""
        settings = self._settings
        product = self._product(platforms, works=works, listens=listens)
        ticker = Ticker()
        try:
            if listens:
                await product.listen()
                ticker.add("listen", settings.sweep_s, product.listen)
            if works:
                await product.recover()
                ticker.add("work", settings.sweep_s, product.work)
                ticker.add("progress", min(1.0, settings.progress_edit_s), product.progress.tick)
            ticker.add("metrics", max(5.0, settings.sweep_s), self._count)
            async with ticker:
                yield product
        finally:
            await product.stop(settings.stop_within_s / 2)

    # --- parts -----------------------------------------------------------------------------------------------------

    def _product(self, platforms: Mapping[str, Platform], *, works: bool, listens: bool) -> Product:
        settings = self._settings
        model, fallback = self.connections.dialogue_models()
        parts = Parts(
            store=self._store,
            clips=self._clips,
            media=self.connections.media(),
            platforms=platforms,
            providers=self.connections.providers(),
            model=model,
            fallback=fallback,
            catalogue=self._catalogue,
            clock=self._clock,
            folder=settings.data_dir.absolute(),
            terms=terms_of(settings),
            capacity=Capacity(overall=settings.max_in_flight, per_person=settings.max_in_flight_per_person),
            dialogue_timeout_s=max(settings.dialogue_timeout_s, WRITE_TIMEOUT_S) + 5,
            poll_min_s=settings.video_poll_min_s,
            poll_max_s=settings.video_poll_max_s,
            album_wait_s=settings.album_wait_s,
            turns_per_minute=settings.limit_turns_per_min,
            progress_every=timedelta(seconds=settings.progress_edit_s),
            link=self._link,
            link_valid=timedelta(days=settings.link_valid_days),
        )
        return Product(
            parts, lambda produce, wake: EmbeddedEngine(produce, wake, clock=self._clock), works=works, listens=listens
        )

    def _link(self, name: str, until: datetime) -> str:
        if not self._settings.public_url:
            return ""
        return f"{self._settings.public_url.rstrip('/')}/v/{sign(name, until, self._link_secret)}"

    # --- health ----------------------------------------------------------------------------------------------------

    def _health(self, receivers: Mapping[str, Receiver]) -> Mapping[str, HealthCheck]:
        def check(receiver: Receiver) -> HealthCheck:
            return lambda: receiver.healthy(self._clock.now())

        return {name: check(receiver) for name, receiver in receivers.items()}

    async def _count(self) -> None:
        await self._store.count_waiting(self._clock.now())

    async def _database_answers(self) -> str:
        await self._store.open()
        return ""

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


async def _forever() -> None:
    await asyncio.Event().wait()
