"""Probing and renditions against real files, made here so that every fact about them is known."""

from __future__ import annotations

import array
import asyncio
import errno
import math
import random
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest
from PIL import Image, ImageDraw, ImageFilter

from adapters.pyav import PyAVMedia
from adapters.pyav.files import written_whole
from adapters.pyav.loudness import Peak
from core.errors import PermanentError, TemporaryError, UnplayableClip
from core.inspection import Flaw, Promise, flaws

FPS = 24
Draw = Callable[[int], Image.Image]


def moving(width: int = 320, height: int = 180) -> Draw:
    def draw(index: int) -> Image.Image:
        image = Image.new("RGB", (width, height), (60, 110, 160))
        left = index * 3 % width
        ImageDraw.Draw(image).ellipse((left, 40, left + 50, 90), fill=(240, 200, 40))
        return image

    return draw


def still(colour: tuple[int, int, int]) -> Draw:
    return lambda _: Image.new("RGB", (320, 180), colour)


def noisy(index: int) -> Image.Image:
    source = random.Random(index)
    return Image.frombytes("L", (320, 180), source.randbytes(320 * 180)).convert("RGB").filter(ImageFilter.BLUR)


def write(
    path: Path, draw: Draw, *, seconds: float = 2.0, volume: float | None = 0.5, rotation: int = 0,
    pixel_aspect: Fraction | None = None, keyframes: int = 250, bit_rate: int | None = None,
) -> Path:  # fmt: skip
    """An mp4 of `seconds`, with a 440 Hz tone of that volume (0 to 1; None: no sound track)."""
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        first = draw(0)
        video = container.add_stream("libx264", rate=FPS)
        video.width, video.height, video.pix_fmt = first.width, first.height, "yuv420p"
        video.options = {"preset": "ultrafast", "g": str(keyframes)}
        if bit_rate:
            video.bit_rate = bit_rate
        if pixel_aspect:
            video.codec_context.sample_aspect_ratio = pixel_aspect
        if rotation:
            video.set_display_rotation(rotation)
        audio = container.add_stream("aac", rate=48_000, layout="mono") if volume is not None else None
        for index in range(round(seconds * FPS)):
            frame = av.VideoFrame.from_bytes(draw(index).convert("RGBA").tobytes(), first.width, first.height)
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None and volume is not None:
            tone = array.array(
                "h", (int(32767 * volume * math.sin(math.tau * 440 * i / 48_000)) for i in range(48_000))
            )
            sound = av.AudioFrame(format="s16", layout="mono", samples=round(seconds * 48_000))
            sound.planes[0].update((tone.tobytes() * math.ceil(seconds))[: sound.samples * 2])
            sound.sample_rate, sound.pts, sound.time_base = 48_000, 0, Fraction(1, 48_000)
            container.mux(audio.encode(sound))
            container.mux(audio.encode(None))
    return path


@pytest.fixture
def media() -> PyAVMedia:
    return PyAVMedia()


async def test_a_good_clip_is_measured_exactly(media: PyAVMedia, tmp_path: Path) -> None:
    facts = await media.probe(write(tmp_path / "a.mp4", moving()))
    assert facts.duration_s == pytest.approx(2.0, abs=1 / FPS)
    assert (facts.width, facts.height, facts.fps) == (320, 180, 24)
    assert (facts.container, facts.video_codec, facts.audio_codec) == ("mp4", "h264", "aac")
    assert facts.peak_db == pytest.approx(20 * math.log10(0.5), abs=1)
    assert facts.dark_fraction == facts.frozen_fraction == 0
    assert facts.size_bytes == (tmp_path / "a.mp4").stat().st_size
    assert flaws(facts, Promise(duration_s=2, aspect="16:9", sound=True)) == ()


async def test_a_black_clip_is_dark_and_frozen(media: PyAVMedia, tmp_path: Path) -> None:
    facts = await media.probe(write(tmp_path / "a.mp4", still((0, 0, 0)), volume=0.0))
    assert facts.dark_fraction == facts.frozen_fraction == 1
    assert facts.peak_db is not None and facts.peak_db < -60
    found = flaws(facts, Promise(duration_s=2, aspect="16:9", sound=True))
    assert found == (Flaw.BLACK, Flaw.FROZEN, Flaw.SILENT)


@pytest.mark.parametrize(("level", "dark"), [(12, 1.0), (22, 0.0)])
async def test_darkness_is_measured_on_the_full_range(
    media: PyAVMedia, tmp_path: Path, level: int, dark: float
) -> None:
    facts = await media.probe(write(tmp_path / "a.mp4", still((level, level, level)), seconds=1, volume=None))
    assert facts.dark_fraction == dark
    assert facts.peak_db is None and facts.audio_codec == ""


async def test_a_detailed_still_is_frozen_and_a_small_movement_is_not(media: PyAVMedia, tmp_path: Path) -> None:
    facts = await media.probe(write(tmp_path / "a.mp4", lambda _: noisy(1), keyframes=12, volume=None))
    assert facts.frozen_fraction == 1

    def blinking(index: int) -> Image.Image:
        image = noisy(1)
        if index // 6 % 2:
            ImageDraw.Draw(image).rectangle((150, 80, 162, 88), fill=(0, 0, 0))
        return image

    assert (await media.probe(write(tmp_path / "b.mp4", blinking, volume=None))).frozen_fraction < 0.2


async def test_rotation_and_pixel_aspect_give_the_display_size(media: PyAVMedia, tmp_path: Path) -> None:
    turned = await media.probe(write(tmp_path / "a.mp4", moving(), rotation=90, seconds=0.5))
    assert (turned.width, turned.height) == (180, 320)
    wide = await media.probe(write(tmp_path / "b.mp4", moving(240, 180), pixel_aspect=Fraction(4, 3), seconds=0.5))
    assert (wide.width, wide.height) == (320, 180)


@pytest.mark.parametrize("keyframes", [24, 10_000])
async def test_a_long_clip_is_looked_at_over_its_whole_length(media: PyAVMedia, tmp_path: Path, keyframes: int) -> None:
    cache = [moving()(index) for index in range(320)]
    black = Image.new("RGB", (320, 180))
    path = write(
        tmp_path / "a.mp4", lambda i: cache[i % 320] if i < 30 * FPS else black, seconds=60, keyframes=keyframes,
        volume=None,
    )  # fmt: skip
    facts = await media.probe(path)
    assert facts.duration_s == pytest.approx(60, abs=1 / FPS)
    assert facts.dark_fraction == pytest.approx(0.5, abs=0.05)
    assert facts.frozen_fraction == pytest.approx(0.5, abs=0.05)


async def test_what_is_no_clip_is_refused_in_plain_words(media: PyAVMedia, tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.mp4", noisy).read_bytes()
    for name, content in {
        "empty.mp4": b"", "text.mp4": b"<html>not found</html>" * 50, "cut.mp4": whole[: len(whole) // 2],
        "head.mp4": whole[:400],
    }.items():  # fmt: skip
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(UnplayableClip, match="file"):
            await media.probe(path)
        with pytest.raises(UnplayableClip):
            await media.probe(path, poster=tmp_path / "p.jpg")
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    with pytest.raises(UnplayableClip, match="not a video"):
        await media.probe(tmp_path / "a.png")
    with pytest.raises(UnplayableClip):
        await media.probe(tmp_path / "nowhere.mp4")
    assert not (tmp_path / "p.jpg").exists()


async def test_the_poster_is_small_upright_and_not_a_dark_frame(media: PyAVMedia, tmp_path: Path) -> None:
    draw = moving(640, 360)
    path = write(
        tmp_path / "a.mp4", lambda i: draw(i) if i > 36 else Image.new("RGB", (640, 360)), rotation=90, volume=None
    )  # fmt: skip
    await media.probe(path, poster=tmp_path / "p.jpg")
    with Image.open(tmp_path / "p.jpg") as poster:
        assert (poster.format, poster.size) == ("JPEG", (180, 320))
        assert poster.convert("L").resize((1, 1)).getpixel((0, 0)) > 60  # type: ignore[operator]
    assert (tmp_path / "p.jpg").stat().st_size <= 200_000


async def test_a_poster_changes_nothing_about_what_is_measured(media: PyAVMedia, tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", moving(240, 180), pixel_aspect=Fraction(4, 3))
    assert await media.probe(path, poster=tmp_path / "p.jpg") == await media.probe(path)
    with Image.open(tmp_path / "p.jpg") as poster:
        assert poster.size == (320, 180)


async def test_a_clip_of_dark_frames_has_a_poster_all_the_same(media: PyAVMedia, tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", still((0, 0, 0)), volume=None)
    await media.probe(path, poster=tmp_path / "p.jpg")
    with Image.open(tmp_path / "p.jpg") as poster:
        assert poster.convert("L").resize((1, 1)).getpixel((0, 0)) < 10  # type: ignore[operator]


@pytest.mark.parametrize("form", ["fltp", "s16", "s16p", "flt"])
@pytest.mark.parametrize(("loudest", "db"), [(-0.5, -6.02), (0.25, -12.04), (0.0, -120.0)])
def test_the_loudest_sample_is_found_on_either_side_and_in_any_channel(form: str, loudest: float, db: float) -> None:
    peak = Peak()
    for frame in (tone(form, [0.0, 0.1 * loudest], [0.0, 0.0]), tone(form, [0.0, 0.0], [0.0, loudest])):
        peak.hear(frame)
    assert peak.db == pytest.approx(db, abs=0.01)


def test_a_decoder_that_overshoots_is_at_full_scale() -> None:
    peak = Peak()
    peak.hear(tone("fltp", [1.4, -1.2], [0.0, 0.0]))
    assert peak.db == 0.0


def tone(form: str, left: list[float], right: list[float]) -> av.AudioFrame:
    """A frame of those samples, in that form."""
    rows = (
        [left, right] if form.endswith("p") else [[value for pair in zip(left, right, strict=True) for value in pair]]
    )
    frame = av.AudioFrame(format=form, layout="stereo", samples=len(left))
    frame.sample_rate = 48_000
    for plane, row in zip(frame.planes, rows, strict=True):
        samples = array.array("f", row) if form.startswith("flt") else array.array("h", (int(v * 32_768) for v in row))
        plane.update(samples.tobytes().ljust(plane.buffer_size, b"\0"))
    return frame


async def test_shrinking_keeps_length_shape_and_sound_below_the_limit(media: PyAVMedia, tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", noisy, seconds=3, rotation=-90, bit_rate=3_000_000)
    limit = path.stat().st_size // 5
    await media.shrink(path, tmp_path / "small.mp4", limit)
    facts = await media.probe(tmp_path / "small.mp4")
    assert facts.size_bytes <= limit
    assert facts.duration_s == pytest.approx(3, abs=0.05)
    assert facts.height > facts.width and facts.width / facts.height == pytest.approx(180 / 320, abs=0.02)
    assert (facts.video_codec, facts.audio_codec) == ("h264", "aac")
    data = (tmp_path / "small.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with pytest.raises(PermanentError, match="too long"):
        await media.shrink(path, tmp_path / "tiny.mp4", 5_000)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mp4", "small.mp4"]


async def test_muting_copies_the_pictures_untouched(media: PyAVMedia, tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", moving(), rotation=90)
    await media.mute(path, tmp_path / "b.mp4")
    before, after = await media.probe(path), await media.probe(tmp_path / "b.mp4")
    assert (after.audio_codec, after.peak_db) == ("", None)
    assert (after.width, after.height, after.duration_s) == (before.width, before.height, before.duration_s)

    def packets(clip: Path) -> list[bytes]:
        with av.open(str(clip)) as container:
            return [bytes(packet) for packet in container.demux(container.streams.video[0])]

    assert packets(path) == packets(tmp_path / "b.mp4")


async def test_a_cancelled_task_stops_the_work_and_leaves_nothing(media: PyAVMedia, tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", noisy, seconds=4, volume=None)
    task = asyncio.create_task(media.shrink(path, tmp_path / "small.mp4", path.stat().st_size // 2))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize(("number", "raised"), [(errno.ENOSPC, TemporaryError), (errno.ENOENT, FileNotFoundError)])
def test_a_full_disk_is_temporary_and_leaves_nothing_behind(
    tmp_path: Path, number: int, raised: type[Exception]
) -> None:
    with pytest.raises(raised), written_whole(tmp_path / "poster.jpg") as part:
        part.write_bytes(b"half of it")
        raise OSError(number, "as the system says")
    assert [*tmp_path.iterdir()] == []
