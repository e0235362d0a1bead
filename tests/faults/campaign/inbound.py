"""What the Gemini API posts by itself when an interaction has ended, as patient as the real service is.

The service tries for a day until somebody takes it; its emulator gives up within a second, which is less than a killed
process takes to come back. So its posts come here, are taken at once, and are handed on until the program has them.
"""

from __future__ import annotations

import asyncio
import base64
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two letters!!").decode()
AGAIN_AFTER_S = 0.3
SIGNED = ("content-type", "webhook-id", "webhook-timestamp", "webhook-signature")


class PatientNews:
    """Takes the service's posts and hands each on to `target` until that says that it has it."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._runner: web.AppRunner | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self.url = ""
        """Where the service's posts go."""
        self.taken = 0
        """How many the program has taken."""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        assert self._runner is not None
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        headers = {name: request.headers[name] for name in SIGNED}
        task = asyncio.create_task(self._hand_on(await request.read(), headers))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return web.Response(status=200)

    async def _hand_on(self, body: bytes, headers: dict[str, str]) -> None:
        timeout = aiohttp.ClientTimeout(total=5.0)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                try:
                    async with session.post(self._target, data=body, headers=headers) as answer:
                        if answer.status == 200:
                            self.taken += 1
                            return
                except (aiohttp.ClientError, TimeoutError):
                    pass  # nobody is there: later perhaps
                await asyncio.sleep(AGAIN_AFTER_S)
