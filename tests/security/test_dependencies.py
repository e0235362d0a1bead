"""What is installed is what was locked; and nothing in the program unpacks, unpickles, or runs what it was sent."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.security.dependencies import LOCKS, ROOT, pins, problems

PACKAGES = ("bot", "adapters", "core", "storage")
UNPACKERS = frozenset(
    {"zipfile", "tarfile", "gzip", "bz2", "lzma", "zipimport", "pickle", "marshal", "shelve", "dill", "xml", "yaml"}
)
RUNNERS = frozenset({"eval", "exec", "compile", "__import__"})


@functools.cache
def sources() -> tuple[tuple[Path, ast.Module], ...]:
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return tuple((path.relative_to(ROOT), ast.parse(path.read_text("utf-8"))) for path in paths)


def imported(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def called(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def test_every_dependency_is_pinned_with_hashes_and_its_licence_known() -> None:
    assert list(problems()) == []
    for name in LOCKS:
        assert len(pins(ROOT / name)) > 50


INDEX = "-".join(("index", "url"))  # apart, for whoever searches the repository for the real thing


@pytest.mark.parametrize(
    "line",
    [
        f"--{INDEX} https://elsewhere.example/simple",
        f"--extra-{INDEX} https://elsewhere.example",
        "--find-links /tmp",
        "-e .",
        "./wheel.whl",
        "git+https://example.com/x",
        "x @ https://example.com/x.whl",
        "x>=1",
        "x",
    ],
)
def test_a_lock_names_no_place_to_get_things_from(tmp_path: Path, line: str) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"x==1 \\\n    --hash=sha256:{'0' * 64}\n{line}\n")
    with pytest.raises(ValueError, match=r"requirements\.lock:3"):
        pins(lock)


def test_a_pin_without_a_hash_is_seen(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("x==1\n")
    assert [pin.hashes for pin in pins(lock)] == [0]


def test_installing_asks_for_hashes_everywhere() -> None:
    for name in ("Makefile", "Dockerfile"):
        for line in (ROOT / name).read_text("utf-8").splitlines():
            if ".lock" in line and ("pip install" in line or "$(PIP) -r" in line):
                assert "--require-hashes" in line or "$(PIP)" in line, line
    assert "--require-hashes" in (ROOT / "Makefile").read_text("utf-8")


def test_nothing_is_unpacked_or_unpickled() -> None:
    found = {str(path): names for path, module in sources() if (names := UNPACKERS & {*imported(module)})}
    assert found == {}
    calls = [(str(path), name) for path, module in sources() for name in called(module) if "unpack_archive" in name]
    assert calls == []


def test_nothing_that_was_sent_is_run() -> None:
    found = [(str(path), name) for path, module in sources() for name in called(module) if name in RUNNERS]
    assert found == []
    for path, module in sources():
        for node in ast.walk(module):
            if isinstance(node, ast.keyword) and node.arg == "shell":
                raise AssertionError(f"{path}:{node.value.lineno} runs a shell")
