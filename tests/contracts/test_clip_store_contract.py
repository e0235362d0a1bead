"""What every `ClipStore` does, over a folder and over a bucket of a Cloud Storage stand-in."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.errors import PermanentError
from core.ports import ClipStore
from storage.clips import ObjectClipStore
from tests.storage.object_server import object_server

MEGABYTE = 1024 * 1024


@pytest.fixture(params=["folder", "bucket"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ClipStore]:
    """An empty store of each kind."""
    if request.param == "folder":
        yield ObjectClipStore(str(tmp_path / "kept clips"))
    else:
        async with object_server() as server:
            yield ObjectClipStore("gs://bucket/clips", storage_emulator=server.url)


def _file(folder: Path, size: int) -> Path:
    path = folder / "source.bin"
    with path.open("wb") as file:
        for start in range(0, size, MEGABYTE):
            file.write(bytes([start // MEGABYTE % 251]) * min(MEGABYTE, size - start))
    return path


async def test_what_is_kept_comes_back_byte_for_byte(store: ClipStore, tmp_path: Path) -> None:
    source = _file(tmp_path, 12 * MEGABYTE + 7)
    await store.put(source, "v12/clip.mp4")
    await store.get("v12/clip.mp4", tmp_path / "back.mp4")
    assert (tmp_path / "back.mp4").read_bytes() == source.read_bytes()
    assert await store.size("v12/clip.mp4") == 12 * MEGABYTE + 7
    assert not (tmp_path / "back.mp4.part").exists()


async def test_a_second_put_replaces_the_first(store: ClipStore, tmp_path: Path) -> None:
    await store.put(_file(tmp_path, 100), "v1/clip.mp4")
    await store.put(_file(tmp_path, 5), "v1/clip.mp4")
    assert await store.size("v1/clip.mp4") == 5


async def test_an_empty_file_is_kept_too(store: ClipStore, tmp_path: Path) -> None:
    await store.put(_file(tmp_path, 0), "v1/empty")
    await store.get("v1/empty", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b""


async def test_a_range_is_read_without_the_rest(store: ClipStore, tmp_path: Path) -> None:
    source = _file(tmp_path, 3 * MEGABYTE)
    await store.put(source, "v1/clip.mp4")
    for start, end in ((0, 1), (MEGABYTE - 3, 2 * MEGABYTE + 4), (5, 5), (3 * MEGABYTE - 2, 9 * MEGABYTE)):
        read = b"".join([chunk async for chunk in store.read("v1/clip.mp4", start, end)])
        assert read == source.read_bytes()[start:end]


async def test_what_is_not_there_is_said_so(store: ClipStore, tmp_path: Path) -> None:
    assert await store.size("v1/none.mp4") is None
    with pytest.raises(PermanentError, match=r"v1/none\.mp4"):
        await store.get("v1/none.mp4", tmp_path / "back")
    assert not (tmp_path / "back").exists()
    with pytest.raises(PermanentError):
        [chunk async for chunk in store.read("v1/none.mp4", 0, 10)]
    with pytest.raises(PermanentError):
        await store.put(tmp_path / "missing", "v1/clip.mp4")


async def test_delete_forgets_and_may_be_repeated(store: ClipStore, tmp_path: Path) -> None:
    await store.put(_file(tmp_path, 10), "v1/clip.mp4")
    await store.delete("v1/clip.mp4")
    await store.delete("v1/clip.mp4")
    assert await store.size("v1/clip.mp4") is None


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "../x", "v1/../../x", "v1//x", "v1/", ".hidden", "v1\\x", "v1/ä", "a\n"]
)
async def test_names_stay_inside_the_store(store: ClipStore, tmp_path: Path, name: str) -> None:
    with pytest.raises(PermanentError, match="not a name"):
        await store.put(_file(tmp_path, 1), name)
    with pytest.raises(PermanentError, match="not a name"):
        await store.get(name, tmp_path / "back")


async def test_a_large_file_streams(tmp_path: Path) -> None:
    store = ObjectClipStore(str(tmp_path / "kept"))
    source = _file(tmp_path, 40 * MEGABYTE)
    tracemalloc.start()
    try:
        await store.put(source, "v1/clip.mp4")
        await store.get("v1/clip.mp4", tmp_path / "back.mp4")
        async for _ in store.read("v1/clip.mp4", 0, 40 * MEGABYTE):
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * MEGABYTE
    assert (tmp_path / "back.mp4").stat().st_size == 40 * MEGABYTE
