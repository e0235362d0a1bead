"""Making the film: the layers of each shot are moved and blended by libav's filters, joined by crossfades, and encoded.

Python touches no pixel after the layers are drawn. The same storyboard gives the same bytes: threads are pinned and
every part that could write a date or a version is told not to.
"""

from __future__ import annotations

import itertools
import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.container import OutputContainer
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.frame import PictureType, VideoFrame
from PIL import Image

from adapters.animatic.drawing import Layer
from adapters.animatic.lettering import lettering, title
from adapters.animatic.photographs import photograph
from adapters.animatic.scenery import Scene, scene
from adapters.animatic.sound import RATE, sound_bed
from adapters.animatic.stage import ZOOMS, Move
from adapters.animatic.storyboard import CROSSFADE, FPS, Shot, Storyboard
from core.errors import PermanentError

THREADS = 2
"""Pinned, because x264's output depends on it."""
TICK = Fraction(1, FPS)
BT709 = 1
TITLE_AT_S = 0.4
AHEAD = 8
"""Frames that may wait to be encoded."""
STEP = 12
"""Frames between two looks at whether to stop, and two reports of progress."""


class Cancelled(PermanentError):
    """The rendering was cancelled."""


def render(
    board: Storyboard, destination: Path, *, on_progress: Callable[[float], None], cancelled: Callable[[], bool]
) -> None:  # fmt: skip
    """Write the film to `destination`, which appears whole or not at all.

    `on_progress` is told the share that is done, 0 to 1. Raises `Cancelled` soon after `cancelled()` becomes true, and
    PermanentError when the person's picture cannot be read."""
    part = destination.with_name(f".{destination.name}.part")
    destination.parent.mkdir(parents=True, exist_ok=True)
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    try:
        with av.open(str(part), "w", format="mp4", options=options) as container:
            _write(container, board, on_progress, cancelled)
        part.replace(destination)
    finally:
        part.unlink(missing_ok=True)
    on_progress(1.0)


def _write(
    container: OutputContainer, board: Storyboard, on_progress: Callable[[float], None], cancelled: Callable[[], bool]
) -> None:  # fmt: skip
    video = container.add_stream("libx264", rate=FPS)
    video.width, video.height, video.pix_fmt = board.width, board.height, "yuv420p"
    context = video.codec_context
    context.color_primaries = context.color_trc = context.colorspace = BT709
    context.color_range = 1
    context.flags |= Flags.bitexact
    video.options = {"preset": "superfast", "crf": "24", "bf": "0", "threads": str(THREADS)}
    audio: AudioStream | None = None
    if board.sound:
        audio = container.add_stream("aac", rate=RATE, layout="stereo")
        audio.bit_rate = 128_000
        audio.codec_context.flags |= Flags.bitexact
    bed = sound_bed(board) if audio is not None else iter(())
    for number, frame in enumerate(_ahead(_film(board))):
        if number % STEP == 0:
            if cancelled():
                raise Cancelled
            on_progress(number / board.frames)
        frame.pts, frame.time_base, frame.pict_type = number, TICK, PictureType.NONE
        container.mux(video.encode(frame))
        for sound in bed if audio is not None else ():
            container.mux(audio.encode(sound)) if audio is not None else None
            if (sound.pts or 0) / RATE > number / FPS:
                break
    container.mux(video.encode(None))
    if audio is not None:
        for sound in bed:
            container.mux(audio.encode(sound))
        container.mux(audio.encode(None))


def _ahead(frames: Generator[VideoFrame, None, None]) -> Iterator[VideoFrame]:
    """The same frames, made in another thread while the last ones are encoded."""
    waiting: queue.Queue[VideoFrame | None] = queue.Queue(AHEAD)
    stop = threading.Event()

    def fill() -> None:
        try:
            for frame in frames:
                if stop.is_set():
                    break
                waiting.put(frame)
        finally:
            frames.close()
            waiting.put(None)

    with ThreadPoolExecutor(max_workers=1) as pool:
        filling = pool.submit(fill)
        try:
            while (frame := waiting.get()) is not None:
                yield frame
            filling.result()  # raises what went wrong in the thread
        finally:
            stop.set()
            while not filling.done():  # make room, or the thread would wait for ever to hand over its last frame
                with suppress(queue.Empty):
                    waiting.get(timeout=0.02)


def _film(board: Storyboard) -> Generator[VideoFrame, None, None]:
    """Every frame, in order; at most `CROSSFADE` of them are held back."""
    tail: deque[VideoFrame] = deque()
    with ThreadPoolExecutor(max_workers=1) as ahead:  # draws the next shot while this one is filmed
        drawn = ahead.submit(_shot_frames, board, 0)
        for number, _ in enumerate(board.shots):
            last = number == len(board.shots) - 1
            frames = drawn.result()
            if not last:
                drawn = ahead.submit(_shot_frames, board, number + 1)
            if tail:
                yield from _crossfade(tail, deque(itertools.islice(frames, CROSSFADE)), board)
                tail.clear()
            for frame in frames:
                tail.append(frame)
                if len(tail) > (0 if last else CROSSFADE):
                    yield tail.popleft()


def _crossfade(before: deque[VideoFrame], after: deque[VideoFrame], board: Storyboard) -> Iterator[VideoFrame]:
    graph = Graph()
    fade = graph.add("xfade", f"transition=fade:duration={CROSSFADE / FPS:.6f}:offset=0")
    sources = []
    for index in range(2):
        source = _buffer(graph, board.width, board.height, "yuv420p")
        rate = graph.add("fps", str(FPS))
        source.link_to(rate)
        rate.link_to(fade, 0, index)
        sources.append(source)
    sink = graph.add("buffersink")
    fade.link_to(sink)
    graph.configure()
    for source, frames in zip(sources, (before, after), strict=True):
        for number, frame in enumerate((*frames, frames[-1])):  # the filter keeps the last one for itself
            frame.pts, frame.time_base = number, TICK
            source.push(frame)
        source.push(None)
    count = 0
    for frame in _pulled(graph):
        if count < CROSSFADE:
            count += 1
            yield frame


def _pulled(graph: Graph) -> Iterator[VideoFrame]:
    """What comes out of the graph; holds it, as its filters do not."""
    while True:
        try:
            yield graph.vpull()
        except (BlockingIOError, EOFError):
            return


def _shot_frames(board: Storyboard, number: int) -> Iterator[VideoFrame]:
    """The frames of one shot, out of a filter graph fed with the pictures of its layers."""
    shot = board.shots[number]
    graph = Graph()
    fed: list[tuple[FilterContext, list[VideoFrame]]] = []
    if board.picture is None:
        world = scene(shot, board.width, board.height)
    else:
        world = _photographed(board.picture, board, shot)
    film = _looped(graph, fed, (world.still,), 1, "yuv420p") if world.move is None else _moved(
        graph, fed, world.still, world.move, shot.frames, board
    )  # fmt: skip
    for layer in (*world.layers, *lettering(shot, number + 1, len(board.shots), board.width, board.height)):
        film = _laid(graph, fed, film, layer, shot.frames)
    words = title(shot, board.width, board.height)
    if words is not None:
        film = _laid(graph, fed, film, words, shot.frames, fade_in=True)
    for name, value in (("trim", f"end_frame={shot.frames}"), ("format", "yuv420p"), ("buffersink", None)):
        node = graph.add(name, value)
        film.link_to(node)
        film = node
    graph.configure()
    for source, frames in fed:
        for place, frame in enumerate(frames):
            frame.pts, frame.time_base = place, TICK
            source.push(frame)
        source.push(None)
    return _pulled(graph)


def _buffer(graph: Graph, width: int, height: int, form: str) -> FilterContext:
    return graph.add_buffer(width=width, height=height, format=av.VideoFormat(form), time_base=TICK)


def _frame(image: Image.Image, form: str) -> VideoFrame:
    """A Pillow picture as a frame with HD colours."""
    frame = VideoFrame.from_bytes(image.convert("RGBA").tobytes(), image.width, image.height)
    return frame.reformat(format=form, dst_colorspace="ITU709", dst_color_range="MPEG")


def _looped(
    graph: Graph, fed: list[tuple[FilterContext, list[VideoFrame]]], pictures: tuple[Image.Image, ...], hold: int,
    form: str,
) -> FilterContext:  # fmt: skip
    """An endless stream that shows the pictures in turn, `hold` frames each."""
    frames = []
    for picture in pictures:
        frames += [_frame(picture, form)] * hold
    source = _buffer(graph, pictures[0].width, pictures[0].height, form)
    fed.append((source, frames))
    loop = graph.add("loop", f"loop=-1:size={len(frames)}")
    stamped = graph.add("setpts", "N")
    source.link_to(loop)
    loop.link_to(stamped)
    return stamped


def _laid(
    graph: Graph, fed: list[tuple[FilterContext, list[VideoFrame]]], film: FilterContext, layer: Layer, frames: int, *,
    fade_in: bool = False,
) -> FilterContext:  # fmt: skip
    """The film with the layer over it."""
    top = _looped(graph, fed, layer.pictures, layer.hold, "yuva420p")
    if layer.zoom != (1.0, 1.0):
        # In steps of four, so that half of it, by which the layer is placed, is even.
        size = f"({_between(layer.zoom, 'n', frames)})"
        grown = graph.add("scale", f"w='trunc(iw*{size}/4)*4':h='trunc(ih*{size}/4)*4':eval=frame:flags=bilinear")
        top.link_to(grown)
        top = grown
    if fade_in:
        faded = graph.add("fade", f"t=in:st={TITLE_AT_S}:d=0.5:alpha=1")
        top.link_to(faded)
        top = faded
    over = graph.add("overlay", f"x='{layer.x}':y='{layer.y}':format=yuv420:eval=frame")
    film.link_to(over, 0, 0)
    top.link_to(over, 0, 1)
    return over


def _between(ends: tuple[float, float], counter: str, frames: int) -> str:
    """An expression that runs from one end to the other over the shot."""
    return f"{ends[0]:.4f}+{ends[1] - ends[0]:.4f}*{counter}/{frames}"


def _moved(
    graph: Graph, fed: list[tuple[FilterContext, list[VideoFrame]]], still: Image.Image, move: Move, frames: int,
    board: Storyboard,
) -> FilterContext:  # fmt: skip
    """The camera moving over a still."""
    if still.size == (board.width, board.height):
        still = still.resize(_finer(board), Image.Resampling.BILINEAR)
    view = graph.add(
        "zoompan",
        f"z='{_between(move.zoom, 'on', frames)}':x='(iw-iw/zoom)*{move.across:.4f}'"
        f":y='(ih-ih/zoom)*({_between(move.down, 'on', frames)})':d=1:s={board.width}x{board.height}:fps={FPS}",
    )
    _looped(graph, fed, (still,), 1, "yuv420p").link_to(view)
    return view


def _finer(board: Storyboard) -> tuple[int, int]:
    """The size of a still that the camera moves over: larger than the film, so that slow movement goes in fractions of
    the film's pixels."""
    return board.width * 3 // 4 * 2, board.height * 3 // 4 * 2


def _photographed(picture: Path, board: Storyboard, shot: Shot) -> Scene:
    """The person's own picture, filling the frame, under a slowly moving camera."""
    still = photograph(picture, _finer(board))
    zoom = ZOOMS.get(shot.camera, (1.04, 1.14))
    return Scene(still=still, move=Move(zoom=zoom, down=(0.6, 0.4) if shot.facing > 0 else (0.4, 0.6)), layers=())
