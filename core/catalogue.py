"""What can be ordered: models, their limits and their prices, read from `catalogue.toml`.

Buttons, validation and prices all come from here, so that nothing is ever offered that the chosen model cannot do.
Choosing among the models for one request is `core.planning`'s work.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from importlib import resources
from typing import Any

from core.money import MICROS_PER_DOLLAR, Micros
from core.request import RESOLUTIONS, Tier, VideoRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoModel:
    """One model of one provider and what it can do."""

    id: str
    provider: str
    name: str
    """What people read on the card."""
    tiers: Mapping[Tier, str]
    """The tiers this model serves, each with the resolution it has unless one is asked for."""
    durations: tuple[int, ...]
    """Lengths in whole seconds, rising."""
    durations_with_first_frame: tuple[int, ...]
    durations_with_references: tuple[int, ...]
    aspects: tuple[str, ...]
    price_per_second: Mapping[str, Micros]
    """By resolution, rising in size."""
    silent: bool
    """True when the model itself can leave out the sound."""
    first_frame: bool
    last_frame: bool
    references: int
    """How many reference images it takes."""
    negative_prompt: bool
    expected_s: tuple[float, float]
    """Median and 90th percentile of the time a clip takes, in seconds, until there is history."""
    orders_per_minute: int
    valid_from: date
    valid_to: date | None
    """First day on which it cannot be ordered any more."""

    @property
    def resolutions(self) -> tuple[str, ...]:
        """What can be asked for, from small to large."""
        return tuple(self.price_per_second)

    def lengths(self, request: VideoRequest) -> tuple[int, ...]:
        """The lengths in seconds that are possible with the pictures the request brings."""
        if request.references:
            return self.durations_with_references
        if request.first_frame or request.last_frame:
            return self.durations_with_first_frame
        return self.durations

    def price(self, duration_s: int, resolution: str) -> Micros:
        """What one clip costs; raises KeyError for a resolution the model does not have."""
        return self.price_per_second[resolution] * duration_s

    def takes(self, request: VideoRequest) -> bool:
        """Whether it can use all the pictures the request brings."""
        return (
            (self.first_frame or request.first_frame is None)
            and (self.last_frame or request.last_frame is None)
            and self.references >= len(request.references)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DialogueModelPrice:
    """What a dialogue model costs from one day to another."""

    id: str
    input_per_million: Micros
    output_per_million: Micros
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Everything that can be ordered or asked."""

    video: tuple[VideoModel, ...]
    dialogue: tuple[DialogueModelPrice, ...]
    guides: Mapping[str, str]
    """How a provider's models want their prompts, by provider."""

    def offered(self, providers: Iterable[str], now: datetime) -> tuple[VideoModel, ...]:
        """The models of these providers that can be ordered today, the preferred provider's first."""
        order = {name: place for place, name in enumerate(providers)}
        living = [m for m in self.video if m.provider in order and _valid(m.valid_from, m.valid_to, now.date())]
        return tuple(sorted(living, key=lambda m: order[m.provider]))

    def model(self, model_id: str) -> VideoModel:
        """The model with this id, also when it is retired; raises KeyError when there is none."""
        for model in self.video:
            if model.id == model_id:
                return model
        raise KeyError(model_id)

    def dialogue_cost(self, model_id: str, tokens_in: int, tokens_out: int, now: datetime) -> Micros:
        """What a call of a dialogue model costs, rounded up; 0 for a model without a price."""
        for price in self.dialogue:
            if price.id == model_id and _valid(price.valid_from, price.valid_to, now.date()):
                total = tokens_in * price.input_per_million + tokens_out * price.output_per_million
                return -(-total // 1_000_000)
        return 0


def _valid(start: date, end: date | None, day: date) -> bool:
    return start <= day and (end is None or day < end)


def _micros(amount: str) -> Micros:
    return int(Decimal(amount) * MICROS_PER_DOLLAR)


def _video(entry: Mapping[str, Any]) -> VideoModel:
    prices = {resolution: _micros(price) for resolution, price in entry["price_per_second"].items()}
    tiers = entry.get("tiers") or {entry["tier"]: entry["default_resolution"]}
    durations = tuple(entry["durations"])
    return VideoModel(
        id=entry["id"],
        provider=entry["provider"],
        name=entry["name"],
        tiers={Tier(tier): resolution for tier, resolution in tiers.items()},
        durations=durations,
        durations_with_first_frame=tuple(entry.get("durations_with_first_frame", durations)),
        durations_with_references=tuple(entry.get("durations_with_references", durations)),
        aspects=tuple(entry["aspects"]),
        price_per_second=dict(sorted(prices.items(), key=lambda item: RESOLUTIONS.index(item[0]))),
        silent=entry["silent"],
        first_frame=entry["first_frame"],
        last_frame=entry["last_frame"],
        references=entry["references"],
        negative_prompt=entry["negative_prompt"],
        expected_s=(entry["expected_s"][0], entry["expected_s"][1]),
        orders_per_minute=entry["orders_per_minute"],
        valid_from=entry["valid_from"],
        valid_to=entry.get("valid_to"),
    )


def _dialogue(entry: Mapping[str, Any]) -> DialogueModelPrice:
    return DialogueModelPrice(
        id=entry["id"],
        input_per_million=_micros(entry["input"]),
        output_per_million=_micros(entry["output"]),
        valid_from=entry["valid_from"],
        valid_to=entry.get("valid_to"),
    )


def load_catalogue(text: str | None = None) -> Catalogue:
    """The catalogue in TOML `text`, or the one that comes with the program."""
    if text is None:
        text = resources.files("core").joinpath("catalogue.toml").read_text("utf-8")
    data = tomllib.loads(text)
    return Catalogue(
        video=tuple(_video(entry) for entry in data["video"]),
        dialogue=tuple(_dialogue(entry) for entry in data["dialogue"]),
        guides=data["guides"],
    )
