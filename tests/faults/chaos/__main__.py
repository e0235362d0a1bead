"""`python -m tests.faults.chaos`: so many generations in bad weather; prints what was done to them and what came of it.

The real program runs in this process, by a fast clock, against the emulators. Exit code 1 when anything came out that
must not.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from pathlib import Path

from bot.logs import configure_logging
from core.generation import FINAL, Generation, GenerationStatus
from core.money import LedgerEntry, exact_dollars
from storage.store import SqlStore
from tests.emulators.google import Clip, Empty, Failure, Refusal
from tests.emulators.google_orders import Outcome
from tests.emulators.slack import SlackEmulator
from tests.faults.chaos.counts import Result, count, unheard
from tests.faults.chaos.episodes import Episodes, JumpingClock, small_disk
from tests.faults.chaos.people import Someone, Tally
from tests.faults.chaos.places import Place, SlackPlace, TelegramPlace
from tests.faults.chaos.weather import SHARE, FlakyObjects, Weather
from tests.program.running import ROOT, ready, running
from tests.program.services import World, world
from tests.storage.object_server import object_server
from tests.storage.postgres import fresh_database, private_postgres

AT_ONCE = 30
"""People who are there at the same time."""
TIMEOUT_S = 1.0
"""How long the program waits for Google here, in seconds."""
LONGEST_POLL_S = 0.5
EVENT_TRIES_S = (0.3, 2.0, 10.0)
"""When Slack tells of an event again."""
TELLS_EVERY_S = 15.0
FILMING_S = 4.0
"""How long a service works on an order, in seconds: time enough to cancel, and to answer what that may cost."""
CALM_S = 150.0
"""How long everything may take to come to rest once the weather is good, in seconds."""
BAD_CLIPS: tuple[Outcome, ...] = (
    Failure(code=13, message="The renderer broke down"),
    Refusal("This shows something we do not make"),
    Empty(),
    Clip(black=True),
    Clip(frozen=True),
    Clip(silent=True),
    Clip(seconds=2.0),
    Clip(width=640, height=640),
)


def main() -> int:
    """Run it, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.chaos", description=__doc__)
    parser.add_argument("--generations", type=int, default=1000, help="how many are ordered")
    parser.add_argument("--seed", type=int, default=1, help="of everything that happens by chance")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--platform", choices=("telegram", "slack", "both"), default="both", help="where people are")
    parser.add_argument("--minutes", type=float, default=60.0, help="nothing new is ordered after so long")
    parser.add_argument("--log", type=Path, default=Path(os.devnull), help="where the program's own log goes")
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="reelbot-chaos-")))
        address = stack.enter_context(_database(given.database, folder))
        (folder / "data").mkdir()
        disk = stack.enter_context(small_disk(folder / "data"))
        configure_logging("INFO", "json", stream=stack.enter_context(given.log.open("w")))
        began = time.monotonic()
        print(f"seed {given.seed}, {given.database}, {given.platform}", flush=True)
        return asyncio.run(_run(folder, address, given, disk=disk, at=began))


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'data' / 'reelbot.db'}"
        return
    with private_postgres() as server, fresh_database(server) as address:
        yield address


async def _run(folder: Path, database: str, given: argparse.Namespace, *, disk: bool, at: float) -> int:
    generations, seed = given.generations, given.seed
    clock, objects = JumpingClock(), FlakyObjects(seed)
    async with object_server(objects), world(folder, provider="veo") as outside, AsyncExitStack() as stack:
        slack = await stack.enter_async_context(SlackEmulator(retry_after=EVENT_TRIES_S))
        google, telegram = Weather(seed, stall_s=1.5 * TIMEOUT_S), Weather(seed + 1, stall_s=0.5)
        slacks = Weather(seed + 2, stall_s=0.5)
        weathers = {"Google": google, "Telegram": telegram, "Slack": slacks}
        outside.google.faults, outside.telegram.faults, slack.faults = google, telegram, slacks
        _change(weathers, objects, bad=False)
        # A poll counts by the program's clock, which would take a usual one for silence.
        outside.telegram.state.updates.longest_poll = LONGEST_POLL_S
        outside.google.omni.takes(FILMING_S)
        outside.google.veo.takes(FILMING_S)
        outside.google.omni.next(*_outcomes(2 * generations, seed))
        outside.google.veo.next(*_outcomes(2 * generations, seed + 1))
        outside.environment |= _settings(database, objects)
        _connect(outside, slack, given.platform)
        episodes = Episodes(clock=clock, objects=objects, disk=folder / "data" if disk else None)
        tally = Tally(wanted=generations, until=asyncio.get_running_loop().time() + given.minutes * 60)
        people = [
            Someone(_place(outside, slack, number, given.platform), f"Person {number}", number, tally, seed)
            for number in range(min(AT_ONCE, generations))
        ]
        async with running(outside, clock=clock):
            await ready(outside)
            _change(weathers, objects, bad=True)
            beside = [asyncio.create_task(work) for work in (_befall(episodes, tally), _tell(tally, people, at))]
            await asyncio.gather(*(someone.live() for someone in people))
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            _change(weathers, objects, bad=False)
            rows, ledger = await _at_rest(database, clock)
        lost = unheard(outside.telegram.calls("sendMessage"), telegram) | unheard(
            slack.calls("chat.postMessage"), slacks
        )
        result = count(outside, people, tally, rows, ledger, lost)
        await _hold_against_ledger(outside, result)
        used = {name: weather for name, weather in weathers.items() if weather.calls}
        _print(result, tally, episodes, disk=disk, weathers=used, objects=objects)
        print(f"{sum(result.ends.values())} generations in {time.monotonic() - at:.0f} s, seed {seed}")
    return 1 if result.violations else 0


def _change(weathers: Mapping[str, Weather], objects: FlakyObjects, *, bad: bool) -> None:
    for weather in weathers.values():
        weather.bad = bad
    objects.bad = bad


def _connect(outside: World, slack: SlackEmulator, platform: str) -> None:
    """Lead the program to the platforms where people are."""
    if platform != "telegram":
        outside.environment |= {
            "SLACK_BOT_TOKEN": slack.token,
            "SLACK_APP_TOKEN": slack.app_token,
            "SLACK_API_URL": slack.url,
            "SLACK_PROGRESS_EDITS_PER_MIN": "1000",
        }
    if platform == "slack":
        for name in [name for name in outside.environment if name.startswith("TELEGRAM_")]:
            del outside.environment[name]


def _place(outside: World, slack: SlackEmulator, number: int, platform: str) -> Place:
    """Where a person is; of three people one is on Slack if there are both, and there every other one in a channel."""
    if platform == "slack" or (platform == "both" and number % 3 == 2):
        return SlackPlace(slack, f"Person {number}", channel=number % 2 == 0)
    return TelegramPlace(outside.telegram, f"Person {number}")


async def _befall(episodes: Episodes, tally: Tally) -> None:
    """Let things befall the machine while people begin something new: what is under way then is to come to its end, and
    on a slow machine every card would expire before it is tapped on."""
    running = asyncio.create_task(episodes.run())
    try:
        while not tally.enough:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.5)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def _tell(tally: Tally, people: Sequence[Someone], at: float) -> None:
    """Say now and then how far it is."""
    while True:
        await asyncio.sleep(TELLS_EVERY_S)
        stuck = sum(bool(someone.trouble) for someone in people)
        print(f"{time.monotonic() - at:5.0f} s: {len(tally.ordered)} ordered, {stuck} people gave up", flush=True)


def _outcomes(number: int, seed: int) -> list[Outcome]:
    """What the services make of the orders: a fifth is no good."""
    chance = random.Random(seed)
    return [chance.choice(BAD_CLIPS) if chance.random() < SHARE else Clip() for _ in range(number)]


def _settings(database: str, objects: FlakyObjects) -> dict[str, str]:
    """Everything at the speed of the clock, and clips in a bucket."""
    # obstore takes its credentials and addresses from the environment of the process.
    os.environ |= {
        "AWS_ENDPOINT": objects.url,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
    }
    return {
        "DATABASE_URL": database,
        "MEDIA_URL": "s3://clips/reelbot",
        "VIDEO_POLL_MIN_S": "2",
        "VIDEO_POLL_MAX_S": "20",
        "PROGRESS_EDIT_S": "60",
        "SWEEP_S": "6",
        "ORDER_TIMEOUT_S": str(TIMEOUT_S),
        "DIALOGUE_TIMEOUT_S": str(TIMEOUT_S),
        "MAX_IN_FLIGHT": "12",
        "MAX_IN_FLIGHT_PER_PERSON": "4",
        "LIMIT_TURNS_PER_MIN": "0",
        "TELEGRAM_MESSAGES_PER_S": "1000",
    }


async def _at_rest(
    database: str, clock: JumpingClock
) -> tuple[tuple[Generation, ...], dict[int, tuple[LedgerEntry, ...]]]:
    """Every row and what was booked for each, once nobody works on any and all is said, or it has taken too long."""
    store = SqlStore(database)
    await store.open()
    try:
        until = time.monotonic() + CALM_S
        while True:
            rows = await store.with_status(*GenerationStatus)
            ordered = [row for row in rows if GenerationStatus.QUEUED.value in row.entered]
            ended = all(row.status in FINAL and not row.on_its_way_elsewhere for row in ordered)
            if (ended and not await store.unsent_keys(clock.now())) or time.monotonic() > until:
                await asyncio.sleep(1.0)  # in which something that is done twice would be done again
                rows = await store.with_status(*GenerationStatus)
                return rows, {row.id: await store.entries(row.id) for row in rows}
            await asyncio.sleep(0.1)
    finally:
        await store.close()


async def _hold_against_ledger(outside: World, result: Result) -> None:
    """`reelbot money check` must find nothing, nothing may be held any more, and what is captured is what people
    got."""
    check = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "money", "check"),
        cwd=ROOT,
        env={**os.environ, **outside.environment},
        stdout=asyncio.subprocess.PIPE,
    )
    said = (await check.communicate())[0].decode()
    print(said)
    captured, held = (re.search(rf"{name}\s+(\$[\d.,]+)", said) for name in ("Captured", "Still held"))
    if check.returncode:
        result.violations.append("`reelbot money check` finds something wrong")
    if captured is None or captured[1] != exact_dollars(result.delivered):
        result.violations.append(f"captured is not what was delivered, {exact_dollars(result.delivered)}")
    if held is None or held[1] != exact_dollars(0):
        result.violations.append("something is still held")


def _print(
    result: Result,
    tally: Tally,
    episodes: Episodes,
    *,
    disk: bool,
    weathers: dict[str, Weather],
    objects: FlakyObjects,
) -> None:
    print("Injected")
    for name, weather in weathers.items():
        print(f"  {name}: {sum(weather.spoiled.values())} of {weather.calls} calls")
        for way, times in sorted(weather.spoiled.items()):
            print(f"    {way:<22}{times:>7}")
    print(f"  Object store: {sum(objects.spoiled.values())} of {objects.seen} calls")
    for way, times in sorted(objects.spoiled.items()):
        print(f"    {way:<22}{times:>7}")
    for name, times in episodes.seen.items():
        print(f"  {name:<24}{times:>7} times")
    if not disk:
        print("  The disk was never full: this machine does not let us have a small one of our own.")
    print("People")
    again = sum(tally.again.values())
    print(f"  ordered {len(tally.ordered)}, tried again {tally.retried} times;")
    print(f"  wanted to stop what was at the service: {result.stated} were told what that may cost,")
    print(f"  {len(tally.stopped)} tapped “Stop it”: {result.stopped} ended so and cost nothing,")
    print(f"  {result.unstoppable} could not be stopped, {result.unanswered_stops} got no answer at least once,")
    print(f"  {result.charged} were delivered, and charged as stated;")
    print(f"  after a lost answer ordered again {again} times and dropped {tally.dropped}")
    print("Came of it")
    for end, times in sorted(result.ends.items()):
        print(f"  {end:<24}{times:>7}")
    print(f"  {'orders accepted':<24}{result.orders:>7}")
    print(f"  {'clips in chats':<24}{result.clips:>7}")
    print(f"  {'lost answers, asked':<24}{result.lost_answers:>7}")
    print(f"  {'final words repeated':<24}{result.repeated:>7}   Telegram's answer to the first was lost")
    print(f"  {'announced once more':<24}{result.announced:>7}   likewise")
    print(f"  {'violations':<24}{len(result.violations):>7}")
    for violation in result.violations:
        print(f"\n{violation}")


if __name__ == "__main__":
    raise SystemExit(main())
