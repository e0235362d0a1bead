"""SECURITY.md names the test that covers each threat: every test that it names is there."""

from __future__ import annotations

import ast
import functools
import re

from tests.security.dependencies import ROOT

NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
THREATS = (
    "webhook",
    "replay",
    "other people's buttons",
    "made up by hand",
    "path",
    "inside the network",
    "zip bomb",
    "lying",
    "decompression bomb",
    "spend",
    "reveal",
    "markup",
    "secrets",
    "other teams",
    "dependenc",
    "size",
)
"""What a line of the table has to speak about."""


def lines() -> list[str]:
    """The table's lines below its head."""
    text = (ROOT / "SECURITY.md").read_text("utf-8")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return rows[2:]


@functools.cache
def names_in(path: str) -> set[str]:
    module = ast.parse((ROOT / path).read_text("utf-8"))
    return {node.name for node in ast.walk(module) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}


def test_every_test_that_is_named_is_there() -> None:
    named = NAMED.findall((ROOT / "SECURITY.md").read_text("utf-8"))
    assert len(named) > 40
    missing = [f"{path}::{name}" for path, name in named if not (ROOT / path).is_file() or name not in names_in(path)]
    assert missing == []


def test_every_line_names_what_is_done_and_a_test() -> None:
    for line in lines():
        threat, done, covered = (cell.strip() for cell in line.strip("|").split("|"))
        assert threat and done
        assert NAMED.search(covered), line
        assert covered.count("::") == len(NAMED.findall(covered)), f"a name is misspelt: {covered}"


def test_every_threat_has_a_line() -> None:
    spoken = " ".join(lines()).lower()
    assert [threat for threat in THREATS if threat not in spoken] == []
