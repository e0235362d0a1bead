"""Making the film: each clip is decoded, brought to the film's size and rate, and encoded after the one before.

Everything is encoded anew, because clips of different makers, and even of one, rarely agree in what a decoder must know
beforehand. Threads are pinned and every part that could write a date or a version is told not to, so the same cut of
the same clips gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import av.error
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.container import InputContainer, OutputContainer
from av.filter import Graph
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from adapters.cutting.cut import RATE, Cut, Piece
from adapters.cutting.opening import opening
from adapters.cutting.sound import heard, silence
from adapters.rendering import Cancelled, whole
from core.errors import PermanentError

THREADS = 2
"""Pinned, because x264's output depends on it."""
PRESET, CRF = "superfast", "23"
"""As near to the clips, by structural similarity, as "veryfast" at 20, in little more than half the time and a file a
fifth to a third larger; beside the clips no difference is seen at normal size."""
BT709 = 1
STEP = 12
"""Frames between two looks at whether to stop, and two reports of progress."""
TRUSTED = {"format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm", "protocol_whitelist": "file"}
"""What a clip may be. libav goes by a file's content; a list of other files is none of it."""


def render(
    cut: Cut, destination: Path, *, on_progress: Callable[[float], None], cancelled: Callable[[], bool]
) -> None:  # fmt: skip
    """Write the film to `destination`, which appears whole or not at all.

    `on_progress` is told the share that is done, 0 to 1. Raises `Cancelled` soon after `cancelled()` becomes true,
    PermanentError when a clip cannot be read, and OSError when the disk does not take the film."""
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    with whole(destination) as part, av.open(str(part), "w", format="mp4", options=options) as container:
        _write(container, cut, on_progress, cancelled)
    on_progress(1.0)


def _write(
    container: OutputContainer, cut: Cut, on_progress: Callable[[float], None], cancelled: Callable[[], bool]
) -> None:  # fmt: skip
    video = container.add_stream("libx264", rate=cut.fps)
    video.width, video.height, video.pix_fmt = cut.width, cut.height, "yuv420p"
    context = video.codec_context
    context.color_primaries = context.color_trc = context.colorspace = BT709
    context.color_range = 1
    context.flags |= Flags.bitexact
    video.options = {"preset": PRESET, "crf": CRF, "threads": str(THREADS)}
    audio: AudioStream | None = None
    if cut.sound:
        audio = container.add_stream("aac", rate=RATE, layout="stereo")
        audio.bit_rate = 160_000
        audio.codec_context.flags |= Flags.bitexact
    sound = _sound(cut) if audio is not None else iter(())
    for number, frame in enumerate(_film(cut)):
        if number % STEP == 0:
            if cancelled():
                raise Cancelled
            on_progress(number / cut.frames)
        frame.pts, frame.time_base, frame.pict_type = number, 1 / cut.fps, PictureType.NONE
        container.mux(video.encode(frame))
        for block in sound if audio is not None else ():
            assert audio is not None
            container.mux(audio.encode(block))
            if (block.pts or 0) * cut.fps > number * RATE:
                break
    container.mux(video.encode(None))
    if audio is not None:
        for block in sound:
            container.mux(audio.encode(block))
        container.mux(audio.encode(None))


# --- pictures --------------------------------------------------------------------------------------------------------


def _film(cut: Cut) -> Iterator[VideoFrame]:
    """Every frame, in order."""
    for number, piece in enumerate(cut.pieces):
        frames = _frames(cut, piece)
        yield from _titled(cut, frames) if cut.title and not number else frames


def _titled(cut: Cut, frames: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
    """The title, and the clip that it fades into."""
    first = next(frames)
    flat = first.reformat(format="rgb24", src_colorspace="ITU709")
    picture = Image.frombuffer(
        "RGB", (flat.width, flat.height), bytes(flat.planes[0]), "raw", "RGB", flat.planes[0].line_size, 1
    )
    drawn = opening(picture, cut.title).convert("RGBA")
    card = VideoFrame.from_bytes(drawn.tobytes(), drawn.width, drawn.height)
    card = card.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
    for _ in range(cut.title_frames):
        yield card
    for number in range(cut.fade_frames):
        frame = first if not number else next(frames, None)
        if frame is None:
            return
        yield _blended(card, frame, (number + 1) / (cut.fade_frames + 1))
    yield from frames


def _blended(one: VideoFrame, other: VideoFrame, share: float) -> VideoFrame:
    """The first picture with that share (0 to 1) of the second."""
    mixed = VideoFrame(one.width, one.height, "yuv420p")
    for target, *both in zip(mixed.planes, one.planes, other.planes, strict=True):
        layers = [
            Image.frombuffer("L", (plane.width, plane.height), bytes(plane), "raw", "L", plane.line_size, 1)
            for plane in both
        ]
        sheet = Image.new("L", (target.line_size, target.height))
        sheet.paste(Image.blend(layers[0], layers[1], share))
        target.update(sheet.tobytes())
    return mixed


def _frames(cut: Cut, piece: Piece) -> Iterator[VideoFrame]:
    """Exactly as many frames of the clip as it has in the film: what is missing at the end is the last one again."""
    count = 0
    for frame in _fitted(cut, piece.path):
        yield frame
        count += 1
        if count == piece.frames:
            return
    if not count:
        raise PermanentError("One of the clips has no pictures.")
    for _ in range(piece.frames - count):
        yield frame


def _fitted(cut: Cut, path: Path) -> Iterator[VideoFrame]:
    """The clip's frames in the film's size and rate."""
    with _opened(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        graph: Graph | None = None
        for frame in container.decode(stream):
            graph = graph or _fitting(frame, stream, cut)
            graph.vpush(frame)
            yield from _pulled(graph)
        if graph is not None:
            graph.vpush(None)
            yield from _pulled(graph)


def _fitting(frame: VideoFrame, stream: VideoStream, cut: Cut) -> Graph:
    """The filters that bring frames such as this one to the film's size, black where their shape leaves room."""
    graph = Graph()
    nodes = [
        graph.add_buffer(
            width=frame.width,
            height=frame.height,
            format=frame.format,
            time_base=stream.time_base or Fraction(1, 90_000),
        )
    ]
    size = f"{cut.width}:{cut.height}"
    if (frame.width, frame.height) != (cut.width, cut.height):
        whole = "force_original_aspect_ratio=decrease:force_divisible_by=2:flags=bicubic"
        nodes += [graph.add("scale", f"{size}:{whole}"), graph.add("pad", f"{size}:(ow-iw)/2:(oh-ih)/2")]
    nodes += [
        graph.add("setsar", "1"),
        graph.add("format", "yuv420p"),
        graph.add("setpts", "PTS-STARTPTS"),
        graph.add("fps", f"{cut.fps.numerator}/{cut.fps.denominator}"),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*nodes).configure()
    return graph


def _pulled(graph: Graph) -> Iterator[VideoFrame]:
    """What the filters have finished."""
    while True:
        try:
            yield graph.vpull()
        except (BlockingIOError, EOFError):
            return


@contextmanager
def _opened(path: Path) -> Iterator[InputContainer]:
    """The clip; whatever libav finds wrong with it is a PermanentError."""
    try:
        with av.open(str(path), "r", options=TRUSTED) as container:
            if not container.streams.video:
                raise PermanentError("One of the clips has no pictures.")
            yield container
    except av.error.FFmpegError as error:
        raise PermanentError("One of the clips cannot be read.") from error


# --- sound -----------------------------------------------------------------------------------------------------------


def _sound(cut: Cut) -> Iterator[AudioFrame]:
    """The whole sound track, exactly as long as the film."""
    place = 0
    for block in _blocks(cut):
        block.pts, block.time_base = place, Fraction(1, RATE)
        place += block.samples
        yield block


def _blocks(cut: Cut) -> Iterator[AudioFrame]:
    if cut.title:
        yield from silence(cut.title_samples)
    for piece in cut.pieces:
        with _opened(piece.path) as container:
            yield from heard(container, piece.samples)
