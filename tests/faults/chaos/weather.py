"""Which calls go wrong, and how: by chance, but the same chance for the same seed."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.emulators.faults import Fault, Faults
from tests.storage.object_server import ObjectServer

SHARE = 0.2
"""Of the calls that go wrong."""
HTML = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
OTHER_JSON: dict[str, Any] = {"ok": True, "result": {"unexpected": True}, "status": 7, "name": None}
SLOW_S = 0.5
"""Of a service whose client waits for half a minute or longer: a stall that long would be the whole test."""

STALLED = "stalled"
TOO_LATE = "400, too late to stop"
CANCELS = frozenset({"interactions.cancel", "veo.cancel"})


def ways(stall_s: float) -> Mapping[str, Fault]:
    """Everything that can go wrong with a call, by its name in the table. `stall_s`: how long a stalled one takes."""
    return {
        "429, says how long": Fault(match="*", status=429, retry_after=3),
        "429, says nothing": Fault(match="*", status=429),
        "500": Fault(match="*", status=500),
        "503": Fault(match="*", status=503),
        "503, says how long": Fault(match="*", status=503, retry_after=2),
        "dropped before": Fault(match="*", drop="before"),
        "dropped after": Fault(match="*", drop="after"),
        STALLED: Fault(match="*", delay=stall_s),
        "broken JSON after": Fault(match="*", malformed=True),
        "cut off after": Fault(match="*", cut=True),
        "HTML instead": Fault(match="*", body=HTML),
        "other JSON instead": Fault(match="*", body=OTHER_JSON),
    }


class Weather(Faults):
    """An emulator's faults: `SHARE` of its calls goes wrong while `bad`, each in one of the ways; a further `SHARE` of
    the calls that are to stop an order are declined."""

    def __init__(self, seed: int, *, stall_s: float) -> None:
        super().__init__(seed=seed)
        self.bad = True
        self.calls = 0
        self.spoiled: Counter[str] = Counter()
        self.way_of: dict[int, str] = {}
        """What went wrong with a call, by the id of its record in the journal (which keeps it)."""
        self._ways = ways(stall_s)

    def next_for(self, name: str, call: Any) -> Fault | None:
        """The fault that hits this call."""
        if name == "unknown":
            return None
        self.calls += 1
        if self.bad and name in CANCELS and self._random.random() < SHARE:
            self.spoiled[TOO_LATE] += 1
            return Fault(match="*", status=400)
        if not self.bad or self._random.random() >= SHARE:
            return None
        way = self._random.choice([*self._ways])
        self.spoiled[way] += 1
        self.way_of[id(call)] = way
        return self._ways[way]


class FlakyObjects(ObjectServer):
    """An object store in the same weather, which can also be away altogether."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.bad = True
        self.away = False
        self.seen = 0
        self.spoiled: Counter[str] = Counter()
        self._random = random.Random(seed)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Do what the request says, or something else."""
        self.seen += 1
        if self.away:
            self.spoiled["away"] += 1
            return self._hung_up(request)
        if not self.bad or self._random.random() >= SHARE:
            return await super().answer(request)
        way = self._random.choice(("429", "500", "503", "dropped before", "dropped after", STALLED))
        self.spoiled[way] += 1
        if way.isdigit():
            return web.Response(status=int(way), headers={"Retry-After": "1"} if way != "500" else {})
        if way == "dropped before":
            return self._hung_up(request)
        if way == STALLED:
            await asyncio.sleep(SLOW_S)
        answer = await super().answer(request)
        return self._hung_up(request) if way == "dropped after" else answer

    def _hung_up(self, request: web.Request) -> web.Response:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()
