"""What can be wrong with a document: values of every kind where they do not belong, and fields that are missing, added
or somewhere else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

Path = tuple[str | int, ...]

NASTY_TEXTS = (
    "", " ", "\n", "\x00", "a\x00b", "\x1b[2J\x07", "\x7f\x9b31m", "\ud800", "\udfff x", "\ud83d", "\U0001f98a",
    "👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪 👍🏽", "\u202ecod.exe\u202c", "\u2066$0.00\u2069", "\u200b\u200d\ufeff",
    "Z̸̢̛a̵l̷g̶o̴" + "\u0301" * 300,
    "ﷺ" * 50, "ß İ ı ſ ŉ Ω K", "١٢٣ ۴۵ १२ ²³ ① Ⅷ ½", "日本語のきつね", "לְשָׁלוֹם مرحبا", "\u2028\u2029\x85\x0b\x0c",
    "\U0010ffff\uffff\ufdd0",
    "\ue000\U000f0000", "<@U0BOT>", "<!channel> <@U1|x>", "<@" * 200, "&lt;@U1&gt;", "<https://x|<@U1>>", "@reelbot",
    "@reelbot" * 100, "/video", "/video@reelbot", "/" + "a" * 40, "*_`~[]()>#+-=|{}.!\\", "<b>&amp;</b>", "{0}{id}%s%n",
    "${jndi:ldap://x}", "'; DROP TABLE inbox; --", "../../etc/passwd", "null", "true", "-0", "1e999", "9" * 5_000,
    "a" * 70_000, "🦊" * 9_000, "<" * 9_000, "https://" * 2_000, ":" * 9_000, "1.16:9", "v1", "v" + "9" * 30, "yes",
    "make:1:1",
)  # fmt: skip
NASTY_NUMBERS = (
    0, 1, -1, 2, 7, 255, 256, 4_096, 2**31 - 1, 2**31, -(2**31), 2**32, 2**53, 2**53 + 1, 2**62, 2**63 - 1, 2**63,
    -(2**63), -(2**63) - 1, 2**64, 10**30, -(10**40), 10**400, 1_795_000_000, 253_402_300_799, 253_402_300_800,
    -62_135_596_800, -62_135_596_801,
)  # fmt: skip
NASTY_FLOATS = (0.0, -0.0, 0.1, 1e308, -1e308, 5e-324, float("inf"), float("-inf"), float("nan"), 1.0, 1_795_000_000.5)

any_text = st.sampled_from(NASTY_TEXTS) | st.text(st.characters(exclude_categories=()), max_size=12)
"""Texts with characters of every category, lone surrogates as well."""


def nested(depth: int, *, objects: bool) -> Any:
    """A document that goes so deep."""
    inner: Any = 0
    for _ in range(depth):
        inner = {"a": inner} if objects else [inner]
    return inner


_leaves = (
    st.none()
    | st.booleans()
    | st.sampled_from(NASTY_NUMBERS)
    | st.integers()
    | st.sampled_from(NASTY_FLOATS)
    | any_text
)
any_value: st.SearchStrategy[Any] = (
    _leaves
    | st.sampled_from([nested(90, objects=True), nested(90, objects=False), {}, [], [None], [{}], [[]], {"": ""}])
    | st.recursive(
        _leaves,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["id", "type", "text", ""]), inner, max_size=3)
        ),
        max_leaves=4,
    )
)
"""Any JSON, and what JSON itself does not have but its readers take."""


def paths(value: Any, path: Path = (), *, deep: int = 8) -> list[Path]:
    """Every place in a document, the whole of it first."""
    found = [path]
    pairs: Sequence[tuple[str | int, Any]] = ()
    if deep and isinstance(value, Mapping):
        pairs = list(value.items())
    elif deep and isinstance(value, list):
        pairs = list(enumerate(value))
    for name, inner in pairs:
        found += paths(inner, (*path, name), deep=deep - 1)
    return found


def at(value: Any, path: Path) -> Any:
    """What stands in that place."""
    for name in path:
        value = value[name]
    return value


def put(value: Any, path: Path, new: Any) -> Any:
    """The document with something else in that place."""
    if not path:
        return new
    copy: Any = dict(value) if isinstance(value, Mapping) else list(value)
    copy[path[0]] = put(value[path[0]], path[1:], new)
    return copy


def without(value: Any, path: Path) -> Any:
    """The document without what stands in that place."""
    if not path:
        return None
    rest = at(value, path[:-1])
    if isinstance(rest, Mapping):
        return put(value, path[:-1], {name: inner for name, inner in rest.items() if name != path[-1]})
    return put(value, path[:-1], [inner for place, inner in enumerate(rest) if place != path[-1]])


@st.composite
def damaged(draw: st.DrawFn, valid: st.SearchStrategy[Any], most: int = 3) -> Any:
    """A document with up to `most` injuries; half of all have none."""
    value = draw(valid)
    for _ in range(max(0, draw(st.integers(-most, most)))):
        places = paths(value)
        path = places[draw(st.integers(0, len(places) - 1))]
        kind = draw(st.sampled_from(["replace", "replace", "remove", "add", "move"]))
        if kind == "remove":
            value = without(value, path)
        elif kind == "move":
            value = put(value, path, at(value, places[draw(st.integers(0, len(places) - 1))]))
        elif kind == "add" and isinstance(target := at(value, path), Mapping):
            name = draw(st.sampled_from(["", "id", "unknown", "\ud800", "text", "from", "message"]))
            value = put(value, path, {**target, name: draw(any_value)})
        else:
            value = put(value, path, draw(any_value))
    return value
