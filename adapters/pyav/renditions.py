"""Other forms of a clip: a smaller copy, a copy without sound."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from math import sqrt
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.filter import Graph
from av.video.frame import PictureType, VideoFrame

from adapters.pyav.files import Stopped, display_size, opened, written_whole
from adapters.pyav.probing import read_track
from core.errors import PermanentError, UnplayableClip

FASTSTART = {"movflags": "+faststart"}
"""The index comes first, so that a player can start before it has the whole file."""

FILL = 0.93
"""Share of the allowed size that is aimed at: the container and the rate control need the rest."""
AUDIO_RATES = (128_000, 96_000, 64_000, 32_000)
BITS_PER_PIXEL = 0.07
"""Bits that H.264 needs for each pixel of each frame to look decent; decides how far the picture is scaled down."""
MIN_VIDEO_RATE = 40_000
MIN_SIDE = 120
TRIES = 4
MAX_FPS = 30
THREADS = 2
"""Pinned, because x264's output depends on it."""


def shrink_to(path: Path, destination: Path, max_bytes: int, stopped: Callable[[], bool]) -> None:
    """Encode the clip at the bit rate that fills `max_bytes`, and again lower while it comes out larger."""
    with opened(path) as (container, stream):
        track = read_track(container, stream, stopped)
        rate = Fraction(min(stream.average_rate or 25, MAX_FPS)).limit_denominator(1001)
        sound = bool(container.streams.audio)
    with opened(path) as (container, stream):
        first = next(container.decode(stream), None)
        if first is None:
            raise UnplayableClip("No frame of the file can be decoded.")
        size = display_size(first, stream)
    aim = min(max_bytes, path.stat().st_size) * FILL
    with written_whole(destination) as part:
        for _ in range(TRIES):
            bits = aim * 8 / track.duration_s
            audio_rate = next((r for r in AUDIO_RATES if r <= bits * 0.15), AUDIO_RATES[-1]) if sound else 0
            video_rate = int(bits) - audio_rate
            if video_rate < MIN_VIDEO_RATE:
                break
            _encode(path, part, _reduced(size, video_rate, float(rate)), video_rate, audio_rate, rate, stopped)
            came_out = part.stat().st_size
            if came_out <= max_bytes:
                return
            aim *= 0.9 * max_bytes / came_out
        raise PermanentError(f"The clip is too long to fit into {max_bytes / 1_000_000:.1f} MB.")


def _encode(
    path: Path, part: Path, size: tuple[int, int], video_rate: int, audio_rate: int, rate: Fraction,
    stopped: Callable[[], bool],
) -> None:  # fmt: skip
    """One pass at the given bit rates (bits a second; no sound when `audio_rate` is 0), with the rotation applied."""
    with (
        opened(path) as (source, pictures),
        av.open(str(part), "w", format="mp4", options=FASTSTART) as target,
    ):
        video = target.add_stream("libx264", rate=rate)
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        video.bit_rate = video_rate
        video.options = {
            "preset": "veryfast", "threads": str(THREADS),
            "maxrate": str(round(video_rate * 1.5)), "bufsize": str(video_rate * 2),
        }  # fmt: skip
        audio = target.add_stream("aac", rate=48_000, layout="stereo") if audio_rate else None
        if audio is not None:
            audio.bit_rate = audio_rate
        sounds = source.streams.audio[0] if audio is not None else None
        upright: Graph | None = None
        for frame in source.decode(*(s for s in (pictures, sounds) if s is not None)):
            if stopped():
                raise Stopped
            if isinstance(frame, AudioFrame) and audio is not None:
                target.mux(audio.encode(frame))
            elif isinstance(frame, VideoFrame):
                if upright is None:
                    upright = _upright(frame, pictures.time_base or Fraction(1, 90_000), size, rate)
                upright.vpush(frame)
                for upright_frame in _ready(upright):
                    target.mux(video.encode(upright_frame))
        if upright is not None:
            upright.vpush(None)
            for upright_frame in _ready(upright):
                target.mux(video.encode(upright_frame))
        target.mux(video.encode(None))
        if audio is not None:
            target.mux(audio.encode(None))


def _reduced(size: tuple[int, int], video_rate: int, fps: float) -> tuple[int, int]:
    """The even size, in the same shape, that the bit rate can fill decently; never larger than the source."""
    width, height = size
    scale = min(1.0, sqrt(video_rate / (BITS_PER_PIXEL * width * height * fps)))
    scale = min(1.0, max(scale, MIN_SIDE / min(width, height)))
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


def _upright(frame: VideoFrame, time_base: Fraction, size: tuple[int, int], rate: Fraction) -> Graph:
    """The filters that turn, scale and convert frames such as `frame`."""
    graph = Graph()
    nodes = [graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=time_base)]
    turns = {
        90: ["transpose=cclock"],
        -90: ["transpose=clock"],
        180: ["hflip", "vflip"],
        -180: ["hflip", "vflip"],
    }
    for turn in turns.get(frame.rotation, []):
        name, _, value = turn.partition("=")
        nodes.append(graph.add(name, value or None))
    nodes += [
        graph.add("scale", f"{size[0]}:{size[1]}:flags=bicubic"),
        graph.add("setsar", "1"),
        graph.add("fps", f"{rate.numerator}/{rate.denominator}"),
        graph.add("format", "yuv420p"),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*nodes)
    graph.configure()
    return graph


def _ready(graph: Graph) -> Iterator[VideoFrame]:
    """The frames that the filters have finished."""
    while True:
        try:
            frame = graph.vpull()
        except (BlockingIOError, EOFError):
            return
        frame.pict_type = PictureType.NONE  # the source's key frames are not ours
        yield frame


def without_sound(path: Path, destination: Path, stopped: Callable[[], bool]) -> None:
    """Copy the picture packets into a new file."""
    form = "webm" if destination.suffix == ".webm" else "mp4"
    with opened(path) as (source, pictures), written_whole(destination) as part:
        options = FASTSTART if form == "mp4" else {}
        with av.open(str(part), "w", format=form, options=options) as target:
            copy = target.add_stream_from_template(pictures)
            for packet in source.demux(pictures):
                if stopped():
                    raise Stopped
                if packet.dts is not None:
                    packet.stream = copy
                    target.mux(packet)
