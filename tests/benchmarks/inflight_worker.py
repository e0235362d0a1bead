"""One process with many generations under way, by itself: `python -m tests.benchmarks.inflight_worker COUNT FOLDER`.

The real `Product` with the embedded engine over a real SQLite store; the platform and the service are fakes at their
ports, which cost next to nothing. All that the program does by the clock is done at the settings' default intervals:
looking at each operation, sweeping as gateway and as worker, status messages, counting for the metrics, the watchdogs.
A tenth as many more wait in the queue, so that places in it are worked out as well.

Time is played through, a second at a time: it goes on when everything that is to be done by then is done, so that a
machine that could not keep up does not do less. What is counted is the processor time of a stretch of everybody's life,
in the middle of it: those under way are between none and `YOUNGEST_S` seconds old when it begins, and none ends.
Prints JSON.
"""

from __future__ import annotations

import asyncio
import cProfile
import json
import multiprocessing
import os
import pstats
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from sqlalchemy import create_engine, insert

from adapters.engine.embedded import EmbeddedEngine
from adapters.rules import RulesDialogueModel
from bot.counting import CountingStore
from bot.metrics import Metrics
from bot.settings import Settings
from bot.watching import Watching
from core.admission import Capacity
from core.cards import status_anchor
from core.catalogue import load_catalogue
from core.conversation import Conversation
from core.errors import TemporaryError
from core.generation import Generation, GenerationStatus
from core.messages import ConversationKey, Person, Post
from core.ports import ClipStore, Media, OperationState, Platform, Running
from core.product import Parts, Product
from core.repositories import Changes
from storage import saving
from storage.message_map import message_row
from storage.tables import messages
from tests.benchmarks.usage import memory_mb
from tests.clock import START, FakeClock
from tests.core.test_generation import a_generation, a_plan, an_order
from tests.fakes import FakePlatform, FakeVideoProvider
from tests.storage.sqlite import fresh_file

STRETCH_S = 5
"""In which each thing that the clock does is done at least once."""
WARM_UP_S = 1
"""Every status message was brought up to date once."""
YOUNGEST_S = 60.0
MODEL = "gemini-omni-1.2-flash"
QUEUED_SHARE = 10


class Counted:
    """The store, with a count of what was asked of it, and whether anything still is."""

    def __init__(self, store: CountingStore) -> None:
        self._store = store
        self.calls: Counter[str] = Counter()
        self.open = 0

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method: Callable[..., Awaitable[Any]] = getattr(self._store, name)

        async def counted(*args: Any, **kwargs: Any) -> Any:
            self.calls[name] += 1
            self.open += 1
            try:
                return await method(*args, **kwargs)
            finally:
                self.open -= 1

        return counted


class Quiet(FakePlatform):
    """Keeps nothing of what is edited."""

    def __init__(self) -> None:
        super().__init__("telegram")
        self.edits = 0

    async def post(self, post: Post, message_id: str) -> str:
        """Count it."""
        self.edits += 1
        return message_id or "1"


class Endless(FakeVideoProvider):
    """Never done."""

    async def poll(self, operation: str) -> OperationState:
        """Still at work."""
        self.polls += 1
        return Running()


async def main(count: int, folder: Path) -> None:
    """Measure with so many under way."""
    url = fresh_file(folder)
    filling = multiprocessing.Process(target=_fill, args=(url, count))  # what that takes is not what is measured
    filling.start()
    filling.join()
    metrics = Metrics()
    store = CountingStore(url, metrics)
    await store.open()
    counted, clock = Counted(store), FakeClock()
    platform, service, rules = Quiet(), Endless(name="omni"), RulesDialogueModel()
    default = {name: field.default for name, field in Settings.model_fields.items()}
    product = Product(
        Parts(
            store=cast(Any, counted),
            clips=cast(ClipStore, None),
            media=cast(Media, None),
            platforms={"telegram": cast(Platform, platform)},
            providers={"omni": service},
            model=rules,
            fallback=rules,
            catalogue=load_catalogue(),
            clock=clock,
            folder=folder,
            capacity=Capacity(overall=count, per_person=2),
            poll_min_s=default["video_poll_min_s"],
            poll_max_s=default["video_poll_max_s"],
            progress_every=timedelta(seconds=default["progress_edit_s"]),
        ),
        lambda produce, wake: EmbeddedEngine(produce, wake, clock=clock),
    )
    watching = Watching(rows=cast(Any, counted), platforms=("telegram",), events=False, metrics=metrics, clock=clock)
    sweep_s = default["sweep_s"]
    ticks: list[tuple[float, Callable[[], Awaitable[None]]]] = [
        (sweep_s, product.listen),
        (sweep_s, product.work),
        (min(1.0, default["progress_edit_s"]), product.show_progress),
        (max(5.0, sweep_s), watching.look),
        (max(5.0, sweep_s), lambda: store.count_waiting(clock.now())),
    ]

    put_off: Counter[str] = Counter()

    async def live(seconds: int) -> None:
        for second in range(1, seconds + 1):
            clock.advance(1.0)
            async with asyncio.TaskGroup() as tasks:
                for every, tick in ticks:
                    if second % every == 0:
                        tasks.create_task(_ticked(tick, put_off))
            still = 0
            while still < 5:
                await asyncio.sleep(0 if not counted.open else 0.001)
                still = 0 if counted.open else still + 1

    await product.recover()
    await live(WARM_UP_S)
    counted.calls.clear()
    service.polls = platform.edits = 0
    profile = cProfile.Profile() if os.environ.get("PROFILE") else None
    if profile:
        profile.enable()
    cpu_s, wall_s = time.process_time(), time.monotonic()
    await live(STRETCH_S)
    cpu_s, wall_s = time.process_time() - cpu_s, time.monotonic() - wall_s
    if profile:
        profile.disable()
        pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(45)
    print(
        json.dumps(
            {
                "count": count,
                "cpu_s": cpu_s,
                "wall_s": wall_s,
                "memory_kb": 1024 * memory_mb(os.getpid()),
                "peak_kb": 1024 * memory_mb(os.getpid(), "VmHWM"),
                "polls": service.polls,
                "edits": platform.edits,
                "calls": dict(counted.calls),
                "put_off": dict(put_off),
            }
        )
    )
    await product.stop(0.1)
    await store.close()


async def _ticked(tick: Callable[[], Awaitable[None]], put_off: Counter[str]) -> None:
    """As the program's ticker does: what the database does not take now is done at the next tick."""
    try:
        await tick()
    except TemporaryError as error:
        put_off[str(error)] += 1


def _fill(url: str, count: int) -> None:
    """Rows as they are when all of that was ordered: each by somebody of their own, in a chat of their own."""
    engine = create_engine(url)
    with engine.begin() as connection:
        rows = [_row(number, count) for number in range(1, count + max(1, count // QUEUED_SHARE) + 1)]
        conversations = tuple(
            Conversation(
                id=row.conversation_id, key=row.key, owner_id=row.requester.id, created_at=START, updated_at=START
            )
            for row in rows
        )
        saving.commit(connection, Changes(conversations=conversations, generations=tuple(rows), at=START))
        shown = [
            message_row("telegram", row.key.chat, "1", row.conversation_id, row.id, status_anchor(row)) for row in rows
        ]
        connection.execute(insert(messages), shown)
    engine.dispose()


def _row(number: int, count: int) -> Generation:
    queued = number > count
    at = START - timedelta(seconds=YOUNGEST_S * (number % count) / count)
    order = None if queued else an_order(key=f"v{number}-1-aa", provider="omni", model=MODEL, sent_at=at)
    row = a_generation(
        number,
        GenerationStatus.QUEUED if queued else GenerationStatus.PROCESSING,
        conversation_id=f"c{number}",
        key=ConversationKey(platform="telegram", chat=str(number)),
        requester=Person(id=f"telegram:{number}", name=f"Ann {number}", language="en"),
        plan=a_plan(provider="omni", model=MODEL, model_name="Gemini Omni 1.2 Flash", expected_s=(60.0, 88.0)),
        prompt="A red fox trots through fresh snow at sunrise. " * 8,
        created_at=at,
        updated_at=at,
        order=order,
    )
    return replace(row, entered=dict.fromkeys(row.entered, at), revision=0)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
