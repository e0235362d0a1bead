"""The embedded editor: real films joined, decoded and looked at, and the orders behind them."""

from __future__ import annotations

import array
import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from math import log10
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from adapters.cutting import CuttingVideoProvider
from adapters.cutting.cut import RATE, Cut, cut, saved
from adapters.cutting.opening import opening
from adapters.cutting.render import render
from adapters.pyav import PyAVMedia
from adapters.rendering import Cancelled
from core.errors import OrderRefused, PermanentError, TemporaryError
from core.ports import Failed, Finished, OperationState, Reconciliation, Running, VideoOrder
from core.request import VideoRequest
from storage.clips import ObjectClipStore
from tests.core.test_editing import part
from tests.emulators.footage import make_footage

media = PyAVMedia()
Colour = tuple[int, int, int]
RED, GREEN, BLUE = (200, 30, 30), (30, 160, 40), (30, 50, 190)


def plain(
    path: Path, colour: Colour, *, seconds: float = 1.0, size: tuple[int, int] = (640, 360), fps: int = 24,
    tone: int = 440, level: float = 0.5, rate: int = 48_000, layout: str = "stereo", sound: bool = True,
    late_s: float = 0.0,
) -> Path:  # fmt: skip
    """A clip of one colour with a tone; `late_s`: its sound begins so much after its pictures."""
    with av.open(str(path), "w", format="mp4") as output:
        video = output.add_stream("libx264", rate=fps, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        audio = output.add_stream("aac", rate=rate, layout=layout) if sound else None
        picture = av.VideoFrame.from_bytes(Image.new("RGBA", size, (*colour, 255)).tobytes(), *size)
        for number in range(round(seconds * fps)):
            frame = picture.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        if audio is not None:
            channels = 2 if layout == "stereo" else 1
            for start in range(0, round(seconds * rate), 1024):
                wave = [1.0 if (place * 2 * tone // rate) % 2 else -1.0 for place in range(start, start + 1024)]
                block = av.AudioFrame(format="fltp", layout=layout, samples=1024)
                for plane in block.planes[:channels]:
                    plane.update(array.array("f", [level * value for value in wave]).tobytes())
                block.pts, block.sample_rate = start + round(late_s * rate), rate
                block.time_base = Fraction(1, rate)
                output.mux(audio.encode(block))
            output.mux(audio.encode(None))
    return path


def plan(*paths: Path, lengths: tuple[float, ...] = (), **more: Any) -> Cut:
    """The cut of these clips: at 360p and 24 frames a second, each a second long."""
    each = lengths or (1.0,) * len(paths)
    values = {
        "parts": [{"clip": path.name, "duration_s": length} for path, length in zip(paths, each, strict=True)],
        "title": "", "fps": 24.0, "aspect": "16:9", "resolution": "360p", "sound": True,
    }  # fmt: skip
    return cut({**values, **more}, paths)


def joined(made: Cut, path: Path, cancelled: Callable[[], bool] = lambda: False) -> list[float]:
    progress: list[float] = []
    render(made, path, on_progress=progress.append, cancelled=cancelled)
    return progress


def pictures(path: Path) -> list[Image.Image]:
    """Every frame, as it is shown."""
    with av.open(str(path)) as container:
        flat = [frame.reformat(format="rgb24", src_colorspace="ITU709") for frame in container.decode(video=0)]
        return [
            Image.frombuffer("RGB", (f.width, f.height), bytes(f.planes[0]), "raw", "RGB", f.planes[0].line_size, 1)
            for f in flat
        ]


def near(pixel: Any, colour: Colour, within: int = 14) -> bool:
    return all(abs(one - other) <= within for one, other in zip(pixel, colour, strict=True))


def brightest(picture: Image.Image) -> int:
    """The lightest grey in it, 0 to 255."""
    return max(picture.convert("L").tobytes())


def level_db(path: Path, start_s: float, end_s: float) -> float:
    """The loudest sample between two moments, in dB below full scale; -120 for silence."""
    samples: array.array[float] = array.array("f")
    with av.open(str(path)) as container:
        assert container.streams.audio[0].rate == RATE
        assert container.streams.audio[0].layout.name == "stereo"
        for frame in container.decode(audio=0):
            samples.frombytes(bytes(frame.planes[0])[: frame.samples * 4])
    peak = max(map(abs, samples[round(start_s * RATE) : round(end_s * RATE)]), default=0.0)
    return 20 * log10(peak) if peak > 1e-6 else -120.0


# --- the film --------------------------------------------------------------------------------------------------------


async def test_clips_follow_each_other_with_a_cut(tmp_path: Path) -> None:
    made = plan(plain(tmp_path / "a.mp4", RED), plain(tmp_path / "b.mp4", GREEN), plain(tmp_path / "c.mp4", BLUE))
    progress = joined(made, tmp_path / "film.mp4")
    assert progress == sorted(progress) and progress[-1] == 1.0
    shown = pictures(tmp_path / "film.mp4")
    assert len(shown) == 72
    for number, colour in ((0, RED), (23, RED), (24, GREEN), (47, GREEN), (48, BLUE), (71, BLUE)):
        assert near(shown[number].getpixel((320, 180)), colour), number
    facts = await media.probe(tmp_path / "film.mp4")
    assert facts.duration_s == pytest.approx(3.0, abs=0.01)
    assert (facts.width, facts.height, facts.fps) == (640, 360, 24.0)
    assert (facts.video_codec, facts.audio_codec, facts.container) == ("h264", "aac", "mp4")
    assert not list(tmp_path.glob("*.part"))


async def test_the_title_stands_before_the_first_clip_and_fades_into_it(tmp_path: Path) -> None:
    made = plan(plain(tmp_path / "a.mp4", GREEN), plain(tmp_path / "b.mp4", BLUE), title="Winter in Tyrol")
    joined(made, tmp_path / "film.mp4")
    shown = pictures(tmp_path / "film.mp4")
    assert len(shown) == 48 + 48
    title, fading, clip = shown[20], shown[48 + 6], shown[48 + 13]
    assert brightest(title.crop((64, 100, 576, 260))) > 230, "white letters"
    ground = title.getpixel((20, 20))
    assert isinstance(ground, tuple) and ground[1] < 90 and ground[1] > ground[0], "a dark picture of what comes"
    halfway = fading.getpixel((20, 20))
    assert isinstance(halfway, tuple) and ground[1] + 15 < halfway[1] < GREEN[1] - 15
    assert near(clip.getpixel((320, 180)), GREEN)
    assert near(shown[-1].getpixel((320, 180)), BLUE)
    assert level_db(tmp_path / "film.mp4", 0.1, 1.9) < -80, "nothing is heard with the title"
    assert level_db(tmp_path / "film.mp4", 2.1, 2.9) > -12


@pytest.mark.parametrize("title", ["Зима в Тироле", "Χειμώνας", "שלום עולם", "x" * 80, "W " * 40, "🎉 Party"])
def test_any_title_can_be_drawn(title: str) -> None:
    drawn = opening(Image.new("RGB", (640, 360), (120, 120, 120)), title)
    assert drawn.size == (640, 360)
    assert brightest(drawn) > 230


def test_without_letters_there_is_the_picture_alone() -> None:
    drawn = opening(Image.new("RGB", (640, 360), (120, 120, 120)), "\U00012000\U00012001")
    assert brightest(drawn) == 50


async def test_another_shape_and_size_is_fitted_with_black(tmp_path: Path) -> None:
    tall = plain(tmp_path / "tall.mp4", RED, size=(360, 640))
    small = plain(tmp_path / "small.mp4", GREEN, size=(320, 180))
    wide = plain(tmp_path / "wide.mp4", BLUE, size=(640, 360))
    joined(plan(wide, tall, small), tmp_path / "film.mp4")
    shown = pictures(tmp_path / "film.mp4")
    assert {picture.size for picture in shown} == {(640, 360)}
    assert near(shown[30].getpixel((320, 180)), RED) and near(shown[30].getpixel((40, 180)), (0, 0, 0))
    assert near(shown[30].getpixel((320, 5)), RED), "as large as it goes"
    assert near(shown[60].getpixel((5, 5)), GREEN), "small clips fill the film"


@pytest.mark.parametrize(("fps", "target"), [(30, 24.0), (24, 30.0), (25, 24.0), (12, 24.0)])
async def test_another_rate_keeps_its_speed(tmp_path: Path, fps: int, target: float) -> None:
    odd = plain(tmp_path / "odd.mp4", RED, fps=fps, seconds=1.0)
    joined(plan(odd, plain(tmp_path / "b.mp4", GREEN), fps=target), tmp_path / "film.mp4")
    shown = pictures(tmp_path / "film.mp4")
    assert len(shown) == round(2 * target)
    assert near(shown[round(target) - 1].getpixel((9, 9)), RED) and near(shown[round(target)].getpixel((9, 9)), GREEN)


async def test_where_a_clip_has_no_sound_there_is_silence(tmp_path: Path) -> None:
    quiet = plain(tmp_path / "quiet.mp4", RED, sound=False)
    mono = plain(tmp_path / "mono.mp4", GREEN, rate=44_100, layout="mono")
    joined(plan(quiet, mono, quiet), tmp_path / "film.mp4")
    film = tmp_path / "film.mp4"
    assert level_db(film, 0.05, 0.95) < -80
    assert level_db(film, 1.1, 1.9) == pytest.approx(20 * log10(0.5), abs=4)
    assert level_db(film, 2.05, 2.95) < -80


async def test_sound_comes_and_goes_softly(tmp_path: Path) -> None:
    loud = plain(tmp_path / "loud.mp4", RED, tone=40, level=0.9)
    joined(plan(loud, plain(tmp_path / "b.mp4", GREEN, sound=False)), tmp_path / "film.mp4")
    edge, before = level_db(tmp_path / "film.mp4", 0.9985, 0.9995), level_db(tmp_path / "film.mp4", 0.9, 0.98)
    assert before > -4 and edge < before - 10, "no click where it ends"


async def test_sound_that_begins_late_stays_where_it_was(tmp_path: Path) -> None:
    late = plain(tmp_path / "late.mp4", RED, late_s=0.5)
    joined(plan(plain(tmp_path / "a.mp4", GREEN), late), tmp_path / "film.mp4")
    assert level_db(tmp_path / "film.mp4", 1.05, 1.4) < -60
    assert level_db(tmp_path / "film.mp4", 1.6, 1.9) > -12


async def test_a_silent_film_has_no_sound_track(tmp_path: Path) -> None:
    loud = plain(tmp_path / "a.mp4", RED)
    joined(plan(loud, loud, sound=False), tmp_path / "film.mp4")
    assert (await media.probe(tmp_path / "film.mp4")).audio_codec == ""


async def test_a_clip_that_is_shorter_than_it_said_is_held(tmp_path: Path) -> None:
    short = plain(tmp_path / "a.mp4", RED, seconds=0.8)
    joined(plan(short, plain(tmp_path / "b.mp4", GREEN)), tmp_path / "film.mp4")
    shown = pictures(tmp_path / "film.mp4")
    assert len(shown) == 48 and near(shown[23].getpixel((9, 9)), RED) and near(shown[24].getpixel((9, 9)), GREEN)


def test_lengths_add_up_whatever_they_are() -> None:
    lengths = (1.013, 0.999, 2.34, 5.0208, 0.02)
    made = plan(*(Path(f"{number}.mp4") for number in range(5)), lengths=lengths, fps=29.97, title="x")
    assert made.fps == Fraction(30_000, 1001)
    assert made.frames == made.title_frames + round(sum(lengths) * made.fps)
    assert made.title_samples + sum(piece.samples for piece in made.pieces) == round(made.frames * RATE / made.fps)
    assert all(piece.frames >= 1 for piece in made.pieces)


@pytest.mark.parametrize(
    ("fps", "rate"),
    [(24.0, 24), (23.976, Fraction(24_000, 1001)), (25.0, 25), (29.97, Fraction(30_000, 1001)), (0.0, 24),
     (120.0, 60), (12.5, Fraction(25, 2))],
)  # fmt: skip
def test_frame_rates_are_what_encoders_want(fps: float, rate: Fraction) -> None:
    assert plan(Path("a"), Path("b"), fps=fps).fps == rate


def test_the_same_clips_give_the_same_bytes(tmp_path: Path) -> None:
    made = plan(plain(tmp_path / "a.mp4", RED), make_footage(tmp_path / "b.mp4", seconds=1, width=320, height=180),
                title="Snow")  # fmt: skip
    sums = []
    for name in ("one.mp4", "two.mp4"):
        joined(made, tmp_path / name)
        sums.append(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert sums[0] == sums[1]


def test_it_begins_at_once_when_it_is_streamed(tmp_path: Path) -> None:
    one = plain(tmp_path / "a.mp4", RED)
    joined(plan(one, one), tmp_path / "film.mp4")
    data = (tmp_path / "film.mp4").read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_it_stops_when_told(tmp_path: Path) -> None:
    one = plain(tmp_path / "a.mp4", RED)
    with pytest.raises(Cancelled):
        joined(plan(one, one), tmp_path / "film.mp4", cancelled=lambda: True)
    assert not list(tmp_path.glob("film*")) and not list(tmp_path.glob(".film*"))


@pytest.mark.parametrize("content", [b"", b"no video", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"])
def test_what_is_no_clip_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "b.mp4").write_bytes(content)
    with pytest.raises(PermanentError, match="cannot be read"):
        joined(plan(plain(tmp_path / "a.mp4", RED), tmp_path / "b.mp4"), tmp_path / "film.mp4")


def test_a_clip_without_pictures_is_refused(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "b.mp4"), "w", format="mp4") as output:
        audio = output.add_stream("aac", rate=RATE, layout="stereo")
        block = av.AudioFrame(format="fltp", layout="stereo", samples=1024)
        for plane in block.planes:
            plane.update(bytes(4 * 1024))
        block.sample_rate, block.pts, block.time_base = RATE, 0, Fraction(1, RATE)
        output.mux(audio.encode(block))
        output.mux(audio.encode(None))
    with pytest.raises(PermanentError, match="no pictures"):
        joined(plan(plain(tmp_path / "a.mp4", RED), tmp_path / "b.mp4"), tmp_path / "film.mp4")


def test_a_damaged_order_is_refused() -> None:
    for values in ({}, {"parts": 3}, {**saved(order()), "fps": "many"}, {**saved(order()), "resolution": "9p"}):
        with pytest.raises(PermanentError):
            cut(values, (Path("a"), Path("b")))


# --- the provider ----------------------------------------------------------------------------------------------------


def order(key: str = "v3-1", *paths: Path, title: str = "", **changes: object) -> VideoOrder:
    request = VideoRequest(parts=(part(1, 1.0, size=(640, 360)), part(2, 1.0, size=(640, 360))), words=title)
    whole = VideoOrder(
        key=key, model="cutter-1", prompt="", request=request, duration_s=2, aspect="16:9", resolution="360p",
        sound=True, seed=3, parts=paths,
    )  # fmt: skip
    return replace(whole, **changes)  # type: ignore[arg-type]  # the tests name real fields


@pytest.fixture
async def clips(tmp_path: Path) -> ObjectClipStore:
    """A store that keeps the two clips."""
    store = ObjectClipStore(str(tmp_path / "media"))
    for number, colour in ((1, RED), (2, GREEN)):
        await store.put(plain(tmp_path / f"{number}.mp4", colour), f"v{number}/clip.mp4")
    return store


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, ...]:
    """The same clips as they lie in the work folder when it is ordered."""
    return tmp_path / "1.mp4", tmp_path / "2.mp4"


async def outcome(provider: CuttingVideoProvider, operation: str) -> OperationState:
    state = await provider.poll(operation)
    while isinstance(state, Running):
        await asyncio.sleep(0.01)
        state = await provider.poll(operation)
    return state


async def test_an_order_becomes_a_film_and_leaves_nothing(
    tmp_path: Path, clips: ObjectClipStore, files: tuple[Path, ...]
) -> None:
    provider = CuttingVideoProvider(tmp_path / "work", clips)
    operation = await provider.order(order("v3-1", *files))
    assert await provider.order(order("v3-1", *files)) == operation == await provider.reconcile("v3-1", "cutter-1")
    for file in files:
        file.unlink()  # the original need not live as long as the order
    state = await outcome(provider, operation)
    assert isinstance(state, Finished)
    for _ in range(2):
        await provider.fetch(operation, state.location, tmp_path / "clip.mp4")
    assert (await media.probe(tmp_path / "clip.mp4")).duration_s == pytest.approx(2.0, abs=0.01)
    assert not await provider.cancel(operation)
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["cutter-v3-1.mp4"]
    assert sorted(path.name for path in (tmp_path / "media").rglob("*.*")) == ["clip.mp4", "clip.mp4"]
    assert await provider.reconcile("v3-1", "cutter-1") is Reconciliation.NOTHING


async def test_polling_after_a_restart_goes_on(tmp_path: Path, clips: ObjectClipStore, files: tuple[Path, ...]) -> None:
    operation = await CuttingVideoProvider(tmp_path / "work", clips).order(order("v3-1", *files))
    for task in asyncio.all_tasks() - {asyncio.current_task()}:  # what a stop of the program does
        task.cancel()
        await asyncio.wait([task])
    assert not list((tmp_path / "work").glob("*.mp4"))
    assert isinstance(await outcome(CuttingVideoProvider(tmp_path / "work", clips), operation), Finished)


async def test_what_lies_ready_is_not_fetched_again(
    tmp_path: Path, clips: ObjectClipStore, files: tuple[Path, ...]
) -> None:
    for number in (1, 2):
        await clips.delete(f"v{number}/clip.mp4")
    provider = CuttingVideoProvider(tmp_path / "work", clips)
    assert isinstance(await outcome(provider, await provider.order(order("v3-1", *files))), Finished)


async def test_another_worker_goes_on_with_an_empty_folder(
    tmp_path: Path, clips: ObjectClipStore, files: tuple[Path, ...]
) -> None:
    first = CuttingVideoProvider(tmp_path / "first", clips)
    operation = await first.order(order("v3-1", *files, title="Snow"))
    one = await outcome(first, operation)
    second = CuttingVideoProvider(tmp_path / "second", clips)
    other = await outcome(second, operation)
    assert one == other and isinstance(other, Finished)
    await second.fetch(operation, other.location, tmp_path / "clip.mp4")
    assert (tmp_path / "clip.mp4").read_bytes() == (tmp_path / "first" / "cutter-v3-1.mp4").read_bytes()


async def test_a_worker_that_is_to_fetch_what_another_one_made_makes_it_again(
    tmp_path: Path, clips: ObjectClipStore, files: tuple[Path, ...]
) -> None:
    first = CuttingVideoProvider(tmp_path / "first", clips)
    operation = await first.order(order("v3-1", *files))
    state = await outcome(first, operation)
    assert isinstance(state, Finished)
    second = CuttingVideoProvider(tmp_path / "second", clips)
    while True:
        try:
            await second.fetch(operation, state.location, tmp_path / "clip.mp4")
            break
        except TemporaryError:
            await asyncio.sleep(0.02)
    assert (await media.probe(tmp_path / "clip.mp4")).duration_s == pytest.approx(2.0, abs=0.01)


async def test_cancelling_an_order_is_final_for_every_worker(
    tmp_path: Path, clips: ObjectClipStore, files: tuple[Path, ...]
) -> None:
    provider = CuttingVideoProvider(tmp_path / "work", clips)
    operation = await provider.order(order("v3-1", *files))
    assert await provider.cancel(operation)
    assert await provider.poll(operation) == Failed(reason="cancelled")
    assert not list((tmp_path / "work").glob("*.mp4*"))
    with pytest.raises(PermanentError):
        await CuttingVideoProvider(tmp_path / "other", clips).poll(operation)


async def test_a_clip_that_is_gone_is_said(tmp_path: Path, clips: ObjectClipStore, files: tuple[Path, ...]) -> None:
    operation = await CuttingVideoProvider(tmp_path / "first", clips).order(order("v3-1", *files))
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
        await asyncio.wait([task])
    await clips.delete("v2/clip.mp4")
    state = await outcome(CuttingVideoProvider(tmp_path / "second", clips), operation)
    assert state == Failed(reason="One of the clips is not kept any more.")


async def test_what_cannot_work_is_said(tmp_path: Path, clips: ObjectClipStore, files: tuple[Path, ...]) -> None:
    provider = CuttingVideoProvider(tmp_path / "work", clips)
    for bad in (order("v3-1", *files, resolution="8k"), order("../v3", *files), order(request=VideoRequest(idea="x"))):
        with pytest.raises(OrderRefused):
            await provider.order(bad)
    for operation in ("cutter-unknown", "../../etc/passwd"):
        with pytest.raises(PermanentError):
            await provider.poll(operation)
    (tmp_path / "2.mp4").write_bytes(b"no clip")
    state = await outcome(provider, await provider.order(order("v3-2", *files)))
    assert state == Failed(reason="One of the clips cannot be read.")
    assert await provider.reconcile("v3-2", "cutter-1") is Reconciliation.NOTHING
