"""One run of the campaign: a world that stays, people who order at once, a program that is killed again and again."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from tests.emulators.google_orders import Failure
from tests.emulators.slack import SlackEmulator
from tests.emulators.telegram import TelegramEmulator
from tests.emulators.webhook_receiver import WebhookReceiver
from tests.faults.campaign import inbound
from tests.faults.campaign.counts import Found, count
from tests.faults.campaign.machines import Machines, Part
from tests.faults.campaign.outbound import all_told, events_to
from tests.faults.campaign.people import Approver, Wish
from tests.faults.campaign.points import Fate, Platform, Service, fates
from tests.faults.forked import Forked
from tests.program.services import Outside, slack_world, world
from tests.storage.postgres import PrivateServer, fresh_database

Database = Literal["sqlite", "postgresql"]
MACHINES: dict[Database, tuple[Part, ...]] = {"sqlite": ("all",), "postgresql": ("gateway", "worker", "worker")}
AT_ONCE = 5
"""People who are waiting for something, at most, when another one comes."""
MEET_WITHIN_S = 20.0
"""How long a process has to get to the place where it is to end."""
FILMING_S = 0.3
FINISH_WITHIN_S = 180.0
QUIET_S: dict[Database, float] = {"sqlite": 0.4, "postgresql": 2.5}
"""How long it is watched that nothing more happens once everybody is served; a dead worker's work is looked for every
two seconds."""
EXPECTED = ("core.errors.TemporaryError",)
"""In errors that are logged while the database is away."""
RIGHT = "The ledger is right."
SETTINGS = {
    "MAX_IN_FLIGHT": "16",
    "TELEGRAM_MESSAGES_PER_S": "1000",
    "ORDER_TIMEOUT_S": "20",
}
WEBHOOK_TRIES = 10_000
EVENT_TRIES_S = (0.3, 2.0, 10.0)
"""When Slack tells of an event again: real waits are a minute and more, as are real outages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a run is like."""

    database: Database
    platform: Platform
    service: Service
    transport: Literal["direct", "posted"]
    """Whether the program fetches what people say, or the platform posts it."""
    approved: bool
    """Whether somebody approves each order, and looks at each clip before it is posted."""
    news: bool
    """Whether the video service tells of finished orders by itself."""
    seed: int
    fates: tuple[Fate, ...]

    def __str__(self) -> str:
        """For the log."""
        approved = ", approved" if self.approved else ""
        news = ", news" if self.news else ""
        return f"{self.database}, {self.platform} {self.transport}, {self.service}{approved}{news}, seed {self.seed}"


def setting(
    database: Database,
    number: int,
    *,
    kills: int,
    seed: int,
    platform: Platform | None = None,
    used: Mapping[str, int] = MappingProxyType({}),
) -> Setting:
    """Run `number` of a campaign. `used`: how often each named place had its turn before; the others come first."""
    drawn = random.Random(f"{seed}/{database}/{number}")
    either: tuple[Platform, ...] = ("telegram", "telegram", "slack")
    where: Platform = platform if platform is not None else drawn.choice(either)
    service: Service = drawn.choice(("omni", "omni", "veo"))
    posted = database == "postgresql" or drawn.random() < 0.5
    approved = drawn.random() < 0.25
    news = service == "omni" and drawn.random() < 0.4
    named = list(fates(where, service, approved=approved))
    drawn.shuffle(named)
    named.sort(key=lambda fate: used.get(fate.name, 0), reverse=True)
    chosen: list[Fate] = []
    for _ in range(kills):
        lot = drawn.random()
        if lot < 0.08 and database == "postgresql":
            chosen.append(Fate(stage="database", name="database"))
        elif lot < 0.25:
            chosen.append(Fate(stage="random", name="random"))
        else:
            chosen.append(named.pop())
    return Setting(
        database=database,
        platform=where,
        service=service,
        transport="posted" if posted else "direct",
        approved=approved,
        news=news,
        seed=drawn.randrange(1 << 30),
        fates=tuple(chosen),
    )


async def run(folder: Path, how: Setting, server: PrivateServer | None) -> Found:
    """All of it, counted. `server`: where the rows are, unless they are in SQLite."""
    found = Found()
    with ExitStack() as stack:
        database = {}
        if server is not None:
            database = {"DATABASE_URL": stack.enter_context(fresh_database(server.url))}
        async with _world(folder, how) as outside, WebhookReceiver() as receiver, _news(outside, how) as news:
            outside.google.omni.takes(FILMING_S)
            outside.google.veo.takes(FILMING_S)
            approver = Approver(outside)
            settings = {**SETTINGS, **database, **events_to(receiver), **news}
            settings |= _approval(approver) if how.approved else {}
            parts = MACHINES[how.database]
            machines = Machines(outside, parts=parts, server=server, receiver=receiver, seed=how.seed, **settings)
            wishes: list[Wish] = []
            async with machines.running(), _living(approver):
                await _play(outside, how, machines, wishes, found)
                await all_told(receiver, wishes)
                await asyncio.sleep(QUIET_S[how.database])
                statuses = await machines.stopped()
                found.story.append("stopped")
            if any(statuses):
                found.violations.append(f"asked to stop, they ended with {statuses}")
            count(outside, wishes, machines.died, found, receiver=receiver)
            found.violations += [f"an event was not signed as it should be: {one}" for one in receiver.forged]
            await _check_money(outside, machines, database, found)
            for one in machines.all:
                crashed = [
                    line
                    for line in one.lines
                    if '"level": "error"' in line and not any(map(line.__contains__, EXPECTED))
                ]
                if crashed:
                    found.violations.append(f"{one.name} logged an error: {crashed[0]}")
    found.violations = [f"{how}\n{one}" for one in found.violations]
    return found


def _approval(approver: Approver) -> dict[str, str]:
    return {"APPROVAL_ABOVE_USD": "0.01", "REVIEW_BEFORE_POST": "true", "APPROVERS": approver.play.person}


@asynccontextmanager
async def _living(approver: Approver) -> AsyncIterator[None]:
    life = asyncio.create_task(approver.live())
    try:
        yield
    finally:
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)


@asynccontextmanager
async def _news(outside: Outside, how: Setting) -> AsyncIterator[dict[str, str]]:
    """Settings for a program that the video service tells of finished orders, if it does."""
    if not how.news:
        yield {}
        return
    async with inbound.PatientNews(f"{outside.environment['PUBLIC_URL']}/gemini/webhook") as patient:
        outside.google.webhook_secret = inbound.SECRET
        outside.google.webhooks.endpoint = patient.url
        yield {"GEMINI_WEBHOOK_SECRET": inbound.SECRET}


@asynccontextmanager
async def _world(folder: Path, how: Setting) -> AsyncIterator[Outside]:
    posted = how.transport == "posted"
    if how.platform == "telegram":
        telegram = TelegramEmulator(webhook_attempts=WEBHOOK_TRIES)
        kind = "webhook" if posted else "polling"
        async with world(
            folder, provider=how.service, transport="webhook" if kind == "webhook" else "polling", telegram=telegram
        ) as outside:
            yield outside
        return
    slack = SlackEmulator(retry_after=EVENT_TRIES_S)
    async with slack_world(
        folder, provider=how.service, transport="http" if posted else "socket", slack=slack
    ) as slack_outside:
        yield slack_outside


async def _play(outside: Outside, how: Setting, machines: Machines, wishes: list[Wish], found: Found) -> None:
    drawn = random.Random(how.seed)
    lives: set[asyncio.Task[None]] = set()
    loop = asyncio.get_running_loop()
    began = loop.time()

    def tell(what: str) -> None:
        found.story.append(f"{loop.time() - began:6.2f} s  {what}, {len(lives)} people wait")

    for fate in how.fates:
        while len(lives) >= AT_ONCE:
            _, lives = await asyncio.wait(lives, return_when=asyncio.FIRST_COMPLETED)
        tell("next")
        if fate.fails:
            outside.google.omni.next(Failure())
            outside.google.veo.next(Failure())
        for _ in range(drawn.choice((1, 1, 2))):
            wish = Wish(
                outside,
                len(wishes) + 1,
                stage=fate.stage,
                seed=drawn.randrange(1 << 30),
                shared=how.approved,
                news=how.news,
            )
            wishes.append(wish)
            lives.add(asyncio.create_task(wish.live()))
        before = machines.deaths
        if fate.at is not None:
            met = await machines.meet(fate, within_s=MEET_WITHIN_S)
            (found.reached if met else found.missed)[fate.name] += 1
            tell(f"killed at {fate.name}" if met else f"nobody got to {fate.name}")
            if not met:
                tell(f"killed {await machines.strike()}")
        else:
            await asyncio.sleep(drawn.uniform(0.0, 1.5))
            if fate.name == "database":
                await machines.strike_database()
                tell("the database crashed")
            else:
                tell(f"killed {await machines.strike()}")
        found.row(fate.stage).kills += max(1, machines.deaths - before)
        if drawn.random() < 0.8:
            # The next one comes while they recover, or only then.
            await asyncio.gather(*(machine.up.wait() for machine in machines.all))
            tell("all are up")
    if lives:
        await asyncio.wait(lives, timeout=FINISH_WITHIN_S)
    tell("all is over")
    for life in lives:
        life.cancel()
    for done in await asyncio.gather(*lives, return_exceptions=True):
        if isinstance(done, Exception):
            raise done


async def _check_money(outside: Outside, machines: Machines, database: dict[str, str], found: Found) -> None:
    """`reelbot money check`: one hold and one end for each, and nothing left open."""
    settings = {"DATA_DIR": str(outside.folder / "data-0"), **SETTINGS, **database}
    command = Forked(outside, ("money", "check"), **settings)
    await command.start()
    await command.ended()
    said = "\n".join(command.lines)
    still = re.search(r"Still held\D*([\d.,]+)", said)
    if RIGHT not in said or still is None or float(still[1].replace(",", "")) != 0:
        found.violations.append(f"reelbot money check said:\n{said}")
