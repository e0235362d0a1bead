"""The processes of the campaign, each started again whenever it ends, and the ways to end one of them."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from tests.emulators.faults import CALLER, Fault
from tests.emulators.slack import Attempt
from tests.emulators.webhook_receiver import Answer, WebhookReceiver
from tests.faults.campaign.people import state_of
from tests.faults.campaign.points import Fate, Unheard
from tests.faults.ends import Downloading, Place, Saved, Served, arguments_of
from tests.faults.forked import Forked
from tests.program.services import Outside, free_port
from tests.storage.postgres import PrivateServer

Part = Literal["all", "gateway", "worker"]
STOP_WITHIN_S = 30.0
WAITS_S = 60.0
"""For an event, in seconds."""


class Machine:
    """One process of the program, however often it has to be started."""

    def __init__(self, world: Outside, part: Part, number: int, changes: dict[str, str]) -> None:
        self.name = part if part != "worker" else f"worker-{number}"
        arguments = ("run",) if part == "all" else ("run", "--only", part)
        settings = {"DATA_DIR": str(world.folder / f"data-{number}"), **changes}
        if number:
            settings["HTTP_PORT"] = str(free_port())
        self._start = (world, arguments, settings)
        self.program = self._new()
        self.up = asyncio.Event()
        self.exits: list[int] = []
        self.lines: list[str] = []

    def _new(self) -> Forked:
        world, arguments, settings = self._start
        return Forked(world, arguments, **settings)

    async def run(self) -> int:
        """Start it and return its exit status."""
        program = self.program = self._new()
        await program.start()
        self.up.set()
        status = await program.ended()
        self.up.clear()
        self.exits.append(status)
        self.lines += program.lines
        return status


class Machines:
    """All of them, kept running as a supervisor would."""

    def __init__(
        self,
        world: Outside,
        *,
        parts: tuple[Part, ...],
        server: PrivateServer | None,
        receiver: WebhookReceiver,
        seed: int,
        **changes: str,
    ) -> None:
        """`server`: where the rows are, if it may be killed as well; `receiver`: who is told about generations."""
        self._world = world
        self._server = server
        self._receiver = receiver
        self._random = random.Random(seed)
        self._file = world.folder / "fault-at"
        shared = {**changes, "MEDIA_URL": str(world.folder / "media"), "FAULT_FILE": str(self._file)}
        self.all = [Machine(world, part, number, shared) for number, part in enumerate(parts)]
        self.deaths = 0
        """By SIGKILL, and of the database."""
        self.died: list[int] = []
        """When, by the emulator's count of changes."""
        self._died = asyncio.Event()
        self._striking = asyncio.Lock()
        self._stopping = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Started, and started again; whatever still runs is killed at the end."""
        keepers = [asyncio.create_task(self._keep(machine)) for machine in self.all]
        try:
            await asyncio.gather(*(machine.up.wait() for machine in self.all))
            yield
        finally:
            self._stopping = True
            for machine in self.all:
                machine.program.kill()
            await asyncio.gather(*keepers)

    async def stopped(self) -> list[int]:
        """Exit statuses, once all of them have ended as they were asked to."""
        self._stopping = True
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_WITHIN_S):
                return list(await asyncio.gather(*(machine.program.stop() for machine in self.all)))
        return [-1]

    async def meet(self, fate: Fate, *, within_s: float) -> bool:
        """Have the program end there; whether it did in time. What was set up for it is taken away again."""
        before = self.deaths
        self._died.clear()
        google = self._world.google
        for fault in fate.trouble:
            google.faults.add(fault)
        assert fate.at is not None
        if fate.turned_away:
            self._receiver.answers.append(Answer(status=503))
        if isinstance(fate.at, Unheard):
            at_event = asyncio.create_task(self._at_event())
        else:
            at_event = None
            self._set(fate.at)
        try:
            async with asyncio.timeout(within_s):
                await self._died.wait()
        except TimeoutError:
            pass
        finally:
            if at_event is not None:
                at_event.cancel()
                await asyncio.gather(at_event, return_exceptions=True)
            self._receiver.answers.clear()
            async with self._striking:
                pass  # a call that is to be lost is still on its way until then
            self._file.unlink(missing_ok=True)
            for service in ("google", "telegram", "slack"):
                if hasattr(self._world, service):
                    getattr(self._world, service).faults.clear()
            google.pace.on_piece = None
        return self.deaths > before

    async def strike(self) -> str:
        """Kill any of them, now, and say which one."""
        machine = self._random.choice(self.all)
        await machine.up.wait()
        await self._kill(machine)
        return machine.name

    async def strike_database(self) -> None:
        """Let the database crash and start again after a while."""
        assert self._server is not None
        await asyncio.to_thread(self._server.crash)
        self._mark()
        await asyncio.sleep(self._random.uniform(0.0, 0.2))
        await asyncio.to_thread(self._server.start)
        self._mark(counted=False)

    # --- inside -----------------------------------------------------------------------------------------------------

    async def _keep(self, machine: Machine) -> None:
        while not self._stopping:
            status = await machine.run()
            if status == -signal.SIGKILL and not self._stopping:
                self._mark()
            elif not self._stopping:
                await asyncio.sleep(0.2)

    def _mark(self, *, counted: bool = True) -> None:
        self.deaths += counted
        self.died.append(state_of(self._world).count)
        self._died.set()

    async def _kill(self, machine: Machine) -> None:
        ended = asyncio.create_task(machine.program.ended())
        machine.program.kill()
        await ended

    def _set(self, place: Place) -> None:
        if isinstance(place, Saved):
            new = self._file.with_suffix(".new")
            new.write_text(f"{place.side} {place.facts}")
            new.rename(self._file)
        elif isinstance(place, Served):
            self._at_call(place)
        else:
            assert isinstance(place, Downloading)
            self._at_bytes(place)

    def _at_call(self, place: Served) -> None:
        faults = getattr(self._world, place.service).faults
        reached = False

        async def met(call: Any) -> None:
            nonlocal reached
            told = isinstance(call, Attempt)
            if reached or place.saying not in arguments_of(place, call) or (told and not call.acknowledged):
                return
            machine = self.all[0] if told else self._caller()
            if machine is None:
                return
            reached = True
            async with self._striking:
                if place.lost:
                    faults.add(Fault(match=place.call, drop="before", when=lambda one: one is call))
                await self._kill(machine)

        faults.on(place.call, met, moment="arrived" if place.lost else "processed")

    async def _at_event(self) -> None:
        receiver = self._receiver
        receiver.answers.append(Answer(never=True))
        count = len(receiver.got)
        unheard = False
        while not unheard:
            count += 1
            unheard = (await receiver.until(count, within_s=WAITS_S))[-1].status == 0
        machine = self._connected_to(receiver.port)
        if machine is not None:
            await self._kill(machine)

    def _at_bytes(self, place: Downloading) -> None:
        pace = self._world.google.pace
        pace.piece = max(1, place.sent // 2)
        reached = False

        async def sent(so_far: int) -> None:
            nonlocal reached
            machine = self._caller() if so_far >= place.sent and not reached else None
            if machine is not None:
                reached = True
                await self._kill(machine)

        pace.on_piece = sent

    def _caller(self) -> Machine | None:
        """Who made the call that is answered right now."""
        if len(self.all) == 1:
            return self.all[0]
        return self._with_socket(1, CALLER.get())

    def _connected_to(self, port: int) -> Machine | None:
        """Who has a connection to this port right now."""
        return self.all[0] if len(self.all) == 1 else self._with_socket(2, port)

    def _with_socket(self, end: int, port: int) -> Machine | None:
        return next((one for one in self.all if one.program.pid and _has_port(one.program.pid, end, port)), None)


def _has_port(pid: int, end: int, port: int) -> bool:
    """Whether a process has a connection whose own end (1) or other end (2) is at this port (Linux only; elsewhere
    nobody has)."""
    sockets = set()
    with suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                sockets.add(str(entry.readlink()))
        for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if int(fields[end].partition(":")[2], 16) == port and f"socket:[{fields[9]}]" in sockets:
                return True
    return False
