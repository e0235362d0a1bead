"""What a catalogue's entries must look like, checked on what was read from TOML, one entry at a time.

Making models and prices of the entries, and laying an admin's file over ours, is `core.catalogue`'s work.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

from core.errors import PermanentError
from core.money import MICROS_PER_DOLLAR, Micros
from core.request import RESOLUTIONS, Tier

MOST_PER_SECOND = 100
"""Dollars a second of video above which a price is taken for a slip of the pen."""
MOST_PER_MILLION = 10_000
"""The same for a million tokens."""
LONGEST_S = 3_600
"""The same for a clip, in seconds."""

Entry = Mapping[str, Any]

_VIDEO = {
    "id": str,
    "provider": str,
    "name": str,
    "aspects": list,
    "price_per_second": dict,
    "silent": bool,
    "first_frame": bool,
    "last_frame": bool,
    "references": int,
    "negative_prompt": bool,
    "expected_s": list,
    "orders_per_minute": int,
    "valid_from": date,
}
_VIDEO_MORE = {
    "durations": list,
    "longest_s": int,
    "clips": int,
    "tier": str,
    "default_resolution": str,
    "tiers": dict,
    "durations_with_first_frame": list,
    "durations_with_references": list,
    "valid_to": date,
}
_DIALOGUE = {"id": str, "input": (str, int, Decimal), "output": (str, int, Decimal), "valid_from": date}
_TYPES = {str: "text", list: "a list", dict: "a table", bool: "true or false", int: "a whole number", date: "a date"}
_ASPECT = re.compile(r"[1-9][0-9]?:[1-9][0-9]?", re.ASCII)


class CatalogueError(PermanentError):
    """The catalogue makes no sense."""


def micros(amount: object) -> Micros:
    """A price in dollars (text or number) in micros; raises ValueError that says what is wrong with it."""
    try:
        dollars = Decimal(amount) if isinstance(amount, (str, int, Decimal)) and amount is not True else None
    except InvalidOperation:
        dollars = None
    if dollars is None or isinstance(amount, bool) or not dollars.is_finite():
        raise ValueError('is not an amount of dollars such as "0.07"')
    if dollars < 0:
        raise ValueError("is below zero")
    # Checked before it is multiplied: with a huge exponent that would raise.
    if dollars > 10**9 or (parts := dollars * MICROS_PER_DOLLAR) != int(parts):
        raise ValueError("is not an amount in whole millionths of a dollar")
    return int(parts)


def entry_name(kind: str, entry: Entry) -> str:
    """How an entry is called in a sentence: "video gemini-omni-1.2-flash from 2026-01-01"."""
    since = f" from {entry['valid_from']}" if "valid_from" in entry else ""
    return f"{kind} {entry.get('id', 'without an id')}{since}"


def check_video(entry: Entry, providers: Iterable[str]) -> None:
    """Raises CatalogueError, without the entry's name, when a video model's entry makes no sense."""
    _keys(entry, _VIDEO, _VIDEO_MORE)
    if entry["provider"] not in set(providers):
        raise CatalogueError(f"there is no provider “{entry['provider']}”; there are {_listed(providers)}")
    if not entry["name"].strip():
        raise CatalogueError("name is empty")
    _prices(entry["price_per_second"])
    _tiers(entry)
    if ("durations" in entry) == ("longest_s" in entry):
        raise CatalogueError("it needs either durations, or longest_s for every whole second up to that")
    if not 1 <= entry.get("longest_s", 1) <= LONGEST_S:
        raise CatalogueError(f"longest_s is not a number of seconds from 1 to {LONGEST_S}")
    for name in ("durations", "durations_with_first_frame", "durations_with_references"):
        if name in entry:
            _check_lengths(name, entry[name])
    aspects = entry["aspects"]
    if not aspects or not all(isinstance(aspect, str) and _ASPECT.fullmatch(aspect) for aspect in aspects):
        raise CatalogueError('aspects is not a list of shapes such as "16:9"')
    if not 0 <= entry["references"] <= 100:
        raise CatalogueError("references is not a number of pictures")
    if not 0 <= entry.get("clips", 0) <= 100:
        raise CatalogueError("clips is not a number of clips")
    expected = entry["expected_s"]
    numbers = all(isinstance(one, (int, Decimal)) and not isinstance(one, bool) for one in expected)
    if len(expected) != 2 or not numbers or not 0 < expected[0] <= expected[1] <= 86_400:
        raise CatalogueError("expected_s is not [median, 90th percentile] in seconds")
    if entry["orders_per_minute"] < 1:
        raise CatalogueError("orders_per_minute is below 1")
    _window(entry)


def check_dialogue(entry: Entry) -> None:
    """Raises CatalogueError, without the entry's name, when a dialogue model's entry makes no sense."""
    _keys(entry, _DIALOGUE, {"valid_to": date})
    for name in ("input", "output"):
        _price(name, entry[name], MOST_PER_MILLION)
    _window(entry)


def check_windows(kind: str, entries: Sequence[Entry]) -> None:
    """Raises CatalogueError when two entries of one id are valid on the same day."""
    by_id: dict[str, list[Entry]] = {}
    for entry in entries:
        by_id.setdefault(entry["id"], []).append(entry)
    for same in by_id.values():
        for earlier, later in pairwise(sorted(same, key=lambda entry: entry["valid_from"])):
            end = earlier.get("valid_to")
            if end is None or end > later["valid_from"]:
                until = f"is valid until {end}" if end else "has no valid_to"
                raise CatalogueError(
                    f"{entry_name(kind, later)}: it overlaps the entry from {earlier['valid_from']}, which {until}. "
                    "Write that one too, with a valid_to no later than this one's valid_from"
                )


def check_keys(known: Iterable[str], found: Iterable[str]) -> None:
    """Raises CatalogueError for a key that nobody reads."""
    unknown = sorted(set(found) - set(known))
    if unknown:
        raise CatalogueError(f"there is no key “{unknown[0]}”; there are {_listed(known)}")


def _keys(entry: Entry, needed: Mapping[str, Any], more: Mapping[str, Any]) -> None:
    check_keys([*needed, *more], entry)
    for name in needed:
        if name not in entry:
            raise CatalogueError(f"{name} is missing")
    for name, value in entry.items():
        kind = needed.get(name) or more[name]
        # A bool is an int and a time is a date to Python, but not to whoever wrote the file.
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool) or isinstance(value, datetime):
            raise CatalogueError(f"{name} is not {_TYPES.get(kind, 'an amount of dollars')}")
    if not entry["id"].strip():
        raise CatalogueError("id is empty")


def _price(name: str, amount: object, most: int) -> None:
    try:
        price = micros(amount)
    except ValueError as error:
        raise CatalogueError(f"{name}: “{amount}” {error}") from error
    if price > most * MICROS_PER_DOLLAR:
        raise CatalogueError(f"{name}: “{amount}” is more than {most} dollars, which nobody can mean")


def _prices(prices: Entry) -> None:
    if not prices:
        raise CatalogueError("price_per_second has no prices")
    for resolution, amount in prices.items():
        if resolution not in RESOLUTIONS:
            raise CatalogueError(f"there is no resolution “{resolution}”; there are {_listed(RESOLUTIONS)}")
        _price(f"price_per_second of {resolution}", amount, MOST_PER_SECOND)


def _tiers(entry: Entry) -> None:
    single = [name for name in ("tier", "default_resolution") if name in entry]
    if ("tiers" in entry) == bool(single) or len(single) == 1 or entry.get("tiers") == {}:
        raise CatalogueError("it needs either tiers, or tier and default_resolution")
    tiers = entry.get("tiers") or {entry["tier"]: entry["default_resolution"]}
    for tier, resolution in tiers.items():
        if tier not in set(Tier):
            raise CatalogueError(f"there is no tier “{tier}”; there are {_listed(Tier)}")
        if resolution not in entry["price_per_second"]:
            raise CatalogueError(f"the tier {tier} has the resolution “{resolution}”, which has no price")


def _check_lengths(name: str, lengths: Sequence[Any]) -> None:
    whole = all(isinstance(length, int) and not isinstance(length, bool) for length in lengths)
    if not lengths or not whole or min(lengths) < 1 or max(lengths) > LONGEST_S:
        raise CatalogueError(f"{name} is not a list of whole seconds from 1 to {LONGEST_S}")
    if any(later <= earlier for earlier, later in pairwise(lengths)):
        raise CatalogueError(f"{name} does not rise: {_listed(map(str, lengths))}")


def _window(entry: Entry) -> None:
    if "valid_to" in entry and entry["valid_to"] <= entry["valid_from"]:
        raise CatalogueError("valid_to, the first day without it, is not after valid_from")


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)
