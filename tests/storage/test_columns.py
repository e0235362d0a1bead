"""Frozen values survive the way to the database and back, and what cannot be read is said so."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from sqlalchemy.dialects import sqlite

from core.conversation import Conversation, Turn
from core.errors import PermanentError
from core.generation import Generation
from core.messages import Message, Post, Press
from storage.columns import FrozenValue, Moment
from storage.tables import CONVERSATION, GENERATION, INCOMING, POST, TURN
from tests.storage.samples import a_generation

DIALECT = sqlite.dialect()
PLAIN_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
SIMPLE: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=8),
    int: st.integers(-(2**62), 2**62),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    datetime: st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)),
    Any: PLAIN_JSON,
    types.NoneType: st.none(),
}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Every value of a type that core's dataclasses are made of; new fields are covered by themselves."""
    if kind in SIMPLE:
        return SIMPLE[kind]
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return st.one_of([values(arg) for arg in args])
    if origin is tuple and args[-1] is Ellipsis:
        return st.lists(values(args[0]), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*(values(arg) for arg in args))
    if origin is frozenset:
        return st.frozensets(values(args[0]), max_size=2)
    if origin in (Mapping, dict):
        return st.dictionaries(values(args[0]), values(args[1]), max_size=2)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    assert isinstance(kind, type) and is_dataclass(kind), f"no strategy for {kind}"
    hints = get_type_hints(kind)
    return st.builds(kind, **{field.name: values(hints[field.name]) for field in fields(kind)})


@pytest.mark.parametrize(
    ("kind", "adapter"),
    [(Generation, GENERATION), (Conversation, CONVERSATION), (Turn, TURN), (Post, POST), (Message | Press, INCOMING)],
    ids=["generation", "conversation", "turn", "post", "incoming"],
)
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(data=st.data())
def test_every_value_comes_back_equal(data: st.DataObject, kind: Any, adapter: TypeAdapter[Any]) -> None:
    value = data.draw(values(kind))
    column = FrozenValue(adapter)
    back = column.process_result_value(column.process_bind_param(value, DIALECT), DIALECT)
    assert type(back) is type(value)
    assert back == value


def test_half_a_surrogate_pair_becomes_a_question_mark() -> None:
    column = FrozenValue(GENERATION)
    saved = column.process_bind_param(a_generation(prompt="a\ud83dz\x00"), DIALECT)
    assert column.process_result_value(saved, DIALECT) == a_generation(prompt="a?z\x00")


def test_an_unknown_format_is_named() -> None:
    with pytest.raises(PermanentError, match="format 2 and this Reelbot reads format 1"):
        FrozenValue(GENERATION).process_result_value('{"format":2,"value":{}}', DIALECT)


@pytest.mark.parametrize("text", ['{"format":1}', '{"format":1,"value":{"id":"x"}}', "{", "[]"])
def test_what_no_longer_fits_is_said_so(text: str) -> None:
    with pytest.raises(PermanentError, match="cannot be read"):
        FrozenValue(GENERATION).process_result_value(text, DIALECT)


def test_columns_do_not_share_cached_statements() -> None:
    assert FrozenValue(POST)._static_cache_key != FrozenValue(GENERATION)._static_cache_key
    assert FrozenValue(POST)._static_cache_key == FrozenValue(POST)._static_cache_key


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        Moment().process_bind_param(datetime(2026, 1, 1), DIALECT)
