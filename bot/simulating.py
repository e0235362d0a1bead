"""`reelbot simulate`: one request through the whole path, each step with its time and whether it went well.

It never touches a running Reelbot: its rows are in a database of its own that is thrown away, and the real one is only
asked whether it answers. The dialogue model, the video service, the checks, the clip store and the disk are the real
ones, over the real parts of the program.
"""

from __future__ import annotations

import asyncio
import filecmp
import itertools
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select

from adapters.simulation import SimulatedPlatform
from bot.build import build
from bot.settings import Settings
from bot.simulated_settings import of_simulation
from core.actions import parse_action
from core.errors import PermanentError, ReelbotError
from core.generation import OPEN, RUNNING, Generation, GenerationStatus
from core.messages import Message, Post, PostKind, Press
from core.money import EntryKind, dollars, exact_dollars
from core.product import Product
from storage.clips import ObjectClipStore
from storage.database import Database, sqlite_path
from storage.lease import WorkerLease
from storage.migrations import upgrade
from storage.proof import prove
from storage.store import SqlStore
from storage.tables import counters, model_calls

REQUEST = (
    "Make a video right now, just do it: a red paper boat drifts down a rain gutter at dusk, watercolour style, calm, "
    "4 seconds, 16:9"
)
QUESTIONS = 3
"""So many questions are answered; the product promises that there are never more."""
LOOK_S = 0.05
"""Time between two looks at how far the video is, in seconds."""
PHASES = {
    GenerationStatus.QUEUED: "queue",
    GenerationStatus.SUBMITTING: "order",
    GenerationStatus.PROCESSING: "render",
    GenerationStatus.DOWNLOADING: "collect and check",
    GenerationStatus.DELIVERING: "deliver",
    GenerationStatus.COMPLETED: "",
}
"""What each status is called here, in their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A part of the path that was gone."""

    name: str
    ok: bool
    seconds: float
    detail: str


Say = Callable[[Step], None]
Agree = Callable[[str], bool]


class _Stopped(Exception):
    """A step went wrong, so that the ones after it make no sense."""


async def simulate(settings: Settings, *, paid: bool, agree: Agree, say: Say, within_s: float) -> bool:
    """Go the whole path, telling `say` about each step; True when all of it went well.

    `paid`: with the configured video service; `agree` is asked with the price before anything is ordered. `within_s`:
    how long any one wait may take, in seconds."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    kept = settings.data_dir.absolute() / "simulated"
    kept.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="run-", dir=kept) as folder:
        try:
            await _Run(settings, Path(folder), kept, paid=paid, agree=agree, say=say, within_s=within_s).go()
        except _Stopped:
            return False
    return True


class _Run:
    """One simulation."""

    def __init__(
        self, settings: Settings, folder: Path, kept: Path, *, paid: bool, agree: Agree, say: Say, within_s: float
    ) -> None:
        self._real = settings
        self._settings = of_simulation(settings, folder, paid=paid)
        self._folder = folder
        self._platform = SimulatedPlatform(kept)
        self._clips = ObjectClipStore(settings.media, storage_emulator=settings.storage_emulator_host)
        self._database = Database(self._settings.database)
        self._store = SqlStore(self._settings.database)
        self._paid = paid
        self._agree = agree
        self._say = say
        self._within_s = within_s

    async def go(self) -> None:
        """Raises _Stopped when a step went wrong."""
        await self._step("database", self._look_at_database())
        try:
            async with build(self._settings) as app:
                await upgrade(self._settings.database)
                # The seconds since 1970: in the clip store and at the service its names are those of no real video.
                await self._database.write(_count_from, int(time.time()))
                await app.with_platform(self._platform, self._ask)
        finally:
            await self._store.close()
            await self._database.close()

    # --- the path --------------------------------------------------------------------------------------------------

    async def _ask(self, product: Product) -> None:
        async with self._timed("dialogue") as found:
            message_id, card = await self._card(product)
            found.append(f"read by {await self._model('read')}")
        generation = await self._planned(card)
        await self._confirmed(generation)
        await product.dialogue.receive(
            Press(
                event_id="make",
                key=self._platform.key,
                id=message_id,
                sender=self._platform.person,
                action=_make_button(card),
                sent_at=datetime.now(UTC),
            )
        )
        done = await self._watched(generation.id)
        await product.idle(self._platform.key)
        await self._step("prompt", self._look_at_prompt())
        await self._step("clip", self._look_at_clip(done))
        await self._step("clip store", self._look_at_store(done))
        await self._step("ledger", self._look_at_ledger(done))
        await self._step("clean up", self._clean_up(done))

    async def _card(self, product: Product) -> tuple[str, Post]:
        """Ask for the video, and answer questions until there is a card."""
        key, person = self._platform.key, self._platform.person
        message = Message(event_id="ask", key=key, id="ask", sender=person, text=REQUEST, sent_at=datetime.now(UTC))
        await product.dialogue.receive(message)
        answered: set[str] = set()
        for _ in range(QUESTIONS + 1):
            message_id, post = await self._platform.shown(
                lambda post: bool(_make_button(post)) or (bool(post.buttons) and post.text not in answered)
            )
            if _make_button(post):
                return message_id, post
            answered.add(post.text)
            press = Press(
                event_id=f"answer {len(answered)}",
                key=key,
                id=message_id,
                sender=person,
                action=post.buttons[-1][-1].action,
                sent_at=datetime.now(UTC),
            )
            await product.dialogue.receive(press)
        raise PermanentError(f"there was no card after {QUESTIONS} questions")

    async def _model(self, purpose: str) -> str:
        """Which model did it; raises PermanentError when it was not who is set up."""
        if self._settings.dialogue_model == "rules":
            return "the built-in rules"
        used = await self._database.read(_models_used, purpose)
        if not used:
            raise PermanentError("Gemini is set up but did not answer, so the built-in rules did: try reelbot check")
        return ", ".join(used)

    async def _look_at_prompt(self) -> str:
        return f"written by {await self._model('prompt')}"

    async def _planned(self, card: Post) -> Generation:
        async with self._timed("card") as found:
            action = parse_action(_make_button(card))
            generation = await self._store.generation(action.generation_id or 0) if action is not None else None
            if generation is None or generation.plan is None:
                raise PermanentError("the card belongs to no video")
            plan = generation.plan
            found.append(
                f"{generation.name}: {plan.model_name}, {plan.duration_s} s, {plan.aspect}, {plan.resolution}, "
                f"{dollars(plan.quote.amount)}"
            )
            if plan.quote.amount and not self._paid:
                raise PermanentError(f"it costs {dollars(plan.quote.amount)}: nothing is ordered without --paid")
        return generation

    async def _confirmed(self, generation: Generation) -> None:
        plan = generation.plan
        assert plan is not None
        if not plan.quote.amount:
            return
        question = (
            f"This orders a video of {plan.duration_s} s from {plan.model_name}: the service bills up to "
            f"{dollars(plan.quote.amount)}, which is booked in no ledger of yours. Order it?"
        )
        async with self._timed("consent") as found:
            if not await asyncio.to_thread(self._agree, question):
                raise PermanentError("nothing was ordered")
            found.append(f"{dollars(plan.quote.amount)} agreed to")

    async def _watched(self, generation_id: int) -> Generation:
        """Follow the video to its end, telling each phase when it is over."""
        told, until = 0, time.monotonic() + self._within_s
        while True:
            generation = await self._store.generation(generation_id)
            assert generation is not None
            # From what is saved: a phase may be over between two looks.
            entered = [
                (generation.entered[phase], name) for phase, name in PHASES.items() if phase in generation.entered
            ]
            for (since, name), (over, _) in itertools.islice(itertools.pairwise(entered), told, None):
                self._tell(name, True, (over - since).total_seconds(), "")
                told, until = told + 1, time.monotonic() + self._within_s
            if generation.status is GenerationStatus.COMPLETED:
                return generation
            since, name = entered[-1] if entered else (generation.updated_at, "queue")
            seconds = (datetime.now(UTC) - since).total_seconds()
            if generation.status not in RUNNING | OPEN:
                self._stop(name, seconds, f"{generation.status.value}: {generation.reason or 'no reason was given'}")
            if time.monotonic() > until:
                self._stop(name, seconds, f"nothing moved for {self._within_s:g} s")
            await asyncio.sleep(LOOK_S)

    # --- single steps ----------------------------------------------------------------------------------------------

    async def _look_at_database(self) -> str:
        path = sqlite_path(self._real.database)
        if path is not None and not path.exists():
            return f"{path} is made at the first start; this run keeps its rows apart anyway"
        store = SqlStore(self._real.database)
        try:
            await store.open()
        finally:
            await store.close()
        where = "PostgreSQL" if path is None else path.name
        return f"{where} answers{_busy(path)}; this run keeps its rows apart"

    async def _look_at_clip(self, generation: Generation) -> str:
        clip, file = generation.clip, next(iter(self._platform.delivered.values()), None)
        if clip is None or file is None or not file.is_file():
            raise PermanentError("no file was delivered")
        facts = clip.facts
        sound = f"sound up to {facts.peak_db:.0f} dB" if facts.peak_db is not None else "no sound"
        return f"{file}: {facts.duration_s:.1f} s, {facts.width}×{facts.height}, {facts.fps:.0f} fps, {sound}"

    async def _look_at_store(self, generation: Generation) -> str:
        clip = generation.clip
        assert clip is not None
        kept, delivered = self._folder / "kept.mp4", next(iter(self._platform.delivered.values()))
        await self._clips.get(clip.sent or clip.name, kept)
        if not await asyncio.to_thread(filecmp.cmp, kept, delivered, shallow=False):
            raise PermanentError("what is kept is not what was delivered")
        return f"{kept.stat().st_size} bytes came back as they were delivered"

    async def _look_at_ledger(self, generation: Generation) -> str:
        proof = await self._database.read(prove)
        balance = await self._store.balance(generation.id)
        captured = balance.get(EntryKind.CAPTURE, 0)
        assert generation.plan is not None
        if proof.findings or captured > generation.plan.quote.amount:
            raise PermanentError(" ".join(proof.findings) or f"{dollars(captured)} is charged, above the card")
        return f"{exact_dollars(captured)} captured, once"

    async def _clean_up(self, generation: Generation) -> str:
        clip = generation.clip
        assert clip is not None
        names = [name for name in (clip.name, clip.poster, clip.sent) if name]
        for name in names:
            await self._clips.delete(name)
        return f"{len(names)} files removed from the clip store; the delivered one stays"

    # --- telling ---------------------------------------------------------------------------------------------------

    async def _step(self, name: str, work: Any) -> None:
        async with self._timed(name) as found:
            found.append(await work)

    @asynccontextmanager
    async def _timed(self, name: str) -> AsyncIterator[list[str]]:
        """A step: told with what the block found out; raises _Stopped when it went wrong or took too long."""
        began, found = time.monotonic(), list[str]()
        try:
            async with asyncio.timeout(self._within_s if name != "consent" else None):
                yield found
        except TimeoutError:
            self._stop(name, time.monotonic() - began, f"nothing came within {self._within_s:g} s")
        except ReelbotError as error:
            self._stop(name, time.monotonic() - began, "; ".join([*found, str(error)]))
        self._tell(name, True, time.monotonic() - began, "; ".join(found))

    def _stop(self, name: str, seconds: float, detail: str) -> None:
        self._tell(name, False, seconds, detail)
        raise _Stopped

    def _tell(self, name: str, ok: bool, seconds: float, detail: str) -> None:
        self._say(Step(name=name, ok=ok, seconds=seconds, detail=detail))


def _make_button(post: Post) -> str:
    """What the card's main button carries; empty when it is no card that can be ordered from."""
    if post.kind is not PostKind.CARD:
        return ""
    return next((button.action for row in post.buttons for button in row if button.action.startswith("make:")), "")


def _busy(path: Path | None) -> str:
    """A word about a worker that runs on the file."""
    if path is None:
        return ""
    try:
        with WorkerLease(path):
            return ""
    except PermanentError:
        return ", and a running Reelbot works on it, which is left in peace"


def _count_from(connection: Connection, number: int) -> None:
    connection.execute(insert(counters).values(name="generation", value=number))


def _models_used(connection: Connection, purpose: str) -> list[str]:
    used = select(model_calls.c.model).where(model_calls.c.purpose == purpose).distinct()
    return list(connection.execute(used).scalars())
