"""Which models, qualities, lengths and prices an admin allows, laid over what the catalogue has. Pure.

A model is cut down to what is allowed before anything else sees it, so that buttons, forms and plans offer nothing
else. What is said about a wish beyond it is `core.planning`'s work.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from core.catalogue import VideoModel
from core.money import Micros
from core.request import RESOLUTIONS, Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What may be ordered; by default everything."""

    models: frozenset[str] = frozenset()
    """Ids of the models; empty for all."""
    tiers: frozenset[Tier] = frozenset()
    """Empty for all."""
    longest_s: int | None = None
    """The longest clip, in seconds."""
    dearest: Micros | None = None
    """The most that one clip may cost."""

    def of(self, models: Iterable[VideoModel]) -> tuple[VideoModel, ...]:
        """What is left of these models, in the same order."""
        return tuple(left for model in models if (left := self._cut(model)) is not None)

    def _cut(self, model: VideoModel) -> VideoModel | None:
        if self == Allowance():
            return model
        if self.models and model.id not in self.models:
            return None
        if model.clips:
            # It makes nothing longer or better than what was allowed before; only what it costs can be too much.
            return replace(model, dearest=self.dearest, whole=model)
        lengths = self._short(model.every_length)
        prices = {
            resolution: price
            for resolution, price in model.price_per_second.items()
            if lengths and (self.dearest is None or price * lengths[0] <= self.dearest)
        }
        tiers = {tier: own for tier, own in model.tiers.items() if not self.tiers or tier in self.tiers}
        if not tiers or not prices:
            return None
        ceiling = max(map(RESOLUTIONS.index, tiers.values()))
        if any(RESOLUTIONS.index(own) > ceiling for own in model.tiers.values()):
            # Or the quality that is not allowed could be had by asking for its size.
            prices = {size: price for size, price in prices.items() if RESOLUTIONS.index(size) <= ceiling}
        affordable = {tier: own for tier, own in tiers.items() if own in prices}
        if not affordable and prices and len(model.tiers) == 1:
            # Its one quality, in the largest size that may be paid for. (With several, a smaller size is another one.)
            affordable = dict.fromkeys(tiers, list(prices)[-1])
        if not affordable:
            return None
        return replace(
            model,
            tiers=affordable,
            durations=self._short(model.durations),
            durations_with_first_frame=self._short(model.durations_with_first_frame),
            durations_with_references=self._short(model.durations_with_references),
            price_per_second=prices,
            dearest=self.dearest,
            whole=model,
        )

    def _short(self, lengths: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(length for length in lengths if self.longest_s is None or length <= self.longest_s)
