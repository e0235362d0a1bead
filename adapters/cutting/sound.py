"""The sound of one clip in the film: 48 kHz, stereo, exactly as long as its pictures, without clicks at its ends."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from av.audio.frame import AudioFrame
from av.container import InputContainer
from av.filter import Graph
from av.filter.context import FilterContext

from adapters.cutting.cut import RATE

SOFT = 480
"""Samples over which a clip's sound comes and goes: a hundredth of a second, too short to be heard as a fade."""
FORM = f"sample_fmts=fltp:sample_rates={RATE}:channel_layouts=stereo"


def silence(samples: int) -> Iterator[AudioFrame]:
    """So many samples of nothing."""
    graph = Graph()
    first = graph.add("anullsrc", f"sample_rate={RATE}:channel_layout=stereo")
    yield from _pulled(_chained(graph, [first], samples))


def heard(container: InputContainer, samples: int) -> Iterator[AudioFrame]:
    """The clip's sound beside its pictures: cut or filled up with silence to so many samples; all silence where it has
    none."""
    if not container.streams.audio:
        yield from silence(samples)
        return
    stream = container.streams.audio[0]
    pictures = container.streams.video[0]
    graph: Graph | None = None
    for frame in container.decode(stream):
        if graph is None:
            graph = Graph()
            source = graph.add_abuffer(
                sample_rate=frame.sample_rate,
                format=frame.format.name,
                layout=frame.layout.name,
                time_base=frame.time_base or Fraction(1, frame.sample_rate),
            )
            # What begins after the pictures is preceded by silence, what begins before them is cut.
            aligned = graph.add("aresample", f"{RATE}:async=1:first_pts=0")
            soft_end = max(0, samples - SOFT)
            _chained(
                graph,
                [
                    source,
                    aligned,
                    graph.add("aformat", FORM),
                    graph.add("afade", f"t=in:ns={SOFT}"),
                    graph.add("apad", f"whole_len={samples}"),
                    graph.add("afade", f"t=out:ss={soft_end}:ns={SOFT}"),
                ],
                samples,
            )
        if frame.pts is not None and pictures.start_time and pictures.time_base and frame.time_base:
            frame.pts -= round(pictures.start_time * pictures.time_base / frame.time_base)
        try:
            graph.push(frame)
        except EOFError:
            break  # the rest of its sound has no pictures
        yield from _pulled(graph)
    if graph is None:
        yield from silence(samples)
        return
    graph.push(None)
    yield from _pulled(graph)


def _chained(graph: Graph, nodes: list[FilterContext], samples: int) -> Graph:
    ends = [graph.add("atrim", f"end_sample={samples}"), graph.add("aformat", FORM), graph.add("abuffersink")]
    graph.link_nodes(*nodes, *ends).configure()
    return graph


def _pulled(graph: Graph) -> Iterator[AudioFrame]:
    """What the filters have finished."""
    while True:
        try:
            frame = graph.pull()
        except (BlockingIOError, EOFError):
            return
        if isinstance(frame, AudioFrame):
            yield frame
