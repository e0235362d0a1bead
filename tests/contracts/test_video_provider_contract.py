"""What every video provider promises, over all of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from adapters.animatic.provider import AnimaticVideoProvider
from adapters.cutting import CuttingVideoProvider
from adapters.omni import OmniVideoProvider
from adapters.veo import VeoVideoProvider
from core.errors import PermanentError, TemporaryError
from core.ports import Failed, Finished, OperationState, Reconciliation, Running, VideoOrder, VideoProvider
from core.request import VideoRequest
from storage.clips import ObjectClipStore
from tests.core.test_editing import part
from tests.emulators.footage import make_footage
from tests.emulators.google import Clip, GoogleEmulator


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A provider and something it can make in no time."""

    provider: VideoProvider
    order: VideoOrder

    async def finished(self, operation: str) -> OperationState:
        """The operation's last state."""
        while True:
            state = await self.provider.poll(operation)
            if not isinstance(state, Running):
                return state
            await asyncio.sleep(0.02)


def order(model: str, duration_s: int, resolution: str) -> VideoOrder:
    return VideoOrder(
        key="v7-1",
        model=model,
        prompt="A red fox runs through snow.",
        request=VideoRequest(idea="a red fox in the snow"),
        duration_s=duration_s,
        aspect="16:9",
        resolution=resolution,
        sound=True,
        seed=3,
    )


@pytest.fixture(params=["omni", "veo-bucket", "veo-inline", "animatic", "cutter"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    if request.param == "animatic":
        animatic = AnimaticVideoProvider(tmp_path / "animatic")
        yield Bench(provider=animatic, order=order("animatic-1", 2, "360p"))
        return
    if request.param == "cutter":
        clips = ObjectClipStore(str(tmp_path / "media"))
        files = [make_footage(tmp_path / f"part{n}", seconds=1, width=160, height=90, seed=n) for n in (1, 2)]
        parts = (part(1, 1.0, size=(160, 90)), part(2, 1.0, size=(160, 90)))
        joining = replace(order("cutter-1", 2, "360p"), request=VideoRequest(parts=parts), parts=tuple(files))
        yield Bench(provider=CuttingVideoProvider(tmp_path / "cutter", clips), order=joining)
        return
    async with AsyncExitStack() as stack:
        google = await stack.enter_async_context(GoogleEmulator())
        clip = tmp_path / "made.mp4"
        clip.write_bytes(b"clip" * 5_000)
        service = google.omni if request.param == "omni" else google.veo
        service.takes(0.02)
        service.next(Clip(path=clip), Clip(path=clip))
        if request.param == "omni":
            omni = OmniVideoProvider(api_key=google.api_key, base_url=google.url, loopback_only=True)
            stack.push_async_callback(omni.close)
            yield Bench(provider=omni, order=order("gemini-omni-1.2-flash", 3, "360p"))
            return
        veo = VeoVideoProvider(
            project=google.project,
            location=google.location,
            credentials_file=google.service_account_file(tmp_path),
            base_url=google.url,
            storage_host=google.url,
            output_uri="gs://reelbot-out/clips" if request.param == "veo-bucket" else None,
            loopback_only=True,
        )
        stack.push_async_callback(veo.close)
        yield Bench(provider=veo, order=order("veo-3.1-lite-generate-001", 4, "720p"))


async def test_an_order_ends_in_a_file(bench: Bench, tmp_path: Path) -> None:
    operation = await bench.provider.order(bench.order)
    assert operation
    state = await bench.finished(operation)
    assert isinstance(state, Finished)
    await bench.provider.fetch(operation, state.location, tmp_path / "fetched.mp4")
    assert (tmp_path / "fetched.mp4").stat().st_size > 0
    assert not list(tmp_path.glob("*.part"))


async def test_asking_and_fetching_may_be_repeated(bench: Bench, tmp_path: Path) -> None:
    operation = await bench.provider.order(bench.order)
    first = await bench.finished(operation)
    assert await bench.provider.poll(operation) == first
    assert isinstance(first, Finished)
    for name in ("one.mp4", "two.mp4", "two.mp4"):
        await bench.provider.fetch(operation, first.location, tmp_path / name)
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()


async def test_handle_and_location_fit_into_a_row(bench: Bench) -> None:
    operation = await bench.provider.order(bench.order)
    state = await bench.finished(operation)
    assert isinstance(state, Finished)
    assert len(operation) + len(state.location) < 1_000


async def test_two_orders_are_two_operations(bench: Bench) -> None:
    first = await bench.provider.order(bench.order)
    second = await bench.provider.order(replace(bench.order, key="v7-2"))
    assert first != second
    for operation in (first, second):
        await bench.provider.cancel(operation)


async def test_an_operation_nobody_knows_has_no_clip(bench: Bench, tmp_path: Path) -> None:
    with suppress(PermanentError):
        assert isinstance(await bench.provider.poll("no-such-operation"), Failed)
    with suppress(PermanentError):
        assert await bench.provider.cancel("no-such-operation") is False
    with pytest.raises((PermanentError, TemporaryError)):
        await bench.provider.fetch("no-such-operation", "no-such-place", tmp_path / "none.mp4")
    assert not (tmp_path / "none.mp4").exists()


async def test_cancel_is_true_only_when_it_stops(bench: Bench) -> None:
    operation = await bench.provider.order(bench.order)
    stopped = await bench.provider.cancel(operation)
    assert isinstance(await bench.finished(operation), Failed if stopped else Finished)


async def test_cancel_is_false_once_there_is_a_clip(bench: Bench) -> None:
    operation = await bench.provider.order(bench.order)
    assert isinstance(await bench.finished(operation), Finished)
    assert await bench.provider.cancel(operation) is False


async def test_an_order_that_was_never_sent_is_not_found(bench: Bench) -> None:
    assert isinstance(await bench.provider.reconcile("v99-1", bench.order.model), Reconciliation)
