"""Measuring a clip: length, geometry, sound, and how much of it is dark or stands still; and its poster on the way.

The work is bounded: the packets are all read once (that is cheap and gives the exact length; the sound is heard in the
same pass), at most `MAX_SAMPLES` frames are looked at, as thumbnails, one at a time. In a long clip they come from
windows spread over its length. One of the frames that are looked at becomes the poster, so nothing is decoded for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from av.audio.frame import AudioFrame
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image, ImageChops, ImageStat

from adapters.pyav.files import Stopped, container_name, display_size, opened, picture, seconds
from adapters.pyav.loudness import Peak
from adapters.pyav.posters import poster_of, save_poster
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
SEEK_AHEAD_S = 2.0
"""Decoding on is quicker than seeking up to about this far."""
THUMBNAIL = 96
LIGHT = 1_000
"""More than any contrast: a dark frame is on the poster only when all are dark."""
CUT_OFF_S = 0.15
"""A picture track that ends this much before the length its header states was cut off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """What the packets say about the picture track, in seconds from its start."""

    start_s: float
    duration_s: float
    frames: int
    keyframes_s: tuple[float, ...]


@dataclass(slots=True, kw_only=True)
class Look:
    """What the looked-at frames show, added up."""

    frames: int = 0
    dark: int = 0
    pairs: int = 0
    """Neighbouring ones that were compared."""
    same: int = 0
    size: tuple[int, int] = (0, 0)
    """Width and height as a player shows them."""
    telling: Image.Image | None = None
    """The poster: the frame with the most contrast among those that are not dark."""


def measure(path: Path, poster: Path | None, stopped: Callable[[], bool]) -> ClipFacts:
    """Measure the clip, and write its poster unless that is None; raises `UnplayableClip`, or `Stopped` when
    `stopped()` becomes true."""
    with opened(path) as (container, stream):
        audio = container.streams.audio[0] if container.streams.audio else None
        peak = Peak() if audio is not None else None
        track = read_track(container, stream, stopped, peak)
        rate = stream.average_rate or stream.guessed_rate
        audio_codec = audio.codec_context.codec.canonical_name if audio is not None else ""
        video_codec = stream.codec_context.codec.canonical_name
        name = container_name(container)
    with opened(path) as (container, stream):
        look = _look(container, stream, track, stopped, poster=poster is not None)
    if poster is not None and look.telling is not None:
        save_poster(look.telling, poster)
    width, height = look.size
    return ClipFacts(
        duration_s=track.duration_s, width=width, height=height,
        fps=float(rate) if rate else track.frames / track.duration_s,
        video_codec=video_codec, audio_codec=audio_codec, peak_db=peak.db if peak is not None else None,
        dark_fraction=look.dark / look.frames, frozen_fraction=look.same / look.pairs if look.pairs else 0.0,
        size_bytes=path.stat().st_size, container=name,
    )  # fmt: skip


def _look(
    container: InputContainer, stream: VideoStream, track: Track, stopped: Callable[[], bool], *, poster: bool
) -> Look:
    """Look at frames all over the clip, each decoded once; raises `UnplayableClip` when there is none."""
    look = Look()
    best: tuple[float, VideoFrame] | None = None
    window, last = -1, None
    for index, frame in sampled(container, stream, track, windows(track.duration_s), stopped):
        look.size = display_size(frame, stream)
        shown = thumbnail(frame)
        statistics = ImageStat.Stat(shown)
        dark = statistics.mean[0] < DARK_MEAN
        look.frames += 1
        look.dark += dark
        if last is not None and index == window:
            look.pairs += 1
            look.same += alike(last, shown)
        window, last = index, shown
        contrast = statistics.stddev[0] - (LIGHT if dark else 0)
        if poster and (best is None or contrast > best[0]):
            best = contrast, frame
    if not look.frames:
        raise UnplayableClip("No frame of the file can be decoded.")
    if best is not None:
        look.telling = poster_of(best[1], stream)
    return look


def read_track(
    container: InputContainer, stream: VideoStream, stopped: Callable[[], bool], peak: Peak | None = None
) -> Track:
    """Read every picture packet without decoding, and give the sound to `peak` on the way.

    Raises `UnplayableClip` for no pictures, or fewer than the header says."""
    first: int | None = stream.start_time
    end, frames, keyframes = 0, 0, list[int]()
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    time_base = stream.time_base or Fraction(1, 1000)
    heard = container.streams.audio[:1] if peak is not None else ()
    for packet in container.demux(stream, *heard):
        if stopped():
            raise Stopped
        if peak is not None and packet.stream is not stream:
            for sound in packet.decode():
                if isinstance(sound, AudioFrame):
                    peak.hear(sound)
            continue
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
