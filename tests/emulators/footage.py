"""Real video files for tests: H.264 with AAC, moving and colourful, or broken on purpose.

Every set of arguments is encoded once and kept in the machine's temporary folder, so that hundreds of tests
cost one encoding. What a service answers with them is left to the emulators.
"""

import hashlib
import os
import shutil
import tempfile
from fractions import Fraction
from pathlib import Path

import av
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.frame import PictureType

FORMAT = 1
"""Goes up when the same arguments shall give another picture, so that no kept file is taken for it."""

SAMPLE_RATE = 48_000
"""Of the sound, in hertz."""


def make_footage(
    path: Path,
    *,
    seconds: float,
    width: int,
    height: int,
    fps: int = 24,
    audio: bool = True,
    silent: bool = False,
    black: bool = False,
    frozen: bool = False,
    seed: int = 0,
) -> Path:
    """Write an mp4 to `path` and return it.

    seconds: length of picture and sound, exact to one frame
    width, height: pixels, both even
    audio: whether there is a sound track at all
    silent: the sound track holds digital silence instead of a tone
    black: every frame is black
    frozen: every frame is the same
    seed: another seed gives another picture and tone, and so other bytes
    Raises ValueError for a size that H.264 with 4:2:0 colour cannot hold, or less than one frame.
    """
    if width % 2 or height % 2 or width < 16 or height < 16:
        raise ValueError(f"{width}x{height}: width and height must be even and at least 16")
    frames = round(seconds * fps)
    if frames < 1:
        raise ValueError(f"{seconds} s at {fps} frames a second is less than one frame")
    key = repr((FORMAT, av.__version__, seconds, width, height, fps, audio, silent, black, frozen, seed))
    kept = _shelf() / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.mp4"
    if not kept.exists():
        handle, unfinished = tempfile.mkstemp(dir=kept.parent, suffix=".part")
        os.close(handle)
        try:
            with av.open(unfinished, "w", format="mp4", options={"movflags": "faststart"}) as output:
                picture = _picture(width, height, fps, black=black, frozen=frozen, seed=seed)
                tone = _tone(silent=silent, seed=seed) if audio else None
                still = black or frozen
                _encode(output, picture, tone, frames=frames, fps=fps, size=(width, height), still=still)
            Path(unfinished).replace(kept)  # at once, since other test processes look for the same file
        finally:
            Path(unfinished).unlink(missing_ok=True)
    shutil.copyfile(kept, path)  # no link: what a test does to its copy must not reach the kept one
    return path


def _shelf() -> Path:
    owner = os.getuid() if hasattr(os, "getuid") else 0
    shelf = Path(tempfile.gettempdir()) / f"reelbot-footage-{owner}"
    shelf.mkdir(mode=0o700, exist_ok=True)
    return shelf


def _linked(graph: Graph, *steps: tuple[str, str | None]) -> Graph:
    """A graph of the named filters one after the other, ready to be pulled."""
    chain: list[FilterContext] = [graph.add(name, options) for name, options in steps]
    chain.append(graph.add("abuffersink" if steps[-1][0] == "aformat" else "buffersink"))
    graph.link_nodes(*chain).configure()
    return graph


def _picture(width: int, height: int, fps: int, *, black: bool, frozen: bool, seed: int) -> Graph:
    size = f"size={width}x{height}:rate={fps}"
    if black:
        return _linked(Graph(), ("color", f"color=black:{size}"), ("format", "pix_fmts=yuv420p"))
    colour = hashlib.sha256(f"colour {seed}".encode()).hexdigest()[:6]
    steps: list[tuple[str, str | None]] = [
        ("smptehdbars", size),
        ("drawbox", f"x=iw/3:y=ih/3:w=iw/3:h=ih/3:color=0x{colour}:thickness=fill"),
        ("format", "pix_fmts=yuv420p"),
    ]
    if not frozen:
        # The test card stands still; scrolling moves every part of every frame.
        steps.append(("scroll", "horizontal=0.0125:vertical=0.01"))
    return _linked(Graph(), *steps)


def _tone(*, silent: bool, seed: int) -> Graph:
    if silent:
        source = ("anullsrc", f"sample_rate={SAMPLE_RATE}:channel_layout=stereo")
    else:
        source = ("sine", f"frequency={220 + 40 * (seed % 16)}:sample_rate={SAMPLE_RATE}")
    return _linked(
        Graph(),
        source,
        ("asetnsamples", "nb_out_samples=1024"),
        ("aformat", f"sample_fmts=fltp:channel_layouts=stereo:sample_rates={SAMPLE_RATE}"),
    )


def _encode(
    output: av.container.OutputContainer,
    picture: Graph,
    tone: Graph | None,
    *,
    frames: int,
    fps: int,
    size: tuple[int, int],
    still: bool,
) -> None:
    video = output.add_stream("libx264", rate=fps, options={"preset": "ultrafast", "crf": "30"})
    video.width, video.height = size
    video.pix_fmt = "yuv420p"
    video.time_base = Fraction(1, fps)
    video.codec_context.thread_count = 2
    sound = None if tone is None else output.add_stream("aac", rate=SAMPLE_RATE, layout="stereo")
    heard = 0
    frame = picture.vpull()
    for index in range(frames):
        if index and not still:
            frame = picture.vpull()
        frame.pts, frame.time_base = index, Fraction(1, fps)
        frame.pict_type = PictureType.NONE  # the source marks all its frames as key frames
        output.mux(video.encode(frame))
        while sound is not None and tone is not None and heard < (index + 1) * SAMPLE_RATE // fps:
            block = tone.pull()
            if not isinstance(block, av.AudioFrame):
                raise TypeError("the sound graph gave a picture")
            heard += block.samples
            output.mux(sound.encode(block))
    output.mux(video.encode(None))
    if sound is not None:
        output.mux(sound.encode(None))
