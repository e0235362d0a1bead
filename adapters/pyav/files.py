"""Opening clips and writing renditions: error mapping and files that appear whole or not at all."""

from __future__ import annotations

import errno
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import av.error
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from core.errors import TemporaryError, UnplayableClip

_DISK = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO, errno.EROFS})
"""What the system says when it is the disk's fault and not the clip's."""

TRUSTED = {"format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm", "protocol_whitelist": "file"}
"""What a clip may be. libav goes by a file's content, whatever its name: a few lines of text would be a playlist, whose
entries are other files of this machine, or addresses."""
MAX_PIXELS = 4_096 * 4_096
"""Of one frame: room for 4k in any shape, 50 MB when decoded; a header may promise anything."""


class Stopped(Exception):
    """The task that wanted the result was cancelled."""


@contextmanager
def opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The clip and its picture track, ready to be decoded; whatever libav finds wrong becomes `UnplayableClip`."""
    if not path.is_file():
        raise UnplayableClip("The file is not there.")
    try:
        with av.open(str(path), "r", options=TRUSTED) as container:
            stream = next((s for s in container.streams.video if not s.disposition & Disposition.attached_pic), None)
            # There is no context where libav has nothing to decode it with.
            if stream is None or (decoder := stream.codec_context) is None:
                raise UnplayableClip("The file has no picture track that can be shown.")
            if decoder.width * decoder.height > MAX_PIXELS:
                raise UnplayableClip("The pictures are larger than any clip's.")
            decoder.options = {"max_pixels": str(MAX_PIXELS)}
            stream.thread_type = "AUTO"
            yield container, stream
    except av.error.FFmpegError as error:
        if error.errno in _DISK:
            raise TemporaryError("The disk does not take the file; make room.") from error
        raise UnplayableClip("The file is not a video, is damaged, or is cut off.") from error


@contextmanager
def written_whole(destination: Path) -> Iterator[Path]:
    """A temporary name beside `destination`, renamed to it when the block ends well and removed when it does not.

    Raises TemporaryError when the disk does not take it."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    part = destination.with_name(f".{secrets.token_hex(6)}-{destination.name}.part")
    try:
        yield part
        part.replace(destination)
    except OSError as error:
        # libav's own errors are OSErrors as well; what they mean is `opened`'s to say.
        if isinstance(error, av.error.FFmpegError) or error.errno not in _DISK:
            raise
        raise TemporaryError("The disk does not take the file; make room.") from error
    finally:
        part.unlink(missing_ok=True)


def container_name(container: InputContainer) -> str:
    """The usual file name ending of the container's format."""
    names = container.format.name.split(",")
    if "mp4" in names:
        return "mov" if container.metadata.get("major_brand", "").strip() == "qt" else "mp4"
    return "webm" if "webm" in names else names[0]


def display_size(frame: VideoFrame, stream: VideoStream) -> tuple[int, int]:
    """Width and height as a player shows them: pixel aspect applied, then rotated."""
    pixel_aspect = stream.sample_aspect_ratio or Fraction(1)
    width, height = round(frame.width * (pixel_aspect or 1)), frame.height
    return (height, width) if frame.rotation % 180 else (width, height)


def seconds(value: int | None, time_base: Fraction | None) -> float:
    """A timestamp in seconds; 0 when there is none."""
    return float(value * time_base) if value is not None and time_base is not None else 0.0


def picture(frame: VideoFrame) -> Image.Image:
    """The frame as a Pillow picture: grey for a grey frame, else RGB."""
    mode, form, samples = ("L", "gray", 1) if frame.format.name == "gray" else ("RGB", "rgb24", 3)
    flat = frame.reformat(format=form)
    plane = flat.planes[0]
    return Image.frombuffer(
        mode, (flat.width, flat.height), bytes(plane), "raw", mode, plane.line_size or flat.width * samples, 1
    ).copy()
