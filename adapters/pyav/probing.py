"""Measuring a clip: length, geometry, sound, and how much of it is dark or stands still.

The work is bounded: the packets are all read (that is cheap and gives the exact length), at most `MAX_SAMPLES` frames
are looked at, as thumbnails, one at a time. In a long clip they come from windows spread over its length.
"""

from __future__ import annotations

import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import log10
from pathlib import Path

from av import AudioResampler
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image, ImageChops, ImageStat

from adapters.pyav.files import Stopped, container_name, opened, picture, seconds
from core.errors import UnplayableClip
from core.inspection import ClipFacts

SAMPLES_PER_S = 4
MAX_SAMPLES = 120
WINDOW_SAMPLES = 4
"""In a long clip, samples taken side by side at each place that is looked at."""
DARK_MEAN = 0.06 * 255
"""Mean luma below which a frame counts as dark: 6 % of full range (the product's bound)."""
SAME_MEAN = 0.8
SAME_PEAK = 7
"""Two thumbnails are the same picture when their luma differs by less than this, of 255, on average and anywhere: a
still picture through H.264 stays below, a blinking eye does not."""
NO_SIGNAL_DB = -120.0
"""The level given for a track of nothing but zeros."""
SEEK_AHEAD_S = 2.0
"""Decoding on is quicker than seeking up to about this far."""
THUMBNAIL = 96
CUT_OFF_S = 0.15
"""A picture track that ends this much before the length its header states was cut off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """What the packets say about the picture track, in seconds from its start."""

    start_s: float
    duration_s: float
    frames: int
    keyframes_s: tuple[float, ...]


def measure(path: Path, stopped: Callable[[], bool]) -> ClipFacts:
    """Measure the clip; raises `UnplayableClip`, or `Stopped` when `stopped()` becomes true."""
    with opened(path) as (container, stream):
        track = read_track(container, stream, stopped)
        rate = stream.average_rate or stream.guessed_rate
        audio = container.streams.audio[0] if container.streams.audio else None
        audio_codec = audio.codec_context.codec.canonical_name if audio is not None else ""
        video_codec = stream.codec_context.codec.canonical_name
        name = container_name(container)
    with opened(path) as (container, stream):
        dark = same = pairs = samples = 0
        width = height = 0
        window, last = -1, None
        for index, frame in sampled(container, stream, track, windows(track.duration_s), stopped):
            width, height = display_size(frame, stream)
            shown = thumbnail(frame)
            samples += 1
            dark += ImageStat.Stat(shown).mean[0] < DARK_MEAN
            if last is not None and index == window:
                pairs += 1
                same += alike(last, shown)
            window, last = index, shown
    if not samples:
        raise UnplayableClip("No frame of the file can be decoded.")
    return ClipFacts(
        duration_s=track.duration_s, width=width, height=height,
        fps=float(rate) if rate else track.frames / track.duration_s,
        video_codec=video_codec, audio_codec=audio_codec, peak_db=loudest_db(path, stopped) if audio_codec else None,
        dark_fraction=dark / samples, frozen_fraction=same / pairs if pairs else 0.0,
        size_bytes=path.stat().st_size, container=name,
    )  # fmt: skip


def read_track(container: InputContainer, stream: VideoStream, stopped: Callable[[], bool]) -> Track:
    """Read every picture packet without decoding. Raises `UnplayableClip` for none, or fewer than the header says."""
    first: int | None = stream.start_time
    end, frames, keyframes = 0, 0, list[int]()
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    time_base = stream.time_base or Fraction(1, 1000)
    for packet in container.demux(stream):
        if stopped():
            raise Stopped
        if packet.pts is None or not packet.size:
            continue
        first = packet.pts if first is None else first
        end = max(end, packet.pts + (packet.duration or round(1 / rate / time_base)))
        frames += 1
        if packet.is_keyframe:
            keyframes.append(packet.pts)
    start = first or 0
    duration = seconds(end - start, time_base)
    if not frames or duration <= 0:
        raise UnplayableClip("The file holds no pictures.")
    if seconds(stream.duration, time_base) - duration > max(CUT_OFF_S, 2 / float(rate)):
        raise UnplayableClip("The file is cut off before its end.")
    return Track(
        start_s=seconds(start, time_base), duration_s=duration, frames=frames,
        keyframes_s=tuple(seconds(pts - start, time_base) for pts in sorted(keyframes)),
    )  # fmt: skip


def windows(duration_s: float, *, most: int = MAX_SAMPLES) -> list[list[float]]:
    """The times to look at: all along a short clip, and short runs spread evenly over a long one."""
    step = 1 / SAMPLES_PER_S
    if duration_s <= most * step:
        return [[i * step for i in range(max(1, int(duration_s / step)))]]
    count = most // WINDOW_SAMPLES
    spread = (duration_s - WINDOW_SAMPLES * step) / (count - 1)
    return [[i * spread + j * step for j in range(WINDOW_SAMPLES)] for i in range(count)]


def sampled(
    container: InputContainer,
    stream: VideoStream,
    track: Track,
    wanted: list[list[float]],
    stopped: Callable[[], bool],
) -> Iterator[tuple[int, VideoFrame]]:
    """The frames nearest after the `wanted` times, each with the number of its window, in order.

    Seeks only over gaps and never back, so a file with a single keyframe is decoded once, not once for each window.
    """
    frames = container.decode(stream)
    position = -1.0
    for number, times in enumerate(wanted):
        keyframe = max((t for t in track.keyframes_s if t <= times[0]), default=0.0)
        if keyframe > position + SEEK_AHEAD_S:
            container.seek(round((keyframe + track.start_s) / float(stream.time_base or 1)), stream=stream)
            frames = container.decode(stream)
        for time in times:
            for frame in frames:
                if stopped():
                    raise Stopped
                position = seconds(frame.pts, frame.time_base) - track.start_s
                if position >= time - 1e-3:
                    yield number, frame
                    break


def display_size(frame: VideoFrame, stream: VideoStream) -> tuple[int, int]:
    """Width and height as a player shows them: pixel aspect applied, then rotated."""
    pixel_aspect = stream.sample_aspect_ratio or Fraction(1)
    width, height = round(frame.width * (pixel_aspect or 1)), frame.height
    return (height, width) if frame.rotation % 180 else (width, height)


def thumbnail(frame: VideoFrame) -> Image.Image:
    """A small grey picture in full range, averaged so that grain does not count as movement."""
    scale = THUMBNAIL / max(frame.width, frame.height)
    small = frame.reformat(
        width=max(2, round(frame.width * scale)), height=max(2, round(frame.height * scale)), format="gray",
        interpolation="AREA", dst_color_range="JPEG",
    )  # fmt: skip
    return picture(small)


def alike(one: Image.Image, other: Image.Image) -> bool:
    """Whether two thumbnails show the same picture within coding noise."""
    if one.size != other.size:
        return False
    difference = ImageChops.difference(one, other)
    peak = difference.getextrema()[1]
    return bool(ImageStat.Stat(difference).mean[0] < SAME_MEAN and peak < SAME_PEAK)  # type: ignore[operator]


def loudest_db(path: Path, stopped: Callable[[], bool]) -> float:
    """The loudest sample of the first sound track, in dB below full scale."""
    peak = 0
    resampler = AudioResampler(format="s16")
    with opened(path) as (container, _):
        for frame in container.decode(container.streams.audio[0]):
            if stopped():
                raise Stopped
            for part in resampler.resample(frame):
                samples = array.array("h", bytes(part.planes[0])[: part.samples * part.layout.nb_channels * 2])
                peak = max(peak, max(samples, default=0), -min(samples, default=0))
    return 20 * log10(peak / 32768) if peak else NO_SIGNAL_DB
