"""From done at the service to the upload: how late it is noticed by looking, and how soon with Gemini's webhook.

By looking: played through, not waited for. The program's own `Watcher`, over rows in memory, and the loop of Google's
samples watch the same clips one after the other, on a clock that jumps to whatever is waited for. Each clip's service
time is drawn from the same lognormal distribution. The first ones are watched by what the catalogue says of the model;
from then on the watcher has learned, as it does in the program. What comes between noticing and the upload, fetching
and probing the clip, is the same for both and left out; the webhook's figure has it.

With the webhook: the real program, the stand-ins of Telegram and of Google in this process, real time. From the moment
the service has finished to the upload's arrival at Telegram, with looks too rare to help.
"""

from __future__ import annotations

import asyncio
import base64
import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

from adapters.rules import RulesDialogueModel
from bot.settings import Settings
from core.catalogue import load_catalogue
from core.claiming import Alone
from core.generation import Generation, GenerationStatus
from core.outbox import Outbox
from core.ports import Finished, OperationState, Reconciliation, Running, VideoOrder
from core.readers import Readers
from core.repositories import Changes, Generations, OutboxRows
from core.rows import Rows
from core.waits import Waits
from core.watching import Watcher
from tests.benchmarks.baselines import ten_seconds
from tests.benchmarks.figures import Figure, median, percentile
from tests.clock import START
from tests.core.test_generation import a_generation, a_plan, an_order
from tests.emulators.footage import make_footage
from tests.emulators.google_orders import Clip
from tests.program.running import Process, ready
from tests.program.services import world
from tests.program.test_main_job import card_for

CLIPS = 4_000
"""Watched one after the other."""
MEDIAN_S, SPREAD, SEED = 60.0, 0.3, 7
MODEL = "gemini-omni-1.2-flash"

NOT_FAIR = 99.0
"""The figure when more polls are made than the loop makes."""

TURNS = 12
"""Clips that the webhook tells of."""
WARM_UP = 2
FILMING_S = 0.5
SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two letters!!").decode()


async def measure(folder: Path) -> list[Figure]:
    """Some 40 s."""
    return [await _by_looking(), await _by_webhook(folder / "webhook")]


# --- by looking ------------------------------------------------------------------------------------------------------


class JumpingClock:
    """Implements the `Clock` port for one sleeper at a time: to sleep is to be there."""

    def __init__(self) -> None:
        self._now = START

    def now(self) -> datetime:
        """The time now, in UTC."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Jump."""
        self._now += timedelta(seconds=seconds)


class Service:
    """Implements the `VideoProvider` port: a clip is done when it is time."""

    name = "omni"

    def __init__(self, clock: JumpingClock) -> None:
        self._clock = clock
        self.done_at = START
        self.polls = 0

    async def order(self, order: VideoOrder) -> str:
        raise NotImplementedError

    async def poll(self, operation: str) -> OperationState:
        """Whether it is done."""
        self.polls += 1
        return Running() if self._clock.now() < self.done_at else Finished(location="there")

    async def fetch(self, operation: str, location: str, destination: Path) -> None:
        raise NotImplementedError

    async def cancel(self, operation: str) -> bool:
        raise NotImplementedError

    async def reconcile(self, order_key: str, model: str) -> str | Reconciliation:
        raise NotImplementedError


class Memory:
    """One row in memory: as much of the `Generations` port as the watcher needs."""

    def __init__(self) -> None:
        self.row = a_generation()

    async def generation(self, generation_id: int) -> Generation | None:
        """The row as it is now."""
        return self.row

    async def commit(self, changes: Changes) -> None:
        """Save it."""
        (self.row,) = changes.generations


@dataclass(slots=True)
class Seen:
    """How one of them did."""

    late_s: list[float] = field(default_factory=list)
    polls: list[int] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{median(self.late_s):.2f} s, 95 % within {percentile(self.late_s, 0.95):.1f} s, "
            f"mean {sum(self.late_s) / len(self.late_s):.2f} s, {self.polls_each:.2f} polls a clip"
        )

    @property
    def polls_each(self) -> float:
        """On average."""
        return sum(self.polls) / len(self.polls)


def service_times(count: int, seed: int) -> list[float]:
    """Seconds, the same for the same seed."""
    drawn = random.Random(seed)
    return [MEDIAN_S * math.exp(drawn.gauss(0.0, SPREAD)) for _ in range(count)]


async def _by_looking() -> Figure:
    times = service_times(CLIPS, SEED)
    ours, theirs = await watched(times), await looped(times)
    fair = ours.polls_each <= theirs.polls_each
    seen = f"ours {ours}; ten-second loop {theirs}"
    return Figure(
        name="done at the service to the upload, polling",
        value=median(ours.late_s) / median(theirs.late_s) if fair else NOT_FAIR,
        unit="×",
        target=0.35,
        seen=seen if fair else f"{seen}; more polls than the loop makes, so that it does not count",
    )


async def looped(times: Sequence[float]) -> Seen:
    """The ten-second loop."""
    clock = JumpingClock()
    service, seen = Service(clock), Seen()
    for seconds in times:
        service.done_at, before = clock.now() + timedelta(seconds=seconds), service.polls
        await ten_seconds.watch(service, "operation", clock)
        seen.late_s.append((clock.now() - service.done_at).total_seconds())
        seen.polls.append(service.polls - before)
    return seen


def watcher_over(memory: Memory, clock: JumpingClock) -> Watcher:
    """The program's watcher, with the bounds that are its settings' defaults."""
    rules = RulesDialogueModel()
    outbox = Outbox(rows=cast(OutboxRows, memory), platforms={}, claims=Alone(), clock=clock)
    return Watcher(
        rows=Rows(generations=cast(Generations, memory), outbox=outbox, clock=clock),
        readers=Readers(rules, rules, catalogue=load_catalogue(), timeout_s=1.0),
        waits=Waits(clock),
        clock=clock,
        poll_min_s=float(Settings.model_fields["video_poll_min_s"].default),
        poll_max_s=float(Settings.model_fields["video_poll_max_s"].default),
    )


def ordered(number: int, now: datetime) -> Generation:
    """A row whose order was just accepted, with the times that the catalogue expects."""
    model = next(model for model in load_catalogue().offered(("omni",), START) if model.id == MODEL)
    plan = a_plan(provider="omni", model=MODEL, expected_s=model.expected_s)
    order = an_order(provider="omni", model=MODEL, sent_at=now)
    return a_generation(number, GenerationStatus.PROCESSING, plan=plan, order=order)


async def watched(times: Sequence[float]) -> Seen:
    """The program's watcher."""
    clock, memory = JumpingClock(), Memory()
    service, seen, watcher = Service(clock), Seen(), watcher_over(memory, clock)
    first = ordered(1, clock.now())
    for number, seconds in enumerate(times, 1):
        assert first.order is not None
        memory.row = replace(first, id=number, order=replace(first.order, sent_at=clock.now()))
        service.done_at, before = clock.now() + timedelta(seconds=seconds), service.polls
        await watcher.watch(memory.row, service)
        seen.late_s.append((clock.now() - service.done_at).total_seconds())
        seen.polls.append(service.polls - before)
    return seen


# --- by the webhook --------------------------------------------------------------------------------------------------


async def _by_webhook(folder: Path) -> Figure:
    folder.mkdir()
    clip = make_footage(folder / "clip.mp4", seconds=4, width=1280, height=720)
    took: list[float] = []
    async with world(folder) as outside:
        google, telegram = outside.google, outside.telegram
        google.webhook_secret = SECRET
        google.webhooks.endpoint = f"{outside.environment['PUBLIC_URL']}/gemini/webhook"
        google.omni.takes(FILMING_S)
        defaults = ("VIDEO_POLL_MIN_S", "VIDEO_POLL_MAX_S", "SWEEP_S", "PROGRESS_EDIT_S")
        for name in defaults:
            del outside.environment[name]
        program = Process(outside, GEMINI_WEBHOOK_SECRET=SECRET, VIDEO_POLL_MIN_S="600", VIDEO_POLL_MAX_S="600")
        await program.start()
        try:
            await ready(outside)
            for number in range(WARM_UP + TURNS):
                google.omni.next(Clip(path=clip))
                person = telegram.user(f"Ann {number}")
                chat = telegram.private(person)
                card = await card_for(chat, person)
                before = len(telegram.journal)
                await chat.press(person, card, "Make it")
                while len(google.omni.orders) <= number:  # noqa: ASYNC110 - a journal
                    await asyncio.sleep(0.002)
                await google.omni.orders[number].ended.wait()
                done_at = time.monotonic()
                await chat.wait_for(lambda message: message.video is not None, timeout=20.0)
                uploads = [call.at for call in telegram.journal[before:] if call.files]
                took.append(uploads[0] - done_at)
        finally:
            await program.stop()
    counted = took[WARM_UP:]
    return Figure(
        name="done at the service to the upload, Gemini's webhook",
        value=median(counted),
        unit="s",
        target=0.3,
        seen=f"from {min(counted):.3f} to {max(counted):.3f} s over {TURNS} clips of 4 s, fetched and probed",
    )
