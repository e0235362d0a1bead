"""How loud a clip's sound gets: its loudest sample, found a block at a time."""

from __future__ import annotations

from math import log10
from typing import cast

from av import AudioResampler
from av.audio.frame import AudioFrame
from PIL import Image

NO_SIGNAL_DB = -120.0
"""The level given for a track of nothing but zeros, and for what is softer."""


class Peak:
    """The loudest sample of the frames it hears."""

    def __init__(self) -> None:
        self._loudest = 0.0
        self._resampler: AudioResampler | None = None

    def hear(self, frame: AudioFrame) -> None:
        """Take a frame into account, in whatever form it is."""
        if frame.format.name == "fltp":
            self._take(frame)
            return
        if self._resampler is None:
            self._resampler = AudioResampler(format="fltp")
        for plain in self._resampler.resample(frame):
            self._take(plain)

    def _take(self, frame: AudioFrame) -> None:
        for channel in frame.planes:
            # A row of floating point pixels: Pillow finds its extremes without a Python number for each sample.
            row = Image.frombuffer("F", (frame.samples, 1), bytes(channel), "raw", "F", 0, 1)
            lowest, highest = cast(tuple[float, float], row.getextrema())
            self._loudest = max(self._loudest, highest, -lowest)

    @property
    def db(self) -> float:
        """In dB below full scale, at most 0: a decoder may overshoot, a loudspeaker cannot."""
        return max(NO_SIGNAL_DB, 20 * log10(min(self._loudest, 1.0))) if self._loudest else NO_SIGNAL_DB
