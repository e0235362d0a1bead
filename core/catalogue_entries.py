"""The entries of the catalogue as they are written: read from TOML, checked, and an admin's laid over ours.

What one entry must look like is told in `core.catalogue_checks`; models and prices are made of them in
`core.catalogue`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib import resources
from typing import Any

from core.catalogue_checks import (
    CatalogueError,
    Entry,
    check_dialogue,
    check_keys,
    check_video,
    check_windows,
    entry_name,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """Everything in a catalogue, checked."""

    video: Sequence[Entry]
    dialogue: Sequence[Entry]
    former: Sequence[Entry] = ()
    """Video models that an admin took away."""
    guides: Mapping[str, str]
    """How a provider's models want their prompts, by provider."""


def entries_of(text: str | None = None) -> Entries:
    """The entries in TOML `text`, or those that come with the program; raises CatalogueError."""
    source = "catalogue.toml" if text is None else "the catalogue"
    data = _parsed(_ours() if text is None else text, source)
    guides = _guides(data, source)
    found = _checked(data, source, guides)
    return Entries(video=found["video"], dialogue=found["dialogue"], guides=guides)


def merged_entries(text: str, source: str) -> Entries:
    """Our entries with an admin's, in TOML `text`, laid over them; `source` is what errors call it.

    An entry with the same id and `valid_from` takes the place of ours, others are added, and `[[remove]]` with an `id`
    takes away every entry of ours with that id. Raises CatalogueError with what is wrong, and where."""
    base = entries_of()
    data = _parsed(text, source)
    theirs = _checked(data, source, base.guides)
    removed = _removed(data, source, {entry["id"] for entry in (*base.video, *base.dialogue)})
    merged = {}
    for kind, ours in (("video", base.video), ("dialogue", base.dialogue)):
        kept = {_key(entry): entry for entry in ours if entry["id"] not in removed}
        merged[kind] = [*(kept | {_key(entry): entry for entry in theirs[kind]}).values()]
        _windows(kind, merged[kind], source)
    guides = _guides(data, source)
    strange = sorted(guides.keys() - base.guides.keys())
    if strange:
        raise CatalogueError(f"{source}: guides: there is no provider “{strange[0]}”")
    return Entries(
        video=merged["video"],
        dialogue=merged["dialogue"],
        former=[entry for entry in base.video if entry["id"] in removed],
        guides={**base.guides, **guides},
    )


def _ours() -> str:
    return resources.files("core").joinpath("catalogue.toml").read_text("utf-8")


def _parsed(text: str, source: str) -> Mapping[str, Any]:
    try:
        # A price written without quotes stays the number that was written.
        return tomllib.loads(text, parse_float=Decimal)
    except (tomllib.TOMLDecodeError, ArithmeticError) as error:
        raise CatalogueError(f"{source}: it is not TOML: {error}") from error


def _checked(data: Mapping[str, Any], source: str, providers: Iterable[str]) -> Mapping[str, Sequence[Entry]]:
    """The entries by kind, each good by itself and none in another's way."""
    try:
        check_keys(("checked", "video", "dialogue", "remove", "guides"), data)
    except CatalogueError as error:
        raise CatalogueError(f"{source}: {error}") from error
    found: dict[str, Sequence[Entry]] = {}
    for kind in ("video", "dialogue"):
        found[kind] = _tables(data, kind, source)
        for entry in found[kind]:
            try:
                if kind == "video":
                    check_video(entry, providers)
                else:
                    check_dialogue(entry)
            except CatalogueError as error:
                raise CatalogueError(f"{source}: {entry_name(kind, entry)}: {error}") from error
        _windows(kind, found[kind], source)
    return found


def _windows(kind: str, entries: Sequence[Entry], source: str) -> None:
    try:
        check_windows(kind, entries)
    except CatalogueError as error:
        raise CatalogueError(f"{source}: {error}") from error


def _removed(data: Mapping[str, Any], source: str, known: Iterable[str]) -> frozenset[str]:
    removed = _tables(data, "remove", source)
    for entry in removed:
        if entry.keys() != {"id"} or entry["id"] not in [*known]:
            raise CatalogueError(
                f"{source}: {entry_name('remove', entry)}: it takes the id of a model in our catalogue"
            )
    return frozenset(entry["id"] for entry in removed)


def _tables(data: Mapping[str, Any], kind: str, source: str) -> Sequence[Entry]:
    found = data.get(kind, [])
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise CatalogueError(f"{source}: {kind} is written as [[{kind}]]")
    return found


def _guides(data: Mapping[str, Any], source: str) -> Mapping[str, str]:
    found = data.get("guides", {})
    if not isinstance(found, dict) or not all(isinstance(guide, str) for guide in found.values()):
        raise CatalogueError(f"{source}: guides is written as [guides], with a text for each provider")
    return found


def _key(entry: Entry) -> tuple[str, date]:
    return entry["id"], entry["valid_from"]
