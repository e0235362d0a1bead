"""Making the film: the layers of each shot are moved and blended by libav's filters, joined by crossfades, and encoded.

Python touches no pixel after the layers are drawn. The same storyboard gives the same bytes: threads are pinned and
every part that could write a date or a version is told not to.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.container import OutputContainer
from av.filter import Graph
from av.filter.context import FilterContext
from av.packet import Packet
from av.video.frame import PictureType, VideoFrame
from PIL import Image

from adapters.animatic.ahead import made_ahead
from adapters.animatic.drawing import Layer
from adapters.animatic.lettering import lettering, title
from adapters.animatic.photographs import photograph
from adapters.animatic.scenery import Scene, scene
from adapters.animatic.sound import RATE, sound_bed
from adapters.animatic.stage import ZOOMS, Move
from adapters.animatic.storyboard import CROSSFADE, FPS, Shot, Storyboard
from adapters.rendering import Cancelled, whole

THREADS = 2
"""Pinned, because x264's output depends on it."""
TICK = Fraction(1, FPS)
BT709 = 1
TITLE_AT_S = 0.4
QUICK = {
    "preset": "ultrafast", "crf": "25", "bf": "0", "coder": "cabac", "aq-mode": "1",
    "x264-params": "deblock=0,0:partitions=i4x4:aq-strength=0.6",
}  # fmt: skip
"""How x264 works. The quickest preset, with those parts of the next one that are worth their time on drawn pictures
(without `aq-mode` a sky breaks up into blocks): as near to what was drawn as "superfast" at 24, in a fifth less time
and a file about as large."""
FRAMES_AHEAD = 8
"""Frames that may wait to be encoded."""
SOUND_AHEAD = 2_000
"""Packets of sound that may wait to be written: 43 seconds. It is made while the first shot is still being drawn."""
STEP = 12
"""Frames between two looks at whether to stop, and two reports of progress."""


def render(
    board: Storyboard, destination: Path, *, on_progress: Callable[[float], None], cancelled: Callable[[], bool]
) -> None:  # fmt: skip
    """Write the film to `destination`, which appears whole or not at all.

    `on_progress` is told the share that is done, 0 to 1. Raises `Cancelled` soon after `cancelled()` becomes true, and
    PermanentError when the person's picture cannot be read."""
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    with whole(destination) as part, av.open(str(part), "w", format="mp4", options=options) as container:
        _write(container, board, on_progress, cancelled)
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
    video.options = {**QUICK, "threads": str(THREADS)}
    audio: AudioStream | None = None
    if board.sound:
        audio = container.add_stream("aac", rate=RATE, layout="stereo")
        audio.bit_rate = 128_000
        audio.options = {"aac_coder": "fast"}  # half the time, and nearer to the bed than the usual one
        audio.codec_context.flags |= Flags.bitexact
    container.start_encoding()
    with made_ahead(_film(board), FRAMES_AHEAD) as film, made_ahead(_sound(audio, board), SOUND_AHEAD) as sound:
        heard_s = 0.0
        for number, frame in enumerate(film):
            if number % STEP == 0:
                if cancelled():
                    raise Cancelled
                on_progress(number / board.frames)
            frame.pts, frame.time_base, frame.pict_type = number, TICK, PictureType.NONE
            container.mux(video.encode(frame))
            while heard_s <= number / FPS and (packet := next(sound, None)) is not None:
                heard_s = float((packet.pts or 0) * (packet.time_base or 0))
                container.mux(packet)
        container.mux(video.encode(None))
        for packet in sound:
            container.mux(packet)


def _sound(audio: AudioStream | None, board: Storyboard) -> Generator[Packet[AudioStream], None, None]:
    """The sound bed, encoded; nothing for a silent film."""
    if audio is not None:
        for frame in sound_bed(board):
            yield from audio.encode(frame)
        yield from audio.encode(None)


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
    flat = image if image.mode == "RGBA" else image.convert("RGBA")
    frame = VideoFrame.from_bytes(flat.tobytes(), image.width, image.height)
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
