"""What can be ordered: models, their limits and their prices, read from `catalogue.toml`.

Buttons, validation and prices all come from here, so that nothing is ever offered that the chosen model cannot do.
Entries are dated: a model whose price or limits change has several, one after the other, and the one of today is
offered. An admin's file may be laid over ours. Choosing among the models for one request is `core.planning`'s work,
leaving out what an admin does not allow is `core.allowance`'s, and what an entry must look like is told in
`core.catalogue_checks`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from core.catalogue_checks import Entry, micros
from core.catalogue_entries import Entries, entries_of, merged_entries
from core.money import Micros
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
    clips: int
    """How many finished clips it joins; it does nothing else then. 0 for a model that films."""
    expected_s: tuple[float, float]
    """Median and 90th percentile of the time a clip takes, in seconds, until there is history."""
    orders_per_minute: int
    valid_from: date
    valid_to: date | None
    """First day, in UTC, on which it cannot be ordered any more, or not like this."""
    dearest: Micros | None = None
    """The most that one clip may cost here; None: whatever it costs."""
    whole: VideoModel | None = None
    """The model as the catalogue has it, where an admin allows less of it."""

    @property
    def ends_at(self) -> datetime | None:
        """When this entry's prices and limits end."""
        return None if self.valid_to is None else datetime.combine(self.valid_to, time(), UTC)

    @property
    def every_length(self) -> tuple[int, ...]:
        """Every length in seconds that it makes, whatever pictures there are; rising."""
        return tuple(sorted({*self.durations, *self.durations_with_first_frame, *self.durations_with_references}))

    @property
    def resolutions(self) -> tuple[str, ...]:
        """What can be asked for, from small to large."""
        return tuple(self.price_per_second)

    def lengths(self, request: VideoRequest, resolution: str = "") -> tuple[int, ...]:
        """The lengths in seconds that are possible with the pictures the request brings, in this resolution or else in
        any; raises KeyError for a resolution the model does not have."""
        if request.edit is not None:
            lengths = tuple(length for length in self.durations if length == request.edit.seconds)
        elif request.references:
            lengths = self.durations_with_references
        elif request.first_frame or request.last_frame:
            lengths = self.durations_with_first_frame
        else:
            lengths = self.durations
        if self.dearest is None:
            return lengths
        rate = self.price_per_second[resolution] if resolution else min(self.price_per_second.values())
        return tuple(length for length in lengths if rate * length <= self.dearest)

    def price(self, duration_s: int, resolution: str) -> Micros:
        """What one clip costs; raises KeyError for a resolution the model does not have."""
        return self.price_per_second[resolution] * duration_s

    def takes(self, request: VideoRequest) -> bool:
        """Whether it can use all the pictures, or all the clips, that the request brings."""
        return bool(
            bool(self.clips) == bool(request.parts)
            and self.clips >= len(request.parts)
            and (self.first_frame or request.first_frame is None)
            and (self.last_frame or request.last_frame is None)
            and self.references >= len(request.references)
            and self.lengths(request)
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
    former: tuple[VideoModel, ...] = ()
    """Taken away by the admin: never offered, and still known for what was ordered of them."""

    def offered(self, providers: Iterable[str], now: datetime) -> tuple[VideoModel, ...]:
        """The models of these providers that can be ordered today, the preferred provider's first."""
        order = {name: place for place, name in enumerate(providers)}
        living = [m for m in self.video if m.provider in order and _valid(m.valid_from, m.valid_to, _day(now))]
        return tuple(sorted(living, key=lambda m: order[m.provider]))

    def model(self, model_id: str, at: datetime | None = None) -> VideoModel:
        """The model with this id, also when it is retired: as it was `at` that time (the entry of that day, else the
        last before it, else the first), or its last entry. Raises KeyError when there is none."""
        named = [model for model in self.video if model.id == model_id]
        named = named or [model for model in self.former if model.id == model_id]
        if not named:
            raise KeyError(model_id)
        named.sort(key=lambda model: model.valid_from)
        begun = [model for model in named if at is None or model.valid_from <= _day(at)]
        return begun[-1] if begun else named[0]

    def orders_per_minute(self, now: datetime) -> Mapping[str, int]:
        """How many orders a minute each model's service takes now, by model id."""
        return {model.id: self.model(model.id, now).orders_per_minute for model in (*self.former, *self.video)}

    def dialogue_cost(self, model_id: str, tokens_in: int, tokens_out: int, now: datetime) -> Micros:
        """What a call of a dialogue model costs, rounded up; 0 for a model without a price."""
        for price in self.dialogue:
            if price.id == model_id and _valid(price.valid_from, price.valid_to, _day(now)):
                total = tokens_in * price.input_per_million + tokens_out * price.output_per_million
                return -(-total // 1_000_000)
        return 0


def _valid(start: date, end: date | None, day: date) -> bool:
    return start <= day and (end is None or day < end)


def _day(now: datetime) -> date:
    """The day by which prices go: UTC's, wherever the clock's owner lives."""
    return now.astimezone(UTC).date()


def _video(entry: Entry) -> VideoModel:
    prices = {resolution: micros(price) for resolution, price in entry["price_per_second"].items()}
    tiers = entry.get("tiers") or {entry["tier"]: entry["default_resolution"]}
    durations = tuple(entry["durations"] if "durations" in entry else range(1, entry["longest_s"] + 1))
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
        clips=entry.get("clips", 0),
        expected_s=(float(entry["expected_s"][0]), float(entry["expected_s"][1])),
        orders_per_minute=entry["orders_per_minute"],
        valid_from=entry["valid_from"],
        valid_to=entry.get("valid_to"),
    )


def _dialogue(entry: Entry) -> DialogueModelPrice:
    return DialogueModelPrice(
        id=entry["id"],
        input_per_million=micros(entry["input"]),
        output_per_million=micros(entry["output"]),
        valid_from=entry["valid_from"],
        valid_to=entry.get("valid_to"),
    )


def load_catalogue(text: str | None = None) -> Catalogue:
    """The catalogue in TOML `text`, or the one that comes with the program; raises CatalogueError."""
    return _catalogue(entries_of(text))


def merged_catalogue(text: str, source: str) -> Catalogue:
    """Our catalogue with an admin's, in TOML `text`, laid over it; `source` is what errors call it.

    Raises CatalogueError with what is wrong, and where."""
    return _catalogue(merged_entries(text, source))


def _catalogue(entries: Entries) -> Catalogue:
    return Catalogue(
        video=tuple(_video(entry) for entry in entries.video),
        dialogue=tuple(_dialogue(entry) for entry in entries.dialogue),
        guides=entries.guides,
        former=tuple(_video(entry) for entry in entries.former),
    )
